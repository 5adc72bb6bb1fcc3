//! Exit 3: what the chain would refuse is refused before it is signed. And what others wrote is shown escaped.

use crate::common::FastChain;
use crate::{FAILED, REFUSED, USAGE, address, fails};
use serde_json::Value;

#[test]
fn what_the_chain_would_refuse_is_refused_before_it_is_signed_and_changes_nothing() {
    let chain = FastChain::new();
    // A second account with a name and some coins, so that its balance stands still.
    let mut book = chain.ok(&["wallet", "accounts", "--new", "--label", "shop"]);
    let shop = book["accounts"][1]["address"]
        .take()
        .as_str()
        .unwrap()
        .to_owned();
    chain.ok(&["wallet", "send", &shop, "10", "--wait"]);
    chain.ok(&["name", "register", "taken", "--account", "shop"]);
    let state = |_: ()| chain.ok(&["account", "show", &shop])["balance"].clone();
    let before = state(());
    let run = |args: &[&str]| chain.home.run("dev", &[&["--yes"], args].concat());
    let fresh = address();
    let rows: &[(&str, &[&str])] = &[
        ("name_taken", &["name", "register", "taken"]),
        (
            "has_name",
            &["name", "register", "other", "--account", "shop"],
        ),
        (
            "insufficient",
            &[
                "wallet",
                "send",
                &chain.address,
                "1000",
                "--account",
                "shop",
            ],
        ),
        (
            "send_to_self",
            &["wallet", "send", &shop, "1", "--account", "shop"],
        ),
        (
            "name_not_active",
            &["wallet", "send", "nobody", "1", "--account", "shop"],
        ),
        (
            "below_deposit",
            &[
                "wallet",
                "send",
                &fresh,
                "0.001",
                "--account",
                "shop",
                "--yes-high-fee",
            ],
        ),
        (
            "high_fee",
            &[
                "wallet",
                "send",
                &chain.address,
                "1",
                "--fee",
                "0.2",
                "--account",
                "shop",
            ],
        ),
        (
            "fee_too_low",
            &[
                "wallet",
                "send",
                &chain.address,
                "1",
                "--fee",
                "0.00000001",
                "--account",
                "shop",
            ],
        ),
        (
            "no_coins",
            &["wallet", "send", &shop, "1", "--account", &fresh],
        ),
        ("no_limit", &["limit", "remove", "--account", "shop"]),
        ("nothing_pending", &["limit", "cancel", "--account", "shop"]),
        ("no_guardian", &["limit", "freeze", &shop]),
        (
            "own_guardian",
            &["limit", "set", "--guardian", &shop, "--account", "shop"],
        ),
        ("no_transfer", &["name", "transfer", "finish", "taken"]),
        ("nothing_under_way", &["name", "register", "--resume"]),
    ];
    for (code, args) in rows {
        let error = fails(run, args, REFUSED);
        assert_eq!(error["code"], *code, "{args:?}: {error}");
    }
    let poor = fails(
        run,
        &[
            "wallet",
            "send",
            &chain.address,
            "1000",
            "--account",
            "shop",
        ],
        REFUSED,
    );
    let message = poor["message"].as_str().unwrap();
    let sap = |drops: &Value| {
        sapwood_primitives::Amount::from_drops(drops.as_u64().unwrap())
            .unwrap()
            .to_string()
    };
    assert!(
        message.contains(&sap(&before)) && message.contains("1000."),
        "row 24 states both: {message}"
    );
    // Nobody is there to be asked, and nothing was agreed to beforehand.
    let ask = fails(
        |args| chain.home.run("dev", args),
        &["wallet", "send", &chain.address, "1", "--account", "shop"],
        USAGE,
    );
    assert!(ask["hint"].as_str().unwrap().contains("--yes"), "{ask}");
    for args in [
        &[
            "wallet",
            "send",
            &chain.address,
            "1",
            "--account",
            "shop",
            "--dry-run",
        ][..],
        &[
            "name",
            "records",
            "taken",
            "--add",
            "@ A 192.0.2.1",
            "--dry-run",
        ],
        &["name", "renew", "taken", "--dry-run"],
        &["name", "register", "other", "--dry-run"],
        &[
            "limit",
            "set",
            "--rate",
            "1",
            "--account",
            "shop",
            "--dry-run",
        ],
        &["wallet", "rotate-key", "--account", "shop", "--dry-run"],
    ] {
        let rehearsed = chain
            .home
            .run("dev", &[&["--json"], args].concat())
            .expect(0)
            .json();
        assert!(
            rehearsed["txid"].is_null() && rehearsed["fee"].as_u64() > Some(0),
            "{args:?}: {rehearsed}"
        );
    }
    let remote = fails(run, &["--rpc", "http://example.com/", "status"], USAGE);
    assert!(
        remote["message"]
            .as_str()
            .unwrap()
            .contains("this computer"),
        "{remote}"
    );
    let unknown = fails(run, &["--rpc", "http://127.0.0.1:1/", "status"], USAGE);
    assert!(
        unknown["message"].as_str().unwrap().contains("cookie"),
        "{unknown}"
    );
    fails(run, &["rpc", "no_such_method"], FAILED);
    fails(run, &["rpc", "chain_head", "[1]"], USAGE);
    fails(run, &["rpc", "name_show", "{\"name\":\"A\"}"], FAILED);
    chain.pass(2);
    assert_eq!(state(()), before);
    assert_eq!(
        chain.ok(&["wallet", "accounts"])["accounts"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn what_others_wrote_is_shown_escaped() {
    let chain = FastChain::new();
    let hostile = "ab\u{1b}[2J\u{202e}cd";
    for args in [
        &["name", "show", hostile][..],
        &["wallet", "send", hostile, "1"],
        &["wallet", "balance", "--account", hostile],
        &["resolve", hostile],
    ] {
        let error = fails(|args| chain.home.run("dev", args), args, USAGE);
        let message = error["message"].as_str().unwrap();
        assert!(!message.contains(['\u{1b}', '\u{202e}']), "{message:?}");
    }
    chain.ok(&[
        "name",
        "register",
        "hostile",
        "--record",
        "@ TXT \"\\027[2J\\010new line\"",
    ]);
    for args in [&["name", "show", "hostile"][..], &["resolve", "hostile"]] {
        let shown = chain.home.run("dev", args).expect(0);
        assert!(!shown.stdout.contains('\u{1b}'), "{shown:?}");
        assert!(shown.stdout.contains("\\027"), "{shown:?}");
    }
}
