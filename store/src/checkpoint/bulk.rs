//! Making a checkpoint from nothing: rows in the order of their keys, so that the file's pages come out full.

use super::tables::{
    DUE, GENESIS, HEADERS, IDS, META, NAMES, ROWS, SCHEMA as SCHEMA_KEY, height_key,
};
use super::write::write_tip;
use super::{OpenCheckpoint, SCHEMA, begin, builder, failed, refusal};
use crate::disk::{Backend, DiskFile};
use crate::failed::StorageFailed;
use crate::index::{IndexRow, index_rows};
use crate::tip::Tip;
use parity_scale_codec::Encode;
use redb::{Database, WriteTransaction};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{BlockId, Hash, Leaf, SealedHeader};
use std::sync::Arc;

/// Rows between two commits: what a transaction holds in memory stays bounded.
const BATCH: usize = 250_000;

/// A checkpoint that is being made. It names its tip last: a file without one is refused when it is opened.
pub(crate) struct Bulk {
    database: Database,
    rules: Consensus,
    /// There is one between any two calls.
    transaction: Option<WriteTransaction>,
    pending: Vec<(Hash, Vec<u8>, Vec<IndexRow>)>,
}

impl Bulk {
    /// Begins in an empty file.
    pub(crate) fn begin(
        file: Arc<dyn DiskFile>,
        genesis: &BlockId,
        rules: &Consensus,
    ) -> Result<Self, OpenCheckpoint> {
        let database = builder()
            .create_with_backend(Backend(file))
            .map_err(refusal)?;
        let transaction = begin(&database)?;
        let write = || {
            let mut meta = transaction.open_table(META)?;
            meta.insert(SCHEMA_KEY, SCHEMA.to_le_bytes().as_slice())?;
            meta.insert(GENESIS, genesis.0.as_slice())?;
            transaction.open_table(ROWS)?;
            transaction.open_table(DUE)?;
            transaction.open_table(NAMES)?;
            transaction.open_table(HEADERS)?;
            transaction.open_table(IDS)?;
            Ok::<_, redb::Error>(())
        };
        write().map_err(|e| failed("making tables", e))?;
        Ok(Self {
            database,
            rules: rules.clone(),
            transaction: Some(transaction),
            pending: Vec::new(),
        })
    }

    /// Adds the next row; keys must rise.
    pub(crate) fn row(
        &mut self,
        key: Hash,
        leaf: &Leaf,
        value: Vec<u8>,
    ) -> Result<(), StorageFailed> {
        let index = index_rows(&self.rules, &key, leaf);
        self.pending.push((key, value, index));
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
        self.write_pending()?;
        write_tip(self.transaction(), tip)?;
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
            .map_err(|e| failed("committing rows", e))
    }

    fn transaction(&self) -> &WriteTransaction {
        self.transaction.as_ref().expect("there is one")
    }

    fn write_pending(&mut self) -> Result<(), StorageFailed> {
        let write = || {
            let mut rows = self.transaction().open_table(ROWS)?;
            let mut due = self.transaction().open_table(DUE)?;
            let mut names = self.transaction().open_table(NAMES)?;
            for (key, value, index) in &self.pending {
                rows.insert(&key.0, value.as_slice())?;
                for row in index {
                    match row {
                        IndexRow::Due(height, key) => {
                            due.insert(&height_key(*height, &key.0), ())?
                        }
                        IndexRow::Name(name) => names.insert(name.as_str(), ())?,
                    };
                }
            }
            Ok::<_, redb::Error>(())
        };
        write().map_err(|e| failed("writing rows", e))?;
        self.pending.clear();
        Ok(())
    }
}
