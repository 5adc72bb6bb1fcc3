//! Prices: what a name costs, computed from proven leaves, and the maximum that the owner agrees to.
//!
//! Prices change from block to block, so a transaction carries the maximum, and the chain never takes more.

use sapwood_primitives::{Amount, Name};

use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::text::amount;

/// The default maximum is the price and one part in this many: prices move a little from block to block.
const SLACK: u128 = 10;

/// A price of now and the maximum for the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    pub(super) price: Amount,
    pub(super) max: Amount,
}

impl Quote {
    /// What registering costs, if the name can be registered.
    pub(super) fn registration(
        link: &Link<'_>,
        name: &Name,
        years: u8,
        max: Option<Amount>,
    ) -> Result<Self, CliError> {
        let answer = link.price(name, years)?;
        let price = answer.register_total.ok_or_else(|| {
            CliError::refused(
                "name_taken",
                format!("`{name}` cannot be registered now"),
                format!("look at `sapwood name show {name}`"),
            )
        })?;
        Self::within(name, price, max)
    }

    /// What renewing costs.
    pub(super) fn renewal(
        link: &Link<'_>,
        name: &Name,
        years: u8,
        max: Option<Amount>,
    ) -> Result<Self, CliError> {
        let answer = link.price(name, years)?;
        let price = answer.renew_total.ok_or_else(|| {
            CliError::refused(
                "name_not_owned",
                format!("`{name}` has no owner, so it cannot be renewed"),
                "",
            )
        })?;
        Self::within(name, price, max)
    }

    fn within(name: &Name, price: Amount, max: Option<Amount>) -> Result<Self, CliError> {
        let with_slack = u128::from(price.drops()) * (SLACK + 1) / SLACK;
        let max = max.unwrap_or_else(|| amount(with_slack));
        if price > max {
            return Err(CliError::refused(
                "price_above_max",
                format!("`{name}` costs {price} now, which is above the maximum of {max}"),
                "wait for a lower price, or raise --max-price",
            ));
        }
        Ok(Self { price, max })
    }
}
