//! Who makes room when the pool is full.

use super::queue::Queue;
use super::{Mempool, Refused};
use sapwood_primitives::AccountId;
use std::collections::{BTreeMap, BTreeSet};

/// Ends of queues that go to make room: for each account how many entries stay.
pub(super) type Evictions = BTreeMap<AccountId, usize>;

impl Mempool {
    /// Which other ends must go so that `queue` can take the place of `sender`'s present one. The entry at `index` is the one that pays for it.
    pub(super) fn room_for(
        &self,
        sender: &AccountId,
        queue: &Queue,
        index: usize,
    ) -> Result<Evictions, Refused> {
        let newcomer = &queue.entries[index];
        let before = self.queues.get(sender).map_or((0, 0), size);
        let after = size(queue);
        let mut bytes = self.bytes - before.0 + after.0;
        let mut count = self.ids.len() - before.1 + after.1;
        let mut evictions = Evictions::new();
        let mut next_ends = BTreeSet::new();
        let mut ends = self
            .weakest
            .iter()
            .filter(|(_, account)| account != sender)
            .peekable();
        while bytes > self.limits.bytes || count > self.limits.count {
            // The rest of a queue that was cut already may have the next weakest end.
            let cut_again = match (ends.peek(), next_ends.first()) {
                (Some(end), Some(again)) => again < *end,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            let end = match cut_again {
                true => next_ends.pop_first(),
                false => ends.next().copied(),
            };
            let Some((rate, account)) = end.filter(|(rate, _)| *rate < newcomer.rate()) else {
                let above = end.map_or(u64::MAX, |(rate, _)| rate.fee_for(newcomer.bytes));
                return Err(Refused::Full { above });
            };
            let victim = &self.queues[&account];
            let len = evictions
                .get(&account)
                .copied()
                .unwrap_or(victim.entries.len());
            let (_, from) = victim
                .weakest(len)
                .expect("a queue in the index is not empty");
            debug_assert!(victim.weakest(len).is_some_and(|(least, _)| least == rate));
            bytes -= victim.entries[from..len]
                .iter()
                .map(|entry| entry.bytes)
                .sum::<usize>();
            count -= len - from;
            evictions.insert(account, from);
            next_ends.extend(victim.weakest(from).map(|(rate, _)| (rate, account)));
        }
        Ok(evictions)
    }
}

/// Bytes and number of a queue's entries.
fn size(queue: &Queue) -> (usize, usize) {
    let bytes = queue.entries.iter().map(|entry| entry.bytes).sum();
    (bytes, queue.entries.len())
}
