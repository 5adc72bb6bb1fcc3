//! The token bucket of a withdrawal limit (specs/08 §1).

use sapwood_primitives::chain::Consensus;
use sapwood_primitives::leaf::Limit;
use sapwood_primitives::{Amount, Height};

/// How a spend counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spend {
    /// Against the limit.
    Counted,
    /// Not at all: rent of one's own name (specs/06 §5.3).
    ExemptRent,
    /// Against the bucket of exempt fees, or the limit when that is empty (specs/08 §1.4).
    ExemptFee,
}

/// More than the bucket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverLimit {
    /// Drops that it holds.
    pub available: Amount,
}

/// A new limit with full buckets.
pub fn new(rules: &Consensus, rate: Amount, delay_days: u8, height: Height) -> Limit {
    Limit {
        rate,
        delay_days,
        level: rate.drops() * rules.limit_day,
        exempt_level: rules.exempt_fees * rules.limit_day,
        last: height,
    }
}

/// Takes `amount` at `height`. A spend of nothing changes nothing.
///
/// # Errors
/// [`OverLimit`] if the bucket does not hold it; the limit is as it was.
pub fn spend(
    rules: &Consensus,
    limit: &mut Limit,
    amount: Amount,
    kind: Spend,
    height: Height,
) -> Result<(), OverLimit> {
    if amount == Amount::ZERO || kind == Spend::ExemptRent {
        return Ok(());
    }
    let mut now = limit.clone();
    settle(rules, &mut now, height);
    // Chain files keep supply × day below 2^64.
    let cost = amount.drops() * rules.limit_day;
    if kind == Spend::ExemptFee && cost <= now.exempt_level {
        now.exempt_level -= cost;
    } else if cost <= now.level {
        now.level -= cost;
    } else {
        return Err(OverLimit {
            available: available(rules, limit, height),
        });
    }
    *limit = now;
    Ok(())
}

/// Changes rate and delay at `height`; the levels are cut to the new cap (specs/08 §2).
pub fn change(rules: &Consensus, limit: &mut Limit, rate: Amount, delay_days: u8, height: Height) {
    settle(rules, limit, height);
    limit.rate = rate;
    limit.delay_days = delay_days;
    limit.level = limit.level.min(rate.drops() * rules.limit_day);
}

/// Drops that may be spent at `height`.
pub fn available(rules: &Consensus, limit: &Limit, height: Height) -> Amount {
    let mut now = limit.clone();
    settle(rules, &mut now, height);
    Amount::from_drops(now.level / rules.limit_day).expect("a full bucket holds one day's rate")
}

/// Brings both buckets to `height`.
fn settle(rules: &Consensus, limit: &mut Limit, height: Height) {
    let blocks = height.since(limit.last);
    limit.level = refill(limit.level, limit.rate.drops(), rules.limit_day, blocks);
    limit.exempt_level = refill(
        limit.exempt_level,
        rules.exempt_fees,
        rules.limit_day,
        blocks,
    );
    limit.last = height;
}

fn refill(level: u64, rate: u64, day: u64, blocks: u64) -> u64 {
    let cap = rate * day;
    let level = u128::from(level) + u128::from(rate) * u128::from(blocks);
    u64::try_from(level).map_or(cap, |level| level.min(cap))
}
