//! What the chain's thread counts.

use crate::chain::Change;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Counts of the chain's thread; clones share them.
#[derive(Clone, Debug)]
pub struct ChainMetrics {
    connected: Counter,
    reverted: Counter,
    transactions: Counter,
    reorg_depth: Histogram,
    connect_seconds: Histogram,
}

impl Default for ChainMetrics {
    fn default() -> Self {
        Self {
            connected: Counter::default(),
            reverted: Counter::default(),
            transactions: Counter::default(),
            reorg_depth: Histogram::new([1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0, 96.0, 192.0]),
            // 1 ms to 16 s.
            connect_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
        }
    }
}

impl ChainMetrics {
    /// Counts a step of the tip that took so long.
    pub(crate) fn connected(&self, change: &Change, took: Duration) {
        self.connect_seconds.observe(took.as_secs_f64());
        self.connected.inc_by(change.connected.len() as u64);
        self.transactions.inc_by(change.transactions);
        if !change.reverted.is_empty() {
            self.reverted.inc_by(change.reverted.len() as u64);
            self.reorg_depth.observe(change.reverted.len() as f64);
        }
    }

    pub(super) fn register(&self, own: &mut Registry) {
        let mut add =
            |name: &str, help: &str, counter: &Counter| own.register(name, help, counter.clone());
        add(
            "chain_blocks_connected",
            "Blocks that joined the main chain",
            &self.connected,
        );
        add(
            "chain_blocks_reverted",
            "Blocks that left the main chain",
            &self.reverted,
        );
        add(
            "chain_transactions",
            "Transactions of blocks that joined the main chain",
            &self.transactions,
        );
        own.register(
            "chain_reorg_depth",
            "Blocks that left the main chain at once",
            self.reorg_depth.clone(),
        );
        own.register_with_unit(
            "chain_block_connect",
            "From a block's arrival at the chain's thread to its being durable, where it became the tip",
            Unit::Seconds,
            self.connect_seconds.clone(),
        );
    }
}
