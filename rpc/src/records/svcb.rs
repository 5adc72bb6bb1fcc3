//! Service bindings (RFC 9460 §2): priority, target and parameters of an SVCB or HTTPS record.
//!
//! `mandatory`, `alpn`, `no-default-alpn`, `port` and the address hints are known by name; every other key is `keyNNN` with a string, which is its form too
//! (RFC 9460 §2.1).

use super::fields::{name_len, quoted};
use super::token::{Token, escape};
use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};

/// `mandatory`: keys that a client must understand (RFC 9460 §8).
const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
/// `ipv4hint`: addresses of the target (RFC 9460 §7.3).
pub const IPV4_HINT: u16 = 4;
/// `ipv6hint`: addresses of the target (RFC 9460 §7.3).
pub const IPV6_HINT: u16 = 6;

/// Parameters by name; the position is the key. Key 5, `ech`, has a form in base64 that nobody types; it is written `key5`.
const NAMES: [&str; 7] = [
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "key5",
    "ipv6hint",
];

/// The parts of a record's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Svcb<'a> {
    /// Priority and target, as they stand in the data.
    pub head: &'a [u8],
    /// Keys, strictly rising, and values.
    pub params: Vec<(u16, Vec<u8>)>,
}

impl<'a> Svcb<'a> {
    /// Reads a record's data; none if it does not fit the type.
    pub fn parse(rdata: &'a [u8]) -> Option<Self> {
        let (head, params) = rdata.split_at_checked(2 + name_len(rdata.get(2..)?)?)?;
        Some(Self {
            head,
            params: read_params(params)?,
        })
    }

    /// The data again; none if a key that `mandatory` names is no longer there, without which the record is malformed (RFC 9460 §8).
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        is_complete(&self.params).then(|| [self.head, &params_bytes(&self.params)].concat())
    }
}

fn read_params(mut rest: &[u8]) -> Option<Vec<(u16, Vec<u8>)>> {
    let mut params: Vec<(u16, Vec<u8>)> = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_first_chunk()?;
        let (len, after) = after.split_first_chunk()?;
        let (value, after) = after.split_at_checked(u16::from_be_bytes(*len).into())?;
        let key = u16::from_be_bytes(*key);
        if params.last().is_some_and(|(last, _)| *last >= key) || value_text(key, value).is_none() {
            return None;
        }
        params.push((key, value.to_vec()));
        rest = after;
    }
    is_complete(&params).then_some(params)
}

fn params_bytes(params: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in params {
        let len = u16::try_from(value.len()).expect("a line or record is far shorter");
        bytes.extend_from_slice(&key.to_be_bytes());
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(value);
    }
    bytes
}

fn is_complete(params: &[(u16, Vec<u8>)]) -> bool {
    let has = |wanted: u16| params.iter().any(|(key, _)| *key == wanted);
    let mandatory = params.iter().filter(|(key, _)| *key == MANDATORY);
    let mut named = mandatory.flat_map(|(_, keys)| keys.chunks_exact(2));
    named.all(|key| has(u16::from_be_bytes([key[0], key[1]])))
}

/// Reads `key=value` words in any order.
pub(super) fn parse_params(tokens: &[Token]) -> Result<Vec<u8>, &'static str> {
    let mut params = Vec::new();
    for token in tokens {
        let split = token.0.iter().position(|symbol| *symbol == (b'=', false));
        let (key, value) = match split {
            Some(at) => (&token.0[..at], &token.0[at + 1..]),
            None => (&token.0[..], &[][..]),
        };
        let key = Token(key.to_vec()).plain().and_then(|key| parse_key(&key));
        let key = key.ok_or(
            "a parameter is written alpn=h2, port=443, ipv4hint=192.0.2.1 or key7=\"value\"",
        )?;
        params.push((key, parse_value(key, &Token(value.to_vec()))?));
    }
    params.sort_by_key(|(key, _)| *key);
    if params.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err("a parameter stands twice");
    }
    Ok(params_bytes(&params))
}

/// The words for parameters; none if they are malformed.
pub(super) fn params_text(params: &[u8]) -> Option<Vec<String>> {
    let params = read_params(params)?;
    params
        .iter()
        .map(|(key, value)| value_text(*key, value))
        .collect()
}

