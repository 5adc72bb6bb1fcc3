//! Renewing what a file lists: what was begun is written down, so that the same command pays for no name twice.

use std::path::Path;

use sapwood_primitives::codec::read;
use sapwood_primitives::{Action, Amount, Hash, Name, Transaction};
use sapwood_rpc::client::CallError;
use sha2::{Digest, Sha256};

use super::batch_file;
use super::renew::{Row, Wanted, row};
use crate::command::args::SpendFlags;
use crate::command::context::Context;
use crate::command::deal::wait_confirmed;
use crate::command::error::{CliError, Exit};
use crate::command::link::Link;
use crate::command::notes::RenewalBatch;
use crate::command::purse::Purse;

/// Takes away what this batch has paid for before, and gives both.
pub(super) fn without_paid(
    link: &Link<'_>,
    purse: &Purse,
    wanted: Vec<Wanted>,
    id: Hash,
    flags: &SpendFlags,
) -> Result<(Vec<Row>, Vec<Wanted>), CliError> {
    // A transaction of the same batch may be on its way from before.
    finish_sent(link, purse, &wanted, flags)?;
    let mut plans = purse.notes().read()?.renewals.into_iter();
    let plan = plans.find(|plan| plan.batch == id);
    let until = |name: &Name| {
        let mut plan = plan.as_ref()?.until.iter();
        plan.find(|(other, _)| other == name)
            .map(|(_, until)| *until)
    };
    let (mut paid, mut rest) = (Vec::new(), Vec::new());
    for one in wanted {
        let proven = link.name(&one.name)?;
        match (&proven.leaf, until(&one.name)) {
            (Some(leaf), Some(until)) if leaf.paid_until >= until => {
                paid.push(Row {
                    status: "paid",
                    ..row(link.ctx, &proven, leaf, leaf.paid_until)
                });
            }
            _ => rest.push(one),
        }
    }
    Ok((paid, rest))
}

/// What a file wants, and what the batch is known by when the command is given again.
pub(super) fn batch_lines(
    ctx: &Context,
    file: &Path,
    years: u8,
    max: Option<Amount>,
) -> Result<(Vec<Wanted>, Hash), CliError> {
    let lines = batch_file::read(ctx, file)?;
    let mut faults = Vec::new();
    for line in &lines {
        if line.account.is_some() || !line.records.is_empty() {
            faults.push(format!(
                "line {}: a renewal has no account and no records; --account pays for all",
                line.number
            ));
        }
    }
    if !faults.is_empty() {
        return Err(batch_file::faulty("bad_batch", Exit::Usage, &faults));
    }
    let wanted: Vec<Wanted> = lines
        .into_iter()
        .map(|line| Wanted {
            name: line.name,
            years: line.years.unwrap_or(years),
            max: line.max.or(max),
        })
        .collect();
    let terms: Vec<String> = wanted
        .iter()
        .map(|one| format!("{} {}\n", one.name, one.years))
        .collect();
    Ok((wanted, Hash(Sha256::digest(terms.concat()).into())))
}

/// Waits for renewals of these names that the wallet sent before and that are in no block yet.
fn finish_sent(
    link: &Link<'_>,
    purse: &Purse,
    wanted: &[Wanted],
    flags: &SpendFlags,
) -> Result<(), CliError> {
    if flags.dry_run {
        return Ok(());
    }
    for sent in purse.notes().read()?.sent {
        let Ok(tx) = read::<Transaction>(&sent.tx.0) else {
            continue;
        };
        let renews = tx.body.actions.iter().any(|action| match action {
            Action::NameRenew { name, .. } => wanted.iter().any(|one| one.name == name),
            _ => false,
        });
        if !renews {
            continue;
        }
        if link.tx_status(sent.txid)?.status == "unknown" {
            // It never arrived, or its block is older than the node's window; the chain's answer for the name decides.
            match link.try_submit(&sent.tx.0) {
                Ok(_) => {}
                Err(CallError::Refused { .. }) => continue,
                Err(error) => return Err(error.into()),
            }
        }
        match wait_confirmed(link, sent.txid, Some(sent.valid_until)) {
            Err(error) if error.code != "expired" => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn write_plan(purse: &Purse, id: Hash, rows: &[Row]) -> Result<(), CliError> {
    let notebook = purse.notes();
    let mut notes = notebook.read()?;
    let mut plan = match notes.renewals.iter().position(|plan| plan.batch == id) {
        Some(place) => notes.renewals.remove(place),
        None => RenewalBatch {
            batch: id,
            until: Vec::new(),
        },
    };
    for row in rows {
        if plan.until.iter().all(|(name, _)| *name != row.name) {
            plan.until.push((row.name.clone(), row.paid_until));
        }
    }
    notes.renewals.push(plan);
    notebook.write(&notes)
}

pub(super) fn forget_batch(purse: &Purse, id: Option<Hash>) -> Result<(), CliError> {
    let Some(id) = id else { return Ok(()) };
    let notebook = purse.notes();
    let mut notes = notebook.read()?;
    let before = notes.renewals.len();
    notes.renewals.retain(|plan| plan.batch != id);
    if notes.renewals.len() == before {
        return Ok(());
    }
    notebook.write(&notes)
}
