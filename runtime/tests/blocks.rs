//! Blocks that are wrong, and blocks that somebody changed on their way (specs/02).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use parity_scale_codec::Encode;
use sapwood_primitives::block::MAX_BLOCK_BYTES;
use sapwood_primitives::codec::{Bounded, read};
use sapwood_primitives::header::HEADER_BYTES;
use sapwood_primitives::work::Work;
use sapwood_primitives::{
    AccountId, Action, Authorization, Block, Chain, Coinbase, Hash, Leaf, Transaction,
};
use sapwood_runtime::{
    Choice, Link, State, Unreadable, assemble, check_block, check_transaction, choose, connect,
    genesis, tree_changes,
};

/// A chain on which Alice and Bob have money, and a transaction of each.
fn start() -> (Ledger, Vec<Transaction>) {
    let (alice, bob) = (person(1), person(2));
    let ledger = Ledger::tour_with(&[&alice, &bob], sap(5));
    let txs = vec![
        ledger.tx(&alice, vec![transfer(&bob, 5), records(20)]),
        ledger.tx(&bob, vec![transfer(&alice, 7)]),
    ];
    (ledger, txs)
}

fn code(ledger: &Ledger, block: &Block) -> &'static str {
    ledger.connect(block).map(|c| c.link).unwrap_err().code()
}

#[test]
fn a_miner_cannot_take_another_reward() {
    let (ledger, txs) = start();
    let honest = ledger.template(txs);
    let connected = ledger.connect(&honest).unwrap();
    for (reserve, amount) in [(-1, 1), (1, -1), (0, 1)] {
        // A coinbase names no amount, so whoever takes more can only commit to another state.
        let mut changes = connected.changes.clone();
        for (_, leaf) in &mut changes {
            let shifted = |n: u64, by: i64| drops(n.checked_add_signed(by).unwrap());
            match leaf {
                Some(Leaf::System(system)) => {
                    system.reserve = shifted(system.reserve.drops(), reserve);
                }
                Some(Leaf::Coinbase(leaf)) => leaf.amount = shifted(leaf.amount.drops(), amount),
                _ => {}
            }
        }
        let mut tree = ledger.tree.clone();
        tree.update(&tree_changes(&changes));
        let mut block = honest.clone();
        block.header.header.state_root = Hash(tree.root().0);
        assert_eq!(code(&ledger, &Ledger::search(block)), "state_root");
    }
    assert!(ledger.connect(&honest).is_ok());
}

#[test]
fn every_single_bit_of_a_header_but_time_and_nonce_is_bound() {
    let (ledger, txs) = start();
    let block = ledger.template(txs);
    // What each field is refused with, by its first byte.
    let fields = [
        (0..4, "version"),
        (4..36, "parent"),
        (36..68, "tx_root"),
        (68..100, "state_root"),
        (100..132, "history_root"),
        (140..144, "target"),
        (144..152, "height"),
    ];
    for (bytes, expected) in fields {
        for bit in bytes.start * 8..bytes.end * 8 {
            let mut flipped = block.header.encode();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let mut bad = block.clone();
            bad.header = read(&flipped).unwrap();
            // The coinbase repeats the height.
            let expected = if expected == "height" {
                "coinbase_height"
            } else {
                expected
            };
            assert_eq!(code(&ledger, &Ledger::search(bad)), expected, "bit {bit}");
        }
    }
    // The seal's tag has one value.
    for bit in 0..8 {
        let mut bytes = block.encode();
        bytes[HEADER_BYTES] ^= 1 << bit;
        assert!(read::<Block>(&bytes).is_err());
    }
}

#[test]
fn time_rises_by_the_least_spacing() {
    let (ledger, txs) = start();
    let mut block = ledger.template(txs);
    assert_eq!(block.header.header.time, ledger.link.time + 1);
    block.header.header.time = ledger.link.time;
    assert_eq!(code(&ledger, &Ledger::search(block.clone())), "time");
    block.header.header.time = 0;
    assert_eq!(code(&ledger, &Ledger::search(block.clone())), "time");
    // A clock that is ahead is not judged here.
    block.header.header.time = ledger.link.time + 1_000_000;
    assert!(ledger.connect(&Ledger::search(block)).is_ok());
}

