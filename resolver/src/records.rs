//! The records of one name as a small zone: exact owners, empty non-terminals, delegations, wildcards (RFC 1034 §4.3.2, RFC 4592).

use crate::private::without_special_use;
use crate::zone::ZoneConfig;
use domain::base::Name as DnsName;
use sapwood_primitives::records::{Entry, Records};
use sapwood_rpc::records::rdata_is_well_formed;

pub(crate) const A: u16 = 1;
pub(crate) const NS: u16 = 2;
pub(crate) const CNAME: u16 = 5;
pub(crate) const SOA: u16 = 6;
pub(crate) const AAAA: u16 = 28;
pub(crate) const DS: u16 = 43;
pub(crate) const ANY: u16 = 255;

/// Records of one owner and type, as they are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) rtype: u16,
    pub(crate) ttl: u32,
    /// Data of each record; never empty.
    pub(crate) data: Vec<Vec<u8>>,
}

/// What a name's records say to a question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The set that was asked for, or for ANY one that exists.
    Set(Set),
    /// The owner is an alias.
    Alias(Set, DnsName<Vec<u8>>),
    /// Everything from `cut` down is served elsewhere.
    Delegated {
        /// Labels of the delegated owner.
        cut: Vec<Vec<u8>>,
        /// Name servers.
        ns: Set,
        /// Digests of the delegated zone's keys.
        ds: Option<Set>,
    },
    /// The owner exists, but not this type.
    NoData,
    /// There is no such owner.
    NoOwner,
}

/// The entries that fit their types, with owners as labels.
pub(crate) struct NameRecords<'a> {
    entries: Vec<(Vec<Vec<u8>>, Entry)>,
    zone: &'a ZoneConfig,
}

impl<'a> NameRecords<'a> {
    /// Skips what does not fit its type (specs/07 §1.4).
    pub(crate) fn new(records: &Records, zone: &'a ZoneConfig) -> Self {
        let fitting = records
            .entries()
            .into_iter()
            .filter(|entry| rdata_is_well_formed(entry.rtype, &entry.rdata));
        Self {
            entries: fitting.map(|entry| (labels(&entry.owner), entry)).collect(),
            zone,
        }
    }

    /// Answers a question for `owner`, the labels before the name.
    pub(crate) fn find(&self, owner: &[Vec<u8>], rtype: u16) -> Finding {
        // From the name down: the first delegation on the way ends our authority.
        for start in (0..=owner.len()).rev() {
            let cut = &owner[start..];
            if rtype == DS && start == 0 {
                break;
            }
            if let Some(ns) = self.set(cut, NS) {
                return Finding::Delegated {
                    cut: cut.to_vec(),
                    ns,
                    ds: self.set(cut, DS),
                };
            }
        }
        if self.exists(owner) {
            return self.at(owner, rtype);
        }
        let encloser = (1..=owner.len())
            .map(|start| &owner[start..])
            .find(|ancestor| self.exists(ancestor));
        let wildcard = [&[b"*".to_vec()], encloser.unwrap_or_default()].concat();
        if self.exists(&wildcard) {
            self.at(&wildcard, rtype)
        } else {
            Finding::NoOwner
        }
    }

    /// The addresses of an owner, to be sent along with a delegation to it.
    pub(crate) fn addresses(&self, owner: &[Vec<u8>]) -> impl Iterator<Item = Set> {
        [A, AAAA]
            .into_iter()
            .filter_map(|rtype| self.set(owner, rtype))
    }

    /// Whether the owner or something below it has records; the name itself always exists.
    fn exists(&self, owner: &[Vec<u8>]) -> bool {
        owner.is_empty()
            || self
                .entries
                .iter()
                .any(|(labels, _)| labels.ends_with(owner))
    }

    fn at(&self, owner: &[Vec<u8>], rtype: u16) -> Finding {
        if rtype == ANY {
            // One set is enough (RFC 8482 §4.1).
            let mut types = self
                .entries
                .iter()
                .filter(|(labels, _)| labels == owner)
                .map(|(_, entry)| entry.rtype);
            return types
                .find_map(|rtype| self.set(owner, rtype))
                .map_or(Finding::NoData, Finding::Set);
        }
        if let (true, Some(mut alias)) = (rtype != CNAME, self.set(owner, CNAME)) {
            // Several aliases of one owner contradict each other; the first in order counts.
            alias.data.truncate(1);
            let target = alias
                .data
                .first()
                .and_then(|data| DnsName::from_octets(data.clone()).ok());
            return target.map_or(Finding::NoData, |target| Finding::Alias(alias, target));
        }
        self.set(owner, rtype).map_or(Finding::NoData, Finding::Set)
    }

    /// The records of an exact owner and type that may be answered.
    fn set(&self, owner: &[Vec<u8>], rtype: u16) -> Option<Set> {
        let mut set = Set {
            rtype,
            ttl: u32::MAX,
            data: Vec::new(),
        };
        for (labels, entry) in &self.entries {
            if labels != owner || entry.rtype != rtype {
                continue;
            }
            let data = if self.zone.private_addresses {
                Some(entry.rdata.clone())
            } else {
                without_special_use(rtype, &entry.rdata).map(|data| data.into_owned())
            };
            set.data.extend(data);
            // One set has one time to live, the least of its records' (RFC 2181 §5.2).
            set.ttl = set.ttl.min(entry.ttl);
        }
        set.ttl = self.zone.ttl(set.ttl);
        (!set.data.is_empty()).then_some(set)
    }
}

/// Labels of an owner in wire form.
fn labels(wire: &[u8]) -> Vec<Vec<u8>> {
    let mut labels = Vec::new();
    let mut rest = wire;
    while let Some((len, after)) = rest.split_first().filter(|(len, _)| **len > 0) {
        let (label, after) = after
            .split_at_checked(usize::from(*len))
            .unwrap_or_default();
        labels.push(label.to_vec());
        rest = after;
    }
    labels
}
