//! The shape of small and of degenerate trees, by hand from specs/04 §3.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod model;

use model::{Model, STEM, diverge, leaves, root};
use sapwood_account_tree::hash::{NodeHash, leaf_hash, node_hash, value_hash};
use sapwood_account_tree::{Claim, Key, Root, TooDeep, Tree, verify};

fn tree(model: &Model) -> Tree {
    Tree::from_sorted(leaves(model)).unwrap()
}

fn model(keys: &[[u8; 32]]) -> Model {
    keys.iter().map(|key| (*key, vec![1, key[31]])).collect()
}

#[test]
fn the_empty_tree_has_the_root_zero() {
    assert_eq!(Tree::new().root(), Root([0; 32]));
    assert_eq!(tree(&Model::new()).root(), Root([0; 32]));
    assert_eq!(Tree::default().len(), 0);
    assert!(Tree::new().is_empty());
}

#[test]
fn the_root_of_one_leaf_is_the_leafs_hash() {
    let key = Key([0xc3; 32]);
    let leaf = leaf_hash(&key, &value_hash(b"value"));
    let tree = Tree::new()
        .update(&[(key, Some(value_hash(b"value")))])
        .unwrap();
    assert_eq!(tree.root().0, leaf.0);
    assert_eq!(tree.len(), 1);
}

#[test]
fn two_leaves_meet_in_one_node_above_which_empty_siblings_are_hashed() {
    // 0010… and 0011…: they part at bit 3.
    let (low, high) = (Key([0x20; 32]), Key([0x30; 32]));
    let hash = |key: &Key| leaf_hash(key, &value_hash(b"value"));
    let meet = node_hash(&hash(&low), &hash(&high));
    let at_2 = node_hash(&NodeHash::EMPTY, &meet);
    let at_1 = node_hash(&at_2, &NodeHash::EMPTY);
    let at_0 = node_hash(&at_1, &NodeHash::EMPTY);

    let value = Some(value_hash(b"value"));
    let tree = Tree::new().update(&[(low, value), (high, value)]).unwrap();
    assert_eq!(tree.root().0, at_0.0);

    // Without its neighbour the lone leaf moves up all the way.
    assert_eq!(tree.update(&[(low, None)]).unwrap().root().0, hash(&high).0);
    assert_eq!(tree.update(&[(high, None)]).unwrap().root().0, hash(&low).0);
}

#[test]
fn two_keys_may_share_any_number_of_bits() {
    for shared in 0..256 {
        let other = diverge(&STEM, shared, &[0; 32]);
        let model = model(&[STEM, other]);
        let both = tree(&model);
        assert_eq!(both.root(), root(&model), "{shared}");

        let added = tree(&self::model(&[STEM]))
            .update(&[(Key(other), Some(value_hash(&[1, other[31]])))])
            .unwrap();
        assert_eq!(added.root(), both.root());
        let alone = both.update(&[(Key(other), None)]).unwrap();
        assert_eq!(alone.root(), root(&self::model(&[STEM])));
    }
}

/// 257 keys, one leaving the stem at each bit: the deepest comb that there is. It is built, changed, proved and taken apart
/// on the small stack of a test thread.
#[test]
fn the_deepest_possible_tree_is_handled_at_both_ends() {
    let mut keys: Vec<_> = (0..256).map(|index| diverge(&STEM, index, &STEM)).collect();
    keys.push(STEM);
    let model = model(&keys);
    let loaded = tree(&model);
    assert_eq!(loaded.root(), root(&model));

    let mut grown = Tree::new();
    for (key, value) in leaves(&model) {
        grown = grown.update(&[(key, Some(value))]).unwrap();
    }
    assert_eq!(grown.root(), loaded.root());

    for (index, key) in keys.iter().enumerate() {
        // Keys that leave the stem at bit i stand at depth i + 1, so only the last two are too deep for a proof.
        match loaded.prove(&Key(*key)) {
            Ok(proof) => {
                assert_eq!(usize::from(proof.depth()), index + 1);
                let claim = Claim::Present(&model[key]);
                assert_eq!(
                    verify(&loaded.root(), &Key(*key), claim, &proof.to_bytes()),
                    Ok(())
                );
            }
            Err(TooDeep { key: refused }) => {
                assert!(index >= 255, "{index}");
                assert_eq!(refused, Key(*key));
            }
        }
    }
    assert!(loaded.prove(&Key(STEM)).is_err());

    let mut shrinking = grown;
    for key in &keys {
        shrinking = shrinking.update(&[(Key(*key), None)]).unwrap();
    }
    assert!(shrinking.is_empty());
}

/// Two hundred keys that agree in their first 200 bits, as if ground at great expense, among ordinary ones.
#[test]
fn a_crowd_of_ground_keys_has_the_models_root() {
    let crowd = (0..200u8).map(|number| {
        let mut key = STEM;
        key[25] = number;
        key[31] = number.wrapping_mul(37);
        key
    });
    let ordinary = (0..=255u8).map(|number| value_hash(&[number]).0);
    let model = model(&crowd.chain(ordinary).collect::<Vec<_>>());
    assert_eq!(tree(&model).root(), root(&model));
    for key in model.keys().map(|key| Key(*key)) {
        let proof = tree(&model).prove(&key).unwrap().to_bytes();
        assert_eq!(
            verify(&root(&model), &key, Claim::Present(&model[&key.0]), &proof),
            Ok(())
        );
    }
}

#[test]
fn a_tree_shows_its_root_and_size_and_no_leaves() {
    let shown = format!("{:?}", Tree::new());
    assert_eq!(
        shown,
        format!("Tree {{ root: Root({}), len: 0 }}", "00".repeat(32))
    );
}
