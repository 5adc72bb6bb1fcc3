//! Making a log, and finding out at start what one holds.

use super::files::Found;
use super::format::Reason;
use super::index::{Index, Txs};
use super::reader::Reader;
use super::scan::{Scan, Tail, scan, tail};
use super::sealed::{self, index_name};
use super::segment::{Contents, SegmentFile, TxRow, segment_name};
use super::settings::Settings;
use super::txs::{Runs, Table};
use super::write::{OpenSegment, Pending, prepare, publish, write_zeros};
use super::{Log, NewBlock};
use crate::checkpoint::FILE as CHECKPOINT;
use crate::disk::{Disk, OpenMode};
use crate::{StorageFailed, Tip};
use sapwood_primitives::BlockId;
use std::io;
use std::sync::Arc;

/// Why a log was not opened or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenLog {
    /// The disk has no log; one can be made.
    #[error("there is no block log")]
    Absent,
    /// The disk has a log already, so none was made.
    #[error("there is a block log already")]
    Exists,
    /// The log belongs to another chain.
    #[error(
        "{file} belongs to the chain with genesis {found}, not {expected}; use another data directory"
    )]
    OtherChain {
        /// Name of the file.
        file: String,
        /// Genesis id in the file.
        found: BlockId,
        /// Genesis id asked for.
        expected: BlockId,
    },
    /// A newer program wrote the log.
    #[error(
        "{file} has format {found}, which this version does not know; use the version that wrote it"
    )]
    NewerFormat {
        /// Name of the file.
        file: String,
        /// Format number in the file.
        found: u32,
    },
    /// A file of the log is gone.
    #[error("{} is missing; restore it, or reset the node and synchronise again", segment_name(*.number))]
    MissingSegment {
        /// Number of the segment.
        number: u32,
    },
    /// A file is not what was written. Nothing of it was changed.
    #[error(
        "{file} is damaged at byte {offset}: {reason}; check the disk, then reset the node and synchronise again"
    )]
    Damaged {
        /// Name of the file.
        file: String,
        /// Bytes from its start.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The system refuses.
    #[error(transparent)]
    Failed(#[from] StorageFailed),
}

/// What a checkpoint says of the log that it follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    /// Its block: without it the log's end is damaged, not torn.
    pub(crate) block: BlockId,
    /// Number of the first segment that was not given up: only those before it may be gone.
    pub(crate) segment: u32,
}

impl OpenLog {
    /// An error of the disk.
    pub(super) fn io(error: io::Error) -> Self {
        Self::Failed(StorageFailed::new("opening the block log", error))
    }

    fn damaged(segment: &SegmentFile, offset: u64, reason: impl Into<Reason>) -> Self {
        Self::Damaged {
            file: segment.file.name().to_owned(),
            offset,
            reason: reason.into(),
        }
    }
}

impl Log {
    /// Makes a log that begins with one block: the genesis, or the base of an imported snapshot, whose bytes may be empty. Interrupted, it leaves no log or a whole one.
    ///
    /// # Errors
    /// [`OpenLog::Exists`] or [`OpenLog::Failed`].
    pub fn create(
        disk: Arc<dyn Disk>,
        genesis: BlockId,
        base: &NewBlock<'_>,
        settings: Settings,
    ) -> Result<Self, OpenLog> {
        let found = Found::on(&*disk).map_err(OpenLog::io)?;
        if !found.segments.is_empty() || !found.indexes.is_empty() {
            return Err(OpenLog::Exists);
        }
        begin(&*disk, &genesis, base, &settings).map_err(OpenLog::io)?;
        Self::open(disk, genesis, settings)
    }

    /// Opens the log of a chain. What was being written when the last process ended is cut off; everything that a commit acknowledged is there.
    ///
    /// # Errors
    /// [`OpenLog`] says what is wrong and where. Nothing is changed on the disk before every check has passed.
    pub fn open(
        disk: Arc<dyn Disk>,
        genesis: BlockId,
        settings: Settings,
    ) -> Result<Self, OpenLog> {
        Self::open_with(disk, genesis, settings, None)
    }

