//! What a name points at.

use std::fmt;

use sapwood_primitives::records::{Entry, Records};
use sapwood_primitives::{Action, Height, Name};
use sapwood_rpc::records::{parse_record, parse_type, rdata_is_well_formed, to_line};
use serde::Serialize;

use super::as_owner;
use crate::command::args::{RecordChange, SpendFlags};
use crate::command::context::Context;
use crate::command::deal::Order;
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::wallet::perform;

/// The records of a name, proven.
#[derive(Serialize)]
struct Shown {
    height: Height,
    name: Name,
    records: Vec<String>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.records
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// `sapwood name records`
pub(super) fn records(
    ctx: &Context,
    name: &Name,
    change: &RecordChange,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    let nothing =
        change.set.is_empty() && change.add.is_empty() && change.remove.is_empty() && !change.clear;
    if nothing {
        return shown(ctx, name);
    }
    // What is wrong in the command line is said before anything is asked or opened.
    let (set, add) = (parse_all(&change.set)?, parse_all(&change.add)?);
    let remove = patterns(&change.remove)?;
    as_owner(ctx, name, flags, |deal, _| {
        let now = deal.actor.account.records.entries();
        let mut entries = if change.clear || !set.is_empty() {
            set
        } else {
            now.clone()
        };
        for pattern in &remove {
            let before = entries.len();
            entries.retain(|entry| !pattern.matches(entry));
            if entries.len() == before {
                return Err(CliError::refused(
                    "no_record",
                    format!("`{name}` has no record `{}`", pattern.text),
                    format!("`sapwood name records {name}` lists them"),
                ));
            }
        }
        for entry in add {
            entries.retain(|old| !same_but_ttl(old, &entry));
            entries.push(entry);
        }
        let records = from_entries(entries)?;
        if records == deal.actor.account.records {
            return Err(CliError::refused(
                "no_change",
                "the records are so already",
                "",
            ));
        }
        let order = Order {
            lines: difference(name, &now, &records.entries()),
            ..Order::free(Action::RecordsSet { records }, String::new())
        };
        perform(deal, order, flags.waits(true))
    })
}

fn shown(ctx: &Context, name: &Name) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let proven = link.name(name)?;
    let owner = proven
        .living_owner(ctx)
        .ok_or_else(|| CliError::refused("name_not_owned", format!("nobody owns `{name}`"), ""))?;
    Ok(Output::of(&Shown {
        height: proven.height,
        name: name.clone(),
        records: owner.records.entries().iter().map(to_line).collect(),
    }))
}

/// Reads records; what does not fit its type is not written (specs/07 §1.4).
pub(super) fn parse_all(lines: &[String]) -> Result<Vec<Entry>, CliError> {
    let bad = |line: &str, why: String| {
        CliError::usage(
            "bad_record",
            format!(
                "`{}` is not a record: {}",
                crate::command::text::escape(line),
                crate::command::text::escape(&why)
            ),
            "write it as '@ 300 A 192.0.2.1'",
        )
    };
    lines
        .iter()
        .map(|line| {
            let entry = parse_record(line).map_err(|error| bad(line, error.to_string()))?;
            if rdata_is_well_formed(entry.rtype, &entry.rdata) {
                Ok(entry)
            } else {
                Err(bad(line, "its data does not fit its type".into()))
            }
        })
        .collect()
}

pub(super) fn from_entries(entries: Vec<Entry>) -> Result<Records, CliError> {
    Records::from_entries(entries)
        .map_err(|error| CliError::refused("bad_records", error.to_string(), ""))
}

/// What `--remove` means.
struct Pattern {
    text: String,
    owner: Vec<u8>,
    rtype: u16,
    rdata: Option<Vec<u8>>,
}

impl Pattern {
    fn matches(&self, entry: &Entry) -> bool {
        entry.owner == self.owner
            && entry.rtype == self.rtype
            && self
                .rdata
                .as_ref()
                .is_none_or(|rdata| *rdata == entry.rdata)
    }
}

/// Owner and type, or a whole record. The owner's form is read by the reader of records, with data that every type has.
fn patterns(texts: &[String]) -> Result<Vec<Pattern>, CliError> {
    texts
        .iter()
        .map(|text| {
            let words: Vec<&str> = text.split_whitespace().collect();
            let safe = crate::command::text::escape(text);
            if let [owner, rtype] = words[..]
                && let Some(rtype) = parse_type(rtype)
            {
                let probe = parse_all(&[format!("{owner} TYPE65280 \\# 0")])?;
                return Ok(Pattern {
                    text: safe,
                    owner: probe[0].owner.clone(),
                    rtype,
                    rdata: None,
                });
            }
            let entry = parse_all(std::slice::from_ref(text))?.remove(0);
            Ok(Pattern {
                text: safe,
                owner: entry.owner,
                rtype: entry.rtype,
                rdata: Some(entry.rdata),
            })
        })
        .collect()
}

fn same_but_ttl(a: &Entry, b: &Entry) -> bool {
    (&a.owner, a.rtype, &a.rdata) == (&b.owner, b.rtype, &b.rdata)
}

/// What goes and what comes, one line each.
fn difference(name: &Name, before: &[Entry], after: &[Entry]) -> Vec<String> {
    let gone = before.iter().filter(|entry| !after.contains(entry));
    let come = after.iter().filter(|entry| !before.contains(entry));
    std::iter::once(format!("change the records of `{name}`:"))
        .chain(gone.map(|entry| format!("- {}", to_line(entry))))
        .chain(come.map(|entry| format!("+ {}", to_line(entry))))
        .collect()
}
