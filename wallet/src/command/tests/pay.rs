//! Paying: fees, questions, refusals, and what is on its way already.

use std::fs;

use sapwood_primitives::{AccountId, Address, Amount, Height};

use super::world::Death;
use super::*;

fn stranger() -> String {
    Address::new("dsap", AccountId([0x55; 32])).to_string()
}

fn balance_of(desk: &Desk, address: &str) -> u64 {
    let id = Address::parse("dsap", address).unwrap().id();
    desk.world
        .borrow()
        .account(id)
        .map_or(0, |account| account.balance.drops())
}

#[test]
fn a_payment_arrives_costs_the_least_fee_and_is_in_the_history() {
    let desk = Desk::rich();
    let own = desk.address("0");
    let before = balance_of(&desk, &own);
    let sent = desk.ok(&["wallet", "send", &stranger(), "1.5", "--wait"]);
    let length = 10_000
        + 10 * {
            let world = desk.world.borrow();
            let tx = world.included().next().unwrap().clone();
            parity_scale_codec::Encode::encoded_size(&tx) as u64
        };
    assert_eq!(
        (sent["status"].as_str(), sent["fee"].as_u64()),
        (Some("confirmed"), Some(length))
    );
    assert_eq!(
        balance_of(&desk, &stranger()),
        150_000_000 - 100_000,
        "the creation burn is the receiver's"
    );
    assert_eq!(balance_of(&desk, &own), before - 150_000_000 - length);
    let tip = desk.world.borrow().height();
    for (blocks, from) in [("1", tip), ("3", tip - 2)] {
        let history = desk.ok(&["wallet", "history", "--blocks", blocks]);
        assert_eq!(history["from"].as_u64(), Some(from), "{blocks}");
    }
    let history = desk.ok(&["wallet", "history", "--limit", "1"]);
    let entry = &history["entries"][0];
    assert_eq!(entry["direction"], "out");
    assert_eq!(entry["txid"], sent["txid"]);
    assert_eq!(entry["amount"], 150_000_000);
}

#[test]
fn the_address_behind_a_name_is_shown_before_the_question_and_no_stops() {
    let desk = Desk::rich();
    desk.ok(&["wallet", "accounts", "--new", "--label", "shop"]);
    let shop = desk.address("shop");
    desk.ok(&["wallet", "send", &shop, "10", "--wait"]);
    desk.ok(&["name", "register", "alice", "--account", "shop"]);
    desk.yes.set(false);
    desk.person.interactive.set(true);
    desk.person.answers.borrow_mut().push_back(false);
    desk.said();
    let refused = desk.err(&["wallet", "send", "alice", "1"]);
    assert_eq!((refused.exit, &*refused.code), (Exit::Refused, "declined"));
    let said = desk.said();
    assert!(
        said.find(&shop).unwrap() < said.find("Sign and send this?").unwrap(),
        "{said}"
    );
    assert!(desk.world.borrow().mempool.is_empty());
}

#[test]
fn without_a_person_nothing_is_signed_unless_yes_was_said_before() {
    let desk = Desk::rich();
    desk.yes.set(false);
    let error = desk.err(&["wallet", "send", &stranger(), "1"]);
    assert_eq!((error.exit, &*error.code), (Exit::Usage, "not_confirmed"));
    assert_eq!(desk.world.borrow().count("tx_submit"), 0);
}

