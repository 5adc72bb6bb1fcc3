//! A state in memory, with the due index that a store would keep.

use sapwood_account_tree::{Key, NaiveTree, hash::value_hash};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::codec::read;
use sapwood_primitives::{Hash, Height, Leaf};
use sapwood_runtime::{Changes, State, Unreadable, due_heights};
use std::collections::{BTreeMap, BTreeSet};

use parity_scale_codec::Encode;

/// All leaves by key, and the keys that are due by height.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemoryState {
    pub(crate) rows: BTreeMap<Hash, Leaf>,
    pub(crate) due: BTreeMap<Height, BTreeSet<Hash>>,
}

impl MemoryState {
    /// A state of these leaves, its index made from nothing else.
    pub(crate) fn of(rules: &Consensus, leaves: impl IntoIterator<Item = Leaf>) -> Self {
        let mut state = Self::default();
        for leaf in leaves {
            state.set(rules, leaf.key(), Some(leaf));
        }
        state
    }

    /// Makes changes one leaf at a time, the index with them.
    pub(crate) fn apply(&mut self, rules: &Consensus, changes: &Changes) {
        for (key, leaf) in changes {
            self.set(rules, *key, leaf.clone());
        }
    }

    fn set(&mut self, rules: &Consensus, key: Hash, leaf: Option<Leaf>) {
        let old = match leaf.clone() {
            Some(leaf) => self.rows.insert(key, leaf),
            None => self.rows.remove(&key),
        };
        for height in old.iter().flat_map(|leaf| due_heights(rules, leaf)) {
            if let Some(keys) = self.due.get_mut(&height) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.due.remove(&height);
                }
            }
        }
        for height in leaf.iter().flat_map(|leaf| due_heights(rules, leaf)) {
            self.due.entry(height).or_default().insert(key);
        }
    }

    /// The tree over all rows, made from nothing else.
    pub(crate) fn tree(&self) -> NaiveTree {
        let hashed = |(key, leaf): (&Hash, &Leaf)| (Key(key.0), value_hash(&leaf.encode()));
        self.rows.iter().map(hashed).collect()
    }

    /// What holds of every state that the rules can make.
    pub(crate) fn check(&self, rules: &Consensus) {
        let coins: u128 = self
            .rows
            .values()
            .map(|l| u128::from(l.coins().drops()))
            .sum();
        assert_eq!(coins, 8_400_000_000_000_000, "the supply is constant");
        let rebuilt = Self::of(rules, self.rows.values().cloned());
        assert_eq!(self.due, rebuilt.due, "the due index follows from the rows");
        let mut owned = 0;
        for (key, leaf) in &self.rows {
            assert_eq!(*key, leaf.key());
            assert_eq!(read::<Leaf>(&leaf.encode()).as_ref(), Ok(leaf));
            match leaf {
                Leaf::Name(name) => {
                    if let Some(owner) = &name.owner {
                        owned += 1;
                        let Some(Leaf::Account(owner)) = self
                            .rows
                            .get(&sapwood_primitives::leaf::key::account(owner))
                        else {
                            panic!("{name:?} has an owner who is gone");
                        };
                        assert_eq!(owner.name.as_ref(), Some(&name.name));
                    }
                }
                Leaf::Account(account) => {
                    if let Some(name) = &account.name {
                        let Some(Leaf::Name(name)) =
                            self.rows.get(&sapwood_primitives::leaf::key::name(name))
                        else {
                            panic!("{account:?} has a name that is gone");
                        };
                        assert_eq!(name.owner, Some(account.id));
                    }
                    assert!(
                        account.balance >= rules.deposit()
                            || account.name.is_some()
                            || account.limit.is_some()
                            || account.authority.is_some()
                            || account.owner_change.is_some()
                            || account.guardian_change.is_some(),
                        "{account:?} has no reason to stay"
                    );
                }
                _ => {}
            }
        }
        let Some(Leaf::System(system)) = self.rows.get(&sapwood_primitives::leaf::key::system())
        else {
            panic!("the system leaf is gone");
        };
        assert_eq!(system.live_names, owned);
    }
}

impl State for MemoryState {
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, Unreadable> {
        Ok(self.rows.get(key).cloned())
    }

    fn due(&self, height: Height) -> Result<Vec<Hash>, Unreadable> {
        let keys = self.due.get(&height);
        Ok(keys.into_iter().flatten().copied().collect())
    }
}
