//! Clocks, and rounds in which two sides take turns.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::ops::Add;
use std::time::{Duration, Instant};

/// What a piece of work took: seconds of the wall clock, and of all of the process's threads together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

impl Times {
    /// No time at all.
    pub(crate) const ZERO: Self = Self {
        wall: 0.0,
        cpu: 0.0,
    };
}

impl Add for Times {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            cpu: self.cpu + other.cpu,
        }
    }
}

/// Runs `work` once.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Times) {
    let (wall, cpu) = (Instant::now(), cpu_time());
    let result = work();
    let times = Times {
        wall: wall.elapsed().as_secs_f64(),
        cpu: (cpu_time() - cpu).as_secs_f64(),
    };
    (result, times)
}

fn cpu_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(tv_sec).expect("a process's CPU time is not negative");
    let nanos = u32::try_from(tv_nsec).expect("nanoseconds are below a second");
    Duration::new(seconds, nanos)
}

/// Medians of both sides.
pub(crate) struct Pair {
    pub(crate) ours: Times,
    pub(crate) peer: Times,
}

impl Pair {
    /// The peer's CPU time by ours: above 1 we need less.
    pub(crate) fn by_cpu(&self) -> f64 {
        self.peer.cpu / self.ours.cpu
    }

    /// The same by the wall clock, which also shows threads that wait, and whatever else the machine does.
    pub(crate) fn by_wall(&self) -> f64 {
        self.peer.wall / self.ours.wall
    }
}

/// Measures both sides `rounds` times. Who goes first changes from round to round; one round before them warms caches and clock and does not count.
pub(crate) fn in_turns(
    rounds: usize,
    mut ours: impl FnMut() -> Times,
    mut peer: impl FnMut() -> Times,
) -> Pair {
    let (mut our_times, mut peer_times) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (a, b) = if round % 2 == 0 {
            let a = ours();
            (a, peer())
        } else {
            let b = peer();
            (ours(), b)
        };
        if round > 0 {
            our_times.push(a);
            peer_times.push(b);
        }
    }
    Pair {
        ours: median_times(&our_times),
        peer: median_times(&peer_times),
    }
}

/// The medians of both clocks.
pub(crate) fn median_times(times: &[Times]) -> Times {
    Times {
        wall: median(times.iter().map(|t| t.wall).collect()),
        cpu: median(times.iter().map(|t| t.cpu).collect()),
    }
}

/// The middle value; of an even number, the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_any_order() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(vec![9.0, 1.0, 5.0, 7.0]), 6.0);
        assert_eq!(median(vec![2.0]), 2.0);
    }

    #[test]
    fn a_ratio_above_one_says_that_we_need_less() {
        let ours = Times {
            wall: 2.0,
            cpu: 4.0,
        };
        let peer = Times {
            wall: 3.0,
            cpu: 2.0,
        };
        let pair = Pair { ours, peer };
        assert_eq!((pair.by_cpu(), pair.by_wall()), (0.5, 1.5));
    }

    #[test]
    fn every_round_measures_both_sides_and_the_first_does_not_count() {
        let mut calls = 0.0;
        let ours = || {
            calls += 1.0;
            Times {
                wall: calls,
                cpu: 10.0 * calls,
            }
        };
        let peer = || Times {
            wall: 1.0,
            cpu: 1.0,
        };
        let pair = in_turns(3, ours, peer);
        assert_eq!((pair.ours.wall, pair.ours.cpu), (3.0, 30.0));
        assert_eq!(pair.peer.wall, 1.0);
        assert_eq!(calls, 4.0);
    }
}
