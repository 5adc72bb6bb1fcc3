//! What needs a process of its own: limits, umask, and the memory that stays behind.
//!
//! Each test starts this test program again for itself alone, with an environment variable that
//! tells the child what it is; the child's part stands at the top of the test.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

use super::super::{FileFault, harden_process};
use super::*;
use crate::keys::AccountKey;

/// Tells a child that it is one, and what it has to work on.
const CHILD: &str = "SAPWOOD_WALLET_TEST_CHILD";

/// Runs `test` of this module in a child, after `setup` in the shell.
fn spawn(test: &str, setup: &str, work: &str) -> Child {
    let script = format!("{setup}\nexec \"$0\" \"$@\"");
    let test = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture", "--test-threads=1"])
        .env(CHILD, work)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn succeed(child: Child) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[test]
fn storage_that_fills_up_during_creation_leaves_no_file() {
    if let Some(path) = std::env::var_os(CHILD) {
        let mut secrets = secrets();
        for index in 1..100 {
            secrets
                .add_account(index, &format!("account {index}"))
                .unwrap();
        }
        let result = WalletFile::create(
            path.as_ref(),
            &secrets,
            PASSPHRASE,
            PassphraseRule::Strong,
            CHEAP,
        );
        assert!(
            matches!(
                result,
                Err(CreateWallet::File(FileFault::Io {
                    action: "write",
                    ..
                }))
            ),
            "{result:?}"
        );
        return;
    }
    // A limit on the length of files stops the write half way, as a full disk does; the process
    // survives its signal.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main");
    let test = "storage_that_fills_up_during_creation_leaves_no_file";
    succeed(spawn(
        test,
        "trap '' XFSZ; ulimit -f 1",
        path.to_str().unwrap(),
    ));
    assert!(names(folder.path()).is_empty());
}

#[test]
fn the_umask_neither_opens_nor_cripples_the_file() {
    if let Some(path) = std::env::var_os(CHILD) {
        drop(create(path.as_ref()).unwrap());
        return;
    }
    for umask in ["000", "022", "077", "277"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("main");
        let setup = format!("umask {umask}");
        succeed(spawn(
            "the_umask_neither_opens_nor_cripples_the_file",
            &setup,
            path.to_str().unwrap(),
        ));
        assert_eq!(
            fs::metadata(&path).unwrap().mode() & 0o7777,
            0o600,
            "{umask}"
        );
        WalletFile::open(&path, PASSPHRASE).unwrap();
    }
}

#[test]
fn a_hardened_process_leaves_no_core_and_cannot_be_traced() {
    if std::env::var_os(CHILD).is_some() {
        harden_process().unwrap();
        let core = getrlimit(Resource::Core);
        assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        return;
    }
    succeed(spawn(
        "a_hardened_process_leaves_no_core_and_cannot_be_traced",
        "",
        "harden",
    ));
}

/// The child uses a wallet and drops it; the parent looks through the child's memory before and
/// after.
#[test]
fn a_dropped_wallet_leaves_no_secret_in_memory() {
    if let Some(work) = std::env::var_os(CHILD) {
        let held = use_wallet(work.to_str().unwrap());
        pause();
        drop(held);
        pause();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main");
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).unwrap();
    let words = Words::from_entropy(&entropy).unwrap();
    let secrets = WalletSecrets::from_words("dev", &words, "").unwrap();
    drop(WalletFile::create(&path, &secrets, PASSPHRASE, PassphraseRule::Strong, CHEAP).unwrap());
    let patterns = [
        entropy.to_vec(),
        hex::encode(entropy).into_bytes(),
        words.phrase().as_bytes().to_vec(),
        words.seed("").as_bytes().to_vec(),
        secrets_key(&secrets),
    ];

    let mut child = spawn(
        "a_dropped_wallet_leaves_no_secret_in_memory",
        "",
        path.to_str().unwrap(),
    );
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut hits = || {
        assert!(
            lines
                .by_ref()
                .map_while(Result::ok)
                .any(|line| line == PAUSE),
            "the child failed"
        );
        let hits = patterns
            .each_ref()
            .map(|pattern| count_in_memory(child.id(), pattern));
        input.write_all(b"\n").unwrap();
        hits
    };
    // What is held must be found, or finding nothing afterwards would prove nothing.
    let held = hits();
    assert!(held[0] > 0 && held[4] > 0, "{held:?}");
    assert_eq!(
        hits(),
        [0; 5],
        "entropy, its hexadecimal form, phrase, seed, secret key"
    );
    assert!(lines.all(|line| line.is_ok()));
    assert!(child.wait().unwrap().success());
}

/// What a child says when its parent may look at it.
const PAUSE: &str = "paused";

/// Stops until the parent has looked.
fn pause() {
    println!("\n{PAUSE}");
    std::io::stdin().read_exact(&mut [0]).unwrap();
}

/// Does what commands do with a wallet and returns the secrets that it still holds.
fn use_wallet(path: &str) -> (WalletFile, WalletSecrets, AccountKey) {
    let (file, mut secrets) = WalletFile::open(path.as_ref(), PASSPHRASE).unwrap();
    secrets.add_account(0, "").unwrap();
    assert!(!secrets.words().unwrap().phrase().is_empty());
    secrets.service_key(0).unwrap();
    file.save(&secrets).unwrap();
    let key = secrets.key(0).unwrap();
    (file, secrets, key)
}

/// The secret key of account 0 as the signing library keeps it in memory.
fn secrets_key(secrets: &WalletSecrets) -> Vec<u8> {
    let mut secrets = secrets.clone();
    secrets.add_account(0, "").unwrap();
    secrets.key(0).unwrap().secret().to_vec()
}

/// How often `pattern` stands in the memory that process `pid` can write to.
fn count_in_memory(pid: u32, pattern: &[u8]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut hits = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, rest) = line.split_once('-').unwrap();
        let start = u64::from_str_radix(start, 16).unwrap();
        let end = u64::from_str_radix(rest.split(' ').next().unwrap(), 16).unwrap();
        let mut content = vec![0; usize::try_from(end - start).unwrap()];
        memory.seek(SeekFrom::Start(start)).unwrap();
        if memory.read_exact(&mut content).is_ok() {
            hits += content
                .windows(pattern.len())
                .filter(|window| window == &pattern)
                .count();
        }
    }
    hits
}
