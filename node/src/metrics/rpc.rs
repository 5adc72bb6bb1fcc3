//! What the RPC listeners count.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use sapwood_rpc::server::Observe;
use sapwood_rpc::types::Access;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Listener {
    listener: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    listener: &'static str,
    method: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    listener: &'static str,
    reason: &'static str,
}

/// Counts of one listener.
#[derive(Clone, Debug)]
pub struct RpcMetrics {
    listener: &'static str,
    calls: Family<Call, Counter>,
    seconds: Family<Method, Histogram, fn() -> Histogram>,
    refused: Family<Refusal, Counter>,
    connections: Family<Listener, Gauge>,
}

/// 100 µs to 26 s: the longest call is a long poll of 30 s.
fn latencies() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 10))
}

impl RpcMetrics {
    pub(super) fn register(own: &mut Registry) -> Self {
        let all = Self {
            listener: "",
            calls: Family::default(),
            seconds: Family::new_with_constructor(latencies),
            refused: Family::default(),
            connections: Family::default(),
        };
        own.register(
            "rpc_requests",
            "Calls answered, by method and code",
            all.calls.clone(),
        );
        own.register_with_unit(
            "rpc_request_duration",
            "From a call's dispatch to its answer",
            Unit::Seconds,
            all.seconds.clone(),
        );
        own.register(
            "rpc_refused",
            "Requests and connections refused by HTTP status, by reason",
            all.refused.clone(),
        );
        own.register(
            "rpc_connections",
            "Connections served now",
            all.connections.clone(),
        );
        all
    }

    /// Those of the listener with this access.
    pub(super) fn of(&self, access: Access) -> Self {
        let listener = match access {
            Access::Private => "private",
            Access::Public => "public",
        };
        let own = Self {
            listener,
            ..self.clone()
        };
        own.gauge(|_| ());
        own
    }

    /// Also makes the gauge known, so that a listener without connections shows 0.
    fn gauge(&self, change: impl FnOnce(&Gauge)) {
        let label = Listener {
            listener: self.listener,
        };
        change(&self.connections.get_or_create(&label));
    }
}

impl Observe for RpcMetrics {
    fn connected(&self) {
        self.gauge(|gauge| {
            gauge.inc();
        });
    }

    fn disconnected(&self) {
        self.gauge(|gauge| {
            gauge.dec();
        });
    }

    fn refused(&self, code: &'static str) {
        let label = Refusal {
            listener: self.listener,
            reason: code,
        };
        self.refused.get_or_create(&label).inc();
    }

    fn called(&self, method: &'static str, outcome: &'static str, took: Duration) {
        let label = Call {
            listener: self.listener,
            method,
            code: outcome,
        };
        self.calls.get_or_create(&label).inc();
        self.seconds
            .get_or_create(&Method { method })
            .observe(took.as_secs_f64());
    }
}
