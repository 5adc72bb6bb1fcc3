//! Standing orders, and whether they would do.

use std::fmt;

use sapwood_primitives::{Amount, Height, Name};
use sapwood_runtime::spendable;
use serde::Serialize;

use super::show::own_lines;
use crate::command::args::WalletFlags;
use crate::command::context::Context;
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::command::text::{date, moment_of, table};
use crate::command::under_way::UnderWay;

/// A standing order, and whether it would do.
#[derive(Serialize)]
struct StandingOrder {
    name: Name,
    /// The most that a year may cost; none if there is no order.
    standing_order: Option<Amount>,
    /// What a year costs now.
    price: Option<Amount>,
    /// What the owner may spend now.
    spendable: Amount,
    /// Whether the chain would renew it at this price.
    suffices: bool,
    expires_at: Option<u64>,
}

/// Standing orders, soonest expiry first.
#[derive(Serialize)]
struct StandingOrders {
    height: Height,
    orders: Vec<StandingOrder>,
}

impl fmt::Display for StandingOrders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = |amount: Option<Amount>| amount.map_or_else(|| "-".into(), |a| a.to_string());
        let rows: Vec<Vec<String>> = self
            .orders
            .iter()
            .map(|order| {
                vec![
                    order.name.to_string(),
                    order.expires_at.map_or_else(|| "-".into(), date),
                    amount(order.standing_order),
                    amount(order.price),
                    if order.suffices { "yes" } else { "no" }.to_owned(),
                ]
            })
            .collect();
        let headings = [
            "name",
            "expires",
            "renewed up to",
            "a year costs",
            "suffices",
        ];
        f.write_str(&table(&headings, &rows))
    }
}

/// `sapwood name standing-order` without a change.
pub(super) fn standing_orders(
    ctx: &Context,
    name: Option<&Name>,
    flags: &WalletFlags,
) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let names = match name {
        Some(name) => vec![name.clone()],
        None => {
            let purse = Purse::open(ctx, flags)?;
            let lines = own_lines(&link, &purse, &UnderWay::of(&link, &purse)?)?;
            lines.into_iter().map(|line| line.name).collect()
        }
    };
    let mut orders = Vec::new();
    for name in names {
        let proven = link.name(&name)?;
        let owner = proven.living_owner(ctx).ok_or_else(|| {
            CliError::refused("name_not_owned", format!("nobody owns `{name}`"), "")
        })?;
        let price = link.price(&name, 1)?.renew_total;
        let spendable = spendable(&ctx.chain.consensus, owner, link.next_height());
        let max = owner.standing_order;
        orders.push(StandingOrder {
            standing_order: max,
            price,
            spendable,
            suffices: max
                .zip(price)
                .is_some_and(|(max, price)| price <= max && price <= spendable),
            expires_at: proven.leaf.as_ref().map(|leaf| {
                let block_time = ctx.chain.consensus.block_time;
                moment_of(leaf.paid_until, proven.height, proven.time, block_time)
            }),
            name,
        });
    }
    Ok(Output::of(&StandingOrders {
        height: link.head().height,
        orders,
    }))
}
