//! Opening a checkpoint, or saying why it is none of ours.

use super::read::{Base, Foreign, check_meta, runs};
use super::{Checkpoint, FILE, builder, failed};
use crate::contained::contained;
use crate::disk::{Backend, Disk, Held, OpenMode};
use crate::failed::StorageFailed;
use crate::runs::{OpenRun, Run, Runs, run_name};
use redb::{DatabaseError, ReadTransaction, ReadableDatabase, StorageError};
use sapwood_primitives::BlockId;
use std::io;
use std::sync::Arc;

/// Why a file cannot be used as a part of a checkpoint. Nothing of it was changed.
#[derive(Debug)]
pub(crate) struct OpenCheckpoint {
    /// The file's name.
    pub(crate) file: String,
    pub(crate) why: Refusal,
}

/// What is the matter with a file.
#[derive(Debug)]
pub(crate) enum Refusal {
    Damaged(String),
    OtherChain(BlockId),
    Newer(u32),
    Io(io::Error),
    Failed(StorageFailed),
}

impl From<Refusal> for OpenCheckpoint {
    fn from(why: Refusal) -> Self {
        Self {
            file: FILE.to_owned(),
            why,
        }
    }
}

impl From<StorageFailed> for OpenCheckpoint {
    fn from(failed: StorageFailed) -> Self {
        Refusal::Failed(failed).into()
    }
}

impl Checkpoint {
    /// Opens a checkpoint that exists, and gives the last committed state. Nothing is written before the first [`write`](Self::write).
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        genesis: &BlockId,
    ) -> Result<(Self, Base), OpenCheckpoint> {
        let file = disk.open(FILE, OpenMode::Existing).map_err(Refusal::Io)?;
        // redb would make a database of its own of an empty file.
        if file.len().map_err(Refusal::Io)? == 0 {
            return Err(Refusal::Damaged("it is empty".into()).into());
        }
        // redb can panic on a damaged file. Nothing of ours is under way yet, and on a panic nothing of it is used further.
        let file = Arc::new(Held::new(file));
        let opened = contained(|| {
            let backend = Backend(Arc::<Held>::clone(&file));
            let database = builder().create_with_backend(backend).map_err(refusal)?;
            let transaction = database
                .begin_read()
                .map_err(|e| Refusal::Damaged(e.to_string()))?;
            check_meta(&transaction, genesis).map_err(|foreign| match foreign {
                Foreign::Damaged(reason) => Refusal::Damaged(reason),
                Foreign::OtherChain(found) => Refusal::OtherChain(found),
                Foreign::Newer(found) => Refusal::Newer(found),
            })?;
            let base = Base::open(&transaction, open_runs(&**disk, &transaction, genesis)?)?;
            drop(transaction);
            let checkpoint = Self {
                disk: Arc::clone(disk),
                genesis: *genesis,
                database: Some(database),
                file: Arc::clone(&file),
            };
            Ok((checkpoint, base))
        });
        opened.unwrap_or_else(|| {
            Err(Refusal::Damaged("its contents contradict each other".into()).into())
        })
    }

    /// The last committed state, whose rows are in these runs.
    pub(super) fn base(&self, runs: Runs) -> Result<Base, StorageFailed> {
        let transaction = self
            .database()
            .begin_read()
            .map_err(|e| failed("starting to read", e))?;
        Base::open(&transaction, runs)
    }
}

/// Opens the files of rows that a checkpoint lists.
fn open_runs(
    disk: &dyn Disk,
    transaction: &ReadTransaction,
    genesis: &BlockId,
) -> Result<Runs, OpenCheckpoint> {
    let open = |(number, listed)| {
        let run = Run::open(disk, number, genesis, listed);
        run.map(Arc::new).map_err(|error| OpenCheckpoint {
            file: run_name(number),
            why: match error {
                OpenRun::Missing => Refusal::Damaged(format!("it is missing, and {FILE} names it")),
                OpenRun::Damaged(reason) => Refusal::Damaged(reason),
                OpenRun::OtherChain(found) => Refusal::OtherChain(found),
                OpenRun::Newer(found) => Refusal::Newer(found),
                OpenRun::Io(source) => Refusal::Io(source),
            },
        })
    };
    let runs = runs(transaction)?.into_iter().map(open);
    Ok(Runs::new(runs.collect::<Result<_, _>>()?))
}

/// What a refusal of redb to open a file means.
pub(super) fn refusal(error: DatabaseError) -> Refusal {
    match error {
        DatabaseError::Storage(StorageError::Io(source))
            if source.kind() != io::ErrorKind::InvalidData =>
        {
            Refusal::Io(source)
        }
        other => Refusal::Damaged(other.to_string()),
    }
}
