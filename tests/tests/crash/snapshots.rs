//! Kills while a snapshot is written, by a command or by a node, and while one is taken over. What bears the final name is whole, and the next attempt succeeds.

use sapwood_tests::chain::{Branch, person, transfer};
use sapwood_tests::{Home, Numbers, StoreFiles};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Kills of each kind.
const KILLS: u64 = 16;

/// A home whose dev chain has some hundred accounts, and the chain itself.
fn home_with_accounts() -> (Home, Branch) {
    let home = Home::new();
    let node = home.node("dev", &["--no-dns"]);
    let (mut branch, miner) = (Branch::dev(), person(1));
    let mut blocks = branch.mine_empty(20, &miner, b"");
    for round in 0..20 {
        let pay = (0..10).map(|number| {
            let to = person(1_000 + 10 * round + number).id;
            branch.sign(&miner, number, vec![transfer(to, 2_000_000)])
        });
        let pay = pay.collect();
        blocks.push(branch.mine(&miner, b"", pay));
    }
    for block in &blocks {
        assert_eq!(node.submit_block(block).unwrap(), "connected");
    }
    assert_eq!(node.terminate(), 0);
    (home, branch)
}

/// The files of a snapshot.
#[derive(Debug, PartialEq, Eq)]
struct Files {
    top: StoreFiles,
    chunks: StoreFiles,
}

fn files(snapshot: &Path) -> Files {
    Files {
        top: StoreFiles::read(snapshot),
        chunks: StoreFiles::read(&snapshot.join("chunks")),
    }
}

/// Runs `sapwood --json snapshot ...` to its end.
#[track_caller]
fn snapshot(home: &Home, what: &str, dir: &Path, more: &[&str]) {
    let mut args = vec!["--json", "snapshot", what, dir.to_str().unwrap()];
    args.extend(more);
    home.run("dev", &args).expect(0);
}

/// How long a command takes here.
fn time_of(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Checks what a kill has left under the name of a snapshot: nothing, or a whole one, which is taken away again. Gives whether there was one.
#[track_caller]
fn check_left(home: &Home, dir: &Path) -> bool {
    if !dir.exists() {
        return false;
    }
    snapshot(home, "verify", dir, &[]);
    fs::remove_dir_all(dir).unwrap();
    true
}

#[test]
fn a_killed_command_leaves_no_half_snapshot_and_the_next_one_makes_it_whole() {
    let (home, _) = home_with_accounts();
    let (right, dir) = (home.path().join("right"), home.path().join("snapshot"));
    let usual = time_of(|| snapshot(&home, "write", &right, &[]));
    let right = files(&right);
    let mut numbers = Numbers::new(7);
    let mut whole = 0;
    for round in 0..KILLS {
        let args = ["--json", "snapshot", "write", dir.to_str().unwrap()];
        let writing = home.start("dev", &args);
        thread::sleep(numbers.moment(usual));
        writing.kill9();
        whole += u64::from(check_left(&home, &dir));
        // What an earlier kill has left is there for some of the attempts, and not for others.
        if round % 2 == 0 {
            snapshot(&home, "write", &dir, &[]);
            assert_eq!(files(&dir), right, "equal states make equal files");
            fs::remove_dir_all(&dir).unwrap();
        }
    }
    println!("{whole} of {KILLS} were whole before they were killed");
    assert!(whole < KILLS, "some kills fell into the writing");
}

#[test]
fn a_killed_node_leaves_no_half_snapshot_and_what_is_left_of_another_state_gets_into_none() {
    let (home, mut branch) = home_with_accounts();
    let dir = home.path().join("snapshot");
    let mut numbers = Numbers::new(8);
    let mut left = 0;
    for _ in 0..KILLS {
        let node = home.node("dev", &["--no-dns"]);
        let block = branch.mine(&person(1), b"", Vec::new());
        assert_eq!(node.submit_block(&block).unwrap(), "connected");
        node.get("snapshot_write", json!({ "dir": dir }));
        thread::sleep(numbers.moment(Duration::from_millis(80)));
        node.kill9();
        check_left(&home, &dir);
        left += u64::from(partial(&dir).exists());
    }
    println!("{left} of {KILLS} kills left a part of a snapshot");
    // A part of another state's, whether or not a kill has left one.
    let stale = partial(&dir).join("chunks").join("ab".repeat(32));
    fs::create_dir_all(stale.parent().unwrap()).unwrap();
    fs::write(&stale, "of another state").unwrap();
    snapshot(&home, "write", &dir, &[]);
    let other = home.path().join("other");
    snapshot(&home, "write", &other, &[]);
    assert_eq!(files(&dir), files(&other), "equal states make equal files");
    assert!(!partial(&dir).exists());
    snapshot(&home, "verify", &dir, &[]);
}

fn partial(dir: &Path) -> PathBuf {
    dir.with_extension("partial")
}

#[test]
fn a_killed_import_leaves_no_half_store_and_the_next_one_makes_it() {
    let (home, _) = home_with_accounts();
    let dir = home.path().join("snapshot");
    snapshot(&home, "write", &dir, &[]);
    let head = home.node("dev", &["--no-dns"]).head();
    let fresh = |number: u64| home.path().join(format!("fresh{number}"));
    let into = |number: u64| ["--data-dir".to_owned(), fresh(number).display().to_string()];
    let usual = time_of(|| {
        let [flag, data] = into(KILLS);
        snapshot(&home, "import", &dir, &[&flag, &data]);
    });
    let mut numbers = Numbers::new(9);
    let mut whole = 0;
    for round in 0..KILLS {
        let [flag, data] = into(round);
        let args = [
            "--json",
            &flag,
            &data,
            "snapshot",
            "import",
            dir.to_str().unwrap(),
        ];
        // Some are killed twice before they may end.
        for _ in 0..=round % 2 {
            let importing = home.start("dev", &args);
            thread::sleep(numbers.moment(usual));
            importing.kill9();
        }
        let store = fresh(round).join("dev/state");
        if store.exists() {
            whole += 1;
        } else {
            home.run("dev", &args).expect(0);
        }
        let node = home.node("dev", &["--no-dns", &flag, &data]);
        for field in ["height", "block", "state_root"] {
            assert_eq!(node.head()[field], head[field], "{field}");
        }
        assert_eq!(node.terminate(), 0);
    }
    println!("{whole} of {KILLS} were whole before they were killed");
    assert!(whole < KILLS, "some kills fell into the import");
}
