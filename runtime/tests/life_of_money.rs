//! How coins come, go and stay: rewards, fees, transfers, creation and removal of accounts (specs/05).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use sapwood_primitives::leaf::key;
use sapwood_primitives::{Chain, Height, Leaf};

/// Reward and fees of a block that have not matured.
fn coinbase(ledger: &Ledger, height: u64) -> Option<u64> {
    match ledger.state.rows.get(&key::coinbase(Height::new(height))) {
        Some(Leaf::Coinbase(leaf)) => Some(leaf.amount.drops()),
        _ => None,
    }
}

#[test]
fn a_reward_waits_for_the_delay_and_then_makes_the_miners_account() {
    let mut ledger = Ledger::tour();
    let first = ledger.system().reserve.drops() >> 22;
    ledger.wait(1);
    assert_eq!(coinbase(&ledger, 1), Some(first));
    ledger.wait(3);
    assert_eq!(ledger.balance(&ledger.miner), 0);
    ledger.wait(1);
    assert_eq!(ledger.height(), 5);
    assert_eq!(coinbase(&ledger, 1), None);
    let miner = ledger.account(&ledger.miner).unwrap();
    assert_eq!(miner.balance.drops(), first - 100_000, "the burn is paid");
    assert_eq!(miner.nonce, 5 << 16);
    let second = ledger.clone();
    ledger.wait(1);
    let grown = ledger.balance(&ledger.miner) - second.balance(&ledger.miner);
    assert_eq!(grown, coinbase(&second, 2).unwrap(), "no second burn");
}

#[test]
fn a_reward_that_cannot_make_an_account_goes_back_to_the_reserve() {
    let mut chain = Chain::named("tour").unwrap();
    chain.consensus.existential_deposit = sap(100);
    let mut ledger = Ledger::new(chain);
    ledger.wait(30);
    assert!(ledger.account(&ledger.miner).is_none());
    let waiting: u64 = (27..=30).map(|h| coinbase(&ledger, h).unwrap()).sum();
    assert_eq!(ledger.system().reserve.drops() + waiting, sap(84_000_000));
}

#[test]
fn rewards_rise_over_the_ramp_and_then_are_a_fixed_share_of_the_reserve() {
    let mut chain = Chain::named("tour").unwrap();
    chain.consensus.ramp = 10;
    let mut ledger = Ledger::new(chain);
    for height in 1..=14_u64 {
        let reserve = ledger.system().reserve.drops();
        ledger.wait(1);
        let expected = (reserve >> 22) * height.min(10) / 10;
        assert_eq!(coinbase(&ledger, height), Some(expected));
    }
}

#[test]
fn fees_go_to_the_miner_of_the_block() {
    let (alice, bob) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice, &bob], sap(1));
    let reward = ledger.system().reserve.drops() >> 22;
    let mut generous = ledger.body(&bob, vec![records(1)]);
    generous.fee = drops(777_777);
    let txs = vec![
        ledger.tx(&alice, vec![records(5)]),
        ledger.sign(generous, &bob),
    ];
    let fee = txs[0].body.fee.drops();
    ledger.mine(txs);
    assert_eq!(
        coinbase(&ledger, ledger.height()),
        Some(reward + fee + 777_777)
    );
    assert_eq!(ledger.balance(&bob), sap(1) - 777_777);
}

#[test]
fn the_least_fee_is_enough_and_one_drop_less_is_not() {
    let alice = person(1);
    let ledger = Ledger::tour_with(&[&alice], sap(1));
    let mut body = ledger.body(&alice, vec![records(200)]);
    assert_eq!(ledger.outcome(&alice, vec![records(200)]), "ok");
    body.fee = drops(body.fee.drops() - 1);
    assert_eq!(ledger.refused(ledger.sign(body, &alice)), "fee_too_low");
}

#[test]
fn a_transfer_moves_exactly_its_amount() {
    let (alice, bob) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice, &bob], sap(5));
    let tx = ledger.tx(&alice, vec![transfer(&bob, 123), transfer(&bob, 1)]);
    let fee = tx.body.fee.drops();
    ledger.mine(vec![tx]);
    assert_eq!(ledger.balance(&bob), sap(5) + 124);
    assert_eq!(ledger.balance(&alice), sap(5) - 124 - fee);
    assert_eq!(
        ledger.refuses(&alice, vec![transfer(&bob, 0)]),
        "zero_amount"
    );
    let too_much = ledger.balance(&alice);
    let all = vec![transfer(&bob, too_much)];
    assert_eq!(ledger.refuses(&alice, all), "insufficient");
}

