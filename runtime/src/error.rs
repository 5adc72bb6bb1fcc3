//! Why a transaction or a block is refused. Every variant is one rule; its code is stable (specs/09 §2).

use sapwood_primitives::{Amount, BlockId, Hash, Height};

/// The store could not answer. It says nothing about the block or transaction: try again when the store works.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state could not be read: {0}")]
pub struct Unreadable(pub String);

/// Why a transaction did not apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TxFailure {
    /// It breaks a rule.
    #[error(transparent)]
    Invalid(#[from] TxInvalid),
    /// Nobody knows: the state could not be read.
    #[error(transparent)]
    State(#[from] Unreadable),
}

macro_rules! coded {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident $({ $($(#[$fdoc:meta])* $field:ident: $ty:ty),* $(,)? })? = $code:literal, $text:literal, $hint:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum $name {
            $($(#[$doc])* #[error($text)] $variant $({ $($(#[$fdoc])* $field: $ty),* })?,)*
        }

        impl $name {
            /// A stable code for programs.
            pub fn code(&self) -> &'static str {
                match self { $(Self::$variant $({ $($field: _),* })? => $code,)* }
            }

            /// What to do about it.
            pub fn hint(&self) -> &'static str {
                match self { $(Self::$variant $({ $($field: _),* })? => $hint,)* }
            }

            /// Every rule for a document: its code, what it says with its fields in braces, what to do about it.
            pub const RULES: &'static [(&'static str, &'static str, &'static str)] = &[$(($code, $text, $hint)),*];

            /// All codes, in the order of the rules.
            pub const CODES: &'static [&'static str] = &[$($code),*];
        }
    };
}

coded! {
    /// The rule that a transaction breaks (specs/05 §3 to §5, specs/06, specs/08).
    TxInvalid {
        /// Specs/05 §1.1.
        NoActions = "no_actions", "the transaction does nothing", "give it at least one action";
        /// Specs/05 §1.3.
        ManyCommits = "many_commits", "the transaction commits to more than one name", "send one transaction a commitment";
        /// Specs/05 §3.1.
        FeeTooLow {
            /// The least fee for its length.
            least: Amount
        } = "fee_too_low", "the fee is below the least fee of {least}", "raise the fee";
        /// Specs/01 §3.3.
        BadSignature = "bad_signature", "the signature does not fit its key, this transaction and this chain", "sign again for this chain";
        /// Specs/05 §3.2.
        Expired {
            /// Its last height.
            valid_until: Height
        } = "expired", "the transaction was valid until height {valid_until}", "sign again with a later valid_until";
        /// Specs/05 §3.2.
        ValidTooLong {
            /// The last height that may be named now.
            latest: Height
        } = "valid_too_long", "valid_until is more than the allowed blocks ahead; the latest now is {latest}", "name an earlier valid_until";
        /// Specs/05 §3.3.
        NoAccount = "no_account", "the sender's account does not exist", "send coins to it first";
        /// Specs/05 §3.3.
        WrongAuthority = "wrong_authority", "the key that signed is not the account's authority", "sign with the account's current key";
        /// Specs/05 §3.3.
        NonceUsed {
            /// The account's nonce.
            expected: u64
        } = "nonce_used", "the nonce was used already; the next is {expected}", "sign again with the next nonce";
        /// Specs/05 §3.3.
        NonceGap {
            /// The account's nonce.
            expected: u64
        } = "nonce_gap", "the nonce is ahead; the next is {expected}", "submit the transactions between first";
        /// Specs/05 §3.4.
        Frozen {
            /// First height at which it is not.
            until: Height
        } = "frozen", "the account is frozen by its guardian until height {until}", "cancel what is pending, or wait";
        /// Specs/05 §3.4.
        FrozenFee {
            /// The highest fee while the account is frozen.
            most: Amount
        } = "frozen_fee", "a frozen account may pay a fee of at most {most}", "lower the fee";
        /// Specs/05 §3.6.
        Insufficient {
            /// What the account has.
            has: Amount,
            /// What this spend needs.
            needs: Amount
        } = "insufficient", "the account has {has} and needs {needs}", "send less, or add coins";
        /// Specs/05 §3.6.
        BelowDeposit {
            /// The deposit.
            deposit: Amount
        } = "below_deposit", "an account with a limit or another key than its first must keep {deposit}", "send less, or add coins";
        /// Specs/08 §1.1.
        OverLimit {
            /// Drops in the bucket.
            available: Amount,
            /// What this spend needs.
            needs: Amount
        } = "over_limit", "the withdrawal limit leaves {available} now and {needs} are needed", "wait for the bucket to fill, or raise the limit (which waits too)";
        /// Specs/05 §4.1.
        ZeroAmount = "zero_amount", "a transfer of nothing", "send at least one drop";
        /// Specs/05 §4.2.
        CreationTooSmall {
            /// The least amount.
            least: Amount
        } = "creation_too_small", "the receiver does not exist yet; creating it takes at least {least}", "send more";
        /// Sums stay within the supply.
        Overflow = "overflow", "a sum is beyond the supply", "check the amounts";
        /// An action toward the sender itself where another account is needed.
        ToSelf = "to_self", "the other account must be another one", "name another account";
        /// Specs/06 §4.1.
        HasName = "has_name", "the account has a name already, and an account has one at most", "use another account";
        /// Specs/06 §8, §9.
        NoName = "no_name", "the account has no name", "use the account that owns the name";
        /// Specs/06 §4.1.
        NameTaken {
            /// When it is released at the earliest.
            release: Height
        } = "name_taken", "the name has an owner, until height {release} at least", "choose another name";
        /// Specs/06 §5.1.
        NotRegistered = "not_registered", "nobody owns this name", "register it instead";
        /// Specs/06 §4.1.
        NoCommitment = "no_commitment", "no commitment to this name, account and salt stands", "commit first; a commitment lapses if it is not revealed in time";
        /// Specs/06 §4.1.
        CommitmentTooYoung {
            /// First height that may reveal.
            from: Height
        } = "commitment_too_young", "the commitment can be revealed from height {from}", "wait";
        /// Specs/06 §4.1.
        CommitmentTooOld = "commitment_too_old", "the commitment is too old", "commit again";
        /// Specs/06 §4.1, §5.1.
        Years = "years", "years must be from 1 to 10", "name a number from 1 to 10";
        /// Specs/06 §5.1.
        TooFarAhead {
            /// The last height that can be paid for now.
            latest: Height
        } = "too_far_ahead", "rent can be paid until height {latest} now", "renew for fewer years";
        /// Specs/06 §4.2, §5.2.
        AboveMaxPrice {
            /// Drops.
            price: u128
        } = "above_max_price", "the price is {price} drops, above the maximum given", "raise the maximum price, or wait for the price to fall";
        /// Specs/08 §3.1.
        SlotTaken = "change_pending", "another change is pending on the account", "cancel it first, or wait for it";
        /// Specs/08 §3.3.
        SlotEmpty = "nothing_pending", "no change is pending", "nothing needs to be done";
        /// Specs/06 §8.1.
        QuickWithLimit = "quick_with_limit", "an account with a limit or a guardian cannot transfer quickly", "start without the quick form";
        /// Specs/06 §8.2.
        NotOffered = "not_offered", "the name is not offered to this account", "ask its owner to start the transfer";
        /// Specs/06 §8.2.
        OfferTooYoung {
            /// First height that may finish.
            from: Height
        } = "offer_too_young", "the transfer can be finished from height {from}", "wait";
        /// Specs/06 §8.2.
        OwnerFrozen = "owner_frozen", "the owner's account is frozen by its guardian", "ask the owner";
        /// Specs/08 §2.1.
        LimitRange = "limit_range", "delay_days must be from 1 to 30", "name a number from 1 to 30";
        /// Specs/08 §2.3.
        NoLimit = "no_limit", "the account has no limit", "nothing needs to be done";
        /// Specs/08 §4.3.
        NotGuardian = "not_guardian", "the sender is not the guardian of that account", "use the guardian's account";
        /// Specs/05 §6.
        BlockFull = "block_full", "the block holds as many registrations or commitments as it may", "wait for the next block";
    }
}

