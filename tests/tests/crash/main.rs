//! `kill -9` at random moments, while blocks and transactions flow, while checkpoints and snapshots are written and while a node starts: what was acknowledged is there
//! afterwards, nothing half-made bears a good name, and no hand is needed.
//!
//! `CRASH_KILLS` sets the number of kills and `CRASH_SEED` the random moments; both are printed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod flow;
mod snapshots;

use flow::{Acknowledged, check, check_all, flow};
use rustix::process::Signal;
use sapwood_tests::chain::person;
use sapwood_tests::{Home, Numbers, Ran, from_environment};
use std::thread;
use std::time::{Duration, Instant};

/// Kills, unless the environment says otherwise.
const KILLS: u64 = 300;

/// Longest time for which a node works before it is killed.
const WORK: Duration = Duration::from_millis(250);

/// Rounds at the end in which the built-in miner works beside, at most: its blocks get the clock's time and so end the ones that come at once.
const MINED: u64 = 40;

/// How long a start takes here, on a chain of its own.
fn time_of_a_start() -> Duration {
    let home = Home::new();
    // The program may have to be built first, which is no part of it.
    home.run("", &["--version"]).expect(0);
    let start = Instant::now();
    home.node("dev", &["--no-dns"]);
    start.elapsed()
}

/// What the node of a round is told: to write checkpoints all the time and to say so, every fourth one to keep a lean tree, the last ones to mine.
fn arguments(round: u64, kills: u64) -> Vec<String> {
    let mut arguments = vec![
        "--no-dns",
        "--checkpoint-every",
        "3",
        "--log",
        "sapwood_store=debug",
    ];
    if round % 4 == 1 {
        arguments.extend(["--tree", "lean"]);
    }
    let payee = person(2).address();
    if round >= kills - MINED.min(kills / 4) {
        arguments.extend(["--mine", &payee, "--threads", "1"]);
    }
    arguments.into_iter().map(str::to_owned).collect()
}

/// Whether a process ended between saying that it writes a checkpoint and saying that it is written.
fn was_writing_a_checkpoint(ran: &Ran) -> bool {
    let last = ran.stderr.lines().rfind(|line| line.contains("checkpoint"));
    last.is_some_and(|line| line.contains("a checkpoint begins"))
}

/// How many kills fell where.
#[derive(Debug, Default)]
struct Fell {
    starting: u64,
    checkpointing: u64,
    working: u64,
}

#[test]
fn nothing_acknowledged_is_lost_by_kills_at_random_moments() {
    let kills = from_environment("CRASH_KILLS", KILLS);
    let seed = from_environment("CRASH_SEED", 1);
    println!("CRASH_KILLS={kills} CRASH_SEED={seed}");
    let mut numbers = Numbers::new(seed);
    let home = Home::new();
    let mut known = Acknowledged::default();
    let mut fell = Fell::default();
    let mut usual_start = time_of_a_start();
    let start = Instant::now();
    for round in 0..kills {
        let arguments = arguments(round, kills);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        // Every third kill is meant for the start and the recovery in it.
        if round % 3 == 0 {
            let starting = home.start_node("dev", &arguments);
            thread::sleep(numbers.moment(usual_start));
            match starting.kill9() {
                false => fell.starting += 1,
                true => fell.working += 1,
            }
            continue;
        }
        let start = Instant::now();
        let node = home.node("dev", &arguments);
        usual_start = start.elapsed();
        check(&node, &mut known);
        thread::scope(|scope| {
            let flowing = scope.spawn(|| flow(&node, &mut known));
            thread::sleep(numbers.moment(WORK));
            node.kill_while_used();
            let gone = flowing.join().unwrap();
            assert_eq!(gone.code, "unreachable", "{gone:?}");
        });
        let ran = node.stop_by(Signal::KILL);
        assert_eq!(ran.code, None, "it ended before it was killed: {ran:?}");
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
        match was_writing_a_checkpoint(&ran) {
            true => fell.checkpointing += 1,
            false => fell.working += 1,
        }
    }
    let each = start.elapsed() / u32::try_from(kills.max(1)).unwrap();
    let node = home.node("dev", &["--no-dns"]);
    check(&node, &mut known);
    check_all(&node, &known);
    println!(
        "{} kills during a start, {} during a checkpoint, {} at other moments, {each:?} each; {} blocks and {} payments acknowledged, height {}",
        fell.starting,
        fell.checkpointing,
        fell.working,
        known.blocks.len(),
        known.paid.len(),
        node.height()
    );
    assert!(
        10 * (fell.starting + fell.checkpointing) >= kills,
        "too few kills fell into a start or a checkpoint: {fell:?}"
    );
    assert!(
        !known.blocks.is_empty() && !known.paid.is_empty(),
        "blocks and payments flowed"
    );
    assert_eq!(node.terminate(), 0);
}
