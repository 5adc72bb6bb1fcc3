//! Readers beside the writer: each answer fits the state that was asked for, whichever way the chain goes meanwhile.

use crate::node::{Node, config};
use crate::replica::{Replica, What, chain};
use crate::world::{World, check_witness};
use parity_scale_codec::Encode;
use sapwood_account_tree::Mode;
use sapwood_primitives::{Hash, Height};
use sapwood_store::disk::Simulated;
use sapwood_store::{Checkpoints, Config, ReadFailed, View};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;

/// The states of the main chain that readers may ask for.
type Shown = RwLock<Vec<Arc<Replica>>>;

/// Asks until it is told to stop, and says how many answers it got.
fn ask(view: &View, shown: &Shown, stop: &AtomicBool, seed: usize) -> usize {
    let (mut answers, mut turn) = (0, seed);
    while answers == 0 || !stop.load(Ordering::SeqCst) {
        turn += 1;
        let (state, keys): (Arc<Replica>, Vec<Hash>) = {
            let shown = shown.read().unwrap();
            let back = turn % shown.len().min(10);
            let keys = shown.last().unwrap().leaves.keys().copied().collect();
            (Arc::clone(&shown[shown.len() - 1 - back]), keys)
        };
        let key = keys[turn * 7 % keys.len()];
        let row = state.leaves.get(&key).map(Encode::encode);
        match check_witness(view, &state, &key, row.as_deref()) {
            Ok(()) => answers += 1,
            Err(ReadFailed::Gone(id)) => assert_eq!(id, state.link.id),
            Err(failed) => panic!("{failed}"),
        }
        // Headers of the last published chain, and names, whatever happens beside.
        let height = Height::new(state.height().saturating_sub(12));
        let header = view.header(height).unwrap().unwrap();
        assert_eq!(header.header.height, height);
        if let Some(found) = view.height_of(&header.id()).unwrap() {
            assert_eq!(found, height);
        }
        assert!(view.names(None, 10).unwrap().is_sorted());
    }
    answers
}

#[test]
fn a_reader_sees_one_whole_state_during_reorgs_and_checkpoints() {
    for mode in [Mode::Fast, Mode::Lean] {
        let (chain, disk) = (chain(), Simulated::new());
        let config = Config {
            mode,
            checkpoints: Checkpoints::Beside,
            ..config()
        };
        let mut world = World::new(Replica::new(&chain));
        let mut node = Node::on_disk(&disk, &chain, config).unwrap();
        for _ in 0..14 {
            node.extend(&[world.mine(1, What::Nothing)]).unwrap();
        }
        let (shown, stop) = (RwLock::new(world.main.clone()), AtomicBool::new(false));
        let views = [node.view.clone(), node.view.clone()];
        let (shown, stop) = (&shown, &stop);
        thread::scope(|scope| {
            let readers: Vec<_> = views
                .iter()
                .enumerate()
                .map(|(seed, view)| scope.spawn(move || ask(view, shown, stop, seed)))
                .collect();
            for round in 0..40u8 {
                let what = match round % 3 {
                    0 => What::Name(1),
                    _ => What::Pay {
                        from: 1,
                        to: 100 + round,
                    },
                };
                let depth = usize::from(round % 7);
                let blocks = match depth {
                    0 => vec![world.mine(1, what)],
                    _ => world.branch(depth, 2 + round % 2, &vec![what; depth + 1]),
                };
                node.follow(depth, &blocks).unwrap();
                shown.write().unwrap().clone_from(&world.main);
            }
            stop.store(true, Ordering::SeqCst);
            for reader in readers {
                assert!(reader.join().unwrap() > 0);
            }
        });
        world.check(&node);
    }
}

#[test]
fn readers_outlive_the_writer() {
    let (chain, disk) = (chain(), Simulated::new());
    let mut world = World::new(Replica::new(&chain));
    let mut node = Node::on_disk(&disk, &chain, config()).unwrap();
    for height in 0..30 {
        node.extend(&[world.mine(
            1,
            What::Pay {
                from: 1,
                to: 100 + height,
            },
        )])
        .unwrap();
    }
    let view = node.view.clone();
    node.store.close().unwrap();
    let tip = world.tip();
    for (key, leaf) in &tip.leaves {
        check_witness(&view, tip, key, Some(&leaf.encode())).unwrap();
    }
    for (height, state) in (0..).zip(&world.main) {
        assert_eq!(
            view.header(Height::new(height)).unwrap().unwrap().id(),
            state.link.id
        );
    }
}
