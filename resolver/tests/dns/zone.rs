//! What names answer: absence, aliases, delegations, wildcards, sizes, private addresses.

use crate::world::{HEIGHT, Query, Seen, World, main_zone};
use domain::base::iana::Rcode;
use sapwood_primitives::Chain;
use sapwood_primitives::leaf::Phase;
use sapwood_primitives::records::Entry;
use sapwood_resolver::{NameSource, Transport, Unavailable, ZoneConfig, answer};

fn world() -> World {
    World::default()
        .with(
            "alice",
            &["@ 300 A 8.8.8.8", "@ 30 A 8.8.4.4", "www A 1.1.1.1", "_443._tcp.www TXT deep", "*.w A 9.9.9.9", "x.w TXT x", "@ TYPE65281 \\# 32 0101010101010101010101010101010101010101010101010101010101010101"],
        )
        .with("late", &["@ A 8.8.8.8"])
        .in_phase("late", Phase::Suspended)
        .with("gone", &["@ A 8.8.8.8"])
        .in_phase("gone", Phase::Released)
        .with("empty", &[])
}

#[test]
fn records_are_answered_with_the_least_of_their_times() {
    let seen = world().ask("alice.leaf.alt", "A");
    assert_eq!(
        seen.answer,
        ["alice.leaf.alt 60 A 8.8.4.4", "alice.leaf.alt 60 A 8.8.8.8"]
    );
    assert!(seen.authoritative && seen.authority.is_empty() && seen.rcode == Rcode::NOERROR);
    let dev = ZoneConfig::for_chain(&Chain::named("dev").unwrap());
    assert_eq!(
        world().ask_in(&dev, "alice.leaf.alt", "A").answer[0],
        "alice.leaf.alt 30 A 8.8.4.4"
    );
    let seen = world().ask("alice.leaf.alt", "SERVICEKEY");
    assert_eq!(seen.answer.len(), 1, "types of this protocol too");
}

#[test]
fn names_that_do_not_resolve_are_nxdomain_with_soa() {
    for name in [
        "nobody.leaf.alt",
        "www.nobody.leaf.alt",
        "late.leaf.alt",
        "www.late.leaf.alt",
        "gone.leaf.alt",
        // Characters that no name has.
        "al_ice.leaf.alt",
        "al\\032ice.leaf.alt",
        "alice\\000.leaf.alt",
        "\\195\\164.leaf.alt",
        "-alice.leaf.alt",
        "12345.leaf.alt",
        "localhost.leaf.alt",
        "onion.leaf.alt",
        "nothing.alice.leaf.alt",
        "a.www.alice.leaf.alt",
        // Names that exist nowhere, whoever is asked.
        "localhost",
        "a.LocalHost",
        "abcdef.onion",
    ] {
        assert_eq!(world().ask(name, "A").denied(), Rcode::NXDOMAIN, "{name}");
        assert_eq!(
            world().ask(name, "TYPE255").denied(),
            Rcode::NXDOMAIN,
            "{name}"
        );
    }
}

#[test]
fn what_exists_without_the_type_is_nodata_with_soa() {
    for (name, rtype) in [
        ("alice.leaf.alt", "AAAA"),
        ("alice.leaf.alt", "TYPE65280"),
        ("alice.leaf.alt", "DS"),
        ("alice.leaf.alt", "TYPE6"),
        ("empty.leaf.alt", "A"),
        // Empty non-terminals (RFC 4592 §2.2.2).
        ("_tcp.www.alice.leaf.alt", "A"),
        ("w.alice.leaf.alt", "A"),
        ("x.w.alice.leaf.alt", "A"),
        ("leaf.alt", "A"),
        ("leaf.alt", "NS"),
    ] {
        assert_eq!(
            world().ask(name, rtype).denied(),
            Rcode::NOERROR,
            "{name} {rtype}"
        );
    }
}

#[test]
fn the_soa_carries_the_height_and_a_short_time() {
    let seen = world().ask("leaf.alt", "TYPE6");
    let [line] = &seen.answer[..] else {
        panic!("{seen:?}")
    };
    assert!(line.starts_with("leaf.alt 60 TYPE6 "), "{line}");
    let numbers = [u32::try_from(HEIGHT).unwrap(), 60, 60, 86_400, 60]
        .map(|n| format!("{n:08x}"))
        .concat();
    assert!(line.ends_with(&numbers), "{line}");
    assert_eq!(world().ask("nobody.leaf.alt", "A").authority, seen.answer);
}

