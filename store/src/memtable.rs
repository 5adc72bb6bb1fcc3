//! What differs from the checkpoint: every row that was written since, whatever its value is now, and the index entries that came and went.
//!
//! A row that a reorg brought back to its old value stays here too, because a checkpoint may be under way that holds the value in between.

use crate::index::IndexRow;
use crate::step::Move;
use rayon::prelude::*;
use sapwood_primitives::{Hash, Height, Name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The encoded leaf of a row, shared by all that know it.
pub type Row = Arc<[u8]>;

/// Rows and index entries beside those of a checkpoint.
#[derive(Debug, Default)]
pub(crate) struct Memtable {
    pub(crate) rows: Rows,
    /// Whether the entry is there now.
    pub(crate) due: BTreeMap<(Height, Hash), bool>,
    /// Whether the entry is there now.
    pub(crate) names: BTreeMap<Name, bool>,
}

/// Rows as they are now; none where one went. They are shared out by the first bits of their keys, so that many are put in by several threads.
#[derive(Debug)]
pub(crate) struct Rows {
    shares: Vec<BTreeMap<Hash, Option<Row>>>,
    len: usize,
}

/// Shares, by the first six bits of a key.
const SHARES: usize = 64;

/// Moves below this number are made by one thread: to hand them out would cost more than it saves.
const PARALLEL: usize = 1_000;

fn share_of(key: &Hash) -> usize {
    usize::from(key.0[0] >> 2)
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            shares: vec![BTreeMap::new(); SHARES],
            len: 0,
        }
    }
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The row under a key, if it is known here.
    pub(crate) fn get(&self, key: &Hash) -> Option<&Option<Row>> {
        self.shares[share_of(key)].get(key)
    }

    /// All rows, by rising key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Hash, &Option<Row>)> {
        self.shares.iter().flatten()
    }

    /// The rows from one key to another, both included, by rising key.
    pub(crate) fn between(
        &self,
        first: Hash,
        last: Hash,
    ) -> impl Iterator<Item = (&Hash, &Option<Row>)> {
        let shares = &self.shares[share_of(&first)..=share_of(&last)];
        shares
            .iter()
            .flat_map(move |share| share.range(first..=last))
    }

    /// Puts the new rows of moves in, which stand by rising key, and gives the rows as they were. Of two equal rows the one in the table stays, so that it is in memory once.
    pub(crate) fn apply(&mut self, mut moves: Vec<Move>) -> Vec<(Hash, Option<Row>)> {
        let threads_pay = moves.len() >= PARALLEL;
        let mut rest = &mut moves[..];
        let mut work = Vec::with_capacity(SHARES);
        for (index, share) in self.shares.iter_mut().enumerate() {
            let (mine, after) =
                rest.split_at_mut(rest.partition_point(|row| share_of(&row.key) <= index));
            rest = after;
            work.push((share, mine));
        }
        let put = |(share, moves): (&mut BTreeMap<_, _>, &mut [Move])| {
            let before = share.len();
            for row in moves {
                if let Some(known) = share.insert(row.key, row.new.take()) {
                    row.old = known;
                }
            }
            share.len() - before
        };
        self.len += match threads_pay {
            true => work.into_par_iter().map(put).sum::<usize>(),
            false => work.into_iter().map(put).sum(),
        };
        moves.into_iter().map(|row| (row.key, row.old)).collect()
    }
}

impl Memtable {
    /// Notes that an index entry came (`true`) or went.
    pub(crate) fn set_index(&mut self, row: IndexRow, there: bool) {
        match row {
            IndexRow::Due(height, key) => self.due.insert((height, key), there),
            IndexRow::Name(name) => self.names.insert(name, there),
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use proptest::prelude::*;

    /// Keys of a few shares, some of them next to each other.
    fn key() -> impl Strategy<Value = Hash> {
        (any::<u8>(), 0..4u8).prop_map(|(share, low)| {
            let mut key = [0; 32];
            (key[0], key[31]) = (share, low);
            Hash(key)
        })
    }

    fn row() -> impl Strategy<Value = Option<Row>> {
        proptest::option::of((0..9u8).prop_map(|n| Row::from([n].as_slice())))
    }

    proptest! {
        #[test]
        fn rows_are_those_of_one_table(
            batches in proptest::collection::vec(proptest::collection::btree_map(key(), row(), 0..40), 1..8),
            copies in 1..80usize,
            (a, b) in (key(), key()),
        ) {
            let (mut rows, mut model) = (Rows::default(), BTreeMap::new());
            for batch in batches {
                // Longer batches are shared out among threads.
                let batch: BTreeMap<Hash, Option<Row>> = batch.iter().flat_map(|(key, row)| (0..copies).map(|copy| {
                    let mut key = *key;
                    key.0[20] = copy as u8;
                    (key, row.clone())
                })).collect();
                let moves = batch.iter().map(|(key, new)| Move { key: *key, old: None, new: new.clone() });
                let before = rows.apply(moves.collect());
                let expected: Vec<_> = batch.into_iter().map(|(key, new)| (key, model.insert(key, new).flatten())).collect();
                prop_assert_eq!(before, expected);
            }
            prop_assert_eq!(rows.len(), model.len());
            prop_assert_eq!(rows.is_empty(), model.is_empty());
            prop_assert!(rows.iter().eq(model.iter()));
            let (first, last) = (a.min(b), a.max(b));
            prop_assert!(rows.between(first, last).eq(model.range(first..=last)));
            prop_assert_eq!(rows.get(&a), model.get(&a));
        }
    }
}
