//! A node that may be started again while the resolver runs: its cookie, and perhaps its port, are others then.

use sapwood_primitives::{BlockId, Height, Name};
use sapwood_resolver::remote::{NodeApi, NodeAway};
use sapwood_rpc::client::{CallError, Client};
use sapwood_rpc::types::{Head, Headers, Method, NameProven};
use sapwood_wallet::command::CliError;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// Makes a client from the files as they are now.
type Connect = Box<dyn Fn() -> Result<Client, CliError> + Send + Sync>;

/// A client that is made anew, for the next call, when one fails.
pub(crate) struct Reconnecting {
    connect: Connect,
    client: RwLock<Client>,
}

impl Reconnecting {
    /// Connects for the first time.
    ///
    /// # Errors
    /// What `connect` says.
    pub(crate) fn new(connect: Connect) -> Result<Self, CliError> {
        let client = RwLock::new(connect()?);
        Ok(Self { connect, client })
    }

    /// Where the node is, as far as is known.
    pub(crate) fn url(&self) -> String {
        self.client().url().to_owned()
    }

    /// Calls a method. After a failure that is not the node's own word the files are read again, for the next call.
    ///
    /// # Errors
    /// What the client says.
    pub(crate) async fn call<M: Method>(&self, params: M::Params) -> Result<M::Answer, CliError> {
        let answer = self.client().call::<M>(params).await;
        let is_away = match &answer {
            Err(CallError::Refused { code, .. }) => code == "unauthorized",
            answer => answer.is_err(),
        };
        if is_away {
            self.connect_again();
        }
        Ok(answer?)
    }

    fn client(&self) -> Client {
        let client = self.client.read();
        client.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Passes an answer on; after a failure the files are read again. While no node runs there is nothing to read, and the old client stays.
    fn seen<T>(&self, answer: Result<T, NodeAway>) -> Result<T, NodeAway> {
        if answer.is_err() {
            self.connect_again();
        }
        answer
    }

    fn connect_again(&self) {
        if let Ok(client) = (self.connect)() {
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
        }
    }
}

impl NodeApi for Reconnecting {
    async fn head(&self) -> Result<Head, NodeAway> {
        self.seen(NodeApi::head(&self.client()).await)
    }

    async fn await_head(&self, after: BlockId, timeout: Duration) -> Result<Head, NodeAway> {
        self.seen(self.client().await_head(after, timeout).await)
    }

    async fn headers(&self, from: Height, count: u32) -> Result<Headers, NodeAway> {
        self.seen(self.client().headers(from, count).await)
    }

    async fn name_proof(&self, name: &Name) -> Result<NameProven, NodeAway> {
        self.seen(self.client().name_proof(name).await)
    }
}
