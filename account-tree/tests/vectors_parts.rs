//! The vectors of specs/vectors for multiproofs, anchors and snapshots, which the reference model writes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::convert::Infallible;

use sapwood_account_tree::hash::value_hash;
use sapwood_account_tree::snapshot::{self, BadManifest, BadRow, Block, ChunkRef, Fault, Manifest};
use sapwood_account_tree::{
    Anchor, AnchorDepth, BadAnchor, Claim, Key, Malformed, Misshapen, NodeHash, Refused,
    RefusedBelow, RefusedMany, Root, Sorted, ValueHash, prove_below, prove_many, verify_many,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn file(name: &str) -> Value {
    let text = match name {
        "tree" => include_str!("../../specs/vectors/tree.json"),
        "multiproofs" => include_str!("../../specs/vectors/multiproofs.json"),
        "anchors" => include_str!("../../specs/vectors/anchors.json"),
        _ => include_str!("../../specs/vectors/snapshots.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// The cases of one list of a file.
fn cases(name: &str, list: &str) -> Vec<Value> {
    let cases = file(name)[list].as_array().unwrap().clone();
    assert!(!cases.is_empty(), "{list}");
    cases
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    hex::decode(case[field].as_str().unwrap()).unwrap()
}

fn bytes_32(case: &Value, field: &str) -> [u8; 32] {
    bytes(case, field).try_into().unwrap()
}

/// A value, or `None` where it is null.
fn value(case: &Value) -> Option<Vec<u8>> {
    case["value"]
        .as_str()
        .map(|value| hex::decode(value).unwrap())
}

fn claim(value: &Option<Vec<u8>>) -> Claim<'_> {
    value.as_deref().map_or(Claim::Absent, Claim::Present)
}

fn root(case: &Value) -> Root {
    Root(bytes_32(case, "root"))
}

fn depth(case: &Value) -> AnchorDepth {
    AnchorDepth::new(u8::try_from(case["k"].as_u64().unwrap()).unwrap()).unwrap()
}

/// The sets of tree.json, by name, as sorted leaves.
fn sets() -> BTreeMap<String, Vec<(Key, ValueHash)>> {
    let sets = cases("tree", "sets");
    let leaves = |set: &Value| {
        let mut leaves: Vec<_> = set["leaves"]
            .as_array()
            .unwrap()
            .iter()
            .map(|leaf| {
                (
                    Key(bytes_32(leaf, "key")),
                    value_hash(&bytes(leaf, "value")),
                )
            })
            .collect();
        leaves.sort();
        leaves
    };
    sets.iter()
        .map(|set| (set["set"].as_str().unwrap().to_owned(), leaves(set)))
        .collect()
}

/// Keys and values of a multiproof's case.
fn claims(case: &Value) -> Vec<(Key, Option<Vec<u8>>)> {
    let claims = case["claims"].as_array().unwrap();
    claims
        .iter()
        .map(|claim| (Key(bytes_32(claim, "key")), value(claim)))
        .collect()
}

fn check_many(case: &Value) -> Result<(), RefusedMany> {
    let owned = claims(case);
    let claims: Vec<_> = owned
        .iter()
        .map(|(key, value)| (*key, claim(value)))
        .collect();
    verify_many(&root(case), &claims, &bytes(case, "proof"))
}

#[test]
fn multiproofs_are_made_byte_by_byte_and_accepted() {
    let sets = sets();
    for case in cases("multiproofs", "proofs") {
        let keys: Vec<_> = claims(&case).iter().map(|(key, _)| *key).collect();
        let proof = prove_many(&Sorted(&sets[case["set"].as_str().unwrap()]), &keys).unwrap();
        assert_eq!(
            hex::encode(proof),
            case["proof"].as_str().unwrap(),
            "{case}"
        );
        assert_eq!(check_many(&case), Ok(()), "{case}");
    }
}

#[test]
fn invalid_multiproofs_are_refused_for_the_reason_given() {
    for case in cases("multiproofs", "invalid") {
        let reason = match check_many(&case).unwrap_err() {
            RefusedMany::Count(_) => "too few or too many keys",
            RefusedMany::NotRising(_) => "keys do not rise",
            RefusedMany::EmptyValue(_) => "empty value",
            RefusedMany::Misshapen(Misshapen::Misplaced(256)) => "split at depth 256",
            RefusedMany::Misshapen(misshapen) => stream_reason(misshapen),
            RefusedMany::Crowded(_) => "two leaves at one place",
            RefusedMany::NeighbourIsKey(_) => "neighbour is a key",
            RefusedMany::OtherRoot(_) => "root differs",
        };
        assert_eq!(
            reason,
            case["reason"].as_str().unwrap(),
            "{}",
            case["title"]
        );
    }
}

fn stream_reason(misshapen: Misshapen) -> &'static str {
    match misshapen {
        Misshapen::Truncated => "truncated",
        Misshapen::LeftOver(_) => "left-over bytes",
        Misshapen::PaddingSet => "padding bit set",
        Misshapen::ZeroHash => "hash of zeros",
        Misshapen::NoSplit(_) => "split of fewer than two leaves",
        Misshapen::Misplaced(_) => "mark at the wrong depth",
        Misshapen::OffPath(_) => "leaf off the path",
    }
}

#[test]
fn anchors_are_made_byte_by_byte_and_accepted() {
    let sets = sets();
    for case in cases("anchors", "anchors") {
        let anchor =
            Anchor::new(&Sorted(&sets[case["set"].as_str().unwrap()]), depth(&case)).unwrap();
        assert_eq!(
            hex::encode(anchor.to_bytes()),
            case["anchor"].as_str().unwrap(),
            "{case}"
        );
        assert_eq!(
            Anchor::from_bytes(&bytes(&case, "anchor"), depth(&case), &root(&case)),
            Ok(anchor)
        );
    }
}

#[test]
fn anchored_proofs_are_made_byte_by_byte_and_accepted() {
    let sets = sets();
    for case in cases("anchors", "proofs") {
        let (tree, key) = (
            Sorted(&sets[case["set"].as_str().unwrap()]),
            Key(bytes_32(&case, "key")),
        );
        let proof = prove_below(&tree, &key, depth(&case)).unwrap();
        assert_eq!(
            hex::encode(&proof),
            case["proof"].as_str().unwrap(),
            "{case}"
        );
        let anchor = Anchor::new(&tree, depth(&case)).unwrap();
        assert_eq!(
            anchor.verify(&key, claim(&value(&case)), &proof),
            Ok(()),
            "{case}"
        );
    }
}

#[test]
fn invalid_anchors_are_refused_for_the_reason_given() {
    for case in cases("anchors", "invalid_anchors") {
        let refused = Anchor::from_bytes(&bytes(&case, "anchor"), depth(&case), &root(&case));
        let reason = match refused.unwrap_err() {
            BadAnchor::Misshapen(misshapen) => stream_reason(misshapen),
            BadAnchor::OtherRoot(_) => "root differs",
        };
        assert_eq!(
            reason,
            case["reason"].as_str().unwrap(),
            "{}",
            case["title"]
        );
    }
}

#[test]
fn invalid_anchored_proofs_are_refused_for_the_reason_given() {
    for case in cases("anchors", "invalid_proofs") {
        let anchor =
            Anchor::from_bytes(&bytes(&case, "anchor"), depth(&case), &root(&case)).unwrap();
        let key = Key(bytes_32(&case, "key"));
        let refused = anchor.verify(&key, claim(&value(&case)), &bytes(&case, "proof"));
        let reason = match refused.unwrap_err() {
            RefusedBelow::Above(_) => "depth within the anchor",
            RefusedBelow::Anchor(_) => "the anchor shows something else",
            RefusedBelow::OtherNode(_) => "node differs",
            RefusedBelow::Proof(refused) => proof_reason(refused),
        };
        assert_eq!(
            reason,
            case["reason"].as_str().unwrap(),
            "{}",
            case["title"]
        );
    }
}

fn proof_reason(refused: Refused) -> &'static str {
    match refused {
        Refused::Malformed(Malformed::Truncated) => "truncated",
        Refused::Malformed(Malformed::LeftOver(_)) => "left-over bytes",
        Refused::Malformed(Malformed::UnknownForm(_)) => "unknown form",
        Refused::Malformed(Malformed::BitsPastDepth) => "bit set past the depth",
        Refused::Malformed(Malformed::ZeroSibling(_)) => "sibling of zeros",
        Refused::Malformed(Malformed::LastSiblingEmpty) => "last sibling is empty",
        Refused::EmptyValue => "empty value",
        Refused::OtherClaim => "the opposite of the claim",
        Refused::NeighbourIsKey => "neighbour is the key",
        Refused::NeighbourOffPath => "neighbour off the path",
        Refused::OtherRoot(_) => "root differs",
    }
}

/// In these vectors a value begins with its key.
fn key_of(value: &[u8]) -> Option<Key> {
    value.first_chunk().map(|key| Key(*key))
}

/// A state's leaves: each value is its key, filled up to its length.
fn state_rows(state: &Value) -> Vec<(Key, Vec<u8>)> {
    let filling = bytes(&file("snapshots"), "filling")[0];
    let rows = state["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            let mut value = bytes(row, "key");
            value.resize(
                usize::try_from(row["length"].as_u64().unwrap()).unwrap(),
                filling,
            );
            (Key(bytes_32(row, "key")), value)
        })
        .collect()
}