#[test]
fn wildcards_stand_for_owners_that_do_not_exist() {
    let world = world();
    assert_eq!(
        world.ask("a.w.alice.leaf.alt", "A").answer,
        ["a.w.alice.leaf.alt 300 A 9.9.9.9"]
    );
    assert_eq!(world.ask("b.a.w.alice.leaf.alt", "A").answer.len(), 1);
    assert_eq!(world.ask("*.w.alice.leaf.alt", "A").answer.len(), 1);
    assert_eq!(
        world.ask("a.w.alice.leaf.alt", "AAAA").denied(),
        Rcode::NOERROR
    );
    // Below an owner that exists the wildcard does not reach.
    assert_eq!(
        world.ask("a.x.w.alice.leaf.alt", "A").denied(),
        Rcode::NXDOMAIN
    );
    let alias = World::default()
        .with("bob", &["* CNAME alice.leaf.alt."])
        .with("alice", &["@ A 8.8.8.8"]);
    assert_eq!(
        alias.ask("q.bob.leaf.alt", "A").answer,
        [
            "q.bob.leaf.alt 300 CNAME alice.leaf.alt.",
            "alice.leaf.alt 300 A 8.8.8.8"
        ]
    );
    assert_eq!(alias.ask("bob.leaf.alt", "A").denied(), Rcode::NOERROR);
}

#[test]
fn the_question_comes_back_as_it_was_sent() {
    let seen = world().ask("aLiCe.LEAF.alt", "A");
    assert_eq!(seen.question.as_deref(), Some("aLiCe.LEAF.alt"));
    assert_eq!(seen.answer[0], "aLiCe.LEAF.alt 60 A 8.8.4.4");
    let query = Query::new("aLiCe.LEAF.alt", "A").bytes();
    let reply = world().send(&query).unwrap();
    assert_eq!(
        (&reply[..2], &reply[12..query.len()]),
        (&query[..2], &query[12..])
    );
}

#[test]
fn any_gives_one_set() {
    let seen = world().ask("alice.leaf.alt", "TYPE255");
    assert_eq!(seen.data(), ["A 8.8.4.4", "A 8.8.8.8"]);
    assert_eq!(
        world().ask("empty.leaf.alt", "TYPE255").denied(),
        Rcode::NOERROR
    );
}

#[test]
fn aliases_are_followed_inside_the_suffix() {
    let world = world()
        .with("inside", &["@ CNAME WWW.alice.leaf.alt."])
        .with("outside", &["@ CNAME example.com."])
        .with("dead", &["@ CNAME nobody.leaf.alt."])
        .with("apex", &["@ CNAME leaf.alt."])
        .with("onion-alias", &["@ CNAME a.onion."]);
    let seen = world.ask("inside.leaf.alt", "A");
    assert_eq!(seen.data(), ["CNAME WWW.alice.leaf.alt.", "A 1.1.1.1"]);
    assert_eq!(
        world.ask("inside.leaf.alt", "CNAME").data(),
        ["CNAME WWW.alice.leaf.alt."]
    );
    for name in ["outside.leaf.alt", "onion-alias.leaf.alt"] {
        let seen = world.ask(name, "A");
        assert_eq!(
            (seen.rcode, seen.answer.len(), seen.authority.len()),
            (Rcode::NOERROR, 1, 0)
        );
        assert!(seen.authoritative);
    }
    let seen = world.ask("dead.leaf.alt", "A");
    assert_eq!(
        (seen.rcode, seen.answer.len(), seen.authority.len()),
        (Rcode::NXDOMAIN, 1, 1)
    );
    let seen = world.ask("apex.leaf.alt", "A");
    assert_eq!(
        (seen.rcode, seen.answer.len(), seen.authority.len()),
        (Rcode::NOERROR, 1, 1)
    );
}

#[test]
fn eight_hops_are_followed_and_a_ninth_or_a_loop_fails() {
    let mut world = World::default()
        .with("hop9", &["@ A 8.8.8.8"])
        .with("self", &["@ CNAME self.leaf.alt."])
        .with("ping", &["@ CNAME pong.leaf.alt."])
        .with("pong", &["@ CNAME ping.leaf.alt."]);
    for hop in 0..9 {
        world = world.with(
            &format!("hop{hop}"),
            &[&format!("@ CNAME hop{}.leaf.alt.", hop + 1)],
        );
    }
    let eight = world.ask("hop1.leaf.alt", "A");
    assert_eq!((eight.rcode, eight.answer.len()), (Rcode::NOERROR, 9));
    for name in ["hop0.leaf.alt", "self.leaf.alt", "ping.leaf.alt"] {
        let seen = world.ask(name, "A");
        assert_eq!(
            (seen.rcode, seen.answer.len(), seen.authoritative),
            (Rcode::SERVFAIL, 0, false),
            "{name}"
        );
    }
}

