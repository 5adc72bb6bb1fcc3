//! DNS as its users meet it: `dig` and plain datagrams against `sapwood dev`, `sapwood node` and `sapwood resolver` (specs/07).

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use sapwood_tests::{Home, PATIENCE, Server, dns_query};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

const A: u16 = 1;
const CNAME: u16 = 5;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;

const NOERROR: u8 = 0;
const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const REFUSED: u8 = 5;

/// Authoritative answer.
const AA: u16 = 0x0400;

/// What `alice` is given, as a person types it.
const RECORDS: [&str; 13] = [
    "@ A 192.0.2.10",
    "@ AAAA 2001:db8::10",
    "@ TXT \"first words\" second",
    "@ MX 10 mail.alice.leaf.alt.",
    "www CNAME alice.leaf.alt.",
    "far CNAME example.com.",
    "_http._tcp SRV 0 5 8080 www.alice.leaf.alt.",
    "_443._tcp TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "_dns 60 SVCB 1 . port=853",
    "sub NS ns.sub.alice.leaf.alt.",
    "sub DS 12345 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "ns.sub A 192.0.2.53",
    "*.wild A 192.0.2.99",
];

/// A dev chain with `hello` and `alice`.
struct World {
    home: Home,
    server: Server,
}

/// The world that all tests that run at the same time share; it goes with the last of them.
fn world() -> Arc<World> {
    static WORLD: Mutex<Weak<World>> = Mutex::new(Weak::new());
    let mut shared = WORLD.lock().unwrap();
    if let Some(world) = shared.upgrade() {
        return world;
    }
    let home = Home::new();
    let server = home.dev(&[]);
    let mut register = vec!["--json", "--yes", "name", "register", "alice"];
    register.extend(RECORDS.iter().flat_map(|record| ["--record", record]));
    home.run("dev", &register).expect(0);
    let world = Arc::new(World { home, server });
    *shared = Arc::downgrade(&world);
    world
}

/// The question's bytes, with the name as it is written.
fn question(name: &str, qtype: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend([qtype.to_be_bytes(), [0, 1]].concat());
    bytes
}

fn query(name: &str, qtype: u16) -> Vec<u8> {
    // Id 0x5a50, recursion desired, one question.
    let header = [0x5a, 0x50, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    [&header[..], &question(name, qtype)].concat()
}

fn over_udp(server: SocketAddr, name: &str, qtype: u16) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(&query(name, qtype), server).unwrap();
    let mut answer = vec![0; 65_535];
    let length = socket.recv(&mut answer).unwrap();
    answer.truncate(length);
    answer
}

fn over_tcp(server: SocketAddr, name: &str, qtype: u16) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let query = query(name, qtype);
    let length = u16::try_from(query.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length[..], &query].concat()).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// What `dig` prints, or nothing if it is not installed.
fn dig(server: SocketAddr, args: &[&str]) -> Option<String> {
    let mut command = Command::new("dig");
    command
        .arg("@127.0.0.1")
        .args(["-p", &server.port().to_string()]);
    match command.args(args).output() {
        Ok(output) => {
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{text}");
            Some(text)
        }
        Err(_) => {
            println!("skipped: `dig` is not installed");
            None
        }
    }
}

#[test]
fn hello_has_its_two_addresses_from_the_first_second_on() {
    let world = world();
    let server = world.server.dns_addr();
    let v4 = dns_query(server, "hello.leaf.alt", A);
    assert_eq!(
        (v4.rcode, v4.answers),
        (NOERROR, vec!["A 127.0.0.1".to_owned()])
    );
    assert_eq!(v4.flags & AA, AA);
    let v6 = dns_query(server, "hello.leaf.alt", AAAA);
    assert_eq!(
        (v6.rcode, v6.answers),
        (NOERROR, vec!["AAAA ::1".to_owned()])
    );
    if let Some(text) = dig(server, &["hello.leaf.alt", "+short"]) {
        assert_eq!(text, "127.0.0.1\n");
    }
}

