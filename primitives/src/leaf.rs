//! The leaves of the account tree: what the state is made of (specs/04 §1, specs/05 §2, specs/06 §2).

use crate::amount::Amount;
use crate::chain::Consensus;
use crate::codec::Wire;
use crate::hash::{AccountId, AuthorityHash, Commitment, Hash, tag};
use crate::height::Height;
use crate::name::Name;
use crate::records::Records;
use parity_scale_codec::{Decode, Encode};

/// One entry of the state. The tag is the kind; 5 and 6 are kept for pools and lanes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Leaf {
    /// The one leaf of the chain itself.
    #[codec(index = 0)]
    System(System),
    /// An account.
    #[codec(index = 1)]
    Account(Box<Account>),
    /// A registered name, or one in its premium.
    #[codec(index = 2)]
    Name(NameLeaf),
    /// A name about to be revealed.
    #[codec(index = 3)]
    Commitment(CommitmentLeaf),
    /// A block's income that has not matured.
    #[codec(index = 4)]
    Coinbase(CoinbaseLeaf),
}

/// What the chain itself holds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct System {
    /// Coins not yet paid out, and those that came back.
    pub reserve: Amount,
    /// Rent of a plain name for a year, in drops / 2³² (specs/06 §7).
    pub rent_base: u128,
    /// Names with an owner.
    pub live_names: u64,
}

/// An account: balance, endpoint, name, limit. What few accounts have is boxed, so that a bare one takes little more in memory than on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Account {
    /// Hash of the first authority.
    pub id: AccountId,
    /// Nonce of the next transaction (specs/05 §4.3).
    pub nonce: u64,
    /// Coins.
    pub balance: Amount,
    /// Current authority if it is not the first.
    pub authority: Option<AuthorityHash>,
    /// The endpoint: DNS data (specs/07).
    pub records: Records,
    /// The one name that it owns.
    pub name: Option<Name>,
    /// Withdrawal limit.
    pub limit: Option<Limit>,
    /// Who may veto, freeze and recover.
    pub guardian: Option<Box<Guardian>>,
    /// Pending change by the owner.
    pub owner_change: Option<Box<OwnerChange>>,
    /// Pending change by the guardian.
    pub guardian_change: Option<Box<GuardianChange>>,
    /// The most that expiry may pay for a year of rent.
    pub standing_order: Option<Amount>,
    /// Open pools; 0 until channels exist.
    pub holds: u32,
}

/// A token bucket over what leaves an account (specs/08 §1).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Limit {
    /// Drops a day.
    pub rate: Amount,
    /// Days that pending changes wait, 1 to 30.
    pub delay_days: u8,
    /// What may be spent, in drops divided by the blocks of a day, as of `last`.
    pub level: u64,
    /// The same for exempt fees.
    pub exempt_level: u64,
    /// Height of the last spend.
    pub last: Height,
}

/// An account's guardian.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Guardian {
    /// The guardian's account.
    pub account: AccountId,
    /// The guarded account can only cancel below this height.
    pub frozen_until: Height,
}

/// A change that waits (specs/08 §3).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OwnerChange {
    /// What will change.
    pub change: Change,
    /// When.
    pub effective: Height,
}

/// What an owner can change after a delay.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Change {
    /// Raise the limit or shorten its delay.
    #[codec(index = 0)]
    Limit {
        /// Drops a day.
        rate: Amount,
        /// Days that pending changes wait.
        delay_days: u8,
    },
    /// Remove the limit.
    #[codec(index = 1)]
    LimitRemove,
    /// Change who signs.
    #[codec(index = 2)]
    Authority {
        /// Hash of the new authority.
        authority: AuthorityHash,
    },
    /// Name, change or dismiss the guardian.
    #[codec(index = 3)]
    Guardian {
        /// The new one.
        guardian: Option<AccountId>,
    },
    /// Let another account take the name.
    #[codec(index = 4)]
    Transfer {
        /// Who may take it.
        to: AccountId,
    },
    /// Give the name up.
    #[codec(index = 5)]
    Release,
    /// Send everything away and leave.
    #[codec(index = 6)]
    Close {
        /// Who gets the balance.
        to: AccountId,
    },
}

/// A change of authority by the guardian (specs/08 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GuardianChange {
    /// Hash of the new authority.
    pub authority: AuthorityHash,
    /// When.
    pub effective: Height,
}

/// A name and its term (specs/06 §2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NameLeaf {
    /// The name.
    pub name: Name,
    /// Its account; none once it is released.
    pub owner: Option<AccountId>,
    /// First height that is not paid for; without an owner, the height of the release.
    pub paid_until: Height,
    /// Price of one year when rent was last paid.
    pub last_price: Amount,
}

