//! Signing without a network, and accounts without a key.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::world::Death;
use super::*;

fn somebody() -> String {
    sapwood_primitives::Address::new("dsap", sapwood_primitives::AccountId([0x55; 32])).to_string()
}

impl Desk {
    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file with `--unsigned` and gives it as JSON.
    fn unsigned(&self, name: &str, line: &[&str]) -> Value {
        let path = self.file(name);
        self.ok(&[line, &["--unsigned", path.to_str().unwrap()]].concat());
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// The same wallet on a computer without a network.
    fn without_network(&self) {
        let calls = self.world.borrow().calls.len();
        self.world.borrow_mut().death = Some(Death::Before(calls));
    }

    fn with_network(&self) {
        self.world.borrow_mut().death = None;
    }

    fn sign(&self, name: &str, out: &str) -> Value {
        self.without_network();
        let (file, out) = (self.file(name), self.file(out));
        let signed = self.ok(&[
            "wallet",
            "sign",
            file.to_str().unwrap(),
            "-o",
            out.to_str().unwrap(),
        ]);
        self.with_network();
        signed
    }

    fn submit(&self, name: &str) -> Value {
        let file = self.file(name);
        self.ok(&["tx", "submit", file.to_str().unwrap(), "--wait"])
    }
}

#[test]
fn a_payment_is_prepared_signed_without_network_and_handed_in() {
    let desk = Desk::rich();
    let file = desk.unsigned("pay", &["wallet", "send", &somebody(), "1.5"]);
    assert_eq!(desk.world.borrow().count("tx_submit"), 0);
    assert_eq!(file["chain"], "dev");
    assert_eq!(file["account"].as_str(), Some(&*desk.address("0")));
    let tx = &file["transactions"][0];
    assert_eq!(
        tx["does"],
        json!([format!("send 1.5 sap to {}", somebody())])
    );
    assert_eq!(
        (&tx["pays_at_most"], &tx["nonce"]),
        (
            &json!(150_000_000),
            &desk.ok(&["account", "show", &desk.address("0")])["nonce"]
        )
    );
    assert_eq!(
        tx["valid_until"].as_u64(),
        Some(desk.world.borrow().height() + desk.chain.consensus.validity),
        "all the time that the chain gives"
    );

    desk.said();
    let signed = desk.sign("pay", "signed");
    let said = desk.said();
    for part in [
        "chain dev",
        &*desk.address("0"),
        "send 1.5 sap to",
        "fee of 0.000",
        "nonce ",
        "valid until block",
        "by a proof that holds",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let submitted = desk.submit("signed");
    assert_eq!(submitted["txid"], signed["txids"][0]);
    assert_eq!(
        desk.ok(&["account", "show", &somebody()])["balance"],
        149_900_000
    );
    assert_eq!(
        desk.submit("signed")["status"],
        "confirmed",
        "again is harmless"
    );
    assert_eq!(desk.world.borrow().included().count(), 1);
}

#[test]
fn what_was_changed_in_the_file_is_named_and_nothing_is_signed() {
    let desk = Desk::rich();
    let good = desk.unsigned("good", &["wallet", "send", &somebody(), "1.5"]);
    let body = good["transactions"][0]["body"].as_str().unwrap().to_owned();
    // One digit of the receiver in the bytes that would be signed.
    let at = body.find(&"55".repeat(32)).unwrap();
    let redirected = format!("{}66{}", &body[..at], &body[at + 2..]);
    let tip = good["from"]["header"].as_str().unwrap();
    let forged = format!("{}ff", &tip[..tip.len() - 2]);
    let other = desk.address("0").replace("dsap1", "tsap1");
    for (pointer, value, part) in [
        (
            "/transactions/0/does/0",
            json!("send 0.1 sap to me"),
            "words of transaction 1",
        ),
        (
            "/transactions/0/pays_at_most",
            json!(1),
            "amount of transaction 1",
        ),
        ("/transactions/0/fee", json!(1), "fee of transaction 1"),
        ("/transactions/0/nonce", json!(7), "nonce of transaction 1"),
        (
            "/transactions/0/valid_until",
            json!(7),
            "last block of transaction 1",
        ),
        (
            "/transactions/0/body",
            json!(redirected),
            "words of transaction 1",
        ),
        (
            "/transactions/0/body",
            json!("00"),
            "bytes of transaction 1",
        ),
        ("/transactions", json!([]), "list of transactions"),
        ("/balance", json!(5), "balance"),
        ("/account", json!(somebody()), "proof of the account"),
        ("/account", json!(other), "account"),
        ("/from/header", json!(forged), "proof of the account"),
        ("/from/value", json!("00"), "proof of the account"),
        ("/from/height", json!(1), "proof of the account"),
        ("/chain", json!("main"), "for the chain `main`"),
        ("/genesis", json!("00".repeat(32)), "genesis 0000"),
        ("/sapwood_unsigned", json!(2), "version 2"),
    ] {
        let mut file = good.clone();
        *file.pointer_mut(pointer).unwrap() = value;
        let path = desk.file("changed");
        fs::write(&path, file.to_string()).unwrap();
        let error = desk.err(&["wallet", "sign", path.to_str().unwrap()]);
        assert_eq!(error.exit, Exit::Refused, "{pointer}");
        assert!(error.message.contains(part), "{pointer}: {error}");
    }
    for text in ["{", "{}", "", "[]", "zz", "{\"sapwood_unsigned\":1}"] {
        let path = desk.file("changed");
        fs::write(&path, text).unwrap();
        let error = desk.err(&["wallet", "sign", path.to_str().unwrap()]);
        assert_eq!(error.exit, Exit::Refused, "{text}: {error}");
    }
}

#[test]
fn every_flipped_digit_of_a_file_is_noticed() {
    let desk = Desk::rich();
    desk.unsigned("good", &["wallet", "send", &somebody(), "1.5"]);
    let good = fs::read(desk.file("good")).unwrap();
    let path = desk.file("flipped");
    let mut seen = 0;
    for at in (0..good.len()).filter(|at| good[*at].is_ascii_alphanumeric()) {
        let mut bad = good.clone();
        bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
        fs::write(&path, &bad).unwrap();
        let bytes = fs::read(&path).unwrap();
        let refused = match crate::command::deal::Unsigned::read(&bytes) {
            Some(Ok(file)) => file.check(&desk.context()).is_err(),
            _ => true,
        };
        assert!(
            refused,
            "byte {at}: {}",
            String::from_utf8_lossy(&bad[at.saturating_sub(20)..at + 1])
        );
        seen += 1;
    }
    assert!(seen > 500, "{seen}");
}

#[test]
fn a_signed_file_that_was_changed_is_not_handed_in() {
    let desk = Desk::rich();
    desk.unsigned("pay", &["wallet", "send", &somebody(), "1"]);
    desk.sign("pay", "signed");
    let good: Value = serde_json::from_slice(&fs::read(desk.file("signed")).unwrap()).unwrap();
    let tx = good["transactions"][0]["tx"].as_str().unwrap().to_owned();
    for (pointer, value, code) in [
        ("/transactions/0/does/0", json!("nothing"), "tampered"),
        ("/transactions/0/txid", json!("00".repeat(32)), "tampered"),
        (
            "/transactions/0/tx",
            json!(tx.replace("55", "56")),
            "tampered",
        ),
        ("/chain", json!("main"), "other_chain"),
        ("/transactions", json!([]), "bad_transaction"),
    ] {
        let mut file = good.clone();
        *file.pointer_mut(pointer).unwrap() = value;
        fs::write(desk.file("changed"), file.to_string()).unwrap();
        let error = desk.err(&["tx", "submit", desk.file("changed").to_str().unwrap()]);
        assert_eq!(error.code, code, "{pointer}");
    }
    assert_eq!(desk.world.borrow().count("tx_submit"), 0);
}

#[test]
fn every_command_that_signs_can_write_a_file_instead() {
    let desk = Desk::rich();
    desk.ok(&["wallet", "accounts", "--new"]);
    let other = desk.address("1");
    desk.ok(&["wallet", "send", &other, "20", "--wait"]);
    desk.ok(&["name", "register", "alice"]);
    let own = desk.address("0");
    let sent = desk.world.borrow().count("tx_submit");
    for (number, line) in [
        &["wallet", "send", &other, "1"][..],
        &["wallet", "rotate-key"],
        &["wallet", "close", "--to", &other],
        &["name", "renew", "alice"],
        &["name", "records", "alice", "--add", "@ A 192.0.2.1"],
        &["name", "standing-order", "alice", "--max", "2"],
        &["name", "transfer", "start", "alice", "--to", &other],
        &["name", "release", "alice"],
        &["name", "register", "robert", "--account", "1"],
        &["limit", "set", "--rate", "5"],
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("file{number}");
        let file = desk.unsigned(&name, line);
        assert!(
            !file["transactions"].as_array().unwrap().is_empty(),
            "{line:?}"
        );
        desk.sign(&name, &format!("signed{number}"));
    }
    assert_eq!(desk.world.borrow().count("tx_submit"), sent);
    desk.submit("signed9");
    assert_eq!(desk.ok(&["limit", "show"])["limit"]["rate"], 500_000_000);
    let again = desk.file("file0");
    let again = desk.err(&[
        "wallet",
        "send",
        &other,
        "1",
        "--unsigned",
        again.to_str().unwrap(),
    ]);
    assert_eq!(again.code, "file_exists");
    assert_eq!(desk.address("0"), own);
}

#[test]
fn a_watched_account_is_listed_refuses_to_sign_and_registers_a_name_through_files() {
    let desk = Desk::rich();
    let own = desk.address("0");
    // Another wallet, which has no keys at all.
    desk.person.interactive.set(true);
    let passphrases = |count: usize| {
        let pass = std::iter::repeat_n("pass".to_owned(), count);
        desk.person.secrets.borrow_mut().extend(pass);
    };
    passphrases(2);
    let watched = desk.ok(&[
        "wallet", "watch", &own, "--label", "savings", "--wallet", "eye",
    ]);
    assert_eq!(watched["account"], 10_000);
    passphrases(20);
    fn eye<'a>(line: &[&'a str]) -> Vec<&'a str> {
        [line, &["--wallet", "eye", "--account", "savings"]].concat()
    }
    let balance = desk.ok(&eye(&["wallet", "balance"]));
    assert_eq!(
        balance["balance"],
        desk.ok(&["wallet", "balance"])["balance"]
    );
    let accounts = desk.ok(&["wallet", "accounts", "--wallet", "eye"]);
    assert_eq!(
        (
            &accounts["accounts"][0]["watched"],
            &accounts["accounts"][0]["label"]
        ),
        (&json!(true), &json!("savings"))
    );
    assert_eq!(
        desk.ok(&eye(&["wallet", "history"]))["entries"][0]["direction"],
        "mined"
    );
    let refused = desk.err(&eye(&["wallet", "send", &somebody(), "1"]));
    assert_eq!(
        (refused.exit, &*refused.code),
        (Exit::Refused, "watch_only")
    );
    assert!(refused.hint.contains("--unsigned"), "{refused}");
    for line in [
        &["wallet", "export", "--key"][..],
        &["wallet", "service-key"],
    ] {
        assert!(desk.err(&eye(line)).message.contains("watched"));
    }

    let file = desk.file("name");
    desk.ok(&eye(&[
        "name",
        "register",
        "alice",
        "--record",
        "@ A 192.0.2.1",
        "--unsigned",
        file.to_str().unwrap(),
    ]));
    let signed = desk.sign("name", "signed");
    assert_eq!(signed["txids"].as_array().unwrap().len(), 2);
    // Killed before or after any call, the same file goes on.
    let start = desk.world.borrow().calls.len();
    desk.world.borrow_mut().death = Some(Death::After(start + 4));
    assert_eq!(
        desk.err(&["tx", "submit", desk.file("signed").to_str().unwrap()])
            .code,
        "unreachable"
    );
    desk.with_network();
    desk.submit("signed");
    let shown = desk.ok(&["name", "show", "alice"]);
    assert_eq!(
        (shown["owner"].as_str(), &shown["records"]),
        (Some(&*own), &json!(["@ 300 A 192.0.2.1"]))
    );
    assert_eq!(
        desk.ok(&["name", "list", "--wallet", "eye"])["names"][0]["name"],
        "alice"
    );

    assert_eq!(
        desk.err(&eye(&["wallet", "watch", &own])).code,
        "known_account"
    );
    desk.ok(&["wallet", "watch", &own, "--remove", "--wallet", "eye"]);
    assert_eq!(
        desk.err(&["wallet", "watch", &own, "--remove", "--wallet", "eye"])
            .code,
        "not_watched"
    );
    assert_eq!(desk.err(&["wallet", "watch", &own]).code, "known_account");
}
