//! The runtime's arithmetic beside the vectors of specs/vectors, those that others published included.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use parity_scale_codec::Encode;
use primitive_types::U256;
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::leaf::{Account, Limit, NameLeaf, Phase};
use sapwood_primitives::work::{CompactTarget, Work};
use sapwood_primitives::{AccountId, Amount, Chain, Height, Leaf, Name};
use sapwood_runtime::limit::Spend;
use sapwood_runtime::{Anchor, Peaks, asert, genesis, limit, next_target, price};
use serde_json::Value;

fn load(file: &str) -> Value {
    let path = format!("{}/../specs/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A number, which is a decimal string where it is large.
fn number(value: &Value) -> u128 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        other => other.as_u64().unwrap().into(),
    }
}

fn small(value: &Value) -> u64 {
    number(value).try_into().unwrap()
}

fn list(value: &Value) -> &[Value] {
    let items = value.as_array().unwrap();
    assert!(!items.is_empty(), "a list of no cases shows nothing");
    items
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn compact(value: &Value) -> CompactTarget {
    CompactTarget::from_bits(u32::from_str_radix(text(value), 16).unwrap()).unwrap()
}

fn rules(chain: &Value) -> Consensus {
    Chain::named(text(chain)).unwrap().consensus
}

#[test]
fn targets_follow_the_published_aserti3_2d_runs() {
    let vectors = load("public/aserti3-2d.json");
    let rules = Consensus {
        block_time: small(&vectors["block_time"]),
        half_life: small(&vectors["half_life"]),
        target_limit: compact(&vectors["pow_limit_bits"]),
        ..Chain::named("main").unwrap().consensus
    };
    for run in list(&vectors["runs"]) {
        let anchor = Anchor {
            height: small(&run["anchor_height"]),
            parent_time: number(&run["anchor_parent_time"]).try_into().unwrap(),
            target: compact(&run["anchor_bits"]),
        };
        for row in list(&run["rows"]) {
            let target = asert(&rules, &anchor, small(&row[0]), small(&row[1]));
            assert_eq!(target, compact(&row[2]), "{} {row}", run["name"]);
        }
    }
}

#[test]
fn targets_follow_from_parent_and_genesis_alone() {
    let vectors = load("asert.json");
    let mut chain = Chain::named("main").unwrap();
    assert_eq!(chain.consensus.block_time, small(&vectors["block_time"]));
    assert_eq!(chain.consensus.half_life, small(&vectors["half_life"]));
    assert_eq!(
        chain.consensus.target_limit,
        compact(&vectors["target_limit"])
    );
    for case in list(&vectors["cases"]) {
        chain.genesis = Some(sapwood_primitives::chain::Genesis {
            time: small(&case["genesis_time"]),
            target: Some(compact(&case["genesis_target"])),
            quote: None,
        });
        let (height, time) = (small(&case["parent_height"]), small(&case["parent_time"]));
        let target = next_target(&chain, height, time);
        assert_eq!(target, compact(&case["target"]), "{case}");
    }
    let without = &vectors["without_retarget"];
    let chain = Chain::named("dev").unwrap();
    assert_eq!(
        chain.consensus.target_limit,
        compact(&without["target_limit"])
    );
    for case in list(&without["cases"]) {
        let (height, time) = (small(&case["parent_height"]), small(&case["parent_time"]));
        let target = next_target(&chain, height, time);
        assert_eq!(target, compact(&case["target"]), "{case}");
    }
}

#[test]
fn no_time_and_no_height_overflow_the_target() {
    let rules = Chain::named("main").unwrap().consensus;
    let limit = rules.target_limit;
    let ends = [0, 1, u64::MAX - 1, u64::MAX];
    for (parent_time, height, time) in ends
        .iter()
        .flat_map(|a| ends.iter().flat_map(move |b| ends.map(|c| (*a, *b, c))))
    {
        for bits in [0x0101_0000, limit.bits()] {
            let anchor = Anchor {
                height: 0,
                parent_time: i128::from(parent_time),
                target: CompactTarget::from_bits(bits).unwrap(),
            };
            let target = asert(&rules, &anchor, height, time).target();
            assert!(target >= U256::one() && target <= limit.target());
        }
    }
}

#[test]
fn history_roots_are_those_of_the_model() {
    let history = &load("headers.json")["history"];
    let (leaves, roots) = (list(&history["leaves"]), list(&history["roots"]));
    assert_eq!(roots.len(), leaves.len() + 1);
    let mut peaks = Peaks::default();
    assert_eq!(peaks.root().to_string(), text(&roots[0]));
    for (leaf, root) in leaves.iter().zip(&roots[1..]) {
        let work = Work(U256::from_dec_str(text(&leaf["work"])).unwrap());
        peaks.push(&text(&leaf["id"]).parse().unwrap(), work);
        assert_eq!(peaks.root().to_string(), text(root));
    }
}

#[test]
fn genesis_blocks_are_those_of_the_model() {
    for case in list(&load("headers.json")["genesis"]) {
        let start = genesis(&Chain::named(text(&case["chain"])).unwrap()).unwrap();
        assert_eq!(start.link.id.to_string(), text(&case["id"]));
        let header = &start.block.header.header;
        assert_eq!(hex::encode(header.to_bytes()), text(&case["hex"]));
        assert_eq!(
            hex::encode(start.leaf.encode()),
            text(&case["system_value"])
        );
        let coinbase = start.block.coinbase;
        assert_eq!(hex::encode(coinbase.encode()), text(&case["coinbase"]));
        assert_eq!(coinbase.txid().to_string(), text(&case["coinbase_txid"]));
    }
    for chain in ["main", "test"] {
        assert!(genesis(&Chain::named(chain).unwrap()).is_err());
    }
}

/// A name's leaf as the vectors give it.
fn leaf(name_: &str, owner: Option<AccountId>, case: &Value) -> NameLeaf {
    NameLeaf {
        name: name(name_),
        owner,
        paid_until: Height::new(small(&case["paid_until"])),
        last_price: drops(sap(1)),
    }
}

#[test]
fn forms_and_phases_of_names() {
    let vectors = load("names.json");
    for valid in list(&vectors["valid"]) {
        assert!(Name::from_bytes(text(valid).as_bytes()).is_ok(), "{valid}");
    }
    for invalid in list(&vectors["invalid"]) {
        let bytes = text(&invalid["name"]).as_bytes();
        assert!(Name::from_bytes(bytes).is_err(), "{invalid}");
    }
    for case in list(&vectors["phases"]) {
        let rules = rules(&case["chain"]);
        let owner = case["owner"].as_str().map(|id| id.parse().unwrap());
        let leaf = leaf("alice", owner, case);
        for at in list(&case["heights"]) {
            let phase = match leaf.phase(Height::new(small(&at["height"])), &rules) {
                Some(Phase::Active) => "active",
                Some(Phase::Suspended) => "suspended",
                Some(Phase::Released) => "released",
                None => "available",
            };
            assert_eq!(phase, text(&at["phase"]), "{at} of {case}");
        }
    }
}

#[test]
fn rents_premiums_and_prices_of_renewal() {
    let vectors = load("names.json");
    for case in list(&vectors["rents"]) {
        let rent = price::rent(number(&case["rent_base"]), &name(text(&case["name"])));
        assert_eq!(rent, number(&case["rent"]), "{case}");
    }
    for case in list(&vectors["premiums"]) {
        let (rules, leaf) = (rules(&case["chain"]), leaf(text(&case["name"]), None, case));
        let rent = price::rent(number(&case["rent_base"]), &leaf.name);
        assert_eq!(rent, number(&case["rent"]), "{case}");
        for after in list(&case["after_release"]) {
            let height = leaf.paid_until.plus(small(&after["offset"]));
            let premium = price::premium(&rules, &leaf, rent, height);
            assert_eq!(premium, number(&after["premium"]), "{after} of {case}");
        }
    }
    for case in list(&vectors["renewal_prices"]) {
        // A leaf cannot hold more than the supply.
        let Ok(last_price) = Amount::from_drops(small(&case["last_price"])) else {
            continue;
        };
        let leaf = NameLeaf {
            name: name("alice"),
            owner: None,
            paid_until: Height::GENESIS,
            last_price,
        };
        let price = price::renewal(number(&case["rent"]), &leaf);
        assert_eq!(price, number(&case["price"]), "{case}");
    }
}

#[test]
fn renewals_end_where_the_model_ends_them() {
    // A chain of easy blocks with the main chain's lengths. The rules know differences of heights only, and the first block has height 1.
    let mut chain = Chain::named("tour").unwrap();
    let main = Chain::named("main").unwrap().consensus;
    chain.consensus.year = main.year;
    chain.consensus.suspension = main.suspension;
    let owner = person(1);
    for case in list(&load("names.json")["renewals"]) {
        let mut account = Account::new(owner.id, drops(sap(100)), Height::GENESIS);
        account.name = Some(name("alice"));
        let mut term = leaf("alice", Some(owner.id), case);
        term.paid_until = term.paid_until.plus(1);
        let leaves = vec![Leaf::Account(Box::new(account)), Leaf::Name(term)];
        let base = u128::from(sap(1)) << 32;
        let mut ledger = Ledger::crafted(chain.clone(), small(&case["height"]), base, leaves);
        let years = small(&case["years"]).try_into().unwrap();
        let actions = vec![renew("alice", years, ANY_PRICE)];
        if let Some(until) = case.get("renewed_until") {
            ledger.act(&owner, actions);
            let until = Height::new(small(until) + 1);
            assert_eq!(ledger.name("alice").unwrap().paid_until, until, "{case}");
            continue;
        }
        let codes: &[_] = match text(&case["refused"]) {
            "years" => &["years"],
            "phase" => &["not_registered"],
            // More than ten years are refused as such before their end is looked at.
            "more than ten years ahead" => &["too_far_ahead", "years"],
            other => panic!("{other}"),
        };
        let code = ledger.refuses(&owner, actions);
        assert!(codes.contains(&code), "{code} for {case}");
    }
}

#[test]
fn the_rent_base_moves_as_in_the_model() {
    let rules = Chain::named("main").unwrap().consensus;
    for case in list(&load("names.json")["rent_base"]) {
        let mut base = number(&case["rent_base"]);
        for run in list(&case["runs"]) {
            for _ in 0..small(&run["blocks"]) {
                let (registered, live) = (small(&run["registrations"]), small(&run["live_names"]));
                base = price::next_rent_base(&rules, base, registered, live);
            }
            assert_eq!(base, number(&run["rent_base"]), "{}", case["title"]);
        }
    }
}

/// One step of a limit's vectors: what happened, in the vectors' words.
fn step(rules: &Consensus, limit: &mut Limit, step: &Value) -> &'static str {
    let height = Height::new(small(&step["height"]));
    if step["op"] == "change" {
        let rate = drops(small(&step["rate"]));
        limit::change(rules, limit, rate, limit.delay_days, height);
        return "changed";
    }
    // More than the supply is no amount at all.
    let Ok(amount) = Amount::from_drops(small(&step["amount"])) else {
        return "refused";
    };
    let exempt = step["exempt"].as_bool().unwrap();
    let kind = [Spend::Counted, Spend::ExemptFee][usize::from(exempt)];
    let before = limit.clone();
    // What is left shows which bucket paid, once both are brought to the height of the spend.
    let mut filled = before.clone();
    limit::change(rules, &mut filled, before.rate, before.delay_days, height);
    match limit::spend(rules, limit, amount, kind, height) {
        Err(_) => {
            assert_eq!(*limit, before, "a refusal changes nothing");
            "refused"
        }
        Ok(()) if *limit == before => "none",
        Ok(()) if limit.level < filled.level => "level",
        Ok(()) => "exempt_level",
    }
}

#[test]
fn limits_fill_and_empty_as_in_the_model() {
    for case in list(&load("limit.json")["sequences"]) {
        let rules = rules(&case["chain"]);
        assert_eq!(rules.limit_day, small(&case["day"]));
        assert_eq!(rules.exempt_fees, small(&case["exempt_fees"]));
        let start = &case["start"];
        let numbers = |limit: &Limit| (limit.level, limit.exempt_level, limit.last.get());
        let expected = |v: &Value| {
            (
                small(&v["level"]),
                small(&v["exempt_level"]),
                small(&v["last"]),
            )
        };
        let rate = drops(small(&case["rate"]));
        let mut limit = limit::new(&rules, rate, 1, Height::new(small(&start["height"])));
        assert_eq!(numbers(&limit), expected(start), "{}", case["title"]);
        for vector in list(&case["steps"]) {
            let result = step(&rules, &mut limit, vector);
            assert_eq!(result, text(&vector["result"]), "{vector}");
            assert_eq!(numbers(&limit), expected(vector), "{vector}");
        }
    }
}
