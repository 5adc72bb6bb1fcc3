//! What the data of each known type consists of, and how each part reads and writes. One table serves text, wire and the question whether data fits.

use super::svcb;
use super::token::{self, Token, escape};
use sapwood_primitives::records::types;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A part of a type's data.
#[derive(Clone, Copy)]
enum Field {
    U8,
    U16,
    Ipv4,
    Ipv6,
    /// An absolute name.
    Name,
    /// Bytes to the end, at least one, in hex.
    Hex,
    /// 32 bytes in hex.
    Key,
    /// Character strings to the end, at least one.
    Strings,
    /// A short string of letters and digits.
    Tag,
    /// Bytes to the end, as a string.
    Value,
    /// Parameters of a service binding.
    Params,
}

use Field::{Hex, Ipv4, Ipv6, Key, Name, Params, Strings, Tag, U8, U16, Value};

/// Longest absolute name, in wire form (RFC 1035 §2.3.4).
const MAX_NAME: usize = 255;

fn fields(rtype: u16) -> Option<&'static [Field]> {
    Some(match rtype {
        1 => &[Ipv4],
        2 | 5 | 12 => &[Name],
        15 => &[U16, Name],
        16 => &[Strings],
        28 => &[Ipv6],
        33 => &[U16, U16, U16, Name],
        43 => &[U16, U8, U8, Hex],
        44 => &[U8, U8, Hex],
        52 => &[U8, U8, U8, Hex],
        64 | 65 => &[U16, Name, Params],
        257 => &[U8, Tag, Value],
        types::SERVICE_KEY | types::OFF_CHAIN_KEY => &[Key],
        types::RELAY => &[],
        _ => return None,
    })
}

/// Whether the type has a form of its own here.
pub(super) fn is_known(rtype: u16) -> bool {
    fields(rtype).is_some()
}

/// Reads a known type's data.
pub(super) fn parse(rtype: u16, tokens: &[Token]) -> Result<Vec<u8>, &'static str> {
    let fields = fields(rtype).ok_or("write data of this type as \\# LENGTH HEX")?;
    let mut rdata = Vec::new();
    let mut rest = tokens;
    for field in fields {
        field.parse(&mut rest, &mut rdata)?;
    }
    if !rest.is_empty() {
        return Err("there is more than the type has");
    }
    Ok(rdata)
}

/// Writes a known type's data; none if the data does not fit the type.
pub(super) fn to_text(rtype: u16, rdata: &[u8]) -> Option<String> {
    let mut rest = rdata;
    let mut words = Vec::new();
    for field in fields(rtype)? {
        words.extend(field.text(&mut rest)?);
    }
    rest.is_empty().then(|| words.join(" "))
}

impl Field {
    fn parse(self, rest: &mut &[Token], out: &mut Vec<u8>) -> Result<(), &'static str> {
        match self {
            U8 => out.push(number(rest).ok_or("a number from 0 to 255 is missing")?),
            U16 => {
                let n: u16 = number(rest).ok_or("a number from 0 to 65535 is missing")?;
                out.extend_from_slice(&n.to_be_bytes());
            }
            Ipv4 => {
                let address: Ipv4Addr =
                    plain(rest).ok_or("it is an IPv4 address, e.g. 192.0.2.1")?;
                out.extend_from_slice(&address.octets());
            }
            Ipv6 => {
                let address: Ipv6Addr =
                    plain(rest).ok_or("it is an IPv6 address, e.g. 2001:db8::1")?;
                out.extend_from_slice(&address.octets());
            }
            Name => {
                let name = take(rest).and_then(|token| absolute_name(&token));
                out.extend_from_slice(
                    &name.ok_or(
                        "a whole name with a dot at its end is missing, e.g. host.example.",
                    )?,
                );
            }
            Hex => {
                let bytes = token::hex(std::mem::take(rest)).filter(|bytes| !bytes.is_empty());
                out.extend_from_slice(&bytes.ok_or("pairs of hex digits are missing")?);
            }
            Key => {
                let bytes = token::hex(std::mem::take(rest)).filter(|bytes| bytes.len() == 32);
                out.extend_from_slice(&bytes.ok_or("it is a key of 64 hex digits")?);
            }
            Strings => parse_strings(std::mem::take(rest), out)?,
            Tag => {
                let tag = take(rest)
                    .map(|token| token.bytes())
                    .filter(|tag| is_tag(tag));
                push_string(
                    &tag.ok_or("a tag of letters and digits is missing, e.g. issue")?,
                    out,
                )?;
            }
            Value => out.extend_from_slice(&take(rest).ok_or("a value is missing")?.bytes()),
            Params => out.extend_from_slice(&svcb::parse_params(std::mem::take(rest))?),
        }
        Ok(())
    }

    /// The words for the part at the start of `rest`, which is moved behind it.
    fn text(self, rest: &mut &[u8]) -> Option<Vec<String>> {
        let word = match self {
            U8 => bytes::<1>(rest)?[0].to_string(),
            U16 => u16::from_be_bytes(bytes(rest)?).to_string(),
            Ipv4 => Ipv4Addr::from(bytes::<4>(rest)?).to_string(),
            Ipv6 => Ipv6Addr::from(bytes::<16>(rest)?).to_string(),
            Name => {
                let (name, after) = rest.split_at_checked(name_len(rest)?)?;
                *rest = after;
                format!("{}.", labels_text(name))
            }
            Hex if rest.is_empty() => return None,
            Hex => hex::encode(std::mem::take(rest)),
            Key => hex::encode(bytes::<32>(rest)?),
            Strings => return strings_text(rest),
            Tag => {
                let tag = string(rest).filter(|tag| is_tag(tag))?;
                tag.iter().map(|byte| char::from(*byte)).collect()
            }
            Value => quoted(std::mem::take(rest)),
            Params => return svcb::params_text(std::mem::take(rest)),
        };
        Some(vec![word])
    }
}

