//! A name that goes to another owner, is given up, or stays with an owner who has nothing left (specs/06 §8, §9).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;

#[test]
fn an_offered_name_is_taken_after_the_delay_and_records_stay_behind() {
    let (alice, bob, carol) = (person(1), person(2), person(3));
    let (mut ledger, end) = Ledger::with_name(&alice, sap(10));
    ledger.fund(&[&bob, &carol], sap(5));
    ledger.act(&alice, vec![records(9)]);
    assert_eq!(ledger.refuses(&alice, vec![offer(&alice)]), "to_self");
    assert_eq!(ledger.refuses(&bob, vec![offer(&carol)]), "no_name");
    assert_eq!(ledger.refuses(&bob, vec![take("alice")]), "not_offered");
    ledger.act(&alice, vec![offer(&bob)]);
    let effective = ledger.link.height.plus(4);
    assert_eq!(ledger.refuses(&carol, vec![take("alice")]), "not_offered");
    ledger.wait_before(effective.minus(1).unwrap());
    assert_eq!(ledger.refuses(&bob, vec![take("alice")]), "offer_too_young");
    ledger.wait(1);
    assert_eq!(ledger.outcome(&bob, vec![take("alice")]), "ok");
    ledger.wait_before(effective.plus(3));
    ledger.act(&bob, vec![take("alice")]);
    assert!(ledger.owns(&bob, "alice"));
    assert_eq!(ledger.paid_until("alice"), end);
    let (alice, bob) = (
        ledger.account(&alice).unwrap(),
        ledger.account(&bob).unwrap(),
    );
    assert_eq!((alice.name, alice.owner_change), (None, None));
    assert!(bob.records.is_empty() && !alice.records.is_empty());
}

#[test]
fn an_offer_lapses_and_frees_the_slot() {
    let (alice, bob) = (person(1), person(2));
    let (mut ledger, _) = Ledger::with_name(&alice, sap(10));
    ledger.fund(&[&bob], sap(5));
    ledger.act(&alice, vec![offer(&bob)]);
    let effective = ledger.link.height.plus(4);
    ledger.wait_before(effective.plus(4));
    assert_eq!(ledger.refuses(&bob, vec![take("alice")]), "not_offered");
    assert_eq!(ledger.outcome(&alice, vec![offer(&bob)]), "ok");
    ledger.wait(1);
    assert_eq!(ledger.account(&alice).unwrap().owner_change, None);
}

#[test]
fn an_offer_can_be_cancelled_until_it_is_taken() {
    let (alice, bob) = (person(1), person(2));
    let (mut ledger, _) = Ledger::with_name(&alice, sap(10));
    ledger.fund(&[&bob], sap(5));
    ledger.act(&alice, vec![offer(&bob)]);
    ledger.wait(3);
    assert_eq!(ledger.outcome(&bob, vec![take("alice")]), "ok");
    ledger.act(&alice, vec![sapwood_primitives::Action::PendingCancel]);
    assert_eq!(ledger.refuses(&bob, vec![take("alice")]), "not_offered");
}

#[test]
fn a_quick_offer_is_short_and_only_for_accounts_without_a_limit() {
    let (alice, bob) = (person(1), person(2));
    let (mut ledger, _) = Ledger::with_name(&alice, sap(10));
    ledger.fund(&[&bob], sap(5));
    let limited = vec![limit(sap(1), 1), quick_offer(&bob)];
    assert_eq!(ledger.refuses(&alice, limited), "quick_with_limit");
    ledger.act(&alice, vec![quick_offer(&bob)]);
    assert_eq!(ledger.refuses(&bob, vec![take("alice")]), "offer_too_young");
    ledger.wait(1);
    ledger.act(&bob, vec![take("alice")]);
    assert!(ledger.owns(&bob, "alice"));
}

#[test]
fn who_has_a_name_cannot_take_another() {
    let (alice, bob) = (person(1), person(2));
    let (mut ledger, _) = Ledger::with_name(&alice, sap(10));
    ledger.fund(&[&bob], sap(10));
    ledger.register(&bob, "bobby", 1);
    ledger.act(&alice, vec![quick_offer(&bob)]);
    ledger.wait(1);
    assert_eq!(ledger.refuses(&bob, vec![take("alice")]), "has_name");
}

#[test]
fn the_end_of_a_name_clears_its_offer() {
    let (alice, bob) = (person(1), person(2));
    let (mut ledger, end) = Ledger::with_name(&alice, sap(10));
    ledger.fund(&[&bob], sap(5));
    ledger.wait_until(end.plus(7));
    ledger.act(&alice, vec![quick_offer(&bob)]);
    ledger.wait(1);
    assert_eq!(ledger.link.height, end.plus(9));
    // Due at the release: the offer is open, and the name goes all the same.
    assert_eq!(ledger.refuses(&bob, vec![take("alice")]), "not_registered");
    ledger.wait(1);
    assert_eq!(ledger.account(&alice).unwrap().owner_change, None);
}

#[test]
fn a_name_given_up_is_released_after_the_delay() {
    let alice = person(1);
    let (mut ledger, _) = Ledger::with_name(&alice, sap(10));
    ledger.act(&alice, vec![sapwood_primitives::Action::NameReleaseStart]);
    ledger.wait(3);
    assert!(ledger.owns(&alice, "alice"));
    ledger.wait(1);
    let leaf = ledger.name("alice").unwrap();
    assert_eq!((leaf.owner, leaf.paid_until), (None, ledger.link.height));
    assert_eq!(ledger.account(&alice).unwrap().name, None);
    assert_eq!(ledger.system().live_names, 0);
    ledger.wait(6);
    assert!(ledger.name("alice").is_none());
}

#[test]
fn a_name_is_never_lost_to_a_fee() {
    let alice = person(1);
    let (mut ledger, end) = Ledger::with_name(&alice, sap(1) + 80_000);
    // All that is left goes in fees; the account stays as long as its name.
    let mut body = ledger.body(&alice, vec![records(1)]);
    body.fee = ledger.account(&alice).unwrap().balance;
    let tx = ledger.sign(body, &alice);
    ledger.mine(vec![tx]);
    assert_eq!(ledger.balance(&alice), 0);
    assert!(ledger.owns(&alice, "alice"));
    assert_eq!(ledger.refuses(&alice, vec![records(2)]), "insufficient");
    ledger.wait_before(end.plus(10));
    assert!(ledger.owns(&alice, "alice"));
    ledger.wait(1);
    assert!(ledger.account(&alice).is_none(), "run dry to the end");
}
