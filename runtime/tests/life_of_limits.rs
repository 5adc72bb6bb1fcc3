//! What protects an account whose key is stolen: withdrawal limits and waiting changes (specs/08 §1 to §3).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use sapwood_primitives::Action;
use sapwood_primitives::leaf::{Change, Limit};

/// Alice with ten sap and a limit of one sap a day.
fn limited(days: u8) -> (Ledger, Person) {
    let alice = person(1);
    let mut ledger = Ledger::tour_with(&[&alice, &person(2)], sap(10));
    ledger.act(&alice, vec![limit(sap(1), days)]);
    (ledger, alice)
}

fn bucket(ledger: &Ledger, who: &Person) -> Limit {
    ledger.account(who).unwrap().limit.unwrap()
}

#[test]
fn a_limit_lets_a_days_rate_go_and_refills_block_by_block() {
    let (mut ledger, alice) = limited(1);
    let bob = person(2);
    let fee = ledger.body(&alice, vec![transfer(&bob, 1)]).fee.drops();
    let over = vec![transfer(&bob, sap(1) - fee + 1)];
    assert_eq!(ledger.refuses(&alice, over), "over_limit");
    ledger.act(&alice, vec![transfer(&bob, sap(1) - fee)]);
    assert_eq!(bucket(&ledger, &alice).level, 0);
    // The day has four blocks: a quarter of the rate comes back with each.
    let quarter = sap(1) / 4;
    let over = vec![transfer(&bob, quarter - fee + 1)];
    assert_eq!(ledger.refuses(&alice, over), "over_limit");
    ledger.act(&alice, vec![transfer(&bob, quarter - fee)]);
    ledger.wait(10);
    let over = vec![transfer(&bob, sap(1) - fee + 1)];
    assert_eq!(ledger.refuses(&alice, over), "over_limit");
    assert_eq!(
        ledger.outcome(&alice, vec![transfer(&bob, sap(1) - fee)]),
        "ok"
    );
}

#[test]
fn every_way_to_spend_counts() {
    let (mut ledger, alice) = limited(1);
    let (bob, new) = (person(2), person(9));
    ledger.act(&bob, vec![commit("bobby", &bob)]);
    ledger.act(&alice, vec![commit("alice", &alice)]);
    ledger.wait(1);
    ledger.act(&bob, vec![reveal("bobby", 1, ANY_PRICE)]);
    let drain = |ledger: &mut Ledger| {
        let body = ledger.body(&alice, vec![transfer(&bob, 1)]);
        let left = bucket(ledger, &alice);
        let level = left.level + left.rate.drops() * ledger.link.height.plus(1).since(left.last);
        let level = level.min(sap(4)) / 4;
        ledger.act(&alice, vec![transfer(&bob, level - body.fee.drops())]);
    };
    drain(&mut ledger);
    for actions in [
        vec![reveal("alice", 1, ANY_PRICE)],
        vec![renew("bobby", 1, ANY_PRICE)],
        vec![transfer(&new, sap(1) / 2)],
    ] {
        assert_eq!(ledger.refuses(&alice, actions), "over_limit");
    }
    let mut body = ledger.body(&alice, vec![records(1)]);
    body.fee = drops(sap(1) / 4 + 1);
    assert_eq!(ledger.refused(ledger.sign(body, &alice)), "over_limit");
}

#[test]
fn a_limit_keeps_the_deposit() {
    let (mut ledger, alice) = limited(1);
    let bob = person(2);
    while ledger.balance(&alice) > sap(1) / 2 {
        ledger.wait(4);
        let half = ledger.balance(&alice).min(sap(2)) / 2;
        ledger.act(&alice, vec![transfer(&bob, half - 50_000)]);
    }
    ledger.wait(4);
    let fee = ledger.body(&alice, vec![transfer(&bob, 1)]).fee.drops();
    let most = ledger.balance(&alice) - fee - 1_000_000;
    assert_eq!(
        ledger.refuses(&alice, vec![transfer(&bob, most + 1)]),
        "below_deposit"
    );
    ledger.act(&alice, vec![transfer(&bob, most)]);
    // Not even an exempt fee goes below it.
    assert_eq!(
        ledger.refuses(&alice, vec![Action::LimitRemove]),
        "below_deposit"
    );
}

