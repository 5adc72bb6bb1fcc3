//! What is printed: the machine, and each figure with what it must reach.

use crate::measure::Pair;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;

/// `reach.toml`.
pub(crate) struct Reaches(BTreeMap<String, Reach>);

/// What a figure must reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Reach {
    /// Lower bound of the ratio of the peer's CPU time to ours.
    AtLeast(f64),
    /// Bound that the figure itself must stay below.
    Below(f64),
}

impl Reaches {
    pub(crate) fn read() -> Self {
        Self(toml::from_str(include_str!("../reach.toml")).expect("the file is tested"))
    }

    fn of(&self, name: &str) -> Option<Reach> {
        self.0.get(name).copied()
    }
}

/// One figure, as `--json` prints it. One without a reach is only reported.
#[derive(Serialize)]
struct Figure<'a> {
    name: &'a str,
    unit: &'a str,
    ours: f64,
    peer: Option<f64>,
    ratio: Option<f64>,
    reach: Option<Reach>,
    met: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    more: BTreeMap<&'a str, f64>,
}

/// The output, and whether all figures met their reach so far.
pub(crate) struct Report {
    reaches: Reaches,
    json: bool,
    all_met: bool,
}

impl Report {
    pub(crate) fn new(reaches: Reaches, json: bool) -> Self {
        Self {
            reaches,
            json,
            all_met: true,
        }
    }

    pub(crate) fn all_met(&self) -> bool {
        self.all_met
    }

    /// Says where and beside what the figures are taken. With `--json` on standard error.
    pub(crate) fn machine(&self, machine: &Machine, threads: NonZeroUsize) {
        self.note(&format!(
            "{}, {} cores, {threads} threads; {}; load {}",
            machine.model, machine.cores, machine.features, machine.load
        ));
    }

    /// A line for people.
    pub(crate) fn note(&self, line: &str) {
        if self.json {
            eprintln!("{line}");
        } else {
            println!("{line}");
        }
    }

    /// A figure with a peer: `work` is what both did in the time measured, and `unit` what it is counted in a CPU second.
    pub(crate) fn beside_peer(&mut self, name: &str, work: f64, unit: &str, pair: &Pair) {
        self.note(&format!(
            "{name}: ours {:.3} s CPU, {:.3} s wall; peer {:.3} s CPU, {:.3} s wall; ratio {:.3} by CPU, {:.3} by wall",
            pair.ours.cpu,
            pair.ours.wall,
            pair.peer.cpu,
            pair.peer.wall,
            pair.by_cpu(),
            pair.by_wall(),
        ));
        let more = BTreeMap::from([
            ("ratio_by_wall", pair.by_wall()),
            ("ours_cpu_s", pair.ours.cpu),
            ("ours_wall_s", pair.ours.wall),
            ("peer_cpu_s", pair.peer.cpu),
            ("peer_wall_s", pair.peer.wall),
        ]);
        self.figure(Figure {
            name,
            unit,
            ours: work / pair.ours.cpu,
            peer: Some(work / pair.peer.cpu),
            ratio: Some(pair.by_cpu()),
            reach: self.reaches.of(name),
            met: None,
            more,
        });
    }

    /// A figure that is bounded by itself.
    pub(crate) fn bounded(&mut self, name: &str, value: f64, unit: &str) {
        self.figure(Figure {
            name,
            unit,
            ours: value,
            peer: None,
            ratio: None,
            reach: self.reaches.of(name),
            met: None,
            more: BTreeMap::new(),
        });
    }

    fn figure(&mut self, mut figure: Figure<'_>) {
        figure.met = figure.reach.map(|reach| match reach {
            Reach::AtLeast(least) => figure.ratio.is_some_and(|ratio| ratio >= least),
            Reach::Below(bound) => figure.ours < bound,
        });
        self.all_met &= figure.met != Some(false);
        if self.json {
            let line = serde_json::to_string(&figure).expect("numbers and text");
            println!("{line}");
        } else {
            println!("{}", figure.line());
        }
    }
}

impl Figure<'_> {
    fn line(&self) -> String {
        let mut line = format!("{}: {:.2} {}", self.name, self.ours, self.unit);
        if let (Some(peer), Some(ratio)) = (self.peer, self.ratio) {
            line += &format!(", peer {peer:.2}, ratio {ratio:.3}");
        }
        match self.reach {
            Some(Reach::AtLeast(least)) => line += &format!(", reach at least {least}"),
            Some(Reach::Below(bound)) => line += &format!(", reach below {bound}"),
            None => {}
        }
        line + match self.met {
            Some(true) => ": met",
            Some(false) => ": MISSED",
            None => ": reported only",
        }
    }
}

/// Where the figures are taken.
pub(crate) struct Machine {
    model: String,
    cores: usize,
    features: String,
    load: String,
}

/// Features of a processor that the hashing and the signatures depend on.
const FEATURES: [&str; 5] = ["sha_ni", "avx2", "avx512f", "bmi2", "sha2"];

impl Machine {
    /// Reads what Linux says; elsewhere the fields say that it is unknown.
    pub(crate) fn read() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |names: [&str; 2]| {
            let line = cpu
                .lines()
                .find(|line| names.iter().any(|name| line.starts_with(name)));
            line.and_then(|line| line.split_once(':'))
                .map_or("unknown", |(_, value)| value.trim())
        };
        let flags: Vec<&str> = field(["flags", "Features"]).split(' ').collect();
        let features = FEATURES.into_iter().filter(|f| flags.contains(f));
        Self {
            model: field(["model name", "CPU part"]).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            features: features.collect::<Vec<_>>().join(" "),
            load: fs::read_to_string("/proc/loadavg")
                .map_or_else(|_| "unknown".into(), |text| text.trim().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reaches_can_be_read() {
        let reaches = Reaches::read();
        assert_eq!(reaches.of("miner"), Some(Reach::AtLeast(0.95)));
        assert_eq!(reaches.of("proof_present_max"), Some(Reach::Below(1024.0)));
    }
}
