//! Chain files that are refused (specs/chains/README.md): the dev file with one thing changed, for every rule.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sapwood_primitives::chain::{BadChain, Genesis};
use sapwood_primitives::{Chain, Hash};

const DEV: &str = include_str!("../../specs/chains/dev.toml");

/// The dev file with another value at one key.
fn dev_with(key: &str, value: &str) -> String {
    let start = format!("{key} = ");
    let changed: Vec<String> = DEV
        .lines()
        .map(|line| match line.starts_with(&start) {
            true => format!("{start}{value}"),
            false => line.to_owned(),
        })
        .collect();
    let changed = changed.join("\n") + "\n";
    assert_eq!(DEV.matches(&format!("\n{start}")).count(), 1, "{key}");
    changed
}

fn dev_plus_genesis(line: &str) -> String {
    format!("{}\n{line}\n", DEV.trim_end())
}

fn assert_unsafe(text: &str, rule: &str) {
    match Chain::parse(text) {
        Err(BadChain::Unsafe(broken)) => assert!(broken.contains(rule), "{broken}, not {rule}"),
        other => panic!("{rule}: {other:?}"),
    }
}

fn assert_syntax(text: &str, about: &str) {
    match Chain::parse(text) {
        Err(BadChain::Syntax(message)) => assert!(message.contains(about), "{message}"),
        other => panic!("{about}: {other:?}"),
    }
}

#[test]
fn a_name_is_of_the_few_characters_that_mean_nothing_in_a_path() {
    for name in ["a", "dev-2", "0", &"z".repeat(32)] {
        let text = dev_with("name", &format!("\"{name}\""));
        assert_eq!(Chain::parse(&text).unwrap().name, name);
    }
    for name in [
        "",
        ".",
        "..",
        "../dev",
        "/etc",
        "a/b",
        "a b",
        "Dev",
        "dev.",
        "d_v",
        "dév",
        "a\\u0000",
        "a\\n",
        &"z".repeat(33),
    ] {
        let text = dev_with("name", &format!("\"{name}\""));
        assert_unsafe(&text, "name must be");
    }
}

#[test]
fn each_rule_refuses_a_file_that_breaks_it_alone() {
    for (key, value, rule) in [
        ("address_prefix", "\"\"", "address_prefix"),
        ("address_prefix", "\"dSap\"", "address_prefix"),
        ("delay", "11", "delay must be at least 2 x reorg_cap"),
        ("reorg_cap", "7", "delay must be at least 2 x reorg_cap"),
        ("joiner_depth", "5", "joiner_depth must be"),
        ("joiner_depth", "481", "kept must be at least joiner_depth"),
        ("kept", "599", "kept must be at least joiner_depth"),
        (
            "snapshot_interval",
            "61",
            "kept must be at least joiner_depth",
        ),
        (
            "snapshot_interval",
            "9223372036854775807",
            "kept must be at least joiner_depth",
        ),
        ("delay", "601", "kept must be at least delay"),
        ("commit_min", "0", "commit_min"),
        ("commit_min", "60", "commit_min"),
        ("commit_max", "2", "commit_min"),
        ("suspension", "0", "suspension"),
        ("suspension", "1", "suspension"),
        ("suspension", "10_800", "suspension"),
        ("year", "900", "suspension"),
        ("premium_steps", "0", "premium_steps"),
        ("premium_steps", "11", "premium_steps"),
        ("limit_day", "2_197", "limit_day x supply"),
        ("byte_fee", "1_000_001", "byte_fee"),
        ("rent_floor", "0", "rent_floor"),
        ("rent_floor", "100_000_001", "rent_floor"),
        ("rent_start", "999_999", "rent_floor"),
        (
            "target_registrations",
            "4_294_967_297",
            "target_registrations is above",
        ),
        ("trusted_depth", "7", "trusted_depth must be at most"),
    ] {
        assert_unsafe(&dev_with(key, value), rule);
    }
}

#[test]
fn no_number_that_divides_or_delays_is_zero() {
    for key in [
        "block_time",
        "min_spacing",
        "half_life",
        "ramp",
        "validity",
        "limit_day",
        "premium_step",
        "rent_fall",
        "target_registrations",
        "reorg_cap",
        "snapshot_interval",
        "quick_transfer",
        "trusted_depth",
    ] {
        assert_unsafe(&dev_with(key, "0"), "must be positive");
    }
}

#[test]
fn numbers_of_blocks_and_seconds_stay_below_what_their_products_can_hold() {
    for key in ["year", "premium_step", "half_life", "block_time", "kept"] {
        assert!(
            Chain::parse(&dev_with(key, "4_294_967_296")).is_ok(),
            "{key}"
        );
        assert_unsafe(&dev_with(key, "4_294_967_297"), "above 2^32");
    }
}

#[test]
fn no_fee_or_price_is_beyond_reason() {
    for key in [
        "base_fee",
        "existential_deposit",
        "creation_burn",
        "exempt_fees",
        "rent_start",
    ] {
        assert!(
            Chain::parse(&dev_with(key, "1_000_000_000_000")).is_ok(),
            "{key}"
        );
        assert_unsafe(&dev_with(key, "1_000_000_000_001"), "above 10,000 sap");
    }
}

