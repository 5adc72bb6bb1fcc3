//! The bounded reader (specs/01 §1): the only way from foreign bytes to a value.
//!
//! SCALE's own decoder believes lengths, ignores what follows the value and lets a few bytes ask for gigabytes. [`read`] does not: it bounds input, depth and memory,
//! consumes everything, and demands that the value encodes back to the same bytes, so that a value has one encoding and hashes of bytes are hashes of values.

use parity_scale_codec::{Compact, Decode, Encode, Error, Input, MaxEncodedLen, Output};
use std::any::{Any, TypeId};

/// How deep heap-allocated values may nest. The deepest type, a block, needs three levels.
const MAX_DEPTH: u8 = 8;

/// Memory that a decode may use for each byte of input. No valid value needs it all: the densest, what takes back a block that touched only bare accounts with a waiting change, takes
/// 3.7 bytes in memory for one on the wire. The number depends on how this program lays values out, so it must never decide what is valid (specs/01 §1.2).
pub const MEMORY_FACTOR: usize = 4;

/// Memory that any decode may use beyond that, in bytes.
pub const MEMORY_ALLOWANCE: usize = 64 * 1024;

/// The part of the allowance that is not charged one by one: the second copy of a name or of records while they are checked, a transaction's actions while they are
/// gathered, the words of an error.
const UNCHARGED: usize = 24 * 1024;

/// A type that crosses a boundary, with the longest encoding that is looked at.
pub trait Wire: Encode + Decode {
    /// Longest accepted encoding in bytes.
    const MAX_BYTES: usize;
}

/// Why bytes are not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Longer than the type's bound; nothing was decoded.
    #[error("{len} bytes are more than the {max} that this type may have")]
    TooLong {
        /// Length given.
        len: usize,
        /// [`Wire::MAX_BYTES`] of the type.
        max: usize,
    },
    /// Not an encoding of the type, or beyond the limits on depth and memory.
    #[error("not a valid encoding: {0}")]
    Invalid(String),
    /// The value ended before the input did.
    #[error("{0} bytes left over after the value")]
    Trailing(usize),
    /// The value has another, canonical encoding.
    #[error("not the canonical encoding of its value")]
    NonCanonical,
}

/// Reads one value from all of `bytes`.
///
/// # Errors
/// [`Malformed`] says what is wrong; nothing of the input is kept.
pub fn read<T: Wire>(bytes: &[u8]) -> Result<T, Malformed> {
    if bytes.len() > T::MAX_BYTES {
        return Err(Malformed::TooLong {
            len: bytes.len(),
            max: T::MAX_BYTES,
        });
    }
    let mut reader = Reader {
        rest: bytes,
        memory: bytes.len() * MEMORY_FACTOR + MEMORY_ALLOWANCE - UNCHARGED,
        depth: 0,
    };
    let value = T::decode(&mut reader).map_err(|e| Malformed::Invalid(one_line(&e)))?;
    if !reader.rest.is_empty() {
        return Err(Malformed::Trailing(reader.rest.len()));
    }
    if !encodes_to(&value, bytes) {
        return Err(Malformed::NonCanonical);
    }
    Ok(value)
}

/// Whether a value's encoding is these bytes, without writing it down.
fn encodes_to(value: &impl Encode, bytes: &[u8]) -> bool {
    let mut expected = Expected(Some(bytes));
    value.encode_to(&mut expected);
    expected.0.is_some_and(<[u8]>::is_empty)
}

/// What must still be written; none once something else was.
struct Expected<'a>(Option<&'a [u8]>);

impl Output for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = self.0.and_then(|rest| rest.strip_prefix(bytes));
    }
}

/// The codec tells of nested causes on lines of their own.
fn one_line(error: &Error) -> String {
    let words = error.to_string();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Reader<'a> {
    rest: &'a [u8],
    memory: usize,
    depth: u8,
}

impl Input for Reader<'_> {
    fn remaining_len(&mut self) -> Result<Option<usize>, Error> {
        Ok(Some(self.rest.len()))
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), Error> {
        let (head, rest) = self
            .rest
            .split_at_checked(into.len())
            .ok_or("ends too early")?;
        into.copy_from_slice(head);
        self.rest = rest;
        Ok(())
    }

    fn descend_ref(&mut self) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("nested too deeply".into());
        }
        Ok(())
    }

    fn ascend_ref(&mut self) {
        self.depth -= 1;
    }

    fn on_before_alloc_mem(&mut self, size: usize) -> Result<(), Error> {
        self.memory = self
            .memory
            .checked_sub(size)
            .ok_or("needs more memory than its length allows")?;
        Ok(())
    }
}

/// What a [`Bounded`] list can hold.
pub trait Item: Encode + Decode + 'static {
    /// Fewest bytes that an item takes. It bounds how many can still be in an input, and so what a length may reserve.
    const MIN_BYTES: usize;
}

