//! The shape of small and of degenerate trees, by hand from specs/04 §3.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod model;

use model::{Ledger, MODES, Model, STEM, diverge, leaves, root};
use sapwood_account_tree::hash::{NodeHash, leaf_hash, node_hash, value_hash};
use sapwood_account_tree::{Claim, Key, Mode, ProveError, Root, TooDeep, Tree, verify};

fn model(keys: &[[u8; 32]]) -> Model {
    keys.iter().map(|key| (*key, vec![1, key[31]])).collect()
}

#[test]
fn the_empty_tree_has_the_root_zero() {
    for mode in MODES {
        assert_eq!(Tree::new(mode).root(), Root([0; 32]));
        assert_eq!(Ledger::load(mode, &Model::new()).root(), Root([0; 32]));
        assert!(Tree::new(mode).is_empty());
    }
    assert_eq!(Tree::default().mode(), Mode::Fast);
}

#[test]
fn the_root_of_one_leaf_is_the_leafs_hash() {
    let key = Key([0xc3; 32]);
    let leaf = leaf_hash(&key, &value_hash(b"value"));
    for mode in MODES {
        let mut ledger = Ledger::new(mode);
        ledger.update(&[(key, Some(value_hash(b"value")))]).unwrap();
        assert_eq!(ledger.root().0, leaf.0);
        assert_eq!(ledger.len(), 1);
    }
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
    // Above, inside and below the heap.
    for (mode, expected) in MODES
        .into_iter()
        .flat_map(|mode| [0, 8, 30, 100].map(|expected| (mode, expected)))
    {
        let mut ledger = Ledger::new(mode);
        ledger.tree = Tree::load(mode, expected, []).unwrap();
        ledger.update(&[(low, value), (high, value)]).unwrap();
        assert_eq!(ledger.root().0, at_0.0);
        // Without its neighbour the lone leaf moves up all the way.
        ledger.update(&[(low, None)]).unwrap();
        assert_eq!(ledger.root().0, hash(&high).0);
        ledger.update(&[(low, value)]).unwrap();
        assert_eq!(ledger.root().0, at_0.0);
        ledger.update(&[(high, None)]).unwrap();
        assert_eq!(ledger.root().0, hash(&low).0);
    }
}

#[test]
fn two_keys_may_share_any_number_of_bits() {
    for (mode, shared) in MODES
        .into_iter()
        .flat_map(|mode| (0..256).map(move |shared| (mode, shared)))
    {
        let other = diverge(&STEM, shared, &[0; 32]);
        let model = model(&[STEM, other]);
        let mut both = Ledger::load(mode, &model);
        assert_eq!(both.root(), root(&model), "{shared}");

        let mut added = Ledger::load(mode, &self::model(&[STEM]));
        added
            .update(&[(Key(other), Some(value_hash(&[1, other[31]])))])
            .unwrap();
        assert_eq!(added.root(), both.root());
        both.update(&[(Key(other), None)]).unwrap();
        assert_eq!(both.root(), root(&self::model(&[STEM])));
    }
}

/// 257 keys, one leaving the stem at each bit: the deepest comb that there is. It is built, changed, proved and taken apart
/// on the small stack of a test thread.
#[test]
fn the_deepest_possible_tree_is_handled_at_both_ends() {
    for mode in MODES {
        let mut keys: Vec<_> = (0..256).map(|index| diverge(&STEM, index, &STEM)).collect();
        keys.push(STEM);
        let model = model(&keys);
        let loaded = Ledger::load(mode, &model);
        assert_eq!(loaded.root(), root(&model));

        let mut grown = Ledger::new(mode);
        for (key, value) in leaves(&model) {
            grown.update(&[(key, Some(value))]).unwrap();
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
                Err(refused) => {
                    assert!(index >= 255, "{index}");
                    assert_eq!(refused, ProveError::TooDeep(TooDeep { key: Key(*key) }));
                }
            }
        }
        assert!(loaded.prove(&Key(STEM)).is_err());

        for key in &keys {
            grown.update(&[(Key(*key), None)]).unwrap();
        }
        assert!(grown.tree.is_empty());
        assert_eq!(grown.root(), Root([0; 32]));
    }
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
    for mode in MODES {
        let ledger = Ledger::load(mode, &model);
        assert_eq!(ledger.root(), root(&model));
        for key in model.keys().map(|key| Key(*key)) {
            let proof = ledger.prove(&key).unwrap().to_bytes();
            assert_eq!(
                verify(&root(&model), &key, Claim::Present(&model[&key.0]), &proof),
                Ok(())
            );
        }
    }
}

#[test]
fn a_tree_shows_its_root_and_size_and_no_leaves() {
    let shown = format!("{:?}", Tree::new(Mode::Lean));
    assert_eq!(
        shown,
        format!(
            "Tree {{ mode: Lean, root: Root({}), len: 0 }}",
            "00".repeat(32)
        )
    );
}
