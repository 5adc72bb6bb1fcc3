//! What a store asks of a disk: one directory of files, read and written at positions, and made durable when it says so.
//!
//! [`Folder`] is a directory of the system. [`Simulated`] is in memory and can lose power, fill up or fail, for tests. [`Backend`] lets redb work on a file of either.
//!
//! Nothing is promised about what was written and not yet synced: after a loss of power any part of it may be there, in any order. What a file holds is durable once
//! [`DiskFile::sync`] has returned, that the file exists under its name once [`Disk::sync`] has.

mod backend;
mod folder;
mod held;
mod simulated;

pub use backend::Backend;
pub use folder::Folder;
pub(crate) use held::Held;
pub use simulated::{Fault, Simulated};

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

/// Whether a file has to be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// A new, empty file; [`io::ErrorKind::AlreadyExists`] if the name is taken.
    Create,
    /// A file that exists; [`io::ErrorKind::NotFound`] otherwise.
    Existing,
}

/// A directory of files. Names are single components, without a separator.
#[allow(
    clippy::missing_errors_doc,
    reason = "all methods fail alike: the system's error, with the file's name in its text"
)]
pub trait Disk: Send + Sync + Debug {
    /// Opens a regular file for reading and writing.
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;
    /// Names of all regular files, in no order that matters.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Takes a file's name away. Who has the file open can go on using it.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Gives a file another name, in one step; a file that had that name is replaced.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Makes all names as they are durable.
    fn sync(&self) -> io::Result<()>;
}

/// An open file. Methods may be called from several threads; overlapping writes are the caller's to avoid.
#[allow(
    clippy::missing_errors_doc,
    reason = "all methods fail alike: the system's error, with the file's name in its text"
)]
#[allow(
    clippy::len_without_is_empty,
    reason = "a file is no collection, and asking may fail"
)]
pub trait DiskFile: Send + Sync + Debug {
    /// The name by which the file was opened.
    fn name(&self) -> &str;
    /// Bytes in the file.
    fn len(&self) -> io::Result<u64>;
    /// Fills `out` with what stands at `offset`; [`io::ErrorKind::UnexpectedEof`] if the file ends before that.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`. The file grows if it has to; a gap reads as zeros.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file, or makes it longer by zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes the file at least `len` bytes long and reserves the space; new bytes read as zeros.
    fn allocate(&self, len: u64) -> io::Result<()>;
    /// Makes contents and length durable.
    fn sync(&self) -> io::Result<()>;
}
