//! Anchored proofs (specs/04 §9): a single proof without the levels that the verifier's [`Anchor`] holds already.

use alloc::vec;
use alloc::vec::Vec;

use crate::anchor::{Anchor, AnchorDepth};
use crate::hash::{NodeHash, ValueHash, leaf_hash, node_hash, value_hash};
use crate::key::{Key, mask};
use crate::shape::{Place, Shape};
use crate::verify::{Claim, Refused, neighbour_key};
use crate::wire::{EMPTY, Malformed, NEIGHBOUR, PRESENT, check_bitmap, is_set, take};

/// Why there is no anchored proof for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBelow<E> {
    /// The leaf stands at depth 256, which a proof cannot say. Hashed keys never come to this.
    #[error("{0} and another key differ only in the last bit; check where the keys come from")]
    TooDeep(Key),
    /// The tree cannot be read.
    #[error(transparent)]
    Shape(E),
}

/// Why an anchored proof does not show what it is said to show. The claim may still be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedBelow {
    /// For a reason that holds for single proofs as well; never [`Refused::OtherRoot`].
    #[error(transparent)]
    Proof(#[from] Refused),
    /// The proof ends at a depth that the anchor covers.
    #[error("the proof ends at depth {0}, which the anchor covers; refuse it")]
    Above(u8),
    /// The anchor alone decides about this key, and it says something else.
    #[error("the anchor shows something else at {0}; no proof can change that")]
    Anchor(Key),
    /// The proof leads to another node than the anchor's.
    #[error("the proof leads to node {0}; check that it was made for this key and block")]
    OtherNode(NodeHash),
}

impl From<Malformed> for RefusedBelow {
    fn from(malformed: Malformed) -> Self {
        Self::Proof(malformed.into())
    }
}

/// Makes the proof of what the tree holds at `key` for those who hold its anchor of this depth. It is empty if the anchor
/// shows it alone.
///
/// # Errors
/// [`NotBelow`].
pub fn prove_below<S: Shape>(
    shape: &S,
    key: &Key,
    anchor: AnchorDepth,
) -> Result<Vec<u8>, NotBelow<S::Error>> {
    let above = anchor.bits();
    let mut siblings = Vec::new();
    let mut place = shape.place(key, above).map_err(NotBelow::Shape)?;
    while matches!(place, Place::Split { .. }) {
        let depth = above + siblings.len();
        let beside = key.with_bit(depth, !key.bit(depth));
        siblings.push(shape.hash(&beside, depth + 1).map_err(NotBelow::Shape)?);
        place = shape.place(key, depth + 1).map_err(NotBelow::Shape)?;
    }
    if siblings.is_empty() {
        return Ok(Vec::new());
    }
    let depth = above + siblings.len();
    let byte = u8::try_from(depth).map_err(|_| NotBelow::TooDeep(*key))?;

    let (form, neighbour) = match place {
        Place::Leaf { key: found, .. } if found == *key => (PRESENT, None),
        Place::Leaf { key, value_hash } => (NEIGHBOUR, Some((key, value_hash))),
        Place::Empty | Place::Split { .. } => (EMPTY, None),
    };
    let mut bitmap = vec![0; siblings.len().div_ceil(8)];
    siblings
        .iter()
        .enumerate()
        .filter(|(_, sibling)| **sibling != NodeHash::EMPTY)
        .for_each(|(index, _)| bitmap[index / 8] |= mask(index));
    siblings.retain(|sibling| *sibling != NodeHash::EMPTY);

    let mut bytes = vec![form, byte];
    bytes.extend(bitmap);
    bytes.extend(siblings.iter().flat_map(|sibling| sibling.0));
    if let Some((key, value_hash)) = neighbour {
        bytes.extend(&key.0[depth / 8..]);
        bytes.extend(value_hash.0);
    }
    Ok(bytes)
}

impl Anchor {
    /// Checks an anchored proof. It reads the proof where it lies and allocates nothing.
    ///
    /// # Security
    /// As for [`verify`](crate::verify): the key is the caller's own, and the value's key is recomputed from what it holds.
    ///
    /// # Errors
    /// [`RefusedBelow`] for every proof that does not show the claim under the anchor's root.
    pub fn verify(&self, key: &Key, claim: Claim<'_>, proof: &[u8]) -> Result<(), RefusedBelow> {
        if claim == Claim::Present(&[]) {
            return Err(Refused::EmptyValue.into());
        }
        let Place::Split { hash } = self.end(key) else {
            return self.verify_alone(key, claim, proof);
        };
        let parts = Parts::parse(proof, self.depth.bits())?;
        let reached = parts.climb(key, parts.start(key, claim)?);
        if reached != *hash {
            return Err(RefusedBelow::OtherNode(reached));
        }
        Ok(())
    }