#[test]
fn the_last_number_that_each_rule_allows_is_taken() {
    for (key, value) in [
        ("delay", "600"),
        ("joiner_depth", "6"),
        ("commit_min", "1"),
        ("commit_min", "59"),
        ("suspension", "2"),
        ("suspension", "10_799"),
        ("premium_steps", "1"),
        ("limit_day", "2_196"),
        ("byte_fee", "1_000_000"),
        ("rent_floor", "1"),
        ("rent_floor", "100_000_000"),
        ("target_registrations", "4_294_967_296"),
        ("trusted_depth", "6"),
    ] {
        let result = Chain::parse(&dev_with(key, value));
        assert!(result.is_ok(), "{key} = {value}: {result:?}");
    }
}

#[test]
fn a_genesis_that_cannot_be_is_refused() {
    assert_unsafe(&dev_with("time", "1_099_511_627_777"), "genesis.time");
    let target = dev_plus_genesis("target = \"2100ffff\"");
    assert_unsafe(&target, "easier than target_limit");
    for quote in [
        "",
        "ab",
        &"AB".repeat(32),
        &"ab".repeat(33),
        &"zz".repeat(32),
    ] {
        let text = dev_plus_genesis(&format!("quote = \"{quote}\""));
        assert_unsafe(&text, "genesis.quote");
    }
}

#[test]
fn targets_are_canonical_compact_ones() {
    for value in [
        "\"03000001\"",
        "\"00000000\"",
        "\"20ffffff\"",
        "\"ff123456\"",
    ] {
        assert_syntax(&dev_with("target_limit", value), "canonical compact target");
        let genesis = dev_plus_genesis(&format!("target = {value}"));
        assert_syntax(&genesis, "canonical compact target");
    }
    for value in ["\"\"", "\"207fffff0\"", "\"0x207fff\"", "0x207fffff"] {
        let result = Chain::parse(&dev_with("target_limit", value));
        assert!(matches!(result, Err(BadChain::Syntax(_))), "{value}");
    }
}

#[test]
fn a_key_that_nobody_knows_is_refused_in_every_table() {
    let top = format!("extra = 1\n{DEV}");
    assert_syntax(&top, "extra");
    for table in ["consensus", "client", "genesis"] {
        let text = DEV.replace(&format!("[{table}]"), &format!("[{table}]\nextra = 1"));
        assert_syntax(&text, "extra");
    }
    assert_syntax(&format!("{DEV}\n[extra]\n"), "extra");
}

#[test]
fn a_key_that_is_missing_twice_there_or_of_another_type_is_refused() {
    for line in DEV.lines().filter(|line| line.contains(" = ")) {
        let key = line.split(' ').next().unwrap();
        let without = DEV.replacen(&format!("\n{line}\n"), "\n", 1);
        assert_ne!(without, DEV, "{key}");
        assert_syntax(&without, key);
        let twice = DEV.replacen(&format!("\n{line}\n"), &format!("\n{line}\n{line}\n"), 1);
        assert_syntax(&twice, "duplicate key");
        assert_syntax(&dev_with(key, "-1"), "invalid");
        assert_syntax(&dev_with(key, "1.5"), "invalid");
    }
    assert!(matches!(Chain::parse("name = "), Err(BadChain::Syntax(_))));
}

#[test]
fn without_a_genesis_the_chain_is_not_launched() {
    let (text, _) = DEV.split_once("[genesis]").unwrap();
    let chain = Chain::parse(text).unwrap();
    let error = chain.genesis_block(Hash::default()).unwrap_err();
    assert_eq!(error, BadChain::NotLaunched("dev".to_owned()));
    assert!(error.to_string().contains("sapwood genesis"), "{error}");
}

#[test]
fn the_quote_and_the_target_of_a_ceremony_reach_the_genesis() {
    let quote = "0a".repeat(32);
    let lines = format!("target = \"1f00ffff\"\nquote = \"{quote}\"");
    let block = Chain::parse(&dev_plus_genesis(&lines))
        .unwrap()
        .genesis_block(Hash::default())
        .unwrap();
    assert_eq!(block.header.header.target, 0x1f00_ffff);
    assert_eq!(block.coinbase.extra[32..], [0x0a; 32]);
    let plain = Chain::named("dev").unwrap();
    let plain = plain.genesis_block(Hash::default()).unwrap();
    assert_eq!(block.coinbase.extra[..32], plain.coinbase.extra[..32]);
    assert_ne!(block.header.id(), plain.header.id());
}

#[test]
fn the_known_chains_survive_being_written_and_read() {
    for name in ["main", "test", "dev", "tour"] {
        let mut chain = Chain::named(name).unwrap();
        assert_eq!(chain.name, name);
        assert_eq!(
            Chain::parse(&toml::to_string(&chain).unwrap()),
            Ok(chain.clone())
        );
        chain.genesis = Some(Genesis {
            time: 1,
            target: Some(chain.consensus.target_limit),
            quote: Some("ab".repeat(32)),
        });
        assert_eq!(Chain::parse(&toml::to_string(&chain).unwrap()), Ok(chain));
    }
    assert_eq!(Chain::named("other"), None);
}
