//! What the wallet sent and no block has taken in yet, and waiting for the block that does.

use parity_scale_codec::Encode;
use sapwood_primitives::{Amount, Height, Transaction, TxId};
use sapwood_rpc::client::CallError;
use sapwood_rpc::types::Hex;

use super::Deal;
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::notes::Sent;

/// What the wallet sent since the last block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UnderWay {
    pub(super) count: u64,
    pub(super) spend: u128,
}

impl Deal<'_> {
    /// Writes down a transaction that is about to be sent.
    pub(crate) fn note(&self, tx: &Transaction, spend: Amount) -> Result<(), CliError> {
        let mut notes = self.notes.read()?;
        notes.sent.push(Sent {
            account: tx.body.sender,
            nonce: tx.body.nonce,
            spend,
            valid_until: tx.body.valid_until,
            txid: tx.txid(),
            tx: Hex(tx.encode()),
        });
        self.notes.write(&notes)
    }

    pub(super) fn forget(&self, txid: TxId) -> Result<(), CliError> {
        let mut notes = self.notes.read()?;
        notes.sent.retain(|sent| sent.txid != txid);
        self.notes.write(&notes)
    }

    /// Waits until a transaction has the confirmations that the chain file asks for, and returns its height.
    pub(crate) fn confirmed(&self, tx: &Transaction) -> Result<Height, CliError> {
        let height = wait_confirmed(self.link, tx.txid(), Some(tx.body.valid_until))?;
        self.forget(tx.txid())?;
        Ok(height)
    }

    /// Goes through what was sent: what is over is forgotten, what got lost is sent again, the rest counts.
    pub(super) fn under_way(&self, resend: bool) -> Result<UnderWay, CliError> {
        let mut notes = self.notes.read()?;
        let before = notes.sent.len();
        let (mut own, others): (Vec<_>, Vec<_>) = notes
            .sent
            .drain(..)
            .partition(|sent| sent.account == self.id());
        own.sort_by_key(|sent| sent.nonce);
        let mut result = UnderWay::default();
        // After its last block a transaction is in one or nowhere, whoever's it is: an account that is used once leaves nothing behind.
        let next = self.link.next_height();
        notes.sent = others;
        notes.sent.retain(|sent| sent.valid_until >= next);
        for sent in own {
            // Below the account's nonce it is in a block; above the next one it waits for a transaction that will not come.
            let is_next = sent.nonce == self.actor.account.nonce + result.count;
            if is_next
                && sent.valid_until >= self.link.next_height()
                && self.lives(&sent, resend)?
            {
                result.count += 1;
                result.spend += u128::from(sent.spend.drops());
                notes.sent.push(sent);
            }
        }
        if resend && notes.sent.len() != before {
            self.notes.write(&notes)?;
        }
        Ok(result)
    }

    /// Whether the node has a transaction, now or after it was sent once more.
    fn lives(&self, sent: &Sent, resend: bool) -> Result<bool, CliError> {
        if self.link.tx_status(sent.txid)?.status != "unknown" {
            return Ok(true);
        }
        if !resend {
            return Ok(false);
        }
        match self.link.try_submit(&sent.tx.0) {
            Ok(_) => Ok(true),
            Err(CallError::Refused { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Waits until a transaction has the confirmations that the chain file asks for, and returns its height.
pub(crate) fn wait_confirmed(
    link: &Link<'_>,
    txid: TxId,
    valid_until: Option<Height>,
) -> Result<Height, CliError> {
    let wanted = link.ctx.chain.client.wallet_confirmations.max(1);
    loop {
        // The tip first: a block between the two questions can only bring the transaction, not its end.
        link.refresh()?;
        let why = match link.included(txid)? {
            Some(included) if included.confirmations >= wanted => {
                link.ctx.terminal.progress_end();
                return Ok(included.height);
            }
            Some(included) => format!(
                "in block {}, {} of {wanted} confirmations",
                included.height, included.confirmations
            ),
            None if valid_until.is_some_and(|last| link.next_height() > last) => {
                link.ctx.terminal.progress_end();
                return Err(CliError::refused(
                    "expired",
                    format!("transaction {txid} was in no block until its last one"),
                    "nothing was spent; try again, with a higher --fee if blocks are full",
                ));
            }
            None => "waiting for the transaction to be in a block".to_owned(),
        };
        link.await_block(&why)?;
    }
}
