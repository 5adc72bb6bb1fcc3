//! The node's document of its RPC against the node itself.

use crate::params::good_calls;
use crate::schema::check;
use crate::world::{SAP, World};
use sapwood_primitives::{Action, Commitment, Records};
use sapwood_rpc::types::METHODS;
use sapwood_tests::chain::{drops, person, transfer};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn discover(world: &World) -> Value {
    world.server.get("rpc.discover", json!({}))
}

fn methods(document: &Value) -> BTreeMap<&str, &Value> {
    let methods = document["methods"].as_array().unwrap();
    methods
        .iter()
        .map(|method| (method["name"].as_str().unwrap(), method))
        .collect()
}

/// Checks a real answer against what the document says of the method.
#[track_caller]
fn assert_described(document: &Value, method: &str, params: &Value, answer: &Value) {
    let schema = &methods(document)[method]["result"]["schema"];
    let checked = check(document, schema, answer);
    assert_eq!(checked, Ok(()), "{method} {params}: {answer}");
}

#[test]
fn the_document_lists_what_the_node_answers_and_every_answer_is_as_it_says() {
    let world = World::new();
    let document = discover(&world);
    assert_eq!(document["openrpc"], "1.3.2");
    let listed: BTreeSet<&str> = methods(&document).into_keys().collect();
    assert_eq!(listed, METHODS.iter().map(|method| method.name).collect());
    let mut answered = BTreeSet::new();
    let mut calls = good_calls(&world);
    let more = [
        ("name_resolve", json!({"name": "alder", "proof": true})),
        ("name_show", json!({"name": "alder", "proof": true})),
        ("name_show", json!({"name": "nobody"})),
        (
            "name_price",
            json!({"name": "alder", "years": 1, "proof": true}),
        ),
        ("name_price", json!({"name": "nobody", "years": 1})),
        ("name_list", json!({"limit": 1})),
        ("account_get", json!({"account": person(1).address()})),
        ("account_get", json!({"account": person(99).address()})),
        ("state_multiproof", json!({"names": ["alder", "nobody"]})),
        ("chain_header", json!({"height": 0})),
        ("tx_decode", json!({"tx": everything(&world)})),
    ];
    calls.splice(0..0, more);
    for (method, params) in calls {
        let answer = world.server.get(method, params.clone());
        assert_described(&document, method, &params, &answer);
        answered.insert(method);
    }
    assert_eq!(answered, listed);
}

/// An account and a name with everything pending that can be, then a transaction of the pool and one that is confirmed.
#[test]
fn answers_about_pending_changes_and_transactions_are_as_the_document_says() {
    let mut world = World::new();
    let document = discover(&world);
    let set = vec![
        Action::LimitSet {
            rate: drops(SAP),
            delay_days: 2,
        },
        Action::GuardianSet {
            guardian: Some(person(3).id),
        },
        Action::StandingOrderSet {
            max_price: Some(drops(SAP)),
        },
    ];
    let set = world.branch.sign(&person(2), 0, set);
    world.mine(vec![set.clone()]);
    let change = vec![Action::NameTransferStart {
        to: person(4).id,
        quick: false,
    }];
    let change = world.branch.sign(&person(2), 0, change);
    world.mine(vec![change]);
    let waiting = world
        .branch
        .sign(&person(3), 0, vec![transfer(person(4).id, SAP)]);
    world.server.submit_tx(&waiting).unwrap();
    let calls = [
        (
            "account_get",
            json!({"account": person(2).address(), "proof": true}),
        ),
        ("name_show", json!({"name": "birch"})),
        ("tx_status", json!({"txid": waiting.txid().to_string()})),
        ("tx_status", json!({"txid": set.txid().to_string()})),
        ("mempool_info", json!({})),
        ("node_status", json!({})),
    ];
    for (method, params) in calls {
        let answer = world.server.get(method, params.clone());
        assert_described(&document, method, &params, &answer);
    }
    let account = world
        .server
        .get("account_get", json!({"account": person(2).address()}));
    assert!(
        account["account"]["limit"].is_object() && account["account"]["owner_change"].is_object(),
        "{account}"
    );
}

