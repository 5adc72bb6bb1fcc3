//! The store that the tree's figures begin with: a node's data directory with so many accounts, one block on the genesis that names their state, and nothing else.

use super::accounts::{BALANCE, leaf, sorted};
use crate::fixture::{self, World};
use crate::store::{self, Base, kept, write_chain_file};
use parity_scale_codec::Encode;
use rayon::prelude::*;
use sapwood_account_tree::hash::value_hash;
use sapwood_account_tree::{Key, Mode, Tree};
use sapwood_bench_accounts::LOADED;
use sapwood_primitives::{Amount, Chain, Hash, Leaf};
use std::path::{Path, PathBuf};

/// Counted up when a store would be another than before.
const FORMAT: u32 = 2;

/// Rows that are made at a time, on all threads.
const BATCH: usize = 1 << 14;

/// A kept store.
pub(crate) struct Loaded {
    pub(crate) chain: Chain,
    /// A node's data directory.
    pub(crate) data: PathBuf,
    pub(crate) accounts: u64,
}

impl Loaded {
    /// The directory that [`sapwood_store::Store::open`] takes.
    pub(crate) fn directory(&self) -> PathBuf {
        self.data.join(&self.chain.name)
    }
}

/// The store of so many accounts; built if it is missing.
///
/// # Errors
/// What could not be built or written.
pub(crate) fn loaded(accounts: u64) -> Result<Loaded, String> {
    let chain = fixture::chain();
    let digest = chain.consensus.digest(&chain.name).to_string();
    let name = format!("tree-{FORMAT}-{accounts}-{}", &digest[..16]);
    let data = kept(&name, |directory| {
        let keys = Keys::new(&chain, accounts);
        let base = Base::first(&World::bare()?, keys.root()?)?;
        write_chain_file(directory, &chain)?;
        make(&directory.join(&chain.name), &chain, &base, &keys)
    })?;
    Ok(Loaded {
        chain,
        data,
        accounts,
    })
}

fn make(directory: &Path, chain: &Chain, base: &Base, keys: &Keys) -> Result<(), String> {
    let rows = keys.map_batches(|key, leaf| (key, leaf.encode(), leaf));
    store::make(
        directory,
        chain,
        base,
        rows.map(|(key, row, leaf)| (key, leaf, row)),
    )
}

/// The keys of a state: those of the accounts, and that of the chain's own leaf.
struct Keys {
    system: Leaf,
    /// By rising key; without a number the chain's.
    keys: Vec<(Hash, Option<u64>)>,
}

impl Keys {
    fn new(chain: &Chain, accounts: u64) -> Self {
        let out = Amount::from_drops(BALANCE * accounts).expect("below the supply");
        let system = fixture::without(chain, out);
        let numbered = sorted(accounts).into_iter();
        let mut keys: Vec<_> = numbered.map(|(key, number)| (key, Some(number))).collect();
        let place = keys.partition_point(|(key, _)| *key < system.key());
        keys.insert(place, (system.key(), None));
        Self { system, keys }
    }

    /// Something of each leaf, by rising key.
    fn map_batches<T: Send>(&self, of: impl Fn(Hash, Leaf) -> T + Sync) -> impl Iterator<Item = T> {
        self.keys.chunks(BATCH).flat_map(move |batch| {
            let made = batch.par_iter().map(|(key, number)| {
                let leaf = number.map_or_else(|| self.system.clone(), |n| leaf(n, LOADED));
                of(*key, leaf)
            });
            made.collect::<Vec<_>>()
        })
    }

    fn root(&self) -> Result<Hash, String> {
        let hashed = self.map_batches(|key, leaf| (Key(key.0), value_hash(&leaf.encode())));
        let tree = Tree::load(Mode::Fast, self.keys.len(), hashed);
        tree.map(|tree| Hash(tree.root().0))
            .map_err(|e| e.to_string())
    }
}
