//! What came in and went out, from the blocks that the node keeps.
//!
//! Every block is checked against its header, and each header against the hash that the block above it names, so that the node
//! can neither invent an entry nor leave one out between the tip and the oldest block looked at.

use std::fmt;

use sapwood_primitives::{AccountId, Action, Amount, Block, BlockId, Height, TxId};
use sapwood_rpc::types::BlockRef;
use serde::Serialize;

use crate::command::args::WalletFlags;
use crate::command::context::Context;
use crate::command::describe;
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::proof::Lie;
use crate::command::purse::Purse;
use crate::command::text::{date, table};

/// One transaction that concerns the wallet.
#[derive(Serialize)]
struct Entry {
    height: Height,
    time: u64,
    txid: TxId,
    /// `in`, `out` or `mined`.
    direction: &'static str,
    /// Account of the wallet, by its number.
    account: u32,
    /// Drops received, or sent by transfers; for a mined block none, since its income is only known when it matures.
    amount: Option<Amount>,
    fee: Option<Amount>,
    what: String,
}

/// Entries, newest first.
#[derive(Serialize)]
struct History {
    /// The lowest block that was looked at.
    from: Height,
    to: Height,
    entries: Vec<Entry>,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Vec<String>> = self
            .entries
            .iter()
            .map(|entry| {
                vec![
                    date(entry.time),
                    entry.height.to_string(),
                    entry.account.to_string(),
                    entry.direction.to_owned(),
                    entry
                        .amount
                        .map_or_else(|| "-".into(), |amount| amount.to_string()),
                    entry.what.clone(),
                ]
            })
            .collect();
        f.write_str(&table(&["when", "block", "#", "", "amount", "what"], &rows))
    }
}

/// `sapwood wallet history`
pub(super) fn history(
    ctx: &Context,
    flags: &WalletFlags,
    limit: u32,
    blocks: u32,
) -> Result<Output, CliError> {
    let link = Link::open(ctx)?;
    let own = {
        let purse = Purse::open(ctx, flags)?;
        let mut own = purse.ids()?;
        if let Some(flag) = &flags.account {
            let id = purse.chosen(ctx, Some(flag))?;
            own.retain(|(_, known)| *known == id);
        }
        own
    };
    let tip = link.head();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut entries = Vec::new();
    let (mut id, mut height, mut lowest) = (tip.block, tip.height, tip.height);
    for _ in 0..blocks {
        if height < link.status.window_start || height == Height::GENESIS || entries.len() >= limit
        {
            break;
        }
        ctx.terminal.progress(&format!("looking at block {height}"));
        let block = block(&link, id)?;
        entries.extend(entries_of(ctx, &block, &own).into_iter().rev());
        lowest = height;
        id = block.header.header.parent;
        height = height.minus(1).unwrap_or_default();
    }
    ctx.terminal.progress_end();
    entries.truncate(limit);
    Ok(Output::of(&History {
        from: lowest,
        to: tip.height,
        entries,
    }))
}

pub(super) fn block(link: &Link<'_>, id: BlockId) -> Result<Block, CliError> {
    let answer = link.raw_block(BlockRef {
        height: None,
        block: Some(id),
    })?;
    if answer.block != id {
        return Err(Lie::OtherBlock.into());
    }
    Ok(link.checker.block(&answer)?)
}

/// Entries of a block in the order of its transactions.
fn entries_of(ctx: &Context, block: &Block, own: &[(u32, AccountId)]) -> Vec<Entry> {
    let header = &block.header.header;
    let own_index = |id: &AccountId| {
        own.iter()
            .find(|(_, known)| known == id)
            .map(|(index, _)| *index)
    };
    let entry = |account, txid, direction, amount, what| Entry {
        height: header.height,
        time: header.time,
        txid,
        direction,
        account,
        amount,
        fee: None,
        what,
    };
    let mut entries = Vec::new();
    if let Some(account) = own_index(&block.coinbase.payee) {
        let matures = header.height.plus(ctx.chain.consensus.delay);
        let what = format!("mined; reward and fees come at block {matures}");
        entries.push(entry(account, block.coinbase.txid(), "mined", None, what));
    }
    for tx in block.transactions.iter() {
        let actions = &tx.body.actions;
        if let Some(account) = own_index(&tx.body.sender) {
            let sent = sum(actions.iter().filter_map(|action| match action {
                Action::Transfer { amount, .. } => Some(amount),
                _ => None,
            }));
            let what: Vec<String> = actions.iter().map(|a| describe::action(ctx, &a)).collect();
            let mut out = entry(
                account,
                tx.txid(),
                "out",
                (sent != Amount::ZERO).then_some(sent),
                what.join("; "),
            );
            out.fee = Some(tx.body.fee);
            entries.push(out);
        }
        for (account, id) in own {
            let got = sum(actions.iter().filter_map(|action| match action {
                Action::Transfer { to, amount } if to == *id => Some(amount),
                _ => None,
            }));
            if got != Amount::ZERO {
                let what = format!("from {}", ctx.address(tx.body.sender));
                entries.push(entry(*account, tx.txid(), "in", Some(got), what));
            }
        }
    }
    entries
}

fn sum(amounts: impl Iterator<Item = Amount>) -> Amount {
    amounts.fold(Amount::ZERO, |sum, amount| {
        sum.checked_add(amount).unwrap_or(Amount::SUPPLY)
    })
}
