//! Blocks and payments that flow until the node is gone, and what of them must be there afterwards.

use sapwood_account_tree::{Claim, Key, Root, verify};
use sapwood_primitives::codec;
use sapwood_primitives::{AccountId, Block, Header, Height, Leaf, Transaction};
use sapwood_tests::chain::{Person, person, seal, transfer};
use sapwood_tests::{RpcFailure, Server};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Drops that each payment carries to an account of its own.
const PAYMENT: u64 = 2_000_000;

/// What opening an account costs on the dev chain.
const BURN: u64 = 100_000;

/// Blocks whose transactions a dev node can look up; fewer than it keeps, as some come during a look.
const WINDOW: u64 = 500;

/// Transactions handed in before a block.
const BATCH: u64 = 3;

/// Blocks and payments that are looked at in the end.
const LOOKED_AT: usize = 500;

/// Blocks' times run ahead of the clock by up to 600 s; when this many are used up a miner waits.
const SECONDS_AHEAD: u64 = 590;

/// A transaction that a node has said to be confirmed.
#[derive(Clone)]
pub(crate) struct Paid {
    tx: Transaction,
    to: AccountId,
    height: u64,
}

/// Everything that was acknowledged, over all kills.
#[derive(Default)]
pub(crate) struct Acknowledged {
    /// Blocks that `mining_submit` said were connected; none of them has a rival, so all stay.
    pub(crate) blocks: Vec<(u64, String)>,
    /// Payments that were said to be confirmed.
    pub(crate) paid: Vec<Paid>,
    /// Highest height that any answer named.
    height: u64,
    /// Receivers used so far.
    receivers: u64,
    /// How many blocks and payments were found after an earlier kill already.
    found: (usize, usize),
}

/// Mines and pays until the node is gone. An answer that does not come acknowledges nothing.
pub(crate) fn flow(node: &Server, known: &mut Acknowledged) -> RpcFailure {
    let miner = person(1);
    loop {
        if let Err(gone) = step(node, &miner, known) {
            return gone;
        }
    }
}

/// Payments, a block, and what has become of the payments.
fn step(node: &Server, miner: &Person, known: &mut Acknowledged) -> Result<(), RpcFailure> {
    let sent = pay(node, miner, known)?;
    mine_one(node, miner, known)?;
    for mut paid in sent {
        let params = json!({ "txid": paid.tx.txid().to_string() });
        let state = node.call("tx_status", params)?;
        if state["status"] == "confirmed" {
            paid.height = state["height"].as_u64().unwrap();
            known.height = known.height.max(paid.height);
            known.paid.push(paid);
        }
    }
    Ok(())
}

/// Hands in some payments, once there are coins.
fn pay(node: &Server, miner: &Person, known: &mut Acknowledged) -> Result<Vec<Paid>, RpcFailure> {
    let answer = node.call("account_get", json!({ "account": miner.address() }))?;
    let Some(nonce) = answer["account"]["nonce"].as_u64() else {
        return Ok(Vec::new());
    };
    let tip = Height::new(answer["height"].as_u64().unwrap());
    let mut sent = Vec::new();
    for number in 0..BATCH {
        known.receivers += 1;
        let to = person(1_000 + known.receivers).id;
        let tx = miner.sign(nonce + number, tip, vec![transfer(to, PAYMENT)]);
        match node.submit_tx(&tx) {
            Ok(status) => assert_eq!(status, "accepted"),
            // The built-in miner was quicker, or an earlier payment still waits under this nonce.
            Err(refused) if refused.number == -32002 => break,
            Err(gone) => return Err(gone),
        }
        sent.push(Paid { tx, to, height: 0 });
    }
    Ok(sent)
}

