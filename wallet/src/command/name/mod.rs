//! `sapwood name …`: the life of a name, seen by its owner (specs/06).

mod batch;
mod batch_accounts;
mod batch_file;
mod change;
mod drive;
mod orders;
mod quote;
mod records;
mod register;
mod renew;
mod renew_batch;
mod resume;
mod show;
mod unsigned;

use sapwood_primitives::Name;

use super::args::{NameCommand, SpendFlags, TransferCommand};
use super::context::Context;
use super::deal::Deal;
use super::error::CliError;
use super::link::{Link, ProvenName};
use super::output::Output;
use super::purse::Purse;

impl NameCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self, ctx: &Context) -> Result<Output, CliError> {
        match self {
            Self::Register {
                batch: Some(file),
                years,
                max_price,
                spend,
                ..
            } => batch::register(ctx, &file, years, max_price, &spend),
            Self::Register {
                name,
                resume: true,
                max_price,
                spend,
                ..
            } => resume::resume(ctx, name.as_ref(), max_price, &spend),
            Self::Register {
                name,
                years,
                max_price,
                record,
                spend,
                ..
            } => {
                let name = name.ok_or_else(|| CliError::usage("no_name", "which name?", ""))?;
                register::register(ctx, &name, years, max_price, &record, &spend)
            }
            Self::Renew {
                names,
                all,
                within,
                batch,
                years,
                max_price,
                spend,
            } => {
                let which = match batch {
                    Some(file) => renew::Which::Batch(file),
                    None if all => renew::Which::Own { within },
                    None => renew::Which::These(names),
                };
                renew::renew(ctx, which, years, max_price, &spend)
            }
            Self::Records {
                name,
                change,
                spend,
            } => records::records(ctx, &name, &change, &spend),
            Self::StandingOrder {
                name: Some(name),
                max,
                off,
                spend,
            } if off || max.is_some() => change::standing_order(ctx, &name, max, &spend),
            Self::StandingOrder { name, spend, .. } => {
                orders::standing_orders(ctx, name.as_ref(), &spend.wallet)
            }
            Self::Transfer(TransferCommand::Start {
                name,
                to,
                quick,
                spend,
            }) => change::transfer_start(ctx, &name, &to, quick, &spend),
            Self::Transfer(TransferCommand::Cancel { name, spend }) => {
                change::transfer_cancel(ctx, &name, &spend)
            }
            Self::Transfer(TransferCommand::Finish { name, spend }) => {
                change::transfer_finish(ctx, &name, &spend)
            }
            Self::Release { name, spend } => change::release(ctx, &name, &spend),
            Self::Show { name } => show::show(ctx, &name),
            Self::List {
                wallet,
                all,
                after,
                limit,
            } => {
                if all {
                    show::list_all(ctx, after, limit)
                } else {
                    show::list_own(ctx, &wallet)
                }
            }
            Self::Price { name, years } => show::price(ctx, &name, years),
        }
    }
}

/// Opens node and wallet, and lets the owner of `name` act, who must be an account of the wallet.
fn as_owner(
    ctx: &Context,
    name: &Name,
    flags: &SpendFlags,
    act: impl FnOnce(&Deal<'_>, &ProvenName) -> Result<Output, CliError>,
) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let proven = link.name(name)?;
    let owner = proven.living_owner(ctx).ok_or_else(|| {
        CliError::refused(
            "name_not_owned",
            format!("nobody owns `{name}`"),
            format!("register it with `sapwood name register {name}`"),
        )
    })?;
    let purse = Purse::open(ctx, &flags.wallet)?;
    let actor = purse.actor_for(&link, &flags.wallet, Some(owner.id))?;
    act(&Deal::new(&link, &purse, flags, actor)?, &proven)
}
