//! Bytes that nobody meant: whatever comes, there is an answer or silence, never a panic, and what is answered can be read.

use crate::world::{Query, World};
use domain::base::Message;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// How many packets are tried; a few seconds without optimisation.
const PACKETS: u32 = 100_000;

fn world() -> World {
    World::default()
        .with(
            "alice",
            &[
                "@ A 8.8.8.8",
                "* TXT any",
                "_443._tcp TXT x",
                "b NS ns.b.alice.leaf.alt.",
                "ns.b A 9.9.9.9",
            ],
        )
        .with(
            "loop",
            &["@ CNAME x.loop.leaf.alt.", "* CNAME loop.leaf.alt."],
        )
}

fn seeds() -> Vec<Vec<u8>> {
    let query = |name: &str, rtype: &str| Query::new(name, rtype);
    let mut ixfr = query("alice.leaf.alt", "TYPE251");
    ixfr.head[9] = 1;
    ixfr.tail = [
        &[0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0][..],
        &[0; 20],
    ]
    .concat();
    vec![
        query("alice.leaf.alt", "A").bytes(),
        query("q.alice.leaf.alt", "TXT")
            .opt(1232, 0, true, &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])
            .bytes(),
        query("a.b.alice.leaf.alt", "AAAA")
            .opt(0, 0, false, &[0, 3, 0, 0])
            .bytes(),
        query("loop.leaf.alt", "TYPE255").bytes(),
        ixfr.bytes(),
    ]
}

#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Flip(usize, u8),
    Cut(usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0..80usize;
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at.clone(), 0..8u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        at.clone().prop_map(Change::Cut),
        (at.clone(), proptest::collection::vec(any::<u8>(), 0..12))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (at.clone(), at).prop_map(|(from, len)| Change::Repeat(from, len)),
    ]
}

fn apply(mut packet: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let len = packet.len();
        match change {
            Change::Set(at, byte) if *at < len => packet[*at] = *byte,
            Change::Flip(at, bit) if *at < len => packet[*at] ^= 1 << bit,
            Change::Cut(at) => packet.truncate(*at),
            Change::Insert(at, bytes) => {
                drop(packet.splice((*at).min(len)..(*at).min(len), bytes.iter().copied()))
            }
            Change::Repeat(from, n) if from + n <= len => {
                packet.extend_from_within(*from..from + n)
            }
            _ => {}
        }
    }
    packet
}

#[test]
fn mutated_packets_are_answered_legibly_or_not_at_all() {
    let world = world();
    let config = Config {
        cases: PACKETS,
        failure_persistence: None,
        ..Config::default()
    };
    let strategy = (
        proptest::sample::select(seeds()),
        proptest::collection::vec(change(), 1..6),
    );
    let result = TestRunner::new(config).run(&strategy, |(seed, changes)| {
        let packet = apply(seed, &changes);
        if let Some(reply) = world.send(&packet) {
            prop_assert!(reply.len() <= 1232 && reply[..2] == packet[..2] && reply[2] & 0x80 != 0);
            let message =
                Message::from_octets(&reply[..]).map_err(|_| TestCaseError::fail("short"))?;
            prop_assert!(message.iter().all(|record| record.is_ok()), "{reply:?}");
        }
        Ok(())
    });
    result.unwrap();
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(packet in proptest::collection::vec(any::<u8>(), 0..600)) {
        world().send(&packet);
    }
}
