//! What is known in memory of every block in the window.

use super::scan::Batch;
use super::segment::{BlockRow, Contents, SegmentFile, Span, TxRow, UndoRow};
use super::txs::{Runs, Table};
use crate::Tip;
use sapwood_primitives::work::Work;
use sapwood_primitives::{BlockId, Height};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What the log knows of a block without reading a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The block before it.
    pub parent: BlockId,
    /// Its height.
    pub height: Height,
    /// Work of the branch up to and with it.
    pub work: Work,
    /// Whether its undo record is there.
    pub has_undo: bool,
}

/// Where a record is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) span: Span,
}

/// A block of the window.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) parent: BlockId,
    pub(super) height: Height,
    pub(super) work: Work,
    pub(super) link: Place,
    pub(super) body: Place,
    pub(super) undo: Option<Place>,
}

/// Transactions of a segment.
#[derive(Debug)]
pub(super) enum Txs {
    Open(Runs),
    Sealed(Arc<Table>),
}

/// A segment that the log has.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: Arc<SegmentFile>,
    /// Its blocks in the order written, as transactions name them by number.
    pub(super) blocks: Vec<BlockId>,
    /// Greatest height that anything in it has.
    pub(super) top: Height,
    pub(super) txs: Txs,
}

/// The blocks of the window and the segments that hold them.
#[derive(Debug)]
pub(super) struct Index {
    blocks: HashMap<BlockId, Known>,
    by_height: BTreeSet<(Height, BlockId)>,
    pub(super) segments: BTreeMap<u32, Segment>,
    pub(super) tip: Tip,
}

impl Index {
    /// An index of nothing; the tip is set by the first commit that is added.
    pub(super) fn new(tip: Tip) -> Self {
        Self {
            blocks: HashMap::new(),
            by_height: BTreeSet::new(),
            segments: BTreeMap::new(),
            tip,
        }
    }

    /// Adds a segment with what it holds.
    pub(super) fn add_segment(&mut self, file: Arc<SegmentFile>, contents: &Contents, txs: Txs) {
        let number = file.header.number;
        let segment = Segment {
            file,
            blocks: Vec::new(),
            top: contents.top_tip,
            txs,
        };
        self.segments.insert(number, segment);
        self.add_rows(number, &contents.blocks, &contents.undos);
        if let Some(tip) = contents.tip {
            self.tip = tip;
        }
    }

    /// Adds what a commit brought to the open segment.
    pub(super) fn add_commit(&mut self, number: u32, batch: &Batch, txs: Vec<TxRow>, tip: Tip) {
        self.add_rows(number, &batch.blocks, &batch.undos);
        if let Some(segment) = self.segments.get_mut(&number) {
            segment.top = segment.top.max(tip.height);
            if let Txs::Open(runs) = &mut segment.txs {
                runs.push(txs);
            }
        }
        self.tip = tip;
    }

    /// All transactions of an open segment, sorted.
    pub(super) fn open_txs(&self, number: u32) -> Vec<TxRow> {
        match self.segments.get(&number).map(|segment| &segment.txs) {
            Some(Txs::Open(runs)) => runs.all(),
            _ => Vec::new(),
        }
    }

    /// Finds a segment's transactions in a table from now on.
    pub(super) fn seal(&mut self, number: u32, table: Table) {
        if let Some(segment) = self.segments.get_mut(&number) {
            segment.txs = Txs::Sealed(Arc::new(table));
        }
    }

    fn add_rows(&mut self, number: u32, blocks: &[BlockRow], undos: &[UndoRow]) {
        let Some(segment) = self.segments.get_mut(&number) else {
            return;
        };
        let place = |span| Place {
            segment: number,
            span,
        };
        for row in blocks {
            segment.blocks.push(row.id);
            segment.top = segment.top.max(row.height);
            self.by_height.insert((row.height, row.id));
            // A block that comes again keeps its undo record, which follows from the block.
            let undo = self.blocks.get(&row.id).and_then(|known| known.undo);
            let known = Known {
                parent: row.parent,
                height: row.height,
                work: row.work,
                link: place(row.link),
                body: place(row.body),
                undo,
            };
            self.blocks.insert(row.id, known);
        }
        for row in undos {
            // That of a block whose segment is gone serves nobody.
            if let Some(known) = self.blocks.get_mut(&row.id) {
                known.undo = Some(place(row.undo));
                segment.top = segment.top.max(known.height);
            }
        }
    }

    pub(super) fn get(&self, id: &BlockId) -> Option<&Known> {
        self.blocks.get(id)
    }

    pub(super) fn at_heights(&self, from: Height, to: Height) -> Vec<(Height, BlockId)> {
        let (first, last) = ((from, BlockId([0; 32])), (to, BlockId([0xff; 32])));
        match first <= last {
            true => self.by_height.range(first..=last).copied().collect(),
            false => Vec::new(),
        }
    }

    pub(super) fn forget(&mut self, id: &BlockId) {
        if let Some(known) = self.blocks.remove(id) {
            self.by_height.remove(&(known.height, *id));
        }
    }

    /// Forgets all blocks at heights up to and including one.
    pub(super) fn forget_up_to(&mut self, height: Height) {
        let above = (height.plus(1), BlockId([0; 32]));
        // There is no height above the last one.
        let kept = match height.plus(1) == height {
            true => BTreeSet::new(),
            false => self.by_height.split_off(&above),
        };
        for (_, id) in std::mem::replace(&mut self.by_height, kept) {
            self.blocks.remove(&id);
        }
    }
}
