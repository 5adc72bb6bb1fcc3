//! The writer's face of the store: steps from one state to the next in memory, and what makes them durable.
//!
//! A step changes what is in memory and nothing on the disk. When the steps of an extension or a reorg are done, the blocks and their undo records go to the log, and one
//! [`Store::commit`] makes them durable; then readers are shown the new tip. If a block proves invalid on the way, [`Store::rewind`] takes the steps back.

use crate::checkpointer::Checkpointer;
use crate::disk::Disk;
use crate::failed::StorageFailed;
use crate::live::{Live, REMEMBERED};
use crate::lock::{read, write};
use crate::log::{Log, NewBlock};
use crate::open::Config;
use crate::step::StepPlan;
use crate::tip::Tip;
use crate::view::View;
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{BlockId, Hash, Height, Leaf, SealedHeader};
use sapwood_runtime::{Changes, Commitment, Link, State, Undo, Unreadable};
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

/// A checkpoint that cannot keep up holds blocks up when this many times the usual number of rows wait for it.
const MOST_UNWRITTEN: usize = 8;

/// The chain's storage, held exclusively while it is open.
pub struct Store {
    pub(crate) rules: Consensus,
    pub(crate) config: Config,
    pub(crate) log: Log,
    pub(crate) live: Arc<RwLock<Live>>,
    pub(crate) checkpointer: Checkpointer,
    /// Height of the last checkpoint that was begun.
    pub(crate) frozen_at: Height,
    pub(crate) disk: Arc<dyn Disk>,
}

/// The state that the writer is at, as the runtime asks for it.
#[derive(Clone, Copy)]
pub struct Head<'a>(&'a RwLock<Live>);

/// What [`Store::step`] needs to go to the state after a block. It fits the state that it was made on.
pub struct Plan(StepPlan);

/// An undo record, encoded.
pub struct UndoRecord(Vec<u8>);

impl Store {
    /// For readers.
    pub fn view(&self) -> View {
        View {
            live: Arc::clone(&self.live),
            log: self.log.reader(),
        }
    }

