//! One process at a time: a lock file beside the file that it guards.
//!
//! The lock is the kernel's (`flock` on `NAME.lock`), not the file: after `kill -9` the file stays
//! and locks nobody out. The number in it is only there to be shown. Whoever holds the lock removes
//! the file when done, so whoever takes it must look whether the file it locked still has the name.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use super::fault::{FileFault, fault};
use super::place::Folder;

/// How often a lock file may vanish between opening and locking it before this is called held. Each
/// time some other process finished its work, so a few are more than two people's commands ever
/// need.
const ATTEMPTS: u32 = 16;

/// Longest process number worth reading from a lock file, in digits.
const PID_DIGITS: u64 = 10;

/// How long to wait before looking again whether a lock was let go.
const POLL: Duration = Duration::from_millis(10);

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Locked {
    /// Another process has it.
    #[error("{} is locked by process {}; wait for it to end", path.display(), pid_text(*pid))]
    Held {
        /// The file that the lock guards.
        path: PathBuf,
        /// The process that holds it, unless it had no time to write that down.
        pid: Option<u32>,
    },
    /// The lock file could not be made.
    #[error(transparent)]
    File(#[from] FileFault),
}

fn pid_text(pid: Option<u32>) -> String {
    pid.map_or_else(|| "of unknown number".to_owned(), |pid| pid.to_string())
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(super) struct FileLock {
    folder: Folder,
    lock_name: OsString,
    /// Closing this file is what lets the lock go.
    file: File,
}

impl FileLock {
    /// Takes the lock that guards `name`, or says who has it.
    pub(super) fn acquire(folder: &Folder, name: &OsStr) -> Result<Self, Locked> {
        let mut lock_name = name.to_owned();
        lock_name.push(".lock");
        for _ in 0..ATTEMPTS {
            if let Some(file) = lock_file(folder, name, &lock_name)? {
                let lock = Self {
                    folder: folder.try_clone()?,
                    lock_name,
                    file,
                };
                lock.write_pid()?;
                return Ok(lock);
            }
        }
        Err(Locked::Held {
            path: folder.path_of(name),
            pid: None,
        })
    }

    /// Like [`FileLock::acquire`], and waits up to `patience` for work that takes milliseconds
    /// elsewhere.
    pub(super) fn acquire_within(
        folder: &Folder,
        name: &OsStr,
        patience: Duration,
    ) -> Result<Self, Locked> {
        let start = Instant::now();
        loop {
            match Self::acquire(folder, name) {
                Err(Locked::Held { .. }) if start.elapsed() < patience => std::thread::sleep(POLL),
                result => return result,
            }
        }
    }

    /// On an error the lock is dropped, and its file with it.
    fn write_pid(&self) -> Result<(), FileFault> {
        let mut file = &self.file;
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|source| FileFault::Io {
                action: "write",
                path: self.folder.path_of(&self.lock_name),
                source,
            })
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        self.folder.remove(&self.lock_name);
    }
}

/// The locked file, or `None` if its holder removed it before it was locked here.
fn lock_file(folder: &Folder, name: &OsStr, lock_name: &OsStr) -> Result<Option<File>, Locked> {
    let path = folder.path_of(lock_name);
    let (file, opened) = folder.open(lock_name, OFlags::RDWR | OFlags::CREATE)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            return Err(Locked::Held {
                path: folder.path_of(name),
                pid: read_pid(&file),
            });
        }
        Err(errno) => return Err(fault("lock", &path, errno).into()),
    }
    let named = folder.stat(lock_name)?;
    let same =
        named.is_some_and(|named| named.st_ino == opened.st_ino && named.st_dev == opened.st_dev);
    Ok(same.then_some(file))
}

fn read_pid(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(PID_DIGITS).read_to_string(&mut text).ok()?;
    text.trim_end().parse().ok()
}
