//! Anchors and anchored proofs (specs/04 §8, §9), made over a slice of leaves; and that nothing altered is ever accepted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod model;

use model::{Bytes, Model, diverge, key, leaves, root, value};
use proptest::prelude::*;
use proptest::sample::Index;
use sapwood_account_tree::hash::{NodeHash, leaf_hash, node_hash, value_hash};
use sapwood_account_tree::{
    Anchor, AnchorDepth, BadAnchor, Claim, Key, MAX_ANCHOR_BYTES, Malformed, Misshapen, NotBelow,
    Refused, RefusedBelow, Root, Sorted, ValueHash, prove_below,
};
use sha2::Digest;

fn depth() -> impl Strategy<Value = AnchorDepth> {
    (0u8..=16).prop_map(|depth| AnchorDepth::new(depth).unwrap())
}

/// A state, and a key that is in it, near to something in it, or anywhere, and that has a proof.
fn state_and_key() -> impl Strategy<Value = (Model, Bytes)> {
    let question = prop_oneof![
        (any::<Index>(), Just(None)),
        (any::<Index>(), (0usize..256, any::<Bytes>()).prop_map(Some)),
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
        .prop_filter("too deep to prove", |(model, key)| {
            let depth = AnchorDepth::new(0).unwrap();
            prove_below(&Sorted(&sorted(model)), &Key(*key), depth).is_ok()
        })
}

fn sorted(model: &Model) -> Vec<(Key, ValueHash)> {
    leaves(model).collect()
}

fn anchor(model: &Model, depth: AnchorDepth) -> Anchor {
    Anchor::new(&Sorted(&sorted(model)), depth).unwrap()
}

fn prove(model: &Model, key: &Bytes, depth: AnchorDepth) -> Vec<u8> {
    prove_below(&Sorted(&sorted(model)), &Key(*key), depth).unwrap()
}

fn truth<'a>(model: &'a Model, key: &Bytes) -> Claim<'a> {
    model
        .get(key)
        .map_or(Claim::Absent, |value| Claim::Present(value))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_anchor_is_read_back_the_same((model, _) in state_and_key(), depth in depth()) {
        let anchor = anchor(&model, depth);
        let bytes = anchor.to_bytes();
        prop_assert!(bytes.len() <= MAX_ANCHOR_BYTES);
        prop_assert_eq!(anchor.root(), root(&model));
        prop_assert_eq!(Anchor::from_bytes(&bytes, depth, &root(&model)), Ok(anchor));
    }

    #[test]
    fn no_altered_anchor_is_accepted(
        (model, _) in state_and_key(),
        depth in depth(),
        at in any::<Index>(),
        flip in 1u8..,
        inserted in any::<u8>(),
    ) {
        let (root, bytes) = (root(&model), anchor(&model, depth).to_bytes());
        let at = at.index(bytes.len());
        let mut flipped = bytes.clone();
        flipped[at] ^= flip;
        let mut longer = bytes.clone();
        longer.insert(at, inserted);
        let mut shorter = bytes.clone();
        shorter.remove(at);
        for altered in [flipped, longer, shorter, bytes[..at].to_vec(), [&bytes[..], &[0]].concat()] {
            if altered != bytes {
                prop_assert!(Anchor::from_bytes(&altered, depth, &root).is_err());
            }
        }
        let mut other = root;
        other.0[0] ^= flip;
        prop_assert_eq!(Anchor::from_bytes(&bytes, depth, &other), Err(BadAnchor::OtherRoot(root)));
    }

    #[test]
    fn an_anchored_proof_shows_what_is_true_and_only_that(
        (model, key) in state_and_key(),
        depth in depth(),
        other in value(),
    ) {
        let (anchor, proof, truth) = (anchor(&model, depth), prove(&model, &key, depth), truth(&model, &key));
        prop_assert_eq!(anchor.verify(&Key(key), truth, &proof), Ok(()));
        for lie in [Claim::Absent, Claim::Present(&other), Claim::Present(b"")] {
            if lie != truth {
                prop_assert!(anchor.verify(&Key(key), lie, &proof).is_err(), "{:?}", lie);
            }
        }
    }

    #[test]
    fn no_altered_anchored_proof_is_accepted(
        (model, key) in state_and_key(),
        depth in depth(),
        at in any::<Index>(),
        flip in 1u8..,
        inserted in any::<u8>(),
    ) {
        let (anchor, proof, truth) = (anchor(&model, depth), prove(&model, &key, depth), truth(&model, &key));
        let mut all = vec![[&proof[..], &[inserted]].concat()];
        if !proof.is_empty() {
            let at = at.index(proof.len());
            let mut flipped = proof.clone();
            flipped[at] ^= flip;
            let mut longer = proof.clone();
            longer.insert(at, inserted);
            let mut shorter = proof.clone();
            shorter.remove(at);
            all.extend([flipped, longer, shorter, proof[..at].to_vec()]);
        }
        for altered in all {
            for claim in [truth, Claim::Absent, Claim::Present(b"x")] {
                prop_assert!(anchor.verify(&Key(key), claim, &altered).is_err(), "{}", hex::encode(&altered));
            }
        }
    }

    #[test]
    fn what_is_accepted_for_another_key_is_true(
        (model, key) in state_and_key(),
        depth in depth(),
        bit in 0usize..256,
        tail in any::<Bytes>(),
    ) {
        let (anchor, proof) = (anchor(&model, depth), prove(&model, &key, depth));
        for other in [diverge(&key, bit, &tail), diverge(&key, bit, &key), tail] {
            for claim in [truth(&model, &key), Claim::Absent] {
                if anchor.verify(&Key(other), claim, &proof).is_ok() {
                    prop_assert_eq!(claim, truth(&model, &other));
                }
            }
        }
    }

    /// With nothing in the anchor but the root, what is left is the single proof.
    #[test]
    fn above_depth_0_nothing_is_left_out((model, key) in state_and_key()) {
        let depth = AnchorDepth::new(0).unwrap();
        let single = sapwood_account_tree::NaiveTree::from_iter(leaves(&model)).prove(&Key(key));
        let expected = if single.depth() == 0 { vec![] } else { single.to_bytes() };
        prop_assert_eq!(prove(&model, &key, depth), expected);
    }
}

