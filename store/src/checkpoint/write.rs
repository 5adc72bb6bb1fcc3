//! Writing the next checkpoint: a memtable as a file of rows, and then that file, the indexes and the headers since the last checkpoint in one transaction.

use super::rows::{remove_others, write_rows};
use super::tables::{DUE, HEADERS, IDS, META, NAMES, ROWS, RUNS, SEGMENT, TIP, height_key};
use super::{Base, Checkpoint, begin, failed};
use crate::failed::StorageFailed;
use crate::memtable::Memtable;
use crate::runs::Runs;
use crate::tip::Tip;
use parity_scale_codec::Encode;
use redb::WriteTransaction;
use sapwood_primitives::{Height, SealedHeader};
use std::sync::Arc;

/// What a checkpoint is to hold beyond the one before it.
pub(crate) struct Job {
    /// The checkpoint before.
    pub(crate) base: Arc<Base>,
    /// The block whose state the rows then are.
    pub(crate) tip: Tip,
    pub(crate) memtable: Arc<Memtable>,
    /// Number of the log's first segment that is needed once this checkpoint is written.
    pub(crate) first_segment: u32,
    /// Number of rows of the state.
    pub(crate) rows: usize,
    /// Height of the last block that the branches of both checkpoints have in common.
    pub(crate) fork: Height,
    /// The headers above it, rising.
    pub(crate) headers: Vec<SealedHeader>,
}

impl Checkpoint {
    /// Writes a checkpoint and gives it to read. When this returns, it survives a loss of power.
    pub(crate) fn write(&self, job: &Job) -> Result<Base, StorageFailed> {
        let (disk, old) = (&*self.disk, job.base.runs());
        let runs = write_rows(disk, &self.genesis, old, &job.memtable, job.rows)?;
        // What redb did to the file when it opened it waited until now.
        let let_go = self.file.let_go();
        let_go.map_err(|e| failed("opening the checkpoint for writing", e))?;
        let transaction = begin(self.database())?;
        write_runs(&transaction, &runs, job.rows)?;
        write_index(&transaction, &job.memtable)?;
        write_headers(&transaction, job)?;
        write_tip(&transaction, job.tip, job.first_segment)?;
        transaction
            .commit()
            .map_err(|e| failed("committing a checkpoint", e))?;
        remove_others(disk, &runs)?;
        self.base(runs)
    }
}

/// Lists the runs whose rows are the state, and the number of those rows.
pub(super) fn write_runs(
    transaction: &WriteTransaction,
    runs: &Runs,
    rows: usize,
) -> Result<(), StorageFailed> {
    let write = || {
        let rows = (rows as u64).to_le_bytes();
        transaction
            .open_table(META)?
            .insert(ROWS, rows.as_slice())?;
        let mut table = transaction.open_table(RUNS)?;
        table.retain(|_, _| false)?;
        for (number, listed) in runs.listed() {
            table.insert(number, listed.encode().as_slice())?;
        }
        Ok::<_, redb::Error>(())
    };
    write().map_err(|e| failed("listing files of rows", e))
}

/// Names the block whose state the rows are, and the log's first segment that is needed.
pub(super) fn write_tip(
    transaction: &WriteTransaction,
    tip: Tip,
    first_segment: u32,
) -> Result<(), StorageFailed> {
    let row = (tip.height, tip.id, tip.state_root).encode();
    let write = || {
        let mut meta = transaction.open_table(META)?;
        meta.insert(TIP, row.as_slice())?;
        meta.insert(SEGMENT, first_segment.to_le_bytes().as_slice())?;
        Ok::<_, redb::Error>(())
    };
    write().map_err(|e| failed("writing the tip", e))
}

fn write_index(transaction: &WriteTransaction, memtable: &Memtable) -> Result<(), StorageFailed> {
    let write = || {
        let mut due = transaction.open_table(DUE)?;
        for ((height, key), there) in &memtable.due {
            let key = height_key(*height, &key.0);
            match there {
                true => due.insert(&key, ())?,
                false => due.remove(&key)?,
            };
        }
        let mut names = transaction.open_table(NAMES)?;
        for (name, there) in &memtable.names {
            match there {
                true => names.insert(name.as_str(), ())?,
                false => names.remove(name.as_str())?,
            };
        }
        Ok::<_, redb::Error>(())
    };
    write().map_err(|e| failed("writing an index", e))
}

/// Replaces the headers above the fork.
fn write_headers(transaction: &WriteTransaction, job: &Job) -> Result<(), StorageFailed> {
    let old = job.base.tip().height;
    let write = || {
        let mut headers = transaction.open_table(HEADERS)?;
        let mut ids = transaction.open_table(IDS)?;
        for height in job.fork.get() + 1..=old.get() {
            let gone = headers.remove(height)?.map(|row| row.value().to_vec());
            // A header that cannot be read has an id that nobody can ask for.
            let gone =
                gone.and_then(|row| sapwood_primitives::codec::read::<SealedHeader>(&row).ok());
            if let Some(header) = gone {
                ids.remove(&header.id().0)?;
            }
        }
        for header in &job.headers {
            let height = header.header.height.get();
            headers.insert(height, header.encode().as_slice())?;
            ids.insert(&header.id().0, height)?;
        }
        Ok::<_, redb::Error>(())
    };
    write().map_err(|e| failed("writing headers", e))
}
