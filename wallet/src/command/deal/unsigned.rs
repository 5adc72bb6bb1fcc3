//! The files between a computer that has the chain and one that has the keys.
//!
//! [`Unsigned`] is what `--unsigned` writes: the bytes to sign, what they do in words, and the account with its proof, so that the signer
//! needs to believe nobody. [`Unsigned::check`] says by name what does not fit. [`Signed`] is what goes back. Both are JSON, hold nothing
//! secret, and are bounded; a registration has two transactions in one file, because the second needs the salt of the first.

use std::path::Path;

use parity_scale_codec::Encode;
use sapwood_primitives::codec::read;
use sapwood_primitives::leaf::Account;
use sapwood_primitives::{
    Action, Address, Amount, BlockId, Body, Header, Height, Transaction, TxId,
};
use sapwood_rpc::types::{Hex, Proven};
use serde::{Deserialize, Serialize};

use super::{Deal, Prepared, Receipt};
use crate::command::context::Context;
use crate::command::describe;
use crate::command::error::CliError;
use crate::command::proof::Checker;
use crate::command::text::{amount, escape};

/// Version of both files.
const VERSION: u32 = 1;

/// Most transactions in one file: renewals of a thousand names.
const MAX_TRANSACTIONS: usize = 64;

/// Longest file of either kind, in bytes: 64 transactions of 16 KiB in hex, twice that for words, and the proof.
pub(crate) const MAX_FILE: u64 = 8 << 20;

/// Transactions to be signed where the keys are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unsigned {
    /// Version of this form.
    sapwood_unsigned: u32,
    /// Name of the chain.
    pub(crate) chain: String,
    /// Its genesis, which every signature covers.
    genesis: BlockId,
    /// Address of the account that acts.
    pub(crate) account: String,
    /// Its balance at that block, drops.
    pub(crate) balance: Amount,
    /// The account with its proof, under the header of the block that everything was computed from.
    from: Proven,
    transactions: Vec<UnsignedTx>,
}

/// One of them, in bytes and in words.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnsignedTx {
    /// What it does, one line an action.
    does: Vec<String>,
    /// The most that leaves the account beside the fee, drops.
    pays_at_most: Amount,
    /// Drops.
    fee: Amount,
    nonce: u64,
    valid_until: Height,
    /// What is signed.
    body: Hex,
}

/// Transactions on their way back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signed {
    /// Version of this form.
    sapwood_signed: u32,
    pub(crate) chain: String,
    genesis: BlockId,
    transactions: Vec<SignedTx>,
}

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedTx {
    txid: TxId,
    /// What it does, one line an action.
    does: Vec<String>,
    tx: Hex,
}

/// A file whose words, bytes and proof agree.
pub(crate) struct Checked {
    pub(crate) bodies: Vec<Body>,
    /// The account as it was proven.
    pub(crate) account: Account,
    /// The header of that block.
    pub(crate) header: Header,
}

impl Deal<'_> {
    /// Writes prepared orders for a signer elsewhere.
    pub(super) fn write_unsigned(
        &self,
        path: &Path,
        prepared: &[Prepared],
    ) -> Result<Vec<Receipt>, CliError> {
        let transactions = prepared
            .iter()
            .map(|one| UnsignedTx::of(self.ctx, &one.body));
        let file = Unsigned {
            sapwood_unsigned: VERSION,
            chain: self.ctx.chain.name.clone(),
            genesis: self.link.checker.genesis,
            account: self.ctx.address(self.id()).to_string(),
            balance: self.actor.account.balance,
            from: self.actor.proven.clone(),
            transactions: transactions.collect(),
        };
        self.ctx.write_new(path, &to_bytes(&file))?;
        let shown = escape(&path.display().to_string());
        self.ctx.say(format!(
            "nothing was signed; sign it where the key is: sapwood wallet sign {shown} -o SIGNED"
        ));
        Ok(prepared
            .iter()
            .map(|one| Receipt {
                status: "unsigned",
                txid: None,
                fee: one.body.fee,
                height: None,
                body: None,
                file: Some(shown.clone()),
                does: one.lines.clone(),
            })
            .collect())
    }
}

