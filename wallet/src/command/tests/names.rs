//! The life of a name after its registration.

use serde_json::json;

use super::*;

fn with_alice() -> Desk {
    let desk = Desk::rich();
    desk.ok(&["name", "register", "alice", "--record", "@ A 192.0.2.1"]);
    desk
}

#[test]
fn records_are_set_added_removed_and_cleared() {
    let desk = with_alice();
    let records = |desk: &Desk| desk.ok(&["name", "records", "alice"])["records"].clone();
    desk.ok(&[
        "name",
        "records",
        "alice",
        "--add",
        "www 60 A 192.0.2.2",
        "--add",
        "www 60 A 192.0.2.3",
    ]);
    assert_eq!(
        records(&desk),
        json!([
            "@ 300 A 192.0.2.1",
            "www 60 A 192.0.2.2",
            "www 60 A 192.0.2.3"
        ])
    );
    desk.ok(&[
        "name",
        "records",
        "alice",
        "--add",
        "www 90 A 192.0.2.3",
        "--remove",
        "www A 192.0.2.2",
    ]);
    assert_eq!(
        records(&desk),
        json!(["@ 300 A 192.0.2.1", "www 90 A 192.0.2.3"])
    );
    desk.ok(&["name", "records", "alice", "--remove", "www A"]);
    assert_eq!(records(&desk), json!(["@ 300 A 192.0.2.1"]));
    desk.ok(&[
        "name",
        "records",
        "alice",
        "--set",
        "@ 300 TXT \"hello there\"",
    ]);
    assert_eq!(records(&desk), json!(["@ 300 TXT \"hello there\""]));
    desk.ok(&["name", "records", "alice", "--clear"]);
    assert_eq!(records(&desk), json!([]));
}

#[test]
fn records_that_change_nothing_do_not_exist_or_are_none_are_refused() {
    let desk = with_alice();
    let sent = desk.world.borrow().count("tx_submit");
    for (line, code, exit) in [
        (&["--remove", "mail A"][..], "no_record", Exit::Refused),
        (&["--add", "@ A 192.0.2.1"], "no_change", Exit::Refused),
        (&["--add", "@ A 192.0.2"], "bad_record", Exit::Usage),
        (&["--set", "\u{1b}[2J"], "bad_record", Exit::Usage),
        (
            &[
                "--add",
                &format!(
                    "@ TXT {}",
                    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" ".repeat(10)
                ),
            ],
            "bad_records",
            Exit::Refused,
        ),
    ] {
        let error = desk.err(&[&["name", "records", "alice"], line].concat());
        assert_eq!(
            (&*error.code, error.exit),
            (code, exit),
            "{line:?}: {error}"
        );
        assert!(!error.to_string().contains('\u{1b}'));
    }
    assert_eq!(desk.world.borrow().count("tx_submit"), sent);
}

#[test]
fn renewing_adds_years_for_the_owner_and_for_anybody() {
    let desk = with_alice();
    let until = |desk: &Desk| desk.world.borrow().name("alice").unwrap().paid_until.get();
    let before = until(&desk);
    let renewed = desk.ok(&["name", "renew", "alice"]);
    assert_eq!(until(&desk), before + desk.chain.consensus.year);
    assert_eq!(
        renewed["names"][0]["paid_until"].as_u64(),
        Some(until(&desk))
    );
    desk.ok(&["wallet", "accounts", "--new"]);
    let other = desk.address("1");
    desk.ok(&["wallet", "send", &other, "20", "--wait"]);
    desk.ok(&["name", "renew", "alice", "--years", "2"]);
    assert_eq!(until(&desk), before + 3 * desk.chain.consensus.year);
    assert_eq!(
        desk.ok(&["name", "renew", "--all", "--within", "0"])["names"],
        json!([])
    );
    assert_eq!(
        desk.ok(&["name", "renew", "--all", "--dry-run"])["names"][0]["name"],
        "alice"
    );
    assert_eq!(
        desk.err(&["name", "renew", "nobody"]).code,
        "name_not_owned"
    );
    assert_eq!(
        desk.err(&["name", "renew", "alice", "--max-price", "0.5"])
            .code,
        "price_above_max"
    );
}

