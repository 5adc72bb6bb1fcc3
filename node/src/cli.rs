//! The words of the command line that are the node's own; the wallet brings its own. Help, man pages and completions are made of the texts here.

use crate::places::{ListenAt, MetricsAt, PORT_BASE, Ports, Service};
use clap::{Args, Parser, Subcommand};
use sapwood_node::running::Extras;
use sapwood_primitives::{Hash, Name};
use sapwood_wallet::command::{
    AccountCommand, LimitCommand, NameCommand, TxCommand, WalletCommand, parse_name,
};
use serde_json::Value;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// A chain that names things: node, miner, wallet and resolver in one program.
#[derive(Debug, Parser)]
#[command(
    name = "sapwood",
    version,
    max_term_width = 100,
    after_help = "Start with `sapwood dev`: a chain of your own on this computer, and what to try next.\n\
                  Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 storage, 5 internal."
)]
pub(crate) struct Cli {
    /// Options that every command has.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command has.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Which chain; `dev` is the one that `sapwood dev` runs
    #[arg(long, global = true, env = "SAPWOOD_CHAIN", value_name = "main|test|dev", value_parser = ["main", "test", "dev", "tour"])]
    pub(crate) chain: Option<String>,
    /// Chain file instead of a built-in chain, whatever SAPWOOD_CHAIN says
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) chain_file: Option<PathBuf>,
    /// Where all chains keep their data; if left out, $XDG_DATA_HOME/sapwood or ~/.local/share/sapwood
    #[arg(long, global = true, env = "SAPWOOD_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// URL of the node to call, instead of the one in the data directory; needs --cookie-file unless it is the same
    ///
    /// To use a node on another computer, forward its RPC port over ssh, copy its rpc.json (mode 600), and name both.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) rpc: Option<String>,
    /// rpc.json of the node to call, or a copy of it, whose cookie goes with the URL
    #[arg(long, global = true, env = "SAPWOOD_COOKIE_FILE", value_name = "FILE")]
    pub(crate) cookie_file: Option<PathBuf>,
    /// File with settings; if left out, $XDG_CONFIG_HOME/sapwood/sapwood.toml or ~/.config/sapwood/sapwood.toml, if it is there
    ///
    /// Flags are stronger than the environment, that than the file, and that than the defaults. `sapwood config show` prints such a file.
    #[arg(long, global = true, env = "SAPWOOD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON object, also on errors
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Answer questions with yes
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
    /// What is logged to stderr, e.g. `info` or `sapwood_node=debug`
    ///
    /// error: you must act. warn: something was wrong and heals, or was refused. info: a few lines an hour while nothing happens. debug and trace: for whoever looks for a fault.
    #[arg(long, global = true, env = "SAPWOOD_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a chain of your own: node, miner, RPC and DNS in one process, a wallet beside it
    ///
    /// The chain is kept in the data directory and goes on at the next start. Its blocks come every two seconds.
    #[command(after_help = "Example:\n  sapwood dev\n  sapwood dev --tour")]
    Dev(DevArgs),
    /// Run a full node
    #[command(after_help = "Example:\n  sapwood node --chain dev --mine dsap1…\n\n\
                      After exit code 4 nothing was changed: put the file that was named back from a copy, or move the directory `state` away and begin anew, \
                      from a copy by `sapwood snapshot import` or from nothing.")]
    Node(NodeArgs),
    /// Mine for a node as a process of its own
    ///
    /// Blocks are searched here and handed in over the node's RPC. It waits while the node is away, and ends in order at Ctrl-C or SIGTERM. With --json each line is an object with an `event`.
    #[command(after_help = "Example:\n  sapwood mine --chain dev --address dsap1… --threads 2")]
    Mine(MineArgs),
    /// Show everything at a glance: head, mempool, names, DNS, wallet
    #[command(after_help = "Example:\n  sapwood status")]
    Status,
    /// Print a line for each block as it comes, and for each reorganisation
    ///
    /// It waits while the node is away and leaves nothing out. With --json each line is an object with an `event`: `head`, `block`, `reorg` or `waiting`.
    #[command(after_help = "Example:\n  sapwood follow\n  sapwood follow --json")]
    Follow,
    /// Wallets and coins
    #[command(subcommand)]
    Wallet(WalletCommand),
    /// Names: register, renew, point somewhere, pass on
    #[command(subcommand)]
    Name(NameCommand),
    /// Withdrawal limits, guardians and pending changes
    #[command(subcommand)]
    Limit(LimitCommand),
    /// Accounts, proven
    #[command(subcommand)]
    Account(AccountCommand),
    /// Transactions
    #[command(subcommand)]
    Tx(TxCommand),
    /// Resolve a name, checking the node's proof
    ///
    /// The headers' proof of work is checked from the genesis on, and the name against the last one that is deep enough. Which branch of the
    /// chain is the heaviest is the node's word.
    #[command(
        after_help = "Example:\n  sapwood resolve hello\n  sapwood resolve hello AAAA --proof"
    )]
    Resolve(ResolveArgs),
    /// Run a DNS server that checks what its node says, against headers that it follows itself
    ///
    /// Proof of work is checked from the genesis on, and every answer is proven. Which branch of the chain is the heaviest is the node's word,
    /// as long as one node is asked; on dev, where blocks cost no work, the rest rests on it as well.
    #[command(after_help = "Example:\n  sapwood resolver --chain dev")]
    Resolver(ResolverArgs),
    /// Make the chain file of a launch
    ///
    /// Quotes a fresh public block hash, so that nobody can have mined before it existed.
    #[command(
        after_help = "Example:\n  sapwood genesis --chain test --quote 0000…  --hash-rate 1000000 --out launched.toml"
    )]
    Genesis(GenesisArgs),
    /// Snapshots: a whole state in files that anybody can check
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Call a method of the node's RPC, or list the methods
    #[command(
        after_help = "Example:\n  sapwood rpc --list\n  sapwood rpc chain_head\n  sapwood rpc name_show '{\"name\":\"hello\"}'"
    )]
    Rpc(RpcArgs),
    /// The configuration: what holds, where it comes from, whether a file is right
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print completions for a shell
    #[command(after_help = "Example:\n  sapwood completions bash > /etc/bash_completion.d/sapwood")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a folder
    #[command(after_help = "Example:\n  sapwood man ~/.local/share/man/man1")]
    Man {
        /// The folder
        dir: PathBuf,
    },
    /// Print the reference of all commands, as it stands in docs/commands.md
    #[command(hide = true)]
    Reference,
}

