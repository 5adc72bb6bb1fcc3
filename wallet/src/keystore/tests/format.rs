//! The bytes of a wallet file: what opens, and that nothing else does.

use std::fs;

use super::super::crypt::{HEADER_LEN, MAGIC, MAX_PAYLOAD, TAG_LEN, Unseal};
use super::super::{CostOutOfBounds, OpenWallet};
use super::*;

/// Opens `bytes` as a wallet file and returns why that failed.
fn refusal(bytes: &[u8], passphrase: &str) -> OpenWallet {
    let (_folder, path) = closed_wallet();
    fs::write(&path, bytes).unwrap();
    let error = WalletFile::open(&path, passphrase).expect_err("these bytes are no wallet");
    assert_eq!(
        fs::read(&path).unwrap(),
        bytes,
        "a refused file must stay as it is"
    );
    error
}

fn unseal_fault(bytes: &[u8], passphrase: &str) -> Unseal {
    match refusal(bytes, passphrase) {
        OpenWallet::Unseal { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

fn wallet_bytes() -> Vec<u8> {
    let (_folder, path) = closed_wallet();
    fs::read(path).unwrap()
}

#[test]
fn a_wallet_opens_with_its_passphrase_and_has_what_was_put_in() {
    let (folder, path) = closed_wallet();
    let (file, read) = WalletFile::open(&path, PASSPHRASE).unwrap();
    assert_eq!(read, secrets());
    drop(file);
    assert_eq!(names(folder.path()), ["main"]);
}

#[test]
fn the_header_is_the_documented_one() {
    let bytes = wallet_bytes();
    assert_eq!(
        bytes[..22],
        *b"SAPWALLT\x01\0\x08\0\0\0\x01\0\0\0\x01\0\0\0"
    );
    assert_eq!(
        bytes.len(),
        HEADER_LEN + secrets().to_payload().len() + TAG_LEN
    );
}

#[test]
fn the_default_cost_is_the_documented_one() {
    assert_eq!(
        KdfCost::default(),
        KdfCost {
            memory_kib: 65_536,
            passes: 3,
            lanes: 1
        }
    );
}

#[test]
fn a_passphrase_opens_in_every_unicode_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main");
    drop(
        WalletFile::create(
            &path,
            &secrets(),
            "cr\u{e8}me br\u{fb}l\u{e9}e",
            PassphraseRule::Strong,
            CHEAP,
        )
        .unwrap(),
    );
    WalletFile::open(&path, "cre\u{300}me bru\u{302}le\u{301}e").unwrap();
}

#[test]
fn every_flipped_byte_is_refused() {
    let good = wallet_bytes();
    for place in 0..good.len() {
        for mask in [0x01, 0x80] {
            let mut bad = good.clone();
            bad[place] ^= mask;
            let fault = unseal_fault(&bad, PASSPHRASE);
            match place {
                0..8 => assert_eq!(fault, Unseal::NotAWallet),
                8..10 => assert!(
                    matches!(fault, Unseal::Newer(_) | Unseal::Sealed),
                    "{place}: {fault}"
                ),
                10..22 => assert!(
                    matches!(fault, Unseal::Cost(_) | Unseal::Sealed),
                    "{place}: {fault}"
                ),
                _ => assert_eq!(fault, Unseal::Sealed, "byte {place}"),
            }
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let good = wallet_bytes();
    for len in 0..good.len() {
        let fault = unseal_fault(&good[..len], PASSPHRASE);
        let expected = if len < MAGIC.len() {
            Unseal::NotAWallet
        } else {
            Unseal::Sealed
        };
        assert_eq!(fault, expected, "{len} bytes");
    }
}

#[test]
fn two_wallets_in_one_file_and_trailing_bytes_are_refused() {
    let (one, two) = (wallet_bytes(), wallet_bytes());
    for bytes in [
        [&one[..], &two].concat(),
        [&one[..], &one].concat(),
        [&one[..], b"\n"].concat(),
    ] {
        assert_eq!(unseal_fault(&bytes, PASSPHRASE), Unseal::Sealed);
    }
}

#[test]
fn a_wrong_passphrase_and_a_damaged_file_have_one_text() {
    let good = wallet_bytes();
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let text = unseal_fault(&damaged, PASSPHRASE).to_string();
    for passphrase in ["", "Correct horse", "correct horse ", "correct hors"] {
        assert_eq!(
            unseal_fault(&good, passphrase).to_string(),
            text,
            "{passphrase:?}"
        );
    }
}

#[test]
fn a_newer_version_is_named_whatever_follows_it() {
    for rest in [&b""[..], &[0xff; 200]] {
        for version in [2u16, u16::MAX] {
            let bytes = [&MAGIC[..], &version.to_le_bytes(), rest].concat();
            assert_eq!(unseal_fault(&bytes, PASSPHRASE), Unseal::Newer(version));
        }
    }
}

#[test]
fn a_cost_out_of_bounds_is_refused_before_any_memory_is_reserved() {
    // 4 TiB would kill the process if it were reserved, and 2^32 passes would never end.
    for (memory_kib, passes, lanes) in [
        (u32::MAX, 1, 1),
        (KdfCost::MAX_MEMORY_KIB + 1, 1, 1),
        (8, u32::MAX, 1),
        (8, KdfCost::MAX_PASSES + 1, 1),
        (1 << 20, 1, u32::MAX),
        (1 << 20, 1, KdfCost::MAX_LANES + 1),
        (0, 1, 1),
        (7, 1, 1),
        (31, 1, 4),
        (8, 0, 1),
        (8, 1, 0),
    ] {
        let mut bytes = wallet_bytes();
        for (place, number) in [(10, memory_kib), (14, passes), (18, lanes)] {
            bytes[place..place + 4].copy_from_slice(&number.to_le_bytes());
        }
        let cost = KdfCost {
            memory_kib,
            passes,
            lanes,
        };
        assert_eq!(
            unseal_fault(&bytes, PASSPHRASE),
            Unseal::Cost(CostOutOfBounds(cost))
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("main");
        WalletFile::create(&path, &secrets(), PASSPHRASE, PassphraseRule::Strong, cost)
            .unwrap_err();
        assert!(names(folder.path()).is_empty());
    }
}

#[test]
fn a_payload_above_its_bound_is_refused() {
    let bytes = [
        &wallet_bytes()[..HEADER_LEN],
        &vec![0; MAX_PAYLOAD + TAG_LEN + 1],
    ]
    .concat();
    assert_eq!(unseal_fault(&bytes, PASSPHRASE), Unseal::Sealed);
}

#[test]
fn saving_keeps_the_salt_and_never_repeats_a_nonce() {
    let (_folder, path) = closed_wallet();
    let (file, mut content) = WalletFile::open(&path, PASSPHRASE).unwrap();
    let before = fs::read(&path).unwrap();
    content.add_account(1, "second").unwrap();
    file.save(&content).unwrap();
    let after = fs::read(&path).unwrap();
    assert_eq!(before[..38], after[..38]);
    assert_ne!(before[38..62], after[38..62]);
    drop(file);
    assert_eq!(WalletFile::open(&path, PASSPHRASE).unwrap().1, content);
}

#[test]
fn a_changed_passphrase_locks_the_former_one_out() {
    let (_folder, path) = closed_wallet();
    let (mut file, content) = WalletFile::open(&path, PASSPHRASE).unwrap();
    let weak = file.change_passphrase(&content, "short", PassphraseRule::Strong, CHEAP);
    assert!(matches!(weak, Err(CreateWallet::WeakPassphrase)));
    file.change_passphrase(&content, "another one", PassphraseRule::Strong, CHEAP)
        .unwrap();
    file.save(&content).unwrap();
    drop(file);
    assert!(matches!(
        WalletFile::open(&path, PASSPHRASE),
        Err(OpenWallet::Unseal { .. })
    ));
    assert_eq!(WalletFile::open(&path, "another one").unwrap().1, content);
}

#[test]
fn weak_passphrases_need_leave_and_empty_ones_never_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main");
    let attempt = |passphrase, rule| WalletFile::create(&path, &secrets(), passphrase, rule, CHEAP);
    for rule in [PassphraseRule::Strong, PassphraseRule::WeakAllowed] {
        assert!(matches!(
            attempt("", rule),
            Err(CreateWallet::EmptyPassphrase)
        ));
    }
    // Characters are counted, not bytes: seven of three bytes each are still seven.
    for weak in ["dev", "1234567", "ⅰⅱⅲⅳⅴⅵⅶ"] {
        assert!(
            matches!(
                attempt(weak, PassphraseRule::Strong),
                Err(CreateWallet::WeakPassphrase)
            ),
            "{weak}"
        );
    }
    assert!(names(folder.path()).is_empty());
    attempt("dev", PassphraseRule::WeakAllowed).unwrap();
}
