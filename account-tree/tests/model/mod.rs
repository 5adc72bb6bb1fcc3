//! A naive model of the tree, written from specs/04 §2 and §3 and sharing no code with the crate: a sorted map whose root
//! is hashed anew for every question.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of this module; a failing test may panic"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;

use proptest::prelude::*;
use sapwood_account_tree::{
    Change, Delta, Key, Mode, PlanError, Proof, ProveError, Root, Tree, ValueHash, hash::value_hash,
};
use sha2::{Digest, Sha256, block_api::compress256};

pub(crate) type Bytes = [u8; 32];

/// Keys and values of all leaves.
pub(crate) type Model = BTreeMap<Bytes, Vec<u8>>;

/// The fractional parts of the square roots of the first eight primes (FIPS 180-4 §5.3.3).
const SHA256_START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// specs/04 §2.1.
fn compress(tag: &str, left: &Bytes, right: &Bytes) -> Bytes {
    let tag: Bytes = Sha256::digest(tag).into();
    let mut state = SHA256_START;
    for halves in [[&tag, &tag], [left, right]] {
        compress256(
            &mut state,
            &[halves.map(|half| *half).concat().try_into().unwrap()],
        );
    }
    state.map(u32::to_be_bytes).concat().try_into().unwrap()
}

/// specs/04 §3.2, for leaves that share the first `depth` bits.
pub(crate) fn subtree(leaves: &[(&Bytes, &Vec<u8>)], depth: usize) -> Bytes {
    match leaves {
        [] => [0; 32],
        [(key, value)] => {
            let tag = Sha256::digest("sapwood/tree/value");
            let hashed = Sha256::new()
                .chain_update(tag)
                .chain_update(tag)
                .chain_update(value)
                .finalize();
            compress("sapwood/tree/leaf", key, &hashed.into())
        }
        _ => {
            let (right, left): (Vec<_>, Vec<_>) = leaves
                .iter()
                .copied()
                .partition(|(key, _)| key[depth / 8] >> (7 - depth % 8) & 1 == 1);
            compress(
                "sapwood/tree/node",
                &subtree(&left, depth + 1),
                &subtree(&right, depth + 1),
            )
        }
    }
}

pub(crate) fn root(model: &Model) -> Root {
    Root(subtree(&model.iter().collect::<Vec<_>>(), 0))
}

/// The leaves as the crate takes them.
pub(crate) fn leaves(model: &Model) -> impl Iterator<Item = (Key, ValueHash)> {
    model
        .iter()
        .map(|(key, value)| (Key(*key), value_hash(value)))
}

/// `key` with all bits from `index` on taken from `tail`, and the one at `index` differing from `key`.
pub(crate) fn diverge(key: &Bytes, index: usize, tail: &Bytes) -> Bytes {
    let mut result = *key;
    for bit in index..256 {
        let mask = 0x80 >> (bit % 8);
        let flip = if bit == index {
            mask
        } else {
            (key[bit / 8] ^ tail[bit / 8]) & mask
        };
        result[bit / 8] ^= flip;
    }
    result
}

/// The stem that ground keys share.
pub(crate) const STEM: Bytes = [0x5a; 32];

/// Keys as the chain has them, and keys ground to share up to 255 bits with [`STEM`] and so with each other.
pub(crate) fn key() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        any::<Bytes>(),
        Just(STEM),
        (0usize..256, any::<Bytes>()).prop_map(|(index, tail)| diverge(&STEM, index, &tail)),
        // Few enough that histories touch the same leaf more than once.
        (0u8..8).prop_map(|byte| [byte << 5; 32]),
    ]
}

/// Values that a leaf can have: never empty.
pub(crate) fn value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..130)
}

pub(crate) fn model(
    leaves: impl Into<prop::collection::SizeRange>,
) -> impl Strategy<Value = Model> {
    prop::collection::btree_map(key(), value(), leaves)
}

/// A change of one leaf in the model's terms.
pub(crate) type Changes = BTreeMap<Bytes, Option<Vec<u8>>>;

pub(crate) fn changes(
    size: impl Into<prop::collection::SizeRange>,
) -> impl Strategy<Value = Changes> {
    prop::collection::btree_map(key(), prop::option::weighted(0.6, value()), size)
}

pub(crate) fn batch(changes: &Changes) -> Vec<(Key, Option<ValueHash>)> {
    changes
        .iter()
        .map(|(key, value)| (Key(*key), value.as_deref().map(value_hash)))
        .collect()
}

/// A tree with its rows.
pub(crate) struct Ledger {
    pub(crate) tree: Tree,
    pub(crate) rows: BTreeMap<Key, ValueHash>,
}

impl Ledger {
    /// Without leaves.
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            tree: Tree::new(mode),
            rows: BTreeMap::new(),
        }
    }

    /// Loaded from a model, laid out for as many leaves as there are.
    pub(crate) fn load(mode: Mode, model: &Model) -> Self {
        let tree = Tree::load(mode, model.len(), leaves(model)).unwrap();
        let rows = leaves(model).collect();
        Self { tree, rows }
    }

    /// The changes, with what is known of their leaves.
    pub(crate) fn changes(&self, batch: &[(Key, Option<ValueHash>)]) -> Vec<Change> {
        let existed = |key| self.rows.contains_key(key);
        batch
            .iter()
            .map(|(key, new)| Change {
                key: *key,
                existed: existed(key),
                new: *new,
            })
            .collect()
    }

    /// Plans and commits a batch.
    pub(crate) fn update(
        &mut self,
        batch: &[(Key, Option<ValueHash>)],
    ) -> Result<Delta, PlanError<Infallible>> {
        let plan = self.tree.plan(&self.changes(batch), &self.rows)?;
        let (root, len) = (plan.root(), plan.len());
        let delta = self.tree.commit(plan);
        assert_eq!((self.tree.root(), self.tree.len()), (root, len));
        for (key, new) in batch {
            match new {
                Some(value_hash) => self.rows.insert(*key, *value_hash),
                None => self.rows.remove(key),
            };
        }
        assert_eq!(self.rows.len(), len);
        Ok(delta)
    }

    pub(crate) fn root(&self) -> Root {
        self.tree.root()
    }

    pub(crate) fn len(&self) -> usize {
        self.tree.len()
    }

    pub(crate) fn prove(&self, key: &Key) -> Result<Proof, ProveError<Infallible>> {
        self.tree.prove(key, &self.rows)
    }
}

/// Both modes.
pub(crate) const MODES: [Mode; 2] = [Mode::Fast, Mode::Lean];

pub(crate) fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Fast), Just(Mode::Lean)]
}

/// A cheap source of keys for tests that need thousands.
pub(crate) fn hashed_key(number: u32) -> Bytes {
    value_hash(&number.to_le_bytes()).0
}

pub(crate) fn apply(model: &mut Model, changes: &Changes) {
    for (key, value) in changes {
        match value {
            Some(value) => model.insert(*key, value.clone()),
            None => model.remove(key),
        };
    }
}
