//! `sapwood tx submit`: handing in what was signed, here or elsewhere.

use std::fmt;
use std::path::Path;

use sapwood_primitives::codec::read;
use sapwood_primitives::{Action, Height, Transaction, TxId};
use serde::Serialize;

use super::context::Context;
use super::deal::{MAX_FILE, Signed, wait_confirmed};
use super::describe;
use super::error::CliError;
use super::link::Link;
use super::output::Output;
use super::text::escape;

/// A transaction that was handed in.
#[derive(Clone, Serialize)]
struct SubmittedTx {
    txid: TxId,
    /// `accepted`, `known`, or `confirmed` if it is in a block already.
    status: String,
    height: Option<Height>,
    does: Vec<String>,
}

/// What was handed in: the last transaction, and all of them if there are several.
#[derive(Serialize)]
struct Submitted {
    #[serde(flatten)]
    last: SubmittedTx,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transactions: Vec<SubmittedTx>,
}

impl fmt::Display for SubmittedTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.height {
            Some(height) => writeln!(f, "{} in block {height}", self.txid),
            None => writeln!(f, "{} {}", self.txid, self.status),
        }
    }
}

impl fmt::Display for Submitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.transactions.is_empty() {
            true => self.last.fmt(f),
            false => self.transactions.iter().try_for_each(|tx| tx.fmt(f)),
        }
    }
}

/// `sapwood tx submit`
pub(super) fn submit(ctx: &Context, text: &str, wait: bool) -> Result<Output, CliError> {
    let transactions = transactions(ctx, text)?;
    let genesis = ctx.genesis()?;
    for tx in &transactions {
        tx.verify_signature(&genesis).map_err(|error| {
            CliError::refused(
                "bad_signature",
                error.to_string(),
                "sign it for this chain with `sapwood wallet sign`",
            )
        })?;
    }
    let link = Link::open(ctx)?;
    let mut done: Vec<SubmittedTx> = Vec::new();
    for (place, tx) in transactions.iter().enumerate() {
        let does = describe::body(ctx, &tx.body);
        for line in &does {
            ctx.say(format!("  {line}"));
        }
        if place > 0 && reveals(tx) {
            until_old_enough(&link, &transactions[place - 1])?;
        }
        let (status, height) = match link.included(tx.txid())? {
            Some(included) => ("confirmed".to_owned(), Some(included.height)),
            None => (escape(&link.submit(tx)?.status), None),
        };
        done.push(SubmittedTx {
            txid: tx.txid(),
            status,
            height,
            does,
        });
    }
    if wait {
        for (tx, done) in transactions.iter().zip(&mut done) {
            done.height = Some(wait_confirmed(&link, tx.txid(), Some(tx.body.valid_until))?);
        }
    }
    let last = done
        .last()
        .expect("a file has at least one transaction")
        .clone();
    if done.len() == 1 {
        done.clear();
    }
    Ok(Output::of(&Submitted {
        last,
        transactions: done,
    }))
}

fn transactions(ctx: &Context, text: &str) -> Result<Vec<Transaction>, CliError> {
    let bad = |reason: String| {
        CliError::usage(
            "bad_transaction",
            format!("this is no signed transaction: {reason}"),
            "",
        )
    };
    let bytes = match hex::decode(text) {
        Ok(bytes) => bytes,
        Err(_) => {
            let content = ctx.read_file(Path::new(text), MAX_FILE)?;
            if let Some(transactions) = Signed::read(ctx, &content) {
                return transactions;
            }
            hex::decode(content.trim_ascii_end()).map_err(|_| bad("the file is not hex".into()))?
        }
    };
    let tx: Transaction = read(&bytes).map_err(|error| bad(error.to_string()))?;
    Ok(vec![tx])
}

fn reveals(tx: &Transaction) -> bool {
    let mut actions = tx.body.actions.iter();
    actions.any(|action| matches!(action, Action::NameReveal { .. }))
}

/// Waits until the hash that the first transaction put down may be revealed (specs/06 §3).
fn until_old_enough(link: &Link<'_>, commit: &Transaction) -> Result<(), CliError> {
    let rules = &link.ctx.chain.consensus;
    loop {
        link.refresh()?;
        let why = match link.included(commit.txid())? {
            Some(included) => {
                let age = link.next_height().since(included.height);
                if age >= rules.commit_min {
                    link.ctx.terminal.progress_end();
                    return Ok(());
                }
                format!(
                    "the name is hidden: {} blocks to go",
                    rules.commit_min - age
                )
            }
            None if link.next_height() > commit.body.valid_until => {
                link.ctx.terminal.progress_end();
                return Err(CliError::refused(
                    "expired",
                    "the first transaction was in no block until its last one",
                    "nothing was spent; write it again with --unsigned and sign that",
                ));
            }
            None => "waiting for the first transaction to be in a block".to_owned(),
        };
        link.await_block(&why)?;
    }
}
