//! Registering a name: the offer, the question, the first transaction; [`super::drive`] does the rest (specs/06 §3, §4).
//!
//! The order of things on disk is what makes it safe to be killed at any point: draft and journal entry are synced before the first
//! transaction leaves, and go only when the chain proves that the name is owned.

use std::fmt;

use sapwood_primitives::{Action, Amount, Commitment, Height, Name, Records, TxId};
use sapwood_rpc::types::Hex;
use sapwood_runtime::commitment;
use serde::Serialize;

use super::drive::Drive;
use super::quote::Quote;
use super::records::{from_entries, parse_all};
use crate::command::args::SpendFlags;
use crate::command::context::Context;
use crate::command::deal::{Deal, Order, Receipt};
use crate::command::describe::years_text;
use crate::command::error::{CliError, Exit};
use crate::command::link::Link;
use crate::command::notes::DraftName;
use crate::command::output::Output;
use crate::command::purse::{Actor, Purse, random};
use crate::command::text::{blocks, date, escape};
use crate::command::wallet::hidden_names;
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

/// Names that were gone on with.
#[derive(Serialize)]
struct Resumed {
    names: Vec<Report>,
    /// Of a dry run: what would be gone on with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    would: Vec<String>,
}

impl fmt::Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names.iter().try_for_each(|report| report.fmt(f))?;
        self.would.iter().try_for_each(|name| writeln!(f, "{name}"))
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

/// Both transactions, written for a signer elsewhere.
#[derive(Serialize)]
struct Unsigned {
    name: Name,
    price: Amount,
    max_price: Amount,
    file: Option<String>,
    transactions: Vec<Receipt>,
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => writeln!(f, "{file}"),
            None => Ok(()),
        }
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
        return unsigned(&deal, name, years, quote, records.as_ref());
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

