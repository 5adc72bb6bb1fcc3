//! The keystore against damage, hostile files, other processes and failing storage.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod content;
mod cuts;
mod files;
mod format;
mod journal;
mod process;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{CreateWallet, KdfCost, PassphraseRule, WalletFile, WalletSecrets};
use crate::keys::Words;

/// The lowest cost that Argon2 has, so that thousands of attempts take seconds.
const CHEAP: KdfCost = KdfCost {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};

const PASSPHRASE: &str = "correct horse";

fn secrets() -> WalletSecrets {
    let words = Words::from_entropy(&[0x42; 32]).unwrap();
    let mut secrets = WalletSecrets::from_words("dev", &words, "").unwrap();
    secrets.add_account(0, "first").unwrap();
    secrets
}

fn create(path: &Path) -> Result<WalletFile, CreateWallet> {
    WalletFile::create(path, &secrets(), PASSPHRASE, PassphraseRule::Strong, CHEAP)
}

/// A folder with one closed wallet in it.
fn closed_wallet() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main");
    create(&path).unwrap();
    (folder, path)
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
