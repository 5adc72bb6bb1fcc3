//! `sapwood account …` and `sapwood tx …`: any account and any transaction, without a wallet.

use std::fmt;

use sapwood_primitives::{Amount, BlockId, Height, Name, TxId};
use sapwood_rpc::records::to_line;
use sapwood_rpc::types::{AccountProof, AccountProofParams, At, Hex, Proven};
use serde::Serialize;

use super::args::{AccountCommand, TxCommand};
use super::context::Context;
use super::describe;
use super::error::CliError;
use super::link::Link;
use super::output::Output;
use super::text::{escape, fields};
use super::who::Who;
use sapwood_runtime::spendable;

impl AccountCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self, ctx: &Context) -> Result<Output, CliError> {
        match self {
            Self::Show { account } => show_account(ctx, &account),
            Self::Proof { account } => prove_account(ctx, &account),
        }
    }
}

impl TxCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self, ctx: &Context) -> Result<Output, CliError> {
        match self {
            Self::Show { txid } => show_tx(ctx, txid),
            Self::Submit { tx, wait } => super::submit::submit(ctx, &tx, wait),
        }
    }
}

/// An account, proven.
#[derive(Serialize)]
struct ShownAccount {
    height: Height,
    address: String,
    exists: bool,
    nonce: Option<u64>,
    balance: Amount,
    spendable: Amount,
    name: Option<Name>,
    records: Vec<String>,
    limit: Option<Amount>,
    guardian: Option<String>,
    pending: Option<String>,
}

impl fmt::Display for ShownAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![("address", self.address.clone())];
        let Some(nonce) = self.nonce else {
            rows.push((
                "state",
                "does not exist: nothing was sent to it, or all of it left".into(),
            ));
            return f.write_str(&fields(&rows));
        };
        rows.push(("balance", self.balance.to_string()));
        if self.spendable != self.balance {
            rows.push(("spendable now", self.spendable.to_string()));
        }
        rows.push(("nonce", nonce.to_string()));
        if let Some(name) = &self.name {
            rows.push(("name", name.to_string()));
        }
        if let Some(rate) = self.limit {
            rows.push(("limit", format!("{rate} a day")));
        }
        if let Some(guardian) = &self.guardian {
            rows.push(("guardian", guardian.clone()));
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

/// `sapwood account show`
fn show_account(ctx: &Context, text: &str) -> Result<Output, CliError> {
    let who = Who::parse(ctx, text)?;
    let link = Link::open(ctx)?;
    let found = who.find(&link)?;
    let proven = link.account(found.id)?;
    let account = proven.account.as_ref();
    Ok(Output::of(&ShownAccount {
        height: proven.height,
        address: ctx.address(found.id).to_string(),
        exists: account.is_some(),
        nonce: account.map(|account| account.nonce),
        balance: account.map_or(Amount::ZERO, |account| account.balance),
        spendable: account.map_or(Amount::ZERO, |account| {
            spendable(&ctx.chain.consensus, account, proven.height.plus(1))
        }),
        name: account.and_then(|account| account.name.clone()),
        records: account.map_or_else(Vec::new, |account| {
            account.records.entries().iter().map(to_line).collect()
        }),
        limit: account
            .and_then(|account| account.limit.as_ref())
            .map(|limit| limit.rate),
        guardian: account
            .and_then(|account| account.guardian.as_ref())
            .map(|guardian| ctx.address(guardian.account).to_string()),
        pending: account
            .and_then(|account| account.owner_change.as_ref())
            .map(|waiting| {
                format!(
                    "block {}: {}",
                    waiting.effective,
                    describe::change(ctx, &waiting.change)
                )
            }),
    }))
}

/// A proof that was checked here and can be checked elsewhere.
#[derive(Serialize)]
struct CheckedProof {
    address: String,
    exists: bool,
    #[serde(flatten)]
    proven: Proven,
}

impl fmt::Display for CheckedProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |bytes: &Hex| hex::encode(&bytes.0);
        let proven = &self.proven;
        f.write_str(&fields(&[
            ("address", self.address.clone()),
            (
                "block",
                format!("{} at height {}", proven.state.block, proven.state.height),
            ),
            ("header", hex(&proven.header)),
            ("key", proven.witness.key.to_string()),
            (
                "value",
                proven
                    .witness
                    .value
                    .as_ref()
                    .map_or_else(|| "absent".into(), hex),
            ),
            ("proof", hex(&proven.witness.proof)),
        ]))
    }
}

/// `sapwood account proof`
fn prove_account(ctx: &Context, text: &str) -> Result<Output, CliError> {
    let who = Who::parse(ctx, text)?;
    let link = Link::open(ctx)?;
    let found = who.find(&link)?;
    let address = ctx.address(found.id).to_string();
    let proven = link.call::<AccountProof>(AccountProofParams {
        account: address.clone(),
        at: At::Head,
        anchor: None,
    })?;
    let (_, account) = link.checker.account(&found.id, &proven)?;
    Ok(Output::of(&CheckedProof {
        address,
        exists: account.is_some(),
        proven,
    }))
}

/// Where a transaction is and what it does.
#[derive(Serialize)]
struct ShownTx {
    txid: TxId,
    /// `pending`, `confirmed` or `unknown`.
    status: String,
    height: Option<Height>,
    block: Option<BlockId>,
    confirmations: u64,
    does: Vec<String>,
}

impl fmt::Display for ShownTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![
            ("transaction", self.txid.to_string()),
            ("status", self.status.clone()),
        ];
        if let Some(height) = self.height {
            rows.push((
                "block",
                format!("{height}, {} confirmations", self.confirmations),
            ));
        }
        f.write_str(&fields(&rows))?;
        self.does
            .iter()
            .try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// `sapwood tx show`
fn show_tx(ctx: &Context, txid: TxId) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let state = link.tx_status(txid)?;
    let mut shown = ShownTx {
        txid,
        status: escape(&state.status),
        height: None,
        block: None,
        confirmations: 0,
        does: Vec::new(),
    };
    if let Some(included) = link.included(txid)? {
        shown.height = Some(included.height);
        shown.block = Some(included.block.header.id());
        shown.confirmations = included.confirmations;
        if let Some(tx) = included
            .block
            .transactions
            .iter()
            .find(|tx| tx.txid() == txid)
        {
            shown.does = describe::body(ctx, &tx.body);
        } else {
            let payee = ctx.address(included.block.coinbase.payee);
            shown.does.push(format!(
                "coinbase: reward and fees of the block for {payee}"
            ));
        }
    }
    Ok(Output::of(&shown))
}
