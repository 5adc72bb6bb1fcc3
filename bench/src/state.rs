//! A state in memory: encoded rows by key, as a store keeps them, the index of due work, and the tree.

use parity_scale_codec::{DecodeAll, Encode};
use rayon::prelude::*;
use sapwood_account_tree::hash::{value_hash, value_hashes};
use sapwood_account_tree::{Change, Key, Leaves, Mode, Plan, Tree, ValueHash};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{Hash, Height, Leaf};
use sapwood_runtime::{Changes, Commitment, State, Undo, Unreadable, due_heights};
use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
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
    tree: Tree,
}

impl MemoryState {
    /// The state of these leaves, by rising key.
    pub(crate) fn new(rules: Consensus, rows: Vec<(Hash, Leaf)>) -> Result<Self, String> {
        let hash = |(key, leaf): &(Hash, Leaf)| (Key(key.0), value_hash(&leaf.encode()));
        let hashed: Vec<_> = rows.par_iter().map(hash).collect();
        let tree = Tree::load(Mode::Fast, hashed.len(), hashed);
        let mut state = Self {
            rules,
            rows: ByKey::default(),
            due: BTreeSet::new(),
            listed: ByKey::default(),
            tree: tree.map_err(|e| e.to_string())?,
        };
        for (key, leaf) in rows {
            state.set(key, Some(&leaf));
        }
        Ok(state)
    }

    pub(crate) fn root(&self) -> Hash {
        Hash(self.tree.root().0)
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Goes to the state after a block.
    pub(crate) fn apply(&mut self, changes: &Changes, plan: Plan) {
        self.tree.commit(plan);
        self.set_all(changes);
    }

    /// Takes a block back.
    pub(crate) fn take_back(&mut self, undo: &Undo) {
        let changes = undo.changes();
        let existed: Vec<_> = changes
            .iter()
            .map(|(key, _)| self.rows.contains_key(key))
            .collect();
        let plan = self.plan_of(&changes, existed.into_iter());
        self.tree.commit(plan);
        self.set_all(&changes);
    }

    fn set_all(&mut self, changes: &Changes) {
        for (key, leaf) in changes {
            self.set(*key, leaf.as_ref());
        }
    }

    fn plan_of(&self, changes: &Changes, existed: impl Iterator<Item = bool>) -> Plan {
        let (mut rows, mut ends) = (Vec::new(), vec![0]);
        for leaf in changes.iter().flat_map(|(_, leaf)| leaf) {
            leaf.encode_to(&mut rows);
            ends.push(rows.len());
        }
        let values: Vec<&[u8]> = ends
            .windows(2)
            .map(|ends| &rows[ends[0]..ends[1]])
            .collect();
        let mut hashes = value_hashes(&values).into_iter();
        let batch: Vec<_> = changes
            .iter()
            .zip(existed)
            .map(|((key, leaf), existed)| Change {
                key: Key(key.0),
                existed,
                new: leaf.as_ref().and_then(|_| hashes.next()),
            })
            .collect();
        self.tree.plan(&batch, self).expect("rows are in memory")
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

impl Commitment for MemoryState {
    type Plan = Plan;

    fn plan(&self, changes: &Changes, undo: &Undo) -> Result<(Hash, Plan), Unreadable> {
        let existed = undo.entries().iter().map(|entry| entry.old.is_some());
        let plan = self.plan_of(changes, existed);
        Ok((Hash(plan.root().0), plan))
    }
}

impl Leaves for MemoryState {
    type Error = Infallible;

    /// Looks at every row: two keys that agree in 64 bits, for which the tree would ask, are not among them.
    fn below(&self, path: &Key, depth: usize) -> Result<Vec<(Key, ValueHash)>, Infallible> {
        let range = path.below(depth);
        let rows = self.rows().filter(|(key, _)| range.contains(&Key(key.0)));
        let mut leaves: Vec<_> = rows
            .map(|(key, row)| (Key(key.0), value_hash(row)))
            .collect();
        leaves.sort_unstable();
        Ok(leaves)
    }
}
