//! The chain: one writer that owns store and mempool, and cheap snapshots for everybody else.
//!
//! - [`Ledger`] is the writer as a plain value: it takes blocks, chooses the branch, and keeps store and tip in step. Its inputs are calls with the time as an argument.
//! - [`Service`] runs a ledger and a mempool on a thread named `chain`; [`Handle`] sends it commands and reads [`Snapshot`]s without waiting for it.
//!
//! Whether a block is valid is the runtime's word; here it is decided which valid branch is followed (specs/02 §4.5, `reorg_cap` in specs/chains), what happens when
//! storage fails (nothing is written any more, reading goes on), and what others see.

mod branches;
mod error;
mod invalid;
mod ledger;
mod progress;
mod service;
mod snapshot;
#[cfg(test)]
pub(crate) mod tests;

pub use branches::max_side_blocks;
pub use error::{BlockRefused, OpenChain, TemplateRefused, TransactionRefused, Unavailable};
pub use ledger::{Change, Ledger, Outcome};
pub use service::{Clock, Handle, Service, Stopped};
pub use snapshot::{At, Moment, Parked, Snapshot};
