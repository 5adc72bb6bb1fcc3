//! `sapwood-fuzz [TARGET]… --runs N --seed S`: the long form of the fuzz targets.

use clap::Parser;
use sapwood_fuzz::{TARGETS, fuzz};
use std::process::ExitCode;
use std::time::Instant;

/// Feeds mutated inputs to every parser, or to the ones named
#[derive(Parser)]
#[command(after_help = "Example:\n  cargo run --release -p sapwood-fuzz -- block --runs 100000000")]
struct Args {
    /// Targets; all if none is named
    targets: Vec<String>,
    /// Inputs for each
    #[arg(long, default_value_t = 1_000_000)]
    runs: u64,
    /// What the inputs are made from; a failure is repeated by its seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(unknown) = args
        .targets
        .iter()
        .find(|name| TARGETS.iter().all(|t| t.name != **name))
    {
        let known: Vec<_> = TARGETS.iter().map(|t| t.name).collect();
        eprintln!("no target `{unknown}`; there are {}", known.join(", "));
        return ExitCode::from(2);
    }
    for target in TARGETS {
        if !args.targets.is_empty() && args.targets.iter().all(|name| name != target.name) {
            continue;
        }
        let begun = Instant::now();
        fuzz(target, args.seed, args.runs);
        println!(
            "{}: {} inputs, {:.1} s",
            target.name,
            args.runs,
            begun.elapsed().as_secs_f64()
        );
    }
    ExitCode::SUCCESS
}
