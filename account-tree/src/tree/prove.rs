//! Making proofs (specs/04 §4.1): [`Tree::prove`], and [`Past::prove`] for an earlier state.

use std::vec::Vec;

use crate::hash::{NodeHash, ValueHash};
use crate::key::{Key, mask};
use crate::proof::Proof;
use crate::tree::Tree;
use crate::tree::bucket::Leaf;
use crate::tree::past::{End, Past, Stop};
use crate::tree::rows::{Damaged, Leaves, Rows, RowsError};
use crate::tree::trie::{Bits, fold, halves};
use crate::wire::{EMPTY, MAX_DEPTH, NEIGHBOUR, PRESENT};

/// The leaf stands at depth 256, which a proof cannot say: another key in the tree differs from its own only in the last
/// bit. Hashed keys never come to this; a tree that does was not built from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the leaf {key} and another differ only in the last bit of their keys; check where the keys come from"
)]
pub struct TooDeep {
    /// The key asked for.
    pub key: Key,
}

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    /// The proof would be longer than proofs can be.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    /// The rows are not those of the tree.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The rows could not be read.
    #[error("the leaves beside the key could not be read: {0}")]
    Leaves(E),
}

impl<E> From<RowsError<E>> for ProveError<E> {
    fn from(error: RowsError<E>) -> Self {
        match error {
            RowsError::Damaged(damaged) => Self::Damaged(damaged),
            RowsError::Leaves(error) => Self::Leaves(error),
        }
    }
}

impl Tree {
    /// The proof of what this tree holds at `key`: the leaf, or its absence. `leaves` are the rows of this state. The fast mode
    /// reads them only for the neighbour in a proof of absence.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove<L: Leaves>(&self, key: &Key, leaves: &L) -> Result<Proof, ProveError<L::Error>> {
        self.at([]).prove(key, leaves)
    }

    /// Reads the memory that proofs of these keys will need, side by side, so that whoever makes many proofs waits less: a few
    /// dozen keys at a time, each then proved. It changes nothing but the time that this takes.
    pub fn fetch(&self, keys: &[Key]) {
        self.store.fetch(keys.iter().map(Key::tag));
    }

    /// As [`prove`](Self::prove), but leaves the bytes of the proof (specs/04 §4.1) in `out`, whatever it held before: many
    /// proofs need no more memory than one.
    ///
    /// # Errors
    /// [`ProveError`]; `out` is then of no use.
    pub fn prove_into<L: Leaves>(
        &self,
        key: &Key,
        leaves: &L,
        out: &mut Vec<u8>,
    ) -> Result<(), ProveError<L::Error>> {
        self.at([]).prove_into(key, leaves, out)
    }
}

impl Past<'_> {
    /// The proof of what that state held at `key`. `leaves` are the rows of that state.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove<L: Leaves>(&self, key: &Key, leaves: &L) -> Result<Proof, ProveError<L::Error>> {
        let mut bytes = Vec::new();
        self.prove_into(key, leaves, &mut bytes)?;
        Ok(Proof::from_bytes(&bytes).expect("what is written here is well-formed"))
    }

    /// As [`prove`](Self::prove), but leaves the bytes in `out`; see [`Tree::prove_into`].
    ///
    /// # Errors
    /// [`ProveError`]; `out` is then of no use.
    pub fn prove_into<L: Leaves>(
        &self,
        key: &Key,
        leaves: &L,
        out: &mut Vec<u8>,
    ) -> Result<(), ProveError<L::Error>> {
        let mut path = Path::new(out);
        let stop = self.descend(key, 256, |sibling| path.push(sibling));
        let found = match stop.end {
            End::Empty => Found::Nothing,
            End::Bucket(bucket) => in_bucket(&stop, bucket, key, leaves, &mut path)?,
            End::Lone | End::Rows | End::Split => in_rows(&stop, key, leaves, &mut path)?,
        };
        path.finish(key, found).map_err(ProveError::from)
    }
}

/// What stands at the end of a path.
enum Found {
    Nothing,
    Leaf,
    Neighbour(Key, ValueHash),
}

