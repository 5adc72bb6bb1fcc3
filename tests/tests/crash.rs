//! `kill -9` at random moments, while blocks and transactions flow and while a node starts: what was acknowledged is there afterwards, and no hand is needed.
//!
//! `CRASH_KILLS` sets the number of kills and `CRASH_SEED` the random moments; both are printed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sapwood_account_tree::{Claim, Key, Root, verify};
use sapwood_primitives::codec;
use sapwood_primitives::{AccountId, Block, Header, Height, Leaf, Transaction};
use sapwood_tests::chain::{Person, person, seal, transfer};
use sapwood_tests::{Home, RpcFailure, Server};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Kills, unless the environment says otherwise.
const KILLS: u64 = 20;

/// Drops that each payment carries to an account of its own.
const PAYMENT: u64 = 2_000_000;

/// What opening an account costs on the dev chain.
const BURN: u64 = 100_000;

/// Blocks whose transactions a dev node can look up; fewer than it keeps, as some come during a look.
const WINDOW: u64 = 500;

/// Transactions handed in before a block.
const BATCH: u64 = 3;

/// Longest time for which a node works before it is killed.
const WORK: Duration = Duration::from_millis(600);

/// Blocks' times run ahead of the clock by up to 600 s; when this many are used up a miner waits.
const SECONDS_AHEAD: u64 = 590;

/// Numbers that look random and follow from a seed (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A moment from now to `most` later.
    fn moment(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.next() as f64 / u64::MAX as f64)
    }
}

/// A transaction that a node has said to be confirmed.
#[derive(Clone)]
struct Paid {
    tx: Transaction,
    to: AccountId,
    height: u64,
}

/// Everything that was acknowledged, over all kills.
#[derive(Default)]
struct Acknowledged {
    /// Blocks that `mining_submit` said were connected; none of them has a rival, so all stay.
    blocks: Vec<(u64, String)>,
    paid: Vec<Paid>,
    /// Highest height that any answer named.
    height: u64,
    /// Receivers used so far.
    receivers: u64,
    /// How many blocks and payments were found after an earlier kill already; all of them are looked at once more in the end.
    found: (usize, usize),
}

/// Mines and pays until the node is gone. An answer that does not come acknowledges nothing.
fn flow(node: &Server, known: &mut Acknowledged) -> RpcFailure {
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

/// Checks a node that has just started against what was acknowledged before it was killed.
fn check(node: &Server, known: &mut Acknowledged) {
    let status = node.get("node_status", json!({}));
    assert_eq!(status["storage_failed"], false);
    assert_eq!(status["reorg_alarm"], false);
    let height = status["head"]["height"].as_u64().unwrap();
    assert!(height >= known.height, "{height} is below {}", known.height);
    for (height, id) in &known.blocks[known.found.0..] {
        let header = node.get("chain_header", json!({ "height": height }));
        assert_eq!(
            header["block"], *id,
            "the block at {height} was acknowledged"
        );
    }
    for paid in &known.paid[known.found.1..] {
        let balance = proven_balance(node, &paid.to);
        assert_eq!(
            balance,
            Some(PAYMENT - BURN),
            "a confirmed payment is there"
        );
        if paid.height + WINDOW > height {
            assert_eq!(node.tx_status(&paid.tx), "confirmed");
        }
    }
    proven_balance(node, &person(1).id);
    known.found = (known.blocks.len(), known.paid.len());
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

/// How long a start takes here, on a chain of its own.
fn time_of_a_start() -> Duration {
    let home = Home::new();
    // The program may have to be built first, which is no part of it.
    home.run("", &["--version"]).expect(0);
    let start = Instant::now();
    home.node("dev", &["--no-dns"]);
    start.elapsed()
}

/// In the last quarter the built-in miner works beside: its blocks get the clock's time and so end the ones that come at once.
fn arguments(round: u64, kills: u64) -> Vec<String> {
    let mut arguments = vec!["--no-dns".to_owned()];
    if round >= kills - kills / 4 {
        arguments.extend([
            "--mine".into(),
            person(2).address(),
            "--threads".into(),
            "1".into(),
        ]);
    }
    arguments
}

#[test]
fn nothing_acknowledged_is_lost_by_kills_at_random_moments() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let kills = number("CRASH_KILLS").unwrap_or(KILLS);
    let seed = number("CRASH_SEED").unwrap_or(1);
    println!("CRASH_KILLS={kills} CRASH_SEED={seed}");
    let mut numbers = Numbers(seed);
    let home = Home::new();
    let mut known = Acknowledged::default();
    let mut starting_kills = 0;
    let mut usual_start = time_of_a_start();
    for round in 0..kills {
        let arguments = arguments(round, kills);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        // Every third kill is meant for the start and the recovery in it.
        if round % 3 == 0 {
            let starting = home.start_node("dev", &arguments);
            thread::sleep(numbers.moment(usual_start));
            starting_kills += u64::from(!starting.kill9());
            continue;
        }
        let start = Instant::now();
        let node = home.node("dev", &arguments);
        usual_start = start.elapsed();
        check(&node, &mut known);
        thread::scope(|scope| {
            let flowing = scope.spawn(|| flow(&node, &mut known));
            thread::sleep(numbers.moment(WORK));
            node.kill_while_used();
            let gone = flowing.join().unwrap();
            assert_eq!(gone.code, "unreachable", "{gone:?}");
        });
    }
    // A start can be quicker than the one before it; then some more are needed.
    for _ in 0..kills {
        if 10 * starting_kills >= kills {
            break;
        }
        let starting = home.start_node("dev", &["--no-dns"]);
        thread::sleep(numbers.moment(usual_start / 2));
        starting_kills += u64::from(!starting.kill9());
    }
    let node = home.node("dev", &["--no-dns"]);
    known.found = (0, 0);
    check(&node, &mut known);
    println!(
        "{starting_kills} of {kills} kills during a start; {} blocks and {} payments acknowledged, height {}",
        known.blocks.len(),
        known.paid.len(),
        node.height()
    );
    assert!(
        10 * starting_kills >= kills,
        "too few kills fell into a start"
    );
    assert!(
        !known.blocks.is_empty() && !known.paid.is_empty(),
        "blocks and payments flowed"
    );
    assert_eq!(node.terminate(), 0);
}
