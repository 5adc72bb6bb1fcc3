//! Transactions and the mempool.

use super::{Api, Result, blocks::busy, storage};
use crate::chain::TransactionRefused;
use crate::mempool::Admission;
use sapwood_primitives::Transaction;
use sapwood_primitives::codec;
use sapwood_rpc::server::CallRefused;
use sapwood_rpc::types as t;
use serde_json::{Value, json};
use std::sync::Arc;

fn read(params: &t::TxParams) -> Result<Transaction> {
    codec::read(&params.tx.0).map_err(|e| CallRefused::parameter("tx", e))
}

pub(super) async fn submit(api: &Arc<Api>, params: t::TxParams) -> Result<t::Submitted> {
    let tx = read(&params)?;
    let txid = tx.txid();
    api.must_not_be_behind()?;
    // Its sender may not have heard that it is in a block; to hand it in again is no fault.
    let position = move |api: &Api| api.snapshot().view().position(&txid).map_err(storage);
    if api.read(position).await?.is_some() {
        return Ok(t::Submitted {
            txid,
            status: "known".to_owned(),
        });
    }
    let admission = api
        .handle
        .submit_transaction(tx)
        .await
        .map_err(|e| refused(&e))?;
    let (txid, status) = match admission {
        Admission::Accepted(txid) => (txid, "accepted"),
        Admission::Known(txid) => (txid, "known"),
    };
    Ok(t::Submitted {
        txid,
        status: status.to_owned(),
    })
}

fn refused(error: &TransactionRefused) -> CallRefused {
    match error {
        TransactionRefused::StorageFailed(failed) => storage(failed.clone()),
        TransactionRefused::Unavailable(_) => busy(error.to_string()),
        TransactionRefused::Pool(pool) => {
            let number = if pool.code() == "mempool_full" {
                -32006
            } else {
                -32002
            };
            CallRefused::new(number, pool.code(), pool.to_string(), pool.hint())
        }
    }
}

pub(super) async fn status(api: &Arc<Api>, params: t::TxIdParams) -> Result<t::TxState> {
    // The pool first: what leaves it for a block in between is found there.
    let pending = api.handle.pending(params.txid).await;
    let is_pending = pending.map_err(|e| busy(e.to_string()))?.is_some();
    api.read(move |api| find(api, &params, is_pending)).await
}

fn find(api: &Api, params: &t::TxIdParams, is_pending: bool) -> Result<t::TxState> {
    let snapshot = api.snapshot();
    let view = snapshot.view();
    let mut state = t::TxState {
        txid: params.txid,
        status: "unknown".to_owned(),
        height: None,
        block: None,
        confirmations: 0,
    };
    if let Some(position) = view.position(&params.txid).map_err(storage)? {
        let header = view.header(position.height).map_err(storage)?;
        state.status = "confirmed".to_owned();
        state.height = Some(position.height);
        state.block = header.map(|header| header.id());
        state.confirmations = snapshot.head().height.since(position.height) + 1;
    } else if is_pending {
        state.status = "pending".to_owned();
    }
    Ok(state)
}

pub(super) async fn mempool(api: &Arc<Api>, _: t::NoParams) -> Result<t::Mempool> {
    let info = api
        .handle
        .pool_info()
        .await
        .map_err(|e| busy(e.to_string()))?;
    let rules = &api.chain.consensus;
    let full = info.count >= info.limits.count || info.bytes >= info.limits.bytes;
    let least = info
        .least
        .filter(|_| full)
        .map_or(0, |rate| rate.fee_for(1000));
    Ok(t::Mempool {
        count: info.count as u64,
        bytes: info.bytes as u64,
        max_count: info.limits.count as u64,
        max_bytes: info.limits.bytes as u64,
        min_fee_rate: least.max(1000 * rules.byte_fee),
    })
}

pub(super) fn decode(api: &Api, params: t::TxParams) -> Result<Value> {
    let tx = read(&params)?;
    let body = &tx.body;
    let signed = tx.verify_signature(&api.genesis).is_ok();
    Ok(json!({
        "txid": tx.txid(),
        "bytes": params.tx.0.len(),
        "min_fee": api.chain.consensus.min_fee(params.tx.0.len()),
        "signature_valid": signed,
        "sender": api.show(body.sender),
        "nonce": body.nonce,
        "valid_until": body.valid_until,
        "fee": body.fee,
        "authority": tx.authority().hash(),
        "actions": body.actions.iter().map(|action| action_json(api, action)).collect::<Vec<_>>(),
    }))
}

fn action_json(api: &Api, action: &sapwood_primitives::Action) -> Value {
    use sapwood_primitives::Action as A;
    match action {
        A::Transfer { to, amount } => {
            json!({"type": "transfer", "to": api.show(*to), "amount": amount})
        }
        A::NameCommit { commitment } => json!({"type": "name_commit", "commitment": commitment}),
        A::NameReveal {
            name,
            salt,
            years,
            max_price,
        } => {
            json!({"type": "name_reveal", "name": name, "salt": hex::encode(salt), "years": years, "max_price": max_price})
        }
        A::NameRenew {
            name,
            years,
            max_price,
        } => {
            json!({"type": "name_renew", "name": name, "years": years, "max_price": max_price})
        }
        A::RecordsSet { records } => {
            json!({"type": "records_set", "records": records.entries().iter().map(sapwood_rpc::records::to_text).collect::<Vec<_>>()})
        }
        A::StandingOrderSet { max_price } => {
            json!({"type": "standing_order_set", "max_price": max_price})
        }
        A::NameTransferStart { to, quick } => {
            json!({"type": "name_transfer_start", "to": api.show(*to), "quick": quick})
        }
        A::NameTransferFinish { name } => json!({"type": "name_transfer_finish", "name": name}),
        A::NameReleaseStart => json!({"type": "name_release_start"}),
        A::LimitSet { rate, delay_days } => {
            json!({"type": "limit_set", "rate": rate, "delay_days": delay_days})
        }
        A::LimitRemove => json!({"type": "limit_remove"}),
        A::GuardianSet { guardian } => {
            json!({"type": "guardian_set", "guardian": guardian.map(|id| api.show(id))})
        }
        A::AuthorityRotate { authority } => {
            json!({"type": "authority_rotate", "authority": authority})
        }
        A::AccountClose { to } => json!({"type": "account_close", "to": api.show(*to)}),
        A::PendingCancel => json!({"type": "pending_cancel"}),
        A::GuardianVeto { account } => {
            json!({"type": "guardian_veto", "account": api.show(*account)})
        }
        A::GuardianFreeze { account } => {
            json!({"type": "guardian_freeze", "account": api.show(*account)})
        }
        A::GuardianRecover { account, authority } => {
            json!({"type": "guardian_recover", "account": api.show(*account), "authority": authority})
        }
        A::GuardianCancel { account } => {
            json!({"type": "guardian_cancel", "account": api.show(*account)})
        }
    }
}
