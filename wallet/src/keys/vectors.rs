//! The published vectors of BIP 39, BIP 32 and SLIP-10, which other projects made.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use bip32::{ChildNumber, Prefix};
use ed25519_dalek::SigningKey;
use serde_json::Value;

use super::derive::walk;
use super::slip10::Node;
use super::{AccountKey, Words};

fn vectors(file: &str) -> Value {
    let path = format!(
        "{}/../specs/vectors/public/{file}",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_slice(&std::fs::read(&path).expect(&path)).unwrap()
}

fn list(value: &Value) -> &[Value] {
    let list = value.as_array().unwrap();
    assert!(!list.is_empty(), "an empty list of vectors proves nothing");
    list
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

/// The numbers of a path like `m/0'/1`, with whether they are hardened.
fn path(value: &Value) -> Vec<(u32, bool)> {
    let steps = text(value).split('/').skip(1);
    steps
        .map(|step| {
            (
                step.trim_end_matches('\'').parse().unwrap(),
                step.ends_with('\''),
            )
        })
        .collect()
}

#[test]
fn bip39_entropy_words_and_seed_agree_in_both_directions() {
    let file = vectors("bip39.json");
    for vector in list(&file["vectors"]) {
        let words = Words::parse(text(&vector["mnemonic"])).unwrap();
        assert_eq!(*words.entropy(), bytes(&vector["entropy"]));
        assert_eq!(
            Words::from_entropy(&bytes(&vector["entropy"])).unwrap(),
            words
        );
        assert_eq!(*words.phrase(), text(&vector["mnemonic"]));
        let seed = words.seed(text(&file["passphrase"]));
        assert_eq!(seed.as_bytes()[..], bytes(&vector["seed"]));
        assert_eq!(
            *walk(seed.as_bytes(), &[]).unwrap().to_string(Prefix::XPRV),
            text(&vector["xprv"])
        );
    }
}

#[test]
fn bip32_keys_agree_at_every_step() {
    let file = vectors("bip32.json");
    for vector in list(&file["vectors"]) {
        let seed = bytes(&vector["seed"]);
        for key in list(&vector["keys"]) {
            let path: Vec<_> = path(&key["path"])
                .into_iter()
                .map(|(n, hard)| ChildNumber::new(n, hard).unwrap())
                .collect();
            let node = walk(&seed, &path).unwrap();
            assert_eq!(*node.to_string(Prefix::XPRV), text(&key["xprv"]));
            assert_eq!(
                node.public_key().to_string(Prefix::XPUB),
                text(&key["xpub"])
            );
            // The library that signs must see the same point as the one that derives.
            let account = AccountKey::from_secret(&node.to_bytes()).unwrap();
            assert_eq!(account.public(), node.public_key().to_bytes()[1..]);
        }
    }
}

#[test]
fn slip10_ed25519_keys_agree_at_every_step() {
    let file = vectors("slip10-ed25519.json");
    for vector in list(&file["vectors"]) {
        let seed = bytes(&vector["seed"]);
        for key in list(&vector["keys"]) {
            let steps = path(&key["path"]);
            assert!(steps.iter().all(|(_, hardened)| *hardened));
            let numbers: Vec<u32> = steps.into_iter().map(|(number, _)| number).collect();
            let node = Node::walk(&seed, &numbers);
            assert_eq!(node.key[..], bytes(&key["private"]));
            assert_eq!(node.chain_code[..], bytes(&key["chain_code"]));
            let public = SigningKey::from_bytes(&node.key).verifying_key();
            assert_eq!(public.as_bytes()[..], bytes(&key["public"])[1..]);
        }
    }
}
