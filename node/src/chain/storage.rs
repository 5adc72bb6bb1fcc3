//! What the chain asks of its storage: the traits [`Read`], [`View`], [`Edit`] and [`Store`], which `crate::store` answers with redb.
//!
//! A store holds the leaves of one state, the main chain's headers for ever, and blocks, undo records and links of a window, side branches included. It decides no
//! rule: what is written, and which blocks are dropped, is said by the chain. Whatever is written in one [`Store::write`] is on the disk as a whole or not at all.

use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{BlockId, Hash, Height, Leaf, Name, SealedHeader, TxId};
use sapwood_runtime::{Link, State, Undo, Unreadable, due_heights};
use std::sync::Arc;

/// The disk, or the file on it, did not do what was asked. Nothing more is written by this process; reading may go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("storage failed while {attempt}: {reason}; check the disk and start again")]
pub struct StorageFailed {
    /// What was attempted.
    pub attempt: String,
    /// What the layer below said.
    pub reason: String,
}

impl StorageFailed {
    /// A failure of `attempt`, for the reason that the layer below gives.
    pub fn new(attempt: impl Into<String>, reason: impl ToString) -> Self {
        Self {
            attempt: attempt.into(),
            reason: reason.to_string(),
        }
    }
}

impl From<Unreadable> for StorageFailed {
    fn from(unreadable: Unreadable) -> Self {
        Self::new("reading the state", unreadable.0)
    }
}

/// The end of the main chain, as the store names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Height of the block.
    pub height: Height,
    /// Its id.
    pub id: BlockId,
    /// Root of the state that the rows are.
    pub state_root: Hash,
}

/// Where a transaction stands on the main chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Height of its block.
    pub height: Height,
    /// Its place in the block; the coinbase is 0.
    pub index: u32,
}

/// An entry of the two indexes that follow from the leaves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IndexRow {
    /// The leaf under this key has work due at this height (specs/05 §6).
    Due(Height, Hash),
    /// There is a leaf for this name.
    Name(Name),
}

/// The index entries that a leaf calls for. A store adds and removes them with the leaf; at start they are compared with what it has.
pub fn index_rows(rules: &Consensus, key: &Hash, leaf: &Leaf) -> Vec<IndexRow> {
    let mut rows: Vec<_> = due_heights(rules, leaf)
        .into_iter()
        .map(|height| IndexRow::Due(height, *key))
        .collect();
    if let Leaf::Name(name) = leaf {
        rows.push(IndexRow::Name(name.name.clone()));
    }
    rows
}

/// Questions about one state and the blocks around it. Everything fails with [`StorageFailed`] only.
#[allow(
    clippy::missing_errors_doc,
    reason = "all methods fail alike, as the line above says"
)]
pub trait Read {
    /// End of the main chain.
    fn tip(&self) -> Result<Tip, StorageFailed>;
    /// The leaf under a key.
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, StorageFailed>;
    /// Keys of the leaves with work due at a height, rising.
    fn due(&self, height: Height) -> Result<Vec<Hash>, StorageFailed>;
    /// A header of the main chain; headers are kept for ever.
    fn header(&self, height: Height) -> Result<Option<SealedHeader>, StorageFailed>;
    /// The height of a block, if it is on the main chain.
    fn height_of(&self, id: &BlockId) -> Result<Option<Height>, StorageFailed>;
    /// What a child needs of this block; within the window, side branches included.
    fn link(&self, id: &BlockId) -> Result<Option<Link>, StorageFailed>;
    /// The bytes of a block; within the window, side branches included.
    fn block(&self, id: &BlockId) -> Result<Option<Vec<u8>>, StorageFailed>;
    /// What takes a block back; main chain within the window.
    fn undo(&self, id: &BlockId) -> Result<Option<Undo>, StorageFailed>;
    /// Where a transaction stands; main chain within the window.
    fn position(&self, txid: &TxId) -> Result<Option<Position>, StorageFailed>;
    /// At most `limit` names after `after`, in order. Names in their premium are among them: the leaf tells.
    fn names(&self, after: Option<&Name>, limit: usize) -> Result<Vec<Name>, StorageFailed>;
    /// All blocks that the window holds at heights from `from` on, side branches included, rising by height.
    fn window(&self, from: Height) -> Result<Vec<(Height, BlockId)>, StorageFailed>;
}

