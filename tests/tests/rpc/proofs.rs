//! Many leaves under one proof, proofs that begin at an anchor, and states before the head's (specs/04, specs/09 §3).

use crate::states::{bytes, verify_witness};
use crate::world::{NAMES, World};
use sapwood_account_tree::{Anchor, AnchorDepth, Claim, Key, Root, verify_many};
use sapwood_primitives::leaf::{Leaf, key};
use sapwood_primitives::{AccountId, Address, Hash, Header, codec};
use sapwood_tests::chain::{person, transfer};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn address(id: AccountId) -> String {
    Address::new("dsap", id).to_string()
}

fn name_key(name: &str) -> Hash {
    key::name(&name.parse().unwrap())
}

/// The root of the header that an answer brings, whose hash is the block that it names.
fn root_of(answer: &Value) -> Root {
    let header: Header = codec::read(&bytes(&answer["header"])).unwrap();
    assert_eq!(answer["block"], header.id().to_string());
    assert_eq!(answer["state_root"], header.state_root.to_string());
    Root(header.state_root.0)
}

/// Keys and values of an answer.
fn leaves_of(answer: &Value) -> Vec<(Key, Option<Vec<u8>>)> {
    let leaf = |leaf: &Value| {
        let key = Key(bytes(&leaf["key"]).try_into().unwrap());
        (
            key,
            leaf["value"].is_string().then(|| bytes(&leaf["value"])),
        )
    };
    answer["leaves"]
        .as_array()
        .unwrap()
        .iter()
        .map(leaf)
        .collect()
}

fn claims_of(leaves: &[(Key, Option<Vec<u8>>)]) -> Vec<(Key, Claim<'_>)> {
    leaves
        .iter()
        .map(|(key, value)| (*key, value.as_deref().map_or(Claim::Absent, Claim::Present)))
        .collect()
}

#[test]
fn a_multiproof_shows_present_and_absent_leaves_each_once_by_rising_key() {
    let world = World::new();
    let nobody = AccountId([9; 32]);
    // Repeated ones are answered once.
    let accounts: Vec<String> = [
        person(1).id,
        person(3).id,
        nobody,
        person(3).id,
        person(1).id,
    ]
    .into_iter()
    .map(address)
    .collect();
    let names = ["alder", "nobody", "cedar", "alder"];
    let answer = world.server.get(
        "state_multiproof",
        json!({"accounts": accounts, "names": names}),
    );
    let leaves = leaves_of(&answer);
    let keys: Vec<Hash> = leaves.iter().map(|(key, _)| Hash(key.0)).collect();
    let wanted: BTreeSet<Hash> = [person(1).id, person(3).id, nobody]
        .iter()
        .map(key::account)
        .chain(["alder", "nobody", "cedar"].map(name_key))
        .collect();
    assert_eq!(keys, wanted.into_iter().collect::<Vec<_>>());
    let (root, proof) = (root_of(&answer), bytes(&answer["proof"]));
    verify_many(&root, &claims_of(&leaves), &proof).unwrap();
    for (leaf_key, value) in &leaves {
        let absent = [key::account(&nobody), name_key("nobody")].contains(&Hash(leaf_key.0));
        assert_eq!(value.is_none(), absent);
        if let Some(value) = value {
            assert_eq!(codec::read::<Leaf>(value).unwrap().key().0, leaf_key.0);
        }
    }
    // It shows nothing else than it says: no other value, no leaf more, none less.
    for index in 0..leaves.len() {
        let mut other = leaves.clone();
        other[index].1 = match &other[index].1 {
            Some(_) => None,
            None => Some(vec![1]),
        };
        assert!(verify_many(&root, &claims_of(&other), &proof).is_err());
        let mut fewer = leaves.clone();
        fewer.remove(index);
        assert!(verify_many(&root, &claims_of(&fewer), &proof).is_err());
    }
    let single = world
        .server
        .get("account_proof", json!({"account": accounts[0]}));
    let alone = world
        .server
        .get("state_multiproof", json!({"accounts": [accounts[0]]}));
    assert_eq!(alone["leaves"][0]["value"], single["value"]);
    verify_many(
        &root_of(&alone),
        &claims_of(&leaves_of(&alone)),
        &bytes(&alone["proof"]),
    )
    .unwrap();
}

