//! Checking the chunks of a snapshot.

use super::accounts::{leaf, sorted};
use crate::Effort;
use crate::measure::{median, timed};
use crate::report::Report;
use parity_scale_codec::Encode;
use rayon::prelude::*;
use sapwood_account_tree::Key;
use sapwood_account_tree::snapshot::{Block, ChunkRef, write};
use sapwood_bench_accounts::LOADED;
use sapwood_primitives::{AccountId, Leaf, codec};
use std::convert::Infallible;

/// Accounts whose chunks are checked.
const ACCOUNTS: u64 = 200_000;

/// Measures `ChunkRef::check` with the key computed from the id's bytes, and beside it what a node pays, which decodes the leaf.
pub(crate) fn measure(effort: &Effort, report: &mut Report) -> Result<(), String> {
    let chunks = chunks()?;
    let (mut bare, mut whole, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=effort.rounds {
        let of_id = check(&chunks, key_of_id)?;
        let of_leaf = check(&chunks, key_of_leaf)?;
        let alone = hash_ids();
        if round > 0 {
            bare.push(of_id);
            whole.push(of_leaf);
            keys.push(alone);
        }
    }
    let rate = |times: Vec<f64>| ACCOUNTS as f64 / median(times) / 1e6;
    let (bare, whole, keys) = (rate(bare), rate(whole), rate(keys));
    report.note(&format!(
        "tree_chunk_check: with leaves decoded, as a node has it, {whole:.2} M accounts a CPU second; the keys alone {keys:.2} M"
    ));
    report.bounded("tree_chunk_check", bare, "M accounts a CPU second");
    Ok(())
}

/// The chunks of a state that has nothing but accounts.
fn chunks() -> Result<Vec<(ChunkRef, Vec<u8>)>, String> {
    let block = Block {
        genesis: [0; 32],
        id: [0; 32],
        height: 1,
    };
    let rows: Vec<_> = sorted(ACCOUNTS)
        .into_par_iter()
        .map(|(key, number)| (Key(key.0), leaf(number, LOADED).encode()))
        .collect();
    let mut chunks = Vec::new();
    let rows = rows.into_iter().map(Ok::<_, Infallible>);
    let written = write(&block, rows, |chunk, bytes| {
        chunks.push((*chunk, bytes.to_vec()));
        Ok(())
    });
    written.map_err(|e| e.to_string())?;
    Ok(chunks)
}

/// CPU seconds for all chunks.
fn check(
    chunks: &[(ChunkRef, Vec<u8>)],
    key_of: impl Fn(&[u8]) -> Option<Key>,
) -> Result<f64, String> {
    let (checked, times) = timed(|| {
        let rows = chunks
            .iter()
            .map(|(chunk, bytes)| chunk.check(bytes, &key_of).map(|rows| rows.len()));
        rows.sum::<Result<usize, _>>()
    });
    let rows = checked.map_err(|e| e.to_string())?;
    assert_eq!(rows as u64, ACCOUNTS, "every account is in a chunk");
    Ok(times.cpu)
}

/// The key of an account from the bytes of its id, which follow the kind.
fn key_of_id(value: &[u8]) -> Option<Key> {
    let id = value.get(1..)?.first_chunk()?;
    Some(Key(
        sapwood_primitives::leaf::key::account(&AccountId(*id)).0
    ))
}

/// As a node does it.
fn key_of_leaf(value: &[u8]) -> Option<Key> {
    let leaf: Leaf = codec::read(value).ok()?;
    Some(Key(leaf.key().0))
}

/// CPU seconds for all keys.
fn hash_ids() -> f64 {
    let key = |number: u64| {
        let mut value = [0; 33];
        value[1..9].copy_from_slice(&number.to_le_bytes());
        key_of_id(&value)
    };
    let (all, times) = timed(|| {
        (0..ACCOUNTS)
            .filter_map(key)
            .fold(0, |sum, key| sum ^ key.0[0])
    });
    std::hint::black_box(all);
    times.cpu
}
