//! Each refusal of specs/04 §4.5 with bytes that are right but for the one fault.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod model;

use model::{Ledger, Model, root};
use sapwood_account_tree::hash::{NodeHash, leaf_hash, node_hash, value_hash};
use sapwood_account_tree::{Claim, Key, Malformed, Mode, Proof, Refused, Root, verify};

/// 0010… and 0011…, which part at bit 3.
const LOW: Key = Key([0x20; 32]);
const HIGH: Key = Key([0x30; 32]);
/// Absent: 0011 1…, whose place HIGH takes.
const BESIDE_HIGH: Key = Key([0x38; 32]);

fn state() -> Model {
    Model::from([(LOW.0, vec![1]), (HIGH.0, vec![2])])
}

fn proof(key: &Key) -> Vec<u8> {
    Ledger::load(Mode::Fast, &state())
        .prove(key)
        .unwrap()
        .to_bytes()
}

/// Both readers of the format must refuse, and for the same reason.
#[track_caller]
fn assert_malformed(bytes: &[u8], expected: Malformed) {
    assert_eq!(Proof::from_bytes(bytes), Err(expected));
    for (key, claim) in [(LOW, Claim::Present(&[1])), (BESIDE_HIGH, Claim::Absent)] {
        assert_eq!(
            verify(&root(&state()), &key, claim, bytes),
            Err(expected.into())
        );
    }
}

#[test]
fn unknown_forms_are_refused() {
    for form in 3..=255 {
        let mut bytes = proof(&LOW);
        bytes[0] = form;
        assert_malformed(&bytes, Malformed::UnknownForm(form));
    }
}

#[test]
fn every_proper_beginning_of_a_proof_is_refused() {
    for key in [LOW, BESIDE_HIGH, Key([0x80; 32])] {
        let bytes = proof(&key);
        for end in 0..bytes.len() {
            assert_malformed(&bytes[..end], Malformed::Truncated);
        }
    }
}

#[test]
fn left_over_bytes_are_refused() {
    for key in [LOW, BESIDE_HIGH, Key([0x80; 32])] {
        for count in [1, 32, 100] {
            let bytes = [proof(&key), vec![0; count]].concat();
            assert_malformed(&bytes, Malformed::LeftOver(count));
        }
    }
}

#[test]
fn bits_past_the_depth_are_refused() {
    for bit in 4..8 {
        let mut bytes = proof(&LOW);
        bytes[2] |= 0x80 >> bit;
        assert_malformed(&bytes, Malformed::BitsPastDepth);
        // With a sibling for the surplus bit the length would fit.
        bytes.extend([7; 32]);
        assert_malformed(&bytes, Malformed::BitsPastDepth);
    }
}

#[test]
fn a_sibling_of_zeros_is_refused() {
    let mut bytes = proof(&LOW);
    bytes[2] = 0b1001_0000;
    bytes.splice(3..3, [0; 32]);
    assert_malformed(&bytes, Malformed::ZeroSibling(0));

    let mut bytes = proof(&LOW);
    bytes[3..35].fill(0);
    assert_malformed(&bytes, Malformed::ZeroSibling(0));

    let bytes = [&[1, 2, 0b1100_0000][..], &[7; 32], &[0; 32]].concat();
    assert_malformed(&bytes, Malformed::ZeroSibling(1));
}

#[test]
fn an_empty_last_sibling_is_refused_even_where_the_hashes_would_fit() {
    assert_malformed(&[0, 1, 0], Malformed::LastSiblingEmpty);
    assert_malformed(
        &[1, 255, 0x80]
            .iter()
            .copied()
            .chain([0; 31])
            .collect::<Vec<_>>(),
        Malformed::LastSiblingEmpty,
    );

    // A lone leaf that did not move up: a root that no tree has, and bytes that would lead to it.
    let leaf = leaf_hash(&LOW, &value_hash(&[1]));
    let root = Root(node_hash(&leaf, &NodeHash::EMPTY).0);
    let refused = Err(Malformed::LastSiblingEmpty.into());
    assert_eq!(
        verify(&root, &LOW, Claim::Present(&[1]), &[0, 1, 0]),
        refused
    );
}

