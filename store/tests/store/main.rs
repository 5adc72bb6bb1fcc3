//! The store from outside: histories against a replica of the chain, files that are not as they should be, disks that fail, readers beside the writer, and snapshots.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cache;
mod crash;
mod files;
mod history;
mod node;
mod readers;
mod replica;
mod snapshot;
mod world;
