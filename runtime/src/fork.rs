//! Which of two branches to follow (specs/02 §4.5, specs/chains `reorg_cap`).

use crate::header::Link;
use sapwood_primitives::chain::Consensus;

/// What to do about the tip of another branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Not heavier: the own branch was seen first.
    Stay,
    /// Heavier, and within the cap.
    Follow,
    /// Heavier, but following it would undo more own blocks than the cap: an operator decides.
    Park,
}

/// Chooses between the own tip and another one that forks `depth` own blocks below the tip.
pub fn choose(rules: &Consensus, tip: &Link, other: &Link, depth: u64) -> Choice {
    if other.work <= tip.work {
        Choice::Stay
    } else if depth <= rules.reorg_cap {
        Choice::Follow
    } else {
        Choice::Park
    }
}
