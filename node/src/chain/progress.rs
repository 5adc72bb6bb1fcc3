//! The steps from one tip to another. They are made in memory; what they led to becomes the chain when it is committed, and is taken back when a block proves invalid.

use super::ledger::Change;
use sapwood_primitives::{Block, BlockId, Chain, SealedHeader};
use sapwood_runtime::{CheckedBlock, Connected, Invalid, Link, connect};
use sapwood_store::{StorageFailed, Store, UndoRecord, View};

/// The chain on the way from one tip to another.
pub(super) struct Progress<'s> {
    chain: &'s Chain,
    store: &'s Store,
    view: &'s View,
    /// The way so far.
    pub(super) way: Way,
}

/// What a way consists of.
pub(super) struct Way {
    pub(super) link: Link,
    /// Blocks that left the main chain, the old tip first, with their parents.
    pub(super) reverted: Vec<(Link, BlockId)>,
    /// Blocks that joined it, the lowest first.
    pub(super) connected: Vec<Joined>,
    pub(super) change: Change,
    /// States gone through in memory.
    pub(super) steps: usize,
}

/// A block that joined the main chain.
pub(super) struct Joined {
    pub(super) id: BlockId,
    pub(super) header: SealedHeader,
    pub(super) undo: UndoRecord,
}

/// What ends a way early: a block's fault, or the store's.
pub(super) enum Fault {
    Invalid(BlockId, Invalid),
    Storage(StorageFailed),
}

impl From<StorageFailed> for Fault {
    fn from(failed: StorageFailed) -> Self {
        Self::Storage(failed)
    }
}

impl<'s> Progress<'s> {
    /// Stands on the present tip.
    pub(super) fn from(chain: &'s Chain, store: &'s Store, view: &'s View, link: &Link) -> Self {
        Self {
            chain,
            store,
            view,
            way: Way {
                link: link.clone(),
                reverted: Vec::new(),
                connected: Vec::new(),
                change: Change {
                    reverted: Vec::new(),
                    connected: Vec::new(),
                    transactions: 0,
                    touched: Vec::new(),
                },
                steps: 0,
            },
        }
    }

    /// Takes blocks back until `fork` is the tip, as one batch.
    pub(super) fn revert_to(&mut self, fork: &BlockId) -> Result<(), StorageFailed> {
        let mut link = self.way.link.clone();
        while link.id != *fork {
            let id = link.id;
            let missing =
                || StorageFailed::new("taking a block back", format!("no parent for block {id}"));
            let parent = self.view.parent_of(&id).ok_or_else(missing)?;
            let parent = self.view.link(&parent)?.ok_or_else(missing)?;
            self.way.change.reverted.push(id);
            self.way.reverted.push((link, parent.id));
            link = parent;
        }
        if !self.way.change.reverted.is_empty() {
            self.store.step_back(&link, &self.way.change.reverted)?;
            self.way.steps += 1;
            self.way.link = link;
        }
        Ok(())
    }

    /// Puts a block on top that was stored after it was checked.
    pub(super) fn connect_stored(&mut self, id: &BlockId) -> Result<(), Fault> {
        let block: Option<Block> = self.view.stored_block(id)?;
        let absent = || StorageFailed::new(format!("reading block {id}"), "absent");
        let block = CheckedBlock::stored(block.ok_or_else(absent)?);
        self.connect(&block)
    }

    /// Puts a block on top.
    pub(super) fn connect(&mut self, block: &CheckedBlock) -> Result<(), Fault> {
        let head = self.store.head();
        let connected = connect(self.chain, &self.way.link, &head, &head, block);
        let Connected {
            link,
            changes,
            plan,
            ..
        } = connected.map_err(|invalid| match invalid {
            Invalid::State(unreadable) => Fault::Storage(unreadable.into()),
            invalid => Fault::Invalid(block.id(), invalid),
        })?;
        let undo = self.store.step(&link, plan);
        let way = &mut self.way;
        way.steps += 1;
        way.change.connected.push(link.id);
        way.change.transactions += block.block().transactions.len() as u64;
        // After a reorg everything is looked at again, and the keys of hundreds of blocks are only memory.
        if way.change.reverted.is_empty() {
            let keys = changes.iter().map(|(key, _)| *key);
            way.change.touched.extend(keys);
        }
        way.connected.push(Joined {
            id: link.id,
            header: block.block().header.clone(),
            undo,
        });
        way.link = link;
        Ok(())
    }
}
