//! Many names in one command, killed at every point, and lists that show what is under way.

use std::fs;

use serde_json::json;

use super::world::Death;
use super::*;

/// A desk with three more accounts that have coins.
fn with_accounts() -> Desk {
    let desk = Desk::rich();
    for label in ["one", "two", "three"] {
        desk.ok(&["wallet", "accounts", "--new", "--label", label]);
        let address = desk.address(label);
        desk.ok(&["wallet", "send", &address, "20", "--wait"]);
    }
    desk
}

fn batch(desk: &Desk, text: &str) -> String {
    let path = desk.dir.path().join("batch");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn owner(desk: &Desk, name: &str) -> Option<String> {
    let owner = desk.world.borrow().name(name)?.owner?;
    Some(desk.context().address(owner).to_string())
}

#[test]
fn a_batch_registers_its_names_at_once_each_with_an_account_of_its_own() {
    let desk = with_accounts();
    let file = batch(
        &desk,
        "# two with a wish\nfirst-name years=2 account=three\n  @ A 192.0.2.1\nsecond-name\nthird-name\n",
    );
    let before = desk.world.borrow().height();
    let planned = desk.ok(&["name", "register", "--batch", &file, "--dry-run"]);
    assert_eq!(planned["names"][2]["status"], "planned");
    let report = desk.ok(&["name", "register", "--batch", &file]);
    let statuses: Vec<_> = report["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["status"])
        .collect();
    assert_eq!(statuses, ["registered"; 3]);
    assert_eq!(owner(&desk, "first-name"), Some(desk.address("three")));
    assert_eq!(
        report["names"][0]["registration"]["records"],
        json!(["@ 300 A 192.0.2.1"])
    );
    assert!(
        desk.world.borrow().height() - before < 8,
        "three names take as long as one"
    );
    let again = desk.ok(&["name", "register", "--batch", &file]);
    assert_eq!(again["names"][0]["status"], "owned");
    assert_eq!(desk.world.borrow().included().count(), 3 + 6);
}

#[test]
fn a_batch_with_a_faulty_line_sends_nothing_and_names_the_line() {
    let desk = with_accounts();
    desk.ok(&["name", "register", "taken-name", "--account", "one"]);
    desk.ok(&["wallet", "accounts", "--new", "--label", "poor"]);
    let sent = desk.world.borrow().count("tx_submit");
    for (text, exit, part) in [
        ("good-name\nBad_name\n", Exit::Usage, "line 2"),
        ("good-name\n  @ A 1.2\n", Exit::Usage, "line 2"),
        ("good-name max-price=0.0001\n", Exit::Refused, "line 1"),
        ("good-name account=nobody\n", Exit::Refused, "line 1"),
        (
            "good-name account=one\n",
            Exit::Refused,
            "owns `taken-name`",
        ),
        ("good-name account=poor\n", Exit::Refused, "no coins"),
        (
            "good-name account=two\nother-name account=two\n",
            Exit::Refused,
            "line 2",
        ),
        (
            "name-a\nname-b\nname-c\nname-d\nname-e\n",
            Exit::Refused,
            "no account is left",
        ),
    ] {
        let file = batch(&desk, text);
        let error = desk.err(&["name", "register", "--batch", &file]);
        assert_eq!(error.exit, exit, "{text:?}: {error}");
        assert!(error.to_string().contains(part), "{text:?}: {error}");
        assert!(error.to_json()["error"]["data"]["faults"].is_array());
    }
    desk.ok(&["wallet", "accounts", "--new", "--label", "other"]);
    desk.ok(&["wallet", "send", &desk.address("other"), "20", "--wait"]);
    let strange = desk.err(&["name", "register", "--batch", "/nowhere/at/all"]);
    assert_eq!(strange.exit, Exit::Storage);
    assert_eq!(desk.world.borrow().count("tx_submit"), sent + 1);
}

#[test]
fn a_line_that_fails_on_the_way_does_not_stop_the_others() {
    let desk = with_accounts();
    let file = batch(&desk, "first-name account=one\nsecond-name account=two\n");
    desk.ok(&["name", "register", "--batch", &file, "--no-wait"]);
    // Somebody with the same words and none of the plans is faster.
    let wallets = desk.dir.path().join("wallets");
    fs::copy(wallets.join("dev"), wallets.join("twin")).unwrap();
    desk.person.interactive.set(true);
    desk.person.secrets.borrow_mut().push_back("dev".into());
    desk.ok(&[
        "name",
        "register",
        "first-name",
        "--wallet",
        "twin",
        "--account",
        "three",
    ]);
    let stranger = desk.err(&["name", "register", "--batch", &file]);
    assert_eq!(
        (stranger.exit, &*stranger.code),
        (Exit::Failed, "batch_incomplete")
    );
    assert!(
        stranger.message.contains("line 1 (`first-name`)"),
        "{stranger}"
    );
    let data = &stranger.to_json()["error"]["data"]["names"];
    assert_eq!(
        (&data[0]["status"], &data[1]["status"]),
        (&json!("failed"), &json!("registered"))
    );
    assert_eq!(data[0]["error"]["code"], "name_taken");
    assert_eq!(owner(&desk, "second-name"), Some(desk.address("two")));
}

#[test]
fn a_batch_killed_before_or_after_any_call_is_completed_by_the_same_command() {
    let text = "first-name account=one\nsecond-name account=two\n";
    let whole = with_accounts();
    let start = whole.world.borrow().calls.len();
    let file = batch(&whole, text);
    whole.ok(&["name", "register", "--batch", &file]);
    let calls = whole.world.borrow().calls.len() - start;
    let sent = whole.world.borrow().included().count();
    for number in (0..calls).step_by(5) {
        for death in [Death::Before(start + number), Death::After(start + number)] {
            let desk = with_accounts();
            let file = batch(&desk, text);
            desk.world.borrow_mut().death = Some(death);
            assert_eq!(
                desk.err(&["name", "register", "--batch", &file]).code,
                "unreachable"
            );
            desk.world.borrow_mut().death = None;
            desk.ok(&["name", "register", "--batch", &file]);
            for (name, account) in [("first-name", "one"), ("second-name", "two")] {
                assert_eq!(owner(&desk, name), Some(desk.address(account)), "{death:?}");
            }
            assert_eq!(desk.world.borrow().included().count(), sent, "{death:?}");
        }
    }
}

#[test]
fn renewals_of_a_batch_are_paid_once_however_often_they_are_killed() {
    let text = "first-name\nsecond-name years=3\n";
    let ready = || {
        let desk = with_accounts();
        let names = batch(&desk, "first-name account=one\nsecond-name account=two\n");
        desk.ok(&["name", "register", "--batch", &names]);
        desk
    };
    let until = |desk: &Desk| {
        let world = desk.world.borrow();
        ["first-name", "second-name"].map(|name| world.name(name).unwrap().paid_until.get())
    };
    let whole = ready();
    let before = until(&whole);
    let start = whole.world.borrow().calls.len();
    let file = batch(&whole, text);
    let renewed = whole.ok(&["name", "renew", "--batch", &file]);
    assert_eq!(renewed["names"][1]["status"], "renewed");
    let year = whole.chain.consensus.year;
    let after = until(&whole);
    assert_eq!(after, [before[0] + year, before[1] + 3 * year]);
    let calls = whole.world.borrow().calls.len() - start;
    whole.ok(&["name", "renew", "--batch", &file]);
    assert_eq!(
        until(&whole)[0],
        after[0] + year,
        "a finished batch given again pays again"
    );
    for number in (0..calls).step_by(3) {
        for death in [Death::Before(start + number), Death::After(start + number)] {
            let desk = ready();
            let file = batch(&desk, text);
            desk.world.borrow_mut().death = Some(death);
            assert_eq!(
                desk.err(&["name", "renew", "--batch", &file]).code,
                "unreachable"
            );
            desk.world.borrow_mut().death = None;
            desk.ok(&["name", "renew", "--batch", &file]);
            assert_eq!(until(&desk), after, "{death:?}");
        }
    }
    for (text, part) in [
        ("first-name account=one\n", "line 1"),
        ("first-name\n  @ A 192.0.2.1\n", "line 1"),
        ("nobodys-name\n", "nobodys-name"),
    ] {
        let file = batch(&whole, text);
        let error = whole.err(&["name", "renew", "--batch", &file]);
        assert!(error.message.contains(part), "{error}");
    }
}

#[test]
fn all_names_that_expire_soon_are_renewed_with_days_in_both_forms() {
    let desk = with_accounts();
    let file = batch(
        &desk,
        "first-name account=one\nsecond-name account=two years=2\n",
    );
    desk.ok(&["name", "register", "--batch", &file]);
    // A year of this chain is six hours.
    assert_eq!(
        desk.ok(&["name", "renew", "--all", "--within", "0d"])["names"],
        json!([])
    );
    let soon = desk.ok(&["name", "renew", "--all", "--within", "90d", "--dry-run"]);
    assert_eq!(soon["names"].as_array().unwrap().len(), 2);
    let soon = desk.ok(&["name", "renew", "--all", "--within", "90", "--dry-run"]);
    assert_eq!(soon["names"].as_array().unwrap().len(), 2);
}

#[test]
fn standing_orders_are_shown_with_whether_they_suffice() {
    let desk = with_accounts();
    desk.ok(&["name", "register", "first-name", "--account", "one"]);
    let orders =
        |line: &[&str]| desk.ok(&[&["name", "standing-order"], line].concat())["orders"].clone();
    assert_eq!(orders(&[])[0]["standing_order"], json!(null));
    for (max, suffices) in [("2", true), ("0.001", false)] {
        desk.ok(&["name", "standing-order", "first-name", "--max", max]);
        for line in [&[][..], &["first-name"]] {
            assert_eq!(orders(line)[0]["suffices"], suffices, "{max}");
        }
    }
    let listed = desk.ok(&["name", "list"]);
    assert_eq!(listed["names"][0]["standing_order"], 100_000);
    assert_eq!(
        desk.ok(&["wallet", "accounts"])["accounts"][1]["standing_order"],
        100_000
    );
    assert_eq!(
        desk.err(&["name", "standing-order", "nobodys"]).code,
        "name_not_owned"
    );
}

#[test]
fn what_is_under_way_stands_in_every_list() {
    let desk = with_accounts();
    desk.ok(&[
        "name",
        "register",
        "first-name",
        "--account",
        "one",
        "--no-wait",
    ]);
    desk.ok(&["wallet", "send", &desk.address("two"), "1"]);
    desk.ok(&[
        "limit",
        "set",
        "--rate",
        "5",
        "--account",
        "three",
        "--wait",
    ]);
    desk.world.borrow_mut().includes = false;
    desk.ok(&["limit", "remove", "--account", "three"]);
    let pending = |line: &[&str], pointer: &str| {
        let shown = desk.ok(line);
        let list = shown
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer} in {shown}"));
        list.as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let balance = ["wallet", "balance", "--account"];
    for (account, part) in [
        ("one", "registering `first-name`"),
        ("three", "sent, in no block yet: remove the limit"),
    ] {
        assert!(
            pending(&[&balance[..], &[account]].concat(), "/pending").contains(part),
            "{account}"
        );
    }
    assert!(
        pending(&["wallet", "accounts"], "/accounts/1/pending").contains("--resume first-name")
    );
    assert!(pending(&["name", "list"], "/names/0/pending").contains("registering"));
    for line in [
        &["wallet", "accounts"][..],
        &["wallet", "balance", "--account", "one"],
        &["name", "list"],
    ] {
        let text = desk.run(line).unwrap().text().to_owned();
        assert!(text.contains("registering `first-name`"), "{text}");
    }
    desk.world.borrow_mut().includes = true;
    desk.ok(&["name", "register", "--resume"]);
    assert_eq!(
        pending(&["wallet", "balance", "--account", "one"], "/pending"),
        ""
    );
    assert!(
        pending(&["wallet", "balance", "--account", "three"], "/pending")
            .contains("no limit (block")
    );
    assert!(
        desk.ok(&["wallet", "balance", "--account", "one"])["expires_at"].as_u64()
            > Some(desk.world.borrow().now())
    );
}
