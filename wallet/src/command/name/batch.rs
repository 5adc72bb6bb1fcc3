//! Registering many names in one command, from a file ([`super::batch_file`]).
//!
//! Nothing is sent before every line was checked. What is under way stands in the journal of registrations, and what is owned on the chain,
//! so the same command goes on after it was killed. All first transactions are sent before the first wait: ten names take as long as one.

use std::collections::BTreeSet;
use std::path::Path;

use sapwood_primitives::{AccountId, Amount, Name, Records};
use serde::Serialize;

use super::batch_accounts::Accounts;
use super::batch_file::{Line, faulty, read};
use super::drive::{Drive, Next};
use super::quote::Quote;
use super::records::{from_entries, parse_all};
use super::register::{Report, offer, write_draft};
use super::resume::take_up;
use crate::command::args::SpendFlags;
use crate::command::context::Context;
use crate::command::deal::Deal;
use crate::command::error::{CliError, Exit};
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::keystore::{Registration, Stage};

/// What became of a line.
#[derive(Serialize)]
struct LineReport {
    line: usize,
    name: Name,
    /// `registered`, `committed`, `owned` if it was so before, `planned` of a dry run, or `failed`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration: Option<Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<serde_json::Value>,
}

/// All lines.
#[derive(Serialize)]
struct Reports {
    names: Vec<LineReport>,
}

impl std::fmt::Display for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in &self.names {
            writeln!(f, "{}: {}", line.name, line.status)?;
        }
        Ok(())
    }
}

/// A line that is to be worked on.
enum Work<'a> {
    /// It is owned already.
    Owned,
    /// It goes on from the journal.
    Resume(Box<Drive<'a>>),
    /// It begins.
    Begin(Box<Begin<'a>>),
}

struct Begin<'a> {
    deal: Deal<'a>,
    quote: Quote,
    years: u8,
    records: Option<Records>,
}

/// `sapwood name register --batch`
pub(super) fn register(
    ctx: &Context,
    file: &Path,
    years: u8,
    max: Option<Amount>,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    let mut lines = read(ctx, file)?;
    for line in &mut lines {
        line.years = line.years.or(Some(years));
        line.max = line.max.or(max);
    }
    let link = Link::open(ctx)?;
    let purse = Purse::open(ctx, &flags.wallet)?;
    let work = check(&link, &purse, flags, &lines)?;
    if flags.dry_run {
        let names = lines.iter().zip(&work).map(|(line, work)| LineReport {
            line: line.number,
            name: line.name.clone(),
            status: if matches!(work, Work::Owned) {
                "owned"
            } else {
                "planned"
            },
            registration: None,
            error: None,
        });
        return Ok(Output::of(&Reports {
            names: names.collect(),
        }));
    }
    if work.iter().any(|work| !matches!(work, Work::Owned)) {
        ctx.confirm("Sign and send all of these?")?;
    }
    let mut reports = Vec::new();
    let mut drives = Vec::new();
    for (line, work) in lines.iter().zip(work) {
        match work {
            Work::Owned => reports.push(done(line, "owned", None)),
            Work::Resume(drive) => drives.push((line, *drive)),
            Work::Begin(begin) => match begin_line(&purse, line, *begin) {
                Ok(drive) => drives.push((line, drive)),
                Err(error) => reports.push(failed(ctx, line, &error)?),
            },
        }
    }
    if !flags.waits(true) {
        reports.extend(drives.iter().map(|(line, drive)| {
            let report = drive.report_committed();
            done(line, "committed", Some(report))
        }));
        drives.clear();
    }
    while !drives.is_empty() {
        let mut waiting = Vec::new();
        let mut why = String::new();
        for (line, mut drive) in drives {
            match drive.step() {
                Ok(Next::Owned(report)) => reports.push(done(line, "registered", Some(*report))),
                Ok(Next::Wait(reason)) => {
                    why = format!("{}: {reason}", drive.name());
                    waiting.push((line, drive));
                }
                Err(error) => reports.push(failed(ctx, line, &drive.with_advice(error))?),
            }
        }
        drives = waiting;
        if !drives.is_empty() {
            link.await_block(&why)?;
        }
    }
    ctx.terminal.progress_end();
    reports.sort_by_key(|report| report.line);
    conclude(reports)
}

fn done(line: &Line, status: &'static str, registration: Option<Report>) -> LineReport {
    LineReport {
        line: line.number,
        name: line.name.clone(),
        status,
        registration,
        error: None,
    }
}

/// A line that failed for a reason of its own; a node or disk that fails ends the whole batch.
fn failed(ctx: &Context, line: &Line, error: &CliError) -> Result<LineReport, CliError> {
    if error.exit != Exit::Refused {
        ctx.terminal.progress_end();
        let mut error = error.clone();
        error.hint = "the same command goes on with what is under way".into();
        return Err(error);
    }
    ctx.say(format!("line {}, `{}`: {error}", line.number, line.name));
    Ok(LineReport {
        status: "failed",
        error: Some(error.to_json()["error"].clone()),
        ..done(line, "failed", None)
    })
}