/// Follows the path through a bucket.
fn in_bucket<L: Leaves>(
    stop: &Stop<'_>,
    bucket: &[Leaf],
    key: &Key,
    leaves: &L,
    path: &mut Path<'_>,
) -> Result<Found, RowsError<L::Error>> {
    let Some(leaf) = follow(bucket, key, path) else {
        return Ok(Found::Nothing);
    };
    if leaf.tag != key.tag() {
        let depth = path.depth;
        let rows = Rows::read(leaves, key, depth)?;
        return match (&rows.rows[..], &rows.leaves[..]) {
            ([(neighbour, value_hash)], [row]) if row.hash == leaf.hash => {
                Ok(Found::Neighbour(*neighbour, *value_hash))
            }
            _ => Err(Damaged { path: *key, depth }.into()),
        };
    }
    if leaves.holds(key).map_err(RowsError::Leaves)? {
        return Ok(Found::Leaf);
    }
    // The tag is that of another key.
    path.cut(stop.depth());
    in_rows(stop, key, leaves, path)
}

/// Follows the path through the rows of a slot, or of a place with one leaf.
fn in_rows<L: Leaves>(
    stop: &Stop<'_>,
    key: &Key,
    leaves: &L,
    path: &mut Path<'_>,
) -> Result<Found, RowsError<L::Error>> {
    let rows = stop.rows(key, leaves)?;
    let Some(leaf) = follow(&rows.leaves, key, path) else {
        return Ok(Found::Nothing);
    };
    if leaf.key == *key {
        return Ok(Found::Leaf);
    }
    let row = rows
        .rows
        .iter()
        .find(|(neighbour, _)| *neighbour == leaf.key);
    let (neighbour, value_hash) = row.expect("each of these leaves is of a row");
    Ok(Found::Neighbour(*neighbour, *value_hash))
}

/// Follows the path of a key through leaves that share the bits of the path so far, to where at most one is left.
fn follow<'a, T: Bits>(mut leaves: &'a [T], key: &Key, path: &mut Path<'_>) -> Option<&'a T> {
    while leaves.len() > 1 {
        let depth = path.depth;
        let (left, right) = halves(leaves, depth);
        let (on_path, beside) = if key.bit(depth) {
            (right, left)
        } else {
            (left, right)
        };
        path.push(fold(beside, depth + 1));
        leaves = on_path;
    }
    leaves.first()
}

/// A proof that is being written. The bitmap's length is known only at the end, so there is room for the longest.
struct Path<'a> {
    bytes: &'a mut Vec<u8>,
    bitmap: [u8; 32],
    depth: usize,
}

/// Form and depth.
const HEAD: usize = 2;

/// Where the siblings begin until the length of the bitmap is known.
const SIBLINGS: usize = HEAD + 32;

impl<'a> Path<'a> {
    fn new(bytes: &'a mut Vec<u8>) -> Self {
        bytes.clear();
        bytes.resize(SIBLINGS, 0);
        Self {
            bytes,
            bitmap: [0; 32],
            depth: 0,
        }
    }

    /// One step down, with the hash beside it.
    #[inline]
    fn push(&mut self, sibling: NodeHash) {
        if sibling != NodeHash::EMPTY {
            self.bitmap[self.depth / 8] |= mask(self.depth);
            self.bytes.extend_from_slice(&sibling.0);
        }
        self.depth += 1;
    }

    /// Back up to `depth`.
    fn cut(&mut self, depth: usize) {
        while self.depth > depth {
            self.depth -= 1;
            let mask = mask(self.depth);
            if self.bitmap[self.depth / 8] & mask != 0 {
                self.bitmap[self.depth / 8] ^= mask;
                self.bytes.truncate(self.bytes.len() - 32);
            }
        }
    }

    fn finish(self, key: &Key, found: Found) -> Result<(), TooDeep> {
        let depth = u8::try_from(self.depth).map_err(|_| TooDeep { key: *key })?;
        const { assert!(MAX_DEPTH == u8::MAX as usize) };
        let bitmap = &self.bitmap[..self.depth.div_ceil(8)];
        let gap = HEAD + bitmap.len();
        let end = self.bytes.len();
        self.bytes.copy_within(SIBLINGS..end, gap);
        self.bytes.truncate(end - (SIBLINGS - gap));
        self.bytes[HEAD..gap].copy_from_slice(bitmap);
        self.bytes[1] = depth;
        self.bytes[0] = match found {
            Found::Nothing => EMPTY,
            Found::Leaf => PRESENT,
            Found::Neighbour(neighbour, value_hash) => {
                self.bytes.extend_from_slice(&neighbour.0[self.depth / 8..]);
                self.bytes.extend_from_slice(&value_hash.0);
                NEIGHBOUR
            }
        };
        Ok(())
    }
}
