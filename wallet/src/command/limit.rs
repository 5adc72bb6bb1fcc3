//! `sapwood limit …`: withdrawal limits, guardians, pending changes (specs/08).

use std::fmt;

use sapwood_primitives::leaf::{Account, Limit};
use sapwood_primitives::{Action, Amount, Height};
use serde::Serialize;

use super::args::{LimitCommand, SpendFlags, WalletFlags};
use super::context::Context;
use super::deal::{Deal, Order};
use super::describe;
use super::error::CliError;
use super::link::Link;
use super::output::Output;
use super::purse::Purse;
use super::text::{blocks, fields};
use super::wallet::{delay_of, free_slot, perform};
use super::who::{Found, Who};
use sapwood_runtime::spendable;

/// The word for having no guardian.
const NONE: &str = "none";

impl LimitCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self, ctx: &Context) -> Result<Output, CliError> {
        match self {
            Self::Set {
                rate,
                delay_days,
                guardian,
                spend,
            } => set(ctx, rate, delay_days, guardian.as_deref(), &spend),
            Self::Remove { spend } => remove(ctx, &spend),
            Self::Show { wallet } => show(ctx, &wallet),
            Self::Cancel { spend } => cancel(ctx, &spend),
            Self::Veto { guarded, spend } => {
                as_guardian(ctx, &guarded, &spend, |ctx, guarded, shown| {
                    let waiting = guarded
                        .owner_change
                        .as_ref()
                        .ok_or_else(|| nothing_pending("its owner"))?;
                    let line = format!(
                        "cancel the change of {shown}: {}",
                        describe::change(ctx, &waiting.change)
                    );
                    Ok(Order::free(
                        Action::GuardianVeto {
                            account: guarded.id,
                        },
                        line,
                    ))
                })
            }
            Self::Freeze { guarded, spend } => {
                as_guardian(ctx, &guarded, &spend, |ctx, guarded, shown| {
                    let rules = &ctx.chain.consensus;
                    let line = format!(
                        "freeze {shown} for {}",
                        blocks(rules.delay, rules.block_time)
                    );
                    Ok(Order::free(
                        Action::GuardianFreeze {
                            account: guarded.id,
                        },
                        line,
                    ))
                })
            }
            Self::Recover {
                guarded,
                to_key,
                spend,
            } => as_guardian(ctx, &guarded, &spend, |_, guarded, shown| {
                if guarded.guardian_change.is_some() {
                    return Err(CliError::refused(
                        "change_pending",
                        "a recovery is waiting already",
                        "take it back with `sapwood limit recover-cancel` first",
                    ));
                }
                let line =
                    format!("let the key with hash {to_key} sign for {shown} after its delay");
                Ok(Order::free(
                    Action::GuardianRecover {
                        account: guarded.id,
                        authority: to_key,
                    },
                    line,
                ))
            }),
            Self::RecoverCancel { guarded, spend } => {
                as_guardian(ctx, &guarded, &spend, |_, guarded, shown| {
                    if guarded.guardian_change.is_none() {
                        return Err(nothing_pending("its guardian"));
                    }
                    let line = format!("take the recovery of {shown} back");
                    Ok(Order::free(
                        Action::GuardianCancel {
                            account: guarded.id,
                        },
                        line,
                    ))
                })
            }
        }
    }
}

fn nothing_pending(whose: &str) -> CliError {
    CliError::refused(
        "nothing_pending",
        format!("no change by {whose} is waiting"),
        "",
    )
}

/// Opens everything for the account that the flags mean.
fn as_owner(
    ctx: &Context,
    flags: &SpendFlags,
    order: impl FnOnce(&Deal<'_>) -> Result<Order, CliError>,
) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let purse = Purse::open(ctx, &flags.wallet)?;
    let actor = purse.actor_for(&link, &flags.wallet, None)?;
    let deal = Deal::new(&link, &purse, flags, actor)?;
    perform(&deal, order(&deal)?, flags.waits(false))
}

