//! `sapwood wallet …`

use std::path::PathBuf;

use clap::Subcommand;
use sapwood_primitives::Amount;

use super::{SpendFlags, WalletFlags};

/// Wallets: files of keys, encrypted, on this computer only.
#[derive(Clone, Debug, Subcommand)]
pub enum WalletCommand {
    /// Make a new wallet
    ///
    /// Its keys come from words that you write down with `sapwood wallet export --show`. Whoever has the words has the coins and names; without
    /// them a lost file or passphrase is the end.
    #[command(after_help = "Example:\n  sapwood wallet create --words 12")]
    Create {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
        /// 12 words (128 bits) or 24 words (256 bits)
        #[arg(long, value_name = "12|24", default_value = "24", value_parser = ["12", "24"])]
        words: String,
    },
    /// Make a wallet from words written down earlier
    ///
    /// The words are asked for, or read from stdin; never give them on the command line, where other programs see them. If a node runs,
    /// further accounts of these words are looked for.
    #[command(after_help = "Example:\n  sapwood wallet restore --wallet again")]
    Restore {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
        /// Ask for the additional passphrase of BIP 39, too
        #[arg(long)]
        words_passphrase: bool,
    },
    /// Take a secret key made elsewhere into the wallet, which is made if there is none
    ///
    /// The key is asked for without being shown, or comes on stdin, as 32 bytes or 64 hex digits. The wallet's words do not bring it back: keep it elsewhere as well.
    #[command(after_help = "Example:\n  sapwood wallet import --label old < key.hex")]
    Import {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
        /// What to call the account
        #[arg(long, default_value = "")]
        label: String,
    },
    /// Print the words, or with --key an account's secret key
    ///
    /// Whoever sees them has everything. On a screen they are shown only with --show.
    #[command(after_help = "Example:\n  sapwood wallet export --show")]
    Export {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
        /// Show secrets on the screen
        #[arg(long)]
        show: bool,
        /// The secret key of the account instead of the words
        #[arg(long)]
        key: bool,
    },
    /// Print the key that servers of an account's name prove to have, and the record that says so
    ///
    /// It is an ed25519 key of its own, derived from the words; it cannot spend. Give the server the secret, and the name the record.
    #[command(after_help = "Example:\n  sapwood wallet service-key --account 1")]
    ServiceKey {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
        /// Print the secret key, 64 hex digits, instead
        #[arg(long)]
        show_secret: bool,
    },
    /// Print the address to be paid at
    #[command(after_help = "Example:\n  sapwood wallet address --account 1")]
    Address {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
    },
    /// List the accounts with balances, names and when the names expire
    #[command(after_help = "Example:\n  sapwood wallet accounts --new --label shop")]
    Accounts {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
        /// Add the next account of the words first
        #[arg(long)]
        new: bool,
        /// What to call it
        #[arg(long, default_value = "", requires = "new")]
        label: String,
        /// Look for accounts of the words that the chain knows and the wallet does not
        #[arg(long, conflicts_with = "new")]
        find: bool,
    },
    /// Show what an account has and what it may spend now
    #[command(after_help = "Example:\n  sapwood wallet balance")]
    Balance {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
    },
    /// Send coins to an address or to the owner of a name
    ///
    /// A name's owner is taken from the chain with its proof, and its address is shown before anything is signed.
    #[command(after_help = "Example:\n  sapwood wallet send alice 1.5")]
    Send {
        /// Address, or a name
        #[arg(value_name = "TO")]
        to: String,
        /// Amount in sap, with a point and at most eight decimals
        #[arg(value_name = "AMOUNT")]
        amount: Amount,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Sign a transaction prepared elsewhere, without a node
    ///
    /// The file has the body in hex, as `--dry-run --json` prints it. The result goes to `sapwood tx submit`.
    #[command(after_help = "Example:\n  sapwood wallet sign body.hex > payment.hex")]
    Sign {
        /// File with the body in hex
        file: PathBuf,
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
    },
    /// List what came in and went out, newest first
    ///
    /// Looks through the blocks that the node keeps; older ones are gone.
    #[command(after_help = "Example:\n  sapwood wallet history --limit 5")]
    History {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
        /// Most entries
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// Most blocks to look through
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        blocks: u32,
    },
    /// Change which key signs for an account; its address stays
    ///
    /// Takes effect after the account's delay, during which it can be cancelled with `sapwood limit cancel`.
    #[command(after_help = "Example:\n  sapwood wallet rotate-key --to-account 3")]
    RotateKey {
        /// Number of the account whose key shall sign; if left out, the next unused one
        #[arg(long, value_name = "N")]
        to_account: Option<u32>,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Send everything away and end the account, after its delay
    ///
    /// The account must be without a name by then.
    #[command(after_help = "Example:\n  sapwood wallet close --to dsap1…")]
    Close {
        /// Address or name that gets the balance
        #[arg(long, value_name = "ADDRESS|NAME")]
        to: String,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
}
