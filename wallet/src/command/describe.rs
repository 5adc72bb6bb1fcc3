//! Actions, changes and transactions in words.

use sapwood_primitives::leaf::Change;
use sapwood_primitives::{AccountId, Action, Body};
use sapwood_rpc::records::to_line;

use super::context::Context;

/// What an action does, one line.
pub(crate) fn action(ctx: &Context, action: &Action) -> String {
    let to = |id: &AccountId| ctx.address(*id);
    match action {
        Action::Transfer {
            to: receiver,
            amount,
        } => format!("send {amount} to {}", to(receiver)),
        Action::NameCommit { commitment } => {
            format!("put down the hash {commitment} for a hidden name")
        }
        Action::NameReveal {
            name,
            years,
            max_price,
            ..
        } => format!(
            "register `{name}` for {} at no more than {max_price}",
            years_text(*years)
        ),
        Action::NameRenew {
            name,
            years,
            max_price,
        } => {
            format!(
                "renew `{name}` for {} at no more than {max_price}",
                years_text(*years)
            )
        }
        Action::RecordsSet { records } if records.is_empty() => "remove all records".into(),
        Action::RecordsSet { records } => {
            let lines: Vec<String> = records.entries().iter().map(to_line).collect();
            format!("set the records to: {}", lines.join("; "))
        }
        Action::StandingOrderSet {
            max_price: Some(price),
        } => {
            format!("let expiry renew the name while a year costs at most {price}")
        }
        Action::StandingOrderSet { max_price: None } => "end the standing order".into(),
        Action::NameTransferStart {
            to: receiver,
            quick,
        } => {
            format!(
                "offer the name to {}{}",
                to(receiver),
                if *quick { ", quickly" } else { "" }
            )
        }
        Action::NameTransferFinish { name } => format!("take the name `{name}`"),
        Action::NameReleaseStart => "give the name up after the delay".into(),
        Action::LimitSet { rate, delay_days } => format!(
            "limit: {rate} a day, changes wait {}",
            days_text(*delay_days)
        ),
        Action::LimitRemove => "remove the limit after the delay".into(),
        Action::GuardianSet { guardian: Some(id) } => {
            format!("make {} the guardian after the delay", to(id))
        }
        Action::GuardianSet { guardian: None } => "dismiss the guardian after the delay".into(),
        Action::AuthorityRotate { authority } => {
            format!("let the key with hash {authority} sign, after the delay")
        }
        Action::AccountClose { to: receiver } => format!(
            "close the account after the delay; all it has goes to {}",
            to(receiver)
        ),
        Action::PendingCancel => "cancel the pending change".into(),
        Action::GuardianVeto { account } => {
            format!("as guardian, cancel the pending change of {}", to(account))
        }
        Action::GuardianFreeze { account } => {
            format!("as guardian, freeze {} for one delay", to(account))
        }
        Action::GuardianRecover { account, authority } => {
            format!(
                "as guardian, let the key with hash {authority} sign for {} after its delay",
                to(account)
            )
        }
        Action::GuardianCancel { account } => {
            format!("as guardian, take the recovery of {} back", to(account))
        }
    }
}

/// A pending change of the owner, one line.
pub(crate) fn change(ctx: &Context, change: &Change) -> String {
    match change {
        Change::Limit { rate, delay_days } => format!(
            "limit of {rate} a day, changes wait {}",
            days_text(*delay_days)
        ),
        Change::LimitRemove => "no limit".into(),
        Change::Authority { authority } => format!("signing by the key with hash {authority}"),
        Change::Guardian { guardian: Some(id) } => format!("guardian {}", ctx.address(*id)),
        Change::Guardian { guardian: None } => "no guardian".into(),
        Change::Transfer { to } => format!("the name may be taken by {}", ctx.address(*to)),
        Change::Release => "release of the name".into(),
        Change::Close { to } => format!(
            "the account closes, its balance goes to {}",
            ctx.address(*to)
        ),
    }
}

/// A whole transaction, a line for each part.
pub(crate) fn body(ctx: &Context, body: &Body) -> Vec<String> {
    let mut lines: Vec<String> = body.actions.iter().map(|a| action(ctx, &a)).collect();
    lines.push(format!(
        "fee {}, number {} of the account {}, valid until block {}",
        body.fee,
        body.nonce,
        ctx.address(body.sender),
        body.valid_until
    ));
    lines
}

pub(crate) fn years_text(years: u8) -> String {
    if years == 1 {
        "1 year".into()
    } else {
        format!("{years} years")
    }
}

fn days_text(days: u8) -> String {
    if days == 1 {
        "1 day".into()
    } else {
        format!("{days} days")
    }
}
