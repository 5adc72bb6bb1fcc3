//! The commands that need a chain: which one and where its data is, then the node, the resolver, `dev`, or a question to a node.

use crate::cli::{Command, DevArgs, Global, NodeArgs, ResolverArgs};
use crate::dev::{self, Place};
use crate::manager::Manager;
use crate::mining::{MinerOptions, Pace};
use crate::places::{MetricsAt, Places};
use crate::reconnect::Reconnecting;
use crate::{block_on, block_on_beside_the_chain, limits, output, print, print_text, tour};
use sapwood_account_tree::Mode;
use sapwood_node::running::{self, Ended, Options, Running, Sockets, StartNode};
use sapwood_node::supervisor::Parts;
use sapwood_primitives::{Address, Chain};
use sapwood_resolver::{RemoteResolver, ZoneConfig};
use sapwood_store::Config as StoreConfig;
use sapwood_wallet::command::{CliError, Context, Exit};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use tokio::sync::watch;

/// Commands that ask a node and end.
///
/// # Errors
/// What the command says.
pub(crate) fn client(global: &Global, command: Command) -> Result<(), CliError> {
    if let Command::Rpc(args) = &command
        && args.method.is_none()
    {
        let (json, text) = crate::calls::rpc_list();
        return print(global, &json, &text);
    }
    let chain = chain(global, "main")?;
    let places = find_places(global, &chain)?;
    let mut context = Context::new(chain.clone(), places.dir().to_owned());
    (context.json, context.yes, context.rpc) = (global.json, global.yes, global.rpc.clone());
    context.cookie_file.clone_from(&global.cookie_file);
    let command = match crate::words::wallet_command(command, &context) {
        Ok(result) => {
            let result = result?;
            return print_text(global, &result.json_text(), result.text());
        }
        Err(command) => *command,
    };
    let url = global.rpc.as_deref();
    if matches!(command, Command::Status) {
        // The wallet waits for the node by itself, outside of any other waiting.
        let status = block_on(async {
            let client = crate::client::connect(&places, url, global.cookie_file.as_deref())?;
            crate::client::status(&client).await
        })?;
        let status = status.with_wallet(crate::overview::wallet(context));
        return print(global, &status.json(), &status.to_string());
    }
    block_on(async {
        let client = crate::client::connect(&places, url, global.cookie_file.as_deref())?;
        match command {
            Command::Resolve(args) => {
                let resolution = crate::client::resolve(&client, chain, &args).await?;
                output(global, &resolution, &resolution.to_string())
            }
            Command::Rpc(args) => {
                let answer = crate::calls::rpc(&client, &args).await?;
                let text = serde_json::to_string_pretty(&answer).expect("JSON is printable");
                let text = crate::safe::json(&text);
                print(global, &answer, &format!("{text}\n"))
            }
            other => Err(CliError::new(
                Exit::Internal,
                "command",
                format!("{other:?} has no code"),
                "this is a bug",
            )),
        }
    })
}

/// `sapwood dev`
///
/// # Errors
/// If it is not a dev chain, or does not start, or ends unasked.
pub(crate) fn dev(global: &Global, args: &DevArgs) -> Result<(), CliError> {
    if args.tour {
        return block_on(tour::run(global.json));
    }
    let chain = chain(global, "dev")?;
    limits::open_files()?;
    if chain.consensus.retarget {
        return Err(CliError::new(
            Exit::Usage,
            "chain",
            format!("`sapwood dev` runs a dev chain, not {}", chain.name),
            "use `sapwood node --mine ADDRESS`",
        ));
    }
    if args.reset && (global.chain_file.is_some() || chain.name != "dev") {
        return Err(CliError::new(
            Exit::Usage,
            "reset",
            "--reset is for the built-in dev chain alone; nothing was deleted",
            "delete the data of another chain by hand",
        ));
    }
    let folder = match args.temp {
        true => Some(tempfile::tempdir().map_err(|e| {
            CliError::new(
                Exit::Storage,
                "temp",
                format!("no temporary folder: {e}"),
                "set TMPDIR",
            )
        })?),
        false => None,
    };
    let places = match &folder {
        Some(folder) => Places::of(Some(folder.path()), &chain.name).map_err(no_place)?,
        None => find_places(global, &chain)?,
    };
    let place = Place {
        chain,
        places,
        chain_file: global.chain_file.clone(),
    };
    block_on_beside_the_chain(dev::run(place, args, global))
}

