//! [`Planner`]: plans the changes of one subtree, and [`Part`], which is the result.

use core::ops::Range;

use std::vec::Vec;

use crate::forest::Forest;
use crate::hash::NodeHash;
use crate::tree::bucket::{Leaf, Slot};
use crate::tree::climb::{Changed, Levels};
use crate::tree::lay::Layer;
use crate::tree::merge::{self, Conflict};
use crate::tree::plan::Change;
use crate::tree::rows::{Damaged, Leaves, Rows, RowsError, hash_leaves};
use crate::tree::store::Spot;
use crate::tree::trie::{KeyedLeaf, Sprout};
use crate::tree::{Mode, Tree};

/// Slots that are fetched together.
const AHEAD: usize = 32;

/// A slot and the changes of the batch that fall in it.
pub(crate) struct Touched {
    pub(crate) spot: Spot,
    pub(crate) slot: Slot,
    pub(crate) changes: Range<usize>,
}

/// A slot that changes.
pub(crate) struct Edit {
    pub(crate) spot: Spot,
    pub(crate) old: Slot,
    pub(crate) new: Sprout,
}

/// The plan of one subtree.
#[derive(Default)]
pub(crate) struct Part {
    /// The leaves that the edits refer to.
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) edits: Vec<Edit>,
    pub(crate) levels: Levels,
    /// Leaves in the changed slots, after and before.
    pub(crate) after: usize,
    pub(crate) before: usize,
}

/// Plans one part of a batch.
pub(crate) struct Planner<'a, L> {
    tree: &'a Tree,
    batch: &'a [Change],
    leaves: &'a L,
    layer: Layer<'a>,
    /// Hashes of slots as the rows have them, which must be those of the tree.
    checks: Vec<(Spot, usize, usize)>,
    pending: Vec<Pending>,
}

/// An edit whose slot's hash is still to be made.
struct Pending {
    edit: Edit,
    /// The name of the hash.
    name: usize,
    before: usize,
    after: usize,
}

impl<'a, L: Leaves> Planner<'a, L> {
    /// `forest` is only lent.
    pub(crate) fn new(
        tree: &'a Tree,
        batch: &'a [Change],
        leaves: &'a L,
        forest: &'a mut Forest,
    ) -> Self {
        let layer = Layer::new(tree.mode().bucket_bound(), forest);
        Self {
            tree,
            batch,
            leaves,
            layer,
            checks: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// Plans the changes in these slots and hashes the places above them up to depth `top`.
    pub(crate) fn part(
        mut self,
        touched: &[Touched],
        top: usize,
    ) -> Result<Part, RowsError<L::Error>> {
        self.layer.reserve(touched.len());
        self.pending.reserve(touched.len());
        let hashes = self.new_hashes(touched);
        let mut hashes = hashes.as_slice();
        let tree = self.tree;
        for touched in touched.chunks(AHEAD).flat_map(|few| {
            let slots = few.iter().map(|touched| (touched.spot, touched.slot));
            tree.store.fetch_slots(slots);
            few
        }) {
            let changes = &self.batch[touched.changes.clone()];
            let count = changes.iter().filter(|change| change.new.is_some()).count();
            let (mine, rest) = hashes.split_at(count);
            hashes = rest;
            let depth = touched.spot.at.depth();
            let old = tree.store.arena.leaves(touched.slot);
            let laid = match tree.mode() {
                Mode::Fast => self
                    .layer
                    .lay_merged(depth, |to| merge::by_tag(old, changes, mine, to)),
                // There are no tags.
                Mode::Lean => Err(Conflict::Tie),
            };
            match laid {
                Ok((name, new, after)) => self.push(touched, name, new, old.len(), after),
                Err(Conflict::Tie) => self.merge_rows(touched, changes, mine)?,
                Err(Conflict::Untrue) => return Err(self.damaged(touched)),
            }
        }
        self.finish(top)
    }

    /// The hashes of all new leaves, in order.
    fn new_hashes(&self, touched: &[Touched]) -> Vec<NodeHash> {
        let first = touched.first().map_or(0, |first| first.changes.start);
        let end = touched.last().map_or(0, |last| last.changes.end);
        let changes = &self.batch[first..end];
        let new = changes
            .iter()
            .filter_map(|change| Some((&change.key, change.new.as_ref()?)));
        hash_leaves(new, changes.len())
    }

    /// Merges a slot by the whole keys of its rows.
    fn merge_rows(
        &mut self,
        touched: &Touched,
        changes: &[Change],
        hashes: &[NodeHash],
    ) -> Result<(), RowsError<L::Error>> {
        let depth = touched.spot.at.depth();
        let old = Rows::read(self.leaves, &changes[0].key, depth)?.leaves;
        let name = self.layer.hash_only(&old, depth);
        self.checks
            .push((touched.spot, touched.changes.start, name));
        let mut merged: Vec<KeyedLeaf> = Vec::with_capacity(old.len() + changes.len());
        if !merge::by_key(&old, changes, hashes, &mut merged) {
            return Err(self.damaged(touched));
        }
        let (name, new) = self.layer.lay(&merged, depth);
        self.push(touched, name, new, old.len(), merged.len());
        Ok(())
    }

    fn push(&mut self, touched: &Touched, name: usize, new: Sprout, before: usize, after: usize) {
        let edit = Edit {
            spot: touched.spot,
            old: touched.slot,
            new,
        };
        self.pending.push(Pending {
            edit,
            name,
            before,
            after,
        });
    }

    fn damaged(&self, touched: &Touched) -> RowsError<L::Error> {
        let path = self.batch[touched.changes.start].key;
        RowsError::Damaged(Damaged {
            path,
            depth: touched.spot.at.depth(),
        })
    }

    /// Makes the hashes, compares those that are known, and keeps what has changed.
    fn finish(self, top: usize) -> Result<Part, RowsError<L::Error>> {
        let store = &self.tree.store;
        let laid = self.layer.grow();
        for (spot, change, name) in self.checks {
            if laid.hash(name) != store.hash(spot) {
                let (path, depth) = (self.batch[change].key, spot.at.depth());
                return Err(RowsError::Damaged(Damaged { path, depth }));
            }
        }
        let mut part = Part::default();
        part.edits.reserve(self.pending.len());
        // Most slots are at the end of the heap.
        part.levels.reserve(store.levels, self.pending.len());
        for Pending {
            edit,
            name,
            before,
            after,
        } in self.pending
        {
            let hash = laid.hash(name);
            // Equal hashes mean equal leaves.
            if hash != store.hash(edit.spot) {
                part.levels.push(Changed {
                    spot: edit.spot,
                    hash,
                    lone: after == 1,
                });
                part.edits.push(edit);
                part.before += before;
                part.after += after;
            }
        }
        part.levels.climb(store, top);
        part.leaves = laid.into_leaves();
        Ok(part)
    }
}
