//! Block heights. A distance between two heights is a plain `u64` of blocks; two heights cannot be added.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use std::fmt;

/// A block's distance from the genesis block, which has height 0.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode, MaxEncodedLen,
)]
pub struct Height(u64);

impl Height {
    /// The genesis block.
    pub const GENESIS: Self = Self(0);

    /// The block `n` blocks above genesis.
    pub const fn new(n: u64) -> Self {
        Self(n)
    }

    /// Blocks above genesis.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The height `blocks` above this one; the last height there is if that is further.
    #[must_use]
    pub const fn plus(self, blocks: u64) -> Self {
        Self(self.0.saturating_add(blocks))
    }

    /// The height `blocks` below this one, if there is one.
    #[must_use]
    pub const fn minus(self, blocks: u64) -> Option<Self> {
        match self.0.checked_sub(blocks) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }

    /// Blocks from `earlier` to this one; 0 if `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl serde::Serialize for Height {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_u64(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Height {
    /// Heights in JSON stay below 2⁵³, beyond which many programs lose digits.
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        match u64::deserialize(input)? {
            n if n < 1 << 53 => Ok(Self(n)),
            _ => Err(serde::de::Error::custom("a height is below 2^53")),
        }
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}
