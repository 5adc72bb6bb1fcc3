//! Finding, making or refusing a store.
//!
//! A store is a directory: `checkpoint.redb` and the files of rows that it names (`*.rows`), the log's segments (`*.seg`) and their indexes (`*.idx`), and, after an end in good
//! order, `tree.cache`. The directory is locked while it is open. A new one is made under [`NEW_DIRECTORY`] and moved to [`DIRECTORY`] when it is whole, so a crash in between leaves nothing that looks like a store. What is
//! not plainly a store of this chain is refused with its path and what to do, and stays as it is; nothing is ever repaired by guess or followed through a link.

use crate::cache;
use crate::checkpoint::{self, Checkpoint, OpenCheckpoint, Refusal};
use crate::checkpointer::{Checkpointer, Checkpoints};
use crate::disk::{Disk, Folder};
use crate::failed::StorageFailed;
use crate::live::Live;
use crate::load::{Unfit, load};
use crate::lock::read;
use crate::log::{Log, Named, NewBlock, OpenLog, Settings};
use crate::new::NewStore;
use crate::replay::replay;
use crate::store::Store;
use crate::view::View;
use parity_scale_codec::Encode;
use rustix::fs::{AtFlags, CWD, FileType};
use rustix::io::Errno;
use sapwood_account_tree::Mode;
use sapwood_primitives::chain::BadChain;
use sapwood_primitives::{BlockId, Chain};
use sapwood_runtime::{GenesisState, genesis};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

/// The store's directory in the data directory.
pub(crate) const DIRECTORY: &str = "state";

/// The name of a store that is being made. What a crash leaves there is ours, and the next start begins it anew.
pub(crate) const NEW_DIRECTORY: &str = ".state.new";

/// How a store works.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether the tree keeps all hashes in memory, or reads rows again to save memory.
    pub mode: Mode,
    /// Rows that differ from the checkpoint when the next one is written.
    pub checkpoint_rows: usize,
    /// Blocks after which it is written in any case.
    pub checkpoint_blocks: u64,
    /// Who writes checkpoints.
    pub checkpoints: Checkpoints,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Fast,
            checkpoint_rows: 200_000,
            checkpoint_blocks: 1_000,
            checkpoints: Checkpoints::Beside,
        }
    }
}

/// Why there is no store to work with. Everything on the disk is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenStore {
    /// The chain has no genesis to begin with.
    #[error(transparent)]
    Chain(#[from] BadChain),
    /// Another process has it.
    #[error("{}: another sapwood uses this directory; stop it, or give this one a data directory of its own", path.display())]
    Locked {
        /// The store's directory.
        path: PathBuf,
    },
    /// A link, pipe, device or file where a directory is to be, or anything but a file where a file is to be.
    #[error("{} is a {kind}, which is not what a store has there; move it away, or name another data directory", path.display())]
    WrongKind {
        /// What was to be opened.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A part of the store is not what was written.
    #[error("{} is damaged ({reason}); move the store away to begin anew, or restore a copy", path.display())]
    Damaged {
        /// The file, or the store's directory if it is not known which.
        path: PathBuf,
        /// What was found wrong.
        reason: String,
    },
    /// A store with another genesis.
    #[error("{} belongs to another chain (genesis {found}, not {expected}); name another data directory or the right chain", path.display())]
    OtherChain {
        /// The file.
        path: PathBuf,
        /// Genesis in the file.
        found: BlockId,
        /// Genesis of the chain asked for.
        expected: BlockId,
    },
    /// Written by a later release.
    #[error("{} has format {found}, which this program does not know; use a newer sapwood", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Format number in the file.
        found: u32,
    },
    /// The block log is missing, damaged or another chain's.
    #[error("{}: {source}", path.display())]
    Log {
        /// The store's directory.
        path: PathBuf,
        /// What is wrong with the log.
        source: OpenLog,
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
        /// The store's directory.
        path: PathBuf,
        /// What failed.
        source: StorageFailed,
    },
}

impl Store {
    /// Where the store of a data directory is.
    pub fn directory_in(data: &Path) -> PathBuf {
        data.join(DIRECTORY)
    }

