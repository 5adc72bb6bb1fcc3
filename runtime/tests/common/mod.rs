//! What the tests of the rules share: people with keys, a state in memory, a chain on top of it, and a naive model to compare with.

#![allow(dead_code, reason = "each test file uses another part of it")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod action;
mod ledger;
mod model;
mod people;
mod state;

#[allow(unused_imports, reason = "each test file uses another part of it")]
pub(crate) use {
    action::*,
    ledger::{Ledger, RENT_BASE},
    model::Model,
    people::{Person, person},
    state::MemoryState,
};

/// Drops of so many sap.
pub(crate) const fn sap(n: u64) -> u64 {
    n * 100_000_000
}
