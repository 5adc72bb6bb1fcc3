//! Planning a step from one state to another: everything is encoded and hashed, in parallel where it is much, and nothing is changed.

use crate::failed::StorageFailed;
use crate::index::{IndexRow, index_rows, is_indexed};
use crate::live::Live;
use crate::memtable::Row;
use parity_scale_codec::{Compact, Encode};
use rayon::prelude::*;
use sapwood_account_tree::hash::value_hashes;
use sapwood_account_tree::{Change, Key, Plan, PlanError};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{Hash, Leaf};
use sapwood_runtime::{Changes, Undo, UndoEntry};
use std::collections::BTreeMap;

/// Rows that one thread encodes or hashes at a time: enough that handing them out costs little beside.
const PART: usize = 512;

/// What [`Live::step`] needs of a change of the state.
pub(crate) struct StepPlan {
    pub(crate) tree: Plan,
    /// By rising key.
    pub(crate) moves: Vec<Move>,
    /// Entries of the indexes that come (`true`) or go.
    pub(crate) index: Vec<(IndexRow, bool)>,
}

/// A row before and after a step.
pub(crate) struct Move {
    pub(crate) key: Hash,
    pub(crate) old: Option<Row>,
    pub(crate) new: Option<Row>,
}

impl StepPlan {
    /// The state root to which the step leads.
    pub(crate) fn root(&self) -> Hash {
        Hash(self.tree.root().0)
    }

    /// The encoding of the [`Undo`] of the step, without encoding the leaves once more.
    pub(crate) fn undo_record(&self) -> Vec<u8> {
        let count = u32::try_from(self.moves.len()).expect("a block touches fewer leaves");
        let bytes = self
            .moves
            .iter()
            .map(|row| 33 + row.old.as_ref().map_or(0, |row| row.len()));
        let mut record = Vec::with_capacity(5 + bytes.sum::<usize>());
        Compact(count).encode_to(&mut record);
        for Move { key, old, .. } in &self.moves {
            record.extend_from_slice(&key.0);
            match old {
                Some(row) => {
                    record.push(1);
                    record.extend_from_slice(row);
                }
                None => record.push(0),
            }
        }
        record
    }
}

impl Live {
    /// The step of changes whose old leaves are in `undo`.
    pub(crate) fn plan(&self, changes: &Changes, undo: &Undo) -> Result<StepPlan, StorageFailed> {
        let pairs = changes.par_iter().zip(undo.entries()).with_min_len(PART);
        let moves = pairs.map_init(Vec::new, |buffer, ((key, new), entry)| {
            let mut encode = |leaf: &Option<Leaf>| leaf.as_ref().map(|leaf| encode(leaf, buffer));
            Move {
                key: *key,
                old: encode(&entry.old),
                new: encode(new),
            }
        });
        let pairs = changes.iter().zip(undo.entries());
        let index = pairs.flat_map(|(change, entry)| index_moves(self.rules(), change, entry));
        self.plan_moves(moves.collect(), index.collect())
    }

    /// The step to the state so many steps ago: one batch, of whose rows the oldest values count.
    pub(crate) fn plan_back(&self, steps: usize) -> Result<StepPlan, StorageFailed> {
        let steps: Vec<_> = self.past(steps).collect();
        let rows: Vec<_> = match steps[..] {
            // One step has its rows in order.
            [step] => step.rows.clone(),
            _ => {
                let rows = steps.iter().flat_map(|step| step.rows.iter().cloned());
                rows.collect::<BTreeMap<_, _>>().into_iter().collect()
            }
        };
        let index = steps.iter().flat_map(|step| step.index.iter().rev());
        let index = index.map(|(row, there)| (row.clone(), !there)).collect();
        let now = self.now();
        let rows = rows.into_par_iter().with_min_len(PART);
        let moves = rows.map(|(key, new)| {
            let old = now.row(&key)?;
            Ok(Move { key, old, new })
        });
        let moves = moves.collect::<Result<_, StorageFailed>>()?;
        self.plan_moves(moves, index)
    }

    fn plan_moves(
        &self,
        moves: Vec<Move>,
        index: Vec<(IndexRow, bool)>,
    ) -> Result<StepPlan, StorageFailed> {
        let changes = |part: &[Move]| {
            let values: Vec<&[u8]> = part.iter().filter_map(|row| row.new.as_deref()).collect();
            let mut hashes = value_hashes(&values).into_iter();
            let change = |row: &Move| Change {
                key: Key(row.key.0),
                existed: row.old.is_some(),
                new: row.new.as_ref().and_then(|_| hashes.next()),
            };
            part.iter().map(change).collect::<Vec<_>>()
        };
        let batch: Vec<Change> = moves.par_chunks(PART).flat_map_iter(changes).collect();
        let tree = self.tree().plan(&batch, &self.now()).map_err(plan_failed)?;
        Ok(StepPlan { tree, moves, index })
    }
}

/// Entries of the indexes that come or go with a leaf.
fn index_moves(
    rules: &Consensus,
    (key, new): &(Hash, Option<Leaf>),
    entry: &UndoEntry,
) -> Vec<(IndexRow, bool)> {
    let rows = |leaf: &Option<Leaf>| match leaf {
        Some(leaf) if is_indexed(leaf) => index_rows(rules, key, leaf),
        _ => Vec::new(),
    };
    let (before, after) = (rows(&entry.old), rows(new));
    let gone = before.iter().filter(|row| !after.contains(row));
    let come = after.iter().filter(|row| !before.contains(row));
    let gone = gone.map(|row| (row.clone(), false));
    gone.chain(come.map(|row| (row.clone(), true))).collect()
}

/// The encoded leaf. The buffer saves asking each field how long it will be.
fn encode(leaf: &Leaf, buffer: &mut Vec<u8>) -> Row {
    buffer.clear();
    leaf.encode_to(buffer);
    Row::from(buffer.as_slice())
}

fn plan_failed(error: PlanError<StorageFailed>) -> StorageFailed {
    match error {
        PlanError::Leaves(failed) => failed,
        other => StorageFailed::new("computing the state root", other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use sapwood_account_tree::{Mode, NaiveTree, Tree};
    use sapwood_primitives::leaf::{Account, key};
    use sapwood_primitives::{AccountId, Amount, Height, codec};

    #[test]
    fn an_undo_record_is_the_encoding_of_the_undo() {
        let leaf = |n: u8| {
            let account = Account::new(AccountId([n; 32]), Amount::ZERO, Height::new(7));
            Leaf::Account(Box::new(account))
        };
        for old in [vec![], vec![Some(leaf(1)), None, Some(leaf(3))]] {
            let entries: Vec<_> = (1..)
                .zip(old)
                .map(|(n, old)| UndoEntry {
                    key: key::account(&AccountId([n; 32])),
                    old,
                })
                .collect();
            let moves = entries.iter().map(|entry| Move {
                key: entry.key,
                old: entry.old.as_ref().map(|leaf| encode(leaf, &mut Vec::new())),
                new: None,
            });
            let leaves = NaiveTree::new();
            let leaves = leaves.leaves().collect::<BTreeMap<_, _>>();
            let plan = StepPlan {
                tree: Tree::new(Mode::Fast).plan(&[], &leaves).unwrap(),
                moves: moves.collect(),
                index: Vec::new(),
            };
            let record = plan.undo_record();
            assert_eq!(record, Undo::new(entries.clone()).encode());
            assert_eq!(codec::read::<Undo>(&record).unwrap(), Undo::new(entries));
        }
    }
}
