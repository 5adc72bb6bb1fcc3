//! Branches: which one a node follows, what becomes of the other, and that nothing of it is left behind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sapwood_primitives::{Action, Block, Commitment, Hash, Name, Transaction};
use sapwood_tests::chain::{Branch, Person, dev, drops, person, seal, transfer};
use sapwood_tests::{Home, Server};
use serde_json::{Value, json};

/// Blocks below the fork: enough for the first coinbases to be spendable.
const TRUNK: u64 = 16;

/// The dev chain's cap (specs/chains/dev.toml).
const CAP: u64 = 6;

fn feed(node: &Server, blocks: &[Block]) -> Vec<String> {
    blocks
        .iter()
        .map(|block| node.submit_block(block).unwrap())
        .collect()
}

/// Hands blocks in that must each become the tip.
#[track_caller]
fn extend(node: &Server, blocks: &[Block]) {
    assert!(
        feed(node, blocks)
            .iter()
            .all(|status| status == "connected")
    );
    let tip = blocks.last().unwrap().header.id();
    assert_eq!(node.head()["block"], tip.to_string());
}

/// The trunk on which all branches grow: person 1 mines, person 2 has got coins.
fn trunk() -> (Branch, Vec<Block>) {
    let (mut branch, miner) = (Branch::dev(), person(1));
    let mut blocks = branch.mine_empty(TRUNK - 1, &miner, b"trunk");
    let gift = branch.sign(&miner, 0, vec![transfer(person(2).id, 900_000_000)]);
    blocks.push(branch.mine(&miner, b"trunk", vec![gift]));
    (branch, blocks)
}

/// A node that stands at the end of the trunk.
fn at_the_fork(home: &Home) -> (Server, Branch) {
    let (branch, blocks) = trunk();
    let node = home.node("dev", &["--no-dns"]);
    extend(&node, &blocks);
    (node, branch)
}

/// Blocks in which a person registers a name: a commitment, a block between, the reveal.
fn registration(branch: &mut Branch, who: &Person, name: &str) -> Vec<Block> {
    let name: Name = name.parse().unwrap();
    let salt = [5; 32];
    let hash: Commitment = sapwood_runtime::commitment(&name, &who.id, &salt);
    let commit = branch.sign(who, 0, vec![Action::NameCommit { commitment: hash }]);
    let mut blocks = vec![branch.mine(&person(1), name.as_str().as_bytes(), vec![commit])];
    blocks.extend(branch.mine_empty(1, &person(1), name.as_str().as_bytes()));
    let reveal = Action::NameReveal {
        name: name.clone(),
        salt,
        years: 1,
        max_price: drops(200_000_000),
    };
    let reveal = branch.sign(who, 0, vec![reveal]);
    blocks.push(branch.mine(&person(1), name.as_str().as_bytes(), vec![reveal]));
    assert_eq!(branch.name(&name).unwrap().owner, Some(who.id));
    blocks
}

/// All that a client can see of a state: the tip, accounts, names, the number of leaves.
fn picture(node: &Server) -> Value {
    let accounts: Vec<_> = (1..=6)
        .map(|number| {
            node.get(
                "account_get",
                json!({ "account": person(number).address(), "proof": true }),
            )
        })
        .collect();
    let names: Vec<_> = ["alder", "birch"]
        .map(|name| node.get("name_show", json!({ "name": name, "proof": true })))
        .into();
    let status = node.get("node_status", json!({}));
    json!({
        "head": node.head(), "accounts": accounts, "names": names, "list": node.get("name_list", json!({})),
        "leaves": status["leaves"], "live": status["live_names"], "price": node.get("name_price", json!({"name": "cedar", "years": 1})),
    })
}

fn status(node: &Server) -> Value {
    node.get("node_status", json!({}))
}