impl UnsignedTx {
    fn of(ctx: &Context, body: &Body) -> Self {
        Self {
            does: does(ctx, body),
            pays_at_most: pays_at_most(body),
            fee: body.fee,
            nonce: body.nonce,
            valid_until: body.valid_until,
            body: Hex(body.encode()),
        }
    }

    /// The body, if everything said about it follows from it.
    fn check(&self, ctx: &Context, number: usize) -> Result<Body, CliError> {
        let body: Body = read(&self.body.0).map_err(|error| {
            tampered(
                &format!("bytes of transaction {number}"),
                &error.to_string(),
            )
        })?;
        let said = Self::of(ctx, &body);
        let differs = [
            ("words", self.does != said.does),
            ("amount", self.pays_at_most != said.pays_at_most),
            ("fee", self.fee != said.fee),
            ("nonce", self.nonce != said.nonce),
            ("last block", self.valid_until != said.valid_until),
        ];
        match differs.into_iter().find(|(_, differs)| *differs) {
            None => Ok(body),
            Some((what, _)) => Err(tampered(
                &format!("{what} of transaction {number}"),
                "its bytes say something else",
            )),
        }
    }
}

impl Unsigned {
    /// Reads a file; `None` if it is none of this kind.
    pub(crate) fn read(bytes: &[u8]) -> Option<Result<Self, CliError>> {
        let is_json = bytes.trim_ascii_start().starts_with(b"{");
        is_json.then(|| {
            let file: Self = serde_json::from_slice(bytes).map_err(|error| {
                let where_ = format!("line {}, column {}", error.line(), error.column());
                CliError::refused(
                    "bad_unsigned",
                    format!(
                        "the file was not written by --unsigned ({where_}: {})",
                        escape(&error.to_string())
                    ),
                    "write it again with --unsigned",
                )
            })?;
            version(file.sapwood_unsigned)?;
            Ok(file)
        })
    }

    /// Compares words, bytes and proof, and names what does not fit.
    pub(crate) fn check(&self, ctx: &Context) -> Result<Checked, CliError> {
        let genesis = chain_of(ctx, &self.chain, self.genesis)?;
        let address = Address::parse(&ctx.chain.address_prefix, &self.account)
            .map_err(|error| tampered("account", &error.to_string()))?;
        if self.transactions.is_empty() || self.transactions.len() > MAX_TRANSACTIONS {
            return Err(tampered(
                "list of transactions",
                &format!("it has {}", self.transactions.len()),
            ));
        }
        let checker = Checker {
            chain: &ctx.chain,
            genesis,
        };
        let (header, account) = checker
            .account(&address.id(), &self.from)
            .map_err(|lie| tampered("proof of the account", &lie.to_string()))?;
        let account = account
            .ok_or_else(|| tampered("proof of the account", "the account does not exist"))?;
        if account.balance != self.balance {
            return Err(tampered("balance", &format!("it is {}", account.balance)));
        }
        let mut bodies: Vec<Body> = Vec::new();
        for (tx, number) in self.transactions.iter().zip(1..) {
            let body = tx.check(ctx, number)?;
            let of = |what: &str| format!("{what} of transaction {number}");
            if body.sender != account.id {
                return Err(tampered(&of("sender"), "it is another account"));
            }
            let least = bodies.last().map_or(account.nonce, |last| last.nonce + 1);
            let fits = match bodies.is_empty() {
                true => body.nonce >= least,
                false => body.nonce == least,
            };
            if !fits {
                return Err(tampered(&of("nonce"), &format!("it should be {least}")));
            }
            if body.valid_until <= header.height {
                return Err(tampered(
                    &of("last block"),
                    "it was over when this was written",
                ));
            }
            bodies.push(body);
        }
        Ok(Checked {
            bodies,
            account,
            header,
        })
    }
}

