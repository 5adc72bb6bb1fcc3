//! `sapwood name …`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sapwood_primitives::{Amount, Name};

use super::super::text::parse_name;
use super::{SpendFlags, WalletFlags};

/// Names: register, keep, point somewhere, pass on.
#[derive(Clone, Debug, Subcommand)]
pub enum NameCommand {
    /// Register a name
    ///
    /// Takes two transactions: the first puts down a hash that hides the name, the second, some blocks later, reveals it. If this program or
    /// the computer stops in between, `--resume` goes on.
    ///
    /// A batch file has a name on each line, with `years=2`, `max-price=1.5` or `account=shop` behind it if wanted, and records on indented lines
    /// below it. Each name takes an account of its own: the next one of the wallet that has coins and no name, if the line says none.
    /// All lines are checked before anything is sent, and the same command goes on after an interruption.
    #[command(
        after_help = "Example:\n  sapwood name register alice --years 2 --record '@ A 192.0.2.1'\n  sapwood name register --batch names.txt"
    )]
    Register {
        /// The name
        #[arg(required_unless_present_any = ["resume", "batch"], value_parser = parse_name)]
        name: Option<Name>,
        /// Many names, from a file
        #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "resume", "record", "unsigned", "account"])]
        batch: Option<PathBuf>,
        /// How long, 1 to 10
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=10))]
        years: u8,
        /// The most that all years together may cost, in sap; if left out, a tenth above the price of now
        #[arg(long, value_name = "SAP")]
        max_price: Option<Amount>,
        /// A record to set with it, such as '@ A 192.0.2.1' or 'www CNAME alice.leaf.alt.'; may be given often
        #[arg(long, value_name = "RECORD")]
        record: Vec<String>,
        /// Go on with a registration that was interrupted; without a name, with all of them. A name whose first transaction was sent from
        /// another copy of this wallet is taken up from the chain
        #[arg(long, conflicts_with_all = ["record", "years", "unsigned"])]
        resume: bool,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Pay for more years; anybody may, for anybody's name
    ///
    /// A batch file has a name on each line, with `years=2` or `max-price=1.5` behind it if wanted. All lines are checked before anything is
    /// sent; after an interruption the same command with the same file goes on and pays for no name twice.
    #[command(
        after_help = "Example:\n  sapwood name renew alice --years 1\n  sapwood name renew --all --within 90d\n  sapwood name renew --batch names.txt"
    )]
    Renew {
        /// Names, at most 16
        #[arg(required_unless_present_any = ["all", "batch"], num_args = 1..=16, value_parser = parse_name)]
        names: Vec<Name>,
        /// All names of the wallet
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// With --all: only those that expire within so many days
        #[arg(long, value_name = "DAYS", requires = "all", conflicts_with = "names", value_parser = parse_days)]
        within: Option<u64>,
        /// Many names, from a file
        #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "all", "unsigned"])]
        batch: Option<PathBuf>,
        /// How long, 1 to 10; a name is paid for at most 10 years ahead
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=10))]
        years: u8,
        /// The most that each name may cost, in sap; if left out, a tenth above the price of now
        #[arg(long, value_name = "SAP")]
        max_price: Option<Amount>,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Show or change what a name points at
    ///
    /// A record is a line `OWNER [TTL] TYPE DATA`, with `@` as owner for the name itself. All records together take at most 512 bytes.
    #[command(after_help = "Example:\n  sapwood name records alice --add 'www 300 A 192.0.2.1'")]
    Records {
        /// The name
        #[arg(value_parser = parse_name)]
        name: Name,
        /// What to change; without any of these the records are shown.
        #[command(flatten)]
        change: RecordChange,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Let the chain renew a name by itself while a year costs no more than this
    ///
    /// Without --max and --off the orders are shown: of one name, or of all names of the wallet.
    #[command(
        after_help = "Example:\n  sapwood name standing-order alice --max 1.2\n  sapwood name standing-order"
    )]
    StandingOrder {
        /// The name; may be left out to show them all
        #[arg(value_parser = parse_name)]
        name: Option<Name>,
        /// The most that a year may cost, in sap
        #[arg(long, value_name = "SAP", requires = "name")]
        max: Option<Amount>,
        /// End the order
        #[arg(long, conflicts_with = "max", requires = "name")]
        off: bool,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Pass a name on to another account
    #[command(subcommand)]
    Transfer(TransferCommand),
    /// Give a name up, after the account's delay
    ///
    /// Can be cancelled with `sapwood limit cancel` until then. Nothing is paid back.
    #[command(after_help = "Example:\n  sapwood name release alice")]
    Release {
        /// The name
        #[arg(value_parser = parse_name)]
        name: Name,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Show who has a name, until when, and what it points at
    #[command(after_help = "Example:\n  sapwood name show alice")]
    Show {
        /// The name
        #[arg(value_parser = parse_name)]
        name: Name,
    },
    /// List the names of the wallet, or with --all those of the chain
    #[command(after_help = "Example:\n  sapwood name list")]
    List {
        /// The wallet.
        #[command(flatten)]
        wallet: WalletFlags,
        /// All names of the chain, in order; needs no wallet
        #[arg(long)]
        all: bool,
        /// With --all: names after this one
        #[arg(long, requires = "all", value_parser = parse_name)]
        after: Option<Name>,
        /// With --all: most names
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Say what registering or renewing a name costs now
    #[command(after_help = "Example:\n  sapwood name price alice --years 3")]
    Price {
        /// The name
        #[arg(value_parser = parse_name)]
        name: Name,
        /// How long, 1 to 10
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=10))]
        years: u8,
    },
}

