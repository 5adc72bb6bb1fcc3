//! Chunks (specs/10 §3): all rows of one subtree, checked against the hash and the prefix that the manifest gives.

use alloc::vec;
use alloc::vec::Vec;

use crate::forest::{Forest, Twig};
use crate::hash::{self, NodeHash, value_hashes};
use crate::key::Key;
use crate::snapshot::MAX_CHUNK_BYTES;
use crate::snapshot::row::{BadRow, Row, split_row};

/// A chunk by its place and hash, as a manifest lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRef {
    /// The bits that all keys of the chunk begin with, `depth` of them; the bits after them are zeros.
    pub path: Key,
    /// The depth of the chunk's subtree.
    pub depth: u8,
    /// The hash of the chunk's subtree.
    pub hash: NodeHash,
}

/// Bytes that are not the chunk which was asked for. Whoever sent them did not follow the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the chunk {} at depth {}: {fault}; fetch it elsewhere",
    .chunk.path,
    .chunk.depth
)]
pub struct BadChunk {
    /// The chunk that was asked for.
    pub chunk: ChunkRef,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with the bytes of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// More than [`MAX_CHUNK_BYTES`].
    #[error("{0} bytes are more than a chunk can have")]
    TooLong(usize),
    /// A row cannot be read.
    #[error("row {index}: {why}")]
    Row {
        /// The row's index.
        index: usize,
        /// Why.
        why: BadRow,
    },
    /// Fewer than two rows.
    #[error("a chunk has two rows or more, not {0}")]
    TooFew(usize),
    /// The value of the row at this index is not that of a leaf.
    #[error("row {0} holds no leaf")]
    NoLeaf(usize),
    /// The key of the row at this index does not begin with the chunk's prefix.
    #[error("row {0} belongs to another chunk")]
    OffPrefix(usize),
    /// The key of the row at this index is not greater than the one before it.
    #[error("row {0} does not rise above the one before it")]
    NotRising(usize),
    /// All is well but for the hash.
    #[error("its rows have the hash {0}")]
    OtherHash(NodeHash),
}

impl ChunkRef {
    /// Checks that these bytes are this chunk and gives its rows, by rising key.
    ///
    /// `key_of` recomputes the key of a leaf from its value (specs/04 §1.2) and is `None` for what is no leaf. Memory is
    /// bounded by the bytes: 80 bytes a row for what is given, and about 150 more while it is checked.
    ///
    /// # Errors
    /// [`BadChunk`], which names this chunk.
    pub fn check<'a>(
        &self,
        bytes: &'a [u8],
        key_of: impl Fn(&[u8]) -> Option<Key>,
    ) -> Result<Vec<Row<'a>>, BadChunk> {
        self.rows(bytes, key_of).map_err(|fault| BadChunk {
            chunk: *self,
            fault,
        })
    }

    fn rows<'a>(
        &self,
        bytes: &'a [u8],
        key_of: impl Fn(&[u8]) -> Option<Key>,
    ) -> Result<Vec<Row<'a>>, Fault> {
        if bytes.len() > MAX_CHUNK_BYTES {
            return Err(Fault::TooLong(bytes.len()));
        }
        let values = values(bytes)?;
        if values.len() < 2 {
            return Err(Fault::TooFew(values.len()));
        }
        let mut rows = Vec::with_capacity(values.len());
        let mut before: Option<Key> = None;
        for (index, (value, value_hash)) in values.iter().zip(value_hashes(&values)).enumerate() {
            let key = key_of(value).ok_or(Fault::NoLeaf(index))?;
            if key.common_bits(&self.path) < usize::from(self.depth) {
                return Err(Fault::OffPrefix(index));
            }
            if before.is_some_and(|before| before >= key) {
                return Err(Fault::NotRising(index));
            }
            before = Some(key);
            rows.push(Row {
                key,
                value_hash,
                value,
            });
        }
        let hash = hash_rows(&rows, usize::from(self.depth));
        if hash != self.hash {
            return Err(Fault::OtherHash(hash));
        }
        Ok(rows)
    }
}

/// The values of all rows.
fn values(bytes: &[u8]) -> Result<Vec<&[u8]>, Fault> {
    // Where a row begins is known only when the one before it has come from memory; in one pass they all come at once.
    let all = bytes.iter().step_by(64).fold(0, |all, byte| all ^ byte);
    core::hint::black_box(all);
    let (mut values, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let index = values.len();
        let (value, after) = split_row(rest).map_err(|why| Fault::Row { index, why })?;
        values.push(value);
        rest = after;
    }
    Ok(values)
}

/// The hash of the subtree at `depth` whose rows these are. Their keys rise strictly and share the first `depth` bits.
pub(super) fn hash_rows(rows: &[Row<'_>], depth: usize) -> NodeHash {
    let leaves: Vec<_> = rows
        .iter()
        .map(|row| row.key)
        .zip(leaf_hashes(rows))
        .collect();
    let mut forest = Forest::default();
    let all = forest.add(&leaves, depth);
    forest.grow();
    forest.hash(all)
}

impl Twig for (Key, NodeHash) {
    #[inline]
    fn parting(&self, other: &Self) -> usize {
        self.0.common_bits(&other.0)
    }

    #[inline]
    fn is_right(&self, depth: usize) -> bool {
        self.0.bit(depth)
    }

    #[inline]
    fn hash(&self) -> NodeHash {
        self.1
    }
}

/// The hashes of many leaves.
fn leaf_hashes(rows: &[Row<'_>]) -> Vec<NodeHash> {
    let block = |row: &Row<'_>| {
        let mut block = [0; 64];
        block[..32].copy_from_slice(&row.key.0);
        block[32..].copy_from_slice(&row.value_hash.0);
        block
    };
    let blocks: Vec<_> = rows.iter().map(block).collect();
    let mut hashes = vec![[0; 32]; blocks.len()];
    hash::leaf_hashes(&blocks, &mut hashes);
    hashes.into_iter().map(NodeHash).collect()
}
