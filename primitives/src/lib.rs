//! The words of the protocol: amounts, heights, hashes, names, records, keys, leaves, transactions, headers, blocks and chain parameters.
//!
//! Everything here is a value with one checked way to make it and one encoding (specs/01). There are no rules about *state* here; those are the runtime's.

#![forbid(unsafe_code)]

pub mod actions;
pub mod address;
pub mod amount;
pub mod authority;
pub mod block;
pub mod boundary;
pub mod chain;
pub mod codec;
pub mod hash;
pub mod header;
pub mod height;
pub mod leaf;
pub mod merkle;
pub mod name;
pub mod records;
#[cfg(feature = "schema")]
mod schema;
pub mod transaction;
pub mod work;

pub use actions::Actions;
pub use address::Address;
pub use amount::Amount;
pub use authority::{Authority, Authorization};
pub use block::{Block, Coinbase};
pub use chain::Chain;
pub use hash::{AccountId, AuthorityHash, BlockId, Commitment, Hash, TxId};
pub use header::{Header, SealedHeader};
pub use height::Height;
pub use leaf::Leaf;
pub use name::Name;
pub use records::Records;
pub use transaction::{Action, Body, Transaction};

boundary!(
    Authority,
    Block,
    Body,
    Header,
    Leaf,
    SealedHeader,
    Transaction
);
