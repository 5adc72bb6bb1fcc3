//! The owner's other acts: standing order, passing the name on, giving it up.

use sapwood_primitives::leaf::{Account, Change};
use sapwood_primitives::{Action, Amount, Name};

use super::as_owner;
use crate::command::args::SpendFlags;
use crate::command::context::Context;
use crate::command::deal::{Deal, Order};
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::command::text::blocks;
use crate::command::wallet::{delay_of, free_slot, perform};
use crate::command::who::Who;

/// `sapwood name standing-order`
pub(super) fn standing_order(
    ctx: &Context,
    name: &Name,
    max: Option<Amount>,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    as_owner(ctx, name, flags, |deal, proven| {
        let mut order = match max {
            None => Order::free(
                Action::StandingOrderSet { max_price: None },
                format!("`{name}` is no longer renewed by itself"),
            ),
            Some(price) => Order::free(
                Action::StandingOrderSet {
                    max_price: Some(price),
                },
                format!(
                    "when `{name}` expires it is renewed for a year, as long as that costs at most {price} and the account has it"
                ),
            ),
        };
        let last = proven
            .leaf
            .as_ref()
            .map_or(Amount::ZERO, |leaf| leaf.last_price);
        if max.is_some_and(|max| max < last) {
            order
                .lines
                .push(format!("warning: the last year cost {last}, which is more"));
        }
        perform(deal, order, flags.waits(true))
    })
}

/// `sapwood name transfer start`
pub(super) fn transfer_start(
    ctx: &Context,
    name: &Name,
    to: &str,
    quick: bool,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    let who = Who::parse(ctx, to)?;
    as_owner(ctx, name, flags, |deal, _| {
        let to = who.find(deal.link)?;
        let rules = &ctx.chain.consensus;
        if to.id == deal.id() {
            return Err(CliError::refused(
                "transfer_to_self",
                "the receiver has the name already",
                "",
            ));
        }
        if quick && deal.actor.account.limit.is_some() {
            return Err(CliError::refused(
                "quick_with_limit",
                "an account with a limit has no quick transfers: a thief of its key would use them",
                "leave --quick out",
            ));
        }
        free_slot(deal)?;
        if let Some(other) = deal
            .link
            .account(to.id)?
            .account
            .and_then(|account| account.name)
        {
            return Err(CliError::refused(
                "receiver_has_name",
                format!("the receiver owns `{other}` already, and an account has one name"),
                "ask for another account's address",
            ));
        }
        let wait = if quick {
            rules.quick_transfer
        } else {
            delay_of(deal.link, &deal.actor.account)
        };
        let mut order = Order::free(
            Action::NameTransferStart { to: to.id, quick },
            format!("offer `{name}` to {}", to.shown(ctx)),
        );
        order.lines.push(format!(
            "it can be taken in {}, and until {} after that",
            blocks(wait, rules.block_time),
            blocks(rules.delay, rules.block_time)
        ));
        order
            .lines
            .push("records and coins stay with this account; only the name goes".into());
        perform(deal, order, flags.waits(true))
    })
}

/// Whether the account has offered its name.
fn offer(account: &Account) -> Option<(sapwood_primitives::AccountId, sapwood_primitives::Height)> {
    match account.owner_change.as_ref() {
        Some(waiting) => match waiting.change {
            Change::Transfer { to } => Some((to, waiting.effective)),
            _ => None,
        },
        None => None,
    }
}

fn no_offer(name: &Name) -> CliError {
    CliError::refused(
        "no_transfer",
        format!("`{name}` is not on offer to anybody"),
        format!("`sapwood name transfer start {name} --to ADDRESS` offers it"),
    )
}

/// `sapwood name transfer cancel`
pub(super) fn transfer_cancel(
    ctx: &Context,
    name: &Name,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    as_owner(ctx, name, flags, |deal, _| {
        let (to, _) = offer(&deal.actor.account).ok_or_else(|| no_offer(name))?;
        let line = format!("take back the offer of `{name}` to {}", ctx.address(to));
        perform(
            deal,
            Order::free(Action::PendingCancel, line),
            flags.waits(true),
        )
    })
}

/// `sapwood name transfer finish`
pub(super) fn transfer_finish(
    ctx: &Context,
    name: &Name,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let proven = link.name(name)?;
    let owner = proven.living_owner(ctx).ok_or_else(|| no_offer(name))?;
    let (to, effective) = offer(owner).ok_or_else(|| no_offer(name))?;
    let rules = &ctx.chain.consensus;
    let next = link.next_height();
    if next < effective {
        return Err(CliError::refused(
            "transfer_too_early",
            format!("`{name}` can be taken from block {effective} on"),
            format!("wait {}", blocks(effective.since(next), rules.block_time)),
        ));
    }
    let purse = Purse::open(ctx, &flags.wallet)?;
    let actor = purse.actor_for(&link, &flags.wallet, Some(to))?;
    if let Some(other) = &actor.account.name {
        return Err(CliError::refused(
            "has_name",
            format!("the account owns `{other}` already, and an account has one name"),
            "ask for a new offer to another account",
        ));
    }
    let deal = Deal::new(&link, &purse, flags, actor)?;
    let mut order = Order::free(
        Action::NameTransferFinish { name: name.clone() },
        format!("take `{name}` from {}", ctx.address(owner.id)),
    );
    order
        .lines
        .push("it answers with the records of this account from then on".into());
    perform(&deal, order, flags.waits(true))
}

/// `sapwood name release`
pub(super) fn release(ctx: &Context, name: &Name, flags: &SpendFlags) -> Result<Output, CliError> {
    as_owner(ctx, name, flags, |deal, _| {
        free_slot(deal)?;
        let wait = delay_of(deal.link, &deal.actor.account);
        let line = format!(
            "give `{name}` up in {}; anybody can register it then, and nothing is paid back",
            blocks(wait, ctx.chain.consensus.block_time)
        );
        perform(
            deal,
            Order::free(Action::NameReleaseStart, line),
            flags.waits(true),
        )
    })
}
