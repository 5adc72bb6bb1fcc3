//! Trying transactions on a draft of the next block, and what a replacement must pay.

use super::queue::{Entry, Queue};
use super::refused::Refused;
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{Amount, Hash, Height, Leaf};
use sapwood_runtime::{Draft, State, TxFailure, Unreadable};

/// The least fee for `bytes` bytes to replace `old`: a quarter more, at no lower rate.
pub(super) fn replacement_fee(old: &Entry, bytes: usize) -> Amount {
    let fee = old.transaction.body.fee.drops();
    let quarter_more = fee.saturating_add(fee.div_ceil(4));
    let least = quarter_more.max(old.rate().fee_for(bytes));
    Amount::from_drops(least).unwrap_or(Amount::SUPPLY)
}

/// The nonce of the account under a key, if there is one.
pub(super) fn account_nonce<S: State>(state: &S, key: &Hash) -> Result<Option<u64>, Unreadable> {
    Ok(match state.leaf(key)? {
        Some(Leaf::Account(account)) => Some(account.nonce),
        _ => None,
    })
}

/// Drops from a queue what was included or no longer applies.
pub(super) fn revalidate<S: State>(
    rules: &Consensus,
    state: &S,
    next: Height,
    queue: &mut Queue,
) -> Result<(), Unreadable> {
    let nonce = account_nonce(state, &queue.key)?.unwrap_or(u64::MAX);
    queue.entries.retain(|entry| entry.nonce() >= nonce);
    match apply(rules, state, next, queue, 0) {
        Err(Refused::State(unreadable)) => Err(unreadable),
        _ => Ok(()),
    }
}

/// Applies a queue in order to a draft of the block of height `next`. Entries from the first that fails on are dropped, but the first `needed` must not fail.
pub(super) fn apply<S: State>(
    rules: &Consensus,
    state: &S,
    next: Height,
    queue: &mut Queue,
    needed: usize,
) -> Result<(), Refused> {
    let mut draft = Draft::at(rules, state, next)?;
    for index in 0..queue.entries.len() {
        match draft.apply_transaction(&queue.entries[index].transaction) {
            Ok(()) => {}
            Err(TxFailure::Invalid(_)) if index >= needed => {
                queue.entries.truncate(index);
                break;
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(())
}
