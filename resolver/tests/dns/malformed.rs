//! What is no query, and what is not done (specs/07 §4).

use crate::world::{Query, Seen, World, wire};
use domain::base::iana::Rcode;

fn world() -> World {
    World::default().with("alice", &["@ A 8.8.8.8"])
}

fn rcode(query: &[u8]) -> Rcode {
    Seen::read(&world().send(query).expect("an answer")).rcode
}

#[test]
fn what_is_shorter_than_a_header_or_an_answer_itself_is_dropped() {
    let good = Query::new("alice.leaf.alt", "A").bytes();
    for len in 0..12 {
        assert_eq!(world().send(&good[..len]), None, "{len} bytes");
    }
    let mut response = good;
    response[2] |= 0x80;
    assert_eq!(world().send(&response), None);
}

#[test]
fn every_malformed_query_is_told_so() {
    let query = || Query::new("alice.leaf.alt", "A");
    let named = |name: &[u8]| Query {
        name: name.to_vec(),
        ..query()
    };
    let counted = |at: usize, count: u8| {
        let mut query = query();
        query.head[at] = count;
        query
    };
    let long = [
        vec![63; 64],
        vec![63; 64],
        vec![63; 64],
        vec![63; 64],
        vec![0],
    ]
    .concat();
    let mut two_opt = query().opt(1232, 0, false, &[]).opt(1232, 0, false, &[]);
    two_opt.head[11] = 2;
    let mut below = query();
    below.head[11] = 1;
    below.tail = [&wire("a")[..], &[0, 41, 4, 208, 0, 0, 0, 0, 0, 0]].concat();
    let mut in_answer = query().opt(1232, 0, false, &[]);
    (in_answer.head[7], in_answer.head[11]) = (1, 0);
    let mut junk = query();
    junk.tail = vec![0];
    let cases: Vec<(&str, Query)> = vec![
        ("no question", counted(5, 0)),
        ("two questions", counted(5, 2)),
        ("65,281 questions", counted(4, 255)),
        ("pointer to itself", named(&[0xc0, 12])),
        ("pointer loop", named(&[1, b'a', 0xc0, 12])),
        ("forward pointer", named(&[0xc0, 14, 0])),
        ("pointer past the end", named(&[0xff, 0xff])),
        ("pointer into the header", named(&[0xc0, 4])),
        ("half a pointer", named(&[0xc0])),
        (
            "label of 64",
            named(&[&[64][..], &[b'a'; 64], &[0]].concat()),
        ),
        ("reserved label type", named(&[0x80, 0])),
        ("name of 257", named(&long)),
        ("two OPT records", two_opt),
        ("OPT below a name", below),
        ("OPT in the answer section", in_answer),
        ("a byte after the question", junk),
        ("an announced record is missing", counted(11, 1)),
        ("65,535 records announced", counted(6, 255)),
        ("cookie of 0", query().opt(1232, 0, false, &[0, 10, 0, 0])),
        (
            "cookie of 7",
            query().opt(1232, 0, false, &[&[0, 10, 0, 7][..], &[1; 7]].concat()),
        ),
        (
            "cookie of 9",
            query().opt(1232, 0, false, &[&[0, 10, 0, 9][..], &[1; 9]].concat()),
        ),
        (
            "cookie of 41",
            query().opt(1232, 0, false, &[&[0, 10, 0, 41][..], &[1; 41]].concat()),
        ),
        (
            "option cut off",
            query().opt(1232, 0, false, &[0, 10, 0, 8, 1]),
        ),
    ];
    for (title, query) in cases {
        assert_eq!(rcode(&query.bytes()), Rcode::FORMERR, "{title}");
    }
    let good = query().bytes();
    for len in 12..good.len() {
        assert_eq!(
            rcode(&good[..len]),
            Rcode::FORMERR,
            "cut off after {len} bytes"
        );
    }
}

