//! The writer: takes blocks, follows the heaviest branch, and keeps store, tree and tip in step.
//!
//! A block that extends the tip and a reorg go the same way: in one transaction of the store own blocks are taken back as far as needed, the branch's are connected one
//! by one on what that transaction holds, and old blocks are pruned. If one of them is invalid the transaction is given up and nothing has changed.

use super::branches::Branches;
use super::error::{BlockRefused, OpenChain};
use super::invalid::InvalidBlocks;
use super::load::load;
use super::progress::{Fault, Progress, damaged, forget, stored_block, transact};
use super::recent::Recent;
use super::snapshot::{Moment, Parked, Snapshot};
use super::storage::{Edit, StateOf, StorageFailed, Store, View};
use parity_scale_codec::Encode;
use sapwood_account_tree::Tree;
use sapwood_primitives::block::MAX_EXTRA;
use sapwood_primitives::codec::Bytes;
use sapwood_primitives::{AccountId, Block, BlockId, Chain, Hash, Transaction};
use sapwood_runtime::{
    CheckedBlock, Choice, Link, assemble, check_block, check_header, choose, genesis,
};
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
    /// Keys of the leaves that the connected blocks changed, rising; none if blocks left, since then any leaf may have changed.
    pub touched: Vec<Hash>,
}

/// The chain, as its one writer has it.
pub struct Ledger {
    chain: Arc<Chain>,
    genesis: BlockId,
    store: Arc<dyn Store>,
    view: Arc<dyn View>,
    link: Link,
    tree: Tree,
    recent: Recent,
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
    /// Starts from the last committed state, after checking all of it.
    ///
    /// # Errors
    /// [`OpenChain`] if the store fails or what it holds is not what was written.
    pub fn open(chain: Arc<Chain>, store: Arc<dyn Store>) -> Result<Self, OpenChain> {
        let genesis = genesis(&chain).map_err(|e| OpenChain::Damaged(e.to_string()))?;
        let loaded = load(&chain, &*store)?;
        let view = store.view()?;
        let depth = chain.client.trusted_depth;
        let recent = Recent::load(&*view, depth, &loaded.link, &loaded.tree)?;
        let branches = Branches::load(&*view)?;
        Ok(Self {
            genesis: genesis.link.id,
            chain,
            store,
            view,
            link: loaded.link,
            tree: loaded.tree,
            recent,
            branches,
            invalid: InvalidBlocks::default(),
            failed: None,
        })
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

    /// The committed state.
    pub fn view(&self) -> &dyn View {
        &*self.view
    }

    /// Why nothing is written any more, if so.
    pub fn failed(&self) -> Option<&StorageFailed> {
        self.failed.as_ref()
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
        let (link, tree, older) = self.recent.trusted();
        Snapshot {
            head: Moment {
                link: self.link.clone(),
                tree: self.tree.clone(),
                view: Arc::clone(&self.view),
                older: Arc::default(),
            },
            trusted: Moment {
                link,
                tree,
                view: Arc::clone(&self.view),
                older: Arc::new(older),
            },
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
        let state = StateOf(&*self.view);
        let block = assemble(
            &self.chain,
            &self.link,
            &state,
            &self.tree,
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
        let bytes = block.block().encode();
        transact(&*self.store, |edit| {
            edit.put_block(link, &bytes)?;
            forget(edit, &dropped)
        })?;
        self.branches = branches;
        self.view = self.store.view()?;
        Ok(())
    }

    /// Makes a branch the main chain, or finds the invalid block in it.
    fn follow(&mut self, branch: &Branch<'_>) -> Result<Change, BlockRefused> {
        let moved = transact(&*self.store, |edit| self.advance(edit, branch));
        match moved {
            Ok(progress) => Ok(self.arrive(progress)?),
            Err(Fault::Storage(failed)) => Err(failed.into()),
            Err(Fault::Invalid(id, reason)) => {
                self.discard(id)?;
                self.invalid.insert(branch.link.id);
                match id == branch.link.id {
                    true => Err(BlockRefused::Invalid(reason)),
                    false => Err(BlockRefused::Branch { id, reason }),
                }
            }
        }
    }

    /// Goes from the tip to the end of a branch inside a transaction.
    fn advance(&self, edit: &mut dyn Edit, branch: &Branch<'_>) -> Result<Progress, Fault> {
        let mut progress = Progress::from(&self.link, &self.tree, &self.branches);
        while progress.link.id != branch.fork {
            progress.revert(edit)?;
        }
        for id in branch.stored {
            let block = stored_block(edit, id)?;
            let checked = check_block(&self.chain, &self.genesis, block);
            let checked = checked.map_err(|invalid| damaged(id, invalid))?;
            progress.connect(&self.chain, edit, &checked)?;
        }
        edit.put_block(branch.link, &branch.block.block().encode())?;
        progress.connect(&self.chain, edit, branch.block)?;
        progress.prune(edit, &self.chain.consensus)?;
        Ok(progress)
    }

    /// Takes over what a committed transaction led to.
    fn arrive(&mut self, progress: Progress) -> Result<Change, StorageFailed> {
        let Progress {
            link,
            tree,
            branches,
            undo,
            mut change,
        } = progress;
        change.touched.sort_unstable();
        change.touched.dedup();
        self.view = self.store.view()?;
        self.branches = branches;
        self.link = link;
        self.tree = tree;
        if change.reverted.is_empty() && change.connected.len() == 1 {
            self.recent.push(self.link.clone(), self.tree.clone(), undo);
        } else {
            let depth = self.chain.client.trusted_depth;
            self.recent = Recent::load(&*self.view, depth, &self.link, &self.tree)?;
            tracing::warn!(reverted = change.reverted.len(), connected = change.connected.len(), tip = %self.link.id, "followed a heavier branch");
        }
        Ok(change)
    }

    /// Remembers a block and all stored ones above it as invalid, and forgets them.
    fn discard(&mut self, id: BlockId) -> Result<(), StorageFailed> {
        let mut dropped = Vec::new();
        for id in self.branches.with_descendants(id) {
            self.invalid.insert(id);
            dropped.extend(self.branches.remove(&id).map(|side| (side.height, id)));
        }
        if !dropped.is_empty() {
            transact(&*self.store, |edit| forget(edit, &dropped))?;
            self.view = self.store.view()?;
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
