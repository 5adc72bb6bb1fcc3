//! Snapshots (specs/10): the streaming writer against a naive reading of the rules, and that nothing altered is ever accepted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod model;

use std::convert::Infallible;

use model::{Bytes, Model, STEM, diverge, root};
use proptest::prelude::*;
use proptest::sample::Index;
use sapwood_account_tree::snapshot::{
    self, BadManifest, BadRow, Block, ChunkRef, Fault, MAX_CHUNK_BYTES, MAX_VALUE_BYTES, Manifest,
    Unwritten,
};
use sapwood_account_tree::{Key, Misshapen, Root};

const BLOCK: Block = Block {
    genesis: [1; 32],
    id: [2; 32],
    height: 0x0102_0304,
};

/// In these tests a value begins with its key.
fn key_of(value: &[u8]) -> Option<Key> {
    value.first_chunk().map(|key| Key(*key))
}

/// A leaf whose value has this many bytes.
fn leaf(key: Bytes, length: usize) -> (Bytes, Vec<u8>) {
    let mut value = key.to_vec();
    value.resize(length, 0xab);
    (key, value)
}

/// Keys as the chain has them, and keys ground to share up to 255 bits, with values so long that some hundred rows need
/// many chunks.
fn state() -> impl Strategy<Value = Model> {
    let key = prop_oneof![
        3 => any::<Bytes>(),
        2 => (0usize..256, any::<Bytes>()).prop_map(|(bit, tail)| diverge(&STEM, bit, &tail)),
    ];
    let length = prop_oneof![32usize..400, 10_000..=MAX_VALUE_BYTES];
    let count = prop_oneof![0usize..5, 100usize..400];
    count.prop_flat_map(move |count| {
        let rows = prop::collection::vec((key.clone(), length.clone()), count);
        rows.prop_map(|rows| {
            rows.into_iter()
                .map(|(key, length)| leaf(key, length))
                .collect()
        })
    })
}

#[derive(Default)]
struct Snapshot {
    manifest: Vec<u8>,
    root: Option<Root>,
    chunks: Vec<(ChunkRef, Vec<u8>)>,
}

fn write(model: &Model) -> Snapshot {
    let mut chunks = Vec::new();
    let rows = model
        .iter()
        .map(|(key, value)| Ok::<_, Infallible>((Key(*key), value)));
    let store = |chunk: &ChunkRef, bytes: &[u8]| {
        chunks.push((*chunk, bytes.to_vec()));
        Ok(())
    };
    let (manifest, root) = snapshot::write(&BLOCK, rows, store).unwrap();
    Snapshot {
        manifest,
        root: Some(root),
        chunks,
    }
}

/// The row of a value, after specs/10 §1.
fn row(value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    let mut bytes = match length {
        0..64 => vec![u8::try_from(length * 4).unwrap()],
        _ => (length * 4 + 1).to_le_bytes().to_vec(),
    };
    bytes.extend(value);
    bytes
}

#[derive(Default)]
struct Naive {
    /// A mark, and what follows it.
    parts: Vec<(u8, Vec<u8>)>,
    chunks: Vec<(ChunkRef, Vec<u8>)>,
}

/// Writes the subtree at `depth` as specs/10 §2 reads, with all its rows at hand.
fn naive(rows: &[(&Bytes, &Vec<u8>)], path: Bytes, depth: usize, into: &mut Naive) {
    let bytes: Vec<u8> = rows.iter().flat_map(|(_, value)| row(value)).collect();
    match rows {
        [] => into.parts.push((0, vec![])),
        [_] => into.parts.push((1, bytes)),
        _ if bytes.len() <= MAX_CHUNK_BYTES => {
            let hash = model::subtree(rows, depth);
            let chunk = ChunkRef {
                path: Key(path),
                depth: u8::try_from(depth).unwrap(),
                hash: sapwood_account_tree::NodeHash(hash),
            };
            into.parts.push((2, hash.to_vec()));
            into.chunks.push((chunk, bytes));
        }
        _ => {
            into.parts.push((3, vec![]));
            let goes_right = |key: &Bytes| key[depth / 8] >> (7 - depth % 8) & 1 == 1;
            let (right, left): (Vec<_>, Vec<_>) = rows.iter().partition(|(key, _)| goes_right(key));
            naive(&left, path, depth + 1, into);
            let mut path = path;
            path[depth / 8] |= 0x80 >> (depth % 8);
            naive(&right, path, depth + 1, into);
        }
    }
}

