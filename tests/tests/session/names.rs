//! The life of a name, and registrations that are killed on the way.

use crate::common::FastChain;
use sapwood_tests::dns_query;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// Kills `name register` as soon as it says something, so that the kill falls into every step between the first signature and the owned name.
#[test]
fn a_registration_killed_at_any_step_is_completed_by_resume() {
    let chain = FastChain::new();
    let steps = [
        "account ",
        "fee:",
        "waiting for the first",
        "waiting for block",
        "waiting for the second",
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let name = format!("kill-{number}");
        let added = chain.ok(&["wallet", "accounts", "--new", "--label", &name]);
        let address = added["accounts"].as_array().unwrap().last().unwrap()["address"]
            .as_str()
            .unwrap()
            .to_owned();
        chain.ok(&["wallet", "send", &address, "5", "--wait"]);
        let register = [
            "name",
            "register",
            &name,
            "--account",
            &name,
            "--record",
            "@ A 192.0.2.7",
        ];
        let mut child = chain
            .command(&register)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let reached = said.any(|line| line.is_ok_and(|line| line.trim_start().starts_with(step)));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(reached, "it never said {step:?}");
        let resumed = chain.run(&["name", "register", "--resume", &name]);
        if step.ends_with("first") || step.ends_with("block") {
            // The first transaction was sent, the second was not.
            assert_eq!(resumed.code, Some(0), "{step}: {resumed:?}");
        }
        match resumed.code {
            Some(0) => {
                let resumed = resumed.json();
                assert_eq!(
                    resumed["names"][0]["status"], "registered",
                    "{step}: {resumed}"
                );
            }
            // Nothing was signed yet, or all was done: then there is nothing to go on with.
            _ => assert_eq!(
                resumed.expect(3).json()["error"]["code"],
                "nothing_under_way",
                "{step}"
            ),
        }
        let shown = chain.ok(&["name", "show", &name]);
        if shown["phase"] == "available" {
            chain.ok(&register);
        }
        let shown = chain.ok(&["name", "show", &name]);
        assert_eq!(
            (&shown["phase"], &shown["owner"]),
            (&"active".into(), &address.as_str().into()),
            "{step}"
        );
        assert_eq!(
            shown["records"],
            serde_json::json!(["@ 300 A 192.0.2.7"]),
            "{step}"
        );
        // The price was paid once: the year is one year.
        assert!(
            shown["paid_until"].as_u64().unwrap() < chain.server.height() + 10_800 + 1,
            "{step}: {shown}"
        );
        let again = chain.run(&["name", "register", "--resume"]).expect(3);
        assert_eq!(again.json()["error"]["code"], "nothing_under_way", "{step}");
    }
}

#[test]
fn a_name_is_registered_renewed_passed_on_and_released() {
    let chain = FastChain::new();
    let second = chain.wallet("second", "20");
    let made = chain.ok(&[
        "name",
        "register",
        "linden",
        "--years",
        "2",
        "--record",
        "@ A 192.0.2.1",
    ]);
    assert_eq!(
        (&made["status"], &made["name"]),
        (&"registered".into(), &"linden".into())
    );
    let until = |_: ()| {
        chain.ok(&["name", "show", "linden"])["paid_until"]
            .as_u64()
            .unwrap()
    };
    let before = until(());
    chain.ok(&["name", "renew", "linden", "--years", "3"]);
    assert_eq!(until(()), before + 3 * 10_800);

    chain.ok(&["name", "standing-order", "linden", "--max", "1.2", "--wait"]);
    assert_eq!(
        chain.ok(&["name", "show", "linden"])["standing_order"],
        120_000_000
    );
    chain.ok(&["name", "standing-order", "linden", "--off", "--wait"]);
    assert_eq!(
        chain.ok(&["name", "show", "linden"])["standing_order"],
        Value::Null
    );

    let added = chain.ok(&[
        "name",
        "records",
        "linden",
        "--add",
        "www 60 AAAA 2001:db8::1",
        "--wait",
    ]);
    assert_eq!(added["status"], "confirmed");
    let shown = chain.ok(&["name", "show", "linden"])["records"].clone();
    assert_eq!(
        shown,
        serde_json::json!(["@ 300 A 192.0.2.1", "www 60 AAAA 2001:db8::1"])
    );
    assert_eq!(
        dns_query(chain.server.dns_addr(), "www.linden.leaf.alt", 28).answers,
        ["AAAA 2001:db8::1"]
    );

    // Who has it can take the offer back; who has not cannot take it early.
    chain.ok(&[
        "name", "transfer", "start", "linden", "--to", &second, "--wait",
    ]);
    let early = chain
        .run_as("second", &["name", "transfer", "finish", "linden"])
        .expect(3);
    assert!(
        !early.json()["error"]["message"]
            .as_str()
            .unwrap()
            .is_empty()
    );
    chain.ok(&["name", "transfer", "cancel", "linden", "--wait"]);
    chain.ok(&[
        "name", "transfer", "start", "linden", "--to", &second, "--quick", "--wait",
    ]);
    chain.pass(2);
    chain.ok_as(
        "second",
        &["name", "transfer", "finish", "linden", "--wait"],
    );
    let shown = chain.ok(&["name", "show", "linden"]);
    assert_eq!(
        (&shown["owner"], &shown["records"]),
        (&second.as_str().into(), &serde_json::json!([]))
    );
    let not_mine = chain
        .run(&["name", "records", "linden", "--clear"])
        .expect(3);
    assert!(!not_mine.json()["error"]["hint"].is_null());

    chain.ok_as("second", &["name", "release", "linden", "--wait"]);
    assert_ne!(
        chain.ok(&["name", "show", "linden"])["pending"],
        Value::Null
    );
    chain.pass(13);
    let shown = chain.ok(&["name", "show", "linden"]);
    assert_eq!(
        (&shown["phase"], &shown["owner"]),
        (&"released".into(), &Value::Null)
    );
    assert_eq!(
        dns_query(chain.server.dns_addr(), "linden.leaf.alt", 1).rcode,
        3
    );
    assert!(
        chain.ok(&["name", "price", "linden"])["premium"]
            .as_u64()
            .unwrap()
            > 0
    );
    let listed = chain.ok(&["wallet", "history", "--limit", "200"]);
    let all = listed["entries"].to_string();
    for word in ["register `linden`", "mined", "send 20 sap"] {
        assert!(all.contains(word) || all.contains(&second), "{word}: {all}");
    }
    let outgoing = listed["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["direction"] == "out");
    assert!(outgoing.count() >= 9, "{all}");
}
