//! `sapwood snapshot` as a person uses it: write, verify, import, and go on from there (`good`), and what does not work (`wrong`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod good;
mod wrong;

use sapwood_tests::chain::{Branch, person, transfer};
use sapwood_tests::{Home, Ran, Server};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Exit codes.
pub(crate) const FAILED: i32 = 1;
pub(crate) const REFUSED: i32 = 3;
pub(crate) const STORAGE: i32 = 4;

/// A node of the dev chain with some hundred accounts, and the same chain in memory.
pub(crate) struct World {
    pub(crate) home: Home,
    pub(crate) node: Server,
    pub(crate) branch: Branch,
}

impl World {
    pub(crate) fn new() -> Self {
        let home = Home::new();
        let node = home.node("dev", &["--no-dns", "--checkpoint-every", "5"]);
        let (mut branch, miner) = (Branch::dev(), person(1));
        let mut blocks = branch.mine_empty(20, &miner, b"");
        for round in 0..20 {
            let pay = (0..10).map(|number| {
                let to = person(1_000 + 10 * round + number).id;
                branch.sign(&miner, number, vec![transfer(to, 2_000_000)])
            });
            let pay = pay.collect();
            blocks.push(branch.mine(&miner, b"", pay));
        }
        for block in &blocks {
            assert_eq!(node.submit_block(block).unwrap(), "connected");
        }
        Self { home, node, branch }
    }

    /// Where a snapshot may be written.
    pub(crate) fn snapshot(&self) -> PathBuf {
        self.home.path().join("snapshot")
    }

    /// A world whose node has ended, and a snapshot of it.
    pub(crate) fn written() -> (Home, PathBuf, Value) {
        let world = Self::new();
        let head = world.node.head();
        assert_eq!(world.node.terminate(), 0);
        let dir = world.home.path().join("snapshot");
        ok(&world.home, &["write", text(&dir)]);
        (world.home, dir, head)
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs `sapwood snapshot`.
pub(crate) fn run(home: &Home, chain: &str, args: &[&str]) -> Ran {
    home.run(chain, &[&["--json", "snapshot"], args].concat())
}

/// Runs a command that must succeed, and gives the one object that it prints.
#[track_caller]
pub(crate) fn ok(home: &Home, args: &[&str]) -> Value {
    let answer = run(home, "dev", args).expect(0).json();
    assert!(answer.is_object(), "{answer}");
    answer
}

/// Runs a command that must fail with this exit code, and gives its message: of the one object that it prints, which people are told as well.
#[track_caller]
pub(crate) fn fails(home: &Home, chain: &str, code: i32, args: &[&str]) -> String {
    let answer = run(home, chain, args).expect(code).json();
    let error = &answer["error"];
    assert_eq!(error["exit"], code, "{answer}");
    let message = error["message"].as_str().unwrap().to_owned();
    let plain = home
        .run(chain, &[&["snapshot"], args].concat())
        .expect(code);
    assert_eq!(plain.stdout, "", "{plain:?}");
    assert!(plain.stderr.contains(&message), "{plain:?} lacks {message}");
    message
}

/// The state in an answer.
pub(crate) fn state(answer: &Value) -> [&Value; 3] {
    ["height", "block", "state_root"].map(|field| &answer[field])
}
