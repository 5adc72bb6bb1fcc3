//! Money going in and out of accounts (specs/05 §4, §5).

use crate::draft::{Draft, Held, State};
use crate::error::{TxFailure, TxInvalid, Unreadable};
use crate::limit::{self, Spend};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::leaf::{Account, Change};
use sapwood_primitives::{AccountId, Amount, Height};

impl<S: State> Draft<'_, S> {
    /// Takes coins out of an account, under its balance and its limit. The caller says where they go, and writes the account.
    pub(crate) fn spend(
        &self,
        account: &mut Account,
        amount: Amount,
        kind: Spend,
    ) -> Result<(), TxInvalid> {
        let left = account
            .balance
            .checked_sub(amount)
            .ok_or(TxInvalid::Insufficient {
                has: account.balance,
                needs: amount,
            })?;
        let deposit = self.rules.deposit();
        if keeps_deposit(account) && left < deposit && amount > Amount::ZERO {
            return Err(TxInvalid::BelowDeposit { deposit });
        }
        if let Some(limit) = &mut account.limit {
            limit::spend(self.rules, limit, amount, kind, self.height).map_err(|over| {
                TxInvalid::OverLimit {
                    available: over.available,
                    needs: amount,
                }
            })?;
        }
        account.balance = left;
        Ok(())
    }

    /// specs/05 §4.4: what keeps an account in the tree is not had without the deposit.
    pub(crate) fn check_deposit(&self, account: &Account) -> Result<(), TxInvalid> {
        let deposit = self.rules.deposit();
        if account.balance < deposit {
            return Err(TxInvalid::BelowDeposit { deposit });
        }
        Ok(())
    }

    /// Puts coins into the reserve at the end of the block.
    pub(crate) fn pay_reserve(&mut self, amount: Amount) -> Result<(), TxInvalid> {
        self.tally.to_reserve = self
            .tally
            .to_reserve
            .checked_add(amount)
            .ok_or(TxInvalid::Overflow)?;
        Ok(())
    }

    /// Gives coins to an account, creating it if it is absent (specs/05 §4.2).
    pub(crate) fn credit(&mut self, to: &AccountId, amount: Amount) -> Result<(), TxFailure> {
        let account = match self.account(to)? {
            Some(mut account) => {
                account.balance = account
                    .balance
                    .checked_add(amount)
                    .ok_or(TxInvalid::Overflow)?;
                account
            }
            None => {
                let (burn, deposit) = (self.rules.burn(), self.rules.deposit());
                let least = burn.checked_add(deposit).ok_or(TxInvalid::Overflow)?;
                let left = amount.checked_sub(burn).filter(|left| *left >= deposit);
                let left = left.ok_or(TxInvalid::CreationTooSmall { least })?;
                self.pay_reserve(burn)?;
                Held::new(Account::new(*to, left, self.height))
            }
        };
        Ok(self.put_account(account)?)
    }

    /// Gives coins that nobody sent now: what cannot be credited goes to the reserve (specs/05 §4.2).
    pub(crate) fn credit_or_reserve(
        &mut self,
        to: &AccountId,
        amount: Amount,
    ) -> Result<(), Unreadable> {
        match self.credit(to, amount) {
            Ok(()) => Ok(()),
            Err(TxFailure::State(unreadable)) => Err(unreadable),
            Err(TxFailure::Invalid(_)) => {
                self.pay_reserve(amount)
                    .expect("all coins together are the supply");
                Ok(())
            }
        }
    }

    /// Removes the accounts that the block left empty (specs/05 §5.1).
    pub(crate) fn remove_empty_accounts(&mut self) {
        let deposit = self.rules.deposit();
        let left = self.remove_accounts(|account| {
            account.balance < deposit
                && account.name.is_none()
                && account.holds == 0
                && account.limit.is_none()
                && account.authority.is_none()
                && account.owner_change.is_none()
                && account.guardian_change.is_none()
        });
        self.pay_reserve(left)
            .expect("all coins together are the supply");
    }
}

/// Drops that a block of `height` would let an account spend, fees included: nothing while it is frozen, else what the deposit (specs/05 §4.4) and the limit leave.
pub fn spendable(rules: &Consensus, account: &Account, height: Height) -> Amount {
    if account.is_frozen(height) {
        return Amount::ZERO;
    }
    let floor = if keeps_deposit(account) {
        rules.deposit()
    } else {
        Amount::ZERO
    };
    let above = account.balance.checked_sub(floor).unwrap_or_default();
    match &account.limit {
        Some(limit) => above.min(limit::available(rules, limit, height)),
        None => above,
    }
}

/// specs/05 §4.4: accounts that must not leave. With another key than the first, because an account that is made again would obey the first key; with a limit, because a thief
/// could otherwise make the account leave and the limit with it.
fn keeps_deposit(account: &Account) -> bool {
    account.limit.is_some()
        || account.authority.is_some()
        || account.guardian_change.is_some()
        || account
            .owner_change
            .as_ref()
            .is_some_and(|pending| matches!(pending.change, Change::Authority { .. }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use sapwood_primitives::leaf::Guardian;
    use sapwood_primitives::{AuthorityHash, Chain};

    #[test]
    fn the_deposit_of_a_bound_account_and_all_of_a_frozen_one_stay() {
        let rules = Chain::named("dev").unwrap().consensus;
        let height = Height::new(200);
        let balance = Amount::from_drops(1_000_000_000).unwrap();
        let mut account = Account::new(AccountId([1; 32]), balance, Height::new(1));
        assert_eq!(spendable(&rules, &account, height), balance);
        account.authority = Some(AuthorityHash([3; 32]));
        assert_eq!(spendable(&rules, &account, height).drops(), 999_000_000);
        let rate = Amount::from_drops(7_000).unwrap();
        account.limit = Some(limit::new(&rules, rate, 1, height));
        assert_eq!(spendable(&rules, &account, height), rate);
        account.guardian = Some(Box::new(Guardian {
            account: AccountId([2; 32]),
            frozen_until: height.plus(1),
        }));
        assert_eq!(spendable(&rules, &account, height), Amount::ZERO);
        assert_eq!(spendable(&rules, &account, height.plus(1)), rate);
    }
}
