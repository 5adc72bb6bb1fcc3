//! Fee rates, compared without division.

use sapwood_primitives::Amount;
use std::cmp::Ordering;

/// Drops for bytes: of one transaction, or of several together. Ordered by the quotient, exactly.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    fee: u64,
    bytes: u64,
}

impl Rate {
    /// The rate of one transaction of `bytes` bytes, at least 1.
    pub fn of(fee: Amount, bytes: usize) -> Self {
        Self {
            fee: fee.drops(),
            bytes: u64::try_from(bytes).expect("a length fits").max(1),
        }
    }

    /// The rate of both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        // A queue's fees are 16 amounts of at most the supply, 2⁵³ drops.
        Self {
            fee: self.fee.saturating_add(other.fee),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// Whole drops a byte, rounded up: a transaction that pays this for each byte has at least this rate.
    pub fn drops_per_byte(self) -> u64 {
        self.fee.div_ceil(self.bytes)
    }

    /// The least fee at which a transaction of `bytes` bytes has at least this rate; the greatest number if none has.
    pub fn fee_for(self, bytes: usize) -> u64 {
        let bytes = u128::try_from(bytes).expect("a length fits");
        let fee = (u128::from(self.fee) * bytes).div_ceil(u128::from(self.bytes));
        u64::try_from(fee).unwrap_or(u64::MAX)
    }
}

impl Ord for Rate {
    fn cmp(&self, other: &Self) -> Ordering {
        let (fee, bytes) = (u128::from(self.fee), u128::from(self.bytes));
        (fee * u128::from(other.bytes)).cmp(&(u128::from(other.fee) * bytes))
    }
}

impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rate {}
