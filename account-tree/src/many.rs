//! Multiproofs (specs/04 §7): what a tree holds at many keys, with every hash that their paths share written once or not
//! at all.

use alloc::vec::Vec;

use crate::hash::{NodeHash, Root, ValueHash, leaf_hash, value_hash};
use crate::key::Key;
use crate::shape::{Place, Shape};
use crate::stream::{Misshapen, Reader, Seen, Writer};
use crate::verify::Claim;

/// Keys that one multiproof is about at most: about 1 MB of proof at a million leaves. A reader can so bound what it
/// asks for and a maker what it is asked.
pub const MAX_MANY: usize = 4096;

/// The bits of a key, and so the depth below which there is nothing.
const KEY_BITS: usize = 256;

/// Why there is no multiproof of these keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMany<E> {
    /// No key, or more than [`MAX_MANY`].
    #[error("a multiproof is about 1 to {MAX_MANY} keys, not {0}; ask in parts")]
    Count(usize),
    /// The key at this index is not greater than the one before it.
    #[error("key {0} does not rise; sort the keys and drop repeated ones")]
    NotRising(usize),
    /// The tree cannot be read.
    #[error(transparent)]
    Shape(E),
}

/// Why a multiproof does not show what it is said to show. The claims may still be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedMany {
    /// No claim, or more than [`MAX_MANY`].
    #[error("a multiproof is about 1 to {MAX_MANY} keys, not {0}; ask in parts")]
    Count(usize),
    /// The key at this index is not greater than the one before it.
    #[error("key {0} does not rise; sort the claims and drop repeated ones")]
    NotRising(usize),
    /// An absent leaf has the empty value, so no leaf can have it.
    #[error("an empty value cannot be present at {0}; ask for a proof of absence")]
    EmptyValue(Key),
    /// The bytes are no multiproof of these keys.
    #[error("malformed multiproof: {0}")]
    Misshapen(#[from] Misshapen),
    /// The proof ends above two leaves that are both claimed to be present; this is the second.
    #[error("the proof ends above {0} and another leaf claimed to be present; refuse it")]
    Crowded(Key),
    /// The neighbour is a leaf that is claimed to be absent.
    #[error("the neighbour {0} is a leaf said to be absent; refuse the proof")]
    NeighbourIsKey(Key),
    /// The proof leads to another root: one of root, keys, values and proof belongs to another state or was altered.
    #[error("the proof leads to root {0}; check that it was made for these keys and block")]
    OtherRoot(Root),
}

/// Makes the multiproof of what the tree holds at `keys`, each the leaf or its absence. The keys rise strictly.
///
/// # Errors
/// [`NotMany`].
pub fn prove_many<S: Shape>(shape: &S, keys: &[Key]) -> Result<Vec<u8>, NotMany<S::Error>> {
    if keys.is_empty() || keys.len() > MAX_MANY {
        return Err(NotMany::Count(keys.len()));
    }
    if let Some(index) = keys.windows(2).position(|pair| pair[0] >= pair[1]) {
        return Err(NotMany::NotRising(index + 1));
    }
    let mut writer = Writer::default();
    write(shape, keys, 0, &mut writer).map_err(NotMany::Shape)?;
    Ok(writer.bytes)
}

/// Writes the place at `depth` on the path that `keys` share. A split has two leaves below it, so it is above depth 256.
fn write<S: Shape>(
    shape: &S,
    keys: &[Key],
    depth: usize,
    writer: &mut Writer,
) -> Result<(), S::Error> {
    let place = shape.place(&keys[0], depth)?;
    let split = matches!(place, Place::Split { .. });
    writer.bit(split);
    if split {
        let (left, right) = keys.split_at(keys.partition_point(|key| !key.bit(depth)));
        if left.is_empty() || right.is_empty() {
            let beside = keys[0].with_bit(depth, !keys[0].bit(depth));
            let hash = shape.hash(&beside, depth + 1)?;
            writer.bit(hash != NodeHash::EMPTY);
            if hash != NodeHash::EMPTY {
                writer.put(&hash.0);
            }
        }
        for half in [left, right].into_iter().filter(|half| !half.is_empty()) {
            write(shape, half, depth + 1, writer)?;
        }
        return Ok(());
    }
    match place {
        Place::Leaf { key, value_hash } if keys.binary_search(&key).is_err() => {
            writer.bit(true);
            writer.put(&key.0[depth / 8..]);
            writer.put(&value_hash.0);
        }
        Place::Leaf { .. } => {}
        Place::Empty | Place::Split { .. } => writer.bit(false),
    }
    Ok(())
}