/// The parked branch of a test: seven own blocks against eight others.
fn parked(home: &Home) -> (Server, Branch, Vec<Block>) {
    let (node, mut own) = at_the_fork(home);
    let mut other = own.clone();
    extend(&node, &own.mine_empty(CAP + 1, &person(1), b"own"));
    let blocks = other.mine_empty(CAP + 2, &person(3), b"other");
    let mut expected = vec!["side"; 7];
    expected.push("parked");
    assert_eq!(feed(&node, &blocks), expected);
    (node, own, blocks)
}

#[test]
fn the_longer_branch_is_followed_and_leaves_nothing_of_the_shorter_one() {
    let home = Home::new();
    let (node, fork) = at_the_fork(&home);
    let (mut first, mut second) = (fork.clone(), fork.clone());

    let mut shorter = registration(&mut first, &person(1), "alder");
    let gift = first.sign(&person(2), 0, vec![transfer(person(5).id, 30_000_000)]);
    shorter.push(first.mine(&person(3), b"first", vec![gift]));
    extend(&node, &shorter);

    let mut longer = registration(&mut second, &person(2), "birch");
    longer.extend(second.mine_empty(2, &person(4), b"second"));
    let last = longer.len() - 1;
    assert!(
        feed(&node, &longer[..last])
            .iter()
            .all(|status| status == "side")
    );
    assert_eq!(node.head()["block"], first.tip().id.to_string());
    extend(&node, &longer[last..]);

    let other_home = Home::new();
    let (fresh, _) = at_the_fork(&other_home);
    extend(&fresh, &longer);
    assert_eq!(picture(&node), picture(&fresh));
    assert_eq!(
        node.head()["state_root"],
        second.tip().state_root.to_string()
    );
    let birch = node.get("name_show", json!({"name": "birch"}));
    assert_eq!(birch["owner"], person(2).address(), "{birch}");
    let alder = node.get("name_show", json!({"name": "alder"}));
    assert_eq!(alder["phase"], "available", "{alder}");
    let paid = node.get("account_get", json!({ "account": person(5).address() }));
    assert!(paid["account"].is_null(), "{paid}");

    // And back again, once the first branch has grown past the second.
    extend_back(&node, &mut first, &shorter);
    let stored = picture(&node);
    node.kill9();
    let node = home.node("dev", &["--no-dns"]);
    assert_eq!(picture(&node), stored, "the same after a restart");
}

/// Lets the first branch win by two more blocks and compares with a node that never saw another one.
fn extend_back(node: &Server, first: &mut Branch, shorter: &[Block]) {
    let more = first.mine_empty(2, &person(3), b"more");
    assert_eq!(feed(node, &more), ["side", "connected"]);
    let home = Home::new();
    let (fresh, _) = at_the_fork(&home);
    extend(&fresh, shorter);
    extend(&fresh, &more);
    assert_eq!(picture(node), picture(&fresh));
}

#[test]
fn transactions_of_the_losing_branch_come_back_unless_the_winner_forbids_them() {
    let home = Home::new();
    let (node, fork) = at_the_fork(&home);
    let (mut first, mut second) = (fork.clone(), fork.clone());
    let to = person(5).id;
    let free = fork.sign(&person(2), 0, vec![transfer(to, 30_000_000)]);
    let follows = fork.sign(&person(2), 1, vec![transfer(to, 31_000_000)]);
    let contested = fork.sign(&person(1), 0, vec![transfer(to, 32_000_000)]);
    let winner = fork.sign(&person(1), 0, vec![transfer(to, 33_000_000)]);
    let both = fork.sign(&person(2), 0, vec![transfer(to, 30_000_000)]);
    assert_eq!(
        both.txid(),
        free.txid(),
        "signatures are deterministic here"
    );

    let lost = [
        first.mine(&person(3), b"", vec![free.clone(), contested.clone()]),
        first.mine(&person(3), b"", vec![follows.clone()]),
    ];
    extend(&node, &lost);
    for tx in [&free, &follows, &contested] {
        assert_eq!(node.tx_status(tx), "confirmed");
    }
    let won = [
        second.mine(&person(4), b"", vec![winner.clone()]),
        second.mine(&person(4), b"", Vec::new()),
        second.mine(&person(4), b"", Vec::new()),
    ];
    assert_eq!(feed(&node, &won), ["side", "side", "connected"]);
    assert_eq!(node.tx_status(&winner), "confirmed");
    assert_eq!(node.tx_status(&free), "pending");
    assert_eq!(node.tx_status(&follows), "pending");
    assert_eq!(node.tx_status(&contested), "unknown", "its nonce is used");
    assert_eq!(node.submit_tx(&contested).unwrap_err().code, "nonce_used");

    let mut block = node.template(&person(4).address()).unwrap();
    assert_eq!(block.transactions.as_ref(), [free.clone(), follows.clone()]);
    seal(&mut block);
    extend(&node, &[block]);
    for tx in [&free, &follows] {
        assert_eq!(node.tx_status(tx), "confirmed");
    }
    assert_eq!(node.get("mempool_info", json!({}))["count"], 0);
}

