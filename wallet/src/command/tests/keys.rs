//! Wallets: made, restored, imported, exported, and kept from others.

use std::fs;

use super::*;

const WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/// Somebody's address.
pub(super) fn somebody() -> String {
    sapwood_primitives::Address::new("dsap", sapwood_primitives::AccountId([0x55; 32])).to_string()
}

pub(super) fn asks(desk: &Desk, secrets: &[&str]) {
    desk.person.interactive.set(true);
    desk.person
        .secrets
        .borrow_mut()
        .extend(secrets.iter().map(|secret| (*secret).to_owned()));
}

#[test]
fn a_wallet_is_made_once_and_its_words_bring_it_back_with_all_its_accounts() {
    let desk = Desk::bare();
    asks(&desk, &["correct horse", "correct horse"]);
    let made = desk.ok(&["wallet", "create", "--wallet", "mine", "--words", "12"]);
    assert_eq!(
        desk.err(&["wallet", "create", "--wallet", "mine"]).code,
        "wallet_exists"
    );
    asks(&desk, &["correct horse"]);
    let words = desk.ok(&["wallet", "export", "--wallet", "mine"])["words"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(words.split(' ').count(), 12);

    let own =
        sapwood_primitives::Address::parse("dsap", made["address"].as_str().unwrap()).unwrap();
    desk.world.borrow_mut().mine(1, own.id());
    desk.world.borrow_mut().pass(desk.chain.consensus.delay);
    asks(&desk, &["correct horse"; 3]);
    desk.ok(&["wallet", "accounts", "--wallet", "mine", "--new"]);
    let second = desk.ok(&["wallet", "address", "--wallet", "mine", "--account", "1"])["address"]
        .as_str()
        .unwrap()
        .to_owned();
    desk.ok(&["wallet", "send", "--wallet", "mine", &second, "5", "--wait"]);

    asks(&desk, &[&words, "another one", "another one"]);
    let restored = desk.ok(&["wallet", "restore", "--wallet", "again"]);
    assert_eq!(restored["address"], made["address"]);
    assert_eq!(restored["accounts"], 2);
}

#[test]
fn without_a_node_words_are_restored_and_what_was_left_out_is_said() {
    let desk = Desk::bare();
    desk.world.borrow_mut().death = Some(world::Death::Before(0));
    asks(&desk, &[WORDS, "x", "x"]);
    let restored = desk.ok(&["wallet", "restore", "--wallet", "old"]);
    assert_eq!(restored["accounts"], 1);
    assert!(desk.said().contains("accounts --find"));
}

#[test]
fn bad_words_name_what_is_wrong_and_leave_no_file() {
    let desk = Desk::bare();
    for (words, part) in [
        (&WORDS[8..], "11 words"),
        (&*WORDS.replace("about", "abuot"), "abuot"),
        (&*WORDS.replace("about", "able"), "checksum"),
    ] {
        asks(&desk, &[words]);
        let error = desk.err(&["wallet", "restore", "--wallet", "w"]);
        assert_eq!((error.exit, &*error.code), (Exit::Refused, "bad_words"));
        assert!(error.message.contains(part), "{error}");
    }
    assert!(!desk.dir.path().join("wallets").exists());
}

#[test]
fn passphrases_that_differ_are_empty_or_weak_make_no_wallet() {
    let mut chain = sapwood_primitives::Chain::named("dev").unwrap();
    chain.name = "worth".into();
    let desk = Desk::at(chain);
    for (first, second, code) in [
        ("correct horse", "correct horsf", "passphrases_differ"),
        ("", "", "weak_passphrase"),
        ("1234567", "1234567", "weak_passphrase"),
    ] {
        asks(&desk, &[first, second]);
        assert_eq!(desk.err(&["wallet", "create"]).code, code);
    }
    assert!(!desk.dir.path().join("wallets/default").exists());
    desk.person.interactive.set(false);
    assert_eq!(desk.err(&["wallet", "create"]).code, "no_terminal");
    let dev = ensure_dev_wallet(&desk.context()).unwrap_err();
    assert_eq!(
        dev.exit,
        Exit::Usage,
        "no known passphrase where coins have worth"
    );
}

#[test]
fn a_wrong_passphrase_and_a_missing_wallet_are_refused_with_the_next_step() {
    let desk = Desk::bare();
    asks(&desk, &["correct horse", "correct horse", "wrong horse"]);
    desk.ok(&["wallet", "create", "--wallet", "mine"]);
    let wrong = desk.err(&["wallet", "address", "--wallet", "mine"]);
    assert_eq!((wrong.exit, &*wrong.code), (Exit::Refused, "wallet_sealed"));
    let missing = desk.err(&["wallet", "address", "--wallet", "other"]);
    assert_eq!((missing.exit, &*missing.code), (Exit::Refused, "no_wallet"));
    assert!(missing.hint.contains("wallet create"), "{missing}");
    for name in ["../dev", "", "a/b", "a.b", &"x".repeat(65)] {
        assert_eq!(
            desk.err(&["wallet", "address", "--wallet", name]).code,
            "wallet_name",
            "{name}"
        );
    }
}

#[test]
fn the_passphrase_is_read_from_a_file_descriptor_up_to_the_line_end() {
    use std::os::fd::AsRawFd;
    let desk = Desk::bare();
    let path = desk.dir.path().join("passphrase");
    fs::write(&path, "correct horse\r\nand more").unwrap();
    let file = fs::File::open(&path).unwrap();
    let fd = file.as_raw_fd().to_string();
    desk.ok(&[
        "wallet",
        "create",
        "--wallet",
        "mine",
        "--passphrase-fd",
        &fd,
    ]);
    asks(&desk, &["correct horse"]);
    desk.ok(&["wallet", "address", "--wallet", "mine"]);
    assert_eq!(
        desk.err(&[
            "wallet",
            "address",
            "--wallet",
            "mine",
            "--passphrase-fd",
            "987654"
        ])
        .code,
        "read"
    );
}

#[test]
fn keys_from_elsewhere_come_in_once_in_three_forms_and_go_out_again() {
    let desk = Desk::rich();
    let key = "11".repeat(32);
    for (stdin, expected) in [
        (format!("{key}\n").into_bytes(), None),
        (vec![0x11; 32], Some("known_key")),
        (key.clone().into_bytes(), Some("known_key")),
        (vec![0; 32], Some("bad_key")),
        (vec![0xff; 32], Some("bad_key")),
        (b"abc".to_vec(), Some("bad_key")),
        (Vec::new(), Some("bad_key")),
    ] {
        *desk.person.stdin.borrow_mut() = stdin.clone();
        let result = desk.run(&["wallet", "import", "--label", "old"]);
        assert_eq!(
            result.err().map(|error| error.code.into_owned()).as_deref(),
            expected,
            "{stdin:?}"
        );
    }
    assert_eq!(
        desk.ok(&["wallet", "export", "--key", "--account", "old"])["secret_key"].as_str(),
        Some(&*key)
    );
    // At a terminal the key is typed unseen.
    let other = "22".repeat(32);
    asks(&desk, &[&other]);
    *desk.person.stdin.borrow_mut() = b"not read".to_vec();
    desk.ok(&["wallet", "import", "--label", "typed"]);
    assert_eq!(
        desk.ok(&["wallet", "export", "--key", "--account", "typed"])["secret_key"].as_str(),
        Some(&*other)
    );
}

#[test]
fn exported_secrets_are_in_the_text_that_is_printed_and_nowhere_else() {
    let desk = Desk::rich();
    for line in [
        &["wallet", "export"][..],
        &["wallet", "export", "--key"],
        &["wallet", "service-key", "--show-secret"],
    ] {
        let output = desk.run(line).unwrap();
        let secret = output.text().trim_end();
        assert!(secret.len() >= 64, "{line:?}");
        assert!(output.json_text().contains(secret));
        assert!(!output.json().to_string().contains(secret));
        assert!(!format!("{output:?}").contains(secret));
    }
}

#[test]
fn the_service_key_comes_with_its_record_and_without_its_secret_unless_asked_for() {
    let desk = Desk::rich();
    let shown = desk.ok(&["wallet", "service-key"]);
    let public = shown["public_key"].as_str().unwrap();
    assert_eq!(shown.get("secret_key"), None);
    let record = shown["record"].as_str().unwrap();
    let text = desk
        .run(&["wallet", "service-key"])
        .unwrap()
        .text()
        .to_owned();
    assert_eq!(text, format!("{public}\n{record}\n"));
    let entry = sapwood_rpc::records::parse_record(record).unwrap();
    assert_eq!(hex::encode(&entry.rdata), public);
    assert!(record.starts_with("@ SERVICEKEY "), "{record}");
    let with_secret = desk.ok(&["wallet", "service-key", "--show-secret"]);
    let mut secret = [0; 32];
    hex::decode_to_slice(with_secret["secret_key"].as_str().unwrap(), &mut secret).unwrap();
    let key = ed25519_dalek::SigningKey::from_bytes(&secret);
    assert_eq!(hex::encode(key.verifying_key().to_bytes()), public);
    desk.ok(&["wallet", "accounts", "--new"]);
    let second = desk.ok(&["wallet", "service-key", "--account", "1"]);
    assert_ne!(second["public_key"], shown["public_key"]);
}

#[test]
fn a_key_that_an_account_was_given_comes_back_with_the_words() {
    let desk = Desk::rich();
    desk.ok(&["wallet", "rotate-key", "--wait"]);
    let words = desk.ok(&["wallet", "export"])["words"]
        .as_str()
        .unwrap()
        .to_owned();
    // While the change waits, and once it is made.
    for (wallet, pass) in [("soon", 0), ("now", desk.chain.consensus.delay + 1)] {
        desk.world.borrow_mut().pass(pass);
        asks(&desk, &[&words, "another one", "another one"]);
        let restored = desk.ok(&["wallet", "restore", "--wallet", wallet]);
        assert_eq!(restored["accounts"], 2, "{wallet}");
    }
    asks(&desk, &["another one"]);
    desk.ok(&["wallet", "send", "--wallet", "now", &somebody(), "1"]);
}

#[test]
fn notes_that_others_can_write_are_pipes_or_lie_behind_a_link_are_not_used() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let desk = Desk::rich();
    let path = desk.dir.path().join("wallets/dev.notes.json");
    desk.ok(&["wallet", "send", &somebody(), "1"]);
    let refused = || {
        let error = desk.err(&["wallet", "send", &somebody(), "1"]);
        assert_eq!(
            (error.exit, &*error.code),
            (Exit::Storage, "notes"),
            "{error}"
        );
    };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
    refused();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let elsewhere = desk.dir.path().join("notes");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    refused();
    fs::remove_file(&path).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
    refused();
}

