//! What is printed: completions, man pages, and what happens if nobody reads it.

use crate::common::FastChain;
use crate::{FAILED, STORAGE, USAGE, fails};
use sapwood_tests::{Home, Ran};
use std::fs::{self};

#[test]
fn completions_and_man_pages_are_made_of_the_help() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.run("", &["completions", shell]).expect(0);
        for word in ["sapwood", "standing-order", "--passphrase-fd"] {
            let word = if shell == "fish" {
                word.trim_start_matches('-')
            } else {
                word
            };
            assert!(script.stdout.contains(word), "{shell} lacks {word}");
        }
        assert_eq!(
            home.run("", &["--json", "completions", shell])
                .expect(0)
                .json()["shell"],
            shell
        );
    }
    fails(|args| home.run("", args), &["completions", "csh"], USAGE);
    fails(|args| home.run("", args), &["man", "nowhere"], STORAGE);
    fs::create_dir(home.path().join("man")).unwrap();
    assert_eq!(home.run("", &["man", "man"]).expect(0).stdout, "");
    for page in [
        "sapwood",
        "sapwood-name-register",
        "sapwood-wallet-send",
        "sapwood-limit-set",
        "sapwood-dev",
    ] {
        let text = fs::read_to_string(home.path().join(format!("man/{page}.1"))).unwrap();
        assert!(text.contains(".SH"), "{page}");
    }
    let help = home.run("", &["name", "register", "--help"]).expect(0);
    assert!(help.stdout.contains("Example:") && help.stderr.is_empty());
    assert!(
        home.run("", &["--version"])
            .expect(0)
            .stdout
            .starts_with("sapwood 0.")
    );
}

#[test]
fn row_32_a_reader_that_went_away_is_exit_1_and_no_panic() {
    let chain = FastChain::new();
    for args in [
        &["status"][..],
        &["wallet", "accounts"],
        &["wallet", "history"],
        &["name", "show", "alice"],
        &["rpc", "chain_head"],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["--help"],
        &["name", "--help"],
    ] {
        for json in [&[][..], &["--json"]] {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let mut command = chain.home.command("dev", &[json, args].concat());
            let ran = Ran::of(command.stdout(writer).output().unwrap());
            assert_eq!(ran.code, Some(FAILED), "{args:?}: {ran:?}");
            assert!(!ran.stderr.contains("panicked"), "{args:?}: {ran:?}");
        }
    }
    // A server that nobody listens to goes on: the node answers, though its ready line was lost.
    assert!(chain.server.height() > 0);
}
