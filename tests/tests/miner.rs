//! Mining from outside, as a miner program does it: `mining_template`, a search, `mining_submit`; and blocks that break one rule each.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use parity_scale_codec::Encode;
use sapwood_primitives::codec::{Bounded, Bytes};
use sapwood_primitives::hash::double;
use sapwood_primitives::{Amount, Block, BlockId, Body, Chain, Hash, Height, Transaction};
use sapwood_tests::chain::{Branch, Person, dev, drops, person, seal, transfer, unseal};
use sapwood_tests::{Home, RpcFailure, Server};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Number of JSON-RPC for `block_invalid` (specs/09 §2) and for bad parameters.
const REFUSED: i32 = -32003;
const PARAMETER: i32 = -32602;

/// A node, and the same chain in memory: high enough for the first coinbase to be spendable.
fn started(home: &Home) -> (Server, Branch, Person) {
    let node = home.node("dev", &["--no-dns"]);
    let (mut branch, miner) = (Branch::dev(), person(1));
    for block in branch.mine_empty(14, &miner, b"") {
        assert_eq!(node.submit_block(&block).unwrap(), "connected");
    }
    (node, branch, miner)
}

fn refusal(node: &Server, block: &Block) -> RpcFailure {
    node.submit_block(block).unwrap_err()
}

/// Puts a transaction into a block whether it applies or not.
fn with_transaction(block: &mut Block, tx: Transaction) {
    block.transactions = Bounded::new(vec![tx]).unwrap();
    block.header.header.tx_root = block.tx_root();
}

fn clock() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

#[test]
fn a_miner_needs_nothing_but_the_bytes_of_the_template() {
    let home = Home::new();
    let node = home.node("dev", &["--no-dns"]);
    let payee = person(7).address();
    let mut parent = node.head();
    for height in 1..=14 {
        let extra = format!("{height:02x}");
        let params = json!({ "payee": payee, "extra": extra });
        let template = node.get("mining_template", params);
        assert_eq!(template["height"], height);
        assert_eq!(template["parent"], parent["block"]);
        let bytes = |field: &str| hex::decode(template[field].as_str().unwrap()).unwrap();
        let (header, mut block, target) = (bytes("header"), bytes("block"), bytes("target"));
        assert_eq!(header.len(), 160);
        assert_eq!(target.len(), 32);
        assert_eq!(block[..160], header, "the block starts with its header");
        let nonce = (0_u64..)
            .find(|nonce| {
                block[152..160].copy_from_slice(&nonce.to_le_bytes());
                double(&block[..160]).as_slice() <= target.as_slice()
            })
            .unwrap();
        block[152..160].copy_from_slice(&nonce.to_le_bytes());
        let id = hex::encode(double(&block[..160]));
        let submit = json!({ "block": hex::encode(&block) });
        let answer = node.get("mining_submit", submit.clone());
        assert_eq!(answer, json!({ "block": id, "status": "connected" }));
        let again = node.get("mining_submit", submit);
        assert_eq!(again, json!({ "block": id, "status": "known" }));
        parent = node.head();
        assert_eq!(parent["block"], Value::String(id));
    }
    // The first coinbases have matured: height 14 pays those of heights 1 and 2.
    let account = node.get("account_get", json!({ "account": payee }));
    assert!(
        account["account"]["balance"].as_u64().unwrap() > 0,
        "{account}"
    );
}

#[test]
fn a_template_holds_what_is_pending_and_pays_who_is_named() {
    let home = Home::new();
    let (node, mut branch, miner) = started(&home);
    let tx = branch.sign(&miner, 0, vec![transfer(person(2).id, 5_000_000)]);
    assert_eq!(node.submit_tx(&tx).unwrap(), "accepted");
    let mut block = node.template(&person(3).address()).unwrap();
    assert_eq!(*block.transactions, *std::slice::from_ref(&tx));
    assert_eq!(block.coinbase.payee, person(3).id);
    seal(&mut block);
    // The rules in memory agree with the node about what it made.
    branch.follow(&block);
    assert_eq!(node.submit_block(&block).unwrap(), "connected");
    assert_eq!(node.tx_status(&tx), "confirmed");
    assert_eq!(
        node.head()["state_root"],
        branch.tip().state_root.to_string()
    );
}

