//! The journal of registrations under way: what was committed, and must be revealed before it
//! lapses.
//!
//! A registration takes two transactions some blocks apart (specs on names: commit, then reveal),
//! and the program may end in between. [`PendingRegistrations`] keeps one JSON file, readable by
//! its owner only, that is replaced as a whole at every change:
//!
//! ```json
//! {"schema": 1, "pending": [{"name": "…", "account_index": 0, "salt": "…", …}]}
//! ```
//!
//! The file is convenience, not the only copy: salts are derived from the words
//! ([`crate::keys::salt`]). So a damaged journal is reported and left alone, never replaced by an
//! empty one.

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::FileFault;
use super::lock::{FileLock, Locked};
use super::place::{Folder, Publish};

/// The schema that this code writes and reads.
const SCHEMA: u32 = 1;

/// Most registrations under way at once: far more than one wallet's accounts.
const MAX_ENTRIES: usize = 10_000;

/// Longest name in bytes, that of a label in DNS. Which names are legal on the chain is checked
/// where one is chosen.
const MAX_NAME: usize = 63;

/// Longest journal read, in bytes: 10,000 entries have at most 620 bytes each.
const MAX_FILE: u64 = 8 << 20;

/// How long a change waits for another process to finish its own, which takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far a registration has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Written down, the commit transaction perhaps not sent.
    Prepared,
    /// The commit transaction was sent.
    Committed,
    /// The reveal transaction was sent.
    Revealed,
}

/// One registration under way.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The name to register; there is one entry a name.
    pub name: String,
    /// The account that registers it.
    pub account_index: u32,
    /// What hides the name until it is revealed.
    #[serde(with = "hex::serde")]
    pub salt: [u8; 32],
    /// For how many years.
    pub years: u32,
    /// The highest price that its owner agreed to, in drops.
    pub max_price: u64,
    /// The transaction that carries the commitment.
    #[serde(with = "hex::serde")]
    pub commit_txid: [u8; 32],
    /// The commitment itself.
    #[serde(with = "hex::serde")]
    pub commitment: [u8; 32],
    /// The last height at which the commit transaction can be included.
    pub valid_until: u64,
    /// How far it has come.
    pub stage: Stage,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("name", &self.name)
            .field("account_index", &self.account_index)
            .field("stage", &self.stage)
            .field("valid_until", &self.valid_until)
            .finish_non_exhaustive()
    }
}

/// Why the journal could not be read or changed. It is what it was before.
#[derive(Debug, thiserror::Error)]
pub enum JournalFault {
    /// The file is unfit, or the storage fails.
    #[error(transparent)]
    File(FileFault),
    /// Another process kept it locked for too long.
    #[error(transparent)]
    Locked(Locked),
    /// The content is not a journal.
    #[error(
        "the journal of registrations {} is damaged ({reason}) and is left as it is; move it away to go on: salts are \
         derived again from the words of the wallet",
        path.display()
    )]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// A newer program wrote it.
    #[error("the journal of registrations {} has schema {schema}, this program knows {SCHEMA}; use a newer release", path.display())]
    Newer {
        /// The journal.
        path: PathBuf,
        /// The schema number found in it.
        schema: u32,
    },
    /// There is no room for another entry.
    #[error(
        "{MAX_ENTRIES} registrations are under way, the most a wallet can have; finish or drop some first"
    )]
    Full,
    /// The name of an entry is empty, too long or not printable ASCII.
    #[error("a name has 1 to {MAX_NAME} printable ASCII characters")]
    Name,
}

impl From<FileFault> for JournalFault {
    fn from(fault: FileFault) -> Self {
        Self::File(fault)
    }
}

