//! The pending transactions of one account, in nonce order.

use super::rate::Rate;
use parity_scale_codec::Encode;
use sapwood_primitives::leaf::key;
use sapwood_primitives::{AccountId, Hash, Height, Transaction, TxId};

/// A pending transaction with what is asked of it often.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) transaction: Transaction,
    pub(super) id: TxId,
    /// Encoded length.
    pub(super) bytes: usize,
    /// Counts up over all transactions; the earlier one wins where fees are equal.
    pub(super) arrival: u64,
}

impl Entry {
    pub(super) fn new(transaction: Transaction, arrival: u64) -> Self {
        Self {
            id: transaction.txid(),
            bytes: transaction.encoded_size(),
            transaction,
            arrival,
        }
    }

    pub(super) fn nonce(&self) -> u64 {
        self.transaction.body.nonce
    }

    pub(super) fn rate(&self) -> Rate {
        Rate::of(self.transaction.body.fee, self.bytes)
    }
}

/// An account's entries by rising nonce, without gaps except while a reorg is worked in.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    /// Key of the account's leaf, by which a block's changes name it.
    pub(super) key: Hash,
    pub(super) entries: Vec<Entry>,
}

impl Queue {
    pub(super) fn new(account: &AccountId) -> Self {
        Self {
            key: key::account(account),
            entries: Vec::new(),
        }
    }

    /// Where an entry with this nonce is, or would be put in.
    pub(super) fn find(&self, nonce: u64) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&nonce, Entry::nonce)
    }

    /// The nonce after the last.
    pub(super) fn next_nonce(&self) -> Option<u64> {
        self.entries
            .last()
            .map(|entry| entry.nonce().saturating_add(1))
    }

    /// The end of the queue that pays least for its bytes, as its rate and where it begins, among the first `len` entries.
    ///
    /// Ends are weighed whole, since what comes later cannot be mined without what comes before: a dear last transaction does not shelter cheap ones, and a cheap
    /// one takes along what depends on it.
    pub(super) fn weakest(&self, len: usize) -> Option<(Rate, usize)> {
        let mut end: Option<Rate> = None;
        let mut weakest: Option<(Rate, usize)> = None;
        for (index, entry) in self.entries.iter().enumerate().take(len).rev() {
            let rate = end.map_or(entry.rate(), |end| entry.rate().with(end));
            end = Some(rate);
            if weakest.is_none_or(|(least, _)| rate < least) {
                weakest = Some((rate, index));
            }
        }
        weakest
    }

    /// How many entries from the front can still be included at `height` or later.
    pub(super) fn unexpired(&self, height: Height) -> usize {
        let expired = |entry: &Entry| entry.transaction.body.valid_until < height;
        let first = self.entries.iter().position(expired);
        first.unwrap_or(self.entries.len())
    }
}
