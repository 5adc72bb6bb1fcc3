//! Rows 52 and 53 in whole processes: a node that is behind, and one whose disk fails. What `/readyz` says of them is looked at too.

use parity_scale_codec::Encode;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use sapwood_primitives::Action;
use sapwood_tests::chain::{Branch, person};
use sapwood_tests::{Home, http_get};
use serde_json::{Value, json};

fn ready(server: &sapwood_tests::Server) -> (u16, Vec<String>) {
    let url = server.ready["metrics"].as_str().unwrap();
    let (status, body) = http_get(&url.replace("/metrics", "/readyz"));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["ok"], status == 200, "{body}");
    let codes = body["reasons"].as_array().unwrap().iter();
    (
        status,
        codes
            .map(|reason| reason["code"].as_str().unwrap().to_owned())
            .collect(),
    )
}

#[test]
fn row_52_a_node_that_is_behind_takes_no_transaction_and_says_at_which_height_it_is() {
    let home = Home::new();
    let quote = "00".repeat(32);
    let genesis = [
        "--json",
        "genesis",
        "--quote",
        &quote,
        "--hash-rate",
        "1",
        "--out",
        "chain.toml",
    ];
    home.run("test", &genesis).expect(0);
    // As if it had been launched in 2025 and nobody had mined since.
    let file = home.path().join("chain.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let dated = |line: &str| match line.starts_with("time = ") {
        true => "time = 1750000000\n".to_owned(),
        false => format!("{line}\n"),
    };
    std::fs::write(&file, text.lines().map(dated).collect::<String>()).unwrap();
    let server = home
        .start_node("", &["--chain-file", "chain.toml", "--no-dns"])
        .ready();
    let status = server.get("node_status", json!({}));
    assert_eq!(status["syncing"], true, "{status}");
    let tx = person(2).sign(0, Branch::dev().tip().height, vec![Action::PendingCancel]);
    let refused = server
        .call("tx_submit", json!({"tx": hex::encode(tx.encode())}))
        .unwrap_err();
    assert_eq!((refused.number, refused.code.as_str()), (-32004, "syncing"));
    assert!(refused.message.contains("height 0"), "{refused:?}");
    assert!(!refused.hint.is_empty());
    assert_eq!(ready(&server), (503, vec!["syncing".to_owned()]));
    assert_eq!(server.height(), 0, "it answers all the same");
}

#[test]
fn row_53_a_node_whose_disk_fails_takes_nothing_reads_on_and_ends_with_code_4() {
    let home = Home::new();
    // A write beyond the limit is then an error and no deadly signal.
    let server = home
        .start_ignoring(
            "XFSZ",
            "dev",
            &["--json", "node", "--ports", "auto", "--no-dns"],
        )
        .ready();
    let mut branch = Branch::dev();
    let first = branch.mine(&person(1), b"", Vec::new());
    assert_eq!(server.submit_block(&first).as_deref(), Ok("connected"));
    assert_eq!(ready(&server), (200, Vec::new()));
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    prlimit(
        Pid::from_raw(server.pid().cast_signed()),
        Resource::Fsize,
        none,
    )
    .unwrap();
    let second = branch.mine(&person(1), b"", Vec::new());
    let tx = person(2).sign(0, branch.tip().height, vec![Action::PendingCancel]);
    let tx = json!({"tx": hex::encode(tx.encode())});
    let payee = json!({"payee": person(1).address()});
    let refusals = [
        server.submit_block(&second).map(drop),
        server.call("tx_submit", tx).map(drop),
        server.call("mining_template", payee).map(drop),
    ];
    for refused in refusals {
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.number, refused.code.as_str()),
            (-32005, "storage_failed"),
            "{refused:?}"
        );
        assert!(!refused.message.is_empty() && !refused.hint.is_empty());
    }
    let status = server.get("node_status", json!({}));
    assert_eq!(
        (&status["storage_failed"], &status["head"]["height"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(ready(&server), (503, vec!["storage_failed".to_owned()]));
    let url = server.ready["metrics"].as_str().unwrap();
    let (live, _) = http_get(&url.replace("/metrics", "/livez"));
    assert_eq!(
        live, 200,
        "a process that still answers is not to be killed"
    );
    assert!(http_get(url).1.contains("sapwood_store_failed 1"));
    assert_eq!(server.terminate(), 4);
    let again = home.node("dev", &["--no-dns"]);
    assert_eq!(again.height(), 1, "nothing is lost");
}
