//! Addresses: account ids as people copy them (specs/01 §4).

use crate::hash::AccountId;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use std::fmt;

/// The only version of an address so far.
const VERSION: u8 = 0;

/// Human-readable parts of all networks, to say which one a foreign address belongs to.
const NETWORKS: [(&str, &str); 3] = [
    ("sap", "the main chain"),
    ("tsap", "the test chain"),
    ("dsap", "a dev or tour chain"),
];

/// An account id under the human-readable part of its network, shown as bech32m.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    hrp: Hrp,
    id: AccountId,
}

/// Why text is not an address of this network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    /// Not bech32m, or a character was changed or swapped.
    #[error("not an address: the checksum does not fit; copy it again ({0})")]
    Checksum(String),
    /// A valid address of another network.
    #[error("this is an address of {network}, not of this chain (expected {expected}1…)")]
    OtherNetwork {
        /// The network that it belongs to.
        network: String,
        /// The prefix wanted here.
        expected: String,
    },
    /// A form of address that this version does not know.
    #[error("an address of version {0}, which this program does not know; a newer one may")]
    Version(u8),
    /// Wrong length or padding.
    #[error("not an address: wrong length or padding")]
    Form,
}

impl Address {
    /// The address of `id` on the network with this prefix (`chain.address_prefix`).
    ///
    /// # Panics
    /// If the prefix is not a bech32 human-readable part; chain files are checked for that when they are read.
    pub fn new(prefix: &str, id: AccountId) -> Self {
        let hrp = Hrp::parse(prefix).expect("chain files hold valid prefixes");
        Self { hrp, id }
    }

    /// The account.
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// Reads an address of the network with this prefix.
    ///
    /// # Errors
    /// [`NotAnAddress`]; one changed character or two swapped ones are always noticed (BIP 350).
    pub fn parse(prefix: &str, text: &str) -> Result<Self, NotAnAddress> {
        let checked = CheckedHrpstring::new::<Bech32m>(text)
            .map_err(|e| NotAnAddress::Checksum(e.to_string()))?;
        let hrp = checked.hrp();
        if !hrp.as_str().eq_ignore_ascii_case(prefix) {
            let network = NETWORKS
                .iter()
                .find(|(p, _)| hrp.as_str().eq_ignore_ascii_case(p))
                .map_or_else(|| format!("`{hrp}`"), |(_, n)| (*n).to_owned());
            return Err(NotAnAddress::OtherNetwork {
                network,
                expected: prefix.to_owned(),
            });
        }
        let bytes: Vec<u8> = checked.byte_iter().collect();
        let (&version, id) = bytes.split_first().ok_or(NotAnAddress::Form)?;
        if version != VERSION {
            return Err(NotAnAddress::Version(version));
        }
        let id = AccountId(id.try_into().map_err(|_| NotAnAddress::Form)?);
        let address = Self::new(prefix, id);
        // One text a value: the reader above ignores padding bits.
        if address.to_string() != text.to_ascii_lowercase() {
            return Err(NotAnAddress::Form);
        }
        Ok(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut payload = [VERSION; 33];
        payload[1..].copy_from_slice(&self.id.0);
        bech32::encode_lower_to_fmt::<Bech32m, _>(f, self.hrp, &payload).map_err(|_| fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn every_single_and_swapped_character_is_noticed() {
        let address = Address::new("dsap", AccountId([7; 32])).to_string();
        for i in 0..address.len() {
            for c in "qpzry9x8gf2tvdw0s3jn54khce6mua7l1B".chars() {
                let mut wrong: Vec<char> = address.chars().collect();
                wrong[i] = c;
                let wrong: String = wrong.into_iter().collect();
                assert!(
                    wrong == address || Address::parse("dsap", &wrong).is_err(),
                    "{wrong}"
                );
            }
            if i + 1 < address.len() {
                let mut wrong: Vec<u8> = address.clone().into_bytes();
                wrong.swap(i, i + 1);
                let wrong = String::from_utf8(wrong).unwrap();
                assert!(
                    wrong == address || Address::parse("dsap", &wrong).is_err(),
                    "{wrong}"
                );
            }
        }
    }

    #[test]
    fn another_network_is_named() {
        let text = Address::new("sap", AccountId([7; 32])).to_string();
        let error = Address::parse("dsap", &text).unwrap_err().to_string();
        assert!(
            error.contains("main chain") && error.contains("dsap1"),
            "{error}"
        );
    }
}