    /// Opens the store of `chain` in a data directory, or makes both. Directories are made for their owner only.
    ///
    /// # Errors
    /// [`OpenStore`] names the file and says what to do.
    pub fn open(data: &Path, chain: &Chain, config: Config) -> Result<Self, OpenStore> {
        prepare(data)?;
        let path = Self::directory_in(data);
        if kind_of(&path)?.is_none() {
            make::<_, OpenStore>(data, |disk, place| create(disk, place, chain))?;
        }
        let disk: Arc<dyn Disk> = Arc::new(lock(&path)?);
        check_kinds(&path)?;
        start(disk, &path, chain, config)
    }

    /// Makes the store of a data directory, which must not have one, by what `fill` gives it. Interrupted, it leaves none.
    ///
    /// # Errors
    /// [`OpenStore`], or what `fill` says.
    pub fn make<T, E: From<OpenStore>>(
        data: &Path,
        chain: &Chain,
        fill: impl FnOnce(NewStore) -> Result<T, E>,
    ) -> Result<T, E> {
        make(data, |disk, path| fill(NewStore::begin(disk, path, chain)?))
    }

    /// Opens, or makes, a store on a disk of the caller's, such as one that fails on purpose.
    ///
    /// # Errors
    /// [`OpenStore`], with `(disk)` for the directory.
    pub fn on_disk(disk: Arc<dyn Disk>, chain: &Chain, config: Config) -> Result<Self, OpenStore> {
        let path = Path::new("(disk)");
        if disk.list().map_err(fault("list", path))?.is_empty() {
            create(&disk, path, chain)?;
        }
        start(disk, path, chain, config)
    }
}

/// Makes a store beside its place and moves it there.
pub(crate) fn make<T, E: From<OpenStore>>(
    data: &Path,
    fill: impl FnOnce(&Arc<dyn Disk>, &Path) -> Result<T, E>,
) -> Result<T, E> {
    prepare(data)?;
    let (new, path) = (data.join(NEW_DIRECTORY), data.join(DIRECTORY));
    // What is there under the name is told by its kind.
    if kind_of(&new)?.is_none() {
        make_directory(&new)?;
    }
    let disk: Arc<dyn Disk> = Arc::new(lock(&new)?);
    for name in disk.list().map_err(fault("list", &new))? {
        disk.remove(&name).map_err(fault("empty", &new))?;
    }
    let filled = fill(&disk, &new)?;
    disk.sync().map_err(fault("sync", &new))?;
    // Never over something that came there in the meantime.
    rustix::fs::renameat_with(CWD, &new, CWD, &path, rustix::fs::RenameFlags::NOREPLACE)
        .map_err(|errno| fault("move into place", &new)(errno.into()))?;
    let folder = File::open(data).map_err(fault("open", data))?;
    folder.sync_all().map_err(fault("sync", data))?;
    Ok(filled)
}

/// Writes a store at its genesis on an empty disk.
fn create(disk: &Arc<dyn Disk>, path: &Path, chain: &Chain) -> Result<(), OpenStore> {
    let GenesisState {
        block, leaf, link, ..
    } = genesis(chain)?;
    let mut new = NewStore::begin(disk, path, chain)?;
    new.row(leaf.key(), &leaf, leaf.encode())?;
    new.headers(std::slice::from_ref(&block.header))?;
    new.finish(&NewBlock {
        link: &link,
        parent: block.header.header.parent,
        txids: &block.txids(),
        bytes: &block.encode(),
    })
}