#[test]
fn a_transaction_of_another_chain_is_refused() {
    let (ledger, _) = start();
    let alice = person(1);
    let dev = genesis(&Chain::named("dev").unwrap()).unwrap().link.id;
    assert_ne!(dev, ledger.genesis);
    let body = ledger.body(&alice, vec![records(1)]);
    let foreign = body.clone().sign(&dev, &alice.pair, &[0; 32]);
    assert_eq!(ledger.refused(foreign), "bad_signature");
    assert_eq!(ledger.outcome(&alice, vec![records(1)]), "ok");
}

#[test]
fn no_bit_of_a_transaction_can_be_changed() {
    let (ledger, txs) = start();
    let alice = person(1);
    let more = [
        ledger.tx(
            &alice,
            vec![reveal("alice", 1, 5), renew("a-b", 2, 6), take("c")],
        ),
        ledger.tx(
            &alice,
            vec![standing(Some(3)), limit(5, 6), guardian(&alice)],
        ),
    ];
    for tx in txs.iter().chain(&more) {
        let bytes = tx.encode();
        assert!(check_transaction(&ledger.chain, &ledger.genesis, tx).is_ok());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let refused = match read::<Transaction>(&flipped) {
                Err(_) => true,
                Ok(tx) => check_transaction(&ledger.chain, &ledger.genesis, &tx).is_err(),
            };
            assert!(refused, "bit {bit} of {:?}", tx.body);
        }
    }
}

#[test]
fn another_signature_of_the_same_body_is_another_transaction() {
    let (ledger, txs) = start();
    let again = txs[0].body.clone();
    let again = again.sign(&ledger.genesis, &person(1).pair, &[1; 32]);
    assert_ne!(again.authorization, txs[0].authorization);
    assert_ne!(again.txid(), txs[0].txid());
    // Both are valid; whichever comes first uses the nonce up.
    let (index, rule) = ledger.forced_failure(vec![txs[0].clone(), again]);
    assert_eq!((index, rule.code()), (1, "nonce_used"));
}

#[test]
fn a_key_that_is_no_point_is_a_bad_signature() {
    let (ledger, txs) = start();
    let mut tx = txs[0].clone();
    let Authorization::Single { signature, .. } = tx.authorization;
    for key in [[0; 32], [0xff; 32]] {
        tx.authorization = Authorization::Single { key, signature };
        assert_eq!(ledger.refused(tx.clone()), "bad_signature");
    }
}

#[test]
fn a_changed_block_does_not_spoil_the_real_one() {
    let (mut ledger, txs) = start();
    let real = ledger.template(txs);
    let twice = [
        real.transactions[0].clone(),
        real.transactions[1].clone(),
        real.transactions[1].clone(),
    ];
    let swapped = [real.transactions[1].clone(), real.transactions[0].clone()];
    for list in [&twice[..], &swapped, &twice[..1], &[]] {
        // The same header, and so the same id: the list is not the one that it names.
        let mut changed = real.clone();
        changed.transactions = Bounded::new(list.to_vec()).unwrap();
        assert_eq!(changed.header.id(), real.header.id());
        assert_eq!(code(&ledger, &changed), "tx_root");
    }
    let mut changed = real.clone();
    changed.coinbase.payee = AccountId([1; 32]);
    assert_eq!(code(&ledger, &changed), "tx_root");
    let connected = ledger.connect(&real).unwrap();
    ledger.accept(connected);
    assert_eq!(ledger.link.id, real.header.id());
}

#[test]
fn a_doubled_last_transaction_is_refused_under_its_own_root_too() {
    let (ledger, txs) = start();
    for list in [[0, 1, 1].as_slice(), &[0, 0], &[0, 1, 0, 1]] {
        let doubled = list.iter().map(|n| txs[*n].clone()).collect();
        let (_, rule) = ledger.forced_failure(doubled);
        assert_eq!(rule.code(), "nonce_used");
    }
}

