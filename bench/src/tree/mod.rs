//! The account tree with its store, beside databases that do the same: `bench tree`.

mod accounts;
mod arms;
mod base;
mod chunks;
mod durable;
mod memory;
mod node;
mod plot;
mod proofs;
mod scale;
mod share;
mod sizes;

use crate::Effort;
use crate::report::Report;

/// Accounts of the normal figures.
const ACCOUNTS: u64 = 1_000_000;

/// Accounts of those for which `--large` asks.
const LARGE: u64 = 10_000_000;

/// What is measured of the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    /// The figures with a million accounts.
    Normal,
    /// Those with ten million as well.
    Large,
    /// Nothing but how its cost grows, up to so many accounts.
    Scale(u64),
}

pub(crate) fn measure(extent: Extent, effort: &Effort, report: &mut Report) -> Result<(), String> {
    if let Extent::Scale(most) = extent {
        return scale::measure(most, effort, report);
    }
    sizes::memory(ACCOUNTS, "", report);
    chunks::measure(effort, report)?;
    let loaded = base::loaded(ACCOUNTS)?;
    durable::measure(&loaded, effort, report)?;
    proofs::measure(ACCOUNTS, effort, report)?;
    sizes::disk(&loaded, report)?;
    share::measure(effort, report)?;
    if let Extent::Large = extent {
        sizes::memory(LARGE, "_10m", report);
        let loaded = base::loaded(LARGE)?;
        durable::measure_large(&loaded, effort, report)?;
        node::measure(&loaded, effort, report)?;
    }
    Ok(())
}

/// Builds the store that the figures begin with.
///
/// # Errors
/// What could not be built.
pub(crate) fn build() -> Result<(), String> {
    base::loaded(ACCOUNTS).map(drop)
}
