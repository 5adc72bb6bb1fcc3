//! Blocks that are on the disk when they are done, one after the other on all that are there: durable blocks, sustained ones, undo, and beside them the root alone.

use super::arms::{Arm, Ours, PeerArm, Samples};
use super::base::Loaded;
use super::memory::{Rows, apply, take_back, updates};
use crate::Effort;
use crate::report::{Clock, Compared, Report, Shown};
use sapwood_account_tree::Mode;
use sapwood_lanes::Engine;
use sapwood_store::Config;
use std::collections::BTreeSet;

/// Updates of the larger block.
const LARGE: u64 = 20_000;

/// Updates of the smaller block.
const SMALL: u64 = 2_000;

/// Larger blocks in a row: a million updates, so that what a store puts off is in it, such as merging its files.
const ROW: u64 = 50;

/// What our samples are noted under.
const OURS: &str = "ours";

/// The peers by the names of their programs.
pub(crate) const NOMT: &str = "peer-nomt";
const JMT: &str = "peer-jmt";
const REDB: &str = "peer-redb";

/// All that is compared with a million accounts.
pub(crate) fn measure(loaded: &Loaded, effort: &Effort, report: &mut Report) -> Result<(), String> {
    let mut arms = arms(loaded, &[NOMT, JMT, REDB])?;
    measure_blocks(&mut arms, loaded.accounts, effort, report)?;
    measure_sustained(&mut arms, effort, report)
}

/// Blocks one by one, each taken back by those who can; and the root alone.
fn measure_blocks(
    arms: &mut Arms,
    accounts: u64,
    effort: &Effort,
    report: &mut Report,
) -> Result<(), String> {
    let mut samples = Samples::default();
    let mut rows = Rows::loaded(accounts);
    let mut tree = rows.tree(Mode::Fast);
    for round in 0..=effort.rounds {
        let seed = 1 + 2 * round as u64;
        in_turn(arms, round, |name, arm| {
            let mut block = arm.block(LARGE, seed)?;
            let undone = arm.undo()?;
            let small = arm.block(SMALL, seed + 1)?;
            arm.undo()?;
            if name == OURS {
                let updates = updates(accounts, LARGE, seed);
                let times = apply(&mut tree, &mut rows, &updates);
                take_back(&mut tree, &mut rows, &updates);
                block.parts.push(("root", times));
            }
            if round > 0 {
                samples.add("block_20k", name, block.whole);
                samples.add("block_2k", name, small.whole);
                if let Some(times) = undone {
                    samples.add("undo", name, times);
                }
                for (part, times) in block.parts {
                    samples.add(part, name, times);
                }
            }
            Ok(())
        })?;
    }
    let root = match sapwood_lanes::engine() {
        Engine::Avx512 => "tree_root_avx512",
        Engine::Scalar => "tree_root",
    };
    let (wall, ms) = (Clock::Wall, Shown::Milliseconds);
    let both = [JMT, REDB];
    tell(&samples, "root", (root, Clock::Cpu, ms), &[JMT], report);
    let parts = ["plan", "step", "log"].map(|part| {
        let wall = samples.median(part, OURS).map_or(0.0, |times| times.wall);
        format!("{part} {:.2} ms", wall * 1e3)
    });
    report.note(&format!(
        "tree_block_20k, ours by step: {}",
        parts.join(", ")
    ));
    tell(
        &samples,
        "block_20k",
        ("tree_block_20k", wall, ms),
        &both,
        report,
    );
    tell(
        &samples,
        "block_2k",
        ("tree_block_2k", wall, ms),
        &both,
        report,
    );
    tell(&samples, "undo", ("tree_undo", wall, ms), &[], report);
    Ok(())
}

/// Blocks in a row. Those who cannot take blocks back grow by half each time, so they do it twice only, and the second time counts.
fn measure_sustained(arms: &mut Arms, effort: &Effort, report: &mut Report) -> Result<(), String> {
    let mut samples = Samples::default();
    let mut grow = BTreeSet::new();
    for round in 0..=effort.rounds {
        let seed = 1_000 + ROW * round as u64;
        in_turn(arms, round, |name, arm| {
            if round > 1 && grow.contains(name) {
                return Ok(());
            }
            let times = arm.sustain(ROW, LARGE, seed)?;
            if round > 0 {
                samples.add("sustained", name, times);
            }
            // So that those which can take blocks back stay as large as they were.
            for _ in 0..ROW {
                if arm.undo()?.is_none() {
                    grow.insert(name);
                    break;
                }
            }
            Ok(())
        })?;
    }
    let rate = Shown::Rate((ROW * LARGE) as f64, "updates a second, wall");
    let figure = ("tree_sustained", Clock::Wall, rate);
    tell(&samples, "sustained", figure, &[JMT, REDB], report);
    Ok(())
}

/// The larger durable block beside ten million accounts.
pub(crate) fn measure_large(
    loaded: &Loaded,
    effort: &Effort,
    report: &mut Report,
) -> Result<(), String> {
    let mut arms = arms(loaded, &[NOMT, REDB])?;
    let mut samples = Samples::default();
    for round in 0..=effort.rounds {
        in_turn(&mut arms, round, |name, arm| {
            let block = arm.block(LARGE, 1 + round as u64)?;
            if round > 0 {
                samples.add("block_20k", name, block.whole);
            }
            arm.undo().map(drop)
        })?;
    }
    let figure = ("tree_block_20k_10m", Clock::Wall, Shown::Milliseconds);
    tell(&samples, "block_20k", figure, &[REDB], report);
    Ok(())
}

type Arms = Vec<(&'static str, Box<dyn Arm>)>;

/// Ours, and those of the peers that are built.
fn arms(loaded: &Loaded, peers: &[&'static str]) -> Result<Arms, String> {
    let ours = Ours::new(loaded, Config::default())?;
    let mut arms: Arms = vec![(OURS, Box::new(ours))];
    for name in peers {
        if let Some(peer) = PeerArm::start(name, loaded.accounts)? {
            arms.push((name, Box::new(peer)));
        }
    }
    Ok(arms)
}

/// Does something with each arm. Another one is the first from round to round.
fn in_turn(
    arms: &mut Arms,
    round: usize,
    mut work: impl FnMut(&'static str, &mut dyn Arm) -> Result<(), String>,
) -> Result<(), String> {
    let count = arms.len();
    for index in 0..count {
        let (name, arm) = &mut arms[(round + index) % count];
        work(name, arm.as_mut()).map_err(|problem| format!("{name}: {problem}"))?;
    }
    Ok(())
}

/// Reports the samples of one kind as a figure of this name, clock and unit.
fn tell(
    samples: &Samples,
    kind: &'static str,
    (name, clock, shown): (&str, Clock, Shown<'_>),
    others: &[&'static str],
    report: &mut Report,
) {
    let others: Vec<_> = others
        .iter()
        .map(|other| (*other, samples.median(kind, other)))
        .collect();
    report.compared(&Compared {
        name,
        clock,
        shown,
        ours: samples.median(kind, OURS).expect("ours is always there"),
        peer: samples.median(kind, NOMT),
        others: &others,
    });
}
