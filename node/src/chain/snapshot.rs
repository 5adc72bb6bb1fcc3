//! What readers see: the states after two blocks, and the chain below them.

use sapwood_account_tree::{Anchor, AnchorDepth};
use sapwood_primitives::work::Work;
use sapwood_primitives::{BlockId, Hash, Height, Leaf, SealedHeader};
use sapwood_runtime::Link;
use sapwood_store::{ReadFailed, Row, StorageFailed, View, Witness};
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

/// One state: every answer from it fits the root that its block names. Hold it for one answer, not for long: the store knows the last few dozen states.
#[derive(Clone)]
pub struct Moment {
    /// The block after which the state is.
    pub link: Link,
    pub(super) view: View,
}

impl Moment {
    /// The leaf under a key.
    ///
    /// # Errors
    /// [`ReadFailed`] if the store does not answer, or the state is long gone.
    pub fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, ReadFailed> {
        self.view.leaf(&self.link.id, key)
    }

    /// The leaf under a key, or its absence, with the proof of it under [`Link::state_root`].
    ///
    /// # Errors
    /// As for [`leaf`](Self::leaf).
    pub fn witness(&self, key: &Hash) -> Result<Witness, ReadFailed> {
        self.view.witness(&self.link.id, key)
    }

    /// As [`witness`](Self::witness), with a proof for those who hold an anchor of this depth.
    ///
    /// # Errors
    /// As for [`leaf`](Self::leaf).
    pub fn witness_below(
        &self,
        key: &Hash,
        anchor: AnchorDepth,
    ) -> Result<(Option<Row>, Vec<u8>), ReadFailed> {
        self.view.witness_below(&self.link.id, key, anchor)
    }

    /// The leaves under rising keys, with one proof of all.
    ///
    /// # Errors
    /// As for [`leaf`](Self::leaf).
    pub fn witness_many(&self, keys: &[Hash]) -> Result<(Vec<Option<Row>>, Vec<u8>), ReadFailed> {
        self.view.witness_many(&self.link.id, keys)
    }

    /// The nodes of the state's tree at a depth.
    ///
    /// # Errors
    /// As for [`leaf`](Self::leaf).
    pub fn anchor(&self, depth: AnchorDepth) -> Result<Anchor, ReadFailed> {
        self.view.anchor(&self.link.id, depth)
    }

    /// The block's header.
    ///
    /// # Errors
    /// As for [`leaf`](Self::leaf); also if the block has left the main chain.
    pub fn header(&self) -> Result<SealedHeader, ReadFailed> {
        let header = self.view.header(self.link.height)?;
        let header = header.filter(|header| header.id() == self.link.id);
        header.ok_or(ReadFailed::Gone(self.link.id))
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

    /// The state after a block, if it is known; none if the block is not on the chain's last stretch.
    ///
    /// # Errors
    /// [`StorageFailed`] if the block's link cannot be read.
    pub fn after(&self, block: &BlockId) -> Result<Option<Moment>, StorageFailed> {
        let view = &self.head.view;
        let link = match view.remembers(block) {
            true => view.link(block)?,
            false => None,
        };
        Ok(link.map(|link| Moment {
            link,
            view: view.clone(),
        }))
    }

    /// The tip.
    pub fn head(&self) -> &Link {
        &self.head.link
    }

    /// Headers, blocks, transactions and names as of the tip.
    pub fn view(&self) -> &View {
        &self.head.view
    }
}
