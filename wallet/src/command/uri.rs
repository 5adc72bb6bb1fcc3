//! Payment URIs: `sapwood:ADDRESS?amount=1.5&label=Coffee` (specs/01 §6), and their QR code for a terminal.

use std::fmt::Write as _;

use qrcode::render::unicode::Dense1x2;
use qrcode::types::QrError;
use qrcode::{EcLevel, QrCode};
use sapwood_primitives::address::NotAnAddress;
use sapwood_primitives::{Address, Amount};

use super::text::escape;

/// What every payment URI begins with.
pub(crate) const SCHEME: &str = "sapwood:";

/// Longest URI in bytes: an address, an amount, and a label of which every byte is escaped.
const MAX_URI: usize = 512;

/// Longest label in bytes, before escaping.
pub(crate) const MAX_LABEL: usize = 100;

/// Who is to be paid, and perhaps how much and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PaymentUri {
    pub(crate) address: Address,
    pub(crate) amount: Option<Amount>,
    /// Whatever the receiver wrote; to be escaped before it is shown.
    pub(crate) label: Option<String>,
}

/// Why a text is no payment URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAUri {
    #[error("it is longer than {MAX_URI} bytes")]
    Long,
    #[error("it does not begin with `{SCHEME}`")]
    Scheme,
    #[error("{0}")]
    Address(NotAnAddress),
    #[error("`{0}` is not a parameter; there are `amount` and `label`")]
    Parameter(String),
    #[error("`{0}` is there twice")]
    Twice(&'static str),
    #[error("its amount: {0}")]
    Amount(String),
    #[error("its label has to be percent-encoded text of 1 to {MAX_LABEL} bytes")]
    Label,
}

impl PaymentUri {
    /// Reads a URI for the chain with this prefix.
    pub(crate) fn parse(prefix: &str, text: &str) -> Result<Self, NotAUri> {
        if text.len() > MAX_URI {
            return Err(NotAUri::Long);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(NotAUri::Scheme)?;
        let (address, query) = match rest.split_once('?') {
            Some((address, query)) => (address, Some(query)),
            None => (rest, None),
        };
        let mut uri = Self {
            address: Address::parse(prefix, address).map_err(NotAUri::Address)?,
            amount: None,
            label: None,
        };
        for parameter in query.into_iter().flat_map(|query| query.split('&')) {
            match parameter.split_once('=') {
                Some(("amount", _)) if uri.amount.is_some() => {
                    return Err(NotAUri::Twice("amount"));
                }
                Some(("label", _)) if uri.label.is_some() => return Err(NotAUri::Twice("label")),
                Some(("amount", value)) => {
                    let amount: Amount = value.parse().map_err(
                        |error: sapwood_primitives::amount::ParseAmount| {
                            NotAUri::Amount(error.to_string())
                        },
                    )?;
                    if amount == Amount::ZERO {
                        return Err(NotAUri::Amount("zero cannot be paid".into()));
                    }
                    uri.amount = Some(amount);
                }
                Some(("label", value)) => uri.label = Some(decoded(value).ok_or(NotAUri::Label)?),
                _ => return Err(NotAUri::Parameter(escape(parameter))),
            }
        }
        Ok(uri)
    }
}

impl std::fmt::Display for PaymentUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{SCHEME}{}", self.address)?;
        let amount = self.amount.map(|amount| {
            let text = amount.to_string();
            format!("amount={}", text.trim_end_matches(" sap"))
        });
        let label = self
            .label
            .as_deref()
            .map(|label| format!("label={}", encoded(label)));
        let mut mark = '?';
        for parameter in [amount, label].into_iter().flatten() {
            write!(f, "{mark}{parameter}")?;
            mark = '&';
        }
        Ok(())
    }
}

/// What stands for itself in a URI (RFC 3986 §2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else if is_unreserved(byte) {
            bytes.push(byte);
        } else {
            return None;
        }
    }
    let fits = !bytes.is_empty() && bytes.len() <= MAX_LABEL;
    String::from_utf8(bytes).ok().filter(|_| fits)
}

