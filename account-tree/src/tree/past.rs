//! [`Past`]: the tree as it was before its latest commits.

use std::vec::Vec;

use crate::hash::{NodeHash, Root};
use crate::key::Key;
use crate::tree::Tree;
use crate::tree::bucket::{Leaf, Slot, tags_tie};
use crate::tree::delta::Delta;
use crate::tree::place::tag_bit;
use crate::tree::rows::{Damaged, Leaves, Rows, RowsError};
use crate::tree::store::{HEAP, Spot, is_moved_up};
use crate::tree::trie::fold;

/// One state of a tree: the present one or an earlier one. See [`Tree::at`].
///
/// A place has the hash that the oldest of the later commits overwrote, or else the one that the tree has now.
#[derive(Clone)]
pub struct Past<'a> {
    pub(crate) tree: &'a Tree,
    later: Vec<&'a Delta>,
}

/// Where a path leaves what is kept above the buckets.
pub(crate) struct Stop<'a> {
    pub(crate) spot: Spot,
    pub(crate) hash: NodeHash,
    pub(crate) end: End<'a>,
}

/// Why it leaves it.
pub(crate) enum End<'a> {
    /// Nothing is below.
    Empty,
    /// One leaf is below; its row tells which.
    Lone,
    /// This bucket is below. No two of its tags tie.
    Bucket(&'a [Leaf]),
    /// Leaves are below that only the rows tell.
    Rows,
    /// It does not: the depth asked for is reached and there are two leaves or more.
    Split,
}

impl Tree {
    /// This tree as it was before the commits that gave these deltas: all later ones, from the oldest to the latest. With no
    /// delta it is the tree as it is.
    ///
    /// # Panics
    /// If a delta is missing, is not of this tree, or they are out of order.
    #[must_use]
    pub fn at<'a>(&'a self, later: impl IntoIterator<Item = &'a Delta>) -> Past<'a> {
        let later: Vec<_> = later.into_iter().collect();
        let versions = later.iter().map(|delta| delta.version);
        let first = self
            .version
            .checked_sub(later.len() as u64)
            .expect("more deltas than commits");
        assert!(
            versions.eq(first..self.version),
            "deltas lead back one by one from the tree's version"
        );
        Past { tree: self, later }
    }
}

impl<'a> Past<'a> {
    /// The root of that state.
    #[must_use]
    pub fn root(&self) -> Root {
        self.later
            .first()
            .map_or_else(|| self.tree.root(), |delta| delta.root())
    }

    /// The number of leaves of that state.
    #[must_use]
    pub fn len(&self) -> usize {
        self.later
            .first()
            .map_or_else(|| self.tree.len(), |delta| delta.len())
    }

    /// Whether that state had no leaves.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Follows the path of a key down to `limit`, or to where there is less than a node, or to a slot. `meet` is given the hash
    /// beside each step.
    pub(crate) fn descend(
        &self,
        key: &Key,
        limit: usize,
        mut meet: impl FnMut(NodeHash),
    ) -> Stop<'a> {
        let tag = key.tag();
        self.tree.store.fetch(core::iter::once(tag));
        let (mut spot, mut hash) = self.descend_heap(tag, limit, &mut meet);
        loop {
            let stop = |end| Stop { spot, hash, end };
            if hash == NodeHash::EMPTY {
                return stop(End::Empty);
            }
            let page = match self.tree.store.slot(spot) {
                None => spot.page,
                Some(Slot::Page(page)) if !self.was_paged(spot) => page,
                Some(slot) => return stop(self.slot(spot, slot)),
            };
            let right = tag_bit(tag, spot.at.depth());
            let child = Spot {
                at: spot.at.child(right),
                page,
            };
            let pair = self.pair(child);
            let (on_path, beside) = (pair[usize::from(right)], pair[usize::from(!right)]);
            let has_empty = on_path == NodeHash::EMPTY || beside == NodeHash::EMPTY;
            if has_empty && is_moved_up(hash, &pair) {
                return stop(End::Lone);
            }
            if spot.at.depth() == limit {
                return stop(End::Split);
            }
            meet(beside);
            (hash, spot) = (on_path, child);
        }
    }

    /// The same for the upper part of a path: as long as it is in the heap, has not changed since, and no place beside it is
    /// empty. There is then nothing to be asked but the heap. Gives the place and its hash to go on from.
    #[inline]
    fn descend_heap(
        &self,
        tag: u64,
        limit: usize,
        meet: &mut impl FnMut(NodeHash),
    ) -> (Spot, NodeHash) {
        let mut spot = Spot::ROOT;
        let mut hash = NodeHash(self.root().0);
        if self.later.is_empty() {
            for depth in 0..limit.min(self.tree.store.levels) {
                let right = tag_bit(tag, depth);
                let child = Spot {
                    at: spot.at.child(right),
                    page: HEAP,
                };
                let pair = self.tree.store.pair(child);
                if pair.contains(&NodeHash::EMPTY) {
                    break;
                }
                meet(pair[usize::from(!right)]);
                (hash, spot) = (pair[usize::from(right)], child);
            }
        }
        (spot, hash)
    }

    /// The hashes of a place and its sibling.
    #[inline]
    fn pair(&self, spot: Spot) -> [NodeHash; 2] {
        let mut pair = *self.tree.store.pair(spot);
        if !self.later.is_empty() {
            for (right, hash) in [false, true].into_iter().zip(&mut pair) {
                let at = spot.at.parent().child(right);
                if let Some(old) = self.later.iter().find_map(|delta| delta.hash(at)) {
                    *hash = old;
                }
            }
        }
        pair
    }

    /// Whether what is now a page was a bucket in that state.
    fn was_paged(&self, spot: Spot) -> bool {
        self.later
            .iter()
            .any(|delta| delta.paged.binary_search(&spot.at).is_ok())
    }

    /// What can be told of a slot without its rows.
    fn slot(&self, spot: Spot, slot: Slot) -> End<'a> {
        let leaves = self.tree.store.arena.leaves(slot);
        let changed = self.later.iter().any(|delta| delta.hash(spot.at).is_some());
        if leaves.is_empty() || changed || tags_tie(leaves) {
            End::Rows
        } else {
            End::Bucket(leaves)
        }
    }
}

impl Stop<'_> {
    pub(crate) fn depth(&self) -> usize {
        self.spot.at.depth()
    }

    /// The rows below, which are those that the tree was made of.
    pub(crate) fn rows<L: Leaves>(
        &self,
        path: &Key,
        leaves: &L,
    ) -> Result<Rows, RowsError<L::Error>> {
        let depth = self.depth();
        let rows = Rows::read(leaves, path, depth)?;
        if fold(&rows.leaves, depth) == self.hash {
            Ok(rows)
        } else {
            Err(Damaged { path: *path, depth }.into())
        }
    }
}
