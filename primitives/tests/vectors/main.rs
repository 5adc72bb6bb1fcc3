//! The crate against specs/vectors: what the reference model writes from the text of the rules, and what others published.
//!
//! Values are built from the fields of a case through the public constructors and compared with its bytes, so that two fields that change places are noticed.
//! History roots, tree hashes, prices and limits are in the vectors too; the crates that compute them check those.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod actions;
mod hashes;
mod headers;
mod leaves;
mod names;
mod signatures;
mod transactions;