fn chunk_ref(case: &Value) -> ChunkRef {
    ChunkRef {
        path: Key(bytes_32(case, "path")),
        depth: u8::try_from(case["depth"].as_u64().unwrap()).unwrap(),
        hash: NodeHash(bytes_32(case, "hash")),
    }
}

#[test]
fn snapshots_are_written_byte_by_byte_and_read() {
    let head = file("snapshots");
    let height = head["height"]
        .as_str()
        .map_or_else(|| head["height"].as_u64(), |height| height.parse().ok());
    let block = Block {
        genesis: bytes_32(&head, "genesis"),
        id: bytes_32(&head, "block"),
        height: height.unwrap(),
    };
    for state in cases("snapshots", "states") {
        let rows = state_rows(&state);
        let mut chunks = Vec::new();
        let source = rows
            .iter()
            .map(|(key, value)| Ok::<_, Infallible>((*key, value)));
        let store = |chunk: &ChunkRef, bytes: &[u8]| {
            chunks.push((*chunk, bytes.to_vec()));
            Ok(())
        };
        let (manifest, reached) = snapshot::write(&block, source, store).unwrap();
        let name = state["state"].as_str().unwrap();
        assert_eq!(
            hex::encode(&manifest),
            state["manifest"].as_str().unwrap(),
            "{name}"
        );
        assert_eq!(reached, root(&state), "{name}");

        let expected = state["chunks"].as_array().unwrap();
        assert_eq!(chunks.len(), expected.len(), "{name}");
        for ((chunk, bytes), expected) in chunks.iter().zip(expected) {
            assert_eq!(*chunk, chunk_ref(expected), "{name}");
            assert_eq!(
                Some(u64::try_from(bytes.len()).unwrap()),
                expected["length"].as_u64()
            );
            assert_eq!(
                Sha256::digest(bytes)[..],
                bytes_32(expected, "sha256"),
                "{name}"
            );
            assert!(chunk.check(bytes, key_of).is_ok());
        }
        let read = Manifest::read(&manifest, key_of).unwrap();
        assert_eq!(
            (read.root(), read.block()),
            (root(&state), &block),
            "{name}"
        );
        assert!(
            read.chunks()
                .iter()
                .eq(chunks.iter().map(|(chunk, _)| chunk))
        );
    }
}

