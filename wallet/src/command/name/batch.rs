//! Many names in one command: the file's form, and registering what it lists.
//!
//! ```text
//! # one name a line, records on indented lines below it
//! alice  years=2 max-price=3 account=shop
//!     @ A 192.0.2.7
//! bob-the-builder
//! ```
//!
//! Nothing is sent before every line was checked. What is under way stands in the journal of registrations, and what is owned on the chain,
//! so the same command goes on after it was killed. All first transactions are sent before the first wait: ten names take as long as one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sapwood_primitives::{AccountId, Amount, Name, Records};
use serde::Serialize;
use serde_json::json;

use super::drive::{Drive, Next};
use super::quote::Quote;
use super::records::{from_entries, parse_all};
use super::register::{Report, offer, take_up, write_draft};
use crate::command::args::SpendFlags;
use crate::command::context::Context;
use crate::command::deal::Deal;
use crate::command::error::{CliError, Exit};
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::command::text::{escape, parse_name};
use crate::keystore::{Registration, Stage};

/// Longest file, in bytes: a thousand names with full records.
const MAX_FILE: u64 = 1 << 20;

/// Most names in a file, as many as accounts that one would care for.
const MAX_LINES: usize = 1_000;

/// Most faults that are told at once.
const MAX_FAULTS: usize = 5;

/// One name of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its line, from 1.
    pub(super) number: usize,
    pub(super) name: Name,
    pub(super) years: Option<u8>,
    pub(super) max: Option<Amount>,
    pub(super) account: Option<String>,
    pub(super) records: Vec<String>,
}

/// Reads a file; every fault is told with its line.
pub(super) fn read(ctx: &Context, file: &Path) -> Result<Vec<Line>, CliError> {
    let bytes = ctx.read_file(file, MAX_FILE)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let message = format!(
            "the batch file is not UTF-8 from byte {} on",
            error.valid_up_to()
        );
        CliError::usage("bad_batch", message, "")
    })?;
    parse(text)
}

/// Reads the text of a file.
pub(super) fn parse(text: &str) -> Result<Vec<Line>, CliError> {
    let mut lines: Vec<Line> = Vec::new();
    let mut faults = Vec::new();
    for (text, number) in text.lines().zip(1..) {
        let content = text.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let result = match (text.starts_with([' ', '\t']), lines.last_mut()) {
            (true, Some(line)) => {
                line.records.push(content.to_owned());
                parse_all(&line.records[line.records.len() - 1..])
                    .map(|_| ())
                    .map_err(|error| error.message)
            }
            (true, None) => Err("a record without a name above it".to_owned()),
            (false, _) => name_line(number, content).and_then(|line| {
                let twin = lines.iter().find(|other| other.name == line.name);
                if let Some(twin) = twin {
                    return Err(format!(
                        "`{}` stands in line {} already",
                        line.name, twin.number
                    ));
                }
                lines.push(line);
                Ok(())
            }),
        };
        if let Err(fault) = result {
            faults.push(format!("line {number}: {fault}"));
        }
    }
    if faults.is_empty() && lines.is_empty() {
        faults.push("it has no name".to_owned());
    }
    if lines.len() > MAX_LINES {
        faults.push(format!("it has more than {MAX_LINES} names"));
    }
    match faults.is_empty() {
        true => Ok(lines),
        false => Err(faulty("bad_batch", Exit::Usage, &faults)),
    }
}

fn name_line(number: usize, content: &str) -> Result<Line, String> {
    let mut words = content.split_whitespace();
    let name = words.next().unwrap_or_default();
    let name = parse_name(name).map_err(|error| format!("`{}`: {error}", escape(name)))?;
    let mut line = Line {
        number,
        name,
        years: None,
        max: None,
        account: None,
        records: Vec::new(),
    };
    for word in words {
        let bad = |why: &str| format!("`{}`: {why}", escape(word));
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| bad("not of the form key=value; records go on indented lines"))?;
        match key {
            "years" if line.years.is_none() => {
                let years = value.parse().ok().filter(|years| (1..=10).contains(years));
                line.years = Some(years.ok_or_else(|| bad("1 to 10 years"))?);
            }
            "max-price" if line.max.is_none() => {
                let max = value.parse::<Amount>();
                line.max = Some(max.map_err(|error| bad(&error.to_string()))?);
            }
            "account" if line.account.is_none() && !value.is_empty() => {
                line.account = Some(value.to_owned());
            }
            "years" | "max-price" | "account" => return Err(bad("empty, or there twice")),
            _ => return Err(bad("there are years, max-price and account")),
        }
    }
    Ok(line)
}

