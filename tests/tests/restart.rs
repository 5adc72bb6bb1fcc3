//! Ending and starting again, and who may do so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::process::Signal;
use sapwood_tests::chain::{Branch, person};
use sapwood_tests::{Home, Ran, Server};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

/// Exit code for a file or the disk.
const STORAGE: i32 = 4;

#[track_caller]
fn check_refusal(ran: &Ran, path: &Path, what: &str) {
    assert_eq!(ran.code, Some(STORAGE), "{what}: {ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{what}: {ran:?}");
    let error = &ran.json()["error"];
    let message = error["message"].as_str().unwrap_or_default();
    assert!(
        message.contains(path.to_str().unwrap()),
        "{what}: it names the file: {ran:?}"
    );
}

/// What a person sees of their dev chain.
fn belongings(home: &Home) -> (Value, Value) {
    let name = home
        .run("dev", &["--json", "name", "show", "alice"])
        .expect(0)
        .json();
    let balance = home
        .run("dev", &["--json", "wallet", "balance"])
        .expect(0)
        .json();
    (name, balance)
}

#[test]
fn a_dev_chain_goes_on_where_it_was_stopped() {
    let home = Home::new();
    let dev = home.dev(&[]);
    let register = [
        "--json",
        "--yes",
        "name",
        "register",
        "alice",
        "--record",
        "@ A 192.0.2.7",
    ];
    home.run("dev", &register).expect(0);
    let (name, _) = belongings(&home);
    assert_eq!(name["phase"], "active");
    let height = dev.height();
    let payee = dev.ready["payee"].clone();
    assert_eq!(dev.terminate(), 0);

    let dev = home.dev(&[]);
    assert!(dev.height() >= height);
    assert_eq!(dev.ready["payee"], payee, "the same wallet is paid");
    let (again, balance) = belongings(&home);
    for field in ["phase", "owner", "paid_until", "records"] {
        assert_eq!(again[field], name[field], "{field}");
    }
    assert!(balance.to_string().contains("balance"), "{balance}");
    let answer = sapwood_tests::dns_query(dev.dns_addr(), "alice.leaf.alt", 1);
    assert_eq!(answer.answers, ["A 192.0.2.7"]);
    let hello = sapwood_tests::dns_query(dev.dns_addr(), "hello.leaf.alt", 28);
    assert_eq!(hello.answers, ["AAAA ::1"]);
}

#[test]
fn a_balance_is_the_same_after_each_way_to_end() {
    let home = Home::new();
    let (mut branch, miner) = (Branch::dev(), person(1));
    let ask = |node: &Server| {
        let account = json!({ "account": person(1).address(), "proof": true });
        (node.head(), node.get("account_get", account))
    };
    let mut node = home.node("dev", &["--no-dns"]);
    for end in [Signal::TERM, Signal::INT, Signal::KILL, Signal::TERM] {
        for block in branch.mine_empty(15, &miner, b"") {
            assert_eq!(node.submit_block(&block).unwrap(), "connected");
        }
        let seen = ask(&node);
        assert!(seen.1["account"]["balance"].as_u64().unwrap() > 0);
        let ran = node.stop_by(end);
        let code = if end == Signal::KILL { None } else { Some(0) };
        assert_eq!(ran.code, code, "{ran:?}");
        node = home.node("dev", &["--no-dns"]);
        assert_eq!(ask(&node), seen, "after {end:?}");
    }
}

#[test]
fn a_second_process_on_the_same_data_is_refused_and_does_not_disturb_the_first() {
    let home = Home::new();
    let node = home.node("dev", &["--no-dns"]);
    let before = fs::read_to_string(home.data().join("dev/rpc.json")).unwrap();
    let second = home.start_node("dev", &["--no-dns"]).wait();
    check_refusal(&second, &home.store("dev"), "second process");
    assert_eq!(
        fs::read_to_string(home.data().join("dev/rpc.json")).unwrap(),
        before
    );
    assert_eq!(node.height(), 0);
    let text = home
        .run("dev", &["node", "--ports", "auto"])
        .expect(STORAGE);
    assert!(
        text.stderr.contains(home.store("dev").to_str().unwrap()),
        "{text:?}"
    );
    assert_eq!(node.terminate(), 0);
    assert_eq!(
        home.node("dev", &["--no-dns"]).height(),
        0,
        "the lock went with its process"
    );
}

#[test]
fn what_a_node_writes_is_for_its_owner_only() {
    let home = Home::new();
    let dev = home.dev(&[]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let data = home.data().join("dev");
    let folders = [data.clone(), data.join("wallets"), home.store("dev")];
    for folder in [home.data()].iter().chain(&folders) {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    for entry in folders.map(|path| fs::read_dir(path).unwrap()) {
        for file in entry
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file())
        {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }
    assert!(data.join("rpc.json").is_file());
    assert_eq!(dev.terminate(), 0);
    assert!(!data.join("rpc.json").exists(), "no node, no endpoint");
}

#[test]
fn ctrl_c_ends_a_node_at_once_even_while_clients_wait() {
    let home = Home::new();
    let node = home.node("dev", &[]);
    let poll = json!({ "after": node.head()["block"], "timeout_ms": 30_000 });
    let cookie = node.cookie();
    let url = node.rpc_url().to_owned();
    // A client that waits, and one that is connected and says nothing.
    let address = url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let silent = std::net::TcpStream::connect(&address).unwrap();
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "chain_awaitHead", "params": poll}).to_string();
    let mut waiting = std::net::TcpStream::connect(&address).unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {cookie}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    std::io::Write::write_all(&mut waiting, request.as_bytes()).unwrap();
    // An answer to a later question shows that the node has read on.
    node.height();
    let start = Instant::now();
    let ran = node.stop_by(Signal::INT);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "it waited for its clients: {:?}",
        start.elapsed()
    );
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    drop((silent, waiting));
}

#[test]
fn a_kill_during_the_very_first_start_leaves_nothing_that_stops_the_next() {
    for delay in 0..25 {
        let home = Home::new();
        let starting = home.start_node("dev", &["--no-dns"]);
        std::thread::sleep(Duration::from_millis(2 * delay));
        starting.kill9();
        let node = home.node("dev", &["--no-dns"]);
        assert_eq!(node.height(), 0);
    }
}

#[test]
fn an_endpoint_file_that_is_a_link_is_not_written_through() {
    let home = Home::new();
    assert_eq!(home.node("dev", &["--no-dns"]).terminate(), 0);
    let (endpoint, victim) = (home.data().join("dev/rpc.json"), home.path().join("victim"));
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &endpoint).unwrap();
    let ran = home.start_node("dev", &["--no-dns"]).wait();
    check_refusal(&ran, &endpoint, "endpoint file");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}
