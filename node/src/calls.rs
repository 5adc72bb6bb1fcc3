//! `sapwood rpc`: any method by its name, and the list of them.

use crate::cli::RpcArgs;
use sapwood_rpc::client::Client;
use sapwood_rpc::types as t;
use sapwood_wallet::command::CliError;
use serde_json::{Value, json};

/// `sapwood rpc --list`: the methods, as data and as text.
pub(crate) fn rpc_list() -> (Value, String) {
    let access = |method: &t::MethodEntry| match method.access {
        t::Access::Public => "public",
        t::Access::Private => "private",
    };
    let methods = t::METHODS.iter();
    let rows: Vec<_> = methods
        .clone()
        .map(|m| json!({ "name": m.name, "summary": m.summary(), "access": access(m) }))
        .collect();
    let lines = methods.map(|m| format!("{:17} {:8} {}\n", m.name, access(m), m.summary()));
    (json!({ "schema": 1, "methods": rows }), lines.collect())
}

/// `sapwood rpc METHOD`
///
/// # Errors
/// If the node refuses.
pub(crate) async fn rpc(client: &Client, args: &RpcArgs) -> Result<Value, CliError> {
    let method = args.method.as_deref().unwrap_or_default();
    Ok(client.call_json(method, args.params.clone()).await?)
}
