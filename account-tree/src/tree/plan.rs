//! Planning a batch of changes: everything is hashed and nothing is changed ([`Tree::plan`]).
//!
//! 1. The changes are sorted by the slots that they fall in.
//! 2. The slots are shared out among up to 64 subtrees, planned side by side. Of each slot the leaves are merged with the
//!    changes; all tries below slots are hashed together, then the places above them, depth by depth.
//! 3. The depths above the subtrees are hashed last.

use std::vec::Vec;

use rayon::prelude::*;

use crate::forest::Forest;
use crate::hash::{Root, ValueHash};
use crate::key::Key;
use crate::tree::climb::Levels;
use crate::tree::part::{Part, Planner, Touched};
use crate::tree::place::At;
use crate::tree::rows::{Damaged, Leaves, RowsError};
use crate::tree::{NotRising, Tree};

/// A change of one leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The leaf's key.
    pub key: Key,
    /// Whether there was such a leaf before the batch. The tree relies on it where it knows a key by its first bits only.
    pub existed: bool,
    /// The hash of its new value, or `None` to remove it. To remove a leaf that is absent changes nothing.
    pub new: Option<ValueHash>,
}

/// Why a batch could not be planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError<E> {
    /// The caller did not sort the changes, or gave two of one leaf.
    #[error(transparent)]
    NotRising(#[from] NotRising),
    /// The rows are not those of the tree, or a change is wrong about whether its leaf existed.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The rows could not be read.
    #[error("the leaves beside a change could not be read: {0}")]
    Leaves(E),
}

impl<E> From<RowsError<E>> for PlanError<E> {
    fn from(error: RowsError<E>) -> Self {
        match error {
            RowsError::Damaged(damaged) => Self::Damaged(damaged),
            RowsError::Leaves(error) => Self::Leaves(error),
        }
    }
}

/// What a batch makes of one version of the tree; [`Tree::commit`] writes it. It can as well be dropped.
#[must_use]
pub struct Plan {
    /// The version and the root of the tree that it was made for.
    pub(crate) version: u64,
    pub(crate) base: Root,
    pub(crate) root: Root,
    pub(crate) len: usize,
    pub(crate) parts: Vec<Part>,
    pub(crate) top: Levels,
}

impl Plan {
    /// The root after the batch.
    #[must_use]
    pub fn root(&self) -> Root {
        self.root
    }

    /// The number of leaves after the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no leaves are left after the batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl core::fmt::Debug for Plan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Plan")
            .field("root", &self.root)
            .field("len", &self.len)
            .finish()
    }
}

/// Changes of a subtree, at least: fewer leave the lanes of the hash engine empty, and cost more to hand out than that saves.
const SHARE: usize = 500;

/// The depth of the subtrees that are planned side by side.
const PART_DEPTH: usize = 6;

impl Tree {
    /// What the tree would be after a batch of changes, given by strictly rising keys. `leaves` are the rows before the batch;
    /// the lean mode reads those around each change, the fast mode only those of keys that agree in 64 bits.
    ///
    /// Large batches use the threads of the current rayon pool. The result does not depend on their number.
    ///
    /// # Errors
    /// [`PlanError`]; the tree is as it was in any case.
    pub fn plan<L: Leaves<Error: Send> + Sync>(
        &self,
        batch: &[Change],
        leaves: &L,
    ) -> Result<Plan, PlanError<L::Error>> {
        if let Some(pair) = batch.windows(2).find(|pair| pair[0].key >= pair[1].key) {
            return Err(NotRising { key: pair[1].key }.into());
        }
        let touched = self.touched(batch);
        let lowest = touched
            .iter()
            .map(|touched| touched.spot.at.depth())
            .min()
            .unwrap_or(0);
        let shares = (batch.len() / SHARE).max(1).ilog2() as usize;
        let depth = lowest.min(shares).min(PART_DEPTH);
        let above = |touched: &Touched| At::of(touched.spot.at.tag(), depth);
        let parts: Vec<&[Touched]> = touched.chunk_by(|a, b| above(a) == above(b)).collect();
        let plan = |forest: &mut Forest, part: &&[Touched]| {
            Planner::new(self, batch, leaves, forest).part(part, depth)
        };
        let parts: Result<Vec<Part>, _> = if depth == 0 {
            let mut forest = Forest::default();
            parts.iter().map(|part| plan(&mut forest, part)).collect()
        } else {
            parts.par_iter().map_init(Forest::default, plan).collect()
        };
        Ok(self.join(parts?, depth))
    }

    /// The slots that the changes fall in, from left to right.
    fn touched(&self, batch: &[Change]) -> Vec<Touched> {
        let mut touched: Vec<Touched> = Vec::with_capacity(batch.len());
        for (index, change) in batch.iter().enumerate() {
            let tag = change.key.tag();
            if let Some(last) = touched.last_mut()
                && At::of(tag, last.spot.at.depth()) == last.spot.at
            {
                last.changes.end = index + 1;
                continue;
            }
            let (spot, slot) = self.store.find(tag);
            touched.push(Touched {
                spot,
                slot,
                changes: index..index + 1,
            });
        }
        touched
    }

    /// Hashes what is above the parts, whose tops are at `depth`.
    fn join(&self, mut parts: Vec<Part>, depth: usize) -> Plan {
        let mut top = Levels::default();
        for part in &mut parts {
            top.append(depth, part.levels.take(depth));
        }
        top.climb(&self.store, 0);
        let root = top
            .at(0)
            .first()
            .map_or(self.root(), |changed| Root(changed.hash.0));
        let after: usize = parts.iter().map(|part| part.after).sum();
        let before: usize = parts.iter().map(|part| part.before).sum();
        Plan {
            version: self.version,
            base: self.root(),
            root,
            len: self.len + after - before,
            parts,
            top,
        }
    }
}
