//! Finding out what a segment holds by reading it.

use super::format::{
    Kind, LinkRecord, PAGE, RECORD_HEAD, RecordHead, TipRecord, page_up, split_id,
};
use super::segment::{BlockRow, Contents, SegmentFile, Span, TxRow, UndoRow, Unread};
use std::io;

/// What is gathered for, or from, one commit.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) blocks: Vec<BlockRow>,
    pub(super) undos: Vec<UndoRow>,
    /// With numbers of blocks that count from the first of the batch.
    pub(super) txs: Vec<TxRow>,
}

impl Batch {
    /// Adds a block's transactions; the block is the last of the batch.
    pub(super) fn push_txs(&mut self, prefixes: impl Iterator<Item = u64>) {
        let block =
            u32::try_from(self.blocks.len() - 1).expect("blocks of a commit fit into memory");
        self.txs
            .extend((0..).zip(prefixes).map(|(index, prefix)| TxRow {
                prefix,
                block,
                index,
            }));
    }

    /// Gives rows that were made in a buffer their places in the file.
    pub(super) fn place(&mut self, base: u64) {
        for row in &mut self.blocks {
            row.link = row.link.moved(base);
            row.body = row.body.moved(base);
        }
        for row in &mut self.undos {
            row.undo = row.undo.moved(base);
        }
    }

    /// Numbers the blocks behind those that the segment has.
    pub(super) fn number(&mut self, blocks: usize) {
        let first = u32::try_from(blocks).expect("blocks of a segment fit into memory");
        for row in &mut self.txs {
            row.block += first;
        }
    }
}

/// A whole commit.
pub(super) struct Commit {
    pub(super) batch: Batch,
    pub(super) tip: TipRecord,
    /// Where the next one goes.
    pub(super) end: u64,
}

/// What a scan found.
pub(super) struct Scan {
    pub(super) contents: Contents,
    /// Sorted.
    pub(super) txs: Vec<TxRow>,
    /// Where the last whole commit begins, if there is one.
    pub(super) last_commit: Option<u64>,
    /// Length of the file with the last commit.
    pub(super) length: u64,
    /// Length of the file with the commit before, which surely is durable.
    pub(super) durable_length: u64,
    /// Why reading ended: where no commit is, and what is there instead.
    pub(super) stopped: Option<(u64, String)>,
}

/// Reads commits from the start of a segment until one is not whole, or until the one numbered `until` would come.
pub(super) fn scan(segment: &SegmentFile, until: Option<u64>) -> io::Result<Scan> {
    let file_end = segment.file.len()?;
    let mut found = Scan {
        contents: Contents::empty(segment.header.first_commit),
        txs: Vec::new(),
        last_commit: None,
        length: segment.header.length,
        durable_length: segment.header.length,
        stopped: None,
    };
    while until != Some(found.contents.next_commit) {
        let contents = &mut found.contents;
        let mut commit = match read_commit(segment, contents.end, contents.next_commit, file_end) {
            Ok(commit) => commit,
            Err((_, Unread::Io(error))) => return Err(error),
            Err((offset, Unread::Bad(reason))) => {
                found.stopped = Some((offset, reason));
                break;
            }
        };
        commit.batch.number(contents.blocks.len());
        found.last_commit = Some(contents.end);
        found.durable_length = std::mem::replace(&mut found.length, commit.tip.length);
        found.txs.append(&mut commit.batch.txs);
        contents.add(commit);
    }
    found.txs.sort_unstable();
    Ok(found)
}

impl Contents {
    /// Adds what a commit brought.
    pub(super) fn add(&mut self, commit: Commit) {
        let Commit { batch, tip, end } = commit;
        self.blocks.extend(batch.blocks);
        self.undos.extend(batch.undos);
        self.tip = Some(tip.tip);
        self.top_tip = self.top_tip.max(tip.tip.height);
        self.next_commit += 1;
        self.end = end;
    }
}

/// Reads one commit. An error comes with the offset of the record that is none.
fn read_commit(
    segment: &SegmentFile,
    start: u64,
    number: u64,
    file_end: u64,
) -> Result<Commit, (u64, Unread)> {
    let mut batch = Batch::default();
    // The id of a block whose link has come, and whose body must be the next record.
    let mut open = None;
    let mut offset = start;
    loop {
        let (head, payload) = segment.record(offset, file_end).map_err(|e| (offset, e))?;
        let bad = |reason: String| (offset, Unread::Bad(reason));
        if head.commit != number {
            return Err(bad(format!(
                "a record of commit {} where {number} was due",
                head.commit
            )));
        }
        if open.is_some() != (head.kind == Kind::Body) {
            return Err(bad("a link without its body".into()));
        }
        let span = Span {
            offset,
            length: head.length,
        };
        match head.kind {
            Kind::Link => {
                let record = LinkRecord::decode(&payload).map_err(bad)?;
                open = Some(record.link.id);
                batch.blocks.push(BlockRow {
                    id: record.link.id,
                    parent: record.parent,
                    height: record.link.height,
                    work: record.link.work,
                    link: span,
                    body: span,
                });
                batch.push_txs(record.prefixes.into_iter());
            }
            Kind::Body => {
                let (id, _) = split_id(&payload).map_err(bad)?;
                match (open.take(), batch.blocks.last_mut()) {
                    (Some(expected), Some(row)) if expected == id => row.body = span,
                    _ => return Err(bad("the body of another block".into())),
                }
            }
            Kind::Undo => {
                let (id, _) = split_id(&payload).map_err(bad)?;
                batch.undos.push(UndoRow { id, undo: span });
            }
            Kind::Tip => {
                let tip = TipRecord::decode_payload(&payload).map_err(bad)?;
                let end = page_up(offset + head.record_bytes());
                return Ok(Commit { batch, tip, end });
            }
        }
        offset += head.record_bytes();
    }
}

/// What stands behind the last whole commit of the last segment.
pub(super) enum Tail {
    /// Zeros only.
    Clean,
    /// Parts of a commit that was being written, up to this offset.
    Torn(u64),
    /// A whole record of a later commit, at this offset: it was only written after the commit before it was durable.
    Later(u64),
}

/// Bytes looked at at once; a multiple of the page.
const CHUNK: u64 = 1 << 20;

/// Looks at everything from `start` on, where commit `due` should be. Later commits begin at borders of pages, so only those are tried.
pub(super) fn tail(segment: &SegmentFile, start: u64, due: u64) -> io::Result<Tail> {
    let file_end = segment.file.len()?;
    let mut torn = None;
    let mut chunk = Vec::new();
    let mut offset = start;
    while offset < file_end {
        let length = CHUNK.min(file_end - offset);
        chunk.resize(usize::try_from(length).expect("a mebibyte"), 0);
        segment.file.read_at(offset, &mut chunk)?;
        for (page, bytes) in (0..).zip(chunk.chunks(usize::try_from(PAGE).expect("small"))) {
            let at = offset + page * PAGE;
            if bytes.iter().any(|byte| *byte != 0) {
                torn = Some(at + bytes.len() as u64);
            }
            let head = bytes
                .first_chunk::<RECORD_HEAD>()
                .and_then(RecordHead::decode);
            if head.is_some_and(|head| head.commit > due) {
                match segment.record(at, file_end) {
                    Ok(_) => return Ok(Tail::Later(at)),
                    Err(Unread::Bad(_)) => {}
                    Err(Unread::Io(error)) => return Err(error),
                }
            }
        }
        offset += length;
    }
    Ok(torn.map_or(Tail::Clean, Tail::Torn))
}
