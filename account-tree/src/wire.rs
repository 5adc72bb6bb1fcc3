//! The bytes of a proof (specs/04 §4.1) and all that can be refused without the key (§4.5).
//!
//! [`Parts`] borrows from the bytes. The parsed [`Proof`](crate::Proof) and the verifier both start from it, so there is
//! one reader of the format and it allocates nothing.

use crate::hash::{NodeHash, ValueHash};
use crate::key::mask;

/// The greatest depth of a proof. A deeper leaf would need a neighbour whose key agrees with its own in 255 bits, which
/// nobody can find for hashed keys.
pub const MAX_DEPTH: usize = 255;

/// The longest proof: form 2 at [`MAX_DEPTH`] with no empty sibling. What is longer can be refused unread.
pub const MAX_PROOF_BYTES: usize =
    2 + MAX_DEPTH.div_ceil(8) + 32 * MAX_DEPTH + (32 - MAX_DEPTH / 8) + 32;

/// Form 0: the leaf is present.
pub(crate) const PRESENT: u8 = 0;
/// Form 1: absent, its place is empty.
pub(crate) const EMPTY: u8 = 1;
/// Form 2: absent, its place is taken by a neighbour.
pub(crate) const NEIGHBOUR: u8 = 2;

/// Why bytes are not a proof of anything, whatever the key and the root. Whoever sent them did not follow the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end before the proof does.
    #[error("the proof ends too early; ask for it again")]
    Truncated,
    /// The proof ends before the bytes do.
    #[error("{0} bytes are left over after the proof; refuse it")]
    LeftOver(usize),
    /// The first byte is none of the forms 0, 1 and 2.
    #[error("form {0} is unknown; a newer verifier may know it")]
    UnknownForm(u8),
    /// The bitmap has bits set past the depth, where it must be padded with zeros.
    #[error("the bitmap has bits set past the depth; refuse the proof")]
    BitsPastDepth,
    /// The bitmap says of a sibling that it is not empty, and its hash says that it is.
    #[error("sibling {0} from the top is marked as present and is zero; refuse the proof")]
    ZeroSibling(usize),
    /// The last sibling is empty: this subtree would have moved up.
    #[error("the last sibling is empty, so no tree ends at this depth; refuse the proof")]
    LastSiblingEmpty,
}

/// A well-formed proof, still in its bytes.
pub(crate) struct Parts<'a> {
    pub(crate) depth: usize,
    bitmap: &'a [u8],
    /// The siblings that are not empty, from the top down.
    siblings: &'a [[u8; 32]],
    pub(crate) end: End<'a>,
}

/// What stands at the end of the path.
pub(crate) enum End<'a> {
    Present,
    Empty,
    Neighbour {
        /// The neighbour's key from byte `⌊depth/8⌋` on.
        suffix: &'a [u8],
        value_hash: ValueHash,
    },
}

impl<'a> Parts<'a> {
    /// Reads a whole proof. A depth above [`MAX_DEPTH`] cannot be written in the byte that it has.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (&[form, depth], rest) = bytes.split_first_chunk().ok_or(Malformed::Truncated)?;
        if form > NEIGHBOUR {
            return Err(Malformed::UnknownForm(form));
        }
        let depth = usize::from(depth);
        let (bitmap, rest) = take(rest, depth.div_ceil(8))?;
        check_bitmap(bitmap, depth)?;

        let count = bitmap
            .iter()
            .map(|byte| byte.count_ones() as usize)
            .sum::<usize>();
        let (siblings, rest) = take(rest, 32 * count)?;
        let siblings = siblings.as_chunks().0;
        if let Some(index) = siblings
            .iter()
            .position(|sibling| *sibling == NodeHash::EMPTY.0)
        {
            return Err(Malformed::ZeroSibling(index));
        }

        let (end, rest) = match form {
            PRESENT => (End::Present, rest),
            EMPTY => (End::Empty, rest),
            _ => {
                let (suffix, rest) = take(rest, 32 - depth / 8)?;
                let (value_hash, rest) = rest.split_first_chunk().ok_or(Malformed::Truncated)?;
                (
                    End::Neighbour {
                        suffix,
                        value_hash: ValueHash(*value_hash),
                    },
                    rest,
                )
            }
        };
        if !rest.is_empty() {
            return Err(Malformed::LeftOver(rest.len()));
        }
        Ok(Self {
            depth,
            bitmap,
            siblings,
            end,
        })
    }

    /// All siblings from the bottom up, the empty ones among them, each with the depth of the node that it meets the path
    /// in.
    pub(crate) fn siblings_upwards(&self) -> impl Iterator<Item = (usize, NodeHash)> + use<'a> {
        let (bitmap, mut present) = (self.bitmap, self.siblings.iter().rev());
        (0..self.depth).rev().map(move |index| {
            let sibling = if is_set(bitmap, index) {
                present.next()
            } else {
                None
            };
            (
                index,
                sibling.map_or(NodeHash::EMPTY, |hash| NodeHash(*hash)),
            )
        })
    }
}

/// Checks that the bits past the depth are clear and the last one before it is set.
pub(crate) fn check_bitmap(bitmap: &[u8], depth: usize) -> Result<(), Malformed> {
    if (depth..8 * bitmap.len()).any(|index| is_set(bitmap, index)) {
        return Err(Malformed::BitsPastDepth);
    }
    if depth > 0 && !is_set(bitmap, depth - 1) {
        return Err(Malformed::LastSiblingEmpty);
    }
    Ok(())
}

pub(crate) fn is_set(bitmap: &[u8], index: usize) -> bool {
    bitmap[index / 8] & mask(index) != 0
}

/// The first `count` bytes and the rest.
pub(crate) fn take(bytes: &[u8], count: usize) -> Result<(&[u8], &[u8]), Malformed> {
    bytes.split_at_checked(count).ok_or(Malformed::Truncated)
}
