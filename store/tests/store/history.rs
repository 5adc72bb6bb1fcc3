//! Any history leads to the state that a replica has, however often the store is opened anew on the way.

use crate::node::{Node, config, no_checkpoints};
use crate::replica::{Replica, What, chain};
use crate::world::World;
use proptest::prelude::*;
use sapwood_account_tree::Mode;
use sapwood_primitives::BlockId;
use sapwood_store::disk::{Disk, Fault, Simulated};
use sapwood_store::log::OpenLog;
use sapwood_store::{Checkpoints, Config, OpenStore, REMEMBERED};
use std::sync::Arc;

/// Blocks before a history begins: then account 1 has coins.
const START: usize = 14;

#[derive(Clone, Debug)]
enum Op {
    Extend(u8, What),
    Branch {
        depth: usize,
        payee: u8,
        whats: Vec<What>,
    },
    Aside {
        depth: usize,
        what: What,
    },
    /// A branch whose last block proves invalid.
    Try {
        depth: usize,
        whats: Vec<What>,
    },
    Reopen {
        close: bool,
    },
    Checkpoint,
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        1 => Just(What::Nothing),
        3 => (1u8..3, 100u8..120).prop_map(|(from, to)| What::Pay { from, to }),
        4 => (1u8..4).prop_map(What::Name),
    ]
}

fn whats() -> impl Strategy<Value = Vec<What>> {
    prop::collection::vec(what(), 1..8)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (1u8..4, what()).prop_map(|(payee, what)| Op::Extend(payee, what)),
        3 => (1usize..7, 4u8..6, whats()).prop_map(|(depth, payee, whats)| Op::Branch { depth, payee, whats }),
        2 => (0usize..6, what()).prop_map(|(depth, what)| Op::Aside { depth, what }),
        1 => (0usize..7, whats()).prop_map(|(depth, whats)| Op::Try { depth, whats }),
        2 => any::<bool>().prop_map(|close| Op::Reopen { close }),
        1 => Just(Op::Checkpoint),
    ]
}

