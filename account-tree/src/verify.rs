//! The verifier: does this proof show, under this root, that the leaf has this value or is absent (specs/04 §4.4)?
//!
//! It reads the proof where it lies, allocates nothing, and shares with the tree only the hash functions.

use crate::hash::{NodeHash, Root, leaf_hash, node_hash, value_hash};
use crate::key::Key;
use crate::wire::{End, Malformed, Parts};

/// What a proof is said to show about the leaf at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim<'a> {
    /// The leaf exists and this is its value, the bytes that travel beside the proof (specs/04 §4.6).
    Present(&'a [u8]),
    /// There is no leaf at this key.
    Absent,
}

/// Why a proof does not show what it is said to show. The claim may still be true; another proof would be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The bytes are not a proof at all.
    #[error("malformed proof: {0}")]
    Malformed(#[from] Malformed),
    /// An absent leaf has the empty value, so no leaf can have it.
    #[error("an empty value cannot be present; ask for a proof of absence")]
    EmptyValue,
    /// The form shows presence where absence is claimed, or the other way round.
    #[error("the proof's form shows the opposite of the claim; it may prove that instead")]
    OtherClaim,
    /// The neighbour has the key asked for, which would show presence.
    #[error("the neighbour is the leaf itself; refuse the proof")]
    NeighbourIsKey,
    /// The neighbour's key leaves the path above the depth at which it is said to stand.
    #[error("the neighbour does not lie on the key's path; refuse the proof")]
    NeighbourOffPath,
    /// The proof leads to another root: one of root, key, value and proof belongs to another state or was altered.
    #[error("the proof leads to root {0}; check that it was made for this key and block")]
    OtherRoot(Root),
}

/// Checks a proof.
///
/// # Security
/// The key must be the caller's own: the hash of the kind and id that were asked for. If the claim is a value,
/// the caller also recomputes the key from the kind and id inside it (specs/04 §1.2, §4.6). The root must come from a
/// header that the caller trusts.
///
/// # Errors
/// [`Refused`] for every proof that does not show the claim under this root.
pub fn verify(root: &Root, key: &Key, claim: Claim<'_>, proof: &[u8]) -> Result<(), Refused> {
    let parts = Parts::parse(proof)?;
    let start = match (claim, &parts.end) {
        (Claim::Present([]), _) => return Err(Refused::EmptyValue),
        (Claim::Present(value), End::Present) => leaf_hash(key, &value_hash(value)),
        (Claim::Absent, End::Empty) => NodeHash::EMPTY,
        (Claim::Absent, End::Neighbour { suffix, value_hash }) => {
            leaf_hash(&neighbour_key(key, suffix, parts.depth)?, value_hash)
        }
        (Claim::Present(_), _) | (Claim::Absent, End::Present) => return Err(Refused::OtherClaim),
    };
    let reached = parts
        .siblings_upwards()
        .fold(start, |hash, (depth, sibling)| {
            if key.bit(depth) {
                node_hash(&sibling, &hash)
            } else {
                node_hash(&hash, &sibling)
            }
        });
    if reached.0 != root.0 {
        return Err(Refused::OtherRoot(Root(reached.0)));
    }
    Ok(())
}

/// The neighbour's whole key, of which the proof carries the bytes that may differ from `key` (specs/04 §4.3).
pub(crate) fn neighbour_key(key: &Key, suffix: &[u8], depth: usize) -> Result<Key, Refused> {
    let mut neighbour = *key;
    neighbour.0[depth / 8..].copy_from_slice(suffix);
    if neighbour == *key {
        return Err(Refused::NeighbourIsKey);
    }
    if neighbour.common_bits(key) < depth {
        return Err(Refused::NeighbourOffPath);
    }
    Ok(neighbour)
}