#[test]
fn records_set_by_the_command_line_are_answered_over_udp_and_tcp() {
    let world = world();
    let server = world.server.dns_addr();
    let rows: [(&str, &str, &str); 10] = [
        ("alice.leaf.alt", "A", "192.0.2.10\n"),
        ("alice.leaf.alt", "AAAA", "2001:db8::10\n"),
        ("alice.leaf.alt", "TXT", "\"first words\" \"second\"\n"),
        ("alice.leaf.alt", "MX", "10 mail.alice.leaf.alt.\n"),
        ("www.alice.leaf.alt", "A", "alice.leaf.alt.\n192.0.2.10\n"),
        ("far.alice.leaf.alt", "A", "example.com.\n"),
        (
            "_http._tcp.alice.leaf.alt",
            "SRV",
            "0 5 8080 www.alice.leaf.alt.\n",
        ),
        ("_dns.alice.leaf.alt", "SVCB", "1 . port=853\n"),
        (
            "sub.alice.leaf.alt",
            "DS",
            "12345 8 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABB CCDDEEFF\n",
        ),
        ("any.wild.alice.leaf.alt", "A", "192.0.2.99\n"),
    ];
    for (name, rtype, expected) in rows {
        for transport in ["+notcp", "+tcp"] {
            if let Some(text) = dig(server, &[name, rtype, "+short", transport]) {
                assert_eq!(text, expected, "{name} {rtype} {transport}");
            }
        }
    }
    if let Some(text) = dig(server, &["_443._tcp.alice.leaf.alt", "TLSA", "+short"]) {
        assert!(
            text.starts_with("3 1 1 00112233445566778899AABBCCDDEEFF"),
            "{text}"
        );
    }
    // Without dig: the same bytes both ways, and the ones that matter most by our own reader.
    for (name, qtype) in [
        ("alice.leaf.alt", A),
        ("alice.leaf.alt", TXT),
        ("alice.leaf.alt", MX),
        ("www.alice.leaf.alt", A),
        ("nobody.leaf.alt", A),
    ] {
        let udp = over_udp(server, name, qtype);
        let tcp = over_tcp(server, name, qtype);
        // The serial of the SOA may move between the two.
        assert_eq!(
            (udp.len(), &udp[..12]),
            (tcp.len(), &tcp[..12]),
            "{name} {qtype}"
        );
        if name != "nobody.leaf.alt" {
            assert_eq!(udp, tcp, "{name} {qtype}");
        }
    }
    let alias = dns_query(server, "www.alice.leaf.alt", A);
    assert_eq!(alias.answers, ["CNAME alice.leaf.alt.", "A 192.0.2.10"]);
    assert_eq!(
        dns_query(server, "www.alice.leaf.alt", CNAME).answers,
        ["CNAME alice.leaf.alt."]
    );
    assert_eq!(
        dns_query(server, "alice.leaf.alt", TXT).answers,
        ["TXT first words second"]
    );
    assert_eq!(dns_query(server, "alice.leaf.alt", A).ttls, [300]);
}

#[test]
fn what_lies_below_ns_records_is_referred_with_its_glue() {
    let world = world();
    let server = world.server.dns_addr();
    for name in ["sub.alice.leaf.alt", "deep.sub.alice.leaf.alt"] {
        let referral = dns_query(server, name, A);
        assert_eq!(
            (referral.rcode, referral.flags & AA),
            (NOERROR, 0),
            "{name}"
        );
        assert_eq!(referral.answers, [""; 0], "{name}");
        assert!(
            referral
                .authority
                .contains(&"NS ns.sub.alice.leaf.alt.".to_owned()),
            "{referral:?}"
        );
    }
    if let Some(text) = dig(
        server,
        &["deep.sub.alice.leaf.alt", "+noall", "+additional"],
    ) {
        assert!(text.contains("192.0.2.53"), "{text}");
    }
}

