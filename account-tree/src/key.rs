//! A leaf's place in the tree: 256 bits, read from the most significant bit of the first byte (specs/04 §3.1).

use core::fmt;
use core::ops::RangeInclusive;

/// The key of a leaf. Keys are ordered as the leaves stand in the tree, from left to right.
///
/// A key is `H("sapwood/key/<kind>", id)` (specs/04 §1.1). This crate takes it as given; whoever loads or receives a
/// value recomputes its key from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 32]);

impl Key {
    /// The lowest and the highest key that begin with the first `depth` bits of this one; `depth` is at most 256.
    #[must_use]
    pub fn below(&self, depth: usize) -> RangeInclusive<Self> {
        let (mut first, mut last) = (*self, *self);
        if let Some(byte) = first.0.get_mut(depth / 8) {
            let free = 0xff >> (depth % 8);
            *byte &= !free;
            last.0[depth / 8] |= free;
            first.0[depth / 8 + 1..].fill(0);
            last.0[depth / 8 + 1..].fill(0xff);
        }
        first..=last
    }

    /// The first 64 bits, by which the tree in memory knows a leaf. Two keys may have one tag, at the price of 2^32 hashes.
    #[cfg(feature = "tree")]
    #[inline]
    pub(crate) fn tag(&self) -> u64 {
        let first = self.0.first_chunk().expect("a key has 32 bytes");
        u64::from_be_bytes(*first)
    }

    /// The side of a node at depth `index` on which this key lies: `true` is right.
    #[inline]
    pub(crate) fn bit(&self, index: usize) -> bool {
        self.0[index / 8] & mask(index) != 0
    }

    /// This key with the bit at `index` replaced, the rest unchanged.
    pub(crate) fn with_bit(mut self, index: usize, bit: bool) -> Self {
        if bit {
            self.0[index / 8] |= mask(index);
        } else {
            self.0[index / 8] &= !mask(index);
        }
        self
    }

    /// How many leading bits the two keys have in common: the depth to which they share one path, 256 for equal keys.
    pub(crate) fn common_bits(&self, other: &Self) -> usize {
        let differing = self.0.iter().zip(&other.0).map(|(a, b)| a ^ b);
        let mut common = 0;
        for byte in differing {
            common += byte.leading_zeros() as usize;
            if byte != 0 {
                break;
            }
        }
        common
    }
}

/// The bit at `index` within its byte; the most significant one comes first.
#[inline]
pub(crate) fn mask(index: usize) -> u8 {
    0x80 >> (index % 8)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// Writes lower-case hex in byte order, the form of specs/01 §2.4.
pub(crate) fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_BITS: usize = 256;

    #[test]
    fn the_most_significant_bit_of_byte_0_comes_first() {
        let mut bytes = [0; 32];
        bytes[0] = 0x80;
        bytes[31] = 0x01;
        let key = Key(bytes);
        assert!(key.bit(0) && key.bit(255));
        assert_eq!((1..255).filter(|&index| key.bit(index)).count(), 0);
    }

    #[test]
    fn common_bits_end_at_the_first_difference() {
        let key = Key([0xa5; 32]);
        assert_eq!(key.common_bits(&key), KEY_BITS);
        for index in 0..KEY_BITS {
            let other = key.with_bit(index, !key.bit(index));
            assert_eq!(key.common_bits(&other), index);
            // A later difference changes nothing.
            let tail = index.max(254) + 1;
            if tail < KEY_BITS {
                assert_eq!(
                    key.common_bits(&other.with_bit(tail, !key.bit(tail))),
                    index
                );
            }
        }
    }

    #[test]
    fn the_keys_below_a_depth_are_those_that_share_its_bits() {
        let key = Key([0xa5; 32]);
        for depth in 0..=KEY_BITS {
            let (first, last) = key.below(depth).into_inner();
            for index in 0..KEY_BITS {
                let expected = if index < depth {
                    (key.bit(index), key.bit(index))
                } else {
                    (false, true)
                };
                assert_eq!((first.bit(index), last.bit(index)), expected, "{depth}");
            }
        }
    }

    #[test]
    fn a_key_is_shown_as_hex() {
        extern crate std;
        assert_eq!(
            std::format!("{:?}", Key([0x0f; 32])),
            std::format!("Key({})", "0f".repeat(32))
        );
    }
}
