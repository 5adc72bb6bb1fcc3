//! Proofs that the tree makes, checked by the verifier; and that nothing altered is ever accepted.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod model;

use model::{Ledger, MODES, Model, diverge, key, root, value};
use proptest::prelude::*;
use proptest::sample::Index;
use sapwood_account_tree::hash::{NodeHash, leaf_hash, value_hash};
use sapwood_account_tree::{
    Claim, Form, Key, MAX_DEPTH, MAX_PROOF_BYTES, Malformed, Mode, Proof, Refused, Root, verify,
};

/// The proof of a loaded tree, which is the same in both modes.
fn prove(model: &Model, key: &[u8; 32]) -> Proof {
    let [fast, lean] = MODES.map(|mode| Ledger::load(mode, model).prove(&Key(*key)).unwrap());
    assert_eq!(fast, lean);
    fast
}

/// What is true of `key`.
fn truth<'a>(model: &'a Model, key: &[u8; 32]) -> Claim<'a> {
    model
        .get(key)
        .map_or(Claim::Absent, |value| Claim::Present(value))
}

/// A state, and a key that is in it, near to something in it, or anywhere.
fn state_and_key() -> impl Strategy<Value = (Model, [u8; 32])> {
    let question = prop_oneof![
        (any::<Index>(), Just(None)),
        (
            any::<Index>(),
            (0usize..256, any::<[u8; 32]>()).prop_map(Some)
        ),
    ];
    (model::model(0..40), question, key())
        .prop_map(|(model, (index, near), anywhere)| {
            let keys: Vec<_> = model.keys().copied().collect();
            let key = match (keys.is_empty(), near) {
                (true, _) => anywhere,
                (false, None) => *index.get(&keys),
                (false, Some((bit, tail))) => diverge(index.get(&keys), bit, &tail),
            };
            (model, key)
        })
        // The one case without a proof has its own test.
        .prop_filter("too deep to prove", |(model, key)| {
            Ledger::load(Mode::Fast, model).prove(&Key(*key)).is_ok()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_proof_shows_what_is_true_and_only_that((model, key) in state_and_key(), other in value()) {
        let (root, proof) = (root(&model), prove(&model, &key).to_bytes());
        let key = Key(key);
        let truth = truth(&model, &key.0);
        prop_assert_eq!(verify(&root, &key, truth, &proof), Ok(()));

        let lies = match truth {
            Claim::Absent => vec![Claim::Present(&other), Claim::Present(b"")],
            Claim::Present(value) if value != other => {
                vec![Claim::Absent, Claim::Present(b""), Claim::Present(&other), Claim::Present(&value[1..])]
            }
            Claim::Present(_) => vec![Claim::Absent, Claim::Present(b"")],
        };
        for lie in lies {
            prop_assert!(verify(&root, &key, lie, &proof).is_err(), "{:?}", lie);
        }
    }

    #[test]
    fn bytes_taken_apart_and_put_together_are_the_same((model, key) in state_and_key()) {
        let proof = prove(&model, &key);
        let bytes = proof.to_bytes();
        prop_assert!(bytes.len() <= MAX_PROOF_BYTES);
        prop_assert_eq!(Proof::from_bytes(&bytes).unwrap(), proof);
    }

    #[test]
    fn what_can_be_read_is_written_back_the_same(
        form in 0u8..4,
        depth in 0u8..20,
        rest in prop::collection::vec(prop_oneof![Just(0u8), Just(0x80), any::<u8>()], 0..200),
    ) {
        let bytes = [vec![form, depth], rest].concat();
        if let Ok(proof) = Proof::from_bytes(&bytes) {
            prop_assert_eq!(proof.to_bytes(), bytes);
        }
    }

    #[test]
    fn no_altered_proof_is_accepted(
        (model, key) in state_and_key(),
        at in any::<Index>(),
        flip in 1u8..,
        inserted in any::<u8>(),
    ) {
        let (root, proof, truth) = (root(&model), prove(&model, &key).to_bytes(), truth(&model, &key));
        let at = at.index(proof.len());
        let mut flipped = proof.clone();
        flipped[at] ^= flip;
        let mut longer = proof.clone();
        longer.insert(at, inserted);
        let mut shorter = proof.clone();
        shorter.remove(at);
        let cut = proof[..at].to_vec();
        for altered in [flipped, longer, shorter, cut] {
            // Inserting a byte beside an equal one, or removing one of two, still changes the length.
            for claim in [truth, Claim::Absent, Claim::Present(b"x")] {
                prop_assert!(verify(&root, &Key(key), claim, &altered).is_err(), "{}", hex::encode(&altered));
            }
        }
    }

    #[test]
    fn a_proof_is_worth_nothing_under_another_root(
        (model, key) in state_and_key(),
        byte in 0usize..32,
        flip in 1u8..,
    ) {
        let (Root(mut altered), proof) = (root(&model), prove(&model, &key).to_bytes());
        altered[byte] ^= flip;
        let result = verify(&Root(altered), &Key(key), truth(&model, &key), &proof);
        prop_assert_eq!(result, Err(Refused::OtherRoot(root(&model))));
    }

    /// A proof of absence may hold for other keys nearby too, for the same empty place or neighbour serves them all. So
    /// the model is the judge: whatever is accepted must be true.
    #[test]
    fn what_is_accepted_for_another_key_is_true(
        (model, key) in state_and_key(),
        bit in 0usize..256,
        tail in any::<[u8; 32]>(),
        at in any::<Index>(),
    ) {
        let (root, proof) = (root(&model), prove(&model, &key).to_bytes());
        let mut others = vec![diverge(&key, bit, &tail), diverge(&key, bit, &key), tail];
        others.extend(model.keys().nth(at.index(model.len().max(1))));
        for other in others.iter().filter(|other| **other != key) {
            for claim in [truth(&model, &key), Claim::Absent] {
                if verify(&root, &Key(*other), claim, &proof).is_ok() {
                    prop_assert_eq!(claim, truth(&model, other));
                }
            }
        }
    }
}

#[test]
fn the_empty_tree_proves_the_absence_of_everything() {
    let proof = prove(&Model::new(), &[7; 32]);
    assert_eq!(
        (proof.form(), proof.depth(), proof.siblings()),
        (&Form::Empty, 0, &[][..])
    );
    assert_eq!(proof.to_bytes(), [1, 0]);
    assert_eq!(
        verify(&Root([0; 32]), &Key([7; 32]), Claim::Absent, &[1, 0]),
        Ok(())
    );
    // In no other tree does it prove anything.
    let other = root(&Model::from([([1; 32], vec![1])]));
    assert_eq!(
        verify(&other, &Key([7; 32]), Claim::Absent, &[1, 0]),
        Err(Refused::OtherRoot(Root([0; 32])))
    );
}

#[test]
fn a_lone_leaf_is_present_and_the_neighbour_of_everything_else() {
    let model = Model::from([([0x11; 32], vec![1, 2, 3])]);
    let present = prove(&model, &[0x11; 32]);
    assert_eq!(present.to_bytes(), [0, 0]);

    let absent = prove(&model, &[0x22; 32]);
    let value_hash = value_hash(&[1, 2, 3]);
    assert_eq!(
        absent.form(),
        &Form::Neighbour {
            suffix: vec![0x11; 32],
            value_hash
        }
    );
    assert_eq!(
        absent.to_bytes(),
        [&[2, 0][..], &[0x11; 32], &value_hash.0].concat()
    );
    assert_eq!(
        verify(
            &root(&model),
            &Key([0x22; 32]),
            Claim::Absent,
            &absent.to_bytes()
        ),
        Ok(())
    );
}

#[test]
fn two_leaves_give_a_proof_of_each_form_byte_by_byte() {
    // 0010… and 0011… part at bit 3.
    let model = Model::from([([0x20; 32], vec![1]), ([0x30; 32], vec![2])]);
    let low = leaf_hash(&Key([0x20; 32]), &value_hash(&[1]));
    let high = leaf_hash(&Key([0x30; 32]), &value_hash(&[2]));

    let present = prove(&model, &[0x20; 32]);
    assert_eq!(
        present.siblings(),
        [NodeHash::EMPTY, NodeHash::EMPTY, NodeHash::EMPTY, high]
    );
    assert_eq!(
        present.to_bytes(),
        [&[0, 4, 0b0001_0000][..], &high.0].concat()
    );

    // 0011 1…: its place is taken by 0011 0….
    let neighbour = prove(&model, &[0x38; 32]);
    assert_eq!(
        neighbour.to_bytes(),
        [
            &[2, 4, 0b0001_0000][..],
            &low.0,
            &[0x30; 32],
            &value_hash(&[2]).0
        ]
        .concat()
    );

    // 1…: all leaves are on the other side of the root.
    let empty = prove(&model, &[0x80; 32]);
    assert_eq!(
        (empty.form(), empty.depth(), empty.siblings().len()),
        (&Form::Empty, 1, 1)
    );
    assert_eq!(
        verify(
            &root(&model),
            &Key([0x80; 32]),
            Claim::Absent,
            &empty.to_bytes()
        ),
        Ok(())
    );
}

#[test]
fn the_longest_proof_is_as_long_as_promised_and_verifies() {
    // A leaf beside the path at every depth, so that no sibling is empty; the last one is the neighbour at depth 255.
    let asked = model::STEM;
    let model: Model = (0..256)
        .map(|index| (diverge(&asked, index, &asked), vec![1]))
        .collect();
    let proof = prove(&model, &asked);
    assert_eq!(usize::from(proof.depth()), MAX_DEPTH);
    assert!(matches!(proof.form(), Form::Neighbour { suffix, .. } if suffix.len() == 1));
    let bytes = proof.to_bytes();
    assert_eq!(bytes.len(), MAX_PROOF_BYTES);
    assert_eq!(
        verify(&root(&model), &Key(asked), Claim::Absent, &bytes),
        Ok(())
    );
    let longer = [bytes, vec![0]].concat();
    assert_eq!(Proof::from_bytes(&longer), Err(Malformed::LeftOver(1)));
}
