//! What is under way: changes that wait for their height, transactions in no block yet, registrations between their two transactions.
//!
//! Every list shows it, so that nobody sends twice what is on its way, or forgets a name half registered.

use sapwood_primitives::codec::read;
use sapwood_primitives::leaf::Account;
use sapwood_primitives::{AccountId, Height, Name, Transaction};

use super::context::Context;
use super::describe;
use super::error::CliError;
use super::link::Link;
use super::notes::Notes;
use super::purse::Purse;
use super::text::{date, escape, moment_of};
use crate::keystore::{Registration, Stage};

/// What a wallet has under way, and the block by which heights are dated.
pub(crate) struct UnderWay {
    notes: Notes,
    registrations: Vec<Registration>,
    height: Height,
    time: u64,
}

impl UnderWay {
    pub(crate) fn of(link: &Link<'_>, purse: &Purse) -> Result<Self, CliError> {
        let head = link.head();
        Ok(Self {
            notes: purse.notes().read()?,
            registrations: purse.journal()?.list()?,
            height: head.height,
            time: head.time,
        })
    }

    /// What concerns one account, one line each.
    pub(crate) fn of_account(
        &self,
        ctx: &Context,
        id: AccountId,
        account: Option<&Account>,
    ) -> Vec<String> {
        let dated = |height: Height| {
            let moment = moment_of(
                height,
                self.height,
                self.time,
                ctx.chain.consensus.block_time,
            );
            format!("block {height}, {}", date(moment))
        };
        let mut lines = Vec::new();
        if let Some(waiting) = account.and_then(|account| account.owner_change.as_ref()) {
            let what = describe::change(ctx, &waiting.change);
            lines.push(format!("{what} ({})", dated(waiting.effective)));
        }
        if let Some(waiting) = account.and_then(|account| account.guardian_change.as_ref()) {
            lines.push(format!(
                "by the guardian: the key with hash {} signs ({})",
                waiting.authority,
                dated(waiting.effective)
            ));
        }
        let frozen = account.and_then(|account| account.guardian.as_ref());
        if let Some(guardian) =
            frozen.filter(|guardian| self.height.plus(1) < guardian.frozen_until)
        {
            lines.push(format!(
                "frozen by the guardian ({})",
                dated(guardian.frozen_until)
            ));
        }
        let registrations = self.notes.drafts.iter().filter(|draft| draft.sender == id);
        let registrations =
            registrations.filter(|draft| self.names().any(|name| name == draft.name));
        lines.extend(registrations.map(|draft| self.registration(&draft.name)));
        let nonce = account.map_or(0, |account| account.nonce);
        for sent in &self.notes.sent {
            let waits = sent.account == id && sent.nonce >= nonce && sent.valid_until > self.height;
            if let (true, Ok(tx)) = (waits, read::<Transaction>(&sent.tx.0)) {
                let actions = tx.body.actions.iter();
                let what: Vec<String> = actions.map(|one| describe::action(ctx, &one)).collect();
                lines.push(format!(
                    "sent, in no block yet: {} ({})",
                    what.join("; "),
                    sent.txid
                ));
            }
        }
        lines
    }

    /// Names that are being registered.
    pub(crate) fn names(&self) -> impl Iterator<Item = Name> {
        let entries = self.registrations.iter();
        entries.filter_map(|entry| entry.name.parse().ok())
    }

    /// How far a registration has come.
    pub(crate) fn registration(&self, name: &Name) -> String {
        let mut entries = self.registrations.iter();
        let entry = entries.find(|entry| entry.name == name.as_str());
        let stage = match entry.map(|entry| entry.stage) {
            Some(Stage::Revealed) => "its second transaction was sent",
            Some(Stage::Committed) => "its first transaction was sent",
            _ => "its first transaction is written down",
        };
        let name = escape(name.as_str());
        format!("registering `{name}`: {stage}; go on with `sapwood name register --resume {name}`")
    }
}
