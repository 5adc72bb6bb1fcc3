//! Going on with registrations that were interrupted: from the journal, or from the words and the chain alone.

use std::fmt;

use sapwood_primitives::{Amount, Name, Records};
use sapwood_runtime::commitment;
use serde::Serialize;

use super::drive::Drive;
use super::quote::Quote;
use super::register::{Report, write_draft};
use crate::command::args::SpendFlags;
use crate::command::context::Context;
use crate::command::deal::Deal;
use crate::command::error::{CliError, Exit};
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::command::text::escape;
use crate::command::wallet::hidden_names;
use crate::keystore::{Registration, Stage};

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