#[test]
fn an_empty_value_is_refused_even_where_the_hashes_would_fit() {
    let root = Root(leaf_hash(&LOW, &value_hash(&[])).0);
    assert_eq!(
        verify(&root, &LOW, Claim::Present(&[]), &[0, 0]),
        Err(Refused::EmptyValue)
    );
}

#[test]
fn a_neighbour_that_is_the_key_is_refused_even_where_the_hashes_would_fit() {
    let mut bytes = proof(&LOW);
    bytes[0] = 2;
    bytes.extend(LOW.0);
    bytes.extend(value_hash(&[1]).0);
    assert_eq!(
        verify(&root(&state()), &LOW, Claim::Absent, &bytes),
        Err(Refused::NeighbourIsKey)
    );
}

#[test]
fn a_neighbour_off_the_path_is_refused() {
    // The leaf HIGH in the place of the path of LOW: they differ in bit 3, above depth 4 and within the shared byte.
    for bit in 0..4 {
        let mut bytes = proof(&BESIDE_HIGH);
        bytes[35] ^= 0x80 >> bit;
        let refused = Err(Refused::NeighbourOffPath);
        assert_eq!(
            verify(&root(&state()), &BESIDE_HIGH, Claim::Absent, &bytes),
            refused,
            "{bit}"
        );
    }
    // Below the depth it may differ, and then the hashes do not fit.
    let mut bytes = proof(&BESIDE_HIGH);
    bytes[35] ^= 0x80 >> 5;
    let refused = verify(&root(&state()), &BESIDE_HIGH, Claim::Absent, &bytes);
    assert!(matches!(refused, Err(Refused::OtherRoot(_))));
}

/// Without the check of the neighbour's path, any leaf would prove the absence of every other leaf.
#[test]
fn a_leaf_does_not_prove_the_absence_of_another() {
    let mut bytes = proof(&HIGH);
    bytes[0] = 2;
    bytes.extend(HIGH.0);
    bytes.extend(value_hash(&[2]).0);
    assert_eq!(
        verify(&root(&state()), &LOW, Claim::Absent, &bytes),
        Err(Refused::NeighbourOffPath)
    );
}

#[test]
fn a_proof_of_one_claim_does_not_show_its_opposite() {
    let root = root(&state());
    let refused = Err(Refused::OtherClaim);
    assert_eq!(verify(&root, &LOW, Claim::Absent, &proof(&LOW)), refused);
    assert_eq!(
        verify(
            &root,
            &BESIDE_HIGH,
            Claim::Present(&[2]),
            &proof(&BESIDE_HIGH)
        ),
        refused
    );
    let empty = Key([0x80; 32]);
    assert_eq!(
        verify(&root, &empty, Claim::Present(&[2]), &proof(&empty)),
        refused
    );
}

#[test]
fn another_value_leads_to_another_root() {
    let refused = verify(&root(&state()), &LOW, Claim::Present(&[2]), &proof(&LOW));
    assert!(matches!(refused, Err(Refused::OtherRoot(other)) if other != root(&state())));
}

/// A node's bytes are 64 like a leaf's key and value hash; the two are hashed from different states.
#[test]
fn an_inner_node_does_not_pass_as_a_leaf() {
    let (low, high) = (
        leaf_hash(&LOW, &value_hash(&[1])),
        leaf_hash(&HIGH, &value_hash(&[2])),
    );
    let root = Root(node_hash(&low, &high).0);
    // A neighbour whose key is the left hash and whose value hash is the right one.
    let bytes = [&[2, 0][..], &low.0, &high.0].concat();
    let refused = verify(&root, &BESIDE_HIGH, Claim::Absent, &bytes);
    assert!(matches!(refused, Err(Refused::OtherRoot(_))));
}
