//! Exit 2: command lines that cannot be understood. Nothing is read, written or asked for.

use crate::{FAILED, USAGE, address, fails};
use sapwood_primitives::{AccountId, Address};
use sapwood_tests::{Home, Ran};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

#[test]
fn wrong_usage_is_exit_2_and_nothing_is_written() {
    let home = Home::new();
    let to = address();
    let rows: &[(&str, &[&str])] = &[
        ("1 no command", &[]),
        ("1 no command of the wallet", &["wallet"]),
        ("2 unknown command", &["walet"]),
        ("2 unknown flag", &["status", "--jsn"]),
        (
            "3 flag twice",
            &["wallet", "send", &to, "1", "--fee", "1", "--fee", "2"],
        ),
        ("3 --yes twice", &["--yes", "status", "--yes", "--yes"]),
        (
            "flags that exclude each other",
            &["wallet", "send", &to, "1", "--wait", "--no-wait"],
        ),
        (
            "flag without its value",
            &["wallet", "send", &to, "1", "--fee"],
        ),
        ("argument missing", &["wallet", "send", &to]),
        ("an argument more", &["status", "now"]),
        ("years 0", &["name", "price", "alice", "--years", "0"]),
        ("years 11", &["name", "price", "alice", "--years", "11"]),
        (
            "years 2^64",
            &["name", "price", "alice", "--years", "18446744073709551616"],
        ),
        (
            "31 days",
            &["limit", "set", "--rate", "1", "--delay-days", "31"],
        ),
        ("no limit given", &["limit", "set"]),
        (
            "page of 1001",
            &["name", "list", "--all", "--limit", "1001"],
        ),
        ("no such chain", &["--chain", "prod", "status"]),
        (
            "8 seed on the command line",
            &["wallet", "restore", "abandon", "abandon", "about"],
        ),
        (
            "8 key on the command line",
            &[
                "wallet",
                "import",
                "0000000000000000000000000000000000000000000000000000000000000001",
            ],
        ),
        ("transaction id", &["tx", "show", "00"]),
        ("port 0", &["dev", "--port-base", "0"]),
        ("port 65536", &["dev", "--port-base", "65536"]),
        (
            "port block beyond the last port",
            &["dev", "--port-base", "65001"],
        ),
        ("tour and temp", &["dev", "--tour", "--temp"]),
        ("log filter", &["--log", "sapwood=[", "status"]),
        (
            "wallet name with a path",
            &["wallet", "address", "--wallet", "../dev"],
        ),
        ("zero", &["wallet", "send", &to, "0"]),
        ("mine for nobody", &["node", "--mine", "me"]),
        ("resolver under no suffix", &["resolver", "--suffix", ""]),
        (
            "record type",
            &["name", "register", "alice", "--record", "@ NOPE 1"],
        ),
        (
            "record line",
            &["name", "register", "alice", "--record", "@ A 300.1.1.1"],
        ),
        (
            "chain file that is not there",
            &["--chain-file", "none.toml", "status"],
        ),
    ];
    for (row, args) in rows {
        let with_chain =
            |args: &[&str]| home.run(if args.contains(&"--chain") { "" } else { "dev" }, args);
        let error = fails(with_chain, args, USAGE);
        println!("{row}: {error}");
    }
    let suggested = fails(|args| home.run("dev", args), &["--jsn", "status"], USAGE);
    assert!(
        suggested["hint"].as_str().unwrap().contains("'--json'"),
        "{suggested}"
    );
    let suggested = fails(|args| home.run("dev", args), &["wallet", "balence"], USAGE);
    assert!(
        suggested["hint"].as_str().unwrap().contains("'balance'"),
        "{suggested}"
    );
    let mut bad = home.command("dev", &["name", "show"]);
    let bad = Ran::of(bad.arg(OsStr::from_bytes(b"al\xffice")).output().unwrap()).expect(USAGE);
    assert_eq!(bad.stderr.lines().count(), 1, "5 not UTF-8: {bad:?}");
    assert!(
        !home.data().exists(),
        "nothing is made by a command that was not understood"
    );
}

