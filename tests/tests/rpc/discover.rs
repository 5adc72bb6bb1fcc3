//! The node's document of its RPC against the node itself.

use crate::params::good_calls;
use crate::schema::check;
use crate::world::{SAP, World};
use sapwood_primitives::{Action, Commitment, Records};
use sapwood_rpc::types::METHODS;
use sapwood_tests::chain::{drops, person, transfer};
use sapwood_tests::{Home, Numbers, from_environment};
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
    ];
    calls.splice(0..0, more);
    let decode = everything(&world).map(|tx| ("tx_decode", json!({ "tx": tx })));
    calls.splice(0..0, decode);
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
        Action::StandingOrderSet {
            max_price: Some(drops(SAP)),
        },
        Action::LimitSet {
            rate: drops(SAP),
            delay_days: 2,
        },
    ];
    let set = world.branch.sign(&person(2), 0, set);
    let guardian = Action::GuardianSet {
        guardian: Some(person(2).id),
    };
    let guardian = world.branch.sign(&person(4), 0, vec![guardian]);
    world.mine(vec![set.clone(), guardian]);
    let change = Action::NameTransferStart {
        to: person(4).id,
        quick: false,
    };
    let change = world.branch.sign(&person(2), 0, vec![change]);
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
        ("account_get", json!({"account": person(4).address()})),
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

/// Two transactions with every kind of action between them, in hex. They break rules, which decoding does not look at.
fn everything(world: &World) -> [String; 2] {
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
    let (one, other) = actions.split_at(actions.len() / 2);
    [one, other].map(|actions| {
        let tx = world.branch.sign(&person(2), 0, actions.to_vec());
        hex::encode(parity_scale_codec::Encode::encode(&tx))
    })
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
        for param in params {
            let schema = &param["schema"];
            for (bound, beyond) in [("minimum", -1), ("maximum", 1)] {
                if let Some(bound) = schema[bound].as_i64() {
                    let mut wrong = good.clone();
                    let name = param["name"].as_str().unwrap();
                    wrong.insert(name.to_owned(), json!(bound + beyond));
                    assert_eq!(code(&wrong), -32602, "{method}: {name} beyond {bound}");
                }
            }
        }
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

/// Values for any parameter: ordinary ones, those at the bounds of types, and text that is none of what is asked for.
fn odd_value(numbers: &mut Numbers, good: &Value) -> Value {
    let texts = [
        "",
        "head",
        "trusted",
        "alder",
        "0",
        "é",
        "\u{202e}",
        "\0",
        "🌲",
        "a..b",
        "xn--",
        "@",
        "AAAA",
        "TYPE65281",
        "TYPE65536",
        "dsap1",
        "DSAP1QQ",
        "-",
        "..",
        "/",
    ];
    let text = texts[numbers.below(texts.len() as u64) as usize];
    let long = text.repeat(1 + numbers.below(200) as usize);
    let odd = [
        good.clone(),
        json!(text),
        json!(long),
        json!(hex::encode(
            numbers
                .any()
                .to_le_bytes()
                .repeat(1 + numbers.below(40) as usize)
        )),
        json!("00".repeat(32)),
        json!(numbers.any()),
        json!(numbers.below(300)),
        json!(i64::MIN),
        json!(1.5e300),
        json!(true),
        json!([text, long, good]),
        json!({ text: good }),
        Value::Null,
    ];
    odd[numbers.below(odd.len() as u64) as usize].clone()
}

/// `SAPWOOD_RPC_CALLS` sets how many calls are made, 6,400 if it is not set.
#[test]
fn no_parameters_whatever_lead_to_an_internal_error() {
    let world = World::new();
    let document = discover(&world);
    let batches = from_environment("SAPWOOD_RPC_CALLS", 6_400) / 32;
    let mut numbers = Numbers::new(from_environment("SAPWOOD_SEED", 9));
    // These write, or wait as long as they are told.
    let left_out = ["snapshot_write", "mining_submit", "chain_awaitHead"];
    let calls: Vec<_> = good_calls(&world)
        .into_iter()
        .filter(|(method, _)| !left_out.contains(method))
        .collect();
    for _ in 0..batches {
        let call = |number: u64| {
            let (method, good) = &calls[numbers.below(calls.len() as u64) as usize];
            let mut params = good.clone();
            for value in params.as_object_mut().unwrap().values_mut() {
                if numbers.below(2) == 0 {
                    *value = odd_value(&mut numbers, value);
                }
            }
            json!({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        };
        let batch: Vec<_> = (0..32).map(call).collect();
        let answers = world.json_rpc(json!(batch).to_string());
        for (call, answer) in batch.iter().zip(answers.as_array().unwrap()) {
            let error = &answer["error"];
            if !error.is_null() {
                assert_ne!(error["code"], -32603, "{call}: {answer}");
                let code = error["data"]["code"].as_str().unwrap();
                assert!(
                    document["components"]["errors"].get(code).is_some(),
                    "{call}: {answer}"
                );
            }
        }
    }
}

#[test]
fn the_methods_are_listed_without_a_node() {
    let home = Home::new();
    let listed = home.run("", &["rpc", "--list"]).expect(0).stdout;
    assert_eq!(home.run("", &["rpc"]).expect(0).stdout, listed);
    assert_eq!(listed.lines().count(), METHODS.len());
    for (line, method) in listed.lines().zip(METHODS) {
        assert!(
            line.starts_with(method.name) && line.ends_with(method.summary()),
            "{line}"
        );
    }
    let json = home.run("", &["--json", "rpc"]).expect(0).json();
    let names = json["methods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["name"].as_str().unwrap());
    assert!(names.eq(METHODS.iter().map(|method| method.name)));
    home.run("", &["rpc", "chain_head", "--list"]).expect(2);
}