/// A manifest from its marks: four of them to a byte, which stands before what follows the first.
fn manifest(parts: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = [&[1][..], &[1; 32], &[2; 32], &[4, 3, 2, 1, 0, 0, 0, 0]].concat();
    for four in parts.chunks(4) {
        let marks = four
            .iter()
            .zip([6, 4, 2, 0])
            .map(|((mark, _), shift)| mark << shift);
        bytes.push(marks.sum());
        four.iter().for_each(|(_, follows)| bytes.extend(follows));
    }
    bytes
}

fn naive_snapshot(model: &Model) -> (Vec<u8>, Vec<(ChunkRef, Vec<u8>)>) {
    let mut all = Naive::default();
    naive(&model.iter().collect::<Vec<_>>(), [0; 32], 0, &mut all);
    (manifest(&all.parts), all.chunks)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn one_pass_writes_what_the_rules_say(model in state()) {
        let written = write(&model);
        let (manifest, chunks) = naive_snapshot(&model);
        prop_assert!(written.manifest == manifest);
        prop_assert!(written.chunks == chunks);
        prop_assert_eq!(written.root, Some(root(&model)));
    }

    #[test]
    fn what_was_written_is_read_back(model in state()) {
        let written = write(&model);
        let manifest = Manifest::read(&written.manifest, key_of).unwrap();
        prop_assert_eq!((manifest.root(), *manifest.block()), (root(&model), BLOCK));
        let names: Vec<_> = written.chunks.iter().map(|(chunk, _)| *chunk).collect();
        prop_assert_eq!(manifest.chunks(), names);

        let mut read: Model = manifest.rows().iter().map(|row| (row.key.0, row.value.to_vec())).collect();
        for (chunk, bytes) in written.chunks.iter().rev() {
            prop_assert!(bytes.len() <= MAX_CHUNK_BYTES);
            let rows = chunk.check(bytes, key_of).unwrap();
            prop_assert!(rows.iter().all(|row| row.value_hash == sapwood_account_tree::hash::value_hash(row.value)));
            read.extend(rows.iter().map(|row| (row.key.0, row.value.to_vec())));
        }
        prop_assert!(read == model);
        let lengths: Vec<_> = written.chunks.iter().map(|(_, bytes)| bytes.len()).collect();
        prop_assert_eq!(manifest.check_lengths(&lengths), Ok(()));
    }

    #[test]
    fn no_altered_chunk_is_accepted(model in state(), which in any::<Index>(), at in any::<Index>(), flip in 1u8..) {
        let written = write(&model);
        if written.chunks.is_empty() {
            return Ok(());
        }
        let (chunk, bytes) = which.get(&written.chunks);
        let at = at.index(bytes.len());
        let mut flipped = bytes.clone();
        flipped[at] ^= flip;
        let mut shorter = bytes.clone();
        shorter.remove(at);
        for altered in [flipped, shorter, bytes[..at].to_vec()] {
            if altered != *bytes {
                prop_assert_eq!(chunk.check(&altered, key_of).unwrap_err().chunk, *chunk);
            }
        }
        for (other, _) in &written.chunks {
            prop_assert_eq!(other.check(bytes, key_of).is_ok(), other == chunk);
        }
    }

    #[test]
    fn no_altered_manifest_leads_to_the_root(model in state(), at in any::<Index>(), flip in 1u8..) {
        let written = write(&model);
        let at = at.index(written.manifest.len());
        let mut flipped = written.manifest.clone();
        flipped[at] ^= flip;
        let mut shorter = written.manifest.clone();
        shorter.remove(at);
        let longer = [&written.manifest[..], &[flip]].concat();
        for altered in [flipped, shorter, longer, written.manifest[..at].to_vec()] {
            if altered == written.manifest {
                continue;
            }
            if let Ok(manifest) = Manifest::read(&altered, key_of) {
                // Block, height and tree are apart: the head is not hashed.
                prop_assert!(manifest.root() != root(&model) || *manifest.block() != BLOCK);
            }
        }
    }
}

