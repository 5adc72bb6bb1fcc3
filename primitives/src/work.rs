//! Targets and work: the 256-bit arithmetic of proof of work (specs/02 §2).

use crate::hash::BlockId;
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use primitive_types::U256;
use std::fmt;

/// A target in its compact form, always canonical.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CompactTarget(u32);

/// 32 bits that are no canonical compact target (specs/02 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:08x} is not a canonical compact target")]
pub struct NotATarget(pub u32);

impl CompactTarget {
    /// Checks 32 bits from a header or a chain file.
    ///
    /// # Errors
    /// [`NotATarget`] for a set sign bit, zero, a value of 2²⁵⁶ or more, and a form that is not canonical.
    pub fn from_bits(bits: u32) -> Result<Self, NotATarget> {
        let (exponent, mantissa) = (bits >> 24, bits & 0x00ff_ffff);
        let fits = match exponent {
            0..=32 => true,
            33 => mantissa < 0x1_0000,
            34 => mantissa < 0x100,
            _ => false,
        };
        if mantissa == 0 || mantissa & 0x0080_0000 != 0 || !fits {
            return Err(NotATarget(bits));
        }
        let compact = Self(bits);
        if Self::from_target(compact.target()).is_none_or(|canonical| canonical != compact) {
            return Err(NotATarget(bits));
        }
        Ok(compact)
    }

    /// The compact form of a target, rounded down; none for zero.
    pub fn from_target(target: U256) -> Option<Self> {
        let bytes = target.bits().div_ceil(8);
        let mut exponent = u32::try_from(bytes).expect("at most 32");
        let mut mantissa = if bytes <= 3 {
            target.low_u32() << (8 * (3 - exponent))
        } else {
            (target >> (8 * (bytes - 3))).low_u32()
        };
        if mantissa & 0x0080_0000 != 0 {
            mantissa >>= 8;
            exponent += 1;
        }
        (mantissa != 0).then_some(Self(exponent << 24 | mantissa))
    }

    /// The 32 bits of the header field.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The number that a block id must not exceed.
    pub fn target(self) -> U256 {
        let (exponent, mantissa) = (self.0 >> 24, U256::from(self.0 & 0x007f_ffff));
        if exponent <= 3 {
            mantissa >> (8 * (3 - exponent))
        } else {
            mantissa << (8 * (exponent - 3))
        }
    }

    /// Expected number of hashes for this target: `2²⁵⁶ / (target + 1)`, rounded down.
    pub fn work(self) -> Work {
        let target = self.target();
        // 2²⁵⁶ does not fit: (2²⁵⁶ − target − 1) / (target + 1) + 1 is the same number.
        Work(!target / (target + 1) + 1)
    }

    /// Whether a block id meets this target (specs/02 §2.3).
    pub fn is_met_by(self, id: &BlockId) -> bool {
        U256::from_big_endian(&id.0) <= self.target()
    }
}

impl fmt::Debug for CompactTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Expected hashes behind a header or a branch; on the wire and in hashes 32 bytes little-endian.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Work(pub U256);

impl Work {
    /// The sum; the greatest number there is if it does not fit (2²⁵⁶ hashes will not be made).
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// 32 bytes, little-endian, as hashed in the history (specs/02 §5.2).
    pub fn to_le_bytes(self) -> [u8; 32] {
        self.0.to_little_endian()
    }

    /// Reads what [`Work::to_le_bytes`] wrote.
    pub fn from_le_bytes(bytes: &[u8; 32]) -> Self {
        Self(U256::from_little_endian(bytes))
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Encode for Work {
    fn encode_to<O: parity_scale_codec::Output + ?Sized>(&self, out: &mut O) {
        self.to_le_bytes().encode_to(out);
    }
}

impl Decode for Work {
    fn decode<I: parity_scale_codec::Input>(
        input: &mut I,
    ) -> Result<Self, parity_scale_codec::Error> {
        Ok(Self::from_le_bytes(&<[u8; 32]>::decode(input)?))
    }
}

impl MaxEncodedLen for Work {
    fn max_encoded_len() -> usize {
        32
    }
}
