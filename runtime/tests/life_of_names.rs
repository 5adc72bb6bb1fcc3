//! The whole life of a name: commit, reveal, renewal, expiry, release, premium, transfer (specs/06).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use sapwood_primitives::Chain;
use sapwood_primitives::leaf::{Phase, key};
use sapwood_runtime::price;

/// Rent of a year in the next block.
fn rent(ledger: &Ledger, text: &str) -> u64 {
    let rent = price::rent(ledger.system().rent_base, &name(text));
    rent.try_into().unwrap()
}

#[test]
fn a_commitment_can_be_revealed_at_certain_ages_only() {
    let alice = person(1);
    let mut ledger = Ledger::tour_with(&[&alice], sap(10));
    let reveal_it = || vec![reveal("alice", 1, ANY_PRICE)];
    assert_eq!(ledger.refuses(&alice, reveal_it()), "no_commitment");
    let at_once = vec![commit("alice", &alice), reveal("alice", 1, ANY_PRICE)];
    assert_eq!(ledger.refuses(&alice, at_once), "commitment_too_young");
    ledger.act(&alice, vec![commit("alice", &alice)]);
    let made = ledger.link.height;
    assert_eq!(ledger.refuses(&alice, reveal_it()), "commitment_too_young");
    ledger.wait_before(made.plus(2));
    assert_eq!(ledger.outcome(&alice, reveal_it()), "ok");
    ledger.wait_before(made.plus(30));
    assert_eq!(ledger.outcome(&alice, reveal_it()), "ok");
    ledger.wait(1);
    let row = key::commitment(&hidden("alice", &alice));
    assert!(ledger.state.rows.contains_key(&row));
    assert_eq!(ledger.refuses(&alice, reveal_it()), "no_commitment");
    ledger.wait(1);
    assert!(!ledger.state.rows.contains_key(&row), "it has lapsed");
}

#[test]
fn committing_again_changes_nothing_while_the_commitment_stands() {
    let (alice, mallory) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice, &mallory], sap(10));
    ledger.act(&alice, vec![commit("alice", &alice)]);
    // Somebody who sees the hash tries to make it young again.
    ledger.act(&mallory, vec![commit("alice", &alice)]);
    ledger.act(&alice, vec![reveal("alice", 1, ANY_PRICE)]);
    assert!(ledger.owns(&alice, "alice"));
}

#[test]
fn a_registration_costs_rent_for_all_years_and_uses_the_commitment_up() {
    let alice = person(1);
    let mut ledger = Ledger::tour_with(&[&alice], sap(10));
    ledger.act(&alice, vec![commit("alice", &alice)]);
    ledger.wait(1);
    let year = rent(&ledger, "alice");
    let short = vec![reveal("alice", 3, 3 * year - 1)];
    assert_eq!(ledger.refuses(&alice, short), "above_max_price");
    for years in [0, 11, 255] {
        let wrong = vec![reveal("alice", years, ANY_PRICE)];
        assert_eq!(ledger.refuses(&alice, wrong), "years");
    }
    let tx = ledger.tx(&alice, vec![reveal("alice", 3, 3 * year)]);
    let left = ledger.balance(&alice) - tx.body.fee.drops() - 3 * year;
    let before = ledger.system();
    ledger.mine(vec![tx]);
    assert_eq!(ledger.balance(&alice), left);
    let after = ledger.system();
    let reserve = before.reserve.drops();
    assert_eq!(after.reserve.drops(), reserve - (reserve >> 22) + 3 * year);
    assert_eq!(after.live_names, 1);
    let leaf = ledger.name("alice").unwrap();
    assert_eq!(leaf.paid_until, ledger.link.height.plus(120));
    assert_eq!(leaf.last_price.drops(), year);
    assert_eq!(ledger.account(&alice).unwrap().name, Some(name("alice")));
    let row = key::commitment(&hidden("alice", &alice));
    assert!(!ledger.state.rows.contains_key(&row));
}

