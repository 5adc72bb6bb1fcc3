//! Whether the node is alive, and whether it is of use: what `/livez` and `/readyz` say.

use crate::api::is_behind;
use crate::chain::{Handle, Snapshot};
use crate::mempool::Info;
use sapwood_primitives::chain::Consensus;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two beats.
const BEAT: Duration = Duration::from_secs(1);

/// After so long without a beat the chain's thread is called stalled. The slowest step, a reorg of a few hundred full blocks, takes less.
const STALLED: Duration = Duration::from_secs(60);

/// The last sign of life of the chain's thread.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<Mutex<Beat>>);

#[derive(Clone, Copy, Debug)]
struct Beat {
    at: Instant,
    pool: Option<Info>,
}

impl Default for Pulse {
    fn default() -> Self {
        let at = Instant::now();
        Self(Arc::new(Mutex::new(Beat { at, pool: None })))
    }
}

impl Pulse {
    /// Asks the chain's thread for a sign of life again and again; it ends only by being dropped.
    pub async fn feel(self, handle: Handle) {
        loop {
            // A full queue or an ended thread is no beat.
            if let Ok(info) = handle.pool_info().await {
                self.beat(info);
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    fn beat(&self, info: Info) {
        let mut beat = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *beat = Beat {
            at: Instant::now(),
            pool: Some(info),
        };
    }

    /// How long ago the last beat was; after a start, how long ago that was.
    pub fn age(&self) -> Duration {
        self.last().at.elapsed()
    }

    /// Numbers of the mempool at the last beat.
    pub fn pool(&self) -> Option<Info> {
        self.last().pool
    }

    fn last(&self) -> Beat {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a node is not alive or not of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A stable code.
    pub code: &'static str,
    /// A sentence.
    pub message: String,
}

/// What `/livez` and `/readyz` answer with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether all is well.
    pub ok: bool,
    /// Height of the tip.
    pub height: u64,
    /// Seconds since the tip's time, by the node's clock.
    pub tip_age: u64,
    /// Why it is not.
    pub reasons: Vec<Reason>,
}

/// Whether the chain's thread works.
pub fn live(snapshot: &Snapshot, age: Duration, now: u64) -> Health {
    let stalled = (age > STALLED).then(|| Reason {
        code: "chain_stalled",
        message: format!(
            "the chain's thread has given no sign of life for {} s; restart the node if this lasts",
            age.as_secs()
        ),
    });
    health(snapshot, now, stalled)
}

/// Whether answers are those of the network's tip and transactions are taken.
pub fn ready(snapshot: &Snapshot, age: Duration, rules: &Consensus, now: u64) -> Health {
    let tip_age = now.saturating_sub(snapshot.head().time);
    let mut reasons = live(snapshot, age, now).reasons;
    if let Some(failed) = &snapshot.storage_failed {
        reasons.push(Reason {
            code: "storage_failed",
            message: format!("{failed}; check the disk and start the node again"),
        });
    }
    if is_behind(rules, snapshot.head().time, now) {
        reasons.push(Reason {
            code: "syncing",
            message: format!("the last block is {tip_age} s old: the node is behind"),
        });
    }
    health(snapshot, now, reasons)
}

fn health(snapshot: &Snapshot, now: u64, reasons: impl IntoIterator<Item = Reason>) -> Health {
    let reasons: Vec<_> = reasons.into_iter().collect();
    Health {
        ok: reasons.is_empty(),
        height: snapshot.head().height.get(),
        tip_age: now.saturating_sub(snapshot.head().time),
        reasons,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::chain::tests::kit::{chain, ledger};
    use sapwood_store::StorageFailed;

    fn codes(health: &Health) -> Vec<&'static str> {
        assert_eq!(health.ok, health.reasons.is_empty());
        health.reasons.iter().map(|reason| reason.code).collect()
    }

    #[test]
    fn a_thread_that_gives_no_sign_is_stalled_and_neither_live_nor_ready() {
        let ledger = ledger(&chain());
        let (snapshot, rules) = (ledger.snapshot(), &chain().consensus);
        let now = snapshot.head().time;
        assert_eq!(codes(&live(&snapshot, STALLED, now)), [""; 0]);
        let late = STALLED + Duration::from_secs(1);
        assert_eq!(codes(&live(&snapshot, late, now)), ["chain_stalled"]);
        assert_eq!(
            codes(&ready(&snapshot, late, rules, now)),
            ["chain_stalled"]
        );
    }

    #[test]
    fn a_node_is_ready_unless_it_is_behind_or_its_storage_failed() {
        let mut ledger = ledger(&chain());
        let (age, time) = (Duration::ZERO, ledger.tip().time);
        let mut rules = chain().consensus.clone();
        rules.retarget = true;
        let stale = time + 700;
        let judge =
            |snapshot: &Snapshot, rules: &Consensus| codes(&ready(snapshot, age, rules, stale));
        let good = ledger.snapshot();
        let health = ready(&good, age, &rules, time + 5);
        assert_eq!((health.ok, health.tip_age, health.height), (true, 5, 0));
        assert_eq!(judge(&good, &rules), ["syncing"]);
        assert_eq!(
            judge(&good, &chain().consensus),
            [""; 0],
            "a chain of one's own"
        );
        ledger.fail(&StorageFailed::new("committing", "no space left"));
        let failed = ledger.snapshot();
        assert_eq!(judge(&failed, &rules), ["storage_failed", "syncing"]);
        let health = ready(&failed, age, &rules, time);
        assert!(health.reasons[0].message.contains("no space left"));
        assert!(
            live(&failed, age, time).ok,
            "a process that still reads is not to be killed"
        );
    }
}
