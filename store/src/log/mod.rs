//! The block log: blocks with their undo records in append-only segment files, one sync a commit.
//!
//! [`Log`] writes, [`Reader`] answers from any thread. Records stand in the order written, never by height; a tip closes what one call of [`Log::commit`] wrote, and what
//! follows the last whole tip is cut off at start. The log decides no rule of the chain: what is stored, which block is the tip and what is forgotten is said by the caller.
//! The window is pruned by deleting whole segments. Whoever opens the [`Disk`] sees to it that nobody else writes there.
//!
//! # Files
//!
//! | name | holds |
//! |---|---|
//! | `NNNNNNNN.seg` | segment number N, at least eight decimal digits, from 0 on without a gap; only the oldest are ever deleted |
//! | `NNNNNNNN.idx` | index of a sealed segment, that is of each but the last; follows from the segment |
//! | `*.new` | either of the two while it is made; removed at start |
//!
//! A segment is written and synced under its `.new` name, moved, and the directory synced before a commit goes into it; the first one with the first commit in it. So a
//! `.seg` was whole once. A segment gets its index after its successor is durable, so an index without a successor says that a segment is missing. A new segment is begun by
//! a commit that finds [`Settings::segment_blocks`] blocks or [`Settings::segment_bytes`] bytes in the old one. Commits are never split over segments.
//!
//! # Segment
//!
//! Integers are little-endian unless said otherwise; `u32`, `u64` are of fixed width. Checksums are XXH3-64 with a seed, as `u64`. A page has 4,096 bytes. The first page:
//!
//! | bytes | field |
//! |---|---|
//! | 8 | `SAPWLOG` and a zero |
//! | 4 | format number, 1 |
//! | 4 | number of the segment |
//! | 32 | id of the chain's genesis block |
//! | 8 | number of the first commit in the segment; commits of a log are numbered from 1 |
//! | 8 | length of the file when it was moved to its name |
//! | 8 | salt, random |
//! | 8 | checksum over the 72 bytes before, with seed 0: the *seed of the segment* |
//! | rest | zeros |
//!
//! Then commits, each from the start of a page, so that writing one touches no page of an earlier one. A commit is records without gaps, a tip at the end, and zeros to the
//! end of the page. A record is:
//!
//! | bytes | field |
//! |---|---|
//! | 8 | number of the commit |
//! | 4 | length n of the payload |
//! | 1 | kind |
//! | 3 | zeros |
//! | n | payload |
//! | 8 | checksum over all before, with the seed of the segment |
//!
//! | kind | payload |
//! |---|---|
//! | 1 link | id of the parent (32); u32 number of transactions; of each the first 8 bytes of its id; the [`Link`] in the encoding of specs/01 |
//! | 2 body | block id (32); bytes of the block. Follows the link of its block at once |
//! | 3 undo | block id (32); bytes of the undo record |
//! | 4 tip | height u64; block id (32); state root (32); u64 length of the file that this commit makes durable |
//!
//! A block or an undo record may come again; the later one counts. With the salt in every checksum nobody who sends blocks can make bytes that look like a record, and no
//! record of another file fits.
//!
//! Behind the last commit the file is zeros: it grows by [`Settings::allocate_step`], and a commit that finds less than [`Settings::zeroed_ahead`] of them written also writes
//! [`Settings::zero_step`] bytes of zeros, before the same sync. Overwriting written zeros changes no metadata and about halves the cost of the sync. A sealed segment is cut
//! to its commits, if the system came to it.
//!
//! # Start
//!
//! All headers are checked. Of sealed segments the index is read; their records are checked when they are read. The last segment is read as a whole, and ends before the
//! first commit E that is not whole. Then everything behind is looked at:
//!
//! - The file is shorter than the tip *before* the last one says (the last one's own length may not have become durable): damage.
//! - A page behind begins with a whole record of a commit later than E: damage, since that was written after E was synced.
//! - Otherwise what is there is of a commit that nobody was told about. It is overwritten by zeros.
//!
//! The last commit is written again and synced before it is believed: after a sync that failed it may be readable and yet not on the disk. Damage that is confined to the very
//! last commit looks like one that was not completed; whoever has a checkpoint sees that the log ends before it.
//! A checkpoint also names the first segment that must be there: one is deleted only when a checkpoint that does not need it is durable.
//!
//! # Index file
//!
//! | bytes | field |
//! |---|---|
//! | 8 | `SAPWIDX` and a zero |
//! | 4 | format number, 1 |
//! | 4 | number of the segment |
//! | 8 | seed of the segment |
//! | 4 | number p of pages in the table |
//! | 8 | length n of the contents |
//! | n | contents, in SCALE: blocks (id, parent, height u64, work as 32 bytes, spans of link and body), undo records (block id, span), optional last tip (height u64, id, state root), greatest height of a tip u64, u64 number of the next commit, u64 end of the last one. A span is u64 offset of the record and u32 length of its payload |
//! | 8 | checksum over all before, with the seed of the segment |
//! | rest | zeros to the end of the page |
//!
//! Then p pages with the transactions, sorted by their fields as they stand: 255 rows of 16 bytes (first 8 bytes of the id, as a big-endian number; u32 number of the block
//! among the segment's; u32 place in the block), missing ones zeros; u32 number of the page; u32 rows in it; checksum over the 4,088 bytes before, with the seed of the
//! segment. The file is never synced. If it is missing or damaged it is made again; a damaged page is noticed when it is used.
//!
//! # Failures
//!
//! After an error while writing nothing more is written: every later call fails alike, and the log is to be opened anew, after the disk was looked at. Reading goes on. A
//! record that cannot be read is an error of that reading, which names file and offset.

