//! What a name costs (specs/06 §7). Prices are u128 until they are compared with what somebody is ready to pay.

use sapwood_primitives::chain::Consensus;
use sapwood_primitives::leaf::NameLeaf;
use sapwood_primitives::{Amount, Height, Name};

/// Bits of the fraction in `rent_base`.
const FRACTION_BITS: u32 = 32;

/// Rent of `name` for a year, in drops.
pub fn rent(rent_base: u128, name: &Name) -> u128 {
    let multiplier: u128 = match name.as_str().len() {
        1 => 4096,
        2 => 1024,
        3 => 128,
        4 => 32,
        _ => 1,
    };
    // rent_base is held below supply · 2^32 < 2^85, so this stays far below 2^128.
    ((rent_base * multiplier) >> FRACTION_BITS).max(1)
}

/// What a released name costs on top at `height`, given its rent; 0 with an owner, and once the premium is over (specs/06 §7.2).
pub fn premium(rules: &Consensus, leaf: &NameLeaf, rent: u128, height: Height) -> u128 {
    if leaf.owner.is_some() || leaf.phase(height, rules).is_none() {
        return 0;
    }
    let halvings = height.since(leaf.paid_until) / rules.premium_step;
    let halvings = u32::try_from(halvings).unwrap_or(u32::MAX);
    (rent << rules.premium_steps)
        .checked_shr(halvings)
        .unwrap_or(0)
}

/// What a year of renewal costs: never more than twice what the name last paid (specs/06 §5.2).
pub fn renewal(rent: u128, leaf: &NameLeaf) -> u128 {
    rent.min(2 * u128::from(leaf.last_price.drops()))
}

/// The rent base after a block with this many registrations (specs/06 §7.3).
pub fn next_rent_base(
    rules: &Consensus,
    rent_base: u128,
    registrations: u64,
    live_names: u64,
) -> u128 {
    let target = rules.target_registrations.max(live_names / 200);
    let fallen = rent_base - rent_base / u128::from(rules.rent_fall);
    let risen = fallen + 2 * u128::from(registrations) * fallen / (17 * u128::from(target));
    let floor = u128::from(rules.rent_floor) << FRACTION_BITS;
    let ceiling = u128::from(Amount::SUPPLY.drops()) << FRACTION_BITS;
    risen.clamp(floor, ceiling)
}
