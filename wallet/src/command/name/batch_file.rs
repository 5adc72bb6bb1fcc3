//! The form of a batch file: a name on each line, records on indented lines below it.
//!
//! ```text
//! # one name a line, records on indented lines below it
//! alice  years=2 max-price=3 account=shop
//!     @ A 192.0.2.7
//! bob-the-builder
//! ```
//!
//! All faults are found before anything is done, and each is told with its line.

use std::path::Path;

use sapwood_primitives::{Amount, Name};
use serde_json::json;

use super::records::parse_all;
use crate::command::context::Context;
use crate::command::error::{CliError, Exit};
use crate::command::text::{escape, parse_name};

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
