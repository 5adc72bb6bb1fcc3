//! `sapwood wallet sign`: signing without a node what was prepared elsewhere.

use std::fmt;
use std::path::Path;

use parity_scale_codec::Encode;
use sapwood_primitives::codec::read;
use sapwood_primitives::{Body, Transaction, TxId};
use sapwood_rpc::types::Hex;
use serde::Serialize;

use crate::command::args::WalletFlags;
use crate::command::context::Context;
use crate::command::deal::{MAX_FILE, Signed, Unsigned, pays_at_most};
use crate::command::describe;
use crate::command::error::CliError;
use crate::command::output::Output;
use crate::command::purse::{Purse, random};
use crate::command::text::{date, escape, moment_of};

/// One transaction signed from hex.
#[derive(Serialize)]
struct SignedBody {
    txid: TxId,
    tx: Hex,
    does: Vec<String>,
}

impl fmt::Display for SignedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", hex::encode(&self.tx.0))
    }
}

/// A file that was signed.
#[derive(Serialize)]
struct SignedFile {
    /// Where it was written, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    txids: Vec<TxId>,
    #[serde(flatten)]
    signed: Signed,
}

impl fmt::Display for SignedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(_) => self.txids.iter().try_for_each(|txid| writeln!(f, "{txid}")),
            None => f.write_str(&String::from_utf8_lossy(&self.signed.bytes())),
        }
    }
}

/// `sapwood wallet sign`
pub(super) fn sign(
    ctx: &Context,
    file: &Path,
    out: Option<&Path>,
    flags: &WalletFlags,
) -> Result<Output, CliError> {
    let bytes = ctx.read_file(file, MAX_FILE)?;
    if let Some(out) = out {
        ctx.refuse_existing(out)?;
    }
    match Unsigned::read(&bytes) {
        Some(unsigned) => sign_file(ctx, &unsigned?, out, flags),
        None => sign_body(ctx, &bytes, out, flags),
    }
}

fn sign_file(
    ctx: &Context,
    unsigned: &Unsigned,
    out: Option<&Path>,
    flags: &WalletFlags,
) -> Result<Output, CliError> {
    let checked = unsigned.check(ctx)?;
    let purse = Purse::open(ctx, flags)?;
    let signer = match &flags.account {
        Some(flag) => purse.own_index(ctx, Some(flag))?,
        None => purse
            .signer(checked.account.authority_hash())?
            .ok_or_else(|| purse.no_key(ctx, &checked.account))?,
    };
    let header = &checked.header;
    let block_time = ctx.chain.consensus.block_time;
    ctx.say(format!(
        "chain {}, account {}",
        ctx.chain.name, unsigned.account
    ));
    ctx.say(format!(
        "it has {} at block {} ({}), by a proof that holds",
        unsigned.balance,
        header.height,
        date(header.time)
    ));
    for body in &checked.bodies {
        for action in body.actions.iter() {
            ctx.say(format!("  {}", describe::action(ctx, &action)));
        }
        let last = moment_of(body.valid_until, header.height, header.time, block_time);
        ctx.say(format!(
            "    pays at most {} and a fee of {}; nonce {}, valid until block {}, around {}",
            pays_at_most(body),
            body.fee,
            body.nonce,
            body.valid_until,
            date(last)
        ));
    }
    ctx.confirm("Sign this?")?;
    let genesis = ctx.genesis()?;
    let mut transactions: Vec<Transaction> = Vec::new();
    for body in checked.bodies {
        let aux = random()?;
        let key = purse.secrets.key(signer)?;
        transactions.push(body.sign(&genesis, key.keypair(), &aux));
    }
    let signed = Signed::of(ctx, genesis, &transactions);
    if let Some(out) = out {
        ctx.write_new(out, &signed.bytes())?;
    }
    Ok(Output::of(&SignedFile {
        file: out.map(|out| escape(&out.display().to_string())),
        txids: signed.txids().collect(),
        signed,
    }))
}

/// A body alone, in hex.
fn sign_body(
    ctx: &Context,
    text: &[u8],
    out: Option<&Path>,
    flags: &WalletFlags,
) -> Result<Output, CliError> {
    let bad = |reason: String| {
        CliError::refused(
            "bad_body",
            format!("the file has no body of a transaction: {reason}"),
            "make one with --unsigned",
        )
    };
    let bytes = hex::decode(text.trim_ascii_end()).map_err(|_| bad("it is not hex".into()))?;
    let body: Body = read(&bytes).map_err(|error| bad(error.to_string()))?;
    let genesis = ctx.genesis()?;
    let purse = Purse::open(ctx, flags)?;
    let signer = match &flags.account {
        Some(flag) => purse.chosen(ctx, Some(flag))?,
        None => body.sender,
    };
    let index = purse.ids()?.into_iter().find(|(_, id)| *id == signer);
    let (index, _) = index.ok_or_else(|| {
        CliError::refused(
            "other_key",
            format!("the wallet has no key made for {}", ctx.address(signer)),
            "if another key signs for it now, name that account with --account",
        )
    })?;
    let does = describe::body(ctx, &body);
    for line in &does {
        ctx.say(format!("  {line}"));
    }
    ctx.confirm("Sign this?")?;
    let aux = random()?;
    let tx = body.sign(&genesis, purse.secrets.key(index)?.keypair(), &aux);
    let signed = SignedBody {
        txid: tx.txid(),
        tx: Hex(tx.encode()),
        does,
    };
    if let Some(out) = out {
        ctx.write_new(out, signed.to_string().as_bytes())?;
    }
    Ok(Output::of(&signed))
}
