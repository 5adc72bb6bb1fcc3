//! Reading the log, from any thread.

use super::format::{Kind, LinkRecord, prefix, split_id};
use super::index::{Entry, Index, Place, Txs};
use super::segment::SegmentFile;
use crate::{StorageFailed, Tip};
use sapwood_primitives::{BlockId, Height, TxId};
use sapwood_runtime::Link;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A transaction that may be the one asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// The block that has it, on whatever branch.
    pub block: BlockId,
    /// Its place among the block's transactions; the coinbase is 0.
    pub index: u32,
}

/// What the log holds as of its last commit. Every record is checked when it is read, so damage is an error and never another answer; such an error concerns the record
/// and stops nothing else.
#[derive(Debug)]
pub struct Reader {
    index: RwLock<Index>,
}

impl Reader {
    pub(super) fn new(index: Index) -> Self {
        Self {
            index: RwLock::new(index),
        }
    }

    // No method panics with the lock held for writing, so what a poisoned lock guards is whole.
    pub(super) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tip of the last commit.
    pub fn tip(&self) -> Tip {
        self.index().tip
    }

    /// What is known of a block, if the window has it.
    pub fn entry(&self, id: &BlockId) -> Option<Entry> {
        self.index().get(id).map(|known| Entry {
            parent: known.parent,
            height: known.height,
            work: known.work,
            has_undo: known.undo.is_some(),
        })
    }

    /// All blocks of the window from one height to another, both included, rising by height and then by id.
    pub fn at_heights(&self, from: Height, to: Height) -> Vec<(Height, BlockId)> {
        self.index().at_heights(from, to)
    }

    /// The bytes of a block; none if the window does not have it.
    ///
    /// # Errors
    /// [`StorageFailed`] with file and offset, if the record cannot be read or is damaged.
    pub fn read_block(&self, id: &BlockId) -> Result<Option<Vec<u8>>, StorageFailed> {
        let place = self.index().get(id).map(|known| known.body);
        self.read_of(id, Kind::Body, place)
    }

    /// The undo record of a block; none if there is none.
    ///
    /// # Errors
    /// As [`Self::read_block`].
    pub fn read_undo(&self, id: &BlockId) -> Result<Option<Vec<u8>>, StorageFailed> {
        let place = self.index().get(id).and_then(|known| known.undo);
        self.read_of(id, Kind::Undo, place)
    }

    /// What a child needs of a block; none if the window does not have it.
    ///
    /// # Errors
    /// As [`Self::read_block`].
    pub fn read_link(&self, id: &BlockId) -> Result<Option<Link>, StorageFailed> {
        let place = self.index().get(id).map(|known| known.link);
        let Some((segment, place)) = self.segment_of(place) else {
            return Ok(None);
        };
        let payload = segment.read(Kind::Link, place.span)?;
        match LinkRecord::decode(&payload) {
            Ok(record) if record.link.id == *id => Ok(Some(record.link)),
            Ok(_) => Err(segment.failed(place.span, "damaged: the link of another block")),
            Err(reason) => Err(segment.failed(place.span, format!("damaged: {reason}"))),
        }
    }

    /// Transactions whose ids begin with the same eight bytes, in blocks that the window has, side branches included. Whoever asks looks up which block is on the main
    /// chain, and compares the whole id with that of the transaction in the block.
    ///
    /// # Errors
    /// [`StorageFailed`], if a table is damaged and the segment that it follows from is as well.
    pub fn find_transaction(&self, txid: &TxId) -> Result<Vec<Candidate>, StorageFailed> {
        let prefix = prefix(txid);
        let mut rows = Vec::new();
        let mut sealed = Vec::new();
        for (number, segment) in &self.index().segments {
            match &segment.txs {
                Txs::Open(runs) => rows.push((*number, runs.find(prefix))),
                Txs::Sealed(table) => sealed.push((*number, table.clone())),
            }
        }
        for (number, table) in sealed {
            rows.push((number, table.find(prefix)?));
        }
        let index = self.index();
        let mut found = Vec::new();
        for (number, rows) in rows {
            // A segment that was deleted meanwhile had nothing of the window.
            let Some(segment) = index.segments.get(&number) else {
                continue;
            };
            for row in rows {
                let block = usize::try_from(row.block).ok();
                let block = block.and_then(|block| segment.blocks.get(block));
                let known = block.filter(|id| index.get(id).is_some());
                let candidate = known.map(|block| Candidate {
                    block: *block,
                    index: row.index,
                });
                // A block that was stored twice has its transactions in two segments.
                match candidate {
                    Some(candidate) if !found.contains(&candidate) => found.push(candidate),
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    fn segment_of(&self, place: Option<Place>) -> Option<(Arc<SegmentFile>, Place)> {
        let place = place?;
        let index = self.index();
        let segment = index.segments.get(&place.segment)?;
        Some((segment.file.clone(), place))
    }

    /// The payload of a block's record behind the id with which it begins.
    fn read_of(
        &self,
        id: &BlockId,
        kind: Kind,
        place: Option<Place>,
    ) -> Result<Option<Vec<u8>>, StorageFailed> {
        let Some((segment, place)) = self.segment_of(place) else {
            return Ok(None);
        };
        let mut payload = segment.read(kind, place.span)?;
        match split_id(&payload) {
            Ok((found, _)) if found == *id => {
                payload.drain(..32);
                Ok(Some(payload))
            }
            Ok(_) => Err(segment.failed(place.span, "damaged: a record of another block")),
            Err(reason) => Err(segment.failed(place.span, format!("damaged: {reason}"))),
        }
    }
}