#[test]
fn lowering_acts_at_once_and_raising_waits() {
    let (mut ledger, alice) = limited(2);
    ledger.act(&alice, vec![limit(sap(1) / 2, 3)]);
    let lower = bucket(&ledger, &alice);
    assert_eq!((lower.rate.drops(), lower.delay_days), (sap(1) / 2, 3));
    assert_eq!(lower.level, sap(1) / 2 * 4, "cut to the new cap");
    for (rate, days) in [(sap(1) / 2 + 1, 3), (sap(1) / 2, 2), (0, 1), (sap(5), 30)] {
        let mut ledger = ledger.clone();
        ledger.act(&alice, vec![limit(rate, days)]);
        // The delay is that of the limit that stands: three days of four blocks.
        let effective = ledger.link.height.plus(12);
        let pending = ledger.account(&alice).unwrap().owner_change.unwrap();
        assert_eq!(pending.effective, effective);
        ledger.wait_before(effective);
        assert_eq!(bucket(&ledger, &alice).rate.drops(), sap(1) / 2);
        ledger.wait(1);
        let new = bucket(&ledger, &alice);
        assert_eq!((new.rate.drops(), new.delay_days), (rate, days));
        assert!(new.level <= rate * 4, "and filled no further than before");
        assert!(new.level <= sap(1) / 2 * 4);
    }
    for days in [0, 31, 255] {
        assert_eq!(
            ledger.refuses(&alice, vec![limit(sap(1), days)]),
            "limit_range"
        );
    }
}

#[test]
fn removing_a_limit_waits_its_days() {
    let (mut ledger, alice) = limited(30);
    assert_eq!(
        ledger.refuses(&person(2), vec![Action::LimitRemove]),
        "no_limit"
    );
    ledger.act(&alice, vec![Action::LimitRemove]);
    assert_eq!(
        ledger.refuses(&alice, vec![limit(sap(2), 30)]),
        "change_pending"
    );
    ledger.wait(119);
    assert!(ledger.account(&alice).unwrap().limit.is_some());
    ledger.wait(1);
    assert!(ledger.account(&alice).unwrap().limit.is_none());
}

#[test]
fn delay_days_lengthen_every_pending_change() {
    let (alice, bob) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice], sap(10));
    ledger.register(&alice, "alice", 1);
    ledger.act(&alice, vec![limit(sap(1), 3)]);
    for action in [
        rotate(&bob),
        guardian(&bob),
        close(&bob),
        offer(&bob),
        Action::NameReleaseStart,
        Action::LimitRemove,
        limit(sap(2), 3),
    ] {
        let mut ledger = ledger.clone();
        ledger.act(&alice, vec![action]);
        let pending = ledger.account(&alice).unwrap().owner_change.unwrap();
        assert_eq!(pending.effective, ledger.link.height.plus(12));
    }
}

#[test]
fn fees_of_defence_have_a_bucket_of_their_own() {
    let (alice, bob) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice, &bob], sap(10));
    // A limit of nothing: only exempt fees can be paid.
    ledger.act(&alice, vec![limit(0, 1)]);
    assert_eq!(ledger.refuses(&alice, vec![records(1)]), "over_limit");
    assert_eq!(ledger.refuses(&alice, vec![rotate(&bob)]), "over_limit");
    let mixed = vec![Action::LimitRemove, records(1)];
    assert_eq!(ledger.refuses(&alice, mixed), "over_limit");
    let recover = vec![recover(&bob, &alice)];
    assert_eq!(ledger.refuses(&alice, recover), "over_limit");
    ledger.act(&alice, vec![Action::LimitRemove]);
    ledger.act(&alice, vec![Action::PendingCancel]);
    // A thief who burns the bucket in one fee cannot burn more of the balance than it holds: a million drops a day.
    ledger.wait(4);
    let mut body = ledger.body(&alice, vec![Action::LimitRemove]);
    body.fee = drops(1_000_001);
    assert_eq!(
        ledger.refused(ledger.sign(body.clone(), &alice)),
        "over_limit"
    );
    body.fee = drops(1_000_000);
    let tx = ledger.sign(body, &alice);
    ledger.mine(vec![tx]);
    assert_eq!(bucket(&ledger, &alice).exempt_level, 0);
    ledger.wait(1);
    // A quarter comes back with each block, and pays for the next defence.
    assert_eq!(ledger.outcome(&alice, vec![Action::PendingCancel]), "ok");
}

