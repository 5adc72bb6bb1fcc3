//! Amounts of money (specs/01 §5).

use parity_scale_codec::{Decode, Encode, Error, Input, MaxEncodedLen};
use std::fmt;
use std::str::FromStr;

/// Drops in one sap.
pub const DROPS_PER_SAP: u64 = 100_000_000;

/// An amount in drops, never more than the supply, so that a sum of two can be checked but never wraps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Encode, MaxEncodedLen)]
pub struct Amount(u64);

/// More drops than there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} drops are more than the whole supply of 84,000,000 sap")]
pub struct AboveSupply(pub u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole supply, 84,000,000 sap: constant from the first block to the last (specs/01 §5.1).
    pub const SUPPLY: Self = Self(84_000_000 * DROPS_PER_SAP);

    /// An amount of `drops`.
    ///
    /// # Errors
    /// [`AboveSupply`] if there are not that many.
    pub const fn from_drops(drops: u64) -> Result<Self, AboveSupply> {
        if drops > Self::SUPPLY.0 {
            Err(AboveSupply(drops))
        } else {
            Ok(Self(drops))
        }
    }

    /// The number of drops.
    pub const fn drops(self) -> u64 {
        self.0
    }

    /// The sum, unless it is above the supply.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_drops(self.0.checked_add(other.0)?).ok()
    }

    /// The difference, unless it is below zero.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl serde::Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_u64(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Self::from_drops(u64::deserialize(input)?).map_err(serde::de::Error::custom)
    }
}

impl Decode for Amount {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Self::from_drops(u64::decode(input)?).map_err(|_| "amount above the supply".into())
    }
}

impl fmt::Display for Amount {
    /// Sap with up to eight decimals, e.g. `1.5 sap`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / DROPS_PER_SAP, self.0 % DROPS_PER_SAP);
        if rest == 0 {
            return write!(f, "{whole} sap");
        }
        let decimals = format!("{rest:08}");
        write!(f, "{whole}.{} sap", decimals.trim_end_matches('0'))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why text is not an amount of sap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseAmount {
    /// Something other than digits and one point.
    #[error("`{0}` is not an amount: write sap with a point and at most 8 decimals, e.g. 1.5")]
    Form(String),
    /// More than the supply.
    #[error("more than the whole supply of 84,000,000 sap")]
    AboveSupply,
}

impl FromStr for Amount {
    type Err = ParseAmount;

    /// Reads sap in plain decimal form: digits, and at most eight more after a point. No sign, exponent, comma or space.
    fn from_str(text: &str) -> Result<Self, ParseAmount> {
        let form = || ParseAmount::Form(text.escape_debug().to_string());
        let (whole, decimals) = match text.split_once('.') {
            Some((w, d)) if !d.is_empty() => (w, d),
            Some(_) => return Err(form()),
            None => (text, ""),
        };
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > 8 {
            return Err(form());
        }
        let drops: u64 = format!("{whole}{decimals:0<8}")
            .parse()
            .map_err(|_| ParseAmount::AboveSupply)?;
        Self::from_drops(drops).map_err(|_| ParseAmount::AboveSupply)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn text_and_amount_agree() {
        for (text, drops) in [
            ("0", 0),
            ("1", 100_000_000),
            ("1.5", 150_000_000),
            ("0.00000001", 1),
            ("84000000", Amount::SUPPLY.0),
        ] {
            let amount: Amount = text.parse().unwrap();
            assert_eq!(amount.drops(), drops);
            assert_eq!(amount.to_string(), format!("{text} sap"));
        }
    }

    #[test]
    fn what_is_not_plainly_an_amount_is_refused() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "1,5",
            "1e9",
            "-1",
            "+1",
            "NaN",
            " 1",
            "1 ",
            "1.123456789",
            "0x1",
            "１",
        ] {
            assert!(
                matches!(text.parse::<Amount>(), Err(ParseAmount::Form(_))),
                "{text}"
            );
        }
        for text in ["84000000.00000001", "99999999999999999999999"] {
            assert_eq!(text.parse::<Amount>(), Err(ParseAmount::AboveSupply));
        }
    }

    #[test]
    fn sums_stop_at_the_supply_and_at_zero() {
        let one = Amount(1);
        assert_eq!(Amount::SUPPLY.checked_add(one), None);
        assert_eq!(Amount::ZERO.checked_sub(one), None);
        assert_eq!(
            Amount::SUPPLY.checked_sub(one).unwrap().checked_add(one),
            Some(Amount::SUPPLY)
        );
        let above = (Amount::SUPPLY.0 + 1).encode();
        assert!(Amount::decode(&mut &above[..]).is_err());
    }
}
