//! Exit 3: files, passphrases and words that are no wallet, or not a safe one.

use crate::{REFUSED, fails};
use sapwood_tests::{Home, Ran};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::process::Command;

/// A wallet `w` with a passphrase, and a way to open it with any.
fn wallet() -> (Home, impl Fn(&Home, &[&str], &str) -> Ran) {
    let home = Home::new();
    let open = |home: &Home, args: &[&str], pass: &str| {
        let file = home.path().join("pass");
        fs::write(&file, pass).unwrap();
        let mut command = home.command("dev", args);
        command
            .args(["--passphrase-fd", "0"])
            .stdin(File::open(file).unwrap());
        Ran::of(command.output().unwrap())
    };
    open(&home, &["wallet", "create", "--wallet", "w"], "right\n").expect(0);
    (home, open)
}

#[test]
fn row_9_a_wrong_passphrase_and_a_corrupt_file_are_told_in_the_same_words() {
    let (home, open) = wallet();
    let show = ["wallet", "address", "--wallet", "w"];
    open(&home, &show, "right").expect(0);
    open(&home, &show, "right\r\nmore").expect(0);
    let wrong = fails(|args| open(&home, args, "wrong"), &show, REFUSED);
    for pass in ["", "\n", "Right", "right ", &"x".repeat(1024)] {
        assert_eq!(
            fails(|args| open(&home, args, pass), &show, REFUSED),
            wrong,
            "{pass:?}"
        );
    }
    let file = home.data().join("dev/wallets/w");
    let good = fs::read(&file).unwrap();
    let mut bytes = good.clone();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert_eq!(
        fails(|args| open(&home, args, "right"), &show, REFUSED),
        wrong
    );
    fs::write(&file, good).unwrap();
    open(&home, &show, "right").expect(0);
}

#[test]
fn rows_11_to_15_files_that_are_no_safe_wallet_are_refused_and_left_as_they_are() {
    let (home, open) = wallet();
    let folder = home.data().join("dev/wallets");
    let show = |name: &str| {
        fails(
            |args| open(&home, args, "right"),
            &["wallet", "address", "--wallet", name],
            REFUSED,
        )
    };
    let make = |name: &str| {
        fails(
            |args| open(&home, args, "right"),
            &["wallet", "create", "--wallet", name],
            REFUSED,
        )
    };
    let before = fs::read(folder.join("w")).unwrap();

    assert_eq!(make("w")["code"], "wallet_exists", "15 exists already");
    fs::set_permissions(folder.join("w"), Permissions::from_mode(0o644)).unwrap();
    let mode = show("w");
    assert!(
        mode["message"].as_str().unwrap().contains("chmod 600"),
        "12 mode 0644: {mode}"
    );
    fs::set_permissions(folder.join("w"), Permissions::from_mode(0o600)).unwrap();

    symlink("w", folder.join("link")).unwrap();
    assert!(
        show("link")["message"]
            .as_str()
            .unwrap()
            .contains("symbolic link"),
        "14 symlink"
    );
    symlink("nowhere", folder.join("dangling")).unwrap();
    make("dangling");
    assert!(
        !folder.join("nowhere").exists(),
        "14 nothing is made through a link"
    );
    fs::create_dir(folder.join("folder")).unwrap();
    show("folder");
    make("folder");
    assert!(
        Command::new("mkfifo")
            .arg(folder.join("fifo"))
            .status()
            .unwrap()
            .success()
    );
    show("fifo");
    show("absent");

    let closed = fails(
        |args| home.run("dev", args),
        &["wallet", "address", "--wallet", "w"],
        REFUSED,
    );
    assert!(
        closed["hint"].as_str().unwrap().contains("--passphrase-fd"),
        "11 nobody can be asked: {closed}"
    );
    let closed = fails(
        |args| home.run("dev", args),
        &["wallet", "create", "--wallet", "new"],
        REFUSED,
    );
    assert!(
        closed["hint"].as_str().unwrap().contains("--passphrase-fd"),
        "11: {closed}"
    );
    assert!(!folder.join("new").exists());
    assert_eq!(fs::read(folder.join("w")).unwrap(), before);
}

#[test]
fn row_18_words_that_are_not_a_phrase_are_refused_and_said_which() {
    let (home, _) = wallet();
    let restore = |words: &str| {
        fs::write(home.path().join("words"), words).unwrap();
        let run = |args: &[&str]| {
            let program = home.command("dev", args);
            let mut command = Command::new("sh");
            command
                .args(["-c", "exec \"$0\" \"$@\" < words 3< pass"])
                .arg(program.get_program())
                .args(program.get_args());
            command.env_clear().envs(
                program
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
            Ran::of(command.current_dir(home.path()).output().unwrap())
        };
        fails(
            run,
            &[
                "wallet",
                "restore",
                "--wallet",
                "again",
                "--passphrase-fd",
                "3",
            ],
            REFUSED,
        )
    };
    let word = "abandon ";
    for (words, part) in [
        (word.repeat(11), "11 words"),
        (word.repeat(13), "13 words"),
        (word.repeat(12), "checksum"),
        (word.repeat(11) + "abuot", "abuot"),
        (String::new(), "0 words"),
    ] {
        let error = restore(&words);
        assert_eq!(error["code"], "bad_words");
        assert!(
            error["message"].as_str().unwrap().contains(part),
            "{part}: {error}"
        );
    }
    assert!(!home.data().join("dev/wallets/again").exists());
}