/// `sapwood config`
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value, as a file that would say the same
    #[command(
        after_help = "Example:\n  sapwood config show --origin\n  sapwood config show > sapwood.toml"
    )]
    Show {
        /// Say where each value comes from, and what it overrides
        #[arg(long)]
        origin: bool,
    },
    /// Check a whole file without starting anything; exit code 2 if it is wrong
    #[command(
        after_help = "Example:\n  sapwood config check\n  sapwood config check ./sapwood.toml"
    )]
    Check {
        /// The file; if left out, the one that every command reads
        file: Option<PathBuf>,
    },
}

/// Where services listen.
#[derive(Clone, Debug, Args)]
pub(crate) struct PortArgs {
    /// First of the ports that the services share out: RPC +1, public RPC +2, DNS +3, metrics +8, page +10
    #[arg(long, value_name = "PORT", default_value_t = PORT_BASE, conflicts_with = "ports", value_parser = clap::value_parser!(u16).range(1..=65_000))]
    pub(crate) port_base: u16,
    /// `auto`: take the ports that the operating system gives, and print them
    #[arg(long, value_name = "auto")]
    pub(crate) ports: Option<Ports>,
    /// Serve a second RPC to everybody who reaches this address: methods that read, and signed transactions; without a port, at port base + 2
    ///
    /// It asks for no cookie, takes any Host, and bounds each address. Only here may another than a loopback address be given for the RPC.
    #[arg(long, value_name = "IP[:PORT]")]
    pub(crate) rpc_public: Option<ListenAt>,
    /// Where /livez, /readyz and /metrics are served; without a port, at port base + 8. `sapwood node` does so on 127.0.0.1, `sapwood dev` only if asked to
    ///
    /// They ask for no password: whoever reaches another address than a loopback one reads them.
    #[arg(long, value_name = "IP[:PORT]|off")]
    pub(crate) metrics: Option<MetricsAt>,
}

impl PortArgs {
    /// What is served beside RPC and DNS; `metrics` where nothing is said.
    pub(crate) fn extras(&self, metrics: MetricsAt) -> Extras {
        let ports = self.ports();
        Extras {
            rpc_public: self
                .rpc_public
                .map(|at| at.address(ports, Service::RpcPublic)),
            metrics: self.metrics.unwrap_or(metrics).address(ports),
        }
    }

    /// The ports asked for.
    pub(crate) fn ports(&self) -> Ports {
        self.ports.unwrap_or(Ports::From(self.port_base))
    }
}

/// `sapwood dev`
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Keep everything in a temporary folder and forget it at the end
    #[arg(long, conflicts_with = "reset")]
    pub(crate) temp: bool,
    /// Start over: delete the dev chain and its wallets (asks first)
    #[arg(long)]
    pub(crate) reset: bool,
    /// Walk through the whole life of a name on a chain of its own, in a temporary folder, on free ports; about two minutes
    #[arg(long, conflicts_with_all = ["temp", "reset"])]
    pub(crate) tour: bool,
    /// Where to listen.
    #[command(flatten)]
    pub(crate) ports: PortArgs,
}

