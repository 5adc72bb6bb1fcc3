//! The wallet file on disk: created once, opened by one process at a time, replaced as a whole.
//!
//! [`WalletFile`] holds the lock and the derived key, so that saving after a change needs no
//! passphrase again. It does not hold the content: [`WalletSecrets`] is returned beside it and can
//! be dropped as soon as a signature is made.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::crypt::{KdfCost, Seal, SealKey, Unseal};
use super::fault::FileFault;
use super::lock::{FileLock, Locked};
use super::place::{Folder, Publish};
use super::secrets::WalletSecrets;

/// Longest file that is read at all, in bytes: twice what the format allows, so that a later
/// version can still be named.
const MAX_FILE: u64 = 2 << 20;

/// Fewest characters of a passphrase that nobody has excused. Argon2id makes each guess cost
/// about a tenth of a second on one core; fewer characters would still be found in days.
const MIN_PASSPHRASE_CHARS: usize = 8;

/// What a new passphrase must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PassphraseRule {
    /// Eight characters or more.
    #[default]
    Strong,
    /// Anything but empty, for wallets of a chain without worth.
    WeakAllowed,
}

impl PassphraseRule {
    pub(crate) fn check(self, passphrase: &str) -> Result<(), CreateWallet> {
        let chars = passphrase.chars().count();
        match self {
            _ if chars == 0 => Err(CreateWallet::EmptyPassphrase),
            Self::Strong if chars < MIN_PASSPHRASE_CHARS => Err(CreateWallet::WeakPassphrase),
            _ => Ok(()),
        }
    }
}

