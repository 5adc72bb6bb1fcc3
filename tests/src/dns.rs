//! One DNS question over UDP, and the answer taken apart by code of its own (RFC 1035 §4), so that the server is not checked with its own parser.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// How long one try waits for its answer; a datagram can be lost even on loopback.
const TRY: Duration = Duration::from_secs(3);

/// Tries before the server counts as silent.
const TRIES: usize = 5;

/// A DNS answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsAnswer {
    /// 0 NOERROR, 1 FORMERR, 2 SERVFAIL, 3 NXDOMAIN, 4 NOTIMP, 5 REFUSED.
    pub rcode: u8,
    /// The second 16 bits of the header: QR 0x8000, AA 0x0400, TC 0x0200, RA 0x0080.
    pub flags: u16,
    /// The answer section, each record as `TYPE DATA`, e.g. `A 127.0.0.1`, `TXT hello`, `CNAME a.leaf.alt.`; other types as `TYPEn` and hex.
    pub answers: Vec<String>,
    /// TTL of each answer, in seconds.
    pub ttls: Vec<u32>,
    /// The authority section, in the same form.
    pub authority: Vec<String>,
}

/// Asks for records of a type, such as 1 (A), 16 (TXT) or 28 (AAAA), at a name such as `hello.leaf.alt`.
#[track_caller]
pub fn dns_query(server: SocketAddr, name: &str, qtype: u16) -> DnsAnswer {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port of the system's");
    socket.connect(server).expect("a local address");
    socket.set_read_timeout(Some(TRY)).expect("not zero");
    let id = socket.local_addr().expect("it is bound").port();
    let query = query(id, name, qtype);
    let mut buffer = [0; 65_535];
    for _ in 0..TRIES {
        socket.send(&query).expect("loopback takes a datagram");
        if let Ok(length) = socket.recv(&mut buffer) {
            let message = &buffer[..length];
            assert_eq!(message[..2], id.to_be_bytes(), "the id comes back");
            return parse(message).expect("a well-formed answer");
        }
    }
    panic!("{server} does not answer");
}

fn query(id: u16, name: &str, qtype: u16) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    // Recursion desired, one question.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        message.push(u8::try_from(label.len()).expect("a label is short"));
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(qtype.to_be_bytes());
    message.extend([0, 1]);
    message
}

struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

fn parse(message: &[u8]) -> Option<DnsAnswer> {
    let mut reader = Reader { message, at: 2 };
    let flags = reader.u16()?;
    let counts = [reader.u16()?, reader.u16()?, reader.u16()?];
    reader.at += 2;
    for _ in 0..counts[0] {
        reader.name()?;
        reader.at += 4;
    }
    let mut section = |count| -> Option<Vec<_>> { (0..count).map(|_| reader.record()).collect() };
    let (ttls, answers) = section(counts[1])?.into_iter().unzip();
    let authority = section(counts[2])?.into_iter().map(|(_, text)| text);
    Some(DnsAnswer {
        rcode: flags.to_be_bytes()[1] & 0x0f,
        flags,
        answers,
        ttls,
        authority: authority.collect(),
    })
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let bytes = self.message.get(self.at..self.at + count)?;
        self.at += count;
        Some(bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// A name with a point behind each label; pointers are followed backwards only, so this ends.
    fn name(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let start = self.at;
            let length = usize::from(self.take(1)?[0]);
            match length {
                0 if text.is_empty() => return Some(".".into()),
                0 => return Some(text),
                1..=63 => {
                    text.push_str(&String::from_utf8_lossy(self.take(length)?));
                    text.push('.');
                }
                _ => {
                    let target = (length & 0x3f) << 8 | usize::from(self.take(1)?[0]);
                    let mut earlier = Reader {
                        message: self.message.get(..start)?,
                        at: target,
                    };
                    return Some(text + &earlier.name()?);
                }
            }
        }
    }

    /// TTL and `TYPE DATA`.
    fn record(&mut self) -> Option<(u32, String)> {
        self.name()?;
        let rtype = self.u16()?;
        self.at += 2;
        let ttl = self.u32()?;
        let length = usize::from(self.u16()?);
        let start = self.at;
        let text = match rtype {
            1 => {
                let octets: [u8; 4] = self.take(length)?.try_into().ok()?;
                format!("A {}", Ipv4Addr::from(octets))
            }
            28 => {
                let octets: [u8; 16] = self.take(length)?.try_into().ok()?;
                format!("AAAA {}", Ipv6Addr::from(octets))
            }
            2 => format!("NS {}", self.name()?),
            5 => format!("CNAME {}", self.name()?),
            6 => format!("SOA {}", self.name()?),
            16 => {
                let mut texts = Vec::new();
                while self.at < start + length {
                    let length = usize::from(self.take(1)?[0]);
                    texts.push(String::from_utf8_lossy(self.take(length)?).into_owned());
                }
                format!("TXT {}", texts.join(" "))
            }
            other => format!("TYPE{other} {}", hex::encode(self.take(length)?)),
        };
        self.at = start + length;
        Some((ttl, text))
    }
}