/// `sapwood node`
///
/// # Errors
/// If it does not start, or ends unasked.
pub(crate) fn node(global: &Global, args: &NodeArgs) -> Result<(), CliError> {
    let chain = chain(global, "main")?;
    let places = find_places(global, &chain)?;
    limits::open_files()?;
    if args.threads.is_some() && args.mine.is_none() {
        return Err(CliError::new(
            Exit::Usage,
            "threads",
            "--threads is for a node that mines",
            "add --mine ADDRESS",
        ));
    }
    let mine = args
        .mine
        .as_deref()
        .map(|text| miner(&chain, text, args.threads))
        .transpose()?;
    let zone = zone(&chain, args.private_addresses.as_deref());
    let options = Options {
        dns: zone,
        mine,
        places: places.clone(),
        chain,
        store: StoreConfig {
            mode: match args.tree.as_str() {
                "lean" => Mode::Lean,
                _ => Mode::Fast,
            },
            checkpoint_blocks: args.checkpoint_every,
            ..StoreConfig::default()
        },
    };
    block_on_beside_the_chain(async {
        let asked = running::asked_to_end();
        let start = async {
            // Ports first: that another node runs is the commonest mistake, and the quickest to find.
            let sockets = Sockets::bind(args.ports.ports(), !args.no_dns).await?;
            let sockets = sockets.with(args.ports.extras(MetricsAt::LOOPBACK)).await?;
            running::start(options, sockets).await
        };
        let mut node = start.await.map_err(|e| cannot_start(&e))?;
        let dns = node.dns.map(|a| a.to_string());
        let [rpc_public, metrics] = urls(&node);
        let ready = serde_json::json!({ "schema": 1, "rpc": format!("http://{}/", node.rpc), "rpc_public": rpc_public, "dns": dns, "metrics": metrics, "data": places.dir() });
        let text = format!(
            "RPC http://{}/, public RPC {}, DNS {}, metrics {}, data in {}; Ctrl-C stops\n",
            node.rpc,
            rpc_public.as_deref().unwrap_or("off"),
            dns.as_deref().unwrap_or("off"),
            metrics.as_deref().unwrap_or("off"),
            places.dir().display()
        );
        if let Err(unheard) = print(global, &ready, &text) {
            // Nobody would know where it is.
            let stopped = node.until(std::future::ready(())).await;
            return Err(stopped.map_or_else(|e| ended(&e), |()| unheard));
        }
        let manager = Manager::from_environment();
        manager.tell("READY=1");
        let handle = node.handle.clone();
        let watchdog = manager.clone();
        // The chain's thread must answer: it is what everything else waits for.
        let answers = move || {
            let handle = handle.clone();
            async move { handle.pool_info().await.is_ok() }
        };
        node.add("the watchdog", |stop| watchdog.keep_up(stop, answers));
        let asked = async {
            asked.await;
            manager.tell("STOPPING=1");
        };
        node.until(asked).await.map_err(|e| ended(&e))
    })
}

/// Where a node's public RPC and its metrics are, if it has them.
pub(crate) fn urls(node: &Running) -> [Option<String>; 2] {
    let url = |path: &'static str| move |at: SocketAddr| format!("http://{at}/{path}");
    [
        node.rpc_public.map(url("")),
        node.metrics.map(url("metrics")),
    ]
}

fn miner(
    chain: &Chain,
    payee: &str,
    threads: Option<NonZeroUsize>,
) -> Result<MinerOptions, CliError> {
    let payee = Address::parse(&chain.address_prefix, payee).map_err(|e| {
        CliError::new(
            Exit::Usage,
            "address",
            format!("--mine: {e}"),
            "`sapwood wallet address` prints one",
        )
    })?;
    // Without retargeting nothing else would slow the blocks down.
    let pace = match chain.consensus.retarget {
        true => Pace::Always,
        false => Pace::Slots(chain.consensus.block_time),
    };
    Ok(MinerOptions {
        payee: payee.id(),
        threads: limits::threads(threads),
        pace: watch::channel(pace).1,
    })
}

/// An error of the command line.
pub(crate) fn usage(code: &'static str, message: &str, hint: &str) -> CliError {
    CliError::new(Exit::Usage, code, message, hint)
}

fn zone(chain: &Chain, private_addresses: Option<&str>) -> ZoneConfig {
    let mut zone = ZoneConfig::for_chain(chain);
    if let Some(choice) = private_addresses {
        zone.private_addresses = choice == "allow";
    }
    zone
}