#[test]
fn a_delegated_name_refers_to_its_servers() {
    let digest = "@ DS 1 8 2 0101010101010101010101010101010101010101010101010101010101010101";
    let world = World::default()
        .with(
            "deleg",
            &[
                "@ NS ns1.deleg.leaf.alt.",
                "@ NS ns.example.",
                digest,
                "ns1 A 5.5.5.5",
                "ns1 AAAA 2a00::1",
                "www A 6.6.6.6",
                "@ A 7.7.7.7",
            ],
        )
        .with(
            "part",
            &[
                "@ A 8.8.8.8",
                "sub NS ns.sub.part.leaf.alt.",
                "ns.sub A 10.0.0.1",
            ],
        )
        .with("alias", &["@ CNAME www.deleg.leaf.alt."]);
    for (name, rtype) in [
        ("deleg.leaf.alt", "A"),
        ("deleg.leaf.alt", "NS"),
        ("deleg.leaf.alt", "TYPE255"),
        ("www.deleg.leaf.alt", "A"),
        ("ns1.deleg.leaf.alt", "A"),
        ("www.deleg.leaf.alt", "DS"),
        ("not.there.deleg.leaf.alt", "TXT"),
    ] {
        let seen = world.ask(name, rtype);
        assert_eq!(
            (seen.rcode, seen.answer.len(), seen.authoritative),
            (Rcode::NOERROR, 0, false),
            "{name} {rtype}"
        );
        let authority: Vec<_> = seen
            .authority
            .iter()
            .map(|line| line.split(' ').nth(2).unwrap())
            .collect();
        assert_eq!(authority, ["NS", "NS", "DS"], "{name} {rtype}");
        assert!(
            seen.authority
                .iter()
                .all(|line| line.starts_with("deleg.leaf.alt "))
        );
        assert_eq!(
            seen.additional,
            [
                "ns1.deleg.leaf.alt 300 A 5.5.5.5",
                "ns1.deleg.leaf.alt 300 AAAA 2a00::1"
            ]
        );
    }
    assert_eq!(
        world.ask("deleg.leaf.alt", "DS").answer.len(),
        1,
        "DS belongs to the parent"
    );
    let below = world.ask("x.sub.part.leaf.alt", "A");
    assert_eq!(
        (below.authority, below.additional),
        (
            vec!["sub.part.leaf.alt 300 NS ns.sub.part.leaf.alt.".to_owned()],
            vec![]
        )
    );
    assert_eq!(world.ask("part.leaf.alt", "A").answer.len(), 1);
    let alias = world.ask("alias.leaf.alt", "A");
    assert_eq!(
        (
            alias.answer.len(),
            alias.authority.len(),
            alias.authoritative
        ),
        (1, 3, true)
    );
}

#[test]
fn answers_keep_to_the_size_that_the_client_can_take() {
    let text = format!("@ TXT {}", ["x".repeat(240), "y".repeat(240)].join(" "));
    let mut world = World::default().with("big", &[&text]);
    let owner = ["o".repeat(60), "p".repeat(60)].join(".");
    for hop in 0..8 {
        world = world.with(
            &format!("long{hop}"),
            &[&format!("{owner} CNAME {owner}.long{}.leaf.alt.", hop + 1)],
        );
    }
    world = world.with("long8", &[&format!("{owner} TXT end")]);
    let ask = |name: &str, payload: Option<u16>| {
        let query = Query::new(name, "TXT");
        let query = payload.map_or(query.clone(), |payload| query.opt(payload, 0, false, &[]));
        Seen::read(&world.send(&query.bytes()).unwrap())
    };
    for payload in [None, Some(0), Some(511), Some(512)] {
        let seen = ask("big.leaf.alt", payload);
        assert!(
            seen.truncated && seen.answer.is_empty() && seen.len <= 512,
            "{payload:?}: {seen:?}"
        );
        assert_eq!(seen.edns.is_some(), payload.is_some());
    }
    let seen = ask("big.leaf.alt", Some(1232));
    assert!(!seen.truncated && seen.answer.len() == 1 && seen.len > 512);
    // The size is the limit to the byte.
    let exact = u16::try_from(seen.len).unwrap();
    assert!(!ask("big.leaf.alt", Some(exact)).truncated);
    assert!(ask("big.leaf.alt", Some(exact - 1)).truncated);
    let long = format!("{owner}.long0.leaf.alt");
    let seen = ask(&long, Some(u16::MAX));
    assert!(seen.truncated && seen.len <= 1232, "{seen:?}");
    let whole = world.ask(&long, "TXT");
    assert!(
        !whole.truncated && whole.answer.len() == 9 && whole.len > 1232,
        "{}",
        whole.len
    );
}

