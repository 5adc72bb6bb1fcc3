//! What readers see: one committed state, whole, for as long as they hold it.

use super::storage::{StorageFailed, View};
use sapwood_account_tree::{Key, Proof, TooDeep, Tree};
use sapwood_primitives::work::Work;
use sapwood_primitives::{BlockId, Hash, Height, Leaf};
use sapwood_runtime::Link;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which state is meant (specs/09 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// After the tip.
    #[default]
    Head,
    /// After the block at the trusted depth (specs/07 §2.2); after the oldest one while the chain is shorter.
    Trusted,
}

/// A heavier branch that is not followed because too many own blocks would be undone. An operator decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The branch's last block.
    pub id: BlockId,
    /// Its height.
    pub height: Height,
    /// Work of the branch.
    pub work: Work,
    /// Last common block.
    pub fork: Height,
    /// Own blocks that following it would undo.
    pub depth: u64,
}

/// One state: every answer from it fits the root that its block names.
#[derive(Clone)]
pub struct Moment {
    /// The block after which the state is.
    pub link: Link,
    /// The tree over the state.
    pub tree: Tree,
    pub(super) view: Arc<dyn View>,
    /// Where the state differs from the view, which is that of the head.
    pub(super) older: Arc<BTreeMap<Hash, Option<Leaf>>>,
}

impl Moment {
    /// The leaf under a key.
    ///
    /// # Errors
    /// [`StorageFailed`] if the store does not answer.
    pub fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, StorageFailed> {
        match self.older.get(key) {
            Some(leaf) => Ok(leaf.clone()),
            None => self.view.leaf(key),
        }
    }

    /// Proof of the leaf, or of its absence, under [`Link::state_root`].
    ///
    /// # Errors
    /// [`TooDeep`] for keys that no hash makes.
    pub fn prove(&self, key: &Hash) -> Result<Proof, TooDeep> {
        self.tree.prove(&Key(key.0))
    }
}

/// The chain as it was at one tip.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) head: Moment,
    pub(super) trusted: Moment,
    /// Heavier branches that are not followed, heaviest first.
    pub parked: Arc<[Parked]>,
    /// Set when the store failed: nothing is written any more, and the process should end with code 4.
    pub storage_failed: Option<StorageFailed>,
}

impl Snapshot {
    /// The state that is meant.
    pub fn at(&self, at: At) -> &Moment {
        match at {
            At::Head => &self.head,
            At::Trusted => &self.trusted,
        }
    }

    /// The tip.
    pub fn head(&self) -> &Link {
        &self.head.link
    }

    /// Headers, blocks, transactions and names as of the tip.
    pub fn view(&self) -> &dyn View {
        &*self.head.view
    }
}
