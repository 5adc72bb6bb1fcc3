//! Transactions: what can be checked without a state, and how one applies (specs/05 §3).

use crate::draft::{Draft, Held, State};
use crate::error::{TxFailure, TxInvalid};
use crate::limit::Spend;
use parity_scale_codec::Encode;
use sapwood_primitives::leaf::{Account, CommitmentLeaf, key};
use sapwood_primitives::{Action, Amount, BlockId, Body, Chain, Leaf, Transaction};

/// Checks what needs no state: actions, fee and signature (specs/05 §3.1). The length has been: sixteen of the longest actions stay below the bound that the reader sets.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_transaction(
    chain: &Chain,
    genesis: &BlockId,
    tx: &Transaction,
) -> Result<(), TxInvalid> {
    let length = tx.encoded_size();
    if tx.body.actions.is_empty() {
        return Err(TxInvalid::NoActions);
    }
    // specs/05 §1.3: places for commitments are few in a block, so each pays a whole base fee.
    let is_commit = |action: &Action| matches!(action, Action::NameCommit { .. });
    if tx.body.actions.iter().filter(is_commit).count() > 1 {
        return Err(TxInvalid::ManyCommits);
    }
    let least = chain.consensus.min_fee(length);
    if tx.body.fee < least {
        return Err(TxInvalid::FeeTooLow { least });
    }
    tx.verify_signature(genesis)
        .map_err(|_| TxInvalid::BadSignature)
}

