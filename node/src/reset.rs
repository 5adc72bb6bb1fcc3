//! `sapwood dev --reset`: deletes the dev chain and its wallets, if nobody uses them and the person agrees.
//!
//! What is deleted is locked first and stays locked until it is gone. Only files that this program made are deleted; whatever else is in the directory stays, and the directory with it.

use crate::dev::say;
use crate::places::Places;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use sapwood_store::{IdleStore, OpenStore, Store};
use sapwood_wallet::command::{CliError, Exit};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

/// A dev chain that nobody uses, held until it is deleted or this is dropped.
pub(crate) struct Reset {
    places: Places,
    store: IdleStore,
    wallets: Vec<OwnedFd>,
}

impl Reset {
    /// Locks the chain and its wallets. Nothing is changed.
    ///
    /// # Errors
    /// If a node or another command uses them.
    pub(crate) fn hold(places: &Places) -> Result<Self, CliError> {
        let store = Store::hold(places.dir()).map_err(|error| match error {
            OpenStore::Locked { .. } => CliError::new(
                Exit::Refused,
                "running",
                format!("a node uses {}", places.dir().display()),
                "stop it first",
            ),
            other => CliError::new(Exit::Storage, "storage", other.to_string(), ""),
        })?;
        Ok(Self {
            store,
            wallets: lock_wallets(&places.wallets())?,
            places: places.clone(),
        })
    }

    /// Asks, unless `yes`, and deletes.
    ///
    /// # Errors
    /// If the person does not agree, or the disk refuses.
    pub(crate) fn run(self, yes: bool) -> Result<(), CliError> {
        let dir = self.places.dir();
        if !dir.exists() {
            return Ok(());
        }
        let question = format!(
            "delete the dev chain and its wallets in {}? [y/N] ",
            dir.display()
        );
        if !yes && !agree(&question) {
            return Err(CliError::new(
                Exit::Refused,
                "declined",
                "nothing was deleted",
                "add --yes to agree beforehand",
            ));
        }
        let (wallets, endpoint) = (self.places.wallets(), self.places.endpoint());
        delete(&wallets, |path| std::fs::remove_dir_all(path))?;
        delete(&endpoint, |path| std::fs::remove_file(path))?;
        // The store goes last, since its lock keeps nodes out.
        let deleted = self.store.delete();
        deleted.map_err(|e| CliError::new(Exit::Storage, "delete", e.to_string(), ""))?;
        drop(self.wallets);
        match std::fs::remove_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                say(&format!("{} holds other files; they stay", dir.display()));
                Ok(())
            }
            done => done.map_err(|e| refused(dir, &e)),
        }
    }
}

/// Locks what the wallets lock while they are in use: every `.lock` file of the folder, if there is one.
fn lock_wallets(folder: &Path) -> Result<Vec<OwnedFd>, CliError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(refused(folder, &error)),
    };
    let mut held = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| refused(folder, &e))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "lock")
        {
            held.extend(lock(&path)?);
        }
    }
    Ok(held)
}

/// Locks a file; none if it has gone in the meantime, as such files do when their holder is done.
fn lock(path: &Path) -> Result<Option<OwnedFd>, CliError> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(refused(path, &errno.into())),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Err(CliError::new(
            Exit::Refused,
            "wallet_locked",
            format!("a command uses {}", path.with_extension("").display()),
            "wait for it to end",
        )),
        Err(errno) => Err(refused(path, &errno.into())),
    }
}

/// Deletes what may not be there.
fn delete(path: &Path, how: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), CliError> {
    match how(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refused(path, &error)),
        _ => Ok(()),
    }
}

fn refused(path: &Path, error: &io::Error) -> CliError {
    let message = format!("cannot delete {}: {error}", path.display());
    CliError::new(Exit::Storage, "delete", message, "")
}

fn agree(question: &str) -> bool {
    let mut stderr = io::stderr();
    let asked = write!(stderr, "{question}").and_then(|()| stderr.flush());
    let mut answer = String::new();
    asked.is_ok()
        && io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use sapwood_primitives::Chain;
    use sapwood_store::Config;
    use std::fs::{self, File};
    use tempfile::{TempDir, tempdir};

    /// A data directory with a store, a wallet and an endpoint file.
    fn used() -> (TempDir, Places) {
        let base = tempdir().unwrap();
        let places = Places::of(Some(base.path()), "dev").unwrap();
        drop(
            Store::open(
                places.dir(),
                &Chain::named("dev").unwrap(),
                Config::default(),
            )
            .unwrap(),
        );
        fs::create_dir(places.wallets()).unwrap();
        fs::write(places.wallets().join("dev"), "words").unwrap();
        fs::write(places.wallets().join("dev.lock"), "1").unwrap();
        fs::write(places.endpoint(), "{}").unwrap();
        (base, places)
    }

    #[test]
    fn everything_of_the_chain_is_deleted_and_nothing_else() {
        let (base, places) = used();
        let other = base.path().join("main");
        fs::create_dir(&other).unwrap();
        Reset::hold(&places).unwrap().run(true).unwrap();
        assert!(!places.dir().exists() && other.exists());
        // Again, with nothing there.
        Reset::hold(&places).unwrap().run(true).unwrap();
        let (_base, places) = used();
        let foreign = places.dir().join("notes.txt");
        fs::write(&foreign, "mine").unwrap();
        Reset::hold(&places).unwrap().run(true).unwrap();
        let left = fs::read_dir(places.dir()).unwrap().count();
        assert!(foreign.exists() && left == 1);
    }

    #[test]
    fn a_chain_in_use_and_a_wallet_in_use_are_refused_and_untouched() {
        let (_base, places) = used();
        let code = |places: &Places| Reset::hold(places).err().unwrap().code;
        let chain = Chain::named("dev").unwrap();
        let store = Store::open(places.dir(), &chain, Config::default()).unwrap();
        assert_eq!(code(&places), "running");
        drop(store);
        let lock = File::open(places.wallets().join("dev.lock")).unwrap();
        lock.lock().unwrap();
        assert_eq!(code(&places), "wallet_locked");
        drop(lock);
        assert!(places.wallets().join("dev").exists() && places.endpoint().exists());
        Store::open(places.dir(), &chain, Config::default()).unwrap();
    }
}
