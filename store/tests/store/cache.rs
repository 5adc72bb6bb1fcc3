//! The tree's cache: a shortcut that decides nothing.

use crate::node::{Node, no_checkpoints};
use crate::replica::{Replica, What, account, chain};
use crate::world::World;
use sapwood_account_tree::Mode;
use sapwood_store::disk::{Disk, OpenMode, Simulated};
use sapwood_store::{Config, REMEMBERED};

const FILE: &str = "tree.cache";

/// A chain that was closed in good order.
fn closed() -> (Simulated, World) {
    closed_after(0)
}

/// The same, with so many empty blocks at its end.
fn closed_after(empty: usize) -> (Simulated, World) {
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
    for _ in 0..empty {
        node.extend(&[world.mine(1, What::Nothing)]).unwrap();
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
    // With a cache the rows are not read: one that no remembered state changed is met only when it is asked for.
    let (disk, world) = closed_after(REMEMBERED + 5);
    let cache = read(&disk, FILE);
    let key = &sapwood_primitives::leaf::key::account(&account(118));
    let leaf = &world.tip().leaves[key];
    let row = parity_scale_codec::Encode::encode(leaf);
    let mut bytes = read(&disk, "checkpoint.redb");
    let places: Vec<_> = (0..bytes.len() - row.len())
        .filter(|&at| bytes[at..].starts_with(&row))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at + row.len() - 1] ^= 1;
    }
    put(&disk, "checkpoint.redb", &bytes);
    disk.remove(FILE).unwrap();
    let refused = Node::on_disk(&disk, &world.tip().chain, no_checkpoints());
    assert!(refused.is_err(), "without a cache the rows are checked");
    put(&disk, FILE, &cache);
    let node = Node::on_disk(&disk, &world.tip().chain, no_checkpoints()).unwrap();
    let tip = world.tip().link.id;
    assert!(
        node.view.leaf(&tip, key).is_err(),
        "the tree knows the row that has rotted"
    );
    let (other, leaf) = world
        .tip()
        .leaves
        .iter()
        .find(|(other, _)| *other != key)
        .unwrap();
    assert_eq!(node.view.leaf(&tip, other).unwrap().as_ref(), Some(leaf));
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
