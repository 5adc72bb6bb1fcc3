//! Loading the tree from the checkpoint: every row is read, checked and put into the tree, and the whole is compared with what the checkpoint's header names.
//!
//! This finds rot in the rows (the state root) and in the indexes (a tally). Blocks, undo records and headers are checked when they are used.

use crate::checkpoint::{self, Base};
use crate::contained::contained;
use crate::failed::StorageFailed;
use crate::index::{IndexRow, index_rows};
use crate::runs::{Rows, RunFault, Why};
use rayon::prelude::*;
use sapwood_account_tree::{Key, Mode, Tree, ValueHash, hash::value_hashes};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{Amount, Hash, Leaf, codec};
use std::hash::{DefaultHasher, Hash as _, Hasher};

/// Rows that are checked at once while the next ones are read: enough to keep all cores busy, and about two megabytes.
const CHUNK: usize = 8_192;

/// What is said of a file on which redb panicked.
pub(crate) const CONTRADICTION: &str = "its pages contradict each other";

/// Why a stored state is not used.
#[derive(Debug)]
pub(crate) enum Unfit {
    Damaged {
        /// Name of the file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    Failed(StorageFailed),
}

impl From<RunFault> for Unfit {
    fn from(fault: RunFault) -> Self {
        match fault.why {
            Why::Damaged(reason) => Self::Damaged {
                reason: format!("at byte {}: {reason}", fault.offset),
                file: fault.file,
            },
            Why::Io(_) => Self::Failed(fault.into()),
        }
    }
}

impl From<StorageFailed> for Unfit {
    fn from(failed: StorageFailed) -> Self {
        Self::Failed(failed)
    }
}

/// The tree over a checkpoint's rows. All of them are checked.
pub(crate) fn load(rules: &Consensus, base: &Base, mode: Mode) -> Result<Tree, Unfit> {
    // redb can panic on a damaged file. Nothing is being written, and after a panic the store is not used any more.
    contained(|| load_checked(rules, base, mode)).unwrap_or_else(|| damaged(CONTRADICTION))
}

fn load_checked(rules: &Consensus, base: &Base, mode: Mode) -> Result<Tree, Unfit> {
    let mut rows = CheckedRows::new(rules, base.all_rows());
    let tree = Tree::load(mode, base.len(), &mut rows);
    let totals = rows.finish()?;
    let tree = tree.or_else(|e| damaged(e.to_string()))?;
    if tree.len() != base.len() {
        return damaged("it names another number of rows than there are");
    }
    if tree.root().0 != base.tip().state_root.0 {
        return damaged("the rows are not the state that the checkpoint's header names");
    }
    if totals.coins != u128::from(Amount::SUPPLY.drops()) {
        return damaged("the coins of all leaves are not the supply");
    }
    if tally(base)? != totals.index {
        return damaged("an index does not fit the rows");
    }
    Ok(tree)
}

fn tally(base: &Base) -> Result<Tally, StorageFailed> {
    let mut tally = Tally::default();
    for row in base.index()? {
        tally.add(&row?);
    }
    Ok(tally)
}

/// Count and sum over the entries of the indexes, to be compared with those of another time.
pub(crate) fn index_tally(base: &Base) -> Result<[u8; 16], StorageFailed> {
    let tally = contained(|| tally(base));
    let tally =
        tally.unwrap_or_else(|| Err(StorageFailed::new("reading an index", CONTRADICTION)))?;
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&tally.count.to_le_bytes());
    bytes[8..].copy_from_slice(&tally.sum.to_le_bytes());
    Ok(bytes)
}

/// Damage that lies in no file of rows, or in all of them together.
fn damaged<T>(reason: impl Into<String>) -> Result<T, Unfit> {
    Err(Unfit::Damaged {
        file: checkpoint::FILE.to_owned(),
        reason: reason.into(),
    })
}

/// Counts entries and adds up their hashes, so that two sets can be compared in any order. It finds rot, not malice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    count: u64,
    sum: u64,
}

impl Tally {
    fn add(&mut self, row: &IndexRow) {
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        self.count += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// What is summed over all rows.
#[derive(Clone, Copy, Default)]
struct Totals {
    coins: u128,
    index: Tally,
}

/// Checks that a row holds what belongs there.
fn check(rules: &Consensus, (key, value): &(Hash, Vec<u8>)) -> Result<Totals, Unfit> {
    let leaf: Leaf = codec::read(value).or_else(|e| damaged(format!("row {key}: {e}")))?;
    if leaf.key() != *key {
        return damaged(format!("row {key} holds another leaf"));
    }
    let mut index = Tally::default();
    for row in index_rows(rules, key, &leaf) {
        index.add(&row);
    }
    Ok(Totals {
        coins: u128::from(leaf.coins().drops()),
        index,
    })
}

/// Checks a part of a chunk, and hashes its values.
fn check_part(
    rules: &Consensus,
    rows: &[(Hash, Vec<u8>)],
) -> Result<(Totals, Vec<(Key, ValueHash)>), Unfit> {
    let mut totals = Totals::default();
    for row in rows {
        let one = check(rules, row)?;
        totals.coins += one.coins;
        totals.index.merge(one.index);
    }
    let values: Vec<&[u8]> = rows.iter().map(|(_, value)| value.as_slice()).collect();
    let keys = rows.iter().map(|(key, _)| Key(key.0));
    Ok((totals, keys.zip(value_hashes(&values)).collect()))
}

type Chunk = Result<Vec<(Hash, Vec<u8>)>, RunFault>;

/// Rows as the tree takes them. A chunk is checked on all cores while the next one is read. Ends at the first fault, which [`CheckedRows::finish`] gives.
struct CheckedRows<'r> {
    rules: &'r Consensus,
    rows: Rows,
    /// Read and not checked.
    ahead: Chunk,
    checked: std::vec::IntoIter<(Key, ValueHash)>,
    totals: Totals,
    fault: Option<Unfit>,
}

impl<'r> CheckedRows<'r> {
    fn new(rules: &'r Consensus, mut rows: Rows) -> Self {
        Self {
            rules,
            ahead: rows.by_ref().take(CHUNK).collect(),
            rows,
            checked: Vec::new().into_iter(),
            totals: Totals::default(),
            fault: None,
        }
    }

    fn refill(&mut self) -> Result<(), Unfit> {
        let chunk = std::mem::replace(&mut self.ahead, Ok(Vec::new()))?;
        let (rules, rows) = (self.rules, &mut self.rows);
        let check_all = || {
            let parts = chunk.par_chunks(CHUNK / 16);
            parts.map(|part| check_part(rules, part)).collect()
        };
        let (ahead, checked): (Chunk, Result<Vec<_>, Unfit>) =
            rayon::join(|| rows.take(CHUNK).collect(), check_all);
        self.ahead = ahead;
        let mut leaves = Vec::with_capacity(CHUNK);
        for (totals, part) in checked? {
            self.totals.coins += totals.coins;
            self.totals.index.merge(totals.index);
            leaves.extend(part);
        }
        self.checked = leaves.into_iter();
        Ok(())
    }

    fn finish(self) -> Result<Totals, Unfit> {
        self.fault.map_or(Ok(self.totals), Err)
    }
}

impl Iterator for CheckedRows<'_> {
    type Item = (Key, ValueHash);

    fn next(&mut self) -> Option<Self::Item> {
        if self.fault.is_none() && self.checked.len() == 0 {
            self.fault = self.refill().err();
        }
        if self.fault.is_some() {
            return None;
        }
        self.checked.next()
    }
}
