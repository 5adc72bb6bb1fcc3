//! One transaction of the ledger: the steps from one tip to another, which become the chain when the transaction is committed and are dropped when it is not.

use super::branches::Branches;
use super::ledger::Change;
use super::recent::undone;
use super::storage::{Abort, Edit, Read, StateOf, StorageFailed, Store};
use sapwood_account_tree::Tree;
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::codec;
use sapwood_primitives::{Block, BlockId, Chain, Height};
use sapwood_runtime::{CheckedBlock, Connected, Invalid, Link, Undo, connect};

/// The chain on the way from one tip to another.
pub(super) struct Progress {
    pub(super) link: Link,
    pub(super) tree: Tree,
    pub(super) branches: Branches,
    /// Takes the last connected block back.
    pub(super) undo: Undo,
    pub(super) change: Change,
}

/// What ends a transaction of the ledger: a block's fault, or the store's.
pub(super) enum Fault {
    Invalid(BlockId, Invalid),
    Storage(StorageFailed),
}

impl From<StorageFailed> for Fault {
    fn from(failed: StorageFailed) -> Self {
        Self::Storage(failed)
    }
}

impl Progress {
    /// Stands on the present tip.
    pub(super) fn from(link: &Link, tree: &Tree, branches: &Branches) -> Self {
        Self {
            link: link.clone(),
            tree: tree.clone(),
            branches: branches.clone(),
            undo: Undo::default(),
            change: Change {
                reverted: Vec::new(),
                connected: Vec::new(),
                touched: Vec::new(),
            },
        }
    }

    /// Takes the tip back.
    pub(super) fn revert(&mut self, edit: &mut dyn Edit) -> Result<(), StorageFailed> {
        let id = self.link.id;
        let missing = |what: &str| {
            StorageFailed::new("taking a block back", format!("no {what} for block {id}"))
        };
        let undo = edit.undo(&id)?.ok_or_else(|| missing("undo record"))?;
        let block = stored_block(edit, &id)?;
        let parent_id = block.header.header.parent;
        let parent = edit.link(&parent_id)?.ok_or_else(|| missing("parent"))?;
        self.tree = undone(&self.tree, &undo, &parent)?;
        edit.set_leaves(&undo.changes())?;
        edit.leave(&self.link, &parent, &block.txids())?;
        self.branches.insert(&self.link, parent_id);
        self.change.reverted.push(id);
        self.link = parent;
        Ok(())
    }

    /// Puts a stored block on top.
    pub(super) fn connect(
        &mut self,
        chain: &Chain,
        edit: &mut dyn Edit,
        block: &CheckedBlock,
    ) -> Result<(), Fault> {
        let state = StateOf(&*edit);
        let connected = connect(chain, &self.link, &state, self.tree.clone(), block);
        let Connected {
            link,
            changes,
            undo,
            tree,
        } = connected.map_err(|invalid| match invalid {
            Invalid::State(unreadable) => Fault::Storage(unreadable.into()),
            invalid => Fault::Invalid(block.id(), invalid),
        })?;
        edit.set_leaves(&changes)?;
        edit.join(&link, &block.block().header, &undo, block.txids())?;
        self.branches.remove(&link.id);
        self.change.connected.push(link.id);
        // After a reorg everything is looked at again, and the keys of hundreds of blocks are only memory.
        if self.change.reverted.is_empty() {
            let keys = changes.iter().map(|(key, _)| *key);
            self.change.touched.extend(keys);
        }
        (self.link, self.tree, self.undo) = (link, tree, undo);
        Ok(())
    }

    /// Forgets what has left the window, and side blocks beyond their number.
    pub(super) fn prune(
        &mut self,
        edit: &mut dyn Edit,
        rules: &Consensus,
    ) -> Result<(), StorageFailed> {
        if let Some(height) = self.link.height.minus(rules.kept) {
            edit.prune(height)?;
            self.branches.prune(height);
        }
        let dropped = self.branches.trim(rules, &self.link, None);
        forget(edit, &dropped)
    }
}

pub(super) fn forget(
    edit: &mut dyn Edit,
    blocks: &[(Height, BlockId)],
) -> Result<(), StorageFailed> {
    blocks
        .iter()
        .try_for_each(|(height, id)| edit.forget(*height, id))
}

pub(super) fn damaged(id: &BlockId, how: impl std::fmt::Display) -> StorageFailed {
    StorageFailed::new(format!("reading block {id}"), format!("damaged: {how}"))
}

pub(super) fn stored_block<R: Read + ?Sized>(
    read: &R,
    id: &BlockId,
) -> Result<Block, StorageFailed> {
    let bytes = read.block(id)?.ok_or_else(|| damaged(id, "absent"))?;
    let block: Block = codec::read(&bytes).map_err(|e| damaged(id, e))?;
    match block.header.id() == *id {
        true => Ok(block),
        false => Err(damaged(id, "it is another block")),
    }
}

/// Does `work` in one transaction of the store and gives what it made, or why it gave up.
pub(super) fn transact<T, E: From<StorageFailed>>(
    store: &dyn Store,
    work: impl FnOnce(&mut dyn Edit) -> Result<T, E>,
) -> Result<T, E> {
    let mut work = Some(work);
    let mut made = None;
    let written = store.write(&mut |edit| {
        let work = work.take().expect("a store does its work once");
        let result = work(edit);
        let abort = result.is_err();
        made = Some(result);
        if abort { Err(Abort::GivenUp) } else { Ok(()) }
    });
    match (written, made) {
        (Err(Abort::Storage(failed)), _) => Err(failed.into()),
        (_, Some(result)) => result,
        (_, None) => Err(StorageFailed::new("writing", "the store did nothing").into()),
    }
}
