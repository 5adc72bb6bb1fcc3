//! What a wallet has: addresses, accounts, balances.

use std::fmt;

use sapwood_primitives::leaf::Account;
use sapwood_primitives::{AccountId, Amount, AuthorityHash, Height, Name};
use serde::Serialize;

use super::make::find_accounts;
use crate::command::args::WalletFlags;
use crate::command::context::Context;
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::command::text::{date, fields, moment_of, table};
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
    account: u32,
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
        ))
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        vec![
            self.account.to_string(),
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
) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let mut purse = Purse::open(ctx, flags)?;
    if let Some(label) = new_label {
        let index = purse.secrets.next_index();
        purse.secrets.add_account(index, label)?;
        purse.save()?;
    }
    if find {
        find_accounts(&link, &mut purse)?;
    }
    let mut accounts = Vec::new();
    for (account, (index, id)) in purse.secrets.accounts().iter().zip(purse.ids()?) {
        accounts.push(Row {
            account: index,
            label: account.label().to_owned(),
            imported: account.is_imported(),
            watched: account.watched().is_some(),
            ..row(&link, id)?
        });
    }
    Ok(Output::of(&Accounts {
        height: link.head().height,
        accounts,
    }))
}

/// What the chain knows of an account, proven.
fn row(link: &Link<'_>, id: AccountId) -> Result<Row, CliError> {
    let ctx = link.ctx;
    let proven = link.account(id)?;
    let account = proven.account.as_ref();
    let mut row = Row {
        account: 0,
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
    address: String,
    balance: Amount,
    spendable: Amount,
    name: Option<Name>,
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![("balance", self.balance.to_string())];
        if self.spendable != self.balance {
            rows.push(("spendable now", self.spendable.to_string()));
        }
        if let Some(name) = &self.name {
            rows.push(("name", name.to_string()));
        }
        rows.push(("address", self.address.clone()));
        f.write_str(&fields(&rows))
    }
}

/// `sapwood wallet balance`
pub(super) fn balance(ctx: &Context, flags: &WalletFlags) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let purse = Purse::open(ctx, flags)?;
    let id = purse.chosen(ctx, flags.account.as_deref())?;
    let proven = link.account(id)?;
    let account = proven
        .account
        .unwrap_or_else(|| Account::new(id, Amount::ZERO, proven.height));
    Ok(Output::of(&Balance {
        height: proven.height,
        address: ctx.address(id).to_string(),
        balance: account.balance,
        spendable: spendable(&ctx.chain.consensus, &account, proven.height.plus(1)),
        name: account.name,
    }))
}
