//! The accounts of the peers as leaves of Sapwood's state: the same numbers, drawn by the same seeds, and rows as long as theirs.
//!
//! A peer stores 200 bytes that look random under the hash of a number. Here the hash is the account's id, from which its key follows, and a record with as many of those bytes
//! as fit makes the encoded leaf 200 bytes long.

use parity_scale_codec::Encode;
use rayon::prelude::*;
use sapwood_bench_accounts::{LOADED, choose, key, present_after, value};
use sapwood_primitives::leaf::Account;
use sapwood_primitives::records::{Entry, Records};
use sapwood_primitives::{AccountId, Amount, Hash, Height, Leaf};
use sapwood_runtime::{Changes, Undo, UndoEntry};
use std::collections::HashMap;

/// Drops of each account: so few that the supply suffices for all.
pub(crate) const BALANCE: u64 = 1_000_000;

/// Bytes of the record's data: what is left of 200 beside the account's other fields.
const RECORD: usize = 129;

/// A type from the private-use range, whose data nobody looks into.
const RECORD_TYPE: u16 = 65_280;

/// The id of account `number`.
pub(crate) fn id(number: u64) -> AccountId {
    AccountId(key(number))
}

/// Account `number` in `version`, which decides its nonce and its record.
pub(crate) fn leaf(number: u64, version: u64) -> Leaf {
    let bytes = value(number, version);
    let (nonce, rest) = bytes.split_first_chunk().expect("200 bytes");
    let balance = Amount::from_drops(BALANCE).expect("below the supply");
    let entry = Entry {
        owner: vec![0],
        rtype: RECORD_TYPE,
        ttl: 3_600,
        rdata: rest[..RECORD].to_vec(),
    };
    let records = Records::from_entries(vec![entry]).expect("a short record");
    let account = Account::new(id(number), balance, Height::GENESIS);
    Leaf::Account(Box::new(Account {
        nonce: u64::from_le_bytes(*nonce),
        records,
        ..account
    }))
}

/// All that a block does to the state, as its application hands it over, and the rows that it writes.
pub(crate) struct Block {
    pub(crate) changes: Changes,
    pub(crate) undo: Undo,
    /// The new rows one after the other: the block's bytes, so that the log takes as much as it does of a block that brings them.
    pub(crate) bytes: Vec<u8>,
    /// Of its accounts the ones that it changed before, with the version before.
    before: Vec<(u64, Option<u64>)>,
    count: u64,
}

/// Which accounts there are, and in which version.
pub(crate) struct Accounts {
    present: u64,
    /// Of those that are no longer as they were loaded.
    versions: HashMap<u64, u64>,
}

impl Accounts {
    /// The accounts below `present`, as they were loaded.
    pub(crate) fn loaded(present: u64) -> Self {
        Self {
            present,
            versions: HashMap::new(),
        }
    }

    /// Makes the block of `count` accounts that `seed` chooses, half of them new, and goes to the state after it.
    pub(crate) fn block(&mut self, count: u64, seed: u64) -> Block {
        let old = choose(self.present, count / 2, seed).expect("fewer than are present");
        let after = present_after(self.present, count);
        let numbers: Vec<u64> = old.into_iter().chain(self.present..after).collect();
        let update = |&number: &u64| {
            let version = self.versions.get(&number).copied().unwrap_or(LOADED);
            let old = (number < self.present).then(|| leaf(number, version));
            (number, leaf(number, seed), old)
        };
        let mut updates: Vec<_> = numbers
            .par_iter()
            .map(update)
            .map(|(number, new, old)| (new.key(), number, new, old))
            .collect();
        updates.par_sort_unstable_by_key(|(key, ..)| *key);
        let mut block = Block {
            changes: Vec::with_capacity(updates.len()),
            undo: Undo::default(),
            bytes: Vec::new(),
            before: Vec::with_capacity(updates.len()),
            count,
        };
        let mut undo = Vec::with_capacity(updates.len());
        for (key, number, new, old) in updates {
            new.encode_to(&mut block.bytes);
            block.changes.push((key, Some(new)));
            undo.push(UndoEntry { key, old });
            let before = self.versions.insert(number, seed);
            block.before.push((number, before));
        }
        block.undo = Undo::new(undo);
        self.present = after;
        block
    }

    /// Takes the last block back.
    pub(crate) fn take_back(&mut self, block: &Block) {
        self.present -= block.count - block.count / 2;
        for (number, before) in &block.before {
            match before {
                Some(version) => self.versions.insert(*number, *version),
                None => self.versions.remove(number),
            };
        }
    }
}

/// The accounts below `count` as they were loaded, by rising key: number and key.
pub(crate) fn sorted(count: u64) -> Vec<(Hash, u64)> {
    let keyed = |number| (sapwood_primitives::leaf::key::account(&id(number)), number);
    let mut keys: Vec<_> = (0..count).into_par_iter().map(keyed).collect();
    keys.par_sort_unstable();
    keys
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use parity_scale_codec::DecodeAll;
    use sapwood_bench_accounts::VALUE_LEN;
    use std::collections::BTreeMap;

    #[test]
    fn a_row_is_as_long_as_a_peers_value() {
        for (number, version) in [(0, LOADED), (1, 7), (20_000_000, 3)] {
            let row = leaf(number, version).encode();
            assert_eq!(row.len(), VALUE_LEN);
            assert_eq!(Leaf::decode_all(&mut &*row).unwrap(), leaf(number, version));
        }
        assert_ne!(leaf(5, 1), leaf(5, 2));
    }

    #[test]
    fn blocks_know_what_they_replace_and_can_be_taken_back() {
        let mut state: BTreeMap<Hash, Leaf> = sorted(100)
            .into_iter()
            .map(|(key, number)| (key, leaf(number, LOADED)))
            .collect();
        let mut accounts = Accounts::loaded(100);
        let mut blocks = Vec::new();
        for seed in 1..5 {
            let before = state.clone();
            let block = accounts.block(41, seed);
            assert!(block.changes.is_sorted_by(|(a, _), (b, _)| a < b));
            for ((key, new), entry) in block.changes.iter().zip(block.undo.entries()) {
                assert_eq!((*key, state.get(key)), (entry.key, entry.old.as_ref()));
                state.insert(*key, new.clone().unwrap());
            }
            blocks.push((before, block));
        }
        assert_eq!(state.len(), 100 + 4 * 21);
        let (before, last) = blocks.pop().unwrap();
        accounts.take_back(&last);
        let again = accounts.block(41, 4);
        assert_eq!((&again.changes, &again.undo), (&last.changes, &last.undo));
        for entry in again.undo.entries() {
            match &entry.old {
                Some(leaf) => state.insert(entry.key, leaf.clone()),
                None => state.remove(&entry.key),
            };
        }
        assert_eq!(state, before);
    }
}
