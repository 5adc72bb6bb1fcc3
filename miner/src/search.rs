//! [`search`]: one thread over a range of nonces, and the loop that makes it fast.
//!
//! A nonce costs two compressions: the header's last block from the midstate, then the one block of the second SHA-256. They depend on each other, and a compression is a chain of
//! dependent steps that leaves most of a processor idle. So [`Lanes`] takes many nonces at a time and does each step for all of them before the next, back to back; the processor
//! overlaps neighbouring compressions by itself. `compress256` picks the SHA instructions where there are any.

use crate::job::{BLOCK, INITIAL, Job, NONCE_IN_BLOCK, State, padded};
use sha2::block_api::compress256;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};

/// Nonces in one inner step. Fewer leave the processor with too little to overlap at each pass's ends; more gain nothing. The working set is 4 KiB.
const LANES: usize = 24;

/// Inner steps between two looks at the stop flag: 3072 hashes, about two milliseconds even without SHA instructions.
const STEPS_BETWEEN_LOOKS: u64 = 128;

/// Tries the nonces in order and gives the first that solves the job, or none if there is none in the range or `stop` became true.
///
/// The flag is looked at before the first hash and then every few thousand.
pub fn search(job: &Job, nonces: RangeInclusive<u64>, stop: &AtomicBool) -> Option<u64> {
    search_until(job, nonces, || stop.load(Ordering::Relaxed))
}

/// As [`search`], ended by any condition.
pub(crate) fn search_until(
    job: &Job,
    nonces: RangeInclusive<u64>,
    stopped: impl Fn() -> bool,
) -> Option<u64> {
    let (mut next, last) = nonces.into_inner();
    let mut lanes = Lanes::new(job);
    while next <= last && !stopped() {
        for _ in 0..STEPS_BETWEEN_LOOKS {
            // Without overflow at the end of all nonces: `left` is one less than there are.
            let left = last - next;
            if left < LANES as u64 {
                return (next..=last).find(|&nonce| job.is_solved_by(nonce));
            }
            if let Some(nonce) = lanes.step(job, next) {
                return Some(nonce);
            }
            next += LANES as u64;
        }
    }
    None
}

/// The working set of one inner step.
struct Lanes {
    /// The header's last block, once a nonce.
    first: [[u8; BLOCK]; LANES],
    /// The block of the second SHA-256, padded; its first half is the first one's result.
    second: [[u8; BLOCK]; LANES],
    states: [State; LANES],
}

impl Lanes {
    fn new(job: &Job) -> Self {
        Self {
            first: [job.last_block; LANES],
            second: [padded(size_of::<State>(), size_of::<State>()); LANES],
            states: [INITIAL; LANES],
        }
    }

    /// Tries `LANES` nonces from `start` on.
    fn step(&mut self, job: &Job, start: u64) -> Option<u64> {
        self.hash(job, start);
        let mut candidates = self.states.iter().zip(start..);
        candidates.find_map(|(state, nonce)| {
            (state[0] <= job.top && job.is_solved_by(nonce)).then_some(nonce)
        })
    }

    /// Fills `states` with the double SHA-256 of the header with the nonces from `start` on.
    ///
    /// Each pass runs over all lanes before the next begins. Merging two of them looks equivalent and costs a fifth of the speed: the bytes between two compressions then push the next
    /// one out of the window that the processor looks ahead.
    fn hash(&mut self, job: &Job, start: u64) {
        for (block, nonce) in self.first.iter_mut().zip(start..) {
            block[NONCE_IN_BLOCK..][..8].copy_from_slice(&nonce.to_le_bytes());
        }
        compress_each(&mut self.states, job.midstate, &self.first);
        for (block, state) in self.second.iter_mut().zip(&self.states) {
            write_big_endian(state, block);
        }
        compress_each(&mut self.states, INITIAL, &self.second);
    }
}

/// One compression a lane, all from the same state.
fn compress_each(states: &mut [State; LANES], from: State, blocks: &[[u8; BLOCK]; LANES]) {
    states.fill(from);
    for (state, block) in states.iter_mut().zip(blocks) {
        compress256(state, std::slice::from_ref(block));
    }
}

