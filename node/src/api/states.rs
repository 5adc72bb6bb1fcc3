//! `node_status`, accounts, and whole states: multiproofs, anchors, snapshots.

use super::shapes::{anchor_depth, state_ref};
use super::{Api, Result, SCHEMA, now, storage, transactions};
use crate::chain::Snapshot;
use sapwood_account_tree::Mode;
use sapwood_primitives::leaf::key;
use sapwood_primitives::{Hash, Height, Leaf};
use sapwood_rpc::server::CallRefused;
use sapwood_rpc::types::{self as t, Access};
use sapwood_store::Row;
use std::path::Path;
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
        .map_err(storage)?
    {
        Some(Leaf::System(system)) => system.live_names,
        _ => 0,
    };
    let window_start = Height::new(
        head.height
            .get()
            .saturating_sub(rules.kept.saturating_sub(1)),
    );
    // Where the node keeps its files and what else it serves is nobody else's business.
    let (dns, data_dir) = match api.access {
        Access::Private => (api.dns, api.data_dir.display().to_string()),
        Access::Public => (None, String::new()),
    };
    Ok(t::Status {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        chain: api.chain.name.clone(),
        genesis: api.genesis,
        syncing: api.is_behind(head.time),
        head,
        tip_age,
        window_start,
        leaves: snapshot.view().leaves() as u64,
        live_names,
        tree: match snapshot.view().tree_mode() {
            Mode::Fast => "fast",
            Mode::Lean => "lean",
        }
        .to_owned(),
        checkpoint: snapshot.view().checkpoint().height,
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
        dns: dns.map(|address| address.to_string()),
        data_dir,
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
    let moment = &api.moment(&snapshot, params.at)?;
    let (witness, leaf) = api.witness(moment, key::account(&id))?;
    let account = match leaf {
        Some(Leaf::Account(account)) => Some(api.account_fields(&account, moment.link.height)),
        _ => None,
    };
    let proven = match params.proof {
        true => Some(t::Proven {
            state: state_ref(moment),
            header: api.header_of(moment)?,
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
    let moment = &api.moment(&snapshot, params.at)?;
    Ok(t::Proven {
        state: state_ref(moment),
        header: api.header_of(moment)?,
        witness: api
            .witness_from(moment, key::account(&id), params.anchor)?
            .0,
    })
}

/// Leaves that are proven together at most.
const MAX_TOGETHER: usize = 1_000;

pub(super) fn multiproof(api: &Api, params: t::MultiproofParams) -> Result<t::Multiproof> {
    let count = params.accounts.len() + params.names.len();
    if count == 0 || count > MAX_TOGETHER {
        return Err(CallRefused::parameter(
            "accounts",
            format!("from 1 to {MAX_TOGETHER}, together with `names`"),
        ));
    }
    let mut keys: Vec<Hash> = params.names.iter().map(key::name).collect();
    for account in &params.accounts {
        keys.push(key::account(&api.address("accounts", account)?.id()));
    }
    keys.sort_unstable();
    keys.dedup();
    let snapshot = api.snapshot();
    let moment = &api.moment(&snapshot, params.at)?;
    let (rows, proof) = moment.witness_many(&keys).map_err(storage)?;
    let held = |(key, row): (Hash, Option<Row>)| t::Held {
        key,
        value: row.map(|row| t::Hex(row.to_vec())),
    };
    Ok(t::Multiproof {
        state: state_ref(moment),
        header: api.header_of(moment)?,
        leaves: keys.into_iter().zip(rows).map(held).collect(),
        proof: t::Hex(proof),
    })
}

pub(super) fn anchor(api: &Api, params: t::AnchorParams) -> Result<t::AnchorAnswer> {
    let depth = anchor_depth("depth", params.depth)?;
    let snapshot = api.snapshot();
    let moment = &api.moment(&snapshot, params.at)?;
    let anchor = moment.anchor(depth).map_err(storage)?;
    Ok(t::AnchorAnswer {
        state: state_ref(moment),
        header: api.header_of(moment)?,
        depth: params.depth,
        anchor: t::Hex(anchor.to_bytes()),
    })
}

pub(super) fn snapshot_write(api: &Api, params: t::SnapshotParams) -> Result<t::SnapshotState> {
    let dir = Path::new(&params.dir);
    if !dir.is_absolute() || dir.exists() {
        return Err(CallRefused::parameter(
            "dir",
            "an absolute path of a directory that does not exist",
        ));
    }
    let begun = api.exports.begin(api.handle.clone(), api.genesis, dir);
    begun.map_err(|busy| super::blocks::busy(busy.to_string()))
}

pub(super) fn snapshot_status(api: &Api, _: t::NoParams) -> Result<t::SnapshotState> {
    Ok(api.exports.state())
}
