//! Rows 48 to 50, and every other way in which a transaction or a block is refused: by its code, its number and its hint.

use crate::world::{SAP, World};
use sapwood_primitives::{Action, Amount, Height, Transaction};
use sapwood_tests::RpcFailure;
use sapwood_tests::chain::{dev, drops, person, seal, transfer, unseal};
use serde_json::json;

/// A payment by person 2 with this nonce, relative to its next one, and so many times the least fee.
fn pay(world: &World, ahead: u64, fees: u64, amount: u64) -> Transaction {
    let sender = person(2);
    let nonce = world.branch.account(&sender.id).unwrap().nonce;
    let actions = vec![transfer(person(3).id, amount)];
    sender.sign_for(
        &dev(),
        nonce.wrapping_add(ahead),
        world.branch.tip().height,
        fees,
        actions,
    )
}

fn reveal(name: &str) -> Action {
    Action::NameReveal {
        name: name.parse().unwrap(),
        salt: [0; 32],
        years: 1,
        max_price: drops(SAP),
    }
}

#[track_caller]
fn assert_refused(answer: Result<String, RpcFailure>, number: i32, code: &str) -> RpcFailure {
    let error = answer.unwrap_err();
    assert_eq!(
        (error.number, error.code.as_str()),
        (number, code),
        "{error:?}"
    );
    assert!(!error.hint.is_empty(), "{error:?}");
    assert!(
        !error.message.is_empty() && !error.message.contains('\n'),
        "{error:?}"
    );
    error
}

#[test]
fn row_48_a_transaction_handed_in_twice_is_known_under_the_same_id() {
    let mut world = World::new();
    let tx = pay(&world, 0, 1, SAP);
    // `submit_tx` compares the id of each answer with the transaction's own.
    assert_eq!(world.server.submit_tx(&tx).as_deref(), Ok("accepted"));
    let count = world.server.get("mempool_info", json!({}))["count"].clone();
    assert_eq!(world.server.submit_tx(&tx).as_deref(), Ok("known"));
    assert_eq!(world.server.submit_tx(&tx).as_deref(), Ok("known"));
    assert_eq!(world.server.get("mempool_info", json!({}))["count"], count);
    assert_eq!(world.server.tx_status(&tx), "pending");
    world.mine(vec![tx.clone()]);
    assert_eq!(world.server.tx_status(&tx), "confirmed");
    let after = world.fingerprint();
    // Its sender may not have heard of the block yet.
    assert_eq!(world.server.submit_tx(&tx).as_deref(), Ok("known"));
    assert_eq!(world.fingerprint(), after);
}

#[test]
fn row_49_another_transaction_with_a_used_nonce_is_refused() {
    let mut world = World::new();
    let (first, second) = (pay(&world, 0, 1, SAP), pay(&world, 0, 1, 2 * SAP));
    world.mine(vec![first]);
    let before = world.fingerprint();
    assert_refused(world.server.submit_tx(&second), -32002, "nonce_used");
    assert_eq!(world.fingerprint(), before);
}

#[test]
fn row_50_a_fee_that_is_too_low_is_told_the_minimum() {
    let world = World::new();
    let before = world.fingerprint();
    let good = pay(&world, 0, 1, SAP);
    let least = good.body.fee.drops();
    let mut body = good.body.clone();
    body.fee = drops(least - 1);
    let genesis = sapwood_runtime::genesis(&dev()).unwrap().link.id;
    let tx = body.sign(&genesis, &person(2).pair, &[0; 32]);
    let error = assert_refused(world.server.submit_tx(&tx), -32002, "fee_too_low");
    let minimum = Amount::from_drops(least).unwrap().to_string();
    assert!(
        error.message.contains(&minimum) || error.message.contains(&least.to_string()),
        "{error:?} lacks {minimum}"
    );
    assert_eq!(world.fingerprint(), before);
    assert_eq!(world.server.submit_tx(&good).as_deref(), Ok("accepted"));
}