#[test]
fn each_broken_rule_has_its_code_and_leaves_the_tip() {
    type Break = fn(&mut Block);
    let home = Home::new();
    let (node, mut branch, miner) = started(&home);
    let head = node.head();
    let cases: [(&str, Break); 16] = [
        ("version", |b| b.header.header.version = 2),
        ("version", |b| b.header.header.version = 0),
        ("unknown_parent", |b| {
            b.header.header.parent = BlockId([7; 32])
        }),
        ("height", |b| {
            b.header.header.height = b.header.header.height.plus(1);
            b.coinbase.height = b.header.header.height;
            b.header.header.tx_root = b.tx_root();
        }),
        ("height", |b| b.header.header.height = Height::new(u64::MAX)),
        ("target", |b| b.header.header.target = 0x207f_fffe),
        ("target", |b| b.header.header.target = 0x1f00_ffff),
        ("time", |b| b.header.header.time -= 1),
        ("time", |b| b.header.header.time = 0),
        ("history_root", |b| b.header.header.history_root.0[31] ^= 1),
        ("history_root", |b| {
            b.header.header.history_root = Hash([0; 32])
        }),
        ("tx_root", |b| b.header.header.tx_root.0[0] ^= 1),
        ("tx_root", |b| {
            b.coinbase.extra = Bytes::new(vec![1]).unwrap()
        }),
        ("coinbase_height", |b| {
            b.coinbase.height = b.coinbase.height.plus(1);
            b.header.header.tx_root = b.tx_root();
        }),
        ("state_root", |b| b.header.header.state_root.0[9] ^= 0x80),
        ("state_root", |b| {
            b.coinbase.payee = person(9).id;
            b.header.header.tx_root = b.tx_root();
        }),
    ];
    for (number, (code, spoil)) in cases.into_iter().enumerate() {
        let extra = [u8::try_from(number).unwrap()];
        let mut block = branch.draft(&miner, &extra, Vec::new());
        spoil(&mut block);
        seal(&mut block);
        let refused = refusal(&node, &block);
        assert_eq!(
            (refused.number, refused.code.as_str()),
            (REFUSED, code),
            "{refused:?}"
        );
        assert!(!refused.hint.is_empty() && !refused.message.is_empty());
        assert_eq!(node.head(), head, "case {number}, {code}");
    }
    let block = branch.mine(&miner, b"", Vec::new());
    assert_eq!(node.submit_block(&block).unwrap(), "connected");
}

#[test]
fn a_block_without_work_is_refused_and_not_held_against_the_one_with_it() {
    let home = Home::new();
    let (node, mut branch, miner) = started(&home);
    let mut block = branch.draft(&miner, b"", Vec::new());
    unseal(&mut block);
    assert_eq!(refusal(&node, &block).code, "proof_of_work");
    // A target that is none has no nonce at all; it must not be searched or divided by.
    for target in [0, 0x2180_0000, 0xff00_ffff, 0x0001_0000] {
        let mut block = block.clone();
        block.header.header.target = target;
        assert_eq!(refusal(&node, &block).code, "target", "{target:08x}");
    }
    seal(&mut block);
    branch.follow(&block);
    assert_eq!(node.submit_block(&block).unwrap(), "connected");
}

#[test]
fn a_transaction_that_does_not_apply_spoils_its_block_and_gives_it_its_code() {
    let home = Home::new();
    let (node, branch, miner) = started(&home);
    let head = node.head();
    let nonce = branch.account(&miner.id).unwrap().nonce;
    let tip = branch.tip().height;
    let pay = |amount| vec![transfer(person(2).id, amount)];
    let good = branch.sign(&miner, 0, pay(5_000_000));
    let elsewhere = Chain::named("tour").unwrap();
    let genesis = sapwood_runtime::genesis(&dev()).unwrap().link.id;
    let changed = |change: fn(&mut Body)| {
        let mut body = good.body.clone();
        change(&mut body);
        body.sign(&genesis, &miner.pair, &[0; 32])
    };
    let cheap = changed(|body| body.fee = drops(body.fee.drops() - 1));
    // The last height of this one is the tip's, and the block is one above.
    let expired = changed(|body| body.valid_until = body.valid_until.minus(60).unwrap());
    let tampered = {
        let mut tx = good.clone();
        tx.body.fee = drops(tx.body.fee.drops() + 1);
        tx
    };
    let cases = [
        (
            "bad_signature",
            miner.sign_for(&elsewhere, nonce, tip, 9, pay(5_000_000)),
        ),
        ("bad_signature", tampered),
        ("fee_too_low", cheap),
        ("nonce_used", miner.sign(nonce - 1, tip, pay(5_000_000))),
        ("nonce_gap", miner.sign(nonce + 1, tip, pay(5_000_000))),
        ("expired", expired),
        (
            "valid_too_long",
            miner.sign(nonce, tip.plus(2), pay(5_000_000)),
        ),
        (
            "insufficient",
            miner.sign(nonce, tip, pay(Amount::SUPPLY.drops())),
        ),
        ("zero_amount", miner.sign(nonce, tip, pay(0))),
        ("creation_too_small", miner.sign(nonce, tip, pay(1))),
        ("no_account", person(50).sign(0, tip, pay(5_000_000))),
    ];
    for (number, (code, tx)) in cases.into_iter().enumerate() {
        let extra = [u8::try_from(number).unwrap()];
        let mut block = branch.draft(&miner, &extra, Vec::new());
        with_transaction(&mut block, tx);
        seal(&mut block);
        let refused = refusal(&node, &block);
        assert_eq!(
            (refused.number, refused.code.as_str()),
            (REFUSED, code),
            "{refused:?}"
        );
        assert_eq!(node.head(), head, "case {number}, {code}");
    }
    let mut twice = branch.draft(&miner, b"twice", Vec::new());
    twice.transactions = Bounded::new(vec![good.clone(), good]).unwrap();
    twice.header.header.tx_root = twice.tx_root();
    seal(&mut twice);
    assert_eq!(refusal(&node, &twice).code, "nonce_used");
    assert_eq!(node.head(), head);
}

