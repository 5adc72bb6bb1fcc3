//! Rows of the wallet that need a disk, a lock, a terminal or a node of their own.

use crate::{FAILED, REFUSED, STORAGE, USAGE, fails};
use rustix::fs::FlockOperation;
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use sapwood_tests::{Home, Ran};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a command whose passphrase comes on stdin.
fn with_pass(home: &Home, args: &[&str], pass: &str) -> Ran {
    let file = home.path().join("pass");
    fs::write(&file, pass).unwrap();
    let mut command = home.command("dev", args);
    command
        .args(["--passphrase-fd", "0"])
        .stdin(File::open(file).unwrap());
    Ran::of(command.output().unwrap())
}

#[test]
fn row_10_an_empty_passphrase_makes_no_wallet() {
    let home = Home::new();
    for pass in ["", "\n", "\r\n"] {
        let create = ["wallet", "create", "--wallet", "w"];
        let error = fails(|args| with_pass(&home, args, pass), &create, REFUSED);
        assert_eq!(error["code"], "weak_passphrase", "{error}");
    }
    assert!(!home.data().join("dev/wallets/w").exists());
}

/// Row 18 of the files: a stop in the middle of a read, and reads that give less than was asked for, make no difference.
#[test]
fn what_comes_byte_by_byte_to_a_process_that_is_stopped_meanwhile_is_read_whole() {
    let home = Home::new();
    let phrase = "a long passphrase that comes slowly";
    with_pass(&home, &["wallet", "create", "--wallet", "w"], phrase).expect(0);
    let mut command = home.command("dev", &["--json", "wallet", "address", "--wallet", "w"]);
    command.args(["--passphrase-fd", "0"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let id = rustix::process::Pid::from_child(&child);
    for byte in phrase.bytes() {
        stdin.write_all(&[byte]).unwrap();
        for signal in [Signal::STOP, Signal::CONT] {
            rustix::process::kill_process(id, signal).unwrap();
        }
    }
    drop(stdin);
    let answered = Ran::of(child.wait_with_output().unwrap()).expect(0).json();
    let whole = with_pass(
        &home,
        &["--json", "wallet", "address", "--wallet", "w"],
        phrase,
    );
    assert_eq!(answered, whole.expect(0).json());
}

#[test]
fn row_13_a_folder_that_everybody_may_write_to_is_refused_with_the_command_that_helps() {
    let home = Home::new();
    with_pass(&home, &["wallet", "create", "--wallet", "w"], "right").expect(0);
    let folder = home.data().join("dev/wallets");
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    for line in [
        ["wallet", "address", "--wallet", "w"],
        ["wallet", "create", "--wallet", "x"],
    ] {
        let error = fails(|args| with_pass(&home, args, "right"), &line, REFUSED);
        assert!(
            error["message"].as_str().unwrap().contains("chmod 700"),
            "{error}"
        );
    }
    assert!(!folder.join("x").exists());
}

#[test]
fn row_16_a_wallet_in_use_names_the_process_that_has_it() {
    let home = Home::new();
    with_pass(&home, &["wallet", "create", "--wallet", "w"], "right").expect(0);
    let path = home.data().join("dev/wallets/w.lock");
    let mut lock = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    writeln!(lock, "4711").unwrap();
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).unwrap();
    let error = fails(
        |args| with_pass(&home, args, "right"),
        &["wallet", "address", "--wallet", "w"],
        REFUSED,
    );
    assert_eq!(error["code"], "wallet_locked");
    assert!(
        error["message"].as_str().unwrap().contains("4711"),
        "{error}"
    );
}

#[test]
fn row_17_a_disk_that_is_full_at_creation_leaves_no_file() {
    let home = Home::new();
    home.run("dev", &["wallet", "create", "--wallet", "dev"])
        .expect(0);
    let run = |args: &[&str]| {
        let program = home.command("dev", args);
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\" --passphrase-fd 3 3< pass",
            ])
            .arg(program.get_program())
            .args(program.get_args())
            .env_clear()
            .envs(
                program
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        fs::write(home.path().join("pass"), "right").unwrap();
        Ran::of(
            command
                .current_dir(home.path())
                .stdin(Stdio::null())
                .output()
                .unwrap(),
        )
    };
    fails(run, &["wallet", "create", "--wallet", "w"], STORAGE);
    let names: Vec<_> = fs::read_dir(home.data().join("dev/wallets"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["dev"], "neither a wallet nor a part of one");
}

/// Answers every connection with the same bytes.
fn impostor(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(&answer);
        }
    });
    url
}

