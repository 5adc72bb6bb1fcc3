//! Lays the file below flags and environment: its values become the defaults of the flags, and clap does the rest.

use super::file::{self, Entries};
use super::{PARTS, Setting, TOGETHER, fault, meaning, settings, unknown};
use crate::cli::{Cli, Command, ConfigCommand};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use sapwood_wallet::command::{CliError, escape};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The command line with all settings in it, and where they come from.
pub(crate) struct Loaded {
    /// What to do.
    pub(crate) cli: Cli,
    /// Where the file is looked for; none without a home.
    pub(crate) path: Option<PathBuf>,
    /// What it says; none if there is no such file, or the command needs none.
    pub(crate) entries: Option<Entries>,
    /// What flags and environment say by themselves.
    pub(crate) matches: ArgMatches,
    /// What is in order and still worth a word, for commands that serve.
    pub(crate) warnings: Vec<String>,
}

/// Why there is no command to run.
pub(crate) enum NoCommand {
    /// The words on the command line, or the question for help.
    Words(clap::Error),
    /// The configuration; and whether the error is to be printed as JSON.
    Config(CliError, bool),
}

/// Reads command line, environment and file.
///
/// # Errors
/// [`NoCommand`]. Nothing but the file was opened.
pub(crate) fn load(args: &[OsString]) -> Result<Loaded, NoCommand> {
    let command = Cli::command();
    let matches = command.try_get_matches_from(args);
    let matches = matches.map_err(NoCommand::Words)?;
    let cli = Cli::from_arg_matches(&matches).map_err(NoCommand::Words)?;
    let json = cli.global.json;
    let config = |error| NoCommand::Config(error, json);
    let mut loaded = Loaded {
        path: asked_for(&cli).or_else(usual_place),
        cli,
        entries: None,
        matches,
        warnings: strange_variables(),
    };
    if !needs_file(&loaded.cli.command) {
        return Ok(loaded);
    }
    let settings = settings(&Cli::command());
    loaded.entries = read(&loaded, &settings).map_err(config)?;
    let Some(entries) = &loaded.entries else {
        return Ok(loaded);
    };
    let command = lay_under(&settings, entries, &loaded.matches);
    let laid = command.try_get_matches_from(args);
    let laid = laid.and_then(|matches| Cli::from_arg_matches(&matches));
    loaded.cli = laid.map_err(NoCommand::Words)?;
    check_addresses(&loaded).map_err(config)?;
    loaded.warnings.extend(entries.warnings.iter().cloned());
    Ok(loaded)
}

/// What makes pages of help or a chain file must work whatever a file says.
fn needs_file(command: &Command) -> bool {
    !matches!(
        command,
        Command::Completions { .. } | Command::Man { .. } | Command::Reference
    )
}

/// The file that somebody named.
fn asked_for(cli: &Cli) -> Option<PathBuf> {
    match &cli.command {
        Command::Config(ConfigCommand::Check { file: Some(file) }) => Some(file.clone()),
        _ => cli.global.config.clone(),
    }
}

/// `$XDG_CONFIG_HOME/sapwood/sapwood.toml`, or the same below `~/.config`.
fn usual_place() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = || set("HOME").map(|home| PathBuf::from(home).join(".config"));
    let base = set("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home)?;
    Some(base.join("sapwood/sapwood.toml"))
}

fn read(loaded: &Loaded, settings: &[Setting]) -> Result<Option<Entries>, CliError> {
    let Some(path) = &loaded.path else {
        return Ok(None);
    };
    let error = |faults| fault::error(path, faults);
    match file::read(path).map_err(|fault| error(vec![fault]))? {
        Some(text) => file::parse(&text, settings).map(Some).map_err(error),
        None if asked_for(&loaded.cli).is_none() => Ok(None),
        None => Err(error(vec![fault::Fault::whole(
            "there is no such file",
            "name one that exists, or leave --config out",
        )])),
    }
}

/// Whether a flag or the environment sets it.
pub(super) fn is_explicit(matches: &ArgMatches, id: &str) -> bool {
    // Asked for first, since clap panics over the name of a flag that the command does not have.
    let is_known = matches.ids().any(|known| known == id);
    let source = is_known.then(|| matches.value_source(id)).flatten();
    source.is_some_and(|source| source != ValueSource::DefaultValue)
}