mod files;
mod format;
pub(crate) mod fuzzing;
mod index;
mod open;
mod reader;
mod scan;
mod sealed;
mod segment;
mod settings;
mod txs;
mod write;

pub use index::Entry;
pub(crate) use open::Named;
pub use open::OpenLog;
pub use reader::{Candidate, Reader};
pub use settings::Settings;

use crate::disk::Disk;
use crate::runs::{Listed, Trailer};
use crate::{StorageFailed, Tip};
use format::TipRecord;
use index::Txs;
use sapwood_primitives::{BlockId, Height, TxId};
use sapwood_runtime::Link;
use sealed::{index_name, remove_if_there};
use segment::{Contents, segment_name};
use std::io;
use std::ops::Deref;
use std::sync::Arc;
use txs::Runs;
use write::{OpenSegment, Pending, prepare, publish};

sapwood_primitives::boundary!(Contents, Listed, Tip, TipRecord, Trailer);

/// A block to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewBlock<'a> {
    /// What a child needs of it.
    pub link: &'a Link,
    /// The block before it; zeros for the genesis.
    pub parent: BlockId,
    /// Ids of all its transactions, the coinbase's first.
    pub txids: &'a [TxId],
    /// Its bytes, which the log does not look into.
    pub bytes: &'a [u8],
}

/// The log of one chain, open for writing. There is one writer; [`Log::reader`] gives other threads a handle to read by, and the log reads by the same methods itself.
#[derive(Debug)]
pub struct Log {
    disk: Arc<dyn Disk>,
    settings: Settings,
    genesis: BlockId,
    reader: Arc<Reader>,
    open: OpenSegment,
    pending: Pending,
    failed: Option<StorageFailed>,
    /// Number of the first segment that is not deleted in any case.
    keep_from: u32,
}

impl Deref for Log {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl Log {
    /// A handle for reading, for any thread.
    pub fn reader(&self) -> Arc<Reader> {
        self.reader.clone()
    }

    /// Adds a block to the next commit. Nobody sees it before that.
    pub fn put_block(&mut self, block: &NewBlock<'_>) {
        self.pending.put_block(block);
    }

    /// Adds the undo record of a block, which the log has or which was put before, to the next commit.
    pub fn put_undo(&mut self, id: &BlockId, bytes: &[u8]) {
        self.pending.put_undo(id, bytes);
    }

    /// Drops what was put since the last commit.
    pub fn discard(&mut self) {
        self.pending = Pending::default();
    }

    /// Closes what was put since the last commit by a tip and makes it durable; when this returns `Ok`, it survives a loss of power. The tip is the same as before where
    /// only side blocks were stored.
    ///
    /// # Errors
    /// [`StorageFailed`]. Then the readers see nothing of the commit, what was put is dropped, the disk may have it as a whole or not at all, and every later commit fails alike.
    pub fn commit(&mut self, tip: Tip) -> Result<(), StorageFailed> {
        let pending = std::mem::take(&mut self.pending);
        self.guarded("writing a block to the log", |log| {
            log.try_commit(pending, tip)
        })
    }

    /// Forgets blocks that nobody asks for any more. Only the index forgets: after the next start they are known again, as long as their segment is there.
    pub fn forget(&mut self, ids: &[BlockId]) {
        let mut index = self.reader.index_mut();
        for id in ids {
            index.forget(id);
        }
    }

