//! The model in the form of leaves, to be compared with a state.

use super::Model;
use sapwood_primitives::leaf::{
    Account, CoinbaseLeaf, CommitmentLeaf, Guardian, GuardianChange, Limit, NameLeaf, OwnerChange,
    System,
};
use sapwood_primitives::{AccountId, Amount, AuthorityHash, Commitment, Hash, Height, Leaf, Name};
use std::collections::BTreeMap;

impl Model {
    /// The leaves of this state.
    pub(crate) fn leaves(&self) -> BTreeMap<Hash, Leaf> {
        let amount = |n: u64| Amount::from_drops(n).unwrap();
        let name = |text: &String| Name::from_bytes(text.as_bytes()).unwrap();
        let mut leaves = vec![Leaf::System(System {
            reserve: amount(self.reserve),
            rent_base: self.rent_base,
            live_names: self.live_names() as u64,
        })];
        leaves.extend(self.accounts.iter().map(|(id, person)| {
            Leaf::Account(Box::new(Account {
                id: AccountId(*id),
                nonce: person.nonce,
                balance: amount(person.balance),
                authority: (person.authority != *id).then_some(AuthorityHash(person.authority)),
                records: person.records.clone(),
                name: person.name.as_ref().map(name),
                limit: person.limit.as_ref().map(|bucket| Limit {
                    rate: amount(bucket.rate),
                    delay_days: bucket.days,
                    level: bucket.level as u64,
                    exempt_level: bucket.exempt as u64,
                    last: Height::new(bucket.last),
                }),
                guardian: person.guardian.map(|(account, until)| {
                    Box::new(Guardian {
                        account: AccountId(account),
                        frozen_until: Height::new(until),
                    })
                }),
                owner_change: person.pending.clone().map(|(change, at)| {
                    Box::new(OwnerChange {
                        change,
                        effective: Height::new(at),
                    })
                }),
                guardian_change: person.recovery.map(|(authority, at)| {
                    Box::new(GuardianChange {
                        authority: AuthorityHash(authority),
                        effective: Height::new(at),
                    })
                }),
                standing_order: person.standing.map(amount),
                holds: 0,
            }))
        }));
        leaves.extend(self.names.iter().map(|(text, term)| {
            Leaf::Name(NameLeaf {
                name: name(text),
                owner: term.owner.map(AccountId),
                paid_until: Height::new(term.until),
                last_price: amount(term.last_price as u64),
            })
        }));
        leaves.extend(self.commitments.iter().map(|(hash, made)| {
            Leaf::Commitment(CommitmentLeaf {
                hash: Commitment(*hash),
                height: Height::new(*made),
            })
        }));
        leaves.extend(self.coinbases.iter().map(|(height, (payee, amount_))| {
            Leaf::Coinbase(CoinbaseLeaf {
                height: Height::new(*height),
                payee: AccountId(*payee),
                amount: amount(*amount_),
            })
        }));
        leaves.into_iter().map(|leaf| (leaf.key(), leaf)).collect()
    }
}
