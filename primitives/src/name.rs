//! Names: one canonical form, checked in one place (specs/06 §1).

use parity_scale_codec::{Decode, Encode, Error, Input, MaxEncodedLen};
use std::fmt;
use std::str::FromStr;

/// Longest name: a DNS label (RFC 1035 §2.3.4).
pub const MAX_LEN: usize = 63;

/// Longest name without a hyphen, so that no name looks like a key or a hash.
pub const MAX_LEN_WITHOUT_HYPHEN: usize = 32;

/// Labels with a special meaning elsewhere (RFC 6761, RFC 6762, RFC 7686, RFC 9476), which would mislead as names.
const SPECIAL_USE: [&str; 9] = [
    "alt",
    "arpa",
    "example",
    "internal",
    "invalid",
    "local",
    "localhost",
    "onion",
    "test",
];

/// A name that the chain can hold, without the suffix: `alice` for `alice.leaf.alt`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

/// Why text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// Nothing, or more than 63 characters.
    #[error("a name has 1 to 63 characters")]
    Length,
    /// A character other than `a-z`, `0-9` and `-`.
    #[error(
        "a name is made of a-z, 0-9 and hyphens (lower case; other scripts as punycode are not registered yet)"
    )]
    Character,
    /// A hyphen where DNS does not want one.
    #[error("a name has no hyphen at its start, its end, or as both third and fourth character")]
    Hyphen,
    /// Digits only.
    #[error("a name needs a letter or a hyphen: all digits would read as a number or an address")]
    AllDigits,
    /// More than 32 characters and no hyphen.
    #[error("a name of more than 32 characters needs a hyphen, so that no name looks like a key")]
    LooksLikeAKey,
    /// One of the special-use labels.
    #[error("this name has a special meaning on the Internet and cannot be registered")]
    SpecialUse,
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks bytes, as a DNS label or a decoder has them.
    ///
    /// # Errors
    /// [`NotAName`] names the first rule that is broken.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAName> {
        if bytes.is_empty() || bytes.len() > MAX_LEN {
            return Err(NotAName::Length);
        }
        if !bytes
            .iter()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        {
            return Err(NotAName::Character);
        }
        if bytes.starts_with(b"-") || bytes.ends_with(b"-") || bytes.get(2..4) == Some(b"--") {
            return Err(NotAName::Hyphen);
        }
        if bytes.iter().all(u8::is_ascii_digit) {
            return Err(NotAName::AllDigits);
        }
        if bytes.len() > MAX_LEN_WITHOUT_HYPHEN && !bytes.contains(&b'-') {
            return Err(NotAName::LooksLikeAKey);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NotAName::Character)?;
        if SPECIAL_USE.contains(&text) {
            return Err(NotAName::SpecialUse);
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for Name {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(input)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Encode for Name {
    fn size_hint(&self) -> usize {
        self.0.len() + 1
    }
    fn encode_to<O: parity_scale_codec::Output + ?Sized>(&self, out: &mut O) {
        self.0.as_bytes().encode_to(out);
    }
}

impl Decode for Name {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let bytes = crate::codec::Bytes::<MAX_LEN>::decode(input)?;
        Self::from_bytes(&bytes).map_err(|_| "not a name".into())
    }
}

impl MaxEncodedLen for Name {
    fn max_encoded_len() -> usize {
        MAX_LEN + 1
    }
}
