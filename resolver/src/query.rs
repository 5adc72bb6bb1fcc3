//! Reads a query. Every way to be malformed has its own answer (specs/07 §4), and the work is bounded by the packet's length.
//!
//! A message parser for both directions would be wider than what a server may accept: here a question's name is never compressed, nothing follows the last
//! record, and records other than OPT are stepped over.

use domain::base::Name as DnsName;
use domain::base::iana::Rcode;

/// Bytes of a header (RFC 1035 §4.1.1).
const HEADER: usize = 12;
/// Longest name, in wire form (RFC 1035 §2.3.4).
const MAX_NAME: usize = 255;
/// Pseudo-type of the EDNS record (RFC 6891 §6.1).
const OPT: u16 = 41;
/// EDNS option of a DNS cookie (RFC 7873 §4).
const COOKIE: u16 = 10;

/// What every answer repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: u16,
    pub(crate) opcode: u8,
    pub(crate) recursion_desired: bool,
    pub(crate) checking_disabled: bool,
}

/// A query that can be answered.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) header: Header,
    /// The name as it was sent, letter case included.
    pub(crate) name: DnsName<Vec<u8>>,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) edns: Option<Edns>,
}

/// The EDNS record (RFC 6891 §6.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edns {
    pub(crate) payload: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
}

/// Why there is no query to answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Not a query at all; an answer would only serve somebody who forges senders.
    Drop,
    /// The client is told, with the header only.
    Say(Header, Rcode),
}

/// Something in the packet does not follow the format.
struct Malformed;

pub(crate) fn parse(packet: &[u8]) -> Result<Query, Unusable> {
    let (head, _) = packet.split_first_chunk::<HEADER>().ok_or(Unusable::Drop)?;
    if head[2] & 0x80 != 0 {
        return Err(Unusable::Drop);
    }
    let header = Header {
        id: u16::from_be_bytes([head[0], head[1]]),
        opcode: head[2] >> 3 & 0x0f,
        recursion_desired: head[2] & 0x01 != 0,
        checking_disabled: head[3] & 0x10 != 0,
    };
    if header.opcode != 0 {
        return Err(Unusable::Say(header, Rcode::NOTIMP));
    }
    let count = |at: usize| u32::from(u16::from_be_bytes([head[at], head[at + 1]]));
    if count(4) != 1 {
        return Err(Unusable::Say(header, Rcode::FORMERR));
    }
    Reader { packet, at: HEADER }
        .body(header, count(6) + count(8), count(10))
        .map_err(|Malformed| Unusable::Say(header, Rcode::FORMERR))
}

struct Reader<'a> {
    packet: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn body(&mut self, header: Header, before: u32, additional: u32) -> Result<Query, Malformed> {
        let name = self.name()?;
        let (rtype, class) = (self.u16()?, self.u16()?);
        let mut edns = None;
        // Each record takes at least eleven bytes, so the packet ends the loop whatever the counts say.
        for index in 0..before + additional {
            let found = self.record()?;
            if found.is_some() && (index < before || edns.is_some()) {
                return Err(Malformed);
            }
            edns = edns.or(found);
        }
        if self.at != self.packet.len() {
            return Err(Malformed);
        }
        Ok(Query {
            header,
            name,
            rtype,
            class,
            edns,
        })
    }

    /// Reads a record and keeps it if it is the EDNS record.
    fn record(&mut self) -> Result<Option<Edns>, Malformed> {
        let name = self.name()?;
        let (rtype, class, flags) = (self.u16()?, self.u16()?, self.bytes(4)?);
        let len = self.u16()?;
        let data = self.bytes(len.into())?;
        if rtype != OPT {
            return Ok(None);
        }
        if !name.is_root() {
            return Err(Malformed);
        }
        let edns = Edns {
            payload: class,
            version: flags[1],
            dnssec_ok: flags[2] & 0x80 != 0,
        };
        // What the options of another version look like is not known here.
        if edns.version == 0 {
            check_options(data)?;
        }
        Ok(Some(edns))
    }

    /// Reads a name. A pointer must lead to before the part that it ends, so that a chain of them comes to its end.
    fn name(&mut self) -> Result<DnsName<Vec<u8>>, Malformed> {
        let mut wire = Vec::new();
        let mut at = self.at;
        let mut part = at;
        let mut end = None;
        loop {
            let len = usize::from(*self.packet.get(at).ok_or(Malformed)?);
            match len {
                0..=63 => {
                    wire.extend_from_slice(self.packet.get(at..at + 1 + len).ok_or(Malformed)?);
                    at += 1 + len;
                }
                0xc0.. => {
                    let low = usize::from(*self.packet.get(at + 1).ok_or(Malformed)?);
                    let target = (len & 0x3f) << 8 | low;
                    if target < HEADER || target >= part {
                        return Err(Malformed);
                    }
                    end.get_or_insert(at + 2);
                    (at, part) = (target, target);
                }
                _ => return Err(Malformed),
            }
            if wire.len() > MAX_NAME {
                return Err(Malformed);
            }
            if len == 0 {
                self.at = end.unwrap_or(at);
                return DnsName::from_octets(wire).map_err(|_| Malformed);
            }
        }
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let bytes = self.packet.get(self.at..self.at + len).ok_or(Malformed)?;
        self.at += len;
        Ok(bytes)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        let bytes = self.bytes(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}

/// Options are ignored, but must be whole, and a cookie must have a length that cookies have (RFC 7873 §5.2.2).
fn check_options(data: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader {
        packet: data,
        at: 0,
    };
    while reader.at < data.len() {
        let (code, len) = (reader.u16()?, reader.u16()?);
        reader.bytes(len.into())?;
        if code == COOKIE && !matches!(len, 8 | 16..=40) {
            return Err(Malformed);
        }
    }
    Ok(())
}
