//! `sapwood-fuzz [TARGET]… --runs N --seed S`: the long form of the fuzz targets.

use clap::Parser;
use sapwood_fuzz::{Target, corpus, fuzz, targets};
use std::collections::BTreeSet;
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
    /// Puts accepted inputs into the corpus, up to this many files a target
    #[arg(long, default_value_t = 0)]
    collect: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let targets = targets();
    let known: Vec<_> = targets.iter().map(|t| t.name.as_str()).collect();
    if let Some(unknown) = args.targets.iter().find(|t| !known.contains(&t.as_str())) {
        eprintln!("no target `{unknown}`; there are {}", known.join(", "));
        return ExitCode::from(2);
    }
    for target in &targets {
        if !args.targets.is_empty() && !args.targets.contains(&target.name) {
            continue;
        }
        let begun = Instant::now();
        let mut accepted = 0u64;
        let mut corpus = Corpus::of(target, args.collect);
        fuzz(target, args.seed, args.runs, |input| {
            accepted += 1;
            corpus.offer(input);
        });
        println!(
            "{}: {} inputs, {accepted} accepted, {:.1} s",
            target.name,
            args.runs,
            begun.elapsed().as_secs_f64()
        );
    }
    ExitCode::SUCCESS
}

/// Longest input that is collected, in bytes.
const LONGEST: usize = 2048;

/// The corpus of a target while it is added to.
struct Corpus<'a> {
    target: &'a Target,
    lengths: BTreeSet<usize>,
    room: usize,
    kept: usize,
}

impl<'a> Corpus<'a> {
    fn of(target: &'a Target, room: usize) -> Self {
        let seeds = target.seeds();
        Self {
            target,
            lengths: seeds.iter().map(Vec::len).collect(),
            room,
            kept: 0,
        }
    }

    /// Keeps an input whose length is new, and the first two of any length, while there is room.
    fn offer(&mut self, input: &[u8]) {
        if self.kept >= self.room || input.len() > LONGEST {
            return;
        }
        if !self.lengths.insert(input.len()) && self.kept >= 2 {
            return;
        }
        self.kept += 1;
        let folder = corpus(&self.target.name);
        let file = folder.join(format!("{:05}-{}", input.len(), self.kept));
        let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(file, input));
        written.expect("the corpus can be written");
    }
}
