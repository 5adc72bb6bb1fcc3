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
    /// further accounts of these words, their names and registrations under way are looked for.
    #[command(after_help = "Example:\n  sapwood wallet restore --wallet again")]
    Restore {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
        /// Ask for the additional passphrase of BIP 39, too
        #[arg(long)]
        words_passphrase: bool,
        /// Stop looking after so many accounts in a row that the chain does not know; if left out, 20
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2000))]
        gap: Option<u32>,
    },
    /// Make a wallet from a file of `export --age`, or take a secret key made elsewhere into the wallet
    ///
    /// Without a file, a key is asked for without being shown, or comes on stdin, as 32 bytes or 64 hex digits; the wallet is made if there
    /// is none. The wallet's words do not bring such a key back: keep it elsewhere as well.
    #[command(
        after_help = "Example:\n  sapwood wallet import --wallet again backup.age\n  sapwood wallet import --label old < key.hex"
    )]
    Import {
        /// File that `sapwood wallet export --age` wrote
        #[arg(conflicts_with = "label")]
        file: Option<PathBuf>,
        /// Read the passphrase of that file from this file descriptor instead of asking for it
        #[arg(long, value_name = "FD", requires = "file")]
        file_passphrase_fd: Option<u32>,
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
        /// What to call the account
        #[arg(long, default_value = "")]
        label: String,
    },
    /// Print the words, or with --key an account's secret key, or write everything into an age file
    ///
    /// Whoever sees them has everything. On a screen they are shown only with --show. An age file has a passphrase of its own, holds the whole
    /// wallet with labels, imported keys and registrations under way, and is also opened by `age -d`.
    #[command(
        after_help = "Example:\n  sapwood wallet export --show\n  sapwood wallet export --age -o backup.age"
    )]
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
        /// Everything, into a file that a passphrase locks
        #[arg(long, requires = "out", conflicts_with_all = ["key", "show"])]
        age: bool,
        /// The file to write, which must not exist
        #[arg(short, long, value_name = "FILE", requires = "age")]
        out: Option<PathBuf>,
        /// Read the passphrase of that file from this file descriptor instead of asking for it
        #[arg(long, value_name = "FD", requires = "age")]
        file_passphrase_fd: Option<u32>,
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
    /// Print the address to be paid at, also as a payment URI and as a QR code
    #[command(
        after_help = "Example:\n  sapwood wallet address --account 1\n  sapwood wallet address --qr --amount 1.5 --label Coffee"
    )]
    Address {
        /// Draw the payment URI as a QR code
        #[arg(long)]
        qr: bool,
        /// Ask for this amount, in sap
        #[arg(long, value_name = "SAP")]
        amount: Option<Amount>,
        /// Say what for
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
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
        /// With --find: stop after so many accounts in a row that the chain does not know; if left out, 20
        #[arg(long, value_name = "N", requires = "find", value_parser = clap::value_parser!(u32).range(1..=2000))]
        gap: Option<u32>,
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
    #[command(
        after_help = "Example:\n  sapwood wallet send alice 1.5\n  sapwood wallet send 'sapwood:dsap1…?amount=1.5&label=Coffee'"
    )]
    Send {
        /// Address, name, or payment URI
        #[arg(value_name = "TO")]
        to: String,
        /// Amount in sap, with a point and at most eight decimals; may be left out if the URI has one
        #[arg(value_name = "AMOUNT")]
        amount: Option<Amount>,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Sign a transaction prepared elsewhere, without a node
    ///
    /// The file comes from `--unsigned`. What it says in words is compared with its bytes, the account with its proof, and all of it is shown
    /// before the question. A body in hex, as `--dry-run --json` prints it, is signed too. The result goes to `sapwood tx submit`.
    #[command(after_help = "Example:\n  sapwood wallet sign payment.unsigned -o payment.signed")]
    Sign {
        /// File that --unsigned wrote, or one with a body in hex
        file: PathBuf,
        /// Write the result to this file, which must not exist, instead of to stdout
        #[arg(short, long, value_name = "SIGNED")]
        out: Option<PathBuf>,
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
    },
    /// Watch an account without its key: its balance, name and history are listed beside your own
    ///
    /// Nothing can be signed for it here; with --unsigned a transaction is prepared for the computer that has the key. The wallet is made if
    /// there is none.
    #[command(after_help = "Example:\n  sapwood wallet watch dsap1… --label savings")]
    Watch {
        /// Address, or a name for its owner
        #[arg(value_name = "ADDRESS|NAME")]
        who: String,
        /// What to call it
        #[arg(long, default_value = "")]
        label: String,
        /// Stop watching it
        #[arg(long, conflicts_with = "label")]
        remove: bool,
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
