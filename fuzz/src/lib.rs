//! Fuzz targets for every parser of foreign bytes, on a stable toolchain.
//!
//! Each [`Target`] has good inputs and says what must hold for any input; [`fuzz`] feeds it mutations of them. A failure names target, seed and run, and is repeated by them.

mod mutate;
mod targets;
mod targets_store;
mod targets_tree;

pub use mutate::{Random, mutate};
pub use targets::{TARGETS, Target};

/// Feeds `runs` mutated inputs, the unchanged seeds first.
///
/// # Panics
/// If something does not hold; the message before it says how to repeat the run.
pub fn fuzz(target: &Target, seed: u64, runs: u64) {
    let seeds = (target.seeds)();
    seeds.iter().for_each(|input| (target.run)(input));
    for run in 0..runs {
        let mut random = Random::new(seed ^ run.wrapping_mul(0xd134_2543_de82_ef95));
        let start = &seeds[random.below(seeds.len())];
        let input = mutate(&mut random, start);
        let outcome = std::panic::catch_unwind(|| (target.run)(&input));
        if let Err(panic) = outcome {
            eprintln!(
                "target {} fails at --seed {seed}, run {run}: {input:02x?}",
                target.name
            );
            std::panic::resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of each target in the smoke form.
    const SMOKE: u64 = 5_000;

    #[test]
    fn no_target_fails_on_mutations_of_good_inputs() {
        TARGETS.iter().for_each(|target| fuzz(target, 1, SMOKE));
    }

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let input = |seed| mutate(&mut Random::new(seed), b"some bytes to begin with");
        assert_eq!(input(7), input(7));
        assert!((0..100).any(|seed| input(seed) != input(seed + 1)));
    }
}