#[test]
fn private_addresses_are_left_out_unless_allowed() {
    let world = World::default()
        .with(
            "v4",
            &[
                "@ A 127.0.0.1",
                "@ A 10.1.2.3",
                "@ A 169.254.169.254",
                "@ A 100.64.0.1",
                "@ A 0.0.0.0",
                "@ A 224.0.0.1",
                "@ A 8.8.8.8",
            ],
        )
        .with(
            "v6",
            &[
                "@ AAAA ::1",
                "@ AAAA fe80::1",
                "@ AAAA fc00::1",
                "@ AAAA ::ffff:10.0.0.1",
                "@ AAAA 64:ff9b::a00:1",
                "@ AAAA 2a00::1",
            ],
        )
        .with(
            "hints",
            &[
                "@ HTTPS 1 . alpn=h2 ipv4hint=127.0.0.1,8.8.8.8 ipv6hint=::1",
                "@ SVCB 1 . mandatory=ipv4hint ipv4hint=10.0.0.1",
            ],
        )
        .with("only", &["@ A 127.0.0.1"]);
    assert_eq!(world.ask("v4.leaf.alt", "A").data(), ["A 8.8.8.8"]);
    assert_eq!(world.ask("v6.leaf.alt", "AAAA").data(), ["AAAA 2a00::1"]);
    assert_eq!(
        world.ask("hints.leaf.alt", "HTTPS").data(),
        ["HTTPS 1 . alpn=h2 ipv4hint=8.8.8.8"]
    );
    assert_eq!(world.ask("hints.leaf.alt", "SVCB").denied(), Rcode::NOERROR);
    assert_eq!(
        world.ask("only.leaf.alt", "A").denied(),
        Rcode::NOERROR,
        "the name exists"
    );
    let mut open = main_zone();
    open.private_addresses = true;
    assert_eq!(world.ask_in(&open, "v4.leaf.alt", "A").answer.len(), 7);
    assert_eq!(world.ask_in(&open, "v6.leaf.alt", "AAAA").answer.len(), 6);
    assert_eq!(
        world.ask_in(&open, "hints.leaf.alt", "SVCB").answer.len(),
        1
    );
}

#[test]
fn data_that_does_not_fit_its_type_is_as_if_it_were_not_there() {
    let entry = |owner: &[u8], rtype: u16, rdata: &[u8]| Entry {
        owner: owner.to_vec(),
        rtype,
        ttl: 300,
        rdata: rdata.to_vec(),
    };
    let world = World::default().with_raw(
        "odd",
        vec![
            entry(b"\0", 1, b"abc"),
            entry(b"\0", 1, &[8, 8, 8, 8]),
            entry(b"\0", 2, b"\xc0\x0c"),
            entry(b"\0", 5, b"\x01a\xc0\x0c"),
            entry(b"\0", 6, b""),
            entry(b"\0", 41, b""),
            entry(b"\0", 54321, b"\xff\0"),
            entry(b"\x01x\0", 28, b"short"),
        ],
    );
    assert_eq!(world.ask("odd.leaf.alt", "A").data(), ["A 8.8.8.8"]);
    for rtype in ["NS", "CNAME", "TYPE6", "TYPE41"] {
        assert!(
            world
                .ask("odd.leaf.alt", rtype)
                .data()
                .iter()
                .all(|line| line.starts_with("A ")),
            "{rtype}"
        );
    }
    assert_eq!(
        world.ask("odd.leaf.alt", "TYPE54321").data(),
        ["TYPE54321 \\# 2 ff00"]
    );
    assert_eq!(
        world.ask("x.odd.leaf.alt", "AAAA").denied(),
        Rcode::NXDOMAIN
    );
}

#[test]
fn a_source_that_cannot_be_read_is_servfail() {
    struct Away;
    impl NameSource for Away {
        fn height(&self) -> Result<sapwood_primitives::Height, Unavailable> {
            Err(Unavailable)
        }
        fn lookup(
            &self,
            _: &sapwood_primitives::Name,
        ) -> Result<sapwood_resolver::Found, Unavailable> {
            Err(Unavailable)
        }
    }
    for name in ["alice.leaf.alt", "no_name.leaf.alt", "leaf.alt"] {
        let query = Query::new(name, "A").bytes();
        let reply = answer(&query, &Away, &main_zone(), Transport::Udp).unwrap();
        assert_eq!(Seen::read(&reply).rcode, Rcode::SERVFAIL, "{name}");
    }
}