const fn at(depth: u8) -> AnchorDepth {
    AnchorDepth::new(depth).unwrap()
}

#[test]
fn an_anchor_is_at_most_16_deep() {
    assert_eq!(AnchorDepth::new(16), Some(AnchorDepth::MAX));
    assert_eq!(AnchorDepth::new(17), None);
}

#[test]
fn small_anchors_have_these_bytes() {
    assert_eq!(anchor(&Model::new(), at(5)).to_bytes(), [0]);
    let model = Model::from([
        ([0x00; 32], vec![1]),
        ([0x80; 32], vec![2]),
        ([0xc0; 32], vec![3]),
    ]);
    let hash = |value: u8| value_hash(&[value]);
    let low = [&[0x00; 32][..], &hash(1).0].concat();
    let node = node_hash(
        &leaf_hash(&Key([0x80; 32]), &hash(2)),
        &leaf_hash(&Key([0xc0; 32]), &hash(3)),
    );
    let root = root(&model);
    assert_eq!(
        anchor(&model, at(0)).to_bytes(),
        [&[0b1000_0000], &root.0[..]].concat()
    );
    // Split, leaf, cut.
    let bytes = anchor(&model, at(1)).to_bytes();
    assert_eq!(bytes, [&[0b1101_1000], &low[..], &node.0].concat());
    // Split, leaf, split, leaf; then a second byte of bits is needed.
    let bytes = anchor(&model, at(2)).to_bytes();
    let leaf = |key: u8, value| [[key; 32], hash(value).0].concat();
    let expected = [
        &[0b1101_1101],
        &low[..],
        &leaf(0x80, 2),
        &[0b0100_0000],
        &leaf(0xc0, 3),
    ]
    .concat();
    assert_eq!(bytes, expected);
    assert_eq!(anchor(&model, at(1)).cut().collect::<Vec<_>>(), [&node]);
    assert_eq!(anchor(&model, at(2)).cut().count(), 0);
}

