//! Limits, guardians, and what a thief of the key cannot do.

use crate::common::FastChain;
use serde_json::Value;

#[test]
fn a_limit_holds_at_once_and_is_loosened_only_after_the_delay() {
    let chain = FastChain::new();
    let second = chain.wallet("second", "20");
    let limit = |_: ()| chain.ok(&["limit", "show"]);
    chain.ok(&["limit", "set", "--rate", "5", "--delay-days", "2", "--wait"]);
    let shown = limit(());
    assert_eq!(
        (&shown["limit"]["rate"], &shown["limit"]["delay_days"]),
        (&500_000_000.into(), &2.into())
    );
    let refused = chain.run(&["wallet", "send", &second, "50"]).expect(3);
    let error = &refused.json()["error"];
    assert_eq!(error["code"], "limit");
    assert!(
        error["message"].as_str().unwrap().contains("50 sap"),
        "{error}"
    );
    chain.ok(&["wallet", "send", &second, "4", "--wait"]);
    // Tighter acts at once, looser waits.
    chain.ok(&["limit", "set", "--rate", "3", "--wait"]);
    assert_eq!(limit(())["limit"]["rate"], 300_000_000);
    chain.ok(&["limit", "set", "--rate", "100", "--wait"]);
    let waiting = limit(());
    assert_eq!(waiting["limit"]["rate"], 300_000_000);
    assert!(
        waiting["pending"].as_str().unwrap().contains("100 sap"),
        "{waiting}"
    );
    let taken = chain.run(&["limit", "remove"]).expect(3);
    assert_eq!(taken.json()["error"]["code"], "change_pending");
    chain.ok(&["limit", "cancel", "--wait"]);
    assert_eq!(limit(())["pending"], Value::Null);
    let nothing = chain.run(&["limit", "cancel"]).expect(3);
    assert_eq!(nothing.json()["error"]["code"], "nothing_pending");
    chain.ok(&["limit", "remove", "--wait"]);
    assert_ne!(limit(())["limit"], Value::Null);
    chain.pass(25);
    assert_eq!(limit(())["limit"], Value::Null);
}

#[test]
fn a_guardian_vetoes_freezes_and_recovers_an_account_of_another_wallet() {
    let chain = FastChain::new();
    let guardian = chain.wallet("guardian", "20");
    let new_owner = chain.wallet("rescue", "20");
    chain.ok(&["limit", "set", "--guardian", &guardian, "--wait"]);
    chain.pass(13);
    let shown = |_: ()| chain.ok(&["limit", "show"]);
    assert_eq!(shown(())["guardian"], guardian.as_str());

    let stranger = chain
        .run_as("rescue", &["limit", "veto", &chain.address])
        .expect(3);
    assert_eq!(stranger.json()["error"]["code"], "other_key");

    // A thief of the key wants to be rid of the guardian. The guardian has a delay of twelve blocks to see it, so nothing else is done meanwhile.
    chain.ok(&["limit", "set", "--guardian", "none", "--wait"]);
    assert_ne!(shown(())["pending"], Value::Null);
    chain.ok_as("guardian", &["limit", "veto", &chain.address, "--wait"]);
    assert_eq!(shown(())["pending"], Value::Null);

    chain.ok_as("guardian", &["limit", "freeze", &chain.address, "--wait"]);
    let frozen = chain.run(&["wallet", "send", &guardian, "1"]).expect(3);
    assert_eq!(frozen.json()["error"]["code"], "frozen");
    let key = chain.ok_as("rescue", &["wallet", "address"])["key"]
        .as_str()
        .unwrap()
        .to_owned();
    chain.ok_as(
        "guardian",
        &[
            "limit",
            "recover",
            &chain.address,
            "--to-key",
            &key,
            "--wait",
        ],
    );
    assert!(
        shown(())["pending_by_guardian"]
            .as_str()
            .unwrap()
            .contains(&key)
    );
    chain.ok_as(
        "guardian",
        &["limit", "recover-cancel", &chain.address, "--wait"],
    );
    assert!(shown(())["pending_by_guardian"].is_null());
    chain.ok_as(
        "guardian",
        &[
            "limit",
            "recover",
            &chain.address,
            "--to-key",
            &key,
            "--wait",
        ],
    );
    chain.pass(13);
    // The old key signs for nothing any more, the new one for everything.
    let old = chain.run(&["wallet", "send", &guardian, "1"]).expect(3);
    assert_eq!(old.json()["error"]["code"], "other_key");
    let sent = chain.ok_as(
        "rescue",
        &[
            "wallet",
            "send",
            &guardian,
            "1",
            "--account",
            &chain.address,
            "--wait",
        ],
    );
    assert_eq!(sent["status"], "confirmed");
    assert_ne!(new_owner, chain.address);
}
