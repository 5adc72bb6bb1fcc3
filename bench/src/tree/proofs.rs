//! Proofs of random present accounts: how many are made and checked in a CPU second, and how long they are.

use super::arms::{PeerArm, times};
use super::durable::NOMT;
use super::memory::Rows;
use crate::Effort;
use crate::measure::{Times, median_times, timed};
use crate::report::{Clock, Compared, Report, Shown};
use sapwood_account_tree::{
    Anchor, AnchorDepth, Claim, Key, Leaves, Mode, ProveError, Tree, ValueHash, prove_below,
    prove_many, verify, verify_many,
};
use sapwood_bench_accounts::{LOADED, VALUE_LEN, choose, key, value};
use std::convert::Infallible;

/// Accounts that are proven one by one.
const KEYS: u64 = 10_000;

/// Accounts that are proven together.
const TOGETHER: u64 = 1_000;

/// The depth of the anchor that a verifier holds.
const ANCHOR: AnchorDepth = AnchorDepth::new(12).expect("at most 16");

/// Keys that the tree is told of before their proofs are made, as a node knows them that proves many.
const AHEAD: usize = 32;

/// Room for a proof at a million accounts.
const MOST: usize = 832;

/// The rows of a caller that has read those that it proves, as a node has.
struct Present<'a>(&'a Rows);

impl Leaves for Present<'_> {
    type Error = Infallible;

    fn below(&self, path: &Key, depth: usize) -> Result<Vec<(Key, ValueHash)>, Infallible> {
        self.0.below(path, depth)
    }

    fn holds(&self, _: &Key) -> Result<bool, Infallible> {
        Ok(true)
    }
}

/// An account that is proven.
struct Shows {
    key: Key,
    value: [u8; VALUE_LEN],
}

pub(crate) fn measure(accounts: u64, effort: &Effort, report: &mut Report) -> Result<(), String> {
    let rows = Rows::loaded(accounts);
    let tree = rows.tree(Mode::Fast);
    let mut nomt = PeerArm::start(NOMT, accounts)?;
    let [mut made, mut verified, mut peer_made, mut peer_verified] = [const { Vec::new() }; 4];
    let mut bytes = 0.0;
    for round in 0..=effort.rounds {
        let seed = 1 + round as u64;
        let shown = chosen(accounts, KEYS, seed);
        let (making, checking, mean) = one_by_one(&tree, &rows, &shown)?;
        let peer = nomt
            .as_mut()
            .map(|nomt| nomt.ask(&format!("prove {KEYS} {seed}")));
        let peer = peer.transpose()?;
        if round == 0 {
            continue;
        }
        (bytes, made, verified) = (mean, with(made, making), with(verified, checking));
        if let Some(answer) = peer {
            peer_made.extend(times(&answer, "made_"));
            peer_verified.extend(times(&answer, "verified_"));
        }
    }
    for (name, unit, ours, peer) in [
        (
            "tree_proofs_made",
            "proofs made a CPU second",
            made,
            peer_made,
        ),
        (
            "tree_proofs_verified",
            "proofs verified a CPU second",
            verified,
            peer_verified,
        ),
    ] {
        report.compared(&Compared {
            name,
            clock: Clock::Cpu,
            shown: Shown::Rate(KEYS as f64, unit),
            ours: median_times(&ours),
            peer: (!peer.is_empty()).then(|| median_times(&peer)),
            others: &[],
        });
    }
    report.bounded("tree_proof_bytes", bytes, "bytes");
    let together = together(&tree, &rows, &chosen(accounts, TOGETHER, 1))?;
    report.bounded("tree_multiproof_bytes", together, "bytes a key");
    let anchored = anchored(&tree, &rows, &chosen(accounts, KEYS, 1))?;
    report.bounded("tree_anchored_bytes", anchored, "bytes");
    Ok(())
}

fn with(mut all: Vec<Times>, one: Times) -> Vec<Times> {
    all.push(one);
    all
}

/// Different accounts, in the order in which the peers draw them.
fn chosen(accounts: u64, count: u64, seed: u64) -> Vec<Shows> {
    let numbers = choose(accounts, count, seed).expect("fewer than there are");
    let shows = |number| Shows {
        key: Key(key(number)),
        value: value(number, LOADED),
    };
    numbers.into_iter().map(shows).collect()
}

/// Times of making and checking, and the mean length.
fn one_by_one(tree: &Tree, rows: &Rows, shown: &[Shows]) -> Result<(Times, Times, f64), String> {
    let prove = |shows: &Shows| {
        let mut bytes = Vec::with_capacity(MOST);
        tree.prove_into(&shows.key, &Present(rows), &mut bytes)
            .map(|()| bytes)
    };
    let keys: Vec<_> = shown.iter().map(|shows| shows.key).collect();
    let (proofs, making) = timed(|| {
        let mut proofs = Vec::with_capacity(shown.len());
        for (part, keys) in shown.chunks(AHEAD).zip(keys.chunks(AHEAD)) {
            tree.fetch(keys);
            for shows in part {
                proofs.push(prove(shows)?);
            }
        }
        Ok::<_, ProveError<Infallible>>(proofs)
    });
    let proofs = proofs.map_err(|e| e.to_string())?;
    let root = tree.root();
    let (checked, checking) = timed(|| {
        shown.iter().zip(&proofs).try_for_each(|(shows, proof)| {
            verify(&root, &shows.key, Claim::Present(&shows.value), proof)
        })
    });
    checked.map_err(|e| e.to_string())?;
    Ok((making, checking, mean(&proofs)))
}

fn mean(proofs: &[Vec<u8>]) -> f64 {
    proofs.iter().map(Vec::len).sum::<usize>() as f64 / proofs.len() as f64
}

/// Bytes a key of one proof for all.
fn together(tree: &Tree, rows: &Rows, shown: &[Shows]) -> Result<f64, String> {
    let mut claims: Vec<_> = shown
        .iter()
        .map(|shows| (shows.key, Claim::Present(&shows.value[..])))
        .collect();
    claims.sort_unstable_by_key(|(key, _)| *key);
    let keys: Vec<Key> = claims.iter().map(|(key, _)| *key).collect();
    let proof = prove_many(&tree.at([]).view(rows), &keys).map_err(|e| e.to_string())?;
    verify_many(&tree.root(), &claims, &proof).map_err(|e| e.to_string())?;
    Ok(proof.len() as f64 / keys.len() as f64)
}

/// The mean length of proofs for those who hold an anchor.
fn anchored(tree: &Tree, rows: &Rows, shown: &[Shows]) -> Result<f64, String> {
    let view = tree.at([]).view(rows);
    let anchor = Anchor::new(&view, ANCHOR).map_err(|e| e.to_string())?;
    let proofs = shown.iter().map(|shows| {
        let proof = prove_below(&view, &shows.key, ANCHOR).map_err(|e| e.to_string())?;
        let checked = anchor.verify(&shows.key, Claim::Present(&shows.value), &proof);
        checked.map(|()| proof).map_err(|e| e.to_string())
    });
    Ok(mean(&proofs.collect::<Result<Vec<_>, String>>()?))
}
