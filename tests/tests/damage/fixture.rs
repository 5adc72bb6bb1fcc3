//! A store worth damaging, and what a node is to make of it.

use rustix::process::Signal;
use sapwood_account_tree::{Claim, Key, Root, verify};
use sapwood_primitives::codec;
use sapwood_primitives::leaf::key;
use sapwood_primitives::{AccountId, Address, Header};
use sapwood_tests::chain::{Branch, person, transfer};
use sapwood_tests::{Home, Ran, RpcFailure, Server, StoreFile, StoreFiles};
use serde_json::{Value, json};
use std::sync::OnceLock;

/// Exit code for a file or the disk.
pub(crate) const STORAGE: i32 = 4;

/// A page of the checkpoint and of the log.
pub(crate) const PAGE: u64 = 4096;

/// Blocks in a segment of the log; the next one begins another.
const SEGMENT: u64 = 1_440;

/// The store's files.
pub(crate) const CHECKPOINT: &str = "checkpoint.redb";
pub(crate) const SEALED: &str = "00000000.seg";
pub(crate) const INDEX: &str = "00000000.idx";
pub(crate) const LAST: &str = "00000001.seg";
pub(crate) const CACHE: &str = "tree.cache";

/// Whether a file is one of rows.
fn is_rows(name: &str) -> bool {
    name.ends_with(".rows")
}

/// Names of a store's files of rows, the oldest first.
pub(crate) fn rows(files: &StoreFiles) -> Vec<&str> {
    let mut names = files.names();
    names.retain(|name| is_rows(name));
    names
}

/// What a node says of its state: the head, an account and the absence of another, proven.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    head: Value,
    present: Value,
    absent: Value,
}

/// One chain, stopped three times.
pub(crate) struct Fixture {
    /// Ended in good order, some blocks before the other two.
    pub(crate) earlier: StoreFiles,
    /// Killed: the checkpoint is behind the log.
    pub(crate) killed: StoreFiles,
    /// Started again and ended in good order.
    pub(crate) ended: StoreFiles,
    /// The state in `killed` and `ended`.
    pub(crate) seen: Seen,
    /// The state before the last block of these.
    pub(crate) before: Seen,
    /// The state in `earlier`.
    pub(crate) seen_earlier: Seen,
    /// Transactions of the sealed segment that the window has.
    pub(crate) old_txids: Vec<String>,
}

/// The fixture, made once in a process. Its log has a sealed segment and one that is written to.
pub(crate) fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(make)
}

fn make() -> Fixture {
    let home = Home::new();
    let node = home.node("dev", &["--no-dns"]);
    let (mut branch, miner) = (Branch::dev(), person(1));
    let mut receivers = 0;
    let mut paying = |branch: &mut Branch| {
        let pay = (0..4).map(|number| {
            receivers += 1;
            branch.sign(
                &miner,
                number,
                vec![transfer(person(1_000 + receivers).id, 2_000_000)],
            )
        });
        let pay = pay.collect();
        branch.mine(&miner, b"", pay)
    };
    let submit = |node: &Server, block| assert_eq!(node.submit_block(&block).unwrap(), "connected");
    for block in branch.mine_empty(SEGMENT - 60, &miner, b"") {
        submit(&node, block);
    }
    let mut old_txids = Vec::new();
    for _ in 0..40 {
        let block = paying(&mut branch);
        old_txids.extend(block.txids().iter().map(ToString::to_string));
        submit(&node, block);
    }
    for block in branch.mine_empty(22, &miner, b"") {
        submit(&node, block);
    }
    let seen_earlier = Seen::of(&node);
    assert_eq!(node.terminate(), 0);
    let earlier = StoreFiles::read(&home.store("dev"));

    let node = home.node("dev", &["--no-dns"]);
    for _ in 0..20 {
        submit(&node, paying(&mut branch));
    }
    let before = Seen::of(&node);
    for block in branch.mine_empty(1, &miner, b"") {
        submit(&node, block);
    }
    let seen = Seen::of(&node);
    node.kill9();
    let killed = StoreFiles::read(&home.store("dev"));
    assert_eq!(home.node("dev", &["--no-dns"]).terminate(), 0);
    let ended = StoreFiles::read(&home.store("dev"));
    let mut names = ended.names();
    names.retain(|name| !is_rows(name));
    assert_eq!(names, [INDEX, SEALED, LAST, CHECKPOINT, CACHE]);
    assert!(
        [&earlier, &killed, &ended]
            .iter()
            .all(|files| !rows(files).is_empty())
    );
    Fixture {
        earlier,
        killed,
        ended,
        seen,
        before,
        seen_earlier,
        old_txids,
    }
}

