//! The JSON-RPC of a Sapwood node.

pub mod client;
pub mod errors;
pub mod openrpc;
pub mod records;
pub mod server;
pub mod types;
