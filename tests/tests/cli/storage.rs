//! Files and directories that are not as they should be, seen from outside: exit 4 with the file's name, and everything left as it was; or the node goes on.
//!
//! Row numbers are those of the project's list of bad files. Damage to the store's own files is in the tests of that name.

use crate::{STORAGE, fails};
use sapwood_tests::chain::{Branch, person};
use sapwood_tests::{Home, Ran, Server, StoreFiles};
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn submit(node: &Server, branch: &mut Branch, count: u64) {
    for block in branch.mine_empty(count, &person(1), b"") {
        assert_eq!(node.submit_block(&block).unwrap(), "connected");
    }
}

/// A `sapwood` command of this home, run by a shell after `before`, so that limits and rights of the process can be set.
fn after(home: &Home, before: &str, args: &[&str]) -> Ran {
    let program = home.command("dev", args);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before} \"$0\" \"$@\"")]);
    command.arg(program.get_program()).args(program.get_args());
    command.env_clear();
    let variables = program.get_envs();
    command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    Ran::of(command.current_dir(home.path()).output().unwrap())
}

#[test]
fn row_1_a_missing_data_directory_is_made_for_its_owner_only() {
    let home = Home::new();
    let node = home.node("dev", &["--no-dns"]);
    for folder in [home.data().join("dev"), home.store("dev")] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    for file in [
        "dev/rpc.json",
        "dev/state/checkpoint.redb",
        "dev/state/00000000.seg",
    ] {
        assert_eq!(mode(&home.data().join(file)), 0o600, "{file}");
    }
    assert_eq!(node.terminate(), 0);
}

#[test]
fn rows_2_and_3_what_cannot_be_written_is_named_and_left_alone() {
    let home = Home::new();
    assert_eq!(home.node("dev", &["--no-dns"]).terminate(), 0);
    let (folder, store) = (home.data().join("dev"), home.store("dev"));
    let files = StoreFiles::read(&store);
    let node = ["--json", "node", "--ports", "auto", "--no-dns"];
    // Root may write everything, so another user has to try: one whose directory it is not.
    let before = match rustix::process::geteuid().is_root() {
        true => "exec setpriv --reuid=65534 --regid=65534 --clear-groups",
        false => "exec",
    };
    let open = |mode: u32| {
        for path in [
            home.path(),
            &home.path().join("data"),
            &home.data(),
            &folder,
            &store,
        ] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
    };
    open(0o755);
    let can_run = after(&home, before, &["--version"]).code == Some(0);
    if !can_run {
        println!("skipped: the program cannot be run as another user here");
        return;
    }
    open(0o555);
    let ran = after(&home, before, &node).expect(STORAGE);
    open(0o755);
    let error = &ran.json()["error"];
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(folder.to_str().unwrap()), "{error}");
    assert!(StoreFiles::read(&store) == files, "nothing was changed");
    assert_eq!(home.node("dev", &["--no-dns"]).terminate(), 0);
}

#[test]
fn row_4_a_data_directory_that_anybody_may_write_is_warned_of() {
    let home = Home::new();
    let folder = home.data().join("dev");
    fs::create_dir_all(&folder).unwrap();
    for (mode, warned) in [(0o777, true), (0o755, false), (0o700, false)] {
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        let node = home.node("dev", &["--no-dns"]);
        let ran = node.stop_by(rustix::process::Signal::TERM).expect(0);
        assert_eq!(
            ran.stderr.contains("other users may write"),
            warned,
            "{mode:o}: {ran:?}"
        );
    }
}

#[test]
fn rows_15_and_16_without_room_nothing_is_left_and_the_next_start_works() {
    let home = Home::new();
    let node = ["--json", "node", "--ports", "auto", "--no-dns"];
    // A limit on the length of a file, which is what a full disk and a quota look like to who writes.
    let ran = after(&home, "trap '' XFSZ; ulimit -f 100; exec", &node).expect(STORAGE);
    let error = ran.json()["error"].clone();
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    assert!(
        error["message"].as_str().unwrap().contains("state"),
        "{error}"
    );
    assert!(!home.store("dev").exists(), "no half store");
    let mut branch = Branch::dev();
    let started = home.node("dev", &["--no-dns"]);
    submit(&started, &mut branch, 3);
    let head = started.head();
    assert_eq!(started.terminate(), 0);
    // And with a store that was good, a start without room changes nothing in it.
    after(&home, "trap '' XFSZ; ulimit -f 0; exec", &node).expect(STORAGE);
    let again = home.node("dev", &["--no-dns"]);
    assert_eq!(again.head(), head);
    assert_eq!(again.terminate(), 0);
}