/// A transaction with every kind of action, in hex. It breaks rules, which decoding does not look at.
fn everything(world: &World) -> String {
    let (to, name) = (
        person(3).id,
        "oak".parse::<sapwood_primitives::Name>().unwrap(),
    );
    let authority = sapwood_primitives::AuthorityHash::default();
    let price = drops(SAP);
    let actions = vec![
        transfer(to, 1),
        Action::NameCommit {
            commitment: Commitment::default(),
        },
        Action::NameReveal {
            name: name.clone(),
            salt: [1; 32],
            years: 1,
            max_price: price,
        },
        Action::NameRenew {
            name: name.clone(),
            years: 1,
            max_price: price,
        },
        Action::RecordsSet {
            records: Records::default(),
        },
        Action::StandingOrderSet { max_price: None },
        Action::NameTransferStart { to, quick: true },
        Action::NameTransferFinish { name },
        Action::NameReleaseStart,
        Action::LimitSet {
            rate: price,
            delay_days: 1,
        },
        Action::LimitRemove,
        Action::GuardianSet { guardian: None },
        Action::AuthorityRotate { authority },
        Action::AccountClose { to },
        Action::PendingCancel,
        Action::GuardianVeto { account: to },
        Action::GuardianFreeze { account: to },
        Action::GuardianRecover {
            account: to,
            authority,
        },
        Action::GuardianCancel { account: to },
    ];
    let halves = world.branch.sign(&person(2), 0, actions);
    hex::encode(parity_scale_codec::Encode::encode(&halves))
}

#[test]
fn parameters_are_required_refused_and_optional_as_the_document_says() {
    let world = World::new();
    let document = discover(&world);
    for (method, good) in good_calls(&world) {
        let params = methods(&document)[method]["params"].as_array().unwrap();
        let described: BTreeMap<&str, bool> = params
            .iter()
            .map(|p| (p["name"].as_str().unwrap(), p["required"] == true))
            .collect();
        let good: &Map<String, Value> = good.as_object().unwrap();
        for (name, value) in good {
            let schema = &params.iter().find(|p| p["name"] == **name).unwrap()["schema"];
            assert_eq!(check(&document, schema, value), Ok(()), "{method} {name}");
        }
        let code = |params: &Map<String, Value>| {
            world.call(method, &json!(params).to_string())["error"]["code"].clone()
        };
        for (name, _) in described.iter().filter(|(_, required)| **required) {
            let mut less = good.clone();
            less.remove(*name);
            assert_eq!(code(&less), -32602, "{method} without {name}");
        }
        let mut unknown = good.clone();
        unknown.insert("unknown".into(), json!(1));
        assert_eq!(code(&unknown), -32602, "{method} with an unknown parameter");
        // Only what must be there, of methods that change nothing and need no choice.
        let least: Map<_, _> = good
            .clone()
            .into_iter()
            .filter(|(name, _)| described[name.as_str()])
            .collect();
        let choice = ["chain_header", "chain_block", "state_multiproof"];
        let writes = ["tx_submit", "mining_submit", "snapshot_write"];
        if !choice.contains(&method) && !writes.contains(&method) {
            assert_eq!(
                code(&least),
                Value::Null,
                "{method} with no more than {least:?}"
            );
        }
    }
}

#[test]
fn errors_that_the_node_answers_with_are_listed_for_the_method() {
    let world = World::new();
    let document = discover(&world);
    let used = world
        .branch
        .sign(&person(2), 0, vec![transfer(person(3).id, SAP)]);
    let mut early = used.clone();
    early.body.nonce = 0;
    let early = person(2).sign(
        0,
        world.branch.tip().height,
        vec![transfer(person(3).id, 1)],
    );
    let mut bad_block = world.branch.draft(&person(1), b"", Vec::new());
    bad_block.header.header.tx_root = sapwood_primitives::Hash([1; 32]);
    sapwood_tests::chain::seal(&mut bad_block);
    let hex = |bytes: Vec<u8>| hex::encode(bytes);
    let tx = |tx: &sapwood_primitives::Transaction| json!({"tx": hex(parity_scale_codec::Encode::encode(tx))});
    for (method, params, code) in [
        ("chain_header", json!({"height": 9999}), "not_found"),
        (
            "chain_headers",
            json!({"from": 0, "count": 0}),
            "invalid_params",
        ),
        ("tx_submit", tx(&early), "nonce_used"),
        (
            "mining_submit",
            json!({"block": hex(parity_scale_codec::Encode::encode(&bad_block))}),
            "tx_root",
        ),
    ] {
        let error = world.server.call(method, params).unwrap_err();
        assert_eq!(error.code, code, "{error:?}");
        let listed = methods(&document)[method]["errors"].as_array().unwrap();
        let reference = json!({"$ref": format!("#/components/errors/{code}")});
        assert!(listed.contains(&reference), "{method}: {code}");
        let entry = &document["components"]["errors"][code];
        assert_eq!(entry["code"], error.number);
        assert_eq!(entry["data"]["code"], code);
    }
}
