//! What a wallet has: addresses, accounts, balances.

use std::fmt;

use sapwood_primitives::{AccountId, Amount, AuthorityHash, Height, Name};
use serde::Serialize;

use super::find;
use crate::command::args::WalletFlags;
use crate::command::context::Context;
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::command::text::{date, fields, moment_of, table};
use crate::command::under_way::UnderWay;
use crate::command::uri::{self, PaymentUri};
use sapwood_runtime::spendable;

/// An address to be paid at.
#[derive(Serialize)]
struct OwnAddress {
    address: String,
    /// Hash of the authority that the account's own key makes.
    key: AuthorityHash,
    /// What a payer's wallet takes (specs/01 §6).
    uri: String,
    /// The URI as a drawing.
    #[serde(skip_serializing_if = "Option::is_none")]
    qr: Option<String>,
    /// Whether the URI says more than the address.
    #[serde(skip)]
    asks: bool,
}

impl fmt::Display for OwnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(qr) = &self.qr {
            f.write_str(qr)?;
        }
        if self.asks {
            writeln!(f, "{}", self.uri)
        } else {
            writeln!(f, "{}", self.address)
        }
    }
}

/// `sapwood wallet address`
pub(super) fn address(
    ctx: &Context,
    flags: &WalletFlags,
    qr: bool,
    amount: Option<Amount>,
    label: Option<String>,
) -> Result<Output, CliError> {
    if label
        .as_ref()
        .is_some_and(|label| label.is_empty() || label.len() > uri::MAX_LABEL)
    {
        return Err(CliError::usage(
            "label",
            format!("the label of a payment has 1 to {} bytes", uri::MAX_LABEL),
            "",
        ));
    }
    if amount == Some(Amount::ZERO) {
        return Err(CliError::usage("nothing_to_send", "the amount is zero", ""));
    }
    let purse = Purse::open(ctx, flags)?;
    let id = purse.chosen(ctx, flags.account.as_deref())?;
    let key = AuthorityHash(id.0);
    ctx.say(format!("key: {key}"));
    let asks = amount.is_some() || label.is_some();
    let uri = PaymentUri {
        address: ctx.address(id),
        amount,
        label,
    }
    .to_string();
    let qr = qr.then(|| uri::qr(&uri)).transpose();
    let qr =
        qr.map_err(|error| CliError::refused("qr", error.to_string(), "take a shorter --label"))?;
    Ok(Output::of(&OwnAddress {
        address: ctx.address(id).to_string(),
        key,
        uri,
        qr,
        asks,
    }))
}

/// One account of a wallet.
#[derive(Serialize)]
struct Row {
    /// Its number, unless it is no account of this wallet.
    account: Option<u32>,
    label: String,
    imported: bool,
    /// Whether it has no key here.
    watched: bool,
    address: String,
    exists: bool,
    balance: Amount,
    spendable: Amount,
    name: Option<Name>,
    paid_until: Option<Height>,
    /// Estimate, seconds since 1970.
    expires_at: Option<u64>,
    /// The most that a year may cost for the chain to renew the name by itself.
    standing_order: Option<Amount>,
    /// What is under way: changes that wait, transactions in no block yet, registrations.
    pending: Vec<String>,
}

/// All accounts of a wallet.
#[derive(Serialize)]
struct Accounts {
    height: Height,
    accounts: Vec<Row>,
}

impl fmt::Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Vec<String>> = self.accounts.iter().map(Row::cells).collect();
        f.write_str(&table(
            &["#", "label", "balance", "name", "expires", "address"],
            &rows,
        ))?;
        for row in &self.accounts {
            for line in &row.pending {
                writeln!(f, "  account {}: {line}", row.account.unwrap_or_default())?;
            }
        }
        Ok(())
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        vec![
            self.account.map_or_else(dash, |number| number.to_string()),
            if self.label.is_empty() {
                dash()
            } else {
                crate::command::text::escape(&self.label)
            },
            if self.exists {
                self.balance.to_string()
            } else {
                dash()
            },
            self.name.as_ref().map_or_else(dash, Name::to_string),
            self.expires_at.map_or_else(dash, date),
            self.address.clone(),
        ]
    }
}

