//! One query's bytes in, one answer's bytes out (specs/07 §4). No sockets, no clock, no state: the server, tests and fuzzers call the same function.

use crate::lookup::{self, Reply};
use crate::message::{self, MAX_UDP, MIN_UDP};
use crate::query::{self, Query, Unusable};
use crate::zone::{NameSource, ZoneConfig};
use domain::base::iana::Rcode;

/// Class of the Internet, the only one served.
const IN: u16 = 1;
/// Incremental and full zone transfer.
const TRANSFERS: [u16; 2] = [251, 252];

/// How the query came and the answer goes; it bounds the answer's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// At most 1,232 bytes, less if the client says so or has no EDNS.
    Udp,
    /// At most 65,535 bytes.
    Tcp,
}

/// The answer to a query; none if it must be dropped.
pub fn answer(
    query: &[u8],
    source: &impl NameSource,
    zone: &ZoneConfig,
    transport: Transport,
) -> Option<Vec<u8>> {
    respond(query, transport, |query| {
        if query.class != IN || TRANSFERS.contains(&query.rtype) {
            return Reply::empty(Rcode::REFUSED);
        }
        lookup::resolve(&query.name, query.rtype, source, zone)
    })
}

/// The answer to a client that is not served; none if it must be dropped.
pub fn refuse(query: &[u8]) -> Option<Vec<u8>> {
    respond(query, Transport::Udp, |_| Reply::empty(Rcode::REFUSED))
}

/// The answer that says only that TCP would do (specs/07 §4); none if the query is not worth one.
pub(crate) fn truncated(query: &[u8]) -> Option<Vec<u8>> {
    query::parse(query)
        .ok()
        .map(|query| message::truncated(&query, Rcode::NOERROR, false))
}

fn respond(
    packet: &[u8],
    transport: Transport,
    reply: impl FnOnce(&Query) -> Reply,
) -> Option<Vec<u8>> {
    let query = match query::parse(packet) {
        Ok(query) => query,
        Err(Unusable::Drop) => return None,
        Err(Unusable::Say(header, rcode)) => return Some(message::header_only(header, rcode)),
    };
    if query.edns.is_some_and(|edns| edns.version > 0) {
        return Some(message::bad_version(&query));
    }
    let limit = match transport {
        Transport::Udp => query
            .edns
            .map_or(MIN_UDP, |edns| edns.payload.clamp(MIN_UDP, MAX_UDP)),
        Transport::Tcp => u16::MAX,
    };
    Some(message::build(&query, &reply(&query), limit.into()))
}
