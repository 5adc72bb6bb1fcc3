//! The store's file, and what is on the disk after a crash.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod file;
