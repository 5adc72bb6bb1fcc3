//! Finding, making or refusing the store's file.
//!
//! A file that is not plainly a store of this chain is refused with its path and what to do; nothing is ever deleted, repaired by guess or followed through a link. A new
//! store is made under [`NEW_FILE`] and moved to [`FILE`] when it holds the genesis, so a crash in between leaves nothing that looks like a store.

use super::edit::RedbEdit;
use super::tables::{EditTables, GENESIS, META, SCHEMA as SCHEMA_KEY};
use super::{CACHE_BYTES, RedbStore, SCHEMA, failed};
use crate::chain::storage::{Edit, StorageFailed};
use crate::contained::contained;
use parity_scale_codec::Encode;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageBackend, StorageError};
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use sapwood_primitives::chain::BadChain;
use sapwood_primitives::{BlockId, Chain};
use sapwood_runtime::{GenesisState, Undo, genesis};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The store's name in the data directory.
pub(super) const FILE: &str = "chain.redb";

/// The name of a store that is being made. What a crash leaves there is ours, and the next start begins it anew.
pub(super) const NEW_FILE: &str = ".chain.redb.new";

/// Why there is no store to work with. Everything on the disk is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenStore {
    /// The chain has no genesis to begin with.
    #[error(transparent)]
    Chain(#[from] BadChain),
    /// Another process has it.
    #[error("{}: another sapwood uses this directory; stop it, or give this one a data directory of its own", path.display())]
    Locked {
        /// The store's file.
        path: PathBuf,
    },
    /// A link, pipe, device, socket or directory.
    #[error("{} is a {kind}, not a regular file; move it away, or name another data directory", path.display())]
    NotAFile {
        /// What was to be opened.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// No bytes at all: the file was cut off, or made by something else.
    #[error("{} is empty; move it away to begin anew from the genesis, or restore a copy", path.display())]
    Empty {
        /// The store's file.
        path: PathBuf,
    },
    /// The file is not a store, or no longer one.
    #[error("{} is damaged or not a sapwood store ({reason}); move it away to begin anew, or restore a copy", path.display())]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What was found wrong.
        reason: String,
    },
    /// A store with another genesis.
    #[error("{} belongs to another chain (genesis {found}, not {expected}); name another data directory or the right chain", path.display())]
    OtherChain {
        /// The store's file.
        path: PathBuf,
        /// Genesis in the file.
        found: BlockId,
        /// Genesis of the chain asked for.
        expected: BlockId,
    },
    /// Written by a later release.
    #[error("{} has schema {found} and this program knows {SCHEMA}; use a newer sapwood", path.display())]
    NewerSchema {
        /// The store's file.
        path: PathBuf,
        /// Schema number in the file.
        found: u32,
    },
    /// The operating system refused or failed.
    #[error("cannot {attempt} {}: {source}", path.display())]
    Io {
        /// What was attempted, as a verb.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store failed once it was open.
    #[error("{}: {source}", path.display())]
    Failed {
        /// The store's file.
        path: PathBuf,
        /// What failed.
        source: StorageFailed,
    },
}

impl RedbStore {
    /// Where the store of a data directory is.
    pub fn file_in(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// Opens the store of `chain` in a data directory, or makes both. Directories are made for their owner only.
    ///
    /// # Errors
    /// [`OpenStore`] names the file and says what to do.
    pub fn open(directory: &Path, chain: &Chain) -> Result<Self, OpenStore> {
        let start = genesis(chain)?;
        prepare(directory)?;
        let path = Self::file_in(directory);
        match kind_of(&path)? {
            None => create(directory, chain, &start),
            Some(FileType::RegularFile) => open_existing(&path, chain, &start),
            Some(kind) => Err(OpenStore::NotAFile {
                kind: kind_name(kind),
                path,
            }),
        }
    }

    /// Opens, or makes, a store on a backend of the caller's: a disk that fails on purpose, or memory.
    ///
    /// # Errors
    /// [`OpenStore`], with `(backend)` for a path.
    pub fn on_backend(backend: impl StorageBackend, chain: &Chain) -> Result<Self, OpenStore> {
        let path = Path::new("(backend)");
        let start = genesis(chain)?;
        let new = backend.len().map_err(fault("look at", path))? == 0;
        let database = builder()
            .create_with_backend(backend)
            .map_err(|e| refusal(path, e))?;
        if new {
            return begin(database, chain, &start).map_err(|source| OpenStore::Failed {
                path: path.to_owned(),
                source,
            });
        }
        check_meta(&database, path, &start.link.id)?;
        Ok(Self {
            database,
            rules: chain.consensus.clone(),
        })
    }
}

/// Makes the data directory if it is missing, and warns if others may write to it.
fn prepare(directory: &Path) -> Result<(), OpenStore> {
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory);
    made.map_err(fault("create", directory))?;
    let mode = std::fs::metadata(directory)
        .map_err(fault("look at", directory))?
        .mode();
    if mode & 0o022 != 0 {
        tracing::warn!(directory = %directory.display(), "other users may write to the data directory; run: chmod 700");
    }
    Ok(())
}

/// What a path is, without following it.
pub(super) fn kind_of(path: &Path) -> Result<Option<FileType>, OpenStore> {
    match rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(fault("look at", path)(errno.into())),
    }
}

fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::Symlink => "symbolic link",
        FileType::Directory => "directory",
        FileType::Fifo => "pipe",
        FileType::Socket => "socket",
        _ => "device",
    }
}

/// Opens a regular file for reading and writing. The kind is asked of the open file again, since the path may have changed since it was looked at.
pub(super) fn open_regular(path: &Path, more: OFlags) -> Result<File, OpenStore> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | more;
    let file = rustix::fs::openat(CWD, path, flags, Mode::RUSR | Mode::WUSR);
    let file = file.map_err(|errno| fault("open", path)(errno.into()))?;
    let stat = rustix::fs::fstat(&file).map_err(|errno| fault("look at", path)(errno.into()))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(File::from(file)),
        kind => Err(OpenStore::NotAFile {
            path: path.to_owned(),
            kind: kind_name(kind),
        }),
    }
}

fn open_existing(path: &Path, chain: &Chain, start: &GenesisState) -> Result<RedbStore, OpenStore> {
    let file = open_regular(path, OFlags::empty())?;
    if file.metadata().map_err(fault("look at", path))?.len() == 0 {
        return Err(OpenStore::Empty {
            path: path.to_owned(),
        });
    }
    let damaged = |reason: String| OpenStore::Damaged {
        path: path.to_owned(),
        reason,
    };
    // redb can panic on a damaged file. Nothing of ours is under way yet, and on a panic nothing of it is used further.
    let opened = contained(|| {
        look(path, &start.link.id)?;
        let database = builder().create_file(file).map_err(|e| refusal(path, e))?;
        check_meta(&database, path, &start.link.id)?;
        Ok::<_, OpenStore>(database)
    });
    let database = opened.ok_or_else(|| damaged("its contents contradict each other".into()))??;
    Ok(RedbStore {
        database,
        rules: chain.consensus.clone(),
    })
}

/// Refuses what is not this chain's store before anything is written: opening for writing marks the file as open, and a file that is refused stays as it is. A store that must
/// be recovered first cannot be looked into; it is checked after that.
fn look(path: &Path, genesis: &BlockId) -> Result<(), OpenStore> {
    match builder().open_read_only(path) {
        Ok(database) => check_meta(&database, path, genesis),
        Err(DatabaseError::RepairAborted) => Ok(()),
        Err(error) => Err(refusal(path, error)),
    }
}