#[test]
fn the_anchor_alone_shows_what_stands_in_it() {
    let model = Model::from([
        ([0x00; 32], vec![1]),
        ([0x80; 32], vec![2]),
        ([0xc0; 32], vec![3]),
    ]);
    let anchor = anchor(&model, at(1));
    let low = Key([0x00; 32]);
    assert_eq!(anchor.verify(&low, Claim::Present(&[1]), &[]), Ok(()));
    assert_eq!(
        anchor.verify(&low, Claim::Present(&[2]), &[]),
        Err(RefusedBelow::Anchor(low))
    );
    assert_eq!(
        anchor.verify(&low, Claim::Absent, &[]),
        Err(RefusedBelow::Anchor(low))
    );
    let near = Key([0x01; 32]);
    assert_eq!(anchor.verify(&near, Claim::Absent, &[]), Ok(()));
    assert_eq!(
        anchor.verify(&near, Claim::Present(&[1]), &[]),
        Err(RefusedBelow::Anchor(near))
    );
    let left_over = RefusedBelow::Proof(Refused::Malformed(Malformed::LeftOver(2)));
    assert_eq!(anchor.verify(&near, Claim::Absent, &[1, 0]), Err(left_over));
    // Below the cut the anchor shows nothing.
    let truncated = RefusedBelow::Proof(Refused::Malformed(Malformed::Truncated));
    assert_eq!(
        anchor.verify(&Key([0xc0; 32]), Claim::Present(&[3]), &[]),
        Err(truncated)
    );
}

#[test]
fn marks_out_of_place_are_refused() {
    let hash = [9; 32];
    let read = |bytes: &[u8], depth| Anchor::from_bytes(bytes, at(depth), &Root(hash)).unwrap_err();
    let misshapen = BadAnchor::Misshapen;
    let cut = [&[0b1000_0000], &hash[..]].concat();
    assert!(Anchor::from_bytes(&cut, at(0), &Root(hash)).is_ok());
    assert_eq!(read(&cut, 1), misshapen(Misshapen::Misplaced(0)));
    assert_eq!(read(&[0b1100_0000], 0), misshapen(Misshapen::Misplaced(0)));
    assert_eq!(read(&[0b1100_0000], 1), misshapen(Misshapen::NoSplit(0)));
    let sunk = [&[0b1101_0000], &[0; 64][..]].concat();
    assert_eq!(read(&sunk, 1), misshapen(Misshapen::NoSplit(0)));
    let stray = [&[0b1101_0000], &[0xff; 64][..]].concat();
    assert_eq!(read(&stray, 1), misshapen(Misshapen::OffPath(1)));
    let zeros = [&[0b1000_0000], &[0; 32][..]].concat();
    assert_eq!(read(&zeros, 0), misshapen(Misshapen::ZeroHash));
    assert_eq!(read(&[0b1000_0001], 0), misshapen(Misshapen::Truncated));
    let padded = [&[0b1000_0001], &hash[..]].concat();
    assert_eq!(read(&padded, 0), misshapen(Misshapen::PaddingSet));
    let longer = [&cut[..], &[0]].concat();
    assert_eq!(read(&longer, 0), misshapen(Misshapen::LeftOver(1)));
}