#[test]
fn the_first_mined_reveal_wins() {
    let (alice, bob) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice, &bob], sap(10));
    // Bob commits first; the order of reveals decides all the same.
    ledger.act(&bob, vec![commit("named", &bob)]);
    ledger.act(&alice, vec![commit("named", &alice)]);
    ledger.wait(1);
    let first = ledger.tx(&alice, vec![reveal("named", 1, ANY_PRICE)]);
    let second = ledger.tx(&bob, vec![reveal("named", 1, ANY_PRICE)]);
    let refused = ledger.forced_failure(vec![first.clone(), second]);
    assert_eq!((refused.0, refused.1.code()), (1, "name_taken"));
}

#[test]
fn who_copies_a_reveal_or_a_commitment_gets_nothing() {
    let (alice, mallory) = (person(1), person(2));
    let mut ledger = Ledger::tour_with(&[&alice, &mallory], sap(10));
    ledger.act(&mallory, vec![commit("alice", &alice)]);
    ledger.wait(1);
    // The hash binds the account: neither a copied commitment nor the salt from a pending reveal helps.
    let copied = vec![reveal("alice", 1, ANY_PRICE)];
    assert_eq!(ledger.refuses(&mallory, copied.clone()), "no_commitment");
    ledger.act(&mallory, vec![commit("alice", &mallory)]);
    assert_eq!(ledger.refuses(&mallory, copied), "commitment_too_young");
    ledger.act(&alice, vec![reveal("alice", 1, ANY_PRICE)]);
    assert!(ledger.owns(&alice, "alice"));
}

#[test]
fn an_account_has_one_name_at_most() {
    let alice = person(1);
    let (mut ledger, _) = Ledger::with_name(&alice, sap(10));
    ledger.act(&alice, vec![commit("second", &alice)]);
    ledger.wait(1);
    let second = vec![reveal("second", 1, ANY_PRICE)];
    assert_eq!(ledger.refuses(&alice, second), "has_name");
}

#[test]
fn anybody_may_renew_and_the_term_grows_from_its_old_end() {
    let (alice, bob) = (person(1), person(2));
    let (mut ledger, end) = Ledger::with_name(&alice, sap(10));
    ledger.fund(&[&bob], sap(30));
    let year = rent(&ledger, "alice").min(2 * ledger.name("alice").unwrap().last_price.drops());
    let short = vec![renew("alice", 2, 2 * year - 1)];
    assert_eq!(ledger.refuses(&bob, short), "above_max_price");
    let fee = ledger
        .body(&bob, vec![renew("alice", 2, 2 * year)])
        .fee
        .drops();
    ledger.act(&bob, vec![renew("alice", 2, 2 * year)]);
    assert_eq!(ledger.balance(&bob), sap(30) - fee - 2 * year);
    let leaf = ledger.name("alice").unwrap();
    assert_eq!(leaf.paid_until, end.plus(80));
    assert_eq!(leaf.last_price.drops(), year);
    assert!(ledger.owns(&alice, "alice"));
    assert_eq!(
        ledger.refuses(&bob, vec![renew("nobody", 1, ANY_PRICE)]),
        "not_registered"
    );
    assert_eq!(
        ledger.refuses(&bob, vec![renew("alice", 0, ANY_PRICE)]),
        "years"
    );
}

#[test]
fn rent_can_be_ten_years_ahead_and_no_block_more() {
    let alice = person(1);
    let (mut ledger, end) = Ledger::with_name(&alice, sap(30));
    let ten = vec![renew("alice", 10, ANY_PRICE)];
    assert_eq!(ledger.refuses(&alice, ten), "too_far_ahead");
    ledger.act(&alice, vec![renew("alice", 9, ANY_PRICE)]);
    let one = || vec![renew("alice", 1, ANY_PRICE)];
    assert_eq!(ledger.refuses(&alice, one()), "too_far_ahead");
    ledger.wait_before(end.minus(1).unwrap());
    assert_eq!(ledger.refuses(&alice, one()), "too_far_ahead");
    ledger.wait_before(end);
    assert_eq!(ledger.outcome(&alice, one()), "ok");
    assert_eq!(
        ledger.refuses(&alice, vec![renew("alice", 255, ANY_PRICE)]),
        "years"
    );
}

