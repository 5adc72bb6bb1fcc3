//! Rows in sorted files. A *run* is a file of rows by rising key that is written once and never changed; the checkpoint lists the runs whose rows together are its state.
//!
//! The oldest run of a list, the base, has all rows of an earlier state; each later one, a delta, has the rows that differ from those before it. So the newest run that
//! knows a key has its row, or says that it is gone. Keys are hashes and lie evenly, so a run needs little in memory: where each block begins, and for a delta a map of the
//! keys that it has.
//!
//! # File
//!
//! A run is called `NNNNNNNN.rows`, by its number in at least eight decimal digits. Integers are little-endian; checksums are XXH3-64 with a seed.
//!
//! | bytes | field |
//! |---|---|
//! | 8 | `SAPWROW` and a zero |
//! | 4 | format number, 1 |
//! | 4 | number of the run |
//! | 32 | id of the chain's genesis block |
//! | 8 | salt, random |
//! | 8 | checksum over the 56 bytes before, with seed 0: the *seed of the run* |
//!
//! Then blocks of rows, 4,096 bytes or one row each, and behind each a checksum over its rows with the seed of the run plus the block's offset. A row is:
//!
//! | bytes | field |
//! |---|---|
//! | 32 | key of the leaf (specs/04 §1) |
//! | 4 | length n; 0 if the row is gone |
//! | n | the leaf, in the encoding of specs/01 |
//!
//! Then the index: for each block the first eight bytes of its first key, and its offset as u64; then the map, as words of eight bytes: the key space in as many equal
//! parts as there are bits, the lowest bit of the first word for the first one, with a one where there is a row. A base has no map, since it has nearly every row that is
//! asked for. At the end of the file:
//!
//! | bytes | field |
//! |---|---|
//! | 8 | number of rows |
//! | 8 | number of blocks |
//! | 8 | number of words in the map |
//! | 8 | where the blocks end |
//! | 8 | checksum over the index, with the seed of the run |
//! | 8 | checksum over the 40 bytes before, with the seed of the run |
//!
//! The list has the last of these checksums, so it names one file and no other. What is checked when a run is opened is everything but the blocks; each of those is
//! checked whenever it is read.

mod format;
pub(crate) mod fuzzing;
mod merge;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use format::Trailer;
pub(crate) use merge::{Merge, Rows};
pub(crate) use write::RunWriter;

use crate::disk::DiskFile;
use crate::failed::StorageFailed;
use format::Index;
use parity_scale_codec::{Decode, Encode};
use sapwood_primitives::codec::Wire;
use sapwood_primitives::{BlockId, Hash};
use std::io;
use std::sync::Arc;

/// A sorted file of rows, open for reading.
#[derive(Debug)]
pub(crate) struct Run {
    file: Arc<dyn DiskFile>,
    number: u32,
    seed: u64,
    index: Index,
    listed: Listed,
}

/// What a checkpoint says of a run besides its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Listed {
    /// Bytes of the file.
    pub(crate) length: u64,
    /// Rows, those that are gone included.
    pub(crate) rows: u64,
    /// Of the trailer.
    pub(crate) checksum: u64,
}

impl Wire for Listed {
    const MAX_BYTES: usize = 3 * 8;
}

/// The runs of one state, the oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Vec<Arc<Run>>);

/// Why a run cannot be opened.
#[derive(Debug)]
pub(crate) enum OpenRun {
    Missing,
    Damaged(String),
    OtherChain(BlockId),
    Newer(u32),
    Io(io::Error),
}

/// Why rows of a run cannot be read.
#[derive(Debug)]
pub(crate) struct RunFault {
    /// Name of the file.
    pub(crate) file: String,
    /// Bytes from its start.
    pub(crate) offset: u64,
    pub(crate) why: Why,
}

/// What is the matter with a run.
#[derive(Debug)]
pub(crate) enum Why {
    /// It is not what was written.
    Damaged(&'static str),
    Io(io::Error),
}

impl From<RunFault> for StorageFailed {
    fn from(fault: RunFault) -> Self {
        let attempt = format!("reading {} at byte {}", fault.file, fault.offset);
        match fault.why {
            Why::Damaged(reason) => Self::new(attempt, format!("damaged: {reason}")),
            Why::Io(error) => Self::new(attempt, error),
        }
    }
}

/// The name of a run's file.
pub(crate) fn run_name(number: u32) -> String {
    format!("{number:08}.rows")
}

/// The number of the run that has this name, if one has.
pub(crate) fn run_number(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".rows")?.parse().ok()?;
    (run_name(number) == name).then_some(number)
}

impl Runs {
    pub(crate) fn new(oldest_first: Vec<Arc<Run>>) -> Self {
        Self(oldest_first)
    }

    /// The oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Run>> {
        self.0.iter()
    }

    /// The runs as they are listed, with their numbers.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (u32, Listed)> {
        self.0.iter().map(|run| (run.number, run.listed))
    }

    /// The encoded leaf under a key.
    pub(crate) fn row(&self, key: &Hash) -> Result<Option<Vec<u8>>, RunFault> {
        for run in self.0.iter().rev() {
            if let Some(row) = run.row(key)? {
                return Ok(row);
            }
        }
        Ok(None)
    }

    /// The rows from one key to another, both included, by rising key.
    pub(crate) fn between(&self, first: &Hash, last: &Hash) -> Rows {
        Box::new(Merge::of(&self.0, first, last))
    }
}
