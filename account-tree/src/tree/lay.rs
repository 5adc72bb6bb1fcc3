//! [`Layer`]: lays leaves out for the slots that they belong to and hashes what is below each slot, many slots together.

use std::vec::Vec;

use crate::hash::NodeHash;
use crate::tree::bucket::Leaf;
use crate::tree::store::MAX_SPLIT;
use crate::tree::trie::{Bits, Forest, Sprout, fold, sprout};

/// Work on several slots whose hashes are made together.
pub(crate) struct Layer<'f> {
    /// Leaves of the largest bucket.
    bound: usize,
    /// The leaves of all buckets that have been laid out.
    leaves: Vec<Leaf>,
    forest: &'f mut Forest,
}

/// A hash that is known now or once the forest is grown.
#[derive(Clone, Copy)]
pub(crate) enum Hashed {
    Now(NodeHash),
    Grown(usize),
}

impl<'f> Layer<'f> {
    /// The forest is only lent, with the memory that it has taken before.
    pub(crate) fn new(bound: usize, forest: &'f mut Forest) -> Self {
        forest.clear();
        let leaves = Vec::new();
        Self {
            bound,
            leaves,
            forest,
        }
    }

    /// Makes room for the leaves of so many slots.
    pub(crate) fn reserve(&mut self, slots: usize) {
        self.leaves.reserve(slots * self.bound / 2);
    }

    /// Lays out what is to stand at a slot at `depth`. The leaves differ in what `T` knows of their keys.
    pub(crate) fn lay<T: Bits>(&mut self, leaves: &[T], depth: usize) -> (Hashed, Sprout) {
        if leaves.len() > self.bound && depth < MAX_SPLIT {
            let (hash, sprout) = sprout(leaves, depth, self.bound, &mut self.leaves);
            return (Hashed::Now(hash), sprout);
        }
        let first = self.leaves.len();
        self.leaves.extend(leaves.iter().map(T::leaf));
        let range = first..self.leaves.len();
        (self.hash(&range, leaves, depth), Sprout::Leaves(range))
    }

    /// Hashes the leaves of a slot at `depth` without laying them out.
    pub(crate) fn hash_only<T: Bits>(&mut self, leaves: &[T], depth: usize) -> Hashed {
        let first = self.leaves.len();
        self.leaves.extend(leaves.iter().map(T::leaf));
        let hashed = self.hash(&(first..self.leaves.len()), leaves, depth);
        self.leaves.truncate(first);
        hashed
    }

    fn hash<T: Bits>(
        &mut self,
        range: &core::ops::Range<usize>,
        leaves: &[T],
        depth: usize,
    ) -> Hashed {
        if leaves.is_empty() {
            return Hashed::Now(NodeHash::EMPTY);
        }
        match self.forest.add(&self.leaves[range.clone()], depth) {
            Some(name) => Hashed::Grown(name),
            None => Hashed::Now(fold(leaves, depth)),
        }
    }

    /// Makes all hashes. Nothing can be laid out after this.
    pub(crate) fn grow(self) -> Laid<'f> {
        self.forest.grow();
        Laid {
            leaves: self.leaves,
            forest: self.forest,
        }
    }
}

/// What has been laid out, with its hashes.
pub(crate) struct Laid<'f> {
    leaves: Vec<Leaf>,
    forest: &'f Forest,
}

impl Laid<'_> {
    pub(crate) fn hash(&self, hashed: Hashed) -> NodeHash {
        match hashed {
            Hashed::Now(hash) => hash,
            Hashed::Grown(name) => self.forest.root(name),
        }
    }

    /// The leaves that the sprouts refer to; the rest is given up.
    pub(crate) fn into_leaves(self) -> Vec<Leaf> {
        self.leaves
    }
}