/// Opens everything for the guardian of an account.
fn as_guardian(
    ctx: &Context,
    account: &str,
    flags: &SpendFlags,
    order: impl FnOnce(&Context, &Account, &str) -> Result<Order, CliError>,
) -> Result<Output, CliError> {
    let who = Who::parse(ctx, account)?;
    let link = Link::open(ctx)?;
    let found = who.find(&link)?;
    let shown = found.shown(ctx);
    let guarded = existing(&link, &found)?;
    let Some(guardian) = &guarded.guardian else {
        return Err(CliError::refused(
            "no_guardian",
            format!("{shown} has no guardian"),
            "",
        ));
    };
    let purse = Purse::open(ctx, &flags.wallet)?;
    let actor = purse.actor_for(&link, &flags.wallet, Some(guardian.account))?;
    let deal = Deal::new(&link, &purse, flags, actor)?;
    let order = order(ctx, &guarded, &shown)?;
    perform(&deal, order, flags.waits(false))
}

fn existing(link: &Link<'_>, found: &Found) -> Result<Account, CliError> {
    link.account(found.id)?.account.ok_or_else(|| {
        CliError::refused(
            "no_such_account",
            format!("{} does not exist on the chain", found.shown(link.ctx)),
            "",
        )
    })
}

/// `sapwood limit set`
fn set(
    ctx: &Context,
    rate: Option<Amount>,
    delay_days: Option<u8>,
    guardian: Option<&str>,
    flags: &SpendFlags,
) -> Result<Output, CliError> {
    let guardian = match guardian {
        None => None,
        Some(NONE) => Some(None),
        Some(text) => Some(Some(Who::parse(ctx, text)?)),
    };
    as_owner(ctx, flags, |deal| {
        let account = &deal.actor.account;
        let wait = blocks(delay_of(deal.link, account), ctx.chain.consensus.block_time);
        let mut order = Order {
            actions: Vec::new(),
            spend: Amount::ZERO,
            exempt: Amount::ZERO,
            lines: Vec::new(),
        };
        let mut slots = 0;
        if let Some(rate) = rate {
            let days = delay_days
                .or(account.limit.as_ref().map(|limit| limit.delay_days))
                .unwrap_or(1);
            let at_once = acts_at_once(account.limit.as_ref(), rate, days);
            slots += u8::from(!at_once);
            let when = if at_once {
                "from the next block on".to_owned()
            } else {
                format!("in {wait}")
            };
            order.lines.push(format!(
                "{when}: {rate} a day may leave, at most twice that within one day"
            ));
            order.lines.push(format!(
                "changes of this account wait {days} times {}",
                blocks(ctx.chain.consensus.delay, ctx.chain.consensus.block_time)
            ));
            order.actions.push(Action::LimitSet {
                rate,
                delay_days: days,
            });
        }
        if let Some(who) = guardian {
            slots += 1;
            let found = who.map(|who| who.find(deal.link)).transpose()?;
            if found.as_ref().is_some_and(|found| found.id == deal.id()) {
                return Err(CliError::refused(
                    "own_guardian",
                    "an account cannot guard itself",
                    "name another account",
                ));
            }
            order.lines.push(match &found {
                Some(found) => format!(
                    "in {wait} {} can veto, freeze and recover this account",
                    found.shown(ctx)
                ),
                None => format!("in {wait} the account has no guardian"),
            });
            order.actions.push(Action::GuardianSet {
                guardian: found.map(|found| found.id),
            });
        }
        if slots > 0 {
            free_slot(deal)?;
        }
        if slots > 1 {
            return Err(CliError::refused(
                "two_changes",
                "loosening the limit and changing the guardian both have to wait, and an account has one waiting change",
                "do one after the other",
            ));
        }
        Ok(order)
    })
}

/// Whether a limit only gets tighter (specs/08 §2.1).
fn acts_at_once(present: Option<&Limit>, rate: Amount, delay_days: u8) -> bool {
    present.is_none_or(|limit| rate <= limit.rate && delay_days >= limit.delay_days)
}

