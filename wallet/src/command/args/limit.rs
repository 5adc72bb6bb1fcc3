//! `sapwood limit …`

use clap::Subcommand;
use sapwood_primitives::{Amount, AuthorityHash};

use super::{SpendFlags, WalletFlags};

/// Withdrawal limits, guardians and pending changes: what a thief of the key cannot do at once.
#[derive(Clone, Debug, Subcommand)]
pub enum LimitCommand {
    /// Limit what may leave an account in a day, or name a guardian
    ///
    /// Tightening acts at once; loosening, and any change of the guardian, waits for the account's delay. At most twice the rate can leave in
    /// one day: a full bucket and what flows in.
    #[command(
        after_help = "Example:\n  sapwood limit set --rate 10 --delay-days 3 --guardian dsap1…"
    )]
    Set {
        /// Sap a day
        #[arg(long, value_name = "SAP", required_unless_present = "guardian")]
        rate: Option<Amount>,
        /// Days that changes of this account wait, 1 to 30; if left out, as it is, or 1
        #[arg(long, value_name = "DAYS", requires = "rate", value_parser = clap::value_parser!(u8).range(1..=30))]
        delay_days: Option<u8>,
        /// Address or name of the account that may veto, freeze and recover, or `none`
        #[arg(long, value_name = "ADDRESS|NAME|none")]
        guardian: Option<String>,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Remove the limit, after the account's delay
    #[command(after_help = "Example:\n  sapwood limit remove")]
    Remove {
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Show limit, guardian and pending changes
    #[command(after_help = "Example:\n  sapwood limit show")]
    Show {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
    },
    /// Cancel the own pending change: limit, guardian, key, transfer, release or close
    #[command(after_help = "Example:\n  sapwood limit cancel")]
    Cancel {
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// As guardian: cancel the pending change of an account
    #[command(after_help = "Example:\n  sapwood limit veto dsap1…")]
    Veto {
        /// Address or name of the guarded account
        #[arg(value_name = "ACCOUNT")]
        guarded: String,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// As guardian: stop an account for one delay
    #[command(after_help = "Example:\n  sapwood limit freeze dsap1…")]
    Freeze {
        /// Address or name of the guarded account
        #[arg(value_name = "ACCOUNT")]
        guarded: String,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// As guardian: give an account another key, after its delay
    ///
    /// The owner cannot stop it; the guardian can, with `recover-cancel`. The key's hash is what `sapwood wallet address` prints as `key`.
    #[command(after_help = "Example:\n  sapwood limit recover dsap1… --to-key 5b1e…")]
    Recover {
        /// Address or name of the guarded account
        #[arg(value_name = "ACCOUNT")]
        guarded: String,
        /// Hash of the new authority, 64 hex digits
        #[arg(long, value_name = "HASH")]
        to_key: AuthorityHash,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// As guardian: take a recovery back
    #[command(after_help = "Example:\n  sapwood limit recover-cancel dsap1…")]
    RecoverCancel {
        /// Address or name of the guarded account
        #[arg(value_name = "ACCOUNT")]
        guarded: String,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
}
