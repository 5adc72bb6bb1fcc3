//! What a sorted slice answers as a tree, against a naive reading of specs/04 §3.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod model;

use model::{Bytes, Model, diverge, key, leaves};
use proptest::prelude::*;
use proptest::sample::Index;
use sapwood_account_tree::hash::value_hash;
use sapwood_account_tree::{Key, NodeHash, Place, Shape, Sorted};

/// The leaves whose keys begin as `path` does, bit by bit.
fn below<'a>(model: &'a Model, path: &Bytes, depth: usize) -> Vec<(&'a Bytes, &'a Vec<u8>)> {
    let bit = |key: &Bytes, index: usize| key[index / 8] >> (7 - index % 8) & 1;
    let agrees = |key: &Bytes| (0..depth).all(|index| bit(key, index) == bit(path, index));
    model.iter().filter(|(key, _)| agrees(key)).collect()
}

proptest! {
    #[test]
    fn a_place_is_empty_or_a_leaf_or_split(
        model in model::model(0..40),
        anywhere in key(),
        near in any::<Index>(),
        bit in 0usize..256,
        depth in prop_oneof![0usize..12, 0usize..=256],
    ) {
        let mut paths = vec![anywhere];
        paths.extend(model.keys().nth(near.index(model.len().max(1))));
        paths.push(diverge(&paths[paths.len() - 1], bit, &anywhere));
        let sorted: Vec<_> = leaves(&model).collect();
        for path in paths {
            let below = below(&model, &path, depth);
            let hash = NodeHash(model::subtree(&below, depth));
            let expected = match &below[..] {
                [] => Place::Empty,
                [(key, value)] => Place::Leaf { key: Key(**key), value_hash: value_hash(value) },
                _ => Place::Split { hash },
            };
            let tree = Sorted(&sorted);
            prop_assert_eq!(tree.place(&Key(path), depth), Ok(expected));
            prop_assert_eq!(tree.hash(&Key(path), depth), Ok(hash));
            prop_assert_eq!(expected.hash(), hash);
        }
    }
}
