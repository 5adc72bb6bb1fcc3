//! Records as people write them (specs/07 §1): one line of zone-file text each, to and from the wire form that accounts hold.
//!
//! - [`parse_record`] reads a line such as `www 300 A 192.0.2.1`; [`to_text`] and [`to_line`] write one;
//! - [`rdata_is_well_formed`] says whether data fits its type: a wallet refuses what does not, a resolver skips it (specs/07 §1.4);
//! - [`parse_type`] and [`type_name`] know the types by name.
//!
//! The forms are those of RFC 1035 §5 and of each type's own RFC; any type can also be written in the generic form of RFC 3597, `TYPE65280 \# 2 abcd`.
//! Text made here is printable ASCII whatever the data, so it can be shown on a terminal. What a type's data looks like stands in `fields`, how a line
//! is cut into words in `token`.

use crate::types::RecordFields;
use sapwood_primitives::records::{Entry, MAX_BYTES, MAX_OWNER, types};
use token::{NotTokens, Token};

mod fields;
pub mod svcb;
mod token;

/// Time to live of a line that gives none, in seconds: long enough to spare resolvers, short enough to correct a mistake.
pub const DEFAULT_TTL: u32 = 300;

/// Longest line that is read, in bytes. Data and owner take at most four characters a byte (`\DDD`); the rest is for type, numbers and quotes.
const MAX_LINE: usize = 4 * (MAX_BYTES + MAX_OWNER) + 128;

/// Types with a name of their own. Any other is written `TYPEnnn` (RFC 3597 §5).
const TYPES: [(&str, u16); 17] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("DS", 43),
    ("SSHFP", 44),
    ("TLSA", 52),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("CAA", 257),
    ("SERVICEKEY", types::SERVICE_KEY),
    ("OFFCHAINKEY", types::OFF_CHAIN_KEY),
    ("RELAY", types::RELAY),
];

/// Why a line is not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// Longer than any record can be.
    #[error(
        "the line has more than {MAX_LINE} characters; the records of an account take at most {MAX_BYTES} bytes together"
    )]
    TooLong,
    /// A control character, a line break, or a character outside ASCII.
    #[error(
        "a record is one line of printable ASCII; write any other byte as \\DDD, its decimal value"
    )]
    NotPrintable,
    /// Quotes, escapes or a comment that cannot be read.
    #[error(transparent)]
    Tokens(#[from] NotTokens),
    /// Fewer than an owner, a type and its data.
    #[error(
        "write a record as OWNER [TTL] TYPE DATA, e.g. `@ 300 A 192.0.2.1`; @ is the name itself"
    )]
    Incomplete,
    /// Not a relative name of at most 128 bytes.
    #[error(
        "`{0}` is no owner: give the part before the name (`www`, `_443._tcp`), or @ for the name itself"
    )]
    Owner(String),
    /// A number of seconds of 2³¹ or more (RFC 2181 §8).
    #[error("the TTL `{0}` is not below 2147483648 seconds")]
    Ttl(String),
    /// No type stands where one should.
    #[error(
        "`{0}` is no record type; use one like A, AAAA, TXT, or TYPE65280 with data as \\# LENGTH HEX"
    )]
    Type(String),
    /// A type that is no data (RFC 6895 §3.1), or SOA, which the resolver makes itself.
    #[error("{0} cannot be a record of a name")]
    NotData(String),
    /// The data is not in the type's form.
    #[error("the data does not fit {rtype}: {why}")]
    Data {
        /// The type.
        rtype: String,
        /// What is expected.
        why: &'static str,
    },
}

/// Reads a line `OWNER [TTL] [IN] TYPE DATA`. The owner is relative, `@` for the name itself; it may be left out if the line begins with the type.
/// Names inside the data are absolute and end with a dot.
///
/// # Errors
/// [`BadRecord`] says what to change.
pub fn parse_record(line: &str) -> Result<Entry, BadRecord> {
    if line.len() > MAX_LINE {
        return Err(BadRecord::TooLong);
    }
    if !line.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')) {
        return Err(BadRecord::NotPrintable);
    }
    let tokens = token::split(line)?;
    let (owner, rest) = tokens.split_first().ok_or(BadRecord::Incomplete)?;
    match ttl_and_type(rest) {
        Ok((ttl, rtype, data)) => entry(parse_owner(owner)?, ttl, rtype, data),
        // An owner is there if a type follows it; otherwise the line may begin with the type.
        Err(error) => match owner.plain().and_then(|text| parse_type(&text)) {
            Some(rtype) if !rest.is_empty() => entry(vec![0], DEFAULT_TTL, rtype, rest),
            _ => Err(error),
        },
    }
}

