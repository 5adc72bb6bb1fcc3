//! Coins leave: sending, changing the key, closing.

use std::fmt;

use sapwood_primitives::{Action, Amount};
use serde::Serialize;

use crate::command::args::SpendFlags;
use crate::command::context::Context;
use crate::command::deal::{Deal, Order, Receipt};
use crate::command::describe;
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::command::text::{blocks, escape};
use crate::command::uri::{PaymentUri, SCHEME};
use crate::command::who::{Found, Who};

/// The receipt of a transaction, for commands that have nothing to add.
#[derive(Serialize)]
pub(crate) struct Done {
    #[serde(flatten)]
    pub(crate) receipt: Receipt,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.receipt.file {
            return writeln!(f, "{file}");
        }
        match (&self.receipt.body, self.receipt.txid, self.receipt.height) {
            (Some(body), ..) => writeln!(f, "{}", hex::encode(&body.0)),
            (_, Some(txid), Some(height)) => writeln!(f, "{txid} in block {height}"),
            (_, Some(txid), None) => writeln!(f, "{txid}"),
            (None, None, _) => Ok(()),
        }
    }
}

/// Carries an order out and reports its receipt.
pub(crate) fn perform(deal: &Deal<'_>, order: Order, wait: bool) -> Result<Output, CliError> {
    let receipt = deal.perform(order, wait)?;
    Ok(Output::of(&Done { receipt }))
}

/// `sapwood wallet send`
pub(super) fn send(
    ctx: &Context,
    to: &str,
    amount: Option<Amount>,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    let (who, amount, label) = payee(ctx, to, amount)?;
    if amount == Amount::ZERO {
        return Err(CliError::usage("nothing_to_send", "the amount is zero", ""));
    }
    let link = Link::open(ctx)?;
    let to = who.find(&link)?;
    let purse = Purse::open(ctx, &flags.wallet)?;
    let actor = purse.actor_for(&link, &flags.wallet, None)?;
    if actor.account.id == to.id {
        return Err(CliError::refused(
            "send_to_self",
            "the receiver is the sending account itself",
            "",
        ));
    }
    let mut order = transfer(&link, &to, amount)?;
    if let Some(label) = label {
        order.lines.push(format!(
            "for: {} (only a word of the URI; it is not sent)",
            escape(&label)
        ));
    }
    let deal = Deal::new(&link, &purse, flags, actor)?;
    perform(&deal, order, flags.waits(false))
}

/// Who gets how much, from the command line or from a payment URI in it.
fn payee(
    ctx: &Context,
    to: &str,
    amount: Option<Amount>,
) -> Result<(Who, Amount, Option<String>), CliError> {
    if !to.starts_with(SCHEME) {
        let who = Who::parse(ctx, to)?;
        let amount = amount.ok_or_else(|| {
            CliError::usage(
                "no_amount",
                "how much?",
                "as in `sapwood wallet send alice 1.5`",
            )
        })?;
        return Ok((who, amount, None));
    }
    let uri = PaymentUri::parse(&ctx.chain.address_prefix, to).map_err(|error| {
        let message = format!("this is no payment URI: {}", escape(&error.to_string()));
        CliError::usage(
            "bad_uri",
            message,
            "it looks like sapwood:ADDRESS?amount=1.5&label=Coffee",
        )
    })?;
    let amount = match (uri.amount, amount) {
        (Some(asked), Some(given)) if asked != given => {
            return Err(CliError::usage(
                "other_amount",
                format!("the URI asks for {asked}, the command says {given}"),
                "leave the amount out to pay what is asked for, or give the address alone",
            ));
        }
        (Some(amount), _) | (None, Some(amount)) => amount,
        (None, None) => {
            return Err(CliError::usage(
                "no_amount",
                "the URI does not say how much",
                "give the amount behind it",
            ));
        }
    };
    Ok((Who::Account(uri.address.id()), amount, uri.label))
}

