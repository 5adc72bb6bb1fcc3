//! [`Tree`]: the leaves of one state in memory, and their root (specs/04 §3).
//!
//! How it is laid out is in `store`, changes are in `plan` and `commit`, loading is in `load`, proofs are in `prove`.

mod bucket;
mod climb;
mod commit;
mod delta;
mod lay;
mod load;
mod merge;
mod part;
mod past;
mod place;
mod plan;
mod prove;
mod rows;
mod store;
mod trie;
mod view;

pub use delta::Delta;
pub use load::Unusable;
pub use past::Past;
pub use plan::{Change, Plan, PlanError};
pub use prove::{ProveError, TooDeep};
pub use rows::{Damaged, Leaves, RowsError};
pub use view::View;

use std::vec::Vec;

use crate::hash::{NodeHash, Root, ValueHash, leaf_hash};
use crate::key::Key;
use crate::tree::bucket::{Arena, Leaf, Slot};
use crate::tree::store::Store;

/// What a tree keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The hash of every leaf and 64 bits of its key: 50 to 95 bytes a leaf. Rows are hardly ever read.
    Fast,
    /// Only hashes of subtrees of a dozen leaves: 6 to 18 bytes a leaf. A change reads the rows around it, and so notices if
    /// they are damaged.
    Lean,
}

impl Mode {
    /// Leaves in the largest bucket that is not split.
    pub(crate) fn bucket_bound(self) -> usize {
        match self {
            Self::Fast => Arena::LARGEST,
            Self::Lean => 32,
        }
    }

    /// The leaves that a slot of the heap has on average are fewer than this, and at least half of it.
    fn load(self) -> usize {
        match self {
            Self::Fast => 6,
            Self::Lean => 12,
        }
    }

    /// The depth of the heap for so many leaves.
    pub(crate) fn heap_levels(self, leaves: usize) -> usize {
        (0..)
            .find(|levels| leaves >> levels < self.load())
            .expect("a shift by all bits leaves nothing")
    }
}

/// The set of leaves of one state, and its root.
///
/// A tree knows the whole keys of its leaves only where it must: the caller keeps the rows and hands them in as
/// [`Leaves`](crate::Leaves). A batch of changes is [planned](Self::plan) and then [committed](Self::commit); the
/// [`Delta`](crate::Delta) of a commit leads back to the tree [as it was before](Self::at).
pub struct Tree {
    pub(crate) mode: Mode,
    pub(crate) store: Store,
    pub(crate) len: usize,
    /// Counts the commits.
    pub(crate) version: u64,
}

/// The keys of a load or a batch do not rise strictly: one is lower than or equal to the one before it. The caller sorts
/// them, or decides which of two equal ones it meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "keys must rise strictly, but key {key} follows a key that is not lower; sort the keys and keep each once"
)]
pub struct NotRising {
    /// The first key that is out of order.
    pub key: Key,
}

impl Tree {
    /// The tree without leaves. Its root is 0³².
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            store: Store::new(0),
            len: 0,
            version: 0,
        }
    }

    /// What it keeps in memory.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The hash that commits to all leaves. It depends on nothing but them (specs/04 §3.3).
    #[must_use]
    pub fn root(&self) -> Root {
        Root(self.store.root().0)
    }

    /// The number of leaves.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no leaves at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes held, with what is reserved and free.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.store.memory()
    }

    /// Whether the tree holds exactly this leaf, so that a row which somebody reads can be told from a damaged one. `None` if
    /// it cannot tell: in the lean mode, and where keys agree in 64 bits.
    #[must_use]
    pub fn leaf_matches(&self, key: &Key, value_hash: &ValueHash) -> Option<bool> {
        let tag = key.tag();
        let (_, slot) = self.store.find(tag);
        if let Slot::Rows { .. } = slot {
            return None;
        }
        let leaves = self.store.arena.leaves(slot);
        let mut same = leaves
            .iter()
            .skip_while(|leaf| leaf.tag < tag)
            .take_while(|leaf| leaf.tag == tag);
        match (same.next(), same.next()) {
            (Some(leaf), None) => Some(leaf.hash == leaf_hash(key, value_hash)),
            (Some(_), Some(_)) => None,
            (None, _) if self.mode == Mode::Lean && !self.is_empty() => None,
            (None, _) => Some(false),
        }
    }

    /// All leaves in the order of their keys, each as the first 64 bits of its key (as a big-endian number) and its hash: what
    /// [`from_leaf_hashes`](Self::from_leaf_hashes) takes. Nothing in the lean mode, which does not keep them.
    #[must_use]
    pub fn leaf_hashes(&self) -> Option<impl Iterator<Item = (u64, NodeHash)>> {
        let leaves = self.slots().flat_map(|slot| self.store.arena.leaves(slot));
        let pairs = leaves.map(|Leaf { tag, hash }| (*tag, *hash));
        (self.mode == Mode::Fast).then_some(pairs)
    }

    /// All slots that are not pages, from left to right.
    fn slots(&self) -> impl Iterator<Item = Slot> {
        self.store.slots.iter().flat_map(move |slot| {
            let mut ahead = Vec::from([*slot]);
            core::iter::from_fn(move || {
                loop {
                    match ahead.pop()? {
                        Slot::Page(page) => ahead.extend(self.store.page(page).slots.iter().rev()),
                        slot => return Some(slot),
                    }
                }
            })
        })
    }
}

impl Default for Tree {
    /// Without leaves, in the fast mode.
    fn default() -> Self {
        Self::new(Mode::Fast)
    }
}

impl core::fmt::Debug for Tree {
    /// Shows the root and the number of leaves; the leaves themselves may be millions.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tree")
            .field("mode", &self.mode)
            .field("root", &self.root())
            .field("len", &self.len())
            .finish()
    }
}