#[test]
fn invalid_manifests_are_refused_for_the_reason_given() {
    for case in cases("snapshots", "invalid_manifests") {
        let reason = match Manifest::read(&bytes(&case, "manifest"), key_of).unwrap_err() {
            BadManifest::TooLong(_) => "manifest too long",
            BadManifest::Version(_) => "unknown version",
            BadManifest::Misshapen(misshapen) => stream_reason(misshapen),
            BadManifest::Row { why, .. } => row_reason(why),
            BadManifest::NoLeaf(_) => "no leaf",
            BadManifest::Oversplit(_) => "split of what fits into a chunk",
        };
        assert_eq!(plain(&case), reason, "{}", case["title"]);
    }
}

#[test]
fn invalid_chunks_are_refused_for_the_reason_given() {
    for case in cases("snapshots", "invalid_chunks") {
        let rows = bytes(&case, "rows");
        let refused = chunk_ref(&case).check(&rows, key_of).unwrap_err();
        assert_eq!(refused.chunk, chunk_ref(&case));
        let reason = match refused.fault {
            Fault::TooLong(_) => "chunk too long",
            Fault::Row { why, .. } => row_reason(why),
            Fault::TooFew(_) => "fewer than two rows",
            Fault::NoLeaf(_) => "no leaf",
            Fault::OffPrefix(_) => "row of another chunk",
            Fault::NotRising(_) => "rows do not rise",
            Fault::OtherHash(_) => "hash differs",
        };
        assert_eq!(plain(&case), reason, "{}", case["title"]);
    }
}

/// The model tells two faults of a length apart.
fn plain(case: &Value) -> &str {
    match case["reason"].as_str().unwrap() {
        "compact length is not the shortest" => "length of a row",
        reason => reason,
    }
}

fn row_reason(why: BadRow) -> &'static str {
    match why {
        BadRow::Truncated => "truncated",
        BadRow::Length => "length of a row",
        BadRow::Empty => "empty value",
    }
}