    /// Forgets all blocks at heights up to and including `below`, and deletes the oldest segments as long as these have nothing above it and nothing within `cap` blocks of
    /// `checkpoint`, the height from which the chain would be replayed. Like [`Self::forget`], it is to be called again after a start.
    ///
    /// # Errors
    /// [`StorageFailed`]; every later commit fails alike.
    pub fn prune(
        &mut self,
        below: Height,
        checkpoint: Height,
        cap: u64,
    ) -> Result<(), StorageFailed> {
        self.reader.index_mut().forget_up_to(below);
        self.guarded("deleting a segment", |log| {
            log.delete_segments(below, checkpoint.minus(cap))
        })
    }

    /// Does work that writes, unless writing has failed before; if it fails, nothing is written any more.
    fn guarded(
        &mut self,
        attempt: &str,
        work: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> Result<(), StorageFailed> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        work(self).map_err(|error| {
            let failed = StorageFailed::new(attempt, error);
            self.failed = Some(failed.clone());
            failed
        })
    }

    fn try_commit(&mut self, pending: Pending, tip: Tip) -> io::Result<()> {
        if self.open.is_full(&self.settings) {
            self.rotate()?;
        }
        let mut commit = self.open.write(pending, tip, &self.settings)?;
        let mut txs = std::mem::take(&mut commit.batch.txs);
        txs.sort_unstable();
        let number = self.open.number();
        let mut index = self.reader.index_mut();
        index.add_commit(number, &commit.batch, txs, tip);
        drop(index);
        self.open.contents.add(commit);
        Ok(())
    }

    /// Begins the next segment, and seals the one before it.
    fn rotate(&mut self) -> io::Result<()> {
        let (old, contents) = (&self.open.segment, &self.open.contents);
        let number = self.open.number() + 1;
        let next = prepare(
            &*self.disk,
            &self.genesis,
            number,
            contents.next_commit,
            &self.settings,
        )?;
        let next = OpenSegment::empty(Arc::new(publish(&*self.disk, next)?));
        // What was prepared and not used.
        old.file.set_len(contents.end)?;
        let rows = self.reader.index().open_txs(self.open.number());
        let table = sealed::write(&*self.disk, old, contents, &rows)?;
        let mut index = self.reader.index_mut();
        index.seal(self.open.number(), table);
        index.add_segment(
            next.segment.clone(),
            &next.contents,
            Txs::Open(Runs::default()),
        );
        drop(index);
        self.open = next;
        Ok(())
    }

    /// Number of the first segment that [`prune`](Self::prune) would leave, if nothing kept it from deleting; with nothing out of the window the first that is there.
    pub(crate) fn first_needed(&self, below: Option<Height>, checkpoint: Height, cap: u64) -> u32 {
        let index = self.reader.index();
        let needed = |top: Height| {
            let limit = checkpoint.minus(cap);
            below.is_none_or(|below| top > below) || limit.is_none_or(|limit| top >= limit)
        };
        let first = index.segments.iter();
        let first = first.filter(|(_, segment)| needed(segment.top));
        let first = first.map(|(number, _)| *number).next();
        let last = self.last_with_commit();
        first.map_or(last, |first| first.min(last))
    }

    /// Keeps the segments from a number on, whatever [`prune`](Self::prune) finds: somebody else relies on them.
    pub(crate) fn keep_from(&mut self, number: u32) {
        self.keep_from = number;
    }

    /// The last segment with a commit, which names the tip.
    fn last_with_commit(&self) -> u32 {
        match self.open.contents.tip {
            Some(_) => self.open.number(),
            None => self.open.number().saturating_sub(1),
        }
    }

    fn delete_segments(&mut self, below: Height, limit: Option<Height>) -> io::Result<()> {
        let Some(limit) = limit else {
            return Ok(());
        };
        let kept = self.last_with_commit().min(self.keep_from);
        loop {
            let first = match self.reader.index().segments.first_key_value() {
                Some((number, segment)) if segment.top <= below && segment.top < limit => *number,
                _ => return Ok(()),
            };
            if first >= kept {
                return Ok(());
            }
            self.reader.index_mut().segments.remove(&first);
            remove_if_there(&*self.disk, &index_name(first))?;
            remove_if_there(&*self.disk, &segment_name(first))?;
            // One after the other, so that no power cut leaves a gap.
            self.disk.sync()?;
        }
    }
}
