//! Rows 38 to 47 for every method: the table below has each method's parameters and their kinds, and each kind has its bad values.

use crate::world::World;
use parity_scale_codec::Encode;
use sapwood_primitives::{AccountId, Address};
use sapwood_rpc::types::METHODS;
use sapwood_tests::chain::{person, seal, transfer};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What a parameter is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Height,
    Count,
    PageSize,
    Millis,
    Years,
    BlockId,
    TxId,
    Account,
    Name,
    At,
    Flag,
    RecordType,
    Tx,
    Block,
    Extra,
    Accounts,
    Names,
    Depth,
    Dir,
}

use Kind::*;

/// Whether a parameter must be there.
const NEEDED: bool = true;
const OPTIONAL: bool = false;

type Field = (&'static str, Kind, bool);

/// Every method with its parameters. Where two of them exclude each other, the method stands twice.
const TABLE: &[(&str, &[Field])] = &[
    ("rpc.discover", &[]),
    ("node_status", &[]),
    ("chain_head", &[]),
    ("chain_header", &[("height", Height, NEEDED)]),
    ("chain_header", &[("block", BlockId, OPTIONAL)]),
    (
        "chain_headers",
        &[("from", Height, NEEDED), ("count", Count, NEEDED)],
    ),
    ("chain_block", &[("height", Height, NEEDED)]),
    ("chain_block", &[("block", BlockId, OPTIONAL)]),
    (
        "chain_awaitHead",
        &[("after", BlockId, NEEDED), ("timeout_ms", Millis, NEEDED)],
    ),
    (
        "account_get",
        &[
            ("account", Account, NEEDED),
            ("at", At, OPTIONAL),
            ("proof", Flag, OPTIONAL),
        ],
    ),
    (
        "account_proof",
        &[
            ("account", Account, NEEDED),
            ("at", At, OPTIONAL),
            ("anchor", Depth, OPTIONAL),
        ],
    ),
    (
        "name_show",
        &[
            ("name", Name, NEEDED),
            ("at", At, OPTIONAL),
            ("proof", Flag, OPTIONAL),
        ],
    ),
    (
        "name_resolve",
        &[("name", Name, NEEDED), ("type", RecordType, OPTIONAL)],
    ),
    (
        "name_proof",
        &[
            ("name", Name, NEEDED),
            ("at", At, OPTIONAL),
            ("anchor", Depth, OPTIONAL),
        ],
    ),
    (
        "name_list",
        &[
            ("after", Name, OPTIONAL),
            ("limit", PageSize, OPTIONAL),
            ("owner", Account, OPTIONAL),
        ],
    ),
    (
        "name_price",
        &[("name", Name, NEEDED), ("years", Years, NEEDED)],
    ),
    (
        "state_multiproof",
        &[
            ("accounts", Accounts, OPTIONAL),
            ("names", Names, OPTIONAL),
            ("at", At, OPTIONAL),
        ],
    ),
    (
        "state_anchor",
        &[("depth", Depth, NEEDED), ("at", At, OPTIONAL)],
    ),
    ("snapshot_write", &[("dir", Dir, NEEDED)]),
    ("snapshot_status", &[]),
    ("tx_submit", &[("tx", Tx, NEEDED)]),
    ("tx_status", &[("txid", TxId, NEEDED)]),
    ("tx_decode", &[("tx", Tx, NEEDED)]),
    ("mempool_info", &[]),
    (
        "mining_template",
        &[("payee", Account, NEEDED), ("extra", Extra, OPTIONAL)],
    ),
    ("mining_submit", &[("block", Block, NEEDED)]),
];

/// Methods whose good call changes or writes something; their valid parameters are only used with something else wrong.
const WRITES: [&str; 3] = ["tx_submit", "mining_submit", "snapshot_write"];

/// A call of every method that is answered; those that change something come last.
pub(crate) fn good_calls(world: &World) -> Vec<(&'static str, Value)> {
    let good = |fields: &[Field]| -> Value {
        let fields = fields.iter();
        let fields = fields.map(|(name, kind, _)| ((*name).to_owned(), kind.good(world)));
        Value::Object(fields.collect())
    };
    let mut calls: Vec<_> = TABLE
        .iter()
        .map(|(method, fields)| (*method, good(fields)))
        .collect();
    calls.sort_by_key(|(method, _)| WRITES.contains(method));
    calls
}

impl Kind {
    /// A value that is accepted.
    fn good(self, world: &World) -> Value {
        match self {
            Height => json!(3),
            Count | PageSize | Years => json!(2),
            Millis => json!(0),
            BlockId => world.server.head()["block"].clone(),
            TxId => json!("00".repeat(32)),
            Account => json!(person(2).address()),
            Name => json!("birch"),
            At => json!("trusted"),
            Flag => json!(true),
            RecordType => json!("AAAA"),
            Tx => json!(hex::encode(tx(world))),
            Block => json!(hex::encode(block(world))),
            Extra => json!("00ff"),
            Accounts => json!([person(2).address(), person(3).address()]),
            Names => json!(["birch", "nobody"]),
            Depth => json!(2),
            Dir => json!(world.server.data().join("snapshot")),
        }
    }

    /// Values of another type, or of the right one and wrong, each as JSON text with the row it stands for.
    fn bad(self, world: &World) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("40 null", "null".into()),
            ("an object", "{}".into()),
            ("an array", "[1]".into()),
        ];
        let mut add = |row, text: &str| rows.push((row, text.to_owned()));
        match self {
            Height | Count | PageSize | Millis | Years | Depth => {
                for text in [
                    "-1",
                    "18446744073709551616",
                    "1.5",
                    "1e3",
                    "\"0x1\"",
                    "\"1\"",
                    "true",
                ] {
                    add("41 not a whole number from 0 to 2^64 - 1", text);
                }
                add("45 2^63", "9223372036854775808");
                if self != Height {
                    add("46 10^9", "1000000000");
                } else {
                    add("45 2^53", "9007199254740992");
                }
                if self == Count || self == PageSize || self == Years {
                    add("46 none", "0");
                }
                match self {
                    Count => add("46 one too many", "2001"),
                    PageSize => add("46 one too many", "1001"),
                    Millis => add("46 one too many", "30001"),
                    Years => add("46 one too many", "11"),
                    Depth => {
                        add("46 one too many", "15");
                        add("46 what a byte cannot say", "256");
                    }
                    _ => {}
                }
            }
            BlockId | TxId => {
                for text in ["\"\"", "\"0\"", "\"00\"", "5"] {
                    add("42 not 64 digits", text);
                }
                add("42 odd", &quoted(&"0".repeat(63)));
                add("42 a byte more", &quoted(&"00".repeat(33)));
                add("42 upper case", &quoted(&"AB".repeat(32)));
                add("42 with 0x", &quoted(&format!("0x{}", "00".repeat(31))));
                add("42 no digits", &quoted(&"zz".repeat(32)));
            }
            Account => {
                for prefix in ["sap", "tsap"] {
                    add(
                        "47 another network",
                        &quoted(&Address::new(prefix, person(2).id).to_string()),
                    );
                }
                let good = person(2).address();
                let (rest, last) = good.split_at(good.len() - 1);
                let other = if last == "q" { "p" } else { "q" };
                add("one letter wrong", &quoted(&format!("{rest}{other}")));
                add("cut off", &quoted(&good[..good.len() - 1]));
                add("mixed case", &quoted(&good.replacen('d', "D", 1)));
                add("a name", "\"birch\"");
                add("empty", "\"\"");
                add("a number", "5");
                add("the id in hex", &quoted(&AccountId([7; 32]).to_string()));
            }
            Name => {
                for text in [
                    "BIRCH",
                    "",
                    "a..b",
                    "🌲",
                    "-a",
                    "a-",
                    "ab--c",
                    "123",
                    "localhost",
                    "a b",
                    "a_b",
                    "birch.leaf.alt",
                    "birch.",
                    "a\u{0}b",
                ] {
                    add("44 not a name", &json!(text).to_string());
                }
                add(
                    "44 64 characters",
                    &quoted(&format!("{}-{}", "a".repeat(31), "b".repeat(32))),
                );
                add("44 like a key", &quoted(&"a".repeat(33)));
                add("a number", "5");
            }
            At => ["\"now\"", "\"Head\"", "\"\"", "3", "true"]
                .map(|text| add("another word", text))
                .into_iter()
                .collect(),
            Flag => ["\"true\"", "1", "\"\""]
                .map(|text| add("not a truth", text))
                .into_iter()
                .collect(),
            RecordType => [
                "\"FOO\"",
                "\"\"",
                "28",
                "\"TYPE65536\"",
                "\"TYPE\"",
                "\"A A\"",
            ]
            .map(|text| add("not a type", text))
            .into_iter()
            .collect(),
            Tx => {
                let good = tx(world);
                // The signature is the last field; a byte more after it is a signature of 65 bytes.
                add(
                    "43 a signature of 65 bytes",
                    &quoted(&hex::encode([&good[..], &[0]].concat())),
                );
                add(
                    "43 a signature of 63 bytes",
                    &quoted(&hex::encode(&good[..good.len() - 1])),
                );
                add("above 16 KiB", &quoted(&"00".repeat(16_385)));
                hex_rows(&good, &mut add);
            }
            Block => {
                let good = block(world);
                add(
                    "a byte more",
                    &quoted(&hex::encode([&good[..], &[0]].concat())),
                );
                add(
                    "a byte less",
                    &quoted(&hex::encode(&good[..good.len() - 1])),
                );
                add("above 256 KiB", &quoted(&"00".repeat(262_145)));
                hex_rows(&good, &mut add);
            }
            Accounts => {
                let other = Address::new("tsap", person(2).id).to_string();
                add("47 another network", &json!([other]).to_string());
                add(
                    "a name among them",
                    &json!([person(2).address(), "birch"]).to_string(),
                );
                add("an address alone", &json!(person(2).address()).to_string());
                add("null among them", "[null]");
                let many: Vec<String> = (0..1_001).map(|n| person(n).address()).collect();
                add("46 one too many", &json!(many).to_string());
            }
            Names => {
                add("44 not a name", "[\"BIRCH\"]");
                add("44 one of them not a name", "[\"birch\",\"a..b\"]");
                add("a name alone", "\"birch\"");
                add("null among them", "[null]");
            }
            Dir => {
                add("not absolute", "\"snapshot\"");
                add("not absolute", "\"../snapshot\"");
                add("empty", "\"\"");
                add(
                    "a directory that is there",
                    &json!(world.server.data()).to_string(),
                );
                let file = world.server.data().join("rpc.json");
                add("a file that is there", &json!(file).to_string());
                add("a number", "5");
            }
            Extra => {
                add("65 bytes", &quoted(&"00".repeat(65)));
                add("42 odd", "\"000\"");
                add("42 upper case", "\"AA\"");
                add("42 with 0x", "\"0x00\"");
                add("a number", "0");
            }
        }
        rows
    }
}

