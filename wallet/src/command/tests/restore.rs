//! Words bring everything back: accounts with gaps between them, names, and registrations between their two transactions.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::keystore::WalletFile;

/// What happened at one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Past {
    Coins,
    Name,
    HiddenName,
}

/// Accounts with the number of unused ones before each.
fn histories() -> impl Strategy<Value = Vec<(u32, Past)>> {
    let past = prop_oneof![Just(Past::Coins), Just(Past::Name), Just(Past::HiddenName)];
    proptest::collection::vec((0..20u32, past), 1..4)
}

fn add_account(desk: &Desk, index: u32) -> String {
    let path = desk.dir.path().join("wallets/dev");
    let (file, mut secrets) = WalletFile::open(&path, "dev").unwrap();
    secrets.add_account(index, "").unwrap();
    file.save(&secrets).unwrap();
    drop(file);
    desk.address(&index.to_string())
}

fn restore(desk: &Desk, more: &[&str]) -> serde_json::Value {
    let words = desk.ok(&["wallet", "export"])["words"]
        .as_str()
        .unwrap()
        .to_owned();
    desk.person.interactive.set(true);
    desk.person
        .secrets
        .borrow_mut()
        .extend([words, "x".into(), "x".into()]);
    desk.ok(&[&["wallet", "restore", "--wallet", "again"], more].concat())
}

fn addresses(desk: &Desk, wallet: &str) -> BTreeSet<String> {
    if wallet == "again" {
        desk.person.secrets.borrow_mut().push_back("x".into());
    }
    let listed = desk.ok(&["wallet", "accounts", "--wallet", wallet]);
    let rows = listed["accounts"].as_array().unwrap().clone();
    rows.iter()
        .map(|row| row["address"].as_str().unwrap().to_owned())
        .collect()
}

fn check(history: &[(u32, Past)]) {
    let desk = Desk::rich();
    let (mut index, mut owned, mut hidden) = (0, BTreeSet::new(), Vec::new());
    for (number, (gap, past)) in history.iter().enumerate() {
        index += gap + 1;
        let address = add_account(&desk, index);
        desk.ok(&["wallet", "send", &address, "5", "--wait"]);
        let (name, account) = (format!("name-{number}"), index.to_string());
        let line = ["name", "register", &name, "--account", &account];
        match past {
            Past::Coins => {}
            Past::Name => {
                desk.ok(&line);
                owned.insert(name);
            }
            Past::HiddenName => {
                desk.ok(&[&line[..], &["--no-wait"]].concat());
                desk.world.borrow_mut().pass(1);
                hidden.push((name, address));
            }
        }
    }
    let restored = restore(&desk, &[]);
    assert_eq!(
        addresses(&desk, "again"),
        addresses(&desk, "dev"),
        "{history:?}"
    );
    let names = restored["names"].as_array().cloned().unwrap_or_default();
    let names: BTreeSet<String> = names
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, owned, "{history:?}");
    let found = restored["hidden_names"].as_array().map_or(0, Vec::len);
    assert_eq!(found, hidden.len(), "{history:?}");
    for (name, address) in hidden {
        desk.person.secrets.borrow_mut().push_back("x".into());
        let resumed = desk.ok(&["name", "register", "--resume", &name, "--wallet", "again"]);
        assert_eq!(
            resumed["names"][0]["owner"].as_str(),
            Some(&*address),
            "{history:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn random_histories_come_back_whole(history in histories()) {
        check(&history);
    }
}

#[test]
fn the_widest_gap_is_found_and_a_wider_one_is_neither_made_nor_missed_with_gap() {
    check(&[(19, Past::Name), (19, Past::HiddenName)]);
    let desk = Desk::rich();
    let far = add_account(&desk, 30);
    desk.ok(&["wallet", "send", &far, "5", "--wait"]);
    assert_eq!(restore(&desk, &["--gap", "30"])["accounts"], 2);

    let desk = Desk::rich();
    for _ in 0..20 {
        desk.ok(&["wallet", "accounts", "--new"]);
    }
    let refused = desk.err(&["wallet", "accounts", "--new"]);
    assert_eq!((refused.exit, &*refused.code), (Exit::Refused, "gap"));
    let last = desk.address("20");
    desk.ok(&["wallet", "send", &last, "5", "--wait"]);
    desk.ok(&["wallet", "accounts", "--new"]);
    assert_eq!(restore(&desk, &[])["accounts"], 2);
}

#[test]
fn a_name_of_somebody_else_is_not_taken_up_and_a_revealed_one_is_not_hidden() {
    let desk = Desk::rich();
    desk.ok(&["name", "register", "alice"]);
    let restored = restore(&desk, &[]);
    assert!(restored.get("hidden_names").is_none(), "{restored}");
    desk.ok(&["wallet", "accounts", "--new"]);
    desk.ok(&["wallet", "send", &desk.address("1"), "5", "--wait"]);
    desk.ok(&["name", "register", "robert", "--account", "1", "--no-wait"]);
    desk.world.borrow_mut().pass(1);
    desk.person
        .secrets
        .borrow_mut()
        .extend(["x".into(), "x".into(), "x".into()]);
    desk.ok(&["wallet", "accounts", "--find", "--wallet", "again"]);
    let other = desk.err(&[
        "name", "register", "--resume", "roberto", "--wallet", "again",
    ]);
    assert_eq!(other.code, "nothing_under_way");
    desk.ok(&[
        "name", "register", "--resume", "robert", "--wallet", "again",
    ]);
}
