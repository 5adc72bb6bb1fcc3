//! The tree against the model: loading, batches of changes, and independence of how a set of leaves came about.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod model;

use std::collections::BTreeMap;

use model::{
    Changes, Ledger, MODES, Model, apply, batch, changes, diverge, hashed_key, key, leaves, root,
    value,
};
use proptest::prelude::*;
use sapwood_account_tree::{
    Change, Delta, Key, Mode, NotRising, PlanError, Root, Tree, ValueHash, hash::value_hash,
};

proptest! {
    #[test]
    fn a_loaded_tree_has_the_models_root_and_size(model in model::model(0..60), expected in 0usize..300) {
        for mode in MODES {
            let tree = Tree::load(mode, expected, leaves(&model)).unwrap();
            prop_assert_eq!(tree.root(), root(&model));
            prop_assert_eq!(tree.len(), model.len());
            prop_assert_eq!(tree.is_empty(), model.is_empty());
        }
    }

    #[test]
    fn every_state_of_a_history_has_the_models_root(
        start in model::model(0..40),
        expected in 0usize..300,
        history in prop::collection::vec(changes(0..30), 0..12),
    ) {
        for mode in MODES {
            let mut model = start.clone();
            let mut ledger = Ledger::load(mode, &model);
            ledger.tree = Tree::load(mode, expected, leaves(&model)).unwrap();
            for changes in &history {
                let before = ledger.root();
                let delta = ledger.update(&batch(changes)).unwrap();
                apply(&mut model, changes);
                prop_assert_eq!(ledger.root(), root(&model));
                prop_assert_eq!(ledger.len(), model.len());
                prop_assert_eq!(delta.root(), before);
            }
            // The root is not merely remembered: a change and its undo lead back to it.
            let root = ledger.root();
            let mark = Key([0xfe; 32]);
            if !ledger.rows.contains_key(&mark) {
                ledger.update(&[(mark, Some(ValueHash([1; 32])))]).unwrap();
                prop_assert_ne!(ledger.root(), root);
                ledger.update(&[(mark, None)]).unwrap();
                prop_assert_eq!(ledger.root(), root);
            }
        }
    }

    #[test]
    fn the_order_of_insertion_does_not_matter(
        mode in model::mode(),
        leaves in prop::collection::vec((key(), value()), 0..40).prop_shuffle(),
    ) {
        // Equal keys: the last value wins in both.
        let model: Model = leaves.iter().cloned().collect();
        let mut one_by_one = Ledger::new(mode);
        for (key, value) in &leaves {
            one_by_one.update(&[(Key(*key), Some(value_hash(value)))]).unwrap();
        }
        prop_assert_eq!(one_by_one.root(), root(&model));
        prop_assert_eq!(one_by_one.len(), model.len());
    }

    #[test]
    fn changes_in_one_batch_or_one_at_a_time_give_the_same_tree(
        mode in model::mode(),
        start in model::model(0..40),
        changes in changes(0..30),
    ) {
        let batch = batch(&changes);
        let mut one_by_one = Ledger::load(mode, &start);
        for change in batch.iter().rev() {
            one_by_one.update(std::slice::from_ref(change)).unwrap();
        }
        let mut at_once = Ledger::load(mode, &start);
        at_once.update(&batch).unwrap();
        prop_assert_eq!(at_once.root(), one_by_one.root());
        prop_assert_eq!(at_once.len(), one_by_one.len());
    }

    #[test]
    fn removing_all_that_was_added_leads_back(
        mode in model::mode(),
        start in model::model(0..40),
        added in model::model(0..40),
    ) {
        let added: Changes = added
            .into_iter()
            .filter(|(key, _)| !start.contains_key(key))
            .map(|(key, value)| (key, Some(value)))
            .collect();
        let removed: Changes = added.keys().map(|key| (*key, None)).collect();
        let mut ledger = Ledger::load(mode, &start);
        ledger.update(&batch(&added)).unwrap();
        ledger.update(&batch(&removed)).unwrap();
        prop_assert_eq!((ledger.root(), ledger.len()), (root(&start), start.len()));
    }
}

#[test]
fn batches_of_no_one_and_thousands_of_changes_agree_with_the_model() {
    for mode in MODES {
        let mut model: Model = (0..3_000)
            .map(|number| (hashed_key(number), vec![1]))
            .collect();
        let mut ledger = Ledger::load(mode, &model);
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
            ledger.update(&batch(&changes)).unwrap();
            apply(&mut model, &changes);
            assert_eq!(ledger.root(), root(&model), "{} changes", changes.len());
            assert_eq!(ledger.len(), model.len());
        }
        assert!(ledger.tree.is_empty());
    }
}