#[test]
fn a_transaction_in_both_branches_stays_confirmed() {
    let home = Home::new();
    let (node, fork) = at_the_fork(&home);
    let (mut first, mut second) = (fork.clone(), fork.clone());
    let tx: Transaction = fork.sign(&person(2), 0, vec![transfer(person(5).id, 30_000_000)]);
    extend(&node, &[first.mine(&person(3), b"", vec![tx.clone()])]);
    let won = [
        second.mine(&person(4), b"", Vec::new()),
        second.mine(&person(4), b"", vec![tx.clone()]),
    ];
    assert_eq!(feed(&node, &won), ["side", "connected"]);
    let state = node.get("tx_status", json!({ "txid": tx.txid().to_string() }));
    assert_eq!(state["status"], "confirmed");
    assert_eq!(state["block"], won[1].header.id().to_string());
    assert_eq!(node.get("mempool_info", json!({}))["count"], 0);
}

#[test]
fn a_branch_that_undoes_as_many_blocks_as_the_cap_is_followed() {
    let home = Home::new();
    let (node, mut own) = at_the_fork(&home);
    assert_eq!(dev().consensus.reorg_cap, CAP);
    let mut other = own.clone();
    extend(&node, &own.mine_empty(CAP, &person(1), b"own"));
    let blocks = other.mine_empty(CAP + 1, &person(3), b"other");
    let statuses = feed(&node, &blocks);
    assert_eq!(statuses.last().unwrap(), "connected");
    assert_eq!(node.head()["block"], other.tip().id.to_string());
    assert_eq!(status(&node)["reorg_alarm"], false);
}

#[test]
fn a_branch_that_undoes_more_is_parked_and_reported_while_the_node_goes_on() {
    let home = Home::new();
    let (node, mut own, blocks) = parked(&home);
    let other = blocks.last().unwrap().header.id().to_string();
    assert_eq!(node.head()["block"], own.tip().id.to_string());
    let seen = status(&node);
    assert_eq!(seen["reorg_alarm"], true);
    let expected = json!([{ "block": other, "height": TRUNK + CAP + 2, "depth": CAP + 1 }]);
    assert_eq!(seen["parked_branches"], expected);

    // It answers, takes transactions and goes on with its own branch.
    let tx = own.sign(&person(2), 0, vec![transfer(person(5).id, 30_000_000)]);
    assert_eq!(node.submit_tx(&tx).unwrap(), "accepted");
    extend(&node, &[own.mine(&person(1), b"own", vec![tx.clone()])]);
    assert_eq!(node.tx_status(&tx), "confirmed");
    assert_eq!(
        status(&node)["reorg_alarm"],
        false,
        "the other branch is no heavier now"
    );

    let mut branch = trunk().0;
    blocks.iter().for_each(|block| branch.follow(block));
    let more = branch.mine(&person(3), b"other", Vec::new());
    assert_eq!(node.submit_block(&more).unwrap(), "parked");
    assert_eq!(status(&node)["parked_branches"][0]["depth"], CAP + 2);
}

