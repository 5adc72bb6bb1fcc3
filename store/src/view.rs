//! What readers ask: leaves and proofs in any of the last states, and the chain that leads to the present one.

use crate::checkpoint::damaged;
use crate::failed::StorageFailed;
use crate::live::{At, Live, REMEMBERED};
use crate::lock::read;
use crate::log;
use crate::main_chain::Header;
use crate::memtable::Row;
use crate::tip::Position;
use sapwood_account_tree::{Anchor, AnchorDepth, Form, Key, Mode, Proof, prove_below, prove_many};
use sapwood_primitives::{Block, BlockId, Hash, Height, Leaf, Name, SealedHeader, TxId, codec};
use sapwood_runtime::{Link, Undo};
use std::sync::{Arc, RwLock};

/// Why a question about a state has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadFailed {
    /// More than [`REMEMBERED`] blocks came since.
    #[error(
        "the state after block {0} is no longer in memory (the last {REMEMBERED} are); ask about the present one"
    )]
    Gone(BlockId),
    /// The store failed, or what it holds is damaged.
    #[error(transparent)]
    Storage(#[from] StorageFailed),
}

/// What a state holds under a key, with the proof of it.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The encoded leaf; none if it is absent.
    pub row: Option<Row>,
    /// Shows that under the state root.
    pub proof: Proof,
}

/// Reads, from any thread. Clones are cheap, and see what the writer publishes.
#[derive(Clone)]
pub struct View {
    pub(crate) live: Arc<RwLock<Live>>,
    pub(crate) log: Arc<log::Reader>,
}

