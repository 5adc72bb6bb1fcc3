//! Everything at once against one running `sapwood dev`: junk and floods on the RPC and DNS ports, transactions that pay nothing, commands with bad input, junk files
//! beside the data. Meanwhile an honest client asks and is answered in time; in the end the chain went on by mining alone and nobody's coins moved.
//!
//! `HOSTILE_SECONDS=3600 cargo test --release -p sapwood-tests --test hostile -- --nocapture` is the hour; the short form takes half a minute.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod attacks;
mod honest;

use attacks::Target;
use honest::{Times, balance_by_proof};
use sapwood_tests::chain::person;
use sapwood_tests::{Home, from_environment};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Memory that the process may hold, in KiB.
const CEILING_KIB: u64 = 256 * 1024;

/// Bytes that it may log in an hour, and what a start and an end may take beside that.
const LOG_AN_HOUR: u64 = 10 << 20;
const LOG_ALWAYS: usize = 64 << 10;

/// How long the slowest in a hundred honest questions may take in a run that was asked for, on a machine that does nothing else; and in any run.
const SLOW: Duration = Duration::from_secs(1);
const STUCK: Duration = Duration::from_secs(20);

#[test]
fn a_running_chain_withstands_everything_at_once() {
    let seconds = from_environment("HOSTILE_SECONDS", 30);
    let is_measured = std::env::var_os("HOSTILE_SECONDS").is_some();
    let home = Home::new();
    let server = home.dev(&["--log", "info"]);
    let victim = person(1);
    let pay = [
        "--json",
        "--yes",
        "wallet",
        "send",
        &victim.address(),
        "7",
        "--wait",
    ];
    home.run("dev", &pay).expect(0);
    let before = balance_by_proof(&server, &victim).expect("it was just paid");
    let start_height = server.height();
    let target = Target::of(&server, &home);

    let stop = AtomicBool::new(false);
    let highest = AtomicU64::new(0);
    let (mut rpc, mut dns) = (Times::default(), Times::default());
    let acts = thread::scope(|scope| {
        let asking = [
            scope.spawn(|| honest::ask_rpc(&target, &stop)),
            scope.spawn(|| honest::ask_dns(&target, &stop)),
        ];
        let start = |(seed, (name, act)): (u64, (&'static str, attacks::Act))| {
            let (target, stop) = (&target, &stop);
            let thread = scope.spawn(move || attacks::repeat(act, seed, target, stop));
            (name, thread)
        };
        let running: Vec<_> = (1..).zip(attacks::ALL).map(start).collect();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(seconds) {
            highest.fetch_max(server.rss_kib(), Ordering::Relaxed);
            thread::sleep(Duration::from_millis(200));
        }
        stop.store(true, Ordering::Relaxed);
        let [for_rpc, for_dns] = asking;
        rpc = for_rpc.join().unwrap();
        dns = for_dns.join().unwrap();
        let count = |(name, thread): (&'static str, thread::ScopedJoinHandle<'_, u64>)| {
            (name, thread.join().unwrap())
        };
        running.into_iter().map(count).collect::<Vec<_>>()
    });

    for (name, count) in &acts {
        println!("{name}: {count}");
        assert!(*count > 0, "{name} was never tried");
    }
    let highest = highest.into_inner();
    println!("memory: {} MiB at most", highest / 1024);
    for (what, times) in [("RPC", &mut rpc), ("DNS", &mut dns)] {
        let [middle, p99, most] = times.summary();
        println!(
            "honest {what}: {} answers, median {middle:?}, p99 {p99:?}, most {most:?}",
            times.len()
        );
        assert!(times.len() > 20, "honest {what} was hardly asked");
        let slowest = if is_measured { SLOW } else { STUCK };
        assert!(p99 < slowest, "honest {what}: {p99:?}");
        assert!(most < STUCK, "honest {what}: {most:?}");
    }
    assert!(highest < CEILING_KIB, "{highest} KiB");

    // The chain went on, by mining alone, and shows that nobody's coins moved.
    let height = server.wait_for_height(start_height + 1)["height"]
        .as_u64()
        .unwrap();
    println!("blocks: {start_height} to {height}");
    for at in start_height + 1..=height.min(start_height + 50) {
        let block = server.get("chain_block", serde_json::json!({ "height": at }));
        assert_eq!(honest::transactions_of(&block), 0, "{block}");
    }
    assert_eq!(balance_by_proof(&server, &victim), Some(before));
    assert_eq!(honest::proven(&server, &person(2)), None);
    let mempool = server.get("mempool_info", serde_json::json!({}));
    assert_eq!(mempool["count"], 0, "{mempool}");

    let ran = server.stop_by(rustix::process::Signal::TERM);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let allowed = usize::try_from(LOG_AN_HOUR * seconds / 3600).unwrap() + LOG_ALWAYS;
    println!("log: {} bytes of {allowed}", ran.stderr.len());
    assert!(
        ran.stderr.len() < allowed,
        "{} bytes of log",
        ran.stderr.len()
    );
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}
