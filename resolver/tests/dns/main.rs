//! The resolver from outside: bytes to bytes, over sockets, and as the client of a node that may lie.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod malformed;
mod mutations;
mod node;
mod remote;
mod sockets;
mod world;
mod zone;