/// Both transactions for a signer elsewhere, in one file. The salt is in the second one, so whoever keeps the file can reveal the name; with
/// a key here it also comes back from the words.
fn unsigned(
    deal: &Deal<'_>,
    name: &Name,
    years: u8,
    quote: Quote,
    records: Option<&Records>,
) -> Result<Output, CliError> {
    let put_down = |commitment| {
        let line = format!("put down a hash that hides `{name}`");
        Order::free(Action::NameCommit { commitment }, line)
    };
    let nonce = deal.prepare(put_down(Commitment::default()))?.body.nonce;
    let salt = match deal.actor.signer {
        Some(signer) => deal
            .purse
            .secrets
            .salt(signer, name.as_str().as_bytes(), nonce)?,
        None => random()?,
    };
    let mut second = reveal_order(name, *salt, years, quote, records);
    second.lines.push(format!(
        "register `{name}` for {}: {} (at most {})",
        years_text(years),
        quote.price,
        quote.max
    ));
    let first = put_down(commitment(name, &deal.id(), &salt));
    let receipts = deal.perform_all(vec![first, second], false)?;
    deal.ctx
        .say("keep the signed file until the name is yours: it reveals the name");
    Ok(Output::of(&Unsigned {
        name: name.clone(),
        price: quote.price,
        max_price: quote.max,
        file: receipts.first().and_then(|receipt| receipt.file.clone()),
        transactions: receipts,
    }))
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

/// `sapwood name register --resume`
pub(super) fn resume(
    ctx: &Context,
    name: Option<&Name>,
    max: Option<Amount>,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let purse = Purse::open(ctx, &flags.wallet)?;
    let mut entries = purse.journal()?.list()?;
    entries.retain(|entry| name.is_none_or(|name| entry.name == name.as_str()));
    if let (Some(name), true) = (name, entries.is_empty()) {
        entries.extend(recovered(&link, &purse, name, max, flags)?);
    }
    if entries.is_empty() {
        return Err(CliError::refused(
            "nothing_under_way",
            "no such registration is under way",
            "`sapwood name register NAME` begins one",
        ));
    }
    let mut resumed = Resumed {
        names: Vec::new(),
        would: Vec::new(),
    };
    for mut entry in entries {
        if let Some(max) = max {
            entry.max_price = max.drops();
        }
        let agreed = sapwood_primitives::Amount::from_drops(entry.max_price)
            .map_err(|error| CliError::new(Exit::Storage, "journal", error.to_string(), ""))?;
        let line = format!(
            "go on registering `{}` at no more than {agreed}",
            escape(&entry.name)
        );
        ctx.say(&line);
        if flags.dry_run {
            resumed.would.push(line);
            continue;
        }
        ctx.confirm("Go on?")?;
        resumed
            .names
            .push(take_up(&link, &purse, flags, entry)?.run()?);
    }
    Ok(Output::of(&resumed))
}

/// Transactions of an account between the one that numbered a salt and the one that put its hash down: a hash is sent again under a later
/// number if its first transaction got lost.
const LATER_NUMBERS: u64 = 32;

/// A registration that only the words and the chain know of: an account has put down the hash of this name, and its salt comes back from
/// the words. Its years and records are not known any more: it is registered for a year, without records.
fn recovered(
    link: &Link<'_>,
    purse: &Purse,
    name: &Name,
    max: Option<Amount>,
    flags: &SpendFlags,
) -> Result<Option<Registration>, CliError> {
    for hidden in hidden_names(link, &purse.ids()?)? {
        let body = &hidden.transaction.body;
        let Some(signer) = purse.signer(hidden.transaction.authority().hash())? else {
            continue;
        };
        for number in (body.nonce.saturating_sub(LATER_NUMBERS)..=body.nonce).rev() {
            let salt = purse
                .secrets
                .salt(signer, name.as_str().as_bytes(), number)?;
            if commitment(name, &hidden.sender, &salt) != hidden.commitment {
                continue;
            }
            link.ctx.say(format!(
                "block {} has the hash of `{name}`, and the words have its salt: it is registered for a year, without records",
                hidden.height
            ));
            let quote = Quote::registration(link, name, 1, max)?;
            let entry = Registration {
                name: name.to_string(),
                account_index: signer,
                salt: *salt,
                years: 1,
                max_price: quote.max.drops(),
                commit_txid: hidden.transaction.txid().0,
                commitment: hidden.commitment.0,
                valid_until: body.valid_until.get(),
                stage: Stage::Committed,
            };
            if !flags.dry_run {
                let actor = purse.actor(link, hidden.sender)?;
                write_draft(&Deal::new(link, purse, flags, actor)?, name, None)?;
                purse.journal()?.put(entry.clone())?;
            }
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// A registration from the journal, with the account and records that belong to it.
pub(super) fn take_up<'a>(
    link: &'a Link<'a>,
    purse: &'a Purse,
    flags: &'a SpendFlags,
    entry: Registration,
) -> Result<Drive<'a>, CliError> {
    let damaged = |what: &str| {
        CliError::new(
            Exit::Storage,
            "journal",
            format!(
                "the entry of `{}` in the journal of registrations is damaged: {what}",
                escape(&entry.name)
            ),
            "register the name anew; salts come back from the words",
        )
    };
    let name: Name = entry.name.parse().map_err(|_| damaged("not a name"))?;
    let notes = purse.notes().read()?;
    let draft = notes.draft(&name);
    let sender = match draft {
        Some(draft) => draft.sender,
        None => purse.id(entry.account_index)?,
    };
    let records = draft.and_then(|draft| draft.records.as_ref());
    let records = records
        .map(|bytes| Records::from_bytes(&bytes.0))
        .transpose()
        .map_err(|error| damaged(&error.to_string()))?;
    if commitment(&name, &sender, &entry.salt).0 != entry.commitment {
        return Err(damaged("salt and commitment do not belong together"));
    }
    let actor = purse.actor(link, sender)?;
    Ok(Drive::new(
        Deal::new(link, purse, flags, actor)?,
        purse.journal()?,
        entry,
        name,
        records,
    ))
}
