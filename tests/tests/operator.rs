//! What whoever runs a node does: mines beside it, follows it, watches it, stops it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use sapwood_primitives::{AccountId, Address};
use sapwood_tests::{Home, PATIENCE, Ran, Server};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// A process whose lines of JSON are read one after the other. It is killed when it is dropped.
struct Lines {
    child: Child,
    lines: Receiver<Value>,
}

impl Lines {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout: ChildStdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line whose `event` is this one.
    #[track_caller]
    fn next(&self, event: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("a line");
            assert!(line.is_object(), "each line is one object: {line}");
            assert_eq!(line["schema"], 1, "{line}");
            if line["event"] == event {
                return line;
            }
        }
    }

    #[track_caller]
    fn stop(mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn payee(number: u8) -> String {
    Address::new("dsap", AccountId([number; 32])).to_string()
}

/// A node on a port that a later one can take again.
fn node_at(home: &Home, base: &str) -> Server {
    let args = ["--json", "node", "--no-dns", "--port-base", base];
    home.start("dev", &args).ready()
}

fn free_base() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    (free.local_addr().unwrap().port() - 1).to_string()
}

#[test]
fn a_miner_beside_the_node_mines_survives_its_restart_and_stops_in_order() {
    let home = Home::new();
    let base = free_base();
    let node = node_at(&home, &base);
    let to = payee(7);
    let args = ["--json", "mine", "--address", &to, "--threads", "1"];
    let miner = Lines::start(home.command("dev", &args));
    let ready = miner.next("ready");
    assert_eq!(
        (&ready["address"], &ready["threads"]),
        (&to.clone().into(), &1.into())
    );
    let block = miner.next("block");
    assert_eq!(block["status"], "connected", "{block}");
    node.wait_for_height(2);
    assert_eq!(node.terminate(), 0);
    // Its cookie is another one afterwards.
    let waiting = miner.next("waiting");
    assert!(!waiting["message"].as_str().unwrap().is_empty());
    let node = node_at(&home, &base);
    let before = node.height();
    miner.next("block");
    node.wait_for_height(before + 1);
    let head = node.head();
    let header = node.get("chain_block", serde_json::json!({ "block": head["block"] }));
    let raw = header["raw"].as_str().unwrap();
    assert!(
        raw.contains(&"07".repeat(32)),
        "the coinbase pays who was named"
    );
    miner.stop(Signal::TERM);
    assert_eq!(node.terminate(), 0);
}

#[test]
fn a_miner_without_an_address_or_with_a_wrong_one_does_not_begin() {
    let home = Home::new();
    let node = home.node("dev", &["--no-dns"]);
    let other = Address::new("tsap", AccountId([7; 32])).to_string();
    for (args, part) in [
        (&["mine"][..], "--address"),
        (&["mine", "--address", &other], "test"),
        (&["mine", "--address", "me"], "--address"),
        (&["mine", "--threads", "0"], "--threads"),
    ] {
        let ran = home.run("dev", args).expect(2);
        assert!(ran.stderr.contains(part), "{ran:?}");
    }
    assert_eq!(node.height(), 0);
}

#[test]
fn follow_shows_each_block_once_reorganisations_and_goes_on_after_a_restart() {
    use sapwood_tests::chain::{Branch, person};
    let home = Home::new();
    let base = free_base();
    let node = node_at(&home, &base);
    let follow = Lines::start(home.command("dev", &["--json", "follow"]));
    assert_eq!(follow.next("head")["height"], 0);
    let mut ours = Branch::dev();
    let mut theirs = ours.clone();
    let submit = |node: &Server, blocks: &[sapwood_primitives::Block]| {
        for block in blocks {
            node.submit_block(block).unwrap();
        }
    };
    let first = ours.mine_empty(3, &person(1), b"ours");
    submit(&node, &first);
    for block in &first {
        let line = follow.next("block");
        assert_eq!(line["block"], block.header.id().to_string());
    }
    let second = theirs.mine_empty(5, &person(2), b"theirs");
    submit(&node, &second);
    let reorg = follow.next("reorg");
    assert_eq!((&reorg["height"], &reorg["undone"]), (&0.into(), &3.into()));
    for block in &second {
        assert_eq!(follow.next("block")["block"], block.header.id().to_string());
    }
    assert_eq!(node.terminate(), 0);
    follow.next("waiting");
    let node = node_at(&home, &base);
    let third = theirs.mine_empty(2, &person(2), b"more");
    submit(&node, &third);
    for block in &third {
        assert_eq!(follow.next("block")["block"], block.header.id().to_string());
    }
    follow.stop(Signal::INT);
    // Nobody reads: it ends, and does not panic.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = home.command("dev", &["follow"]);
    let ran = Ran::of(command.stdout(writer).output().unwrap()).expect(1);
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
}

#[test]
fn a_manager_hears_that_a_node_is_ready_lives_and_stops() {
    let home = Home::new();
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let hear = || {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let mut command = home.command("dev", &["--json", "node", "--ports", "auto", "--no-dns"]);
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000");
    let node = Lines::start(command);
    assert_eq!(hear(), "READY=1");
    for _ in 0..3 {
        assert_eq!(hear(), "WATCHDOG=1");
    }
    node.stop(Signal::TERM);
    loop {
        match hear().as_str() {
            "WATCHDOG=1" => {}
            other => {
                assert_eq!(other, "STOPPING=1");
                return;
            }
        }
    }
}

#[test]
fn the_overview_has_node_and_wallet_and_asks_for_no_passphrase() {
    let home = Home::new();
    let node = home.node("dev", &["--no-dns"]);
    let status = || home.run("dev", &["--json", "status"]).expect(0).json();
    assert_eq!(status()["wallet"]["state"], "none");
    home.run("dev", &["wallet", "create"]).expect(0);
    let open = status();
    assert_eq!(open["wallet"]["state"], "open", "{open}");
    assert_eq!(open["wallet"]["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(open["head"], node.head());
    let text = home.run("dev", &["status"]).expect(0).stdout;
    for part in [
        "chain     dev",
        "storage   good in ",
        "wallet    1 accounts",
        "mempool ",
    ] {
        assert!(text.contains(part), "{part:?}: {text}");
    }
}
