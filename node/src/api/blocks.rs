//! Headers, blocks, the long poll, and work for miners outside the node.

use super::states::head as head_of;
use super::{Api, Result, not_found, storage};
use crate::chain::{BlockRefused, Outcome, TemplateRefused};
use parity_scale_codec::Encode;
use sapwood_primitives::block::MAX_EXTRA;
use sapwood_primitives::codec::{self, Bytes};
use sapwood_primitives::work::CompactTarget;
use sapwood_primitives::{Block, SealedHeader};
use sapwood_rpc::errors::{self, ErrorKind};
use sapwood_rpc::server::CallRefused;
use sapwood_rpc::types::{self as t, MAX_HEADERS, MAX_WAIT};
use std::sync::Arc;
use std::time::Duration;

/// What a miner does whose block breaks a rule.
const STALE_WORK: &str = "ask mining_template for work on the present head";

pub(super) fn head(api: &Api, _: t::NoParams) -> Result<t::Head> {
    Ok(head_of(&api.snapshot()))
}

/// The long poll. The answer may be a head on another branch, never the one that was named, unless the time is over.
pub(super) async fn await_head(api: &Arc<Api>, params: t::AwaitParams) -> Result<t::Head> {
    if params.timeout_ms > MAX_WAIT {
        return Err(CallRefused::parameter(
            "timeout_ms",
            format!("at most {MAX_WAIT}"),
        ));
    }
    let (mut heads, mut stop) = (api.handle.head_changed(), api.stop.clone());
    // At the timeout, or when the node stops, the answer is the head as it is.
    tokio::select! {
        _ = heads.wait_for(|id| *id != params.after) => {}
        _ = stop.wait_for(|stop| *stop) => {}
        () = tokio::time::sleep(Duration::from_millis(params.timeout_ms)) => {}
    }
    head(api, t::NoParams {})
}

/// The block's height on the main chain, or none for a block beside it, with its header.
fn find_header(api: &Api, wanted: &t::BlockRef) -> Result<SealedHeader> {
    let snapshot = api.snapshot();
    let view = snapshot.view();
    let missing = || {
        not_found(
            "no such block on the main chain",
            "ask chain_head for the tip",
        )
    };
    let height = match (wanted.height, wanted.block) {
        (Some(height), None) => height,
        (None, Some(id)) => view.height_of(&id).map_err(storage)?.ok_or_else(missing)?,
        _ => {
            return Err(CallRefused::parameter(
                "height",
                "give either `height` or `block`",
            ));
        }
    };
    view.header(height).map_err(storage)?.ok_or_else(missing)
}

pub(super) fn header(api: &Api, params: t::BlockRef) -> Result<t::HeaderAnswer> {
    let header = find_header(api, &params)?.header;
    Ok(t::HeaderAnswer {
        block: header.id(),
        header: t::Hex(header.to_bytes().to_vec()),
        height: header.height,
        parent: header.parent,
        tx_root: header.tx_root,
        state_root: header.state_root,
        history_root: header.history_root,
        time: header.time,
        target: format!("{:08x}", header.target),
        nonce: header.nonce.to_string(),
    })
}

pub(super) fn headers(api: &Api, params: t::HeadersParams) -> Result<t::Headers> {
    if params.count == 0 || params.count > MAX_HEADERS {
        return Err(CallRefused::parameter(
            "count",
            format!("from 1 to {MAX_HEADERS}"),
        ));
    }
    let snapshot = api.snapshot();
    let mut headers = Vec::new();
    for offset in 0..u64::from(params.count) {
        let height = params.from.plus(offset);
        match snapshot.view().header(height).map_err(storage)? {
            Some(header) => headers.push(t::Hex(header.header.to_bytes().to_vec())),
            None => break,
        }
    }
    Ok(t::Headers { headers })
}

pub(super) fn block(api: &Api, params: t::BlockRef) -> Result<t::BlockAnswer> {
    let snapshot = api.snapshot();
    let view = snapshot.view();
    let id = match params.block {
        Some(id) if params.height.is_none() => id,
        _ => find_header(api, &params)?.id(),
    };
    let raw = view.block(&id).map_err(storage)?;
    let raw = raw.ok_or_else(|| {
        not_found(
            "this block is not kept",
            "the window starts at `window_start` of node_status",
        )
    })?;
    let block: Block = codec::read(&raw).map_err(|e| super::shapes::internal(&e.to_string()))?;
    let height = block.header.header.height;
    let on_main = view.height_of(&id).map_err(storage)?.is_some();
    Ok(t::BlockAnswer {
        height,
        block: id,
        confirmations: if on_main {
            snapshot.head().height.since(height) + 1
        } else {
            0
        },
        txids: block.txids(),
        raw: t::Hex(raw),
    })
}

pub(super) async fn template(api: &Arc<Api>, params: t::TemplateParams) -> Result<t::Template> {
    let payee = api.address("payee", &params.payee)?.id();
    let extra = params.extra.map(|hex| hex.0).unwrap_or_default();
    let extra = Bytes::<MAX_EXTRA>::new(extra).map_err(|e| CallRefused::parameter("extra", e))?;
    let block = api
        .handle
        .template(payee, extra)
        .await
        .map_err(|e| no_template(&e))?;
    let header = &block.header.header;
    let target = CompactTarget::from_bits(header.target)
        .map_err(|e| super::shapes::internal(&e.to_string()))?;
    Ok(t::Template {
        height: header.height,
        parent: header.parent,
        header: t::Hex(header.to_bytes().to_vec()),
        target: t::Hex(target.target().to_big_endian().to_vec()),
        block: t::Hex(block.encode()),
    })
}

pub(super) async fn submit(api: &Arc<Api>, params: t::BlockParams) -> Result<t::BlockSubmitted> {
    let block: Block =
        codec::read(&params.block.0).map_err(|e| CallRefused::parameter("block", e))?;
    let id = block.header.id();
    let outcome = api
        .handle
        .submit_block(block)
        .await
        .map_err(|e| refused(&e))?;
    let status = match outcome {
        Outcome::Connected(_) => "connected",
        Outcome::Side => "side",
        Outcome::Known => "known",
        Outcome::Parked => "parked",
    };
    Ok(t::BlockSubmitted {
        block: id,
        status: status.to_owned(),
    })
}

fn refused(error: &BlockRefused) -> CallRefused {
    match error {
        BlockRefused::StorageFailed(failed) => storage(failed.clone()),
        BlockRefused::Unavailable(_) => busy(error.to_string()),
        BlockRefused::Invalid(_) | BlockRefused::Branch { .. } => {
            let kind = ErrorKind::block(error.code(), "", STALE_WORK);
            CallRefused::new(kind, error.to_string())
        }
        BlockRefused::KnownInvalid(_) => CallRefused::new(errors::KNOWN_INVALID, error.to_string()),
        BlockRefused::UnknownParent(_) => {
            CallRefused::new(errors::UNKNOWN_PARENT, error.to_string())
        }
        BlockRefused::TooFarAhead { .. } => CallRefused::new(errors::TIME_AHEAD, error.to_string()),
        BlockRefused::TooManySideBlocks => {
            CallRefused::new(errors::TOO_MANY_SIDE_BLOCKS, error.to_string())
        }
    }
}

fn no_template(error: &TemplateRefused) -> CallRefused {
    match error {
        TemplateRefused::StorageFailed(failed) => storage(failed.clone()),
        TemplateRefused::Unavailable(_) => busy(error.to_string()),
    }
}

pub(super) fn busy(message: String) -> CallRefused {
    CallRefused::new(errors::BUSY, message)
}