/// Roots of trees that nobody would build, and forms that are wrong though the hashes lead to the node.
#[test]
fn malformed_proofs_are_refused_for_their_reason() {
    let (key, value) = ([0x12; 32], vec![1]);
    let leaf = leaf_hash(&Key(key), &value_hash(&value));
    let sibling = NodeHash([9; 32]);
    // The key's bits at 3 and 2 are 1 and 0.
    let node = node_hash(&node_hash(&sibling, &leaf), &NodeHash::EMPTY);
    let anchor = |node: &NodeHash| {
        let other = NodeHash([7; 32]);
        let bits = [[0b1111_1010], [0b1110_1000]];
        let bytes = [
            &bits[0],
            &node.0[..],
            &other.0,
            &bits[1],
            &other.0,
            &other.0,
        ]
        .concat();
        let root = node_hash(&node_hash(node, &other), &node_hash(&other, &other));
        Anchor::from_bytes(&bytes, at(2), &Root(root.0)).unwrap()
    };
    let below = anchor(&node);
    let present = Claim::Present(&value);
    let good = [&[0, 4, 0b0100_0000], &sibling.0[..]].concat();
    assert_eq!(below.verify(&Key(key), present, &good), Ok(()));
    let refused = |bytes: &[u8]| below.verify(&Key(key), present, bytes).unwrap_err();
    let malformed = |why| RefusedBelow::Proof(Refused::Malformed(why));

    for depth in [0, 1, 2] {
        assert_eq!(
            refused(&[&[0, depth], &good[2..]].concat()),
            RefusedBelow::Above(depth)
        );
    }
    assert_eq!(
        refused(&[&[3], &good[1..]].concat()),
        malformed(Malformed::UnknownForm(3))
    );
    let past = [&[0, 4, 0b0110_0000], &good[3..]].concat();
    assert_eq!(refused(&past), malformed(Malformed::BitsPastDepth));
    let zero = [&[0, 4, 0b1100_0000], &[0; 32][..], &good[3..]].concat();
    assert_eq!(refused(&zero), malformed(Malformed::ZeroSibling(0)));
    assert_eq!(
        refused(&[&good[..], &[0]].concat()),
        malformed(Malformed::LeftOver(1))
    );
    assert_eq!(
        refused(&good[..good.len() - 1]),
        malformed(Malformed::Truncated)
    );
    assert_eq!(
        below.verify(&Key(key), Claim::Absent, &good),
        Err(Refused::OtherClaim.into())
    );
    assert_eq!(
        below.verify(&Key(key), Claim::Present(&[]), &good),
        Err(Refused::EmptyValue.into())
    );
    let own = [
        &[2, 4, 0b0100_0000],
        &sibling.0[..],
        &key,
        &value_hash(&value).0,
    ]
    .concat();
    assert_eq!(
        below.verify(&Key(key), Claim::Absent, &own),
        Err(Refused::NeighbourIsKey.into())
    );
    let stray = [
        &[2, 4, 0b0100_0000],
        &sibling.0[..],
        &[0x22; 32],
        &value_hash(&value).0,
    ]
    .concat();
    assert_eq!(
        below.verify(&Key(key), Claim::Absent, &stray),
        Err(Refused::NeighbourOffPath.into())
    );

    // A lone leaf that did not move up to the cut.
    let sunk = anchor(&node_hash(&leaf, &NodeHash::EMPTY));
    let refused = sunk.verify(&Key(key), present, &[0, 3, 0]);
    assert_eq!(refused, Err(malformed(Malformed::LastSiblingEmpty)));
}

#[test]
fn a_leaf_at_depth_256_has_no_anchored_proof() {
    let stem = model::STEM;
    let model = Model::from([(stem, vec![1]), (diverge(&stem, 255, &stem), vec![2])]);
    let refused = prove_below(&Sorted(&sorted(&model)), &Key(stem), at(8));
    assert_eq!(refused, Err(NotBelow::TooDeep(Key(stem))));
}

/// At a million leaves an anchor of depth 12 leaves 275 bytes a proof on average; each halving of the tree saves a sibling.
#[test]
fn anchored_proofs_are_no_longer_than_promised() {
    let hashed = |index: u64| Key(sha2::Sha256::digest(index.to_le_bytes()).into());
    let leaf = |index| (hashed(index), value_hash(b"v"));
    let mut sorted: Vec<_> = (0u64..1 << 17).map(leaf).collect();
    sorted.sort();
    let bytes = |index| {
        prove_below(&Sorted(&sorted), &hashed(index * 131), at(12))
            .unwrap()
            .len()
    };
    let sum: usize = (0u64..1000).map(bytes).sum();
    // 2^17 leaves are 2^2.93 times fewer than a million.
    assert!(sum <= 1000 * (275 - 32 * 293 / 100), "{sum} bytes");
}
