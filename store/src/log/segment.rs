//! One segment file: its header, reading records, and the rows that say where they are.

use super::format::{
    BadHeader, CHECKSUM, Kind, PAGE, RECORD_HEAD, Reason, RecordHead, SegmentHeader, fits,
};
use super::open::OpenLog;
use crate::disk::DiskFile;
use crate::{StorageFailed, Tip};
use parity_scale_codec::{Decode, Encode};
use sapwood_primitives::codec::Wire;
use sapwood_primitives::work::Work;
use sapwood_primitives::{BlockId, Height};
use std::io;
use std::sync::Arc;

/// An open segment.
#[derive(Debug)]
pub(super) struct SegmentFile {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) header: SegmentHeader,
    /// Of the checksums in it.
    pub(super) seed: u64,
}

/// Where a record stands in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Span {
    /// Of the record's first byte from the start of the file.
    pub(super) offset: u64,
    /// Bytes of the payload.
    pub(super) length: u32,
}

impl Span {
    /// The same record after its buffer came to stand at `base`.
    pub(super) fn moved(self, base: u64) -> Self {
        Self {
            offset: self.offset + base,
            ..self
        }
    }
}

/// A block in a segment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct BlockRow {
    pub(super) id: BlockId,
    pub(super) parent: BlockId,
    pub(super) height: Height,
    pub(super) work: Work,
    pub(super) link: Span,
    pub(super) body: Span,
}

/// An undo record in a segment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct UndoRow {
    pub(super) id: BlockId,
    pub(super) undo: Span,
}

/// A transaction of a segment: part of its id, which of the segment's blocks has it, and its place there. Ordered as the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TxRow {
    pub(super) prefix: u64,
    pub(super) block: u32,
    pub(super) index: u32,
}

/// What a segment holds, in the order written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Contents {
    pub(super) blocks: Vec<BlockRow>,
    pub(super) undos: Vec<UndoRow>,
    /// The last tip, none if there is no commit.
    pub(super) tip: Option<Tip>,
    /// Greatest height of a tip in the segment.
    pub(super) top_tip: Height,
    /// Number of the commit after the last one.
    pub(super) next_commit: u64,
    /// Where that commit goes.
    pub(super) end: u64,
}

impl Wire for Contents {
    /// A hundred times what the blocks of a segment take; one with more is scanned again.
    const MAX_BYTES: usize = 32 << 20;
}

impl Contents {
    /// Whether a block is in the segment.
    pub(super) fn has(&self, id: &BlockId) -> bool {
        self.blocks.iter().any(|row| row.id == *id)
    }

    /// Those of a segment without commits.
    pub(super) fn empty(first_commit: u64) -> Self {
        Self {
            next_commit: first_commit,
            end: PAGE,
            ..Self::default()
        }
    }
}

/// Why a record could not be read.
#[derive(Debug)]
pub(super) enum Unread {
    Io(io::Error),
    /// The bytes are not a record of this segment.
    Bad(Reason),
}

/// The name of a segment's file.
pub(super) fn segment_name(number: u32) -> String {
    format!("{number:08}.seg")
}

impl SegmentFile {
    /// Opens a segment's file and checks its header.
    pub(super) fn open(
        file: Arc<dyn DiskFile>,
        number: u32,
        genesis: &BlockId,
    ) -> Result<Self, OpenLog> {
        let name = file.name().to_owned();
        let damaged = |reason: Reason| OpenLog::Damaged {
            file: name.clone(),
            offset: 0,
            reason,
        };
        if file.len().map_err(OpenLog::io)? < PAGE {
            return Err(damaged("the file is shorter than its header".into()));
        }
        let mut bytes = [0; SegmentHeader::BYTES];
        file.read_at(0, &mut bytes).map_err(OpenLog::io)?;
        let header = match SegmentHeader::decode(&bytes) {
            Ok(header) => header,
            Err(BadHeader::Newer(found)) => return Err(OpenLog::NewerFormat { file: name, found }),
            Err(BadHeader::Damaged(reason)) => return Err(damaged(reason)),
        };
        if header.genesis != *genesis {
            return Err(OpenLog::OtherChain {
                file: name,
                found: header.genesis,
                expected: *genesis,
            });
        }
        if header.number != number {
            return Err(damaged(format!("it is segment {}", header.number)));
        }
        let seed = header.seed();
        Ok(Self { file, header, seed })
    }

    /// The record at an offset with its payload, given the length of the file.
    pub(super) fn record(&self, offset: u64, end: u64) -> Result<(RecordHead, Vec<u8>), Unread> {
        let short = || Unread::Bad("the file ends inside a record".into());
        if offset + (RECORD_HEAD + CHECKSUM) as u64 > end {
            return Err(short());
        }
        let mut head = [0; RECORD_HEAD];
        self.file.read_at(offset, &mut head).map_err(Unread::Io)?;
        let head =
            RecordHead::decode(&head).ok_or_else(|| Unread::Bad("no record begins here".into()))?;
        if end - offset < head.record_bytes() {
            return Err(short());
        }
        let mut bytes = vec![0; usize::try_from(head.record_bytes()).map_err(|_| short())?];
        self.file.read_at(offset, &mut bytes).map_err(Unread::Io)?;
        let payload = self.payload(head, bytes)?;
        Ok((head, payload))
    }

    /// The payload of a record that is known to be there.
    pub(super) fn read(&self, kind: Kind, span: Span) -> Result<Vec<u8>, StorageFailed> {
        let whole = RECORD_HEAD + CHECKSUM;
        let length = usize::try_from(span.length).map_err(|e| self.failed(span, e))?;
        let mut bytes = vec![0; whole + length];
        self.file
            .read_at(span.offset, &mut bytes)
            .map_err(|e| self.failed(span, e))?;
        let head = bytes.first_chunk().and_then(RecordHead::decode);
        let head = head.filter(|head| head.kind == kind && head.length == span.length);
        let head = head.ok_or_else(|| self.failed(span, "damaged: another record"))?;
        match self.payload(head, bytes) {
            Ok(payload) => Ok(payload),
            Err(Unread::Bad(reason)) => Err(self.failed(span, format!("damaged: {reason}"))),
            Err(Unread::Io(error)) => Err(self.failed(span, error)),
        }
    }

    fn payload(&self, head: RecordHead, mut record: Vec<u8>) -> Result<Vec<u8>, Unread> {
        if record.first_chunk().and_then(RecordHead::decode) != Some(head)
            || !fits(&record, self.seed)
        {
            return Err(Unread::Bad("a record's checksum does not fit".into()));
        }
        record.truncate(record.len() - CHECKSUM);
        record.drain(..RECORD_HEAD);
        Ok(record)
    }

    /// A failure to read what should be at a place.
    pub(super) fn failed(&self, span: Span, reason: impl ToString) -> StorageFailed {
        let name = self.file.name();
        let attempt = format!("reading {name} at byte {}", span.offset);
        StorageFailed::new(attempt, reason)
    }
}
