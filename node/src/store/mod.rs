//! The store on disk: one redb file that holds the state, the main chain's headers and a window of blocks.
//!
//! [`RedbStore`] answers the traits of [`crate::chain::storage`]; [`RedbStore::open`] finds, makes or refuses the file. It decides no rule of the chain, but recognises
//! damage where it meets it.
//!
//! # Tables
//!
//! Hashes are 32 raw bytes, heights as keys are big-endian so that they rise, and values are in the encoding of specs/01. *Window* means the blocks at the last `kept`
//! heights (specs/chains), which the chain prunes in the transaction that adds a block. *Sealed* values end with the first 8 bytes of the double SHA-256 over key and
//! value, so that rot is noticed when they are read.
//!
//! | table | key | value | holds |
//! |---|---|---|---|
//! | `meta` | `schema` | u32 little-endian | number of this layout, 1 |
//! | | `genesis` | id of the genesis block | which chain the file belongs to |
//! | | `tip` | height u64, id, state root | end of the main chain |
//! | `rows` | key of the leaf (specs/04 §1) | the leaf | the state after the tip, nothing else |
//! | `due` | height ‖ key of a leaf | – | which leaves have due work when; follows from `rows` |
//! | `names` | name as text | – | names that have a leaf, for listing; follows from `rows` |
//! | `headers` | height u64 | sealed header, 161 bytes | main chain from genesis on, kept for ever |
//! | `ids` | block id | height u64 | the same headers by id |
//! | `links` | block id | [`Link`](sapwood_runtime::Link) | what a child needs; sealed; window, side branches included |
//! | `blocks` | block id | the block | sealed; window, side branches included |
//! | `by_height` | height ‖ block id | – | what `links` and `blocks` hold, so that it can be pruned |
//! | `undo` | block id | [`Undo`](sapwood_runtime::Undo) | sealed; window, main chain only |
//! | `txs` | transaction id | height u64, index u32 | window, main chain only; the coinbase is index 0 |
//!
//! # What makes a commit atomic
//!
//! A block, or a whole reorg, is one write transaction: rows, indexes, headers, undo records, tip and pruning stand or fall together. redb writes changed pages beside the
//! old ones and makes them current by one byte of the file's header. Every commit here is durable before it returns ([`Durability::Immediate`]), in two phases, so that
//! even chosen contents cannot make a torn commit look whole, and stores the allocator's state with it, so that opening after a crash takes no walk through the file.
//! A file that exists under its final name has been complete at least once: it is made under another name and moved.

mod edit;
mod open;
mod read;
mod remove;
mod tables;
#[cfg(test)]
mod tests;

pub use open::OpenStore;
pub use remove::IdleStore;

use crate::chain::storage::{Abort, Index, IndexRow, Rows, StorageFailed, Store, View, Work};
use edit::RedbEdit;
use redb::{Database, Durability, ReadableDatabase, WriteTransaction};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{Hash, Name};
use std::sync::Arc;
use tables::{EditTables, ViewTables, split_height_key};

/// Number of the layout above. A file with a higher one is refused; when it rises, opening migrates older files in one transaction.
pub const SCHEMA: u32 = 1;

/// Bytes of pages that redb keeps in memory. The tree is in memory anyway, so rows are read for the leaves of a block only; more would gain little.
const CACHE_BYTES: usize = 64 << 20;

/// A store in a redb file, held exclusively while it is open.
pub struct RedbStore {
    database: Database,
    rules: Consensus,
}

impl RedbStore {
    fn read(&self) -> Result<ViewTables, StorageFailed> {
        let transaction = self
            .database
            .begin_read()
            .map_err(|e| failed("starting to read", e))?;
        ViewTables::open(&transaction)
    }

    /// A transaction that is durable when it commits.
    fn begin(&self) -> Result<WriteTransaction, StorageFailed> {
        let fail = |e: &dyn std::fmt::Display| failed("starting to write", e);
        let mut transaction = self.database.begin_write().map_err(|e| fail(&e))?;
        transaction
            .set_durability(Durability::Immediate)
            .map_err(|e| fail(&e))?;
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(true);
        Ok(transaction)
    }
}

impl Store for RedbStore {
    fn rows(&self) -> Result<Rows, StorageFailed> {
        let rows = self
            .read()?
            .rows
            .range_owned::<&[u8; 32]>(..)
            .map_err(|e| failed("reading rows", e))?;
        Ok(Box::new(rows.map(|row| {
            let (key, value) = row.map_err(|e| failed("reading rows", e))?;
            Ok((Hash(*key.value()), value.value().to_vec()))
        })))
    }

    fn index(&self) -> Result<Index, StorageFailed> {
        let view = self.read()?;
        let due = view
            .due
            .range_owned::<&[u8; 40]>(..)
            .map_err(|e| failed("reading due", e))?;
        let names = view
            .names
            .range_owned::<&str>(..)
            .map_err(|e| failed("reading names", e))?;
        let due = due.map(|row| {
            let (key, _) = row.map_err(|e| failed("reading due", e))?;
            let (height, key) = split_height_key(key.value());
            Ok(IndexRow::Due(height, key))
        });
        let names = names.map(|row| {
            let (name, _) = row.map_err(|e| failed("reading names", e))?;
            let name: Name = name
                .value()
                .parse()
                .map_err(|e| read::damaged("names", e))?;
            Ok(IndexRow::Name(name))
        });
        Ok(Box::new(due.chain(names)))
    }

    fn view(&self) -> Result<Arc<dyn View>, StorageFailed> {
        Ok(Arc::new(self.read()?))
    }

    fn write(&self, work: Work<'_>) -> Result<(), Abort> {
        let transaction = self.begin()?;
        let mut edit = RedbEdit {
            tables: EditTables::open(&transaction)?,
            rules: &self.rules,
        };
        let done = work(&mut edit);
        drop(edit);
        match done {
            Ok(()) => transaction
                .commit()
                .map_err(|e| failed("committing", e).into()),
            Err(abort) => {
                transaction
                    .abort()
                    .map_err(|e| failed("taking a transaction back", e))?;
                Err(abort)
            }
        }
    }
}

/// A failure that redb reports.
fn failed(attempt: impl Into<String>, reason: impl std::fmt::Display) -> StorageFailed {
    StorageFailed::new(attempt, reason)
}
