//! What the resolver asks of a node, and the client that asks it.

use sapwood_primitives::{BlockId, Height, Name};
use sapwood_rpc::client::Client;
use sapwood_rpc::types::{
    At, AwaitParams, ChainAwaitHead, ChainHead, ChainHeaders, Head, Headers, HeadersParams,
    NameProof, NameProofParams, NameProven, NoParams,
};
use std::future::Future;
use std::time::Duration;

/// The node gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NodeAway(pub String);

/// The methods of a node that are needed (specs/09 §4). Everything that they give is checked.
pub trait NodeApi: Send + Sync + 'static {
    /// The tip.
    fn head(&self) -> impl Future<Output = Result<Head, NodeAway>> + Send;

    /// The tip, once it is another than `after`, or at the timeout (at most 30 s).
    fn await_head(
        &self,
        after: BlockId,
        timeout: Duration,
    ) -> impl Future<Output = Result<Head, NodeAway>> + Send;

    /// Headers of the main chain from a height on, at most 2,000.
    fn headers(
        &self,
        from: Height,
        count: u32,
    ) -> impl Future<Output = Result<Headers, NodeAway>> + Send;

    /// A name and its owner's account at the trusted depth, with proofs.
    fn name_proof(&self, name: &Name) -> impl Future<Output = Result<NameProven, NodeAway>> + Send;
}

impl NodeApi for Client {
    async fn head(&self) -> Result<Head, NodeAway> {
        self.call::<ChainHead>(NoParams {}).await.map_err(away)
    }

    async fn await_head(&self, after: BlockId, timeout: Duration) -> Result<Head, NodeAway> {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.call::<ChainAwaitHead>(AwaitParams { after, timeout_ms })
            .await
            .map_err(away)
    }

    async fn headers(&self, from: Height, count: u32) -> Result<Headers, NodeAway> {
        self.call::<ChainHeaders>(HeadersParams { from, count })
            .await
            .map_err(away)
    }

    async fn name_proof(&self, name: &Name) -> Result<NameProven, NodeAway> {
        let params = NameProofParams {
            name: name.clone(),
            at: At::Trusted,
            anchor: None,
        };
        self.call::<NameProof>(params).await.map_err(away)
    }
}

fn away(error: impl std::fmt::Display) -> NodeAway {
    NodeAway(error.to_string())
}