#[test]
fn an_exempt_fee_beyond_its_bucket_counts_as_any_spend() {
    let (mut ledger, alice) = limited(1);
    let mut body = ledger.body(&alice, vec![Action::LimitRemove]);
    body.fee = drops(1_000_001);
    let tx = ledger.sign(body, &alice);
    let (level, exempt) = (
        bucket(&ledger, &alice).level,
        bucket(&ledger, &alice).exempt_level,
    );
    ledger.mine(vec![tx]);
    let after = bucket(&ledger, &alice);
    assert_eq!(after.exempt_level, exempt);
    assert_eq!(after.level, level - 4 * 1_000_001);
}

#[test]
fn one_year_of_ones_own_name_is_payable_under_any_limit() {
    let (alice, bob) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice, &bob], sap(10));
    ledger.register(&alice, "alice", 1);
    ledger.act(&alice, vec![limit(50_000, 1)]);
    // Beyond one year ahead, or two years at once, or for somebody else, it is a spend like any other.
    assert_eq!(
        ledger.refuses(&alice, vec![renew("alice", 2, ANY_PRICE)]),
        "over_limit"
    );
    ledger.act(&alice, vec![renew("alice", 1, ANY_PRICE)]);
    assert_eq!(
        bucket(&ledger, &alice).last,
        ledger.link.height,
        "the fee counts"
    );
    ledger.wait(4);
    assert_eq!(
        ledger.refuses(&alice, vec![renew("alice", 1, ANY_PRICE)]),
        "over_limit"
    );
    ledger.act(&bob, vec![limit(50_000, 1)]);
    assert_eq!(
        ledger.refuses(&bob, vec![renew("alice", 1, ANY_PRICE)]),
        "over_limit"
    );
}

#[test]
fn a_standing_order_pays_past_a_limit() {
    let alice = person(1);
    let mut ledger = Ledger::tour_with(&[&alice], sap(10));
    ledger.register(&alice, "alice", 1);
    let end = ledger.name("alice").unwrap().paid_until;
    ledger.act(&alice, vec![standing(Some(ANY_PRICE)), limit(0, 1)]);
    let before = bucket(&ledger, &alice);
    ledger.wait_until(end);
    assert_eq!(ledger.name("alice").unwrap().paid_until, end.plus(40));
    assert_eq!(bucket(&ledger, &alice), before);
}

#[test]
fn an_account_has_one_slot_for_changes_by_its_owner() {
    let (alice, bob) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice], sap(10));
    assert_eq!(
        ledger.refuses(&alice, vec![Action::PendingCancel]),
        "nothing_pending"
    );
    ledger.register(&alice, "alice", 1);
    ledger.act(&alice, vec![rotate(&bob)]);
    for action in [
        rotate(&bob),
        guardian(&bob),
        close(&bob),
        offer(&bob),
        quick_offer(&bob),
        Action::NameReleaseStart,
    ] {
        assert_eq!(ledger.refuses(&alice, vec![action]), "change_pending");
    }
    // What acts at once needs no slot.
    assert_eq!(ledger.outcome(&alice, vec![limit(sap(9), 1)]), "ok");
    // Spending does not restart the delay.
    let effective = ledger
        .account(&alice)
        .unwrap()
        .owner_change
        .unwrap()
        .effective;
    ledger.act(&alice, vec![records(1)]);
    let pending = ledger.account(&alice).unwrap().owner_change.unwrap();
    assert_eq!(pending.effective, effective);
    ledger.act(&alice, vec![Action::PendingCancel, close(&bob)]);
    let pending = ledger.account(&alice).unwrap().owner_change.unwrap();
    assert_eq!(pending.change, Change::Close { to: bob.id });
}

#[test]
fn a_rotation_takes_effect_after_the_delay_and_ends_the_old_key() {
    let (alice, new) = (person(1), person(9));
    let mut ledger = Ledger::tour_with(&[&alice], sap(10));
    ledger.act(&alice, vec![rotate(&new)]);
    ledger.wait(2);
    assert_eq!(ledger.outcome(&alice, vec![records(1)]), "ok");
    let early = ledger.tx_by(&alice, &new, vec![records(1)]);
    assert_eq!(ledger.refused(early), "wrong_authority");
    ledger.wait(1);
    // The change is made before the transactions of its height.
    assert_eq!(ledger.refuses(&alice, vec![records(1)]), "wrong_authority");
    ledger.wait(1);
    assert_eq!(ledger.refuses(&alice, vec![records(1)]), "wrong_authority");
    let tx = ledger.tx_by(&alice, &new, vec![rotate(&alice)]);
    ledger.mine(vec![tx]);
    ledger.wait(4);
    assert_eq!(
        ledger.account(&alice).unwrap().authority,
        None,
        "its own id again"
    );
    ledger.act(&alice, vec![records(1)]);
}