impl Item for u8 {
    const MIN_BYTES: usize = 1;
}

/// A list of at most `MAX` items. The bound belongs to the type, and a length reserves no more than the bytes behind it can fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounded<T, const MAX: usize>(Vec<T>);

/// At most `MAX` bytes.
pub type Bytes<const MAX: usize> = Bounded<u8, MAX>;

/// A list had more items than its type allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{len} items are more than the {max} allowed here")]
pub struct TooMany {
    /// Items given.
    pub len: usize,
    /// Items allowed.
    pub max: usize,
}

impl<T, const MAX: usize> Bounded<T, MAX> {
    /// Takes the items if there are at most `MAX`.
    ///
    /// # Errors
    /// [`TooMany`] otherwise.
    pub fn new(items: Vec<T>) -> Result<Self, TooMany> {
        if items.len() > MAX {
            return Err(TooMany {
                len: items.len(),
                max: MAX,
            });
        }
        Ok(Self(items))
    }

    /// Gives the items back.
    pub fn into_inner(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> std::ops::Deref for Bounded<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Encode, const MAX: usize> Encode for Bounded<T, MAX> {
    fn size_hint(&self) -> usize {
        self.0.size_hint()
    }
    fn encode_to<O: parity_scale_codec::Output + ?Sized>(&self, out: &mut O) {
        self.0.encode_to(out);
    }
}

impl<T: Item, const MAX: usize> Decode for Bounded<T, MAX> {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let len = Compact::<u32>::decode(input)?.0 as usize;
        if len > MAX {
            return Err("list is longer than its bound".into());
        }
        let left = input.remaining_len()?.unwrap_or(0);
        if len > left / T::MIN_BYTES {
            return Err("list is longer than its input".into());
        }
        input.on_before_alloc_mem(len.saturating_mul(size_of::<T>()))?;
        input.descend_ref()?;
        let items = match decode_bytes(len, input)? {
            Some(items) => items,
            None => {
                let mut items = Vec::with_capacity(len);
                for _ in 0..len {
                    items.push(T::decode(input)?);
                }
                items
            }
        };
        input.ascend_ref();
        Ok(Self(items))
    }
}

/// The items at once if they are bytes: one by one they take most of the time of reading a leaf.
fn decode_bytes<T: 'static, I: Input>(len: usize, input: &mut I) -> Result<Option<Vec<T>>, Error> {
    if TypeId::of::<T>() != TypeId::of::<u8>() {
        return Ok(None);
    }
    let mut bytes = vec![0_u8; len];
    input.read(&mut bytes)?;
    // The same type, which only this shows to the compiler.
    let items: Box<dyn Any> = Box::new(bytes);
    Ok(items.downcast().ok().map(|items| *items))
}

impl<T: MaxEncodedLen, const MAX: usize> MaxEncodedLen for Bounded<T, MAX> {
    fn max_encoded_len() -> usize {
        4 + MAX * T::max_encoded_len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    impl Item for [u64; 32] {
        const MIN_BYTES: usize = 256;
    }
    impl Wire for Bytes<8> {
        const MAX_BYTES: usize = 9;
    }
    impl Wire for Bounded<[u64; 32], 1000> {
        const MAX_BYTES: usize = 100_000;
    }

    #[test]
    fn a_list_within_its_bound_survives_a_round_trip() {
        let bytes = Bytes::<8>::new(vec![1, 2, 3]).unwrap();
        assert_eq!(read::<Bytes<8>>(&bytes.encode()), Ok(bytes));
    }

    #[test]
    fn every_way_to_be_malformed_is_refused() {
        assert_eq!(
            read::<Bytes<8>>(&[0; 10]),
            Err(Malformed::TooLong { len: 10, max: 9 })
        );
        assert_eq!(read::<Bytes<8>>(&[4, 7, 9]), Err(Malformed::Trailing(1)));
        // Nine items announced where eight are allowed; a length with nothing behind it; a two-byte form of a one-byte length.
        for bytes in [&[36, 0, 0, 0][..], &[32], &[5, 0, 7], &[]] {
            assert!(
                matches!(read::<Bytes<8>>(bytes), Err(Malformed::Invalid(_))),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn memory_is_charged_before_it_is_taken() {
        // 1,000 items announced, none present: refused at the first missing byte, not after reserving 256 kB.
        let announced = Compact(1000u32).encode();
        assert!(read::<Bounded<[u64; 32], 1000>>(&announced).is_err());
        // Real items fit into what their bytes allow.
        let real = Bounded::<[u64; 32], 1000>::new(vec![[1; 32]; 300]).unwrap();
        assert!(read::<Bounded<[u64; 32], 1000>>(&real.encode()).is_ok());
    }
}
