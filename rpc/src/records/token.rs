//! Words of a zone-file line (RFC 1035 §5.1): quotes, escapes, no comments.

use std::fmt;

/// One word: its bytes, and for each whether it was escaped, since `\.` does not separate labels and `\#` is no `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token(pub(super) Vec<(u8, bool)>);

/// Why a line cannot be cut into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTokens {
    /// A double quote without its partner.
    #[error("a double quote is not closed; write a quote that is meant as \\\"")]
    Quote,
    /// A backslash at the end, or before a number that is no byte.
    #[error("after a backslash comes one character, or three digits from 000 to 255")]
    Escape,
    /// A semicolon begins a comment in zone files and would silently cut the data off.
    #[error("put data with a semicolon in double quotes")]
    Comment,
}

/// Cuts a line at blanks. A quoted part belongs to the word that it stands in (`alpn="h2,h3"`).
pub(super) fn split(line: &str) -> Result<Vec<Token>, NotTokens> {
    let mut tokens = Vec::new();
    let mut current: Option<Vec<(u8, bool)>> = None;
    let mut quoted = false;
    let mut rest = line.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b' ' | b'\t' if !quoted => tokens.extend(current.take().map(Token)),
            b';' if !quoted => return Err(NotTokens::Comment),
            b'"' => {
                quoted = !quoted;
                current.get_or_insert_default();
            }
            b'\\' => current
                .get_or_insert_default()
                .push((unescape(&mut rest)?, true)),
            _ => current.get_or_insert_default().push((*byte, false)),
        }
    }
    if quoted {
        return Err(NotTokens::Quote);
    }
    tokens.extend(current.map(Token));
    Ok(tokens)
}

/// Reads what follows a backslash.
fn unescape(rest: &mut &[u8]) -> Result<u8, NotTokens> {
    let (first, after) = rest.split_first().ok_or(NotTokens::Escape)?;
    if !first.is_ascii_digit() {
        *rest = after;
        return Ok(*first);
    }
    let (digits, after) = rest.split_at_checked(3).ok_or(NotTokens::Escape)?;
    *rest = after;
    let digits = std::str::from_utf8(digits).map_err(|_| NotTokens::Escape)?;
    if digits.contains('+') {
        return Err(NotTokens::Escape);
    }
    digits.parse().map_err(|_| NotTokens::Escape)
}

/// The bytes that words of hex digits stand for.
pub(super) fn hex(tokens: &[Token]) -> Option<Vec<u8>> {
    let digits: Option<String> = tokens.iter().map(Token::plain).collect();
    hex::decode(digits?).ok()
}

impl Token {
    /// The word as text if nothing in it is escaped or outside ASCII.
    pub(super) fn plain(&self) -> Option<String> {
        let chars = self.0.iter();
        chars
            .map(|(byte, escaped)| (!escaped && byte.is_ascii()).then_some(char::from(*byte)))
            .collect()
    }

    /// The bytes, escapes resolved.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.iter().map(|(byte, _)| *byte).collect()
    }

    /// Whether it is `\#`, which begins generic data.
    pub(super) fn is_generic_marker(&self) -> bool {
        self.0 == [(b'#', true)]
    }

    /// The parts between bytes that are `separator` and not escaped.
    pub(super) fn parts(&self, separator: u8) -> impl Iterator<Item = Token> {
        self.0
            .split(move |symbol| *symbol == (separator, false))
            .map(|part| Token(part.to_vec()))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.bytes(), |b| {
            (b'!'..=b'~').contains(&b) && b != b'\\'
        }))
    }
}

/// Text for bytes: those that may stand as they are, the others as `\DDD`.
pub(super) fn escape(bytes: &[u8], is_plain: impl Fn(u8) -> bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if is_plain(*byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("\\{byte:03}"));
        }
    }
    text
}
