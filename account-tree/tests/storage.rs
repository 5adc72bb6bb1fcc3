//! What the tree takes from its rows and what it holds itself: damage, the list of leaf hashes, memory.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod model;

use model::{Changes, Ledger, MODES, Model, batch, diverge, hashed_key, leaves, root};
use sapwood_account_tree::{
    Change, Damaged, Key, Mode, PlanError, ProveError, Tree, ValueHash, hash::value_hash,
};

fn state(count: u32) -> Model {
    (0..count)
        .map(|number| (hashed_key(number), vec![1]))
        .collect()
}

fn is_damage<T, E>(result: Result<T, PlanError<E>>) -> bool {
    matches!(result, Err(PlanError::Damaged(_)))
}

#[test]
fn damaged_rows_are_noticed_where_they_are_read() {
    let model = state(2_000);
    let mut ledger = Ledger::load(Mode::Lean, &model);
    // A row beside the one that changes: altered, lost, or invented.
    let changed = Key(hashed_key(0));
    let change = [Change {
        key: changed,
        existed: true,
        new: Some(ValueHash([5; 32])),
    }];
    let beside = ledger
        .rows
        .range(changed..)
        .nth(1)
        .map(|(key, _)| *key)
        .unwrap();
    let sound = ledger.rows.clone();
    assert!(ledger.tree.plan(&change, &sound).is_ok());

    ledger.rows.insert(beside, ValueHash([6; 32]));
    let noticed = ledger.tree.plan(&change, &ledger.rows).unwrap_err();
    assert!(matches!(noticed, PlanError::Damaged(Damaged { path, .. }) if path == changed));
    assert!(noticed.to_string().contains("damage"));
    assert!(matches!(
        ledger.prove(&changed),
        Err(ProveError::Damaged(_))
    ));

    ledger.rows.remove(&beside);
    assert!(is_damage(ledger.tree.plan(&change, &ledger.rows)));
    ledger.rows = sound;
    ledger
        .rows
        .insert(Key(diverge(&changed.0, 200, &[0; 32])), ValueHash([6; 32]));
    assert!(is_damage(ledger.tree.plan(&change, &ledger.rows)));
}

#[test]
fn an_untrue_word_about_a_leaf_is_noticed() {
    for mode in MODES {
        let ledger = Ledger::load(mode, &state(2_000));
        let new = Some(ValueHash([5; 32]));
        for (number, existed) in [(3, false), (5_000, true)] {
            let change = Change {
                key: Key(hashed_key(number)),
                existed,
                new,
            };
            assert!(
                is_damage(ledger.tree.plan(&[change], &ledger.rows)),
                "{mode:?} {number}"
            );
        }
    }
}

#[test]
fn the_fast_mode_reads_rows_and_checks_them_only_where_tags_tie() {
    let mut model = state(2_000);
    let ledger = Ledger::load(Mode::Fast, &model);
    let new = Some(ValueHash([5; 32]));
    let change = [Change {
        key: Key(hashed_key(0)),
        existed: true,
        new,
    }];
    let no_rows = std::collections::BTreeMap::new();
    assert!(ledger.tree.plan(&change, &no_rows).is_ok());

    model.insert(diverge(&hashed_key(0), 100, &[0; 32]), vec![1]);
    let ledger = Ledger::load(Mode::Fast, &model);
    assert!(is_damage(ledger.tree.plan(&change, &no_rows)));
    assert!(ledger.tree.plan(&change, &ledger.rows).is_ok());
}

#[test]
fn a_row_read_is_compared_with_the_tree() {
    let mut model = state(1_000);
    let fast = Ledger::load(Mode::Fast, &model).tree;
    let (key, value) = (Key(hashed_key(1)), value_hash(&[1]));
    assert_eq!(fast.leaf_matches(&key, &value), Some(true));
    assert_eq!(fast.leaf_matches(&key, &ValueHash([0; 32])), Some(false));
    assert_eq!(
        fast.leaf_matches(&Key(hashed_key(1_001)), &value),
        Some(false)
    );
    assert_eq!(
        Ledger::load(Mode::Lean, &model)
            .tree
            .leaf_matches(&key, &value),
        None
    );
    model.insert(diverge(&key.0, 64, &[0; 32]), vec![1]);
    assert_eq!(
        Ledger::load(Mode::Fast, &model)
            .tree
            .leaf_matches(&key, &value),
        None
    );
}

#[test]
fn a_tree_is_made_again_from_its_leaf_hashes() {
    for count in [0, 1, 2, 17, 5_000] {
        let mut ledger = Ledger::load(Mode::Fast, &state(count));
        let more: Changes = (count..3 * count)
            .map(|number| (hashed_key(number), Some(vec![2])))
            .collect();
        ledger.update(&batch(&more)).unwrap();
        let pairs: Vec<_> = ledger.tree.leaf_hashes().unwrap().collect();
        let again = Tree::from_leaf_hashes(pairs.len(), pairs.iter().copied()).unwrap();
        assert_eq!((again.root(), again.len()), (ledger.root(), ledger.len()));
        assert!(again.leaf_hashes().unwrap().eq(pairs.iter().copied()));

        for (from, to) in [(0, 1), (1, 0)] {
            if let [.., a, b] = pairs[..] {
                let pair = [a, b];
                let unordered = [pair[from], pair[to], pair[from]];
                assert!(Tree::from_leaf_hashes(3, unordered).is_err());
                assert!(Tree::from_leaf_hashes(3, [a, a]).is_err());
            }
        }
    }
    assert!(Tree::new(Mode::Lean).leaf_hashes().is_none());
}

#[test]
fn a_leaf_takes_a_hundred_bytes_at_most_and_twenty_in_the_lean_mode() {
    let check = |tree: &Tree, how: &str| {
        let most = if tree.mode() == Mode::Fast { 100 } else { 20 };
        let (memory, len) = (tree.memory(), tree.len());
        assert!(
            memory <= most * len,
            "{how}: {:?}, {memory} bytes for {len} leaves",
            tree.mode()
        );
    };
    for mode in MODES {
        // Between powers of two, so that all loads of the slots occur.
        for count in [50_000, 64_000, 80_000, 97_000, 100_000] {
            check(&Ledger::load(mode, &state(count)).tree, "loaded");
        }
        let mut grown = Ledger::new(mode);
        for step in 0..20 {
            let more: Changes = (step * 10_000..(step + 1) * 10_000)
                .map(|number| (hashed_key(number), Some(vec![1])))
                .collect();
            grown.update(&batch(&more)).unwrap();
            if step > 3 {
                check(&grown.tree, "grown");
            }
        }
        assert_eq!(
            grown.root(),
            Tree::load(mode, 200_000, leaves(&state(200_000)))
                .unwrap()
                .root()
        );
        // Leaves that come and go leave nothing behind.
        let held = grown.tree.memory();
        for round in 0..6u8 {
            let changes: Changes = (0..20_000)
                .map(|number| (hashed_key(number), (round % 2 == 1).then(|| vec![1])))
                .collect();
            grown.update(&batch(&changes)).unwrap();
        }
        assert!(grown.tree.memory() <= held + held / 10);
    }
    assert_eq!(root(&state(0)), Tree::default().root());
}
