//! [`mine`]: a range of nonces shared among threads.

use crate::job::Job;
use crate::search::search_until;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Searches a range on `threads` threads, each over its own share, and gives the nonce that is found first; none if the range holds none or `stop` became true.
///
/// All threads have ended when this returns. With one thread the caller's own is used, and the nonce is the lowest there is.
pub fn mine(
    job: &Job,
    nonces: RangeInclusive<u64>,
    threads: NonZeroUsize,
    stop: &AtomicBool,
) -> Option<u64> {
    let found = OnceLock::new();
    let stopped = || stop.load(Ordering::Relaxed) || found.get().is_some();
    let run = |share| {
        if let Some(nonce) = search_until(job, share, stopped) {
            // Another thread may have been quicker; one nonce is enough.
            let _ = found.set(nonce);
        }
    };
    thread::scope(|scope| {
        let mut shares = shares(nonces, threads);
        let own = shares.next();
        for share in shares {
            scope.spawn(|| run(share));
        }
        own.into_iter().for_each(run);
    });
    found.into_inner()
}

/// Cuts a range into at most `count` neighbouring parts, none empty, of lengths that differ by at most one.
fn shares(
    nonces: RangeInclusive<u64>,
    count: NonZeroUsize,
) -> impl Iterator<Item = RangeInclusive<u64>> {
    let (first, last) = nonces.into_inner();
    // There may be 2⁶⁴ nonces, one more than fit in their type.
    let total = (u128::from(last) + 1).saturating_sub(u128::from(first));
    let count = count.get() as u128;
    let start = move |part: u128| {
        let offset = total / count * part + (total % count).min(part);
        u128::from(first) + offset
    };
    (0..count.min(total)).map(move |part| {
        let nonce = |n: u128| u64::try_from(n).expect("not beyond the range's last");
        nonce(start(part))..=nonce(start(part + 1) - 1)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use sapwood_primitives::{BlockId, Hash, Header, Height};

    static RUN: AtomicBool = AtomicBool::new(false);

    fn job(seed: u8, target: u32) -> Job {
        Job::new(&Header {
            version: 1,
            parent: BlockId([seed; 32]),
            tx_root: Hash([2; 32]),
            state_root: Hash([3; 32]),
            history_root: Hash([4; 32]),
            time: 1_767_225_600,
            target,
            height: Height::new(7),
            nonce: 0,
        })
        .unwrap()
    }

    fn threads(n: usize) -> NonZeroUsize {
        NonZeroUsize::new(n).unwrap()
    }

    #[test]
    fn shares_cover_the_range_once_in_order() {
        let ranges = [0..=0, 0..=1, 5..=104, 0..=u64::MAX, 1..=u64::MAX];
        for range in ranges.into_iter().chain([u64::MAX..=u64::MAX]) {
            for count in [1, 2, 3, 7, 64] {
                let parts: Vec<_> = shares(range.clone(), threads(count)).collect();
                assert_eq!(parts[0].start(), range.start());
                assert_eq!(parts.last().unwrap().end(), range.end());
                assert!(parts.len() <= count);
                assert!(parts.iter().all(|part| !part.is_empty()));
                for pair in parts.windows(2) {
                    assert_eq!(*pair[0].end() + 1, *pair[1].start());
                }
                let lengths = parts.iter().map(|part| part.end() - part.start());
                assert!(lengths.clone().max().unwrap() - lengths.min().unwrap() <= 1);
            }
        }
    }

    #[test]
    #[allow(clippy::reversed_empty_ranges, reason = "the case under test")]
    fn an_empty_range_has_no_shares() {
        assert_eq!(shares(4..=3, threads(3)).count(), 0);
        assert_eq!(mine(&job(1, 0x207f_ffff), 4..=3, threads(3), &RUN), None);
    }

    #[test]
    fn what_several_threads_find_is_valid_and_in_the_range() {
        for seed in 0..10 {
            for count in [1, 2, 3, 8] {
                let job = job(seed, 0x1f0f_ffff);
                let range = 1_000_000..=u64::MAX;
                let nonce = mine(&job, range.clone(), threads(count), &RUN).unwrap();
                assert!(range.contains(&nonce) && job.is_solved_by(nonce));
            }
        }
    }

    #[test]
    fn a_single_solution_is_found_in_whichever_share_it_lies() {
        let job = job(3, 0x2000_ffff);
        let solution = (0..).find(|&nonce| job.is_solved_by(nonce)).unwrap();
        for before in [0, solution / 2, solution] {
            let range = solution - before..=solution;
            assert_eq!(mine(&job, range, threads(4), &RUN), Some(solution));
        }
        assert_eq!(mine(&job, 0..=solution - 1, threads(4), &RUN), None);
    }

    #[test]
    fn more_threads_than_nonces_do_no_harm() {
        let job = job(3, 0x207f_ffff);
        let expected = (0..=2).find(|&nonce| job.is_solved_by(nonce));
        assert_eq!(
            mine(&job, 0..=2, threads(32), &RUN).is_some(),
            expected.is_some()
        );
    }

    #[test]
    fn a_hopeless_search_ends_when_told_to() {
        let (job, stop) = (job(1, 0x0101_0000), AtomicBool::new(false));
        thread::scope(|scope| {
            let miner = scope.spawn(|| mine(&job, 0..=u64::MAX, threads(3), &stop));
            stop.store(true, Ordering::Relaxed);
            assert_eq!(miner.join().unwrap(), None);
        });
    }
}
