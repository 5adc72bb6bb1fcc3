//! The same history gives the same blocks, however many threads look at it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use sapwood_primitives::BlockId;

/// A history with many transactions a block; its block ids.
fn history() -> Vec<BlockId> {
    let people: Vec<Person> = (1..20).map(person).collect();
    let mut ledger = Ledger::tour();
    ledger.fund(&people.iter().collect::<Vec<_>>(), sap(3));
    let text = |n: usize| format!("number-{n}");
    let mut ids = Vec::new();
    for round in 0..12 {
        let txs = people.iter().enumerate().map(|(n, who)| {
            let next = &people[(n + 1) % people.len()];
            let actions = match round % 6 {
                0 => vec![commit(&text(n), who), transfer(next, 1)],
                2 if round < 6 => vec![reveal(&text(n), 1, ANY_PRICE)],
                3 => vec![records(n), standing(Some(sap(1)))],
                4 => vec![limit(sap(1), 1)],
                _ => vec![transfer(next, 7)],
            };
            ledger.tx(who, actions)
        });
        let txs = txs.collect();
        ids.push(ledger.mine(txs));
    }
    // Past the end of every name.
    ledger.wait(60);
    ids.push(ledger.link.id);
    ids
}

#[test]
fn one_two_and_four_threads_agree() {
    let ids = [1, 2, 4].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(history)
    });
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0], ids[2]);
}

#[test]
fn of_several_bad_transactions_the_first_is_named_on_any_number_of_threads() {
    let people: Vec<Person> = (1..30).map(person).collect();
    let mut ledger = Ledger::tour();
    ledger.fund(&people.iter().collect::<Vec<_>>(), sap(1));
    let txs = people.iter().enumerate().map(|(n, who)| {
        let mut body = ledger.body(who, vec![records(n)]);
        if n >= 11 {
            body.fee = drops(0);
        }
        ledger.sign(body, who)
    });
    let txs: Vec<_> = txs.collect();
    for threads in [1, 2, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let (index, rule) = pool
            .build()
            .unwrap()
            .install(|| ledger.forced_failure(txs.clone()));
        assert_eq!((index, rule.code()), (11, "fee_too_low"));
    }
}
