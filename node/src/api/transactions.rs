//! Transactions and the mempool.

use super::{Api, Result, blocks::busy, storage};
use crate::chain::TransactionRefused;
use crate::mempool::{Admission, Refused};
use sapwood_primitives::codec;
use sapwood_primitives::{AccountId, Action, Transaction};
use sapwood_rpc::errors::{self, ErrorKind};
use sapwood_rpc::records;
use sapwood_rpc::server::CallRefused;
use sapwood_rpc::types as t;
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
            let kind = match pool {
                Refused::Rule(rule) => ErrorKind::transaction(rule.code(), "", rule.hint()),
                Refused::Replacement { .. } => errors::REPLACEMENT_FEE_TOO_LOW,
                Refused::AccountFull { .. } | Refused::Full { .. } => errors::MEMPOOL_FULL,
                Refused::State(_) => errors::STORAGE_FAILED,
            };
            CallRefused::new(kind, pool.to_string()).with_hint(pool.hint())
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

pub(super) fn decode(api: &Api, params: t::TxParams) -> Result<t::Decoded> {
    let tx = read(&params)?;
    let body = &tx.body;
    let length = params.tx.0.len();
    Ok(t::Decoded {
        txid: tx.txid(),
        bytes: length as u64,
        min_fee: api.chain.consensus.min_fee(length),
        signature_valid: tx.verify_signature(&api.genesis).is_ok(),
        sender: api.show(body.sender),
        nonce: body.nonce,
        valid_until: body.valid_until,
        fee: body.fee,
        authority: tx.authority().hash(),
        actions: body
            .actions
            .iter()
            .map(|a| action_fields(api, &a))
            .collect(),
    })
}

fn action_fields(api: &Api, action: &Action) -> t::ActionFields {
    use t::ActionFields as F;
    let show = |id: &AccountId| api.show(*id);
    match action.clone() {
        Action::Transfer { to, amount } => F::Transfer {
            to: show(&to),
            amount,
        },
        Action::NameCommit { commitment } => F::NameCommit { commitment },
        Action::NameReveal {
            name,
            salt,
            years,
            max_price,
        } => F::NameReveal {
            name,
            salt: hex::encode(salt),
            years,
            max_price,
        },
        Action::NameRenew {
            name,
            years,
            max_price,
        } => F::NameRenew {
            name,
            years,
            max_price,
        },
        Action::RecordsSet { records } => F::RecordsSet {
            records: records.entries().iter().map(records::to_text).collect(),
        },
        Action::StandingOrderSet { max_price } => F::StandingOrderSet { max_price },
        Action::NameTransferStart { to, quick } => F::NameTransferStart {
            to: show(&to),
            quick,
        },
        Action::NameTransferFinish { name } => F::NameTransferFinish { name },
        Action::NameReleaseStart => F::NameReleaseStart,
        Action::LimitSet { rate, delay_days } => F::LimitSet { rate, delay_days },
        Action::LimitRemove => F::LimitRemove,
        Action::GuardianSet { guardian } => F::GuardianSet {
            guardian: guardian.as_ref().map(show),
        },
        Action::AuthorityRotate { authority } => F::AuthorityRotate { authority },
        Action::AccountClose { to } => F::AccountClose { to: show(&to) },
        Action::PendingCancel => F::PendingCancel,
        Action::GuardianVeto { account } => F::GuardianVeto {
            account: show(&account),
        },
        Action::GuardianFreeze { account } => F::GuardianFreeze {
            account: show(&account),
        },
        Action::GuardianRecover { account, authority } => F::GuardianRecover {
            account: show(&account),
            authority,
        },
        Action::GuardianCancel { account } => F::GuardianCancel {
            account: show(&account),
        },
    }
}