/// Opens the parts, loads the tree and replays the log.
fn start(
    disk: Arc<dyn Disk>,
    path: &Path,
    chain: &Chain,
    config: Config,
) -> Result<Store, OpenStore> {
    let genesis = genesis(chain)?.link.id;
    let failed = |source| OpenStore::Failed {
        path: path.to_owned(),
        source,
    };
    let opened = Checkpoint::open(&disk, &genesis);
    let (checkpoint, base) = opened.map_err(|e| refused(e, path, &genesis))?;
    let log = Log::open_with(
        Arc::clone(&disk),
        genesis,
        Settings::default(),
        Some(Named {
            block: base.tip().id,
            segment: base.first_segment(),
        }),
    )
    .map_err(|e| log_refused(e, path))?;
    let frozen_at = base.tip().height;
    let cached = match config.mode {
        Mode::Fast => cache::take(&*disk, &base),
        Mode::Lean => None,
    };
    let tree = cached.map_or_else(|| load(&chain.consensus, &base, config.mode), Ok);
    let tree = tree.map_err(|unfit| match unfit {
        Unfit::Damaged { file, reason } => OpenStore::Damaged {
            path: path.join(file),
            reason,
        },
        Unfit::Failed(source) => failed(source),
    })?;
    let live = Arc::new(RwLock::new(Live::new(chain.consensus.clone(), base, tree)));
    let view = View {
        live: Arc::clone(&live),
        log: log.reader(),
    };
    replay(chain, &view, &log.tip().id).map_err(failed)?;
    debug_assert_eq!(
        read(&live).block(),
        log.tip().id,
        "the replay ends at the tip"
    );
    let checkpointer = Checkpointer::start(checkpoint, Arc::clone(&live), config.checkpoints)
        .map_err(fault("start a thread for", path))?;
    let mut store = Store {
        rules: chain.consensus.clone(),
        config,
        log,
        live,
        checkpointer,
        frozen_at,
        disk,
    };
    // The log knows all blocks of its segments again, and not only those of the window.
    store.prune().map_err(failed)?;
    Ok(store)
}

pub(crate) fn log_refused(source: OpenLog, directory: &Path) -> OpenStore {
    OpenStore::Log {
        path: directory.to_owned(),
        source,
    }
}

pub(crate) fn refused(error: OpenCheckpoint, directory: &Path, genesis: &BlockId) -> OpenStore {
    let path = directory.join(error.file);
    match error.why {
        Refusal::Damaged(reason) => OpenStore::Damaged { path, reason },
        Refusal::OtherChain(found) => OpenStore::OtherChain {
            path,
            found,
            expected: *genesis,
        },
        Refusal::Newer(found) => OpenStore::Newer { path, found },
        Refusal::Io(source) => fault("open", &path)(source),
        Refusal::Failed(source) => OpenStore::Failed { path, source },
    }
}

/// Makes the data directory if it is missing, and warns if others may write to it.
fn prepare(directory: &Path) -> Result<(), OpenStore> {
    make_directory(directory)?;
    let mode = std::fs::metadata(directory)
        .map_err(fault("look at", directory))?
        .mode();
    if mode & 0o022 != 0 {
        tracing::warn!(directory = %directory.display(), "other users may write to the data directory; run: chmod 700");
    }
    Ok(())
}

fn make_directory(path: &Path) -> Result<(), OpenStore> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(fault("create", path))
}

/// What a path is, without following it.
pub(crate) fn kind_of(path: &Path) -> Result<Option<FileType>, OpenStore> {
    match rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(fault("look at", path)(errno.into())),
    }
}

/// Refuses a link, pipe or directory where a store has its state, instead of passing over it. What only saves time may be anything.
fn check_kinds(directory: &Path) -> Result<(), OpenStore> {
    for entry in std::fs::read_dir(directory).map_err(fault("list", directory))? {
        let path = entry.map_err(fault("list", directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let needed = |name: &str| {
            name == checkpoint::FILE || name.ends_with(".seg") || name.ends_with(".rows")
        };
        if !name.is_some_and(needed) {
            continue;
        }
        if let Some(kind) = kind_of(&path)?.filter(|kind| *kind != FileType::RegularFile) {
            return Err(OpenStore::WrongKind {
                path,
                kind: kind_name(kind),
            });
        }
    }
    Ok(())
}

fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "regular file",
        FileType::Symlink => "symbolic link",
        FileType::Directory => "directory",
        FileType::Fifo => "pipe",
        FileType::Socket => "socket",
        _ => "device",
    }
}

/// Opens a directory for this process alone.
pub(crate) fn lock(path: &Path) -> Result<Folder, OpenStore> {
    if let Some(kind) = kind_of(path)?.filter(|kind| *kind != FileType::Directory) {
        return Err(OpenStore::WrongKind {
            path: path.to_owned(),
            kind: kind_name(kind),
        });
    }
    Folder::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenStore::Locked {
            path: path.to_owned(),
        },
        _ => fault("open", path)(error),
    })
}

/// Names what was attempted when the system refuses.
pub(crate) fn fault<'p>(
    attempt: &'static str,
    path: &'p Path,
) -> impl Fn(io::Error) -> OpenStore + use<'p> {
    move |source| OpenStore::Io {
        attempt,
        path: path.to_owned(),
        source,
    }
}
