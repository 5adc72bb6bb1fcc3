//! `sapwood dev`: a chain of one's own in one process, with a wallet beside it and a first name on it.

use crate::cli::{DevArgs, Global};
use crate::commands::{cannot_start, ended};
use crate::greeting;
use crate::mining::{MinerOptions, Pace};
use crate::page::Page;
use crate::places::{MetricsAt, Places, Ports, Service};
use crate::reset::Reset;
use crate::words::Shell;
use sapwood_node::running::{self, Extras, Options, Running, Sockets};
use sapwood_primitives::{Address, Chain};
use sapwood_resolver::ZoneConfig;
use sapwood_store::Config as StoreConfig;
use sapwood_wallet::command::{CliError, Exit, Output, ensure_dev_wallet};
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::watch;

/// The name that a new dev chain has.
const HELLO: &str = "hello";

/// What the account of `hello` is sent, in sap: ten years of the name, records, and fees.
const STAKE: &str = "15";

/// With less than this, in drops, the account of `hello` is sent the stake: ten years at the first price, and fees. What an interrupted start has sent is above it.
const LEAST_STAKE: u64 = 1_200_000_000;

/// Pause between blocks while a new chain gets its first coins and its first name: a minute's worth of blocks in a few seconds.
const WARM_UP: Duration = Duration::from_millis(100);

/// Which chain, and where it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The chain.
    pub(crate) chain: Chain,
    /// Its data.
    pub(crate) places: Places,
    /// The file that it was read from, if it is not a built-in one.
    pub(crate) chain_file: Option<PathBuf>,
}

/// The ports of a dev node, taken and not yet served.
pub(crate) struct DevSockets {
    node: Sockets,
    page: Page,
}

/// A node under dev rules, with its wallet and page.
pub(crate) struct Dev {
    /// The node.
    pub(crate) node: Running,
    /// Runs wallet commands against it.
    pub(crate) shell: Shell,
    /// Where the page is.
    pub(crate) page: SocketAddr,
    /// Who is paid for blocks.
    pub(crate) payee: Address,
    pace: watch::Sender<Pace>,
}

impl DevSockets {
    /// Takes the ports of RPC, DNS and page.
    ///
    /// # Errors
    /// If something else has one of them.
    pub(crate) async fn bind(ports: Ports, extras: Extras) -> Result<Self, CliError> {
        let node = async { Sockets::bind(ports, true).await?.with(extras).await };
        let node = node.await.map_err(|e| cannot_start(&e))?;
        let address = ports.address(Service::Content);
        let page = Page::bind(address).await.map_err(|e| {
            CliError::new(
                Exit::Usage,
                "port",
                format!("the page cannot listen on {address}: {e}"),
                "stop what does, or choose other ports with --port-base or --ports auto",
            )
        })?;
        Ok(Self { node, page })
    }
}

/// Starts node, miner, DNS, page and wallet for a chain that does not retarget.
///
/// # Errors
/// If a part does not start; nothing runs then.
pub(crate) async fn start(place: Place, sockets: DevSockets, quiet: bool) -> Result<Dev, CliError> {
    let Place { chain, places, .. } = place;
    let shell = Shell {
        chain: chain.clone(),
        dir: places.dir().to_owned(),
        quiet,
    };
    let payee = wallet(&shell).await?;
    let (pace, paced) = watch::channel(Pace::Every(WARM_UP));
    let page = sockets
        .page
        .local_addr()
        .map_err(|e| CliError::new(Exit::Internal, "system", format!("the page: {e}"), ""))?;
    let options = Options {
        mine: Some(MinerOptions {
            payee: payee.id(),
            // At the easiest target there is nothing to share out.
            threads: NonZeroUsize::MIN,
            pace: paced,
        }),
        dns: ZoneConfig::for_chain(&chain),
        chain,
        places,
        store: StoreConfig::default(),
    };
    let mut node = running::start(options, sockets.node)
        .await
        .map_err(|e| cannot_start(&e))?;
    node.add("the page", |stop| sockets.page.serve(stop));
    Ok(Dev {
        node,
        shell,
        page,
        payee,
        pace,
    })
}

impl Dev {
    /// From now on one block in each slot of the chain's block time.
    pub(crate) fn settle(&self) {
        let seconds = self.shell.chain.consensus.block_time;
        self.pace.send_replace(Pace::Slots(seconds));
    }

