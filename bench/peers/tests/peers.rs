//! Each peer's program, driven as the bench drives it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(program: &str, dir: &Path) -> Self {
        let mut command = Command::new(program);
        command
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self {
            child,
            input,
            output: BufReader::new(output),
        }
    }

    fn ask(&mut self, line: &str) -> Value {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    fn quit(mut self) {
        writeln!(self.input, "quit").unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

fn seconds(answer: &Value, name: &str) -> f64 {
    let seconds = answer[name].as_f64();
    seconds.unwrap_or_else(|| panic!("{name} is missing in {answer}"))
}

#[test]
fn redb_keeps_rows_and_has_neither_root_nor_proofs() {
    let dir = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_peer-redb");
    let mut peer = Peer::start(program, dir.path());
    assert_eq!(peer.ask("load 500")["present"], 500);
    let block = peer.ask("block 100 1");
    assert!(seconds(&block, "wall_s") > 0.0 && seconds(&block, "cpu_s") > 0.0);
    assert_eq!(
        (&block["root"], &block["root_cpu_s"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(peer.ask("undo"), Value::Null);
    assert_eq!(peer.ask("prove 10 1"), Value::Null);
    assert!(peer.ask("prove 1000 1")["error"].is_string());
    assert!(peer.ask("disk")["bytes"].as_u64().unwrap() > 550 * 232);
    peer.quit();

    let mut again = Peer::start(program, dir.path());
    assert_eq!(again.ask("load 500")["present"], 550);
}

#[test]
fn jmt_proves_what_it_holds_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_peer-jmt");
    let mut peer = Peer::start(program, dir.path());
    peer.ask("load 500");
    let root = peer.ask("block 100 1")["root"].clone();
    assert_eq!(peer.ask("undo"), Value::Null);
    peer.quit();

    let mut again = Peer::start(program, dir.path());
    assert_eq!(again.ask("load 500")["root"], root);
    assert_ne!(again.ask("sustain 2 100 2")["root"], root);
    let proofs = again.ask("prove 650 1");
    assert!(seconds(&proofs, "bytes_mean") > 300.0, "{proofs}");
}

#[test]
fn nomt_takes_a_block_back_and_makes_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_peer-nomt");
    let mut peer = Peer::start(program, dir.path());
    let loaded = peer.ask("load 500");
    if loaded["error"]
        .as_str()
        .is_some_and(|why| why.contains("io_uring"))
    {
        eprintln!("skipped: {loaded}");
        return;
    }
    let first = peer.ask("block 100 1");
    assert!(seconds(&first, "root_cpu_s") <= seconds(&first, "cpu_s"));
    let second = peer.ask("block 100 2");
    assert_ne!(second["root"], first["root"]);
    assert_eq!(peer.ask("undo")["root"], first["root"]);
    peer.quit();

    let mut again = Peer::start(program, dir.path());
    assert_eq!(again.ask("load 500")["root"], first["root"]);
    assert_eq!(again.ask("block 100 2")["root"], second["root"]);
    assert_eq!(again.ask("undo")["root"], first["root"]);
    assert_eq!(again.ask("undo")["root"], loaded["root"]);
    assert!(seconds(&again.ask("prove 500 1"), "bytes_mean") > 300.0);
    let disk = again.ask("disk");
    assert!(
        disk["unused_bytes"].as_u64() < disk["bytes"].as_u64(),
        "{disk}"
    );
}