#[test]
fn a_transfer_to_oneself_costs_the_fee_only() {
    let alice = person(1);
    let mut ledger = Ledger::tour_with(&[&alice], sap(5));
    let tx = ledger.tx(&alice, vec![transfer(&alice, sap(4))]);
    let fee = tx.body.fee.drops();
    ledger.mine(vec![tx]);
    assert_eq!(ledger.balance(&alice), sap(5) - fee);
}

#[test]
fn making_an_account_burns_and_needs_the_deposit_on_top() {
    let (alice, new) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice], sap(5));
    let short = vec![transfer(&new, 1_099_999)];
    assert_eq!(ledger.refuses(&alice, short), "creation_too_small");
    let (reserve, reward) = (
        ledger.system().reserve.drops(),
        ledger.system().reserve.drops() >> 22,
    );
    ledger.act(&alice, vec![transfer(&new, 1_100_000)]);
    assert_eq!(ledger.balance(&new), 1_000_000);
    assert_eq!(ledger.system().reserve.drops(), reserve - reward + 100_000);
    // Two transfers that are too small each do not make an account together.
    let halves = vec![transfer(&person(3), 600_000), transfer(&person(3), 600_000)];
    assert_eq!(ledger.refuses(&alice, halves), "creation_too_small");
}

#[test]
fn a_new_account_can_spend_in_the_block_that_made_it() {
    let (alice, new) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice], sap(5));
    let first = ledger.tx(&alice, vec![transfer(&new, sap(2))]);
    let mut body = ledger.body(&new, vec![transfer(&alice, sap(1))]);
    body.nonce = (ledger.height() + 1) << 16;
    let second = ledger.sign(body, &new);
    assert_eq!(ledger.refused(second.clone()), "no_account");
    ledger.mine(vec![first, second]);
    assert_eq!(
        ledger.account(&new).unwrap().nonce,
        (ledger.height() << 16) + 1
    );
}

#[test]
fn nonces_count_up_and_each_serves_once() {
    let alice = person(1);
    let mut ledger = Ledger::tour_with(&[&alice], sap(5));
    let created = ledger.height();
    assert_eq!(ledger.account(&alice).unwrap().nonce, created << 16);
    let first = ledger.tx(&alice, vec![records(1)]);
    let second = ledger.tx_after(&alice, 1, vec![records(2)]);
    assert_eq!(ledger.refused(second.clone()), "nonce_gap");
    ledger.mine(vec![first.clone(), second]);
    assert_eq!(ledger.refused(first.clone()), "nonce_used");
    let next = ledger.tx(&alice, vec![records(3)]);
    assert_eq!(
        ledger.forced_failure(vec![next.clone(), next]).1.code(),
        "nonce_used",
        "the same transaction twice in one block"
    );
}

#[test]
fn validity_has_two_ends() {
    let alice = person(1);
    let ledger = Ledger::tour_with(&[&alice], sap(5));
    let until = |blocks: u64| {
        let mut body = ledger.body(&alice, vec![records(1)]);
        body.valid_until = ledger.link.height.plus(blocks);
        ledger.sign(body, &alice)
    };
    assert_eq!(ledger.refused(until(0)), "expired");
    ledger.clone().mine(vec![until(1)]);
    ledger.clone().mine(vec![until(31)]);
    assert_eq!(ledger.refused(until(32)), "valid_too_long");
}

#[test]
fn an_account_below_the_deposit_leaves_and_its_dust_goes_to_the_reserve() {
    let (alice, bob) = (person(1), person(2));
    for (left, stays) in [(1_000_000, true), (999_999, false), (0, false)] {
        let mut ledger = Ledger::tour_with(&[&alice, &bob], sap(5));
        let fee = ledger.body(&alice, vec![transfer(&bob, 1)]).fee.drops();
        let (reserve, reward) = (
            ledger.system().reserve.drops(),
            ledger.system().reserve.drops() >> 22,
        );
        ledger.act(&alice, vec![transfer(&bob, sap(5) - fee - left)]);
        assert_eq!(ledger.account(&alice).is_some(), stays, "{left} left");
        let dust = if stays { 0 } else { left };
        assert_eq!(ledger.system().reserve.drops(), reserve - reward + dust);
    }
}