    /// Registers `hello.leaf.alt` unless it is there, with the commands that anyone would type. What an earlier start began and did not finish goes on.
    ///
    /// # Errors
    /// What the wallet says.
    pub(crate) async fn say_hello(&self) -> Result<(), CliError> {
        let shown = self.shell.run(&["name", "show", HELLO]).await?;
        if shown.json()["phase"] == "active" {
            // The records may still be missing, if it was interrupted after the name and before them.
            return match self.resume_hello().await {
                Err(error) if error.code == "nothing_under_way" => Ok(()),
                resumed => resumed.map(drop),
            };
        }
        let wait = self.shell.chain.consensus.delay + 2;
        self.wait_for_coins(wait).await?;
        self.provide_hello().await?;
        let register = [
            "name",
            "register",
            HELLO,
            "--account",
            HELLO,
            "--years",
            "10",
            "--record",
            "@ A 127.0.0.1",
            "--record",
            "@ AAAA ::1",
            "--wait",
        ];
        match self.shell.run(&register).await {
            Err(error) if error.code == "under_way" => self.resume_hello().await.map(drop),
            registered => registered.map(drop),
        }
    }

    async fn resume_hello(&self) -> Result<Output, CliError> {
        let resume = ["name", "register", "--resume", HELLO, "--wait"];
        self.shell.run(&resume).await
    }

    /// Makes the account of `hello` and gives it what the name costs, unless it has both.
    async fn provide_hello(&self) -> Result<(), CliError> {
        // An account has one name at most; the first account is left free for the newcomer's own.
        let accounts = self.shell.run(&["wallet", "accounts"]).await?;
        if !accounts
            .json()
            .to_string()
            .contains(&format!("\"{HELLO}\""))
        {
            self.shell
                .run(&["wallet", "accounts", "--new", "--label", HELLO])
                .await?;
        }
        let balance = ["wallet", "balance", "--account", HELLO];
        // An account that is not on the chain yet has nothing.
        let balance = self.shell.run(&balance).await;
        let has = balance.map_or(0, |b| b.json()["balance"].as_u64().unwrap_or(0));
        if has >= LEAST_STAKE {
            return Ok(());
        }
        let address = ["wallet", "address", "--account", HELLO];
        let address = self.shell.run(&address).await?;
        let address = address.json()["address"].as_str().unwrap_or_default();
        let send = ["wallet", "send", address, STAKE, "--yes-high-fee", "--wait"];
        self.shell.run(&send).await.map(drop)
    }

    /// Waits until a coinbase has matured. The first blocks come quickly, so this takes a second or two.
    async fn wait_for_coins(&self, blocks: u64) -> Result<(), CliError> {
        let mut heads = self.node.handle.head_changed();
        while self.node.handle.snapshot().head().height.get() < blocks {
            if heads.changed().await.is_err() {
                return Err(CliError::new(
                    Exit::Internal,
                    "stopped",
                    "the chain stopped",
                    "",
                ));
            }
        }
        Ok(())
    }
}

/// `sapwood dev` without `--tour`: runs until Ctrl-C.
///
/// # Errors
/// If it does not start, or storage fails.
pub(crate) async fn run(place: Place, args: &DevArgs, global: &Global) -> Result<(), CliError> {
    let reset = match args.reset {
        true => Some(Reset::hold(&place.places)?),
        false => None,
    };
    let sockets = DevSockets::bind(args.ports.ports(), args.ports.extras(MetricsAt::Off)).await?;
    // Nothing is deleted before it is known that a new chain can start.
    if let Some(reset) = reset {
        reset.run(global.yes)?;
    }
    // One listener for all of it: a signal that comes between two of them would be lost.
    let mut asked = pin!(running::asked_to_end());
    let dev = start(place.clone(), sockets, true).await?;
    let greeting = async {
        if !global.json {
            say("a new chain gets its first coins and the name hello.leaf.alt …");
        }
        let said = dev.say_hello().await;
        dev.settle();
        if let Err(error) = said {
            // The chain works without it; a wallet that somebody else has open is the usual reason.
            say(&format!("hello.leaf.alt could not be registered: {error}"));
        }
        greeting::greet(&dev, &place, global).await
    };
    let greeted = tokio::select! {
        greeted = greeting => Some(greeted),
        () = &mut asked => None,
    };
    let Dev { node, pace, .. } = dev;
    let stopped = match greeted {
        Some(Ok(())) => node.until(asked).await,
        // Asked to end already, or nobody was there to be told where it is.
        _ => node.until(std::future::ready(())).await,
    };
    drop(pace);
    stopped.map_err(|e| ended(&e))?;
    greeted.unwrap_or(Ok(()))?;
    if !global.json {
        say("stopped; `sapwood dev` goes on from here");
    }
    Ok(())
}

async fn wallet(shell: &Shell) -> Result<Address, CliError> {
    let shell = shell.clone();
    tokio::task::spawn_blocking(move || ensure_dev_wallet(&shell.context()))
        .await
        .map_err(|e| CliError::new(Exit::Internal, "panic", e.to_string(), "this is a bug"))?
}

/// A line for people. A closed stderr is no reason to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", crate::safe::text(line));
}