/// Checks a multiproof. The keys of the claims rise strictly.
///
/// It reads the proof where it lies and allocates nothing. Its work is bounded by the claims and the bytes given.
///
/// # Security
/// As for [`verify`](crate::verify): keys are the caller's own, values are compared with the kinds and ids asked for, and
/// the root comes from a header that the caller trusts.
///
/// # Errors
/// [`RefusedMany`] for everything that does not show all the claims under this root.
pub fn verify_many(
    root: &Root,
    claims: &[(Key, Claim<'_>)],
    proof: &[u8],
) -> Result<(), RefusedMany> {
    if claims.is_empty() || claims.len() > MAX_MANY {
        return Err(RefusedMany::Count(claims.len()));
    }
    if let Some(index) = claims.windows(2).position(|pair| pair[0].0 >= pair[1].0) {
        return Err(RefusedMany::NotRising(index + 1));
    }
    if let Some((key, _)) = claims
        .iter()
        .find(|(_, claim)| *claim == Claim::Present(&[]))
    {
        return Err(RefusedMany::EmptyValue(*key));
    }
    let mut reader = Reader::new(proof);
    let reached = read(&mut reader, claims, 0)?.hash();
    reader.finish()?;
    if reached.0 != root.0 {
        return Err(RefusedMany::OtherRoot(Root(reached.0)));
    }
    Ok(())
}

/// Reads the place at `depth` on the path that the claims' keys share.
fn read(
    reader: &mut Reader<'_>,
    claims: &[(Key, Claim<'_>)],
    depth: usize,
) -> Result<Seen, RefusedMany> {
    if !reader.bit()? {
        return read_end(reader, claims, depth);
    }
    if depth == KEY_BITS {
        return Err(Misshapen::Misplaced(depth).into());
    }
    let (left, right) = claims.split_at(claims.partition_point(|(key, _)| !key.bit(depth)));
    let (left, right) = match (left, right) {
        ([], on_path) => (read_beside(reader)?, read(reader, on_path, depth + 1)?),
        (on_path, []) => {
            let beside = read_beside(reader)?;
            (read(reader, on_path, depth + 1)?, beside)
        }
        _ => (
            read(reader, left, depth + 1)?,
            read(reader, right, depth + 1)?,
        ),
    };
    Ok(Seen::join(left, right, depth)?)
}

/// Reads the half of a split in which no key lies.
fn read_beside(reader: &mut Reader<'_>) -> Result<Seen, Misshapen> {
    Ok(if reader.bit()? {
        Seen::Other(reader.hash()?)
    } else {
        Seen::Empty
    })
}

/// Reads a place with at most one leaf. The claims say which one it is, if any of them is of presence.
fn read_end(
    reader: &mut Reader<'_>,
    claims: &[(Key, Claim<'_>)],
    depth: usize,
) -> Result<Seen, RefusedMany> {
    let mut present = claims.iter().filter_map(|(key, claim)| match claim {
        Claim::Present(value) => Some((key, value)),
        Claim::Absent => None,
    });
    if let Some((key, value)) = present.next() {
        return match present.next() {
            Some((second, _)) => Err(RefusedMany::Crowded(*second)),
            None => Ok(Seen::Leaf(leaf_hash(key, &value_hash(value)))),
        };
    }
    if !reader.bit()? {
        return Ok(Seen::Empty);
    }
    let path = claims[0].0;
    let mut neighbour = path;
    neighbour.0[depth / 8..].copy_from_slice(reader.bytes(32 - depth / 8)?);
    let value_hash = ValueHash(*reader.array()?);
    if neighbour.common_bits(&path) < depth {
        return Err(Misshapen::OffPath(depth).into());
    }
    if claims
        .binary_search_by_key(&neighbour, |(key, _)| *key)
        .is_ok()
    {
        return Err(RefusedMany::NeighbourIsKey(neighbour));
    }
    Ok(Seen::Leaf(leaf_hash(&neighbour, &value_hash)))
}
