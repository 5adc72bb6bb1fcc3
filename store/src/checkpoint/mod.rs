//! The checkpoint: one redb file that holds the rows of one state, the indexes that follow from them, and the headers up to its block.
//!
//! It follows the log. A background thread writes what a [`Memtable`](crate::memtable::Memtable) holds in one transaction, with the block whose state the rows then are; so
//! the file is always a whole state, of a block that the log knows.
//!
//! # Tables
//!
//! Hashes are 32 raw bytes, heights as keys are big-endian so that they rise, and values are in the encoding of specs/01.
//!
//! | table | key | value | holds |
//! |---|---|---|---|
//! | `meta` | `schema` | u32 little-endian | number of this layout, 2 |
//! | | `genesis` | id of the genesis block | which chain the file belongs to |
//! | | `tip` | height u64, id, state root | the block whose state the rows are |
//! | `rows` | key of the leaf (specs/04 §1) | the leaf | the state, nothing else |
//! | `due` | height ‖ key of a leaf | – | which leaves have due work when; follows from `rows` |
//! | `names` | name as text | – | names that have a leaf, for listing; follows from `rows` |
//! | `headers` | height u64 | sealed header, 161 bytes | the branch that the tip ends, from genesis on, kept for ever |
//! | `ids` | block id | height u64 | the same headers by id |
//!
//! # What makes a commit atomic
//!
//! redb writes changed pages beside the old ones and makes them current by one byte of the file's header. Every commit here is durable before it returns
//! ([`Durability::Immediate`]), in two phases, so that even chosen contents cannot make a torn commit look whole, and stores the allocator's state with it, so that opening
//! after a crash takes no walk through the file.

mod bulk;
mod read;
mod tables;
mod write;

pub(crate) use bulk::Bulk;
pub(crate) use read::Rows;
pub(crate) use read::{Base, damaged};
pub(crate) use write::Job;

use crate::contained::contained;
use crate::disk::{Backend, DiskFile, Held};
use crate::failed::StorageFailed;
use crate::open::CHECKPOINT;
use read::{Foreign, check_meta};
use redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase, StorageError, WriteTransaction,
};
use sapwood_primitives::BlockId;
use std::io;
use std::sync::Arc;

/// Number of the layout above. A file with a higher one is refused.
pub(crate) const SCHEMA: u32 = 2;

/// Bytes of pages that redb keeps in memory. The tree is in memory anyway, so rows are read for the leaves of a block only; more would gain little.
const CACHE_BYTES: usize = 64 << 20;

/// Why a file cannot be used as a checkpoint. Nothing of it was changed, but what redb itself mends after a crash.
#[derive(Debug)]
pub(crate) enum OpenCheckpoint {
    Damaged(String),
    OtherChain(BlockId),
    Newer(u32),
    Io(io::Error),
    Failed(StorageFailed),
}

impl From<StorageFailed> for OpenCheckpoint {
    fn from(failed: StorageFailed) -> Self {
        Self::Failed(failed)
    }
}

/// The file of checkpoints, open for writing.
pub(crate) struct Checkpoint {
    /// There is one until the end.
    database: Option<Database>,
    file: Arc<Held>,
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        // redb writes when it is closed too, and can panic on a damaged file. What was committed is not touched by that.
        let database = self.database.take();
        let _ = contained(|| drop(database));
    }
}

impl Checkpoint {
    fn database(&self) -> &Database {
        self.database.as_ref().expect("there is one until the end")
    }

    /// Opens an existing file. Nothing is written to it before the first [`write`](Self::write).
    pub(crate) fn open(file: Arc<dyn DiskFile>, genesis: &BlockId) -> Result<Self, OpenCheckpoint> {
        // redb would make a database of its own of an empty file.
        if file.len().map_err(OpenCheckpoint::Io)? == 0 {
            return Err(OpenCheckpoint::Damaged("it is empty".into()));
        }
        // redb can panic on a damaged file. Nothing of ours is under way yet, and on a panic nothing of it is used further.
        let file = Arc::new(Held::new(file));
        let opened = contained(|| {
            let backend = Backend(Arc::<Held>::clone(&file));
            let database = builder().create_with_backend(backend).map_err(refusal)?;
            let transaction = database
                .begin_read()
                .map_err(|e| OpenCheckpoint::Damaged(e.to_string()))?;
            check_meta(&transaction, genesis).map_err(|foreign| match foreign {
                Foreign::Damaged(reason) => OpenCheckpoint::Damaged(reason),
                Foreign::OtherChain(found) => OpenCheckpoint::OtherChain(found),
                Foreign::Newer(found) => OpenCheckpoint::Newer(found),
            })?;
            drop(transaction);
            Ok(Self {
                database: Some(database),
                file: Arc::clone(&file),
            })
        });
        opened.unwrap_or_else(|| {
            Err(OpenCheckpoint::Damaged(
                "its contents contradict each other".into(),
            ))
        })
    }

    /// The last committed state.
    pub(crate) fn base(&self) -> Result<Base, StorageFailed> {
        let transaction = self
            .database()
            .begin_read()
            .map_err(|e| failed("starting to read", e))?;
        Base::open(&transaction)
    }
}

/// A transaction that is durable when it commits.
fn begin(database: &Database) -> Result<WriteTransaction, StorageFailed> {
    let fail = |e: &dyn std::fmt::Display| failed("starting to write", e);
    let mut transaction = database.begin_write().map_err(|e| fail(&e))?;
    transaction
        .set_durability(Durability::Immediate)
        .map_err(|e| fail(&e))?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    Ok(transaction)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// What a refusal of redb to open a file means.
fn refusal(error: DatabaseError) -> OpenCheckpoint {
    match error {
        DatabaseError::Storage(StorageError::Io(source))
            if source.kind() != io::ErrorKind::InvalidData =>
        {
            OpenCheckpoint::Io(source)
        }
        other => OpenCheckpoint::Damaged(other.to_string()),
    }
}

/// A failure that redb reports.
fn failed(attempt: impl Into<String>, reason: impl std::fmt::Display) -> StorageFailed {
    let attempt = attempt.into();
    StorageFailed::new(format!("{attempt} in {CHECKPOINT}"), reason)
}
