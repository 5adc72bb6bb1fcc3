//! The journal of registrations: changes, damage, bounds.

use std::os::unix::fs::{MetadataExt, symlink};

use super::super::lock::FileLock;
use super::super::place::Folder;
use super::super::{FileFault, JournalFault, PendingRegistrations, Registration, Stage};
use super::*;

fn entry(name: &str) -> Registration {
    Registration {
        name: name.to_owned(),
        account_index: 3,
        salt: [0xa5; 32],
        years: 2,
        max_price: u64::MAX,
        commit_txid: [1; 32],
        commitment: [2; 32],
        valid_until: 1_440,
        stage: Stage::Prepared,
    }
}

fn journal() -> (TempDir, PathBuf, PendingRegistrations) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.pending");
    let journal = PendingRegistrations::open(&path).unwrap();
    (folder, path, journal)
}

#[test]
fn entries_return_in_order_after_opening_again() {
    let (folder, path, journal) = journal();
    assert!(journal.list().unwrap().is_empty());
    for name in ["b", "a", "c"] {
        journal.put(entry(name)).unwrap();
    }
    let again = PendingRegistrations::open(&path).unwrap();
    assert_eq!(again.list().unwrap(), ["b", "a", "c"].map(entry));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(names(folder.path()), ["main.pending"]);
}

#[test]
fn an_entry_replaces_the_one_with_its_name_and_leaves_when_removed() {
    let (_folder, _path, journal) = journal();
    journal.put(entry("a")).unwrap();
    journal.put(entry("b")).unwrap();
    let later = Registration {
        stage: Stage::Committed,
        ..entry("a")
    };
    journal.put(later.clone()).unwrap();
    assert_eq!(journal.list().unwrap(), [later, entry("b")]);
    assert!(journal.remove("a").unwrap());
    assert!(!journal.remove("a").unwrap());
    assert_eq!(journal.list().unwrap(), [entry("b")]);
}

#[test]
fn the_form_of_the_file_is_the_documented_one() {
    let (_folder, path, journal) = journal();
    journal.put(entry("a")).unwrap();
    let expected = format!(
        r#"{{"schema":1,"pending":[{{"name":"a","account_index":3,"salt":"{}","years":2,"max_price":18446744073709551615,"commit_txid":"{}","commitment":"{}","valid_until":1440,"stage":"prepared"}}]}}"#,
        "a5".repeat(32),
        "01".repeat(32),
        "02".repeat(32)
    );
    assert_eq!(fs::read_to_string(path).unwrap(), expected);
}

#[test]
fn a_damaged_journal_is_named_and_never_overwritten() {
    let (_folder, path, journal) = journal();
    journal.put(entry("a")).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let (head, tail) = good.split_at(good.len() / 2);
    let one = &good[good.find("[{").unwrap() + 1..good.len() - 2];
    for bad in [
        String::new(),
        head.to_owned(),
        format!("{good}{good}"),
        format!("{head}\0{tail}"),
        good.replace("a5a5", "a5"),
        good.replace("a5a5", "zza5"),
        good.replace(r#""schema":1"#, r#""schema":0"#),
        good.replace(r#""years""#, r#""later":1,"years""#),
        good.replace(r#""name":"a""#, r#""name":"""#),
        good.replace(r#""name":"a""#, r#""name":"a\u001b""#),
        good.replace(one, &format!("{one},{one}")),
    ] {
        fs::write(&path, &bad).unwrap();
        for fault in [
            PendingRegistrations::open(&path).unwrap_err(),
            journal.list().unwrap_err(),
            journal.put(entry("b")).unwrap_err(),
            journal.remove("a").unwrap_err(),
        ] {
            let text = fault.to_string();
            assert!(matches!(fault, JournalFault::Damaged { .. }), "{text}");
            assert!(
                text.contains(path.to_str().unwrap())
                    && text.contains("derived again from the words"),
                "{text}"
            );
            assert!(!text.contains("a5a5"), "{text}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), bad);
    }
}

#[test]
fn every_truncation_is_damage() {
    let (_folder, path, journal) = journal();
    journal.put(entry("a")).unwrap();
    let good = fs::read(&path).unwrap();
    for len in 0..good.len() {
        fs::write(&path, &good[..len]).unwrap();
        assert!(
            matches!(journal.list(), Err(JournalFault::Damaged { .. })),
            "{len} bytes"
        );
    }
}

#[test]
fn a_newer_schema_is_named_whatever_it_contains() {
    let (_folder, path, journal) = journal();
    journal.put(entry("a")).unwrap();
    fs::write(&path, r#"{"schema": 2, "waiting": {}}"#).unwrap();
    assert!(matches!(
        journal.list(),
        Err(JournalFault::Newer { schema: 2, .. })
    ));
}

#[test]
fn the_ten_thousandth_entry_is_the_last_and_the_fullest_journal_can_be_read() {
    let (_folder, path, journal) = journal();
    journal.put(entry("x")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let one = &text[text.find("[{").unwrap() + 1..text.len() - 2];
    // Quotation marks take two bytes each in JSON, so these are the longest names.
    let entries: Vec<_> = (0..10_000)
        .map(|n| one.replace("\"x\"", &format!("\"{n:05}{}\"", "\\\"".repeat(58))))
        .collect();
    fs::write(&path, text.replace(one, &entries.join(","))).unwrap();
    assert_eq!(journal.list().unwrap().len(), 10_000);
    assert!(matches!(journal.put(entry("y")), Err(JournalFault::Full)));
    journal.put(journal.list().unwrap().pop().unwrap()).unwrap();
    fs::write(
        &path,
        text.replace(one, &format!("{},{one}", entries.join(","))),
    )
    .unwrap();
    assert!(matches!(journal.list(), Err(JournalFault::Damaged { .. })));
}

#[test]
fn names_that_no_chain_has_are_refused() {
    let (_folder, path, journal) = journal();
    for name in ["", "a b", "a\n", "é", &"x".repeat(64)] {
        assert!(
            matches!(journal.put(entry(name)), Err(JournalFault::Name)),
            "{name:?}"
        );
    }
    assert!(!path.exists());
}

#[test]
fn unfit_files_are_refused_and_leftovers_go() {
    let (folder, path, journal) = journal();
    fs::write(folder.path().join(".main.pending.new"), "half").unwrap();
    journal.put(entry("a")).unwrap();
    assert_eq!(names(folder.path()), ["main.pending"]);
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    let fault = PendingRegistrations::open(&link).unwrap_err();
    assert!(matches!(fault, JournalFault::File(FileFault::Kind { .. })));
}

#[test]
fn a_change_waits_for_the_lock_and_two_writers_lose_nothing() {
    let (_folder, path, _) = journal();
    let (folder, name) = Folder::of(&path).unwrap();
    let lock = FileLock::acquire(&folder, &name).unwrap();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let path = path.clone();
            std::thread::spawn(move || {
                let journal = PendingRegistrations::open(&path).unwrap();
                for number in 0..5 {
                    journal.put(entry(&format!("{writer}-{number}"))).unwrap();
                }
            })
        })
        .collect();
    assert!(!path.exists(), "nobody may write while the lock is held");
    drop(lock);
    writers
        .into_iter()
        .for_each(|writer| writer.join().unwrap());
    assert_eq!(
        PendingRegistrations::open(&path)
            .unwrap()
            .list()
            .unwrap()
            .len(),
        20
    );
}

#[test]
fn debug_does_not_show_the_salt() {
    let text = format!("{:?}", entry("a"));
    assert!(!text.contains("165") && !text.contains("a5a5"), "{text}");
}