#[allow(
    clippy::missing_errors_doc,
    reason = "all methods fail alike: `StorageFailed`, and for a state `ReadFailed`"
)]
impl View {
    /// Asks about the state after a block.
    pub(crate) fn at<T>(
        &self,
        block: &BlockId,
        ask: impl FnOnce(At<'_>) -> Result<T, StorageFailed>,
    ) -> Result<T, ReadFailed> {
        let live = read(&self.live);
        let at = live.at(block).ok_or(ReadFailed::Gone(*block))?;
        Ok(ask(at)?)
    }

    /// The leaf under a key, in the state after `block`.
    pub fn leaf(&self, block: &BlockId, key: &Hash) -> Result<Option<Leaf>, ReadFailed> {
        self.at(block, |at| at.leaf(key))
    }

    /// The leaf under a key, or its absence, with its proof, in the state after `block`.
    pub fn witness(&self, block: &BlockId, key: &Hash) -> Result<Witness, ReadFailed> {
        self.at(block, |at| {
            let row = at.row(key)?;
            let proof = at.tree().prove(&Key(key.0), &at);
            let proof = proof.map_err(|e| StorageFailed::new("proving a leaf", e))?;
            match (*proof.form() == Form::Present) == row.is_some() {
                true => Ok(Witness { row, proof }),
                false => Err(damaged(format!("the row {key}"), "the tree says otherwise")),
            }
        })
    }

    /// As [`witness`](Self::witness), with the encoded proof for those who hold an anchor of this depth (specs/04 §9).
    pub fn witness_below(
        &self,
        block: &BlockId,
        key: &Hash,
        anchor: AnchorDepth,
    ) -> Result<(Option<Row>, Vec<u8>), ReadFailed> {
        self.at(block, |at| {
            let proof = prove_below(&at.tree().view(at), &Key(key.0), anchor);
            let proof = proof.map_err(|e| StorageFailed::new("proving a leaf", e))?;
            Ok((at.row(key)?, proof))
        })
    }

    /// The leaves under strictly rising keys, with one encoded proof of all (specs/04 §7), in the state after `block`.
    pub fn witness_many(
        &self,
        block: &BlockId,
        keys: &[Hash],
    ) -> Result<(Vec<Option<Row>>, Vec<u8>), ReadFailed> {
        self.at(block, |at| {
            let paths: Vec<_> = keys.iter().map(|key| Key(key.0)).collect();
            let proof = prove_many(&at.tree().view(at), &paths);
            let proof = proof.map_err(|e| StorageFailed::new("proving leaves", e))?;
            let rows = keys
                .iter()
                .map(|key| at.row(key))
                .collect::<Result<_, _>>()?;
            Ok((rows, proof))
        })
    }

    /// The anchor of the state after `block` at a depth (specs/04 §8).
    pub fn anchor(&self, block: &BlockId, depth: AnchorDepth) -> Result<Anchor, ReadFailed> {
        self.at(block, |at| {
            let anchor = Anchor::new(&at.tree().view(at), depth);
            anchor.map_err(|e| StorageFailed::new("making an anchor", e))
        })
    }

    /// Whether the state after `block` can be read.
    pub fn remembers(&self, block: &BlockId) -> bool {
        read(&self.live).at(block).is_some()
    }

    /// How the account tree is kept.
    pub fn tree_mode(&self) -> Mode {
        read(&self.live).tree().mode()
    }

    /// The number of leaves of the present state.
    pub fn leaves(&self) -> usize {
        read(&self.live).tree().len()
    }

    /// A header of the main chain; headers are kept for ever.
    pub fn header(&self, height: Height) -> Result<Option<SealedHeader>, StorageFailed> {
        let base = {
            let live = read(&self.live);
            match live.main().header(height) {
                Header::Here(header) => return Ok(Some(header.clone())),
                Header::Nowhere => return Ok(None),
                Header::InCheckpoint => Arc::clone(live.base()),
            }
        };
        base.header(height)
    }

    /// The height of a block, if it is on the main chain.
    pub fn height_of(&self, id: &BlockId) -> Result<Option<Height>, StorageFailed> {
        let live = read(&self.live);
        if let Some(height) = live.main().height_of(id) {
            return Ok(Some(height));
        }
        let height = live.base().height_of(id)?;
        Ok(height.filter(|height| live.main().shares(*height)))
    }

    /// What a child needs of this block; within the window, side branches included.
    pub fn link(&self, id: &BlockId) -> Result<Option<Link>, StorageFailed> {
        self.log.read_link(id)
    }

    /// The parent of a block; within the window, side branches included.
    pub fn parent_of(&self, id: &BlockId) -> Option<BlockId> {
        self.log.entry(id).map(|entry| entry.parent)
    }

    /// All blocks that the window holds, side branches included.
    pub fn entries(&self) -> impl Iterator<Item = (BlockId, log::Entry)> {
        let all = self.log.at_heights(Height::GENESIS, Height::new(u64::MAX));
        let entry = |(_, id)| self.log.entry(&id).map(|entry| (id, entry));
        all.into_iter().filter_map(entry)
    }

    /// The bytes of a block; within the window, side branches included.
    pub fn block(&self, id: &BlockId) -> Result<Option<Vec<u8>>, StorageFailed> {
        let bytes = self.log.read_block(id)?;
        // A chain that began from a snapshot has the link of its first block and not its bytes.
        Ok(bytes.filter(|bytes| !bytes.is_empty()))
    }

    /// The bytes of a block that were checked before they were stored, decoded.
    pub fn stored_block(&self, id: &BlockId) -> Result<Option<Block>, StorageFailed> {
        let Some(bytes) = self.block(id)? else {
            return Ok(None);
        };
        let what = || format!("block {id}");
        let block: Block = codec::read(&bytes).map_err(|e| damaged(what(), e))?;
        match block.header.id() == *id {
            true => Ok(Some(block)),
            false => Err(damaged(what(), "it is another block")),
        }
    }

    /// What takes a block back; blocks that are or were on the main chain, within the window.
    pub fn undo(&self, id: &BlockId) -> Result<Option<Undo>, StorageFailed> {
        let bytes = self.log.read_undo(id)?;
        bytes
            .map(|bytes| codec::read(&bytes))
            .transpose()
            .map_err(|e| damaged(format!("the undo record of block {id}"), e))
    }

    /// Where a transaction stands; main chain within the window.
    pub fn position(&self, txid: &TxId) -> Result<Option<Position>, StorageFailed> {
        for log::Candidate { block: id, index } in self.log.find_transaction(txid)? {
            let Some(height) = self.height_of(&id)? else {
                continue;
            };
            // The index knows the first bytes of an id only.
            let block = self.stored_block(&id)?;
            let place = usize::try_from(index).unwrap_or(usize::MAX);
            if block.is_some_and(|block| block.txids().get(place) == Some(txid)) {
                return Ok(Some(Position { height, index }));
            }
        }
        Ok(None)
    }

    /// At most `limit` names after `after`, in order. Names in their premium are among them: the leaf tells.
    pub fn names(&self, after: Option<&Name>, limit: usize) -> Result<Vec<Name>, StorageFailed> {
        read(&self.live).names(after, limit)
    }
}
