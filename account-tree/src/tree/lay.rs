//! [`Layer`]: lays leaves out for the slots that they belong to and hashes what is below each slot, many slots together.

use std::vec::Vec;

use crate::forest::Forest;
use crate::hash::NodeHash;
use crate::tree::bucket::{Leaf, tags_tie};
use crate::tree::store::MAX_SPLIT;
use crate::tree::trie::{Bits, Sprout, fold, sprout};

/// Work on several slots whose hashes are made together. What is laid out has a name, by which [`Laid::hash`] gives its hash.
pub(crate) struct Layer<'f> {
    /// Leaves of the largest bucket.
    bound: usize,
    /// The leaves of all buckets that have been laid out.
    leaves: Vec<Leaf>,
    forest: &'f mut Forest,
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
    pub(crate) fn lay<T: Bits>(&mut self, leaves: &[T], depth: usize) -> (usize, Sprout) {
        if self.is_too_large(leaves.len(), depth) {
            let (hash, sprout) = sprout(leaves, depth, self.bound, &mut self.leaves);
            return (self.forest.note(hash), sprout);
        }
        let first = self.leaves.len();
        self.leaves.extend(leaves.iter().map(T::leaf));
        let name = self.hash(first, leaves, depth);
        (name, Sprout::Leaves(first..self.leaves.len()))
    }

    /// The same for leaves that `put` appends, whose tags differ. If it fails, nothing is laid out.
    pub(crate) fn lay_merged<E>(
        &mut self,
        depth: usize,
        put: impl FnOnce(&mut Vec<Leaf>) -> Result<(), E>,
    ) -> Result<(usize, Sprout, usize), E> {
        let first = self.leaves.len();
        if let Err(problem) = put(&mut self.leaves) {
            self.leaves.truncate(first);
            return Err(problem);
        }
        let count = self.leaves.len() - first;
        if self.is_too_large(count, depth) {
            let leaves = self.leaves.split_off(first);
            let (name, sprout) = self.lay(&leaves, depth);
            return Ok((name, sprout, count));
        }
        let name = self.forest.add(&self.leaves[first..], depth);
        Ok((name, Sprout::Leaves(first..self.leaves.len()), count))
    }

    /// Hashes the leaves of a slot at `depth` without laying them out.
    pub(crate) fn hash_only<T: Bits>(&mut self, leaves: &[T], depth: usize) -> usize {
        let first = self.leaves.len();
        self.leaves.extend(leaves.iter().map(T::leaf));
        let name = self.hash(first, leaves, depth);
        self.leaves.truncate(first);
        name
    }

    /// Whether so many leaves become a page.
    fn is_too_large(&self, leaves: usize, depth: usize) -> bool {
        leaves > self.bound && depth < MAX_SPLIT
    }

    /// `first` is where the leaves begin among those laid out.
    fn hash<T: Bits>(&mut self, first: usize, leaves: &[T], depth: usize) -> usize {
        let laid = &self.leaves[first..];
        match tags_tie(laid) {
            true => self.forest.note(fold(leaves, depth)),
            false => self.forest.add(laid, depth),
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
    /// The hash under a name that the layer gave.
    pub(crate) fn hash(&self, name: usize) -> NodeHash {
        self.forest.hash(name)
    }

    /// The leaves that the sprouts refer to; the rest is given up.
    pub(crate) fn into_leaves(self) -> Vec<Leaf> {
        self.leaves
    }
}
