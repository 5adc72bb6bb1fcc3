//! Both engines against `sha2`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::collection::vec;
use proptest::prelude::*;
use sapwood_lanes::{Engine, chains, chains_with, compress_same, compress_same_with, engine};
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

/// The engines to be compared. Where the processor lacks AVX-512 this says little, but must still hold.
const ENGINES: [Engine; 2] = [Engine::Avx512, Engine::Scalar];

/// The state from which every SHA-256 starts (FIPS 180-4 §5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// What a digest holds before it is written, so that one which is never written is noticed.
const UNWRITTEN: [u8; 32] = [0xee; 32];

/// Bytes that differ from place to place and between seeds.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(11);
        x.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

fn blocks(seed: u64, count: usize) -> Vec<[u8; 64]> {
    bytes(seed, 64 * count).as_chunks().0.to_vec()
}

/// One compression, by `sha2` alone.
fn compressed(state: &[u32; 8], block: &[u8; 64]) -> [u8; 32] {
    let mut state = *state;
    compress256(&mut state, &[*block]);
    let words: Vec<u8> = state.iter().flat_map(|word| word.to_be_bytes()).collect();
    words.try_into().unwrap()
}

fn check_blocks(state: &[u32; 8], blocks: &[[u8; 64]]) {
    let expected: Vec<_> = blocks.iter().map(|b| compressed(state, b)).collect();
    for engine in ENGINES {
        let mut out = vec![UNWRITTEN; blocks.len()];
        compress_same_with(engine, state, blocks, &mut out);
        assert_eq!(out, expected, "{engine:?}, {} blocks", blocks.len());
    }
}

/// Compares with `sha2` over real messages: `prefix` and then each of `messages`.
fn check_messages(prefix: &[u8], messages: &[Vec<u8>]) {
    let mut state = INITIAL;
    let (whole, []) = prefix.as_chunks() else {
        panic!("whole blocks alone have a state");
    };
    compress256(&mut state, whole);
    let prefix_len = u64::try_from(prefix.len()).unwrap();
    let expected: Vec<[u8; 32]> = messages
        .iter()
        .map(|m| {
            Sha256::new()
                .chain_update(prefix)
                .chain_update(m)
                .finalize()
        })
        .map(Into::into)
        .collect();
    let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    for engine in ENGINES {
        let mut out = vec![UNWRITTEN; messages.len()];
        chains_with(engine, &state, prefix_len, &slices, &mut out);
        assert_eq!(out, expected, "{engine:?}, {} messages", messages.len());
    }
}

/// A tag block as the account tree has it (specs/04 §2.2).
fn tag_block() -> Vec<u8> {
    let tag = Sha256::digest("sapwood/tree/value");
    [tag, tag].concat()
}

#[test]
fn any_number_of_blocks_is_compressed_as_by_sha2() {
    for count in 0..=70 {
        check_blocks(&INITIAL, &blocks(1, count));
    }
}

#[test]
fn the_digest_of_a_block_does_not_depend_on_its_place() {
    let block = [blocks(2, 1)[0]; 70];
    let mut out = [UNWRITTEN; 70];
    compress_same(&INITIAL, &block, &mut out);
    assert_eq!(out, [compressed(&INITIAL, &block[0]); 70]);
}

#[test]
fn messages_of_all_lengths_are_hashed_in_one_call() {
    let ascending: Vec<_> = (0..=300).map(|len| bytes(3, len)).collect();
    let descending: Vec<_> = ascending.iter().rev().cloned().collect();
    // 151 is prime to 301, so that neighbours differ by more than a block.
    let mixed: Vec<_> = (0..=300).map(|i| bytes(4, i * 151 % 301)).collect();
    for messages in [ascending, descending, mixed] {
        check_messages(&tag_block(), &messages);
    }
}

#[test]
fn any_number_of_messages_is_hashed() {
    for count in 0..=70 {
        let messages: Vec<_> = (0..count).map(|i| bytes(5, i * 53 % 200)).collect();
        check_messages(&tag_block(), &messages);
    }
}

#[test]
fn a_message_that_outlasts_all_others_is_hashed_to_its_end() {
    for place in [0, 15, 16, 31, 32, 49] {
        let mut messages: Vec<_> = (0..50).map(|i| bytes(6, i)).collect();
        messages[place] = bytes(7, 10_000);
        check_messages(&tag_block(), &messages);
    }
}

#[test]
fn the_length_in_the_padding_counts_the_prefix() {
    let messages: Vec<_> = (0..40).map(|i| bytes(8, i)).collect();
    for blocks in [0, 1, 2, 9] {
        check_messages(&bytes(9, 64 * blocks), &messages);
    }
}

#[test]
fn the_chosen_engine_gives_the_same_as_the_named_one() {
    let blocks = blocks(10, 40);
    let messages: Vec<&[u8]> = blocks.iter().map(|b| &b[..50]).collect();
    let (mut chosen, mut named) = ([UNWRITTEN; 40], [UNWRITTEN; 40]);
    compress_same(&INITIAL, &blocks, &mut chosen);
    compress_same_with(engine(), &INITIAL, &blocks, &mut named);
    assert_eq!(chosen, named);
    chains(&INITIAL, 0, &messages, &mut chosen);
    chains_with(engine(), &INITIAL, 0, &messages, &mut named);
    assert_eq!(chosen, named);
    assert_eq!(chosen[39], <[u8; 32]>::from(Sha256::digest(messages[39])));
}

#[test]
#[should_panic(expected = "one digest per block")]
fn blocks_without_room_for_their_digests_are_refused() {
    compress_same(&INITIAL, &[[0; 64]; 2], &mut [UNWRITTEN; 1]);
}

#[test]
#[should_panic(expected = "one digest per message")]
fn messages_without_room_for_their_digests_are_refused() {
    chains(&INITIAL, 0, &[b"a", b"b"], &mut [UNWRITTEN; 3]);
}

#[test]
#[should_panic(expected = "a state stands between blocks")]
fn a_prefix_that_ends_within_a_block_is_refused() {
    chains(&INITIAL, 63, &[b"a"], &mut [UNWRITTEN; 1]);
}

proptest! {
    #[test]
    fn blocks_are_compressed_as_by_sha2(state: [u32; 8], blocks in vec(vec(any::<u8>(), 64), 0..=70)) {
        let blocks: Vec<[u8; 64]> = blocks.into_iter().map(|b| b.try_into().unwrap()).collect();
        check_blocks(&state, &blocks);
    }

    #[test]
    fn messages_are_hashed_as_by_sha2(
        prefix in 0_usize..4,
        messages in vec((any::<u64>(), prop_oneof![0_usize..130, 0_usize..2000]), 0..=100),
    ) {
        let messages: Vec<_> = messages.into_iter().map(|(seed, len)| bytes(seed, len)).collect();
        check_messages(&bytes(11, 64 * prefix), &messages);
    }
}
