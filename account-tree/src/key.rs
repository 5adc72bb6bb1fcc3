//! A leaf's place in the tree: 256 bits, read from the most significant bit of the first byte (specs/04 §3.1).

use core::fmt;

/// The key of a leaf. Keys are ordered as the leaves stand in the tree, from left to right.
///
/// A key is `H("sapwood/key/<kind>", id)` (specs/04 §1.1). This crate takes it as given; whoever loads or receives a
/// value recomputes its key from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 32]);

impl Key {
    /// The side of a node at depth `index` on which this key lies: `true` is right.
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
    fn a_key_is_shown_as_hex() {
        extern crate std;
        assert_eq!(
            std::format!("{:?}", Key([0x0f; 32])),
            std::format!("Key({})", "0f".repeat(32))
        );
    }
}
