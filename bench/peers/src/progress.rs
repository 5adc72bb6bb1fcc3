//! What a directory holds, written beside the database after each change.
//!
//! It is not one transaction with the database. A process that is killed between the two leaves a directory that [`Progress::matches`] refuses.

use crate::{Result, Store};
use sapwood_bench_accounts::{key, present_after};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

const FILE: &str = "progress.json";

/// How far a database has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    /// [`Store::KIND`].
    pub(crate) kind: String,
    /// How many accounts were asked for.
    pub(crate) loaded: u64,
    /// The numbers below this are present; fewer than `loaded` while loading.
    pub(crate) present: u64,
    /// Updates of each block since then, but for those that were taken back.
    pub(crate) blocks: Vec<u64>,
}

impl Progress {
    /// Of an empty database that is to hold `accounts`.
    pub(crate) fn new(kind: &str, accounts: u64) -> Self {
        Self {
            kind: kind.to_owned(),
            loaded: accounts,
            present: 0,
            blocks: Vec::new(),
        }
    }

    /// Reads what was written for `dir`; `None` if nothing was.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>> {
        let file = dir.join(FILE);
        if !file.try_exists()? {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&fs::read(file)?)?))
    }

    /// Replaces what was written.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        let new = dir.join("progress.new");
        fs::write(&new, serde_json::to_vec(self)?)?;
        Ok(fs::rename(new, dir.join(FILE))?)
    }

    /// Counts a block of `count` updates.
    pub(crate) fn add_block(&mut self, count: u64) {
        self.blocks.push(count);
        self.present = present_after(self.present, count);
    }

    /// Takes the last block out of the count; `None` if there is none.
    pub(crate) fn take_block(&mut self) -> Option<()> {
        let count = self.blocks.pop()?;
        self.present -= present_after(0, count);
        Some(())
    }

    /// Whether the last account is in the database and the next one is not.
    pub(crate) fn matches<S: Store>(&self, store: &S) -> Result<bool> {
        let has = |number| store.value(&key(number)).map(|value| value.is_some());
        let last = self.present.checked_sub(1).map_or(Ok(true), has)?;
        Ok(last && !has(self.present)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Progress::read(dir.path()).unwrap(), None);
        let mut progress = Progress::new("x", 10);
        progress.add_block(4);
        progress.write(dir.path()).unwrap();
        assert_eq!(Progress::read(dir.path()).unwrap(), Some(progress));
    }

    #[test]
    fn a_block_taken_back_leaves_what_was_present() {
        let mut progress = Progress::new("x", 10);
        progress.present = 10;
        progress.add_block(5);
        assert_eq!(progress.present, 13);
        progress.add_block(4);
        assert_eq!(progress.present, 15);
        progress.take_block().unwrap();
        assert_eq!(progress.present, 13);
        progress.take_block().unwrap();
        assert_eq!(progress.present, 10);
        assert_eq!(progress.take_block(), None);
    }
}
