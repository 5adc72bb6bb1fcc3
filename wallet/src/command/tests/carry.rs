//! What is carried elsewhere: wallets in age files, addresses in drawings.

use std::fs;

use super::keys::{asks, somebody};
use super::*;

#[test]
fn a_wallet_goes_through_an_age_file_with_everything_that_it_holds() {
    let desk = Desk::rich();
    *desk.person.stdin.borrow_mut() = vec![0x11; 32];
    desk.ok(&["wallet", "import", "--label", "old"]);
    desk.ok(&["wallet", "watch", &somebody(), "--label", "eye"]);
    desk.ok(&[
        "name",
        "register",
        "alice",
        "--record",
        "@ A 192.0.2.1",
        "--no-wait",
    ]);
    let path = desk.dir.path().join("backup.age");
    let file = path.to_str().unwrap();
    asks(&desk, &["pass", "word"]);
    let line = ["wallet", "export", "--age", "-o", file];
    assert_eq!(desk.err(&line).code, "passphrases_differ");
    asks(&desk, &["", ""]);
    assert_eq!(desk.err(&line).code, "weak_passphrase");
    asks(&desk, &["file pass", "file pass"]);
    let written = desk.ok(&line);
    assert_eq!(
        (&written["accounts"], &written["registrations"]),
        (&3.into(), &1.into())
    );
    assert_eq!(desk.err(&line).code, "file_exists");
    assert!(
        fs::read(&path)
            .unwrap()
            .starts_with(b"age-encryption.org/v1\n-> scrypt ")
    );

    assert_eq!(desk.err(&["wallet", "import", file]).code, "wallet_exists");
    asks(&desk, &["wrong pass"]);
    let wrong = desk.err(&["wallet", "import", "--wallet", "again", file]);
    assert_eq!((wrong.exit, &*wrong.code), (Exit::Refused, "age_file"));
    assert!(wrong.message.contains("wrong passphrase"), "{wrong}");
    assert!(!desk.dir.path().join("wallets/again").exists());
    asks(&desk, &["file pass", "x", "x", "x", "x"]);
    let made = desk.ok(&["wallet", "import", "--wallet", "again", file]);
    assert_eq!(made["accounts"], 3);
    // The registration goes on from the other wallet, records included.
    let resumed = desk.ok(&["name", "register", "--resume", "--wallet", "again"]);
    assert_eq!(
        resumed["names"][0]["records"],
        serde_json::json!(["@ 300 A 192.0.2.1"])
    );
    assert_eq!(
        desk.ok(&[
            "wallet",
            "export",
            "--key",
            "--account",
            "old",
            "--wallet",
            "again"
        ])["secret_key"],
        "11".repeat(32)
    );
}

#[test]
fn files_that_are_no_backup_of_this_chain_are_refused_and_make_no_wallet() {
    let desk = Desk::bare();
    let path = desk.dir.path().join("file");
    let import = |bytes: &[u8], pass: &str| {
        fs::write(&path, bytes).unwrap();
        asks(&desk, &[pass]);
        let error = desk.err(&["wallet", "import", "--wallet", "w", path.to_str().unwrap()]);
        desk.person.secrets.borrow_mut().clear();
        assert!(!desk.dir.path().join("wallets/w").exists());
        error
    };
    let sealed = |content: &str| crate::age::seal(content.as_bytes(), "pass", 1).unwrap();
    assert_eq!(import(b"hello", "pass").code, "age_file");
    assert_eq!(
        import(b"age-encryption.org/v1\n-> X25519 abc\n", "pass").code,
        "age_file"
    );
    let wallet = |chain: &str| {
        format!("{{\"payload\":1,\"chain\":\"{chain}\",\"words\":null,\"accounts\":[]}}")
    };
    let backup = |version: u32, wallet: &str| {
        format!(
            "{{\"sapwood_wallet\":{version},\"wallet\":{wallet},\"registrations\":[],\"drafts\":[]}}"
        )
    };
    for (content, code) in [
        ("{}".to_owned(), "bad_backup"),
        (backup(2, &wallet("dev")), "bad_backup"),
        (backup(1, &wallet("")), "bad_backup"),
        (backup(1, &wallet("main")), "wallet_chain"),
        (backup(1, "{\"words\":\"secret words\"}"), "bad_backup"),
    ] {
        let error = import(&sealed(&content), "pass");
        assert_eq!(
            (error.exit, &*error.code),
            (Exit::Refused, code),
            "{content}"
        );
        assert!(!error.message.contains("secret words"), "{error}");
    }
    let key = "11".repeat(32);
    let typed = desk.err(&["wallet", "import", &key]);
    assert_eq!(
        (typed.exit, &*typed.code),
        (Exit::Usage, "key_on_command_line")
    );
    assert!(!typed.to_string().contains(&key));
}

#[test]
fn an_address_is_drawn_asks_for_an_amount_and_is_paid_by_its_uri() {
    let desk = Desk::rich();
    desk.ok(&["wallet", "accounts", "--new", "--label", "shop"]);
    let line = [
        "wallet",
        "address",
        "--account",
        "shop",
        "--qr",
        "--amount",
        "1.5",
        "--label",
        "Tea & \u{202e}cake",
    ];
    let shown = desk.ok(&line);
    let uri = shown["uri"].as_str().unwrap().to_owned();
    assert_eq!(
        uri,
        format!(
            "sapwood:{}?amount=1.5&label=Tea%20%26%20%E2%80%AEcake",
            desk.address("shop")
        )
    );
    let text = desk.run(&line).unwrap().text().to_owned();
    assert!(
        text.ends_with(&format!("{uri}\n")) && text.lines().count() > 15,
        "{text}"
    );
    assert_eq!(
        shown["qr"].as_str().unwrap().lines().count() + 1,
        text.lines().count()
    );

    desk.said();
    desk.ok(&["wallet", "send", &uri, "--wait"]);
    let said = desk.said();
    assert!(
        said.contains("Tea & \\u{202e}cake") && !said.contains('\u{202e}'),
        "{said}"
    );
    assert_eq!(
        desk.ok(&["wallet", "balance", "--account", "shop"])["balance"],
        149_900_000
    );
    let bare = format!("sapwood:{}", desk.address("shop"));
    desk.ok(&["wallet", "send", &bare, "1", "--wait"]);
    for (line, code) in [
        (&["wallet", "send", &uri, "2"][..], "other_amount"),
        (&["wallet", "send", &bare], "no_amount"),
        (&["wallet", "send", &desk.address("shop")], "no_amount"),
        (
            &["wallet", "send", &uri.replace("amount", "Amount")],
            "bad_uri",
        ),
        (
            &["wallet", "send", &bare.replace("dsap1", "sap1"), "1"],
            "bad_uri",
        ),
        (&["wallet", "address", "--amount", "0"], "nothing_to_send"),
        (&["wallet", "address", "--label", &"x".repeat(101)], "label"),
    ] {
        let error = desk.err(line);
        assert_eq!((error.exit, &*error.code), (Exit::Usage, code), "{line:?}");
    }
}
