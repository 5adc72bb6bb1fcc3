//! The content of a wallet: its rules, its written form, the keys that come from it.

use super::super::crypt::MAX_PAYLOAD;
use super::super::secrets::{MAX_ACCOUNTS, MAX_LABEL};
use super::super::{EditWallet, WalletSecrets};
use crate::keys::{self, AccountIndex, CoinType, DeriveKey, Words};

fn words() -> Words {
    Words::from_entropy(&[0x11; 16]).unwrap()
}

fn wallet() -> WalletSecrets {
    let mut wallet = WalletSecrets::from_words("dev", &words(), "café").unwrap();
    wallet.add_account(0, "shop \"front\"").unwrap();
    wallet.import_account(&[3; 32], "").unwrap();
    wallet
}

#[test]
fn a_payload_returns_as_it_was() {
    let wallet = wallet();
    let read = WalletSecrets::from_payload(&wallet.to_payload()).unwrap();
    assert_eq!(read, wallet);
    assert_eq!(read.words().unwrap(), words());
    assert_eq!(read.words_passphrase(), "café");
}

#[test]
fn the_form_of_the_payload_is_the_documented_one() {
    let text = String::from_utf8(wallet().to_payload().to_vec()).unwrap();
    let entropy = "11".repeat(16);
    let key = "03".repeat(32);
    let expected = format!(
        r#"{{"payload":1,"chain":"dev","words":{{"entropy":"{entropy}","passphrase":"636166c3a9"}},"accounts":[{{"index":0,"label":"shop \"front\""}},{{"index":10000,"label":"","imported":"{key}"}}]}}"#
    );
    assert_eq!(text, expected);
}

#[test]
fn a_payload_that_breaks_a_rule_is_refused_without_telling_its_secrets() {
    let good = String::from_utf8(wallet().to_payload().to_vec()).unwrap();
    for (from, to) in [
        (r#""payload":1"#, r#""payload":2"#),
        (r#""chain":"dev""#, r#""chain":"""#),
        (r#""chain":"dev""#, r#""chain":"de v""#),
        (r#""chain":"dev""#, r#""chain":"dev","later":1"#),
        ("11111111", "1111111"),
        ("11111111", "1111"),
        ("636166c3a9", "636166c3"),
        (r#""index":10000"#, r#""index":0"#),
        (r#""index":10000"#, r#""index":2147483648"#),
        ("0303", "03"),
        (&"03".repeat(32), &"00".repeat(32)),
        (r#""label":"""#, r#""label":"a\u0007""#),
        (r#""label":"""#, r#""label":"shop \"front\"""#),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let message = WalletSecrets::from_payload(bad.as_bytes()).unwrap_err();
        assert!(
            !message.contains("1111") && !message.contains("0303"),
            "{message}"
        );
    }
    let without_words =
        r#"{"payload":1,"chain":"dev","words":null,"accounts":[{"index":0,"label":""}]}"#;
    WalletSecrets::from_payload(without_words.as_bytes()).unwrap_err();
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated_by_the_error() {
    let text = r#"{"payload":"a secret typed here","chain":"dev","words":null,"accounts":[]}"#;
    let message = WalletSecrets::from_payload(text.as_bytes()).unwrap_err();
    assert!(!message.contains("secret typed"), "{message}");
}

#[test]
fn the_fullest_wallet_fits_into_a_file_and_one_account_more_is_refused() {
    let mut wallet =
        WalletSecrets::from_words("a-chain-name-of-thirty-two-bytes", &words(), "").unwrap();
    for number in 0..MAX_ACCOUNTS {
        let label = format!("{}{number:04}", "\"".repeat(MAX_LABEL - 4));
        wallet.import_account(&[3; 32], &label).unwrap();
    }
    assert_eq!(wallet.import_account(&[3; 32], ""), Err(EditWallet::Full));
    assert!(wallet.to_payload().len() <= MAX_PAYLOAD);
}

#[test]
fn accounts_keep_numbers_and_labels_apart() {
    let mut wallet = wallet();
    assert_eq!(
        wallet.add_account(10_000, ""),
        Err(EditWallet::IndexTaken(10_000))
    );
    assert_eq!(
        wallet.add_account(2, "shop \"front\""),
        Err(EditWallet::LabelTaken(0))
    );
    assert_eq!(
        wallet.add_account(1 << 31, ""),
        Err(EditWallet::Key(DeriveKey::Index(1 << 31)))
    );
    assert_eq!(wallet.add_account(2, "a\nb"), Err(EditWallet::Label));
    assert_eq!(
        wallet.add_account(2, &"x".repeat(MAX_LABEL + 1)),
        Err(EditWallet::Label)
    );
    assert_eq!(wallet.set_label(9, "x"), Err(EditWallet::NoAccount(9)));
    assert_eq!(
        wallet.set_label(10_000, "shop \"front\""),
        Err(EditWallet::LabelTaken(0))
    );
    wallet.set_label(0, "shop \"front\"").unwrap();
    assert_eq!(wallet.accounts().len(), 2);
    assert_eq!(wallet.next_index(), 1);
}

#[test]
fn keys_come_from_the_words_or_from_the_import() {
    let wallet = wallet();
    let seed = words().seed("café");
    let derived = keys::account_key(&seed, CoinType::TEST, AccountIndex::FIRST).unwrap();
    assert_eq!(wallet.key(0).unwrap().public(), derived.public());
    assert_eq!(*wallet.key(10_000).unwrap().secret(), [3; 32]);
    assert_eq!(wallet.key(2).unwrap_err(), EditWallet::NoAccount(2));
    assert_eq!(
        wallet.salt(0, b"n", 1).unwrap(),
        keys::salt(seed.as_bytes(), AccountIndex::FIRST, b"n", 1)
    );
}

#[test]
fn an_imported_account_has_the_same_salts_and_service_key_in_every_wallet() {
    let mut other = WalletSecrets::without_words("dev").unwrap();
    other.import_account(&[3; 32], "").unwrap();
    assert_eq!(other.salt(10_000, b"n", 1), wallet().salt(10_000, b"n", 1));
    assert_eq!(other.service_key(10_000), wallet().service_key(10_000));
    assert_eq!(other.add_account(1, ""), Err(EditWallet::NoWords));
}

#[test]
fn debug_shows_no_secret() {
    let text = format!("{:?} {:?}", wallet(), wallet().accounts());
    assert!(
        !text.contains("1111") && !text.contains("0303") && !text.contains("17, 17"),
        "{text}"
    );
}
