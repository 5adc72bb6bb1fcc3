//! What a maker of proofs, anchors and multiproofs asks of a tree: what stands at a place (specs/04 §3).
//!
//! A place is named by the first bits of a path. The answer does not depend on how the tree is kept, so the makers work
//! alike over a tree in memory, over one that is read from a disk, and over [`Sorted`], a plain slice of leaves.

use core::convert::Infallible;

use crate::hash::{NodeHash, ValueHash, leaf_hash, node_hash};
use crate::key::Key;

/// The leaves whose keys begin with the bits that name a place: none, one, or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// No leaf.
    Empty,
    /// One leaf. It stands here or, if its prefix is unique already, further up.
    Leaf {
        /// The leaf's key.
        key: Key,
        /// The hash of its value.
        value_hash: ValueHash,
    },
    /// Two leaves or more, so there is a node here.
    Split {
        /// The node's hash.
        hash: NodeHash,
    },
}

impl Place {
    /// The hash of the subtree at this place (specs/04 §3.2).
    #[must_use]
    pub fn hash(&self) -> NodeHash {
        match self {
            Self::Empty => NodeHash::EMPTY,
            Self::Leaf { key, value_hash } => leaf_hash(key, value_hash),
            Self::Split { hash } => *hash,
        }
    }
}

/// A tree of which proofs can be made.
pub trait Shape {
    /// Why a place cannot be read; [`Infallible`] for a tree in memory.
    type Error;

    /// What the keys hold that agree with `path` in its first `depth` bits, 256 of them at most. The bits of `path` after
    /// these do not matter. Below a lone leaf the answer is that leaf on its own path and [`Place::Empty`] beside it.
    ///
    /// # Errors
    /// When the tree cannot be read.
    fn place(&self, path: &Key, depth: usize) -> Result<Place, Self::Error>;

    /// The hash of the subtree at a place, [`NodeHash::EMPTY`] where there is nothing.
    ///
    /// # Errors
    /// When the tree cannot be read.
    fn hash(&self, path: &Key, depth: usize) -> Result<NodeHash, Self::Error> {
        Ok(self.place(path, depth)?.hash())
    }
}

/// Leaves by strictly rising key, as a tree that keeps no hash: each question hashes anew what lies below the place. For
/// tests and for sets of a few thousand leaves.
#[derive(Clone, Copy, Debug)]
pub struct Sorted<'a>(pub &'a [(Key, ValueHash)]);

impl Shape for Sorted<'_> {
    type Error = Infallible;

    fn place(&self, path: &Key, depth: usize) -> Result<Place, Infallible> {
        let before = |key: &Key| key < path && key.common_bits(path) < depth;
        let at_or_before = |key: &Key| key <= path || key.common_bits(path) >= depth;
        let from = self.0.partition_point(|(key, _)| before(key));
        let until = self.0.partition_point(|(key, _)| at_or_before(key));
        Ok(match &self.0[from..until] {
            [] => Place::Empty,
            &[(key, value_hash)] => Place::Leaf { key, value_hash },
            leaves => Place::Split {
                hash: hash_leaves(leaves, depth, &|(key, value_hash)| {
                    leaf_hash(key, value_hash)
                }),
            },
        })
    }
}

/// A leaf as [`hash_leaves`] takes it.
pub(crate) trait Keyed {
    fn key(&self) -> &Key;
}

impl Keyed for (Key, ValueHash) {
    fn key(&self) -> &Key {
        &self.0
    }
}

/// The hash of the subtree at `depth` that consists of these leaves, straight from specs/04 §3.2. Their keys rise strictly
/// and share the first `depth` bits, so the recursion ends before depth 256.
pub(crate) fn hash_leaves<T: Keyed>(
    leaves: &[T],
    depth: usize,
    hash: &impl Fn(&T) -> NodeHash,
) -> NodeHash {
    match leaves {
        [] => NodeHash::EMPTY,
        [leaf] => hash(leaf),
        _ => {
            let middle = leaves.partition_point(|leaf| !leaf.key().bit(depth));
            let (left, right) = leaves.split_at(middle);
            node_hash(
                &hash_leaves(left, depth + 1, hash),
                &hash_leaves(right, depth + 1, hash),
            )
        }
    }
}