#[test]
fn every_other_refusal_of_a_transaction_has_its_code() {
    let world = World::new();
    let before = world.fingerprint();
    let (sender, tip) = (person(2), world.branch.tip().height);
    let nonce = world.branch.account(&sender.id).unwrap().nonce;
    let does = |actions| sender.sign(nonce, tip, actions);
    let mut forged = pay(&world, 0, 1, SAP);
    forged.body.nonce += 1;
    let mut late = forged.body.clone();
    late.nonce = nonce;
    late.valid_until = Height::new(tip.get());
    let genesis = sapwood_runtime::genesis(&dev()).unwrap().link.id;
    let late = late.sign(&genesis, &sender.pair, &[0; 32]);
    let tour = sender.sign_for(
        &sapwood_primitives::Chain::named("tour").unwrap(),
        nonce,
        tip,
        1,
        vec![transfer(person(3).id, 1)],
    );
    let stolen = {
        let mut body = pay(&world, 0, 1, SAP).body;
        body.sender = person(3).id;
        body.nonce = world.branch.account(&person(3).id).unwrap().nonce;
        body.sign(&genesis, &sender.pair, &[0; 32])
    };
    let rows = [
        ("nonce_gap", pay(&world, 17, 1, SAP)),
        ("nonce_used", pay(&world, u64::MAX, 1, SAP)),
        ("bad_signature", forged),
        ("bad_signature", tour),
        ("expired", late),
        (
            "valid_too_long",
            sender.sign(nonce, tip.plus(1_000), vec![transfer(person(3).id, 1)]),
        ),
        (
            "no_account",
            person(99).sign(0, tip, vec![transfer(sender.id, 1)]),
        ),
        ("wrong_authority", stolen),
        ("insufficient", pay(&world, 0, 1, 1_000_000 * SAP)),
        ("zero_amount", pay(&world, 0, 1, 0)),
        ("creation_too_small", does(vec![transfer(person(98).id, 1)])),
        ("has_name", does(vec![reveal("elder")])),
        (
            "name_taken",
            world.branch.sign(&person(4), 0, vec![reveal("cedar")]),
        ),
        (
            "no_commitment",
            world.branch.sign(&person(4), 0, vec![reveal("elder")]),
        ),
        (
            "not_registered",
            does(vec![Action::NameRenew {
                name: "elder".parse().unwrap(),
                years: 1,
                max_price: drops(SAP),
            }]),
        ),
        (
            "not_offered",
            does(vec![Action::NameTransferFinish {
                name: "cedar".parse().unwrap(),
            }]),
        ),
        ("nothing_pending", does(vec![Action::PendingCancel])),
        ("no_limit", does(vec![Action::LimitRemove])),
        (
            "limit_range",
            does(vec![Action::LimitSet {
                rate: drops(1),
                delay_days: 31,
            }]),
        ),
        (
            "not_guardian",
            does(vec![Action::GuardianFreeze {
                account: person(3).id,
            }]),
        ),
    ];
    for (code, tx) in rows {
        let error = world.server.submit_tx(&tx).unwrap_err();
        assert_eq!(
            (error.number, error.code.as_str()),
            (-32002, code),
            "{error:?}"
        );
        assert!(
            !error.hint.is_empty() && !error.message.contains('\n'),
            "{error:?}"
        );
        assert_eq!(world.server.tx_status(&tx), "unknown", "{code}");
    }
    assert_eq!(world.fingerprint(), before);
}

#[test]
fn a_decoded_transaction_says_what_it_does_and_whether_it_is_signed() {
    let world = World::new();
    let tx = pay(&world, 0, 3, SAP);
    let hex = hex::encode(parity_scale_codec::Encode::encode(&tx));
    let decoded = world.server.get("tx_decode", json!({ "tx": hex }));
    assert_eq!(decoded["txid"], tx.txid().to_string());
    assert_eq!(
        (&decoded["signature_valid"], &decoded["bytes"]),
        (&json!(true), &json!(hex.len() / 2))
    );
    assert_eq!(decoded["sender"], person(2).address());
    assert_eq!(
        decoded["actions"],
        json!([{"type": "transfer", "to": person(3).address(), "amount": SAP}])
    );
    assert_eq!(decoded["fee"], 3 * decoded["min_fee"].as_u64().unwrap());
    let mut forged = tx;
    forged.body.fee = drops(1);
    let hex = hex::encode(parity_scale_codec::Encode::encode(&forged));
    assert_eq!(
        world.server.get("tx_decode", json!({ "tx": hex }))["signature_valid"],
        false
    );
}

#[test]
fn a_transaction_with_more_fee_takes_the_place_of_one_with_less() {
    let world = World::new();
    let (low, same, high) = (
        pay(&world, 0, 1, SAP),
        pay(&world, 0, 1, 2 * SAP),
        pay(&world, 0, 2, 3 * SAP),
    );
    assert_eq!(world.server.submit_tx(&low).as_deref(), Ok("accepted"));
    assert_refused(
        world.server.submit_tx(&same),
        -32002,
        "replacement_fee_too_low",
    );
    assert_eq!(world.server.submit_tx(&high).as_deref(), Ok("accepted"));
    assert_eq!(
        (world.server.tx_status(&low), world.server.tx_status(&high)),
        ("unknown".into(), "pending".into())
    );
}

#[test]
fn blocks_that_break_a_rule_are_refused_with_its_code() {
    let mut world = World::new();
    let before = world.fingerprint();
    let draft = world.branch.draft(&person(1), b"", Vec::new());
    let wrong = |change: &dyn Fn(&mut sapwood_primitives::Block)| {
        let mut block = draft.clone();
        change(&mut block);
        seal(&mut block);
        block
    };
    let mut no_work = draft.clone();
    unseal(&mut no_work);
    let rows = [
        ("proof_of_work", no_work),
        (
            "state_root",
            wrong(&|block| block.header.header.state_root.0[0] ^= 1),
        ),
        (
            "tx_root",
            wrong(&|block| block.header.header.tx_root.0[0] ^= 1),
        ),
        (
            "history_root",
            wrong(&|block| block.header.header.history_root.0[0] ^= 1),
        ),
        (
            "unknown_parent",
            wrong(&|block| block.header.header.parent.0[0] ^= 1),
        ),
        ("version", wrong(&|block| block.header.header.version = 2)),
        ("time", wrong(&|block| block.header.header.time = 5)),
        (
            "height",
            wrong(&|block| block.header.header.height = Height::new(5)),
        ),
    ];
    for (code, block) in rows {
        assert_refused(world.server.submit_block(&block), -32003, code);
        assert_eq!(world.fingerprint(), before, "{code}");
    }
    // The same block without the fault is as good as ever.
    let good = wrong(&|_| ());
    assert_eq!(world.server.submit_block(&good).as_deref(), Ok("connected"));
    assert_eq!(world.server.submit_block(&good).as_deref(), Ok("known"));
    world.branch.follow(&good);
    world.mine(Vec::new());
}
