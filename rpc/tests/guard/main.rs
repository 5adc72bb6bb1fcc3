//! Hostile and malformed requests against a real listener on the loopback address, written byte by byte.
//!
//! The tables follow the list of bad inputs of specs/09-rpc.md; the number in front of each row is that list's. After each
//! row an honest call must be served, so that no refusal leaves the server worse off.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod harness;
mod http;
mod json_rpc;
mod public;
