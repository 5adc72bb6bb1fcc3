//! Targets of the account tree's formats beside the single proof: multiproofs, anchors, anchored proofs and snapshots.
//!
//! Each has one honest form for one question. So whatever is accepted under the true root must be that form, bit by bit.

use crate::targets::Target;
use sapwood_account_tree::snapshot::{self, Block, ChunkRef, Manifest};
use sapwood_account_tree::{
    Anchor, AnchorDepth, Claim, Key, Root, Sorted, ValueHash, hash::value_hash, prove_below,
    prove_many, verify_many,
};
use std::sync::LazyLock;

pub(crate) fn targets() -> [Target; 5] {
    [
        Target::new(
            "multiproof",
            multiproofs,
            |bytes| {
                let parts = bytes.split_first_chunk::<2>();
                parts.is_some_and(|(set, proof)| verify_many(&root(), &asked(*set), proof).is_ok())
            },
            multiproof_holds,
        ),
        Target::new("anchor", anchors, anchor_reads, anchor_holds),
        Target::new(
            "anchored-proof",
            anchored_proofs,
            anchored_proof_reads,
            anchored_proof_holds,
        ),
        Target::new(
            "manifest",
            || vec![SNAPSHOT.manifest.clone(), SMALL.manifest.clone()],
            |bytes| Manifest::read(bytes, key_of).is_ok(),
            manifest_holds,
        ),
        Target::new(
            "chunk",
            || vec![SMALL.chunks[0].1.clone()],
            |bytes| SMALL.chunks[0].0.check(bytes, key_of).is_ok(),
            chunk_holds,
        ),
    ]
}

/// Sixteen keys that a question can be about. Some share long prefixes; the even ones are in the tree.
fn keys() -> [Key; 16] {
    std::array::from_fn(|n| {
        let mut key = [u8::try_from(n % 8).unwrap_or(0) * 0x24; 32];
        key[31] ^= u8::try_from(n / 8 * 5).unwrap_or(0);
        if n % 8 > 4 {
            key[..30].fill(0x24);
        }
        Key(key)
    })
}

/// The sixteen keys by rising order, each with what is true of it.
fn truths() -> &'static [(Key, Claim<'static>)] {
    static TRUTHS: LazyLock<Vec<(Key, Claim<'static>)>> = LazyLock::new(|| {
        let claim = |n: usize| {
            if n.is_multiple_of(2) {
                Claim::Present(b"a value")
            } else {
                Claim::Absent
            }
        };
        let mut truths: Vec<_> = (0..).zip(keys()).map(|(n, key)| (key, claim(n))).collect();
        truths.sort_by_key(|(key, _)| *key);
        truths
    });
    &TRUTHS
}

fn leaves() -> &'static [(Key, ValueHash)] {
    static LEAVES: LazyLock<Vec<(Key, ValueHash)>> = LazyLock::new(|| {
        let leaf = |(key, claim): &(Key, Claim<'_>)| match claim {
            Claim::Present(value) => Some((*key, value_hash(value))),
            Claim::Absent => None,
        };
        truths().iter().filter_map(leaf).collect()
    });
    &LEAVES
}

fn root() -> Root {
    honest_anchor(depth(0)).root()
}

/// What is true of the keys whose bits are set.
fn asked(set: [u8; 2]) -> Vec<(Key, Claim<'static>)> {
    let set = u16::from_be_bytes(set);
    let chosen = truths().iter().enumerate();
    chosen
        .filter(|(n, _)| set >> n & 1 == 1)
        .map(|(_, truth)| *truth)
        .collect()
}