#[test]
fn a_multiproof_is_about_at_least_one_and_at_most_a_thousand_leaves() {
    let world = World::new();
    let accounts = |count: u64| (0..count).map(|n| person(n).address()).collect::<Vec<_>>();
    let most = world
        .server
        .get("state_multiproof", json!({"accounts": accounts(1_000)}));
    let leaves = leaves_of(&most);
    assert_eq!(leaves.len(), 1_000);
    verify_many(&root_of(&most), &claims_of(&leaves), &bytes(&most["proof"])).unwrap();
    for params in [
        json!({}),
        json!({"accounts": [], "names": []}),
        json!({"accounts": accounts(1_001)}),
        json!({"accounts": accounts(1_000), "names": ["alder"]}),
    ] {
        let refused = world.server.call("state_multiproof", params).unwrap_err();
        assert_eq!(
            (refused.number, refused.code.as_str()),
            (-32602, "invalid_params")
        );
        assert!(refused.message.contains("from 1 to 1000"), "{refused:?}");
    }
}

#[test]
fn proofs_that_begin_at_an_anchor_hold_under_it_and_are_shorter() {
    let world = World::new();
    for depth in [0, 1, 3, 8, 14] {
        let answer = world.server.get("state_anchor", json!({ "depth": depth }));
        assert_eq!(answer["depth"], depth);
        let root = root_of(&answer);
        let cut = AnchorDepth::new(depth).unwrap();
        let anchor = Anchor::from_bytes(&bytes(&answer["anchor"]), cut, &root).unwrap();
        assert!(Anchor::from_bytes(&bytes(&answer["anchor"]), cut, &Root([1; 32])).is_err());
        let check = |witness: &Value, leaf: Hash| {
            assert_eq!(witness["key"], leaf.to_string());
            let value = witness["value"]
                .is_string()
                .then(|| bytes(&witness["value"]));
            let claim = value.as_deref().map_or(Claim::Absent, Claim::Present);
            let proof = bytes(&witness["proof"]);
            anchor.verify(&Key(leaf.0), claim, &proof).unwrap();
            let lie = match claim {
                Claim::Absent => Claim::Present(b"lie"),
                Claim::Present(_) => Claim::Absent,
            };
            assert!(anchor.verify(&Key(leaf.0), lie, &proof).is_err());
            (value.is_some(), proof.len())
        };
        for (id, present) in [
            (person(1).id, true),
            (person(2).id, true),
            (AccountId([9; 32]), false),
        ] {
            let account = address(id);
            let below = world.server.get(
                "account_proof",
                json!({"account": account, "anchor": depth}),
            );
            assert_eq!(root_of(&below), root);
            let (found, length) = check(&below, key::account(&id));
            assert_eq!(found, present);
            let whole = world
                .server
                .get("account_proof", json!({ "account": account }));
            assert!(
                depth == 0 || length < bytes(&whole["proof"]).len(),
                "depth {depth}"
            );
        }
        for (name, owner) in NAMES
            .map(|(name, owner)| (name, Some(owner)))
            .into_iter()
            .chain([("nobody", None)])
        {
            let below = world
                .server
                .get("name_proof", json!({"name": name, "anchor": depth}));
            assert_eq!(root_of(&below), root);
            assert_eq!(check(&below["name"], name_key(name)).0, owner.is_some());
            match owner {
                Some(owner) => assert!(check(&below["account"], key::account(&person(owner).id)).0),
                None => assert_eq!(below["account"], Value::Null),
            }
        }
    }
}

