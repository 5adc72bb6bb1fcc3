//! Multiproofs (specs/04 §7), made over a slice of leaves and checked by the verifier; and that nothing altered is ever accepted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod model;

use std::collections::BTreeSet;

use model::{Bytes, Model, diverge, key, leaves, root, value};
use proptest::prelude::*;
use proptest::sample::Index;
use sapwood_account_tree::hash::{NodeHash, leaf_hash, node_hash, value_hash};
use sapwood_account_tree::{
    Claim, Key, MAX_MANY, Misshapen, NotMany, RefusedMany, Root, Sorted, ValueHash, prove_many,
    verify_many,
};
use sha2::Digest;

/// A state and sorted keys, some of them in it, some near to something in it, some anywhere.
fn state_and_keys() -> impl Strategy<Value = (Model, Vec<Bytes>)> {
    let question = prop_oneof![
        (any::<Index>(), Just(None)),
        (any::<Index>(), (0usize..256, any::<Bytes>()).prop_map(Some)),
    ];
    let questions = prop::collection::vec((question, key()), 1..12);
    (model::model(0..40), questions).prop_map(|(model, questions)| {
        let all: Vec<_> = model.keys().copied().collect();
        let keys: BTreeSet<_> = questions
            .iter()
            .map(|((index, near), anywhere)| match (all.is_empty(), near) {
                (true, _) => *anywhere,
                (false, None) => *index.get(&all),
                (false, Some((bit, tail))) => diverge(index.get(&all), *bit, tail),
            })
            .collect();
        (model, keys.into_iter().collect())
    })
}

fn sorted(model: &Model) -> Vec<(Key, ValueHash)> {
    leaves(model).collect()
}

fn prove(model: &Model, keys: &[Bytes]) -> Vec<u8> {
    let keys: Vec<_> = keys.iter().map(|key| Key(*key)).collect();
    prove_many(&Sorted(&sorted(model)), &keys).unwrap()
}

fn truth<'a>(model: &'a Model, key: &Bytes) -> Claim<'a> {
    model
        .get(key)
        .map_or(Claim::Absent, |value| Claim::Present(value))
}

