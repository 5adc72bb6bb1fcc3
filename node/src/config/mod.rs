//! Settings from the command line, the environment and one file, in this order of strength, and before what the program does by itself.
//!
//! There is one definition of each setting: the flag's, in [`crate::cli`]. A flag that all commands have is a key at the top of the file; a flag of one of the [`PARTS`] is a key in the
//! table of that name; `-` becomes `_`. So a new flag is a key without another word, unless [`NO_KEYS`] says why not.
//!
//! - [`mod@file`] reads the file and finds what is wrong with it, with line, key, reason and what is allowed;
//! - [`load`] lays it below flags and environment, by making it the default of the flags;
//! - [`mod@show`] says what holds and where it comes from.
//!
//! All of it is done before any port, thread or other file is opened.

mod fault;
pub(crate) mod file;
pub(crate) mod load;
mod meaning;
pub(crate) mod show;
mod unknown;

pub(crate) use meaning::{data_dir, suffix};

#[cfg(test)]
mod tests;

use clap::{Arg, ArgAction, Command};
use std::any::TypeId;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Commands that run until they are stopped. Each has a table in the file.
pub(crate) const PARTS: [&str; 4] = ["node", "dev", "resolver", "mine"];

/// Flags that are no keys: the part, empty for all commands, the flag, and why.
pub(crate) const NO_KEYS: [(&str, &str, &str); 6] = [
    ("", "config", "a file cannot say which file is read"),
    ("", "json", "a script says by itself what it reads"),
    ("", "yes", "nothing is agreed to beforehand for all times"),
    (
        "dev",
        "temp",
        "a folder is forgotten on purpose or not at all",
    ),
    ("dev", "reset", "nothing is deleted at every start"),
    ("dev", "tour", "a tour is something to do once"),
];

/// Settings of which one takes the other's place, or belongs to it: if a flag or the environment sets one, the file's word on the others is not used.
const TOGETHER: [&[&str]; 3] = [
    &["chain", "chain_file"],
    &["port_base", "ports"],
    // A cookie goes to the node that wrote it and to nobody else; `node` is the resolver's word for `rpc`.
    &["rpc", "cookie_file", "node"],
];

/// Settings of [`TOGETHER`] that a file cannot have both.
const EITHER: [&[&str]; 2] = [TOGETHER[0], TOGETHER[1]];

/// One setting.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Its table; none for what all commands have.
    pub(crate) part: Option<&'static str>,
    /// Its name in the table.
    pub(crate) name: String,
    arg: Arg,
}

/// What the file must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Number,
    /// A path in a string.
    Path,
    /// A string.
    Text,
}

/// All settings that the command line has, those of all commands first.
pub(crate) fn settings(command: &Command) -> Vec<Setting> {
    let top = keys(None, command);
    let parts = PARTS.into_iter().flat_map(|part| {
        let command = command.find_subcommand(part);
        command.map_or_else(Vec::new, |command| keys(Some(part), command))
    });
    top.into_iter().chain(parts).collect()
}

fn keys(part: Option<&'static str>, command: &Command) -> Vec<Setting> {
    let is_key = |flag: &str| {
        let excepted = |(p, f, _): &(&str, &str, &str)| *p == part.unwrap_or("") && *f == flag;
        !NO_KEYS.iter().any(excepted)
    };
    let flags = command.get_arguments().filter_map(|arg| {
        let flag = arg.get_long().filter(|flag| is_key(flag))?;
        Some(Setting {
            part,
            name: flag.replace('-', "_"),
            arg: arg.clone(),
        })
    });
    flags.collect()
}

impl Setting {
    /// Its name in the file, with the table's before it.
    pub(crate) fn key(&self) -> String {
        match self.part {
            Some(part) => format!("{part}.{}", self.name),
            None => self.name.clone(),
        }
    }

    fn id(&self) -> String {
        self.arg.get_id().to_string()
    }

    /// What the file must give.
    pub(crate) fn kind(&self) -> Kind {
        if matches!(self.arg.get_action(), ArgAction::SetTrue) {
            return Kind::Switch;
        }
        let id = self.arg.get_value_parser().type_id();
        let numbers = [
            TypeId::of::<u16>(),
            TypeId::of::<u32>(),
            TypeId::of::<u64>(),
            TypeId::of::<NonZeroUsize>(),
        ];
        if numbers.iter().any(|number| id == *number) {
            Kind::Number
        } else if id == TypeId::of::<PathBuf>() {
            Kind::Path
        } else {
            Kind::Text
        }
    }

    /// What may stand there, in a few words.
    pub(crate) fn allowed(&self) -> String {
        let kind = match self.kind() {
            Kind::Switch => return "true or false".to_owned(),
            Kind::Number => "a whole number",
            Kind::Path => "an absolute path",
            Kind::Text => "a string",
        };
        let values = self.arg.get_possible_values();
        let names: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
        let form = self.arg.get_value_names().unwrap_or_default().join(" ");
        match names.is_empty() {
            true => format!("{kind}, {form}"),
            false => format!("one of {}", names.join(", ")),
        }
    }

    fn env(&self) -> Option<String> {
        Some(self.arg.get_env()?.to_string_lossy().into_owned())
    }

    /// What holds if nobody says anything.
    fn default(&self) -> Option<String> {
        if self.kind() == Kind::Switch {
            return Some("false".to_owned());
        }
        let value = self.arg.get_default_values().first()?;
        Some(value.to_string_lossy().into_owned())
    }
}
