//! The rules of the chain, pure: a state and a block go in, changes come out.
//!
//! - [`check_block`] looks at everything that needs no state (form, roots, signatures, fees), on all cores.
//! - [`check_header`] looks at a header beside its parent.
//! - [`connect`] applies a checked block to a state: the only code that changes one. It gives the [`changes`](Connected::changes) and their [`Undo`], asks the tree ([`Commitment`]) for the root that they lead to, and refuses a block whose state root is another.
//! - [`assemble`] makes a block out of transactions by the same code; [`Draft`] tries single transactions for a mempool.
//! - [`price`] and [`limit`] are the arithmetic of specs/06 §7 and specs/08 §1.
//!
//! The state is whatever answers [`State`]: a store, or a map in a test. Nothing here reads a clock, a disk or a random source.

#![forbid(unsafe_code)]

mod account;
mod apply;
mod block;
mod difficulty;
mod draft;
mod due;
mod error;
mod fork;
mod header;
mod history;
pub mod limit;
mod names;
pub mod price;
mod protection;
mod transaction;
mod undo;

pub use account::spendable;
pub use apply::{Commitment, Connected, assemble, connect, tree_changes};
pub use block::{CheckedBlock, check_block};
pub use difficulty::{Anchor, asert, next_target};
pub use draft::{Changes, Draft, State};
pub use due::due_heights;
pub use error::{BlockRule, Invalid, TxFailure, TxInvalid, Unreadable};
pub use fork::{Choice, choose};
pub use header::{GenesisState, Link, check_header, genesis};
pub use history::Peaks;
pub use names::commitment;
pub use transaction::{check_transaction, is_protective};
pub use undo::{Undo, UndoEntry};

sapwood_primitives::boundary!(Link, Undo);