fn conclude(names: Vec<LineReport>) -> Result<Output, CliError> {
    let lines = names.iter().filter(|report| report.status == "failed");
    let failed: Vec<String> = lines
        .map(|report| format!("line {} (`{}`)", report.line, report.name))
        .collect();
    let reports = Reports { names };
    if failed.is_empty() {
        return Ok(Output::of(&reports));
    }
    let mut error = CliError::new(
        Exit::Failed,
        "batch_incomplete",
        format!(
            "{} of {} names failed: {}",
            failed.len(),
            reports.names.len(),
            failed.join(", ")
        ),
        "correct these lines and give the same command again; the others are done",
    );
    error.data = Some(serde_json::to_value(&reports).expect("reports are plain data"));
    Err(error)
}

/// Looks at every line before anything is sent.
fn check<'a>(
    link: &'a Link<'a>,
    purse: &'a Purse,
    flags: &'a SpendFlags,
    lines: &[Line],
) -> Result<Vec<Work<'a>>, CliError> {
    let ctx = link.ctx;
    let own: BTreeSet<AccountId> = purse.ids()?.into_iter().map(|(_, id)| id).collect();
    let pending = purse.journal()?.list()?;
    let mut accounts = Accounts::of(link, purse, lines, &pending)?;
    let (mut work, mut faults) = (Vec::new(), Vec::new());
    for line in lines {
        let result = check_line(link, purse, flags, line, &own, &pending, &mut accounts);
        match result {
            Ok(one) => work.push(one),
            Err(error) if matches!(error.exit, Exit::Refused | Exit::Usage) => {
                faults.push(format!("line {}: {error}", line.number));
            }
            Err(error) => return Err(error),
        }
    }
    ctx.terminal.progress_end();
    match faults.is_empty() {
        true => Ok(work),
        false => Err(faulty("batch_refused", Exit::Refused, &faults)),
    }
}

fn check_line<'a>(
    link: &'a Link<'a>,
    purse: &'a Purse,
    flags: &'a SpendFlags,
    line: &Line,
    own: &BTreeSet<AccountId>,
    pending: &[Registration],
    accounts: &mut Accounts,
) -> Result<Work<'a>, CliError> {
    let (ctx, name) = (link.ctx, &line.name);
    ctx.terminal.progress(&format!("checking `{name}`"));
    if let Some(entry) = pending.iter().find(|entry| entry.name == name.as_str()) {
        ctx.say(format!("go on registering `{name}`"));
        return Ok(Work::Resume(Box::new(take_up(
            link,
            purse,
            flags,
            entry.clone(),
        )?)));
    }
    let owner = link.name(name)?.living_owner(ctx).map(|owner| owner.id);
    match owner {
        Some(owner) if own.contains(&owner) => return Ok(Work::Owned),
        Some(owner) => {
            return Err(CliError::refused(
                "name_taken",
                format!("`{name}` belongs to {}", ctx.address(owner)),
                "",
            ));
        }
        None => {}
    }
    let records = match line.records.is_empty() {
        true => None,
        false => Some(from_entries(parse_all(&line.records)?)?),
    };
    let years = line.years.unwrap_or(1);
    let quote = Quote::registration(link, name, years, line.max)?;
    let mut last = None;
    for id in accounts.candidates(line) {
        let actor = purse.actor(link, id)?;
        if let Some(other) = &actor.account.name {
            return Err(CliError::refused(
                "has_name",
                format!("its account owns `{other}` already, and an account has one name"),
                "",
            ));
        }
        let deal = match Deal::new(link, purse, flags, actor) {
            Ok(deal) => deal,
            Err(error) => {
                last = Some(error);
                continue;
            }
        };
        let offered = offer(&deal, name, years, quote, records.as_ref());
        match offered.and_then(|order| deal.prepare(order)) {
            Ok(prepared) => {
                deal.show(&prepared);
                accounts.take(id);
                return Ok(Work::Begin(Box::new(Begin {
                    deal,
                    quote,
                    years,
                    records,
                })));
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        CliError::refused(
            "no_account",
            format!(
                "no account is left for `{name}`: each name takes one that has coins and no name"
            ),
            "make one with `sapwood wallet accounts --new` and send it coins",
        )
    }))
}

/// Writes the line down and sends its first transaction.
fn begin_line<'a>(purse: &Purse, line: &Line, begin: Begin<'a>) -> Result<Drive<'a>, CliError> {
    let entry = Registration {
        name: line.name.to_string(),
        account_index: begin.deal.signer()?,
        salt: [0; 32],
        years: begin.years.into(),
        max_price: begin.quote.max.drops(),
        commit_txid: [0; 32],
        commitment: [0; 32],
        valid_until: 0,
        stage: Stage::Prepared,
    };
    write_draft(&begin.deal, &line.name, begin.records.as_ref())?;
    let journal = purse.journal()?;
    let mut drive = Drive::new(begin.deal, journal, entry, line.name.clone(), begin.records);
    drive.commit_with_new_salt()?;
    Ok(drive)
}