/// Why a wallet file was not created. Nothing is left on disk but folders that were missing.
#[derive(Debug, thiserror::Error)]
pub enum CreateWallet {
    /// The passphrase is empty.
    #[error("a wallet needs a passphrase; the empty one would leave the keys open")]
    EmptyPassphrase,
    /// The passphrase is short and nobody allowed that.
    #[error(
        "the passphrase has fewer than {MIN_PASSPHRASE_CHARS} characters; take a longer one, several words for example"
    )]
    WeakPassphrase,
    /// The place is taken, unfit or failing.
    #[error(transparent)]
    File(#[from] FileFault),
    /// Another process is at this wallet.
    #[error(transparent)]
    Locked(Locked),
    /// The content could not be encrypted.
    #[error(transparent)]
    Seal(#[from] Seal),
}

/// Why a wallet file was not opened. The file is untouched.
#[derive(Debug, thiserror::Error)]
pub enum OpenWallet {
    /// The file is missing, unfit or unreadable.
    #[error(transparent)]
    File(#[from] FileFault),
    /// Another process is at this wallet.
    #[error(transparent)]
    Locked(Locked),
    /// The bytes are not a wallet that this passphrase opens.
    #[error("{}: {fault}", path.display())]
    Unseal {
        /// The wallet file.
        path: PathBuf,
        /// What is the matter with it.
        fault: Unseal,
    },
    /// The passphrase was right, but a program of another version wrote something unknown.
    #[error("{}: the passphrase is right, but {reason}; use a newer release, or restore the wallet from its words", path.display())]
    Content {
        /// The wallet file.
        path: PathBuf,
        /// What is not understood, without any secret.
        reason: String,
    },
}

/// Why a wallet file was not replaced. It still has its former content.
#[derive(Debug, thiserror::Error)]
pub enum SaveWallet {
    /// The file could not be replaced.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The content could not be encrypted.
    #[error(transparent)]
    Seal(#[from] Seal),
}

/// An open wallet file. Other processes are locked out until this is dropped.
pub struct WalletFile {
    folder: Folder,
    name: OsString,
    key: SealKey,
    _lock: FileLock,
}

impl WalletFile {
    /// Creates a wallet file at `path`, with the folders above it if they are missing, and keeps it
    /// locked.
    ///
    /// # Errors
    /// See [`CreateWallet`]. A file that exists is never touched.
    pub fn create(
        path: &Path,
        secrets: &WalletSecrets,
        passphrase: &str,
        rule: PassphraseRule,
        cost: KdfCost,
    ) -> Result<Self, CreateWallet> {
        rule.check(passphrase)?;
        let (folder, name) = Folder::create_of(path)?;
        let lock = FileLock::acquire(&folder, &name).map_err(|locked| match locked {
            Locked::File(fault) => CreateWallet::File(fault),
            held => CreateWallet::Locked(held),
        })?;
        // The last step decides whether the name is free; asking here only spares the wait for
        // Argon2.
        if folder.stat(&name)?.is_some() {
            return Err(FileFault::Exists {
                path: folder.path_of(&name),
            }
            .into());
        }
        let key = SealKey::fresh(passphrase, cost)?;
        let bytes = key.seal(secrets.to_payload())?;
        folder.publish(&name, Publish::New, write_all(&bytes))?;
        Ok(Self {
            folder,
            name,
            key,
            _lock: lock,
        })
    }

    /// Opens the wallet file at `path` and locks it.
    ///
    /// # Errors
    /// See [`OpenWallet`]. A wrong passphrase and a damaged file cannot be told apart and have one
    /// message.
    pub fn open(path: &Path, passphrase: &str) -> Result<(Self, WalletSecrets), OpenWallet> {
        let (folder, name) = Folder::of(path)?;
        // Read once before locking, so that a missing or unfit file does not leave a moment's lock
        // file beside it.
        folder.read_private(&name, MAX_FILE)?;
        let lock = FileLock::acquire(&folder, &name).map_err(|locked| match locked {
            Locked::File(fault) => OpenWallet::File(fault),
            held => OpenWallet::Locked(held),
        })?;
        folder.clear_leftover(&name)?;
        let bytes = folder.read_private(&name, MAX_FILE)?;
        let path = folder.path_of(&name);
        let (key, payload) =
            SealKey::unseal(&bytes, passphrase).map_err(|fault| OpenWallet::Unseal {
                path: path.clone(),
                fault,
            })?;
        let secrets = WalletSecrets::from_payload(&payload)
            .map_err(|reason| OpenWallet::Content { path, reason })?;
        Ok((
            Self {
                folder,
                name,
                key,
                _lock: lock,
            },
            secrets,
        ))
    }

    /// Replaces the content in one step: after a crash the file has the old content or the new,
    /// whole.
    ///
    /// # Errors
    /// See [`SaveWallet`].
    pub fn save(&self, secrets: &WalletSecrets) -> Result<(), SaveWallet> {
        self.write(&self.key, secrets)
    }

    /// Replaces content and passphrase in one step. On an error the former passphrase stays.
    ///
    /// # Errors
    /// See [`CreateWallet`], of which the file faults and the rules for passphrases occur here.
    pub fn change_passphrase(
        &mut self,
        secrets: &WalletSecrets,
        passphrase: &str,
        rule: PassphraseRule,
        cost: KdfCost,
    ) -> Result<(), CreateWallet> {
        rule.check(passphrase)?;
        let key = SealKey::fresh(passphrase, cost)?;
        self.write(&key, secrets).map_err(|error| match error {
            SaveWallet::File(fault) => CreateWallet::File(fault),
            SaveWallet::Seal(fault) => CreateWallet::Seal(fault),
        })?;
        self.key = key;
        Ok(())
    }

    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        self.folder.path_of(&self.name)
    }

    fn write(&self, key: &SealKey, secrets: &WalletSecrets) -> Result<(), SaveWallet> {
        let bytes = key.seal(secrets.to_payload())?;
        Ok(self
            .folder
            .publish(&self.name, Publish::Replace, write_all(&bytes))?)
    }
}

impl fmt::Debug for WalletFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WalletFile")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

fn write_all(bytes: &[u8]) -> impl FnOnce(&mut File) -> io::Result<()> + '_ {
    move |file| file.write_all(bytes)
}
