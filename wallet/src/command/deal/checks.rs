//! What would fail on the chain, or cost more than its owner expects, is refused before it is signed.

use sapwood_primitives::leaf::Account;
use sapwood_primitives::{Action, Amount, Body, Height};
use sapwood_runtime::limit::{OverLimit, Spend, spend as spend_limit};

use super::Deal;
use crate::command::error::CliError;
use crate::command::text::{self, amount};
use sapwood_runtime::is_protective;

/// A fee above the amount divided by this needs `--yes-high-fee`; one that no amount goes with may be this many times the least.
const HIGH_FEE_PART: u64 = 10;

impl Deal<'_> {
    pub(super) fn check_fee(
        &self,
        fee: Amount,
        least: Amount,
        spend: Amount,
    ) -> Result<(), CliError> {
        if fee < least {
            return Err(CliError::refused(
                "fee_too_low",
                format!("a fee of {fee} is below the least for this transaction, {least}"),
                "leave --fee out to pay the least",
            ));
        }
        let high = if spend == Amount::ZERO {
            // Nothing to compare with but the fee that would do.
            fee.drops() > least.drops().saturating_mul(HIGH_FEE_PART)
        } else {
            fee.drops() > spend.drops() / HIGH_FEE_PART
        };
        if high && !self.flags.yes_high_fee {
            let compared = if spend == Amount::ZERO {
                format!("more than ten times the least, {least}")
            } else {
                format!("more than a tenth of {spend}")
            };
            return Err(CliError::refused(
                "high_fee",
                format!("the fee of {fee} is {compared}"),
                "if that is meant, add --yes-high-fee",
            ));
        }
        Ok(())
    }

    /// While its guardian holds it, an account can only cancel (specs/05 §3.4).
    pub(super) fn check_frozen(&self, next: Height, body: &Body) -> Result<(), CliError> {
        let only_cancels = body
            .actions
            .iter()
            .all(|action| action == Action::PendingCancel);
        match &self.actor.account.guardian {
            Some(guardian) if next < guardian.frozen_until && !only_cancels => {
                Err(CliError::refused(
                    "frozen",
                    format!(
                        "the guardian has frozen this account until block {}",
                        guardian.frozen_until
                    ),
                    format!(
                        "wait {}",
                        text::blocks(
                            guardian.frozen_until.since(next),
                            self.ctx.chain.consensus.block_time
                        )
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_limit(
        &self,
        body: &Body,
        spend: Amount,
        exempt: Amount,
        under_way: u128,
    ) -> Result<(), CliError> {
        let account = &self.actor.account;
        let rules = &self.ctx.chain.consensus;
        let Some(limit) = &account.limit else {
            return Ok(());
        };
        let height = self.link.next_height();
        let fee_kind = if body.actions.iter().all(|a| is_protective(&a)) {
            Spend::ExemptFee
        } else {
            Spend::Counted
        };
        let counted = spend.checked_sub(exempt).unwrap_or(Amount::ZERO);
        let mut rest = limit.clone();
        let mut take = |amount: Amount, kind| spend_limit(rules, &mut rest, amount, kind, height);
        take(amount(under_way), Spend::Counted)
            .and_then(|()| take(body.fee, fee_kind))
            .and_then(|()| take(counted, Spend::Counted))
            .map_err(|OverLimit { available }| {
                CliError::refused(
                    "limit",
                    format!("the account's limit lets {available} leave now, beside what was taken already, and this needs {counted} and a fee of {}", body.fee),
                    format!("{} flow in every {}", limit.rate, text::blocks(rules.limit_day, rules.block_time)),
                )
            })?;
        let total = u128::from(spend.drops()) + u128::from(body.fee.drops());
        let kept = u128::from(account.balance.drops()).saturating_sub(total + under_way);
        if kept < u128::from(rules.existential_deposit) {
            return Err(CliError::refused(
                "insufficient",
                format!(
                    "{} is there, {} is needed, and an account with a limit keeps {}",
                    account.balance,
                    amount(total),
                    rules.deposit()
                ),
                "",
            ));
        }
        Ok(())
    }

    /// Whether the chain would remove the account at the end of that block (specs/05 §5.1).
    pub(super) fn would_vanish(&self, left: u128, body: &Body) -> bool {
        let account = &self.actor.account;
        let gets_a_name = body.actions.iter().any(|action| {
            matches!(
                action,
                Action::NameReveal { .. } | Action::NameTransferFinish { .. }
            )
        });
        left < u128::from(self.ctx.chain.consensus.existential_deposit)
            && account.name.is_none()
            && account.limit.is_none()
            && account.owner_change.is_none()
            && account.guardian_change.is_none()
            && !gets_a_name
    }
}

pub(super) fn check_balance(
    account: &Account,
    total: Amount,
    under_way: u128,
) -> Result<(), CliError> {
    let available = u128::from(account.balance.drops()).saturating_sub(under_way);
    if u128::from(total.drops()) <= available {
        return Ok(());
    }
    let waiting = if under_way == 0 {
        String::new()
    } else {
        format!(" ({} more wait to leave)", amount(under_way))
    };
    Err(CliError::refused(
        "insufficient",
        format!(
            "{} is available{waiting}, and this needs {total}",
            amount(available)
        ),
        "",
    ))
}
