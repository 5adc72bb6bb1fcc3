//! The nonce search: finds the nonce with which a header's double SHA-256 meets its target (specs/02 §1–§2).
//!
//! - [`Job`] is a header prepared for the search; all but its last 32 bytes are hashed once.
//! - [`search`] tries a range of nonces on the calling thread.
//! - [`mine`] shares a range among threads and gives the first nonce that any of them finds.
//!
//! What goes into the header, when it is too old to be worth searching, and what to do with the nonce is the caller's.
//! Both functions look at a flag every few thousand hashes, so a search ends within milliseconds of being told to.

#![forbid(unsafe_code)]

mod job;
mod search;
mod threads;

pub use job::Job;
pub use search::search;
pub use threads::mine;
