//! Every rule with a code is broken here at least once.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use sapwood_primitives::codec::Bounded;
use sapwood_primitives::leaf::{Account, CommitmentLeaf};
use sapwood_primitives::{Action, Actions, Block, Chain, Hash, Height, Leaf};
use sapwood_runtime::{BlockRule, Invalid, TxInvalid};
use std::collections::BTreeSet;

/// Alice, Bob and Carol with money; Alice has a name and Carol as her guardian.
fn start() -> (Ledger, Person, Person, Person) {
    let (alice, bob, carol) = (person(1), person(2), person(3));
    let mut ledger = Ledger::tour_with(&[&alice, &bob, &carol], sap(20));
    ledger.act(&alice, vec![guardian(&carol)]);
    ledger.wait(4);
    ledger.register(&alice, "alice", 1);
    (ledger, alice, bob, carol)
}

/// What Alice's action is refused with.
fn alices(action: Action) -> &'static str {
    let (ledger, alice, _, _) = start();
    ledger.refuses(&alice, vec![action])
}

/// What Bob's action is refused with.
fn bobs(action: Action) -> &'static str {
    let (ledger, _, bob, _) = start();
    ledger.refuses(&bob, vec![action])
}

/// What Bob's second action is refused with, in a block after his first.
fn bobs_second(first: Action, second: Action) -> &'static str {
    let (mut ledger, _, bob, _) = start();
    ledger.act(&bob, vec![first]);
    ledger.refuses(&bob, vec![second])
}

/// What a change to one of Bob's bodies leads to.
fn body(change: fn(&mut sapwood_primitives::Body)) -> &'static str {
    let (ledger, _, bob, _) = start();
    let mut body = ledger.body(&bob, vec![records(1)]);
    change(&mut body);
    ledger.refused(ledger.sign(body, &bob))
}

type Case = (&'static str, fn() -> &'static str);

const TRANSACTIONS: &[Case] = &[
    ("no_actions", no_actions),
    ("many_commits", || {
        let (ledger, _, bob, _) = start();
        ledger.refuses(&bob, vec![commit("bobby", &bob), commit("bobby", &bob)])
    }),
    ("fee_too_low", || body(|b| b.fee = drops(10_000))),
    ("bad_signature", || {
        let (ledger, _, bob, _) = start();
        let mut tx = ledger.tx(&bob, vec![records(1)]);
        tx.body.nonce += 1;
        ledger.refused(tx)
    }),
    ("expired", || body(|b| b.valid_until = Height::new(3))),
    ("valid_too_long", || {
        body(|b| b.valid_until = b.valid_until.plus(1))
    }),
    ("no_account", || {
        let (ledger, ..) = start();
        ledger.refuses(&person(50), vec![records(1)])
    }),
    ("wrong_authority", || {
        let (ledger, alice, bob, _) = start();
        ledger.refused(ledger.tx_by(&alice, &bob, vec![records(1)]))
    }),
    ("nonce_used", || body(|b| b.nonce -= 1)),
    ("nonce_gap", || body(|b| b.nonce += 1)),
    ("frozen", || {
        let (mut ledger, alice, _, carol) = start();
        ledger.act(&carol, vec![freeze(&alice)]);
        ledger.refuses(&alice, vec![records(1)])
    }),
    ("frozen_fee", || {
        let (mut ledger, alice, bob, carol) = start();
        ledger.act(&alice, vec![close(&bob)]);
        ledger.act(&carol, vec![freeze(&alice)]);
        let mut body = ledger.body(&alice, vec![Action::PendingCancel]);
        body.fee = drops(1_000_001);
        ledger.refused(ledger.sign(body, &alice))
    }),
    ("insufficient", || bobs(transfer(&person(1), sap(20)))),
    ("below_deposit", || {
        let (mut ledger, alice, bob, _) = start();
        ledger.act(&bob, vec![limit(sap(50), 1)]);
        let amount = ledger.balance(&bob) - 900_000;
        ledger.refuses(&bob, vec![transfer(&alice, amount)])
    }),
    ("over_limit", || {
        bobs_second(limit(sap(1), 1), transfer(&person(1), sap(1)))
    }),
    ("zero_amount", || bobs(transfer(&person(1), 0))),
    ("creation_too_small", || {
        bobs(transfer(&person(50), 1_099_999))
    }),
    ("overflow", overflow),
    ("to_self", || bobs(close(&person(2)))),
    ("has_name", || alices(reveal("other", 1, ANY_PRICE))),
    ("no_name", || bobs(offer(&person(1)))),
    ("name_taken", || bobs(reveal("alice", 1, ANY_PRICE))),
    ("not_registered", || bobs(renew("nobody", 1, ANY_PRICE))),
    ("no_commitment", || bobs(reveal("nobody", 1, ANY_PRICE))),
    ("commitment_too_young", || {
        bobs_second(commit("bobby", &person(2)), reveal("bobby", 1, ANY_PRICE))
    }),
    ("commitment_too_old", commitment_too_old),
    ("years", || bobs(renew("alice", 0, ANY_PRICE))),
    ("too_far_ahead", || bobs(renew("alice", 10, ANY_PRICE))),
    ("above_max_price", || bobs(renew("alice", 1, 1))),
    ("change_pending", || {
        bobs_second(rotate(&person(9)), close(&person(9)))
    }),
    ("nothing_pending", || bobs(Action::PendingCancel)),
    ("quick_with_limit", || {
        let (mut ledger, alice, bob, _) = start();
        ledger.act(&alice, vec![limit(sap(1), 1)]);
        ledger.refuses(&alice, vec![quick_offer(&bob)])
    }),
    ("not_offered", || bobs(take("alice"))),
    ("offer_too_young", || {
        let (mut ledger, alice, bob, _) = start();
        ledger.act(&alice, vec![offer(&bob)]);
        ledger.refuses(&bob, vec![take("alice")])
    }),
    ("owner_frozen", || {
        let (mut ledger, alice, bob, carol) = start();
        ledger.act(&alice, vec![offer(&bob)]);
        ledger.wait(4);
        ledger.act(&carol, vec![freeze(&alice)]);
        ledger.refuses(&bob, vec![take("alice")])
    }),
    ("limit_range", || bobs(limit(1, 31))),
    ("no_limit", || bobs(Action::LimitRemove)),
    ("not_guardian", || bobs(freeze(&person(1)))),
    ("block_full", block_full),
];

