//! A few names with records, queries in bytes, and answers as text.

use domain::base::iana::Rcode;
use domain::base::rdata::ComposeRecordData;
use domain::base::record::ParsedRecord;
use domain::base::{Message, ParsedName};
use domain::rdata::AllRecordData;
use sapwood_primitives::leaf::Phase;
use sapwood_primitives::records::Entry;
use sapwood_primitives::{Chain, Height, Name, Records};
use sapwood_resolver::{Found, NameSource, Transport, Unavailable, ZoneConfig, answer};
use sapwood_rpc::records::{parse_record, parse_type, to_text};
use std::collections::HashMap;

pub(crate) const HEIGHT: u64 = 4711;

/// Names and what is in their records.
#[derive(Default)]
pub(crate) struct World(HashMap<Name, (Phase, Records)>);

impl World {
    pub(crate) fn with(mut self, name: &str, lines: &[&str]) -> Self {
        let entries = lines
            .iter()
            .map(|line| parse_record(line).unwrap_or_else(|e| panic!("{line}: {e}")));
        let records = Records::from_entries(entries.collect()).unwrap();
        self.0
            .insert(name.parse().unwrap(), (Phase::Active, records));
        self
    }

    pub(crate) fn with_raw(mut self, name: &str, entries: Vec<Entry>) -> Self {
        let records = Records::from_entries(entries).unwrap();
        self.0
            .insert(name.parse().unwrap(), (Phase::Active, records));
        self
    }

    pub(crate) fn in_phase(mut self, name: &str, phase: Phase) -> Self {
        self.0.get_mut(&name.parse().unwrap()).unwrap().0 = phase;
        self
    }

    pub(crate) fn ask(&self, name: &str, rtype: &str) -> Seen {
        self.ask_in(&main_zone(), name, rtype)
    }

    pub(crate) fn ask_in(&self, zone: &ZoneConfig, name: &str, rtype: &str) -> Seen {
        let query = Query::new(name, rtype).bytes();
        Seen::read(&answer(&query, self, zone, Transport::Tcp).unwrap())
    }

    pub(crate) fn send(&self, query: &[u8]) -> Option<Vec<u8>> {
        answer(query, self, &main_zone(), Transport::Udp)
    }
}

impl NameSource for World {
    fn height(&self) -> Result<Height, Unavailable> {
        Ok(Height::new(HEIGHT))
    }
    fn lookup(&self, name: &Name) -> Result<Found, Unavailable> {
        let found = self.0.get(name);
        Ok(Found {
            phase: found.map(|(phase, _)| *phase),
            records: found
                .map(|(_, records)| records.clone())
                .unwrap_or_default(),
            height: Height::new(HEIGHT),
        })
    }
}

pub(crate) fn main_zone() -> ZoneConfig {
    ZoneConfig::for_chain(&Chain::named("main").unwrap())
}

/// A query that can be made wrong in every part.
#[derive(Clone)]
pub(crate) struct Query {
    pub(crate) head: [u8; 12],
    pub(crate) name: Vec<u8>,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) tail: Vec<u8>,
}

impl Query {
    pub(crate) fn new(name: &str, rtype: &str) -> Self {
        Self {
            head: [0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            name: wire(name),
            rtype: parse_type(rtype).unwrap(),
            class: 1,
            tail: Vec::new(),
        }
    }

    pub(crate) fn class(self, class: u16) -> Self {
        Self { class, ..self }
    }

    /// Adds an OPT record and counts it.
    pub(crate) fn opt(
        mut self,
        payload: u16,
        version: u8,
        dnssec_ok: bool,
        options: &[u8],
    ) -> Self {
        self.head[11] += 1;
        self.tail.extend_from_slice(&[0, 0, 41]);
        self.tail.extend_from_slice(&payload.to_be_bytes());
        self.tail
            .extend_from_slice(&[0, version, u8::from(dnssec_ok) << 7, 0]);
        self.tail
            .extend_from_slice(&u16::try_from(options.len()).unwrap().to_be_bytes());
        self.tail.extend_from_slice(options);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [
            &self.head[..],
            &self.name,
            &self.rtype.to_be_bytes(),
            &self.class.to_be_bytes(),
            &self.tail,
        ]
        .concat()
    }
}

/// A name in wire form, as it is written, escapes `\DDD` included.
pub(crate) fn wire(name: &str) -> Vec<u8> {
    let name: domain::base::Name<Vec<u8>> = name.parse().unwrap();
    name.as_slice().to_vec()
}

/// An answer as text.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) rcode: Rcode,
    pub(crate) authoritative: bool,
    pub(crate) truncated: bool,
    pub(crate) question: Option<String>,
    pub(crate) answer: Vec<String>,
    pub(crate) authority: Vec<String>,
    pub(crate) additional: Vec<String>,
    /// Extended code's upper bits, payload size and DO of the OPT record.
    pub(crate) edns: Option<(u8, u16, bool)>,
    pub(crate) len: usize,
}

impl Seen {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let message = Message::from_octets(bytes).unwrap();
        let header = message.header();
        assert!(
            header.qr() && !header.ra() && !header.ad() && !header.z(),
            "flags of every answer"
        );
        let (_, answer, authority, additional) = message.sections().unwrap();
        let mut edns = None;
        let mut extra = Vec::new();
        for record in additional {
            let record = record.unwrap();
            if record.rtype().to_int() == 41 {
                let flags = record.ttl().as_secs().to_be_bytes();
                edns = Some((flags[0], record.class().to_int(), flags[2] & 0x80 != 0));
            } else {
                extra.push(line(record));
            }
        }
        Self {
            rcode: header.rcode(),
            authoritative: header.aa(),
            truncated: header.tc(),
            question: message
                .first_question()
                .map(|question| question.qname().to_string()),
            answer: answer.map(|record| line(record.unwrap())).collect(),
            authority: authority.map(|record| line(record.unwrap())).collect(),
            additional: extra,
            edns,
            len: bytes.len(),
        }
    }

    /// Denied with the zone's SOA and nothing else.
    pub(crate) fn denied(&self) -> Rcode {
        assert_eq!(
            (self.answer.len(), self.authority.len()),
            (0, 1),
            "{self:?}"
        );
        assert!(
            self.authoritative && self.authority[0].contains(" TYPE6 "),
            "{self:?}"
        );
        self.rcode
    }

    /// Lines of the answer without times.
    pub(crate) fn data(&self) -> Vec<String> {
        self.answer
            .iter()
            .map(|line| line.splitn(4, ' ').skip(2).collect::<Vec<_>>().join(" "))
            .collect()
    }
}

fn line(record: ParsedRecord<'_, &[u8]>) -> String {
    let record = record
        .to_any_record::<AllRecordData<&[u8], ParsedName<&[u8]>>>()
        .unwrap();
    let mut rdata = Vec::new();
    record.data().compose_rdata(&mut rdata).unwrap();
    let (ttl, rtype) = (record.ttl().as_secs(), record.rtype().to_int());
    let fields = to_text(&Entry {
        owner: vec![0],
        rtype,
        ttl,
        rdata,
    });
    format!("{} {ttl} {} {}", record.owner(), fields.rtype, fields.data)
}
