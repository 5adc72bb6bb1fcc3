//! Block connection, in memory and to disk, beside the verification of the same signatures and nothing else.

use crate::Effort;
use crate::fixture::{self, World};
use crate::measure::{Times, in_turns, timed};
use crate::report::Report;
use crate::store;
use rayon::ThreadPool;
use rayon::prelude::*;
use sapwood_primitives::codec::read;
use sapwood_primitives::{Authorization, Block, BlockId, Chain};
use sapwood_runtime::{CheckedBlock, Link, Undo, check_block, connect};
use sapwood_store::Config;
use secp256k1::{XOnlyPublicKey, schnorr};
use std::path::Path;

pub(crate) fn measure(effort: &Effort, report: &mut Report) -> Result<(), String> {
    let blocks = fixture::blocks()?;
    let mut world = World::new()?;
    let signatures = signatures(&world.genesis, &blocks)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(effort.threads.get())
        .build()
        .map_err(|e| e.to_string())?;
    report.note(&format!(
        "connect: {} blocks, {} transfers, {} accounts",
        blocks.len(),
        signatures.len(),
        fixture::ACCOUNTS
    ));
    let ours = || connect_all(&pool, &mut world, &blocks);
    let peer = || verify_all(&pool, &signatures);
    let pair = in_turns(effort.rounds, ours, peer);
    let work = signatures.len() as f64 / 1e3;
    report.beside_peer("connect", work, "k transfers a CPU second", &pair);
    report.note(&shares(&pool, &mut world, &blocks));

    let base = store::rows_only(&world)?;
    let ours = || {
        connect_durably(&pool, &world, &blocks, &base)
            .expect("the same blocks just connected in memory")
    };
    let pair = in_turns(effort.rounds, ours, || verify_all(&pool, &signatures));
    report.beside_peer("connect_durable", work, "k transfers a CPU second", &pair);
    Ok(())
}

/// Connects all blocks in a copy of the store at `base`, each durable before the next is applied, as the node does; at the end all of it is in the checkpoint too.
fn connect_durably(
    pool: &ThreadPool,
    world: &World,
    blocks: &[Vec<u8>],
    base: &Path,
) -> Result<Times, String> {
    let (chain, genesis) = (&world.chain, &world.genesis);
    let mut copy = store::Copy::of(base, chain, Config::default())?;
    let mut tip = world.tip.clone();
    let mut pipeline = || {
        let mut checked = blocks.first().map(|block| check(chain, genesis, block));
        let mut following = blocks.iter().skip(1);
        while let Some(block) = checked {
            let next = following.next();
            let (connected, next) = rayon::join(
                || store::append(&mut copy.store, chain, &tip, &block),
                || next.map(|block| check(chain, genesis, block)),
            );
            tip = connected?;
            checked = next;
        }
        copy.store.checkpoint().map_err(|e| e.to_string())
    };
    let (done, times) = timed(|| pool.install(&mut pipeline));
    done.map(|()| times)
}

/// Where the CPU time of a connection goes: the same steps one after the other, once.
fn shares(pool: &ThreadPool, world: &mut World, blocks: &[Vec<u8>]) -> String {
    let before = world.tip.clone();
    let mut undos = Vec::new();
    let mut sums = [0.0; 4];
    for bytes in blocks {
        let (block, decode) = timed(|| read::<Block>(bytes).expect("the fixture holds blocks"));
        let check = || check_block(&world.chain, &world.genesis, block);
        let (block, check) = timed(|| pool.install(check));
        let block = block.expect(STALE);
        let connect = || connect(&world.chain, &world.tip, &world.state, &world.state, &block);
        let (connected, transition) = timed(connect);
        let connected = connected.expect(STALE);
        let ((), write) = timed(|| world.state.apply(&connected.changes, connected.plan));
        world.tip = connected.link;
        undos.push(connected.undo);
        for (sum, times) in sums.iter_mut().zip([decode, check, transition, write]) {
            *sum += times.cpu;
        }
    }
    rewind(world, before, &undos);
    let [decode, check, transition, write] = sums;
    format!(
        "connect, CPU s by step: decode {decode:.3}, check {check:.3}, state and root {transition:.3}, write rows {write:.3}"
    )
}

/// Connects all blocks and takes them back again; only the first is measured.
fn connect_all(pool: &ThreadPool, world: &mut World, blocks: &[Vec<u8>]) -> Times {
    let before = world.tip.clone();
    let (undos, times) = timed(|| pool.install(|| pipeline(world, blocks)));
    rewind(world, before, &undos);
    times
}

/// Takes blocks back, to the tip that was there before them.
fn rewind(world: &mut World, before: Link, undos: &[Undo]) {
    for undo in undos.iter().rev() {
        world.state.take_back(undo);
    }
    assert_eq!(world.state.root(), before.state_root, "undone");
    world.tip = before;
}

/// Applies each block while the next is decoded and checked, which needs no state.
fn pipeline(world: &mut World, blocks: &[Vec<u8>]) -> Vec<Undo> {
    let (chain, genesis) = (world.chain.clone(), world.genesis);
    let mut undos = Vec::with_capacity(blocks.len());
    let mut checked = blocks.first().map(|block| check(&chain, &genesis, block));
    let mut following = blocks.iter().skip(1);
    while let Some(block) = checked {
        let next = following.next();
        let (undo, next) = rayon::join(
            || apply(world, &block),
            || next.map(|block| check(&chain, &genesis, block)),
        );
        undos.push(undo);
        checked = next;
    }
    undos
}

/// Decodes a block and checks what needs no state.
pub(crate) fn check(chain: &Chain, genesis: &BlockId, bytes: &[u8]) -> CheckedBlock {
    let block: Block = read(bytes).expect("the fixture holds blocks");
    check_block(chain, genesis, block).expect(STALE)
}

fn apply(world: &mut World, block: &CheckedBlock) -> Undo {
    world.connect(block).expect(STALE).1
}

/// The blocks were valid when they were built.
pub(crate) const STALE: &str =
    "the rules have changed since the fixture was built; run `fixture` again";

/// A signature with its key and message, all as they are on the wire.
struct Signed {
    key: [u8; 32],
    message: [u8; 32],
    signature: [u8; 64],
}

fn signatures(genesis: &BlockId, blocks: &[Vec<u8>]) -> Result<Vec<Signed>, String> {
    let mut all = Vec::new();
    for bytes in blocks {
        let block: Block = read(bytes).map_err(|e| e.to_string())?;
        all.extend(block.transactions.iter().map(|tx| {
            let Authorization::Single { key, signature } = tx.authorization;
            Signed {
                key,
                message: tx.body.signature_hash(genesis).0,
                signature,
            }
        }));
    }
    Ok(all)
}

/// The peer: each key parsed and each signature verified, by the same library on the same threads.
fn verify_all(pool: &ThreadPool, signatures: &[Signed]) -> Times {
    let verify = |signed: &Signed| {
        let key = XOnlyPublicKey::from_byte_array(signed.key);
        let signature = schnorr::Signature::from_byte_array(signed.signature);
        key.is_ok_and(|key| schnorr::verify(&signature, &signed.message, &key).is_ok())
    };
    let (valid, times) = timed(|| pool.install(|| signatures.par_iter().all(verify)));
    assert!(valid, "the fixture's signatures are valid");
    times
}
