//! What was acknowledged is there after the process was killed, the power went or the disk failed, and nothing else is.

use crate::node::{self, Node};
use crate::replica::{Replica, What, chain};
use crate::world::World;
use sapwood_account_tree::Mode;
use sapwood_primitives::Block;
use sapwood_store::disk::{Disk, Fault, Simulated};
use sapwood_store::{Config, StorageFailed};
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Tells the child where its data directory is.
const DIRECTORY: &str = "SAPWOOD_TEST_DIRECTORY";

/// Checkpoints every other block, so that files of rows are made, merged and removed all the time.
fn config() -> Config {
    Config {
        checkpoint_blocks: 2,
        ..node::config()
    }
}

/// Blocks that the killed process mines over all its lives, at most.
const BLOCKS: usize = 200;

/// Not a test: what the test below runs as a process of its own. It says each height when the block is stored.
#[test]
#[ignore = "the child of `what_was_acknowledged_survives_a_kill`"]
fn child_that_is_killed() {
    let directory = std::env::var_os(DIRECTORY).unwrap();
    let chain = chain();
    let mut node = Node::open(directory.as_ref(), &chain, config()).unwrap();
    let mut replica = Replica::new(&chain);
    for _ in 0..BLOCKS {
        let block = replica.mine(1, What::Nothing);
        if replica.link.height <= node.link.height {
            continue;
        }
        node.extend(&[block]).unwrap();
        println!("stored {}", replica.height());
        io::stdout().flush().unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let chain = chain();
    // Mining has nothing random in it, so child and parent make the same blocks.
    let mut world = World::new(Replica::new(&chain));
    for life in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "crash::child_that_is_killed",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed while the next block is on its way, a little later in each life.
        let heights =
            lines.filter_map(|line| line.unwrap().strip_prefix("stored ")?.parse::<u64>().ok());
        let acknowledged = heights.take(3 + life).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let node = Node::open(directory.path(), &chain, config()).unwrap();
        let height = node.link.height.get();
        assert!(
            height >= acknowledged,
            "block {acknowledged} was acknowledged and the tip is {height}"
        );
        while world.tip().height() < height {
            world.mine(1, What::Nothing);
        }
        world.check(&node);
    }
}

/// What a writer does: the blocks to take back, and those that come in their place.
type Move = (usize, Vec<Block>);

/// A chain that grows, leaves two branches, and grows again; and the states after each move.
fn moves() -> (Vec<Move>, Vec<Arc<Replica>>) {
    let mut world = World::new(Replica::with_bystanders(&chain(), BYSTANDERS));
    let (mut moves, mut tips) = (Vec::new(), vec![Arc::clone(world.tip())]);
    for height in 0..24u8 {
        let next = match height {
            9 => (2, world.branch(2, 2, &[What::Nothing; 3])),
            19 => (4, world.branch(4, 3, &[What::Name(1); 5])),
            14.. => (
                0,
                vec![world.mine(
                    1,
                    What::Pay {
                        from: 1,
                        to: 100 + height,
                    },
                )],
            ),
            _ => (0, vec![world.mine(1, What::Nothing)]),
        };
        moves.push(next);
        tips.push(Arc::clone(world.tip()));
    }
    (moves, tips)
}

/// Goes on with the moves from one on until the disk fails; gives the number of those that are done.
fn go(node: &mut Node, moves: &[Move], from: usize) -> (usize, Option<StorageFailed>) {
    for (number, (depth, blocks)) in moves.iter().enumerate().skip(from) {
        if let Err(failed) = node.follow(*depth, blocks) {
            return (number, Some(failed));
        }
    }
    (moves.len(), None)
}

/// Demands of a store that it stands after one of the moves, at least `acknowledged` of them, and goes on to the end from there.
fn recovers(
    disk: &Simulated,
    config: &Config,
    moves: &[Move],
    tips: &[Arc<Replica>],
    acknowledged: usize,
) {
    let chain = &tips[0].chain;
    let mut node = Node::on_disk(disk, chain, config.clone()).unwrap();
    let done = tips.iter().position(|tip| tip.link == node.link);
    let done = done.expect("the tip is one that a move led to");
    assert!(
        done == acknowledged || done == acknowledged + 1,
        "{done} {acknowledged}"
    );
    same(&node, &tips[done]);
    assert_eq!(go(&mut node, moves, done), (moves.len(), None));
    same(&node, tips.last().unwrap());
}

fn same(node: &Node, replica: &Replica) {
    assert_eq!(node.link, replica.link);
    for (key, leaf) in &replica.leaves {
        assert_eq!(
            node.view.leaf(&node.link.id, key).unwrap().as_ref(),
            Some(leaf)
        );
    }
    assert_eq!(node.view.leaves(), replica.leaves.len());
    assert_eq!(node.view.names(None, 100).unwrap(), replica.names());
}

/// Rows that are in the base and do not change: enough that some checkpoints are deltas, and few enough that new bases are made.
const BYSTANDERS: u8 = 70;

/// Names of the files of rows, the base's first.
fn rows_files(disk: &Simulated) -> Vec<String> {
    let mut names = disk.list().unwrap();
    names.retain(|name| name.ends_with(".rows"));
    names.sort();
    names
}

