//! From a wish to a transaction in a block: fee, checks, question, signature, sending, waiting.
//!
//! A [`Deal`] is an open wallet, a checked node and the account that acts. It prepares an [`Order`] without signing anything, shows
//! it, and only then signs. Nonce and balance come from the account's proven leaf and from what the wallet itself sent since
//! ([`super::notes`]).
//!
//! `checks` has what is refused before a signature, `pending` what was sent and is in no block yet, `unsigned` the files for a signer
//! elsewhere.

mod checks;
mod pending;
mod unsigned;

use parity_scale_codec::Encode;
use sapwood_primitives::{
    AccountId, Action, Actions, Amount, Authorization, Body, Height, Transaction, TxId,
};
use sapwood_rpc::types::Hex;
use serde::Serialize;

pub(crate) use pending::wait_confirmed;
pub(crate) use unsigned::{MAX_FILE, Signed, Unsigned, pays_at_most};

use super::args::SpendFlags;
use super::context::Context;
use super::error::{CliError, Exit};
use super::link::Link;
use super::notes::Notebook;
use super::purse::{Actor, Purse, random};
use super::text::amount;
use pending::UnderWay;

/// Longest validity that the wallet asks for, in blocks: whoever waits longer should look again before paying.
const VALIDITY: u64 = 60;

/// What is to be done, before fee and nonce.
pub(crate) struct Order {
    /// The actions.
    pub(crate) actions: Vec<Action>,
    /// What leaves the account beside the fee.
    pub(crate) spend: Amount,
    /// The part of it that a limit does not count (specs/06 §5.3).
    pub(crate) exempt: Amount,
    /// What happens, one line each, shown before the question.
    pub(crate) lines: Vec<String>,
}

impl Order {
    /// An order that moves no coins but the fee.
    pub(crate) fn free(action: Action, line: String) -> Self {
        Self {
            actions: vec![action],
            spend: Amount::ZERO,
            exempt: Amount::ZERO,
            lines: vec![line],
        }
    }
}

/// An order with everything but the signature.
pub(crate) struct Prepared {
    pub(crate) body: Body,
    /// Fee and spend together.
    total: Amount,
    pub(crate) lines: Vec<String>,
}

/// What became of an order.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Receipt {
    /// `dry_run`, `unsigned`, `sent` or `confirmed`.
    pub(crate) status: &'static str,
    /// Id of the transaction, if one was signed.
    pub(crate) txid: Option<TxId>,
    /// Drops.
    pub(crate) fee: Amount,
    /// Height of its block, once it is in one.
    pub(crate) height: Option<Height>,
    /// The unsigned body in hex, of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Hex>,
    /// Where it was written for a signer elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// What the transaction does, as shown before the question.
    pub(crate) does: Vec<String>,
}

/// An open wallet, a node, and who acts.
pub(crate) struct Deal<'a> {
    pub(crate) ctx: &'a Context,
    pub(crate) link: &'a Link<'a>,
    pub(crate) purse: &'a Purse,
    pub(crate) flags: &'a SpendFlags,
    pub(crate) actor: Actor,
    notes: Notebook,
}

impl<'a> Deal<'a> {
    /// # Errors
    /// If something is to be signed and the wallet has no key for the account.
    pub(crate) fn new(
        link: &'a Link<'a>,
        purse: &'a Purse,
        flags: &'a SpendFlags,
        actor: Actor,
    ) -> Result<Self, CliError> {
        if actor.signer.is_none() && !flags.is_keyless() {
            return Err(purse.no_key(link.ctx, &actor.account));
        }
        Ok(Self {
            ctx: link.ctx,
            link,
            purse,
            flags,
            actor,
            notes: purse.notes(),
        })
    }

    pub(crate) fn id(&self) -> AccountId {
        self.actor.account.id
    }

    /// Number of the account whose key signs.
    pub(crate) fn signer(&self) -> Result<u32, CliError> {
        let signer = self.actor.signer;
        signer.ok_or_else(|| self.purse.no_key(self.ctx, &self.actor.account))
    }

    /// Takes the account anew, after blocks have come.
    pub(crate) fn refresh(&mut self) -> Result<(), CliError> {
        self.actor = self.purse.actor(self.link, self.id())?;
        Ok(())
    }

    /// Prepares, shows, asks, signs, sends and, if wanted, waits.
    pub(crate) fn perform(&self, order: Order, wait: bool) -> Result<Receipt, CliError> {
        let mut receipts = self.perform_all(vec![order], wait)?;
        Ok(receipts.remove(0))
    }

