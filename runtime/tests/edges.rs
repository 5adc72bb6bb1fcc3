//! Numbers and blocks at their ends: sums at the supply, heights at 2⁶⁴, full blocks (specs/01 §5, specs/05 §6).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use parity_scale_codec::Encode;
use sapwood_primitives::codec::{Wire, read};
use sapwood_primitives::leaf::{Account, Limit, NameLeaf};
use sapwood_primitives::{Action, Amount, Chain, Height, Leaf, Transaction};
use sapwood_runtime::limit::Spend;
use sapwood_runtime::{Draft, Link, Peaks, TxFailure, due_heights, limit, price};

const SUPPLY: u64 = 8_400_000_000_000_000;

fn tour() -> Chain {
    Chain::named("tour").unwrap()
}

fn account(who: &Person, balance: u64) -> Account {
    Account::new(who.id, drops(balance), Height::GENESIS)
}

/// What applying one transaction to a state at a height comes to.
fn apply(state: &MemoryState, height: u64, tx: &Transaction) -> Result<(), &'static str> {
    let rules = tour().consensus;
    let mut draft = Draft::at(&rules, state, Height::new(height)).unwrap();
    draft
        .apply_transaction(tx)
        .map_err(|failure| match failure {
            TxFailure::Invalid(rule) => rule.code(),
            TxFailure::State(_) => panic!("a map answers"),
        })
}

#[test]
fn the_whole_supply_can_be_moved_and_not_a_drop_more() {
    let (alice, bob) = (person(1), person(2));
    let mut ledger = Ledger::with_balances(&[(&alice, SUPPLY - 1_000_000), (&bob, 1_000_000)]);
    let fee = ledger.body(&alice, vec![transfer(&bob, 1)]).fee.drops();
    let most = SUPPLY - 1_000_000 - fee;
    for amount in [most + 1, SUPPLY - 1, SUPPLY] {
        let code = ledger.refuses(&alice, vec![transfer(&bob, amount)]);
        assert_eq!(code, "insufficient");
    }
    ledger.act(&alice, vec![transfer(&bob, most)]);
    assert_eq!(ledger.balance(&bob), SUPPLY - fee);
    assert_eq!(ledger.system().reserve.drops(), 0);
    // Nothing is left in the reserve, so a block pays its fees only; the deposit that Alice lost was spent.
    ledger.wait(6);
    assert_eq!(ledger.balance(&bob), SUPPLY - fee);
}

#[test]
fn amounts_above_the_supply_are_no_amounts() {
    let (alice, bob) = (person(1), person(2));
    let ledger = Ledger::with_balances(&[(&alice, sap(5))]);
    for amount in [SUPPLY - 1, SUPPLY] {
        let tx = ledger.tx(&alice, vec![transfer(&bob, amount)]);
        let mut bytes = tx.encode();
        let place = bytes.windows(8).position(|w| w == amount.to_le_bytes());
        assert!(read::<Transaction>(&bytes).is_ok());
        for above in [SUPPLY + 1, u64::MAX] {
            bytes[place.unwrap()..][..8].copy_from_slice(&above.to_le_bytes());
            assert!(read::<Transaction>(&bytes).is_err());
        }
    }
}

#[test]
fn fee_and_amount_together_can_be_beyond_the_supply() {
    let (alice, bob) = (person(1), person(2));
    let ledger = Ledger::with_balances(&[(&alice, SUPPLY - sap(1)), (&bob, sap(1))]);
    for (fee, amount) in [
        (SUPPLY, SUPPLY),
        (SUPPLY, 1),
        (sap(1), SUPPLY),
        (SUPPLY - sap(1), 1),
    ] {
        let mut body = ledger.body(&alice, vec![transfer(&bob, amount)]);
        body.fee = drops(fee);
        let code = ledger.refused(ledger.sign(body, &alice));
        assert_eq!(code, "insufficient", "{fee} {amount}");
    }
    // A block's fees may be all the coins there are.
    let mut ledger = ledger;
    let mut txs = Vec::new();
    for (who, all) in [(&alice, SUPPLY - sap(1)), (&bob, sap(1))] {
        let mut body = ledger.body(who, vec![records(1)]);
        body.fee = drops(all);
        txs.push(ledger.sign(body, who));
    }
    ledger.mine(txs);
    ledger.wait(4);
    assert_eq!(ledger.balance(&ledger.miner), SUPPLY - 100_000);
}

