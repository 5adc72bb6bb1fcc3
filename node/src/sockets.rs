//! The ports of a node, taken before anything else is begun.

use crate::places::{Ports, Service as Place};
use crate::running::StartNode;
use sapwood_resolver::Listener;
use sapwood_rpc::server::{BoundServer, Cookie, Limits, ServerConfig};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// A call may take as long as the longest poll, and a little more to write its answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(35);

/// Listeners that a node has only if it is told to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// The RPC for everybody.
    pub rpc_public: Option<SocketAddr>,
    /// Health and metrics.
    pub metrics: Option<SocketAddr>,
}

/// The ports of a node, taken and not yet served, so that nothing is begun that cannot be finished.
#[derive(Debug)]
pub struct Sockets {
    pub(crate) rpc: BoundServer,
    pub(crate) cookie: Cookie,
    pub(crate) dns: Option<Listener>,
    pub(crate) rpc_public: Option<BoundServer>,
    pub(crate) metrics: Option<TcpListener>,
}

impl Sockets {
    /// Takes the ports of the RPC and, if there is to be one, of the DNS server.
    ///
    /// # Errors
    /// [`StartNode::Rpc`], [`StartNode::Dns`], or [`StartNode::System`] if there is no randomness for the cookie.
    pub async fn bind(ports: Ports, dns: bool) -> Result<Self, StartNode> {
        let cookie = Cookie::generate().map_err(|e| StartNode::System(e.to_string()))?;
        let address = ports.address(Place::Rpc);
        let mut config = ServerConfig::new(address, Some(cookie.clone()));
        wait_for_polls(&mut config.limits);
        let rpc = sapwood_rpc::server::bind(config).await?;
        let address = ports.address(Place::Dns);
        let dns = match dns {
            true => Some(
                sapwood_resolver::bind(address)
                    .await
                    .map_err(|error| StartNode::Dns { address, error })?,
            ),
            false => None,
        };
        Ok(Self {
            rpc,
            cookie,
            dns,
            rpc_public: None,
            metrics: None,
        })
    }

    /// Takes the ports of what a node has only if it is told to.
    ///
    /// # Errors
    /// [`StartNode::Rpc`] or [`StartNode::Metrics`].
    pub async fn with(mut self, extras: Extras) -> Result<Self, StartNode> {
        if let Some(address) = extras.rpc_public {
            let mut config = ServerConfig::public(address);
            wait_for_polls(&mut config.limits);
            self.rpc_public = Some(sapwood_rpc::server::bind(config).await?);
        }
        if let Some(address) = extras.metrics {
            let bound = TcpListener::bind(address).await;
            let bound = bound.map_err(|error| StartNode::Metrics { address, error })?;
            self.metrics = Some(bound);
        }
        Ok(self)
    }

    /// Where health and metrics are served, if they are.
    pub(crate) fn metrics_address(&self) -> io::Result<Option<SocketAddr>> {
        self.metrics
            .as_ref()
            .map(TcpListener::local_addr)
            .transpose()
    }
}

fn wait_for_polls(limits: &mut Limits) {
    limits.call_timeout = CALL_TIMEOUT;
}
