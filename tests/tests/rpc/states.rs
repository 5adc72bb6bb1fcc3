//! What good requests are answered: where the answer comes from, its proof, pages, and the long poll.

use crate::world::{NAMES, World};
use sapwood_account_tree::{Claim, Key, Root, verify};
use sapwood_primitives::leaf::{Leaf, key};
use sapwood_primitives::{AccountId, Address, Hash, Header, codec};
use sapwood_tests::chain::person;
use sapwood_tests::{Home, PATIENCE};
use serde_json::{Value, json};
use std::thread;
use std::time::Instant;

pub(crate) fn bytes(hex_text: &Value) -> Vec<u8> {
    hex::decode(hex_text.as_str().unwrap()).unwrap()
}

/// Checks a leaf's proof against the header's root, as somebody would who believes only the header.
pub(crate) fn verify_witness(
    answer: &Value,
    witness: &Value,
    key: Hash,
) -> Result<Option<Leaf>, String> {
    let header: Header = codec::read(&bytes(&answer["header"])).unwrap();
    assert_eq!(answer["block"], header.id().to_string());
    assert_eq!(answer["state_root"], header.state_root.to_string());
    assert_eq!(answer["height"], header.height.get());
    assert_eq!(witness["key"], key.to_string());
    let value = match &witness["value"] {
        Value::Null => None,
        value => Some(bytes(value)),
    };
    let claim = value.as_deref().map_or(Claim::Absent, Claim::Present);
    verify(
        &Root(header.state_root.0),
        &Key(key.0),
        claim,
        &bytes(&witness["proof"]),
    )
    .map_err(|refused| refused.to_string())?;
    Ok(value.map(|value| codec::read(&value).unwrap()))
}

#[test]
fn every_answer_from_state_names_height_block_and_state_root() {
    let world = World::new();
    let account = person(2).address();
    let calls = [
        ("account_get", json!({"account": account})),
        (
            "account_get",
            json!({"account": Address::new("dsap", AccountId([9; 32])).to_string()}),
        ),
        ("account_get", json!({"account": account, "at": "trusted"})),
        ("account_proof", json!({"account": account})),
        ("name_show", json!({"name": "birch"})),
        ("name_show", json!({"name": "nobody"})),
        ("name_show", json!({"name": "birch", "at": "trusted"})),
        ("name_resolve", json!({"name": "alder"})),
        ("name_proof", json!({"name": "birch"})),
        ("name_list", json!({})),
        ("name_list", json!({"owner": account})),
        ("name_price", json!({"name": "elder", "years": 3})),
        ("chain_head", json!({})),
    ];
    let head = world.server.head();
    for (method, params) in calls {
        let answer = world.server.get(method, params.clone());
        let header = world
            .server
            .get("chain_header", json!({"height": answer["height"]}));
        for part in ["height", "block", "state_root"] {
            assert!(!answer[part].is_null(), "{method} {params} lacks {part}");
            assert_eq!(answer[part], header[part], "{method} {params}");
            // The trusted depth of dev is one block: the head's own state.
            assert_eq!(answer[part], head[part], "{method} {params}");
        }
    }
}

#[test]
fn proofs_of_accounts_hold_for_present_and_absent_ones() {
    let world = World::new();
    for (id, present) in [
        (person(1).id, true),
        (person(3).id, true),
        (AccountId([9; 32]), false),
    ] {
        let account = Address::new("dsap", id).to_string();
        let plain = world.server.get("account_get", json!({"account": account}));
        assert!(
            plain.get("proven").is_none(),
            "a proof that nobody asked for"
        );
        let asked = world
            .server
            .get("account_get", json!({"account": account, "proof": true}));
        let alone = world
            .server
            .get("account_proof", json!({"account": account}));
        for proven in [&asked["proven"], &alone] {
            let leaf = verify_witness(proven, proven, key::account(&id)).unwrap();
            match (&asked["account"], leaf) {
                (Value::Null, None) => assert!(!present),
                (fields, Some(Leaf::Account(leaf))) => {
                    assert!(present);
                    assert_eq!(fields["balance"], leaf.balance.drops());
                    assert_eq!(fields["nonce"], leaf.nonce);
                    assert_eq!(leaf.id, id);
                }
                other => panic!("{other:?}"),
            }
        }
        // The proof shows nothing else than it says.
        let mut lie = alone.clone();
        lie["value"] = if present { Value::Null } else { json!("00") };
        assert!(verify_witness(&lie, &lie, key::account(&id)).is_err());
        if present {
            let mut value = bytes(&alone["value"]);
            *value.last_mut().unwrap() ^= 1;
            let claim = Claim::Present(&value);
            let root = Root(bytes(&alone["state_root"]).try_into().unwrap());
            let proof = bytes(&alone["proof"]);
            assert!(verify(&root, &Key(key::account(&id).0), claim, &proof).is_err());
        }
    }
}