/// A hash that was put down for a name (specs/06 §3).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CommitmentLeaf {
    /// The hash.
    pub hash: Commitment,
    /// Height of the block that included it.
    pub height: Height,
}

/// Reward and fees of a block, until they mature (specs/05 §6).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CoinbaseLeaf {
    /// Height of the block.
    pub height: Height,
    /// Who gets it.
    pub payee: AccountId,
    /// Reward and fees.
    pub amount: Amount,
}

/// What a name is at a height (specs/06 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Paid for: it resolves.
    Active,
    /// Its term is over; rent can still be paid; it does not resolve.
    Suspended,
    /// Lost by its owner; may be registered with a premium.
    Released,
}

/// The word for a phase, or for a name that has none (specs/06 §2.2): the same on the command line and in the RPC.
pub fn phase_word(phase: Option<Phase>) -> &'static str {
    match phase {
        None => "available",
        Some(Phase::Active) => "active",
        Some(Phase::Suspended) => "suspended",
        Some(Phase::Released) => "released",
    }
}

impl NameLeaf {
    /// The phase at `height`; none once the premium is over and the leaf is gone.
    pub fn phase(&self, height: Height, rules: &Consensus) -> Option<Phase> {
        if self.owner.is_none() {
            return (height < self.premium_end(rules)).then_some(Phase::Released);
        }
        Some(if height < self.paid_until {
            Phase::Active
        } else if height < self.release_height(rules) {
            Phase::Suspended
        } else {
            Phase::Released
        })
    }

    /// First height at which nobody owns the name.
    pub fn release_height(&self, rules: &Consensus) -> Height {
        match self.owner {
            Some(_) => self.paid_until.plus(rules.suspension),
            None => self.paid_until,
        }
    }

    /// Height at which the premium is over and the leaf goes.
    pub fn premium_end(&self, rules: &Consensus) -> Height {
        self.release_height(rules)
            .plus(rules.premium_step * rules.premium_steps)
    }
}

impl Account {
    /// A new account at `height`, with a nonce that no earlier account of this id can have had (specs/05 §4.3).
    pub fn new(id: AccountId, balance: Amount, height: Height) -> Self {
        Self {
            id,
            nonce: height.get() << 16,
            balance,
            authority: None,
            records: Records::default(),
            name: None,
            limit: None,
            guardian: None,
            owner_change: None,
            guardian_change: None,
            standing_order: None,
            holds: 0,
        }
    }

    /// The authority that must sign now.
    pub fn authority_hash(&self) -> AuthorityHash {
        self.authority.unwrap_or(AuthorityHash(self.id.0))
    }

    /// Whether its guardian froze it at `height` (specs/08 §4.2).
    pub fn is_frozen(&self, height: Height) -> bool {
        self.guardian
            .as_ref()
            .is_some_and(|guardian| height < guardian.frozen_until)
    }
}

/// Keys of the account tree, by kind and id (specs/04 §1.1).
pub mod key {
    use super::{AccountId, Commitment, Hash, Height, Name, tag};

    /// Key of the system leaf.
    pub fn system() -> Hash {
        Hash(tag::KEY_SYSTEM.hash(&[]))
    }

    /// Key of an account.
    pub fn account(id: &AccountId) -> Hash {
        Hash(tag::KEY_ACCOUNT.hash(&[&id.0]))
    }

    /// Key of a name.
    pub fn name(name: &Name) -> Hash {
        Hash(tag::KEY_NAME.hash(&[name.as_str().as_bytes()]))
    }

    /// Key of a commitment.
    pub fn commitment(hash: &Commitment) -> Hash {
        Hash(tag::KEY_COMMITMENT.hash(&[&hash.0]))
    }

    /// Key of a block's coinbase.
    pub fn coinbase(height: Height) -> Hash {
        Hash(tag::KEY_COINBASE.hash(&[&height.get().to_le_bytes()]))
    }
}

impl Leaf {
    /// The key under which the leaf stands.
    pub fn key(&self) -> Hash {
        match self {
            Self::System(_) => key::system(),
            Self::Account(account) => key::account(&account.id),
            Self::Name(leaf) => key::name(&leaf.name),
            Self::Commitment(leaf) => key::commitment(&leaf.hash),
            Self::Coinbase(leaf) => key::coinbase(leaf.height),
        }
    }

    /// Coins that stand in the leaf; over all leaves their sum is the supply (specs/04 §5).
    pub fn coins(&self) -> Amount {
        match self {
            Self::System(system) => system.reserve,
            Self::Account(account) => account.balance,
            Self::Coinbase(leaf) => leaf.amount,
            Self::Name(_) | Self::Commitment(_) => Amount::ZERO,
        }
    }
}

impl Wire for Leaf {
    /// An account with full records, name and both changes takes under 900 bytes.
    const MAX_BYTES: usize = 1024;
}
