//! What is wrong with a configuration: where, what, why, and what would be right.

use sapwood_wallet::command::{CliError, Exit, escape};
use std::path::Path;

/// One fault of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Its line, counted from 1; none if it concerns the whole file.
    pub(crate) line: Option<usize>,
    /// The key, or nothing.
    pub(crate) key: String,
    /// What is wrong.
    pub(crate) reason: String,
    /// What is allowed, or what to do.
    pub(crate) allowed: String,
}

impl Fault {
    /// A fault of the whole file.
    pub(crate) fn whole(reason: impl Into<String>, allowed: &str) -> Self {
        Self {
            line: None,
            key: String::new(),
            reason: reason.into(),
            allowed: allowed.to_owned(),
        }
    }
}

/// The first fault in the order of lines as an error, which says how many more there are.
pub(crate) fn error(path: &Path, mut faults: Vec<Fault>) -> CliError {
    faults.sort_by_key(|fault| fault.line);
    let more = match faults.len() {
        0 | 1 => String::new(),
        count => format!("; and {} more", count - 1),
    };
    let Some(first) = faults.into_iter().next() else {
        return CliError::new(Exit::Internal, "config", "no fault", "this is a bug");
    };
    let path = escape(&path.display().to_string());
    let place = match first.line {
        Some(line) => format!("{path}, line {line}"),
        None => path,
    };
    let key = match first.key.is_empty() {
        true => String::new(),
        false => format!("`{}` ", escape(&first.key)),
    };
    let reason = escape(&first.reason);
    let message = format!("{place}: {key}{reason}{more}");
    CliError::new(Exit::Usage, "config", message, escape(&first.allowed))
}