fn hex_rows(good: &[u8], add: &mut impl FnMut(&'static str, &str)) {
    let text = hex::encode(good);
    add("42 odd", &quoted(&text[1..]));
    add("42 upper case", &quoted(&text.to_uppercase()));
    add("42 with 0x", &quoted(&format!("0x{text}")));
    add("42 no digits", "\"zz\"");
    add("empty", "\"\"");
    add("one byte", "\"00\"");
    add("a number", "5");
}

fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// A transaction that the node would take.
fn tx(world: &World) -> Vec<u8> {
    let pay = transfer(person(3).id, 1);
    world.branch.sign(&person(2), 0, vec![pay]).encode()
}

/// A block that the node would take.
fn block(world: &World) -> Vec<u8> {
    let mut block = world.branch.draft(&person(1), b"", Vec::new());
    seal(&mut block);
    block.encode()
}

/// A parameter object with one member given as text.
fn with(good: &Map<String, Value>, field: &str, text: &str) -> String {
    let others = good.iter().filter(|(name, _)| *name != field);
    let members = others.map(|(name, value)| format!("\"{name}\":{value}"));
    let members: Vec<_> = members.chain([format!("\"{field}\":{text}")]).collect();
    format!("{{{}}}", members.join(","))
}

#[track_caller]
fn assert_names(world: &World, method: &str, row: &str, field: &str, params: &str) {
    let answer = world.call(method, params);
    let error = &answer["error"];
    let shown: String = params.chars().take(300).collect();
    let place = format!("{method} {row} {shown}: {answer}");
    assert_eq!(error["code"], -32602, "{place}");
    let message = error["message"].as_str().unwrap();
    // Of a list the one that is wrong is named.
    let named = [format!("`{field}`"), format!("`{field}[")];
    assert!(named.iter().any(|name| message.contains(name)), "{place}");
    assert_eq!(error["data"]["code"], "invalid_params", "{place}");
    assert!(
        error["data"]["hint"]
            .as_str()
            .is_some_and(|hint| !hint.is_empty()),
        "{place}"
    );
    assert!(answer.get("result").is_none(), "{place}");
}

#[test]
fn the_table_has_every_method() {
    let here: BTreeSet<&str> = TABLE.iter().map(|(method, _)| *method).collect();
    assert_eq!(here, METHODS.iter().map(|method| method.name).collect());
}

#[test]
fn rows_38_to_47_bad_parameters_of_every_method_name_the_field_and_change_nothing() {
    let world = World::new();
    let before = world.fingerprint();
    let mut tried = 0;
    for (method, fields) in TABLE {
        let good: Map<String, Value> = fields
            .iter()
            .map(|(name, kind, _)| ((*name).to_owned(), kind.good(&world)))
            .collect();
        if !WRITES.contains(method) {
            let answer = world.call(method, &json!(good).to_string());
            assert!(answer["result"].is_object(), "{method} {good:?}: {answer}");
        }
        assert_names(&world, method, "39 extra", "zz", &with(&good, "zz", "1"));
        let values: Vec<&Value> = good.values().collect();
        let positional = world.call(method, &json!(values).to_string());
        assert_eq!(
            positional["error"]["code"], -32602,
            "{method}: {positional}"
        );
        for (name, kind, needed) in *fields {
            if *needed {
                let mut less = good.clone();
                less.remove(*name);
                assert_names(&world, method, "38 missing", name, &json!(less).to_string());
            }
            for (row, text) in kind.bad(&world) {
                assert_names(&world, method, row, name, &with(&good, name, &text));
                tried += 1;
            }
        }
        assert_eq!(world.fingerprint(), before, "{method}");
    }
    assert!(tried > 300, "{tried} bad values");
}

#[test]
fn a_block_is_asked_for_by_height_or_id_but_not_by_both() {
    let world = World::empty();
    let block = world.server.head()["block"].clone();
    for method in ["chain_header", "chain_block"] {
        let both = json!({"height": 0, "block": block}).to_string();
        assert_names(&world, method, "both", "height", &both);
    }
}

#[test]
fn row_47_an_address_of_another_network_is_told_which_one() {
    let world = World::empty();
    for (prefix, network) in [("sap", "main"), ("tsap", "test")] {
        let address = Address::new(prefix, person(1).id).to_string();
        for (method, field) in [
            ("account_get", "account"),
            ("name_list", "owner"),
            ("mining_template", "payee"),
        ] {
            let answer = world.call(method, &json!({field: address}).to_string());
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(
                message.contains(network) && message.contains("dsap"),
                "{message}"
            );
        }
    }
}

#[test]
fn any_flipped_bit_of_a_block_or_transaction_is_refused_and_never_an_internal_error() {
    let world = World::new();
    let before = world.fingerprint();
    for (method, field, good) in [
        ("tx_submit", "tx", tx(&world)),
        ("mining_submit", "block", block(&world)),
    ] {
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            let params = json!({ field: hex::encode(bytes) }).to_string();
            let code = world.call(method, &params)["error"]["code"].as_i64();
            // A nonce or a coinbase's bytes may be changed and mined for, but the id then fits no root or target.
            let allowed = [-32602, -32002, -32003].map(Some);
            assert!(
                allowed.contains(&code) || changes_only_the_nonce(field, at),
                "{method} byte {at}: {code:?}"
            );
            assert_ne!(code, Some(-32603), "{method} byte {at}");
        }
    }
    let after = world.fingerprint();
    // Half of all nonces are good at the easiest target: such a block was connected, and is as good as the first.
    assert_eq!(
        after[0]["height"].as_u64().unwrap() - before[0]["height"].as_u64().unwrap(),
        u64::from(after != before)
    );
}

fn changes_only_the_nonce(field: &str, at: usize) -> bool {
    field == "block" && (152..160).contains(&at)
}