    /// The same for several orders of one account: all are prepared and shown before the one question.
    pub(crate) fn perform_all(
        &self,
        orders: Vec<Order>,
        wait: bool,
    ) -> Result<Vec<Receipt>, CliError> {
        let prepared = self.prepare_all(orders)?;
        for one in &prepared {
            self.show(one);
        }
        if self.flags.dry_run {
            return Ok(prepared
                .into_iter()
                .map(|one| self.rehearsed(one))
                .collect());
        }
        if let Some(path) = &self.flags.unsigned {
            return self.write_unsigned(path, &prepared);
        }
        self.ctx.confirm("Sign and send this?")?;
        let mut sent = Vec::new();
        for one in prepared {
            let tx = self.sign(one.body)?;
            self.send(&tx, one.total)?;
            sent.push((tx, one.lines));
        }
        let mut receipts = Vec::new();
        for (tx, does) in sent {
            let height = wait.then(|| self.confirmed(&tx)).transpose()?;
            receipts.push(Receipt {
                status: if height.is_some() {
                    "confirmed"
                } else {
                    "sent"
                },
                txid: Some(tx.txid()),
                fee: tx.body.fee,
                height,
                body: None,
                file: None,
                does,
            });
        }
        Ok(receipts)
    }

    /// The receipt of a dry run.
    pub(crate) fn rehearsed(&self, prepared: Prepared) -> Receipt {
        self.ctx.say("dry run: nothing was signed, sent or written");
        Receipt {
            status: "dry_run",
            txid: None,
            fee: prepared.body.fee,
            height: None,
            body: Some(Hex(prepared.body.encode())),
            file: None,
            does: prepared.lines,
        }
    }

    /// Fee, nonce and validity for an order, if the account can afford it.
    pub(crate) fn prepare(&self, order: Order) -> Result<Prepared, CliError> {
        let mut prepared = self.prepare_all(vec![order])?;
        Ok(prepared.remove(0))
    }

    /// The same for several orders, one after the other: each counts on what those before it take.
    pub(crate) fn prepare_all(&self, orders: Vec<Order>) -> Result<Vec<Prepared>, CliError> {
        let mut under_way = self.under_way(!self.flags.is_keyless())?;
        let mut all = Vec::new();
        for order in orders {
            let prepared = self.prepare_after(order, under_way)?;
            under_way.count += 1;
            under_way.spend += u128::from(prepared.total.drops());
            all.push(prepared);
        }
        Ok(all)
    }

    fn prepare_after(&self, order: Order, under_way: UnderWay) -> Result<Prepared, CliError> {
        let rules = &self.ctx.chain.consensus;
        let account = &self.actor.account;
        let next = self.link.next_height();
        // Whoever carries a file to another computer and back needs all the time that the chain gives.
        let validity = match self.flags.unsigned {
            Some(_) => rules.validity,
            None => rules.validity.min(VALIDITY),
        };
        let mut body = Body {
            sender: account.id,
            nonce: account.nonce + under_way.count,
            valid_until: next.plus(validity - 1),
            fee: Amount::ZERO,
            actions: Actions::new(order.actions)
                .map_err(|error| CliError::usage("too_many_actions", error.to_string(), ""))?,
        };
        let least = rules.min_fee(encoded_len(&body));
        body.fee = self.flags.fee.unwrap_or(least);
        self.check_fee(body.fee, least, order.spend)?;
        let total = amount(u128::from(body.fee.drops()) + u128::from(order.spend.drops()));
        self.check_frozen(next, &body)?;
        checks::check_balance(account, total, under_way.spend)?;
        self.check_limit(&body, order.spend, order.exempt, under_way.spend)?;
        let mut lines = order.lines;
        lines.push(format!(
            "fee: {}, valid until block {}",
            body.fee, body.valid_until
        ));
        let left =
            u128::from(account.balance.drops()) - under_way.spend - u128::from(total.drops());
        lines.push(format!("left in the account afterwards: {}", amount(left)));
        if self.would_vanish(left, &body) {
            lines.push(format!(
                "warning: less than {} is left, so the account ends and the rest goes back to the chain",
                rules.deposit()
            ));
        }
        Ok(Prepared { body, total, lines })
    }

    /// Says on stderr what is about to be signed.
    pub(crate) fn show(&self, prepared: &Prepared) {
        self.ctx
            .say(format!("account {}", self.ctx.address(self.id())));
        for line in &prepared.lines {
            self.ctx.say(format!("  {line}"));
        }
    }

    /// Signs with the account's key and fresh randomness.
    pub(crate) fn sign(&self, body: Body) -> Result<Transaction, CliError> {
        let key = self.purse.secrets.key(self.signer()?)?;
        let aux = random()?;
        Ok(body.sign(&self.link.checker.genesis, key.keypair(), &aux))
    }

    /// Writes a prepared order's transaction down and hands it in.
    pub(crate) fn submit(&self, prepared: Prepared) -> Result<Transaction, CliError> {
        let tx = self.sign(prepared.body)?;
        self.send(&tx, prepared.total)?;
        Ok(tx)
    }

    fn send(&self, tx: &Transaction, spend: Amount) -> Result<(), CliError> {
        self.note(tx, spend)?;
        match self.link.submit(tx) {
            Ok(_) => Ok(()),
            Err(error) => {
                // Only a clear no means that it will never be in a block; after a timeout it may be.
                if error.exit == Exit::Refused {
                    self.forget(tx.txid())?;
                }
                Err(error)
            }
        }
    }
}

/// Bytes of the signed transaction: every field of an authorization has a fixed width.
fn encoded_len(body: &Body) -> usize {
    let authorization = Authorization::Single {
        key: [0; 32],
        signature: [0; 64],
    };
    body.encoded_size() + authorization.encoded_size()
}
