//! The Merkle mountain range over all earlier headers (specs/02 §5).

use parity_scale_codec::{Decode, Encode, Error, Input};
use sapwood_primitives::codec::{Bounded, Item};
use sapwood_primitives::hash::tag;
use sapwood_primitives::work::Work;
use sapwood_primitives::{BlockId, Hash};

/// Peaks of a range over at most 2⁶⁴ leaves.
const MAX_PEAKS: usize = 64;

/// The peaks of the range, tallest first: all that is needed to add a leaf and to give the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct Peaks {
    leaves: u64,
    peaks: Bounded<Peak, MAX_PEAKS>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
struct Peak {
    hash: Hash,
    work: Work,
}

impl Item for Peak {
    /// A hash and a work.
    const MIN_BYTES: usize = 32 + 32;
}

impl Peaks {
    /// Adds the header after the last one.
    pub fn push(&mut self, id: &BlockId, work: Work) {
        let mut peaks = std::mem::take(&mut self.peaks).into_inner();
        let mut node = Peak {
            hash: Hash(id.0),
            work,
        };
        // As in a binary counter, each trailing one of the count is a peak of the size just made.
        for _ in 0..self.leaves.trailing_ones() {
            node = join(
                &peaks.pop().expect("one peak for each bit of the count"),
                &node,
            );
        }
        peaks.push(node);
        self.leaves += 1;
        self.peaks = Bounded::new(peaks).expect("a count of 64 bits has at most 64 peaks");
    }

    /// The root over all headers added.
    pub fn root(&self) -> Hash {
        let joined = self
            .peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| join(&left, &right));
        joined.map_or(Hash::default(), |peak| peak.hash)
    }
}

impl Decode for Peaks {
    /// A range has one peak for each bit of its count, and room for one leaf more; anything else would break the next push.
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let leaves = u64::decode(input)?;
        let peaks: Bounded<Peak, MAX_PEAKS> = Decode::decode(input)?;
        if leaves == u64::MAX || peaks.len() != leaves.count_ones() as usize {
            return Err("the peaks do not fit the number of leaves".into());
        }
        Ok(Self { leaves, peaks })
    }
}

fn join(left: &Peak, right: &Peak) -> Peak {
    let works = [left.work.to_le_bytes(), right.work.to_le_bytes()];
    Peak {
        hash: Hash(tag::HISTORY.hash(&[&left.hash.0, &right.hash.0, &works[0], &works[1]])),
        work: left.work.plus(right.work),
    }
}
