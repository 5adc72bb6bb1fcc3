//! Nonce search beside bare compressions: what the search costs beyond the hashing that no search can avoid.

use crate::Effort;
use crate::measure::{in_turns, timed};
use crate::report::Report;
use sapwood_miner::{Job, mine};
use sapwood_primitives::{BlockId, Hash, Header, Height};
use sha2::block_api::compress256;
use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::thread;

/// Nonces that each thread tries in a round: about half a second with SHA instructions.
const NONCES: u64 = 8_000_000;

/// Compressions of a nonce: the header's last block, and the second hash's only one.
const COMPRESSIONS: u64 = 2;

/// Independent blocks in the peer's inner step, enough to keep the processor full.
const BLOCKS: usize = 32;

pub(crate) fn measure(effort: &Effort, report: &mut Report) {
    let job = hopeless_job();
    let never = AtomicBool::new(false);
    let threads = effort.threads.get() as u64;
    let nonces = NONCES * threads;
    let ours = || {
        let (found, times) = timed(|| mine(&job, 0..=nonces - 1, effort.threads, &never));
        assert_eq!(found, None, "no hash meets a target of 1");
        times
    };
    let peer = || {
        let round = || {
            thread::scope(|scope| {
                for _ in 1..threads {
                    scope.spawn(|| bare(NONCES * COMPRESSIONS));
                }
                bare(NONCES * COMPRESSIONS);
            });
        };
        timed(round).1
    };
    let pair = in_turns(effort.rounds, ours, peer);
    let millions = (nonces * COMPRESSIONS) as f64 / 1e6;
    report.beside_peer("miner", millions, "M compressions a CPU second", &pair);
}

/// The peer: compressions of independent blocks, and nothing else.
fn bare(compressions: u64) {
    let blocks: [[u8; 64]; BLOCKS] = std::array::from_fn(|i| [i as u8; 64]);
    let start: [u32; 8] = black_box([0x6a09_e667; 8]);
    let mut states = [start; BLOCKS];
    for _ in 0..compressions / BLOCKS as u64 {
        states.fill(start);
        for (state, block) in states.iter_mut().zip(&blocks) {
            compress256(state, std::slice::from_ref(block));
        }
        black_box(&states);
    }
}

fn hopeless_job() -> Job {
    Job::new(&Header {
        version: 1,
        parent: BlockId([1; 32]),
        tx_root: Hash([2; 32]),
        state_root: Hash([3; 32]),
        history_root: Hash([4; 32]),
        time: 1_767_225_600,
        target: 0x0101_0000,
        height: Height::new(1),
        nonce: 0,
    })
    .expect("1 has a canonical form")
}