/// Rows that take exactly so many bytes: `count` rows with keys that count up from `first`.
fn rows_of(bytes: usize, first: u8) -> Model {
    let count = bytes.div_ceil(MAX_VALUE_BYTES + 2);
    (0..count)
        .map(|index| {
            let length = bytes / count + usize::from(index < bytes % count) - 2;
            leaf([first + u8::try_from(index).unwrap(); 32], length)
        })
        .collect()
}

#[test]
fn a_chunk_has_at_most_a_mebibyte() {
    let full = rows_of(MAX_CHUNK_BYTES, 0);
    let written = write(&full);
    assert_eq!(written.chunks.len(), 1);
    assert_eq!(written.chunks[0].1.len(), MAX_CHUNK_BYTES);
    assert_eq!(written.chunks[0].0.depth, 0);
    let hash = root(&full).0;
    assert_eq!(written.manifest[73..], [&[0b1000_0000], &hash[..]].concat());

    let too_full = rows_of(MAX_CHUNK_BYTES + 1, 0);
    let written = write(&too_full);
    assert!(written.chunks.iter().all(|(chunk, _)| chunk.depth > 0));

    // What is too long is not read: it is not even the chunk that it would be.
    let bytes: Vec<u8> = too_full.values().flat_map(|value| row(value)).collect();
    let chunk = ChunkRef {
        path: Key([0; 32]),
        depth: 0,
        hash: sapwood_account_tree::NodeHash(root(&too_full).0),
    };
    let refused = chunk.check(&bytes, key_of).unwrap_err();
    assert_eq!(refused.fault, Fault::TooLong(MAX_CHUNK_BYTES + 1));
}

#[test]
fn small_states_have_these_manifests() {
    let tree = |model: &Model| write(model).manifest[73..].to_vec();
    assert_eq!(tree(&Model::new()), [0]);
    let one = leaf([7; 32], 40);
    assert_eq!(
        tree(&Model::from([one.clone()])),
        [&[0b0100_0000], &row(&one.1)[..]].concat()
    );

    // A lone leaf beside two mebibytes under one prefix.
    let mut model = rows_of(2 * MAX_CHUNK_BYTES, 0);
    let lone = leaf([0xff; 32], 33);
    model.insert(lone.0, lone.1);
    let written = write(&model);
    let manifest = Manifest::read(&written.manifest, key_of).unwrap();
    assert_eq!(manifest.rows().len(), 1);
    assert_eq!(manifest.rows()[0].key, Key([0xff; 32]));
    assert_eq!(manifest.root(), root(&model));
}

/// 130 rows, 64 of which just fill a chunk, all under one prefix of 240 bits: a long comb of splits and small chunks.
#[test]
fn ground_keys_make_the_manifest_longer_and_no_chunk() {
    let model: Model = (0..130u8)
        .map(|index| {
            let mut key = STEM;
            key[30] = index;
            leaf(key, MAX_VALUE_BYTES - 1)
        })
        .collect();
    let written = write(&model);
    assert!(
        written
            .chunks
            .iter()
            .all(|(_, bytes)| bytes.len() <= MAX_CHUNK_BYTES)
    );
    let manifest = Manifest::read(&written.manifest, key_of).unwrap();
    assert_eq!(manifest.root(), root(&model));
    assert_eq!(written.chunks.len(), 3);
    assert!(written.manifest.len() < 73 + 3 * 32 + 2 * 257 / 4 + 1);
}