/// A record's fields as people read them. Data that does not fit its type stands in the generic form of RFC 3597.
pub fn to_text(entry: &Entry) -> RecordFields {
    let owner = fields::labels_text(&entry.owner);
    RecordFields {
        owner: if owner.is_empty() {
            "@".to_owned()
        } else {
            owner
        },
        rtype: type_name(entry.rtype),
        ttl: entry.ttl,
        data: fields::to_text(entry.rtype, &entry.rdata)
            .unwrap_or_else(|| generic_text(&entry.rdata)),
    }
}

/// A record as one line, which [`parse_record`] reads back if the data fits its type.
pub fn to_line(entry: &Entry) -> String {
    let fields = to_text(entry);
    let line = format!(
        "{} {} {} {}",
        fields.owner, fields.ttl, fields.rtype, fields.data
    );
    line.trim_end().to_owned()
}

/// The number of a type: `A`, `aaaa`, `SERVICEKEY`, `TYPE65280`.
pub fn parse_type(text: &str) -> Option<u16> {
    let known = TYPES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text));
    known.map(|(_, number)| *number).or_else(|| {
        let (prefix, number) = text.split_at_checked(4)?;
        (prefix.eq_ignore_ascii_case("TYPE") && number.bytes().all(|b| b.is_ascii_digit()))
            .then(|| number.parse().ok())?
    })
}

/// The name of a type, `TYPEnnn` if it has none here.
pub fn type_name(rtype: u16) -> String {
    let known = TYPES.iter().find(|(_, number)| *number == rtype);
    known.map_or_else(|| format!("TYPE{rtype}"), |(name, _)| (*name).to_owned())
}

/// Whether data fits its type: complete, nothing left over, names uncompressed. Types that nobody here knows have no form to break; types that are no data,
/// and SOA, which only the zone itself has, never fit.
pub fn rdata_is_well_formed(rtype: u16, rdata: &[u8]) -> bool {
    is_data_type(rtype) && (!fields::is_known(rtype) || fields::to_text(rtype, rdata).is_some())
}

/// Meta types and question types (RFC 6895 §3.1) are no data; SOA (6) is the resolver's, OPT (41) the transport's.
fn is_data_type(rtype: u16) -> bool {
    !matches!(rtype, 0 | 6 | 41 | 128..=255)
}

/// Reads `[TTL] [IN] TYPE DATA`.
fn ttl_and_type(tokens: &[Token]) -> Result<(u32, u16, &[Token]), BadRecord> {
    let mut rest = tokens;
    let mut next = || -> Result<String, BadRecord> {
        let (first, after) = rest.split_first().ok_or(BadRecord::Incomplete)?;
        rest = after;
        Ok(first.plain().unwrap_or_default())
    };
    let mut word = next()?;
    let mut ttl = DEFAULT_TTL;
    if !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()) {
        ttl = word
            .parse()
            .ok()
            .filter(|ttl| *ttl < 1 << 31)
            .ok_or(BadRecord::Ttl(word))?;
        word = next()?;
    }
    if word.eq_ignore_ascii_case("IN") {
        word = next()?;
    }
    let rtype = parse_type(&word).ok_or(BadRecord::Type(word))?;
    Ok((ttl, rtype, rest))
}

fn parse_owner(token: &Token) -> Result<Vec<u8>, BadRecord> {
    if token.plain().as_deref() == Some("@") {
        return Ok(vec![0]);
    }
    fields::labels(token)
        .map(|mut owner| {
            owner.make_ascii_lowercase();
            owner.push(0);
            owner
        })
        .filter(|owner| owner.len() <= MAX_OWNER)
        .ok_or_else(|| BadRecord::Owner(token.to_string()))
}

fn entry(owner: Vec<u8>, ttl: u32, rtype: u16, data: &[Token]) -> Result<Entry, BadRecord> {
    if !is_data_type(rtype) {
        return Err(BadRecord::NotData(type_name(rtype)));
    }
    let bad = |why| BadRecord::Data {
        rtype: type_name(rtype),
        why,
    };
    let rdata = match data.split_first() {
        Some((marker, rest)) if marker.is_generic_marker() => generic_data(rest).map_err(bad)?,
        _ => fields::parse(rtype, data).map_err(bad)?,
    };
    if !rdata_is_well_formed(rtype, &rdata) {
        return Err(bad("a length or a value is not one that the type has"));
    }
    Ok(Entry {
        owner,
        rtype,
        ttl,
        rdata,
    })
}

/// Reads `LENGTH HEX…` (RFC 3597 §5).
fn generic_data(tokens: &[Token]) -> Result<Vec<u8>, &'static str> {
    let (len, digits) = tokens
        .split_first()
        .ok_or("\\# needs the length in bytes and the bytes in hex")?;
    let rdata = token::hex(digits).ok_or("after \\# LENGTH come pairs of hex digits")?;
    if len.plain().and_then(|len| len.parse().ok()) != Some(rdata.len()) {
        return Err("the length after \\# is not that of the data");
    }
    Ok(rdata)
}

fn generic_text(rdata: &[u8]) -> String {
    let text = format!("\\# {} {}", rdata.len(), hex::encode(rdata));
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests;