#[test]
fn proofs_of_names_hold_for_present_and_absent_ones_and_bring_the_owners_account() {
    let world = World::new();
    for name in ["alder", "cedar", "nobody"] {
        let shown = world
            .server
            .get("name_show", json!({"name": name, "proof": true}));
        let alone = world.server.get("name_proof", json!({"name": name}));
        let owner = NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, owner)| person(*owner));
        for proven in [&shown["proven"], &alone] {
            let leaf =
                verify_witness(proven, &proven["name"], key::name(&name.parse().unwrap())).unwrap();
            match (leaf, &owner) {
                (None, None) => {
                    assert_eq!(shown["phase"], "available");
                    assert_eq!(proven["account"], Value::Null);
                }
                (Some(Leaf::Name(leaf)), Some(owner)) => {
                    assert_eq!(leaf.owner, Some(owner.id));
                    assert_eq!(shown["paid_until"], leaf.paid_until.get());
                    let account =
                        verify_witness(proven, &proven["account"], key::account(&owner.id));
                    let Some(Leaf::Account(account)) = account.unwrap() else {
                        panic!("the owner's account is not proven");
                    };
                    assert_eq!(account.name.unwrap().as_str(), name);
                }
                other => panic!("{:?}", other.0),
            }
        }
    }
}

#[test]
fn a_name_resolves_to_its_records_of_the_type_asked_for() {
    let world = World::new();
    let records = |params| world.server.get("name_resolve", params)["records"].clone();
    let address = json!([{"owner": "@", "type": "A", "ttl": 300, "data": "192.0.2.1"}]);
    assert_eq!(records(json!({"name": "alder"})), address);
    assert_eq!(records(json!({"name": "alder", "type": "A"})), address);
    assert_eq!(records(json!({"name": "alder", "type": "AAAA"})), json!([]));
    assert_eq!(records(json!({"name": "nobody"})), json!([]));
}

