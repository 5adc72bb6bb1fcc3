//! Paying for more years: of one's own names or anybody's.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use sapwood_primitives::leaf::NameLeaf;
use sapwood_primitives::transaction::MAX_ACTIONS;
use sapwood_primitives::{Action, Amount, Height, Name};
use serde::Serialize;

use super::quote::Quote;
use super::renew_batch::{batch_lines, forget_batch, without_paid, write_plan};
use crate::command::args::SpendFlags;
use crate::command::context::Context;
use crate::command::deal::{Deal, Order, Receipt};
use crate::command::describe::years_text;
use crate::command::error::CliError;
use crate::command::link::{Link, ProvenName};
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::command::text::{DAY, date, moment_of};

/// Most names in one command, those of a full batch file.
const MAX_NAMES: usize = 1_000;

/// Which names to renew.
pub(super) enum Which {
    /// Those given.
    These(Vec<Name>),
    /// All of the wallet, or those that expire within so many days.
    Own {
        /// Days.
        within: Option<u64>,
    },
    /// Those that a file lists.
    Batch(PathBuf),
}

/// One name to renew.
pub(super) struct Wanted {
    pub(super) name: Name,
    pub(super) years: u8,
    pub(super) max: Option<Amount>,
}

/// Names that were paid for.
#[derive(Serialize)]
struct Renewed {
    names: Vec<Row>,
    /// The last transaction.
    #[serde(flatten)]
    receipt: Option<Receipt>,
    /// All of them, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transactions: Vec<Receipt>,
}

/// A name with its term, as it was before and will be, or as it is proven to be after the confirmation.
#[derive(Clone, Serialize)]
pub(super) struct Row {
    pub(super) name: Name,
    /// `renewed`, or `paid` if it had been paid for by this batch before.
    pub(super) status: &'static str,
    pub(super) paid_until: Height,
    pub(super) expires_at: u64,
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
        let all = match self.transactions.is_empty() {
            true => self.receipt.as_slice(),
            false => &self.transactions,
        };
        for receipt in all {
            match (receipt.txid, &receipt.file) {
                (Some(txid), _) => writeln!(f, "{txid}")?,
                (None, Some(file)) => writeln!(f, "{file}")?,
                (None, None) => {}
            }
        }
        Ok(())
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
    let all = |names: Vec<Name>| {
        let names: BTreeSet<Name> = names.into_iter().collect();
        let wanted = names.into_iter().map(|name| Wanted { name, years, max });
        wanted.collect::<Vec<_>>()
    };
    // What is wrong in a file is said before anything is asked or opened.
    let batch = match &which {
        Which::Batch(file) => Some(batch_lines(ctx, file, years, max)?),
        _ => None,
    };
    let link = Link::open(ctx)?;
    let purse = Purse::open(ctx, &flags.wallet)?;
    let (mut wanted, id) = match (which, batch) {
        (_, Some((wanted, id))) => (wanted, Some(id)),
        (Which::These(names), None) => (all(names), None),
        (Which::Own { within }, None) => (all(own_names(&link, &purse, within)?), None),
        (Which::Batch(_), None) => (Vec::new(), None),
    };
    let mut paid = Vec::new();
    if let Some(id) = id {
        (paid, wanted) = without_paid(&link, &purse, wanted, id, flags)?;
    }
    if wanted.is_empty() {
        forget_batch(&purse, id)?;
        return Ok(Output::of(&Renewed {
            names: paid,
            receipt: None,
            transactions: Vec::new(),
        }));
    }
    let proven = prove(&link, &wanted)?;
    // The owner pays for its own name; for several, the account that the flags mean.
    let payer = match proven.as_slice() {
        [(one, _)] if flags.wallet.account.is_none() => own_owner(&purse, one)?,
        _ => None,
    };
    let actor = purse.actor_for(&link, &flags.wallet, payer)?;
    let deal = Deal::new(&link, &purse, flags, actor)?;
    let (mut orders, mut rows) = (Vec::new(), Vec::new());
    for (wanted, proven) in wanted.chunks(MAX_ACTIONS).zip(proven.chunks(MAX_ACTIONS)) {
        let (order, more) = order(&deal, wanted, proven)?;
        orders.push(order);
        rows.extend(more);
    }
    if let (Some(id), false) = (id, flags.dry_run) {
        write_plan(&purse, id, &rows)?;
    }
    let mut receipts = deal.perform_all(orders, flags.waits(true))?;
    if receipts.iter().all(|receipt| receipt.height.is_some()) {
        rows = prove(&link, &wanted)?
            .into_iter()
            .map(|(at, leaf)| row(ctx, &at, &leaf, leaf.paid_until))
            .collect();
        forget_batch(&purse, id)?;
    }
    paid.extend(rows);
    let receipt = receipts.last().cloned();
    if receipts.len() == 1 {
        receipts.clear();
    }
    Ok(Output::of(&Renewed {
        names: paid,
        receipt,
        transactions: receipts,
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
    if found.len() > MAX_NAMES {
        found.truncate(MAX_NAMES);
        link.ctx.say(format!(
            "the {MAX_NAMES} that expire first; give the command again for the others"
        ));
    }
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

fn prove(link: &Link<'_>, wanted: &[Wanted]) -> Result<Vec<(ProvenName, NameLeaf)>, CliError> {
    let mut all = Vec::new();
    for Wanted { name, .. } in wanted {
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
    wanted: &[Wanted],
    proven: &[(ProvenName, NameLeaf)],
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
    for ((at, leaf), wanted) in proven.iter().zip(wanted) {
        let (name, years, max) = (&leaf.name, wanted.years, wanted.max);
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

pub(super) fn row(ctx: &Context, at: &ProvenName, leaf: &NameLeaf, until: Height) -> Row {
    Row {
        name: leaf.name.clone(),
        status: "renewed",
        paid_until: until,
        expires_at: moment_of(until, at.height, at.time, ctx.chain.consensus.block_time),
    }
}
