//! Reading a run: one row, or the rows of a range in their order.

use super::format::{
    BadHeader, CHECKSUM, HEADER, Header, Index, Reason, TRAILER, Trailer, block_checksum, next_row,
    place,
};
use super::{Listed, OpenRun, Run, RunFault, Why, run_name};
use crate::disk::{Disk, OpenMode};
use sapwood_primitives::{BlockId, Hash};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that are read at once where many rows are asked for.
const PIECE: u64 = 1 << 18;

impl Run {
    /// Opens a run that is listed so, and checks all of it but the blocks.
    pub(crate) fn open(
        disk: &dyn Disk,
        number: u32,
        genesis: &BlockId,
        listed: Listed,
    ) -> Result<Self, OpenRun> {
        let damaged = |reason: Reason| OpenRun::Damaged(reason.to_owned());
        let file = disk.open(&run_name(number), OpenMode::Existing);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OpenRun::Missing,
            _ => OpenRun::Io(error),
        })?;
        let length = file.len().map_err(OpenRun::Io)?;
        if length < (HEADER + TRAILER) as u64 {
            return Err(damaged("it is cut short"));
        }
        let mut header = [0; HEADER];
        file.read_at(0, &mut header).map_err(OpenRun::Io)?;
        let header = Header::decode(&header).map_err(|bad| match bad {
            BadHeader::Newer(found) => OpenRun::Newer(found),
            BadHeader::Damaged(reason) => damaged(reason),
        })?;
        if header.genesis != *genesis {
            return Err(OpenRun::OtherChain(header.genesis));
        }
        if header.number != number {
            let reason = format!("it is file {} of rows", header.number);
            return Err(OpenRun::Damaged(reason));
        }
        if length != listed.length {
            let reason = format!("it has {length} bytes and should have {}", listed.length);
            return Err(OpenRun::Damaged(reason));
        }
        let seed = header.seed();
        let mut trailer = [0; TRAILER];
        file.read_at(length - TRAILER as u64, &mut trailer)
            .map_err(OpenRun::Io)?;
        let trailer = Trailer::decode_with(&trailer, seed, length).map_err(damaged)?;
        if trailer.checksum(seed) != listed.checksum || trailer.rows != listed.rows {
            return Err(damaged("it is another file than the checkpoint names"));
        }
        let bytes = trailer.index_bytes().unwrap_or(u64::MAX);
        let bytes = usize::try_from(bytes).map_err(|_| damaged("the index is too long"))?;
        let mut index = vec![0; bytes];
        file.read_at(trailer.end, &mut index).map_err(OpenRun::Io)?;
        if Index::checksum(&index, seed) != trailer.index_checksum {
            return Err(damaged("the checksum of the index does not fit"));
        }
        Ok(Self {
            index: Index::decode(&index, &trailer).map_err(damaged)?,
            file,
            number,
            seed,
            listed,
        })
    }

    /// Its number.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Rows, those that are gone included.
    pub(crate) fn rows(&self) -> usize {
        usize::try_from(self.listed.rows).unwrap_or(usize::MAX)
    }

    /// What the run knows of a key: nothing, that its row is gone, or the row.
    pub(super) fn row(&self, key: &Hash) -> Result<Option<Option<Vec<u8>>>, RunFault> {
        let place = place(&key.0);
        if !self.index.map.may_hold(place, place) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        // Nearly always the first one that is looked at: only a key that begins as the first one of a block may also be in the block before.
        for block in self.blocks(place, place).rev() {
            self.read(block..block + 1, &mut bytes)?;
            let mut rows = &bytes[..bytes.len() - CHECKSUM];
            let mut may_be_before = true;
            while !rows.is_empty() {
                let row = next_row(&mut rows);
                let (found, value) = row.map_err(|reason| self.damaged(block, reason))?;
                if *found == key.0 {
                    return Ok(Some(value.map(<[u8]>::to_vec)));
                }
                if *found > key.0 {
                    break;
                }
                may_be_before = false;
            }
            if !may_be_before {
                break;
            }
        }
        Ok(None)
    }

    /// The blocks in which keys from one place to another can be.
    fn blocks(&self, first: u64, last: u64) -> Range<usize> {
        let places = &self.index.places;
        let from = places.partition_point(|place| *place < first);
        let upto = places.partition_point(|place| *place <= last);
        from.saturating_sub(1)..upto
    }

    /// Reads blocks with their checksums, and checks them.
    fn read(&self, blocks: Range<usize>, bytes: &mut Vec<u8>) -> Result<(), RunFault> {
        let offsets = &self.index.offsets[blocks.start..=blocks.end];
        let (start, end) = (offsets[0], offsets[offsets.len() - 1]);
        // Bounded by the longest block, or by the piece that was asked for.
        bytes.resize(
            usize::try_from(end - start).expect("blocks fit into memory"),
            0,
        );
        let read = self.file.read_at(start, bytes);
        read.map_err(|error| self.fault(start, Why::Io(error)))?;
        for (block, pair) in blocks.zip(offsets.windows(2)) {
            let place = |offset: u64| usize::try_from(offset - start).expect("within the bytes");
            let (rows, checksum) = bytes[place(pair[0])..place(pair[1])]
                .split_last_chunk::<CHECKSUM>()
                .expect("a block is longer than its checksum");
            if block_checksum(rows, self.seed, pair[0]) != u64::from_le_bytes(*checksum) {
                return Err(self.damaged(block, "the checksum of its rows does not fit"));
            }
        }
        Ok(())
    }

    fn fault(&self, offset: u64, why: Why) -> RunFault {
        RunFault {
            file: run_name(self.number),
            offset,
            why,
        }
    }

    fn damaged(&self, block: usize, reason: Reason) -> RunFault {
        self.fault(self.index.offsets[block], Why::Damaged(reason))
    }
}

