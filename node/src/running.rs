//! A node at work: opens the store, starts the chain's thread, RPC, DNS and miner, and ends them together.

use crate::api::{Api, Turns, now};
use crate::chain::{Handle, Ledger, OpenChain, Service, Stopped};
use crate::exports::Exports;
use crate::mempool::{Limits as PoolLimits, Mempool};
use crate::metrics::Metrics;
use crate::mining::{self, MinerOptions};
use crate::monitor::Monitor;
use crate::names::OwnNames;
use crate::places::Places;
pub use crate::sockets::{Extras, Sockets};
use crate::supervisor::{Parts, Stop};
use sapwood_primitives::{BlockId, Chain};
use sapwood_resolver::{Listener, Local, Respond, ZoneConfig};
use sapwood_rpc::server::{
    BindError, BoundServer, Cookie, read_endpoint_file, write_endpoint_file,
};
use sapwood_rpc::types::Access;
use sapwood_store::{Config as StoreConfig, OpenStore, Store};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};

/// What a node is made of.
#[derive(Debug)]
pub struct Options {
    /// The chain.
    pub chain: Chain,
    /// Its data.
    pub places: Places,
    /// The built-in miner, if it is to mine.
    pub mine: Option<MinerOptions>,
    /// What its DNS server answers for, if it has one.
    pub dns: ZoneConfig,
    /// How its store works.
    pub store: StoreConfig,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartNode {
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenStore),
    /// What is in the store.
    #[error("{}: {error}", path.display())]
    Chain {
        /// The store's file.
        path: PathBuf,
        /// What was found.
        error: OpenChain,
    },
    /// The RPC's port.
    #[error(transparent)]
    Rpc(#[from] BindError),
    /// The DNS server's port.
    #[error(
        "DNS cannot listen on {address}: {error}; stop what does, or choose other ports with --port-base or --ports auto"
    )]
    Dns {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The port of health and metrics.
    #[error(
        "health and metrics cannot be served on {address}: {error}; stop what does, choose another address with --metrics, or --metrics off"
    )]
    Metrics {
        /// Where they were to be served.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The endpoint file.
    #[error("cannot write {}: {error}", path.display())]
    Endpoint {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The system gave no thread or no randomness.
    #[error("the system refused: {0}")]
    System(String),
}

/// Why a node ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// Storage failed while it ran.
    #[error("{0}")]
    Storage(String),
    /// A part of it ended by itself, which is a bug.
    #[error("{0}; this is a bug, please report it")]
    Part(String),
}

/// A running node. It must be ended with [`Running::until`]; what is only dropped leaves the endpoint file behind.
pub struct Running {
    /// The chain.
    pub handle: Handle,
    /// Where the RPC listens.
    pub rpc: SocketAddr,
    /// Where DNS listens, if it does.
    pub dns: Option<SocketAddr>,
    /// Where the RPC for everybody listens, if it does.
    pub rpc_public: Option<SocketAddr>,
    /// Where health and metrics are served, if they are.
    pub metrics: Option<SocketAddr>,
    endpoint: PathBuf,
    cookie: Cookie,
    service: Service,
    parts: Parts,
}

