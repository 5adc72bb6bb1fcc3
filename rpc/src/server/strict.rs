//! Checks of JSON text that serde_json leaves out when it hands a value over unread.
//!
//! A raw value keeps its text, so numbers keep all their digits, but nobody has looked at its strings, its depth or its
//! keys. [`check`] does. Two equal keys are the dangerous case: two readers may each believe a different one.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

/// What is wrong with a value that has the outer form of JSON.
#[derive(Debug)]
pub(super) enum Flaw {
    /// It is no JSON after all: a lone surrogate, a number beyond every machine type, or more than 127 levels deep.
    Syntax(String),
    /// An object somewhere in it has a key twice.
    DuplicateKey(String),
}

/// Longest part of a client's own text that is repeated in an answer to it, in characters.
const SHOWN_CHARS: usize = 64;

/// Checks the whole of `value`.
pub(super) fn check(value: &RawValue) -> Result<(), Flaw> {
    match serde_json::from_str::<Checked>(value.get()) {
        Ok(Checked) => Ok(()),
        Err(error) if error.classify() == Category::Data => {
            Err(Flaw::DuplicateKey(error.to_string()))
        }
        Err(error) => Err(Flaw::Syntax(error.to_string())),
    }
}

/// A client's own text, cut and escaped so that it can stand in a message or a log line.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .take(SHOWN_CHARS)
        .flat_map(char::escape_debug)
        .collect()
}

/// Deserializes from any JSON value and keeps nothing of it.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(Error::custom(format_args!(
                    "the key `{}` occurs twice",
                    shown(&key)
                )));
            }
            entries.next_value::<Self>()?;
            seen.insert(key);
        }
        Ok(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<(), Flaw> {
        check(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn equal_keys_are_found_at_any_depth_and_in_any_spelling() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"[0,{"b":{"a":1,"\u0061":2}}]"#,
            r#"{"":[],"":[]}"#,
        ] {
            assert!(
                matches!(checked(text), Err(Flaw::DuplicateKey(_))),
                "{text}"
            );
        }
        assert!(checked(r#"{"a":{"a":{"a":1}},"A":[{"a":1},{"a":1}]}"#).is_ok());
    }

    #[test]
    fn lone_surrogates_in_keys_and_strings_are_syntax_errors() {
        for text in [
            r#""\ud800""#,
            r#"["\udc00"]"#,
            r#"{"\ud800x":1}"#,
            r#"{"a":"\ud800\ud800"}"#,
        ] {
            assert!(matches!(checked(text), Err(Flaw::Syntax(_))), "{text}");
        }
        assert!(checked(r#"{"a":"\ud83c\udf32"}"#).is_ok());
    }

    #[test]
    fn depth_is_bounded_and_large_integers_are_left_to_the_method() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(checked(&nested(127)).is_ok());
        assert!(matches!(checked(&nested(128)), Err(Flaw::Syntax(_))));
        assert!(matches!(checked(&nested(100_000)), Err(Flaw::Syntax(_))));
        assert!(checked("18446744073709551616").is_ok());
    }

    #[test]
    fn a_clients_text_is_shown_short_and_escaped() {
        assert_eq!(shown("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(shown(&"x".repeat(1000)).len(), SHOWN_CHARS);
    }
}