#[test]
fn a_state_before_the_heads_is_named_by_its_block_while_it_is_one_of_the_last_64() {
    let mut world = World::new();
    let account = json!(person(8).address());
    let ask = |world: &World, method: &str, at: &Value| {
        let mut params = json!({ "at": at });
        match method {
            "name_show" | "name_proof" => params["name"] = json!("alder"),
            "state_multiproof" => params["accounts"] = json!([account]),
            "state_anchor" => params["depth"] = json!(2),
            _ => params["account"] = account.clone(),
        }
        world.server.call(method, params)
    };
    let methods = [
        "account_get",
        "account_proof",
        "name_show",
        "name_proof",
        "state_multiproof",
        "state_anchor",
    ];
    let before = world.server.head();
    let pay = world
        .branch
        .sign(&person(4), 0, vec![transfer(person(8).id, 5_000_000)]);
    world.mine(vec![pay]);
    let after = world.server.head();
    for method in methods {
        for head in [&before, &after] {
            let answer = ask(&world, method, &head["block"]).unwrap();
            for field in ["height", "block", "state_root"] {
                assert_eq!(answer[field], head[field], "{method}");
            }
        }
    }
    // The two states differ in what they say of the account, each with its proof.
    let proven = |world: &World, head: &Value| {
        let answer = ask(world, "account_proof", &head["block"]).unwrap();
        verify_witness(&answer, &answer, key::account(&person(8).id)).unwrap()
    };
    assert!(proven(&world, &before).is_none());
    assert!(proven(&world, &after).is_some());

    // Known is the head's, and those of 63 blocks before it.
    let held = |world: &World, head: &Value| {
        methods.map(|method| ask(world, method, &head["block"]).is_ok())
    };
    for _ in 0..62 {
        world.mine(Vec::new());
    }
    let mut last = 0;
    for more in 62..70 {
        let known = held(&world, &after);
        assert_eq!(known, [known[0]; 6], "all methods alike");
        if known[0] {
            last = more;
            assert!(proven(&world, &after).is_some(), "{more} blocks later");
        }
        world.mine(Vec::new());
    }
    assert!((62..=64).contains(&last), "known until {last} blocks later");
    for at in [&after["block"], &json!("ab".repeat(32))] {
        for method in methods {
            let refused = ask(&world, method, at).unwrap_err();
            assert_eq!(
                (refused.number, refused.code.as_str()),
                (-32001, "not_found"),
                "{method}"
            );
            assert!(refused.hint.contains("64"), "{refused:?}");
        }
    }
}

#[test]
fn a_snapshot_is_written_once_where_nothing_is() {
    let world = World::new();
    let none = world.server.get("snapshot_status", json!({}));
    assert_eq!(
        (&none["status"], &none["block"]),
        (&json!("none"), &Value::Null)
    );
    let dir = world.server.data().join("snapshot");
    let begun = world.server.get("snapshot_write", json!({ "dir": dir }));
    assert_eq!(
        (&begun["status"], &begun["dir"]),
        (&json!("running"), &json!(dir))
    );
    let start = std::time::Instant::now();
    let done = loop {
        let status = world.server.get("snapshot_status", json!({}));
        if status["status"] != "running" {
            break status;
        }
        assert!(start.elapsed() < sapwood_tests::PATIENCE, "{status}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let head = world.server.head();
    assert_eq!(done["status"], "done", "{done}");
    for field in ["height", "block", "state_root"] {
        assert_eq!(done[field], head[field]);
    }
    assert_eq!(
        (&done["done"], &done["error"]),
        (&done["leaves"], &Value::Null)
    );
    let again = world
        .server
        .call("snapshot_write", json!({ "dir": dir }))
        .unwrap_err();
    assert_eq!(again.number, -32602);
    assert_eq!(
        world.server.get("snapshot_status", json!({})),
        done,
        "a refused one changes nothing"
    );
    // Where the system refuses, the node goes on and says why.
    let nowhere = world.server.data().join("rpc.json/snapshot");
    world
        .server
        .get("snapshot_write", json!({ "dir": nowhere }));
    let start = std::time::Instant::now();
    loop {
        let status = world.server.get("snapshot_status", json!({}));
        if status["status"] == "failed" {
            assert!(
                status["error"]
                    .as_str()
                    .unwrap()
                    .contains("rpc.json/snapshot"),
                "{status}"
            );
            break;
        }
        assert!(start.elapsed() < sapwood_tests::PATIENCE, "{status}");
    }
    assert_eq!(world.server.head(), head);
}
