//! Blocks at their bounds: capped actions, the longest undo, the shortest actions (specs/05 §6, specs/01 §1.2).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use parity_scale_codec::Encode;
use sapwood_primitives::codec::{Wire, read};
use sapwood_primitives::leaf::Account;
use sapwood_primitives::{Action, Block, Chain, Height, Leaf, Transaction};
use sapwood_runtime::{Undo, UndoEntry};

fn tour() -> Chain {
    Chain::named("tour").unwrap()
}

fn account(who: &Person, balance: u64) -> Account {
    Account::new(who.id, drops(balance), Height::GENESIS)
}

/// A chain on which so many people have enough money, and the people.
fn crowd(people: u64) -> (Ledger, Vec<Person>) {
    let people: Vec<Person> = (1..=people).map(person).collect();
    let rich: Vec<_> = people.iter().map(|who| (who, sap(1_000))).collect();
    (Ledger::with_balances(&rich), people)
}

#[test]
fn the_51st_registration_waits_for_the_next_block() {
    let (mut ledger, people) = crowd(51);
    let text = |n: usize| format!("number-{n}");
    let each = |ledger: &Ledger, action: &dyn Fn(usize, &Person) -> Action| {
        let txs = people.iter().enumerate();
        txs.map(|(n, who)| ledger.tx(who, vec![action(n, who)]))
            .collect::<Vec<_>>()
    };
    let commits = each(&ledger, &|n, who| commit(&text(n), who));
    ledger.mine(commits);
    ledger.wait(1);
    let reveals = each(&ledger, &|n, _| reveal(&text(n), 1, ANY_PRICE));
    let (index, rule) = ledger.forced_failure(reveals.clone());
    assert_eq!((index, rule.code()), (50, "block_full"));
    let block = ledger.template(reveals.clone());
    assert_eq!(*block.transactions, reveals[..50]);
    // A registration that fails takes no place.
    let mut failing = vec![ledger.tx(&people[50], vec![reveal(&text(0), 1, ANY_PRICE)])];
    failing.extend_from_slice(&reveals[..50]);
    assert_eq!(*ledger.template(failing).transactions, reveals[..50]);
    ledger.mine(reveals[..50].to_vec());
    assert_eq!(ledger.system().live_names, 50);
    ledger.mine(vec![reveals[50].clone()]);
    assert_eq!(ledger.system().live_names, 51);
    // All fifty terms end at one height, and due work does not spill.
    let end = ledger.name(&text(0)).unwrap().paid_until;
    ledger.wait_until(end.plus(ledger.chain.consensus.suspension));
    assert_eq!(ledger.system().live_names, 1);
}

#[test]
fn the_201st_commitment_waits_for_the_next_block() {
    let (mut ledger, people) = crowd(2);
    let commit_to = |n: usize| vec![commit(&format!("number-{n}"), &people[0])];
    let txs: Vec<_> = (0..200)
        .map(|n| ledger.tx_after(&people[0], n, commit_to(n as usize)))
        .collect();
    // Committing again counts as well, though it changes nothing.
    for last in [200, 0] {
        let mut over = txs.clone();
        over.push(ledger.tx(&people[1], commit_to(last)));
        let (index, rule) = ledger.forced_failure(over);
        assert_eq!((index, rule.code()), (200, "block_full"));
    }
    ledger.mine(txs);
    // They all lapse at one height.
    ledger.wait(31);
    assert_eq!(ledger.state.due.len(), 0);
}

#[test]
fn a_full_block_of_transfers_can_be_read_and_undone() {
    let (mut ledger, people) = crowd(400);
    // 5,000 new accounts, and then a coin to each of them: the block with the longest undo that transfers make.
    let receivers: Vec<Person> = (1_000..6_000).map(person).collect();
    for amount in [sap(1), 1] {
        let txs = people.iter().zip(receivers.chunks(16)).map(|(who, group)| {
            let actions = group.iter().map(|to| transfer(to, amount)).collect();
            ledger.tx(who, actions)
        });
        let txs = txs.collect();
        ledger.mine(txs);
    }
    assert_eq!(ledger.balance(&receivers[4_999]), sap(1) - 100_000 + 1);
    ledger.undo();
    ledger.undo();
    assert!(ledger.account(&receivers[0]).is_none());
}

#[test]
fn a_full_block_of_the_shortest_actions_can_be_read() {
    let people: Vec<Person> = (1..=1_400).map(person).collect();
    let limited = people.iter().map(|who| {
        let mut account = account(who, sap(1_000));
        account.limit = Some(sapwood_runtime::limit::new(
            &tour().consensus,
            drops(sap(900)),
            1,
            Height::GENESIS,
        ));
        Leaf::Account(Box::new(account))
    });
    let mut ledger = Ledger::crafted(tour(), 5, RENT_BASE, limited.collect());
    // One byte each, and valid by turns: sixteen actions in 170 bytes of transaction.
    let turns = [Action::LimitRemove, Action::PendingCancel];
    let actions: Vec<Action> = turns.into_iter().cycle().take(16).collect();
    let txs: Vec<_> = people
        .iter()
        .map(|who| ledger.tx(who, actions.clone()))
        .collect();
    assert_eq!(txs[0].encode().len(), 170);
    ledger.mine(txs);
}

#[test]
fn an_undo_of_the_largest_leaves_can_be_read() {
    let entries = (0..2_000).map(|n| {
        let who = person(n);
        let leaf = Leaf::Account(Box::new(account(&who, 1)));
        UndoEntry {
            key: leaf.key(),
            old: Some(leaf),
        }
    });
    let undo = Undo::new(entries.collect());
    assert_eq!(read::<Undo>(&undo.encode()), Ok(undo));
}

#[test]
fn no_transaction_of_the_types_is_too_long() {
    // Sixteen of the longest action; so specs/05 §1.1 bounds what is read, and nothing that was read can break it.
    let alice = person(1);
    let ledger = Ledger::with_balances(&[(&alice, sap(5))]);
    let tx = ledger.tx(&alice, vec![records(501); 16]);
    assert!(tx.encode().len() < <Transaction as Wire>::MAX_BYTES);
    assert!(tx.encode().len() < <Block as Wire>::MAX_BYTES);
}