fn take(rest: &mut &[Token]) -> Option<Token> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(first.clone())
}

fn plain<T: std::str::FromStr>(rest: &mut &[Token]) -> Option<T> {
    take(rest)?.plain()?.parse().ok()
}

fn number<T: std::str::FromStr>(rest: &mut &[Token]) -> Option<T> {
    let text = take(rest)?.plain()?;
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

fn bytes<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

/// A string with a length byte (RFC 1035 §3.3).
fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, after) = rest.split_first()?;
    let (text, after) = after.split_at_checked(usize::from(*len))?;
    *rest = after;
    Some(text)
}

fn push_string(text: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    out.push(
        u8::try_from(text.len())
            .map_err(|_| "a string has more than 255 bytes; split it into several")?,
    );
    out.extend_from_slice(text);
    Ok(())
}

fn parse_strings(tokens: &[Token], out: &mut Vec<u8>) -> Result<(), &'static str> {
    if tokens.is_empty() {
        return Err("a string is missing; \"\" is the empty one");
    }
    tokens
        .iter()
        .try_for_each(|token| push_string(&token.bytes(), out))
}

fn strings_text(rest: &mut &[u8]) -> Option<Vec<String>> {
    let mut words = vec![quoted(string(rest)?)];
    while !rest.is_empty() {
        words.push(quoted(string(rest)?));
    }
    Some(words)
}

pub(super) fn quoted(text: &[u8]) -> String {
    format!(
        "\"{}\"",
        escape(text, |b| (b' '..=b'~').contains(&b)
            && b != b'"'
            && b != b'\\')
    )
}

/// RFC 8659 §4.1.
fn is_tag(tag: &[u8]) -> bool {
    !tag.is_empty() && tag.iter().all(u8::is_ascii_alphanumeric)
}

/// Labels in wire form, without a final zero byte; none if a label is empty or longer than 63 bytes.
pub(super) fn labels(token: &Token) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    for label in token.parts(b'.') {
        let label = label.bytes();
        if label.is_empty() || label.len() > 63 {
            return None;
        }
        wire.push(u8::try_from(label.len()).ok()?);
        wire.extend_from_slice(&label);
    }
    Some(wire)
}

/// A name that ends with a dot, in wire form.
fn absolute_name(token: &Token) -> Option<Vec<u8>> {
    let (dot, relative) = token.0.split_last()?;
    if *dot != (b'.', false) {
        return None;
    }
    let mut wire = if relative.is_empty() {
        Vec::new()
    } else {
        labels(&Token(relative.to_vec()))?
    };
    wire.push(0);
    (wire.len() <= MAX_NAME).then_some(wire)
}

/// Text for labels in wire form, up to a zero byte, without a final dot.
pub(super) fn labels_text(wire: &[u8]) -> String {
    let mut labels = Vec::new();
    let mut rest = wire;
    while let Some(label) = string(&mut rest).filter(|label| !label.is_empty()) {
        labels.push(escape(label, |b| {
            b.is_ascii_alphanumeric() || b"-_*".contains(&b)
        }));
    }
    labels.join(".")
}

/// Bytes of the uncompressed name at the start of `bytes`.
pub(super) fn name_len(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    loop {
        let label = string(&mut rest)?;
        if label.len() > 63 {
            return None;
        }
        if label.is_empty() {
            let len = bytes.len() - rest.len();
            return (len <= MAX_NAME).then_some(len);
        }
    }
}