fn truths<'a>(model: &'a Model, keys: &[Bytes]) -> Vec<(Key, Claim<'a>)> {
    keys.iter()
        .map(|key| (Key(*key), truth(model, key)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_multiproof_shows_what_is_true_and_only_that(
        (model, keys) in state_and_keys(),
        other in value(),
        at in any::<Index>(),
    ) {
        let (root, proof) = (root(&model), prove(&model, &keys));
        let claims = truths(&model, &keys);
        prop_assert_eq!(verify_many(&root, &claims, &proof), Ok(()));

        let at = at.index(claims.len());
        for lie in [Claim::Absent, Claim::Present(&other), Claim::Present(b"")] {
            if lie != claims[at].1 {
                let mut lies = claims.clone();
                lies[at].1 = lie;
                prop_assert!(verify_many(&root, &lies, &proof).is_err(), "{:?}", lie);
            }
        }
    }

    #[test]
    fn no_altered_multiproof_is_accepted(
        (model, keys) in state_and_keys(),
        at in any::<Index>(),
        flip in 1u8..,
        inserted in any::<u8>(),
        byte in 0usize..32,
    ) {
        let (root, proof, claims) = (root(&model), prove(&model, &keys), truths(&model, &keys));
        let at = at.index(proof.len());
        let mut flipped = proof.clone();
        flipped[at] ^= flip;
        let mut longer = proof.clone();
        longer.insert(at, inserted);
        let mut shorter = proof.clone();
        shorter.remove(at);
        for altered in [flipped, longer, shorter, proof[..at].to_vec(), [&proof[..], &[0]].concat()] {
            if altered != proof {
                prop_assert!(verify_many(&root, &claims, &altered).is_err(), "{}", hex::encode(&altered));
            }
        }
        let mut other = root;
        other.0[byte] ^= flip;
        prop_assert_eq!(verify_many(&other, &claims, &proof), Err(RefusedMany::OtherRoot(root)));
    }

    /// A place that is empty or has a neighbour serves other absent keys too, so the model is the judge of what is accepted.
    #[test]
    fn what_is_accepted_for_other_keys_is_true(
        (model, keys) in state_and_keys(),
        at in any::<Index>(),
        bit in 0usize..256,
        tail in any::<Bytes>(),
    ) {
        let (root, proof) = (root(&model), prove(&model, &keys));
        let mut others: BTreeSet<_> = keys.iter().copied().collect();
        let key = *at.get(&keys);
        others.insert(diverge(&key, bit, &tail));
        let added: Vec<_> = others.iter().copied().collect();
        others.remove(&key);
        let moved: Vec<_> = others.into_iter().collect();
        let fewer: Vec<_> = keys.iter().copied().filter(|other| *other != key).collect();
        for keys in [added, moved, fewer] {
            for absent in [false, true] {
                let mut claims = truths(&model, &keys);
                if absent {
                    claims.iter_mut().for_each(|claim| claim.1 = Claim::Absent);
                }
                if verify_many(&root, &claims, &proof).is_ok() {
                    prop_assert_eq!(claims, truths(&model, &keys));
                    prop_assert_eq!(prove(&model, &keys), proof.clone(), "two proofs of the same");
                }
            }
        }
    }
}

#[test]
fn small_trees_give_these_bytes() {
    // Nothing at all: an end, and no neighbour.
    let (none, key) = (Model::new(), [7; 32]);
    assert_eq!(prove(&none, &[key]), [0]);
    let absent = [(Key(key), Claim::Absent)];
    assert_eq!(verify_many(&Root([0; 32]), &absent, &[0]), Ok(()));

    // 00… and 10… part at bit 0; 11… stands where 10… does.
    let model = Model::from([([0x00; 32], vec![1]), ([0x80; 32], vec![2])]);
    let both = prove(&model, &[[0x00; 32], [0x80; 32]]);
    assert_eq!(both, [0b1000_0000]);
    let with_neighbour = prove(&model, &[[0x80; 32], [0xc0; 32]]);
    let low = leaf_hash(&Key([0; 32]), &value_hash(&[1]));
    assert_eq!(with_neighbour, [&[0b1100_0000], &low.0[..]].concat());
    let value_hash = value_hash(&[2]);
    let neighbour_alone = prove(&model, &[[0xc0; 32]]);
    let expected = [&[0b1101_0000], &low.0[..], &[0x80; 32], &value_hash.0].concat();
    assert_eq!(neighbour_alone, expected);
}

#[test]
fn keys_that_do_not_rise_are_refused_by_both_sides() {
    let (model, one, two) = (Model::new(), Key([1; 32]), Key([2; 32]));
    let sorted = sorted(&model);
    let tree = Sorted(&sorted);
    assert_eq!(prove_many(&tree, &[]), Err(NotMany::Count(0)));
    assert_eq!(prove_many(&tree, &[one, one]), Err(NotMany::NotRising(1)));
    assert_eq!(
        prove_many(&tree, &[one, two, one]),
        Err(NotMany::NotRising(2))
    );

    let claims = |keys: &[Key]| {
        keys.iter()
            .map(|key| (*key, Claim::Absent))
            .collect::<Vec<_>>()
    };
    let verify = |keys: &[Key]| verify_many(&Root([0; 32]), &claims(keys), &[0]);
    assert_eq!(verify(&[]), Err(RefusedMany::Count(0)));
    assert_eq!(verify(&[one, one]), Err(RefusedMany::NotRising(1)));
    assert_eq!(verify(&[two, one]), Err(RefusedMany::NotRising(1)));
    assert_eq!(verify(&[one, two]), Ok(()));
}

#[test]
fn the_greatest_number_of_keys_has_a_proof_and_one_more_has_none() {
    let keys: Vec<_> = (0..=MAX_MANY)
        .map(|index| {
            let mut key = [0x42; 32];
            key[..4].copy_from_slice(&u32::try_from(index * 0x1_0001).unwrap().to_be_bytes());
            key
        })
        .collect();
    let model: Model = keys.iter().step_by(2).map(|key| (*key, vec![1])).collect();
    let most = &keys[..MAX_MANY];
    let proof = prove(&model, most);
    assert_eq!(
        verify_many(&root(&model), &truths(&model, most), &proof),
        Ok(())
    );

    let too_many: Vec<_> = keys.iter().map(|key| Key(*key)).collect();
    let count = MAX_MANY + 1;
    assert_eq!(
        prove_many(&Sorted(&sorted(&model)), &too_many),
        Err(NotMany::Count(count))
    );
    let refused = verify_many(&root(&model), &truths(&model, &keys), &proof);
    assert_eq!(refused, Err(RefusedMany::Count(count)));
}

#[test]
fn a_comb_of_the_greatest_depth_is_proved_down_to_depth_256() {
    let stem = model::STEM;
    let mut model: Model = (0..256)
        .map(|index| (diverge(&stem, index, &stem), vec![1]))
        .collect();
    model.insert(stem, vec![2]);
    let last = diverge(&stem, 255, &stem);
    for keys in [vec![stem], vec![last], vec![stem.min(last), stem.max(last)]] {
        let proof = prove(&model, &keys);
        assert_eq!(
            verify_many(&root(&model), &truths(&model, &keys), &proof),
            Ok(())
        );
    }
}

#[test]
fn a_split_below_the_last_bit_is_refused_without_going_on() {
    // A split and an empty half, 256 times, and then another split.
    let claims = [(Key([0; 32]), Claim::Absent)];
    let refused = |bytes: &[u8]| verify_many(&Root([1; 32]), &claims, bytes);
    assert_eq!(
        refused(&[0b1010_1010; 100]),
        Err(RefusedMany::Misshapen(Misshapen::Misplaced(256)))
    );
    assert_eq!(
        refused(&[0b1010_1010; 64]),
        Err(RefusedMany::Misshapen(Misshapen::Truncated))
    );
    assert_eq!(
        refused(&[]),
        Err(RefusedMany::Misshapen(Misshapen::Truncated))
    );
}

/// Roots of trees that nobody would build: the hashes lead there and the form alone is wrong.
#[test]
fn shapes_that_no_tree_has_are_refused_under_their_own_roots() {
    let (low, high) = (Key([0x00; 32]), Key([0x80; 32]));
    let leaf = leaf_hash(&low, &value_hash(&[1]));
    let sunk = Root(node_hash(&leaf, &NodeHash::EMPTY).0);
    let nothing = Root(node_hash(&NodeHash::EMPTY, &NodeHash::EMPTY).0);
    let no_split = Err(RefusedMany::Misshapen(Misshapen::NoSplit(0)));
    let present = [(low, Claim::Present(&[1][..]))];
    assert_eq!(verify_many(&sunk, &present, &[0b1000_0000]), no_split);
    let both = [(low, Claim::Present(&[1][..])), (high, Claim::Absent)];
    assert_eq!(verify_many(&sunk, &both, &[0b1000_0000]), no_split);
    assert_eq!(
        verify_many(&nothing, &[(low, Claim::Absent)], &[0b1000_0000]),
        no_split
    );

    // A sibling of zeros written out.
    let zeros = [&[0b1100_0000], &[0; 32][..]].concat();
    let refused = verify_many(&sunk, &present, &zeros);
    assert_eq!(refused, Err(RefusedMany::Misshapen(Misshapen::ZeroHash)));

    // Two leaves at one place, a neighbour that is asked for, and one that belongs elsewhere.
    let near = Key([0x01; 32]);
    let root = Root(leaf.0);
    let claims = [
        (low, Claim::Present(&[1][..])),
        (near, Claim::Present(&[1][..])),
    ];
    assert_eq!(
        verify_many(&root, &claims, &[0]),
        Err(RefusedMany::Crowded(near))
    );
    let own = [&[0b0100_0000], &low.0[..], &value_hash(&[1]).0].concat();
    let claims = [(low, Claim::Absent), (near, Claim::Absent)];
    assert_eq!(
        verify_many(&root, &claims, &own),
        Err(RefusedMany::NeighbourIsKey(low))
    );
    let stray = leaf_hash(&high, &value_hash(&[1]));
    let other = NodeHash([9; 32]);
    let root = Root(node_hash(&stray, &other).0);
    let bytes = [&[0b1101_0000], &other.0[..], &high.0, &value_hash(&[1]).0].concat();
    let refused = verify_many(&root, &[(low, Claim::Absent)], &bytes);
    assert_eq!(refused, Err(RefusedMany::Misshapen(Misshapen::OffPath(1))));
}

/// At a million leaves 1,000 keys take 315 bytes each at most; each halving of the tree saves a sibling a key.
#[test]
fn a_multiproof_of_1000_keys_is_no_longer_than_promised() {
    let model: Vec<_> = (0u64..1 << 17)
        .map(|index| (hashed(index), value_hash(b"v")))
        .collect();
    let leaves: std::collections::BTreeMap<_, _> = model.into_iter().collect();
    let sorted: Vec<_> = leaves.into_iter().collect();
    let keys: BTreeSet<_> = (0..1000).map(|index| hashed(index * 131)).collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let proof = prove_many(&Sorted(&sorted), &keys).unwrap();
    // 2^17 leaves are 2^2.93 times fewer than a million.
    assert!(
        proof.len() <= 1000 * (315 - 32 * 293 / 100),
        "{} bytes",
        proof.len()
    );
}

fn hashed(index: u64) -> Key {
    Key(sha2::Sha256::digest(index.to_le_bytes()).into())
}
