//! Stores that are not as they were written: each file of a store with wrong bytes, too few or too many, gone, of another kind, of another chain or time.
//!
//! A node refuses such a store with exit code 4, names the file, and leaves all files as they are; or it serves exactly the state that was stored, with the same proofs.
//! Where a cache spares it the reading of all rows, it says which file is damaged when somebody asks for a row that it cannot read.
//!
//! `DAMAGE_CASES` sets the number of random cases and `DAMAGE_SEED` their choice; both are printed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bytes;
mod fixture;
mod kinds;
mod others;
mod tail;