/// A committed state that stays as it is while others are written.
pub trait View: Read + Send + Sync {}

impl<T: Read + Send + Sync> View for T {}

/// A transaction under way: it reads what it has written.
#[allow(
    clippy::missing_errors_doc,
    reason = "all methods fail alike, as `Read` says"
)]
pub trait Edit: Read {
    /// Writes, or with `None` removes, leaves and the index entries that follow from them.
    fn set_leaves(&mut self, changes: &[(Hash, Option<Leaf>)]) -> Result<(), StorageFailed>;
    /// Stores a block and its link, on no branch in particular.
    fn put_block(&mut self, link: &Link, bytes: &[u8]) -> Result<(), StorageFailed>;
    /// Makes a stored block the end of the main chain. `txids` are all ids, the coinbase's first.
    fn join(
        &mut self,
        link: &Link,
        header: &SealedHeader,
        undo: &Undo,
        txids: &[TxId],
    ) -> Result<(), StorageFailed>;
    /// Takes the end off the main chain; `parent` is the new end. The block stays as a side block.
    fn leave(&mut self, link: &Link, parent: &Link, txids: &[TxId]) -> Result<(), StorageFailed>;
    /// Forgets a block that is not on the main chain.
    fn forget(&mut self, height: Height, id: &BlockId) -> Result<(), StorageFailed>;
    /// Forgets blocks, links, undo records and transaction positions at heights up to and including `height`, and leaves the headers.
    fn prune(&mut self, height: Height) -> Result<(), StorageFailed>;
}

/// What is done in one transaction. An error takes everything back.
pub type Work<'a> = &'a mut dyn FnMut(&mut dyn Edit) -> Result<(), Abort>;

/// Why a transaction is given up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Abort {
    /// The caller found a reason of its own not to go on; the store is as it was.
    #[error("given up by the caller")]
    GivenUp,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageFailed),
}

/// Rows of the state as they are stored: key and encoded leaf.
pub type Rows = Box<dyn Iterator<Item = Result<(Hash, Vec<u8>), StorageFailed>> + Send>;

/// Rows of the indexes, in no order that matters.
pub type Index = Box<dyn Iterator<Item = Result<IndexRow, StorageFailed>> + Send>;

/// Durable storage with one writer and any number of readers.
pub trait Store: Send + Sync {
    /// All rows of the last committed state, by rising key.
    ///
    /// # Errors
    /// [`StorageFailed`], here or from the iterator.
    fn rows(&self) -> Result<Rows, StorageFailed>;

    /// All rows of the indexes of the last committed state.
    ///
    /// # Errors
    /// [`StorageFailed`], here or from the iterator.
    fn index(&self) -> Result<Index, StorageFailed>;

    /// The last committed state.
    ///
    /// # Errors
    /// [`StorageFailed`].
    fn view(&self) -> Result<Arc<dyn View>, StorageFailed>;

    /// Does `work` in one transaction. When this returns `Ok`, all of it survives a loss of power; when it returns an error, none of it is visible to this process any
    /// more. After [`Abort::Storage`] from the commit itself the disk may have either, whole.
    ///
    /// # Errors
    /// What `work` gave up with, or the failure of the store.
    fn write(&self, work: Work<'_>) -> Result<(), Abort>;
}

/// A reader, or a transaction under way, as the state that the runtime asks for.
pub struct StateOf<'a, R: ?Sized>(pub &'a R);

impl<R: Read + ?Sized> State for StateOf<'_, R> {
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, Unreadable> {
        self.0
            .leaf(key)
            .map_err(|failed| Unreadable(failed.to_string()))
    }

    fn due(&self, height: Height) -> Result<Vec<Hash>, Unreadable> {
        self.0
            .due(height)
            .map_err(|failed| Unreadable(failed.to_string()))
    }
}
