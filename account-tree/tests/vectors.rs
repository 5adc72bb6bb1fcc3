//! The vectors of specs/vectors/tree.json, which the reference model writes: another implementation in another language.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::BTreeMap;

use sapwood_account_tree::hash::{leaf_hash, value_hash};
use sapwood_account_tree::{
    Change, Claim, Key, Malformed, Mode, Proof, Refused, Root, Tree, ValueHash, verify,
};
use serde_json::Value;

/// The cases of one list of the file.
fn cases(list: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../../specs/vectors/tree.json")).unwrap();
    let cases = file[list].as_array().unwrap().clone();
    assert!(!cases.is_empty(), "{list}");
    cases
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    hex::decode(case[field].as_str().unwrap()).unwrap()
}

fn bytes_32(case: &Value, field: &str) -> [u8; 32] {
    bytes(case, field).try_into().unwrap()
}

/// Key and value of each leaf of a set.
fn set_leaves(set: &Value) -> BTreeMap<Key, Vec<u8>> {
    let leaves = set["leaves"].as_array().unwrap();
    leaves
        .iter()
        .map(|leaf| (Key(bytes_32(leaf, "key")), bytes(leaf, "value")))
        .collect()
}

fn rows(leaves: &BTreeMap<Key, Vec<u8>>) -> BTreeMap<Key, ValueHash> {
    let rows = leaves.iter().map(|(key, value)| (*key, value_hash(value)));
    rows.collect()
}

const MODES: [Mode; 2] = [Mode::Fast, Mode::Lean];

fn load(mode: Mode, rows: &BTreeMap<Key, ValueHash>) -> Tree {
    Tree::load(
        mode,
        rows.len(),
        rows.iter().map(|(key, value)| (*key, *value)),
    )
    .unwrap()
}

/// Checks a case's proof for the claim that its value stands for; null is absence.
fn check(case: &Value) -> Result<(), Refused> {
    let value = case["value"]
        .as_str()
        .map(|value| hex::decode(value).unwrap());
    let claim = value.as_deref().map_or(Claim::Absent, Claim::Present);
    let (root, key) = (Root(bytes_32(case, "root")), Key(bytes_32(case, "key")));
    verify(&root, &key, claim, &bytes(case, "proof"))
}

#[test]
fn leaves_have_the_vectors_hashes() {
    for case in cases("leaves") {
        let hashed = value_hash(&bytes(&case, "value"));
        assert_eq!(hashed.0, bytes_32(&case, "value_hash"), "{case}");
        let leaf = leaf_hash(&Key(bytes_32(&case, "key")), &hashed);
        assert_eq!(leaf.0, bytes_32(&case, "leaf_hash"), "{case}");
    }
}

#[test]
fn sets_have_the_vectors_roots() {
    for set in cases("sets") {
        let (rows, root) = (rows(&set_leaves(&set)), Root(bytes_32(&set, "root")));
        let change = |(key, value): (&Key, &ValueHash)| Change {
            key: *key,
            existed: false,
            new: Some(*value),
        };
        let batch: Vec<_> = rows.iter().map(change).collect();
        for mode in MODES {
            assert_eq!(load(mode, &rows).root(), root, "{}", set["set"]);
            let plan = Tree::new(mode).plan(&batch, &BTreeMap::new()).unwrap();
            assert_eq!(plan.root(), root, "{}", set["set"]);
        }
    }
}

#[test]
fn proofs_are_made_byte_by_byte_and_accepted() {
    let sets: BTreeMap<_, _> = cases("sets")
        .iter()
        .map(|set| {
            (
                set["set"].as_str().unwrap().to_owned(),
                rows(&set_leaves(set)),
            )
        })
        .collect();
    for case in cases("proofs") {
        let rows = &sets[case["set"].as_str().unwrap()];
        for mode in MODES {
            let proof = load(mode, rows)
                .prove(&Key(bytes_32(&case, "key")), rows)
                .unwrap();
            assert_eq!(
                hex::encode(proof.to_bytes()),
                case["proof"].as_str().unwrap(),
                "{case}"
            );
            assert_eq!(Proof::from_bytes(&bytes(&case, "proof")).unwrap(), proof);
        }
        assert_eq!(check(&case), Ok(()), "{case}");
    }
}

#[test]
fn invalid_proofs_are_refused_for_the_reason_given() {
    for case in cases("invalid") {
        let refused = check(&case).unwrap_err();
        assert_eq!(
            reason(refused),
            case["reason"].as_str().unwrap(),
            "{}",
            case["title"]
        );

        let parsed = Proof::from_bytes(&bytes(&case, "proof")).err();
        let malformed = if let Refused::Malformed(malformed) = refused {
            Some(malformed)
        } else {
            None
        };
        assert_eq!(parsed, malformed, "{}", case["title"]);
    }
}

/// The vectors' word for a refusal. They have none for a form that shows the opposite of the claim, since the model does
/// not take the claim as an argument.
fn reason(refused: Refused) -> &'static str {
    match refused {
        Refused::Malformed(malformed) => match malformed {
            Malformed::Truncated => "truncated",
            Malformed::LeftOver(_) => "left-over bytes",
            Malformed::UnknownForm(_) => "unknown form",
            Malformed::BitsPastDepth => "bit set past the depth",
            Malformed::ZeroSibling(_) => "sibling of zeros",
            Malformed::LastSiblingEmpty => "last sibling is empty",
        },
        Refused::EmptyValue => "empty value",
        Refused::NeighbourIsKey => "neighbour is the key",
        Refused::NeighbourOffPath => "neighbour off the path",
        Refused::OtherRoot(_) => "root differs",
        Refused::OtherClaim => "the opposite of the claim",
    }
}
