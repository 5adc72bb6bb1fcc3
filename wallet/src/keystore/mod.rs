//! Where a wallet's secrets live: one encrypted file a wallet, and a small journal of registrations
//! under way.
//!
//! - [`WalletFile`] creates, opens and replaces the file; its bytes are documented in [`crypt`].
//! - [`WalletSecrets`] is what the file holds: the words, the accounts and the keys imported.
//! - [`PendingRegistrations`] remembers what was committed and waits to be revealed.
//! - [`FileFault`] is everything that can be wrong with a file or its folder, each with what to do
//!   about it.
//!
//! Asking for a passphrase, choosing paths and telling a person what happened are left to the
//! commands.

pub(crate) mod changes;
pub mod crypt;
mod fault;
mod file;
pub mod journal;
mod lock;
mod payload;
mod place;
mod secrets;

use std::io::Write;
use std::path::Path;

use place::{Folder, Publish};

pub use crypt::{CostOutOfBounds, KdfCost};
pub use fault::FileFault;
pub use file::{CreateWallet, OpenWallet, PassphraseRule, SaveWallet, WalletFile};
pub use journal::{JournalFault, PendingRegistrations, Registration, Stage};
pub use lock::Locked;
pub use secrets::{Account, EditWallet, WalletSecrets};

/// Reads a file beside a wallet, with the checks of the wallet file itself: a regular file, not behind a link, its owner's alone, of at
/// most `limit` bytes. `None` if there is none.
pub(crate) fn read_beside(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileFault> {
    let (folder, name) = Folder::of(path)?;
    match folder.read_private(&name, limit) {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(FileFault::Missing { .. }) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Replaces a file beside a wallet as a whole, or creates it; when this returns, it is on disk.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> Result<(), FileFault> {
    let (folder, name) = Folder::of(path)?;
    folder.publish(&name, Publish::Replace, |file| file.write_all(bytes))
}

/// Keeps the memory of this process out of core files and away from other processes of the same
/// user.
///
/// Call it once at the start of any command that opens a wallet, before a passphrase is asked for.
/// It sets the limit of core files to zero and, on Linux, clears the dumpable attribute, which also
/// stops debuggers from attaching.
///
/// # Errors
/// What the operating system answers. Nothing that is known refuses it; a caller may warn and go
/// on.
pub fn harden_process() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[cfg(test)]
mod tests;