/// Mines a block whose time is the least allowed, so that many fit into the seconds that blocks may be ahead.
fn mine_one(node: &Server, miner: &Person, known: &mut Acknowledged) -> Result<(), RpcFailure> {
    let head = node.call("chain_head", json!({}))?;
    let mut block: Block = node.template(&miner.address())?;
    let header = &mut block.header.header;
    if head["block"] != header.parent.to_string() {
        return Ok(());
    }
    let clock = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    header.time = head["time"].as_u64().unwrap() + 1;
    if header.time > clock + SECONDS_AHEAD {
        thread::sleep(Duration::from_millis(20));
        return Ok(());
    }
    seal(&mut block);
    match node.submit_block(&block) {
        Ok(status) if status == "connected" => {
            let height = block.header.header.height.get();
            known.blocks.push((height, block.header.id().to_string()));
            known.height = known.height.max(height);
            Ok(())
        }
        // The built-in miner was quicker.
        Ok(status) => {
            assert_eq!(status, "side");
            Ok(())
        }
        Err(gone) if gone.number == 0 => Err(gone),
        Err(refused) => panic!("a good block was refused: {refused:?}"),
    }
}

/// Checks a node that has just started against what was acknowledged since the check before.
pub(crate) fn check(node: &Server, known: &mut Acknowledged) {
    let status = node.get("node_status", json!({}));
    assert_eq!(status["storage_failed"], false);
    assert_eq!(status["reorg_alarm"], false);
    let height = status["head"]["height"].as_u64().unwrap();
    assert!(height >= known.height, "{height} is below {}", known.height);
    let (blocks, paid) = known.found;
    check_blocks(node, known.blocks[blocks..].iter());
    check_payments(node, height, known.paid[paid..].iter());
    proven_balance(node, &person(1).id);
    known.found = (known.blocks.len(), known.paid.len());
}

/// Looks once more at what was acknowledged over all kills, at a few hundred blocks and payments if they are many.
pub(crate) fn check_all(node: &Server, known: &Acknowledged) {
    let every = |count: usize| count / LOOKED_AT + 1;
    check_blocks(node, known.blocks.iter().step_by(every(known.blocks.len())));
    let paid = known.paid.iter().step_by(every(known.paid.len()));
    check_payments(node, node.height(), paid);
}

fn check_blocks<'a>(node: &Server, blocks: impl Iterator<Item = &'a (u64, String)>) {
    for (height, id) in blocks {
        let header = node.get("chain_header", json!({ "height": height }));
        assert_eq!(
            header["block"], *id,
            "the block at {height} was acknowledged"
        );
    }
}

fn check_payments<'a>(node: &Server, tip: u64, payments: impl Iterator<Item = &'a Paid>) {
    for paid in payments {
        let balance = proven_balance(node, &paid.to);
        assert_eq!(
            balance,
            Some(PAYMENT - BURN),
            "a confirmed payment is there"
        );
        if paid.height + WINDOW > tip {
            assert_eq!(node.tx_status(&paid.tx), "confirmed");
        }
    }
}

/// The balance of an account by a proof against the tip's header, whose hash is the tip.
fn proven_balance(node: &Server, id: &AccountId) -> Option<u64> {
    let address = sapwood_primitives::Address::new("dsap", *id).to_string();
    let answer = node.get("account_proof", json!({ "account": address }));
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let header: Header = codec::read(&bytes(&answer["header"])).unwrap();
    assert_eq!(answer["block"], header.id().to_string());
    assert_eq!(answer["state_root"], header.state_root.to_string());
    let key = sapwood_primitives::leaf::key::account(id);
    assert_eq!(answer["key"], key.to_string());
    let value = Some(&answer["value"])
        .filter(|value| !value.is_null())
        .map(bytes);
    let claim = match &value {
        Some(value) => Claim::Present(value),
        None => Claim::Absent,
    };
    let root = Root(header.state_root.0);
    verify(&root, &Key(key.0), claim, &bytes(&answer["proof"])).unwrap();
    match codec::read::<Leaf>(&value?).unwrap() {
        Leaf::Account(account) => Some(account.balance.drops()),
        other => panic!("another leaf: {other:?}"),
    }
}
