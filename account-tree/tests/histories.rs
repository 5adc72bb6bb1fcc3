//! The tree against the model: loading, batches of changes, and independence of how a set of leaves came about.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod model;

use model::{Changes, Model, apply, batch, changes, key, leaves, root, value};
use proptest::prelude::*;
use sapwood_account_tree::{Key, NotRising, Tree, ValueHash, hash::value_hash};

fn load(model: &Model) -> Tree {
    Tree::from_sorted(leaves(model)).unwrap()
}

/// A cheap source of keys for tests that need thousands.
fn hashed_key(number: u32) -> [u8; 32] {
    value_hash(&number.to_le_bytes()).0
}

proptest! {
    #[test]
    fn a_loaded_tree_has_the_models_root_and_size(model in model::model(0..60)) {
        let tree = load(&model);
        prop_assert_eq!(tree.root(), root(&model));
        prop_assert_eq!(tree.len(), model.len());
        prop_assert_eq!(tree.is_empty(), model.is_empty());
    }

    #[test]
    fn every_state_of_a_history_has_the_models_root_and_stays_as_it_was(
        start in model::model(0..40),
        history in prop::collection::vec(changes(0..12), 0..12),
    ) {
        let mut model = start;
        let mut tree = load(&model);
        let mut past = Vec::new();
        for changes in &history {
            past.push((tree.clone(), tree.root(), tree.len()));
            tree = tree.update(&batch(changes)).unwrap();
            apply(&mut model, changes);
            prop_assert_eq!(tree.root(), root(&model));
            prop_assert_eq!(tree.len(), model.len());
        }
        for (tree, root, len) in past {
            prop_assert_eq!((tree.root(), tree.len()), (root, len));
            // The root is not merely remembered: a change and its undo lead back to it.
            let marked = tree.update(&[(Key([0xfe; 32]), Some(ValueHash([1; 32])))]).unwrap();
            prop_assert_eq!(marked.update(&[(Key([0xfe; 32]), None)]).unwrap().root(), root);
        }
    }

    #[test]
    fn the_order_of_insertion_does_not_matter(
        leaves in prop::collection::vec((key(), value()), 0..40).prop_shuffle(),
    ) {
        // Equal keys: the last value wins in both.
        let model: Model = leaves.iter().cloned().collect();
        let mut one_by_one = Tree::new();
        for (key, value) in &leaves {
            one_by_one = one_by_one.update(&[(Key(*key), Some(value_hash(value)))]).unwrap();
        }
        prop_assert_eq!(one_by_one.root(), load(&model).root());
        prop_assert_eq!(one_by_one.len(), model.len());
    }

    #[test]
    fn changes_in_one_batch_or_one_at_a_time_give_the_same_tree(
        start in model::model(0..40),
        changes in changes(0..30),
    ) {
        let tree = load(&start);
        let batch = batch(&changes);
        let mut one_by_one = tree.clone();
        for change in batch.iter().rev() {
            one_by_one = one_by_one.update(std::slice::from_ref(change)).unwrap();
        }
        let at_once = tree.update(&batch).unwrap();
        prop_assert_eq!(at_once.root(), one_by_one.root());
        prop_assert_eq!(at_once.len(), one_by_one.len());
    }

    #[test]
    fn removing_all_that_was_added_leads_back(start in model::model(0..40), added in model::model(0..40)) {
        let added: Changes = added
            .into_iter()
            .filter(|(key, _)| !start.contains_key(key))
            .map(|(key, value)| (key, Some(value)))
            .collect();
        let removed: Changes = added.keys().map(|key| (*key, None)).collect();
        let tree = load(&start);
        let back = tree.update(&batch(&added)).unwrap().update(&batch(&removed)).unwrap();
        prop_assert_eq!((back.root(), back.len()), (tree.root(), tree.len()));
    }
}

#[test]
fn batches_of_no_one_and_thousands_of_changes_agree_with_the_model() {
    let mut model: Model = (0..3_000)
        .map(|number| (hashed_key(number), vec![1]))
        .collect();
    let mut tree = load(&model);
    let none = Changes::new();
    let one = Changes::from([(hashed_key(7), None)]);
    // Three kinds at once: new leaves, changed ones, removed ones, and removals of what is not there.
    let thousands: Changes = (0..5_000)
        .map(|number| {
            (
                hashed_key(number),
                (number % 3 != 0).then(|| number.to_le_bytes().to_vec()),
            )
        })
        .collect();
    let everything_goes: Changes = (0..5_000)
        .map(|number| (hashed_key(number), None))
        .collect();
    for changes in [none, one, thousands, everything_goes] {
        tree = tree.update(&batch(&changes)).unwrap();
        apply(&mut model, &changes);
        assert_eq!(tree.root(), root(&model), "{} changes", changes.len());
        assert_eq!(tree.len(), model.len());
    }
    assert!(tree.is_empty());
}

#[test]
fn removing_an_absent_leaf_and_setting_an_equal_value_change_nothing() {
    let model: Model = (0..100)
        .map(|number| (hashed_key(number), vec![1]))
        .collect();
    let tree = load(&model);
    for changes in [
        Changes::from([(hashed_key(5), Some(vec![1]))]),
        Changes::from([(hashed_key(1_000), None)]),
        Changes::from([([0; 32], None), ([0xff; 32], None)]),
    ] {
        let same = tree.update(&batch(&changes)).unwrap();
        assert_eq!((same.root(), same.len()), (tree.root(), tree.len()));
    }
    let empty = Tree::new().update(&[(Key([1; 32]), None)]).unwrap();
    assert_eq!((empty.root(), empty.len()), (Tree::new().root(), 0));
}

#[test]
fn keys_that_do_not_rise_are_refused_by_load_and_update() {
    let key = |byte| Key([byte; 32]);
    let tree = Tree::new();
    for (keys, culprit) in [
        (vec![key(1), key(1)], key(1)),
        (vec![key(2), key(1)], key(1)),
        (vec![key(1), key(3), key(2), key(4)], key(2)),
        ((1..40).chain([39]).map(key).collect(), key(39)),
        ((0..40).chain([0]).map(key).collect(), key(0)),
    ] {
        let refused = NotRising { key: culprit };
        let hash = ValueHash([9; 32]);
        assert_eq!(
            Tree::from_sorted(keys.iter().map(|key| (*key, hash))).unwrap_err(),
            refused
        );
        let batch: Vec<_> = keys.iter().map(|key| (*key, Some(hash))).collect();
        assert_eq!(tree.update(&batch).unwrap_err(), refused);
    }
}

#[test]
fn a_load_reads_nothing_after_the_first_key_out_of_order() {
    let mut read = 0;
    let descending = (0..200u8).rev().inspect(|_| read += 1);
    let leaves = descending.map(|byte| (Key([byte; 32]), ValueHash([0; 32])));
    assert!(Tree::from_sorted(leaves).is_err());
    assert_eq!(read, 2);
}