#[test]
fn a_hundred_thousand_changes_agree_with_the_model_for_any_number_of_threads() {
    let mut model: Model = (0..60_000)
        .map(|number| (hashed_key(number), vec![1]))
        .collect();
    let changes: Changes = (30_000..130_000)
        .map(|number| {
            (
                hashed_key(number),
                (number % 5 != 0).then(|| number.to_le_bytes().to_vec()),
            )
        })
        .collect();
    let start = model.clone();
    apply(&mut model, &changes);
    let expected = root(&model);
    for (mode, threads) in [
        (Mode::Fast, 1),
        (Mode::Fast, 2),
        (Mode::Fast, 8),
        (Mode::Lean, 1),
        (Mode::Lean, 8),
    ] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let ledger = pool.install(|| {
            let mut ledger = Ledger::load(mode, &start);
            assert_eq!(ledger.root(), root(&start));
            ledger.update(&batch(&changes)).unwrap();
            ledger
        });
        assert_eq!(
            (ledger.root(), ledger.len()),
            (expected, model.len()),
            "{mode:?} {threads}"
        );
    }
}

/// Keys ground to share bits: none of them may do more than take the path that it shares.
#[test]
fn a_flood_of_ground_keys_has_the_models_root() {
    let ordinary: Vec<_> = (0..500).map(hashed_key).collect();
    let stem = hashed_key(0);
    for shared in [20, 40, 63] {
        let flood: Vec<_> = (1_000..1_000 + (1 << 12))
            .map(|number| {
                let tail = hashed_key(number);
                // All differ at a bit of their own after the shared ones, so they part there or later.
                diverge(&diverge(&stem, shared, &tail), 255, &tail)
            })
            .collect();
        for mode in MODES {
            let mut model: Model = ordinary.iter().map(|key| (*key, vec![1])).collect();
            let mut ledger = Ledger::load(mode, &model);
            for part in flood.chunks(1_500) {
                let changes: Changes = part.iter().map(|key| (*key, Some(vec![2]))).collect();
                ledger.update(&batch(&changes)).unwrap();
                apply(&mut model, &changes);
                assert_eq!(ledger.root(), root(&model), "{mode:?} {shared}");
            }
            assert_eq!(Ledger::load(mode, &model).root(), root(&model));
            // A change costs its path: 40 bytes for each place on it, of which there are 62 at most.
            let change = (Key(flood[0]), Some(ValueHash([9; 32])));
            let delta = ledger.update(&[change]).unwrap();
            assert!((40 * 12..=40 * 62).contains(&delta.memory()), "{delta:?}");
            model.insert(flood[0], vec![2]);
            ledger
                .update(&[(change.0, Some(value_hash(&[2])))])
                .unwrap();
            // What has become pages shrinks again, to the same root.
            let gone: Changes = flood.iter().skip(3).map(|key| (*key, None)).collect();
            ledger.update(&batch(&gone)).unwrap();
            apply(&mut model, &gone);
            assert_eq!((ledger.root(), ledger.len()), (root(&model), model.len()));
        }
    }
}

/// Pairs whose first 64 bits are equal, so that the fast mode has one tag for both and must ask the rows.
#[test]
fn keys_that_share_their_tags_are_told_apart_by_their_rows() {
    for shared in (64..=200).step_by(17).chain([254, 255]) {
        let twins: Vec<_> = (0..40u32)
            .map(|number| {
                let key = hashed_key(number);
                (key, diverge(&key, shared, &hashed_key(number + 99)))
            })
            .collect();
        for mode in MODES {
            let mut model: Model = twins.iter().map(|(key, _)| (*key, vec![1])).collect();
            let mut ledger = Ledger::load(mode, &model);
            let second = |new: Option<Vec<u8>>| -> Changes {
                twins.iter().map(|(_, twin)| (*twin, new.clone())).collect()
            };
            let first = |new: Option<Vec<u8>>| -> Changes {
                twins.iter().map(|(key, _)| (*key, new.clone())).collect()
            };
            let both: Changes = first(Some(vec![7]))
                .into_iter()
                .chain(second(None))
                .collect();
            let swapped: Changes = first(None)
                .into_iter()
                .chain(second(Some(vec![8])))
                .collect();
            for changes in [
                second(Some(vec![2])),
                second(Some(vec![3])),
                first(Some(vec![4])),
                both,
                swapped,
                first(Some(vec![9])),
            ] {
                ledger.update(&batch(&changes)).unwrap();
                apply(&mut model, &changes);
                assert_eq!(
                    (ledger.root(), ledger.len()),
                    (root(&model), model.len()),
                    "{mode:?} {shared}"
                );
            }
        }
    }
}