fn parse_key(text: &str) -> Option<u16> {
    let known = NAMES.iter().position(|name| *name == text);
    known.and_then(|key| u16::try_from(key).ok()).or_else(|| {
        let number = text.strip_prefix("key")?;
        number
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| number.parse().ok())?
    })
}

fn key_text(key: u16) -> String {
    NAMES
        .get(usize::from(key))
        .map_or_else(|| format!("key{key}"), |name| (*name).to_owned())
}

fn parse_value(key: u16, value: &Token) -> Result<Vec<u8>, &'static str> {
    let items = || {
        value
            .parts(b',')
            .map(|item| item.plain().unwrap_or_default())
    };
    let joined = |items: Option<Vec<Vec<u8>>>| items.map(|items| items.concat());
    match key {
        MANDATORY => {
            let mut keys: Vec<u16> = items()
                .map(|item| parse_key(&item))
                .collect::<Option<_>>()
                .ok_or("mandatory lists parameters")?;
            keys.sort_unstable();
            Ok(keys.into_iter().flat_map(u16::to_be_bytes).collect())
        }
        ALPN => joined(
            value
                .parts(b',')
                .map(|id| alpn_bytes(&id.bytes()))
                .collect(),
        )
        .ok_or("alpn lists protocols, e.g. alpn=h2,h3"),
        NO_DEFAULT_ALPN if value.0.is_empty() => Ok(Vec::new()),
        NO_DEFAULT_ALPN => Err("no-default-alpn has no value"),
        PORT => {
            let port: Option<u16> = value.plain().and_then(|port| port.parse().ok());
            port.map(|port| port.to_be_bytes().to_vec())
                .ok_or("port is a number from 0 to 65535")
        }
        IPV4_HINT => joined(
            items()
                .map(|a| a.parse().ok().map(|a: Ipv4Addr| a.octets().to_vec()))
                .collect(),
        )
        .ok_or("ipv4hint lists IPv4 addresses"),
        IPV6_HINT => joined(
            items()
                .map(|a| a.parse().ok().map(|a: Ipv6Addr| a.octets().to_vec()))
                .collect(),
        )
        .ok_or("ipv6hint lists IPv6 addresses"),
        _ => Ok(value.bytes()),
    }
}

fn alpn_bytes(id: &[u8]) -> Option<Vec<u8>> {
    let len = u8::try_from(id.len()).ok().filter(|len| *len > 0)?;
    Some([&[len], id].concat())
}

/// `key=value`; none if the value does not fit the key.
fn value_text(key: u16, value: &[u8]) -> Option<String> {
    let name = key_text(key);
    let list = match key {
        MANDATORY => {
            let keys: Vec<u16> = chunks(value)?.map(u16::from_be_bytes).collect();
            // Rising, each once, and not naming itself (RFC 9460 §8).
            let is_valid = keys[0] != MANDATORY && keys.windows(2).all(|pair| pair[0] < pair[1]);
            is_valid.then(|| joined(keys.into_iter().map(key_text)))?
        }
        ALPN => alpn_text(value)?,
        NO_DEFAULT_ALPN => return value.is_empty().then_some(name),
        PORT => u16::from_be_bytes(value.try_into().ok()?).to_string(),
        IPV4_HINT => joined(chunks::<4>(value)?.map(Ipv4Addr::from)),
        IPV6_HINT => joined(chunks::<16>(value)?.map(Ipv6Addr::from)),
        _ => quoted(value),
    };
    Some(format!("{name}={list}"))
}

/// The items of a list of equal parts; none if it is empty or the last part is cut off.
fn chunks<const N: usize>(value: &[u8]) -> Option<impl Iterator<Item = [u8; N]>> {
    let (items, rest) = value.as_chunks::<N>();
    (!items.is_empty() && rest.is_empty()).then(|| items.iter().copied())
}

fn joined(items: impl Iterator<Item = impl Display>) -> String {
    items
        .map(|item| item.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

fn alpn_text(value: &[u8]) -> Option<String> {
    let mut ids = Vec::new();
    let mut rest = value;
    while let Some((len, after)) = rest.split_first() {
        let (id, after) = after
            .split_at_checked(usize::from(*len))
            .filter(|(id, _)| !id.is_empty())?;
        ids.push(escape(id, |b| {
            b.is_ascii_alphanumeric() || b"-_/.".contains(&b)
        }));
        rest = after;
    }
    (!ids.is_empty()).then(|| ids.join(","))
}
