//! Files that only their owner can read, and that are never half written.
//!
//! [`Folder`] holds a directory open and works relative to it, so that a path swapped after a check
//! changes nothing. A file is published whole: written beside its place, synced, moved, and the
//! directory synced. The name beside its place is fixed (`.NAME.new`), so what a crash leaves there
//! is known to be ours and goes at the next opportunity; whoever publishes holds the lock of the
//! file, so two never write there at once.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::changes::{Change, announce};
use super::fault::{FileFault, fault};

/// Read and write for the owner, nothing for anybody else.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Whether a file about to be published may take another one's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Publish {
    /// Fails when the name is taken.
    New,
    /// Replaces a regular file of ours in one step, or creates it.
    Replace,
}

/// An open directory, and its path for messages.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens the folder that `path` is in and returns it with the last part of `path`.
    pub(super) fn of(path: &Path) -> Result<(Self, OsString), FileFault> {
        let (parent, name) = split(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd =
            rustix::fs::openat(CWD, parent, flags, Mode::empty()).map_err(|errno| match errno {
                Errno::NOENT => FileFault::Missing {
                    path: path.to_owned(),
                },
                errno => fault("open folder", parent, errno),
            })?;
        let folder = Self {
            fd,
            path: parent.to_owned(),
        };
        folder.check_mode()?;
        Ok((folder, name.to_owned()))
    }

    /// Like [`Folder::of`], and makes missing folders first, each for its owner only.
    pub(super) fn create_of(path: &Path) -> Result<(Self, OsString), FileFault> {
        let (parent, _) = split(path)?;
        make_folders(parent).map_err(|source| FileFault::Io {
            action: "create folder",
            path: parent.to_owned(),
            source,
        })?;
        Self::of(path)
    }

    /// Refuses a folder that everybody may write to. With the sticky bit, as `/tmp` has it, only
    /// owners replace files.
    fn check_mode(&self) -> Result<(), FileFault> {
        let stat =
            rustix::fs::fstat(&self.fd).map_err(|errno| fault("examine", &self.path, errno))?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        if mode.contains(Mode::WOTH) && !mode.contains(Mode::SVTX) {
            return Err(FileFault::OpenFolder {
                path: self.path.clone(),
            });
        }
        Ok(())
    }

    pub(super) fn try_clone(&self) -> Result<Self, FileFault> {
        let fd = self.fd.try_clone().map_err(|source| FileFault::Io {
            action: "keep open",
            path: self.path.clone(),
            source,
        })?;
        Ok(Self {
            fd,
            path: self.path.clone(),
        })
    }

    pub(super) fn path_of(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// What is known of `name`, without following a link; `None` when nothing has this name.
    pub(super) fn stat(&self, name: &OsStr) -> Result<Option<Stat>, FileFault> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(fault("examine", &self.path_of(name), errno)),
        }
    }

    /// Opens a regular file. Kinds are examined before opening, since opening alone can rewind a
    /// tape or wait for the other end of a pipe, and again afterwards, since the name can have been
    /// given to something else.
    pub(super) fn open(&self, name: &OsStr, flags: OFlags) -> Result<(File, Stat), FileFault> {
        let path = self.path_of(name);
        match self.stat(name)? {
            Some(stat) => check_kind(&path, &stat)?,
            None if flags.contains(OFlags::CREATE) => {}
            None => return Err(FileFault::Missing { path }),
        }
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd =
            rustix::fs::openat(&self.fd, name, flags, PRIVATE).map_err(|errno| match errno {
                Errno::NOENT => FileFault::Missing { path: path.clone() },
                Errno::LOOP => FileFault::Kind {
                    path: path.clone(),
                    kind: "symbolic link",
                },
                errno => fault("open", &path, errno),
            })?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| fault("examine", &path, errno))?;
        check_kind(&path, &stat)?;
        Ok((File::from(fd), stat))
    }

    /// Reads a file that must be ours alone and at most `limit` bytes long.
    pub(super) fn read_private(
        &self,
        name: &OsStr,
        limit: u64,
    ) -> Result<Zeroizing<Vec<u8>>, FileFault> {
        let path = self.path_of(name);
        let (file, stat) = self.open(name, OFlags::RDONLY)?;
        check_private(&path, &stat)?;
        let bytes = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if bytes > limit {
            return Err(FileFault::Length { path, bytes, limit });
        }
        // One byte more than expected shows a file that grew, and the room for it spares a copy of
        // secrets.
        let mut content =
            Zeroizing::new(Vec::with_capacity(usize::try_from(bytes + 1).unwrap_or(0)));
        file.take(limit + 1)
            .read_to_end(&mut content)
            .map_err(|source| FileFault::Io {
                action: "read",
                path: path.clone(),
                source,
            })?;
        if content.len() as u64 > limit {
            return Err(FileFault::Length {
                path,
                bytes: content.len() as u64,
                limit,
            });
        }
        Ok(content)
    }

    /// Writes a file as a whole: after an error or a crash `name` is what it was before.
    pub(super) fn publish(
        &self,
        name: &OsStr,
        how: Publish,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), FileFault> {
        if let (Publish::Replace, Some(stat)) = (how, self.stat(name)?) {
            check_kind(&self.path_of(name), &stat)?;
        }
        self.clear_leftover(name)?;
        let temp = beside(name);
        let path = self.path_of(&temp);
        announce(Change::Create(&path)).map_err(|errno| fault("create", &path, errno))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let (file, _) = self.open(&temp, flags)?;
        let result = self
            .fill(name, &path, file, fill)
            .and_then(|()| self.move_into_place(&temp, name, how));
        if result.is_err() && announce(Change::Remove(&path)).is_ok() {
            self.remove(&temp);
        }
        result
    }

    fn fill(
        &self,
        name: &OsStr,
        temp: &Path,
        mut file: File,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), FileFault> {
        // The umask can have taken bits away from the mode that the file was created with.
        rustix::fs::fchmod(&file, PRIVATE)
            .map_err(io::Error::from)
            .and_then(|()| Ok(announce(Change::Write(temp))?))
            .and_then(|()| fill(&mut file))
            .and_then(|()| {
                #[cfg(test)]
                super::changes::written(temp);
                announce(Change::Sync(temp))?;
                file.sync_all()
            })
            .map_err(|source| FileFault::Io {
                action: "write",
                path: self.path_of(name),
                source,
            })
    }

    fn move_into_place(&self, temp: &OsStr, name: &OsStr, how: Publish) -> Result<(), FileFault> {
        let path = self.path_of(name);
        announce(Change::Rename(&self.path_of(temp), &path))
            .map_err(|errno| fault("put in place", &path, errno))?;
        let moved = match how {
            Publish::New => self.rename_new(temp, name),
            Publish::Replace => rustix::fs::renameat(&self.fd, temp, &self.fd, name),
        };
        moved.map_err(|errno| match errno {
            Errno::EXIST => FileFault::Exists { path: path.clone() },
            errno => fault("put in place", &path, errno),
        })?;
        let synced =
            announce(Change::SyncFolder(&self.path)).and_then(|()| rustix::fs::fsync(&self.fd));
        if synced.is_err() && how == Publish::New && announce(Change::Remove(&path)).is_ok() {
            self.remove(name);
        }
        synced.map_err(|errno| fault("sync the folder of", &path, errno))
    }

    /// Renames unless the name is taken. Network file systems that cannot do it in one step get a
    /// link instead.
    fn rename_new(&self, temp: &OsStr, name: &OsStr) -> rustix::io::Result<()> {
        match rustix::fs::renameat_with(&self.fd, temp, &self.fd, name, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                rustix::fs::linkat(&self.fd, temp, &self.fd, name, AtFlags::empty())?;
                rustix::fs::unlinkat(&self.fd, temp, AtFlags::empty())
            }
            result => result,
        }
    }

    /// Removes what a crash left beside `name`, if it is a regular file of ours.
    pub(super) fn clear_leftover(&self, name: &OsStr) -> Result<(), FileFault> {
        let temp = beside(name);
        let Some(stat) = self.stat(&temp)? else {
            return Ok(());
        };
        let path = self.path_of(&temp);
        check_kind(&path, &stat)?;
        check_owner(&path, &stat)?;
        announce(Change::Remove(&path))
            .and_then(|()| rustix::fs::unlinkat(&self.fd, &temp, AtFlags::empty()))
            .map_err(|errno| fault("remove", &path, errno))
    }

    /// Removes a file on the way out of an error, or a lock; a failure changes nothing that could
    /// be said here.
    pub(super) fn remove(&self, name: &OsStr) {
        let _ = rustix::fs::unlinkat(&self.fd, name, AtFlags::empty());
    }
}

