//! What a wallet's words have on the chain: accounts by proof, and hashes put down for names that are not revealed yet.

use std::collections::BTreeSet;

use sapwood_primitives::leaf::{Account, Change};
use sapwood_primitives::{
    AccountId, Action, Authority, AuthorityHash, Commitment, Height, Transaction,
};
use sapwood_runtime::commitment;
use serde::Serialize;

use super::history;
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::purse::Purse;

/// Accounts in a row that the chain does not know after which no more are looked for, as wallets of BIP 44 have it.
pub(super) const GAP: u32 = 20;

/// A hash that an account put down and nothing has revealed yet.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HiddenName {
    /// Number of the account.
    pub(crate) account: u32,
    #[serde(skip)]
    pub(crate) sender: AccountId,
    pub(crate) commitment: Commitment,
    /// The block that has it.
    pub(crate) height: Height,
    /// The last block that can reveal it.
    pub(crate) until: Height,
    #[serde(skip)]
    pub(crate) transaction: Transaction,
}

/// Adds accounts of the words that the chain knows, up to the first long gap, and those whose keys sign for them now or are about to.
pub(super) fn find_accounts(link: &Link<'_>, purse: &mut Purse, gap: u32) -> Result<(), CliError> {
    let mut candidates = purse.secrets.clone();
    let (mut found, mut wanted, mut looked_at) = (Vec::new(), Vec::new(), Vec::new());
    let (mut index, mut missing) = (0, 0);
    while missing < gap {
        link.ctx
            .terminal
            .progress(&format!("looking for account {index}"));
        let known = candidates
            .accounts()
            .iter()
            .any(|account| account.index() == index);
        if !known {
            candidates.add_account(index, "")?;
        }
        let key = Authority::of(candidates.key(index)?.keypair()).hash();
        if !known {
            looked_at.push((index, key));
        }
        match link.account(AccountId(key.0))?.account {
            Some(account) => {
                missing = 0;
                found.extend((!known).then_some(index));
                wanted.extend(signers(&account));
            }
            None => missing += 1,
        }
        index += 1;
    }
    // A key that an account was given by rotation has no account of its own.
    for (index, key) in looked_at {
        if wanted.contains(&key) && !found.contains(&index) {
            found.push(index);
        }
    }
    link.ctx.terminal.progress_end();
    if !found.is_empty() {
        for index in found {
            purse.secrets.add_account(index, "")?;
        }
        purse.save()?;
    }
    Ok(())
}

/// Hashes of the keys that sign for an account, or will when a pending change takes effect.
fn signers(account: &Account) -> impl Iterator<Item = AuthorityHash> {
    let waiting = account.owner_change.as_ref();
    let next = waiting.and_then(|waiting| match waiting.change {
        Change::Authority { authority } => Some(authority),
        _ => None,
    });
    let recovered = account.guardian_change.as_ref();
    let recovered = recovered.map(|waiting| waiting.authority);
    [Some(account.authority_hash()), next, recovered]
        .into_iter()
        .flatten()
}

/// Refuses an account that its words alone would not find again: too many before it are unknown to the chain.
pub(super) fn refuse_gap(link: &Link<'_>, purse: &Purse) -> Result<(), CliError> {
    let mut derived: Vec<u32> = purse
        .secrets
        .accounts()
        .iter()
        .filter(|account| account.is_derived())
        .map(|account| account.index())
        .collect();
    derived.sort_unstable();
    let mut used = 0;
    for index in derived.into_iter().rev() {
        let id = purse.id(index)?;
        if link.account(id)?.account.is_some() {
            used = index + 1;
            break;
        }
    }
    if purse.secrets.next_index() < used + GAP {
        return Ok(());
    }
    Err(CliError::refused(
        "gap",
        format!(
            "the last {GAP} accounts have no coins yet; one more would not be found again by the words alone"
        ),
        "use one of those first: `sapwood wallet accounts` lists them",
    ))
}

/// Hashes for names that these accounts put down within the time that reveals them, from the blocks that the node keeps. Every block is
/// checked against its header, each header against the one above it.
pub(crate) fn hidden_names(
    link: &Link<'_>,
    own: &[(u32, AccountId)],
) -> Result<Vec<HiddenName>, CliError> {
    let rules = &link.ctx.chain.consensus;
    let (tip, next) = (link.head(), link.next_height());
    let (mut found, mut revealed) = (Vec::new(), BTreeSet::new());
    let (mut id, mut height) = (tip.block, tip.height);
    while height >= link.status.window_start
        && height != Height::GENESIS
        && next.since(height) <= rules.commit_max
    {
        link.ctx
            .terminal
            .progress(&format!("looking for hidden names in block {height}"));
        let block = history::block(link, id)?;
        for tx in block.transactions.iter() {
            let sender = tx.body.sender;
            let Some((account, _)) = own.iter().find(|(_, id)| *id == sender) else {
                continue;
            };
            for action in tx.body.actions.iter() {
                match action {
                    // Blocks are seen from the newest on, so a reveal before its commitment.
                    Action::NameReveal { name, salt, .. } => {
                        revealed.insert(commitment(&name, &sender, &salt));
                    }
                    Action::NameCommit { commitment } => found.push(HiddenName {
                        account: *account,
                        sender,
                        commitment,
                        height,
                        until: height.plus(rules.commit_max),
                        transaction: tx.clone(),
                    }),
                    _ => {}
                }
            }
        }
        id = block.header.header.parent;
        height = height.minus(1).unwrap_or_default();
    }
    link.ctx.terminal.progress_end();
    found.retain(|hidden| !revealed.contains(&hidden.commitment));
    found.reverse();
    Ok(found)
}