/// `sapwood wallet accounts`
pub(super) fn list(
    ctx: &Context,
    flags: &WalletFlags,
    new_label: Option<&str>,
    find: bool,
    gap: Option<u32>,
) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let mut purse = Purse::open(ctx, flags)?;
    if let Some(label) = new_label {
        find::refuse_gap(&link, &purse)?;
        let index = purse.secrets.next_index();
        purse.secrets.add_account(index, label)?;
        purse.save()?;
    }
    if find {
        find::find_accounts(&link, &mut purse, gap.unwrap_or(find::GAP))?;
    }
    let under_way = UnderWay::of(&link, &purse)?;
    let mut accounts = Vec::new();
    for (account, (index, id)) in purse.secrets.accounts().iter().zip(purse.ids()?) {
        accounts.push(Row {
            account: Some(index),
            label: account.label().to_owned(),
            imported: account.is_imported(),
            watched: account.watched().is_some(),
            ..row(&link, &under_way, id)?
        });
    }
    Ok(Output::of(&Accounts {
        height: link.head().height,
        accounts,
    }))
}

/// What the chain knows of an account, proven.
fn row(link: &Link<'_>, under_way: &UnderWay, id: AccountId) -> Result<Row, CliError> {
    let ctx = link.ctx;
    let proven = link.account(id)?;
    let account = proven.account.as_ref();
    let mut row = Row {
        account: None,
        label: String::new(),
        imported: false,
        watched: false,
        address: ctx.address(id).to_string(),
        exists: account.is_some(),
        balance: account.map_or(Amount::ZERO, |account| account.balance),
        spendable: account.map_or(Amount::ZERO, |account| {
            spendable(&ctx.chain.consensus, account, proven.height.plus(1))
        }),
        name: account.and_then(|account| account.name.clone()),
        paid_until: None,
        expires_at: None,
        standing_order: account.and_then(|account| account.standing_order),
        pending: under_way.of_account(ctx, id, account),
    };
    if let Some(name) = &row.name {
        let name = link.name(name)?;
        let leaf = name.leaf.filter(|leaf| leaf.owner == Some(id));
        row.paid_until = leaf.map(|leaf| leaf.paid_until);
        let block_time = ctx.chain.consensus.block_time;
        row.expires_at = row
            .paid_until
            .map(|until| moment_of(until, name.height, name.time, block_time));
    }
    Ok(row)
}

/// What one account has.
#[derive(Serialize)]
struct Balance {
    height: Height,
    #[serde(flatten)]
    row: Row,
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = &self.row;
        let mut rows = vec![("balance", row.balance.to_string())];
        if row.spendable != row.balance {
            rows.push(("spendable now", row.spendable.to_string()));
        }
        if let Some(name) = &row.name {
            let expiry = row
                .expires_at
                .map(|moment| format!(", expires {}", date(moment)));
            rows.push(("name", format!("{name}{}", expiry.unwrap_or_default())));
        }
        if let Some(max) = row.standing_order {
            rows.push(("renewed", format!("by itself, up to {max} a year")));
        }
        if row.watched {
            rows.push(("watched", "its key is elsewhere".into()));
        }
        rows.push(("address", row.address.clone()));
        rows.extend(row.pending.iter().map(|line| ("under way", line.clone())));
        f.write_str(&fields(&rows))
    }
}

/// `sapwood wallet balance`
pub(super) fn balance(ctx: &Context, flags: &WalletFlags) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let purse = Purse::open(ctx, flags)?;
    let id = purse.chosen(ctx, flags.account.as_deref())?;
    let mut row = row(&link, &UnderWay::of(&link, &purse)?, id)?;
    for (account, (index, own)) in purse.secrets.accounts().iter().zip(purse.ids()?) {
        if own == id {
            (row.account, row.label) = (Some(index), account.label().to_owned());
            (row.imported, row.watched) = (account.is_imported(), account.watched().is_some());
        }
    }
    Ok(Output::of(&Balance {
        height: link.head().height,
        row,
    }))
}