/// `sapwood node`
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Mine, and be paid at this address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mine: Option<String>,
    /// Threads of the miner; if left out, all cores
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Run no DNS server
    #[arg(long)]
    pub(crate) no_dns: bool,
    /// How the account tree is kept: `fast` takes up to 100 bytes of memory an account, `lean` up to 20 and reads accounts again for every block
    #[arg(long, value_name = "fast|lean", default_value = "fast", value_parser = ["fast", "lean"])]
    pub(crate) tree: String,
    /// Blocks after which the state is written to its database; a start after a crash repeats the blocks since
    #[arg(long, value_name = "BLOCKS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) checkpoint_every: u64,
    /// DNS answers may hold private and special-use addresses (`allow`), or leave them out (`strip`); if left out, as the chain advises
    #[arg(long, value_name = "allow|strip", value_parser = ["allow", "strip"])]
    pub(crate) private_addresses: Option<String>,
    /// Where to listen.
    #[command(flatten)]
    pub(crate) ports: PortArgs,
}

/// `sapwood mine`
#[derive(Debug, Args)]
pub(crate) struct MineArgs {
    /// Who is paid
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<String>,
    /// Threads of the search; if left out, all cores
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// `sapwood resolve`
#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The name, with or without the suffix
    #[arg(value_parser = parse_name)]
    pub(crate) name: Name,
    /// Only this type of record, e.g. A, AAAA, TXT
    #[arg(value_name = "TYPE", value_parser = parse_type)]
    pub(crate) rtype: Option<u16>,
    /// Show why the answer is true
    #[arg(long)]
    pub(crate) proof: bool,
}

/// `sapwood resolver`
#[derive(Debug, Args)]
pub(crate) struct ResolverArgs {
    /// URL of the node; if left out, the one of the data directory. Another one needs --cookie-file
    #[arg(long, value_name = "URL")]
    pub(crate) node: Option<String>,
    /// Port to listen on, UDP and TCP, on 127.0.0.1; 0 takes a free one and prints it. The default is where a node's own DNS listens; beside one, choose another
    #[arg(long, value_name = "PORT", default_value_t = PORT_BASE + 3)]
    pub(crate) port: u16,
    /// DNS answers may hold private and special-use addresses (`allow`), or leave them out (`strip`); if left out, as the chain advises
    #[arg(long, value_name = "allow|strip", value_parser = ["allow", "strip"])]
    pub(crate) private_addresses: Option<String>,
    /// Suffix of the names
    #[arg(long, default_value = "leaf.alt")]
    pub(crate) suffix: String,
}

/// `sapwood genesis`
#[derive(Debug, Args)]
pub(crate) struct GenesisArgs {
    /// Hash of a public block that did not exist an hour ago, 64 hex digits
    #[arg(long, value_name = "HASH")]
    pub(crate) quote: Hash,
    /// Hashes a second that are expected at the start
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) hash_rate: u64,
    /// Time of the launch, seconds since 1970; if left out, now
    #[arg(long, value_name = "SECONDS")]
    pub(crate) time: Option<u64>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// `sapwood snapshot`
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Write the present state into a new directory
    ///
    /// A running node writes it while its chain goes on; without one the store of the data directory is read. Equal states make equal files.
    #[command(after_help = "Example:\n  sapwood snapshot write --chain dev ./snapshot")]
    Write {
        /// The directory to make
        dir: PathBuf,
    },
    /// Check all of a snapshot: headers, manifest, every chunk, and the sums
    ///
    /// Proof of work is checked from the genesis on. Whether its branch is the heaviest is not shown: compare the block with what a node says.
    #[command(after_help = "Example:\n  sapwood snapshot verify --chain dev ./snapshot")]
    Verify {
        /// The snapshot
        dir: PathBuf,
    },
    /// Check a snapshot and begin a chain from it, in a data directory that has none
    #[command(
        after_help = "Example:\n  sapwood snapshot import --chain dev --data-dir ./fresh ./snapshot"
    )]
    Import {
        /// The snapshot
        dir: PathBuf,
    },
}

/// `sapwood rpc`
#[derive(Debug, Args)]
pub(crate) struct RpcArgs {
    /// Name of the method; without one, the methods are listed
    #[arg(conflicts_with = "list")]
    pub(crate) method: Option<String>,
    /// Parameters, one JSON object
    #[arg(default_value = "{}", value_parser = parse_object)]
    pub(crate) params: Value,
    /// List the methods, without asking a node
    #[arg(long)]
    pub(crate) list: bool,
}

fn parse_type(text: &str) -> Result<u16, &'static str> {
    sapwood_rpc::records::parse_type(text).ok_or("not a record type, such as A, AAAA or TYPE65281")
}

fn parse_object(text: &str) -> Result<Value, &'static str> {
    let value = serde_json::from_str(text).ok().filter(Value::is_object);
    value.ok_or("not one JSON object, such as {\"name\":\"hello\"}")
}