#[test]
fn row_28_what_is_no_node_is_told_from_one_whatever_it_answers() {
    let home = Home::new();
    home.run("dev", &["wallet", "create"]).expect(0);
    let http = |status: &str, more: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{more}\r\n{body}").into_bytes()
    };
    let huge =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n"
            .to_vec();
    for (what, answer) in [
        (
            "HTML",
            http("200 OK", "Content-Type: text/html\r\n", "<html>"),
        ),
        (
            "redirect",
            http("302 Found", "Location: http://127.0.0.1:1/\r\n", ""),
        ),
        ("100 MB", [huge, vec![b' '; 1 << 20]].concat()),
        (
            "another id",
            http("200 OK", "", r#"{"jsonrpc":"2.0","id":77,"result":{}}"#),
        ),
        ("nothing", Vec::new()),
        ("noise", vec![0xff; 512]),
    ] {
        let file = home.data().join("dev/rpc.json");
        let content = format!(
            "{{\"url\":\"{}\",\"cookie\":\"{}\"}}",
            impostor(answer),
            "ab".repeat(32)
        );
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let begun = Instant::now();
        let error = fails(|args| home.run("dev", args), &["wallet", "balance"], FAILED);
        assert!(
            ["bad_answer", "unreachable"].contains(&error["code"].as_str().unwrap()),
            "{what}: {error}"
        );
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
    }
}

#[test]
fn row_29_a_cookie_file_that_cannot_be_used_is_named() {
    let home = Home::new();
    home.run("dev", &["wallet", "create"]).expect(0);
    let file = home.data().join("dev/rpc.json");
    let content = format!(
        "{{\"url\":\"http://127.0.0.1:1/\",\"cookie\":\"{}\"}}",
        "ab".repeat(32)
    );
    for (mode, text) in [(0o644, &*content), (0o600, "{"), (0o600, "")] {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let error = fails(
            |args| home.run("dev", args),
            &["wallet", "balance"],
            STORAGE,
        );
        assert!(
            error["message"].as_str().unwrap().contains("rpc.json"),
            "{error}"
        );
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let error = fails(
        |args| home.run("dev", args),
        &["wallet", "balance"],
        STORAGE,
    );
    assert!(
        error["message"].as_str().unwrap().contains("rpc.json"),
        "{error}"
    );
    let line = [
        "--rpc",
        "http://127.0.0.1:1/",
        "--cookie-file",
        "nowhere.json",
        "wallet",
        "balance",
    ];
    let error = fails(|args| home.run("dev", args), &line, FAILED);
    assert!(
        error["message"].as_str().unwrap().contains("nowhere.json"),
        "{error}"
    );
}

/// Asks for a passphrase at a terminal of its own, and is interrupted by a key or by a signal.
#[test]
fn row_33_a_terminal_shows_what_is_typed_again_after_an_interruption() {
    let home = Home::new();
    for by_key in [true, false] {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let echoes = || {
            tcgetattr(&slave)
                .unwrap()
                .local_modes
                .contains(LocalModes::ECHO)
        };
        assert!(echoes());
        let program = home.command("dev", &["wallet", "create", "--wallet", "w"]);
        // A session of its own whose terminal this is.
        let Ok(mut child) = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .arg(program.get_program())
            .args(program.get_args())
            .env_clear()
            .envs(
                program
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave.try_clone().unwrap())
            .spawn()
        else {
            println!("skipped: `setsid` is not installed");
            return;
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while echoes() {
            assert!(Instant::now() < deadline, "it never asked");
            std::thread::sleep(Duration::from_millis(20));
        }
        if by_key {
            let mut keyboard = File::from(master.try_clone().unwrap());
            keyboard.write_all(b"half a pass\x03").unwrap();
        } else {
            let group = rustix::termios::tcgetpgrp(&master);
            let asking = group.unwrap_or_else(|_| panic!("the terminal has no process in front"));
            rustix::process::kill_process(asking, rustix::process::Signal::INT).unwrap();
        }
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it did not end");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(!ended.success(), "{ended}");
        assert!(echoes(), "by key: {by_key}");
        drop(master);
    }
    assert!(!home.data().join("dev/wallets/w").exists());
}

#[test]
fn row_8_a_key_given_as_a_file_name_is_not_repeated() {
    let home = Home::new();
    let key = "11".repeat(32);
    let error = fails(
        |args| home.run("dev", args),
        &["wallet", "import", &key],
        USAGE,
    );
    assert_eq!(error["code"], "key_on_command_line");
    assert!(!error.to_string().contains(&key));
}