/// A disk with a store at its genesis, and the operations that the moves take on it.
fn made(config: &Config, moves: &[Move]) -> (Simulated, u64) {
    let disk = World::new(Replica::with_bystanders(&chain(), BYSTANDERS)).disk();
    drop(Node::on_disk(&disk, &chain(), config.clone()).unwrap());
    let counted = disk.copy();
    let mut node = Node::on_disk(&counted, &chain(), config.clone()).unwrap();
    let before = counted.operations();
    let mut files = BTreeSet::new();
    for number in 0..moves.len() {
        assert_eq!(go(&mut node, &moves[..=number], number).1, None);
        files.insert(rows_files(&counted));
    }
    // New bases and deltas are both among what is interrupted.
    let bases: BTreeSet<_> = files.iter().map(|names| &names[0]).collect();
    assert!(bases.len() > 2, "{files:?}");
    assert!(files.iter().any(|names| names.len() > 2), "{files:?}");
    (disk, counted.operations() - before)
}

#[test]
fn a_disk_that_fails_at_any_operation_leaves_a_whole_state() {
    let (moves, tips) = moves();
    for (fault, mode, step) in [
        (Fault::NoSpace, Mode::Fast, 23),
        (Fault::Io, Mode::Lean, 37),
        (Fault::Io, Mode::Fast, 13),
    ] {
        let config = Config { mode, ..config() };
        let (made, operations) = made(&config, &moves);
        for first in (0..operations).step_by(step) {
            let disk = made.copy();
            let mut node = Node::on_disk(&disk, &chain(), config.clone()).unwrap();
            disk.fail_from(disk.operations() + first, fault, first);
            let (acknowledged, failed) = go(&mut node, &moves, 0);
            // The very last operations may be those of a checkpoint, whose failure the next block is told.
            assert!(failed.is_some() || node.store.failed().is_some());
            // What was shown before the failure can be read on.
            same_at(&node, &tips[acknowledged]);
            assert!(
                node.store
                    .commit(&node.link, node.link.height, Vec::new())
                    .is_err()
            );
            drop(node);
            disk.heal();
            // What the system wrote, and what it may have kept if it ended too.
            let cut = disk.power_cut(first);
            for disk in [disk, cut] {
                recovers(&disk, &config, &moves, &tips, acknowledged);
            }
        }
    }
}

fn same_at(node: &Node, replica: &Replica) {
    for (key, leaf) in &replica.leaves {
        assert_eq!(
            node.view.leaf(&replica.link.id, key).unwrap().as_ref(),
            Some(leaf)
        );
    }
}

#[test]
fn a_loss_of_power_at_any_operation_leaves_a_whole_state() {
    let (moves, tips) = moves();
    let config = config();
    let (made, operations) = made(&config, &moves);
    for first in (0..operations).step_by(7) {
        let disk = made.copy();
        let mut node = Node::on_disk(&disk, &chain(), config.clone()).unwrap();
        disk.fail_from(disk.operations() + first, Fault::Stop, first);
        let (acknowledged, _) = go(&mut node, &moves, 0);
        let after = disk.power_cut(first);
        drop(node);
        recovers(&after, &config, &moves, &tips, acknowledged);
    }
}

#[test]
fn a_loss_of_power_during_the_recovery_is_one_more() {
    let (moves, tips) = moves();
    let config = config();
    let (made, operations) = made(&config, &moves);
    for first in (0..operations).step_by(41) {
        let mut disk = made.copy();
        let mut node = Node::on_disk(&disk, &chain(), config.clone()).unwrap();
        disk.fail_from(disk.operations() + first, Fault::Stop, first);
        let (acknowledged, _) = go(&mut node, &moves, 0);
        drop(node);
        for seed in 0..6 {
            disk = disk.power_cut(seed);
            disk.fail_from(disk.operations() + seed, Fault::Stop, seed);
            drop(Node::on_disk(&disk, &chain(), config.clone()));
        }
        recovers(&disk.power_cut(9), &config, &moves, &tips, acknowledged);
    }
}

/// Power cuts at random moments, unless the environment says otherwise.
const CUTS: u64 = 150;

/// `POWER_CUTS` sets their number; each round cuts up to four times, the later ones during the recovery.
#[test]
fn any_loss_of_power_leaves_a_whole_state() {
    let cuts = std::env::var("POWER_CUTS").ok();
    let cuts = cuts.and_then(|text| text.parse().ok()).unwrap_or(CUTS);
    let (moves, tips) = moves();
    let worlds = [Mode::Fast, Mode::Lean].map(|mode| {
        let config = Config { mode, ..config() };
        let (made, operations) = made(&config, &moves);
        (config, made, operations)
    });
    let (mut done, mut in_recovery) = (0, 0);
    for round in 0u64.. {
        if done >= cuts {
            break;
        }
        let mut seed = splitmix(round);
        let mut below = |bound: u64| {
            seed = splitmix(seed);
            seed % bound
        };
        let (config, made, operations) = &worlds[usize::from(below(4) == 0)];
        let mut disk = made.copy();
        let mut node = Node::on_disk(&disk, &chain(), config.clone()).unwrap();
        disk.fail_from(disk.operations() + below(*operations), Fault::Stop, round);
        let (acknowledged, _) = go(&mut node, &moves, 0);
        drop(node);
        for _ in 0..below(4) {
            disk = disk.power_cut(below(u64::MAX));
            disk.fail_from(disk.operations() + below(12), Fault::Stop, round);
            drop(Node::on_disk(&disk, &chain(), config.clone()));
            (done, in_recovery) = (done + 1, in_recovery + 1);
        }
        recovers(
            &disk.power_cut(below(u64::MAX)),
            config,
            &moves,
            &tips,
            acknowledged,
        );
        done += 1;
    }
    println!(
        "{done} power cuts, {in_recovery} of them during a recovery; nothing acknowledged was lost"
    );
    assert!(10 * in_recovery >= done, "recovery is cut too");
}

/// Numbers that look random and follow from a seed.
fn splitmix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
