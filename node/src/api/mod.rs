//! The RPC's methods (specs/09 §4): each takes typed parameters, looks at one snapshot, and answers.
//!
//! Parameters, bounds and the envelope are checked before a handler runs; here only what needs the chain: is this an address of it, is that height there.
//! Whatever reads the store is a plain function that runs on a thread where it may wait for the disk, at most `READERS` at once. What waits for the writer or the next head is async.

mod blocks;
mod discover;
mod names;
mod shapes;
mod states;
#[cfg(test)]
mod tests;
mod transactions;

use crate::chain::{Handle, Snapshot};
use crate::exports::Exports;
use jsonrpsee::RpcModule;
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{Address, BlockId, Chain};
use sapwood_rpc::errors;
use sapwood_rpc::server::{CallRefused, add};
use sapwood_rpc::types::{self as t, Access};
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
#[derive(Clone)]
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
    /// Who calls.
    pub access: Access,
    /// How many calls work at once.
    pub turns: Turns,
}

/// Bounds the calls of a listener that work at once, so that one listener's callers do not take the disk and the writer from the other's.
#[derive(Clone)]
pub struct Turns {
    /// Those that read the store.
    readers: Arc<Semaphore>,
    /// Those that wait for the chain's thread. All together are fewer than the commands that may wait there.
    askers: Arc<Semaphore>,
}

impl Turns {
    /// Turns for the listener with this access.
    pub fn of(access: Access) -> Self {
        let (readers, askers) = match access {
            Access::Private => (READERS, 32),
            Access::Public => (4, 8),
        };
        Self {
            readers: Arc::new(Semaphore::new(readers)),
            askers: Arc::new(Semaphore::new(askers)),
        }
    }
}

type Result<T> = std::result::Result<T, CallRefused>;

impl Api {
    /// The same for another listener.
    #[must_use]
    pub fn with_access(&self, access: Access) -> Self {
        Self {
            access,
            turns: Turns::of(access),
            ..self.clone()
        }
    }

    /// The table of the methods that its listener answers.
    pub fn into_methods(self) -> RpcModule<Self> {
        let access = self.access;
        let mut table = RpcModule::new(self);
        macro_rules! waiting {
            ($($method:ident => $handler:path),* $(,)?) => {
                $(add(&mut table, t::$method, |params, api: Arc<Self>| async move { $handler(&api, params).await });)*
            };
        }
        macro_rules! asking {
            ($($method:ident => $handler:path),* $(,)?) => {
                $(add(&mut table, t::$method, |params, api: Arc<Self>| async move {
                    let turn = Arc::clone(&api.turns.askers).acquire_owned().await;
                    let _turn = turn.expect("the semaphore is never closed");
                    $handler(&api, params).await
                });)*
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
            RpcDiscover => discover::document,
            ChainAwaitHead => blocks::await_head,
        }
        asking! {
            NodeStatus => states::node_status,
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
        for method in t::METHODS.iter().filter(|method| method.access > access) {
            table.remove_method(method.name);
        }
        table
    }

    /// Runs what reads the store on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.turns.readers).acquire_owned().await;
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

    fn is_behind(&self, tip_time: u64) -> bool {
        is_behind(&self.chain.consensus, tip_time, now())
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

/// Whether a tip of this time is too old to be the network's; both times in seconds since 1970. A chain of one's own stands still while nobody runs it; that is not being behind.
pub fn is_behind(rules: &Consensus, tip_time: u64, now: u64) -> bool {
    let stale = (STALE_BLOCKS * rules.block_time).max(STALE_SECONDS);
    rules.retarget && now.saturating_sub(tip_time) > stale
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
        ReadFailed::Storage(failed) => CallRefused::new(errors::STORAGE_FAILED, failed.to_string()),
    }
}

fn not_found(what: impl Into<String>, hint: &str) -> CallRefused {
    CallRefused::new(errors::NOT_FOUND, what).with_hint(hint)
}
