//! The writer: takes blocks, follows the heaviest branch, and keeps store and tip in step.
//!
//! A block that extends the tip and a reorg go the same way: in memory own blocks are taken back as far as needed and the branch's are connected one by one; then blocks and undo
//! records are committed at once, and readers are shown the new tip. If a block is invalid the steps are taken back, and nothing has changed.

use super::branches::Branches;
use super::error::{BlockRefused, OpenChain};
use super::invalid::InvalidBlocks;
use super::progress::{Fault, Progress, Way};
use super::snapshot::{Moment, Parked, Snapshot};
use parity_scale_codec::Encode;
use sapwood_primitives::block::MAX_EXTRA;
use sapwood_primitives::codec::Bytes;
use sapwood_primitives::{AccountId, Block, BlockId, Chain, Hash, Height, Transaction};
use sapwood_runtime::{
    CheckedBlock, Choice, Link, assemble, check_block, check_header, choose, genesis,
};
use sapwood_store::log::NewBlock;
use sapwood_store::{Head, StorageFailed, Store, Tip, View};
use std::sync::Arc;

/// Parked branches that are shown; an operator needs the heaviest.
const MAX_PARKED_SHOWN: usize = 16;

/// What became of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is the new tip.
    Connected(Change),
    /// Stored beside the main chain; the tip's branch has at least as much work.
    Side,
    /// It was stored before.
    Known,
    /// Its branch is heavier, but following it would undo more own blocks than the cap. Stored; an operator decides.
    Parked,
}

/// How the main chain changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Blocks that left it, the old tip first.
    pub reverted: Vec<BlockId>,
    /// Blocks that joined it, the lowest first.
    pub connected: Vec<BlockId>,
    /// Transactions of those, without coinbases.
    pub transactions: u64,
    /// Keys of the leaves that the connected blocks changed, rising; none if blocks left, since then any leaf may have changed.
    pub touched: Vec<Hash>,
}

/// The chain, as its one writer has it.
pub struct Ledger {
    chain: Arc<Chain>,
    genesis: BlockId,
    store: Store,
    view: View,
    link: Link,
    /// The block at the trusted depth (specs/07 §2.2), or the lowest one whose state is known.
    trusted: Link,
    branches: Branches,
    invalid: InvalidBlocks,
    failed: Option<StorageFailed>,
}

/// A branch to follow: the side blocks above the fork, lowest first, and the new block on top of them.
struct Branch<'a> {
    fork: BlockId,
    stored: &'a [BlockId],
    link: &'a Link,
    block: &'a CheckedBlock,
}

impl Ledger {
    /// Starts from what the store holds.
    ///
    /// # Errors
    /// [`OpenChain`] if the store fails or what it holds is not what was written.
    pub fn open(chain: Arc<Chain>, store: Store) -> Result<Self, OpenChain> {
        let genesis = genesis(&chain).map_err(|e| OpenChain::Damaged(e.to_string()))?;
        let view = store.view();
        let tip = store.tip().id;
        let link = view.link(&tip)?;
        let link = link.ok_or_else(|| OpenChain::Damaged("the tip's link is missing".into()))?;
        let mut branches = Branches::load(&view)?;
        // The log knows the blocks again that were dropped, as long as it has their segment.
        let dropped = branches.trim(&chain.consensus, &link, None);
        let mut ledger = Self {
            genesis: genesis.link.id,
            trusted: link.clone(),
            chain,
            store,
            view,
            link,
            branches,
            invalid: InvalidBlocks::default(),
            failed: None,
        };
        ledger.follow_stored()?;
        ledger.forget(&dropped);
        ledger.trusted = ledger.find_trusted()?;
        Ok(ledger)
    }

    /// Follows a stored branch that is heavier than the tip's. Only one with an invalid block is left over by the writer before: the log remembers blocks, not what was wrong with them,
    /// and finds it again.
    fn follow_stored(&mut self) -> Result<(), StorageFailed> {
        for (id, side) in self.branches.ends() {
            let (fork, mut stored) = self.branches.path_to(id);
            let Some(height) = self
                .view
                .height_of(&fork)?
                .filter(|_| side.work > self.link.work)
            else {
                continue;
            };
            let (link, block) = (self.view.link(&id)?, self.view.stored_block(&id)?);
            let (Some(link), Some(block)) = (link, block) else {
                continue;
            };
            let depth = self.link.height.since(height);
            if choose(&self.chain.consensus, &self.link, &link, depth) == Choice::Follow {
                stored.pop();
                let followed = self.follow(&Branch {
                    fork,
                    stored: &stored,
                    link: &link,
                    block: &CheckedBlock::stored(block),
                });
                if let Err(BlockRefused::StorageFailed(failed)) = followed {
                    return Err(failed);
                }
            }
        }
        Ok(())
    }

    /// Ends in good order.
    ///
    /// # Errors
    /// [`StorageFailed`], now or before.
    pub fn close(self) -> Result<(), StorageFailed> {
        match self.failed {
            Some(failed) => Err(failed),
            None => self.store.close(),
        }
    }

