//! What is printed: the machine, and each figure with what it must reach.

use crate::measure::{Pair, Times};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::{fmt, fs};

/// `reach.toml`.
pub(crate) struct Reaches(BTreeMap<String, Reach>);

/// What a figure must reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Reach {
    /// Lower bound of the ratio of the peer's time to ours, by the clock of the figure. A figure without its peer misses it.
    AtLeast(f64),
    /// Bound that the figure itself must stay below.
    Below(f64),
    /// Bound that the figure itself must not exceed.
    AtMost(f64),
    /// Bound that the figure itself must reach.
    Above(f64),
}

impl Reach {
    fn met(self, ours: f64, ratio: Option<f64>) -> bool {
        match self {
            Self::AtLeast(least) => ratio.is_some_and(|ratio| ratio >= least),
            Self::Below(bound) => ours < bound,
            Self::AtMost(most) => ours <= most,
            Self::Above(least) => ours >= least,
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "ratio at least {least}"),
            Self::Below(bound) => write!(f, "below {bound}"),
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::Above(least) => write!(f, "at least {least}"),
        }
    }
}

/// Which time a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// That of all the process's threads together.
    Cpu,
    /// The wall clock, where waiting for the disk counts.
    Wall,
}

/// How a time is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown<'a> {
    /// As milliseconds.
    Milliseconds,
    /// As so much work a second, in this unit.
    Rate(f64, &'a str),
}

/// A figure beside its peer, if that is there, and beside others that have no part in its reach.
pub(crate) struct Compared<'a> {
    pub(crate) name: &'a str,
    pub(crate) clock: Clock,
    pub(crate) shown: Shown<'a>,
    pub(crate) ours: Times,
    pub(crate) peer: Option<Times>,
    pub(crate) others: &'a [(&'a str, Option<Times>)],
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
    more: BTreeMap<String, f64>,
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

    /// A figure with a peer, by CPU time: `work` is what both did in the time measured, and `unit` what it is counted in a CPU second.
    pub(crate) fn beside_peer(&mut self, name: &str, work: f64, unit: &str, pair: &Pair) {
        self.compared(&Compared {
            name,
            clock: Clock::Cpu,
            shown: Shown::Rate(work, unit),
            ours: pair.ours,
            peer: Some(pair.peer),
            others: &[],
        });
    }

    /// A figure with a peer.
    pub(crate) fn compared(&mut self, compared: &Compared<'_>) {
        let Compared {
            name,
            clock,
            ours,
            peer,
            ..
        } = *compared;
        let both = [("ours", Some(ours)), ("peer", peer)];
        let sides = both.iter().chain(compared.others);
        let mut more = BTreeMap::new();
        let mut line = format!("{name}:");
        for (side, times) in sides {
            let Some(times) = times else {
                line += &format!(" {side} not built;");
                continue;
            };
            line += &format!(" {side} {:.4} s CPU, {:.4} s wall;", times.cpu, times.wall);
            more.insert(format!("{side}_cpu_s"), times.cpu);
            more.insert(format!("{side}_wall_s"), times.wall);
        }
        let pair = peer.map(|peer| Pair { ours, peer });
        if let Some(pair) = &pair {
            let (cpu, wall) = (pair.by_cpu(), pair.by_wall());
            line += &format!(" ratio {cpu:.3} by CPU, {wall:.3} by wall");
            more.insert("ratio_by_cpu".into(), cpu);
            more.insert("ratio_by_wall".into(), wall);
        }
        self.note(line.trim_end_matches(';'));
        let seconds = |times: Times| match clock {
            Clock::Cpu => times.cpu,
            Clock::Wall => times.wall,
        };
        let value = |times| match compared.shown {
            Shown::Milliseconds => seconds(times) * 1e3,
            Shown::Rate(work, _) => work / seconds(times),
        };
        let unit = match (compared.shown, clock) {
            (Shown::Rate(_, unit), _) => unit,
            (Shown::Milliseconds, Clock::Cpu) => "ms CPU",
            (Shown::Milliseconds, Clock::Wall) => "ms wall",
        };
        self.figure(Figure {
            name,
            unit,
            ours: value(ours),
            peer: peer.map(value),
            ratio: peer.map(|peer| seconds(peer) / seconds(ours)),
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
        let (ours, ratio) = (figure.ours, figure.ratio);
        figure.met = figure.reach.map(|reach| reach.met(ours, ratio));
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
        if let Some(reach) = self.reach {
            line += &format!(", reach {reach}");
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

    #[test]
    fn each_reach_bounds_what_it_says() {
        assert!(Reach::AtLeast(2.0).met(0.0, Some(2.0)));
        assert!(!Reach::AtLeast(2.0).met(9.0, Some(1.9)));
        assert!(!Reach::AtLeast(2.0).met(9.0, None));
        assert!(Reach::Below(2.0).met(1.9, None) && !Reach::Below(2.0).met(2.0, None));
        assert!(Reach::AtMost(2.0).met(2.0, None) && !Reach::AtMost(2.0).met(2.1, None));
        assert!(Reach::Above(2.0).met(2.0, None) && !Reach::Above(2.0).met(1.9, None));
    }

    #[test]
    fn a_figure_whose_peer_is_not_there_is_missed() {
        let mut report = Report::new(Reaches::read(), true);
        let compared = |peer| Compared {
            name: "tree_block_20k",
            clock: Clock::Wall,
            shown: Shown::Milliseconds,
            ours: Times {
                wall: 0.01,
                cpu: 1.0,
            },
            peer,
            others: &[],
        };
        // By the wall the peer takes a hundred times as long, by CPU as long as ours.
        report.compared(&compared(Some(Times {
            wall: 1.0,
            cpu: 1.0,
        })));
        assert!(report.all_met());
        report.compared(&compared(None));
        assert!(!report.all_met());
    }
}
