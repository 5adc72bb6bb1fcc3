//! The one error of storage in use.

use sapwood_runtime::Unreadable;

/// The disk, or the file on it, did not do what was asked. Nothing more is written by this process; reading may go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("storage failed while {attempt}: {reason}; check the disk and start again")]
pub struct StorageFailed {
    /// What was attempted.
    pub attempt: String,
    /// What the layer below said.
    pub reason: String,
}

impl StorageFailed {
    /// A failure of `attempt`, for the reason that the layer below gives.
    pub fn new(attempt: impl Into<String>, reason: impl ToString) -> Self {
        Self {
            attempt: attempt.into(),
            reason: reason.to_string(),
        }
    }
}

impl From<Unreadable> for StorageFailed {
    fn from(unreadable: Unreadable) -> Self {
        Self::new("reading the state", unreadable.0)
    }
}
