//! A directory of the system.

use super::{Disk, DiskFile, OpenMode};
use rustix::fs::{AtFlags, Dir, FallocateFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory, held exclusively while this value lives. Files in it are regular files of mode 0600; no link is followed.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    handle: OwnedFd,
}

/// An open file of a [`Folder`].
#[derive(Debug)]
struct FolderFile {
    name: String,
    file: File,
}

impl Folder {
    /// Opens a directory that exists, and locks it.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::WouldBlock`] while another value, of this process or another, holds the directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let shown = path.display().to_string();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(named(&shown, "open"))?;
        rustix::fs::flock(&handle, FlockOperation::NonBlockingLockExclusive)
            .map_err(named(&shown, "lock"))?;
        Ok(Self {
            path: path.to_owned(),
            handle,
        })
    }

    /// The directory's path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Refuses what would reach out of the directory.
fn checked(name: &str) -> io::Result<&str> {
    match name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        false => Ok(name),
        true => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{name:?} is not the name of a file in a folder"),
        )),
    }
}

/// The system's error with what was attempted and on which file.
fn named<E: Into<io::Error>>(name: &str, attempt: &str) -> impl Fn(E) -> io::Error {
    move |error| {
        let error = error.into();
        io::Error::new(error.kind(), format!("cannot {attempt} {name}: {error}"))
    }
}

impl Disk for Folder {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let fail = named(name, "open");
        // Not blocking, so that a pipe under the name is found to be one and does not stop the caller.
        let mut flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        if mode == OpenMode::Create {
            flags |= OFlags::CREATE | OFlags::EXCL;
        }
        let file = rustix::fs::openat(&self.handle, checked(name)?, flags, Mode::RUSR | Mode::WUSR);
        let file = file.map_err(&fail)?;
        // Asked of the open file, since the name may have changed hands.
        let stat = rustix::fs::fstat(&file).map_err(&fail)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("cannot open {name}: not a regular file"),
            ));
        }
        Ok(Arc::new(FolderFile {
            name: name.to_owned(),
            file: File::from(file),
        }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let shown = self.path.display().to_string();
        let fail = named(&shown, "list");
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle).map_err(&fail)? {
            let entry = entry.map_err(&fail)?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            let stat = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(named(name, "look at"))?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        rustix::fs::unlinkat(&self.handle, checked(name)?, AtFlags::empty())
            .map_err(named(name, "remove"))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        rustix::fs::renameat(&self.handle, checked(from)?, &self.handle, checked(to)?)
            .map_err(named(from, "rename"))
    }

    fn sync(&self) -> io::Result<()> {
        let shown = self.path.display().to_string();
        rustix::fs::fsync(&self.handle).map_err(named(&shown, "sync"))
    }
}

impl DiskFile for FolderFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> io::Result<u64> {
        let metadata = self.file.metadata().map_err(named(&self.name, "look at"))?;
        Ok(metadata.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file
            .read_exact_at(out, offset)
            .map_err(named(&self.name, "read"))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(named(&self.name, "write"))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file
            .set_len(len)
            .map_err(named(&self.name, "set the length of"))
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        if self.len()? >= len {
            return Ok(());
        }
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, len) {
            // Some file systems reserve nothing; a hole reads as zeros as well.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.set_len(len),
            done => done.map_err(named(&self.name, "allocate")),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data().map_err(named(&self.name, "sync"))
    }
}