/// What to change about a name's records.
#[derive(Clone, Debug, Default, Args)]
pub struct RecordChange {
    /// Replace all records by these; may be given often
    #[arg(long, value_name = "RECORD", conflicts_with_all = ["add", "remove", "clear"])]
    pub set: Vec<String>,
    /// Add a record, or give one that is there another TTL; may be given often
    #[arg(long, value_name = "RECORD", conflicts_with = "clear")]
    pub add: Vec<String>,
    /// Remove a record, 'OWNER TYPE' for all of an owner and type, 'OWNER TYPE DATA' for one; may be given often
    #[arg(long, value_name = "RECORD", conflicts_with = "clear")]
    pub remove: Vec<String>,
    /// Remove all records
    #[arg(long)]
    pub clear: bool,
}

/// The steps of passing a name on.
#[derive(Clone, Debug, Subcommand)]
pub enum TransferCommand {
    /// Offer a name to an account, which takes it with `transfer finish`
    ///
    /// The other account must have no name. It can finish after the delay, and within as long again.
    #[command(after_help = "Example:\n  sapwood name transfer start alice --to dsap1… --quick")]
    Start {
        /// The name
        #[arg(value_parser = parse_name)]
        name: Name,
        /// Address of the account, or a name for its owner
        #[arg(long, value_name = "ADDRESS|NAME")]
        to: String,
        /// With the short delay; only for accounts without a limit
        #[arg(long)]
        quick: bool,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Take an offer back
    #[command(after_help = "Example:\n  sapwood name transfer cancel alice")]
    Cancel {
        /// The name
        #[arg(value_parser = parse_name)]
        name: Name,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
    /// Take a name that was offered to an account of this wallet
    #[command(after_help = "Example:\n  sapwood name transfer finish alice")]
    Finish {
        /// The name
        #[arg(value_parser = parse_name)]
        name: Name,
        /// How.
        #[command(flatten)]
        spend: SpendFlags,
    },
}

/// Days as `90` or `90d`.
fn parse_days(text: &str) -> Result<u64, std::num::ParseIntError> {
    text.strip_suffix('d').unwrap_or(text).parse()
}
