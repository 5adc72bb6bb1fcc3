//! Writing a run: rows in the order of their keys, in large pieces, one sync at the end.

use super::format::{
    BLOCK, CHECKSUM, HEADER, Header, Index, MAX_VALUE, Map, ROW_HEAD, Trailer, block_checksum,
    place, push_row,
};
use super::{Listed, Run, run_name};
use crate::disk::{Disk, DiskFile, OpenMode};
use sapwood_primitives::{BlockId, Hash};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::sync::Arc;

/// Bytes that are written at once.
const PIECE: usize = 1 << 20;

/// A run that is being made.
#[derive(Debug)]
pub(crate) struct RunWriter {
    file: Arc<dyn DiskFile>,
    number: u32,
    seed: u64,
    /// Not written yet.
    buffer: Vec<u8>,
    /// Where the buffer goes.
    written: u64,
    /// Where the open block begins in the buffer.
    block: usize,
    index: Index,
    rows: u64,
    last: Option<Hash>,
}

fn refused(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what.to_owned())
}

impl RunWriter {
    /// Begins a file that does not exist. With `mapped`, what is not in the run is known from memory; the number is the most rows that come.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn begin(
        disk: &dyn Disk,
        number: u32,
        genesis: &BlockId,
        mapped: Option<usize>,
    ) -> io::Result<Self> {
        let file = disk.open(&run_name(number), OpenMode::Create)?;
        let header = Header {
            number,
            genesis: *genesis,
            // The keys of a fresh hasher are random.
            salt: RandomState::new().build_hasher().finish(),
        };
        let buffer = header.encode();
        Ok(Self {
            file,
            number,
            seed: header.seed(),
            block: buffer.len(),
            buffer,
            written: 0,
            index: Index::new(mapped.map(Map::new).unwrap_or_default()),
            rows: 0,
            last: None,
        })
    }

    /// Adds the next row, or that there is none any more; keys rise.
    ///
    /// # Errors
    /// The disk's, and [`io::ErrorKind::InvalidInput`] for a row that cannot come here.
    pub(crate) fn push(&mut self, key: &Hash, value: Option<&[u8]>) -> io::Result<()> {
        if self.last.is_some_and(|last| last >= *key) {
            return Err(refused("the keys of rows do not rise"));
        }
        if value.is_some_and(|value| value.is_empty() || value.len() > MAX_VALUE) {
            return Err(refused("a row has a length that no leaf has"));
        }
        let length = ROW_HEAD + value.map_or(0, <[u8]>::len);
        let open = self.buffer.len() - self.block;
        if open > 0 && open + length > BLOCK {
            self.close_block()?;
        }
        let place = place(&key.0);
        if self.buffer.len() == self.block {
            self.index.places.push(place);
        }
        push_row(&mut self.buffer, &key.0, value);
        self.index.map.insert(place);
        self.rows += 1;
        self.last = Some(*key);
        Ok(())
    }

    /// Makes the run durable, but not its name, and gives it with what a checkpoint has to say of it.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn finish(mut self) -> io::Result<Run> {
        if self.buffer.len() > self.block {
            self.close_block()?;
        }
        let index = self.index.encode();
        let trailer = Trailer {
            rows: self.rows,
            blocks: self.index.places.len() as u64,
            words: ((index.len() - self.index.places.len() * 16) / 8) as u64,
            end: self.index.end(),
            index_checksum: Index::checksum(&index, self.seed),
        };
        for part in [index, trailer.encode_with(self.seed)] {
            self.buffer.extend_from_slice(&part);
            self.write()?;
        }
        self.file.sync()?;
        Ok(Run {
            listed: Listed {
                length: self.written,
                rows: self.rows,
                checksum: trailer.checksum(self.seed),
            },
            file: self.file,
            number: self.number,
            seed: self.seed,
            index: self.index,
        })
    }

    fn close_block(&mut self) -> io::Result<()> {
        let offset = self.written + self.block as u64;
        let checksum = block_checksum(&self.buffer[self.block..], self.seed, offset);
        self.buffer.extend_from_slice(&checksum.to_le_bytes());
        debug_assert!(self.buffer.len() - self.block > CHECKSUM && offset >= HEADER as u64);
        self.block = self.buffer.len();
        self.index
            .offsets
            .push(self.written + self.buffer.len() as u64);
        match self.buffer.len() < PIECE {
            true => Ok(()),
            false => self.write(),
        }
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.write_at(self.written, &self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.block = 0;
        Ok(())
    }
}
