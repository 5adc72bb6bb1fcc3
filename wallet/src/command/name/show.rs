//! Looking at names: one, one's own, all of them, and what they cost.

use std::fmt;

use sapwood_primitives::leaf::phase_word;
use sapwood_primitives::{Amount, Height, Name};
use sapwood_rpc::records::to_line;
use sapwood_rpc::types::{ListParams, NameList};
use serde::Serialize;

use crate::command::args::WalletFlags;
use crate::command::context::Context;
use crate::command::describe::{self, years_text};
use crate::command::error::CliError;
use crate::command::link::{Link, ProvenName};
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::command::text::{date, escape, fields, moment_of, table};
use crate::command::under_way::UnderWay;

/// A name, proven.
#[derive(Serialize)]
struct Shown {
    height: Height,
    name: Name,
    /// `available`, `active`, `suspended` or `released`.
    phase: &'static str,
    owner: Option<String>,
    paid_until: Option<Height>,
    /// Estimate, seconds since 1970.
    expires_at: Option<u64>,
    /// First height at which nobody owns it unless it is paid for.
    release: Option<Height>,
    last_price: Option<Amount>,
    standing_order: Option<Amount>,
    pending: Option<String>,
    records: Vec<String>,
}

impl Shown {
    fn of(ctx: &Context, name: &Name, proven: &ProvenName) -> Self {
        let rules = &ctx.chain.consensus;
        let phase = proven.next_phase(ctx);
        // A leaf whose premium is over says nothing any more.
        let leaf = proven.leaf.as_ref().filter(|_| phase.is_some());
        let owner = proven.living_owner(ctx);
        let dated = |height| moment_of(height, proven.height, proven.time, rules.block_time);
        Self {
            height: proven.height,
            name: name.clone(),
            phase: phase_word(phase),
            owner: owner.map(|owner| ctx.address(owner.id).to_string()),
            paid_until: leaf.map(|leaf| leaf.paid_until),
            expires_at: leaf.map(|leaf| dated(leaf.paid_until)),
            release: leaf.map(|leaf| leaf.release_height(rules)),
            last_price: leaf.map(|leaf| leaf.last_price),
            standing_order: owner.and_then(|owner| owner.standing_order),
            pending: owner.and_then(|owner| {
                let waiting = owner.owner_change.as_ref()?;
                Some(format!(
                    "block {}: {}",
                    waiting.effective,
                    describe::change(ctx, &waiting.change)
                ))
            }),
            records: owner.map_or_else(Vec::new, |owner| {
                owner.records.entries().iter().map(to_line).collect()
            }),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![
            ("name", self.name.to_string()),
            ("phase", self.phase.to_owned()),
        ];
        if let Some(owner) = &self.owner {
            rows.push(("owner", owner.clone()));
        }
        if let (Some(until), Some(expires)) = (self.paid_until, self.expires_at) {
            let label = if self.owner.is_some() {
                "paid until"
            } else {
                "released at"
            };
            rows.push((label, format!("block {until}, {}", date(expires))));
        }
        if let Some(price) = self.last_price {
            rows.push(("last price", format!("{price} a year")));
        }
        if let Some(order) = self.standing_order {
            rows.push(("standing order", format!("up to {order} a year")));
        }
        if let Some(pending) = &self.pending {
            rows.push(("pending", pending.clone()));
        }
        f.write_str(&fields(&rows))?;
        self.records
            .iter()
            .try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// `sapwood name show`
pub(super) fn show(ctx: &Context, name: &Name) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let proven = link.name(name)?;
    Ok(Output::of(&Shown::of(ctx, name, &proven)))
}

/// One line of a list.
#[derive(Serialize)]
pub(super) struct Line {
    pub(super) name: Name,
    phase: String,
    owner: Option<String>,
    paid_until: Option<Height>,
    expires_at: Option<u64>,
    /// The most that a year may cost for the chain to renew it by itself.
    standing_order: Option<Amount>,
    /// What is under way: changes that wait, transactions in no block yet, registrations.
    pending: Vec<String>,
}

/// Names.
#[derive(Serialize)]
struct Listed {
    height: Height,
    /// Whether each line was proven; a list of all names is the node's word.
    proven: bool,
    names: Vec<Line>,
    /// Give this as `--after` for the next page.
    next: Option<Name>,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = || "-".to_owned();
        let rows: Vec<Vec<String>> = self
            .names
            .iter()
            .map(|line| {
                vec![
                    line.name.to_string(),
                    line.phase.clone(),
                    line.expires_at.map_or_else(dash, date),
                    line.standing_order.map_or_else(dash, |max| max.to_string()),
                    line.owner.clone().unwrap_or_else(dash),
                ]
            })
            .collect();
        let headings = ["name", "phase", "expires", "renewed up to", "owner"];
        f.write_str(&table(&headings, &rows))?;
        let pending = self.names.iter().flat_map(|line| &line.pending);
        pending
            .into_iter()
            .try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// `sapwood name list`
pub(super) fn list_own(ctx: &Context, flags: &WalletFlags) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let purse = Purse::open(ctx, flags)?;
    let under_way = UnderWay::of(&link, &purse)?;
    let mut names = own_lines(&link, &purse, &under_way)?;
    names.extend(under_way.names().map(|name| Line {
        phase: "registering".to_owned(),
        owner: None,
        paid_until: None,
        expires_at: None,
        standing_order: None,
        pending: vec![under_way.registration(&name)],
        name,
    }));
    Ok(Output::of(&Listed {
        height: link.head().height,
        proven: true,
        names,
        next: None,
    }))
}

/// The names of a wallet's accounts, soonest expiry first.
pub(super) fn own_lines(
    link: &Link<'_>,
    purse: &Purse,
    under_way: &UnderWay,
) -> Result<Vec<Line>, CliError> {
    let ctx = link.ctx;
    let mut names = Vec::new();
    for (_, id) in purse.ids()? {
        let Some(account) = link.account(id)?.account else {
            continue;
        };
        let Some(name) = &account.name else { continue };
        let shown = Shown::of(ctx, name, &link.name(name)?);
        names.push(Line {
            name: name.clone(),
            phase: shown.phase.to_owned(),
            owner: shown.owner,
            paid_until: shown.paid_until,
            expires_at: shown.expires_at,
            standing_order: account.standing_order,
            pending: under_way.of_account(ctx, id, Some(&account)),
        });
    }
    names.sort_by_key(|line| line.paid_until);
    Ok(names)
}

/// `sapwood name list --all`
pub(super) fn list_all(ctx: &Context, after: Option<Name>, limit: u32) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let answer = link.call::<NameList>(ListParams {
        after,
        limit: Some(limit),
        owner: None,
    })?;
    if let Some(next) = &answer.next {
        ctx.say(format!("there are more: --after {next}"));
    }
    let names = answer.names.into_iter().map(|listed| Line {
        name: listed.name,
        phase: escape(&listed.phase),
        owner: listed.owner.map(|owner| escape(&owner)),
        paid_until: Some(listed.paid_until),
        expires_at: Some(listed.expires_at),
        standing_order: None,
        pending: Vec::new(),
    });
    Ok(Output::of(&Listed {
        height: answer.state.height,
        proven: false,
        names: names.collect(),
        next: answer.next,
    }))
}

/// Prices in the next block, computed from proven leaves.
#[derive(Serialize)]
struct Priced {
    height: Height,
    name: Name,
    years: u8,
    phase: &'static str,
    available: bool,
    rent: Amount,
    premium: Amount,
    register_total: Option<Amount>,
    renew_total: Option<Amount>,
}

impl fmt::Display for Priced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let term = years_text(self.years);
        let mut rows = vec![
            ("name", self.name.to_string()),
            ("phase", self.phase.to_owned()),
            ("a year", self.rent.to_string()),
        ];
        if self.premium != Amount::ZERO {
            rows.push(("premium", format!("{}, sinking", self.premium)));
        }
        if let Some(total) = self.register_total {
            rows.push(("register", format!("{total} for {term}")));
        }
        if let Some(total) = self.renew_total {
            rows.push(("renew", format!("{total} for {term}")));
        }
        f.write_str(&fields(&rows))
    }
}

/// `sapwood name price`
pub(super) fn price(ctx: &Context, name: &Name, years: u8) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let price = link.price(name, years)?;
    Ok(Output::of(&Priced {
        height: price.height,
        name: name.clone(),
        years,
        phase: phase_word(price.phase),
        available: price.register_total.is_some(),
        rent: price.rent,
        premium: price.premium,
        register_total: price.register_total,
        renew_total: price.renew_total,
    }))
}