/// Makes missing folders, each for its owner only, and syncs the folder above each, so that what is put into them later is not lost with
/// them.
fn make_folders(folder: &Path) -> io::Result<()> {
    let mut missing: Vec<&Path> = Vec::new();
    for above in folder.ancestors() {
        if above.as_os_str().is_empty() || above.symlink_metadata().is_ok() {
            break;
        }
        missing.push(above);
    }
    for folder in missing.into_iter().rev() {
        announce(Change::Folder(folder))?;
        // Somebody else may make it at the same moment.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let above = folder
            .parent()
            .filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        announce(Change::SyncFolder(above))?;
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

fn split(path: &Path) -> Result<(&Path, &OsStr), FileFault> {
    let name = path.file_name().ok_or_else(|| FileFault::NoName {
        path: path.to_owned(),
    })?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Ok((parent, name))
}

fn beside(name: &OsStr) -> OsString {
    let mut temp = OsString::from(".");
    temp.push(name);
    temp.push(".new");
    temp
}

fn check_kind(path: &Path, stat: &Stat) -> Result<(), FileFault> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Symlink => "symbolic link",
        FileType::Directory => "directory",
        FileType::Fifo => "named pipe",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        _ => "file of an unknown kind",
    };
    Err(FileFault::Kind {
        path: path.to_owned(),
        kind,
    })
}

fn check_owner(path: &Path, stat: &Stat) -> Result<(), FileFault> {
    if stat.st_uid == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(FileFault::Owner {
        path: path.to_owned(),
        owner: stat.st_uid,
    })
}

fn check_private(path: &Path, stat: &Stat) -> Result<(), FileFault> {
    check_owner(path, stat)?;
    let mode = Mode::from_raw_mode(stat.st_mode);
    if mode.intersects(Mode::RWXG | Mode::RWXO) {
        return Err(FileFault::Mode {
            path: path.to_owned(),
            mode: mode.bits() & 0o7777,
        });
    }
    Ok(())
}
