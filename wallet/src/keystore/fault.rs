//! Everything that can be wrong with a file or its folder, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// What is wrong with a file or the folder that it is in.
///
/// Every variant but [`FileFault::Io`] is a refusal that its owner can end; `Io` is the storage
/// failing.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// There is no such file.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// A new file would take the place of another one.
    #[error("{} exists already and is not overwritten; choose another name", path.display())]
    Exists {
        /// The file that is in the way.
        path: PathBuf,
    },
    /// A link, pipe, device or directory stands where a file belongs.
    #[error("{} is a {kind}, not a regular file; nothing is read from it or written to it", path.display())]
    Kind {
        /// What was to be opened.
        path: PathBuf,
        /// What it is instead.
        kind: &'static str,
    },
    /// Others than the owner may read or write the file.
    #[error("{} is open to other users (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
    Mode {
        /// The file in question.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file belongs to another user of this machine.
    #[error("{} belongs to user {owner}, not to you; run this as that user", path.display())]
    Owner {
        /// The file in question.
        path: PathBuf,
        /// The numeric id of its owner.
        owner: u32,
    },
    /// The file is longer than any such file can be.
    #[error("{} has {bytes} bytes; a file of this kind has at most {limit}", path.display())]
    Length {
        /// The file in question.
        path: PathBuf,
        /// Its length in bytes.
        bytes: u64,
        /// The longest length accepted, in bytes.
        limit: u64,
    },
    /// Anybody may replace files in this folder.
    #[error("any user can replace files in {}; run: chmod 700 {}", path.display(), path.display())]
    OpenFolder {
        /// The folder in question.
        path: PathBuf,
    },
    /// The path ends in nothing that can name a file.
    #[error("{} does not name a file", path.display())]
    NoName {
        /// The path as given.
        path: PathBuf,
    },
    /// The operating system refused or failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// An error number of the system as a fault.
pub(super) fn fault(action: &'static str, path: &Path, errno: Errno) -> FileFault {
    FileFault::Io {
        action,
        path: path.to_owned(),
        source: errno.into(),
    }
}