fn configs() -> impl Strategy<Value = Config> {
    let mode = prop_oneof![Just(Mode::Fast), Just(Mode::Lean)];
    let checkpoints = prop_oneof![Just(Checkpoints::Inline), Just(Checkpoints::Beside)];
    (mode, checkpoints).prop_map(|(mode, checkpoints)| Config {
        mode,
        checkpoints,
        ..config()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn any_history_is_the_replicas(config in configs(), ops in prop::collection::vec(op(), 20..60)) {
        let (chain, disk) = (chain(), Simulated::new());
        let mut world = World::new(Replica::new(&chain));
        let mut node = Node::on_disk(&disk, &chain, config.clone()).unwrap();
        for _ in 0..START {
            node.extend(&[world.mine(1, What::Nothing)]).unwrap();
        }
        for (number, op) in ops.into_iter().enumerate() {
            let mut check = number % 16 == 0;
            match op {
                Op::Extend(payee, what) => node.extend(&[world.mine(payee, what)]).unwrap(),
                Op::Branch { depth, payee, whats } => {
                    let blocks = world.branch(depth, payee, &whats);
                    node.follow(depth, &blocks).unwrap();
                }
                Op::Aside { depth, what } => {
                    let (parent, block) = world.mine_aside(depth, 6, what);
                    node.put_aside(&parent.link, &block).unwrap();
                }
                Op::Try { depth, whats } => {
                    let mut other = Replica::clone(&world.main[world.main.len() - 1 - depth]);
                    let blocks: Vec<_> = whats.iter().map(|what| other.mine(7, *what)).collect();
                    node.try_and_return(depth, &blocks);
                }
                Op::Reopen { close } => {
                    let Node { store, view, .. } = node;
                    match close {
                        true => store.close().unwrap(),
                        false => drop(store),
                    }
                    drop(view);
                    node = Node::on_disk(&disk, &chain, config.clone()).unwrap();
                    check = true;
                }
                Op::Checkpoint => node.store.checkpoint().unwrap(),
            }
            if check {
                world.check(&node);
            }
        }
        world.check(&node);
    }
}

#[test]
fn names_come_and_go_in_the_listing() {
    let (chain, disk) = (chain(), Simulated::new());
    let mut world = World::new(Replica::new(&chain));
    let mut node = Node::on_disk(&disk, &chain, config()).unwrap();
    let mut seen = 0;
    for height in 0..90u8 {
        let what = match height {
            20..=40 => What::Name(1 + height % 3),
            _ => What::Nothing,
        };
        node.extend(&[world.mine(1 + height % 3, what)]).unwrap();
        seen = seen.max(world.tip().names().len());
        if height % 10 == 0 {
            world.check(&node);
        }
    }
    world.check(&node);
    assert_eq!((seen, world.tip().names().len()), (3, 0));
}

/// A chain whose checkpoint stands on a branch that was left afterwards.
fn left_behind(disk: &Simulated, config: Config, depth: usize, whats: &[What]) -> World {
    let chain = chain();
    let mut world = World::new(Replica::new(&chain));
    let mut node = Node::on_disk(disk, &chain, config).unwrap();
    for height in 0..20 {
        let what = if height < 14 {
            What::Nothing
        } else {
            What::Pay {
                from: 1,
                to: 100 + height,
            }
        };
        node.extend(&[world.mine(1, what)]).unwrap();
    }
    node.store.checkpoint().unwrap();
    let old = node.store.tip();
    let blocks = world.branch(depth, 2, whats);
    node.follow(depth, &blocks).unwrap();
    assert_eq!(node.view.checkpoint(), old);
    assert_eq!(node.view.height_of(&old.id).unwrap(), None);
    world.check(&node);
    world
}

#[test]
fn a_checkpoint_on_a_branch_that_was_left_is_taken_back_at_start() {
    for mode in [Mode::Fast, Mode::Lean] {
        for len in [1, 2, 5, 9] {
            let config = Config {
                mode,
                ..no_checkpoints()
            };
            let disk = Simulated::new();
            let whats = vec![What::Pay { from: 1, to: 150 }; len];
            let mut world = left_behind(&disk, config.clone(), 5, &whats);
            for _ in 0..2 {
                let mut node = Node::on_disk(&disk, &world.tip().chain, config.clone()).unwrap();
                world.check(&node);
                node.extend(&[world.mine(1, What::Pay { from: 1, to: 151 })])
                    .unwrap();
                world.check(&node);
            }
            // The next checkpoint replaces the branch that was left.
            let mut node = Node::on_disk(&disk, &world.tip().chain, config.clone()).unwrap();
            node.store.checkpoint().unwrap();
            assert_eq!(node.view.checkpoint(), node.store.tip());
            world.check(&node);
            drop(node);
            world.check(&Node::on_disk(&disk, &world.tip().chain, config).unwrap());
        }
    }
}

#[test]
fn a_branch_of_more_blocks_than_are_remembered_can_be_taken_back() {
    let (chain, disk) = (chain(), Simulated::new());
    let mut world = World::new(Replica::new(&chain));
    let mut node = Node::on_disk(&disk, &chain, config()).unwrap();
    for _ in 0..10 {
        node.extend(&[world.mine(1, What::Nothing)]).unwrap();
    }
    let mut other = Replica::clone(&world.main[5]);
    let blocks = other.mine_many(2, REMEMBERED + 10);
    node.try_and_return(5, &blocks);
    world.check(&node);
    node.extend(&[world.mine(1, What::Nothing)]).unwrap();
    world.check(&node);
}

#[test]
fn what_was_not_committed_is_in_no_checkpoint() {
    let (chain, disk) = (chain(), Simulated::new());
    let mut world = World::new(Replica::new(&chain));
    let mut node = Node::on_disk(&disk, &chain, no_checkpoints()).unwrap();
    node.extend(&[world.mine(1, What::Nothing)]).unwrap();
    let before = node.view.checkpoint();
    disk.fail_from(disk.operations(), Fault::NoSpace, 1);
    let block = Replica::clone(world.tip()).mine(2, What::Nothing);
    assert!(node.extend(&[block]).is_err());
    disk.heal();
    // The writer stands on a state that the log does not have.
    node.store.begin_checkpoint();
    assert_eq!(node.view.checkpoint(), before);
}

#[test]
fn a_reorg_deeper_than_what_is_remembered_goes_by_the_undo_records() {
    let mut chain = Arc::unwrap_or_clone(chain());
    chain.consensus.kept = 200;
    let (chain, disk) = (Arc::new(chain), Simulated::new());
    let mut world = World::new(Replica::new(&chain));
    let mut node = Node::on_disk(&disk, &chain, config()).unwrap();
    let depth = REMEMBERED + 6;
    for height in 0..depth + 15 {
        let what = match height {
            14.. => What::Pay { from: 1, to: 100 },
            _ => What::Nothing,
        };
        node.extend(&[world.mine(1, what)]).unwrap();
    }
    let fork = &world.main[world.main.len() - 1 - depth].link.id;
    assert!(!node.view.remembers(fork));
    let blocks = world.branch(depth, 2, &[What::Pay { from: 1, to: 101 }; 3]);
    node.follow(depth, &blocks).unwrap();
    world.check(&node);
    drop(node);
    world.check(&Node::on_disk(&disk, &chain, config()).unwrap());
}

#[test]
fn a_block_without_an_undo_record_is_not_taken_back_by_guessing() {
    let (chain, disk) = (chain(), Simulated::new());
    let mut world = World::new(Replica::new(&chain));
    let mut node = Node::on_disk(&disk, &chain, config()).unwrap();
    for _ in 0..REMEMBERED + 3 {
        node.extend(&[world.mine(1, What::Nothing)]).unwrap();
    }
    let below = &world.main[world.main.len() - 3 - REMEMBERED].link;
    assert!(!node.view.remembers(&below.id));
    let unknown = BlockId([9; 32]);
    let failed = node.store.step_back(below, &[unknown]).unwrap_err();
    let text = failed.to_string();
    assert!(
        text.contains(&unknown.to_string()) && text.contains("anew"),
        "{text}"
    );
    world.check(&node);
}

#[test]
fn a_segment_goes_once_no_checkpoint_needs_it_and_is_missed_before() {
    const SEGMENT: &str = "00000000.seg";
    let (chain, disk) = (chain(), Simulated::new());
    let mut world = World::new(Replica::new(&chain));
    let mut node = Node::on_disk(&disk, &chain, no_checkpoints()).unwrap();
    for _ in 0..1_500 {
        node.extend(&[world.mine(1, What::Nothing)]).unwrap();
    }
    let has = |disk: &Simulated| disk.list().unwrap().iter().any(|name| name == SEGMENT);
    // Whether a start without the segment is refused.
    let misses = |disk: &Simulated| {
        let copy = disk.copy();
        drop(Node::on_disk(&copy, &chain, no_checkpoints()).unwrap());
        // A start deletes nothing, since what it finds may not be on the disk yet.
        assert!(has(&copy));
        copy.remove(SEGMENT).unwrap();
        match Node::on_disk(&copy, &chain, no_checkpoints()).map(drop) {
            Ok(()) => false,
            Err(OpenStore::Log { source, .. }) => {
                assert_eq!(source, OpenLog::MissingSegment { number: 0 });
                true
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert!(misses(&disk));
    // The checkpoint before this one is in the segment, and a crash may bring it back.
    node.store.checkpoint().unwrap();
    node.extend(&[world.mine(1, What::Nothing)]).unwrap();
    assert!(misses(&disk));
    node.store.checkpoint().unwrap();
    assert!(!misses(&disk), "it was given up");
    node.extend(&[world.mine(1, What::Nothing)]).unwrap();
    assert!(!has(&disk));
    drop(node);
    let node = Node::on_disk(&disk, &chain, no_checkpoints()).unwrap();
    assert_eq!(node.link, world.tip().link);
    node.store.close().unwrap();
    drop(Node::on_disk(&disk, &chain, no_checkpoints()).unwrap());
}
