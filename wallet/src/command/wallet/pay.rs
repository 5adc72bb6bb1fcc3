//! Coins leave: sending, signing what was prepared elsewhere, changing the key, closing.

use std::fmt;
use std::path::Path;

use parity_scale_codec::Encode;
use sapwood_primitives::codec::read;
use sapwood_primitives::{Action, Amount, Body, TxId};
use sapwood_rpc::types::Hex;
use serde::Serialize;

use crate::command::args::{SpendFlags, WalletFlags};
use crate::command::context::Context;
use crate::command::deal::{Deal, Order, Receipt};
use crate::command::describe;
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::purse::{Purse, random};
use crate::command::text::blocks;
use crate::command::who::{Found, Who};

/// Longest file with a body: 16 KiB in hex, and a line end.
const MAX_BODY_FILE: u64 = 2 * 16_384 + 2;

/// The receipt of a transaction, for commands that have nothing to add.
#[derive(Serialize)]
pub(crate) struct Done {
    #[serde(flatten)]
    pub(crate) receipt: Receipt,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    amount: Amount,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    let who = Who::parse(ctx, to)?;
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
    let order = transfer(&link, &to, amount)?;
    let deal = Deal::new(&link, &purse, flags, actor);
    perform(&deal, order, flags.waits(false))
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

/// A transaction signed without a node.
#[derive(Serialize)]
struct Signed {
    txid: TxId,
    tx: Hex,
    does: Vec<String>,
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", hex::encode(&self.tx.0))
    }
}

/// `sapwood wallet sign`
pub(super) fn sign(ctx: &Context, file: &Path, flags: &WalletFlags) -> Result<Output, CliError> {
    let bad = |reason: String| {
        CliError::refused(
            "bad_body",
            format!("the file has no body of a transaction: {reason}"),
            "make one with --dry-run",
        )
    };
    let text = ctx.read_file(file, MAX_BODY_FILE)?;
    let bytes = hex::decode(text.trim_ascii_end()).map_err(|_| bad("it is not hex".into()))?;
    let body: Body = read(&bytes).map_err(|error| bad(error.to_string()))?;
    let genesis = ctx.genesis()?;
    let purse = Purse::open(ctx, flags)?;
    let signer = match &flags.account {
        Some(flag) => purse.chosen(ctx, Some(flag))?,
        None => body.sender,
    };
    let index = purse.ids()?.into_iter().find(|(_, id)| *id == signer);
    let (index, _) = index.ok_or_else(|| {
        CliError::refused(
            "other_key",
            format!("the wallet has no key made for {}", ctx.address(signer)),
            "if another key signs for it now, name that account with --account",
        )
    })?;
    let does = describe::body(ctx, &body);
    for line in &does {
        ctx.say(format!("  {line}"));
    }
    ctx.confirm("Sign this?")?;
    let aux = random()?;
    let tx = body.sign(&genesis, purse.secrets.key(index)?.keypair(), &aux);
    Ok(Output::of(&Signed {
        txid: tx.txid(),
        tx: Hex(tx.encode()),
        does,
    }))
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
    let deal = Deal::new(&link, &purse, flags, actor);
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
    let deal = Deal::new(&link, &purse, flags, actor);
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