#[test]
fn a_block_from_the_future_is_told_to_come_back_and_may() {
    let home = Home::new();
    let (node, mut branch, miner) = started(&home);
    let ahead = dev().client.max_ahead;
    for further in [60, 1 << 20, u64::MAX - (1 << 40)] {
        let mut block = branch.draft(&miner, b"", Vec::new());
        block.header.header.time = clock() + ahead + further;
        seal(&mut block);
        let refused = refusal(&node, &block);
        assert_eq!(
            (refused.number, refused.code.as_str()),
            (REFUSED, "time_ahead")
        );
        // It is not remembered as invalid: the answer stays the same until its time comes.
        assert_eq!(refusal(&node, &block).code, "time_ahead");
    }
    let mut block = branch.draft(&miner, b"", Vec::new());
    block.header.header.time = clock() + ahead - 60;
    seal(&mut block);
    branch.follow(&block);
    assert_eq!(node.submit_block(&block).unwrap(), "connected");
}

#[test]
fn an_invalid_block_and_what_builds_on_it_is_remembered() {
    let home = Home::new();
    let (node, mut branch, miner) = started(&home);
    let mut bad = branch.draft(&miner, b"", Vec::new());
    bad.header.header.state_root = Hash([1; 32]);
    seal(&mut bad);
    assert_eq!(refusal(&node, &bad).code, "state_root");
    assert_eq!(refusal(&node, &bad).code, "known_invalid");
    branch.follow_header(&bad);
    let mut child = branch.draft(&miner, b"", Vec::new());
    seal(&mut child);
    assert_eq!(refusal(&node, &child).code, "known_invalid");
}

#[test]
fn bytes_that_are_no_block_are_a_bad_parameter() {
    let home = Home::new();
    let (node, branch, miner) = started(&home);
    let mut block = branch.draft(&miner, b"", Vec::new());
    seal(&mut block);
    let good = hex::encode(block.encode());
    let longer = format!("{good}00");
    let shorter = &good[..good.len() - 2];
    // The seal's tag follows the 160 bytes of the header.
    let other_seal = format!("{}01{}", &good[..320], &good[322..]);
    let upper = good.to_uppercase();
    for bad in [
        "",
        "0",
        "zz",
        shorter,
        &longer,
        &other_seal,
        &upper,
        &"00".repeat(262_145),
    ] {
        let refused = node
            .call("mining_submit", json!({ "block": bad }))
            .unwrap_err();
        assert_eq!(refused.number, PARAMETER, "{refused:?}");
        assert!(
            refused.message.contains("block"),
            "it names the field: {refused:?}"
        );
    }
    for payee in [
        "",
        "alice",
        &miner.address().replace("dsap", "tsap"),
        &miner.address()[..20],
    ] {
        let refused = node
            .call("mining_template", json!({ "payee": payee }))
            .unwrap_err();
        assert_eq!(refused.number, PARAMETER, "{refused:?}");
    }
    let extra = json!({ "payee": miner.address(), "extra": "00".repeat(65) });
    assert_eq!(
        node.call("mining_template", extra).unwrap_err().number,
        PARAMETER
    );
    assert_eq!(node.submit_block(&block).unwrap(), "connected");
}