#[test]
fn an_account_that_is_filled_up_within_the_block_stays() {
    let (alice, bob) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice, &bob], sap(5));
    let fee = ledger.body(&alice, vec![transfer(&bob, 1)]).fee.drops();
    let emptied = ledger.tx(&alice, vec![transfer(&bob, sap(5) - fee)]);
    let back = ledger.tx(&bob, vec![transfer(&alice, 1_000_000)]);
    let nonce = emptied.body.nonce;
    ledger.mine(vec![emptied, back]);
    let alice = ledger.account(&alice).unwrap();
    assert_eq!((alice.balance.drops(), alice.nonce), (1_000_000, nonce + 1));
}

#[test]
fn a_transaction_is_not_repeated_after_its_account_was_removed_and_made_again() {
    let (alice, bob) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice, &bob], sap(5));
    let fee = ledger.body(&alice, vec![transfer(&bob, 1)]).fee.drops();
    let old = ledger.tx(&alice, vec![transfer(&bob, sap(5) - fee)]);
    ledger.mine(vec![old.clone()]);
    assert!(ledger.account(&alice).is_none());
    assert_eq!(ledger.refused(old.clone()), "no_account");
    ledger.act(&bob, vec![transfer(&alice, sap(6))]);
    assert!(ledger.height() <= old.body.valid_until.get());
    assert_eq!(ledger.refused(old), "nonce_used");
}

#[test]
fn closing_sends_everything_after_the_delay_and_ends_the_account() {
    let (alice, heir) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice], sap(5));
    assert_eq!(ledger.refuses(&alice, vec![close(&alice)]), "to_self");
    ledger.act(
        &alice,
        vec![close(&heir), limit(sap(1), 1), standing(Some(1))],
    );
    let effective = ledger.link.height.plus(4);
    let balance = ledger.balance(&alice);
    ledger.wait_before(effective);
    assert_eq!(ledger.balance(&alice), balance);
    ledger.wait(1);
    assert!(ledger.account(&alice).is_none());
    // The limit does not hold the closing up, and the heir's account had to be made.
    assert_eq!(ledger.balance(&heir), balance - 100_000);
}

#[test]
fn closing_toward_an_account_that_cannot_be_made_feeds_the_reserve() {
    let (alice, heir) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice], 1_030_000);
    ledger.act(&alice, vec![close(&heir)]);
    ledger.wait(4);
    assert!(ledger.account(&alice).is_none());
    assert!(ledger.account(&heir).is_none());
}

#[test]
fn closing_lapses_while_the_account_has_a_name() {
    let (alice, heir) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice], sap(10));
    ledger.register(&alice, "alice", 1);
    ledger.act(&alice, vec![close(&heir)]);
    let balance = ledger.balance(&alice);
    ledger.wait(4);
    let leaf = ledger.account(&alice).unwrap();
    assert_eq!((leaf.balance.drops(), leaf.owner_change), (balance, None));
    assert!(ledger.owns(&alice, "alice"));
}

#[test]
fn closing_drops_the_guardian_and_what_the_guardian_had_begun() {
    let (alice, heir, carol) = (person(1), person(2), person(3));
    let mut ledger = Ledger::tour_with(&[&alice, &carol], sap(5));
    ledger.act(&alice, vec![guardian(&carol)]);
    ledger.wait(4);
    ledger.act(&alice, vec![close(&heir)]);
    ledger.act(&carol, vec![recover(&alice, &person(9))]);
    ledger.wait(3);
    assert!(ledger.account(&alice).is_none());
    assert!(ledger.balance(&heir) > sap(4));
}

#[test]
fn coins_sent_to_an_account_that_just_closed_keep_it_alive_with_its_nonce() {
    let (alice, bob) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice, &bob], sap(5));
    ledger.act(&alice, vec![close(&bob), standing(Some(1))]);
    let nonce = ledger.account(&alice).unwrap().nonce;
    ledger.wait(3);
    ledger.act(&bob, vec![transfer(&alice, 1_000_000)]);
    let leaf = ledger.account(&alice).unwrap();
    assert_eq!((leaf.balance.drops(), leaf.nonce), (1_000_000, nonce));
    assert_eq!(leaf.standing_order, None);
}
