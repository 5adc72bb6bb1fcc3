//! Tagged SHA-256 (specs/01 §2) and the 32-byte ids that it makes.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// `SHA-256(SHA-256(tag) ‖ SHA-256(tag) ‖ parts…)`, as in BIP 340.
pub fn tagged(tag: &str, parts: &[&[u8]]) -> [u8; 32] {
    finish(start(tag), parts)
}

/// The hasher after the block that a tag makes.
fn start(tag: &str) -> Sha256 {
    let tag = Sha256::digest(tag.as_bytes());
    Sha256::new().chain_update(tag).chain_update(tag)
}

fn finish(mut hasher: Sha256, parts: &[&[u8]]) -> [u8; 32] {
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// A tag of the protocol, hashed once.
pub struct Tag(LazyLock<Sha256>);

impl Tag {
    /// The tagged hash of the parts, one after the other.
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        finish((*self.0).clone(), parts)
    }
}

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The tags of the protocol (specs/01 §2.2); those of the tree's nodes are the account tree's own.
        pub mod tag {
            use super::{LazyLock, Tag, start};
            $($(#[$doc])* pub static $name: Tag = Tag(LazyLock::new(|| start($text)));)*
        }
    };
}

tags! {
    /// Authorities, and so account ids.
    AUTHORITY = "sapwood/authority";
    /// What a transaction's signature is over.
    TX = "sapwood/tx";
    /// Ids of transactions.
    TXID = "sapwood/txid";
    /// Ids of coinbases.
    COINBASE = "sapwood/coinbase";
    /// Root over a block's transactions.
    TX_ROOT = "sapwood/tx-root";
    /// Leaves below it.
    TX_ROOT_LEAF = "sapwood/tx-root/leaf";
    /// Nodes below it.
    TX_ROOT_NODE = "sapwood/tx-root/node";
    /// Nodes of the history.
    HISTORY = "sapwood/history";
    /// Commitments to names.
    COMMITMENT = "sapwood/commitment";
    /// A chain's parameters.
    PARAMETERS = "sapwood/parameters";
    /// Key of the system leaf.
    KEY_SYSTEM = "sapwood/key/system";
    /// Keys of accounts.
    KEY_ACCOUNT = "sapwood/key/account";
    /// Keys of names.
    KEY_NAME = "sapwood/key/name";
    /// Keys of commitments.
    KEY_COMMITMENT = "sapwood/key/commitment";
    /// Keys of coinbases.
    KEY_COINBASE = "sapwood/key/coinbase";
}

/// `SHA-256(SHA-256(bytes))`, used for the block id only (specs/02 §2.1).
pub fn double(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(Sha256::digest(bytes)).into()
}

/// Text that is not 32 bytes in lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 lower-case hex digits without 0x")]
pub struct NotAHash;

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode, MaxEncodedLen)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(input)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl FromStr for $name {
            type Err = NotAHash;
            fn from_str(text: &str) -> Result<Self, NotAHash> {
                if text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(NotAHash);
                }
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| NotAHash)?;
                Ok(Self(bytes))
            }
        }
    };
}

hash_type!(
    /// A hash without a narrower meaning: a root, a key of the account tree, a digest.
    Hash
);
hash_type!(
    /// Identity of an account: the hash of its first authority (specs/01 §3.2). It never changes.
    AccountId
);
hash_type!(
    /// Hash of an authority that may act for an account (specs/01 §3.2).
    AuthorityHash
);
hash_type!(
    /// Double SHA-256 of a header (specs/02 §2.1); read big-endian it is the number that proof of work bounds.
    BlockId
);
hash_type!(
    /// Hash of a whole transaction, signature included (specs/02 §4.3).
    TxId
);
hash_type!(
    /// Hash that hides a name until it is revealed (specs/06 §3.1).
    Commitment
);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn hex_is_lower_case_and_exact() {
        let id: TxId = "ab".repeat(32).parse().unwrap();
        assert_eq!(id.to_string(), "ab".repeat(32));
        for bad in [
            "",
            "ab",
            &"AB".repeat(32),
            &"zz".repeat(32),
            &format!("0x{}", "ab".repeat(31)),
            &"ab".repeat(33),
        ] {
            assert_eq!(bad.parse::<TxId>(), Err(NotAHash), "{bad}");
        }
    }
}
