//! What the peers of `bench tree` have in common: a database is driven by lines on standard input and answers one JSON line each on standard output.
//!
//! [`Store`] is what a peer brings along, [`serve`] the rest. `README.md` says what the requests are and how each is timed.

mod measure;
mod progress;
mod request;
mod serve;

pub use measure::{Times, timed};
pub use serve::{main, serve};

use sapwood_bench_accounts::{Key, Update};
use std::path::Path;

/// Why a request could not be served.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;

/// What a request or a step of it comes to.
pub type Result<T> = std::result::Result<T, Problem>;

/// A database with accounts in it, made ready once and then measured.
pub trait Store: Sized {
    /// Names the database and whatever decides what its files hold, such as a hash function. A directory made by one kind is not opened as another.
    const KIND: &'static str;

    /// A block's updates in the form that the database takes.
    type Batch;

    /// That an account has its value; its borsh form is what is counted.
    type Proof: borsh::BorshSerialize;

    /// The hash that a state is known by; never made if the database has no tree.
    type Root: AsRef<[u8]>;

    /// What the command line chooses.
    type Options;

    /// Opens the database in `dir`, which exists, or makes one for about `accounts` accounts.
    ///
    /// # Errors
    /// If it cannot be opened.
    fn open(dir: &Path, accounts: u64, phase: Phase, options: &Self::Options) -> Result<Self>;

    /// Brings updates, sorted by key, into the database's form. This is never timed.
    fn batch(updates: Vec<Update>) -> Self::Batch;

    /// Applies a block. It is on disk when this returns.
    ///
    /// # Errors
    /// If it is not; the directory is of no use then.
    fn apply(&mut self, batch: Self::Batch) -> Result<Applied>;

    /// Takes the last block back, on disk when this returns. `None` if the database has no such operation.
    ///
    /// # Errors
    /// If it has one and that fails.
    fn undo(&mut self) -> Result<Option<()>>;

    /// The root of the present state; `None` if the database has no tree.
    ///
    /// # Errors
    /// If it cannot be read.
    fn root(&self) -> Result<Option<Self::Root>>;

    /// The value under a key.
    ///
    /// # Errors
    /// If it cannot be read.
    fn value(&self, key: &Key) -> Result<Option<Vec<u8>>>;

    /// A proof for each key, in order. `None` if the database has no tree.
    ///
    /// # Errors
    /// If one cannot be made.
    fn prove(&self, keys: &[Key]) -> Result<Option<Vec<Self::Proof>>>;

    /// Checks against a root that the account has this value, hashing the value.
    ///
    /// # Errors
    /// If the proof does not show it.
    fn verify(root: &Self::Root, key: &Key, value: &[u8], proof: &Self::Proof) -> Result<()>;

    /// Bytes that the files hold ready and nothing is stored in.
    fn unused_bytes(&self) -> u64 {
        0
    }
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its first accounts, which are never taken back.
    Loading,
    /// Everything that is measured.
    Measured,
}

/// A block that is on disk.
pub struct Applied {
    /// What the root took, before anything was committed; `None` if there is no root, or the two cannot be told apart.
    pub root_times: Option<Times>,
}
