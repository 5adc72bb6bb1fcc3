//! `sapwood wallet watch`: accounts that are looked at without their key.

use std::fmt;

use serde::Serialize;

use super::make::store;
use crate::command::args::WalletFlags;
use crate::command::context::Context;
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::purse::{self, Purse};
use crate::command::who::{Found, Who};
use crate::keystore::WalletSecrets;

/// An account that is watched, or not any more.
#[derive(Serialize)]
struct Watched {
    wallet: String,
    address: String,
    label: String,
    watched: bool,
    /// Number by which commands call it.
    account: Option<u32>,
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.account {
            Some(number) => writeln!(f, "account {number}: {}", self.address),
            None => writeln!(f, "{} is not watched any more", self.address),
        }
    }
}

/// `sapwood wallet watch`
pub(super) fn watch(
    ctx: &Context,
    who: &str,
    label: &str,
    remove: bool,
    flags: &WalletFlags,
) -> Result<Output, CliError> {
    let found = match Who::parse(ctx, who)? {
        Who::Account(id) => Found { id, name: None },
        owner => owner.find(&Link::open(ctx)?)?,
    };
    let (name, path) = purse::place(ctx, flags)?;
    let missing = path.symlink_metadata().is_err();
    let mut report = Watched {
        wallet: name,
        address: ctx.address(found.id).to_string(),
        label: label.to_owned(),
        watched: !remove,
        account: None,
    };
    if missing && !remove {
        let mut secrets = WalletSecrets::without_words(&ctx.chain.name)?;
        report.account = Some(secrets.watch_account(found.id, label)?);
        store(ctx, flags, secrets)?;
        return Ok(Output::of(&report));
    }
    let mut purse = Purse::open(ctx, flags)?;
    let known = purse.ids()?.into_iter().find(|(_, id)| *id == found.id);
    if remove {
        if !purse.secrets.unwatch(found.id) {
            return Err(CliError::refused(
                "not_watched",
                format!("{} is not watched", found.shown(ctx)),
                "`sapwood wallet accounts` lists what is",
            ));
        }
    } else if let Some((number, _)) = known {
        return Err(CliError::refused(
            "known_account",
            format!("{} is account {number} already", found.shown(ctx)),
            "",
        ));
    } else {
        report.account = Some(purse.secrets.watch_account(found.id, label)?);
    }
    purse.save()?;
    Ok(Output::of(&report))
}
