//! The listener of `--rpc-public`: what it answers, what it does not have, and how much of it one address gets.

use crate::params::good_calls;
use crate::world::World;
use sapwood_rpc::types::{Access, METHODS};
use sapwood_tests::chain::{person, transfer};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PUBLIC: &[&str] = &["--rpc-public", "127.0.0.1"];

#[test]
fn it_has_no_method_that_mines_writes_or_is_not_known() {
    let world = World::with(PUBLIC);
    let before = world.fingerprint();
    let private: Vec<_> = METHODS
        .iter()
        .filter(|m| m.access == Access::Private)
        .collect();
    assert_eq!(private.len(), 4);
    let calls = good_calls(&world);
    for method in private {
        let (_, params) = calls.iter().find(|(name, _)| *name == method.name).unwrap();
        let answer = world.call_public(method.name, params);
        assert_eq!(answer["error"]["code"], -32601, "{}: {answer}", method.name);
        assert_eq!(answer["error"]["data"]["code"], "method_not_found");
    }
    for made_up in ["", "mining_", "rpc.modules", "chain_Head"] {
        let answer = world.call_public(made_up, &json!({}));
        assert_eq!(answer["error"]["code"], -32601, "{made_up:?}");
    }
    assert_eq!(world.fingerprint(), before);
    let listed = world.call_public("rpc.discover", &json!({}));
    let listed = listed["result"]["methods"].as_array().unwrap();
    let listed: BTreeSet<_> = listed.iter().map(|m| m["name"].as_str().unwrap()).collect();
    let public = METHODS.iter().filter(|m| m.access == Access::Public);
    assert_eq!(listed, public.map(|m| m.name).collect());
}

#[test]
fn it_answers_as_the_other_listener_does_but_for_what_is_the_owners_business() {
    let world = World::with(PUBLIC);
    let mut asked = 0;
    for (method, params) in good_calls(&world) {
        let entry = METHODS.iter().find(|m| m.name == method).unwrap();
        let special = ["rpc.discover", "node_status", "tx_submit"];
        if entry.access == Access::Public && !special.contains(&method) {
            let answer = world.call_public(method, &params);
            assert_eq!(
                answer["result"],
                world.server.get(method, params),
                "{method}"
            );
            asked += 1;
        }
    }
    assert!(asked > 15, "{asked}");
    let status = world.call_public("node_status", &json!({}));
    let own = world.server.get("node_status", json!({}));
    assert_eq!(status["result"]["head"], own["head"]);
    assert_eq!(
        (&status["result"]["data_dir"], &status["result"]["dns"]),
        (&json!(""), &Value::Null)
    );
    let path = own["data_dir"].as_str().unwrap();
    assert!(!path.is_empty() && !status.to_string().contains(path));
    let pay = world
        .branch
        .sign(&person(2), 0, vec![transfer(person(3).id, 1)]);
    let tx = json!({"tx": hex::encode(parity_scale_codec::Encode::encode(&pay))});
    assert_eq!(
        world.call_public("tx_submit", &tx)["result"]["status"],
        "accepted"
    );
    assert_eq!(world.server.tx_status(&pay), "pending");
}

#[test]
fn an_address_that_asks_too_much_is_told_so_and_the_other_listener_does_not_notice() {
    let world = World::empty_with(PUBLIC);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "chain_head"});
    let batch = Value::Array(vec![call.clone(); 8]).to_string();
    let mut served = 0;
    let refused = loop {
        let answer = world.ask_public(&batch);
        if answer.status != 200 {
            break answer;
        }
        served += 1;
        assert!(served < 1000, "nobody is ever refused");
    };
    assert_eq!(refused.status, 429, "{refused:?}");
    let error: Value = serde_json::from_str(&refused.body).unwrap();
    assert_eq!(error["error"]["code"], "rate_limited");
    assert!(error["error"]["hint"].is_string());
    for _ in 0..50 {
        assert_eq!(world.server.height(), 0);
    }
    let too_many = Value::Array(vec![call; 9]).to_string();
    let fresh = World::empty_with(PUBLIC);
    let answer = fresh.ask_public(&too_many);
    assert!(answer.body.contains("-32600"), "{answer:?}");
    let long = fresh.ask_public(&" ".repeat(64 * 1024 + 1));
    assert_eq!(long.status, 413, "{long:?}");
}

#[test]
fn there_is_no_such_listener_unless_it_is_asked_for() {
    let world = World::empty();
    assert_eq!(world.server.ready["rpc_public"], Value::Null);
}