/// Starts a node.
///
/// # Errors
/// [`StartNode`]; nothing runs then.
pub async fn start(options: Options, sockets: Sockets) -> Result<Running, StartNode> {
    let system = |e: &dyn std::fmt::Display| StartNode::System(e.to_string());
    let chain = Arc::new(options.chain);
    let rpc = sockets.rpc.local_addr();
    let dns = sockets.dns.as_ref().map(Listener::local_addr);
    let dns = dns.transpose().map_err(|e| system(&e))?;
    let rpc_public = sockets.rpc_public.as_ref().map(BoundServer::local_addr);
    let metrics_at = sockets.metrics_address().map_err(|e| system(&e))?;
    // The threads that check and store blocks are begun by this thread and by one that it begins, so that they have its priority and not that of a thread that serves callers.
    rayon::current_num_threads();
    let (places, config, own) = (options.places.clone(), options.store, Arc::clone(&chain));
    let (reply, opened) = oneshot::channel();
    let opening = thread::Builder::new().name("open".into());
    opening
        .spawn(move || reply.send(open(own, places.dir(), config)).is_ok())
        .map_err(|e| system(&e))?;
    let ledger = opened.await.map_err(|e| system(&e))??;
    let genesis = *ledger.genesis();
    let pool = Mempool::new(PoolLimits::default());
    let service = Service::start(ledger, pool, Box::new(now)).map_err(|e| system(&e))?;
    let endpoint = options.places.endpoint();
    let url = format!("http://{rpc}/");
    if let Err(error) = write_endpoint_file(&endpoint, &url, &sockets.cookie) {
        // The error is the file's; storage that failed in this moment will be found at the next start.
        let _ = tokio::task::spawn_blocking(move || service.stop()).await;
        return Err(StartNode::Endpoint {
            path: endpoint,
            error,
        });
    }
    let parts = Parts::default();
    let stopped = parts.stopping();
    let mut running = Running {
        handle: service.handle(),
        rpc,
        dns,
        rpc_public,
        metrics: metrics_at,
        endpoint,
        cookie: sockets.cookie,
        service,
        parts,
    };
    let api = Api {
        chain: Arc::clone(&chain),
        genesis,
        handle: running.handle.clone(),
        mining: options.mine.is_some(),
        dns,
        data_dir: options.places.dir().to_owned(),
        stop: stopped.clone(),
        exports: Exports::default(),
        access: Access::Private,
        turns: Turns::of(Access::Private),
    };
    let store = Store::directory_in(options.places.dir());
    let metrics = Metrics::new(running.handle.clone(), Arc::clone(&chain), store);
    let metrics = Arc::new(metrics);
    if let Some(bound) = sockets.rpc_public {
        let methods = api.with_access(Access::Public).into_methods();
        let bound = bound.observed_by(metrics.rpc(Access::Public));
        running.add("the public RPC server", |stop| bound.serve(methods, stop));
    }
    let bound = sockets.rpc.observed_by(metrics.rpc(Access::Private));
    let methods = api.into_methods();
    running.add("the RPC server", |stop| bound.serve(methods, stop));
    if let Some(listener) = sockets.metrics {
        let monitor = Monitor {
            chain: Arc::clone(&chain),
            handle: running.handle.clone(),
            metrics: Arc::clone(&metrics),
        };
        running.add("the monitoring", |stop| monitor.serve(listener, stop));
    }
    let heads = running.handle.head_changed();
    running.add("the chain", |stop| thread_ended(heads, stop));
    if let Some(listener) = sockets.dns {
        let names = OwnNames::new(running.handle.clone(), chain);
        let local = Arc::new(metrics.count_dns(Local::new(names, options.dns)));
        running
            .parts
            .add_again("the DNS server", dns_server(listener, local));
    }
    if let Some(mine) = options.mine {
        let handle = running.handle.clone();
        running.add("the miner", |_| mining::run(handle, mine, stopped));
    }
    Ok(running)
}

/// Done when the chain's thread is gone, which drops its end of the channel, or when the node stops. A panic there would otherwise be seen by nobody.
async fn thread_ended(mut heads: watch::Receiver<BlockId>, stop: impl Future<Output = ()>) {
    let gone = async { while heads.changed().await.is_ok() {} };
    tokio::select! {
        () = gone => {}
        () = stop => {}
    }
}

fn open(chain: Arc<Chain>, dir: &Path, config: StoreConfig) -> Result<Ledger, StartNode> {
    let store = Store::open(dir, &chain, config)?;
    Ledger::open(chain, store).map_err(|error| StartNode::Chain {
        path: Store::directory_in(dir),
        error,
    })
}

/// Serves DNS; when it is begun again, on the same port. It only reads, so what panicked left nothing half-done.
fn dns_server(
    listener: Listener,
    local: Arc<impl Respond>,
) -> impl FnMut(Stop) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let address = listener.local_addr();
    let mut first = Some(listener);
    move |stop| {
        let (first, local) = (first.take(), Arc::clone(&local));
        let address = address.as_ref().ok().copied();
        Box::pin(async move {
            let bound = match (first, address) {
                (Some(listener), _) => Some(listener),
                (None, Some(address)) => sapwood_resolver::bind(address).await.ok(),
                (None, None) => None,
            };
            // Without its port it ends, and is begun again.
            if let Some(listener) = bound {
                listener.serve(local, stop).await;
            }
        })
    }
}

impl Running {
    /// Adds a part that ends when the node stops; `run` is given a future that is done then.
    pub fn add<F>(&mut self, name: &'static str, run: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.parts.add(name, run);
    }

    /// Waits until `asked` is done, or a part ends that should not, and then stops everything.
    ///
    /// # Errors
    /// [`Ended`] if it was not asked to, or storage failed.
    pub async fn until(mut self, asked: impl Future<Output = ()>) -> Result<(), Ended> {
        let unexpected = tokio::select! {
            () = asked => None,
            ended = self.parts.first_end() => Some(ended),
        };
        self.parts.stop().await;
        // Clients that look for the file must not find a node that is gone.
        remove_endpoint_file(&self.endpoint, &self.cookie);
        let service = self.service;
        let stopped = tokio::task::spawn_blocking(move || service.stop()).await;
        match (stopped, unexpected) {
            (Ok(Err(Stopped::Storage(failed))), _) => Err(Ended::Storage(failed.to_string())),
            (Ok(Err(Stopped::Panicked)), _) => Err(Ended::Part("the chain panicked".to_owned())),
            (Err(error), _) => Err(Ended::Part(error.to_string())),
            (Ok(Ok(())), Some(part)) => Err(Ended::Part(part)),
            (Ok(Ok(())), None) => Ok(()),
        }
    }
}

