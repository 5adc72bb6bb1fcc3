//! Withdrawal limits, guardians and changes that wait (specs/08 §2 to §4).

use crate::draft::{Draft, Held, State};
use crate::error::{TxFailure, TxInvalid, Unreadable};
use crate::limit;
use sapwood_primitives::chain::{Consensus, MAX_DELAY_DAYS};
use sapwood_primitives::leaf::{Account, Change, Guardian, GuardianChange, OwnerChange};
use sapwood_primitives::{AccountId, Amount, AuthorityHash, Body, Height};

impl<S: State> Draft<'_, S> {
    /// Blocks that a change of this account waits (specs/08 §3.2).
    pub(crate) fn delay_of(&self, account: &Account) -> u64 {
        let days = account.limit.as_ref().map_or(1, |limit| limit.delay_days);
        self.rules.delay * u64::from(days)
    }

    /// Fills the owner's slot (specs/08 §3).
    pub(crate) fn start_change(
        &mut self,
        mut account: Held,
        change: Change,
        wait: u64,
    ) -> Result<(), TxFailure> {
        if account.owner_change.is_some() {
            return Err(TxInvalid::SlotTaken.into());
        }
        let effective = self.height.plus(wait);
        account.owner_change = Some(Box::new(OwnerChange { change, effective }));
        Ok(self.put_account(account)?)
    }

    fn start_after_delay(&mut self, body: &Body, change: Change) -> Result<(), TxFailure> {
        let sender = self.sender(body)?;
        let wait = self.delay_of(&sender);
        self.start_change(sender, change, wait)
    }

    /// specs/08 §2.1, §2.2.
    pub(crate) fn limit_set(
        &mut self,
        body: &Body,
        rate: Amount,
        delay_days: u8,
    ) -> Result<(), TxFailure> {
        if delay_days == 0 || delay_days > MAX_DELAY_DAYS {
            return Err(TxInvalid::LimitRange.into());
        }
        let mut sender = self.sender(body)?;
        match &mut sender.limit {
            None => {
                self.check_deposit(&sender)?;
                sender.limit = Some(limit::new(self.rules, rate, delay_days, self.height));
            }
            Some(old) if rate <= old.rate && delay_days >= old.delay_days => {
                limit::change(self.rules, old, rate, delay_days, self.height);
                // specs/08 §2.1: who locks the account down does not want an earlier change to open it again.
                let loosens = |pending: &mut Box<OwnerChange>| {
                    matches!(pending.change, Change::Limit { .. } | Change::LimitRemove)
                };
                sender.owner_change.take_if(loosens);
            }
            Some(_) => {
                let wait = self.delay_of(&sender);
                return self.start_change(sender, Change::Limit { rate, delay_days }, wait);
            }
        }
        Ok(self.put_account(sender)?)
    }

    /// specs/08 §2.2, §2.3.
    pub(crate) fn limit_remove(&mut self, body: &Body) -> Result<(), TxFailure> {
        if self.sender(body)?.limit.is_none() {
            return Err(TxInvalid::NoLimit.into());
        }
        self.start_after_delay(body, Change::LimitRemove)
    }

    /// specs/08 §4.1.
    pub(crate) fn guardian_set(
        &mut self,
        body: &Body,
        guardian: Option<AccountId>,
    ) -> Result<(), TxFailure> {
        if guardian == Some(body.sender) {
            return Err(TxInvalid::ToSelf.into());
        }
        self.start_after_delay(body, Change::Guardian { guardian })
    }

    /// specs/08 §3.3.
    pub(crate) fn authority_rotate(
        &mut self,
        body: &Body,
        authority: AuthorityHash,
    ) -> Result<(), TxFailure> {
        let sender = self.sender(body)?;
        self.check_deposit(&sender)?;
        self.start_after_delay(body, Change::Authority { authority })
    }

    /// specs/05 §5.4.
    pub(crate) fn close(&mut self, body: &Body, to: AccountId) -> Result<(), TxFailure> {
        if to == body.sender {
            return Err(TxInvalid::ToSelf.into());
        }
        self.start_after_delay(body, Change::Close { to })
    }

    /// specs/08 §3.3.
    pub(crate) fn pending_cancel(&mut self, body: &Body) -> Result<(), TxFailure> {
        let mut sender = self.sender(body)?;
        sender.owner_change.take().ok_or(TxInvalid::SlotEmpty)?;
        Ok(self.put_account(sender)?)
    }

    /// The account that the sender guards (specs/08 §4.3).
    fn guarded(&mut self, body: &Body, account: &AccountId) -> Result<(Held, Guardian), TxFailure> {
        let guarded = self.account(account)?.ok_or(TxInvalid::NotGuardian)?;
        match guarded.guardian.clone() {
            Some(guardian) if guardian.account == body.sender => Ok((guarded, *guardian)),
            _ => Err(TxInvalid::NotGuardian.into()),
        }
    }

    /// specs/08 §4.2.
    pub(crate) fn guardian_veto(
        &mut self,
        body: &Body,
        account: &AccountId,
    ) -> Result<(), TxFailure> {
        let (mut guarded, _) = self.guarded(body, account)?;
        guarded.owner_change.take().ok_or(TxInvalid::SlotEmpty)?;
        Ok(self.put_account(guarded)?)
    }

    /// specs/08 §4.2.
    pub(crate) fn guardian_freeze(
        &mut self,
        body: &Body,
        account: &AccountId,
    ) -> Result<(), TxFailure> {
        let (mut guarded, guardian) = self.guarded(body, account)?;
        guarded.guardian = Some(Box::new(Guardian {
            frozen_until: self.height.plus(self.rules.delay),
            ..guardian
        }));
        Ok(self.put_account(guarded)?)
    }

    /// specs/08 §4.2.
    pub(crate) fn guardian_recover(
        &mut self,
        body: &Body,
        account: &AccountId,
        authority: AuthorityHash,
    ) -> Result<(), TxFailure> {
        let (mut guarded, _) = self.guarded(body, account)?;
        if guarded.guardian_change.is_some() {
            return Err(TxInvalid::SlotTaken.into());
        }
        self.check_deposit(&guarded)?;
        // specs/08 §4.2: not the account's own delay, which a thief can lengthen at once.
        let effective = self.height.plus(self.rules.delay);
        guarded.guardian_change = Some(Box::new(GuardianChange {
            authority,
            effective,
        }));
        Ok(self.put_account(guarded)?)
    }

    /// specs/08 §4.2.
    pub(crate) fn guardian_cancel(
        &mut self,
        body: &Body,
        account: &AccountId,
    ) -> Result<(), TxFailure> {
        let (mut guarded, _) = self.guarded(body, account)?;
        guarded.guardian_change.take().ok_or(TxInvalid::SlotEmpty)?;
        Ok(self.put_account(guarded)?)
    }

    /// What is due on an account at this height (specs/08 §3.4). The guardian's change comes first: it is the way out after a theft.
    pub(crate) fn account_due(&mut self, mut account: Held) -> Result<(), Unreadable> {
        if let Some(recovery) = account
            .guardian_change
            .clone()
            .filter(|c| c.effective <= self.height)
        {
            set_authority(&mut account, recovery.authority);
            account.guardian_change = None;
            account.owner_change = None;
            if let Some(guardian) = &mut account.guardian {
                guardian.frozen_until = Height::GENESIS;
            }
            return self.put_account(account);
        }
        let Some(pending) = account
            .owner_change
            .clone()
            .filter(|c| c.effective <= self.height)
        else {
            return Ok(());
        };
        if let Change::Transfer { .. } = pending.change {
            let lapsed = self.height >= pending.effective.plus(self.rules.delay);
            let dropped = self.height == pending.effective && account.is_frozen(self.height);
            if lapsed || dropped {
                account.owner_change = None;
                self.put_account(account)?;
            }
            return Ok(());
        }
        account.owner_change = None;
        if account.is_frozen(self.height) {
            return self.put_account(account);
        }
        self.make_change(account, pending.change)
    }

    fn make_change(&mut self, mut account: Held, change: Change) -> Result<(), Unreadable> {
        match change {
            Change::Limit { rate, delay_days } => {
                if let Some(limit) = &mut account.limit {
                    limit::change(self.rules, limit, rate, delay_days, self.height);
                }
            }
            Change::LimitRemove => account.limit = None,
            Change::Authority { authority } => set_authority(&mut account, authority),
            Change::Guardian { guardian } => {
                account.guardian_change = None;
                account.guardian = guardian.map(|account| {
                    Box::new(Guardian {
                        account,
                        frozen_until: Height::GENESIS,
                    })
                });
            }
            Change::Release => {
                let name = account.name.clone();
                self.put_account(account)?;
                return match name {
                    Some(name) => match self.name(&name)? {
                        Some(leaf) => self.release(leaf),
                        None => Ok(()),
                    },
                    None => Ok(()),
                };
            }
            Change::Close { to } => {
                if account.name.is_none() && account.holds == 0 {
                    let balance = std::mem::take(&mut account.balance);
                    account.limit = None;
                    account.guardian = None;
                    account.guardian_change = None;
                    account.standing_order = None;
                    account.authority = None;
                    self.put_account(account)?;
                    return self.credit_or_reserve(&to, balance);
                }
            }
            Change::Transfer { .. } => unreachable!("a transfer is finished by its recipient"),
        }
        self.put_account(account)
    }
}

/// specs/08 §3.5.
fn set_authority(account: &mut Account, authority: AuthorityHash) {
    account.authority = (authority.0 != account.id.0).then_some(authority);
}

/// Heights at which something is due on an account (specs/05 §6).
pub(crate) fn due_heights(account: &Account, rules: &Consensus) -> Vec<Height> {
    let mut heights = Vec::new();
    if let Some(pending) = &account.owner_change {
        heights.push(pending.effective);
        if matches!(pending.change, Change::Transfer { .. }) {
            heights.push(pending.effective.plus(rules.delay));
        }
    }
    if let Some(pending) = &account.guardian_change {
        heights.push(pending.effective);
    }
    heights
}