pub(super) fn faulty(code: &'static str, exit: Exit, faults: &[String]) -> CliError {
    let mut message = format!(
        "the batch file: {}",
        faults[..faults.len().min(MAX_FAULTS)].join("; ")
    );
    if faults.len() > MAX_FAULTS {
        message += &format!("; and {} more", faults.len() - MAX_FAULTS);
    }
    let mut error = CliError::new(
        exit,
        code,
        message,
        "nothing was sent; correct the file and try again",
    );
    error.data = Some(json!({ "faults": faults }));
    error
}

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

/// Accounts that may take a name, each once.
struct Accounts {
    /// Those that lines name, by the word of the line.
    named: BTreeMap<String, AccountId>,
    /// The others that exist, have no name and are not busy registering one.
    free: Vec<AccountId>,
}

impl Accounts {
    fn of(
        link: &Link<'_>,
        purse: &Purse,
        lines: &[Line],
        pending: &[Registration],
    ) -> Result<Self, CliError> {
        let notes = purse.notes().read()?;
        let busy: BTreeSet<AccountId> = pending
            .iter()
            .filter_map(|entry| {
                notes
                    .drafts
                    .iter()
                    .find(|draft| draft.name.as_str() == entry.name)
            })
            .map(|draft| draft.sender)
            .collect();
        let mut named = BTreeMap::new();
        let mut faults = Vec::new();
        for line in lines {
            let Some(word) = &line.account else { continue };
            let id = match purse.chosen(link.ctx, Some(word)) {
                Ok(id) => id,
                Err(error) => {
                    faults.push(format!("line {}: {error}", line.number));
                    continue;
                }
            };
            if busy.contains(&id) && !pending.iter().any(|entry| entry.name == line.name.as_str()) {
                faults.push(format!(
                    "line {}: its account is registering another name",
                    line.number
                ));
            }
            if named.values().any(|other| *other == id) {
                faults.push(format!(
                    "line {}: its account stands in another line, and an account has one name",
                    line.number
                ));
            }
            named.insert(word.clone(), id);
        }
        if !faults.is_empty() {
            return Err(faulty("batch_refused", Exit::Refused, &faults));
        }
        let mut free = Vec::new();
        if lines.iter().any(|line| line.account.is_none()) {
            for (account, (_, id)) in purse.secrets.accounts().iter().zip(purse.ids()?) {
                let taken = account.watched().is_some()
                    || busy.contains(&id)
                    || named.values().any(|other| *other == id);
                if !taken
                    && link
                        .account(id)?
                        .account
                        .is_some_and(|account| account.name.is_none())
                {
                    free.push(id);
                }
            }
        }
        Ok(Self { named, free })
    }

    fn candidates(&self, line: &Line) -> Vec<AccountId> {
        match &line.account {
            Some(word) => self.named.get(word).copied().into_iter().collect(),
            None => self.free.clone(),
        }
    }

    fn take(&mut self, id: AccountId) {
        self.free.retain(|other| *other != id);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_has_names_their_terms_and_records_below_them() {
        let text = "# mine\n\nalice years=2 max-price=1.5 account=shop # no\n";
        assert!(parse(text).is_err(), "a comment has a line of its own");
        let text = "# mine\n\nalice years=2 max-price=1.5 account=shop\n  # note\n  @ A 192.0.2.7\n\twww 60 A 192.0.2.8\r\nBob.leaf.alt\n";
        let lines = parse(text).unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(
            lines[0],
            Line {
                number: 3,
                name: "alice".parse().unwrap(),
                years: Some(2),
                max: "1.5".parse().ok(),
                account: Some("shop".into()),
                records: vec!["@ A 192.0.2.7".into(), "www 60 A 192.0.2.8".into()],
            }
        );
        assert_eq!((lines[1].number, lines[1].name.as_str()), (7, "bob"));
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let text = "  @ A 192.0.2.7\nalice\nAl_ice\nalice\nbob years=11\nbob2 colour=red\nbob3 years\nbob4\n  @ A 1.2\nbob5 years=1 years=2\n";
        let error = parse(text).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        let faults = error.data.as_ref().unwrap()["faults"]
            .as_array()
            .unwrap()
            .clone();
        let numbers: Vec<&str> = faults
            .iter()
            .map(|fault| fault.as_str().unwrap().split(':').next().unwrap())
            .collect();
        assert_eq!(
            numbers,
            [
                "line 1", "line 3", "line 4", "line 5", "line 6", "line 7", "line 9", "line 10"
            ]
        );
        assert!(error.message.contains("and 3 more"), "{error}");
        for empty in ["", "# only\n", "\n\n"] {
            assert!(parse(empty).unwrap_err().message.contains("no name"));
        }
    }

    proptest! {
        #[test]
        fn no_text_brings_the_reader_down(text in "([a-z0-9= .#@\t-]{0,20}\n){0,8}.{0,30}") {
            if let Ok(lines) = parse(&text) {
                prop_assert!(lines.len() <= MAX_LINES && !lines.is_empty());
            }
        }
    }
}
