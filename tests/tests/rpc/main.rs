//! The RPC of a real node under bad, hostile and ordinary requests (specs/09).
//!
//! The node does not mine; its blocks are made here and handed in, so its state stands still and every test can say that nothing changed, or exactly what did. Row numbers in
//! the names of tests and tables are those of the project's list of bad inputs: 1–37 and 54 are about the transport (`wire`), 38–47 about parameters (`params`), 48–50 about
//! transactions (`transactions`), 52 and 53 about a node that is behind or whose disk failed (`faults`). `discover` checks the node's own document of all of it, `public` the
//! listener without a cookie. `states` has what good requests are answered, `proofs` those that
//! prove many leaves, begin at an anchor, or are about an earlier state.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod discover;
mod faults;
mod params;
mod proofs;
mod public;
mod schema;
mod states;
mod transactions;
mod wire;
mod world;