#[test]
fn names_are_listed_in_pages_that_miss_none_and_repeat_none() {
    let world = World::new();
    let all: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    for size in 1..=4 {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let mut params = json!({ "limit": size });
            if let Some(after) = &after {
                params["after"] = json!(after);
            }
            let page = world.server.get("name_list", params);
            let names = page["names"].as_array().unwrap();
            assert!(names.len() <= size, "{page}");
            seen.extend(
                names
                    .iter()
                    .map(|one| one["name"].as_str().unwrap().to_owned()),
            );
            match page["next"].as_str() {
                Some(next) => {
                    assert_eq!(names.len(), size, "a page that goes on is full");
                    assert_eq!(Some(next), seen.last().map(String::as_str));
                    after = Some(next.to_owned());
                }
                None => break,
            }
        }
        assert_eq!(seen, all, "pages of {size}");
    }
    // A page may begin behind a name that nobody has, and behind the last one.
    let listed = |after: &str| {
        world.server.get("name_list", json!({"after": after}))["names"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((listed("alder"), listed("aldf"), listed("zoo")), (2, 2, 0));
    for (name, owner) in NAMES {
        let owned = world
            .server
            .get("name_list", json!({"owner": person(owner).address()}));
        assert_eq!(owned["names"][0]["name"], name);
        assert_eq!(owned["names"].as_array().unwrap().len(), 1);
    }
    let nobody = Address::new("dsap", AccountId([9; 32])).to_string();
    assert_eq!(
        world.server.get("name_list", json!({"owner": nobody}))["names"],
        json!([])
    );
}

#[test]
fn prices_are_those_that_the_next_block_takes() {
    let world = World::new();
    let price = |name: &str, years: u8| {
        world
            .server
            .get("name_price", json!({"name": name, "years": years}))
    };
    let free = price("elder", 3);
    assert_eq!(
        (&free["available"], &free["premium"], &free["renew_total"]),
        (&json!(true), &json!(0), &Value::Null)
    );
    let rent = free["rent"].as_u64().unwrap();
    assert_eq!(free["register_total"], 3 * rent);
    let taken = price("birch", 1);
    assert_eq!(
        (&taken["available"], &taken["register_total"]),
        (&json!(false), &Value::Null)
    );
    assert!(taken["renew_total"].as_u64().unwrap() <= 2 * rent);
    // Four letters and fewer cost more: 32, 128, 1024 and 4096 times as much.
    for (name, times) in [("elde", 32), ("eld", 128), ("el", 1024), ("e", 4096)] {
        let ratio = price(name, 1)["rent"].as_u64().unwrap() / rent;
        assert!((times - 1..=times).contains(&ratio), "{name}: {ratio}");
    }
}

#[test]
fn what_is_not_there_is_said_with_a_code_and_a_hint() {
    let world = World::new();
    let unknown = "ab".repeat(32);
    for (method, params) in [
        ("chain_header", json!({"height": 1_000_000})),
        ("chain_header", json!({ "block": unknown })),
        ("chain_block", json!({"height": 9_007_199_254_740_991_u64})),
        ("chain_block", json!({ "block": unknown })),
    ] {
        let error = world.server.call(method, params.clone()).unwrap_err();
        assert_eq!(
            (error.number, error.code.as_str()),
            (-32001, "not_found"),
            "{method} {params}"
        );
        assert!(
            !error.hint.is_empty() && !error.message.is_empty(),
            "{method} {params}"
        );
    }
    let behind = world.server.get(
        "chain_headers",
        json!({"from": 9_007_199_254_740_991_u64, "count": 2000}),
    );
    assert_eq!(behind["headers"], json!([]));
    let status = world.server.get("tx_status", json!({ "txid": unknown }));
    assert_eq!(
        (&status["status"], &status["height"]),
        (&json!("unknown"), &Value::Null)
    );
}

#[test]
fn headers_are_a_chain_from_genesis_to_the_tip() {
    let world = World::new();
    let answer = world
        .server
        .get("chain_headers", json!({"from": 0, "count": 2000}));
    let headers: Vec<Header> = answer["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| codec::read(&bytes(h)).unwrap())
        .collect();
    let status = world.server.get("node_status", json!({}));
    assert_eq!(
        headers[0].id().to_string(),
        status["genesis"].as_str().unwrap()
    );
    for pair in headers.windows(2) {
        assert_eq!(pair[1].parent, pair[0].id());
    }
    assert_eq!(
        headers.last().unwrap().id().to_string(),
        world.server.head()["block"].as_str().unwrap()
    );
    let block = world
        .server
        .get("chain_block", json!({"height": headers.len() - 1}));
    assert_eq!(
        (&block["block"], &block["confirmations"]),
        (&world.server.head()["block"], &json!(1))
    );
    assert_eq!(block["txids"].as_array().unwrap().len(), 1 + NAMES.len());
}

#[test]
fn the_long_poll_ends_at_once_at_its_time_or_with_the_next_block() {
    let mut world = World::empty();
    let head = world.server.head();
    let other = json!({"after": "00".repeat(32), "timeout_ms": 30_000});
    let start = Instant::now();
    assert_eq!(
        world.server.get("chain_awaitHead", other),
        head,
        "the head is another one already"
    );
    let at_its_time = json!({"after": head["block"], "timeout_ms": 20});
    assert_eq!(
        world.server.get("chain_awaitHead", at_its_time),
        head,
        "nothing came"
    );
    let poll = thread::scope(|scope| {
        let server = &world.server;
        let after = head["block"].clone();
        let poll = scope.spawn(move || {
            server.get(
                "chain_awaitHead",
                json!({"after": after, "timeout_ms": 30_000}),
            )
        });
        let block = world.branch.mine(&person(1), b"", Vec::new());
        assert_eq!(server.submit_block(&block).as_deref(), Ok("connected"));
        poll.join().unwrap()
    });
    assert_eq!(poll, world.server.head());
    assert_eq!(poll["height"], 1);
    assert!(
        start.elapsed() < PATIENCE / 2,
        "none of the three waited for thirty seconds"
    );
}

#[test]
fn a_dev_node_tells_its_next_block_and_its_names_to_those_who_wait() {
    let home = Home::new();
    let server = home.dev(&[]);
    let head = server.head();
    let next = server.get(
        "chain_awaitHead",
        json!({"after": head["block"], "timeout_ms": 30_000}),
    );
    assert!(next["height"].as_u64() > head["height"].as_u64());
    let status = server.get("node_status", json!({}));
    assert_eq!(
        (&status["chain"], &status["mining"], &status["live_names"]),
        (&json!("dev"), &json!(true), &json!(1))
    );
    assert_eq!(status["dns"], server.ready["dns"]);
    let proven = server.get("name_proof", json!({"name": "hello", "at": "trusted"}));
    verify_witness(
        &proven,
        &proven["name"],
        key::name(&"hello".parse().unwrap()),
    )
    .unwrap();
}
