//! A registration for a signer elsewhere: both transactions in one file.

use std::fmt;

use sapwood_primitives::{Action, Amount, Commitment, Name, Records};
use sapwood_runtime::commitment;
use serde::Serialize;

use super::quote::Quote;
use super::register::reveal_order;
use crate::command::deal::{Deal, Order, Receipt};
use crate::command::describe::years_text;
use crate::command::error::CliError;
use crate::command::output::Output;
use crate::command::purse::random;

/// Both transactions, written for a signer elsewhere.
#[derive(Serialize)]
struct Unsigned {
    name: Name,
    price: Amount,
    max_price: Amount,
    file: Option<String>,
    transactions: Vec<Receipt>,
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => writeln!(f, "{file}"),
            None => Ok(()),
        }
    }
}

/// Both transactions for a signer elsewhere, in one file. The salt is in the second one, so whoever keeps the file can reveal the name; with
/// a key here it also comes back from the words.
pub(super) fn unsigned(
    deal: &Deal<'_>,
    name: &Name,
    years: u8,
    quote: Quote,
    records: Option<&Records>,
) -> Result<Output, CliError> {
    let put_down = |commitment| {
        let line = format!("put down a hash that hides `{name}`");
        Order::free(Action::NameCommit { commitment }, line)
    };
    let nonce = deal.prepare(put_down(Commitment::default()))?.body.nonce;
    let salt = match deal.actor.signer {
        Some(signer) => deal
            .purse
            .secrets
            .salt(signer, name.as_str().as_bytes(), nonce)?,
        None => random()?,
    };
    let mut second = reveal_order(name, *salt, years, quote, records);
    second.lines.push(format!(
        "register `{name}` for {}: {} (at most {})",
        years_text(years),
        quote.price,
        quote.max
    ));
    let first = put_down(commitment(name, &deal.id(), &salt));
    let receipts = deal.perform_all(vec![first, second], false)?;
    deal.ctx
        .say("keep the signed file until the name is yours: it reveals the name");
    Ok(Output::of(&Unsigned {
        name: name.clone(),
        price: quote.price,
        max_price: quote.max,
        file: receipts.first().and_then(|receipt| receipt.file.clone()),
        transactions: receipts,
    }))
}