#[test]
fn the_case_of_a_question_comes_back_as_it_was() {
    let world = world();
    let server = world.server.dns_addr();
    for (mixed, rcode) in [
        ("HeLLo.LeaF.aLT", NOERROR),
        ("WWW.alice.LEAF.ALT", NOERROR),
        ("NoBody.LEAF.alt", NXDOMAIN),
    ] {
        for answer in [over_udp(server, mixed, A), over_tcp(server, mixed, A)] {
            let question = question(mixed, A);
            assert_eq!(answer[12..12 + question.len()], question, "{mixed}");
            assert_eq!(answer[3] & 0x0f, rcode, "{mixed}");
        }
    }
    assert_eq!(
        dns_query(server, "HELLO.leaf.ALT", A).answers,
        ["A 127.0.0.1"]
    );
}

#[test]
fn what_does_not_exist_is_nxdomain_and_what_has_no_such_record_is_nodata_with_the_zones_soa() {
    let world = world();
    let server = world.server.dns_addr();
    for name in [
        "nobody.leaf.alt",
        "www.nobody.leaf.alt",
        "none.alice.leaf.alt",
        "123.leaf.alt",
        "al_ice.leaf.alt",
        "a b.leaf.alt",
        "-a.leaf.alt",
        "localhost.leaf.alt",
    ] {
        let answer = dns_query(server, name, A);
        assert_eq!((answer.rcode, answer.flags & AA), (NXDOMAIN, AA), "{name}");
        assert!(answer.answers.is_empty(), "{name}");
        assert!(
            answer.authority.len() == 1 && answer.authority[0].starts_with("SOA "),
            "{name}: {answer:?}"
        );
    }
    for (name, qtype) in [
        ("hello.leaf.alt", MX),
        ("www.alice.leaf.alt", 65_280),
        ("_tcp.alice.leaf.alt", A),
        ("leaf.alt", A),
    ] {
        let answer = dns_query(server, name, qtype);
        assert_eq!(answer.rcode, NOERROR, "{name} {qtype}");
        assert!(
            answer.answers.iter().all(|one| one.starts_with("CNAME ")),
            "{name}: {answer:?}"
        );
        assert!(
            answer.authority.len() == 1 && answer.authority[0].starts_with("SOA "),
            "{name}: {answer:?}"
        );
    }
}

#[test]
fn what_is_not_ours_is_refused() {
    let world = world();
    let server = world.server.dns_addr();
    for name in [
        "example.com",
        "alt",
        "hello.alt",
        "hello.leaf.alt.example",
        "xleaf.alt",
    ] {
        let answer = dns_query(server, name, A);
        assert_eq!((answer.rcode, answer.answers.len()), (REFUSED, 0), "{name}");
    }
    const AXFR: u16 = 252;
    const IXFR: u16 = 251;
    for qtype in [AXFR, IXFR] {
        assert_eq!(over_tcp(server, "leaf.alt", qtype)[3] & 0x0f, REFUSED);
    }
    if let Some(text) = dig(server, &["hello.leaf.alt", "CH", "TXT"]) {
        assert!(text.contains("status: REFUSED"), "{text}");
    }
}

/// Rows 34 and 35: what `dev` allows is left out by a node that was told to.
#[test]
fn the_addresses_of_this_computer_are_stripped_by_the_node_and_allowed_by_dev() {
    let home = Home::new();
    let dev = home.dev(&[]);
    let answers = |server: &Server| {
        [A, AAAA].map(|qtype| dns_query(server.dns_addr(), "hello.leaf.alt", qtype))
    };
    let both = ["A 127.0.0.1", "AAAA ::1"];
    assert_eq!(answers(&dev).map(|one| one.answers.join(" ")), both);
    assert_eq!(dev.terminate(), 0);
    let strict = home.node("dev", &["--private-addresses", "strip"]);
    for answer in answers(&strict) {
        assert_eq!(
            (answer.rcode, answer.answers.len()),
            (NOERROR, 0),
            "{answer:?}"
        );
        assert!(answer.authority[0].starts_with("SOA "), "{answer:?}");
    }
    // The records are there; it is the answers that they are kept out of.
    let shown = strict.get("name_show", serde_json::json!({"name": "hello"}));
    assert_eq!(shown["records"].as_array().unwrap().len(), 2);
    assert_eq!(strict.terminate(), 0);
    for choice in [&["--private-addresses", "allow"][..], &[]] {
        let lenient = home.node("dev", choice);
        assert_eq!(
            answers(&lenient).map(|one| one.answers.join(" ")),
            both,
            "{choice:?}"
        );
        assert_eq!(lenient.terminate(), 0);
    }
}

