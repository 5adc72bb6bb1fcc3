//! From the sections of an answer to its bytes: compression, EDNS, truncation.

use crate::lookup::Reply;
use crate::query::{Edns, Header, Query};
use crate::records::Set;
use domain::base::iana::{Class, Opcode, OptRcode, Rcode, Rtype};
use domain::base::message_builder::{AnswerBuilder, PushError, QuestionBuilder};
use domain::base::rdata::UnknownRecordData;
use domain::base::{MessageBuilder, Name as DnsName, StaticCompressor, Ttl};

/// Largest answer over UDP: what passes nearly every path unfragmented (specs/07 §4, DNS flag day 2020).
pub(crate) const MAX_UDP: u16 = 1232;
/// What every client takes over UDP (RFC 1035 §2.3.4).
pub(crate) const MIN_UDP: u16 = 512;
/// An OPT record without options.
const OPT_BYTES: usize = 11;

type Target = StaticCompressor<Vec<u8>>;
type Named = (DnsName<Vec<u8>>, Set);

/// An answer without question, for what cannot be read or is not done.
pub(crate) fn header_only(header: Header, rcode: Rcode) -> Vec<u8> {
    start(header, rcode).finish().into_target()
}

/// An answer that says only that the client's version of EDNS is not known (RFC 6891 §6.1.3).
pub(crate) fn bad_version(query: &Query) -> Vec<u8> {
    let mut additional = question(query, Rcode::NOERROR).additional();
    let written = additional.opt(|opt| {
        opt.set_udp_payload_size(MAX_UDP);
        opt.set_rcode(OptRcode::BADVERS);
        Ok(())
    });
    written.expect("a question and an OPT record fit a message");
    additional.finish().into_target()
}

/// The answer in at most `limit` bytes; without records and with TC if it does not fit.
pub(crate) fn build(query: &Query, reply: &Reply, limit: usize) -> Vec<u8> {
    whole(query, reply, limit)
        .unwrap_or_else(|_| truncated(query, reply.rcode, reply.authoritative))
}

/// An answer without records and with TC.
pub(crate) fn truncated(query: &Query, rcode: Rcode, authoritative: bool) -> Vec<u8> {
    let mut question = question(query, rcode);
    question.header_mut().set_aa(authoritative);
    question.header_mut().set_tc(true);
    finish(question.answer(), query.edns)
}

fn whole(query: &Query, reply: &Reply, limit: usize) -> Result<Vec<u8>, PushError> {
    let mut question = question(query, reply.rcode);
    question.header_mut().set_aa(reply.authoritative);
    let reserved = if query.edns.is_some() { OPT_BYTES } else { 0 };
    // The builder's limit is the first length that is too long.
    question.set_push_limit(limit - reserved + 1);
    let mut answer = question.answer();
    each(&reply.answer, |record| answer.push(record))?;
    let mut authority = answer.authority();
    each(&reply.authority, |record| authority.push(record))?;
    let mut additional = authority.additional();
    each(&reply.additional, |record| additional.push(record))?;
    additional.clear_push_limit();
    Ok(with_opt(additional, query.edns))
}

type Record<'a> = (
    &'a DnsName<Vec<u8>>,
    Class,
    Ttl,
    UnknownRecordData<&'a [u8]>,
);

fn each(
    sets: &[Named],
    mut push: impl FnMut(Record<'_>) -> Result<(), PushError>,
) -> Result<(), PushError> {
    for (owner, set) in sets {
        for data in &set.data {
            let data = UnknownRecordData::from_octets(Rtype::from_int(set.rtype), data.as_slice());
            let data = data.map_err(|_| PushError::ShortBuf)?;
            push((owner, Class::IN, Ttl::from_secs(set.ttl), data))?;
        }
    }
    Ok(())
}

fn start(header: Header, rcode: Rcode) -> MessageBuilder<Target> {
    let target = StaticCompressor::new(Vec::new());
    let mut message = MessageBuilder::from_target(target).expect("a vector grows");
    let bits = message.header_mut();
    bits.set_id(header.id);
    bits.set_qr(true);
    bits.set_opcode(Opcode::from_int(header.opcode));
    bits.set_rd(header.recursion_desired);
    bits.set_cd(header.checking_disabled);
    bits.set_rcode(rcode);
    message
}

fn question(query: &Query, rcode: Rcode) -> QuestionBuilder<Target> {
    let mut question = start(query.header, rcode).question();
    let written = question.push((
        &query.name,
        Rtype::from_int(query.rtype),
        Class::from_int(query.class),
    ));
    written.expect("one question fits a message");
    question
}

fn finish(answer: AnswerBuilder<Target>, edns: Option<Edns>) -> Vec<u8> {
    with_opt(answer.additional(), edns)
}

/// Ends the message, with an OPT record if the query had one.
fn with_opt(
    mut additional: domain::base::message_builder::AdditionalBuilder<Target>,
    edns: Option<Edns>,
) -> Vec<u8> {
    if let Some(edns) = edns {
        let written = additional.opt(|opt| {
            opt.set_udp_payload_size(MAX_UDP);
            opt.set_dnssec_ok(edns.dnssec_ok);
            Ok(())
        });
        written.expect("room was left for it");
    }
    additional.finish().into_target()
}
