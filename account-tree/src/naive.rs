//! The tree straight from its definition (specs/04 §3): leaves in a map, everything computed when it is asked for.
//!
//! For small states, for tools, and as the model that the quick tree is held against. An answer costs as much as there are leaves.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::hash::{NodeHash, Root, ValueHash, leaf_hash, node_hash};
use crate::key::Key;
use crate::proof::{Form, Proof};

/// A set of leaves and the root over it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NaiveTree {
    leaves: BTreeMap<Key, ValueHash>,
}

/// A leaf in order: its key, its value hash.
type Entry = (Key, ValueHash);

impl NaiveTree {
    /// The tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            leaves: BTreeMap::new(),
        }
    }

    /// Sets leaves to new value hashes, or with `None` removes them. Of two changes of one key the later one stays.
    pub fn update(&mut self, batch: &[(Key, Option<ValueHash>)]) {
        for (key, value_hash) in batch {
            match value_hash {
                Some(value_hash) => self.leaves.insert(*key, *value_hash),
                None => self.leaves.remove(key),
            };
        }
    }

    /// The hash that commits to all leaves.
    #[must_use]
    pub fn root(&self) -> Root {
        Root(hash(&self.entries(), 0).0)
    }

    /// The proof of what the tree holds at `key`.
    ///
    /// # Panics
    /// If two keys differ in the last bit only, which no hash makes: their proof would be one bit too deep.
    #[must_use]
    pub fn prove(&self, key: &Key) -> Proof {
        let entries = self.entries();
        let (mut below, mut siblings) = (entries.as_slice(), Vec::new());
        while below.len() > 1 {
            let depth = siblings.len();
            let (left, right) = halves(below, depth);
            let (on_path, beside) = if key.bit(depth) {
                (right, left)
            } else {
                (left, right)
            };
            siblings.push(hash(beside, depth + 1));
            below = on_path;
        }
        assert!(siblings.len() <= crate::MAX_DEPTH, "keys are hashes");
        let form = match below.first() {
            None => Form::Empty,
            Some((found, _)) if found == key => Form::Present,
            Some((found, value_hash)) => Form::Neighbour {
                suffix: found.0[siblings.len() / 8..].into(),
                value_hash: *value_hash,
            },
        };
        Proof { form, siblings }
    }

    /// The leaves by rising key.
    pub fn leaves(&self) -> impl Iterator<Item = (Key, ValueHash)> {
        self.leaves
            .iter()
            .map(|(key, value_hash)| (*key, *value_hash))
    }

    /// The number of leaves.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether there are no leaves at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    fn entries(&self) -> Vec<Entry> {
        self.leaves().collect()
    }
}

impl FromIterator<(Key, ValueHash)> for NaiveTree {
    fn from_iter<I: IntoIterator<Item = (Key, ValueHash)>>(leaves: I) -> Self {
        Self {
            leaves: leaves.into_iter().collect(),
        }
    }
}

/// specs/04 §3.2, word by word.
fn hash(entries: &[Entry], depth: usize) -> NodeHash {
    match entries {
        [] => NodeHash::EMPTY,
        [(key, value_hash)] => leaf_hash(key, value_hash),
        _ => {
            let (left, right) = halves(entries, depth);
            node_hash(&hash(left, depth + 1), &hash(right, depth + 1))
        }
    }
}

/// The entries on either side of a node at `depth`.
fn halves(entries: &[Entry], depth: usize) -> (&[Entry], &[Entry]) {
    entries.split_at(entries.partition_point(|(key, _)| !key.bit(depth)))
}
