//! Files that are missing, empty, headless, or no files at all.

use crate::fixture::{
    CACHE, CHECKPOINT, Damaged, INDEX, LAST, Outcome, PAGE, SEALED, STORAGE, Seen, check_refusal,
    end, fixture, home_with, rows,
};
use rustix::fs::{CWD, Mode, mkfifoat};
use sapwood_tests::{StoreFile, StoreFiles};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// The files without which there is no store.
fn needed() -> Vec<&'static str> {
    let mut names = vec![CHECKPOINT, SEALED, LAST];
    names.extend(rows(&fixture().ended));
    names
}

/// The files that only save time.
const SPARE: [&str; 2] = [INDEX, CACHE];

fn damaged(name: &'static str, file: Option<StoreFile>, what: &str) -> Damaged {
    Damaged {
        right: &fixture().ended,
        name,
        file,
        may_be: vec![&fixture().seen],
        what: format!("{name}: {what}"),
    }
}

#[test]
fn a_file_that_is_missing_empty_or_headless_is_refused_or_not_needed() {
    for name in needed().into_iter().chain(SPARE) {
        let right = fixture().ended.file(name);
        let length = usize::try_from(right.length()).unwrap();
        let text = StoreFile::new(b"not what you look for\n".to_vec());
        let zeros = vec![0; usize::try_from(PAGE).unwrap()];
        let cases = [
            ("missing", None),
            ("empty", Some(StoreFile::default())),
            ("one byte", Some(right.resized(1))),
            ("half a page", Some(right.resized(PAGE / 2))),
            ("all zeros", Some(StoreFile::new(vec![0; length]))),
            ("a text", Some(text)),
            (
                "first page of zeros",
                Some(right.with(0, &zeros).resized(right.length())),
            ),
        ];
        for (what, file) in cases {
            let damaged = damaged(name, file, what);
            match (damaged.start(), needed().contains(&name)) {
                (Outcome::Refused(_), true) | (Outcome::Served, false) => {}
                (other, _) => panic!("{}: {other:?}", damaged.what),
            }
        }
    }
}

#[test]
fn without_its_last_page_or_with_garbage_behind_it_a_file_is_refused_or_served_as_it_was() {
    for name in needed() {
        let right = fixture().ended.file(name);
        let pages = right.used().div_ceil(PAGE);
        let garbage = vec![0xa5; 2 * usize::try_from(PAGE).unwrap()];
        for (what, file) in [
            (
                "its last page is missing",
                right.resized((pages - 1) * PAGE),
            ),
            (
                "it ends within its last page",
                right.resized(right.used() - 1),
            ),
            ("it grew by garbage", right.with(right.length(), &garbage)),
        ] {
            // Either answer is right, a state of its own making is not: that is what starting it checks.
            let outcome = damaged(name, Some(file), what).start();
            println!("{name}: {what}: {outcome:?}");
            if (name, what) == (LAST, "its last page is missing") {
                assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
            }
        }
    }
}

#[test]
fn an_undamaged_store_is_served_after_each_way_to_end() {
    let fixture = fixture();
    let images = [
        (&fixture.ended, &fixture.seen),
        (&fixture.killed, &fixture.seen),
        (&fixture.earlier, &fixture.seen_earlier),
    ];
    for (files, seen) in images {
        let home = home_with(files);
        for tree in ["fast", "lean", "fast"] {
            let node = home.node("dev", &["--no-dns", "--tree", tree]);
            assert_eq!(&Seen::of(&node), seen, "{tree}");
            end(node, tree);
        }
    }
}

#[test]
fn transactions_are_found_without_a_good_index_file() {
    let right = fixture().ended.file(INDEX);
    let noise = |offset: u64| {
        let bytes = vec![0x5a; usize::try_from(PAGE).unwrap()];
        right.with(offset, &bytes).resized(right.length())
    };
    let pages = right.length() / PAGE;
    // The table of transactions, at the end of the file, is looked at when somebody asks.
    for (what, file) in [
        ("whole", right.clone()),
        ("its head damaged", noise(0)),
        ("its last page damaged", noise((pages - 1) * PAGE)),
        ("empty", StoreFile::default()),
    ] {
        let home = home_with(&fixture().ended.with(INDEX, file));
        let node = home.node("dev", &["--no-dns"]);
        for txid in &fixture().old_txids {
            let found = node.get("tx_status", json!({ "txid": txid }));
            assert_eq!(found["status"], "confirmed", "{what}: {txid}");
        }
        let unknown = node.get("tx_status", json!({ "txid": "ab".repeat(32) }));
        assert_eq!(unknown["status"], "unknown", "{what}");
        end(node, what);
    }
}

