//! The two indexes that follow from the leaves.

use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{Hash, Height, Leaf, Name};
use sapwood_runtime::due_heights;

/// An entry of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IndexRow {
    /// The leaf under this key has work due at this height (specs/05 §6).
    Due(Height, Hash),
    /// There is a leaf for this name.
    Name(Name),
}

/// Whether a leaf may call for index entries at all. Nearly none does.
pub(crate) fn is_indexed(leaf: &Leaf) -> bool {
    match leaf {
        Leaf::System(_) | Leaf::Coinbase(_) => false,
        Leaf::Account(account) => {
            account.owner_change.is_some() || account.guardian_change.is_some()
        }
        Leaf::Name(_) | Leaf::Commitment(_) => true,
    }
}

/// The index entries that a leaf calls for. They are added and removed with the leaf; at start they are compared with what is stored.
pub fn index_rows(rules: &Consensus, key: &Hash, leaf: &Leaf) -> Vec<IndexRow> {
    let mut rows: Vec<_> = due_heights(rules, leaf)
        .into_iter()
        .map(|height| IndexRow::Due(height, *key))
        .collect();
    if let Leaf::Name(name) = leaf {
        rows.push(IndexRow::Name(name.name.clone()));
    }
    rows
}