/// Writes a state as the digest that it stands for. Two words at a time, joined in this order, take one load, one rotation, one swap and one store.
fn write_big_endian(state: &State, block: &mut [u8; BLOCK]) {
    let digest = block[..size_of::<State>()].as_chunks_mut::<8>().0;
    for (bytes, [first, second]) in digest.iter_mut().zip(state.as_chunks().0) {
        let pair = u64::from(*second) << 32 | u64::from(*first);
        *bytes = pair.rotate_left(32).to_be_bytes();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use proptest::prelude::*;
    use sapwood_primitives::work::CompactTarget;
    use sapwood_primitives::{BlockId, Hash, Header, Height};

    static RUN: AtomicBool = AtomicBool::new(false);

    fn header(seed: u8, target: u32) -> Header {
        Header {
            version: 1,
            parent: BlockId([seed; 32]),
            tx_root: Hash([2; 32]),
            state_root: Hash([3; 32]),
            history_root: Hash([4; 32]),
            time: 1_767_225_600,
            target,
            height: Height::new(7),
            nonce: 0,
        }
    }

    /// What the rules say, without anything of this crate.
    fn meets(header: &Header, nonce: u64) -> bool {
        let id = Header {
            nonce,
            ..header.clone()
        }
        .id();
        CompactTarget::from_bits(header.target)
            .unwrap()
            .is_met_by(&id)
    }

    fn first_by_trying(header: &Header, mut nonces: RangeInclusive<u64>) -> Option<u64> {
        nonces.find(|&nonce| meets(header, nonce))
    }

    #[test]
    fn finds_the_first_nonce_of_the_range_at_targets_easy_and_hard() {
        for (seed, target) in (0..).zip([0x207f_ffff, 0x200f_ffff, 0x2000_ffff, 0x1f0f_ffff]) {
            let header = header(seed, target);
            let job = Job::new(&header).unwrap();
            for range in [0..=200_000, 5..=200_000, 123_456..=400_000] {
                let found = search(&job, range.clone(), &RUN).unwrap();
                assert_eq!(Some(found), first_by_trying(&header, range));
            }
        }
    }

    #[test]
    fn ranges_of_every_length_around_a_step_are_tried_to_their_last_nonce_and_no_further() {
        let header = header(9, 0x2000_ffff);
        let job = Job::new(&header).unwrap();
        let solution = first_by_trying(&header, 0..=u64::MAX).unwrap();
        assert!(solution > 60, "room for the ranges below");
        for length in 1..=60 {
            let start = solution + 1 - length;
            assert_eq!(search(&job, start..=solution, &RUN), Some(solution));
            assert_eq!(search(&job, start - 1..=solution - 1, &RUN), None);
        }
    }

    #[test]
    fn the_last_nonces_of_all_are_tried_without_going_round() {
        for seed in 0..8 {
            let header = header(seed, 0x201f_ffff);
            let job = Job::new(&header).unwrap();
            for range in [u64::MAX - 40..=u64::MAX, u64::MAX..=u64::MAX] {
                let expected = first_by_trying(&header, range.clone());
                assert_eq!(search(&job, range, &RUN), expected);
            }
        }
    }

    #[test]
    #[allow(clippy::reversed_empty_ranges, reason = "the case under test")]
    fn an_empty_range_holds_nothing() {
        let job = Job::new(&header(1, 0x207f_ffff)).unwrap();
        assert_eq!(search(&job, 10..=9, &RUN), None);
    }

    #[test]
    fn a_target_that_no_hash_meets_exhausts_its_range() {
        let job = Job::new(&header(1, 0x0101_0000)).unwrap();
        assert_eq!(search(&job, 0..=20_000, &RUN), None);
    }

    #[test]
    fn a_set_flag_stops_before_the_first_hash() {
        let job = Job::new(&header(1, 0x207f_ffff)).unwrap();
        assert_eq!(search(&job, 0..=u64::MAX, &AtomicBool::new(true)), None);
    }

    #[test]
    fn a_stop_is_seen_while_hashes_run() {
        let looks = std::cell::Cell::new(0);
        let job = Job::new(&header(1, 0x0101_0000)).unwrap();
        let stopped = || looks.replace(looks.get() + 1) == 3;
        assert_eq!(search_until(&job, 0..=u64::MAX, stopped), None);
        assert_eq!(looks.get(), 4);
    }

    #[test]
    fn a_header_without_a_canonical_target_is_no_job() {
        for bits in [0, 0x2180_0000, 0xff00_ffff, 0x2000_0001] {
            assert_eq!(Job::new(&header(1, bits)).unwrap_err().0, bits);
        }
    }

    proptest! {
        #[test]
        fn all_lanes_hold_the_double_hash_of_their_header(bytes: [[u8; 32]; 4], time: u64, height: u64, start in 0..u64::MAX - LANES as u64) {
            let header = Header {
                version: u32::from(bytes[0][0]),
                parent: BlockId(bytes[0]),
                tx_root: Hash(bytes[1]),
                state_root: Hash(bytes[2]),
                history_root: Hash(bytes[3]),
                time,
                target: 0x1e00_ffff,
                height: Height::new(height),
                nonce: 99,
            };
            let job = Job::new(&header).unwrap();
            let mut lanes = Lanes::new(&job);
            lanes.hash(&job, start);
            for (state, nonce) in lanes.states.iter().zip(start..) {
                let id = Header { nonce, ..header.clone() }.id();
                let digest = state.map(u32::to_be_bytes);
                prop_assert_eq!(digest.as_flattened(), &id.0);
                prop_assert_eq!(job.id(nonce), id);
            }
        }

        #[test]
        fn nothing_is_found_that_does_not_meet_the_target(seed: u8, easiness in 1_u32..0x7fff, start: u64) {
            let header = header(seed, 0x2000_0000 | easiness << 8);
            prop_assume!(Job::new(&header).is_ok());
            let job = Job::new(&header).unwrap();
            let range = start..=start.saturating_add(500);
            let found = search(&job, range.clone(), &RUN);
            prop_assert_eq!(found, first_by_trying(&header, range));
        }
    }
}
