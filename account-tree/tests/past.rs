//! Proofs and places at earlier roots.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod model;

use std::collections::BTreeMap;

use model::{
    Changes, Ledger, Model, apply, batch, changes, diverge, hashed_key, key, leaves, mode, root,
};
use proptest::prelude::*;
use sapwood_account_tree::hash::{NodeHash, leaf_hash, node_hash};
use sapwood_account_tree::{
    Claim, Delta, Key, MAX_DEPTH, Past, Place, ProveError, Root, Shape, ValueHash, verify,
};

/// All that a state must answer rightly about a key.
fn assert_answers(past: &Past<'_>, model: &Model, key: &[u8; 32]) {
    let rows: BTreeMap<Key, ValueHash> = leaves(model).collect();
    let proof = match past.prove(&Key(*key), &rows) {
        Ok(proof) => proof.to_bytes(),
        Err(refused) => {
            assert!(matches!(refused, ProveError::TooDeep(_)), "{refused}");
            return;
        }
    };
    let value = model.get(key);
    let claim = value.map_or(Claim::Absent, |value| Claim::Present(value));
    assert_eq!(verify(&past.root(), &Key(*key), claim, &proof), Ok(()));
    let mut used = vec![1, 2, 3];
    past.prove_into(&Key(*key), &rows, &mut used).unwrap();
    assert_eq!(used, proof);

    let mut other = *key;
    other[31] ^= 1;
    if value.is_some() {
        assert!(verify(&past.root(), &Key(*key), Claim::Present(b"other"), &proof).is_err());
        assert!(verify(&past.root(), &Key(*key), Claim::Absent, &proof).is_err());
        assert!(verify(&past.root(), &Key(other), claim, &proof).is_err());
    } else {
        assert!(verify(&past.root(), &Key(*key), Claim::Present(b"other"), &proof).is_err());
    }
    let Root(mut altered) = past.root();
    altered[7] ^= 1;
    assert!(verify(&Root(altered), &Key(*key), claim, &proof).is_err());
}

/// specs/04 §3.2 for the leaves below a place.
fn naive_hash(rows: &[(Key, ValueHash)], depth: usize) -> NodeHash {
    match rows {
        [] => NodeHash::EMPTY,
        [(key, value_hash)] => leaf_hash(key, value_hash),
        _ => {
            let right = |key: &Key| key.0[depth / 8] >> (7 - depth % 8) & 1 == 1;
            let (left, right) = rows.split_at(rows.partition_point(|(key, _)| !right(key)));
            node_hash(&naive_hash(left, depth + 1), &naive_hash(right, depth + 1))
        }
    }
}

fn assert_places(past: &Past<'_>, model: &Model, path: &[u8; 32]) {
    let rows: BTreeMap<Key, ValueHash> = leaves(model).collect();
    let (view, path) = (past.clone().view(&rows), Key(*path));
    for depth in (0..24).chain((24..=256).step_by(8)).chain([63, 65, 255]) {
        let below: Vec<_> = rows
            .range(path.below(depth))
            .map(|(key, value)| (*key, *value))
            .collect();
        let hash = naive_hash(&below, depth);
        let expected = match below[..] {
            [] => Place::Empty,
            [(key, value_hash)] => Place::Leaf { key, value_hash },
            _ => Place::Split { hash },
        };
        assert_eq!(
            view.place(&path, depth).unwrap(),
            expected,
            "{path} {depth}"
        );
        assert_eq!(view.hash(&path, depth).unwrap(), hash, "{path} {depth}");
    }
}

proptest! {
    // Each case asks hundreds of questions.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_recent_state_answers_as_the_model_of_its_time(
        mode in mode(),
        start in model::model(0..60),
        history in prop::collection::vec(changes(0..25), 0..8),
        others in prop::collection::vec(key(), 4),
    ) {
        let mut ledger = Ledger::load(mode, &start);
        let mut states = vec![start];
        let mut deltas: Vec<Delta> = Vec::new();
        for changes in &history {
            deltas.push(ledger.update(&batch(changes)).unwrap());
            let mut next = states.last().unwrap().clone();
            apply(&mut next, changes);
            states.push(next);
        }
        for (age, model) in states.iter().enumerate() {
            let past = ledger.tree.at(&deltas[age..]);
            prop_assert_eq!((past.root(), past.len()), (root(model), model.len()));
            let touched = history.iter().flat_map(|changes| changes.keys().take(4));
            for key in model.keys().take(10).chain(touched).chain(&others) {
                assert_answers(&past, model, key);
            }
            for path in model.keys().take(1).chain(&others[..1]) {
                assert_places(&past, model, path);
            }
        }
    }
}

/// 64 states of a tree that grows from a few leaves to thousands, so that buckets become pages on the way, with ground keys.
#[test]
fn each_of_the_last_64_roots_is_proved_from() {
    for mode in model::MODES {
        let mut states: Vec<Model> = vec![
            (0..50)
                .map(|number| (hashed_key(number), vec![1]))
                .collect(),
        ];
        let mut ledger = Ledger::load(mode, &states[0]);
        let mut deltas: Vec<Delta> = Vec::new();
        for round in 0..64u32 {
            let ordinary = (round * 40..round * 40 + 60)
                .map(|number| (hashed_key(number), (number % 7 != 0).then(|| vec![2])));
            let ground = (0..8).map(|number| {
                (
                    diverge(
                        &hashed_key(1),
                        20 + 9 * (round as usize % 6),
                        &hashed_key(round * 8 + number),
                    ),
                    Some(vec![3]),
                )
            });
            let changes: Changes = ordinary.chain(ground).collect();
            deltas.push(ledger.update(&batch(&changes)).unwrap());
            let mut next = states[round as usize].clone();
            apply(&mut next, &changes);
            states.push(next);
        }
        for (age, model) in states.iter().enumerate() {
            let past = ledger.tree.at(&deltas[age..]);
            assert_eq!(past.root(), root(model));
            for number in (0..2_600).step_by(101).chain([1]) {
                assert_answers(&past, model, &hashed_key(number));
            }
            for key in model.keys().step_by(97) {
                assert_answers(&past, model, key);
                assert_answers(&past, model, &diverge(key, 30 + age, &[0; 32]));
            }
            if age % 16 == 3 {
                for key in model.keys().step_by(997).chain([&hashed_key(1)]) {
                    assert_places(&past, model, key);
                }
            }
        }
    }
    assert_eq!(MAX_DEPTH, 255);
}

/// The fast mode knows a key by 64 bits. A key that only looks as if it were there is proved absent all the same.
#[test]
fn a_key_with_the_tag_of_another_is_proved_absent() {
    let model: Model = (0..300)
        .map(|number| (hashed_key(number), vec![1]))
        .collect();
    for mode in model::MODES {
        let ledger = Ledger::load(mode, &model);
        for shared in [64, 65, 130, 254] {
            let twin = diverge(&hashed_key(5), shared, &[0; 32]);
            ledger.tree.fetch(&[Key(twin), Key([0; 32])]);
            assert_answers(&ledger.tree.at([]), &model, &twin);
        }
    }
}
