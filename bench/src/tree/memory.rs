//! A tree in memory over rows in memory, without a store: what its root, its proofs and its memory are measured on.

use crate::measure::{Times, timed};
use rayon::prelude::*;
use sapwood_account_tree::hash::{value_hash, value_hashes};
use sapwood_account_tree::{Change, Key, Leaves, Mode, Tree, ValueHash};
use sapwood_bench_accounts::{LOADED, VALUE_LEN, choose, key, present_after, value};
use std::collections::BTreeMap;
use std::convert::Infallible;

/// Rows: those loaded, sorted, and those changed since.
pub(crate) struct Rows {
    loaded: Vec<(Key, ValueHash)>,
    changed: BTreeMap<Key, ValueHash>,
}

impl Rows {
    /// The peers' accounts below `count`, as they are loaded.
    pub(crate) fn loaded(count: u64) -> Self {
        let row = |number| (Key(key(number)), value_hash(&value(number, LOADED)));
        let mut loaded: Vec<_> = (0..count).into_par_iter().map(row).collect();
        loaded.par_sort_unstable();
        Self {
            loaded,
            changed: BTreeMap::new(),
        }
    }

    /// The tree of the loaded rows.
    pub(crate) fn tree(&self, mode: Mode) -> Tree {
        let tree = Tree::load(mode, self.loaded.len(), self.loaded.iter().copied());
        tree.expect("sorted, and no two numbers have the same hash")
    }

    /// The value hash with which an account was loaded.
    fn as_loaded(&self, key: &Key) -> Option<ValueHash> {
        let index = self.loaded.binary_search_by_key(key, |(key, _)| *key);
        index.ok().map(|index| self.loaded[index].1)
    }
}

impl Leaves for Rows {
    type Error = Infallible;

    fn below(&self, path: &Key, depth: usize) -> Result<Vec<(Key, ValueHash)>, Infallible> {
        let range = path.below(depth);
        let from = self.loaded.partition_point(|(key, _)| key < range.start());
        let loaded = self.loaded[from..].iter();
        let loaded = loaded.take_while(|(key, _)| key <= range.end()).copied();
        let changed = self.changed.range(range.clone());
        let changed: Vec<_> = changed.map(|(key, hash)| (*key, *hash)).collect();
        if changed.is_empty() {
            return Ok(loaded.collect());
        }
        let mut rows: BTreeMap<_, _> = loaded.collect();
        rows.extend(changed);
        Ok(rows.into_iter().collect())
    }
}

/// One account of a block: whether it was there, and its new value.
pub(crate) struct Update {
    key: Key,
    existed: bool,
    value: [u8; VALUE_LEN],
}

/// The block that the peers make of the same numbers, by rising key.
pub(crate) fn updates(present: u64, count: u64, seed: u64) -> Vec<Update> {
    let old = choose(present, count / 2, seed).expect("fewer than are present");
    let numbers: Vec<u64> = old
        .into_iter()
        .chain(present..present_after(present, count))
        .collect();
    let update = |number| Update {
        key: Key(key(number)),
        existed: number < present,
        value: value(number, seed),
    };
    let mut updates: Vec<_> = numbers.into_par_iter().map(update).collect();
    updates.par_sort_unstable_by_key(|update| update.key);
    updates
}

/// Hashes the values, plans and commits; then, uncounted, notes the rows.
pub(crate) fn apply(tree: &mut Tree, rows: &mut Rows, updates: &[Update]) -> Times {
    let values: Vec<&[u8]> = updates.iter().map(|update| &update.value[..]).collect();
    let (hashes, times) = timed(|| {
        let hashes = value_hashes(&values);
        let batch: Vec<Change> = updates
            .iter()
            .zip(&hashes)
            .map(|(update, hash)| Change {
                key: update.key,
                existed: update.existed,
                new: Some(*hash),
            })
            .collect();
        let plan = tree.plan(&batch, rows).expect("the rows are the tree's");
        tree.commit(plan);
        hashes
    });
    let keys = updates.iter().map(|update| update.key);
    rows.changed.extend(keys.zip(hashes));
    times
}

/// Takes the only block since loading back, which is not measured.
pub(crate) fn take_back(tree: &mut Tree, rows: &mut Rows, updates: &[Update]) {
    let batch: Vec<Change> = updates
        .iter()
        .map(|update| Change {
            key: update.key,
            existed: true,
            new: rows.as_loaded(&update.key),
        })
        .collect();
    let plan = tree.plan(&batch, rows).expect("the rows are the tree's");
    tree.commit(plan);
    rows.changed.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_modes_come_to_the_root_of_the_same_rows() {
        let mut rows = Rows::loaded(3_000);
        let mut trees = [Mode::Fast, Mode::Lean].map(|mode| rows.tree(mode));
        assert_eq!(trees[1].root(), trees[0].root());
        let mut present = 3_000;
        for seed in 1..4 {
            let updates = updates(present, 500, seed);
            let kept = rows.changed.clone();
            apply(&mut trees[0], &mut rows, &updates);
            rows.changed = kept;
            apply(&mut trees[1], &mut rows, &updates);
            present = present_after(present, 500);
        }
        let all: BTreeMap<_, _> = rows
            .below(&Key([0; 32]), 0)
            .unwrap_or_default()
            .into_iter()
            .collect();
        assert_eq!(all.len(), 3_750);
        let anew = Tree::load(Mode::Fast, all.len(), all).map(|tree| tree.root());
        assert_eq!(anew, Ok(trees[0].root()));
        assert_eq!(trees[1].root(), trees[0].root());
    }

    #[test]
    fn a_block_can_be_taken_back() {
        let mut rows = Rows::loaded(3_000);
        for mode in [Mode::Fast, Mode::Lean] {
            let mut tree = rows.tree(mode);
            let loaded = tree.root();
            let updates = updates(3_000, 500, 1);
            apply(&mut tree, &mut rows, &updates);
            assert_ne!(tree.root(), loaded);
            assert_eq!(tree.len(), 3_250);
            take_back(&mut tree, &mut rows, &updates);
            assert_eq!((tree.root(), tree.len()), (loaded, 3_000));
        }
    }
}
