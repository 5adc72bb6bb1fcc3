//! Measures Sapwood's figures, each beside the peer that it is compared with, in the same run.
//!
//! `README.md` says what each figure means and how it is taken; `reach.toml` says what it must reach. Times on a shared machine say little, so a figure is a ratio wherever
//! there is a peer: both run in turns, and the medians are divided.

#![forbid(unsafe_code)]

mod connect;
mod fixture;
mod measure;
mod miner;
mod node;
mod peers;
mod proof;
mod report;
mod rpc;
mod start;
mod state;
mod store;
mod tree;

use clap::{Parser, ValueEnum};
use report::{Machine, Reaches, Report};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use tree::Extent;

/// Measures Sapwood beside its peers.
#[derive(Parser)]
struct Arguments {
    /// What to measure.
    #[arg(value_enum)]
    part: Part,
    /// Fewer rounds; the sizes and what must be reached stay.
    #[arg(long)]
    quick: bool,
    /// One JSON object a figure, one a line, and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Rounds instead of 7, or 3 with --quick.
    #[arg(long)]
    rounds: Option<NonZeroUsize>,
    /// Threads for both sides instead of one a core.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// With `tree`: also the figures with ten million accounts, which take up to half an hour to load and 15 GB of the disk.
    #[arg(long)]
    large: bool,
    /// With `tree`: nothing but its cost at sizes from ten thousand accounts on, drawn into `bench/scale.svg`.
    #[arg(long, conflicts_with = "large")]
    scale: bool,
    /// With `--scale`: the most accounts.
    #[arg(
        long,
        value_name = "ACCOUNTS",
        requires = "scale",
        default_value_t = 20_000_000
    )]
    max: u64,
    /// The `sapwood` program that `start` and `rpc` start; if left out, the one beside this program.
    #[arg(long)]
    node: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Nonce search.
    Miner,
    /// Block connection, in memory and to disk.
    Connect,
    /// The account tree and its store.
    Tree,
    /// Bytes of proofs.
    Proof,
    /// From the start of a node's process to its first answer, and its memory.
    Start,
    /// Import of blocks while the RPC is flooded.
    Rpc,
    /// Builds what the others need and keeps it under `bench/fixtures`.
    Fixture,
    /// All figures.
    All,
}

/// How much to measure, and with what.
struct Effort {
    extent: Extent,
    rounds: usize,
    threads: NonZeroUsize,
    /// The `sapwood` program.
    node: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let rounds = if arguments.quick { 3 } else { 7 };
    let extent = match (arguments.scale, arguments.large) {
        (true, _) => Extent::Scale(arguments.max),
        (_, true) => Extent::Large,
        _ => Extent::Normal,
    };
    let effort = Effort {
        extent,
        rounds: arguments.rounds.map_or(rounds, NonZeroUsize::get),
        threads: arguments
            .threads
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN),
        node: arguments.node.unwrap_or_else(beside_this_program),
    };
    let mut report = Report::new(Reaches::read(), arguments.json);
    report.machine(&Machine::read(), effort.threads);
    if let Err(problem) = run(arguments.part, &effort, &mut report) {
        eprintln!("sapwood-bench: {problem}");
        return ExitCode::from(2);
    }
    if report.all_met() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn beside_this_program() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name("sapwood")
}

fn run(part: Part, effort: &Effort, report: &mut Report) -> Result<(), String> {
    let wants = |one| part == one || part == Part::All;
    if part == Part::Fixture {
        fixture::build()?;
        store::node_data()?;
        tree::build()?;
    }
    if wants(Part::Miner) {
        miner::measure(effort, report);
    }
    if wants(Part::Proof) {
        proof::measure(effort, report)?;
    }
    if wants(Part::Connect) {
        connect::measure(effort, report)?;
    }
    if wants(Part::Tree) {
        tree::measure(effort.extent, effort, report)?;
    }
    if wants(Part::Start) {
        start::measure(effort, report)?;
    }
    if wants(Part::Rpc) {
        rpc::measure(effort, report)?;
    }
    Ok(())
}