/// Puts something that is no regular file in the place of a path, which is taken away, and what it points at.
type Put<'a> = &'a dyn Fn(&Path);

#[test]
fn what_is_no_regular_file_is_neither_followed_nor_replaced() {
    for name in needed() {
        let home = home_with(&fixture().ended);
        let path = home.store("dev").join(name);
        let elsewhere = home.path().join("elsewhere");
        let right = fixture().ended.file(name);
        right.write(&elsewhere);
        let puts: [(&str, Put<'_>); 6] = [
            ("directory", &|path| fs::create_dir(path).unwrap()),
            ("symbolic link", &|path| symlink(&elsewhere, path).unwrap()),
            ("symbolic link", &|path| {
                symlink(home.path().join("nowhere"), path).unwrap()
            }),
            ("symbolic link", &|path| symlink("/dev/full", path).unwrap()),
            ("socket", &|path| drop(UnixListener::bind(path).unwrap())),
            ("pipe", &|path| {
                mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap()
            }),
        ];
        for (kind, put) in puts {
            fs::remove_file(&path)
                .or_else(|_| fs::remove_dir(&path))
                .unwrap();
            put(&path);
            let before = fs::symlink_metadata(&path).unwrap();
            let ran = home.start_node("dev", &["--no-dns"]).wait();
            let message = check_refusal(&home, &ran, name, kind);
            assert!(message.contains(kind), "it says what it found: {message}");
            let after = fs::symlink_metadata(&path).unwrap();
            assert_eq!((before.ino(), before.mode()), (after.ino(), after.mode()));
        }
        assert!(!home.path().join("nowhere").exists());
        fs::remove_file(&path).unwrap();
        fs::rename(&elsewhere, &path).unwrap();
        let kept = StoreFiles::read(&home.store("dev"));
        assert!(
            kept.file(name) == right,
            "nothing was written through the link"
        );
        let node = home.node("dev", &["--no-dns"]);
        assert_eq!(Seen::of(&node), fixture().seen, "{name}");
        end(node, name);
    }
}

#[test]
fn what_only_saves_time_may_be_anything() {
    for name in SPARE {
        let puts: [(&str, Put<'_>); 3] = [
            ("a directory", &|path| fs::create_dir(path).unwrap()),
            ("a link", &|path| symlink("/dev/null", path).unwrap()),
            ("a pipe", &|path| {
                mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap()
            }),
        ];
        for (kind, put) in puts {
            let home = home_with(&fixture().ended.without(name));
            put(&home.store("dev").join(name));
            for _ in 0..2 {
                let node = home.node("dev", &["--no-dns"]);
                assert_eq!(Seen::of(&node), fixture().seen, "{name} is {kind}");
                end(node, kind);
            }
        }
    }
}

#[test]
fn a_store_that_is_no_directory_is_refused_and_left_alone() {
    let home = home_with(&fixture().ended);
    let (path, elsewhere) = (home.store("dev"), home.path().join("elsewhere"));
    fs::rename(&path, &elsewhere).unwrap();
    let puts: [(&str, Put<'_>); 4] = [
        ("regular file", &|path| fs::write(path, "precious").unwrap()),
        ("symbolic link", &|path| symlink(&elsewhere, path).unwrap()),
        ("symbolic link", &|path| {
            symlink(home.path().join("nowhere"), path).unwrap()
        }),
        ("pipe", &|path| {
            mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap()
        }),
    ];
    for (kind, put) in puts {
        put(&path);
        let before = fs::symlink_metadata(&path).unwrap();
        let ran = home.start_node("dev", &["--no-dns"]).wait().expect(STORAGE);
        let message = check_refusal(&home, &ran, "state", kind);
        assert!(message.contains(kind), "it says what it found: {message}");
        let after = fs::symlink_metadata(&path).unwrap();
        assert_eq!((before.ino(), before.len()), (after.ino(), after.len()));
        fs::remove_file(&path).unwrap();
    }
    assert!(!home.path().join("nowhere").exists());
    fs::create_dir(&path).unwrap();
    let ran = home.start_node("dev", &["--no-dns"]).wait();
    check_refusal(&home, &ran, CHECKPOINT, "an empty directory");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    fs::remove_dir(&path).unwrap();
    fs::rename(&elsewhere, &path).unwrap();
    assert_eq!(Seen::of(&home.node("dev", &["--no-dns"])), fixture().seen);
}