    /// The chain's parameters.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// Id of the genesis block.
    pub fn genesis(&self) -> &BlockId {
        &self.genesis
    }

    /// The tip.
    pub fn tip(&self) -> &Link {
        &self.link
    }

    /// The state after the tip, as the runtime asks for it.
    pub fn head(&self) -> Head<'_> {
        self.store.head()
    }

    /// For readers.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Why nothing is written any more, if so.
    pub fn failed(&self) -> Option<&StorageFailed> {
        self.failed.as_ref()
    }

    /// Brings the checkpoint to the tip, beside the blocks, unless one is being written.
    ///
    /// # Errors
    /// [`StorageFailed`], now or before.
    pub fn begin_checkpoint(&mut self) -> Result<Tip, StorageFailed> {
        match &self.failed {
            Some(failed) => Err(failed.clone()),
            None => Ok(self.store.begin_checkpoint()),
        }
    }

    /// Stops writing for good: the store failed.
    pub fn fail(&mut self, failed: &StorageFailed) {
        if self.failed.is_none() {
            tracing::error!(%failed, "storage failed; nothing is written any more");
            self.failed = Some(failed.clone());
        }
    }

    /// What readers get.
    pub fn snapshot(&self) -> Snapshot {
        let moment = |link: &Link| Moment {
            link: link.clone(),
            view: self.view.clone(),
        };
        Snapshot {
            head: moment(&self.link),
            trusted: moment(&self.trusted),
            parked: self.parked().into(),
            storage_failed: self.failed.clone(),
        }
    }

    /// Makes a block on the tip from candidates, in their order, with nonce 0. `time` is in seconds since 1970.
    ///
    /// # Errors
    /// [`StorageFailed`] if the state cannot be read.
    pub fn template(
        &self,
        payee: AccountId,
        extra: Bytes<MAX_EXTRA>,
        time: u64,
        candidates: impl IntoIterator<Item = Transaction>,
    ) -> Result<Block, StorageFailed> {
        let head = self.store.head();
        let block = assemble(
            &self.chain,
            &self.link,
            &head,
            &head,
            payee,
            extra,
            time,
            candidates,
        )?;
        Ok(block)
    }

    /// Takes a block. `now` is the own clock in seconds since 1970. The checks come in the order of what they cost, proof of work before anything is stored.
    ///
    /// # Errors
    /// [`BlockRefused`]; the tip is as it was. After [`BlockRefused::StorageFailed`] every later call fails alike.
    pub fn submit(&mut self, block: Block, now: u64) -> Result<Outcome, BlockRefused> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone().into());
        }
        let taken = self.take(block, now);
        if let Err(BlockRefused::StorageFailed(failed)) = &taken {
            self.fail(failed);
        }
        taken
    }

    fn take(&mut self, block: Block, now: u64) -> Result<Outcome, BlockRefused> {
        let id = block.header.id();
        let header = &block.header.header;
        if self.branches.contains(&id) || self.view.height_of(&id)?.is_some() {
            return Ok(Outcome::Known);
        }
        if self.invalid.contains(&id) || self.invalid.contains(&header.parent) {
            return Err(BlockRefused::KnownInvalid(id));
        }
        let max_ahead = self.chain.client.max_ahead;
        if header.time > now.saturating_add(max_ahead) {
            let time = header.time;
            return Err(BlockRefused::TooFarAhead { time, max_ahead });
        }
        let unknown = BlockRefused::UnknownParent(header.parent);
        let Some(parent) = self.view.link(&header.parent)? else {
            return Err(unknown);
        };
        let link =
            check_header(&self.chain, &parent, &block.header).map_err(BlockRefused::Invalid)?;
        let block =
            check_block(&self.chain, &self.genesis, block).map_err(BlockRefused::Invalid)?;
        let (fork, stored) = self.branches.path_to(parent.id);
        let Some(fork_height) = self.view.height_of(&fork)? else {
            return Err(unknown);
        };
        let depth = self.link.height.since(fork_height);
        let branch = Branch {
            fork,
            stored: &stored,
            link: &link,
            block: &block,
        };
        match choose(&self.chain.consensus, &self.link, &link, depth) {
            Choice::Follow => self.follow(&branch).map(Outcome::Connected),
            Choice::Stay => self.put_aside(&link, &block).map(|()| Outcome::Side),
            Choice::Park => {
                tracing::error!(%id, height = %link.height, depth, "a heavier branch forks below the reorg cap; it is kept and not followed");
                self.put_aside(&link, &block).map(|()| Outcome::Parked)
            }
        }
    }

    /// Stores a block beside the main chain.
    fn put_aside(&mut self, link: &Link, block: &CheckedBlock) -> Result<(), BlockRefused> {
        let mut branches = self.branches.clone();
        branches.insert(link, block.block().header.header.parent);
        let dropped = branches.trim(&self.chain.consensus, &self.link, Some(link.id));
        if !branches.contains(&link.id) {
            return Err(BlockRefused::TooManySideBlocks);
        }
        let parent = block.block().header.header.parent;
        let bytes = block.block().encode();
        self.store.put_block(&NewBlock {
            link,
            parent,
            txids: block.txids(),
            bytes: &bytes,
        });
        self.forget(&dropped);
        self.store
            .commit(&self.link, self.link.height, Vec::new())?;
        self.branches = branches;
        Ok(())
    }

    /// Makes a branch the main chain, or finds the invalid block in it.
    fn follow(&mut self, branch: &Branch<'_>) -> Result<Change, BlockRefused> {
        let mut progress = Progress::from(&self.chain, &self.store, &self.view, &self.link);
        let gone = advance(&mut progress, branch);
        let way = progress.way;
        match gone {
            Ok(()) => Ok(self.arrive(branch, way)?),
            Err(fault) => {
                self.store.rewind(&self.link, way.steps)?;
                match fault {
                    Fault::Storage(failed) => Err(failed.into()),
                    Fault::Invalid(id, reason) => {
                        self.discard(id)?;
                        self.invalid.insert(branch.link.id);
                        match id == branch.link.id {
                            true => Err(BlockRefused::Invalid(reason)),
                            false => Err(BlockRefused::Branch { id, reason }),
                        }
                    }
                }
            }
        }
    }

    /// Makes durable what a way led to, and takes it over.
    fn arrive(&mut self, branch: &Branch<'_>, way: Way) -> Result<Change, StorageFailed> {
        let Way {
            link,
            reverted,
            connected,
            mut change,
            ..
        } = way;
        let block = branch.block;
        let (parent, bytes) = (block.block().header.header.parent, block.block().encode());
        self.store.put_block(&NewBlock {
            link: &link,
            parent,
            txids: block.txids(),
            bytes: &bytes,
        });
        let mut headers = Vec::with_capacity(connected.len());
        for joined in connected {
            self.store.put_undo(&joined.id, &joined.undo);
            self.branches.remove(&joined.id);
            headers.push(joined.header);
        }
        for (link, parent) in &reverted {
            self.branches.insert(link, *parent);
        }
        let fork = link.height.minus(headers.len() as u64);
        let fork = fork.expect("a branch is not longer than its height");
        let rules = &self.chain.consensus;
        if let Some(height) = link.height.minus(rules.kept) {
            self.branches.prune(height);
        }
        let dropped = self.branches.trim(rules, &link, None);
        self.forget(&dropped);
        self.store.commit(&link, fork, headers)?;
        self.link = link;
        if !change.reverted.is_empty() {
            tracing::warn!(reverted = change.reverted.len(), connected = change.connected.len(), tip = %self.link.id, "followed a heavier branch");
        }
        self.trusted = self.find_trusted()?;
        change.touched.sort_unstable();
        change.touched.dedup();
        Ok(change)
    }

    fn forget(&mut self, blocks: &[(Height, BlockId)]) {
        let ids: Vec<_> = blocks.iter().map(|(_, id)| *id).collect();
        self.store.forget(&ids);
    }

    /// The block at the trusted depth, whose state is made known if it is not; the oldest one there is while the chain is shorter.
    fn find_trusted(&self) -> Result<Link, StorageFailed> {
        let depth = self.chain.client.trusted_depth.max(1) - 1;
        let mut height = self.link.height.minus(depth).unwrap_or(Height::GENESIS);
        while height < self.link.height {
            let header = self.view.header(height)?;
            let link = header
                .map(|header| self.view.link(&header.id()))
                .transpose()?;
            if let Some(link) = link.flatten()
                && self.store.remember(&link, self.link.height.since(height))?
            {
                return Ok(link);
            }
            height = height.plus(1);
        }
        Ok(self.link.clone())
    }

    /// Remembers a block and all stored ones above it as invalid, and forgets them.
    fn discard(&mut self, id: BlockId) -> Result<(), StorageFailed> {
        let mut dropped = Vec::new();
        for id in self.branches.with_descendants(id) {
            self.invalid.insert(id);
            dropped.extend(self.branches.remove(&id).map(|side| (side.height, id)));
        }
        if !dropped.is_empty() {
            self.forget(&dropped);
            self.store
                .commit(&self.link, self.link.height, Vec::new())?;
        }
        Ok(())
    }

    fn parked(&self) -> Vec<Parked> {
        let ends = self.branches.ends().into_iter();
        let heavier = ends.take_while(|(_, side)| side.work > self.link.work);
        let parked = heavier.filter_map(|(id, side)| {
            let (fork, _) = self.branches.path_to(id);
            let fork = self.view.height_of(&fork).ok()??;
            Some(Parked {
                id,
                height: side.height,
                work: side.work,
                fork,
                depth: self.link.height.since(fork),
            })
        });
        parked.take(MAX_PARKED_SHOWN).collect()
    }
}

/// Goes from the tip to the end of a branch, in memory.
fn advance(progress: &mut Progress<'_>, branch: &Branch<'_>) -> Result<(), Fault> {
    progress.revert_to(&branch.fork)?;
    for id in branch.stored {
        progress.connect_stored(id)?;
    }
    progress.connect(branch.block)
}