#[test]
fn a_block_connects_to_its_parent_only() {
    let (mut ledger, txs) = start();
    let block = ledger.template(txs);
    ledger.wait(1);
    assert_eq!(code(&ledger, &block), "parent");
    ledger.undo();
    assert!(ledger.connect(&block).is_ok());
}

#[test]
fn a_block_has_at_most_262_144_bytes() {
    let (ledger, _) = start();
    let alice = person(1);
    let mut txs: Vec<_> = (0..31)
        .map(|n| ledger.tx_after(&alice, n, vec![records(500); 16]))
        .collect();
    // The last transaction fills up to some bytes, the coinbase to the last one.
    let fitting = (0..500).rev().find_map(|data| {
        let last = ledger.tx_after(&alice, 31, vec![records(data); 16]);
        let block = ledger.forced([txs.clone(), vec![last.clone()]].concat());
        let left = MAX_BLOCK_BYTES.checked_sub(block.encoded_size())?;
        Some((last, left))
    });
    let (last, left) = fitting.unwrap();
    txs.push(last);
    for (extra, fits) in [(left - 1, true), (left, true), (left + 1, false)] {
        let mut block = ledger.forced(txs.clone());
        block.coinbase.extra = Bounded::new(vec![0; extra]).unwrap();
        let block = Ledger::seal(block);
        assert_eq!(block.encoded_size(), MAX_BLOCK_BYTES - left + extra);
        assert_eq!(read::<Block>(&block.encode()).is_ok(), fits);
        let refused = check_block(&ledger.chain, &ledger.genesis, block).err();
        assert_eq!(
            refused.map(|r| r.code()),
            (!fits).then_some("block_too_long")
        );
    }
}

#[test]
fn a_miner_fills_the_block_and_leaves_the_rest_out() {
    let mut ledger = Ledger::tour();
    let people: Vec<Person> = (1..40).map(person).collect();
    ledger.fund(&people.iter().collect::<Vec<_>>(), sap(1));
    let candidates: Vec<_> = people
        .iter()
        .map(|who| ledger.tx(who, vec![records(500); 16]))
        .collect();
    let one = candidates[0].encoded_size();
    let block = ledger.template(candidates);
    let size = block.encoded_size();
    assert!(size <= MAX_BLOCK_BYTES && size + one > MAX_BLOCK_BYTES);
    let connected = ledger.connect(&block).unwrap();
    ledger.accept(connected);
}

/// A state whose store fails.
struct Broken;

impl State for Broken {
    fn leaf(&self, _: &Hash) -> Result<Option<Leaf>, Unreadable> {
        Err(Unreadable("disk".into()))
    }
    fn due(&self, _: sapwood_primitives::Height) -> Result<Vec<Hash>, Unreadable> {
        Err(Unreadable("disk".into()))
    }
}

#[test]
fn a_store_that_fails_says_nothing_about_the_block() {
    let (ledger, txs) = start();
    let block = ledger.template(txs);
    let checked = check_block(&ledger.chain, &ledger.genesis, block).unwrap();
    let failed = connect(&ledger.chain, &ledger.link, &Broken, &ledger.tree, &checked);
    let failed = failed.map(|c| c.link).unwrap_err();
    assert!(failed.is_internal());
    assert_eq!(failed.code(), "storage_failed");
    let made = assemble(
        &ledger.chain,
        &ledger.link,
        &Broken,
        &ledger.tree,
        ledger.miner.id,
        Bounded::default(),
        0,
        Vec::new(),
    );
    assert!(made.is_err());
}