    /// The state that the writer is at.
    pub fn head(&self) -> Head<'_> {
        Head(&self.live)
    }

    /// The end of the main chain, as it was committed last.
    pub fn tip(&self) -> Tip {
        self.log.tip()
    }

    /// Why nothing more can be written, if something failed behind the writer's back.
    pub fn failed(&self) -> Option<StorageFailed> {
        self.checkpointer.failed()
    }

    /// Goes to the state after `to`, in memory, and gives what [`put_undo`](Self::put_undo) is to note.
    #[must_use = "the undo record belongs into the log"]
    pub fn step(&self, to: &Link, plan: Plan) -> UndoRecord {
        let record = UndoRecord(plan.0.undo_record());
        let mut live = write(&self.live);
        live.hold_step();
        live.step(to.id, plan.0);
        record
    }

    /// Takes blocks back in memory, as one batch: the newest first, and `to` is the block below them. Undo records are read only where the state is not remembered.
    ///
    /// # Errors
    /// [`StorageFailed`] if the records do not lead to the state after `to`, or cannot be read. Nothing has changed then.
    pub fn step_back(&self, to: &Link, blocks: &[BlockId]) -> Result<(), StorageFailed> {
        let steps = read(&self.live).steps_to(&to.id);
        let plan = match steps {
            Some(steps) => read(&self.live).plan_back(steps)?,
            None => {
                let (view, mut leaves) = (self.view(), BTreeMap::new());
                // From new to old, so that of two values the older one stays.
                for id in blocks {
                    let undo = view.undo(id)?.ok_or_else(|| no_undo(id))?;
                    leaves.extend(undo.changes());
                }
                let (changes, undo) = read(&self.live).changes_to(leaves)?;
                read(&self.live).plan(&changes, &undo)?
            }
        };
        write(&self.live).hold_step();
        take_back(&self.live, to.id, to.state_root, plan)
    }

    /// Takes so many steps back in memory, to the state after `to`.
    ///
    /// # Errors
    /// As for [`step_back`](Self::step_back).
    pub fn rewind(&self, to: &Link, steps: usize) -> Result<(), StorageFailed> {
        if steps == 0 {
            return Ok(());
        }
        let plan = read(&self.live).plan_back(steps)?;
        take_back(&self.live, to.id, to.state_root, plan)?;
        write(&self.live).release_steps();
        Ok(())
    }

    /// Makes the state after `block`, which is so many blocks below the tip, one that can be read. False if undo records do not reach it.
    ///
    /// # Errors
    /// [`StorageFailed`] if records cannot be read, or do not lead there.
    pub fn remember(&self, block: &Link, depth: u64) -> Result<bool, StorageFailed> {
        if read(&self.live).at(&block.id).is_none() {
            let depth = usize::try_from(depth).unwrap_or(usize::MAX);
            let tip = read(&self.live).block();
            crate::replay::remember(&self.view(), &tip, depth.min(REMEMBERED))?;
        }
        Ok(read(&self.live).at(&block.id).is_some())
    }

    /// Notes a block for the next [`commit`](Self::commit).
    pub fn put_block(&mut self, block: &NewBlock<'_>) {
        self.log.put_block(block);
    }

    /// Notes what takes a block back for the next [`commit`](Self::commit).
    pub fn put_undo(&mut self, id: &BlockId, undo: &UndoRecord) {
        self.log.put_undo(id, &undo.0);
    }

    /// Makes what was noted durable, with `tip` for the end of the main chain, and shows readers the chain of `headers` above `fork`. When this returns, it survives a loss of power.
    ///
    /// # Errors
    /// [`StorageFailed`]; nothing more can be written then, and what was published before can still be read.
    pub fn commit(
        &mut self,
        tip: &Link,
        fork: Height,
        headers: Vec<SealedHeader>,
    ) -> Result<(), StorageFailed> {
        if let Some(failed) = self.failed() {
            return Err(failed);
        }
        let tip = tip_of(tip);
        self.log.commit(tip)?;
        write(&self.live).publish(fork, headers);
        self.prune()?;
        self.checkpoint_if_due(tip)
    }

    /// Forgets side blocks.
    pub fn forget(&mut self, ids: &[BlockId]) {
        self.log.forget(ids);
    }

    /// Forgets blocks below the window.
    pub(crate) fn prune(&mut self) -> Result<(), StorageFailed> {
        let Some(below) = self.tip().height.minus(self.rules.kept) else {
            return Ok(());
        };
        let (checkpoint, first) = {
            let live = read(&self.live);
            (live.base().tip().height, live.first_segment())
        };
        self.log.keep_from(first);
        self.log.prune(below, checkpoint, self.rules.reorg_cap)
    }

    fn checkpoint_if_due(&mut self, tip: Tip) -> Result<(), StorageFailed> {
        let (unwritten, freezing) = {
            let live = read(&self.live);
            (live.unwritten(), live.is_freezing())
        };
        let many = self.config.checkpoint_rows;
        if freezing && unwritten >= many.saturating_mul(MOST_UNWRITTEN) {
            tracing::warn!(
                rows = unwritten,
                "the checkpoint cannot keep up with the blocks; they wait for it"
            );
            self.checkpointer.wait()?;
        } else if freezing {
            return Ok(());
        }
        let blocks = tip.height.since(self.frozen_at);
        if unwritten >= many || blocks >= self.config.checkpoint_blocks {
            self.begin_checkpoint();
        }
        Ok(())
    }

    /// Has the checkpoint brought to the tip, which it names, unless one is being written.
    pub fn begin_checkpoint(&mut self) -> Tip {
        let tip = self.tip();
        // Until this checkpoint is there, segments are needed from the one before on.
        let checkpoint = read(&self.live).base().tip().height;
        let below = tip.height.minus(self.rules.kept);
        let cap = self.rules.reorg_cap;
        let first = self.log.first_needed(below, checkpoint, cap);
        let job = write(&self.live).freeze(tip, first);
        if let Some(job) = job {
            self.frozen_at = tip.height;
            self.checkpointer.give(job);
        }
        tip
    }

    /// Brings the checkpoint to the tip and waits until it is there.
    ///
    /// # Errors
    /// [`StorageFailed`].
    pub fn checkpoint(&mut self) -> Result<(), StorageFailed> {
        self.checkpointer.wait()?;
        self.begin_checkpoint();
        self.checkpointer.wait()
    }

    /// Ends in good order: brings the checkpoint to the tip and keeps the tree's hashes beside it, so that the next start is quick. Without this nothing is lost.
    ///
    /// # Errors
    /// [`StorageFailed`].
    pub fn close(mut self) -> Result<(), StorageFailed> {
        self.checkpoint()?;
        self.prune()?;
        drop(self.checkpointer);
        let live = read(&self.live);
        crate::cache::write(&*self.disk, live.base(), live.tree());
        Ok(())
    }
}

fn no_undo(id: &BlockId) -> StorageFailed {
    StorageFailed::new(
        "taking a block back",
        format!(
            "there is no undo record for block {id}; move the folder of the state away and let the node fetch the chain anew"
        ),
    )
}

/// Makes a step back, if it leads to this root.
pub(crate) fn take_back(
    live: &RwLock<Live>,
    to: BlockId,
    root: Hash,
    plan: StepPlan,
) -> Result<(), StorageFailed> {
    if plan.root() != root {
        return Err(StorageFailed::new(
            "taking blocks back",
            format!("the undo records do not lead to the state after block {to}"),
        ));
    }
    write(live).step(to, plan);
    Ok(())
}

/// The tip that a link describes.
pub(crate) fn tip_of(link: &Link) -> Tip {
    Tip {
        height: link.height,
        id: link.id,
        state_root: link.state_root,
    }
}

impl<'a> Head<'a> {
    pub(crate) fn of(live: &'a RwLock<Live>) -> Self {
        Self(live)
    }
}

impl State for Head<'_> {
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, Unreadable> {
        let leaf = read(self.0).now().leaf(key);
        leaf.map_err(|failed| Unreadable(failed.to_string()))
    }

    fn due(&self, height: Height) -> Result<Vec<Hash>, Unreadable> {
        let due = read(self.0).due(height);
        due.map_err(|failed| Unreadable(failed.to_string()))
    }
}

impl Commitment for Head<'_> {
    type Plan = Plan;

    fn plan(&self, changes: &Changes, undo: &Undo) -> Result<(Hash, Plan), Unreadable> {
        let plan = read(self.0).plan(changes, undo);
        let plan = plan.map_err(|failed| Unreadable(failed.to_string()))?;
        Ok((plan.root(), Plan(plan)))
    }
}

impl Plan {
    pub(crate) fn into_inner(self) -> StepPlan {
        self.0
    }
}
