//! Why the chain does not do what it was asked. Every error has a stable code (specs/09 §2) and says what to do.

use crate::mempool::Refused;
use sapwood_primitives::BlockId;
use sapwood_runtime::Invalid;
use sapwood_store::StorageFailed;

/// The chain could not be started from what is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenChain {
    /// The store did not answer.
    #[error(transparent)]
    Storage(#[from] StorageFailed),
    /// What is stored is not what was written.
    #[error(
        "the stored chain is damaged: {0}; move the store away to begin anew, or restore a copy"
    )]
    Damaged(String),
}

/// The chain's thread did not take a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// As many commands wait as may.
    #[error("the node is busy; try again in a moment")]
    Busy,
    /// The thread has ended, or ends now.
    #[error("the node is shutting down")]
    Stopped,
}

impl Unavailable {
    /// A stable code.
    pub fn code(self) -> &'static str {
        "busy"
    }
}

/// Why a block was not taken. Nothing has changed, except that an invalid block is remembered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockRefused {
    /// It breaks a rule.
    #[error(transparent)]
    Invalid(Invalid),
    /// It builds on an invalid block, or was found invalid before.
    #[error("block {0} was found invalid before, or builds on one that was; build on the head")]
    KnownInvalid(BlockId),
    /// Another block of the branch that it completes is invalid.
    #[error("block {id}, on which it builds, is invalid: {reason}; build on the head")]
    Branch {
        /// The invalid block.
        id: BlockId,
        /// The rule that it breaks.
        reason: Invalid,
    },
    /// Its parent is not stored, or too far back.
    #[error("its parent {0} is unknown; submit that first")]
    UnknownParent(BlockId),
    /// Its time is too far ahead of the own clock (specs/02 §3.5).
    #[error(
        "its time {time} is ahead of this node's clock by more than {max_ahead} s; submit it again later, or check the clock"
    )]
    TooFarAhead {
        /// The header's time, seconds since 1970.
        time: u64,
        /// Seconds allowed.
        max_ahead: u64,
    },
    /// It is on a side branch, and as many side blocks as may be are stored that have more work.
    #[error("too many side blocks with more work are stored; build on the head")]
    TooManySideBlocks,
    /// The store failed, now or before.
    #[error(transparent)]
    StorageFailed(#[from] StorageFailed),
    /// The chain's thread did not take it.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl BlockRefused {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(invalid)
            | Self::Branch {
                reason: invalid, ..
            } => invalid.code(),
            Self::KnownInvalid(_) => "known_invalid",
            Self::UnknownParent(_) => "unknown_parent",
            Self::TooFarAhead { .. } => "time_ahead",
            Self::TooManySideBlocks => "too_many_side_blocks",
            Self::StorageFailed(_) => "storage_failed",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }
}

/// Why a transaction was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionRefused {
    /// The mempool says no.
    #[error(transparent)]
    Pool(#[from] Refused),
    /// The store failed, now or before.
    #[error(transparent)]
    StorageFailed(#[from] StorageFailed),
    /// The chain's thread did not take it.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl TransactionRefused {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pool(refused) => refused.code(),
            Self::StorageFailed(_) => "storage_failed",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }
}

/// Why there is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateRefused {
    /// The store failed, now or before.
    #[error(transparent)]
    StorageFailed(#[from] StorageFailed),
    /// The chain's thread did not take the command.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl TemplateRefused {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::StorageFailed(_) => "storage_failed",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }
}
