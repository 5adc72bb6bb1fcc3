//! The block log against a model: histories, power cuts, failing disks, damage.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod cuts;
mod damage;
mod failing;
mod histories;
