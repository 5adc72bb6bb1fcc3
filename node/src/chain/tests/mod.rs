//! The ledger and its thread against an independent replica of the chain.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fork;
pub(crate) mod kit;
mod service;
mod storage;