#[test]
fn a_name_of_255_bytes_is_the_longest() {
    let label = |len: u8| [vec![len], vec![b'a'; len.into()]].concat();
    let name = |last: u8| [label(63), label(63), label(63), label(last), vec![0]].concat();
    let ask = |name: Vec<u8>| {
        rcode(
            &Query {
                name,
                ..Query::new(".", "A")
            }
            .bytes(),
        )
    };
    assert_eq!(ask(name(61)), Rcode::REFUSED);
    assert_eq!(ask(name(62)), Rcode::FORMERR);
}

#[test]
fn other_opcodes_are_not_implemented() {
    for opcode in 1..16 {
        let mut query = Query::new("alice.leaf.alt", "A");
        query.head[2] = opcode << 3 | 1;
        let reply = world().send(&query.bytes()).unwrap();
        assert_eq!(Seen::read(&reply).rcode, Rcode::NOTIMP, "{opcode}");
        assert_eq!((reply.len(), reply[2] >> 3 & 0x0f), (12, opcode));
    }
}

#[test]
fn other_classes_transfers_and_other_domains_are_refused() {
    for class in [0, 3, 4, 254, 255] {
        let query = Query::new("alice.leaf.alt", "A").class(class);
        assert_eq!(rcode(&query.bytes()), Rcode::REFUSED, "class {class}");
    }
    for transfer in ["TYPE251", "TYPE252"] {
        assert_eq!(
            rcode(&Query::new("leaf.alt", transfer).bytes()),
            Rcode::REFUSED,
            "{transfer}"
        );
    }
    // An IXFR query brings its SOA along in the authority section.
    let mut ixfr = Query::new("leaf.alt", "TYPE251");
    ixfr.head[9] = 1;
    ixfr.tail = [
        &[0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0][..],
        &[0; 20],
    ]
    .concat();
    assert_eq!(rcode(&ixfr.bytes()), Rcode::REFUSED);
    for outside in [
        ".",
        "alt",
        "example.com",
        "localhost.example",
        "alice.leaf.alt.example",
    ] {
        assert_eq!(
            rcode(&Query::new(outside, "A").bytes()),
            Rcode::REFUSED,
            "{outside}"
        );
    }
}

#[test]
fn a_client_that_is_not_served_is_refused_in_all_cases_that_it_could_be_answered() {
    let refuse = |query: &Query| sapwood_resolver::answer::refuse(&query.bytes());
    let query = Query::new("alice.leaf.alt", "A");
    assert_eq!(Seen::read(&refuse(&query).unwrap()).rcode, Rcode::REFUSED);
    let mut response = query;
    response.head[2] |= 0x80;
    assert_eq!(refuse(&response), None);
}

#[test]
fn another_version_of_edns_is_told_the_one_that_is_known() {
    // Options of an unknown version are not looked at.
    for options in [&[][..], &[0, 10, 0, 7]] {
        let query = Query::new("alice.leaf.alt", "A").opt(4096, 1, false, options);
        let seen = Seen::read(&world().send(&query.bytes()).unwrap());
        assert_eq!(
            (seen.rcode, seen.edns),
            (Rcode::NOERROR, Some((1, 1232, false))),
            "BADVERS is 16"
        );
        assert!(seen.answer.is_empty());
    }
}

#[test]
fn edns_is_answered_in_kind_and_unknown_options_are_ignored() {
    let ask = |query: Query| Seen::read(&world().send(&query.bytes()).unwrap());
    let query = || Query::new("alice.leaf.alt", "A");
    assert_eq!(ask(query()).edns, None);
    for options in [
        &[0xfd, 0xe9, 0, 1, 7][..],
        &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8],
    ] {
        let seen = ask(query().opt(1232, 0, false, options));
        assert_eq!((seen.edns, seen.answer.len()), (Some((0, 1232, false)), 1));
    }
    // DO is repeated; there are no signatures to send.
    let seen = ask(query().opt(1232, 0, true, &[]));
    assert_eq!((seen.edns, seen.answer.len()), (Some((0, 1232, true)), 1));
}