fn honest_multiproof(claims: &[(Key, Claim<'_>)]) -> Vec<u8> {
    let keys: Vec<_> = claims.iter().map(|(key, _)| *key).collect();
    prove_many(&Sorted(leaves()), &keys).expect("sorted and few")
}

/// Two bytes that say which keys are asked for, and the proof.
fn multiproofs() -> Vec<Vec<u8>> {
    let sets = [0x0001u16, 0x8000, 0x0006, 0x5555, 0xaaaa, 0x0f00, 0xffff];
    let input = |set: u16| {
        let set = set.to_be_bytes();
        [&set[..], &honest_multiproof(&asked(set))].concat()
    };
    sets.into_iter().map(input).collect()
}

fn multiproof_holds(bytes: &[u8]) {
    let Some((&set, proof)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let mut claims = asked(set);
    if verify_many(&root(), &claims, proof).is_ok() {
        assert_eq!(proof, honest_multiproof(&claims), "two proofs of the same");
    }
    // One lie, about a key that the input chooses.
    let index = bytes.len() % claims.len().max(1);
    if let Some((_, claim)) = claims.get_mut(index) {
        *claim = match claim {
            Claim::Absent => Claim::Present(b"a value"),
            Claim::Present(_) if bytes.len().is_multiple_of(2) => Claim::Absent,
            Claim::Present(_) => Claim::Present(b"another"),
        };
        assert!(
            verify_many(&root(), &claims, proof).is_err(),
            "a lie was shown"
        );
    }
}

fn depth(number: u8) -> AnchorDepth {
    AnchorDepth::new(number % 17).expect("at most 16")
}

fn honest_anchor(depth: AnchorDepth) -> &'static Anchor {
    static ANCHORS: LazyLock<Vec<Anchor>> = LazyLock::new(|| {
        let anchor = |k| {
            let Ok(anchor) = Anchor::new(&Sorted(leaves()), self::depth(k));
            anchor
        };
        (0..17).map(anchor).collect()
    });
    let found = ANCHORS.iter().find(|anchor| anchor.depth() == depth);
    found.expect("one for each depth")
}

/// A byte that says the depth, and the anchor.
fn anchors() -> Vec<Vec<u8>> {
    let input = |k| [&[k], &honest_anchor(depth(k)).to_bytes()[..]].concat();
    [0, 1, 3, 16].into_iter().map(input).collect()
}

fn anchor_reads(bytes: &[u8]) -> bool {
    let parts = bytes.split_first();
    parts.is_some_and(|(&k, bytes)| Anchor::from_bytes(bytes, depth(k), &root()).is_ok())
}

fn anchor_holds(bytes: &[u8]) {
    let Some((&k, bytes)) = bytes.split_first() else {
        return;
    };
    if let Ok(anchor) = Anchor::from_bytes(bytes, depth(k), &root()) {
        assert_eq!(&anchor, honest_anchor(depth(k)), "two anchors of a tree");
        assert_eq!(anchor.to_bytes(), bytes, "two forms of an anchor");
    }
}

fn honest_below(key: &Key, depth: AnchorDepth) -> Vec<u8> {
    prove_below(&Sorted(leaves()), key, depth).expect("no key that deep")
}

/// A byte that says the depth, one that says the key, and the proof.
fn anchored_proofs() -> Vec<Vec<u8>> {
    let questions = [
        (0, 0),
        (0, 3),
        (2, 5),
        (3, 8),
        (3, 9),
        (9, 10),
        (16, 11),
        (16, 12),
    ];
    let input = |(k, n): (u8, u8)| {
        let key = truths()[usize::from(n)].0;
        [&[k, n], &honest_below(&key, depth(k))[..]].concat()
    };
    questions.into_iter().map(input).collect()
}

fn anchored_proof_reads(bytes: &[u8]) -> bool {
    let parts = bytes.split_first_chunk::<2>();
    parts.is_some_and(|(&[k, n], proof)| {
        let (key, truth) = truths()[usize::from(n % 16)];
        honest_anchor(depth(k)).verify(&key, truth, proof).is_ok()
    })
}

fn anchored_proof_holds(bytes: &[u8]) {
    let Some((&[k, n], proof)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let (anchor, (key, truth)) = (honest_anchor(depth(k)), truths()[usize::from(n % 16)]);
    for claim in [
        Claim::Absent,
        Claim::Present(b"a value"),
        Claim::Present(b"another"),
    ] {
        if anchor.verify(&key, claim, proof).is_ok() {
            assert_eq!(claim, truth, "a lie was shown");
            assert_eq!(
                proof,
                honest_below(&key, depth(k)),
                "two proofs of the same"
            );
        }
    }
}

const BLOCK: Block = Block {
    genesis: [1; 32],
    id: [2; 32],
    height: 3,
};

struct Snapshot {
    manifest: Vec<u8>,
    root: Root,
    chunks: Vec<(ChunkRef, Vec<u8>)>,
}

/// In these targets a value begins with its key.
fn key_of(value: &[u8]) -> Option<Key> {
    value.first_chunk().map(|key| Key(*key))
}

fn snapshot_of(rows: &[(Key, Vec<u8>)]) -> Snapshot {
    let mut chunks = Vec::new();
    let source = rows.iter().map(|(key, value)| Ok((*key, value)));
    let store = |chunk: &ChunkRef, bytes: &[u8]| {
        chunks.push((*chunk, bytes.to_vec()));
        Ok::<_, ()>(())
    };
    let (manifest, root) = snapshot::write(&BLOCK, source, store).expect("sorted rows");
    Snapshot {
        manifest,
        root,
        chunks,
    }
}

fn rows(length: usize, of: impl Iterator<Item = Key>) -> Vec<(Key, Vec<u8>)> {
    let value = |key: Key| {
        let mut value = key.0.to_vec();
        value.resize(length, 0xab);
        (key, value)
    };
    of.map(value).collect()
}

/// Eight rows in one chunk.
static SMALL: LazyLock<Snapshot> =
    LazyLock::new(|| snapshot_of(&rows(50, leaves().iter().map(|(key, _)| *key))));

/// Four chunks, empty subtrees, and a lone row.
static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let ground = (0..130u8).map(|n| {
        let mut key = [0x25; 32];
        key[2] = n;
        Key(key)
    });
    let mut all = rows(16_000, ground);
    all.extend(rows(40, [Key([0xff; 32])].into_iter()));
    snapshot_of(&all)
});

fn manifest_holds(bytes: &[u8]) {
    let Ok(manifest) = Manifest::read(bytes, key_of) else {
        return;
    };
    for honest in [&*SNAPSHOT, &*SMALL] {
        if manifest.root() == honest.root && *manifest.block() == BLOCK {
            assert_eq!(bytes, honest.manifest, "two manifests of a state");
        }
    }
}

fn chunk_holds(bytes: &[u8]) {
    for (chunk, honest) in &SMALL.chunks {
        match chunk.check(bytes, key_of) {
            Ok(rows) => {
                assert_eq!(bytes, &honest[..], "two forms of a chunk");
                assert!(rows.iter().all(|row| key_of(row.value) == Some(row.key)));
            }
            Err(bad) => assert_eq!(bad.chunk, *chunk),
        }
    }
}
