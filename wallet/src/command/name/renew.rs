//! Paying for more years: of one's own names or anybody's.

use std::fmt;

use sapwood_primitives::leaf::NameLeaf;
use sapwood_primitives::transaction::MAX_ACTIONS;
use sapwood_primitives::{Action, Amount, Height, Name};
use serde::Serialize;

use super::quote::Quote;
use crate::command::args::SpendFlags;
use crate::command::context::Context;
use crate::command::deal::{Deal, Order, Receipt};
use crate::command::describe::years_text;
use crate::command::error::CliError;
use crate::command::link::{Link, ProvenName};
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::command::text::{DAY, date, moment_of};

/// Which names to renew.
pub(super) enum Which {
    /// Those given.
    These(Vec<Name>),
    /// All of the wallet, or those that expire within so many days.
    Own {
        /// Days.
        within: Option<u64>,
    },
}

/// Names that were paid for.
#[derive(Serialize)]
struct Renewed {
    names: Vec<Row>,
    #[serde(flatten)]
    receipt: Option<Receipt>,
}

/// A name with its term, as it was before and will be, or as it is proven to be after the confirmation.
#[derive(Clone, Serialize)]
struct Row {
    name: Name,
    paid_until: Height,
    expires_at: u64,
}

impl fmt::Display for Renewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.names.is_empty() {
            return writeln!(f, "no name needs renewing");
        }
        for row in &self.names {
            writeln!(
                f,
                "{} until block {}, {}",
                row.name,
                row.paid_until,
                date(row.expires_at)
            )?;
        }
        match self.receipt.as_ref().and_then(|receipt| receipt.txid) {
            Some(txid) => writeln!(f, "{txid}"),
            None => Ok(()),
        }
    }
}

/// `sapwood name renew`
pub(super) fn renew(
    ctx: &Context,
    which: Which,
    years: u8,
    max: Option<Amount>,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let purse = Purse::open(ctx, &flags.wallet)?;
    let names = match which {
        Which::These(mut names) => {
            names.sort();
            names.dedup();
            names
        }
        Which::Own { within } => own_names(&link, &purse, within)?,
    };
    if names.is_empty() {
        return Ok(Output::of(&Renewed {
            names: Vec::new(),
            receipt: None,
        }));
    }
    if names.len() > MAX_ACTIONS {
        return Err(CliError::usage(
            "too_many_names",
            format!(
                "{} names do not fit into one transaction; {MAX_ACTIONS} do",
                names.len()
            ),
            "name some of them",
        ));
    }
    let proven = prove(&link, &names)?;
    // The owner pays for its own name; for several, the account that the flags mean.
    let payer = match proven.as_slice() {
        [(one, _)] if flags.wallet.account.is_none() => own_owner(&purse, one)?,
        _ => None,
    };
    let actor = purse.actor_for(&link, &flags.wallet, payer)?;
    let deal = Deal::new(&link, &purse, flags, actor)?;
    let (order, mut rows) = order(&deal, &proven, years, max)?;
    let receipt = deal.perform(order, flags.waits(true))?;
    if receipt.height.is_some() {
        rows = prove(&link, &names)?
            .into_iter()
            .map(|(at, leaf)| row(ctx, &at, &leaf, leaf.paid_until))
            .collect();
    }
    Ok(Output::of(&Renewed {
        names: rows,
        receipt: Some(receipt),
    }))
}

fn own_owner(
    purse: &Purse,
    proven: &ProvenName,
) -> Result<Option<sapwood_primitives::AccountId>, CliError> {
    let owner = proven.owner.as_ref().map(|owner| owner.id);
    let own = purse.ids()?;
    Ok(owner.filter(|owner| own.iter().any(|(_, id)| id == owner)))
}

/// Names of the wallet's accounts, soonest expiry first.
fn own_names(link: &Link<'_>, purse: &Purse, within: Option<u64>) -> Result<Vec<Name>, CliError> {
    let block_time = link.ctx.chain.consensus.block_time;
    let horizon = within.map_or(u64::MAX, |days| days.saturating_mul(DAY));
    let mut found = Vec::new();
    for (_, id) in purse.ids()? {
        if let Some(name) = link.account(id)?.account.and_then(|account| account.name) {
            let proven = link.name(&name)?;
            if let Some(leaf) = proven.leaf
                && leaf
                    .paid_until
                    .since(proven.height)
                    .saturating_mul(block_time)
                    <= horizon
            {
                found.push((leaf.paid_until, name));
            }
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

fn prove(link: &Link<'_>, names: &[Name]) -> Result<Vec<(ProvenName, NameLeaf)>, CliError> {
    let mut all = Vec::new();
    for name in names {
        let proven = link.name(name)?;
        if proven.living_owner(link.ctx).is_none() {
            return Err(CliError::refused(
                "name_not_owned",
                format!("`{name}` has no owner, so it cannot be renewed"),
                format!("register it with `sapwood name register {name}`"),
            ));
        }
        let leaf = proven
            .leaf
            .clone()
            .expect("a name with an owner has a leaf");
        all.push((proven, leaf));
    }
    Ok(all)
}

fn order(
    deal: &Deal<'_>,
    proven: &[(ProvenName, NameLeaf)],
    years: u8,
    max: Option<Amount>,
) -> Result<(Order, Vec<Row>), CliError> {
    let rules = &deal.ctx.chain.consensus;
    let next = deal.link.next_height();
    let mut order = Order {
        actions: Vec::new(),
        spend: Amount::ZERO,
        exempt: Amount::ZERO,
        lines: Vec::new(),
    };
    let mut rows = Vec::new();
    for (at, leaf) in proven {
        let name = &leaf.name;
        let quote = Quote::renewal(deal.link, name, years, max)?;
        let furthest = next.plus(u64::from(sapwood_primitives::chain::MAX_YEARS) * rules.year);
        let until = leaf
            .paid_until
            .plus(u64::from(years) * rules.year)
            .min(furthest);
        if until <= leaf.paid_until {
            return Err(CliError::refused(
                "paid_ahead",
                format!("`{name}` is paid for as far ahead as it can be"),
                "",
            ));
        }
        let row = row(deal.ctx, at, leaf, until);
        order.lines.push(format!(
            "renew `{name}` for {} at {} (at most {}): until block {until}, {}",
            years_text(years),
            quote.price,
            quote.max,
            date(row.expires_at)
        ));
        let own = deal.actor.account.name.as_ref() == Some(name);
        if own && years == 1 && leaf.paid_until <= next.plus(rules.year) {
            order.exempt = add(order.exempt, quote.price)?;
        }
        order.spend = add(order.spend, quote.price)?;
        order.actions.push(Action::NameRenew {
            name: name.clone(),
            years,
            max_price: quote.max,
        });
        rows.push(row);
    }
    Ok((order, rows))
}

fn add(sum: Amount, amount: Amount) -> Result<Amount, CliError> {
    sum.checked_add(amount).ok_or_else(|| {
        CliError::refused("insufficient", "this costs more than there are coins", "")
    })
}

fn row(ctx: &Context, at: &ProvenName, leaf: &NameLeaf, until: Height) -> Row {
    Row {
        name: leaf.name.clone(),
        paid_until: until,
        expires_at: moment_of(until, at.height, at.time, ctx.chain.consensus.block_time),
    }
}
