//! The checkpoint: the rows of one state in sorted files, and one redb file that names them, with the indexes that follow from the rows and the headers up to their block.
//!
//! It follows the log. A background thread writes what a [`Memtable`](crate::memtable::Memtable) holds, with the block whose state the rows then are; so the checkpoint is
//! always a whole state, of a block that the log knows.
//!
//! # Tables
//!
//! Hashes are 32 raw bytes, heights as keys are big-endian so that they rise, and values are in the encoding of specs/01.
//!
//! | table | key | value | holds |
//! |---|---|---|---|
//! | `meta` | `schema` | u32 little-endian | number of this layout, 3 |
//! | | `genesis` | id of the genesis block | which chain the file belongs to |
//! | | `tip` | height u64, id, state root | the block whose state the rows are |
//! | | `rows` | u64 little-endian | number of rows of the state |
//! | | `segment` | u32 little-endian | number of the log's first segment that is needed: those before may be deleted, and no other |
//! | `runs` | number u32 | length u64, rows u64, checksum u64 | the files of rows ([`crate::runs`]), the oldest has the lowest number |
//! | `due` | height ‖ key of a leaf | – | which leaves have due work when; follows from the rows |
//! | `names` | name as text | – | names that have a leaf, for listing; follows from the rows |
//! | `headers` | height u64 | sealed header, 161 bytes | the branch that the tip ends, from genesis on, kept for ever |
//! | `ids` | block id | height u64 | the same headers by id |
//!
//! # What makes a commit atomic
//!
//! A file of rows is durable under its name before a commit of redb lists it, and files that are not listed any more are removed when that commit is durable: so are
//! those that a crash has left. Readers of an older checkpoint go on with the files that they have open.
//!
//! redb writes changed pages beside the old ones and makes them current by one byte of the file's header. Every commit here is durable before it returns
//! ([`Durability::Immediate`]), in two phases, so that even chosen contents cannot make a torn commit look whole, and stores the allocator's state with it, so that opening
//! after a crash takes no walk through the file.

mod bulk;
mod open;
mod read;
mod rows;
mod tables;
mod write;

pub(crate) use bulk::Bulk;
pub(crate) use open::{OpenCheckpoint, Refusal};
pub(crate) use read::{Base, damaged};
pub(crate) use write::Job;

use crate::contained::contained;
use crate::disk::{Disk, Held};
use crate::failed::StorageFailed;
use redb::{Builder, Database, Durability, WriteTransaction};
use sapwood_primitives::BlockId;
use std::sync::Arc;

/// The checkpoint's redb file in the store's directory.
pub(crate) const FILE: &str = "checkpoint.redb";

/// Number of the layout above. A file with a higher one is refused.
pub(crate) const SCHEMA: u32 = 3;

/// Bytes of pages that redb keeps in memory: what a commit changes of the indexes.
const CACHE_BYTES: usize = 16 << 20;

/// The checkpoint, open for writing.
pub(crate) struct Checkpoint {
    disk: Arc<dyn Disk>,
    genesis: BlockId,
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

/// A failure that redb reports.
fn failed(attempt: impl Into<String>, reason: impl std::fmt::Display) -> StorageFailed {
    let attempt = attempt.into();
    StorageFailed::new(format!("{attempt} in {FILE}"), reason)
}
