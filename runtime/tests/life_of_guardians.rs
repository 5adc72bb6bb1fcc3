//! The way out after a theft: veto, freeze and recovery by the guardian (specs/08 §4).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use sapwood_primitives::Action;

/// Alice with ten sap, guarded by Carol.
fn guarded() -> (Ledger, Person, Person) {
    let (alice, carol) = (person(1), person(3));
    let mut ledger = Ledger::tour_with(&[&alice, &carol], sap(10));
    ledger.act(&alice, vec![guardian(&carol)]);
    ledger.wait(4);
    let leaf = ledger.account(&alice).unwrap();
    assert_eq!(leaf.guardian.unwrap().account, carol.id);
    (ledger, alice, carol)
}

#[test]
fn only_the_guardian_may_act_as_guardian() {
    let (mut ledger, alice, carol) = guarded();
    let mallory = person(4);
    ledger.fund(&[&mallory], sap(5));
    for action in [
        veto(&alice),
        freeze(&alice),
        recover(&alice, &mallory),
        guardian_cancel(&alice),
        freeze(&person(77)),
    ] {
        assert_eq!(
            ledger.refuses(&mallory, vec![action.clone()]),
            "not_guardian"
        );
        assert_eq!(ledger.refuses(&alice, vec![action]), "not_guardian");
    }
    assert_eq!(
        ledger.refuses(&carol, vec![veto(&alice)]),
        "nothing_pending"
    );
    assert_eq!(
        ledger.refuses(&carol, vec![guardian_cancel(&alice)]),
        "nothing_pending"
    );
    assert_eq!(ledger.refuses(&alice, vec![guardian(&alice)]), "to_self");
}

#[test]
fn a_veto_empties_the_owners_slot() {
    let (mut ledger, alice, carol) = guarded();
    ledger.act(&alice, vec![rotate(&person(66))]);
    ledger.act(&carol, vec![veto(&alice)]);
    assert_eq!(ledger.account(&alice).unwrap().owner_change, None);
    ledger.wait(5);
    ledger.act(&alice, vec![records(1)]);
}

#[test]
fn a_frozen_account_can_only_cancel_and_what_falls_due_is_dropped() {
    let (mut ledger, alice, carol) = guarded();
    ledger.act(&alice, vec![rotate(&person(66))]);
    ledger.act(&carol, vec![freeze(&alice)]);
    let until = ledger.link.height.plus(4);
    assert_eq!(ledger.refuses(&alice, vec![records(1)]), "frozen");
    let mixed = vec![Action::PendingCancel, records(1)];
    assert_eq!(ledger.refuses(&alice, mixed), "frozen");
    assert_eq!(ledger.outcome(&alice, vec![Action::PendingCancel]), "ok");
    ledger.wait(3);
    let leaf = ledger.account(&alice).unwrap();
    assert_eq!((leaf.owner_change, leaf.authority), (None, None));
    assert_eq!(ledger.link.height.plus(1), until);
    assert_eq!(ledger.outcome(&alice, vec![records(1)]), "ok", "thawed");
}

#[test]
fn a_freeze_takes_effect_within_its_block() {
    let (ledger, alice, carol) = guarded();
    let freezing = ledger.tx(&carol, vec![freeze(&alice)]);
    let theft = ledger.tx(&alice, vec![transfer(&carol, 1)]);
    let (index, rule) = ledger.forced_failure(vec![freezing, theft]);
    assert_eq!((index, rule.code()), (1, "frozen"));
}

#[test]
fn a_frozen_owners_name_is_not_handed_over_but_can_be_renewed() {
    let (mut ledger, alice, carol) = guarded();
    ledger.register(&alice, "alice", 1);
    let end = ledger.name("alice").unwrap().paid_until;
    assert_eq!(
        ledger.refuses(&alice, vec![quick_offer(&carol)]),
        "quick_with_limit"
    );
    ledger.act(&alice, vec![offer(&carol)]);
    ledger.wait(3);
    assert_eq!(ledger.outcome(&carol, vec![take("alice")]), "ok");
    let both = vec![freeze(&alice), take("alice")];
    assert_eq!(ledger.refuses(&carol, both), "owner_frozen");
    ledger.act(&carol, vec![freeze(&alice), renew("alice", 1, ANY_PRICE)]);
    assert_eq!(ledger.name("alice").unwrap().paid_until, end.plus(40));
}

#[test]
fn an_offer_that_falls_due_while_frozen_is_dropped() {
    let (mut ledger, alice, carol) = guarded();
    ledger.register(&alice, "alice", 1);
    ledger.act(&alice, vec![offer(&carol)]);
    ledger.act(&carol, vec![freeze(&alice)]);
    ledger.wait(3);
    assert_eq!(ledger.account(&alice).unwrap().owner_change, None);
    assert_eq!(ledger.refuses(&carol, vec![take("alice")]), "not_offered");
}

#[test]
fn recovery_beats_a_thiefs_rotation() {
    let (mut ledger, alice, carol) = guarded();
    let (thief, new) = (person(66), person(67));
    // The thief has Alice's key and rotates; the guardian freezes and recovers a block later.
    ledger.act(&alice, vec![rotate(&thief)]);
    ledger.act(&carol, vec![freeze(&alice), recover(&alice, &new)]);
    ledger.wait(4);
    let leaf = ledger.account(&alice).unwrap();
    assert_eq!(leaf.authority, Some(new.authority()));
    assert_eq!((leaf.owner_change, leaf.guardian_change), (None, None));
    assert_eq!(
        leaf.guardian.unwrap().frozen_until.get(),
        0,
        "the freeze ends"
    );
    let tx = ledger.tx_by(&alice, &new, vec![records(1)]);
    ledger.mine(vec![tx]);
    assert_eq!(ledger.refuses(&alice, vec![records(1)]), "wrong_authority");
    let stolen = ledger.tx_by(&alice, &thief, vec![records(1)]);
    assert_eq!(ledger.refused(stolen), "wrong_authority");
}