#[test]
fn what_accounts_sent_once_does_not_fill_the_notes_for_ever() {
    let desk = Desk::rich();
    let path = desk.dir.path().join("wallets/dev.notes.json");
    desk.ok(&["wallet", "send", &somebody(), "1"]);
    let mut notes: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut sent = notes["sent"][0].clone();
    sent["account"] = serde_json::json!("77".repeat(32));
    let tip = desk.world.borrow().height();
    sent["valid_until"] = serde_json::json!(tip);
    notes["sent"] = vec![sent; 256].into();
    fs::write(&path, notes.to_string()).unwrap();
    desk.world.borrow_mut().pass(1);
    desk.ok(&["wallet", "send", &somebody(), "1"]);
    let notes: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(notes["sent"].as_array().unwrap().len(), 1);
}

#[test]
fn secrets_go_to_a_screen_only_with_show() {
    let desk = Desk::rich();
    desk.person.screen.set(true);
    assert_eq!(desk.err(&["wallet", "export"]).code, "secret_on_screen");
    assert!(desk.ok(&["wallet", "export", "--show"])["words"].is_string());
}

#[test]
fn the_dev_wallet_is_made_once_and_opens_without_a_question() {
    let desk = Desk::bare();
    let first = ensure_dev_wallet(&desk.context()).unwrap();
    assert_eq!(ensure_dev_wallet(&desk.context()).unwrap(), first);
    assert_eq!(desk.address("0"), first.to_string());
}

#[test]
fn a_wallet_of_another_chain_is_refused() {
    let desk = Desk::rich();
    let mut other = Desk::at(sapwood_primitives::Chain::named("tour").unwrap());
    other.dir = desk.dir;
    assert_eq!(other.err(&["wallet", "address"]).code, "wallet_chain");
}

#[test]
fn damaged_notes_are_named_and_left_alone() {
    let desk = Desk::rich();
    let path = desk.dir.path().join("wallets/dev.notes.json");
    fs::write(&path, "{\"schema\":1").unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&path, private).unwrap();
    let error = desk.err(&["wallet", "send", &desk.address("0"), "1"]);
    assert_eq!(error.code, "send_to_self");
    let error = desk.err(&["wallet", "rotate-key"]);
    assert_eq!((error.exit, &*error.code), (Exit::Storage, "notes"));
    assert!(error.message.contains("dev.notes.json"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"schema\":1");
}
