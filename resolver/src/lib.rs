//! The DNS side of Sapwood: answers for names of the chain (specs/07).
//!
//! - [`zone`]: what is answered: the zone's settings and where names come from ([`NameSource`]);
//! - [`mod@answer`]: one query's bytes in, one answer's bytes out, without sockets or clock;
//! - [`server`]: UDP and TCP around it;
//! - [`remote`]: names from a node whose answers are checked: a header chain of its own and a proof for every name.
//!
//! `records`, `lookup`, `private`, `query` and `message` are the steps of an answer. Questions outside the suffix are refused; nothing is forwarded.

pub mod answer;
mod lookup;
mod message;
pub mod private;
mod query;
mod rates;
mod records;
pub mod remote;
pub mod server;
pub mod zone;

pub use answer::{Transport, answer};
pub use rates::RateLimit;
pub use remote::{NodeApi, RemoteResolver};
pub use server::{Listener, Local, Respond, bind};
pub use zone::{Found, NameSource, Unavailable, ZoneConfig};
