//! The node as the wallet sees it: something that answers calls.

use std::fmt;
use std::future::Future;
use std::io;

use sapwood_rpc::client::{CallError, Client};
use sapwood_rpc::types::Method;
use serde_json::Value;

/// Answers calls by name. What it says is believed only as far as a proof goes.
pub trait NodeApi {
    /// Calls `method` with an object of parameters.
    ///
    /// # Errors
    /// [`CallError`].
    fn call_json(&self, method: &str, params: Value) -> Result<Value, CallError>;
}

/// Calls a method with its types.
pub(crate) fn call<M: Method>(
    node: &dyn NodeApi,
    params: M::Params,
) -> Result<M::Answer, CallError> {
    let bad = |error: serde_json::Error| CallError::BadAnswer {
        url: M::NAME.to_owned(),
        reason: error.to_string(),
    };
    let params = serde_json::to_value(params).map_err(bad)?;
    serde_json::from_value(node.call_json(M::NAME, params)?).map_err(bad)
}

/// A node behind the RPC. Commands are plain synchronous code, so it brings a small runtime of its own; use it outside of
/// any other.
pub struct RpcNode {
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl RpcNode {
    /// A node behind `client`.
    ///
    /// # Errors
    /// If the operating system gives no event queue.
    pub fn new(client: Client) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self { client, runtime })
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

impl NodeApi for RpcNode {
    fn call_json(&self, method: &str, params: Value) -> Result<Value, CallError> {
        self.wait(self.client.call_json(method, params))
    }
}

impl fmt::Debug for RpcNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RpcNode({:?})", self.client)
    }
}
