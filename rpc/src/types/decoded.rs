//! A transaction as JSON.

use sapwood_primitives::{Amount, AuthorityHash, Commitment, Height, Name, TxId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RecordFields;

/// A transaction, without a look at the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decoded {
    /// Its id.
    pub txid: TxId,
    /// Its length.
    pub bytes: u64,
    /// Drops that a transaction of this length must pay at least.
    pub min_fee: Amount,
    /// Whether the signature fits key, transaction and chain. Whether the key is the account's is not looked at.
    pub signature_valid: bool,
    /// The sender's address.
    pub sender: String,
    /// Its place among the sender's transactions.
    pub nonce: u64,
    /// The last height that may include it.
    pub valid_until: Height,
    /// The fee.
    pub fee: Amount,
    /// Hash of the authority that signed.
    pub authority: AuthorityHash,
    /// What it does, in order.
    pub actions: Vec<ActionFields>,
}

/// One action of a transaction (specs/05 §4, specs/06, specs/08). Accounts are addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "variants and fields are those of `Action`, where they are described"
)]
pub enum ActionFields {
    Transfer {
        to: String,
        amount: Amount,
    },
    NameCommit {
        commitment: Commitment,
    },
    NameReveal {
        name: Name,
        /// Hex.
        salt: String,
        years: u8,
        max_price: Amount,
    },
    NameRenew {
        name: Name,
        years: u8,
        max_price: Amount,
    },
    RecordsSet {
        records: Vec<RecordFields>,
    },
    StandingOrderSet {
        max_price: Option<Amount>,
    },
    NameTransferStart {
        to: String,
        quick: bool,
    },
    NameTransferFinish {
        name: Name,
    },
    NameReleaseStart,
    LimitSet {
        rate: Amount,
        delay_days: u8,
    },
    LimitRemove,
    GuardianSet {
        guardian: Option<String>,
    },
    AuthorityRotate {
        authority: AuthorityHash,
    },
    AccountClose {
        to: String,
    },
    PendingCancel,
    GuardianVeto {
        account: String,
    },
    GuardianFreeze {
        account: String,
    },
    GuardianRecover {
        account: String,
        authority: AuthorityHash,
    },
    GuardianCancel {
        account: String,
    },
}
