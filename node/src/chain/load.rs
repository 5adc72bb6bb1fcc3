//! Starting from what is stored: every row is read, checked and put into the tree, and the whole is compared with the tip's header.
//!
//! This finds rot in the rows (the state root), in the indexes (a tally) and in the tip. Blocks, undo records and headers are checked when they are used.

use super::error::OpenChain;
use super::storage::{IndexRow, Read, Rows, StorageFailed, Store, index_rows};
use crate::contained::contained;
use rayon::prelude::*;
use sapwood_account_tree::{Key, Tree, ValueHash, hash::value_hash};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{Amount, Chain, Hash, Leaf, codec};
use sapwood_runtime::Link;
use std::hash::{DefaultHasher, Hash as _, Hasher};

/// Rows that are checked at once while the next ones are read: enough to keep all cores busy, and about a megabyte.
const CHUNK: usize = 8_192;

/// What is said of a file on which redb panicked.
const CONTRADICTION: &str = "its pages contradict each other";

/// The last committed state.
pub(super) struct Loaded {
    pub(super) link: Link,
    pub(super) tree: Tree,
}

/// Loads and checks the last committed state.
pub(super) fn load(chain: &Chain, store: &dyn Store) -> Result<Loaded, OpenChain> {
    // redb can panic on a damaged file. Nothing is being written, and after a panic the store is not used any more.
    contained(|| load_checked(chain, store)).unwrap_or_else(|| damaged(CONTRADICTION))
}

fn load_checked(chain: &Chain, store: &dyn Store) -> Result<Loaded, OpenChain> {
    let view = store.view()?;
    let link = tip_link(&*view)?;
    let mut rows = CheckedRows::new(&chain.consensus, store.rows()?);
    let tree = Tree::from_sorted(&mut rows);
    let totals = rows.finish()?;
    let tree = tree.map_err(|e| OpenChain::Damaged(e.to_string()))?;
    if tree.root().0 != link.state_root.0 {
        return damaged("the rows are not the state that the tip's header names");
    }
    if totals.coins != u128::from(Amount::SUPPLY.drops()) {
        return damaged("the coins of all leaves are not the supply");
    }
    let mut stored = Tally::default();
    for row in store.index()? {
        stored.add(&row?);
    }
    if stored != totals.index {
        return damaged("an index does not fit the rows");
    }
    Ok(Loaded { link, tree })
}

fn damaged<T>(what: impl Into<String>) -> Result<T, OpenChain> {
    Err(OpenChain::Damaged(what.into()))
}

/// The tip's link, which must agree with the tip's row and header.
fn tip_link(view: &dyn Read) -> Result<Link, OpenChain> {
    let tip = view.tip()?;
    let (Some(link), Some(header)) = (view.link(&tip.id)?, view.header(tip.height)?) else {
        return damaged("the tip's link or header is missing");
    };
    let agree = header.id() == tip.id
        && header.header.state_root == tip.state_root
        && link.id == tip.id
        && link.height == tip.height
        && link.state_root == tip.state_root;
    match agree {
        true => Ok(link),
        false => damaged("tip, link and header disagree"),
    }
}

/// Counts entries and adds up their hashes, so that two sets can be compared in any order. It finds rot, not malice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    count: u64,
    sum: u64,
}

impl Tally {
    fn add(&mut self, row: &IndexRow) {
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        self.count += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// What is summed over all rows.
#[derive(Clone, Copy, Default)]
struct Totals {
    coins: u128,
    index: Tally,
}

/// A row that holds what belongs there.
struct CheckedRow {
    key: Key,
    value_hash: ValueHash,
    totals: Totals,
}

fn check(rules: &Consensus, (key, value): &(Hash, Vec<u8>)) -> Result<CheckedRow, OpenChain> {
    let leaf: Leaf =
        codec::read(value).map_err(|e| OpenChain::Damaged(format!("row {key}: {e}")))?;
    if leaf.key() != *key {
        return damaged(format!("row {key} holds another leaf"));
    }
    let mut index = Tally::default();
    for row in index_rows(rules, key, &leaf) {
        index.add(&row);
    }
    Ok(CheckedRow {
        key: Key(key.0),
        value_hash: value_hash(value),
        totals: Totals {
            coins: u128::from(leaf.coins().drops()),
            index,
        },
    })
}

type Chunk = Result<Vec<(Hash, Vec<u8>)>, StorageFailed>;

/// Rows as the tree takes them. A chunk is checked on all cores while the next one is read. Ends at the first fault, which [`CheckedRows::finish`] gives.
struct CheckedRows<'r> {
    rules: &'r Consensus,
    rows: Rows,
    /// Read and not checked.
    ahead: Chunk,
    checked: std::vec::IntoIter<CheckedRow>,
    totals: Totals,
    fault: Option<OpenChain>,
}

impl<'r> CheckedRows<'r> {
    fn new(rules: &'r Consensus, mut rows: Rows) -> Self {
        Self {
            rules,
            ahead: next_chunk(&mut rows),
            rows,
            checked: Vec::new().into_iter(),
            totals: Totals::default(),
            fault: None,
        }
    }

    fn refill(&mut self) -> Result<(), OpenChain> {
        let chunk = std::mem::replace(&mut self.ahead, Ok(Vec::new()))?;
        let (rules, rows) = (self.rules, &mut self.rows);
        let check_all = || chunk.par_iter().map(|row| check(rules, row)).collect();
        let (ahead, checked): (Chunk, Result<Vec<_>, OpenChain>) =
            rayon::join(|| next_chunk(rows), check_all);
        self.ahead = ahead;
        let checked = checked?;
        for row in &checked {
            self.totals.coins += row.totals.coins;
            self.totals.index.merge(row.totals.index);
        }
        self.checked = checked.into_iter();
        Ok(())
    }

    fn finish(self) -> Result<Totals, OpenChain> {
        self.fault.map_or(Ok(self.totals), Err)
    }
}

/// Reads on a thread of the pool, where a panic of redb must be contained of its own.
fn next_chunk(rows: &mut Rows) -> Chunk {
    let chunk = contained(|| rows.take(CHUNK).collect());
    chunk.unwrap_or_else(|| Err(StorageFailed::new("reading rows", CONTRADICTION)))
}

impl Iterator for CheckedRows<'_> {
    type Item = (Key, ValueHash);

    fn next(&mut self) -> Option<Self::Item> {
        if self.fault.is_none() && self.checked.len() == 0 {
            self.fault = self.refill().err();
        }
        if self.fault.is_some() {
            return None;
        }
        self.checked.next().map(|row| (row.key, row.value_hash))
    }
}
