//! `node_status` and accounts.

use super::shapes::state_ref;
use super::{Api, Result, SCHEMA, now, storage, transactions};
use crate::chain::Snapshot;
use sapwood_primitives::leaf::key;
use sapwood_primitives::{Height, Leaf};
use sapwood_rpc::types as t;
use std::sync::Arc;

pub(super) async fn node_status(api: &Arc<Api>, _: t::NoParams) -> Result<t::Status> {
    let mempool = transactions::mempool(api, t::NoParams {}).await?;
    api.read(move |api| status(api, mempool)).await
}

fn status(api: &Api, mempool: t::Mempool) -> Result<t::Status> {
    let snapshot = api.snapshot();
    let head = head(&snapshot);
    let tip_age = now().saturating_sub(head.time);
    let rules = &api.chain.consensus;
    let live_names = match snapshot
        .at(crate::chain::At::Head)
        .leaf(&key::system())
        .map_err(|e| storage(&e))?
    {
        Some(Leaf::System(system)) => system.live_names,
        _ => 0,
    };
    let window_start = Height::new(
        head.height
            .get()
            .saturating_sub(rules.kept.saturating_sub(1)),
    );
    Ok(t::Status {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        chain: api.chain.name.clone(),
        genesis: api.genesis,
        syncing: api.is_behind(head.time),
        head,
        tip_age,
        window_start,
        leaves: snapshot.at(crate::chain::At::Head).tree.len() as u64,
        live_names,
        mempool,
        mining: api.mining,
        reorg_alarm: !snapshot.parked.is_empty(),
        parked_branches: snapshot
            .parked
            .iter()
            .map(|parked| t::Parked {
                block: parked.id,
                height: parked.height,
                depth: parked.depth,
            })
            .collect(),
        storage_failed: snapshot.storage_failed.is_some(),
        dns: api.dns.map(|address| address.to_string()),
        data_dir: api.data_dir.display().to_string(),
    })
}

pub(super) fn head(snapshot: &Snapshot) -> t::Head {
    let link = snapshot.head();
    t::Head {
        height: link.height,
        block: link.id,
        state_root: link.state_root,
        time: link.time,
        work: link.work.to_string(),
    }
}

pub(super) fn account_get(api: &Api, params: t::AccountParams) -> Result<t::AccountAnswer> {
    let id = api.address("account", &params.account)?.id();
    let snapshot = api.snapshot();
    let moment = api.moment(&snapshot, params.at);
    let (witness, leaf) = api.witness(moment, key::account(&id))?;
    let account = match leaf {
        Some(Leaf::Account(account)) => Some(api.account_fields(&account, moment.link.height)),
        _ => None,
    };
    let proven = match params.proof {
        true => Some(t::Proven {
            state: state_ref(moment),
            header: api.header_of(&snapshot, moment)?,
            witness,
        }),
        false => None,
    };
    Ok(t::AccountAnswer {
        state: state_ref(moment),
        account,
        proven,
    })
}

pub(super) fn account_proof(api: &Api, params: t::AccountProofParams) -> Result<t::Proven> {
    let id = api.address("account", &params.account)?.id();
    let snapshot = api.snapshot();
    let moment = api.moment(&snapshot, params.at);
    Ok(t::Proven {
        state: state_ref(moment),
        header: api.header_of(&snapshot, moment)?,
        witness: api.witness(moment, key::account(&id))?.0,
    })
}
