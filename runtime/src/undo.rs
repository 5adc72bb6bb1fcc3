//! What takes a block back (specs/05 §7).

use crate::draft::Changes;
use parity_scale_codec::{Decode, Encode};
use sapwood_primitives::codec::{Bounded, Item, Wire};
use sapwood_primitives::{Hash, Leaf};

/// Leaves that one block can touch: far above what 262,144 bytes of actions and the due work of a height reach.
const MAX_ENTRIES: usize = 1 << 20;

/// A touched leaf as it was before the block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct UndoEntry {
    /// Its key.
    pub key: Hash,
    /// Its value before; none if it was absent.
    pub old: Option<Leaf>,
}

impl Item for UndoEntry {
    /// A key, and a byte that says that nothing stood there.
    const MIN_BYTES: usize = 32 + 1;
}

/// All leaves that a block touched, in key order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Undo(Bounded<UndoEntry, MAX_ENTRIES>);

impl Undo {
    /// Takes entries in key order.
    ///
    /// # Panics
    /// If there are more than a block can make.
    pub fn new(entries: Vec<UndoEntry>) -> Self {
        Self(Bounded::new(entries).expect("a block touches fewer leaves than the bound"))
    }

    /// The entries.
    pub fn entries(&self) -> &[UndoEntry] {
        &self.0
    }

    /// The changes that turn the state after the block into the one before it.
    pub fn changes(&self) -> Changes {
        self.0
            .iter()
            .map(|entry| (entry.key, entry.old.clone()))
            .collect()
    }
}

impl Wire for Undo {
    /// One mebi entries of an average account.
    const MAX_BYTES: usize = 256 << 20;
}
