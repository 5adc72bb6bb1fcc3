//! From a question to the sections of its answer (specs/07 §2).

use crate::records::{ANY, Finding, NameRecords, SOA, Set};
use crate::zone::{NameSource, Place, Unavailable, ZoneConfig};
use domain::base::Name as DnsName;
use domain::base::iana::Rcode;
use sapwood_primitives::leaf::Phase;
use sapwood_primitives::{Height, Name};

/// Aliases that are followed within the suffix (specs/07 §2.4).
const MAX_HOPS: usize = 8;

/// SOA expire, in seconds. Nobody transfers the zone; a day is what secondaries would keep it without news.
const EXPIRE: u32 = 86_400;

/// Domains that must not leave the host or must not exist, whoever is asked (RFC 6761 §6.3, RFC 7686 §2).
const NEVER_EXIST: [&[u8]; 2] = [b"localhost", b"onion"];

/// An answer before it becomes bytes.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) rcode: Rcode,
    pub(crate) authoritative: bool,
    pub(crate) answer: Vec<(DnsName<Vec<u8>>, Set)>,
    pub(crate) authority: Vec<(DnsName<Vec<u8>>, Set)>,
    pub(crate) additional: Vec<(DnsName<Vec<u8>>, Set)>,
}

impl Reply {
    pub(crate) fn empty(rcode: Rcode) -> Self {
        Self {
            rcode,
            authoritative: false,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
        }
    }

    fn denies(mut self, rcode: Rcode, soa: (DnsName<Vec<u8>>, Set)) -> Self {
        self.rcode = rcode;
        self.authority.push(soa);
        self
    }
}

/// Answers a question of class IN.
pub(crate) fn resolve(
    name: &DnsName<Vec<u8>>,
    rtype: u16,
    source: &impl NameSource,
    zone: &ZoneConfig,
) -> Reply {
    follow(name, rtype, source, zone).unwrap_or_else(|Unavailable| Reply::empty(Rcode::SERVFAIL))
}

fn follow(
    question: &DnsName<Vec<u8>>,
    rtype: u16,
    source: &impl NameSource,
    zone: &ZoneConfig,
) -> Result<Reply, Unavailable> {
    let mut reply = Reply {
        authoritative: true,
        ..Reply::empty(Rcode::NOERROR)
    };
    let mut name = question.clone();
    for _ in 0..=MAX_HOPS {
        let (label, owner) = match zone.place(&name) {
            Place::Outside if reply.answer.is_empty() => return outside(&name, source, zone),
            Place::Outside => return Ok(reply),
            Place::Apex => return apex(reply, name, rtype, source.height()?, zone),
            Place::Below { label, owner } => (label, owner),
        };
        let Ok(chain_name) = Name::from_bytes(&label) else {
            return Ok(reply.denies(Rcode::NXDOMAIN, soa(zone, source.height()?)));
        };
        let found = source.lookup(&chain_name)?;
        if found.phase != Some(Phase::Active) {
            return Ok(reply.denies(Rcode::NXDOMAIN, soa(zone, found.height)));
        }
        let records = NameRecords::new(&found.records, zone);
        match records.find(&owner, rtype) {
            Finding::Set(set) => {
                reply.answer.push((name, set));
                return Ok(reply);
            }
            Finding::Alias(set, target) => {
                reply.answer.push((name, set));
                name = target;
            }
            Finding::Delegated { cut, ns, ds } => {
                // Authority for the part before an alias remains (RFC 1034 §4.3.1).
                reply.authoritative = !reply.answer.is_empty();
                let cut = absolute(&name, owner.len() - cut.len());
                reply.additional = glue(&ns, &label, &records, zone);
                reply.authority = [Some(ns), ds]
                    .into_iter()
                    .flatten()
                    .map(|set| (cut.clone(), set))
                    .collect();
                return Ok(reply);
            }
            Finding::NoData => return Ok(reply.denies(Rcode::NOERROR, soa(zone, found.height))),
            Finding::NoOwner => return Ok(reply.denies(Rcode::NXDOMAIN, soa(zone, found.height))),
        }
    }
    Ok(Reply::empty(Rcode::SERVFAIL))
}

/// Nothing is forwarded; only what exists nowhere is denied.
fn outside(
    name: &DnsName<Vec<u8>>,
    source: &impl NameSource,
    zone: &ZoneConfig,
) -> Result<Reply, Unavailable> {
    let top_level = name.iter().rfind(|label| !label.is_root());
    let never = top_level.and_then(|label| {
        NEVER_EXIST
            .iter()
            .find(|never| label.as_slice().eq_ignore_ascii_case(never))
    });
    let Some(never) = never else {
        return Ok(Reply::empty(Rcode::REFUSED));
    };
    let text = std::str::from_utf8(never).expect("the list is ASCII");
    let owner = DnsName::vec_from_str(text).expect("the list holds labels");
    let (_, set) = soa(zone, source.height()?);
    let reply = Reply {
        authoritative: true,
        ..Reply::empty(Rcode::NXDOMAIN)
    };
    Ok(reply.denies(Rcode::NXDOMAIN, (owner, set)))
}

/// The suffix itself has an SOA and nothing else: no name server is named, because each name under the suffix can be somebody's.
fn apex(
    mut reply: Reply,
    name: DnsName<Vec<u8>>,
    rtype: u16,
    height: Height,
    zone: &ZoneConfig,
) -> Result<Reply, Unavailable> {
    let (owner, set) = soa(zone, height);
    if rtype == SOA || rtype == ANY {
        reply.answer.push((name, set));
        return Ok(reply);
    }
    Ok(reply.denies(Rcode::NOERROR, (owner, set)))
}

/// The zone's SOA; its serial is the height of the state used.
fn soa(zone: &ZoneConfig, height: Height) -> (DnsName<Vec<u8>>, Set) {
    let suffix = zone.suffix.as_slice();
    let serial = u32::try_from(height.get() & u64::from(u32::MAX)).expect("masked to 32 bits");
    let numbers = [
        serial,
        zone.negative_ttl,
        zone.negative_ttl,
        EXPIRE,
        zone.negative_ttl,
    ];
    let data = [
        b"\x02ns",
        suffix,
        b"\x0ahostmaster",
        suffix,
        &numbers.map(u32::to_be_bytes).concat(),
    ]
    .concat();
    let set = Set {
        rtype: SOA,
        ttl: zone.negative_ttl,
        data: vec![data],
    };
    (zone.suffix.clone(), set)
}

/// Addresses of name servers below the same name; a client cannot find those any other way.
fn glue(
    ns: &Set,
    label: &[u8],
    records: &NameRecords<'_>,
    zone: &ZoneConfig,
) -> Vec<(DnsName<Vec<u8>>, Set)> {
    let servers = ns
        .data
        .iter()
        .filter_map(|data| DnsName::from_octets(data.clone()).ok());
    servers
        .flat_map(|server| match zone.place(&server) {
            Place::Below { label: of, owner } if of == label => records
                .addresses(&owner)
                .map(|set| (server.clone(), set))
                .collect(),
            _ => Vec::new(),
        })
        .collect()
}

/// The name without its first labels.
fn absolute(name: &DnsName<Vec<u8>>, skip: usize) -> DnsName<Vec<u8>> {
    let tail = name
        .iter_suffixes()
        .nth(skip)
        .expect("fewer labels are skipped than there are");
    DnsName::from_octets(tail.as_slice().to_vec())
        .expect("a part of a name from a label on is a name")
}