#[test]
fn a_credit_beyond_the_supply_is_refused() {
    // More coins than there are: no rule makes such a state, and none of its sums may wrap.
    let (alice, bob) = (person(1), person(2));
    let ledger = Ledger::with_balances(&[(&alice, sap(5))]);
    let fee = ledger.body(&alice, vec![transfer(&bob, 1)]).fee.drops();
    let amount = sap(1);
    for (has, expected) in [
        (SUPPLY - amount, Ok(())),
        (SUPPLY - amount + 1, Err("overflow")),
        (SUPPLY - 1, Err("overflow")),
        (SUPPLY, Err("overflow")),
    ] {
        let mut state = ledger.state.clone();
        let rich = Leaf::Account(Box::new(account(&bob, has)));
        state.apply(&tour().consensus, &vec![(rich.key(), Some(rich))]);
        let tx = ledger.tx(&alice, vec![transfer(&bob, amount)]);
        assert_eq!(apply(&state, 6, &tx), expected, "{has} with fee {fee}");
    }
}

#[test]
fn a_nonce_ends_at_its_last_number() {
    let alice = person(1);
    for (nonce, expected) in [(u64::MAX - 1, "ok"), (u64::MAX, "overflow")] {
        let mut leaf = account(&alice, sap(5));
        leaf.nonce = nonce;
        let leaves = vec![Leaf::Account(Box::new(leaf))];
        let ledger = Ledger::crafted(tour(), 5, RENT_BASE, leaves);
        assert_eq!(ledger.outcome(&alice, vec![records(1)]), expected);
    }
}

#[test]
fn no_action_overflows_at_the_last_heights() {
    let (alice, bob, carol) = (person(1), person(2), person(3));
    let rules = tour().consensus;
    for height in [u64::MAX - 1000, u64::MAX - 1, u64::MAX] {
        let at = Height::new(height);
        let mut named = account(&alice, sap(1_000_000));
        named.name = Some(name("alice"));
        named.guardian = Some(Box::new(sapwood_primitives::leaf::Guardian {
            account: carol.id,
            frozen_until: Height::GENESIS,
        }));
        let leaves = vec![
            Leaf::Account(Box::new(named)),
            Leaf::Account(Box::new(account(&carol, sap(1_000_000)))),
            Leaf::Name(NameLeaf {
                name: name("alice"),
                owner: Some(alice.id),
                paid_until: at.plus(1),
                last_price: drops(sap(1)),
            }),
        ];
        let ledger = Ledger::crafted(tour(), height - 1, RENT_BASE, leaves);
        let actions = [
            (&alice, transfer(&bob, sap(1))),
            (&carol, commit("carol", &carol)),
            (&carol, renew("alice", 9, ANY_PRICE)),
            (&alice, offer(&bob)),
            (&alice, Action::NameReleaseStart),
            (&alice, limit(sap(1), 30)),
            (&alice, rotate(&bob)),
            (&alice, close(&bob)),
            (&carol, freeze(&alice)),
            (&carol, recover(&alice, &bob)),
        ];
        for (who, action) in actions {
            let tx = ledger.tx(who, vec![action.clone()]);
            let mut draft = Draft::at(&rules, &ledger.state, at).unwrap();
            let applied = draft.apply_transaction(&tx);
            // At the very last height every term is over.
            let over = height == u64::MAX && matches!(action, Action::NameRenew { .. });
            assert_eq!(applied.is_ok(), !over, "{action:?} at {at}");
        }
        for leaf in ledger.state.rows.values() {
            due_heights(&rules, leaf);
        }
    }
}