#[test]
fn a_dry_run_signs_sends_and_writes_nothing_and_its_body_can_be_signed_elsewhere() {
    let desk = Desk::rich();
    let files = |desk: &Desk| {
        let list = fs::read_dir(desk.dir.path().join("wallets")).unwrap();
        let mut names: Vec<_> = list.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files(&desk);
    let dry = desk.ok(&["wallet", "send", &stranger(), "1", "--dry-run"]);
    desk.ok(&["name", "register", "alice", "--dry-run"]);
    desk.ok(&["wallet", "rotate-key", "--dry-run"]);
    assert_eq!(files(&desk), before);
    assert_eq!(desk.world.borrow().count("tx_submit"), 0);
    assert_eq!(
        (dry["status"].as_str(), dry["txid"].is_null()),
        (Some("dry_run"), true)
    );

    let body = desk.dir.path().join("body.hex");
    fs::write(&body, format!("{}\n", dry["body"].as_str().unwrap())).unwrap();
    let signed = desk.ok(&["wallet", "sign", body.to_str().unwrap()]);
    let submitted = desk.ok(&["tx", "submit", signed["tx"].as_str().unwrap(), "--wait"]);
    assert_eq!(submitted["txid"], signed["txid"]);
    assert_eq!(balance_of(&desk, &stranger()), 99_900_000);
    let shown = desk.ok(&["tx", "show", signed["txid"].as_str().unwrap()]);
    assert_eq!(shown["status"], "confirmed");
    assert!(
        shown["does"][0].as_str().unwrap().contains("send 1 sap"),
        "{shown}"
    );
}

#[test]
fn a_lack_of_one_drop_is_refused_with_both_numbers() {
    let desk = Desk::rich();
    let own = balance_of(&desk, &desk.address("0"));
    let fee = desk.ok(&["wallet", "send", &stranger(), "1", "--dry-run"])["fee"]
        .as_u64()
        .unwrap();
    let sap = |drops: u64| {
        Amount::from_drops(drops)
            .unwrap()
            .to_string()
            .replace(" sap", "")
    };
    let error = desk.err(&["wallet", "send", &stranger(), &sap(own - fee + 1)]);
    assert_eq!((error.exit, &*error.code), (Exit::Refused, "insufficient"));
    for number in [own, own + 1] {
        assert!(error.message.contains(&sap(number)), "{error}");
    }
    desk.ok(&["wallet", "send", &stranger(), &sap(own - fee), "--dry-run"]);
}

#[test]
fn a_fee_of_more_than_a_tenth_or_below_the_least_is_refused() {
    let desk = Desk::rich();
    let send = |amount: &str, more: &[&str]| {
        desk.run(&[&["wallet", "send", &stranger(), amount, "--dry-run"], more].concat())
    };
    assert_eq!(
        send("1", &["--fee", "0.10000001"]).unwrap_err().code,
        "high_fee"
    );
    assert!(send("1", &["--fee", "0.1"]).is_ok());
    assert!(send("1", &["--fee", "0.2", "--yes-high-fee"]).is_ok());
    assert_eq!(
        send("1", &["--fee", "0.0001"]).unwrap_err().code,
        "fee_too_low"
    );
    let free = desk.err(&["wallet", "rotate-key", "--fee", "1", "--dry-run"]);
    assert_eq!(free.code, "high_fee");
}

#[test]
fn what_the_chain_would_refuse_is_refused_before_it_is_signed() {
    let desk = Desk::rich();
    let own = desk.address("0");
    for (line, code) in [
        (&["wallet", "send", &own, "1"][..], "send_to_self"),
        (&["wallet", "send", &stranger(), "0.0109"], "below_deposit"),
        (&["wallet", "send", &stranger(), "0"], "nothing_to_send"),
        (&["wallet", "send", "nobody", "1"], "name_not_active"),
        (&["wallet", "send", "dsap1qqqq", "1"], "bad_address"),
        (&["wallet", "send", "Alice", "1"], "bad_name"),
        (
            &["wallet", "send", &own.replace("dsap1", "sap1"), "1"],
            "bad_address",
        ),
        (
            &["wallet", "send", &own[..own.len() - 1], "1"],
            "bad_address",
        ),
        (
            &["wallet", "send", &stranger(), "1", "--account", "7"],
            "no_account",
        ),
        (
            &["wallet", "send", &stranger(), "1", "--account", &stranger()],
            "no_coins",
        ),
        (&["wallet", "close", "--to", &own], "send_to_self"),
        (&["limit", "remove"], "no_limit"),
        (&["limit", "cancel"], "nothing_pending"),
        (&["limit", "veto", &own], "no_guardian"),
        (&["limit", "set", "--guardian", &own], "own_guardian"),
    ] {
        assert_eq!(desk.err(line).code, code, "{line:?}");
    }
    assert_eq!(desk.world.borrow().count("tx_submit"), 0);
}

#[test]
fn two_payments_in_one_block_get_two_nonces_and_share_the_balance() {
    let desk = Desk::rich();
    let one = desk.ok(&["wallet", "send", &stranger(), "90"]);
    let two = desk.ok(&["wallet", "send", &stranger(), "90"]);
    assert_ne!(one["txid"], two["txid"]);
    let third = desk.err(&["wallet", "send", &stranger(), "90"]);
    assert_eq!(third.code, "insufficient", "the first two are on their way");
    desk.world.borrow_mut().pass(1);
    assert_eq!(desk.world.borrow().included().count(), 2);
    assert_eq!(balance_of(&desk, &stranger()), 180 * 100_000_000 - 100_000);
}

#[test]
fn a_payment_that_the_node_lost_is_sent_again_with_the_same_id_before_the_next() {
    let desk = Desk::rich();
    let one = desk.ok(&["wallet", "send", &stranger(), "1"]);
    desk.world.borrow_mut().mempool.clear();
    desk.ok(&["wallet", "send", &stranger(), "2"]);
    let ids: Vec<String> = desk
        .world
        .borrow()
        .mempool
        .iter()
        .map(|tx| tx.txid().to_string())
        .collect();
    assert_eq!((ids.len(), &*ids[0]), (2, one["txid"].as_str().unwrap()));
}

#[test]
fn a_payment_that_no_block_took_in_time_frees_its_nonce_and_says_so() {
    let desk = Desk::rich();
    desk.world.borrow_mut().includes = false;
    let error = desk.err(&["wallet", "send", &stranger(), "1", "--wait"]);
    assert_eq!(error.code, "expired");
    desk.world.borrow_mut().includes = true;
    desk.ok(&["wallet", "send", &stranger(), "3", "--wait"]);
    assert_eq!(desk.world.borrow().included().count(), 1);
}

#[test]
fn the_nodes_refusal_keeps_its_code_and_what_it_says_is_escaped() {
    let desk = Desk::rich();
    let hostile = CallErrorNode("\u{1b}[2Jgo\u{202e}");
    let ctx = desk.context().with_node(Box::new(hostile));
    let error = AccountCommand::Show {
        account: stranger(),
    }
    .run(&ctx)
    .unwrap_err();
    assert_eq!((error.exit, &*error.code), (Exit::Refused, "mempool_full"));
    assert!(
        !error.to_string().contains(['\u{1b}', '\u{202e}']),
        "{error}"
    );
    let json = error.to_json();
    assert_eq!(
        (json["schema"].as_u64(), json["error"]["code"].as_str()),
        (Some(1), Some("mempool_full"))
    );
    assert_eq!(json["error"]["exit"], 3);
}

struct CallErrorNode(&'static str);

impl NodeApi for CallErrorNode {
    fn call_json(
        &self,
        _: &str,
        _: serde_json::Value,
    ) -> Result<serde_json::Value, sapwood_rpc::client::CallError> {
        Err(sapwood_rpc::client::CallError::Refused {
            number: -32006,
            code: "mempool_full".into(),
            message: self.0.into(),
            hint: self.0.into(),
        })
    }
}

#[test]
fn a_limit_lets_its_rate_pass_and_says_what_is_left() {
    let desk = Desk::rich();
    desk.ok(&["limit", "set", "--rate", "5", "--wait"]);
    desk.ok(&["wallet", "send", &stranger(), "4", "--wait"]);
    let error = desk.err(&["wallet", "send", &stranger(), "4"]);
    assert_eq!((error.exit, &*error.code), (Exit::Refused, "limit"));
    let shown = desk.ok(&["limit", "show"]);
    let left = shown["limit"]["available"].as_u64().unwrap();
    assert!(
        left < 400_000_000 && shown["spendable"].as_u64() == Some(left),
        "{shown}"
    );
    // Loosening waits, and a second change finds the slot taken.
    desk.ok(&["limit", "set", "--rate", "50", "--wait"]);
    assert_eq!(desk.err(&["limit", "remove"]).code, "change_pending");
    desk.ok(&["limit", "cancel", "--wait"]);
    assert!(desk.ok(&["limit", "show"])["pending"].is_null());
}

#[test]
fn a_guardian_freezes_and_gives_the_account_another_key() {
    let desk = Desk::rich();
    let own = desk.address("0");
    desk.ok(&["wallet", "accounts", "--new"]);
    let guardian = desk.address("1");
    desk.ok(&["wallet", "send", &guardian, "20", "--wait"]);
    desk.ok(&["limit", "set", "--guardian", &guardian, "--wait"]);
    desk.world.borrow_mut().pass(desk.chain.consensus.delay);
    desk.ok(&["limit", "freeze", &own, "--wait"]);
    assert_eq!(
        desk.err(&["wallet", "send", &stranger(), "1"]).code,
        "frozen"
    );
    desk.ok(&["wallet", "accounts", "--new"]);
    let key = desk.ok(&["wallet", "address", "--account", "2"])["key"]
        .as_str()
        .unwrap()
        .to_owned();
    desk.ok(&["limit", "recover", &own, "--to-key", &key, "--wait"]);
    desk.world.borrow_mut().pass(desk.chain.consensus.delay);
    desk.ok(&["wallet", "send", &stranger(), "1", "--wait"]);
    let world = desk.world.borrow();
    let last = world.included().last().unwrap();
    assert_eq!(last.body.sender, Address::parse("dsap", &own).unwrap().id());
    assert_eq!(last.authority().hash().to_string(), key);
}

#[test]
fn a_rotated_key_signs_from_its_height_on_and_an_account_closes() {
    let desk = Desk::rich();
    desk.ok(&["wallet", "rotate-key", "--wait"]);
    desk.world.borrow_mut().pass(desk.chain.consensus.delay);
    desk.ok(&["wallet", "close", "--to", &stranger(), "--wait"]);
    desk.world.borrow_mut().pass(desk.chain.consensus.delay);
    let own = desk.address("0");
    assert_eq!(balance_of(&desk, &own), 0);
    assert!(balance_of(&desk, &stranger()) > 0);
    assert_eq!(desk.ok(&["account", "show", &own])["exists"], false);
}

#[test]
fn validity_is_bounded_by_the_wallet_and_the_chain() {
    let desk = Desk::rich();
    desk.ok(&["wallet", "send", &stranger(), "1"]);
    let world = desk.world.borrow();
    let next = world.height() + 1;
    assert_eq!(world.mempool[0].body.valid_until, Height::new(next + 59));
}

#[test]
fn row_26_a_payment_signed_and_not_sent_keeps_its_id_when_the_wallet_comes_back() {
    let whole = Desk::rich();
    let start = whole.world.borrow().calls.len();
    whole.ok(&["wallet", "send", &stranger(), "1"]);
    let calls = whole.world.borrow().calls.clone();
    let submit = start
        + calls[start..]
            .iter()
            .position(|call| call == "tx_submit")
            .unwrap();
    for death in [Death::Before(submit), Death::After(submit)] {
        let desk = Desk::rich();
        desk.world.borrow_mut().death = Some(death);
        assert_eq!(
            desk.err(&["wallet", "send", &stranger(), "1"]).code,
            "unreachable"
        );
        let notes = fs::read(desk.dir.path().join("wallets/dev.notes.json")).unwrap();
        let notes: serde_json::Value = serde_json::from_slice(&notes).unwrap();
        let signed = notes["sent"][0]["txid"].as_str().unwrap().to_owned();
        desk.world.borrow_mut().death = None;
        desk.ok(&["wallet", "send", &stranger(), "2"]);
        let world = desk.world.borrow();
        assert_eq!(world.mempool.len(), 2, "{death:?}");
        assert_eq!(world.mempool[0].txid().to_string(), signed, "{death:?}");
    }
}

#[test]
fn row_23_a_name_about_to_expire_is_paid_with_a_warning_where_coins_have_worth() {
    let mut chain = sapwood_primitives::Chain::named("dev").unwrap();
    chain.name = "worth".into();
    let desk = Desk::at(chain);
    let asks = |secrets: usize| {
        desk.person.interactive.set(true);
        let pass = std::iter::repeat_n("correct horse".to_owned(), secrets);
        desk.person.secrets.borrow_mut().extend(pass);
    };
    asks(2);
    let made = desk.ok(&["wallet", "create", "--wallet", "w"]);
    let own = Address::parse("dsap", made["address"].as_str().unwrap())
        .unwrap()
        .id();
    desk.world.borrow_mut().mine(10, own);
    desk.world.borrow_mut().pass(desk.chain.consensus.delay);
    let fresh = || desk.person.now.set(desk.world.borrow().now());
    fresh();
    asks(1);
    desk.ok(&["name", "register", "alice", "--wallet", "w"]);
    fresh();
    asks(2);
    desk.ok(&["wallet", "accounts", "--wallet", "w", "--new"]);
    let second = desk.ok(&["wallet", "address", "--wallet", "w", "--account", "1"]);
    let second = second["address"].as_str().unwrap().to_owned();
    asks(1);
    desk.ok(&["wallet", "send", "--wallet", "w", &second, "50", "--wait"]);
    fresh();
    desk.said();
    // A year of this chain is six hours, so every name expires within a day.
    asks(1);
    desk.ok(&[
        "wallet",
        "send",
        "--wallet",
        "w",
        "--account",
        "1",
        "alice",
        "1",
    ]);
    let said = desk.said();
    assert!(said.contains("warning: `alice` expires in"), "{said}");
}

#[test]
fn row_37_a_derivation_number_beyond_the_last_is_refused() {
    let desk = Desk::rich();
    for number in ["2147483648", "4294967295"] {
        let error = desk.err(&["wallet", "rotate-key", "--to-account", number]);
        assert_eq!(
            (error.exit, &*error.code),
            (Exit::Refused, "wallet_edit"),
            "{error}"
        );
    }
    assert_eq!(desk.world.borrow().count("tx_submit"), 0);
}
