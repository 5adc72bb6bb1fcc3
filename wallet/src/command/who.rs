//! Whoever is meant: an address, or the owner of a name.

use sapwood_primitives::leaf::Phase;
use sapwood_primitives::{AccountId, Address, Name};

use super::context::Context;
use super::error::CliError;
use super::link::Link;
use super::text::{DAY, blocks};

/// Longest text without a hyphen that can be a name (specs/06 §1.1); an address is longer.
const LONGEST_NAME_LIKE: usize = 32;

/// An account as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Account(AccountId),
    Owner(Name),
}

/// An account that was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: AccountId,
    /// The name by which it was found.
    pub(crate) name: Option<Name>,
}

impl Who {
    /// Reads an address of this chain, or a name.
    pub(crate) fn parse(ctx: &Context, text: &str) -> Result<Self, CliError> {
        let not_an_address = match Address::parse(&ctx.chain.address_prefix, text) {
            Ok(address) => return Ok(Self::Account(address.id())),
            Err(error) => error,
        };
        // What begins like an address was meant as one: a part of an address must not find the owner of a name that looks like it.
        let begins_like_one = text
            .strip_prefix(&ctx.chain.address_prefix)
            .is_some_and(|rest| rest.starts_with('1'));
        let looks_like_address =
            begins_like_one || (text.len() > LONGEST_NAME_LIKE && !text.contains('-'));
        if looks_like_address {
            let reason = super::text::escape(&not_an_address.to_string());
            return Err(CliError::usage("bad_address", reason, ""));
        }
        text.parse::<Name>().map(Self::Owner).map_err(|error| {
            CliError::usage(
                "bad_name",
                format!(
                    "`{}` is neither an address nor a name: {error}",
                    super::text::escape(text)
                ),
                "",
            )
        })
    }

    /// The account, by proof if it is a name's owner. A name about to be lost is no safe way to name somebody.
    pub(crate) fn find(self, link: &Link<'_>) -> Result<Found, CliError> {
        let name = match self {
            Self::Account(id) => return Ok(Found { id, name: None }),
            Self::Owner(name) => name,
        };
        let ctx = link.ctx;
        let proven = link.name(&name)?;
        let (Some(Phase::Active), Some(leaf), Some(owner)) =
            (proven.next_phase(ctx), &proven.leaf, &proven.owner)
        else {
            let state = match proven.next_phase(ctx) {
                Some(Phase::Suspended) => "has expired, and may belong to somebody else soon",
                _ => "is nobody's",
            };
            return Err(CliError::refused(
                "name_not_active",
                format!("the name `{name}` {state}"),
                "ask for the address instead",
            ));
        };
        let left = leaf.paid_until.since(proven.height);
        let block_time = ctx.chain.consensus.block_time;
        if left.saturating_mul(block_time) < DAY && !ctx.is_toy() {
            ctx.say(format!(
                "warning: `{name}` expires in {}",
                blocks(left, block_time)
            ));
        }
        Ok(Found {
            id: owner.id,
            name: Some(name),
        })
    }
}

impl Found {
    /// `alice (dsap1…)`, or the address alone.
    pub(crate) fn shown(&self, ctx: &Context) -> String {
        let address = ctx.address(self.id);
        match &self.name {
            Some(name) => format!("{name} ({address})"),
            None => address.to_string(),
        }
    }
}
