//! Deleting a store that nobody uses.

use super::RedbStore;
use super::open::{FILE, NEW_FILE, OpenStore, fault, kind_of, open_regular};
use rustix::fs::{FileType, FlockOperation, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The files of a store, locked so that no process opens them until this is dropped.
#[derive(Debug)]
pub struct IdleStore {
    files: Vec<(PathBuf, File)>,
}

impl RedbStore {
    /// Locks the files of the store in a directory, which may have none. Nothing is changed or made.
    ///
    /// # Errors
    /// [`OpenStore::Locked`] while a process has the store open; [`OpenStore::Io`] if the system refuses. What is no regular file is not ours, and left alone.
    pub fn hold(directory: &Path) -> Result<IdleStore, OpenStore> {
        let mut files = Vec::new();
        for name in [FILE, NEW_FILE] {
            let path = directory.join(name);
            if kind_of(&path)? != Some(FileType::RegularFile) {
                continue;
            }
            let file = open_regular(&path, OFlags::empty())?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => files.push((path, file)),
                Err(Errno::WOULDBLOCK) => return Err(OpenStore::Locked { path }),
                Err(errno) => return Err(fault("lock", &path)(errno.into())),
            }
        }
        Ok(IdleStore { files })
    }
}

impl IdleStore {
    /// Deletes the files.
    ///
    /// # Errors
    /// [`OpenStore::Io`]; files that come later are still there then.
    pub fn delete(self) -> Result<(), OpenStore> {
        for (path, _locked) in &self.files {
            std::fs::remove_file(path).map_err(fault("delete", path))?;
        }
        Ok(())
    }
}
