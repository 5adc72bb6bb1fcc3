//! The full node: the one writer of the chain, what waits for a block, and the services around them.

pub mod api;
pub mod chain;
pub mod exports;
pub mod health;
pub mod mempool;
pub mod metrics;
pub mod mining;
pub mod monitor;
pub mod names;
pub mod page;
pub mod places;
pub mod running;
pub mod sockets;
pub mod supervisor;
mod web;
