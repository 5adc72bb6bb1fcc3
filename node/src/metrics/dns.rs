//! What the DNS server answers, counted by looking at the bytes that go in and out.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use sapwood_resolver::{Respond, Transport};

/// Length of a DNS header (RFC 1035 §4.1.1).
const HEADER: usize = 12;

/// Most labels of a name, the root's included: 255 bytes of two at least.
const MAX_LABELS: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    qtype: &'static str,
    rcode: &'static str,
}

/// Answers by type and code.
#[derive(Clone, Debug, Default)]
pub(super) struct DnsMetrics(Family<Answered, Counter>);

impl DnsMetrics {
    pub(super) fn register(own: &mut Registry) -> Self {
        let all = Self::default();
        own.register(
            "dns_queries",
            "DNS queries, by type asked for and code answered",
            all.0.clone(),
        );
        all
    }

    pub(super) fn count<R>(&self, inner: R) -> Counted<R> {
        Counted {
            inner,
            metrics: self.clone(),
        }
    }
}

/// A responder whose answers are counted.
#[derive(Debug)]
pub struct Counted<R> {
    inner: R,
    metrics: DnsMetrics,
}

impl<R: Respond> Respond for Counted<R> {
    const AT_ONCE: usize = R::AT_ONCE;

    async fn respond(&self, query: &[u8], transport: Transport) -> Option<Vec<u8>> {
        let reply = self.inner.respond(query, transport).await;
        let label = Answered {
            qtype: type_of(query),
            rcode: reply.as_deref().map_or("dropped", code_of),
        };
        self.metrics.0.get_or_create(&label).inc();
        reply
    }
}

/// The type of a query's first question; one word for all that are rare or not there.
fn type_of(query: &[u8]) -> &'static str {
    match number_of(query) {
        Some(1) => "A",
        Some(2) => "NS",
        Some(5) => "CNAME",
        Some(6) => "SOA",
        Some(15) => "MX",
        Some(16) => "TXT",
        Some(28) => "AAAA",
        Some(33) => "SRV",
        Some(52) => "TLSA",
        Some(64) => "SVCB",
        Some(65) => "HTTPS",
        Some(255) => "ANY",
        _ => "other",
    }
}

fn number_of(query: &[u8]) -> Option<u16> {
    let mut rest = query.get(HEADER..)?;
    for _ in 0..MAX_LABELS {
        let (length, after) = rest.split_first()?;
        if *length == 0 {
            let bytes = after.first_chunk::<2>()?;
            return Some(u16::from_be_bytes(*bytes));
        }
        rest = after.get(usize::from(*length)..)?;
    }
    None
}

/// The response code in a header (RFC 1035 §4.1.1).
fn code_of(reply: &[u8]) -> &'static str {
    match reply.get(3).map(|byte| byte & 0x0f) {
        Some(0) => "NOERROR",
        Some(1) => "FORMERR",
        Some(2) => "SERVFAIL",
        Some(3) => "NXDOMAIN",
        Some(4) => "NOTIMP",
        Some(5) => "REFUSED",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_question_is_found_behind_its_name_and_nothing_else_is_a_label() {
        let ask =
            |name: &[u8], rtype: u16| [&[0; 12], name, &rtype.to_be_bytes(), &[0, 1]].concat();
        assert_eq!(type_of(&ask(b"\x05hello\x04leaf\x03alt\0", 28)), "AAAA");
        assert_eq!(type_of(&ask(b"\0", 6)), "SOA");
        assert_eq!(type_of(&ask(b"\x05hello\0", 65_281)), "other");
        assert_eq!(
            type_of(&ask(b"\x3fhello\0", 1)),
            "other",
            "a label beyond the end"
        );
        assert_eq!(type_of(&[0; 12]), "other");
        assert_eq!(type_of(b""), "other");
        assert_eq!(type_of(&[1; 4096]), "other", "more labels than a name has");
    }

    #[test]
    fn the_code_of_an_answer_is_the_low_half_of_its_fourth_byte() {
        assert_eq!(code_of(&[0, 0, 0x84, 0xf3]), "NXDOMAIN");
        assert_eq!(code_of(&[0, 0, 0x84, 0x80]), "NOERROR");
        assert_eq!(code_of(&[0, 0, 0, 0x0b]), "other");
        assert_eq!(code_of(&[0]), "other");
    }
}