    /// The claim against what stands in the anchor itself.
    fn verify_alone(&self, key: &Key, claim: Claim<'_>, proof: &[u8]) -> Result<(), RefusedBelow> {
        if !proof.is_empty() {
            return Err(Malformed::LeftOver(proof.len()).into());
        }
        let held = match self.end(key) {
            Place::Leaf {
                key: found,
                value_hash,
            } if found == key => Some(*value_hash),
            _ => None,
        };
        let claimed = match claim {
            Claim::Present(value) => Some(value_hash(value)),
            Claim::Absent => None,
        };
        if held != claimed {
            return Err(RefusedBelow::Anchor(*key));
        }
        Ok(())
    }
}

/// A well-formed anchored proof, still in its bytes.
struct Parts<'a> {
    form: u8,
    /// From the root.
    depth: usize,
    /// How many levels the anchor covers.
    above: usize,
    bitmap: &'a [u8],
    /// The siblings that are not empty, from the top down.
    siblings: &'a [[u8; 32]],
    /// The neighbour's suffix and value hash; empty for the other forms.
    tail: &'a [u8],
}

impl<'a> Parts<'a> {
    fn parse(bytes: &'a [u8], above: usize) -> Result<Self, RefusedBelow> {
        let (&[form, byte], rest) = bytes.split_first_chunk().ok_or(Malformed::Truncated)?;
        if form > NEIGHBOUR {
            return Err(Malformed::UnknownForm(form).into());
        }
        let depth = usize::from(byte);
        let levels = depth
            .checked_sub(above)
            .filter(|levels| *levels > 0)
            .ok_or(RefusedBelow::Above(byte))?;
        let (bitmap, rest) = take(rest, levels.div_ceil(8))?;
        check_bitmap(bitmap, levels)?;

        let count: u32 = bitmap.iter().map(|byte| byte.count_ones()).sum();
        let count = usize::try_from(count).map_err(|_| Malformed::Truncated)?;
        let (siblings, rest) = take(rest, 32 * count)?;
        let siblings = siblings.as_chunks().0;
        let zero = |sibling: &[u8; 32]| *sibling == NodeHash::EMPTY.0;
        if let Some(index) = siblings.iter().position(zero) {
            return Err(Malformed::ZeroSibling(index).into());
        }
        let length = if form == NEIGHBOUR {
            32 - depth / 8 + 32
        } else {
            0
        };
        let (tail, rest) = take(rest, length)?;
        if !rest.is_empty() {
            return Err(Malformed::LeftOver(rest.len()).into());
        }
        Ok(Self {
            form,
            depth,
            above,
            bitmap,
            siblings,
            tail,
        })
    }

    /// The hash at the end of the path if the claim is true.
    fn start(&self, key: &Key, claim: Claim<'_>) -> Result<NodeHash, Refused> {
        match (claim, self.form) {
            (Claim::Present(value), PRESENT) => Ok(leaf_hash(key, &value_hash(value))),
            (Claim::Absent, EMPTY) => Ok(NodeHash::EMPTY),
            (Claim::Absent, NEIGHBOUR) => {
                let (suffix, hash) = self
                    .tail
                    .split_last_chunk::<32>()
                    .ok_or(Malformed::Truncated)?;
                let neighbour = neighbour_key(key, suffix, self.depth)?;
                Ok(leaf_hash(&neighbour, &ValueHash(*hash)))
            }
            _ => Err(Refused::OtherClaim),
        }
    }

    /// Joins with the siblings from the bottom up to the anchor.
    fn climb(&self, key: &Key, start: NodeHash) -> NodeHash {
        let mut siblings = self.siblings.iter().rev();
        (self.above..self.depth).rev().fold(start, |hash, depth| {
            let sibling = if is_set(self.bitmap, depth - self.above) {
                siblings.next()
            } else {
                None
            };
            let sibling = sibling.map_or(NodeHash::EMPTY, |sibling| NodeHash(*sibling));
            if key.bit(depth) {
                node_hash(&sibling, &hash)
            } else {
                node_hash(&hash, &sibling)
            }
        })
    }
}
