//! Why a transaction does not become pending.

use sapwood_primitives::Amount;
use sapwood_runtime::{TxFailure, TxInvalid, Unreadable};

/// Why a transaction was not taken. The pool is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It breaks a rule of the chain, alone or after the sender's earlier ones.
    #[error(transparent)]
    Rule(#[from] TxInvalid),
    /// Another one with the same nonce is pending, and this one does not pay enough more.
    #[error(
        "another transaction with this nonce is pending; replacing it takes a fee of at least {least}"
    )]
    Replacement {
        /// The least fee that would do.
        least: Amount,
    },
    /// The sender has as many pending as an account may.
    #[error("the account has {limit} transactions pending, as many as it may")]
    AccountFull {
        /// The bound.
        limit: usize,
    },
    /// The pool is full of what pays at least as much.
    #[error("the mempool is full; at this length a fee above {above} drops would be taken")]
    Full {
        /// A fee that is not enough now, in drops.
        above: u64,
    },
    /// Nobody knows: the state could not be read.
    #[error(transparent)]
    State(#[from] Unreadable),
}

impl Refused {
    /// A stable code (specs/09 §2).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.code(),
            Self::Replacement { .. } => "replacement_fee_too_low",
            Self::AccountFull { .. } | Self::Full { .. } => "mempool_full",
            Self::State(_) => "storage_failed",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.hint(),
            Self::Replacement { .. } => "raise the fee, or wait for the pending transaction",
            Self::AccountFull { .. } => "wait until some of them are mined",
            Self::Full { .. } => "raise the fee, or try again later",
            Self::State(_) => "check the node's disk and start it again",
        }
    }
}

impl From<TxFailure> for Refused {
    fn from(failure: TxFailure) -> Self {
        match failure {
            TxFailure::Invalid(rule) => Self::Rule(rule),
            TxFailure::State(unreadable) => Self::State(unreadable),
        }
    }
}
