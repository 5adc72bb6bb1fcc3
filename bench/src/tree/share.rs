//! How much of a full block's CPU time goes into the root, the memtable, the undo record and the log.

use crate::Effort;
use crate::connect::{STALE, check};
use crate::fixture::{self, World};
use crate::measure::{Times, median, timed};
use crate::report::Report;
use crate::store::{self, Copy};
use sapwood_primitives::{Hash, Height, Leaf};
use sapwood_runtime::{Changes, Commitment, State, Undo, Unreadable, connect};
use sapwood_store::log::NewBlock;
use sapwood_store::{Config, Head, Plan};
use std::cell::Cell;
use std::path::Path;

/// CPU seconds of all blocks.
struct Spent {
    /// Decoding, stateless checks, and the application without the root.
    rules: f64,
    /// The root; the rows and the undo record in memory; the log.
    storage: [f64; 3],
    /// The rows into the database at the end.
    checkpoint: f64,
}

pub(crate) fn measure(effort: &Effort, report: &mut Report) -> Result<(), String> {
    let blocks = fixture::blocks()?;
    let world = World::new()?;
    let base = store::rows_only(&world)?;
    let (mut shares, mut checkpoints, mut last) = (Vec::new(), Vec::new(), None);
    for round in 0..=effort.rounds {
        let spent = spent(&world, &blocks, &base)?;
        let storage: f64 = spent.storage.iter().sum();
        let whole = spent.rules + storage;
        if round > 0 {
            shares.push(100.0 * storage / whole);
            checkpoints.push(100.0 * spent.checkpoint / whole);
        }
        last = Some(spent);
    }
    if let Some(Spent {
        rules,
        storage: [root, memory, log],
        checkpoint,
    }) = last
    {
        report.note(&format!(
            "tree_share, CPU s of {} blocks: rules {rules:.3}, root {root:.3}, rows and undo in memory {memory:.3}, log {log:.3}; checkpoint {checkpoint:.3}",
            blocks.len()
        ));
    }
    report.bounded("tree_share", median(shares), "% of a block's CPU");
    report.bounded(
        "tree_share_checkpoint",
        median(checkpoints),
        "% of a block's CPU",
    );
    Ok(())
}

/// Connects all blocks to a copy of the store, one after the other.
fn spent(world: &World, blocks: &[Vec<u8>], base: &Path) -> Result<Spent, String> {
    // The checkpoint is written at the end, and not beside.
    let config = Config {
        checkpoint_rows: usize::MAX,
        checkpoint_blocks: u64::MAX,
        ..Config::default()
    };
    let mut copy = Copy::of(base, &world.chain, config)?;
    let store = &mut copy.store;
    let mut tip = world.tip.clone();
    let mut spent = Spent {
        rules: 0.0,
        storage: [0.0; 3],
        checkpoint: 0.0,
    };
    for bytes in blocks {
        let (block, checking) = timed(|| check(&world.chain, &world.genesis, bytes));
        let head = Watched::new(store.head());
        let (connected, connecting) = timed(|| connect(&world.chain, &tip, &head, &head, &block));
        let connected = connected.map_err(|e| format!("{e}: {STALE}"))?;
        let root = head.planning.get().cpu;
        let link = connected.link;
        let (undo, stepping) = timed(|| store.step(&link, connected.plan));
        let header = block.block().header.clone();
        let (committed, committing) = timed(|| {
            store.put_block(&NewBlock {
                link: &link,
                parent: tip.id,
                txids: block.txids(),
                bytes,
            });
            store.put_undo(&link.id, &undo);
            store.commit(&link, tip.height, vec![header])
        });
        committed.map_err(|e| e.to_string())?;
        spent.rules += checking.cpu + connecting.cpu - root;
        let storage = [root, stepping.cpu, committing.cpu];
        for (sum, times) in spent.storage.iter_mut().zip(storage) {
            *sum += times;
        }
        tip = link;
    }
    let (done, times) = timed(|| store.checkpoint());
    done.map_err(|e| e.to_string())?;
    spent.checkpoint = times.cpu;
    Ok(spent)
}

/// The head of a store, which notes how long the root takes.
struct Watched<'a> {
    head: Head<'a>,
    planning: Cell<Times>,
}

impl<'a> Watched<'a> {
    fn new(head: Head<'a>) -> Self {
        Self {
            head,
            planning: Cell::new(Times::ZERO),
        }
    }
}

impl State for Watched<'_> {
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, Unreadable> {
        self.head.leaf(key)
    }

    fn due(&self, height: Height) -> Result<Vec<Hash>, Unreadable> {
        self.head.due(height)
    }
}

impl Commitment for Watched<'_> {
    type Plan = Plan;

    fn plan(&self, changes: &Changes, undo: &Undo) -> Result<(Hash, Plan), Unreadable> {
        let (plan, times) = timed(|| self.head.plan(changes, undo));
        self.planning.set(self.planning.get() + times);
        plan
    }
}