#[test]
fn removing_an_absent_leaf_and_setting_an_equal_value_change_nothing() {
    let model: Model = (0..100)
        .map(|number| (hashed_key(number), vec![1]))
        .collect();
    for mode in MODES {
        let mut ledger = Ledger::load(mode, &model);
        let root = ledger.root();
        for changes in [
            Changes::from([(hashed_key(5), Some(vec![1]))]),
            Changes::from([(hashed_key(1_000), None)]),
            Changes::from([([0; 32], None), ([0xff; 32], None)]),
        ] {
            let delta = ledger.update(&batch(&changes)).unwrap();
            assert_eq!((ledger.root(), ledger.len()), (root, 100));
            assert_eq!(delta.memory(), 0);
        }
        let mut empty = Ledger::new(mode);
        empty.update(&[(Key([1; 32]), None)]).unwrap();
        assert_eq!((empty.root(), empty.len()), (Root([0; 32]), 0));
    }
}

#[test]
fn a_plan_that_is_not_committed_changes_nothing() {
    for mode in MODES {
        let model: Model = (0..3_000)
            .map(|number| (hashed_key(number), vec![1]))
            .collect();
        let mut ledger = Ledger::load(mode, &model);
        let changes: Changes = (1_000..6_000)
            .map(|number| (hashed_key(number), (number % 2 == 0).then(|| vec![2])))
            .collect();
        let planned = ledger
            .tree
            .plan(&ledger.changes(&batch(&changes)), &ledger.rows)
            .unwrap()
            .root();
        assert_eq!((ledger.root(), ledger.len()), (root(&model), model.len()));
        let leaf_hashes = |tree: &Tree| tree.leaf_hashes().map(Iterator::collect::<Vec<_>>);
        assert_eq!(
            leaf_hashes(&ledger.tree),
            leaf_hashes(&Ledger::load(mode, &model).tree)
        );
        ledger.update(&batch(&changes)).unwrap();
        assert_eq!(ledger.root(), planned);
    }
}

#[test]
#[should_panic(expected = "another version")]
fn of_two_plans_for_one_version_only_one_can_be_committed() {
    let mut tree = Tree::new(Mode::Fast);
    let change = Change {
        key: Key([1; 32]),
        existed: false,
        new: Some(ValueHash([1; 32])),
    };
    let rows = BTreeMap::new();
    let [first, second] = [(); 2].map(|()| tree.plan(&[change], &rows).unwrap());
    tree.commit(first);
    tree.commit(second);
}

#[test]
#[should_panic(expected = "one by one")]
fn the_past_needs_all_later_deltas() {
    let mut ledger = Ledger::new(Mode::Fast);
    let deltas: Vec<Delta> = (0..3)
        .map(|byte| {
            ledger
                .update(&[(Key([byte; 32]), Some(ValueHash([1; 32])))])
                .unwrap()
        })
        .collect();
    let _ = ledger.tree.at([&deltas[0], &deltas[2]]);
}

#[test]
fn keys_that_do_not_rise_are_refused_by_load_and_plan() {
    let key = |byte| Key([byte; 32]);
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
            Tree::load(Mode::Fast, 9, keys.iter().map(|key| (*key, hash))).unwrap_err(),
            refused
        );
        let mut ledger = Ledger::new(Mode::Fast);
        let batch: Vec<_> = keys.iter().map(|key| (*key, Some(hash))).collect();
        assert_eq!(
            ledger.update(&batch).unwrap_err(),
            PlanError::NotRising(refused)
        );
    }
}

#[test]
fn a_load_reads_nothing_after_the_first_key_out_of_order() {
    let mut read = 0;
    let descending = (0..200u8).rev().inspect(|_| read += 1);
    let leaves = descending.map(|byte| (Key([byte; 32]), ValueHash([0; 32])));
    assert!(Tree::load(Mode::Fast, 200, leaves).is_err());
    assert_eq!(read, 2);
}
