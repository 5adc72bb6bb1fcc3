//! Transactions and their actions (specs/05 §1).

use crate::actions::Actions;
use crate::amount::Amount;
use crate::authority::{Authority, Authorization, BadSignature};
use crate::codec::{Item, Wire};
use crate::hash::{AccountId, AuthorityHash, BlockId, Commitment, Hash, TxId, tag};
use crate::height::Height;
use crate::name::Name;
use crate::records::Records;
use parity_scale_codec::{Decode, Encode, Error, Input};
use secp256k1::Keypair;

pub use crate::actions::MAX_ACTIONS;

/// What a transaction does, all of it or none.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Action {
    /// Moves coins to an account, creating it if it is absent (specs/05 §4).
    #[codec(index = 0)]
    Transfer {
        /// Receiver.
        to: AccountId,
        /// More than nothing.
        amount: Amount,
    },
    /// Puts down the hash of a name that is to be registered (specs/06 §3).
    #[codec(index = 1)]
    NameCommit {
        /// Hash of name, account and salt.
        commitment: Commitment,
    },
    /// Registers a committed name for the sender (specs/06 §4).
    #[codec(index = 2)]
    NameReveal {
        /// The name.
        name: Name,
        /// Salt of the commitment.
        salt: [u8; 32],
        /// 1 to 10.
        years: u8,
        /// The most that rent and premium together may cost.
        max_price: Amount,
    },
    /// Pays rent ahead for anybody's name (specs/06 §5).
    #[codec(index = 3)]
    NameRenew {
        /// The name.
        name: Name,
        /// At least 1.
        years: u8,
        /// The most that all years together may cost.
        max_price: Amount,
    },
    /// Replaces the sender's records (specs/07 §1).
    #[codec(index = 4)]
    RecordsSet {
        /// All records; empty to have none.
        records: Records,
    },
    /// Lets expiry renew the name by itself, up to a price for a year (specs/06 §6).
    #[codec(index = 5)]
    StandingOrderSet {
        /// The most that a year may cost; none ends the order.
        max_price: Option<Amount>,
    },
    /// Offers the sender's name to another account (specs/06 §8).
    #[codec(index = 6)]
    NameTransferStart {
        /// Who may finish.
        to: AccountId,
        /// With the short delay; only for accounts without a limit.
        quick: bool,
    },
    /// Takes an offered name (specs/06 §8).
    #[codec(index = 7)]
    NameTransferFinish {
        /// The name.
        name: Name,
    },
    /// Gives the sender's name up after the delay (specs/06 §9).
    #[codec(index = 8)]
    NameReleaseStart,
    /// Sets or changes the withdrawal limit (specs/08 §2).
    #[codec(index = 9)]
    LimitSet {
        /// Drops a day.
        rate: Amount,
        /// Days that pending changes of this account wait, 1 to 30.
        delay_days: u8,
    },
    /// Removes the limit after the delay (specs/08 §2).
    #[codec(index = 10)]
    LimitRemove,
    /// Names, changes or dismisses the guardian after the delay (specs/08 §4).
    #[codec(index = 11)]
    GuardianSet {
        /// Another account, or none.
        guardian: Option<AccountId>,
    },
    /// Changes who signs for the account after the delay (specs/08 §3).
    #[codec(index = 12)]
    AuthorityRotate {
        /// Hash of the new authority.
        authority: AuthorityHash,
    },
    /// Sends everything away and ends the account after the delay (specs/05 §5.4).
    #[codec(index = 13)]
    AccountClose {
        /// Who gets the balance.
        to: AccountId,
    },
    /// Empties the sender's slot of pending changes (specs/08 §3).
    #[codec(index = 14)]
    PendingCancel,
    /// As guardian: empties the owner's slot (specs/08 §4).
    #[codec(index = 15)]
    GuardianVeto {
        /// The guarded account.
        account: AccountId,
    },
    /// As guardian: freezes the account for one delay (specs/08 §4).
    #[codec(index = 16)]
    GuardianFreeze {
        /// The guarded account.
        account: AccountId,
    },
    /// As guardian: starts a change of authority that the owner cannot stop (specs/08 §4).
    #[codec(index = 17)]
    GuardianRecover {
        /// The guarded account.
        account: AccountId,
        /// Hash of the new authority.
        authority: AuthorityHash,
    },
    /// As guardian: takes such a change back (specs/08 §4).
    #[codec(index = 18)]
    GuardianCancel {
        /// The guarded account.
        account: AccountId,
    },
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct Body {
    /// Account that acts and pays.
    pub sender: AccountId,
    /// The account's nonce.
    pub nonce: u64,
    /// Last height that may include the transaction.
    pub valid_until: Height,
    /// Paid to the miner.
    pub fee: Amount,
    /// At least one.
    pub actions: Actions,
}

impl Body {
    /// The hash that the sender's authority signs, on the chain with this genesis (specs/01 §3.3).
    pub fn signature_hash(&self, genesis: &BlockId) -> Hash {
        Hash(tag::TX.hash(&[&genesis.0, &self.encode()]))
    }

    /// Signs with a single key; `aux` is fresh randomness for the nonce (BIP 340), or zeroes.
    pub fn sign(self, genesis: &BlockId, keypair: &Keypair, aux: &[u8; 32]) -> Transaction {
        let authorization = Authorization::sign(keypair, &self.signature_hash(genesis), aux);
        Transaction {
            body: self,
            authorization,
        }
    }
}

impl Decode for Body {
    /// A body without an action is none (specs/05 §1.1): the list's own type bounds it from above only.
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let body = Self {
            sender: Decode::decode(input)?,
            nonce: Decode::decode(input)?,
            valid_until: Decode::decode(input)?,
            fee: Decode::decode(input)?,
            actions: Decode::decode(input)?,
        };
        if body.actions.is_empty() {
            return Err("a transaction has at least one action".into());
        }
        Ok(body)
    }
}

/// A signed transaction.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Transaction {
    /// What is signed.
    pub body: Body,
    /// Who signed.
    pub authorization: Authorization,
}

impl Transaction {
    /// The hash of every byte (specs/02 §4.3).
    pub fn txid(&self) -> TxId {
        TxId(tag::TXID.hash(&[&self.encode()]))
    }

    /// The authority that is claimed.
    pub fn authority(&self) -> Authority {
        self.authorization.authority()
    }

    /// Checks the signature for the chain with this genesis.
    ///
    /// # Errors
    /// [`BadSignature`] if it is for other bytes, another chain or another key.
    pub fn verify_signature(&self, genesis: &BlockId) -> Result<(), BadSignature> {
        self.authorization
            .verify(&self.body.signature_hash(genesis))
    }
}

impl Item for Transaction {
    /// Sender, nonce, last height, fee, one action of one byte with its count, key and signature.
    const MIN_BYTES: usize = 32 + 8 + 8 + 8 + 2 + 97;
}

impl Wire for Transaction {
    const MAX_BYTES: usize = 16_384;
}

impl Wire for Body {
    const MAX_BYTES: usize = 16_384;
}