#[test]
fn bytes_that_are_no_chunk_are_refused_for_their_reason() {
    let model = Model::from([
        leaf([0x10; 32], 40),
        leaf([0x20; 32], 80),
        leaf([0x30; 32], 50),
    ]);
    let written = write(&model);
    let (chunk, bytes) = &written.chunks[0];
    let fault = |bytes: &[u8]| chunk.check(bytes, key_of).unwrap_err().fault;
    let rows: Vec<_> = model.values().map(|value| row(value)).collect();
    assert_eq!(
        fault(&[&rows[0][..], &rows[2], &rows[1]].concat()),
        Fault::NotRising(2)
    );
    assert_eq!(
        fault(&[&rows[0][..], &rows[0]].concat()),
        Fault::NotRising(1)
    );
    assert_eq!(fault(&rows[0]), Fault::TooFew(1));
    assert_eq!(fault(&[]), Fault::TooFew(0));
    let why = BadRow::Truncated;
    assert_eq!(
        fault(&bytes[..bytes.len() - 1]),
        Fault::Row { index: 2, why }
    );
    let why = BadRow::Empty;
    assert_eq!(
        fault(&[&bytes[..], &[0]].concat()),
        Fault::Row { index: 3, why }
    );
    let why = BadRow::Length;
    assert_eq!(
        fault(&[&bytes[..], &[2]].concat()),
        Fault::Row { index: 3, why }
    );
    assert_eq!(fault(&[&bytes[..], &[4, 9]].concat()), Fault::NoLeaf(3));
    assert!(matches!(
        fault(&[&rows[0][..], &rows[1]].concat()),
        Fault::OtherHash(_)
    ));

    let named = chunk.check(&rows[0], key_of).unwrap_err();
    assert_eq!(named.chunk, *chunk);
    assert!(named.to_string().contains(&"00".repeat(32)), "{named}");

    let below = ChunkRef { depth: 3, ..*chunk };
    let refused = below.check(bytes, key_of).unwrap_err();
    assert_eq!(refused.fault, Fault::OffPrefix(1));
}

#[test]
fn bytes_that_are_no_manifest_are_refused_for_their_reason() {
    let head = write(&Model::new()).manifest[..73].to_vec();
    let read = |tree: &[u8]| Manifest::read(&[&head[..], tree].concat(), key_of).unwrap_err();
    let (low, high) = (row(&leaf([0x10; 32], 40).1), row(&leaf([0x90; 32], 40).1));
    let misshapen = BadManifest::Misshapen;

    let pair = [&[0b1101_0100], &low[..], &high].concat();
    assert_eq!(read(&pair), BadManifest::Oversplit(0));
    let beside_nothing = [&[0b1110_0000], &[7; 32][..]].concat();
    assert_eq!(read(&beside_nothing), BadManifest::Oversplit(0));
    assert_eq!(
        read(&[&[0b1101_0000], &low[..]].concat()),
        misshapen(Misshapen::NoSplit(0))
    );
    assert_eq!(read(&[0b1100_0000]), misshapen(Misshapen::NoSplit(0)));
    let crossed = [&[0b1101_0100], &high[..], &low].concat();
    assert_eq!(read(&crossed), misshapen(Misshapen::OffPath(1)));
    assert_eq!(
        read(&[&[0b1000_0000], &[0; 32][..]].concat()),
        misshapen(Misshapen::ZeroHash)
    );
    assert_eq!(read(&[0b1000_0000]), misshapen(Misshapen::Truncated));
    assert_eq!(read(&[]), misshapen(Misshapen::Truncated));
    assert_eq!(read(&[0b0000_0001]), misshapen(Misshapen::PaddingSet));
    assert_eq!(read(&[0, 0, 0]), misshapen(Misshapen::LeftOver(2)));
    assert_eq!(read(&[0b0100_0000, 4, 9]), BadManifest::NoLeaf(0));
    let why = BadRow::Empty;
    assert_eq!(read(&[0b0100_0000, 0]), BadManifest::Row { depth: 0, why });
    // Splits without end.
    assert_eq!(read(&[0xff; 100]), misshapen(Misshapen::Misplaced(256)));

    let mut other = head.clone();
    other[0] = 2;
    assert_eq!(
        Manifest::read(&other, key_of).unwrap_err(),
        BadManifest::Version(2)
    );
    let long = vec![0; snapshot::MAX_MANIFEST_BYTES + 1];
    assert_eq!(
        Manifest::read(&long, key_of).unwrap_err(),
        BadManifest::TooLong(long.len())
    );
}