    /// As [`open`](Self::open), for a log that surely has what a checkpoint names.
    pub(crate) fn open_with(
        disk: Arc<dyn Disk>,
        genesis: BlockId,
        settings: Settings,
        named: Option<Named>,
    ) -> Result<Self, OpenLog> {
        let found = Found::on(&*disk).map_err(OpenLog::io)?;
        let last = found.last()?;
        if let (Some(named), Some(first)) = (named, found.segments.first())
            && *first > named.segment
        {
            return Err(OpenLog::MissingSegment { number: first - 1 });
        }
        let segments = open_segments(&*disk, &found.segments, &genesis)?;
        let mut sealed = Vec::new();
        for pair in segments.windows(2) {
            sealed.push(read_sealed(&*disk, &pair[0], &pair[1])?);
        }
        let segment = segments
            .last()
            .ok_or(OpenLog::MissingSegment { number: last })?;
        let (mut scan, torn) = read_last(segment)?;
        let before = sealed.last().and_then(|sealed| sealed.contents.tip);
        let tip = scan.contents.tip.or(before);
        let tip = tip.ok_or_else(|| OpenLog::damaged(segment, 0, "no tip is in the log"))?;
        let has = |block: &BlockId| {
            scan.contents.has(block) || sealed.iter().any(|sealed| sealed.contents.has(block))
        };
        if let Some(block) = named.map(|named| named.block).filter(|block| !has(block)) {
            let reason = format!("block {block}, which {CHECKPOINT} names, is missing");
            return Err(OpenLog::damaged(segment, scan.contents.end, reason));
        }

        found.tidy(&*disk).map_err(OpenLog::io)?;
        settle(segment, &scan, torn).map_err(OpenLog::io)?;
        disk.sync().map_err(OpenLog::io)?;

        let mut index = Index::new(tip);
        for sealed in sealed {
            sealed.add_to(&mut index, &*disk);
        }
        let mut runs = Runs::default();
        runs.push(std::mem::take(&mut scan.txs));
        index.add_segment(segment.clone(), &scan.contents, Txs::Open(runs));
        let length = segment.file.len().map_err(OpenLog::io)?;
        Ok(Self {
            disk,
            settings,
            genesis,
            reader: Arc::new(Reader::new(index)),
            open: OpenSegment::scanned(segment.clone(), scan, length),
            pending: Pending::default(),
            failed: None,
            keep_from: u32::MAX,
        })
    }
}

/// Makes the first segment with the first commit in it.
fn begin(
    disk: &dyn Disk,
    genesis: &BlockId,
    base: &NewBlock<'_>,
    settings: &Settings,
) -> io::Result<()> {
    let mut open = OpenSegment::empty(Arc::new(prepare(disk, genesis, 0, 1, settings)?));
    let mut pending = Pending::default();
    pending.put_block(base);
    let tip = Tip {
        height: base.link.height,
        id: base.link.id,
        state_root: base.link.state_root,
    };
    open.write(pending, tip, settings)?;
    let segment = Arc::into_inner(open.segment).expect("nobody else has it yet");
    publish(disk, segment).map(drop)
}

fn open_segments(
    disk: &dyn Disk,
    numbers: &[u32],
    genesis: &BlockId,
) -> Result<Vec<Arc<SegmentFile>>, OpenLog> {
    let open = |number: &u32| {
        let file = disk.open(&segment_name(*number), OpenMode::Existing);
        let file = file.map_err(OpenLog::io)?;
        SegmentFile::open(file, *number, genesis).map(Arc::new)
    };
    numbers.iter().map(open).collect()
}

/// A sealed segment and what it holds.
struct Sealed {
    segment: Arc<SegmentFile>,
    contents: Contents,
    txs: Transactions,
}

