//! A snapshot of a running node and of a store at rest, and a node that goes on from one.

use crate::{World, ok, state, text};
use sapwood_primitives::Block;
use sapwood_tests::chain::{Branch, person, transfer};
use sapwood_tests::{Server, StoreFiles};
use serde_json::json;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[test]
fn a_snapshot_is_written_while_blocks_go_on_and_leads_a_fresh_node_to_the_same_chain() {
    let World {
        home,
        node,
        mut branch,
    } = World::new();
    let dir = home.path().join("snapshot");
    let stop = AtomicBool::new(false);
    let mut blocks = Vec::new();
    let before = node.height();
    let written = thread::scope(|scope| {
        let (node, stop, blocks, branch) = (&node, &stop, &mut blocks, &mut branch);
        scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let block = branch.mine(&person(1), b"", Vec::new());
                assert_eq!(node.submit_block(&block).unwrap(), "connected");
                blocks.push(block);
            }
        });
        let written = ok(&home, &["write", text(&dir)]);
        stop.store(true, Ordering::Relaxed);
        written
    });
    let height = written["height"].as_u64().unwrap();
    assert!((before..=node.height()).contains(&height), "{written}");
    let header = node.get("chain_header", json!({ "height": height }));
    assert_eq!(state(&written), state(&header));
    let bytes: u64 = [dir.clone(), dir.join("chunks")]
        .map(|dir| {
            let files = StoreFiles::read(&dir);
            let lengths = files
                .names()
                .into_iter()
                .map(|name| files.file(name).length());
            lengths.sum::<u64>()
        })
        .iter()
        .sum();
    assert_eq!(
        (&written["schema"], &written["bytes"]),
        (&json!(1), &json!(bytes))
    );
    let status = node.get("snapshot_status", json!({}));
    assert_eq!(
        (&status["status"], state(&status)),
        (&json!("done"), state(&written))
    );

    let verified = ok(&home, &["verify", text(&dir)]);
    let fresh = home.path().join("fresh");
    let imported = ok(&home, &["import", text(&dir), "--data-dir", text(&fresh)]);
    assert_eq!((&verified, &imported), (&written, &written));

    let copy = home.node("dev", &["--no-dns", "--data-dir", text(&fresh)]);
    assert_eq!(state(&copy.head()), state(&written));
    assert_eq!(
        copy.get("chain_header", json!({"height": 3})),
        node.get("chain_header", json!({"height": 3}))
    );
    let missing = copy.call("chain_block", json!({"height": 3})).unwrap_err();
    assert_eq!(missing.code, "not_found", "a snapshot has no blocks");
    for block in blocks
        .iter()
        .filter(|block| block.header.header.height.get() > height)
    {
        assert_eq!(copy.submit_block(block).unwrap(), "connected");
    }
    assert_same(&node, &copy);
    go_on(&node, &copy, &mut branch);
    assert_eq!(copy.terminate(), 0);
    let copy = home.node(
        "dev",
        &["--no-dns", "--data-dir", text(&fresh), "--tree", "lean"],
    );
    assert_same(&node, &copy);
    go_on(&node, &copy, &mut branch);
}

/// Payments, and a branch that is left for a longer one, on both nodes.
fn go_on(node: &Server, copy: &Server, branch: &mut Branch) {
    let miner = person(1);
    let both = |block: &Block| {
        let status = node.submit_block(block).unwrap();
        assert_eq!(copy.submit_block(block).unwrap(), status);
        status
    };
    let pay = branch.sign(&miner, 0, vec![transfer(person(7).id, 3_000_000)]);
    assert_eq!(both(&branch.mine(&miner, b"", vec![pay])), "connected");
    let mut rival = branch.clone();
    for block in branch.mine_empty(2, &miner, b"") {
        assert_eq!(both(&block), "connected");
    }
    let rivals = rival.mine_empty(3, &miner, b"rival");
    let statuses: Vec<_> = rivals.iter().map(both).collect();
    assert_eq!(statuses, ["side", "side", "connected"]);
    *branch = rival;
    assert_same(node, copy);
}

#[track_caller]
fn assert_same(node: &Server, copy: &Server) {
    assert_eq!(node.head(), copy.head());
    for number in [1, 7, 1_050, 9_999] {
        let account = json!({ "account": person(number).address() });
        assert_eq!(
            node.get("account_proof", account.clone()),
            copy.get("account_proof", account)
        );
    }
}

#[test]
fn without_a_node_the_store_is_read_and_equal_states_make_equal_files() {
    let (home, dir, head) = World::written();
    let verified = ok(&home, &["verify", text(&dir)]);
    assert_eq!(state(&verified), state(&head));
    let node = home.node("dev", &["--no-dns", "--tree", "lean"]);
    assert_eq!(node.head(), head, "the store is as it was");
    let other = home.path().join("other");
    assert_eq!(state(&ok(&home, &["write", text(&other)])), state(&head));
    for part in ["", "chunks"] {
        let read = |dir: &Path| StoreFiles::read(&dir.join(part));
        assert_eq!(read(&dir), read(&other));
    }
    // An imported node has the same state, and so the same files.
    let (fresh, third) = (home.path().join("fresh"), home.path().join("third"));
    ok(&home, &["import", text(&other), "--data-dir", text(&fresh)]);
    ok(&home, &["write", text(&third), "--data-dir", text(&fresh)]);
    assert_eq!(StoreFiles::read(&dir), StoreFiles::read(&third));
}

#[test]
fn people_are_told_what_was_written_checked_and_taken_over() {
    let world = World::new();
    let dir = world.snapshot();
    let fresh = world.home.path().join("fresh");
    let block = world.node.head()["block"].as_str().unwrap().to_owned();
    for args in [
        &["snapshot", "write", text(&dir)][..],
        &["snapshot", "verify", text(&dir)],
        &["snapshot", "import", text(&dir), "--data-dir", text(&fresh)],
    ] {
        let ran = world.home.run("dev", args).expect(0);
        assert!(
            ran.stdout.contains(&block) && ran.stdout.contains(text(&dir)),
            "{ran:?}"
        );
    }
}
