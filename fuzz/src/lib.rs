//! Fuzz targets for every parser of foreign bytes, on a stable toolchain.
//!
//! Each [`Target`] has good inputs and says what must hold for any input; [`fuzz`] feeds it mutations of them, and measures the memory of each reading. A failure names
//! target, seed and run, and is repeated by them. Inputs that proved useful stand in `corpus`, a folder a target.

mod memory;
mod mutate;
mod seeds;
mod targets;
mod targets_store;
mod targets_tree;

pub use memory::peak_of;
pub use mutate::{Random, mutate};
pub use seeds::{densest_block, densest_undo};
pub use targets::{BOUNDARIES, Check, Target, targets};

use sapwood_primitives::codec::{MEMORY_ALLOWANCE, MEMORY_FACTOR};
use std::path::PathBuf;

/// Reads an input, and gives whether it was accepted.
///
/// # Panics
/// If reading it took more than four times its length and 64 KiB, or something does not hold for it.
pub fn check(target: &Target, input: &[u8]) -> bool {
    let (accepted, peak) = peak_of(|| (target.reads)(input));
    let most = input.len() * MEMORY_FACTOR + MEMORY_ALLOWANCE;
    assert!(
        peak <= most,
        "{} bytes took {peak} bytes of memory, more than {most}",
        input.len()
    );
    (target.holds)(input);
    accepted
}

/// Feeds `runs` mutated inputs, the unchanged seeds first. `accepted` is told each that was accepted.
///
/// # Panics
/// If something does not hold; the message before it says how to repeat the run.
pub fn fuzz(target: &Target, seed: u64, runs: u64, mut accepted: impl FnMut(&[u8])) {
    let seeds = target.seeds();
    for input in &seeds {
        check(target, input);
    }
    for run in 0..runs {
        let mut random = Random::new(seed ^ run.wrapping_mul(0xd134_2543_de82_ef95));
        let start = &seeds[random.below(seeds.len())];
        let input = mutate(&mut random, start);
        let checking = std::panic::AssertUnwindSafe(|| check(target, &input));
        match std::panic::catch_unwind(checking) {
            Ok(true) => accepted(&input),
            Ok(false) => {}
            Err(panic) => {
                eprintln!(
                    "target {} fails at --seed {seed}, run {run}: {input:02x?}",
                    target.name
                );
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// Where the corpus of a target stands.
pub fn corpus(target: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).join(target)
}
