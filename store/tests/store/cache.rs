//! The tree's cache: a shortcut that decides nothing.

use crate::node::{Node, no_checkpoints};
use crate::replica::{Replica, What, chain};
use crate::world::World;
use sapwood_account_tree::Mode;
use sapwood_store::disk::{Disk, OpenMode, Simulated};
use sapwood_store::{Config, Store};
use std::fs;

const FILE: &str = "tree.cache";

/// A chain that was closed in good order.
fn closed() -> (Simulated, World) {
    let (chain, disk) = (chain(), Simulated::new());
    let mut world = World::new(Replica::new(&chain));
    let mut node = Node::on_disk(&disk, &chain, no_checkpoints()).unwrap();
    for height in 0..20 {
        node.extend(&[world.mine(
            1,
            What::Pay {
                from: 1,
                to: 100 + height,
            },
        )])
        .unwrap();
    }
    node.store.close().unwrap();
    (disk, world)
}

fn read(disk: &Simulated, name: &str) -> Vec<u8> {
    let file = disk.open(name, OpenMode::Existing).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

fn put(disk: &Simulated, name: &str, bytes: &[u8]) {
    let _ = disk.remove(name);
    let file = disk.open(name, OpenMode::Create).unwrap();
    file.write_at(0, bytes).unwrap();
}

fn has(disk: &Simulated, name: &str) -> bool {
    disk.list().unwrap().iter().any(|found| found == name)
}

/// Opens a store and demands its state.
fn open(disk: &Simulated, world: &World) -> Node {
    let node = Node::on_disk(disk, &world.tip().chain, no_checkpoints()).unwrap();
    world.check(&node);
    node
}

#[test]
fn it_is_written_at_the_end_and_taken_away_at_the_next_start() {
    let (disk, mut world) = closed();
    assert!(has(&disk, FILE));
    let mut node = open(&disk, &world);
    assert!(!has(&disk, FILE));
    // A chain that goes on from it is whole.
    node.extend(&[world.mine(2, What::Pay { from: 1, to: 200 })])
        .unwrap();
    world.check(&node);
    drop(node);
    // After an end that was not in good order the rows are read.
    assert!(!has(&disk, FILE));
    open(&disk, &world).store.close().unwrap();
    assert!(has(&disk, FILE));
}

#[test]
fn it_is_used() {
    // With a cache the rows are not read: one that has rotted is met only when it is asked for. No state before is remembered, for which rows would be read.
    let world = World::new(Replica::with_bystanders(&chain(), 130));
    let directory = tempfile::tempdir().unwrap();
    let chain = &world.tip().chain;
    let open = || Node::open(directory.path(), chain, no_checkpoints());
    world.make(directory.path(), world.rows()).unwrap();
    open().unwrap().store.close().unwrap();
    let state = Store::directory_in(directory.path());
    let (rows, cache) = (state.join("00000000.rows"), state.join(FILE));
    let mut bytes = fs::read(&rows).unwrap();
    bytes[100] ^= 1;
    fs::write(&rows, &bytes).unwrap();
    let kept = fs::read(&cache).unwrap();
    fs::remove_file(&cache).unwrap();
    assert!(open().is_err(), "without a cache the rows are checked");
    fs::write(&cache, kept).unwrap();
    let node = open().unwrap();
    let tip = world.tip().link.id;
    let read = world.tip().leaves.iter().map(|(key, leaf)| {
        let found = node.view.leaf(&tip, key);
        assert!(found.as_ref().is_err() || found.as_ref() == Ok(&Some(leaf.clone())));
        found.is_ok()
    });
    let read: Vec<bool> = read.collect();
    assert!(!read[0], "its block has rotted");
    assert!(read[read.len() - 1], "the last one is whole");
}

#[test]
fn a_cache_that_is_not_whole_is_passed_over() {
    let (disk, world) = closed();
    let cache = read(&disk, FILE);
    for at in (0..cache.len()).step_by(37).chain([cache.len() - 1]) {
        let mut flipped = cache.clone();
        flipped[at] ^= 1 << (at % 8);
        put(&disk, FILE, &flipped);
        let node = Node::on_disk(&disk, &world.tip().chain, no_checkpoints()).unwrap();
        let (key, leaf) = world.tip().leaves.iter().next().unwrap();
        let found = node.view.witness(&world.tip().link.id, key).unwrap();
        assert_eq!(
            found.row.as_deref(),
            Some(&*parity_scale_codec::Encode::encode(leaf))
        );
        assert!(!has(&disk, FILE));
    }
    for len in (0..cache.len()).step_by(101).chain([cache.len() - 1]) {
        put(&disk, FILE, &cache[..len]);
        drop(Node::on_disk(&disk, &world.tip().chain, no_checkpoints()).unwrap());
    }
    put(&disk, FILE, &[&cache[..], &[0]].concat());
    open(&disk, &world);
}

#[test]
fn a_cache_of_another_state_is_passed_over() {
    let (disk, mut world) = closed();
    let cache = read(&disk, FILE);
    let mut node = open(&disk, &world);
    node.extend(&[world.mine(2, What::Nothing)]).unwrap();
    node.store.checkpoint().unwrap();
    drop(node);
    put(&disk, FILE, &cache);
    open(&disk, &world);
    assert!(!has(&disk, FILE));
}

#[test]
fn one_that_is_half_written_is_in_nobodys_way() {
    let (disk, world) = closed();
    put(&disk, "tree.cache.new", b"half");
    open(&disk, &world).store.close().unwrap();
    assert!(has(&disk, FILE) && !has(&disk, "tree.cache.new"));
    open(&disk, &world);
}

#[test]
fn a_lean_store_goes_on_beside_a_cache() {
    let (disk, world) = closed();
    let config = Config {
        mode: Mode::Lean,
        ..no_checkpoints()
    };
    let node = Node::on_disk(&disk, &world.tip().chain, config).unwrap();
    world.check(&node);
    node.store.close().unwrap();
    open(&disk, &world);
}