#[test]
fn a_parked_branch_is_still_parked_after_a_restart() {
    let home = Home::new();
    let (node, own, blocks) = parked(&home);
    let before = status(&node)["parked_branches"].clone();
    assert_eq!(node.terminate(), 0);
    let node = home.node("dev", &["--no-dns"]);
    let after = status(&node);
    assert_eq!(after["parked_branches"], before);
    assert_eq!(after["reorg_alarm"], true);
    assert_eq!(node.head()["block"], own.tip().id.to_string());
    assert_eq!(node.submit_block(blocks.last().unwrap()).unwrap(), "known");
}

#[test]
fn a_branch_with_an_invalid_block_in_it_is_refused_whole() {
    let home = Home::new();
    let (node, mut own) = at_the_fork(&home);
    let mut other = own.clone();
    extend(&node, &own.mine_empty(2, &person(1), b"own"));
    let before = picture(&node);

    let good = other.mine(&person(3), b"", Vec::new());
    let sound = other.clone();
    let mut bad = other.draft(&person(3), b"", Vec::new());
    bad.header.header.state_root = Hash([9; 32]);
    seal(&mut bad);
    other.follow_header(&bad);
    let mut child = other.draft(&person(3), b"", Vec::new());
    seal(&mut child);
    assert_eq!(
        feed(&node, &[good, bad.clone()]),
        ["side", "side"],
        "their state is not looked at yet"
    );
    let refused = node.submit_block(&child).unwrap_err();
    assert_eq!(
        (refused.number, refused.code.as_str()),
        (-32003, "state_root")
    );
    assert!(
        refused.message.contains(&bad.header.id().to_string()),
        "{refused:?}"
    );
    assert_eq!(picture(&node), before);
    for block in [&bad, &child] {
        assert_eq!(node.submit_block(block).unwrap_err().code, "known_invalid");
    }
    assert_eq!(picture(&node), before);

    // The block below it was sound, and a branch on that one can still win.
    let mut other = sound;
    let blocks = other.mine_empty(2, &person(3), b"sound");
    assert_eq!(feed(&node, &blocks), ["side", "connected"]);
    assert_eq!(
        node.head()["state_root"],
        other.tip().state_root.to_string()
    );
}

#[test]
fn of_equal_branches_the_one_seen_first_is_kept_also_over_a_restart() {
    let home = Home::new();
    let (node, fork) = at_the_fork(&home);
    let (mut first, mut second) = (fork.clone(), fork);
    extend(&node, &first.mine_empty(3, &person(3), b"first"));
    let blocks = second.mine_empty(3, &person(4), b"second");
    assert_eq!(feed(&node, &blocks), ["side", "side", "side"]);
    assert_eq!(node.head()["block"], first.tip().id.to_string());
    assert_eq!(status(&node)["reorg_alarm"], false);
    node.kill9();
    let node = home.node("dev", &["--no-dns"]);
    assert_eq!(node.head()["block"], first.tip().id.to_string());
    assert_eq!(feed(&node, &blocks), ["known", "known", "known"]);
    // One more block decides.
    let more = second.mine_empty(1, &person(4), b"second");
    extend(&node, &more);
}

#[test]
fn a_block_is_taken_only_after_its_parent() {
    let home = Home::new();
    let (node, mut branch) = at_the_fork(&home);
    let head = node.head();
    let blocks = branch.mine_empty(3, &person(3), b"");
    for block in blocks[1..].iter().rev() {
        let refused = node.submit_block(block).unwrap_err();
        assert_eq!(
            (refused.number, refused.code.as_str()),
            (-32003, "unknown_parent")
        );
        let parent = block.header.header.parent.to_string();
        assert!(refused.message.contains(&parent), "{refused:?}");
    }
    assert_eq!(node.head(), head);
    extend(&node, &blocks);
}