#[test]
fn a_renewal_costs_at_most_twice_what_the_name_last_paid() {
    let (alice, bob) = (person(1), person(2));
    let mut chain = Chain::named("tour").unwrap();
    // With this fall the rent halves in every block, so a registration made late is cheap.
    chain.consensus.rent_fall = 2;
    chain.consensus.target_registrations = 1;
    let mut ledger = Ledger::new(chain);
    ledger.fund(&[&alice], sap(10));
    ledger.register(&alice, "alice", 1);
    let last = ledger.name("alice").unwrap().last_price.drops();
    assert_eq!(last, 1_000_000, "the floor");
    // Registrations lift the rent base; the cap holds the renewal.
    let people: Vec<Person> = (10..60).map(person).collect();
    let all: Vec<&Person> = people.iter().collect();
    ledger.fund(&all, sap(1));
    ledger.fund(&[&bob], sap(1));
    let commits: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(i, who)| ledger.tx(who, vec![commit(&format!("number-{i}"), who)]))
        .collect();
    ledger.mine(commits);
    ledger.wait(1);
    let reveals: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(i, who)| ledger.tx(who, vec![reveal(&format!("number-{i}"), 1, ANY_PRICE)]))
        .collect();
    ledger.mine(reveals);
    assert!(rent(&ledger, "alice") > 2 * last);
    let capped = vec![renew("alice", 1, 2 * last)];
    assert_eq!(
        ledger.refuses(&bob, vec![renew("alice", 1, 2 * last - 1)]),
        "above_max_price"
    );
    ledger.act(&bob, capped);
    assert_eq!(ledger.name("alice").unwrap().last_price.drops(), 2 * last);
}

#[test]
fn a_standing_order_renews_at_the_end_of_the_term() {
    let alice = person(1);
    let (mut ledger, end) = Ledger::with_name(&alice, sap(10));
    ledger.act(&alice, vec![standing(Some(ANY_PRICE))]);
    ledger.wait_before(end);
    let (balance, year) = (ledger.balance(&alice), rent(&ledger, "alice"));
    ledger.wait(1);
    assert_eq!(ledger.paid_until("alice"), end.plus(40));
    assert_eq!(ledger.balance(&alice), balance - year);
    assert_eq!(ledger.name("alice").unwrap().last_price.drops(), year);
}

#[test]
fn a_standing_order_tries_again_at_the_last_suspended_height() {
    let (alice, bob) = (person(1), person(2));
    let (mut ledger, end) = Ledger::with_name(&alice, sap(1) + 40_000);
    ledger.fund(&[&bob], sap(5));
    ledger.act(&alice, vec![standing(Some(ANY_PRICE))]);
    ledger.wait_until(end);
    assert_eq!(ledger.paid_until("alice"), end, "no money");
    ledger.act(&bob, vec![transfer(&alice, sap(2))]);
    ledger.wait_before(end.plus(9));
    assert_eq!(ledger.paid_until("alice"), end);
    ledger.wait(1);
    assert_eq!(ledger.paid_until("alice"), end.plus(40));
    assert!(ledger.owns(&alice, "alice"));
}

#[test]
fn a_standing_order_never_goes_below_the_deposit_nor_above_its_price() {
    let alice = person(1);
    // The rent of the block at the end of the term, from a run in which nothing is ordered.
    let (plain, end) = Ledger::with_name(&alice, sap(10));
    let mut dry = plain.clone();
    dry.wait_before(end);
    let year = rent(&dry, "alice");
    for (max, kept, renewed) in [
        (year, 1_000_000, true),
        (year - 1, 1_000_000, false),
        (year, 999_999, false),
    ] {
        let mut ledger = plain.clone();
        let fee = ledger
            .body(
                &alice,
                vec![standing(Some(max)), transfer(&ledger.miner, 1)],
            )
            .fee
            .drops();
        let away = ledger.balance(&alice) - fee - year - kept;
        let sink = ledger.miner.clone();
        ledger.act(&alice, vec![standing(Some(max)), transfer(&sink, away)]);
        ledger.wait_until(end);
        let expected = if renewed { end.plus(40) } else { end };
        assert_eq!(ledger.paid_until("alice"), expected, "{max} {kept}");
    }
}

