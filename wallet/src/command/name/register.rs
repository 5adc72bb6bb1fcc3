//! Registering a name: the offer, the question, the first transaction; [`super::drive`] does the rest (specs/06 §3, §4).
//!
//! The order of things on disk is what makes it safe to be killed at any point: draft and journal entry are synced before the first
//! transaction leaves, and go only when the chain proves that the name is owned.

use std::fmt;

use sapwood_primitives::{Action, Amount, Commitment, Height, Name, Records, TxId};
use sapwood_rpc::types::Hex;
use serde::Serialize;

use super::drive::Drive;
use super::quote::Quote;
use super::records::{from_entries, parse_all};
use crate::command::args::SpendFlags;
use crate::command::context::Context;
use crate::command::deal::{Deal, Order, Receipt};
use crate::command::describe::years_text;
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::notes::DraftName;
use crate::command::output::Output;
use crate::command::purse::{Actor, Purse};
use crate::command::text::{blocks, date};
use crate::keystore::{Registration, Stage};

/// How far a registration came with this command.
#[derive(Serialize)]
pub(super) struct Report {
    /// `registered`, or `committed` with `--no-wait`.
    pub(super) status: &'static str,
    pub(super) name: Name,
    pub(super) owner: String,
    pub(super) paid_until: Option<Height>,
    /// Estimate, seconds since 1970.
    pub(super) expires_at: Option<u64>,
    pub(super) commit_txid: TxId,
    pub(super) reveal_txid: Option<TxId>,
    pub(super) records: Vec<String>,
    /// A command that shows the name at work.
    pub(super) dig: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(until), Some(expires)) = (self.paid_until, self.expires_at) else {
            return writeln!(
                f,
                "{} is under way; go on with: sapwood name register --resume {}",
                self.name, self.name
            );
        };
        writeln!(
            f,
            "{} belongs to {} until block {until}, {}",
            self.name,
            self.owner,
            date(expires)
        )?;
        for line in &self.records {
            writeln!(f, "  {line}")?;
        }
        match &self.dig {
            Some(dig) => writeln!(f, "try: {dig}"),
            None => Ok(()),
        }
    }
}

/// A dry run.
#[derive(Serialize)]
struct Rehearsed {
    name: Name,
    price: Amount,
    max_price: Amount,
    #[serde(flatten)]
    receipt: Receipt,
}

impl fmt::Display for Rehearsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} costs {} (at most {})",
            self.name, self.price, self.max_price
        )
    }
}

/// The second transaction.
pub(super) fn reveal_order(
    name: &Name,
    salt: [u8; 32],
    years: u8,
    quote: Quote,
    records: Option<&Records>,
) -> Order {
    let mut order = Order {
        actions: vec![Action::NameReveal {
            name: name.clone(),
            salt,
            years,
            max_price: quote.max,
        }],
        spend: quote.price,
        exempt: Amount::ZERO,
        lines: Vec::new(),
    };
    if let Some(records) = records {
        order.actions.push(Action::RecordsSet {
            records: records.clone(),
        });
    }
    order
}

/// `sapwood name register`
pub(super) fn register(
    ctx: &Context,
    name: &Name,
    years: u8,
    max: Option<Amount>,
    records: &[String],
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    let records = if records.is_empty() {
        None
    } else {
        Some(from_entries(parse_all(records)?)?)
    };
    let link = Link::open(ctx)?;
    refuse_taken(&link, name)?;
    let purse = Purse::open(ctx, &flags.wallet)?;
    let journal = purse.journal()?;
    if journal
        .list()?
        .iter()
        .any(|entry| entry.name == name.as_str())
    {
        return Err(CliError::refused(
            "under_way",
            format!("the registration of `{name}` is under way"),
            format!("go on with `sapwood name register --resume {name}`"),
        ));
    }
    let actor = purse.actor_for(&link, &flags.wallet, None)?;
    refuse_named(ctx, &purse, &actor, name)?;
    let deal = Deal::new(&link, &purse, flags, actor)?;
    let quote = Quote::registration(&link, name, years, max)?;
    if flags.unsigned.is_some() {
        return super::unsigned::unsigned(&deal, name, years, quote, records.as_ref());
    }
    let prepared = deal.prepare(offer(&deal, name, years, quote, records.as_ref())?)?;
    deal.show(&prepared);
    if flags.dry_run {
        let mut receipt = deal.rehearsed(prepared);
        // Signed elsewhere it would put down a hash whose salt nobody wrote down.
        receipt.body = None;
        return Ok(Output::of(&Rehearsed {
            name: name.clone(),
            price: quote.price,
            max_price: quote.max,
            receipt,
        }));
    }
    ctx.confirm("Sign and send both transactions?")?;
    let entry = Registration {
        name: name.to_string(),
        account_index: deal.signer()?,
        salt: [0; 32],
        years: years.into(),
        max_price: quote.max.drops(),
        commit_txid: [0; 32],
        commitment: [0; 32],
        valid_until: 0,
        stage: Stage::Prepared,
    };
    write_draft(&deal, name, records.as_ref())?;
    let mut drive = Drive::new(deal, journal, entry, name.clone(), records);
    drive.commit_with_new_salt()?;
    let report = if flags.waits(true) {
        drive.run()?
    } else {
        drive.report_committed()
    };
    Ok(Output::of(&report))
}