impl Signed {
    pub(crate) fn of(ctx: &Context, genesis: BlockId, transactions: &[Transaction]) -> Self {
        let signed = transactions.iter().map(|tx| SignedTx {
            txid: tx.txid(),
            does: does(ctx, &tx.body),
            tx: Hex(tx.encode()),
        });
        Self {
            sapwood_signed: VERSION,
            chain: ctx.chain.name.clone(),
            genesis,
            transactions: signed.collect(),
        }
    }

    pub(crate) fn txids(&self) -> impl Iterator<Item = TxId> {
        self.transactions.iter().map(|tx| tx.txid)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        to_bytes(self)
    }

    /// The transactions of a file that was signed for this chain, if ids, words and bytes agree; `None` if it is no such file.
    pub(crate) fn read(ctx: &Context, bytes: &[u8]) -> Option<Result<Vec<Transaction>, CliError>> {
        let is_json = bytes.trim_ascii_start().starts_with(b"{");
        is_json.then(|| Self::transactions(ctx, bytes))
    }

    fn transactions(ctx: &Context, bytes: &[u8]) -> Result<Vec<Transaction>, CliError> {
        let bad = |reason: String| {
            CliError::usage(
                "bad_transaction",
                format!("this is no signed transaction: {reason}"),
                "sign the file of --unsigned with `sapwood wallet sign FILE -o SIGNED`",
            )
        };
        let file: Self =
            serde_json::from_slice(bytes).map_err(|error| bad(escape(&error.to_string())))?;
        version(file.sapwood_signed)?;
        chain_of(ctx, &file.chain, file.genesis)?;
        if file.transactions.is_empty() || file.transactions.len() > MAX_TRANSACTIONS {
            return Err(bad(format!(
                "it has {} transactions",
                file.transactions.len()
            )));
        }
        let transactions = file.transactions.iter().zip(1..);
        transactions
            .map(|(signed, number)| {
                let of = |what: &str| format!("{what} of transaction {number}");
                let tx: Transaction = read(&signed.tx.0)
                    .map_err(|error| tampered(&of("bytes"), &error.to_string()))?;
                if tx.txid() != signed.txid {
                    return Err(tampered(&of("id"), "it is not that of its bytes"));
                }
                if does(ctx, &tx.body) != signed.does {
                    return Err(tampered(&of("words"), "its bytes say something else"));
                }
                Ok(tx)
            })
            .collect()
    }
}

/// What the actions do, in the words of every list.
fn does(ctx: &Context, body: &Body) -> Vec<String> {
    body.actions
        .iter()
        .map(|action| describe::action(ctx, &action))
        .collect()
}

/// The most that leaves the account by these bytes, beside the fee. What closes an account says so in words.
pub(crate) fn pays_at_most(body: &Body) -> Amount {
    let sum = body.actions.iter().map(|action| match action {
        Action::Transfer { amount, .. } => u128::from(amount.drops()),
        Action::NameReveal { max_price, .. } | Action::NameRenew { max_price, .. } => {
            u128::from(max_price.drops())
        }
        _ => 0,
    });
    amount(sum.sum())
}

fn version(found: u32) -> Result<(), CliError> {
    if found == VERSION {
        return Ok(());
    }
    Err(CliError::refused(
        "newer_file",
        format!("the file has version {found}, this program knows {VERSION}"),
        "use the same release on both computers",
    ))
}

/// The genesis, if the file is for this chain.
fn chain_of(ctx: &Context, name: &str, genesis: BlockId) -> Result<BlockId, CliError> {
    let own = ctx.genesis()?;
    if (name, genesis) == (&*ctx.chain.name, own) {
        return Ok(own);
    }
    Err(CliError::refused(
        "other_chain",
        format!(
            "the file is for the chain `{}` with genesis {genesis}, not `{}` with {own}",
            escape(name),
            ctx.chain.name
        ),
        "choose the chain with --chain",
    ))
}

fn tampered(what: &str, why: &str) -> CliError {
    CliError::refused(
        "tampered",
        format!("the file was changed or damaged: {what}: {}", escape(why)),
        "do not sign or send it; write it again with --unsigned",
    )
}

fn to_bytes<T: Serialize>(file: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(file).expect("the file has only strings and numbers");
    bytes.push(b'\n');
    bytes
}
