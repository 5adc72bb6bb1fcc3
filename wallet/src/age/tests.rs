//! Against the vectors of the format, damage, and hostile numbers.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use sha2::Digest;

use super::*;

/// The logarithm of a cost that thousands of attempts can pay.
const CHEAP: u8 = 1;

/// The vectors that other programs of this format are tested with (C2SP CCTV, folder age): a head of `key: value` lines, an empty line,
/// and the file.
#[test]
fn the_vectors_of_the_format_are_opened_or_refused_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/age/vectors");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let field = |name: &str| {
            let mut lines = head.lines();
            lines.find_map(|line| line.strip_prefix(&format!("{name}: ")))
        };
        let opened = open(&bytes[end + 2..], field("passphrase").unwrap_or_default());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match field("expect").unwrap() {
            "success" => {
                let digest = hex::encode(sha2::Sha256::digest(&*opened.unwrap()));
                assert_eq!(Some(&*digest), field("payload"), "{name}");
            }
            "no match" => assert!(
                matches!(opened, Err(AgeFault::Sealed | AgeFault::NoPassphrase)),
                "{name}: {opened:?}"
            ),
            "header failure" => assert!(
                matches!(
                    opened,
                    Err(AgeFault::Header(_) | AgeFault::NoPassphrase | AgeFault::Cost(_))
                ),
                "{name}: {opened:?}"
            ),
            other => panic!("{name}: {other}"),
        }
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
}

#[test]
fn content_of_every_length_around_a_chunk_returns() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK] {
        let content = vec![0x5a; length];
        let sealed = seal(&content, "pass", CHEAP).unwrap();
        assert_eq!(*open(&sealed, "pass").unwrap(), content, "{length}");
        assert_eq!(open(&sealed, "Pass"), Err(AgeFault::Sealed));
        let armored = format!("{ARMOR_BEGIN}\n{}\n{ARMOR_END}\n", STANDARD.encode(&sealed));
        assert_eq!(*open(armored.as_bytes(), "pass").unwrap(), content);
        assert!(looks_like_age(&sealed) && looks_like_age(armored.as_bytes()));
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let sealed = seal(b"words", "pass", CHEAP).unwrap();
    for at in 0..sealed.len() {
        for bit in [0, 3, 7] {
            let mut bad = sealed.clone();
            bad[at] ^= 1 << bit;
            assert!(open(&bad, "pass").is_err(), "{at} {bit}");
        }
        assert!(open(&sealed[..at], "pass").is_err(), "{at}");
    }
    let mut longer = sealed.clone();
    longer.push(0);
    assert_eq!(open(&longer, "pass"), Err(AgeFault::Damaged));
    let two = seal(&vec![1; 2 * CHUNK], "pass", CHEAP).unwrap();
    assert_eq!(
        open(&two[..two.len() - CHUNK - TAG_LEN], "pass"),
        Err(AgeFault::Damaged),
        "a missing last chunk is no end"
    );
}

#[test]
fn a_cost_or_length_out_of_bounds_is_refused_before_anything_is_computed() {
    let text = String::from_utf8_lossy(&seal(b"", "pass", CHEAP).unwrap()).into_owned();
    for (cost, fault) in [
        ("21", AgeFault::Cost(21)),
        ("63", AgeFault::Cost(63)),
        ("255", AgeFault::Cost(255)),
        ("256", AgeFault::Header("its cost")),
        ("4294967296", AgeFault::Header("its cost")),
        ("0", AgeFault::Header("its cost")),
        ("01", AgeFault::Header("its cost")),
        ("-1", AgeFault::Header("its cost")),
    ] {
        let dear = text.replacen(" 1\n", &format!(" {cost}\n"), 1);
        assert_eq!(open(dear.as_bytes(), "pass"), Err(fault), "{cost}");
    }
    assert_eq!(open(&vec![b'a'; MAX_FILE + 1], ""), Err(AgeFault::Length));
    assert_eq!(
        seal(b"", "", MAX_LOG_N + 1),
        Err(AgeFault::Cost(MAX_LOG_N + 1))
    );
}

proptest! {
    #[test]
    fn no_bytes_bring_the_reader_down(bytes: Vec<u8>, header in "(age-encryption.org/v1\n)?(-> [ -~]{0,20}\n){0,3}(---)?( [A-Za-z+/]{0,44})?\n?") {
        let _ = open(&bytes, "");
        let _ = open(&[header.as_bytes(), &bytes].concat(), "");
        let _ = open(&[ARMOR_BEGIN.as_bytes(), b"\n", &bytes].concat(), "");
    }
}
