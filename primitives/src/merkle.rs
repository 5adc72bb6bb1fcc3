//! The root over a block's transactions (specs/02 §4.4, decisions/0003).

use crate::hash::{Hash, TxId, tag};

/// Root over the ids, the coinbase's first. The count is bound in and nothing is doubled, so no two lists share a root.
pub fn tx_root(ids: &[TxId]) -> Hash {
    let mut level: Vec<[u8; 32]> = ids
        .iter()
        .map(|id| tag::TX_ROOT_LEAF.hash(&[&id.0]))
        .collect();
    let count = u32::try_from(ids.len()).expect("a block holds fewer than 2^32 transactions");
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => tag::TX_ROOT_NODE.hash(&[left, right]),
                [odd] => *odd,
                _ => unreachable!("chunks of one or two"),
            })
            .collect();
    }
    let top = level.first().copied().unwrap_or_default();
    Hash(tag::TX_ROOT.hash(&[&count.to_le_bytes(), &top]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn repeating_the_last_transaction_changes_the_root() {
        // CVE-2012-2459: with doubling, [a, b, c] and [a, b, c, c] share a root.
        let id = |n: u8| TxId([n; 32]);
        let mut roots = BTreeSet::new();
        for len in 0..40u8 {
            let list: Vec<TxId> = (0..len).map(id).collect();
            assert!(roots.insert(tx_root(&list)));
            if let Some(last) = list.last() {
                assert!(roots.insert(tx_root(&[list.as_slice(), &[*last]].concat())));
            }
        }
    }
}
