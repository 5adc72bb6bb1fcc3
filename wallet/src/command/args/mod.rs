//! The words of the command line. The texts here are what `--help`, the man pages and the completions are made of.

mod limit;
mod name;
mod wallet;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sapwood_primitives::{Amount, TxId};

pub use limit::LimitCommand;
pub use name::{NameCommand, RecordChange, TransferCommand};
pub use wallet::WalletCommand;

/// Which wallet, which account, and how it is opened.
#[derive(Clone, Debug, Default, Args)]
pub struct WalletFlags {
    /// Wallet in the data directory; if left out, `default`, and `dev` on the dev and tour chains
    #[arg(long, value_name = "NAME")]
    pub wallet: Option<String>,
    /// Account by number, label or address; if left out, the first one, or the one that a name or guardian asks for
    #[arg(long, value_name = "N|LABEL|ADDRESS")]
    pub account: Option<String>,
    /// Read the passphrase from this file descriptor, up to the first line end, instead of asking for it
    #[arg(long, value_name = "FD")]
    pub passphrase_fd: Option<u32>,
}

/// How a transaction is made.
#[derive(Clone, Debug, Default, Args)]
pub struct SpendFlags {
    /// The wallet.
    #[command(flatten)]
    pub wallet: WalletFlags,
    /// Fee in sap; if left out, the least that the chain accepts
    #[arg(long, value_name = "SAP")]
    pub fee: Option<Amount>,
    /// Show what would happen and stop: nothing is signed, sent or written
    #[arg(long)]
    pub dry_run: bool,
    /// Write the transaction to this file instead of signing it, for `sapwood wallet sign` on a computer without network
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "wait", "no_wait"])]
    pub unsigned: Option<PathBuf>,
    /// Accept a fee of more than a tenth of the amount
    #[arg(long)]
    pub yes_high_fee: bool,
    /// Wait until the transaction is confirmed (name commands wait unless told not to)
    #[arg(long, conflicts_with = "no_wait")]
    pub wait: bool,
    /// Return as soon as the node has the transaction
    #[arg(long)]
    pub no_wait: bool,
}

impl SpendFlags {
    /// Whether to wait, if the command by itself would or would not.
    pub(crate) fn waits(&self, by_default: bool) -> bool {
        self.wait || (by_default && !self.no_wait)
    }

    /// Whether nothing is signed here.
    pub(crate) fn is_keyless(&self) -> bool {
        self.dry_run || self.unsigned.is_some()
    }
}

/// Accounts of the chain, proven.
#[derive(Clone, Debug, Subcommand)]
pub enum AccountCommand {
    /// Show an account: balance, name, records, limit, pending changes
    ///
    /// The answer is checked against the header of the last block.
    #[command(after_help = "Example:\n  sapwood account show alice")]
    Show {
        /// Address, or a name for its owner
        #[arg(value_name = "ADDRESS|NAME")]
        account: String,
    },
    /// Print the proof of an account, for others to check
    ///
    /// With the header's hash known to be right, nothing else needs to be believed.
    #[command(after_help = "Example:\n  sapwood --json account proof dsap1… > proof.json")]
    Proof {
        /// Address, or a name for its owner
        #[arg(value_name = "ADDRESS|NAME")]
        account: String,
    },
}

/// Transactions.
#[derive(Clone, Debug, Subcommand)]
pub enum TxCommand {
    /// Show where a transaction is and what it does
    ///
    /// What it does can be shown while its block is within the node's window.
    #[command(after_help = "Example:\n  sapwood tx show 3f0c…")]
    Show {
        /// Its id, 64 hex digits
        txid: TxId,
    },
    /// Hand in what was signed
    ///
    /// Handing in twice is harmless: the node knows it already. A registration has two transactions; the second is handed in when the first
    /// is old enough, and after an interruption the same command goes on.
    #[command(after_help = "Example:\n  sapwood tx submit payment.signed")]
    Submit {
        /// File that `sapwood wallet sign` wrote, or a transaction in hex, or a file with one
        #[arg(value_name = "HEX|FILE")]
        tx: String,
        /// Wait until it is confirmed
        #[arg(long)]
        wait: bool,
    },
}
