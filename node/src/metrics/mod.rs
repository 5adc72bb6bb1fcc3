//! What the node counts, for Prometheus. Every label is one of a few words of our own; nothing that a client sends becomes one.

mod chain;
mod dns;
mod process;
mod rpc;

pub use self::chain::ChainMetrics;
pub use self::dns::Counted;
pub use self::rpc::RpcMetrics;

use self::dns::DnsMetrics;
use self::process::ProcessMetrics;
use crate::api::is_behind;
use crate::chain::Handle;
use crate::health::Pulse;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use sapwood_primitives::Chain;
use sapwood_rpc::types::Access;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A gauge that is set when it is asked for.
type Number = Gauge<i64>;

/// All counts of a node, and where those come from that are taken when they are asked for.
pub struct Metrics {
    registry: Registry,
    rpc: RpcMetrics,
    dns: DnsMetrics,
    process: ProcessMetrics,
    state: StateMetrics,
    handle: Handle,
    chain: Arc<Chain>,
    store: PathBuf,
}

#[derive(Default)]
struct StateMetrics {
    height: Number,
    tip_time: Number,
    syncing: Number,
    parked: Number,
    storage_failed: Number,
    leaves: Number,
    pool_count: Number,
    pool_bytes: Number,
    log_bytes: Number,
    checkpoint_bytes: Number,
    checkpoint_height: Number,
    checkpoint_seconds: Gauge<f64, AtomicU64>,
}

impl Metrics {
    /// Counts for the node of `handle`, whose store is in the folder `store`.
    pub fn new(handle: Handle, chain: Arc<Chain>, store: PathBuf) -> Self {
        let mut registry = Registry::default();
        let process = ProcessMetrics::register(&mut registry);
        let own = registry.sub_registry_with_prefix("sapwood");
        let build = Info::new(vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("chain", chain.name.clone()),
        ]);
        own.register(
            "build",
            "Version of the program and name of the chain",
            build,
        );
        let state = StateMetrics::default();
        state.register(own);
        handle.metrics().register(own);
        Self {
            rpc: RpcMetrics::register(own),
            dns: DnsMetrics::register(own),
            registry,
            process,
            state,
            handle,
            chain,
            store,
        }
    }

    /// Counts of the RPC listener with this access.
    pub fn rpc(&self, access: Access) -> Arc<RpcMetrics> {
        Arc::new(self.rpc.of(access))
    }

    /// `responder`, with its answers counted.
    pub fn count_dns<R>(&self, responder: R) -> Counted<R> {
        self.dns.count(responder)
    }

    /// All of them as OpenMetrics text. Reads `/proc` and lists the store's folder, so it is not for an async task.
    pub fn text(&self, pulse: &Pulse, now: u64) -> String {
        self.look(pulse, now);
        self.process.look();
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes everything");
        text
    }

    /// Sets what is known only when it is asked for.
    fn look(&self, pulse: &Pulse, now: u64) {
        let (state, snapshot) = (&self.state, self.handle.snapshot());
        let head = snapshot.head();
        set(&state.height, head.height.get());
        set(&state.tip_time, head.time);
        let behind = is_behind(&self.chain.consensus, head.time, now);
        set(&state.syncing, u64::from(behind));
        set(&state.parked, snapshot.parked.len() as u64);
        set(
            &state.storage_failed,
            u64::from(snapshot.storage_failed.is_some()),
        );
        set(&state.leaves, snapshot.view().leaves() as u64);
        if let Some(pool) = pulse.pool() {
            set(&state.pool_count, pool.count as u64);
            set(&state.pool_bytes, pool.bytes as u64);
        }
        let files = bytes_of(&self.store);
        set(&state.log_bytes, files.log);
        set(&state.checkpoint_bytes, files.rest);
        let took = snapshot.view().checkpoint_took().unwrap_or_default();
        state.checkpoint_seconds.set(took.as_secs_f64());
        set(
            &state.checkpoint_height,
            snapshot.view().checkpoint().height.get(),
        );
    }
}

impl StateMetrics {
    #[rustfmt::skip]
    fn register(&self, own: &mut Registry) {
        for (name, help, gauge) in [
            ("chain_height", "Height of the tip", &self.height),
            ("chain_tip_time", "Time of the tip, seconds since 1970", &self.tip_time),
            ("chain_syncing", "1 while the tip is too old to be the network's", &self.syncing),
            ("chain_parked_branches", "Heavier branches that fork below the reorg cap", &self.parked),
            ("chain_leaves", "Leaves of the account tree", &self.leaves),
            ("mempool_transactions", "Pending transactions", &self.pool_count),
            ("store_failed", "1 when writing failed and the node only reads", &self.storage_failed),
            ("store_checkpoint_height", "Height of the last checkpoint", &self.checkpoint_height),
        ] {
            own.register(name, help, gauge.clone());
        }
        for (name, help, gauge) in [
            ("mempool_size", "Length of the pending transactions", &self.pool_bytes),
            ("store_log", "The block log on the disk", &self.log_bytes),
            ("store_checkpoint", "The checkpoint's files on the disk", &self.checkpoint_bytes),
        ] {
            own.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        }
        let help = "Time that the last checkpoint took; 0 if none was written since the start";
        let gauge = self.checkpoint_seconds.clone();
        own.register_with_unit("store_checkpoint_write", help, Unit::Seconds, gauge);
    }
}

/// Sets a gauge; what no gauge can show is shown as the most that one can.
fn set(gauge: &Number, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// Bytes of a store's files, by what they belong to.
#[derive(Default)]
struct Bytes {
    log: u64,
    rest: u64,
}

fn bytes_of(store: &Path) -> Bytes {
    let mut bytes = Bytes::default();
    // A folder that cannot be read shows as empty; that storage failed is said elsewhere.
    let files = fs::read_dir(store).into_iter().flatten().flatten();
    for file in files {
        let length = file.metadata().map_or(0, |data| data.len());
        let name = file.file_name();
        let kind = Path::new(&name).extension().and_then(|kind| kind.to_str());
        match kind {
            Some("seg" | "idx") => bytes.log += length,
            _ => bytes.rest += length,
        }
    }
    bytes
}
