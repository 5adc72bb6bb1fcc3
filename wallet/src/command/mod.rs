//! The wallet's part of the command line: `sapwood wallet`, `name`, `limit`, `account` and `tx`.
//!
//! - [`WalletCommand`], [`NameCommand`], [`LimitCommand`], [`AccountCommand`] and [`TxCommand`] are the words; each has a `run` that takes
//!   a [`Context`] and gives an [`Output`] or a [`CliError`]. Printing both, and the flags for chain, directory, JSON and `--yes`, are
//!   the main program's.
//! - Words and questions go through a [`Terminal`], calls through a [`NodeApi`]; tests have their own of both.
//!
//! What is trusted: the wallet's files, and the node. Everything that decides a transaction (the account's nonce and balance, a name's
//! owner, term and price, whether a transaction is in a block) is proven against a header, and what was proven falsely is refused. But the
//! wallet looks at each header alone and does not follow the chain of headers yet: on a chain with a real target a forged header costs a
//! liar only the work of one block at the chain's easiest target, and then proves anything. So point the wallet at a node of your own;
//! the checks find faults and careless lies, not a node that is ready to compute for its lie (`proof` says more).
//!
//! The rules for what is refused before anything is signed: a node on another chain, behind, or with a tip of more than an hour (not on
//! dev and tour); a false proof; a fee of more than a tenth of the amount; less than is needed; a limit that would not let it pass.

mod args;
mod chain;
mod context;
mod deal;
mod describe;
mod echo;
mod error;
mod limit;
mod link;
mod name;
mod node;
mod notes;
mod output;
mod proof;
mod purse;
mod submit;
mod terminal;
mod text;
mod under_way;
mod uri;
mod wallet;
mod who;

#[cfg(test)]
mod tests;

pub use args::{
    AccountCommand, LimitCommand, NameCommand, RecordChange, SpendFlags, TransferCommand,
    TxCommand, WalletCommand, WalletFlags,
};
pub use context::Context;
pub use error::{CliError, Exit};
pub use node::{NodeApi, RpcNode};
pub use output::Output;
pub use terminal::{Console, Terminal};
pub use text::{escape, parse_name};
pub use wallet::ensure_dev_wallet;

/// Version of the JSON that commands print.
const SCHEMA: u32 = 1;