/// What is shown before the question, and an order whose cost is that of both transactions.
pub(super) fn offer(
    deal: &Deal<'_>,
    name: &Name,
    years: u8,
    quote: Quote,
    records: Option<&Records>,
) -> Result<Order, CliError> {
    let ctx = deal.ctx;
    let rules = &ctx.chain.consensus;
    let second = deal.prepare(reveal_order(name, [0; 32], years, quote, records))?;
    let head = deal.link.head();
    let term = u64::from(years) * rules.year;
    let expires = head
        .time
        .saturating_add((rules.commit_min + 1 + term).saturating_mul(rules.block_time));
    let mut lines = vec![
        format!(
            "register `{name}` for {}: {} (at most {})",
            years_text(years),
            quote.price,
            quote.max
        ),
        format!("it expires around {}", date(expires)),
        format!(
            "two transactions, {} apart; the second costs a fee of {} and carries the price",
            blocks(rules.commit_min, rules.block_time),
            second.body.fee
        ),
    ];
    if let Some(records) = records {
        lines.extend(
            records
                .entries()
                .iter()
                .map(|entry| format!("+ {}", sapwood_rpc::records::to_line(entry))),
        );
    }
    let spend = quote.price.checked_add(second.body.fee).ok_or_else(|| {
        CliError::refused("insufficient", "this costs more than there are coins", "")
    })?;
    Ok(Order {
        spend,
        lines,
        ..Order::free(
            Action::NameCommit {
                commitment: Commitment::default(),
            },
            String::new(),
        )
    })
}

fn refuse_taken(link: &Link<'_>, name: &Name) -> Result<(), CliError> {
    let proven = link.name(name)?;
    match proven.living_owner(link.ctx) {
        None => Ok(()),
        Some(owner) => Err(CliError::refused(
            "name_taken",
            format!("`{name}` belongs to {}", link.ctx.address(owner.id)),
            format!("`sapwood name show {name}` says until when"),
        )),
    }
}

/// An account has one name. The advice is what to type for another account.
fn refuse_named(ctx: &Context, purse: &Purse, actor: &Actor, name: &Name) -> Result<(), CliError> {
    let Some(other) = &actor.account.name else {
        return Ok(());
    };
    let next = purse.secrets.next_index();
    Err(CliError::refused(
        "has_name",
        format!(
            "the account {} owns `{other}` already, and an account has one name",
            ctx.address(actor.account.id)
        ),
        format!(
            "use another account: `sapwood wallet accounts --new`, then send it coins with `sapwood wallet send ADDRESS AMOUNT --wait`, then `sapwood name register {name} --account {next}`"
        ),
    ))
}

pub(super) fn write_draft(
    deal: &Deal<'_>,
    name: &Name,
    records: Option<&Records>,
) -> Result<(), CliError> {
    let notebook = deal.purse.notes();
    let mut notes = notebook.read()?;
    notes.forget_draft(name);
    notes.drafts.push(DraftName {
        name: name.clone(),
        sender: deal.id(),
        records: records.map(|records| Hex(records.as_bytes().to_vec())),
    });
    notebook.write(&notes)
}
