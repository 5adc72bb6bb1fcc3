//! Wallets that come back from their words, and signatures made elsewhere.

use crate::common::FastChain;
use crate::shell;
use serde_json::Value;

#[test]
fn a_wallet_restored_from_its_words_finds_its_accounts() {
    let chain = FastChain::new();
    for label in ["second", "third"] {
        let added = chain.ok(&["wallet", "accounts", "--new", "--label", label]);
        let address = added["accounts"].as_array().unwrap().last().unwrap()["address"]
            .as_str()
            .unwrap()
            .to_owned();
        chain.ok(&["wallet", "send", &address, "3", "--wait"]);
    }
    let words = chain.ok(&["wallet", "export"])["words"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(words.split(' ').count(), 24);
    std::fs::write(chain.home.path().join("words"), words).unwrap();
    shell(
        &chain.home,
        "sapwood --chain dev --json wallet restore --wallet again --passphrase-fd 3 < words 3< pass",
    )
    .expect(0);
    let addresses = |wallet: Value| -> Vec<Value> {
        wallet["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["address"].clone())
            .collect()
    };
    let known = addresses(chain.ok(&["wallet", "accounts"]));
    let found = addresses(chain.ok_as("again", &["wallet", "accounts"]));
    assert_eq!((found.len(), &found), (3, &known));
    let sent = chain.ok_as(
        "again",
        &[
            "wallet",
            "send",
            &chain.address,
            "1",
            "--account",
            "2",
            "--wait",
        ],
    );
    assert_eq!(sent["status"], "confirmed");
    // One word wrong is noticed by the words' own checksum.
    let bad = shell(
        &chain.home,
        "sed 's/^[a-z]*/zoo/' words > bad; sapwood --chain dev --json wallet restore --wallet other --passphrase-fd 3 < bad 3< pass",
    )
    .expect(3);
    assert_eq!(bad.json()["error"]["code"], "bad_words");
    assert!(!chain.home.data().join("dev/wallets/other").exists());
}

#[test]
fn what_is_prepared_is_signed_elsewhere_and_handed_in() {
    let chain = FastChain::new();
    let second = chain.wallet("second", "5");
    let prepared = chain.ok(&["wallet", "send", &second, "2", "--dry-run"]);
    assert_eq!(prepared["status"], "dry_run");
    std::fs::write(
        chain.home.path().join("body.hex"),
        prepared["body"].as_str().unwrap(),
    )
    .unwrap();
    let signed = chain.ok(&["wallet", "sign", "body.hex"]);
    std::fs::write(
        chain.home.path().join("tx.hex"),
        signed["tx"].as_str().unwrap(),
    )
    .unwrap();
    let sent = chain.ok(&["tx", "submit", "tx.hex", "--wait"]);
    assert_eq!(sent["txid"], signed["txid"]);
    // Handing in twice is harmless, also after it is in a block.
    chain.ok(&["tx", "submit", "tx.hex"]);
    let shown = chain.ok(&["tx", "show", signed["txid"].as_str().unwrap()]);
    assert_eq!(shown["status"], "confirmed");
    assert_eq!(
        chain.ok_as("second", &["wallet", "balance"])["balance"],
        700_000_000 - 100_000
    );
}