#[test]
fn a_name_goes_to_another_account_which_has_to_take_it() {
    let desk = with_alice();
    desk.ok(&["wallet", "accounts", "--new"]);
    let heir = desk.address("1");
    desk.ok(&["wallet", "send", &heir, "5", "--wait"]);
    assert_eq!(
        desk.err(&["name", "transfer", "finish", "alice"]).code,
        "no_transfer"
    );
    desk.ok(&["name", "transfer", "start", "alice", "--to", &heir]);
    assert!(
        desk.ok(&["name", "show", "alice"])["pending"]
            .as_str()
            .unwrap()
            .contains(&heir)
    );
    assert_eq!(
        desk.err(&["name", "transfer", "finish", "alice"]).code,
        "transfer_too_early"
    );
    desk.ok(&["name", "transfer", "cancel", "alice"]);
    desk.ok(&[
        "name", "transfer", "start", "alice", "--to", &heir, "--quick",
    ]);
    desk.world
        .borrow_mut()
        .pass(desk.chain.consensus.quick_transfer);
    desk.ok(&["name", "transfer", "finish", "alice"]);
    assert_eq!(
        desk.ok(&["name", "show", "alice"])["owner"].as_str(),
        Some(&*heir)
    );
    let own = desk.address("0");
    assert_eq!(
        desk.err(&["name", "release", "alice", "--account", &own])
            .code,
        "other_account"
    );
}

#[test]
fn a_released_name_is_shown_with_its_premium_and_later_as_available() {
    let desk = with_alice();
    desk.ok(&["name", "release", "alice"]);
    let rules = &desk.chain.consensus;
    desk.world.borrow_mut().pass(rules.delay);
    let released = desk.ok(&["name", "show", "alice"]);
    assert_eq!(
        (released["phase"].as_str(), released["owner"].is_null()),
        (Some("released"), true)
    );
    let dear = desk.ok(&["name", "price", "alice"]);
    assert!(dear["premium"].as_u64().unwrap() > dear["rent"].as_u64().unwrap());
    desk.world
        .borrow_mut()
        .pass(rules.premium_step * rules.premium_steps);
    assert_eq!(desk.ok(&["name", "show", "alice"])["phase"], "available");
    assert_eq!(
        desk.err(&["name", "records", "alice", "--clear"]).code,
        "name_not_owned"
    );
}

#[test]
fn a_standing_order_keeps_the_name_and_a_suspended_name_gets_no_coins() {
    let mut chain = sapwood_primitives::Chain::named("tour").unwrap();
    chain.consensus.commit_max = 20;
    let desk = Desk::at(chain);
    let own = ensure_dev_wallet(&desk.context()).unwrap();
    desk.world.borrow_mut().mine(20, own.id());
    desk.ok(&["name", "register", "alice"]);
    desk.ok(&["name", "standing-order", "alice", "--max", "2"]);
    desk.world.borrow_mut().pass(desk.chain.consensus.year);
    assert_eq!(desk.ok(&["name", "show", "alice"])["phase"], "active");
    desk.ok(&["name", "standing-order", "alice", "--off"]);
    desk.world.borrow_mut().pass(desk.chain.consensus.year);
    assert_eq!(desk.ok(&["name", "show", "alice"])["phase"], "suspended");
    let error = desk.err(&["wallet", "send", "alice", "1"]);
    assert_eq!(error.code, "name_not_active");
    assert!(error.message.contains("expired"), "{error}");
}

#[test]
fn lists_show_the_wallets_names_with_their_expiry() {
    let desk = with_alice();
    let listed = desk.ok(&["name", "list"]);
    assert_eq!(
        (
            listed["proven"].as_bool(),
            listed["names"][0]["name"].as_str()
        ),
        (Some(true), Some("alice"))
    );
    let accounts = desk.ok(&["wallet", "accounts"]);
    assert_eq!(accounts["accounts"][0]["name"], "alice");
    assert!(accounts["accounts"][0]["expires_at"].as_u64() > Some(desk.world.borrow().now()));
    let text = desk.run(&["wallet", "accounts"]).unwrap();
    assert!(
        text.text().contains("alice") && text.text().contains("2026-"),
        "{}",
        text.text()
    );
}