/// The decoder takes no such transaction, so it is checked as a value.
fn no_actions() -> &'static str {
    let (ledger, _, bob, _) = start();
    let mut body = ledger.body(&bob, vec![records(1)]);
    body.actions = Actions::default();
    let tx = ledger.sign(body, &bob);
    let refused = sapwood_runtime::check_transaction(&ledger.chain, &ledger.genesis, &tx);
    refused.unwrap_err().code()
}

/// No sum is beyond the supply in a state that the rules made; a nonce at its end is the one that can be crafted.
fn overflow() -> &'static str {
    let bob = person(2);
    let mut account = Account::new(bob.id, drops(sap(1)), Height::GENESIS);
    account.nonce = u64::MAX;
    let leaf = Leaf::Account(Box::new(account));
    let ledger = Ledger::crafted(Chain::named("tour").unwrap(), 5, 1 << 60, vec![leaf]);
    ledger.refuses(&bob, vec![records(1)])
}

/// Due work removes a commitment at the first height at which it would be too old, so only a crafted state has one.
fn commitment_too_old() -> &'static str {
    let bob = person(2);
    let account = Account::new(bob.id, drops(sap(1)), Height::GENESIS);
    let leaves = vec![
        Leaf::Account(Box::new(account)),
        Leaf::Commitment(CommitmentLeaf {
            hash: hidden("bobby", &bob),
            height: Height::new(5),
        }),
    ];
    let ledger = Ledger::crafted(Chain::named("tour").unwrap(), 50, 1 << 60, leaves);
    ledger.refuses(&bob, vec![reveal("bobby", 1, ANY_PRICE)])
}

fn block_full() -> &'static str {
    let (ledger, _, bob, carol) = start();
    let tx = |n| ledger.tx_after(&bob, n, vec![commit("bobby", &bob)]);
    let mut txs: Vec<_> = (0..200).map(tx).collect();
    txs.push(ledger.tx(&carol, vec![commit("carol", &carol)]));
    let (index, rule) = ledger.forced_failure(txs);
    assert_eq!(index, 200);
    rule.code()
}

/// What a block is refused with after a change to it; the nonce is searched again.
fn block(change: fn(&mut Block)) -> &'static str {
    let (ledger, _, bob, _) = start();
    let mut block = ledger.template(vec![ledger.tx(&bob, vec![records(1)])]);
    change(&mut block);
    ledger.connect(&Ledger::search(block)).unwrap_err().code()
}

const BLOCKS: &[Case] = &[
    ("version", || block(|b| b.header.header.version = 2)),
    ("parent", || block(|b| b.header.header.parent.0[0] ^= 1)),
    ("height", || {
        block(|b| {
            b.header.header.height = b.header.header.height.plus(1);
            b.coinbase.height = b.header.header.height;
            b.header.header.tx_root = b.tx_root();
        })
    }),
    ("target", || block(|b| b.header.header.target = 0x1f7f_ffff)),
    ("proof_of_work", proof_of_work),
    ("time", || block(|b| b.header.header.time -= 1)),
    ("history_root", || {
        block(|b| b.header.header.history_root.0[31] ^= 1)
    }),
    ("tx_root", || block(|b| b.transactions = Bounded::default())),
    ("coinbase_height", || {
        block(|b| {
            b.coinbase.height = b.coinbase.height.plus(1);
            b.header.header.tx_root = b.tx_root();
        })
    }),
    ("block_too_long", block_too_long),
    ("state_root", || {
        block(|b| b.header.header.state_root = Hash::default())
    }),
];

fn proof_of_work() -> &'static str {
    let (ledger, ..) = start();
    let mut block = ledger.template(Vec::new());
    let target = ledger.chain.consensus.target_limit;
    while target.is_met_by(&block.header.id()) {
        block.header.header.nonce += 1;
    }
    ledger.connect(&block).unwrap_err().code()
}

/// The reader takes no such block either; a template made in memory is refused by the same rule.
fn block_too_long() -> &'static str {
    let (ledger, _, bob, _) = start();
    let big = ledger.tx(&bob, vec![records(500); 16]);
    let block = ledger.forced(vec![big; 40]);
    match sapwood_runtime::check_block(&ledger.chain, &ledger.genesis, block) {
        Err(Invalid::Block(rule)) => rule.code(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_rule_of_transactions_and_blocks_can_be_broken() {
    for (cases, codes) in [(TRANSACTIONS, TxInvalid::CODES), (BLOCKS, BlockRule::CODES)] {
        for (expected, broken) in cases {
            assert_eq!(broken(), *expected);
        }
        let seen: BTreeSet<&str> = cases.iter().map(|(code, _)| *code).collect();
        let all: BTreeSet<&str> = codes.iter().copied().collect();
        assert_eq!(seen, all);
    }
}

#[test]
fn codes_are_unique() {
    let all = TxInvalid::CODES.iter().chain(BlockRule::CODES);
    let unique: BTreeSet<_> = all.clone().collect();
    assert_eq!(unique.len(), all.count());
}