#[test]
fn the_rent_base_stays_between_its_floor_and_the_supply() {
    let rules = Chain::named("main").unwrap().consensus;
    let ceiling = u128::from(SUPPLY) << 32;
    let floor = u128::from(rules.rent_floor) << 32;
    assert_eq!(price::next_rent_base(&rules, ceiling, 50, 0), ceiling);
    assert!(price::next_rent_base(&rules, ceiling, 0, 0) < ceiling);
    assert_eq!(price::next_rent_base(&rules, floor, 0, 0), floor);
    assert!(price::next_rent_base(&rules, floor, 50, 0) > floor);
    assert!(price::next_rent_base(&rules, ceiling, 50, u64::MAX) < ceiling);
    // The dearest name there can be, ten years of it, with the highest premium: still a number, and nobody can pay it.
    let rent = price::rent(ceiling, &name("a"));
    assert_eq!(rent, u128::from(SUPPLY) * 4096);
    let leaf = NameLeaf {
        name: name("a"),
        owner: None,
        paid_until: Height::new(9),
        last_price: Amount::SUPPLY,
    };
    let premium = price::premium(&rules, &leaf, rent, Height::new(9));
    assert_eq!(premium, rent << 10);
    assert_eq!(price::renewal(rent, &leaf), 2 * u128::from(SUPPLY));
    assert!(
        rent.checked_mul(10)
            .and_then(|r| r.checked_add(premium))
            .is_some()
    );
}

#[test]
fn at_the_highest_prices_nobody_registers_and_standing_orders_rest() {
    let alice = person(1);
    let mut owner = account(&alice, SUPPLY);
    owner.name = Some(name("a"));
    owner.standing_order = Some(Amount::SUPPLY);
    let leaves = vec![
        Leaf::Account(Box::new(owner)),
        Leaf::Name(NameLeaf {
            name: name("a"),
            owner: Some(alice.id),
            paid_until: Height::new(9),
            last_price: Amount::SUPPLY,
        }),
    ];
    let ceiling = u128::from(SUPPLY) << 32;
    let mut ledger = Ledger::crafted(tour(), 5, ceiling, leaves);
    let dear = vec![renew("a", 1, ANY_PRICE)];
    assert_eq!(ledger.refuses(&alice, dear), "above_max_price");
    ledger.wait_until(Height::new(9));
    assert_eq!(ledger.name("a").unwrap().paid_until, Height::new(9));
    assert_eq!(ledger.balance(&alice), SUPPLY);
}

#[test]
fn a_bucket_of_the_whole_supply_does_not_overflow() {
    for chain in ["main", "test", "dev", "tour"] {
        let rules = Chain::named(chain).unwrap().consensus;
        let mut full: Limit = limit::new(&rules, Amount::SUPPLY, 30, Height::GENESIS);
        let last = Height::new(u64::MAX);
        assert_eq!(limit::available(&rules, &full, last), Amount::SUPPLY);
        limit::spend(&rules, &mut full, Amount::SUPPLY, Spend::Counted, last).unwrap();
        assert_eq!(limit::available(&rules, &full, last), Amount::ZERO);
        let more = limit::spend(&rules, &mut full, drops(1), Spend::Counted, last);
        assert_eq!(more.unwrap_err().available, Amount::ZERO);
    }
}

#[test]
fn a_link_fits_its_bound_at_any_height() {
    let mut link = Ledger::tour().link;
    assert!(link.encode().len() <= <Link as Wire>::MAX_BYTES);
    for _ in 0..1_022 {
        link.history.push(&link.id, link.work);
    }
    assert_eq!(read::<Link>(&link.encode()), Ok(link.clone()));
    // Peaks that do not belong to the count of leaves would break the next push.
    let bytes = link.history.encode();
    let good: Peaks = parity_scale_codec::Decode::decode(&mut &bytes[..]).unwrap();
    assert_eq!(good, link.history);
    for count in [0_u64, 1, 1_022, 1_024, u64::MAX] {
        let mut bad = bytes.clone();
        bad[..8].copy_from_slice(&count.to_le_bytes());
        let decoded: Result<Peaks, _> = parity_scale_codec::Decode::decode(&mut &bad[..]);
        assert!(decoded.is_err(), "{count} leaves");
    }
}