#[test]
fn row_15_a_full_file_system_is_named_and_leaves_no_half_store() {
    let home = Home::new();
    let small = home.path().join("small");
    fs::create_dir(&small).unwrap();
    // A file system of one megabyte, in a name space of its own where the system allows that.
    let mount = "exec unshare --user --map-root-user --mount sh -c 'mount -t tmpfs -o size=1m tmpfs small && exec \"$0\" \"$@\"'";
    if after(&home, mount, &["--version"]).code != Some(0) {
        println!("skipped: no file system can be mounted here");
        return;
    }
    let small = small.to_str().unwrap();
    let node = [
        "--json",
        "--data-dir",
        small,
        "node",
        "--ports",
        "auto",
        "--no-dns",
    ];
    let ran = after(&home, mount, &node).expect(STORAGE);
    assert!(
        ran.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("small"),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
}

#[test]
fn row_19_a_store_that_is_moved_away_while_it_is_open_stays_whole() {
    let home = Home::new();
    let mut branch = Branch::dev();
    let node = home.node("dev", &["--no-dns"]);
    submit(&node, &mut branch, 5);
    let (store, away) = (home.store("dev"), home.path().join("away"));
    fs::rename(&store, &away).unwrap();
    fs::create_dir(&store).unwrap();
    let foreign = store.join("00000000.seg");
    fs::write(&foreign, "precious").unwrap();
    submit(&node, &mut branch, 5);
    let head = node.head();
    let ran = node.stop_by(rustix::process::Signal::TERM);
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    assert_eq!(
        fs::read(&foreign).unwrap(),
        b"precious",
        "what took its place is untouched"
    );
    fs::remove_dir_all(&store).unwrap();
    fs::rename(&away, &store).unwrap();
    let node = home.node("dev", &["--no-dns"]);
    assert_eq!(node.head(), head, "all that was acknowledged is there");
    assert_eq!(node.terminate(), 0);
}

#[test]
fn row_20_times_of_files_mean_nothing() {
    let home = Home::new();
    let mut branch = Branch::dev();
    let node = home.node("dev", &["--no-dns"]);
    submit(&node, &mut branch, 5);
    let head = node.head();
    assert_eq!(node.terminate(), 0);
    let epoch = SystemTime::UNIX_EPOCH;
    for time in [epoch, epoch + Duration::from_secs(4_102_444_800)] {
        for entry in fs::read_dir(home.store("dev")).unwrap() {
            let file = File::options()
                .write(true)
                .open(entry.unwrap().path())
                .unwrap();
            let times = FileTimes::new().set_modified(time).set_accessed(time);
            file.set_times(times).unwrap();
        }
        let node = home.node("dev", &["--no-dns"]);
        assert_eq!(node.head(), head);
        assert_eq!(node.terminate(), 0);
    }
}

#[test]
fn row_26_a_cookie_that_is_a_link_is_not_followed() {
    let home = Home::new();
    let victim = home.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let endpoint = home.data().join("dev/rpc.json");
    fs::create_dir_all(endpoint.parent().unwrap()).unwrap();
    symlink(&victim, &endpoint).unwrap();
    let start = ["node", "--ports", "auto", "--no-dns"];
    let refused = fails(|args| home.run("dev", args), &start, STORAGE);
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("rpc.json is a link"),
        "{refused}"
    );
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert_eq!(fs::read_link(&endpoint).unwrap(), victim);
    fs::remove_file(&endpoint).unwrap();
    let node = home.node("dev", &["--no-dns"]);
    // A client follows no link either, even to a good file.
    let good = home.path().join("good.json");
    fs::copy(&endpoint, &good).unwrap();
    let link = home.path().join("link.json");
    symlink(&good, &link).unwrap();
    let run = |args: &[&str]| home.run("dev", args);
    let error = fails(run, &["--cookie-file", "link.json", "status"], STORAGE);
    assert!(
        error["message"].as_str().unwrap().contains("link.json"),
        "{error}"
    );
    assert_eq!(node.terminate(), 0);
}

#[test]
fn row_39_a_log_that_nobody_takes_any_more_does_not_stop_the_node() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let args = [
        "--json", "--log", "trace", "node", "--ports", "auto", "--no-dns",
    ];
    let mut command = home.command("dev", &args);
    let mut child = command
        .stderr(writer)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(command);
    drop(reader);
    let answers = || home.run("dev", &["--json", "rpc", "chain_head"]).code == Some(0);
    let start = std::time::Instant::now();
    while !answers() {
        assert!(
            start.elapsed() < sapwood_tests::PATIENCE,
            "it does not get ready"
        );
        assert_eq!(child.try_wait().unwrap(), None, "it ended");
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn row_40_what_a_crash_left_is_cleaned_up_if_it_is_ours_and_stays_if_not() {
    let home = Home::new();
    let folder = home.data().join("dev");
    fs::create_dir_all(folder.join(".state.new")).unwrap();
    fs::write(folder.join(".state.new/00000000.seg"), "half").unwrap();
    fs::write(folder.join("core"), "not ours").unwrap();
    fs::write(folder.join("notes.tmp"), "not ours").unwrap();
    assert_eq!(home.node("dev", &["--no-dns"]).terminate(), 0);
    assert!(!folder.join(".state.new").exists());
    for foreign in ["state/core", "state/notes.tmp", "state/.swp"] {
        fs::write(folder.join(foreign), "not ours").unwrap();
    }
    assert_eq!(home.node("dev", &["--no-dns"]).terminate(), 0);
    for foreign in [
        "core",
        "notes.tmp",
        "state/core",
        "state/notes.tmp",
        "state/.swp",
    ] {
        assert_eq!(
            fs::read(folder.join(foreign)).unwrap(),
            b"not ours",
            "{foreign}"
        );
    }
}

#[test]
fn the_help_of_the_node_says_what_to_do_after_exit_code_4() {
    let home = Home::new();
    let help = home.run("", &["node", "--help"]).expect(0).stdout;
    assert!(
        help.contains("exit code 4") && help.contains("snapshot import"),
        "{help}"
    );
}