/// `sapwood limit remove`
fn remove(ctx: &Context, flags: &SpendFlags) -> Result<Output, CliError> {
    as_owner(ctx, flags, |deal| {
        if deal.actor.account.limit.is_none() {
            return Err(CliError::refused(
                "no_limit",
                "the account has no limit",
                "",
            ));
        }
        free_slot(deal)?;
        let wait = blocks(
            delay_of(deal.link, &deal.actor.account),
            ctx.chain.consensus.block_time,
        );
        Ok(Order::free(
            Action::LimitRemove,
            format!("no limit any more in {wait}"),
        ))
    })
}

/// `sapwood limit cancel`
fn cancel(ctx: &Context, flags: &SpendFlags) -> Result<Output, CliError> {
    as_owner(ctx, flags, |deal| {
        let waiting = deal
            .actor
            .account
            .owner_change
            .as_ref()
            .ok_or_else(|| nothing_pending("this account"))?;
        let line = format!("cancel: {}", describe::change(ctx, &waiting.change));
        Ok(Order::free(Action::PendingCancel, line))
    })
}

/// Limit, guardian and pending changes of an account, proven.
#[derive(Serialize)]
struct Shown {
    height: Height,
    address: String,
    balance: Amount,
    spendable: Amount,
    limit: Option<ShownLimit>,
    guardian: Option<String>,
    frozen_until: Option<Height>,
    pending: Option<String>,
    pending_by_guardian: Option<String>,
}

/// A limit as people read it.
#[derive(Serialize)]
struct ShownLimit {
    rate: Amount,
    day_blocks: u64,
    delay_days: u8,
    available: Amount,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = || NONE.to_owned();
        let mut rows = vec![
            ("account", self.address.clone()),
            ("balance", self.balance.to_string()),
            ("spendable now", self.spendable.to_string()),
            (
                "limit",
                self.limit.as_ref().map_or_else(none, |limit| {
                    format!(
                        "{} in {} blocks, {} of it now; changes wait {} times the delay",
                        limit.rate, limit.day_blocks, limit.available, limit.delay_days
                    )
                }),
            ),
            ("guardian", self.guardian.clone().unwrap_or_else(none)),
        ];
        if let Some(until) = self.frozen_until {
            rows.push(("frozen until", format!("block {until}")));
        }
        rows.push(("pending", self.pending.clone().unwrap_or_else(none)));
        if let Some(change) = &self.pending_by_guardian {
            rows.push(("by the guardian", change.clone()));
        }
        f.write_str(&fields(&rows))
    }
}

/// `sapwood limit show`
fn show(ctx: &Context, flags: &WalletFlags) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let id = Purse::open(ctx, flags)?.chosen(ctx, flags.account.as_deref())?;
    let found = Found { id, name: None };
    let account = existing(&link, &found)?;
    let rules = &ctx.chain.consensus;
    let next = link.next_height();
    let until = |height: Height| {
        format!(
            "block {height}, in {}",
            blocks(height.since(next), rules.block_time)
        )
    };
    Ok(Output::of(&Shown {
        height: link.head().height,
        address: ctx.address(id).to_string(),
        balance: account.balance,
        spendable: spendable(rules, &account, next),
        limit: account.limit.as_ref().map(|limit| ShownLimit {
            rate: limit.rate,
            day_blocks: rules.limit_day,
            delay_days: limit.delay_days,
            available: sapwood_runtime::limit::available(rules, limit, next),
        }),
        guardian: account
            .guardian
            .as_ref()
            .map(|guardian| ctx.address(guardian.account).to_string()),
        frozen_until: account
            .guardian
            .as_ref()
            .map(|guardian| guardian.frozen_until)
            .filter(|frozen| next < *frozen),
        pending: account.owner_change.as_ref().map(|waiting| {
            format!(
                "{} ({})",
                describe::change(ctx, &waiting.change),
                until(waiting.effective)
            )
        }),
        pending_by_guardian: account.guardian_change.as_ref().map(|waiting| {
            format!(
                "the key with hash {} signs ({})",
                waiting.authority,
                until(waiting.effective)
            )
        }),
    }))
}
