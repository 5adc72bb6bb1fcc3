//! What is stored must be what was written: the checks at start, and a store that is opened again.

use super::kit::*;
use crate::chain::storage::{Edit, IndexRow, Store};
use crate::chain::{Ledger, OpenChain};
use crate::store::RedbStore;
use redb::backends::InMemoryBackend;
use sapwood_primitives::leaf::key;
use sapwood_primitives::{Amount, Hash, Leaf};
use std::sync::Arc;

/// A store with 14 blocks, and what it should hold.
fn stored() -> (Arc<RedbStore>, Replica) {
    let chain = chain();
    let store = Arc::new(RedbStore::on_backend(InMemoryBackend::new(), &chain).unwrap());
    let mut replica = Replica::new(&chain);
    let mut ledger = Ledger::open(chain, Arc::clone(&store) as Arc<dyn Store>).unwrap();
    extend(&mut ledger, &replica.mine_many(1, 14));
    (store, replica)
}

fn open(store: Arc<RedbStore>, replica: &Replica) -> Result<Ledger, OpenChain> {
    Ledger::open(Arc::clone(&replica.chain), store)
}

#[test]
fn an_opened_store_goes_on_where_it_was() {
    let (store, mut replica) = stored();
    let mut ledger = open(store, &replica).unwrap();
    assert_same(&ledger, &replica);
    extend(&mut ledger, &replica.mine_many(1, 3));
    assert_same(&ledger, &replica);
}

#[test]
fn a_state_that_is_not_the_tips_is_refused() {
    let account_key = key::account(&account(1));
    // Each changes one leaf behind the chain's back.
    type Change = fn(Leaf) -> Option<Leaf>;
    let changes: [Change; 2] = [
        |_| None,
        |leaf| match leaf {
            Leaf::Account(mut account) => {
                account.balance = Amount::SUPPLY;
                Some(Leaf::Account(account))
            }
            other => Some(other),
        },
    ];
    for change in changes {
        let (store, replica) = stored();
        let leaf = store.view().unwrap().leaf(&account_key).unwrap().unwrap();
        store
            .write(&mut |edit: &mut dyn Edit| {
                Ok(edit.set_leaves(&[(account_key, change(leaf.clone()))])?)
            })
            .unwrap();
        assert!(matches!(
            open(store, &replica).err(),
            Some(OpenChain::Damaged(_))
        ));
    }
}

#[test]
fn a_row_under_another_key_is_refused() {
    let (store, replica) = stored();
    let leaf = store.view().unwrap().leaf(&key::system()).unwrap();
    let place = Hash([9; 32]);
    store
        .write(&mut |edit: &mut dyn Edit| Ok(edit.set_leaves(&[(place, leaf.clone())])?))
        .unwrap();
    let refused = open(store, &replica).err();
    assert_eq!(
        refused,
        Some(OpenChain::Damaged(format!(
            "row {place} holds another leaf"
        )))
    );
}

#[test]
fn the_indexes_are_those_that_follow_from_the_rows() {
    let (store, replica) = stored();
    let mut expected: Vec<_> = replica
        .leaves
        .iter()
        .flat_map(|(key, leaf)| {
            crate::chain::storage::index_rows(&replica.chain.consensus, key, leaf)
        })
        .map(|row| format!("{row:?}"))
        .collect();
    let rows: Vec<IndexRow> = store.index().unwrap().map(|row| row.unwrap()).collect();
    let mut found: Vec<_> = rows.iter().map(|row| format!("{row:?}")).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn work_that_is_given_up_leaves_nothing() {
    let (store, replica) = stored();
    let given_up = store.write(&mut |edit: &mut dyn Edit| {
        edit.set_leaves(&[(key::system(), None)])?;
        assert_eq!(edit.leaf(&key::system())?, None);
        edit.prune(replica.link.height)?;
        Err(crate::chain::storage::Abort::GivenUp)
    });
    assert_eq!(given_up, Err(crate::chain::storage::Abort::GivenUp));
    assert_rows(&*store, &replica);
    assert_same(&open(store, &replica).unwrap(), &replica);
}
