//! Writing commits into the open segment, and making segments.

use super::format::{
    Kind, LinkRecord, PAGE, RECORD_FRAME, SegmentHeader, TipRecord, page_up, prefix, push_record,
    seal,
};
use super::scan::{Batch, Commit};
use super::sealed::remove_if_there;
use super::segment::{BlockRow, Contents, SegmentFile, Span, UndoRow, segment_name};
use super::settings::Settings;
use super::{NewBlock, scan::Scan};
use crate::Tip;
use crate::disk::{Disk, OpenMode};
use parity_scale_codec::Encode;
use sapwood_primitives::BlockId;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::sync::Arc;

/// Records that wait for a tip, and where in the buffer they are.
#[derive(Debug, Default)]
pub(super) struct Pending {
    buffer: Vec<u8>,
    batch: Batch,
}

impl Pending {
    fn push(&mut self, kind: Kind, parts: &[&[u8]]) -> Span {
        let offset = self.buffer.len() as u64;
        let length = push_record(&mut self.buffer, kind, parts);
        Span { offset, length }
    }

    pub(super) fn put_block(&mut self, block: &NewBlock<'_>) {
        let NewBlock {
            link,
            parent,
            txids,
            bytes,
        } = block;
        let record = LinkRecord::encode(link, parent, txids);
        let row = BlockRow {
            id: link.id,
            parent: *parent,
            height: link.height,
            work: link.work,
            link: self.push(Kind::Link, &[&record]),
            body: self.push(Kind::Body, &[&link.id.0, bytes]),
        };
        self.batch.blocks.push(row);
        self.batch.push_txs(txids.iter().map(prefix));
    }

    pub(super) fn put_undo(&mut self, id: &BlockId, bytes: &[u8]) {
        let undo = self.push(Kind::Undo, &[&id.0, bytes]);
        self.batch.undos.push(UndoRow { id: *id, undo });
    }
}

/// The segment that commits go to.
#[derive(Debug)]
pub(super) struct OpenSegment {
    pub(super) segment: Arc<SegmentFile>,
    pub(super) contents: Contents,
    /// Length of the file.
    length: u64,
    /// Up to where zeros have been written since the file was opened.
    zeroed: u64,
}

impl OpenSegment {
    /// A segment without commits.
    pub(super) fn empty(segment: Arc<SegmentFile>) -> Self {
        Self {
            length: segment.header.length,
            contents: Contents::empty(segment.header.first_commit),
            zeroed: PAGE,
            segment,
        }
    }

    /// A segment that was read, with the length of its file.
    pub(super) fn scanned(segment: Arc<SegmentFile>, scan: Scan, length: u64) -> Self {
        Self {
            segment,
            length,
            zeroed: scan.contents.end,
            contents: scan.contents,
        }
    }

    pub(super) fn number(&self) -> u32 {
        self.segment.header.number
    }

    /// Whether the next commit goes to another segment.
    pub(super) fn is_full(&self, settings: &Settings) -> bool {
        self.contents.blocks.len() as u64 >= u64::from(settings.segment_blocks)
            || self.contents.end >= settings.segment_bytes
    }

    /// Writes what is pending, closed by a tip, and makes it durable.
    pub(super) fn write(
        &mut self,
        pending: Pending,
        tip: Tip,
        settings: &Settings,
    ) -> io::Result<Commit> {
        let Pending {
            mut buffer,
            mut batch,
        } = pending;
        let start = self.contents.end;
        let records = buffer.len() as u64 + (RECORD_FRAME + TipRecord::PAYLOAD) as u64;
        let end = page_up(start + records);
        // Zeros ahead begin behind this commit even if it is longer than what was prepared.
        let prepared = self.zeroed.max(end);
        let zeros = match prepared - end < settings.zeroed_ahead {
            true => settings.zero_step,
            false => 0,
        };
        let file = &self.segment.file;
        if prepared + zeros > self.length {
            let length = page_up(prepared + zeros + settings.allocate_step);
            file.allocate(length)?;
            self.length = length;
        }
        let tip = TipRecord {
            tip,
            length: self.length,
        };
        push_record(&mut buffer, Kind::Tip, &[&tip.encode()]);
        seal(&mut buffer, self.contents.next_commit, self.segment.seed);
        buffer.resize(usize::try_from(end - start).expect("in memory"), 0);
        file.write_at(start, &buffer)?;
        write_zeros(&self.segment, prepared, prepared + zeros)?;
        file.sync()?;
        self.zeroed = prepared + zeros;
        batch.place(start);
        batch.number(self.contents.blocks.len());
        Ok(Commit { batch, tip, end })
    }
}

/// Writes zeros from one offset to another.
pub(super) fn write_zeros(segment: &SegmentFile, from: u64, upto: u64) -> io::Result<()> {
    static ZEROS: [u8; 1 << 18] = [0; 1 << 18];
    let mut from = from;
    while from < upto {
        let n = (upto - from).min(ZEROS.len() as u64);
        let zeros = &ZEROS[..usize::try_from(n).expect("at most the array")];
        segment.file.write_at(from, zeros)?;
        from += n;
    }
    Ok(())
}

/// The name of a segment while it is made.
fn new_name(number: u32) -> String {
    format!("{}.new", segment_name(number))
}

/// Makes a segment under a name of its own; [`publish`] gives it the one by which it counts.
pub(super) fn prepare(
    disk: &dyn Disk,
    genesis: &BlockId,
    number: u32,
    first_commit: u64,
    settings: &Settings,
) -> io::Result<SegmentFile> {
    let name = new_name(number);
    remove_if_there(disk, &name)?;
    let file = disk.open(&name, OpenMode::Create)?;
    let header = SegmentHeader {
        genesis: *genesis,
        number,
        first_commit,
        length: page_up(PAGE + settings.allocate_step),
        // The keys of a fresh hasher are random.
        salt: RandomState::new().build_hasher().finish(),
    };
    file.allocate(header.length)?;
    let mut page = header.encode();
    page.resize(usize::try_from(PAGE).expect("small"), 0);
    file.write_at(0, &page)?;
    let seed = header.seed();
    Ok(SegmentFile { file, header, seed })
}

/// Makes a prepared segment durable, first its contents and then its name, and opens it by that.
pub(super) fn publish(disk: &dyn Disk, segment: SegmentFile) -> io::Result<SegmentFile> {
    let name = segment_name(segment.header.number);
    segment.file.sync()?;
    disk.rename(&new_name(segment.header.number), &name)?;
    disk.sync()?;
    let file = disk.open(&name, OpenMode::Existing)?;
    Ok(SegmentFile { file, ..segment })
}