impl<S: State> Draft<'_, S> {
    /// Applies a transaction that [`check_transaction`] passed: all of it, or nothing.
    ///
    /// # Errors
    /// The first rule that it breaks at this height; the draft is as it was.
    pub fn apply_transaction(&mut self, tx: &Transaction) -> Result<(), TxFailure> {
        self.all_or_none(|draft| draft.run(tx))
    }

    /// As [`apply_transaction`](Self::apply_transaction), but a failure leaves the draft of no use.
    pub(crate) fn run(&mut self, tx: &Transaction) -> Result<(), TxFailure> {
        self.begin(tx)?;
        tx.body
            .actions
            .iter()
            .try_for_each(|action| self.act(&tx.body, &action))
    }

    /// specs/05 §3.2 to §3.5: who sends it, when, and the fee.
    fn begin(&mut self, tx: &Transaction) -> Result<(), TxFailure> {
        let body = &tx.body;
        if self.height > body.valid_until {
            return Err(TxInvalid::Expired {
                valid_until: body.valid_until,
            }
            .into());
        }
        let latest = self.height.plus(self.rules.validity);
        if body.valid_until > latest {
            return Err(TxInvalid::ValidTooLong { latest }.into());
        }
        let mut account = self.account(&body.sender)?.ok_or(TxInvalid::NoAccount)?;
        check_sender(&account, tx)?;
        if account.is_frozen(self.height) {
            self.check_frozen(&account, body)?;
        }
        account.nonce = account.nonce.checked_add(1).ok_or(TxInvalid::Overflow)?;
        let kind = if body.actions.iter().all(|a| is_protective(&a)) {
            Spend::ExemptFee
        } else {
            Spend::Counted
        };
        self.spend(&mut account, body.fee, kind)?;
        self.tally.fees = self
            .tally
            .fees
            .checked_add(body.fee)
            .ok_or(TxInvalid::Overflow)?;
        Ok(self.put_account(account)?)
    }

    /// specs/05 §3.4: a thief with the key can neither act nor give the balance away as a fee.
    fn check_frozen(&self, account: &Account, body: &Body) -> Result<(), TxInvalid> {
        if !body
            .actions
            .iter()
            .all(|a| matches!(a, Action::PendingCancel))
        {
            let until = account
                .guardian
                .as_ref()
                .map_or(self.height, |g| g.frozen_until);
            return Err(TxInvalid::Frozen { until });
        }
        let most = self.rules.exempt_fees();
        if body.fee > most {
            return Err(TxInvalid::FrozenFee { most });
        }
        Ok(())
    }

    /// The sender, who exists: its transaction has begun.
    pub(crate) fn sender(&mut self, body: &Body) -> Result<Held, TxFailure> {
        Ok(self.account(&body.sender)?.ok_or(TxInvalid::NoAccount)?)
    }

    fn act(&mut self, body: &Body, action: &Action) -> Result<(), TxFailure> {
        match action {
            Action::Transfer { to, amount } => {
                if *amount == Amount::ZERO {
                    return Err(TxInvalid::ZeroAmount.into());
                }
                let mut sender = self.sender(body)?;
                self.spend(&mut sender, *amount, Spend::Counted)?;
                self.put_account(sender)?;
                self.credit(to, *amount)
            }
            Action::NameCommit { commitment } => self.commit(*commitment),
            Action::NameReveal {
                name,
                salt,
                years,
                max_price,
            } => self.reveal(body, name, salt, *years, *max_price),
            Action::NameRenew {
                name,
                years,
                max_price,
            } => self.renew(body, name, *years, *max_price),
            Action::RecordsSet { records } => {
                let mut sender = self.sender(body)?;
                sender.records = records.clone();
                Ok(self.put_account(sender)?)
            }
            Action::StandingOrderSet { max_price } => {
                let mut sender = self.sender(body)?;
                sender.standing_order = *max_price;
                Ok(self.put_account(sender)?)
            }
            Action::NameTransferStart { to, quick } => self.transfer_start(body, *to, *quick),
            Action::NameTransferFinish { name } => self.transfer_finish(body, name),
            Action::NameReleaseStart => self.release_start(body),
            Action::LimitSet { rate, delay_days } => self.limit_set(body, *rate, *delay_days),
            Action::LimitRemove => self.limit_remove(body),
            Action::GuardianSet { guardian } => self.guardian_set(body, *guardian),
            Action::AuthorityRotate { authority } => self.authority_rotate(body, *authority),
            Action::AccountClose { to } => self.close(body, *to),
            Action::PendingCancel => self.pending_cancel(body),
            Action::GuardianVeto { account } => self.guardian_veto(body, account),
            Action::GuardianFreeze { account } => self.guardian_freeze(body, account),
            Action::GuardianRecover { account, authority } => {
                self.guardian_recover(body, account, *authority)
            }
            Action::GuardianCancel { account } => self.guardian_cancel(body, account),
        }
    }

    fn commit(&mut self, commitment: sapwood_primitives::Commitment) -> Result<(), TxFailure> {
        if self.tally.commits == sapwood_primitives::chain::MAX_COMMITS {
            return Err(TxInvalid::BlockFull.into());
        }
        self.tally.commits += 1;
        // specs/06 §3.2: committing again must not make the commitment younger, or anyone could hold a name up.
        if self.leaf(&key::commitment(&commitment))?.is_none() {
            self.put(Leaf::Commitment(CommitmentLeaf {
                hash: commitment,
                height: self.height,
            }))?;
        }
        Ok(())
    }
}

fn check_sender(account: &Account, tx: &Transaction) -> Result<(), TxInvalid> {
    if tx.authority().hash() != account.authority_hash() {
        return Err(TxInvalid::WrongAuthority);
    }
    let expected = account.nonce;
    match tx.body.nonce.cmp(&expected) {
        std::cmp::Ordering::Less => Err(TxInvalid::NonceUsed { expected }),
        std::cmp::Ordering::Greater => Err(TxInvalid::NonceGap { expected }),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// Whether the fee of this action may come from the bucket of exempt fees: it must be payable when a thief has emptied the other one (specs/08 §1.4).
pub fn is_protective(action: &Action) -> bool {
    matches!(
        action,
        Action::LimitSet { .. }
            | Action::LimitRemove
            | Action::PendingCancel
            | Action::GuardianVeto { .. }
            | Action::GuardianFreeze { .. }
            | Action::GuardianCancel { .. }
    )
}
