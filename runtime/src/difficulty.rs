//! The target of the next block: absolute ASERT, in integers (specs/03).

use primitive_types::{U256, U512};
use sapwood_primitives::Chain;
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::work::CompactTarget;

/// The block that all targets are counted from.
#[derive(Clone, Copy, Debug)]
pub struct Anchor {
    /// Its height; 0 for genesis.
    pub height: u64,
    /// Time of the block before it, seconds; may be fictitious.
    pub parent_time: i128,
    /// Its target.
    pub target: CompactTarget,
}

/// The target that a child of a block with this height and time must have on `chain` (specs/03 §1, §4).
pub fn next_target(chain: &Chain, parent_height: u64, parent_time: u64) -> CompactTarget {
    let rules = &chain.consensus;
    let Some(genesis) = chain.genesis.as_ref().filter(|_| rules.retarget) else {
        return rules.target_limit;
    };
    let anchor = Anchor {
        height: 0,
        parent_time: i128::from(genesis.time) - i128::from(rules.block_time),
        target: genesis.target.unwrap_or(rules.target_limit),
    };
    asert(rules, &anchor, parent_height, parent_time)
}

/// The aserti3-2d formula (specs/03 §2) with the spacing, half-life and limit of `rules`.
pub fn asert(rules: &Consensus, anchor: &Anchor, height: u64, time: u64) -> CompactTarget {
    let (spacing, half_life) = (i128::from(rules.block_time), i128::from(rules.half_life));
    let elapsed = i128::from(time) - anchor.parent_time;
    let due = spacing * (i128::from(height) - i128::from(anchor.height) + 1);
    // At most (2^65 + 2^97) · 2^16: chain files keep spacings below 2^32.
    let exponent = (elapsed - due) * 65_536 / half_life;
    let (shifts, frac) = (exponent >> 16, (exponent & 0xffff).unsigned_abs());
    // A cubic approximation of 2^frac, scaled by 65,536; the greatest term is below 2^80.
    let factor = 65_536
        + ((195_766_423_245_049 * frac
            + 971_821_376 * frac.pow(2)
            + 5_127 * frac.pow(3)
            + (1 << 47))
            >> 48);
    let limit = rules.target_limit.target();
    let scaled = U512::from(anchor.target.target()) * U512::from(factor);
    let target = shift(scaled, shifts - 16).map_or(limit, |target| target.min(limit));
    CompactTarget::from_target(target.max(U256::one())).expect("at least one")
}

/// `value × 2^by`, rounded down; none if it does not fit 256 bits.
fn shift(value: U512, by: i128) -> Option<U256> {
    let moved = match usize::try_from(by.unsigned_abs())
        .ok()
        .filter(|by| *by < 512)
    {
        None if by < 0 => U512::zero(),
        None => return None,
        Some(distance) if by < 0 => value >> distance,
        Some(distance) if value.bits() + distance > 256 => return None,
        Some(distance) => value << distance,
    };
    U256::try_from(moved).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    /// After a silence so long that the product loses bits at the top, the target is the easiest, not what is left of the bits.
    #[test]
    fn a_silence_of_any_length_leads_to_the_limit() {
        let rules = Chain::named("main").unwrap().consensus;
        let anchor = Anchor {
            height: 0,
            parent_time: 0,
            target: rules.target_limit,
        };
        for half_lives in (1..700).chain([1 << 20, 1 << 32]) {
            let time = rules.block_time + half_lives * rules.half_life;
            let target = asert(&rules, &anchor, 0, time);
            assert_eq!(target, rules.target_limit, "{half_lives} half-lives");
        }
    }
}
