//! A state in memory: encoded rows by key, as a store keeps them, and the index of due work.

use parity_scale_codec::{DecodeAll, Encode};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{Hash, Height, Leaf};
use sapwood_runtime::{Changes, State, Unreadable, due_heights};
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// A key is a hash already: its last bytes serve as they are.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_le_bytes(*last);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type ByKey<T> = HashMap<Hash, T, BuildHasherDefault<KeyHasher>>;

/// Rows and due index. A row is decoded whenever it is read, as it would be from a disk's page; like a store, it believes what it wrote itself.
pub(crate) struct MemoryState {
    rules: Consensus,
    rows: ByKey<Vec<u8>>,
    due: BTreeSet<(Height, Hash)>,
    /// Where `due` lists a leaf, for the few that it lists.
    listed: ByKey<Vec<Height>>,
}

impl MemoryState {
    pub(crate) fn new(rules: Consensus, rows: impl IntoIterator<Item = (Hash, Leaf)>) -> Self {
        let mut state = Self {
            rules,
            rows: ByKey::default(),
            due: BTreeSet::new(),
            listed: ByKey::default(),
        };
        for (key, leaf) in rows {
            state.set(key, Some(&leaf));
        }
        state
    }

    pub(crate) fn apply(&mut self, changes: &Changes) {
        for (key, leaf) in changes {
            self.set(*key, leaf.as_ref());
        }
    }

    /// The encoded leaf, if there is one.
    pub(crate) fn row(&self, key: &Hash) -> Option<&[u8]> {
        self.rows.get(key).map(AsRef::as_ref)
    }

    /// All keys and encoded leaves.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Hash, &[u8])> {
        self.rows.iter().map(|(key, row)| (key, row.as_slice()))
    }

    fn set(&mut self, key: Hash, leaf: Option<&Leaf>) {
        for height in self.listed.remove(&key).unwrap_or_default() {
            self.due.remove(&(height, key));
        }
        let Some(leaf) = leaf else {
            self.rows.remove(&key);
            return;
        };
        let row = self.rows.entry(key).or_default();
        row.clear();
        leaf.encode_to(row);
        let heights = due_heights(&self.rules, leaf);
        if !heights.is_empty() {
            self.due.extend(heights.iter().map(|&height| (height, key)));
            self.listed.insert(key, heights);
        }
    }
}

impl State for MemoryState {
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, Unreadable> {
        let leaf = self.row(key).map(|mut row| Leaf::decode_all(&mut row));
        leaf.transpose().map_err(|e| Unreadable(e.to_string()))
    }

    fn due(&self, height: Height) -> Result<Vec<Hash>, Unreadable> {
        let all = (height, Hash([0; 32]))..=(height, Hash([0xff; 32]));
        Ok(self.due.range(all).map(|(_, key)| *key).collect())
    }
}