/// A `sapwood resolver`, killed when it is dropped.
struct Resolver {
    child: Child,
    address: SocketAddr,
}

impl Resolver {
    fn start(home: &Home, extra: &[&str]) -> Self {
        let args = [&["--json", "resolver", "--port", "0"], extra].concat();
        let mut command = home.command("dev", &args);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let address = ready["dns"].as_str().unwrap().parse().unwrap();
        Self { child, address }
    }

    /// Waits until it has the headers, which it says by answering at all.
    fn settled(self) -> Self {
        let start = Instant::now();
        while dns_query(self.address, "hello.leaf.alt", A).rcode == SERVFAIL {
            assert!(start.elapsed() < PATIENCE, "the resolver gets no headers");
        }
        self
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_resolver_of_its_own_answers_as_the_node_does() {
    let world = world();
    let resolver = Resolver::start(&world.home, &[]).settled();
    for (name, qtype) in [
        ("hello.leaf.alt", A),
        ("hello.leaf.alt", AAAA),
        ("hello.leaf.alt", MX),
        ("alice.leaf.alt", A),
        ("alice.leaf.alt", TXT),
        ("alice.leaf.alt", MX),
        ("www.alice.leaf.alt", A),
        ("far.alice.leaf.alt", A),
        ("deep.sub.alice.leaf.alt", A),
        ("x.wild.alice.leaf.alt", A),
        ("nobody.leaf.alt", A),
        ("123.leaf.alt", A),
        ("leaf.alt", A),
        ("example.com", A),
    ] {
        let [own, nodes] = [resolver.address, world.server.dns_addr()]
            .map(|server| dns_query(server, name, qtype));
        assert_eq!(own, nodes, "{name} {qtype}");
    }
    let strict = Resolver::start(&world.home, &["--private-addresses", "strip"]).settled();
    assert!(
        dns_query(strict.address, "hello.leaf.alt", A)
            .answers
            .is_empty()
    );
}

#[test]
fn a_resolver_whose_node_was_killed_says_servfail_until_it_is_back() {
    let home = Home::new();
    let server = home.dev(&[]);
    let resolver = Resolver::start(&home, &[]).settled();
    let known = dns_query(resolver.address, "hello.leaf.alt", A);
    assert_eq!(known.answers, ["A 127.0.0.1"]);
    server.kill9();
    let start = Instant::now();
    loop {
        let answer = dns_query(resolver.address, "hello.leaf.alt", A);
        if answer.rcode == SERVFAIL {
            break;
        }
        assert_eq!(
            answer.answers, known.answers,
            "what was proven is kept for a while, and nothing else said"
        );
        assert!(start.elapsed() < PATIENCE, "it still answers");
    }
    for name in ["hello.leaf.alt", "nobody.leaf.alt", "www.hello.leaf.alt"] {
        let answer = dns_query(resolver.address, name, A);
        assert_eq!(
            (answer.rcode, answer.answers.len()),
            (SERVFAIL, 0),
            "{name}"
        );
    }
    assert_eq!(
        dns_query(resolver.address, "example.com", A).rcode,
        REFUSED,
        "that needs no node"
    );
    // Another port and another cookie: the resolver has to look them up again.
    let _again = home.dev(&[]);
    let start = Instant::now();
    while dns_query(resolver.address, "hello.leaf.alt", A).answers != known.answers {
        assert!(start.elapsed() < PATIENCE, "it does not come back");
    }
}
