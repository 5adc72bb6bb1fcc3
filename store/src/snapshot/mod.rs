//! Snapshots as directories (specs/10 §4): one state in files that anybody can check, and that a node can begin from.
//!
//! A directory holds `manifest`, `headers` and, in `chunks`, one file for each chunk, named by the hash that the manifest gives it. Equal states make equal files.
//!
//! - [`View::write_snapshot`](crate::View::write_snapshot) writes the state of the last checkpoint, while the chain goes on.
//! - [`verify`] checks all of a directory: the chain of headers from the genesis on, the manifest against the last of them, every chunk, and the sums.
//! - [`import`] does the same and makes a store of it.

mod import;
mod read;
mod write;

pub use import::import;
pub use read::verify;

use crate::failed::StorageFailed;
use crate::open::OpenStore;
use sapwood_account_tree::snapshot::{BadChunk, BadManifest};
use sapwood_primitives::{BlockId, Hash, Height};
use sapwood_runtime::Invalid;
use std::io;
use std::path::{Path, PathBuf};

/// The manifest's name in the directory.
const MANIFEST: &str = "manifest";
/// The headers' name.
const HEADERS: &str = "headers";
/// The name of the directory of chunks.
const CHUNKS: &str = "chunks";

/// Bytes of a sealed header in the file of headers.
const SEALED_BYTES: usize = sapwood_primitives::header::HEADER_BYTES + 1;

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Height of the block after which the state is.
    pub height: Height,
    /// Id of that block.
    pub block: BlockId,
    /// Root of the state.
    pub state_root: Hash,
    /// Leaves.
    pub leaves: u64,
    /// Chunk files.
    pub chunks: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// How far a long piece of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Leaves done.
    pub done: u64,
    /// All leaves, where that is known.
    pub total: Option<u64>,
}

/// Told from time to time how far the work is.
pub type Report<'a> = &'a mut dyn FnMut(Progress);

/// Why a snapshot was not written, is not good, or was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotFailed {
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
    /// The directory that was to be made is there already.
    #[error("{} exists; name a directory that does not", .0.display())]
    Exists(PathBuf),
    /// The data directory has a store already.
    #[error("{} holds a chain already; name another data directory, or move it away", .0.display())]
    HasStore(PathBuf),
    /// The manifest cannot be read.
    #[error("{}: {source}; fetch the snapshot again", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BadManifest,
    },
    /// A chunk is not what the manifest says.
    #[error("{}: {source}", path.display())]
    Chunk {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<BadChunk>,
    },
    /// A header breaks a rule.
    #[error("{}: the header at height {height}: {source}; fetch the snapshot elsewhere", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// Its height.
        height: Height,
        /// The rule.
        source: Invalid,
    },
    /// The parts do not belong together.
    #[error("{}: {what}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageFailed),
    /// The new store was not made.
    #[error(transparent)]
    Store(#[from] OpenStore),
}

fn fault<'p>(
    attempt: &'static str,
    path: &'p Path,
) -> impl Fn(io::Error) -> SnapshotFailed + use<'p> {
    move |source| SnapshotFailed::Io {
        attempt,
        path: path.to_owned(),
        source,
    }
}

/// Where a chunk is kept.
fn chunk_path(directory: &Path, hash: &[u8; 32]) -> PathBuf {
    directory.join(CHUNKS).join(Hash(*hash).to_string())
}

/// The key of a leaf from its value (specs/04 §1.2); none for what is no leaf.
fn key_of(value: &[u8]) -> Option<sapwood_account_tree::Key> {
    let leaf: sapwood_primitives::Leaf = sapwood_primitives::codec::read(value).ok()?;
    Some(sapwood_account_tree::Key(leaf.key().0))
}
