//! Registering, and being killed at every single point of it.

use serde_json::json;

use super::world::Death;
use super::*;

fn owner_of(desk: &Desk, name: &str) -> Option<String> {
    let owner = desk.world.borrow().name(name)?.owner?;
    Some(desk.context().address(owner).to_string())
}

#[test]
fn a_name_is_registered_with_its_records_and_the_report_says_until_when() {
    let desk = Desk::rich();
    let report = desk.ok(&[
        "name",
        "register",
        "alice",
        "--years",
        "2",
        "--record",
        "@ A 192.0.2.1",
        "--record",
        "www 60 A 192.0.2.2",
    ]);
    assert_eq!(report["status"], "registered");
    assert_eq!(report["owner"].as_str(), Some(&*desk.address("0")));
    let leaf = desk.world.borrow().name("alice").unwrap();
    assert_eq!(report["paid_until"].as_u64(), Some(leaf.paid_until.get()));
    assert_eq!(
        report["records"],
        json!(["@ 300 A 192.0.2.1", "www 60 A 192.0.2.2"])
    );
    assert_eq!(
        report["dig"].as_str(),
        Some("dig @127.0.0.1 -p 9453 alice.leaf.alt A")
    );
    // One transaction each, and the reveal not before its time.
    let world = desk.world.borrow();
    assert_eq!(world.included().count(), 2);
    let waits = desk.person.progress.borrow();
    assert!(
        waits
            .iter()
            .any(|line| line.starts_with("waiting for block") && line.ends_with("to go")),
        "{waits:?}"
    );
    drop(waits);
    drop(world);
    assert_eq!(
        desk.err(&["name", "register", "--resume"]).code,
        "nothing_under_way"
    );
}

#[test]
fn price_fee_term_and_steps_are_shown_before_the_question() {
    let desk = Desk::rich();
    desk.yes.set(false);
    desk.person.interactive.set(true);
    desk.person.answers.borrow_mut().push_back(false);
    assert_eq!(desk.err(&["name", "register", "alice"]).code, "declined");
    let said = desk.said();
    let question = said.find("Sign and send both").unwrap();
    for part in [
        "for 1 year: 0.99",
        "at most 1.09",
        "expires around 2026-",
        "fee",
        "2 blocks",
    ] {
        assert!(
            said.find(part).is_some_and(|at| at < question),
            "{part} in {said}"
        );
    }
    assert_eq!(desk.world.borrow().count("tx_submit"), 0);
    assert_eq!(
        desk.err(&["name", "register", "--resume"]).code,
        "nothing_under_way"
    );
}

#[test]
fn killed_before_or_after_any_call_resume_ends_with_the_name_and_pays_once() {
    let line = ["name", "register", "alice", "--record", "@ A 192.0.2.1"];
    let calls_of = |desk: &Desk| desk.world.borrow().calls.len();
    let whole = Desk::rich();
    let start = calls_of(&whole);
    whole.ok(&line);
    let calls = calls_of(&whole) - start;
    assert!(calls > 20, "{calls}");
    for number in 0..calls {
        // Between an answer and the next call lie what the wallet writes; a call is carried out or not.
        for death in [Death::Before(start + number), Death::After(start + number)] {
            let desk = Desk::rich();
            desk.world.borrow_mut().death = Some(death);
            let error = desk.err(&line);
            assert_eq!(error.code, "unreachable", "{death:?}");
            let committed = desk.world.borrow().count("tx_submit") > 0;
            assert_eq!(error.hint.contains("--resume alice"), committed, "{error}");
            desk.world.borrow_mut().death = None;
            let resumed = match desk.run(&["name", "register", "--resume"]) {
                Ok(output) => output.json()["names"][0].clone(),
                // Killed before anything was sent: nothing is written, and the command is given again.
                Err(error) => {
                    assert_eq!(error.code, "nothing_under_way", "{death:?}: {error:?}");
                    assert_eq!(desk.world.borrow().count("tx_submit"), 0);
                    desk.ok(&line)
                }
            };
            assert_eq!(resumed["status"], "registered", "{death:?}");
            assert_eq!(
                resumed["records"],
                json!(["@ 300 A 192.0.2.1"]),
                "{death:?}"
            );
            assert_eq!(owner_of(&desk, "alice"), Some(desk.address("0")));
            assert_eq!(desk.world.borrow().included().count(), 2, "{death:?}");
            assert_eq!(
                desk.err(&["name", "register", "--resume"]).code,
                "nothing_under_way"
            );
        }
    }
}

#[test]
fn killed_while_the_node_forgets_its_mempool_the_same_commitment_is_sent_again() {
    let desk = Desk::rich();
    let committed = desk.ok(&["name", "register", "alice", "--no-wait"]);
    assert_eq!(committed["status"], "committed");
    desk.world.borrow_mut().mempool.clear();
    let report = desk.ok(&["name", "register", "--resume", "alice"]);
    assert_eq!(report["names"][0]["commit_txid"], committed["commit_txid"]);
    assert_eq!(owner_of(&desk, "alice"), Some(desk.address("0")));
}