impl From<Locked> for JournalFault {
    fn from(locked: Locked) -> Self {
        match locked {
            Locked::File(fault) => Self::File(fault),
            held => Self::Locked(held),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Journal {
    schema: u32,
    pending: Vec<Registration>,
}

/// Only the number that says how to read the rest.
#[derive(Deserialize)]
struct SchemaOnly {
    schema: u32,
}

/// The journal of one wallet. Nothing is kept in memory, so several processes may use one journal.
#[derive(Debug)]
pub struct PendingRegistrations {
    folder: Folder,
    name: OsString,
}

impl PendingRegistrations {
    /// Opens the journal at `path`, whose folder must exist. A file that is missing is an empty
    /// journal.
    ///
    /// # Errors
    /// [`JournalFault::Damaged`], [`JournalFault::Newer`], or what is wrong with file or folder.
    pub fn open(path: &Path) -> Result<Self, JournalFault> {
        let (folder, name) = Folder::of(path)?;
        let journal = Self { folder, name };
        journal.read()?;
        Ok(journal)
    }

    /// All entries, in the order in which their names first came.
    ///
    /// # Errors
    /// As for [`PendingRegistrations::open`].
    pub fn list(&self) -> Result<Vec<Registration>, JournalFault> {
        self.read()
    }

    /// Writes an entry, in the place of the one with the same name if there is one. When this
    /// returns, it is on disk.
    ///
    /// # Errors
    /// [`JournalFault::Full`] or [`JournalFault::Name`], [`JournalFault::Locked`] after five
    /// seconds, and those of [`PendingRegistrations::open`].
    pub fn put(&self, entry: Registration) -> Result<(), JournalFault> {
        if !is_name(&entry.name) {
            return Err(JournalFault::Name);
        }
        let _lock = FileLock::acquire_within(&self.folder, &self.name, PATIENCE)?;
        let mut pending = self.read()?;
        match pending.iter().position(|other| other.name == entry.name) {
            Some(place) => pending[place] = entry,
            None if pending.len() >= MAX_ENTRIES => return Err(JournalFault::Full),
            None => pending.push(entry),
        }
        self.write(pending)
    }

    /// Removes the entry of `name` and says whether there was one.
    ///
    /// # Errors
    /// As for [`PendingRegistrations::put`].
    pub fn remove(&self, name: &str) -> Result<bool, JournalFault> {
        let _lock = FileLock::acquire_within(&self.folder, &self.name, PATIENCE)?;
        let mut pending = self.read()?;
        let before = pending.len();
        pending.retain(|entry| entry.name != name);
        if pending.len() == before {
            return Ok(false);
        }
        self.write(pending)?;
        Ok(true)
    }

    fn read(&self) -> Result<Vec<Registration>, JournalFault> {
        let bytes = match self.folder.read_private(&self.name, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(FileFault::Missing { .. }) => return Ok(Vec::new()),
            Err(FileFault::Length { bytes, .. }) => {
                return Err(self.damaged(format!("{bytes} bytes long")));
            }
            Err(fault) => return Err(fault.into()),
        };
        // The position is enough to find the fault; the message of the parser could repeat a salt.
        let malformed = |error: serde_json::Error| {
            self.damaged(format!("line {}, column {}", error.line(), error.column()))
        };
        let SchemaOnly { schema } = serde_json::from_slice(&bytes).map_err(malformed)?;
        if schema > SCHEMA {
            return Err(JournalFault::Newer {
                path: self.folder.path_of(&self.name),
                schema,
            });
        }
        let journal: Journal = serde_json::from_slice(&bytes).map_err(malformed)?;
        self.check(&journal)?;
        Ok(journal.pending)
    }

    fn check(&self, journal: &Journal) -> Result<(), JournalFault> {
        let mut names: Vec<&str> = journal
            .pending
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        names.sort_unstable();
        if journal.schema != SCHEMA {
            Err(self.damaged(format!("schema {}", journal.schema)))
        } else if names.len() > MAX_ENTRIES {
            Err(self.damaged(format!("{} entries", names.len())))
        } else if names.iter().any(|name| !is_name(name)) {
            Err(self.damaged("a name is empty, too long or not printable".to_owned()))
        } else if names.windows(2).any(|pair| pair[0] == pair[1]) {
            Err(self.damaged("a name stands there twice".to_owned()))
        } else {
            Ok(())
        }
    }

    fn write(&self, pending: Vec<Registration>) -> Result<(), JournalFault> {
        let bytes = serde_json::to_vec(&Journal {
            schema: SCHEMA,
            pending,
        })
        .expect("a journal has only strings and numbers");
        Ok(self
            .folder
            .publish(&self.name, Publish::Replace, |file| file.write_all(&bytes))?)
    }

    fn damaged(&self, reason: String) -> JournalFault {
        JournalFault::Damaged {
            path: self.folder.path_of(&self.name),
            reason,
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(|byte| byte.is_ascii_graphic())
}
