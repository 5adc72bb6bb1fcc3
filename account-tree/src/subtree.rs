//! Subtrees: the persistent structure behind [`Tree`](crate::Tree) and the rules of its shape (specs/04 §3).
//!
//! A node is kept only where more than [`BUCKET`] leaves lie below it. What is smaller is a bucket: its leaves in order
//! of their keys, and one hash. The nodes inside a bucket are hashed anew when one of its leaves changes, a few
//! compressions, and cost no memory in between. So a leaf takes about 130 bytes where a trie with every node kept would
//! take about 230, and there are fewer pointers to follow.
//!
//! A subtree's hash and length are kept beside the pointer to it, so that an update need not touch the siblings on its way.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use crate::hash::{NodeHash, ValueHash, leaf_hash, node_hash};
use crate::key::Key;
use crate::tree::Change;

/// Leaves that a bucket holds at most. More would save memory and cost hashes: eight leaves need about ten compressions,
/// half of what the path above them needs at a million leaves.
pub(crate) const BUCKET: usize = 8;

/// A leaf as the tree knows it. The hash is kept because every change in its bucket needs it again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) key: Key,
    pub(crate) value_hash: ValueHash,
    pub(crate) hash: NodeHash,
}

impl Leaf {
    pub(crate) fn new(key: Key, value_hash: ValueHash) -> Self {
        let hash = leaf_hash(&key, &value_hash);
        Self {
            key,
            value_hash,
            hash,
        }
    }
}

/// A subtree, its hash and its length. Equal sets of leaves have equal subtrees, however they came about: it is a bucket if and only
/// if it holds 1 to [`BUCKET`] leaves.
#[derive(Clone)]
pub(crate) struct Subtree {
    pub(crate) hash: NodeHash,
    /// The number of leaves.
    pub(crate) len: usize,
    pub(crate) body: Body,
}

/// What a subtree consists of.
#[derive(Clone)]
pub(crate) enum Body {
    Empty,
    /// The leaves, by rising key.
    Bucket(Arc<[Leaf]>),
    Inner(Arc<Inner>),
}

/// A node with more than [`BUCKET`] leaves below it.
pub(crate) struct Inner {
    pub(crate) left: Subtree,
    pub(crate) right: Subtree,
}

impl Subtree {
    pub(crate) const EMPTY: Self = Self {
        hash: NodeHash::EMPTY,
        len: 0,
        body: Body::Empty,
    };

    /// Builds the subtree at `depth` from leaves by rising key, all of which share the first `depth` bits.
    pub(crate) fn from_leaves(leaves: &[Leaf], depth: usize) -> Self {
        match leaves.first() {
            Some(first) if leaves.len() > BUCKET => {
                Loader::new(leaves.iter().copied()).subtree(first.key, depth)
            }
            _ => Self::bucket(leaves.into(), depth),
        }
    }

    /// A subtree of at most [`BUCKET`] leaves.
    fn bucket(leaves: Arc<[Leaf]>, depth: usize) -> Self {
        debug_assert!(leaves.len() <= BUCKET);
        if leaves.is_empty() {
            return Self::EMPTY;
        }
        Self {
            hash: hash_leaves(&leaves, depth),
            len: leaves.len(),
            body: Body::Bucket(leaves),
        }
    }

    /// The subtree whose halves are `left` and `right`. Halves that have become small are merged into one bucket.
    pub(crate) fn join(left: Self, right: Self) -> Self {
        let len = left.len + right.len;
        // specs/04 §3.2: an empty subtree is 0³² and a lone leaf moves up unhashed.
        let hash = match (len, left.len) {
            (0, _) => NodeHash::EMPTY,
            (1, 0) => right.hash,
            (1, _) => left.hash,
            _ => node_hash(&left.hash, &right.hash),
        };
        let body = match len {
            0 => Body::Empty,
            1..=BUCKET => Body::Bucket(
                left.leaves()
                    .iter()
                    .chain(right.leaves())
                    .copied()
                    .collect(),
            ),
            _ => Body::Inner(Arc::new(Inner { left, right })),
        };
        Self { hash, len, body }
    }

    /// Leaves an empty subtree behind.
    pub(crate) fn take(&mut self) -> Self {
        core::mem::replace(self, Self::EMPTY)
    }

    /// Sets leaves of a bucket that nobody else holds to new values. Does nothing and says so if the batch adds or removes
    /// a leaf, or if the bucket is shared.
    pub(crate) fn replace_values(&mut self, batch: &[Change], depth: usize) -> bool {
        let Body::Bucket(bucket) = &mut self.body else {
            return false;
        };
        let Some(leaves) = Arc::get_mut(bucket) else {
            return false;
        };
        let replaces =
            |(key, value): &Change| value.is_some() && leaves.iter().any(|leaf| leaf.key == *key);
        if !batch.iter().all(replaces) {
            return false;
        }
        for (key, value) in batch {
            let leaf = leaves.iter_mut().find(|leaf| leaf.key == *key);
            if let (Some(leaf), Some(value)) = (leaf, value) {
                *leaf = Leaf::new(*key, *value);
            }
        }
        self.hash = hash_leaves(leaves, depth);
        true
    }

    /// The leaves of a subtree that is not an inner node; nothing for one that is.
    pub(crate) fn leaves(&self) -> &[Leaf] {
        match &self.body {
            Body::Bucket(leaves) => leaves,
            Body::Empty | Body::Inner(_) => &[],
        }
    }
}

/// Splits leaves that share the first `depth` bits, and rise, into the left and the right half.
pub(crate) fn split_leaves(leaves: &[Leaf], depth: usize) -> (&[Leaf], &[Leaf]) {
    leaves.split_at(leaves.partition_point(|leaf| !leaf.key.bit(depth)))
}

/// The hash of the subtree at `depth` that consists of these leaves, straight from specs/04 §3.2.
pub(crate) fn hash_leaves(leaves: &[Leaf], depth: usize) -> NodeHash {
    match leaves {
        [] => NodeHash::EMPTY,
        [leaf] => leaf.hash,
        _ => {
            let (left, right) = split_leaves(leaves, depth);
            node_hash(
                &hash_leaves(left, depth + 1),
                &hash_leaves(right, depth + 1),
            )
        }
    }
}

/// Builds a subtree from a stream of leaves in one pass. It looks [`BUCKET`] + 1 leaves ahead, which is enough to tell a
/// bucket from an inner node, and holds nothing else but the path it is on.
pub(crate) struct Loader<I> {
    leaves: I,
    ahead: VecDeque<Leaf>,
}

impl<I: Iterator<Item = Leaf>> Loader<I> {
    /// The leaves' keys must rise strictly.
    pub(crate) fn new(leaves: I) -> Self {
        Self {
            leaves,
            ahead: VecDeque::with_capacity(BUCKET + 1),
        }
    }

    /// Takes the leaves that share the first `depth` bits of `path`, which are the next ones of the stream.
    ///
    /// The recursion ends above depth 256, since more than [`BUCKET`] different keys differ before their last bits.
    pub(crate) fn subtree(&mut self, path: Key, depth: usize) -> Subtree {
        let missing = BUCKET + 1 - self.ahead.len();
        self.ahead.extend(self.leaves.by_ref().take(missing));
        let mine = self
            .ahead
            .partition_point(|leaf| leaf.key.common_bits(&path) >= depth);
        if mine <= BUCKET {
            return Subtree::bucket(self.ahead.drain(..mine).collect(), depth);
        }
        let left = self.subtree(path.with_bit(depth, false), depth + 1);
        let right = self.subtree(path.with_bit(depth, true), depth + 1);
        Subtree::join(left, right)
    }
}