#[test]
fn a_first_transaction_that_expired_is_replaced_with_the_same_salt() {
    let desk = Desk::rich();
    let committed = desk.ok(&["name", "register", "alice", "--no-wait"]);
    desk.world.borrow_mut().mempool.clear();
    desk.world.borrow_mut().pass(61);
    let report = desk.ok(&["name", "register", "--resume"]);
    assert_ne!(report["names"][0]["commit_txid"], committed["commit_txid"]);
    assert!(desk.said().contains("sending it again"));
    let world = desk.world.borrow();
    assert_eq!(world.included().count(), 2);
}

#[test]
fn a_lapsed_commitment_is_named_and_begun_again_only_if_the_owner_agrees() {
    let desk = Desk::rich();
    desk.ok(&["name", "register", "alice", "--no-wait"]);
    desk.world
        .borrow_mut()
        .pass(desk.chain.consensus.commit_max + 1);
    desk.yes.set(false);
    desk.person.interactive.set(true);
    desk.person.answers.borrow_mut().extend([true, false]);
    assert_eq!(desk.err(&["name", "register", "--resume"]).code, "declined");
    assert!(desk.said().contains("lapsed"));
    assert_eq!(owner_of(&desk, "alice"), None);
    desk.person.answers.borrow_mut().extend([true, true]);
    desk.ok(&["name", "register", "--resume"]);
    assert_eq!(owner_of(&desk, "alice"), Some(desk.address("0")));
    let salts = desk.world.borrow().included().count();
    assert_eq!(salts, 3, "two hashes put down, one name revealed");
}

#[test]
fn losing_the_race_ends_the_registration_and_says_to_whom() {
    let desk = Desk::rich();
    desk.ok(&["wallet", "accounts", "--new"]);
    let other = desk.address("1");
    desk.ok(&["wallet", "send", &other, "20", "--wait"]);
    desk.ok(&["name", "register", "alice", "--no-wait"]);
    // The same words in another directory: a second wallet that knows nothing of the first one's plan.
    let second = desk.dir.path().join("wallets");
    std::fs::copy(second.join("dev"), second.join("twin")).unwrap();
    desk.person.interactive.set(true);
    desk.person.secrets.borrow_mut().push_back("dev".into());
    desk.ok(&[
        "name",
        "register",
        "alice",
        "--wallet",
        "twin",
        "--account",
        "1",
    ]);
    let error = desk.err(&["name", "register", "--resume", "alice"]);
    assert_eq!(error.code, "name_taken");
    assert!(error.message.contains(&other), "{error}");
    assert_eq!(
        desk.err(&["name", "register", "--resume"]).code,
        "nothing_under_way"
    );
}

#[test]
fn a_price_above_the_maximum_stops_at_both_ends_and_can_be_agreed_to() {
    let desk = Desk::rich();
    assert_eq!(
        desk.err(&["name", "register", "alice", "--max-price", "0.9"])
            .code,
        "price_above_max"
    );
    desk.ok(&["name", "register", "alice", "--no-wait"]);
    let error = desk.err(&["name", "register", "--resume", "--max-price", "0.9"]);
    assert_eq!(error.code, "price_above_max");
    assert!(error.hint.contains("--max-price"), "{error}");
    desk.ok(&["name", "register", "--resume", "--max-price", "1.5"]);
    assert_eq!(owner_of(&desk, "alice"), Some(desk.address("0")));
}

#[test]
fn what_stands_in_the_way_is_said_before_anything_is_paid() {
    let desk = Desk::rich();
    desk.ok(&["name", "register", "alice"]);
    let sent = desk.world.borrow().count("tx_submit");
    assert_eq!(desk.err(&["name", "register", "alice"]).code, "name_taken");
    let second = desk.err(&["name", "register", "bob"]);
    assert_eq!(second.code, "has_name");
    assert!(
        second.hint.contains("wallet accounts --new") && second.hint.contains("--account 1"),
        "{second}"
    );
    assert_eq!(
        desk.err(&["name", "register", "bob", "--record", "@ A 1.2.3"])
            .code,
        "bad_record"
    );
    assert_eq!(
        desk.err(&["name", "register", "bob", "--account", "5"])
            .code,
        "no_account"
    );
    assert_eq!(desk.world.borrow().count("tx_submit"), sent);

    let poor = Desk::bare();
    ensure_dev_wallet(&poor.context()).unwrap();
    assert_eq!(poor.err(&["name", "register", "bob"]).code, "no_coins");
}

#[test]
fn a_registration_under_way_is_not_begun_twice() {
    let desk = Desk::rich();
    desk.ok(&["name", "register", "alice", "--no-wait"]);
    assert_eq!(desk.err(&["name", "register", "alice"]).code, "under_way");
}

#[test]
fn a_price_that_takes_more_than_there_is_names_both_numbers() {
    let desk = Desk::rich();
    let error = desk.err(&["name", "register", "a"]);
    assert_eq!(error.code, "insufficient");
    assert!(
        error.message.contains("200.") && error.message.contains("4088."),
        "{error}"
    );
}
