//! Pending transactions in the order in which a block wants them.

use super::queue::Queue;
use super::rate::Rate;
use sapwood_primitives::chain::{MAX_COMMITS, MAX_REGISTRATIONS};
use sapwood_primitives::{AccountId, Action, Transaction};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Transactions that are given out for one block: several times what fits into one, so that those which do not apply together leave no hole, and few enough to try in a moment.
pub(super) const MAX_CANDIDATES: usize = 8_192;

/// Gives out transactions, best rate first; of one account in nonce order, of equal rates the earlier one first.
///
/// Of the actions that a block holds few of (specs/05 §6) no more are given out than fit. Otherwise whoever pays a little above the going rate for many of them would take the places of what a block has room
/// for. What is left out takes the sender's later ones with it, which cannot come without it.
pub struct Candidates<'p> {
    queues: &'p BTreeMap<AccountId, Queue>,
    heads: BinaryHeap<Head>,
    left: usize,
    scarce: Scarce,
}

/// The next of a queue: its rate, its arrival, whose it is, and its place.
type Head = (Rate, Reverse<u64>, AccountId, usize);

impl<'p> Candidates<'p> {
    pub(super) fn new(queues: &'p BTreeMap<AccountId, Queue>) -> Self {
        let heads = queues
            .iter()
            .filter_map(|(account, queue)| head(queue, 0, account));
        Self {
            queues,
            heads: heads.collect(),
            left: MAX_CANDIDATES,
            scarce: Scarce {
                commits: MAX_COMMITS,
                registrations: MAX_REGISTRATIONS,
            },
        }
    }
}

fn head(queue: &Queue, index: usize, account: &AccountId) -> Option<Head> {
    let entry = queue.entries.get(index)?;
    Some((entry.rate(), Reverse(entry.arrival), *account, index))
}

impl<'p> Iterator for Candidates<'p> {
    type Item = &'p Transaction;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        loop {
            let (_, _, account, index) = self.heads.pop()?;
            let queue = &self.queues[&account];
            let transaction = &queue.entries[index].transaction;
            let Some(rest) = self.scarce.without(transaction) else {
                continue;
            };
            self.scarce = rest;
            self.heads.extend(head(queue, index + 1, &account));
            return Some(transaction);
        }
    }
}

/// Actions of the kinds that a block holds few of, which still fit.
#[derive(Clone, Copy)]
struct Scarce {
    commits: usize,
    registrations: usize,
}

impl Scarce {
    /// What is left when a transaction is in; none if it does not fit.
    fn without(self, transaction: &Transaction) -> Option<Self> {
        let actions = &transaction.body.actions;
        let count = |wanted: fn(&Action) -> bool| actions.iter().filter(wanted).count();
        let commits = count(|action| matches!(action, Action::NameCommit { .. }));
        let reveals = count(|action| matches!(action, Action::NameReveal { .. }));
        Some(Self {
            commits: self.commits.checked_sub(commits)?,
            registrations: self.registrations.checked_sub(reveals)?,
        })
    }
}