/// The QR code of a text in half blocks, two rows a line, with the border that readers need. Light on dark, as most terminals are; readers
/// take both.
pub(crate) fn qr(text: &str) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L)?;
    let mut drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .quiet_zone(true)
        .build();
    drawn.push('\n');
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;
    use sapwood_primitives::AccountId;

    use super::*;

    fn address() -> Address {
        Address::new("dsap", AccountId([7; 32]))
    }

    #[test]
    fn a_uri_says_whom_how_much_and_what_for() {
        let text = format!("sapwood:{}?amount=1.5&label=Coffee%20%26%20cake", address());
        let uri = PaymentUri::parse("dsap", &text).unwrap();
        assert_eq!(uri.amount, "1.5".parse().ok());
        assert_eq!(uri.label.as_deref(), Some("Coffee & cake"));
        assert_eq!(uri.to_string(), text);
        let bare = PaymentUri::parse("dsap", &format!("sapwood:{}", address())).unwrap();
        assert_eq!(
            (bare.address, bare.amount, bare.label),
            (address(), None, None)
        );
    }

    #[test]
    fn what_is_no_uri_of_this_chain_is_refused_by_the_part_that_is_wrong() {
        let own = address().to_string();
        for (text, part) in [
            (own.clone(), "begin with"),
            (format!("SAPWOOD:{own}"), "begin with"),
            (format!("bitcoin:{own}"), "begin with"),
            (format!("sapwood://{own}"), ""),
            (format!("sapwood:{}", own.replace("dsap1", "sap1")), ""),
            (format!("sapwood:{own}?"), "parameter"),
            (format!("sapwood:{own}?amount"), "parameter"),
            (format!("sapwood:{own}?Amount=1"), "parameter"),
            (format!("sapwood:{own}?req-x=1"), "parameter"),
            (format!("sapwood:{own}?amount=1&amount=2"), "twice"),
            (format!("sapwood:{own}?label=a&label=b"), "twice"),
            (format!("sapwood:{own}?amount=1,5"), "amount"),
            (format!("sapwood:{own}?amount=0"), "zero"),
            (format!("sapwood:{own}?amount=84000001"), "amount"),
            (format!("sapwood:{own}?label="), "label"),
            (format!("sapwood:{own}?label=a b"), "label"),
            (format!("sapwood:{own}?label=%"), "label"),
            (format!("sapwood:{own}?label=%zz"), "label"),
            (format!("sapwood:{own}?label=%ff"), "label"),
            (format!("sapwood:{own}?label={}", "a".repeat(101)), "label"),
            (format!("sapwood:{own}?label={}", "a".repeat(600)), "longer"),
            (format!("sapwood:{own}?amount=1&"), "parameter"),
            (format!("sapwood:{own}#x"), ""),
        ] {
            let error = PaymentUri::parse("dsap", &text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn the_drawn_code_has_the_modules_of_the_code_and_a_border_of_four() {
        let text = PaymentUri {
            address: address(),
            amount: None,
            label: None,
        }
        .to_string();
        let code = QrCode::with_error_correction_level(&text, EcLevel::L).unwrap();
        let drawn = qr(&text).unwrap();
        let lines: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
        let dark = |x: usize, y: usize| {
            let is_lit = match lines[y / 2][x] {
                '\u{2588}' => true,
                '\u{2580}' => y.is_multiple_of(2),
                '\u{2584}' => y % 2 == 1,
                _ => false,
            };
            !is_lit
        };
        let width = code.width();
        for y in 0..width + 8 {
            for x in 0..width + 8 {
                let inside = (4..4 + width).contains(&x) && (4..4 + width).contains(&y);
                let wanted = inside && code[(x - 4, y - 4)] == qrcode::Color::Dark;
                assert_eq!(dark(x, y), wanted, "{x} {y}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_it_was(id: [u8; 32], drops in 1..=Amount::SUPPLY.drops(), with in 0..4u8, label in ".{1,25}") {
            let uri = PaymentUri {
                address: Address::new("dsap", AccountId(id)),
                amount: (with & 1 != 0).then(|| Amount::from_drops(drops).unwrap()),
                label: (with & 2 != 0).then_some(label),
            };
            prop_assert_eq!(PaymentUri::parse("dsap", &uri.to_string()), Ok(uri));
        }

        #[test]
        fn no_text_brings_the_reader_down_and_what_it_takes_it_prints_again(text in "(sapwood:)?.{0,80}", query in "[?&=%a-z0-9.]{0,40}") {
            let with_address = format!("sapwood:{}{query}", address());
            for text in [text, with_address] {
                if let Ok(uri) = PaymentUri::parse("dsap", &text) {
                    prop_assert_eq!(PaymentUri::parse("dsap", &uri.to_string()), Ok(uri));
                }
            }
        }
    }
}