/// Goes through the rows of a run from one key to another.
pub(super) struct Cursor {
    run: Arc<Run>,
    first: Hash,
    last: Hash,
    /// Blocks that are to be read yet.
    ahead: Range<usize>,
    /// Blocks that are in `bytes`, from the present one on.
    here: Range<usize>,
    bytes: Vec<u8>,
    /// Where `bytes` begins in the file.
    start: u64,
    /// Where the next row begins in `bytes`.
    next: usize,
    key: Option<Hash>,
    /// Where the value is in `bytes`; none if the row is gone.
    value: Option<Range<usize>>,
}

impl Cursor {
    /// Stands before the first row.
    pub(super) fn new(run: &Arc<Run>, first: &Hash, last: &Hash) -> Self {
        let (from, upto) = (place(&first.0), place(&last.0));
        let ahead = match run.index.map.may_hold(from, upto) {
            true => run.blocks(from, upto),
            false => 0..0,
        };
        Self {
            run: Arc::clone(run),
            first: *first,
            last: *last,
            ahead,
            here: 0..0,
            bytes: Vec::new(),
            start: 0,
            next: 0,
            key: None,
            value: None,
        }
    }

    /// The present row's key; none before the first row and behind the last one.
    pub(super) fn key(&self) -> Option<&Hash> {
        self.key.as_ref()
    }

    /// The present row's value; none if it is gone.
    pub(super) fn value(&self) -> Option<&[u8]> {
        self.value.clone().map(|range| &self.bytes[range])
    }

    /// Goes to the next row of the range, if there is one.
    pub(super) fn advance(&mut self) -> Result<(), RunFault> {
        let before = self.key.take();
        loop {
            let Some(end) = self.block_end() else {
                match self.refill()? {
                    true => continue,
                    false => return Ok(()),
                }
            };
            if self.next >= end {
                self.here.start += 1;
                self.next = end + CHECKSUM;
                continue;
            }
            let mut rows = &self.bytes[self.next..end];
            let row = next_row(&mut rows);
            let (key, value) = row.map_err(|reason| self.damaged(reason))?;
            let key = Hash(*key);
            let after = end - rows.len();
            self.value = value.map(|value| after - value.len()..after);
            self.next = after;
            if before.is_some_and(|before| before >= key) {
                return Err(self.damaged("the keys of rows do not rise"));
            }
            if key > self.last {
                (self.ahead, self.here) = (0..0, 0..0);
                return Ok(());
            }
            if key >= self.first {
                self.key = Some(key);
                return Ok(());
            }
        }
    }

    /// Where the present block's rows end in `bytes`, if one is there.
    fn block_end(&self) -> Option<usize> {
        let end = (!self.here.is_empty()).then(|| self.run.index.offsets[self.here.start + 1]);
        end.map(|end| usize::try_from(end - self.start).expect("within the bytes") - CHECKSUM)
    }

    /// Reads the next blocks, if any are left.
    fn refill(&mut self) -> Result<bool, RunFault> {
        if self.ahead.is_empty() {
            return Ok(false);
        }
        let (offsets, from) = (&self.run.index.offsets, self.ahead.start);
        let mut upto = from + 1;
        while upto < self.ahead.end && offsets[upto + 1] - offsets[from] <= PIECE {
            upto += 1;
        }
        self.run.read(from..upto, &mut self.bytes)?;
        (self.start, self.next) = (offsets[from], 0);
        (self.here, self.ahead.start) = (from..upto, upto);
        Ok(true)
    }

    fn damaged(&self, reason: Reason) -> RunFault {
        self.run.damaged(self.here.start, reason)
    }
}