/// Checks that an open file is a store, of a layout that is known, of this chain.
fn check_meta(
    database: &impl ReadableDatabase,
    path: &Path,
    genesis: &BlockId,
) -> Result<(), OpenStore> {
    let damaged = |reason: String| OpenStore::Damaged {
        path: path.to_owned(),
        reason,
    };
    let transaction = database.begin_read().map_err(|e| damaged(e.to_string()))?;
    let meta = transaction
        .open_table(META)
        .map_err(|e| damaged(e.to_string()))?;
    let row = |key: &'static str| {
        let row = meta.get(key).map_err(|e| damaged(e.to_string()))?;
        row.map(|guard| guard.value().to_vec())
            .ok_or_else(|| damaged(format!("no {key}")))
    };
    let schema = row(SCHEMA_KEY)?;
    let schema: [u8; 4] = schema
        .try_into()
        .map_err(|_| damaged("the schema is no number".into()))?;
    match u32::from_le_bytes(schema) {
        SCHEMA => {}
        found if found > SCHEMA => {
            return Err(OpenStore::NewerSchema {
                path: path.to_owned(),
                found,
            });
        }
        found => return Err(damaged(format!("schema {found} was never used"))),
    }
    let found: [u8; 32] = row(GENESIS)?
        .try_into()
        .map_err(|_| damaged("the genesis is no id".into()))?;
    if found != genesis.0 {
        return Err(OpenStore::OtherChain {
            path: path.to_owned(),
            found: BlockId(found),
            expected: *genesis,
        });
    }
    Ok(())
}

/// Makes a store beside its place and moves it there.
fn create(directory: &Path, chain: &Chain, start: &GenesisState) -> Result<RedbStore, OpenStore> {
    let (new, path) = (directory.join(NEW_FILE), directory.join(FILE));
    if let Some(kind) = kind_of(&new)?.filter(|kind| !kind.is_file()) {
        return Err(OpenStore::NotAFile {
            path: new,
            kind: kind_name(kind),
        });
    }
    let file = open_regular(&new, OFlags::CREATE)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(OpenStore::Locked { path }),
        Err(errno) => return Err(fault("lock", &new)(errno.into())),
    }
    file.set_len(0).map_err(fault("empty", &new))?;
    let database = builder().create_file(file).map_err(|e| refusal(&new, e))?;
    let store = begin(database, chain, start).map_err(|source| OpenStore::Failed {
        path: new.clone(),
        source,
    })?;
    // Without replacing: whoever was faster holds a store in use.
    match rustix::fs::renameat_with(CWD, &new, CWD, &path, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Err(OpenStore::Locked { path }),
        Err(errno) => return Err(fault("move into place", &new)(errno.into())),
    }
    let folder = File::open(directory).map_err(fault("open", directory))?;
    folder.sync_all().map_err(fault("sync", directory))?;
    Ok(store)
}

/// Writes layout number, chain and genesis into an empty database.
fn begin(
    database: Database,
    chain: &Chain,
    start: &GenesisState,
) -> Result<RedbStore, StorageFailed> {
    let store = RedbStore {
        database,
        rules: chain.consensus.clone(),
    };
    let transaction = store.begin()?;
    let mut edit = RedbEdit {
        tables: EditTables::open(&transaction)?,
        rules: &store.rules,
    };
    let rows: [(&str, &[u8]); 2] = [
        (SCHEMA_KEY, &SCHEMA.to_le_bytes()),
        (GENESIS, &start.link.id.0),
    ];
    for (key, value) in rows {
        let inserted = edit.tables.meta.insert(key, value).map(drop);
        inserted.map_err(|e| failed("writing meta", e))?;
    }
    edit.set_leaves(&[(start.leaf.key(), Some(start.leaf.clone()))])?;
    edit.put_block(&start.link, &start.block.encode())?;
    edit.join(
        &start.link,
        &start.block.header,
        &Undo::default(),
        &start.block.txids(),
    )?;
    drop(edit);
    transaction
        .commit()
        .map_err(|e| failed("committing the genesis", e))?;
    Ok(store)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// What a refusal of redb to open a file means.
fn refusal(path: &Path, error: DatabaseError) -> OpenStore {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenStore::Locked { path },
        DatabaseError::Storage(StorageError::Io(source))
            if source.kind() != io::ErrorKind::InvalidData =>
        {
            OpenStore::Io {
                attempt: "open",
                path,
                source,
            }
        }
        other => OpenStore::Damaged {
            path,
            reason: other.to_string(),
        },
    }
}

/// Names what was attempted when the system refuses.
pub(super) fn fault<'p>(
    attempt: &'static str,
    path: &'p Path,
) -> impl Fn(io::Error) -> OpenStore + use<'p> {
    move |source| OpenStore::Io {
        attempt,
        path: path.to_owned(),
        source,
    }
}
