//! The least that can stand on a store: a writer that extends the chain, leaves branches, and puts blocks aside.

use crate::replica::id;
use parity_scale_codec::Encode;
use sapwood_account_tree::Mode;
use sapwood_primitives::{Block, Chain, SealedHeader};
use sapwood_runtime::{CheckedBlock, Connected, Link, check_block, check_header, connect, genesis};
use sapwood_store::disk::Disk;
use sapwood_store::log::NewBlock;
use sapwood_store::{Checkpoints, Config, OpenStore, StorageFailed, Store, UndoRecord, View};
use std::path::Path;
use std::sync::Arc;

/// Checkpoints every few blocks, written by the writer itself.
pub(crate) fn config() -> Config {
    Config {
        mode: Mode::Fast,
        checkpoint_rows: 20,
        checkpoint_blocks: 5,
        checkpoints: Checkpoints::Inline,
    }
}

/// No checkpoint that nobody asks for.
pub(crate) fn no_checkpoints() -> Config {
    Config {
        checkpoint_rows: usize::MAX,
        checkpoint_blocks: u64::MAX,
        ..config()
    }
}

/// A store with its chain and the tip's link.
pub(crate) struct Node {
    chain: Arc<Chain>,
    pub(crate) store: Store,
    pub(crate) view: View,
    pub(crate) link: Link,
}

impl Node {
    pub(crate) fn on_disk(
        disk: &(impl Disk + Clone + 'static),
        chain: &Arc<Chain>,
        config: Config,
    ) -> Result<Self, OpenStore> {
        Ok(Self::of(
            Store::on_disk(Arc::new(disk.clone()), chain, config)?,
            chain,
        ))
    }

    pub(crate) fn open(data: &Path, chain: &Arc<Chain>, config: Config) -> Result<Self, OpenStore> {
        Ok(Self::of(Store::open(data, chain, config)?, chain))
    }

    fn of(store: Store, chain: &Arc<Chain>) -> Self {
        let view = store.view();
        let link = view.link(&store.tip().id).unwrap().unwrap();
        Self {
            chain: Arc::clone(chain),
            store,
            view,
            link,
        }
    }

    /// Follows blocks on the tip, one commit each.
    pub(crate) fn extend(&mut self, blocks: &[Block]) -> Result<(), StorageFailed> {
        for block in blocks {
            self.follow(0, std::slice::from_ref(block))?;
        }
        Ok(())
    }

    /// Takes `depth` blocks back and follows others in their place, with one commit.
    pub(crate) fn follow(&mut self, depth: usize, blocks: &[Block]) -> Result<(), StorageFailed> {
        let fork = self.back(depth)?;
        let connected = self.forward(&fork, blocks);
        for ((block, connected), parent) in connected.iter().zip(parents(&fork, &connected)) {
            let checked = CheckedBlock::stored((*block).clone());
            self.store.put_block(&NewBlock {
                link: &connected.0,
                parent,
                txids: checked.txids(),
                bytes: &block.encode(),
            });
            self.store.put_undo(&connected.0.id, &connected.1);
        }
        let headers: Vec<SealedHeader> = blocks.iter().map(|block| block.header.clone()).collect();
        let tip = connected
            .last()
            .map_or(&fork, |(_, (link, _))| link)
            .clone();
        self.store.commit(&tip, fork.height, headers)?;
        self.link = tip;
        Ok(())
    }

    /// Goes the same way and returns, as if the last block had proved invalid.
    pub(crate) fn try_and_return(&self, depth: usize, blocks: &[Block]) {
        let fork = self.back(depth).unwrap();
        self.forward(&fork, blocks);
        let steps = blocks.len() + usize::from(depth > 0);
        self.store.rewind(&self.link, steps).unwrap();
    }

    /// Stores a block beside the main chain.
    pub(crate) fn put_aside(&mut self, parent: &Link, block: &Block) -> Result<(), StorageFailed> {
        let link = check_header(&self.chain, parent, &block.header).unwrap();
        self.store.put_block(&NewBlock {
            link: &link,
            parent: parent.id,
            txids: &block.txids(),
            bytes: &block.encode(),
        });
        self.store.commit(&self.link, self.link.height, Vec::new())
    }

    fn back(&self, depth: usize) -> Result<Link, StorageFailed> {
        let (mut link, mut blocks) = (self.link.clone(), Vec::new());
        for _ in 0..depth {
            blocks.push(link.id);
            let parent = self.view.parent_of(&link.id).unwrap();
            link = self.view.link(&parent)?.unwrap();
        }
        if depth > 0 {
            self.store.step_back(&link, &blocks)?;
        }
        Ok(link)
    }

    fn forward<'b>(
        &self,
        fork: &Link,
        blocks: &'b [Block],
    ) -> Vec<(&'b Block, (Link, UndoRecord))> {
        let genesis = genesis(&self.chain).unwrap().link.id;
        let mut parent = fork.clone();
        let mut all = Vec::new();
        for block in blocks {
            let checked = check_block(&self.chain, &genesis, block.clone()).unwrap();
            let head = self.store.head();
            let connected = connect(&self.chain, &parent, &head, &head, &checked).unwrap();
            let Connected { link, plan, .. } = connected;
            assert_eq!(link.id, id(block));
            let undo = self.store.step(&link, plan);
            all.push((block, (link.clone(), undo)));
            parent = link;
        }
        all
    }
}

/// The block below each of a row of blocks.
fn parents(
    fork: &Link,
    connected: &[(&Block, (Link, UndoRecord))],
) -> Vec<sapwood_primitives::BlockId> {
    let ids = connected.iter().map(|(_, (link, _))| link.id);
    std::iter::once(fork.id)
        .chain(ids)
        .take(connected.len())
        .collect()
}
