//! Deleting a store that nobody uses.

use crate::checkpoint;
use crate::disk::{Disk, Folder};
use crate::open::{DIRECTORY, NEW_DIRECTORY, OpenStore, fault, kind_of, lock};
use crate::store::Store;
use rustix::fs::FileType;
use std::path::Path;

/// The directories of a store, locked so that no process opens them until this is dropped.
#[derive(Debug)]
pub struct IdleStore {
    directories: Vec<Folder>,
}

impl Store {
    /// Locks the store of a data directory, which may have none. Nothing is changed or made.
    ///
    /// # Errors
    /// [`OpenStore::Locked`] while a process has the store open; [`OpenStore::Io`] if the system refuses. What is no directory is not ours, and left alone.
    pub fn hold(data: &Path) -> Result<IdleStore, OpenStore> {
        let mut directories = Vec::new();
        for name in [DIRECTORY, NEW_DIRECTORY] {
            let path = data.join(name);
            if kind_of(&path)? == Some(FileType::Directory) {
                directories.push(lock(&path)?);
            }
        }
        Ok(IdleStore { directories })
    }
}

impl IdleStore {
    /// Deletes the files of the store, and the directories if nothing else is in them.
    ///
    /// # Errors
    /// [`OpenStore::Io`]; files that come later are still there then.
    pub fn delete(self) -> Result<(), OpenStore> {
        for folder in &self.directories {
            let path = folder.path();
            let names = folder.list().map_err(fault("list", path))?;
            for name in names.iter().filter(|name| is_ours(name)) {
                folder
                    .remove(name)
                    .map_err(fault("delete a file of", path))?;
            }
            match std::fs::remove_dir(path) {
                Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {}
                done => done.map_err(fault("delete", path))?,
            }
        }
        Ok(())
    }
}

/// Whether a file in the store's directory is one that a store makes.
fn is_ours(name: &str) -> bool {
    let endings = [".seg", ".idx", ".rows"];
    let numbered = endings.iter().find_map(|ending| name.strip_suffix(ending));
    let is_numbered =
        numbered.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    is_numbered || name == checkpoint::FILE || name.starts_with("tree.cache")
}