/// `sapwood resolver`
///
/// # Errors
/// If it does not start.
pub(crate) fn resolver(global: &Global, args: &ResolverArgs) -> Result<(), CliError> {
    let chain = chain(global, "main")?;
    let places = find_places(global, &chain)?;
    crate::config::suffix(&args.suffix).map_err(|reason| {
        let message = format!("--suffix {reason}");
        CliError::new(Exit::Usage, "suffix", message, "e.g. --suffix leaf.alt")
    })?;
    let zone = zone(&chain, args.private_addresses.as_deref())
        .with_suffix(&args.suffix)
        .map_err(|e| {
            CliError::new(
                Exit::Usage,
                "suffix",
                e.to_string(),
                "e.g. --suffix leaf.alt",
            )
        })?;
    let url = args.node.clone().or_else(|| global.rpc.clone());
    let cookie_file = global.cookie_file.clone();
    block_on(async {
        let node = Reconnecting::new(Box::new(move || {
            crate::client::connect(&places, url.as_deref(), cookie_file.as_deref())
        }))?;
        let resolver = RemoteResolver::new(node, chain, zone)
            .map_err(|e| CliError::new(Exit::Refused, "not_launched", e.to_string(), ""))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
        let listener = sapwood_resolver::bind(address).await.map_err(|e| {
            CliError::new(
                Exit::Usage,
                "port",
                format!("cannot listen on {address}: {e}"),
                "a node's own DNS may use the port; choose another with --port",
            )
        })?;
        let address = listener.local_addr().unwrap_or(address);
        let asked = running::asked_to_end();
        let ready = serde_json::json!({ "schema": 1, "dns": address.to_string() });
        print(
            global,
            &ready,
            &format!(
                "DNS {address}, every answer proven against headers whose work was checked; Ctrl-C stops\n"
            ),
        )?;
        let manager = Manager::from_environment();
        manager.tell("READY=1");
        let mut parts = Parts::default();
        parts.add("the resolver", |stop| resolver.serve(listener, stop));
        parts.add("the watchdog", |stop| {
            manager.clone().keep_up(stop, || async { true })
        });
        let ended = tokio::select! {
            () = asked => Ok(()),
            ended = parts.first_end() => Err(self::ended(&Ended::Part(ended))),
        };
        manager.tell("STOPPING=1");
        parts.stop().await;
        ended
    })
}

/// The chain that was asked for; `default` where the command has a chain of its own.
///
/// # Errors
/// If there is no such chain, or the chain file cannot be used.
pub(crate) fn chain(global: &Global, default: &str) -> Result<Chain, CliError> {
    if let Some(path) = &global.chain_file {
        return crate::chain_file::read(path);
    }
    let name = global.chain.as_deref().unwrap_or(default);
    let chain = Chain::named(name).ok_or_else(|| {
        CliError::new(
            Exit::Usage,
            "chain",
            format!("no chain `{name}`"),
            "one of main, test, dev",
        )
    })?;
    Ok(chain)
}

pub(crate) fn find_places(global: &Global, chain: &Chain) -> Result<Places, CliError> {
    if chain.genesis.is_none() {
        let message = format!("the {} chain is not launched", chain.name);
        return Err(CliError::new(
            Exit::Refused,
            "not_launched",
            message,
            "use --chain dev (or export SAPWOOD_CHAIN=dev), or --chain-file with a launched chain",
        ));
    }
    if let Some(base) = &global.data_dir {
        crate::config::data_dir(base).map_err(|e| no_place(format!("--data-dir {e}")))?;
    }
    Places::of(global.data_dir.as_deref(), &chain.name).map_err(no_place)
}

fn no_place(message: String) -> CliError {
    CliError::new(
        Exit::Usage,
        "data_dir",
        message,
        "e.g. --data-dir ~/sapwood",
    )
}

/// A start that failed, with the exit code that fits.
pub(crate) fn cannot_start(error: &StartNode) -> CliError {
    let (exit, code) = match error {
        StartNode::Rpc(_) | StartNode::Dns { .. } | StartNode::Metrics { .. } => {
            (Exit::Usage, "port")
        }
        StartNode::Store(_) | StartNode::Chain { .. } | StartNode::Endpoint { .. } => {
            (Exit::Storage, "storage")
        }
        StartNode::System(_) => (Exit::Internal, "system"),
    };
    CliError::new(exit, code, error.to_string(), "")
}

/// A node that ended unasked.
pub(crate) fn ended(error: &Ended) -> CliError {
    let (exit, code) = match error {
        Ended::Storage(_) => (Exit::Storage, "storage_failed"),
        Ended::Part(_) => (Exit::Internal, "part_ended"),
    };
    CliError::new(exit, code, error.to_string(), "")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_part_that_ended_is_exit_5_and_failed_storage_exit_4() {
        let part = ended(&Ended::Part("the miner panicked".to_owned()));
        assert_eq!((part.exit.code(), &*part.code), (5, "part_ended"));
        assert!(part.message.starts_with("the miner panicked"));
        let storage = ended(&Ended::Storage("the disk is full".to_owned()));
        assert_eq!(storage.exit.code(), 4);
    }
}
