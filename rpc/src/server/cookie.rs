//! The bearer token of the JSON-RPC: made anew at each start of a node, known to whoever can read the endpoint file.
//!
//! A [`Cookie`] goes over the wire as `Authorization: Bearer <64 lower-case hex digits>` (RFC 6750 §2.1; the two other
//! places that RFC allows, a form field and the query string, are not read). Where it is kept is the subject of
//! [`endpoint`](super::endpoint).

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Secret bytes in a cookie: 256 bits, so that guessing is hopeless without any rate limit.
const COOKIE_BYTES: usize = 32;

/// A secret that proves to the RPC server that the caller may read the node's private directory.
///
/// Its `Debug` form hides the secret and its memory is wiped when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Cookie([u8; COOKIE_BYTES]);

impl Cookie {
    /// Draws a new cookie from the operating system's random source.
    ///
    /// # Errors
    ///
    /// Fails when the operating system has no randomness to give; a node must not start then.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut secret = [0; COOKIE_BYTES];
        getrandom::fill(&mut secret)?;
        Ok(Self(secret))
    }

    /// Reads a cookie back from its 64 lower-case hex digits; `None` for any other text.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let mut secret = [0; COOKIE_BYTES];
        hex::decode_to_slice(text, &mut secret).ok()?;
        Some(Self(secret))
    }

    /// The 64 lower-case hex digits that a client sends after `Bearer `.
    ///
    /// # Security
    ///
    /// The text is the secret itself: it belongs into the endpoint file and the `Authorization` header, never into a log.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0))
    }

    /// Whether `presented` is this cookie's text, in a time that does not depend on how many digits are right.
    pub(super) fn matches(&self, presented: &[u8]) -> bool {
        // A different length is told apart at once, but the length is no secret.
        self.reveal().as_bytes().ct_eq(presented).into()
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(hidden)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn two_cookies_differ_and_each_matches_only_its_own_text() {
        let (one, other) = (Cookie::generate().unwrap(), Cookie::generate().unwrap());
        assert!(one.matches(one.reveal().as_bytes()));
        assert!(!one.matches(other.reveal().as_bytes()));
        assert!(!one.matches(b""));
        assert!(!one.matches(&one.reveal().as_bytes()[..63]));
        assert!(
            !one.matches(one.reveal().to_uppercase().as_bytes())
                || !one.reveal().contains(char::is_alphabetic)
        );
    }

    #[test]
    fn only_sixty_four_lower_case_hex_digits_are_read_as_a_cookie() {
        let cookie = Cookie([0xab; COOKIE_BYTES]);
        let text = cookie.reveal();
        assert!(Cookie::from_hex(&text).unwrap().matches(text.as_bytes()));
        for wrong in [
            "",
            "ab",
            &text[..62],
            &format!("{}ab", *text),
            &text.to_uppercase(),
            &text.replace('a', "g"),
        ] {
            assert!(
                Cookie::from_hex(wrong).is_none(),
                "{wrong:?} must not be read as a cookie"
            );
        }
    }

    #[test]
    fn debug_output_does_not_contain_the_secret() {
        let cookie = Cookie([0xab; COOKIE_BYTES]);
        assert_eq!(format!("{cookie:?}"), "Cookie(hidden)");
    }
}
