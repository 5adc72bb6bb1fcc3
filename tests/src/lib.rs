//! What the system tests share. They start the real `sapwood` program, talk to it as its users do, and look at what it leaves on the disk.
//!
//! - [`Home`] is an empty home directory in which commands run; it starts [`Server`]s.
//! - [`chain`] makes keys, transactions and whole branches without a node, to be handed in over the RPC.
//! - [`StoreFiles`] are the files of a store, to be copied, damaged and compared.
//! - [`Numbers`] look random and are the same everywhere.
//! - [`http_get`] asks a web server.
//! - [`dns_query`] asks a DNS server one question over UDP.
//!
//! Each test file under `tests/` has one subject. Nothing here knows a rule of the chain; what is expected stands in the tests.

#![forbid(unsafe_code)]
#![allow(
    clippy::missing_panics_doc,
    reason = "a test helper fails its test by panicking; that is its only way to report"
)]

pub mod chain;
mod dns;
mod files;
mod home;
mod http;
mod numbers;
mod program;
mod server;

pub use dns::{DnsAnswer, dns_query};
pub use files::{StoreFile, StoreFiles};
pub use home::{Home, Ran};
pub use http::{http_exchange, http_get};
pub use numbers::{Numbers, from_environment};
pub use server::{RpcFailure, Server, Starting};

/// How long a step may take before a test calls it stuck, in seconds. It is far above what any step needs on a busy machine, so no test passes or fails by its speed.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
