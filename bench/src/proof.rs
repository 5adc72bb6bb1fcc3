//! Bytes of binary proofs at a million accounts, without the value, and how many are made and verified in a CPU second.

use crate::Effort;
use crate::fixture::{ACCOUNTS, Numbers, World, account_id};
use crate::measure::{median, timed};
use crate::report::Report;
use sapwood_account_tree::{Claim, Key, Root, Tree, ValueHash, hash::value_hash, verify};
use sapwood_primitives::hash::tagged;
use sapwood_primitives::leaf::key;
use std::collections::BTreeMap;

/// Keys of each kind.
const KEYS: u64 = 10_000;

pub(crate) fn measure(effort: &Effort, report: &mut Report) -> Result<(), String> {
    let world = World::new()?;
    let root = world.state.tree().root();
    let mut numbers = Numbers(1);
    let present: Vec<(Key, &[u8])> = (0..KEYS)
        .map(|_| {
            let key = key::account(&account_id(numbers.below(ACCOUNTS)));
            let row = world.state.row(&key).expect("every account has a row");
            (Key(key.0), row)
        })
        .collect();
    let absent: Vec<Key> = (0..KEYS)
        .map(|i| Key(tagged("sapwood-bench/absent", &[&i.to_le_bytes()])))
        .collect();
    let hashed = world
        .state
        .rows()
        .map(|(key, row)| (Key(key.0), value_hash(row)));
    let leaves: BTreeMap<_, _> = hashed.collect();
    let shown: Vec<_> = present
        .iter()
        .map(|&(key, row)| (key, Claim::Present(row)))
        .collect();
    let denied: Vec<_> = absent.iter().map(|&key| (key, Claim::Absent)).collect();

    let sizes = sizes(
        "present",
        world.state.tree(),
        &leaves,
        &root,
        &shown,
        effort,
        report,
    )?;
    report.bounded("proof_present_max", sizes.max, "bytes");
    report.bounded("proof_present_mean", sizes.mean, "bytes");
    let sizes = self::sizes(
        "absent",
        world.state.tree(),
        &leaves,
        &root,
        &denied,
        effort,
        report,
    )?;
    report.bounded("proof_absent_max", sizes.max, "bytes");
    Ok(())
}

struct Sizes {
    mean: f64,
    max: f64,
}

/// Makes and verifies a proof of each claim, in each round all of them.
fn sizes(
    kind: &str,
    tree: &Tree,
    leaves: &BTreeMap<Key, ValueHash>,
    root: &Root,
    claims: &[(Key, Claim<'_>)],
    effort: &Effort,
    report: &Report,
) -> Result<Sizes, String> {
    let (mut making, mut verifying) = (Vec::new(), Vec::new());
    let mut lengths = Vec::new();
    for _ in 0..effort.rounds {
        let prove =
            |(key, _): &(Key, Claim<'_>)| tree.prove(key, leaves).map(|proof| proof.to_bytes());
        let (proofs, times) = timed(|| claims.iter().map(prove).collect::<Result<Vec<_>, _>>());
        let proofs = proofs.map_err(|e| e.to_string())?;
        making.push(times.cpu);

        let mut pairs = claims.iter().zip(&proofs);
        let check = || pairs.try_for_each(|((key, claim), proof)| verify(root, key, *claim, proof));
        let (verified, times) = timed(check);
        verified.map_err(|e| e.to_string())?;
        verifying.push(times.cpu);
        lengths = proofs.iter().map(Vec::len).collect();
    }
    let max = lengths.iter().copied().max().unwrap_or(0);
    let mean = lengths.iter().sum::<usize>() as f64 / lengths.len() as f64;
    let a_second = |times| claims.len() as f64 / median(times) / 1e3;
    report.note(&format!(
        "proof, {kind} keys: {mean:.1} bytes in the mean, {max} at most; {:.0} k made and {:.0} k verified a CPU second",
        a_second(making),
        a_second(verifying),
    ));
    Ok(Sizes {
        mean,
        max: max as f64,
    })
}