#[test]
fn the_owner_cannot_cancel_a_recovery_and_it_outlasts_a_rotation_of_the_same_height() {
    let (mut ledger, alice, carol) = guarded();
    let (thief, new) = (person(66), person(67));
    let rotation = ledger.tx(&alice, vec![rotate(&thief)]);
    let recovery = ledger.tx(&carol, vec![recover(&alice, &new)]);
    ledger.mine(vec![rotation, recovery]);
    assert_eq!(
        ledger.outcome(&alice, vec![Action::PendingCancel, Action::PendingCancel]),
        "nothing_pending"
    );
    assert_eq!(
        ledger.refuses(&carol, vec![recover(&alice, &thief)]),
        "change_pending"
    );
    ledger.wait(4);
    let leaf = ledger.account(&alice).unwrap();
    assert_eq!(leaf.authority, Some(new.authority()));
    assert_eq!(leaf.owner_change, None);
}

#[test]
fn the_guardian_can_cancel_its_own_change() {
    let (mut ledger, alice, carol) = guarded();
    ledger.act(&carol, vec![recover(&alice, &carol)]);
    ledger.act(&carol, vec![guardian_cancel(&alice)]);
    ledger.wait(5);
    assert_eq!(ledger.account(&alice).unwrap().authority, None);
}

#[test]
fn a_new_guardian_ends_what_the_old_one_began() {
    let (mut ledger, alice, carol) = guarded();
    let dora = person(5);
    ledger.act(&alice, vec![guardian(&dora)]);
    ledger.wait(1);
    ledger.act(&carol, vec![recover(&alice, &carol)]);
    ledger.wait(2);
    let leaf = ledger.account(&alice).unwrap();
    assert_eq!(leaf.guardian.unwrap().account, dora.id);
    assert_eq!(leaf.guardian_change, None);
    ledger.wait(4);
    assert_eq!(ledger.account(&alice).unwrap().authority, None);
}

#[test]
fn a_guardian_can_be_dismissed_after_the_delay() {
    let (mut ledger, alice, carol) = guarded();
    ledger.act(&alice, vec![Action::GuardianSet { guardian: None }]);
    ledger.wait(3);
    assert_eq!(ledger.outcome(&carol, vec![freeze(&alice)]), "not_guardian");
    ledger.wait(1);
    assert_eq!(ledger.account(&alice).unwrap().guardian, None);
}

#[test]
fn a_recovery_waits_one_delay_whatever_a_thief_sets() {
    let (mut ledger, alice, carol) = guarded();
    ledger.act(&alice, vec![limit(sap(1), 30)]);
    ledger.act(&carol, vec![recover(&alice, &person(67))]);
    ledger.wait(3);
    assert_eq!(ledger.account(&alice).unwrap().authority, None);
    ledger.wait(1);
    assert!(ledger.account(&alice).unwrap().authority.is_some());
}

#[test]
fn a_frozen_account_cannot_burn_its_balance_as_a_fee() {
    let (mut ledger, alice, carol) = guarded();
    ledger.act(&alice, vec![rotate(&person(66))]);
    ledger.act(&carol, vec![freeze(&alice)]);
    let with_fee = |fee| {
        let mut body = ledger.body(&alice, vec![Action::PendingCancel]);
        body.fee = drops(fee);
        ledger.sign(body, &alice)
    };
    assert_eq!(ledger.refused(with_fee(1_000_001)), "frozen_fee");
    ledger.clone().mine(vec![with_fee(1_000_000)]);
}

#[test]
fn a_guardian_with_a_limit_of_nothing_can_still_defend() {
    let (mut ledger, alice, carol) = guarded();
    ledger.act(&carol, vec![recover(&alice, &person(67)), limit(0, 1)]);
    ledger.act(&alice, vec![rotate(&person(66))]);
    for defence in [veto(&alice), freeze(&alice), guardian_cancel(&alice)] {
        assert_eq!(ledger.outcome(&carol, vec![defence]), "ok");
    }
}

#[test]
fn a_thief_cannot_empty_an_account_that_is_being_recovered() {
    let (mut ledger, alice, carol) = guarded();
    ledger.act(&carol, vec![recover(&alice, &person(67))]);
    let fee = ledger.body(&alice, vec![transfer(&carol, 1)]).fee.drops();
    let most = ledger.balance(&alice) - fee - 1_000_000;
    let more = vec![transfer(&carol, most + 1)];
    assert_eq!(ledger.refuses(&alice, more), "below_deposit");
    ledger.act(&alice, vec![transfer(&carol, most)]);
    ledger.wait(3);
    assert!(ledger.account(&alice).unwrap().authority.is_some());
}

#[test]
fn a_recovery_needs_the_deposit_in_the_account() {
    let (mut ledger, alice, carol) = guarded();
    ledger.register(&alice, "alice", 1);
    let fee = ledger.body(&alice, vec![transfer(&carol, 1)]).fee.drops();
    let all = ledger.balance(&alice) - fee;
    ledger.act(&alice, vec![transfer(&carol, all - 999_999)]);
    let rescue = || vec![recover(&alice, &person(67))];
    assert_eq!(ledger.refuses(&carol, rescue()), "below_deposit");
    let with_help = vec![transfer(&alice, 1), recover(&alice, &person(67))];
    assert_eq!(ledger.outcome(&carol, with_help), "ok");
}