/// A transfer that the receiver can be credited (specs/05 §4.2).
fn transfer(link: &Link<'_>, to: &Found, amount: Amount) -> Result<Order, CliError> {
    let rules = &link.ctx.chain.consensus;
    let mut lines = vec![format!("send {amount} to {}", to.shown(link.ctx))];
    if link.account(to.id)?.account.is_none() {
        let least = rules
            .deposit()
            .checked_add(rules.burn())
            .unwrap_or(Amount::SUPPLY);
        if amount < least {
            return Err(CliError::refused(
                "below_deposit",
                format!(
                    "the receiver's account does not exist yet, and {amount} is less than the {least} that make one"
                ),
                format!("send {least} or more"),
            ));
        }
        lines.push(format!(
            "the account is new: {} of it are burned for making it",
            rules.burn()
        ));
    }
    Ok(Order {
        actions: vec![Action::Transfer { to: to.id, amount }],
        spend: amount,
        exempt: Amount::ZERO,
        lines,
    })
}

/// `sapwood wallet rotate-key`
pub(super) fn rotate_key(
    ctx: &Context,
    to_account: Option<u32>,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let mut purse = Purse::open(ctx, &flags.wallet)?;
    let actor = purse.actor_for(&link, &flags.wallet, None)?;
    let index = to_account.unwrap_or_else(|| purse.secrets.next_index());
    let is_new = !purse
        .secrets
        .accounts()
        .iter()
        .any(|account| account.index() == index);
    if is_new {
        purse.secrets.add_account(index, "")?;
    }
    let authority = purse.authority(index)?;
    if authority == actor.account.authority_hash() {
        return Err(CliError::refused(
            "same_key",
            format!("the key of account {index} signs already"),
            "",
        ));
    }
    // Before the chain depends on the key, the wallet has it on disk.
    if is_new && !flags.dry_run {
        purse.save()?;
    }
    let wait = delay_of(&link, &actor.account);
    let deal = Deal::new(&link, &purse, flags, actor)?;
    let line = format!(
        "after {} the key of account {index} (hash {authority}) signs for this account",
        blocks(wait, ctx.chain.consensus.block_time)
    );
    free_slot(&deal)?;
    perform(
        &deal,
        Order::free(Action::AuthorityRotate { authority }, line),
        flags.waits(false),
    )
}

/// `sapwood wallet close`
pub(super) fn close(ctx: &Context, to: &str, flags: &SpendFlags) -> Result<Output, CliError> {
    let who = Who::parse(ctx, to)?;
    let link = Link::open(ctx)?;
    let to = who.find(&link)?;
    let purse = Purse::open(ctx, &flags.wallet)?;
    let actor = purse.actor_for(&link, &flags.wallet, None)?;
    if actor.account.id == to.id {
        return Err(CliError::refused(
            "send_to_self",
            "the receiver is the account that closes",
            "",
        ));
    }
    let wait = delay_of(&link, &actor.account);
    let mut lines = vec![format!(
        "after {} all that is left goes to {}, and the account ends",
        blocks(wait, ctx.chain.consensus.block_time),
        to.shown(ctx)
    )];
    if let Some(name) = &actor.account.name {
        lines.push(format!(
            "warning: it owns `{name}`; if it still does then, it does not close"
        ));
    }
    let deal = Deal::new(&link, &purse, flags, actor)?;
    free_slot(&deal)?;
    let order = Order {
        lines,
        ..Order::free(Action::AccountClose { to: to.id }, String::new())
    };
    perform(&deal, order, flags.waits(false))
}

/// Blocks that a pending change of this account waits (specs/08 §3.2).
pub(crate) fn delay_of(link: &Link<'_>, account: &sapwood_primitives::leaf::Account) -> u64 {
    let days = account
        .limit
        .as_ref()
        .map_or(1, |limit| u64::from(limit.delay_days));
    link.ctx.chain.consensus.delay * days
}

/// Refuses if another change of the owner waits already (specs/08 §3.1).
pub(crate) fn free_slot(deal: &Deal<'_>) -> Result<(), CliError> {
    match &deal.actor.account.owner_change {
        None => Ok(()),
        Some(waiting) => Err(CliError::refused(
            "change_pending",
            format!(
                "another change waits until block {}: {}",
                waiting.effective,
                describe::change(deal.ctx, &waiting.change)
            ),
            "wait for it, or cancel it with `sapwood limit cancel`",
        )),
    }
}
