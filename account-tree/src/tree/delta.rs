//! [`Delta`]: what one commit overwrote, from which [`Past`](crate::Past) answers about the tree as it was before.

use std::vec::Vec;

use crate::hash::{NodeHash, Root};
use crate::tree::place::At;

/// The hashes that one commit replaced, 40 bytes each. With the deltas of all later commits, and the tree, it is the tree
/// of before ([`Tree::at`](crate::Tree::at)).
#[derive(Clone, PartialEq, Eq)]
pub struct Delta {
    /// The version of the tree that it leads back to.
    pub(crate) version: u64,
    pub(crate) root: Root,
    pub(crate) len: usize,
    /// The numbers of the places, rising, and their old hashes.
    pub(crate) places: Vec<At>,
    pub(crate) hashes: Vec<NodeHash>,
    /// The slots, rising, that got their first page: what is now below them was a bucket.
    pub(crate) paged: Vec<At>,
}

impl Delta {
    /// The root of the tree before the commit.
    #[must_use]
    pub fn root(&self) -> Root {
        self.root
    }

    /// The number of leaves before the commit.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there were no leaves before the commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes held.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.places.capacity() * size_of::<At>()
            + self.hashes.capacity() * size_of::<NodeHash>()
            + self.paged.capacity() * size_of::<At>()
    }

    /// The hash of a place before the commit, if the commit changed it.
    pub(crate) fn hash(&self, at: At) -> Option<NodeHash> {
        let index = self.places.binary_search(&at).ok()?;
        Some(self.hashes[index])
    }
}

impl core::fmt::Debug for Delta {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Delta")
            .field("root", &self.root)
            .field("len", &self.len)
            .field("places", &self.places.len())
            .finish()
    }
}
