//! What a value must be beyond its type.

use super::{Kind, Setting};
use clap::{Arg, Command};
use sapwood_primitives::{Address, Chain};
use sapwood_resolver::ZoneConfig;
use std::error::Error;
use std::path::Path;

/// Top-level domains that are set aside and never delegated (RFC 2606, RFC 6761, RFC 9476, and `internal` by ICANN in 2024).
const SET_ASIDE: [&str; 6] = ["alt", "test", "example", "invalid", "internal", "local"];

/// Checks one value by what its flag takes, and by what it means.
///
/// # Errors
/// The reason.
pub(super) fn check(setting: &Setting, text: &str) -> Result<(), String> {
    if setting.kind() != Kind::Switch {
        as_flag(setting, text)?;
    }
    if setting.kind() == Kind::Path {
        path(text)?;
    }
    match (setting.part, setting.name.as_str()) {
        (None, "data_dir") => data_dir(Path::new(text)),
        (None, "log") => crate::log::filter(text).map(drop),
        (Some(_), "suffix") => suffix(text),
        _ => Ok(()),
    }
}

/// What the flag's own parser says.
fn as_flag(setting: &Setting, text: &str) -> Result<(), String> {
    let parser = setting.arg.get_value_parser().clone();
    let arg = Arg::new("value").long("value").value_parser(parser);
    let command = Command::new("value").no_binary_name(true).arg(arg);
    let matched = command.try_get_matches_from([format!("--value={text}")]);
    matched.map(drop).map_err(|error| match error.source() {
        Some(reason) => format!("cannot be `{text}`: {reason}"),
        None => format!("cannot be `{text}`"),
    })
}

fn path(text: &str) -> Result<(), String> {
    if text.starts_with('~') || text.contains('$') {
        return Err(format!(
            "is `{text}`, and `~` and `$` mean nothing in this file: they are not expanded"
        ));
    }
    match Path::new(text).is_absolute() {
        true => Ok(()),
        false => Err(format!(
            "is `{text}`, which depends on where the program is started"
        )),
    }
}

/// Refuses the root of the file system: the folder of the chain `dev` would be `/dev` there.
///
/// # Errors
/// The reason.
pub(crate) fn data_dir(path: &Path) -> Result<(), String> {
    match path.is_absolute() && path.components().count() == 1 {
        true => Err("is the root of the file system; keep data in a folder of its own".to_owned()),
        false => Ok(()),
    }
}

/// Refuses a suffix that is no domain, and a single label that the public DNS has or may have one day.
///
/// # Errors
/// The reason.
pub(crate) fn suffix(text: &str) -> Result<(), String> {
    let chain = Chain::named("dev").expect("it is built in");
    let zone = ZoneConfig::for_chain(&chain).with_suffix(text);
    let suffix = zone.map_err(|e| e.to_string())?.suffix();
    match suffix.contains('.') || SET_ASIDE.contains(&suffix.as_str()) {
        true => Ok(()),
        false => Err(format!(
            "is `{suffix}`, a top-level domain that the public DNS has or may get; names there would be taken from their owners"
        )),
    }
}

/// The address that a setting holds must be one of this chain.
///
/// # Errors
/// The reason.
pub(super) fn address(chain: &Chain, text: &str) -> Result<(), String> {
    let parsed = Address::parse(&chain.address_prefix, text);
    parsed.map(drop).map_err(|e| e.to_string())
}

/// Whether the setting holds an address of the chain.
pub(super) fn is_address(key: &str) -> bool {
    matches!(key, "node.mine" | "mine.address")
}
