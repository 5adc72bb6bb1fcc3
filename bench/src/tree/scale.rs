//! How the tree's cost grows with its size: `bench tree --scale`.

use super::memory::{Rows, apply, take_back, updates};
use super::plot::{Line, Plot, draw};
use crate::Effort;
use crate::measure::median;
use crate::report::Report;
use sapwood_account_tree::Mode;
use std::fs;

/// Sizes that are measured.
const SIZES: [u64; 8] = [
    10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 20_000_000,
];

/// Updates of a block, unless that is more than a tenth of the accounts.
const BLOCK: u64 = 20_000;

/// Memory that an account takes while it is measured: its row, two trees, and room to sort.
const BYTES: u64 = 300;

/// What is drawn.
const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scale.svg");

/// What was measured at one size.
struct Size {
    accounts: u64,
    fast: Cost,
    lean: Cost,
}

/// Of one mode.
struct Cost {
    /// Microseconds of CPU.
    update: f64,
    /// Bytes an account.
    memory: f64,
}

/// Measures, prints the table, and draws it.
pub(crate) fn measure(most: u64, effort: &Effort, report: &Report) -> Result<(), String> {
    report.note("| accounts | fast, µs an update | lean, µs an update | fast, bytes an account | lean, bytes an account |");
    report.note("|---|---|---|---|---|");
    let mut sizes = Vec::new();
    for accounts in SIZES.into_iter().filter(|accounts| *accounts <= most) {
        if available().is_some_and(|bytes| bytes < accounts * BYTES) {
            report.note(&format!(
                "{accounts} accounts and more do not fit into memory"
            ));
            break;
        }
        let mut rows = Rows::loaded(accounts);
        let fast = cost(&mut rows, accounts, Mode::Fast, effort);
        let lean = cost(&mut rows, accounts, Mode::Lean, effort);
        report.note(&format!(
            "| {accounts} | {:.2} | {:.2} | {:.1} | {:.1} |",
            fast.update, lean.update, fast.memory, lean.memory
        ));
        sizes.push(Size {
            accounts,
            fast,
            lean,
        });
    }
    fs::write(PICTURE, picture(&sizes)).map_err(|e| format!("{PICTURE}: {e}"))?;
    report.note(&format!("drawn: {PICTURE}"));
    Ok(())
}

fn cost(rows: &mut Rows, accounts: u64, mode: Mode, effort: &Effort) -> Cost {
    let mut tree = rows.tree(mode);
    let memory = tree.memory() as f64 / accounts as f64;
    let count = BLOCK.min(accounts / 10);
    let mut seconds = Vec::new();
    for round in 0..=effort.rounds {
        let updates = updates(accounts, count, 1 + round as u64);
        let times = apply(&mut tree, rows, &updates);
        take_back(&mut tree, rows, &updates);
        if round > 0 {
            seconds.push(times.cpu);
        }
    }
    Cost {
        update: median(seconds) * 1e6 / count as f64,
        memory,
    }
}

/// Bytes of memory that are free, where the system says.
fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

fn picture(sizes: &[Size]) -> String {
    let line = |name, of: fn(&Size) -> f64| Line {
        name,
        points: sizes
            .iter()
            .map(|size| (size.accounts as f64, of(size)))
            .collect(),
    };
    draw(
        "accounts",
        &[
            Plot {
                title: "CPU time of an update, µs",
                lines: [
                    line("fast", |size| size.fast.update),
                    line("lean", |size| size.lean.update),
                ],
            },
            Plot {
                title: "memory of an account, bytes",
                lines: [
                    line("fast", |size| size.fast.memory),
                    line("lean", |size| size.lean.memory),
                ],
            },
        ],
    )
}