#[test]
fn a_writer_refuses_rows_out_of_order_and_passes_failures_on() {
    let (one, two) = (Key([1; 32]), Key([2; 32]));
    let write = |rows: &[Result<(Key, Vec<u8>), &'static str>], fails: bool| {
        let store = |_: &ChunkRef, _: &[u8]| if fails { Err("disk full") } else { Ok(()) };
        snapshot::write(&BLOCK, rows.iter().cloned(), store).map(|_| ())
    };
    let row = |key: Key| Ok((key, vec![1]));
    assert_eq!(write(&[row(one), row(two)], false), Ok(()));
    assert_eq!(
        write(&[row(two), row(one)], false),
        Err(Unwritten::NotRising(one))
    );
    assert_eq!(
        write(&[row(one), row(one)], false),
        Err(Unwritten::NotRising(one))
    );
    assert_eq!(
        write(&[row(one), Err("torn page")], false),
        Err(Unwritten::Failed("torn page"))
    );
    assert_eq!(
        write(&[row(one), row(two)], true),
        Err(Unwritten::Failed("disk full"))
    );
    assert_eq!(
        write(&[Ok((one, vec![]))], false),
        Err(Unwritten::Length(one))
    );
    let long = vec![0; MAX_VALUE_BYTES + 1];
    assert_eq!(
        write(&[Ok((one, long))], false),
        Err(Unwritten::Length(one))
    );
}

/// A manifest that splits more than it has to leads to the root as well. What gives it away is that its chunks are small.
#[test]
fn needless_splits_are_refused_when_the_lengths_are_known() {
    let head = &write(&Model::new()).manifest[..73];
    let bytes = [
        head,
        &[0b1110_1110],
        &[7; 32],
        &[8; 32],
        &[0b1000_0000],
        &[9; 32],
    ]
    .concat();
    let manifest = Manifest::read(&bytes, key_of).unwrap();
    assert_eq!(
        manifest
            .chunks()
            .iter()
            .map(|chunk| chunk.depth)
            .collect::<Vec<_>>(),
        [1, 2, 2]
    );
    let half = MAX_CHUNK_BYTES / 2;
    assert_eq!(manifest.check_lengths(&[10, half, half + 1]), Ok(()));
    assert_eq!(
        manifest.check_lengths(&[10, half, half]),
        Err(BadManifest::Oversplit(1))
    );

    // The same beside a row.
    let lone = row(&leaf([0x10; 32], 40).1);
    let bytes = [head, &[0b1101_1000], &lone, &[8; 32]].concat();
    let manifest = Manifest::read(&bytes, key_of).unwrap();
    assert_eq!(manifest.check_lengths(&[MAX_CHUNK_BYTES - 40]), Ok(()));
    assert_eq!(
        manifest.check_lengths(&[MAX_CHUNK_BYTES - 41]),
        Err(BadManifest::Oversplit(0))
    );
}
