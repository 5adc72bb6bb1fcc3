//! Transactions that wait for a block.
//!
//! [`Mempool`] is a plain value: it has no lock, no clock and no state of its own. Whoever owns it passes the state after the tip and the height of the next block. A
//! transaction is taken when it would apply in that block after the sender's earlier ones ([`Mempool::admit`]), so what is pending can be mined, except where two
//! accounts want the same thing; the block maker leaves the loser out and later tips drop it.
//!
//! Everything is bounded ([`Limits`]). When the pool is full, the queue ends that pay least for their bytes make room for what pays more ([`Rate`]).
//! Follows specs/05 §3; the bounds and the replacement rule are policy, not consensus.

mod candidates;
mod queue;
mod rate;
mod refused;
mod room;
#[cfg(test)]
mod tests;
mod trial;

pub use candidates::Candidates;
pub use rate::Rate;
pub use refused::Refused;

use queue::{Entry, Queue};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{AccountId, BlockId, Chain, Hash, Height, Transaction, TxId};
use sapwood_runtime::{State, TxInvalid, Unreadable, check_transaction};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use trial::{account_nonce, apply, replacement_fee, revalidate};

/// Accounts that a new tip looks at again although nothing touched them, in turns: enough that losers of a race between accounts do not stay, few enough not to delay
/// the next block.
const ROTATION: usize = 256;

/// How much may be pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all transactions, encoded.
    pub bytes: usize,
    /// Number of all transactions.
    pub count: usize,
    /// Transactions of one account: what a simulation at admission has to repeat.
    pub per_account: usize,
}

impl Default for Limits {
    /// A hundred blocks' worth, and what a wallet sends in a row.
    fn default() -> Self {
        Self {
            bytes: 32 << 20,
            count: 20_000,
            per_account: 16,
        }
    }
}

/// What became of a valid transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is pending now.
    Accepted(TxId),
    /// It was pending before.
    Known(TxId),
}

/// Which accounts a new tip may have changed.
#[derive(Clone, Copy, Debug)]
pub enum Touched<'a> {
    /// Those under these keys of the tree, which rise.
    Keys(&'a [Hash]),
    /// Any: blocks were taken back.
    All,
}

/// What there is, for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Transactions pending.
    pub count: usize,
    /// Their bytes.
    pub bytes: usize,
    /// The bounds.
    pub limits: Limits,
    /// The rate that goes first when room is needed.
    pub least: Option<Rate>,
}

/// The pending transactions.
#[derive(Debug, Default)]
pub struct Mempool {
    limits: Limits,
    queues: BTreeMap<AccountId, Queue>,
    ids: HashMap<TxId, (AccountId, u64)>,
    /// For each queue the rate of its weakest end, so that the least of all is at hand.
    weakest: BTreeSet<(Rate, AccountId)>,
    bytes: usize,
    arrivals: u64,
    /// Where the next turn of the rotation begins.
    rotation: AccountId,
}

impl Mempool {
    /// An empty pool.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes a transaction if it would apply in the block of height `next`, on top of `state` and the sender's earlier pending ones.
    ///
    /// One with the nonce of a pending one replaces it, for a fee that is a quarter higher and a rate that is not lower; later ones stay as far as they still apply.
    ///
    /// # Errors
    /// [`Refused`]; the pool is as it was.
    pub fn admit<S: State>(
        &mut self,
        chain: &Chain,
        genesis: &BlockId,
        state: &S,
        next: Height,
        transaction: Transaction,
    ) -> Result<Admission, Refused> {
        let entry = Entry::new(transaction, self.arrivals);
        if self.ids.contains_key(&entry.id) {
            return Ok(Admission::Known(entry.id));
        }
        check_transaction(chain, genesis, &entry.transaction)?;
        let sender = entry.transaction.body.sender;
        let mut queue = match self.queues.get(&sender) {
            Some(queue) => queue.clone(),
            None => Queue::new(&sender),
        };
        let index = self.place(state, &queue, &entry)?;
        let id = entry.id;
        if index < queue.entries.len() {
            queue.entries[index] = entry;
        } else {
            queue.entries.push(entry);
        }
        apply(&chain.consensus, state, next, &mut queue, index + 1)?;
        let evictions = self.room_for(&sender, &queue, index)?;
        for (account, len) in evictions {
            self.cut(&account, len);
        }
        self.put(sender, queue);
        self.arrivals += 1;
        Ok(Admission::Accepted(id))
    }

    /// Where in its sender's queue an entry goes: on the place of one with its nonce, or at the end.
    fn place<S: State>(&self, state: &S, queue: &Queue, entry: &Entry) -> Result<usize, Refused> {
        let Some(nonce) = account_nonce(state, &queue.key)? else {
            return Err(TxInvalid::NoAccount.into());
        };
        if entry.nonce() < nonce {
            return Err(TxInvalid::NonceUsed { expected: nonce }.into());
        }
        if let Ok(index) = queue.find(entry.nonce()) {
            let least = replacement_fee(&queue.entries[index], entry.bytes);
            return match entry.transaction.body.fee >= least {
                true => Ok(index),
                false => Err(Refused::Replacement { least }),
            };
        }
        let expected = queue.next_nonce().unwrap_or(nonce);
        if entry.nonce() != expected {
            return Err(TxInvalid::NonceGap { expected }.into());
        }
        let limit = self.limits.per_account;
        match queue.entries.len() < limit {
            true => Ok(queue.entries.len()),
            false => Err(Refused::AccountFull { limit }),
        }
    }