/// Removes the endpoint file if it is this node's. Another node may have written its own since, in a directory that was moved away and made anew.
fn remove_endpoint_file(path: &Path, cookie: &Cookie) {
    let own = read_endpoint_file(path).is_ok_and(|file| file.cookie.reveal() == cookie.reveal());
    // If it cannot be removed, clients find that nobody listens there.
    if own && let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "the endpoint file could not be removed");
    }
}

/// Done when the process is asked to end: Ctrl-C, SIGTERM, or SIGHUP when its terminal goes. All are caught from the call on, not only from the first poll, so call it before telling anybody that
/// the process is ready.
pub fn asked_to_end() -> impl Future<Output = ()> + Send {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let [interrupt, terminate, hangup] = kinds.map(signal);
    async move {
        tokio::select! {
            () = arrival(interrupt) => {}
            () = arrival(terminate) => {}
            () = arrival(hangup) => {}
        }
    }
}

/// Done when the signal comes; never if the system does not let it be caught, because then it ends the process by itself.
async fn arrival(signal: io::Result<Signal>) {
    match signal {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::places::Ports;

    #[tokio::test]
    async fn the_part_of_the_chain_ends_when_its_thread_is_gone_and_not_at_a_new_head() {
        let (heads, watched) = watch::channel(BlockId::default());
        let part = tokio::spawn(thread_ended(watched.clone(), std::future::pending()));
        heads.send_replace(BlockId([1; 32]));
        tokio::task::yield_now().await;
        assert!(!part.is_finished());
        drop(heads);
        part.await.unwrap();
        let (heads, watched) = watch::channel(BlockId::default());
        thread_ended(watched, std::future::ready(())).await;
        drop(heads);
    }

    #[tokio::test]
    async fn a_part_that_panics_stops_the_node_in_order_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let chain = Chain::named("dev").unwrap();
        let places = Places::of(Some(folder.path()), &chain.name).unwrap();
        let options = Options {
            dns: ZoneConfig::for_chain(&chain),
            chain: chain.clone(),
            places: places.clone(),
            mine: None,
            store: StoreConfig::default(),
        };
        let sockets = Sockets::bind(Ports::Auto, true).await.unwrap();
        let mut node = start(options, sockets).await.unwrap();
        assert!(places.endpoint().exists());
        node.add("the page", |_| async { panic!("the test's panic") });
        let ended = node.until(std::future::pending()).await;
        assert_eq!(ended, Err(Ended::Part("the page panicked".to_owned())));
        assert!(!places.endpoint().exists());
        // The store was let go of, whole.
        drop(open(Arc::new(chain), places.dir(), StoreConfig::default()).unwrap());
    }

    #[tokio::test]
    async fn a_node_removes_its_own_endpoint_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rpc.json");
        let (own, other) = (Cookie::generate().unwrap(), Cookie::generate().unwrap());
        write_endpoint_file(&path, "http://127.0.0.1:1/", &other).unwrap();
        remove_endpoint_file(&path, &own);
        assert!(path.exists());
        remove_endpoint_file(&path, &other);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_node_that_cannot_write_its_endpoint_file_lets_go_of_its_store() {
        let folder = tempfile::tempdir().unwrap();
        let chain = Chain::named("dev").unwrap();
        let places = Places::of(Some(folder.path()), &chain.name).unwrap();
        let options = || Options {
            chain: chain.clone(),
            places: places.clone(),
            mine: None,
            dns: ZoneConfig::for_chain(&chain),
            store: StoreConfig::default(),
        };
        std::fs::create_dir_all(places.endpoint().join("in the way")).unwrap();
        let sockets = Sockets::bind(Ports::Auto, true).await.unwrap();
        let failed = start(options(), sockets).await;
        assert!(matches!(failed.err(), Some(StartNode::Endpoint { .. })));
        std::fs::remove_dir_all(places.endpoint()).unwrap();
        let sockets = Sockets::bind(Ports::Auto, true).await.unwrap();
        let node = start(options(), sockets).await.unwrap();
        node.until(std::future::ready(())).await.unwrap();
        assert!(!places.endpoint().exists());
    }
}