impl Seen {
    /// Asks a node.
    #[track_caller]
    pub(crate) fn of(node: &Server) -> Self {
        Self::ask(node).unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    /// Asks a node, and checks its proofs against its header, whose hash is the head.
    fn ask(node: &Server) -> Result<Self, RpcFailure> {
        let proof = |id: AccountId| {
            let account = Address::new("dsap", id).to_string();
            let answer = node.call("account_proof", json!({ "account": account }))?;
            let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
            let header: Header = codec::read(&bytes(&answer["header"])).unwrap();
            assert_eq!(answer["block"], header.id().to_string());
            let value = answer["value"]
                .as_str()
                .map(|text| hex::decode(text).unwrap());
            let claim = value.as_deref().map_or(Claim::Absent, Claim::Present);
            let root = Root(header.state_root.0);
            verify(
                &root,
                &Key(key::account(&id).0),
                claim,
                &bytes(&answer["proof"]),
            )
            .unwrap();
            Ok(answer)
        };
        let head = node.head();
        let seen = Self {
            present: proof(person(1).id)?,
            absent: proof(AccountId([9; 32]))?,
            head,
        };
        assert_eq!(seen.head["block"], seen.present["block"]);
        assert!(seen.present["value"].is_string() && seen.absent["value"].is_null());
        Ok(seen)
    }
}

/// A home in which the dev chain has these files.
pub(crate) fn home_with(files: &StoreFiles) -> Home {
    let home = Home::new();
    files.write(&home.store("dev"));
    home
}

/// What became of a start.
#[derive(Debug)]
pub(crate) enum Outcome {
    Refused(String),
    Served,
    /// The state is not read at the start where there is a cache of the tree; what cannot be read is said when it is asked for.
    Said(String),
}

/// A store with a damaged file, and what may be made of it.
pub(crate) struct Damaged {
    /// The files as they were.
    pub(crate) right: &'static StoreFiles,
    /// The damaged one's name.
    pub(crate) name: &'static str,
    /// What stands in its place; nothing if it is gone.
    pub(crate) file: Option<StoreFile>,
    /// The states that may be served; the first is the right one.
    pub(crate) may_be: Vec<&'static Seen>,
    /// What was done, in words.
    pub(crate) what: String,
}

impl Damaged {
    fn files(&self) -> StoreFiles {
        match &self.file {
            Some(file) => self.right.with(self.name, file.clone()),
            None => self.right.without(self.name),
        }
    }

    /// Starts a node: it serves a state that it may serve, or it refuses the store, twice and without a change; with the file put right it then serves the right one. Of
    /// rows that it did not read at its start it may say that their file is damaged.
    pub(crate) fn start(&self) -> Outcome {
        let (what, files) = (&self.what, self.files());
        let home = home_with(&files);
        let node = match home.start_node("dev", &["--no-dns"]).ready_or_ended() {
            Ok(node) => node,
            Err(ran) => {
                let message = check_refusal(&home, &ran, self.name, what);
                let again = home.start_node("dev", &["--no-dns"]).wait();
                check_refusal(&home, &again, self.name, what);
                check_unchanged(&home, &files, what);
                self.check_mended(&home);
                return Outcome::Refused(message);
            }
        };
        let seen = match Seen::ask(&node) {
            Ok(seen) => seen,
            Err(refused) => {
                assert!(is_rows(self.name), "{what}: {refused:?}");
                assert_eq!(refused.code, "storage_failed", "{what}: {refused:?}");
                assert!(refused.message.contains(self.name), "{what}: {refused:?}");
                end(node, what);
                return Outcome::Said(refused.message);
            }
        };
        assert!(
            self.may_be.contains(&&seen),
            "{what}: another state is served: {seen:?}"
        );
        end(node, what);
        Outcome::Served
    }

    fn check_mended(&self, home: &Home) {
        let path = home.store("dev").join(self.name);
        if self.file.is_some() {
            std::fs::remove_file(&path).unwrap();
        }
        self.right.file(self.name).write(&path);
        let node = home.node("dev", &["--no-dns"]);
        assert_eq!(&&Seen::of(&node), &self.may_be[0], "{}, mended", self.what);
        end(node, &self.what);
    }
}

/// Ends a node in good order.
#[track_caller]
pub(crate) fn end(node: Server, what: &str) {
    let ran = node.stop_by(Signal::TERM);
    assert!(!ran.stderr.contains("panicked"), "{what}: {ran:?}");
    assert_eq!(ran.code, Some(0), "{what}: {ran:?}");
}

/// Checks the exit code and that the message names the file, and gives it.
#[track_caller]
pub(crate) fn check_refusal(home: &Home, ran: &Ran, name: &str, what: &str) -> String {
    assert_eq!(ran.code, Some(STORAGE), "{what}: {ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{what}: {ran:?}");
    let error = &ran.json()["error"];
    let message = error["message"].as_str().unwrap_or_default().to_owned();
    let directory = home.store("dev");
    assert!(
        message.contains(name) && message.contains(directory.to_str().unwrap()),
        "{what}: it does not name {name}: {ran:?}"
    );
    message
}

/// Checks that a refused store is as it was. The cache may be used up.
#[track_caller]
pub(crate) fn check_unchanged(home: &Home, files: &StoreFiles, what: &str) {
    let kept = StoreFiles::read(&home.store("dev")).without(CACHE);
    let files = files.without(CACHE);
    assert_eq!(kept.names(), files.names(), "{what}: files came or went");
    for name in files.names() {
        assert!(
            kept.file(name) == files.file(name),
            "{what}: {name} of a refused store was changed"
        );
    }
}