#[test]
fn a_template_follows_the_clock_but_not_backward() {
    let (ledger, _) = start();
    let time = |clock: u64| {
        let extra = Bounded::new(vec![7; 64]).unwrap();
        let (link, state, tree) = (&ledger.link, &ledger.state, &ledger.tree);
        let payee = AccountId([5; 32]);
        let block = assemble(&ledger.chain, link, state, tree, payee, extra, clock, []).unwrap();
        let coinbase = Coinbase {
            height: ledger.link.height.plus(1),
            payee,
            extra: Bounded::new(vec![7; 64]).unwrap(),
        };
        assert_eq!(block.coinbase, coinbase);
        block.header.header.time
    };
    assert_eq!(time(0), ledger.link.time + 1);
    assert_eq!(time(ledger.link.time + 50), ledger.link.time + 50);
}

#[test]
fn the_heavier_branch_wins_within_the_cap() {
    let rules = Chain::named("tour").unwrap().consensus;
    assert_eq!(rules.reorg_cap, 2);
    let tip = Ledger::tour().link;
    let with_work = |work: u64| Link {
        work: Work(work.into()),
        ..tip.clone()
    };
    for (own, other, depth, expected) in [
        (10, 9, 0, Choice::Stay),
        (10, 10, 0, Choice::Stay),
        (10, 10, 2, Choice::Stay),
        (10, 9, 5, Choice::Stay),
        (10, 11, 0, Choice::Follow),
        (10, 11, 1, Choice::Follow),
        (10, 11, 2, Choice::Follow),
        (10, 11, 3, Choice::Park),
        (10, u64::MAX, 3, Choice::Park),
        (10, u64::MAX, u64::MAX, Choice::Park),
        (10, 10, 3, Choice::Stay),
    ] {
        let choice = choose(&rules, &with_work(own), &with_work(other), depth);
        assert_eq!(choice, expected, "{own} {other} {depth}");
    }
}

#[test]
fn work_and_history_add_up_along_a_branch() {
    let mut ledger = Ledger::tour();
    let one = ledger.chain.consensus.target_limit.work();
    for blocks in 1..=5_u64 {
        assert_eq!(ledger.link.work.0, one.0 * blocks);
        let root = ledger.link.history.root();
        let next = ledger.template(Vec::new()).header.header;
        assert_eq!(next.history_root, root);
        ledger.wait(1);
    }
}

#[test]
fn targets_follow_the_times_of_a_chain_that_retargets() {
    let mut chain = Chain::named("tour").unwrap();
    let easiest = chain.consensus.target_limit;
    chain.consensus.retarget = true;
    chain.consensus.block_time = 10;
    chain.consensus.half_life = 60;
    let mut ledger = Ledger::new(chain);
    let mut last = easiest.target();
    // Blocks of one second where ten are aimed at: each is harder than the one before.
    for _ in 0..10 {
        let mut lazy = ledger.template(Vec::new());
        let target = lazy.header.header.target;
        lazy.header.header.target = easiest.bits();
        if target != easiest.bits() {
            assert_eq!(code(&ledger, &Ledger::search(lazy)), "target");
        }
        ledger.wait(1);
        let next =
            sapwood_runtime::next_target(&ledger.chain, ledger.link.height.get(), ledger.link.time);
        assert!(next.target() < last);
        last = next.target();
    }
    // A long pause makes the next one easy, but not easier than the limit.
    let mut late = ledger.template(Vec::new());
    late.header.header.time += 100_000;
    let connected = ledger.connect(&Ledger::search(late)).unwrap();
    ledger.accept(connected);
    let next = ledger.template(Vec::new());
    assert_eq!(next.header.header.target, easiest.bits());
}

#[test]
fn actions_are_bounded_by_their_type() {
    let many = vec![Action::PendingCancel; 17];
    assert!(Bounded::<Action, 16>::new(many.clone()).is_err());
    let (ledger, txs) = start();
    let mut bytes = txs[0].body.encode();
    bytes.truncate(56);
    many.encode_to(&mut bytes);
    txs[0].authorization.encode_to(&mut bytes);
    assert!(read::<Transaction>(&bytes).is_err());
    assert_eq!(ledger.outcome(&person(1), vec![records(1); 16]), "ok");
}