#[test]
fn what_keeps_an_account_needs_the_deposit() {
    let (alice, new) = (person(1), person(9));
    let ledger = Ledger::tour_with(&[&alice], 1_000_000);
    // The fee takes the account below the deposit, and without one it would stay for nothing.
    for action in [limit(sap(1), 1), rotate(&new)] {
        assert_eq!(ledger.refuses(&alice, vec![action]), "below_deposit");
    }
    let fee = ledger.body(&alice, vec![rotate(&new)]).fee.drops();
    let ledger = Ledger::tour_with(&[&alice], 1_000_000 + fee);
    for action in [limit(sap(1), 1), rotate(&new)] {
        assert_eq!(ledger.outcome(&alice, vec![action]), "ok");
    }
}

#[test]
fn a_rotated_account_never_leaves_by_a_spend() {
    let (alice, bob, new) = (person(1), person(2), person(9));
    let mut ledger = Ledger::tour_with(&[&alice, &bob], sap(5));
    let all_but = |ledger: &Ledger, signer: &Person, kept: u64| {
        let fee = ledger.body(&alice, vec![transfer(&bob, 1)]).fee.drops();
        let amount = ledger.balance(&alice) - fee - kept;
        ledger.tx_by(&alice, signer, vec![transfer(&bob, amount)])
    };
    ledger.act(&alice, vec![rotate(&new)]);
    let emptying = all_but(&ledger, &alice, 999_999);
    assert_eq!(ledger.refused(emptying), "below_deposit");
    ledger.wait(4);
    let emptying = all_but(&ledger, &new, 999_999);
    assert_eq!(ledger.refused(emptying), "below_deposit");
    let most = all_but(&ledger, &new, 1_000_000);
    ledger.mine(vec![most]);
    assert_eq!(ledger.balance(&alice), 1_000_000);
    // Only its closing ends it, and whoever makes it again makes it for its first key.
    ledger.act(&bob, vec![transfer(&alice, sap(1))]);
    let closing = ledger.tx_by(&alice, &new, vec![close(&bob)]);
    ledger.mine(vec![closing]);
    ledger.wait(4);
    assert!(ledger.account(&alice).is_none());
    ledger.act(&bob, vec![transfer(&alice, sap(1))]);
    assert_eq!(ledger.outcome(&alice, vec![records(1)]), "ok");
}

#[test]
fn locking_down_drops_an_earlier_loosening() {
    let (ledger, alice) = limited(1);
    for loosening in [limit(sap(9), 1), Action::LimitRemove] {
        let mut ledger = ledger.clone();
        ledger.act(&alice, vec![loosening]);
        ledger.act(&alice, vec![limit(sap(1), 2)]);
        assert_eq!(ledger.account(&alice).unwrap().owner_change, None);
        ledger.wait(5);
        assert_eq!(bucket(&ledger, &alice).rate.drops(), sap(1));
    }
    // Another change stays.
    let mut ledger = ledger.clone();
    ledger.act(&alice, vec![close(&person(2))]);
    ledger.act(&alice, vec![limit(sap(1), 2)]);
    assert!(ledger.account(&alice).unwrap().owner_change.is_some());
}

#[test]
fn what_is_called_spendable_can_be_spent_and_not_a_drop_more() {
    let (alice, bob) = (person(1), person(2));
    let plain = Ledger::tour_with(&[&alice, &bob], sap(5));
    let after = |action: Action| {
        let mut ledger = plain.clone();
        ledger.act(&alice, vec![action]);
        ledger
    };
    let ledgers = [
        plain.clone(),
        after(limit(sap(1), 1)),
        after(limit(sap(9), 1)),
        after(rotate(&person(9))),
    ];
    for ledger in ledgers {
        let next = ledger.link.height.plus(1);
        let leaf = ledger.account(&alice).unwrap();
        let most = sapwood_runtime::spendable(&ledger.chain.consensus, &leaf, next).drops();
        let fee = ledger.body(&alice, vec![transfer(&bob, 1)]).fee.drops();
        let outcome = |amount| ledger.outcome(&alice, vec![transfer(&bob, amount)]);
        assert_eq!(outcome(most - fee), "ok");
        assert_ne!(outcome(most - fee + 1), "ok");
    }
}
