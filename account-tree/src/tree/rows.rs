//! [`Leaves`]: the rows that the tree was made of, which it asks for where its own memory does not suffice.

use core::convert::Infallible;

use std::collections::BTreeMap;
use std::vec::Vec;

use crate::forest::{BATCH, block};
use crate::hash::{NodeHash, ValueHash, leaf_hashes};
use crate::key::Key;
use crate::tree::trie::KeyedLeaf;

/// The leaves of one state, as the caller stores them.
///
/// The state is always the one that the question is about: for a plan the tree's own, before the batch; for a proof at an
/// older root the state of that root.
pub trait Leaves {
    /// Why leaves could not be read.
    type Error;

    /// All leaves whose keys begin with the first `depth` bits of `path` (see [`Key::below`]), by rising key. `depth` is 0 to
    /// 256; it is at least the logarithm of the number of leaves, less a few, unless there are few leaves at all.
    ///
    /// # Errors
    /// Whatever keeps the caller from reading them.
    fn below(&self, path: &Key, depth: usize) -> Result<Vec<(Key, ValueHash)>, Self::Error>;

    /// Whether there is a leaf at `key`. Asked for a proof if the tree holds a leaf whose key agrees with this one in 64 bits:
    /// it is the same one, unless somebody ground two. A caller that has just read the row need not read it again.
    ///
    /// # Errors
    /// As for [`below`](Self::below).
    fn holds(&self, key: &Key) -> Result<bool, Self::Error> {
        Ok(!self.below(key, 256)?.is_empty())
    }
}

impl<L: Leaves + ?Sized> Leaves for &L {
    type Error = L::Error;

    fn below(&self, path: &Key, depth: usize) -> Result<Vec<(Key, ValueHash)>, Self::Error> {
        (**self).below(path, depth)
    }

    fn holds(&self, key: &Key) -> Result<bool, Self::Error> {
        (**self).holds(key)
    }
}

impl Leaves for BTreeMap<Key, ValueHash> {
    type Error = Infallible;

    fn below(&self, path: &Key, depth: usize) -> Result<Vec<(Key, ValueHash)>, Self::Error> {
        Ok(self
            .range(path.below(depth))
            .map(|(key, value)| (*key, *value))
            .collect())
    }

    fn holds(&self, key: &Key) -> Result<bool, Self::Error> {
        Ok(self.contains_key(key))
    }
}

/// The rows are not those that the tree was made of: one of both is damaged, or the caller said something untrue about a
/// leaf. Nothing can be told about this part of the state before the tree has been loaded anew from sound rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the leaves whose keys begin with the first {depth} bits of {path} are not those of the tree; check the stored rows for damage and load the tree again"
)]
pub struct Damaged {
    /// A key on the path to the place where this was found.
    pub path: Key,
    /// The depth of that place.
    pub depth: usize,
}

/// Why the leaves below a place could not be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowsError<E> {
    /// The rows are not those of the tree.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The rows could not be read.
    #[error("the leaves below a place could not be read: {0}")]
    Leaves(E),
}

/// Rows below a place, which have been checked to lie there and to rise.
pub(crate) struct Rows {
    pub(crate) rows: Vec<(Key, ValueHash)>,
    pub(crate) leaves: Vec<KeyedLeaf>,
}

impl Rows {
    pub(crate) fn read<L: Leaves>(
        leaves: &L,
        path: &Key,
        depth: usize,
    ) -> Result<Self, RowsError<L::Error>> {
        let rows = leaves.below(path, depth).map_err(RowsError::Leaves)?;
        let off_path = rows.iter().any(|(key, _)| key.common_bits(path) < depth);
        if off_path || rows.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return Err(RowsError::Damaged(Damaged { path: *path, depth }));
        }
        let leaves = keyed(&rows);
        Ok(Self { rows, leaves })
    }
}

/// Hashes rows.
pub(crate) fn keyed(rows: &[(Key, ValueHash)]) -> Vec<KeyedLeaf> {
    let hashes = hash_leaves(rows.iter().map(|(key, value)| (key, value)), rows.len());
    let keys = rows.iter().map(|(key, _)| *key);
    keys.zip(hashes)
        .map(|(key, hash)| KeyedLeaf { key, hash })
        .collect()
}

/// The hashes of leaves, many in one call. `count` is about how many there are.
pub(crate) fn hash_leaves<'a>(
    leaves: impl Iterator<Item = (&'a Key, &'a ValueHash)>,
    count: usize,
) -> Vec<NodeHash> {
    let mut hashes = Vec::with_capacity(count);
    let (mut blocks, mut out) = ([[0; 64]; BATCH], [[0; 32]; BATCH]);
    let mut leaves = leaves.peekable();
    while leaves.peek().is_some() {
        let mut used = 0;
        for ((key, value), to) in leaves.by_ref().take(BATCH).zip(&mut blocks) {
            *to = block(&NodeHash(key.0), &NodeHash(value.0));
            used += 1;
        }
        leaf_hashes(&blocks[..used], &mut out[..used]);
        hashes.extend(out[..used].iter().map(|hash| NodeHash(*hash)));
    }
    hashes
}
