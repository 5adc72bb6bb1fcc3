//! A state with changes on top: what a block, a template and a mempool work on.
//!
//! Rules read and write leaves through it. A transaction that fails leaves no trace; what is left at the end are the changes, in key order, and their undo.

use crate::error::Unreadable;
use crate::undo::{Undo, UndoEntry};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::leaf::{Account, System, key};
use sapwood_primitives::{AccountId, Amount, Hash, Height, Leaf};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::{Deref, DerefMut};

/// The state after some block, wherever it is kept.
pub trait State {
    /// The leaf under `key`, if there is one.
    ///
    /// # Errors
    /// [`Unreadable`] if the store cannot answer; never because the leaf is absent.
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, Unreadable>;

    /// Keys of the leaves that [`due_heights`](crate::due_heights) lists for `height`, rising.
    ///
    /// # Errors
    /// [`Unreadable`] if the store cannot answer.
    fn due(&self, height: Height) -> Result<Vec<Hash>, Unreadable>;
}

/// Leaves with new values, or none where they went; keys rise.
pub type Changes = Vec<(Hash, Option<Leaf>)>;

/// Sums that belong to a block as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Fees for the miner.
    pub(crate) fees: Amount,
    /// Drops on their way to the reserve.
    pub(crate) to_reserve: Amount,
    /// Names registered.
    pub(crate) registrations: usize,
    /// Commit actions.
    pub(crate) commits: usize,
    /// Names with an owner.
    pub(crate) live_names: u64,
}

/// A leaf that was read.
struct Slot {
    new: Option<Leaf>,
    /// What the state below holds, once something was written over it.
    old: Option<Option<Leaf>>,
}

impl Slot {
    fn differs(&self) -> bool {
        self.old.as_ref().is_some_and(|old| *old != self.new)
    }
}

/// An account taken out of a draft, to be changed and put back. It keeps its key, which costs a hash.
pub(crate) struct Held {
    key: Hash,
    account: Box<Account>,
}

impl Held {
    /// An account that the state does not hold yet.
    pub(crate) fn new(account: Account) -> Self {
        Self {
            key: key::account(&account.id),
            account: Box::new(account),
        }
    }

    /// An account that was found under `key`.
    pub(crate) fn found(key: Hash, account: Box<Account>) -> Self {
        Self { key, account }
    }
}

impl Deref for Held {
    type Target = Account;
    fn deref(&self) -> &Account {
        &self.account
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Account {
        &mut self.account
    }
}

/// A state with changes on top, at the height of the block that makes them.
pub struct Draft<'a, S> {
    pub(crate) rules: &'a Consensus,
    pub(crate) height: Height,
    pub(crate) system: System,
    pub(crate) tally: Tally,
    state: &'a S,
    /// In no order: what comes out of it is sorted, or does not depend on the order.
    slots: HashMap<Hash, Slot>,
    /// Inside of [`all_or_none`](Self::all_or_none), the values that were replaced, to be put back on failure.
    journal: Option<Vec<(Hash, Option<Leaf>)>>,
}

impl<'a, S: State> Draft<'a, S> {
    /// Starts on `state`, for the block of `height` on top of it.
    ///
    /// # Errors
    /// [`Unreadable`] if the system leaf cannot be read.
    pub fn at(rules: &'a Consensus, state: &'a S, height: Height) -> Result<Self, Unreadable> {
        let Some(Leaf::System(system)) = state.leaf(&key::system())? else {
            return Err(Unreadable("the system leaf is missing".into()));
        };
        let tally = Tally {
            live_names: system.live_names,
            ..Tally::default()
        };
        Ok(Self {
            rules,
            height,
            system,
            tally,
            state,
            slots: HashMap::new(),
            journal: None,
        })
    }

    /// Keys due at this height, by the state below.
    pub(crate) fn due(&self) -> Result<Vec<Hash>, Unreadable> {
        self.state.due(self.height)
    }

    /// The leaf as it is now.
    pub(crate) fn leaf(&mut self, key: &Hash) -> Result<Option<Leaf>, Unreadable> {
        Ok(self.slot(*key)?.new.clone())
    }

    /// The account as it is now.
    pub(crate) fn account(&mut self, id: &AccountId) -> Result<Option<Held>, Unreadable> {
        let key = key::account(id);
        Ok(match &self.slot(key)?.new {
            Some(Leaf::Account(account)) => Some(Held::found(key, account.clone())),
            _ => None,
        })
    }

    /// Writes an account.
    pub(crate) fn put_account(&mut self, held: Held) -> Result<(), Unreadable> {
        self.set(held.key, Some(Leaf::Account(held.account)))
    }

    /// Writes a leaf under its own key.
    pub(crate) fn put(&mut self, leaf: Leaf) -> Result<(), Unreadable> {
        self.set(leaf.key(), Some(leaf))
    }

    /// Takes a leaf away.
    pub(crate) fn remove(&mut self, key: Hash) -> Result<(), Unreadable> {
        self.set(key, None)
    }

    fn set(&mut self, key: Hash, value: Option<Leaf>) -> Result<(), Unreadable> {
        let slot = slot(&mut self.slots, self.state, key)?;
        let before = std::mem::replace(&mut slot.new, value);
        if let Some(journal) = &mut self.journal {
            journal.push((key, before.clone()));
        }
        slot.old.get_or_insert(before);
        Ok(())
    }

    fn slot(&mut self, key: Hash) -> Result<&mut Slot, Unreadable> {
        slot(&mut self.slots, self.state, key)
    }

    /// Runs `action`; if it fails, everything is as it was.
    pub(crate) fn all_or_none<E>(
        &mut self,
        action: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let tally = self.tally;
        self.journal = Some(Vec::new());
        let result = action(self);
        let journal = self.journal.take().unwrap_or_default();
        if result.is_err() {
            self.tally = tally;
            for (key, before) in journal.into_iter().rev() {
                let slot = self.slots.get_mut(&key);
                slot.expect("journalled keys are loaded").new = before;
            }
        }
        result
    }

    /// Takes away the changed accounts that `leaves` names, and gives the sum of their coins.
    pub(crate) fn remove_accounts(&mut self, leaves: impl Fn(&Account) -> bool) -> Amount {
        let mut sum = Amount::ZERO;
        for slot in self.slots.values_mut() {
            // The cheap question first: nearly all accounts stay.
            if let Some(Leaf::Account(account)) = &slot.new
                && leaves(account)
                && slot.differs()
            {
                sum = sum
                    .checked_add(account.balance)
                    .expect("all coins together are the supply");
                slot.new = None;
            }
        }
        sum
    }

    /// What changed, and what takes it back.
    pub(crate) fn finish(self) -> (Changes, Undo) {
        let slots = self.slots.into_iter();
        let mut changed: Vec<_> = slots.filter(|(_, slot)| slot.differs()).collect();
        changed.sort_unstable_by_key(|(key, _)| *key);
        let (changes, undo) = changed
            .into_iter()
            .map(|(key, slot)| {
                let old = slot.old.flatten();
                ((key, slot.new), UndoEntry { key, old })
            })
            .unzip();
        (changes, Undo::new(undo))
    }
}

/// The slot of a key, filled from the state if it is new.
fn slot<'a>(
    slots: &'a mut HashMap<Hash, Slot>,
    state: &impl State,
    key: Hash,
) -> Result<&'a mut Slot, Unreadable> {
    Ok(match slots.entry(key) {
        Entry::Occupied(slot) => slot.into_mut(),
        Entry::Vacant(place) => place.insert(Slot {
            new: state.leaf(&key)?,
            old: None,
        }),
    })
}