coded! {
    /// The rule that a block breaks.
    BlockRule {
        /// Specs/02 §3.1.
        Version = "version", "the header's version is not 1", "update the program";
        /// Specs/02 §3.1.
        Parent {
            /// The parent that was expected.
            expected: BlockId
        } = "parent", "the header does not follow {expected}", "submit its parent first";
        /// Specs/02 §3.1.
        WrongHeight {
            /// The height that was expected.
            expected: Height
        } = "height", "the height is not {expected}", "number blocks from their parent";
        /// Specs/02 §3.2.
        Target {
            /// The compact target that was expected.
            expected: u32
        } = "target", "the target is not {expected:08x}", "take the target of the template";
        /// Specs/02 §3.3.
        ProofOfWork = "proof_of_work", "the block id is above the target", "search on";
        /// Specs/02 §3.4.
        Time {
            /// The least time.
            least: u64
        } = "time", "the time is below {least}", "take the time of the template";
        /// Specs/02 §3.6.
        HistoryRoot {
            /// The root that was expected.
            expected: Hash
        } = "history_root", "the history root is not {expected}", "take the root of the template";
        /// Specs/02 §4.4.
        TxRoot {
            /// The root that was expected.
            expected: Hash
        } = "tx_root", "the transaction root is not {expected}", "take the root of the template";
        /// Specs/02 §4.2.
        CoinbaseHeight = "coinbase_height", "the coinbase names another height than the header", "take the coinbase of the template";
        /// Specs/02 §4.1.
        TooLong = "block_too_long", "the block is longer than 262,144 bytes", "leave transactions out";
        /// Specs/02 §3.7.
        StateRoot {
            /// The root that follows from the block.
            expected: Hash
        } = "state_root", "the state root is not {expected}", "take the root of the template";
    }
}

/// Why a block is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The block breaks a rule of its own.
    #[error(transparent)]
    Block(#[from] BlockRule),
    /// A transaction in it breaks a rule.
    #[error("transaction {index}: {rule}")]
    Transaction {
        /// Its place after the coinbase, from 0.
        index: usize,
        /// The rule.
        rule: TxInvalid,
    },
    /// Nobody knows: the state could not be read.
    #[error(transparent)]
    State(#[from] Unreadable),
}

impl Invalid {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Block(rule) => rule.code(),
            Self::Transaction { rule, .. } => rule.code(),
            Self::State(_) => "storage_failed",
        }
    }

    /// Whether the fault is the node's and not the block's.
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::State(_))
    }
}
