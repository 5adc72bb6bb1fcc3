//! The RPC's methods (specs/09 §4): each takes typed parameters, looks at one snapshot, and answers.
//!
//! Parameters, bounds and the envelope are checked before a handler runs; here only what needs the chain: is this an address of it, is that height there.
//! Whatever reads the store is a plain function that runs on a thread where it may wait for the disk, at most `READERS` at once. What waits for the writer or the next head is async.

mod blocks;
mod names;
mod shapes;
mod states;
#[cfg(test)]
mod tests;
mod transactions;

use crate::chain::{Handle, Snapshot};
use crate::exports::Exports;
use jsonrpsee::RpcModule;
use sapwood_primitives::{Address, BlockId, Chain};
use sapwood_rpc::errors;
use sapwood_rpc::server::{CallRefused, add};
use sapwood_rpc::types as t;
use sapwood_store::ReadFailed;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{Semaphore, watch};

/// Version of the JSON forms.
const SCHEMA: u32 = 1;

/// Calls that read the store at once: enough to keep a disk busy, far fewer than the threads that the runtime has for such work.
const READERS: usize = 16;

/// A tip older than this many block times, and [`STALE_SECONDS`], is called behind.
const STALE_BLOCKS: u64 = 30;

/// The least age in seconds at which a tip is called behind.
const STALE_SECONDS: u64 = 600;

/// What the methods are given.
pub struct Api {
    /// The chain.
    pub chain: Arc<Chain>,
    /// Its genesis.
    pub genesis: BlockId,
    /// The writer, and snapshots of what it wrote.
    pub handle: Handle,
    /// Whether this node mines.
    pub mining: bool,
    /// Where its DNS server listens.
    pub dns: Option<SocketAddr>,
    /// Where its data is.
    pub data_dir: PathBuf,
    /// Becomes true when the node stops; a call that waits for a head then answers at once.
    pub stop: watch::Receiver<bool>,
    /// Writes snapshots.
    pub exports: Exports,
    /// From [`Api::readers`].
    pub readers: Arc<Semaphore>,
}

type Result<T> = std::result::Result<T, CallRefused>;

impl Api {
    /// Bounds the calls that read the store at once.
    pub fn readers() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(READERS))
    }

    /// The table of all methods.
    pub fn into_methods(self) -> RpcModule<Self> {
        let mut table = RpcModule::new(self);
        macro_rules! waiting {
            ($($method:ident => $handler:path),* $(,)?) => {
                $(add(&mut table, t::$method, |params, api: Arc<Self>| async move { $handler(&api, params).await });)*
            };
        }
        macro_rules! reading {
            ($($method:ident => $handler:path),* $(,)?) => {
                $(add(&mut table, t::$method, |params, api: Arc<Self>| async move {
                    api.read(move |api| $handler(api, params)).await
                });)*
            };
        }
        waiting! {
            NodeStatus => states::node_status,
            ChainAwaitHead => blocks::await_head,
            TxSubmit => transactions::submit,
            TxStatus => transactions::status,
            MempoolInfo => transactions::mempool,
            MiningTemplate => blocks::template,
            MiningSubmit => blocks::submit,
        }
        reading! {
            ChainHead => blocks::head,
            ChainHeader => blocks::header,
            ChainHeaders => blocks::headers,
            ChainBlock => blocks::block,
            AccountGet => states::account_get,
            AccountProof => states::account_proof,
            NameShow => names::show,
            NameResolve => names::resolve,
            NameProof => names::proof,
            NameList => names::list,
            NamePrice => names::price,
            StateMultiproof => states::multiproof,
            StateAnchor => states::anchor,
            SnapshotWrite => states::snapshot_write,
            SnapshotStatus => states::snapshot_status,
            TxDecode => transactions::decode,
        }
        table
    }

    /// Runs what reads the store on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.readers).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        let api = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            // It is given back when the work is done, even if the caller has gone by then.
            let _place = place;
            work(&api)
        });
        done.await
            .unwrap_or_else(|error| match error.try_into_panic() {
                // As if it had happened here: the server tells the caller, and the log says which method it was.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(blocks::busy("the node is shutting down".to_owned())),
            })
    }

    /// Whether a tip of this time, in seconds since 1970, is too old to be the network's. A chain of one's own stands still while nobody runs it; that is not being behind.
    fn is_behind(&self, tip_time: u64) -> bool {
        let rules = &self.chain.consensus;
        let stale = (STALE_BLOCKS * rules.block_time).max(STALE_SECONDS);
        rules.retarget && now().saturating_sub(tip_time) > stale
    }

    /// Refuses what makes sense on the network's tip only.
    fn must_not_be_behind(&self) -> Result<()> {
        let snapshot = self.snapshot();
        let head = snapshot.head();
        match self.is_behind(head.time) {
            false => Ok(()),
            true => Err(CallRefused::new(
                errors::SYNCING,
                format!(
                    "the last block, at height {}, is {} s old: the node is behind",
                    head.height,
                    now().saturating_sub(head.time)
                ),
            )),
        }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.handle.snapshot()
    }

    fn address(&self, field: &str, text: &str) -> Result<Address> {
        Address::parse(&self.chain.address_prefix, text)
            .map_err(|e| CallRefused::parameter(field, e))
    }

    fn show(&self, id: sapwood_primitives::AccountId) -> String {
        Address::new(&self.chain.address_prefix, id).to_string()
    }
}

/// Seconds since 1970 by this computer's clock.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}

fn storage(error: impl Into<ReadFailed>) -> CallRefused {
    match error.into() {
        // Dozens of blocks came while the answer was made.
        gone @ ReadFailed::Gone(_) => blocks::busy(gone.to_string()),
        ReadFailed::Storage(failed) => {
            CallRefused::new(errors::STORAGE_FAILED, failed.to_string())
        }
    }
}

fn not_found(what: impl Into<String>, hint: &str) -> CallRefused {
    CallRefused::new(errors::NOT_FOUND, what).with_hint(hint)
}