/// The matches of the command that a setting belongs to, if that is what runs.
pub(super) fn matches_of<'a>(setting: &Setting, matches: &'a ArgMatches) -> Option<&'a ArgMatches> {
    match (setting.part, matches.subcommand()) {
        (None, _) => Some(matches),
        (Some(part), Some((name, inner))) if part == name => Some(inner),
        _ => None,
    }
}

/// What flag or environment takes the place of a file's word on this setting.
pub(super) fn displaced_by(setting: &Setting, matches: &ArgMatches) -> Option<&'static str> {
    matches_of(setting, matches)?;
    let group = TOGETHER
        .iter()
        .find(|group| group.contains(&setting.name.as_str()))?;
    let of_command = matches.subcommand().map(|(_, inner)| inner);
    let is_set = |name: &str| {
        let mut all = [Some(matches), of_command].into_iter().flatten();
        all.any(|matches| is_explicit(matches, name))
    };
    let mut others = group.iter().filter(|name| **name != setting.name);
    others.find(|name| is_set(name)).copied()
}

fn lay_under(settings: &[Setting], entries: &Entries, matches: &ArgMatches) -> clap::Command {
    let mut command = Cli::command();
    for setting in settings {
        let Some(entry) = entries.by_key.get(&setting.key()) else {
            continue;
        };
        let is_used = matches_of(setting, matches).is_some();
        let is_off = setting.kind() == super::Kind::Switch && entry.text == "false";
        if !is_used || is_off || displaced_by(setting, matches).is_some() {
            continue;
        }
        let (id, text) = (setting.id(), entry.text.clone());
        command = match setting.part {
            Some(part) => command.mut_subcommand(part, |inner| {
                inner.mut_arg(id, |arg| arg.default_value(text))
            }),
            None => command.mut_arg(id, |arg| arg.default_value(text)),
        };
    }
    command
}

/// Addresses of the part that runs, or of all parts if that is the question, must be of the chain that is meant.
fn check_addresses(loaded: &Loaded) -> Result<(), CliError> {
    let (Some(path), Some(entries)) = (&loaded.path, &loaded.entries) else {
        return Ok(());
    };
    let running = loaded.matches.subcommand_name().unwrap_or_default();
    let mut faults = Vec::new();
    for (key, entry) in &entries.by_key {
        let part = key.split('.').next().unwrap_or_default();
        if !meaning::is_address(key) || (running != part && running != "config") {
            continue;
        }
        let chain = crate::commands::chain(&loaded.cli.global, "main")?;
        if let Err(reason) = meaning::address(&chain, &entry.text) {
            faults.push(fault::Fault {
                line: Some(entry.line),
                key: key.clone(),
                reason: format!("cannot be `{}`: {reason}", entry.text),
                allowed: format!("an address of the {} chain", chain.name),
            });
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(fault::error(path, faults)),
    }
}

/// The variables that any command reads.
fn variables(command: &clap::Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(clap::Arg::get_env);
    let own = own.map(|name| name.to_string_lossy().into_owned());
    own.chain(command.get_subcommands().flat_map(variables))
        .collect()
}

/// Variables that look like ours and are none.
fn strange_variables() -> Vec<String> {
    let known = variables(&Cli::command());
    let known = |name: &String| known.contains(name);
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let ours = names.filter(|name| name.starts_with("SAPWOOD_") && !known(name));
    let said = ours.map(|name| match unknown::is_secret(&name) {
        true => format!(
            "{} is not read: other programs can see the environment, so no secret belongs there; a passphrase is asked for, or comes by --passphrase-fd",
            escape(&name)
        ),
        false => format!("{} means nothing to this program", escape(&name)),
    });
    said.collect()
}

impl Loaded {
    /// Whether a command serves until it is stopped, so that warnings are for its operator.
    pub(crate) fn serves(&self) -> bool {
        let name = self.matches.subcommand_name();
        name.is_some_and(|name| PARTS.contains(&name))
    }

    /// The file, if it is there.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.entries.as_ref().and(self.path.as_deref())
    }
}
