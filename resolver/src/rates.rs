//! How often one source is answered over UDP (response rate limiting, as BIND, Knot and NSD do it).
//!
//! A forged sender makes a DNS server flood somebody else. So each network of senders has a budget; beyond it every second query is told to come back over TCP, which a
//! forger cannot, and the others get nothing. An honest client in the same network is thus answered later, not never. TCP needs no such budget: its sender is proven.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Budgets kept. More networks than that share some, which limits them sooner and never takes more memory: 64 KiB.
const BUCKETS: usize = 4096;

/// One of so many limited queries is answered with TC, the others are dropped.
const SLIP: u8 = 2;

/// How often a network is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Answers a second in the long run, 1 to 1,000,000.
    pub per_second: u32,
    /// Answers at once after a pause.
    pub burst: u32,
}

impl RateLimit {
    /// For other computers: many times what the people behind one address ask for.
    pub const OTHERS: Self = Self {
        per_second: 100,
        burst: 400,
    };
    /// For this computer, whose senders cannot be forged from outside: enough for every program on it, and a bound still.
    pub const LOOPBACK: Self = Self {
        per_second: 5_000,
        burst: 10_000,
    };

    fn interval(self) -> u64 {
        1_000_000_000 / u64::from(self.per_second.max(1))
    }
}

/// What to do with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Within the budget.
    Answer,
    /// Beyond it: say only that TCP would do.
    Truncate,
    /// Beyond it: say nothing.
    Drop,
}

/// The budget of a network (a "generic cell rate": one number is the whole state).
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// When the budget will be full again, in nanoseconds of the limiter's clock.
    full_at: u64,
    limited: u8,
}

/// The budgets of all networks.
#[derive(Debug)]
pub(crate) struct Rates {
    buckets: Mutex<Box<[Bucket]>>,
    /// Keyed at random, so that nobody can choose whose budget to share.
    hasher: RandomState,
    others: RateLimit,
    loopback: RateLimit,
}

impl Rates {
    pub(crate) fn new(others: RateLimit, loopback: RateLimit) -> Self {
        Self {
            buckets: Mutex::new(vec![Bucket::default(); BUCKETS].into()),
            hasher: RandomState::new(),
            others,
            loopback,
        }
    }

    /// Judges a query that came at `now`, a time since any fixed moment, and charges the sender's network for an answer.
    pub(crate) fn judge(&self, sender: IpAddr, now: Duration) -> Verdict {
        let sender = sender.to_canonical();
        let limit = if sender.is_loopback() {
            self.loopback
        } else {
            self.others
        };
        let index = self.hasher.hash_one(network(sender)) % BUCKETS as u64;
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = &mut buckets[usize::try_from(index).expect("below the number of buckets")];
        let full_at = bucket.full_at.max(now).saturating_add(limit.interval());
        if full_at - now <= limit.interval().saturating_mul(limit.burst.into()) {
            bucket.full_at = full_at;
            return Verdict::Answer;
        }
        bucket.limited = (bucket.limited + 1) % SLIP;
        if bucket.limited == 0 {
            Verdict::Truncate
        } else {
            Verdict::Drop
        }
    }
}

/// The network that a sender is counted with: a /24, or the /56 that a household gets.
pub(crate) fn network(sender: IpAddr) -> IpAddr {
    match sender {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & !0xff).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 72 << 72).into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const LIMIT: RateLimit = RateLimit {
        per_second: 10,
        burst: 3,
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn rates() -> Rates {
        let loopback = RateLimit {
            per_second: 1_000,
            burst: 50,
        };
        Rates::new(LIMIT, loopback)
    }

    fn answered(rates: &Rates, sender: &str, tries: usize, now: Duration) -> usize {
        let verdicts = (0..tries).map(|_| rates.judge(ip(sender), now));
        verdicts.filter(|v| *v == Verdict::Answer).count()
    }

    #[test]
    fn a_burst_passes_then_the_rate_does_and_a_pause_fills_the_budget() {
        let rates = rates();
        let at = Duration::from_millis;
        assert_eq!(answered(&rates, "8.8.8.8", 100, at(0)), 3);
        assert_eq!(answered(&rates, "8.8.8.8", 100, at(99)), 0);
        assert_eq!(answered(&rates, "8.8.8.8", 100, at(100)), 1);
        assert_eq!(answered(&rates, "8.8.8.8", 100, at(300)), 2);
        assert_eq!(answered(&rates, "8.8.8.8", 100, at(60_000)), 3);
    }

    #[test]
    fn every_second_query_beyond_the_budget_is_truncated() {
        let rates = rates();
        let now = Duration::from_secs(1);
        let verdicts: Vec<_> = (0..7).map(|_| rates.judge(ip("2a00::1"), now)).collect();
        let (answer, slip, drop) = (Verdict::Answer, Verdict::Truncate, Verdict::Drop);
        assert_eq!(verdicts, [answer, answer, answer, drop, slip, drop, slip]);
    }

    #[test]
    fn a_network_has_one_budget_and_this_computer_a_larger_one() {
        let rates = rates();
        let now = Duration::from_secs(1);
        assert_eq!(answered(&rates, "8.8.8.8", 2, now), 2);
        assert_eq!(answered(&rates, "8.8.8.200", 9, now), 1);
        assert_eq!(answered(&rates, "::ffff:8.8.8.1", 9, now), 0);
        assert_eq!(answered(&rates, "127.0.0.1", 100, now), 50);
        assert_eq!(network(ip("2001:db8:1:2ff::9")), ip("2001:db8:1:200::"));
        assert_eq!(network(ip("192.0.2.77")), ip("192.0.2.0"));
    }

    /// Neither many networks nor a clock at its end do harm.
    #[test]
    fn what_is_kept_does_not_grow() {
        let rates = rates();
        for n in 0..100_000u32 {
            rates.judge(IpAddr::V4((n << 8).into()), Duration::from_secs(n.into()));
        }
        assert_eq!(rates.buckets.lock().unwrap().len(), BUCKETS);
        assert!(size_of::<Bucket>() * BUCKETS <= 64 << 10);
        rates.judge(ip("9.9.9.9"), Duration::MAX);
        rates.judge(ip("9.9.9.9"), Duration::MAX);
    }
}
