//! Making a checkpoint from nothing: rows in the order of their keys, which become one run.

use super::tables::{
    DUE, GENESIS, HEADERS, IDS, META, NAMES, RUNS, SCHEMA as SCHEMA_KEY, height_key,
};
use super::write::{write_runs, write_tip};
use super::{FILE, OpenCheckpoint, Refusal, SCHEMA, begin, builder, failed};
use crate::disk::{Backend, Disk, OpenMode};
use crate::failed::StorageFailed;
use crate::index::{IndexRow, index_rows};
use crate::runs::{RunWriter, Runs, run_name};
use crate::tip::Tip;
use parity_scale_codec::Encode;
use redb::{Database, WriteTransaction};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{BlockId, Hash, Leaf, SealedHeader};
use std::io;
use std::sync::Arc;

/// Entries of the indexes between two commits: what a transaction holds in memory stays bounded.
const BATCH: usize = 250_000;

/// A checkpoint that is being made. It names its tip last: a file without one is refused when it is opened.
pub(crate) struct Bulk {
    disk: Arc<dyn Disk>,
    rules: Consensus,
    database: Database,
    /// There is one between any two calls.
    transaction: Option<WriteTransaction>,
    /// There is one until the end.
    rows: Option<RunWriter>,
    /// Rows so far.
    count: usize,
    pending: Vec<IndexRow>,
}

impl Bulk {
    /// Begins on a disk that has no checkpoint.
    pub(crate) fn begin(
        disk: &Arc<dyn Disk>,
        genesis: &BlockId,
        rules: &Consensus,
    ) -> Result<Self, OpenCheckpoint> {
        let file = disk.open(FILE, OpenMode::Create).map_err(Refusal::Io)?;
        let database = builder()
            .create_with_backend(Backend(file))
            .map_err(super::open::refusal)?;
        let rows = RunWriter::begin(&**disk, 0, genesis, None).map_err(rows_failed)?;
        let transaction = begin(&database)?;
        let write = || {
            let mut meta = transaction.open_table(META)?;
            meta.insert(SCHEMA_KEY, SCHEMA.to_le_bytes().as_slice())?;
            meta.insert(GENESIS, genesis.0.as_slice())?;
            transaction.open_table(RUNS)?;
            transaction.open_table(DUE)?;
            transaction.open_table(NAMES)?;
            transaction.open_table(HEADERS)?;
            transaction.open_table(IDS)?;
            Ok::<_, redb::Error>(())
        };
        write().map_err(|e| failed("making tables", e))?;
        Ok(Self {
            disk: Arc::clone(disk),
            rules: rules.clone(),
            database,
            transaction: Some(transaction),
            rows: Some(rows),
            count: 0,
            pending: Vec::new(),
        })
    }

    /// Adds the next row; keys must rise.
    pub(crate) fn row(
        &mut self,
        key: &Hash,
        leaf: &Leaf,
        value: &[u8],
    ) -> Result<(), StorageFailed> {
        let rows = self.rows.as_mut().expect("there is one until the end");
        rows.push(key, Some(value)).map_err(rows_failed)?;
        self.count += 1;
        self.pending.extend(index_rows(&self.rules, key, leaf));
        match self.pending.len() < BATCH {
            true => Ok(()),
            false => self.flush(),
        }
    }

    /// Adds headers, lowest first.
    pub(crate) fn headers(&mut self, headers: &[SealedHeader]) -> Result<(), StorageFailed> {
        let write = || {
            let mut table = self.transaction().open_table(HEADERS)?;
            let mut ids = self.transaction().open_table(IDS)?;
            for header in headers {
                let height = header.header.height.get();
                table.insert(height, header.encode().as_slice())?;
                ids.insert(&header.id().0, height)?;
            }
            Ok::<_, redb::Error>(())
        };
        write().map_err(|e| failed("writing headers", e))
    }

    /// Names the tip and makes all of it durable.
    pub(crate) fn finish(&mut self, tip: Tip) -> Result<(), StorageFailed> {
        let rows = self.rows.take().expect("there is one until the end");
        let run = rows.finish().map_err(rows_failed)?;
        self.disk.sync().map_err(rows_failed)?;
        self.write_pending()?;
        write_runs(
            self.transaction(),
            &Runs::new(vec![Arc::new(run)]),
            self.count,
        )?;
        // The log is made beside, and begins with its first segment.
        write_tip(self.transaction(), tip, 0)?;
        self.commit()
    }

    fn flush(&mut self) -> Result<(), StorageFailed> {
        self.write_pending()?;
        self.commit()?;
        self.transaction = Some(begin(&self.database)?);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StorageFailed> {
        let transaction = self.transaction.take().expect("there is one");
        transaction
            .commit()
            .map_err(|e| failed("committing a checkpoint", e))
    }

    fn transaction(&self) -> &WriteTransaction {
        self.transaction.as_ref().expect("there is one")
    }

    fn write_pending(&mut self) -> Result<(), StorageFailed> {
        let write = || {
            let mut due = self.transaction().open_table(DUE)?;
            let mut names = self.transaction().open_table(NAMES)?;
            for row in &self.pending {
                match row {
                    IndexRow::Due(height, key) => due.insert(&height_key(*height, &key.0), ())?,
                    IndexRow::Name(name) => names.insert(name.as_str(), ())?,
                };
            }
            Ok::<_, redb::Error>(())
        };
        write().map_err(|e| failed("writing an index", e))?;
        self.pending.clear();
        Ok(())
    }
}

fn rows_failed(error: io::Error) -> StorageFailed {
    StorageFailed::new(format!("writing {}", run_name(0)), error)
}