/// Transactions of a sealed segment: those of its index file, or rows for a new one.
enum Transactions {
    Table(Table),
    Rows(Vec<TxRow>),
}

fn read_sealed(
    disk: &dyn Disk,
    segment: &Arc<SegmentFile>,
    next: &SegmentFile,
) -> Result<Sealed, OpenLog> {
    let until = next.header.first_commit;
    let reason = match sealed::read(disk, segment) {
        Ok((contents, table)) if contents.next_commit == until => {
            return Ok(Sealed {
                segment: segment.clone(),
                contents,
                txs: Transactions::Table(table),
            });
        }
        Ok(_) => "it ends at another commit".into(),
        Err(reason) => reason,
    };
    tracing::warn!(
        file = index_name(segment.header.number),
        reason,
        "an index file is made again from its segment"
    );
    let scan = scan(segment, Some(until)).map_err(OpenLog::io)?;
    match scan.stopped {
        None => Ok(Sealed {
            segment: segment.clone(),
            contents: scan.contents,
            txs: Transactions::Rows(scan.txs),
        }),
        Some((offset, reason)) => Err(OpenLog::damaged(segment, offset, reason)),
    }
}

impl Sealed {
    /// Adds the segment to an index, and makes its index file if it has none. That only saves time, so a disk that refuses it is no reason not to start.
    fn add_to(self, index: &mut Index, disk: &dyn Disk) {
        let Self {
            segment,
            contents,
            txs,
        } = self;
        let table = match txs {
            Transactions::Table(table) => table,
            Transactions::Rows(rows) => sealed::write(disk, &segment, &contents, &rows)
                .unwrap_or_else(|error| {
                    tracing::warn!(%error, "an index file could not be written");
                    Table::in_memory(segment.clone(), contents.next_commit, rows)
                }),
        };
        index.add_segment(segment, &contents, Txs::Sealed(Arc::new(table)));
    }
}

/// Reads the segment that may end in the middle of a commit, and says up to where what follows the last whole one has to be cut off.
fn read_last(segment: &SegmentFile) -> Result<(Scan, Option<u64>), OpenLog> {
    let scan = scan(segment, None).map_err(OpenLog::io)?;
    let (stopped, reason) = scan.stopped.clone().unwrap_or_default();
    if segment.file.len().map_err(OpenLog::io)? < scan.durable_length {
        let had = scan.durable_length;
        let reason = format!("the file is shorter than the {had} bytes it had");
        return Err(OpenLog::damaged(segment, stopped, reason));
    }
    let (end, due) = (scan.contents.end, scan.contents.next_commit);
    match tail(segment, end, due).map_err(OpenLog::io)? {
        Tail::Clean => Ok((scan, None)),
        Tail::Torn(upto) => Ok((scan, Some(upto))),
        Tail::Later(later) => {
            let reason = format!("{reason}, but byte {later} begins a later commit");
            Err(OpenLog::damaged(segment, stopped, reason))
        }
    }
}

/// Makes sure that what was found is durable, and that nothing else is there: not before this may anybody rely on the last tip, and not before this may more be written.
fn settle(segment: &SegmentFile, scan: &Scan, torn: Option<u64>) -> io::Result<()> {
    let end = scan.contents.end;
    if let Some(upto) = torn {
        tracing::info!(
            file = segment.file.name(),
            offset = end,
            bytes = upto - end,
            "cutting off a commit that was not completed"
        );
        write_zeros(segment, end, upto)?;
    }
    segment.file.allocate(scan.length)?;
    // A sync that failed may have left the commit readable and yet not on the disk, and a later sync passes over it. Writing it again brings it there.
    if let Some(start) = scan.last_commit {
        let mut bytes = vec![0; usize::try_from(end - start).expect("was read into memory")];
        segment.file.read_at(start, &mut bytes)?;
        segment.file.write_at(start, &bytes)?;
    }
    segment.file.sync()
}