#[test]
fn a_standing_order_can_be_taken_back() {
    let alice = person(1);
    let (mut ledger, end) = Ledger::with_name(&alice, sap(10));
    ledger.act(&alice, vec![standing(Some(ANY_PRICE))]);
    ledger.act(&alice, vec![standing(None)]);
    ledger.wait_until(end);
    assert_eq!(ledger.paid_until("alice"), end);
}

#[test]
fn an_unpaid_name_is_suspended_then_released_then_gone() {
    let alice = person(1);
    let (mut ledger, end) = Ledger::with_name(&alice, sap(10));
    let rules = ledger.chain.consensus.clone();
    let phase = |ledger: &Ledger| {
        ledger
            .name("alice")
            .map(|l| l.phase(ledger.link.height, &rules))
    };
    ledger.wait_before(end);
    assert_eq!(phase(&ledger), Some(Some(Phase::Active)));
    ledger.wait(1);
    assert_eq!(phase(&ledger), Some(Some(Phase::Suspended)));
    ledger.wait_before(end.plus(9));
    // The last block in which it can be renewed.
    let again = || vec![renew("alice", 1, ANY_PRICE)];
    assert_eq!(ledger.outcome(&alice, again()), "ok");
    ledger.wait(1);
    assert_eq!(phase(&ledger), Some(Some(Phase::Suspended)));
    assert_eq!(ledger.refuses(&alice, again()), "not_registered");
    ledger.wait(1);
    let leaf = ledger.name("alice").unwrap();
    assert_eq!((leaf.owner, leaf.paid_until), (None, end.plus(10)));
    assert_eq!(ledger.account(&alice).unwrap().name, None);
    assert_eq!(ledger.system().live_names, 0);
    ledger.wait(5);
    assert!(ledger.name("alice").is_some());
    ledger.wait(1);
    assert!(ledger.name("alice").is_none(), "the premium is over");
}

#[test]
fn the_premium_halves_step_by_step_and_is_paid_on_top_of_the_rent() {
    let (alice, bob) = (person(1), person(2));
    let (mut ledger, end) = Ledger::with_name(&alice, sap(10));
    ledger.fund(&[&bob], sap(40));
    let release = end.plus(10);
    ledger.wait_until(release.minus(4).unwrap());
    ledger.act(&bob, vec![commit("alice", &bob)]);
    ledger.wait_before(release.minus(1).unwrap());
    let any = vec![reveal("alice", 1, ANY_PRICE)];
    assert_eq!(ledger.refuses(&bob, any), "name_taken");
    for blocks in 0..8 {
        ledger.wait_before(release.plus(blocks));
        let year = rent(&ledger, "alice");
        let premium = [8 * year, 4 * year, 2 * year, 0][usize::try_from(blocks / 2).unwrap()];
        let short = vec![reveal("alice", 1, year + premium - 1)];
        assert_eq!(ledger.refuses(&bob, short), "above_max_price");
        let enough = vec![reveal("alice", 1, year + premium)];
        assert_eq!(ledger.outcome(&bob, enough), "ok");
    }
}

#[test]
fn a_released_name_belongs_to_who_registers_it_next() {
    let (alice, bob) = (person(1), person(2));
    let (mut ledger, end) = Ledger::with_name(&alice, sap(10));
    ledger.fund(&[&bob], sap(40));
    ledger.wait_before(end.plus(10));
    ledger.act(&bob, vec![commit("alice", &bob)]);
    ledger.wait(1);
    ledger.act(&bob, vec![reveal("alice", 1, ANY_PRICE)]);
    assert!(ledger.owns(&bob, "alice"));
    let leaf = ledger.name("alice").unwrap();
    assert_eq!(leaf.paid_until, ledger.link.height.plus(40));
    assert!(
        leaf.last_price.drops() < sap(2),
        "the premium is not the price of a year"
    );
    assert_eq!(ledger.system().live_names, 1);
}