#[test]
fn row_4_amounts_are_plain_decimals_within_the_supply() {
    let home = Home::new();
    let to = address();
    for amount in [
        "1,5",
        "1e9",
        "-1",
        "NaN",
        "inf",
        " 1",
        "1 ",
        "0.123456789",
        "84000000.00000001",
        "84000001",
        "99999999999999999999999999",
        "",
        ".",
        "1.",
        ".5",
        "+1",
        "0x1",
        "1_000",
        "١",
        "1.5sap",
    ] {
        let run = |args: &[&str]| home.run("dev", args);
        let error = fails(run, &["wallet", "send", &to, amount], USAGE);
        assert_eq!(error["code"], "usage", "{amount}");
        if !amount.starts_with('-') {
            fails(run, &["limit", "set", "--rate", amount], USAGE);
        }
    }
}

#[test]
fn row_6_addresses_with_a_fault_are_noticed_before_a_node_is_asked() {
    let home = Home::new();
    let good = address();
    let at = good.len() - 3;
    let other = if good.as_bytes()[at] == b'q' {
        "p"
    } else {
        "q"
    };
    let one_wrong = format!("{}{other}{}", &good[..at], &good[at + 1..]);
    let place = (10..good.len() - 1)
        .find(|&i| good.as_bytes()[i] != good.as_bytes()[i + 1])
        .unwrap();
    let swapped = format!(
        "{}{}{}{}",
        &good[..place],
        &good[place + 1..=place + 1],
        &good[place..=place],
        &good[place + 2..]
    );
    let of = |prefix: &str| Address::new(prefix, AccountId([7; 32])).to_string();
    let run = |args: &[&str]| home.run("dev", args);
    for bad in [
        one_wrong,
        swapped,
        good.replacen('d', "D", 1),
        good[..60].to_owned(),
        good.clone() + "q",
        "dsap1".into(),
        "DSAP1QQQQ".into(),
        format!("{good} "),
        of("bc"),
    ] {
        for args in [
            &["wallet", "send", &bad, "1"][..],
            &["limit", "veto", &bad],
            &["account", "show", &bad],
        ] {
            fails(run, args, USAGE);
        }
    }
    for (prefix, network) in [("sap", "main"), ("tsap", "test")] {
        let error = fails(run, &["wallet", "send", &of(prefix), "1"], USAGE);
        assert!(
            error["message"].as_str().unwrap().contains(network),
            "{error}"
        );
    }
    let mine = fails(run, &["node", "--mine", &of("tsap")], USAGE);
    assert!(mine["message"].as_str().unwrap().contains("test"), "{mine}");
}

#[test]
fn row_7_names_that_are_none_are_refused_in_every_command() {
    let home = Home::new();
    let long = "a".repeat(31) + "-" + &"b".repeat(32);
    let key_like = "a".repeat(33);
    let names = [
        "",
        "a..b",
        "-a",
        "a-",
        "ab--c",
        "123",
        "alt",
        "localhost",
        "ä",
        "🌲",
        "a b",
        "a_b",
        "www.alice.leaf.alt",
        "alice.leaf.alt.example",
        "a\tb",
        "xn--nxasmq6b",
        &long,
        &key_like,
    ];
    for name in names {
        for args in [
            &["name", "show", name][..],
            &["name", "price", name],
            &["name", "register", name],
            &["name", "renew", name],
            &["name", "release", name],
        ] {
            let error = fails(|args| home.run("dev", args), args, USAGE);
            assert!(
                !error["message"].as_str().unwrap().contains('\t'),
                "shown escaped: {error}"
            );
        }
    }
    for name in ["", "a..b", "-a", "123", "🌲", &long] {
        fails(|args| home.run("dev", args), &["resolve", name], USAGE);
    }
    // What people copy from elsewhere is understood: such a command only lacks a node.
    for name in ["alice", "ALICE", "alice.leaf.alt", "Alice.LEAF.alt."] {
        for args in [&["name", "show", name][..], &["resolve", name]] {
            fails(|args| home.run("dev", args), args, FAILED);
        }
    }
}