    /// Brings the pool to a new tip, on which the next block has height `next`: what was included or can no longer be is dropped, what was taken back comes again.
    ///
    /// # Errors
    /// [`Unreadable`]; then some accounts were not looked at, and what is pending may include what cannot be mined.
    pub fn on_new_tip<S: State>(
        &mut self,
        rules: &Consensus,
        state: &S,
        next: Height,
        touched: Touched<'_>,
        reverted: impl IntoIterator<Item = Transaction>,
    ) -> Result<(), Unreadable> {
        for transaction in reverted {
            self.put_back(transaction);
        }
        let stale: Vec<AccountId> = match touched {
            Touched::All => self.queues.keys().copied().collect(),
            Touched::Keys(keys) => {
                let hit = |queue: &Queue| {
                    keys.binary_search(&queue.key).is_ok()
                        || queue.unexpired(next) < queue.entries.len()
                };
                let hit = self.queues.iter().filter(|(_, queue)| hit(queue));
                let hit: BTreeSet<AccountId> = hit.map(|(account, _)| *account).collect();
                hit.into_iter().chain(self.next_in_rotation()).collect()
            }
        };
        for account in stale {
            if let Some(mut queue) = self.queues.get(&account).cloned() {
                revalidate(rules, state, next, &mut queue)?;
                self.put(account, queue);
            }
        }
        Ok(())
    }

    /// The accounts whose turn it is to be looked at again.
    fn next_in_rotation(&mut self) -> Vec<AccountId> {
        let after = (Bound::Excluded(self.rotation), Bound::Unbounded);
        let turn: Vec<_> = self
            .queues
            .range(after)
            .take(ROTATION)
            .map(|(account, _)| *account)
            .collect();
        self.rotation = match turn.len() < ROTATION {
            true => AccountId::default(),
            false => turn.last().copied().unwrap_or_default(),
        };
        turn
    }

    /// Puts a transaction of a block that was taken back into its queue, unchecked: the signature was checked, and the state is looked at when all are back.
    fn put_back(&mut self, transaction: Transaction) {
        let entry = Entry::new(transaction, self.arrivals);
        self.arrivals += 1;
        let sender = entry.transaction.body.sender;
        let mut queue = match self.queues.get(&sender) {
            Some(queue) => queue.clone(),
            None => Queue::new(&sender),
        };
        if let Err(index) = queue.find(entry.nonce()) {
            queue.entries.insert(index, entry);
        }
        queue.entries.truncate(self.limits.per_account);
        self.put(sender, queue);
        while self.bytes > self.limits.bytes || self.ids.len() > self.limits.count {
            let (_, account) = *self
                .weakest
                .first()
                .expect("a pool above its bounds is not empty");
            let (_, from) = self.queues[&account]
                .weakest(usize::MAX)
                .expect("a queue in the index is not empty");
            self.cut(&account, from);
        }
    }

    /// What the next block may be filled with, best rate first, as long as it is asked for ([`Candidates`]).
    pub fn candidates(&self) -> Candidates<'_> {
        Candidates::new(&self.queues)
    }

    /// A pending transaction.
    pub fn get(&self, id: &TxId) -> Option<&Transaction> {
        let (account, nonce) = self.ids.get(id)?;
        let queue = self.queues.get(account)?;
        let index = queue.find(*nonce).ok()?;
        Some(&queue.entries[index].transaction)
    }

    /// Numbers and bounds.
    pub fn info(&self) -> Info {
        Info {
            count: self.ids.len(),
            bytes: self.bytes,
            limits: self.limits,
            least: self.weakest.first().map(|(rate, _)| *rate),
        }
    }

    /// Shortens a queue to its first `len` entries.
    fn cut(&mut self, account: &AccountId, len: usize) {
        if let Some(mut queue) = self.queues.get(account).cloned() {
            queue.entries.truncate(len);
            self.put(*account, queue);
        }
    }

    /// Replaces an account's queue: the one place that keeps ids, bytes and rates in step with the queues.
    fn put(&mut self, account: AccountId, queue: Queue) {
        if let Some(old) = self.queues.remove(&account) {
            if let Some((rate, _)) = old.weakest(usize::MAX) {
                self.weakest.remove(&(rate, account));
            }
            for entry in &old.entries {
                self.ids.remove(&entry.id);
                self.bytes -= entry.bytes;
            }
        }
        let Some((rate, _)) = queue.weakest(usize::MAX) else {
            return;
        };
        self.weakest.insert((rate, account));
        for entry in &queue.entries {
            self.ids.insert(entry.id, (account, entry.nonce()));
            self.bytes += entry.bytes;
        }
        self.queues.insert(account, queue);
    }
}
