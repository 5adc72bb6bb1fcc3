//! Files that were written as they are, and do not belong here: of another chain, another time, another release.

use crate::fixture::{
    CACHE, CHECKPOINT, Damaged, INDEX, LAST, Outcome, SEALED, Seen, check_refusal, check_unchanged,
    end, fixture, home_with, rows,
};
use sapwood_tests::{Home, StoreFile, StoreFiles};

/// The store with one file from elsewhere.
fn with(right: &'static StoreFiles, name: &'static str, file: &StoreFile, what: &str) -> Damaged {
    Damaged {
        right,
        name,
        file: Some(file.clone()),
        may_be: vec![&fixture().seen],
        what: format!("{name} {what}"),
    }
}

#[track_caller]
fn refused(damaged: &Damaged, words: &str) {
    match damaged.start() {
        Outcome::Refused(message) => {
            assert!(message.contains(words), "{}: {message}", damaged.what)
        }
        other => panic!("{} is not refused: {other:?}", damaged.what),
    }
}

#[track_caller]
fn served(damaged: &Damaged) {
    match damaged.start() {
        Outcome::Served => {}
        other => panic!("{} is not served: {other:?}", damaged.what),
    }
}

#[test]
fn files_of_another_chain_are_refused_or_not_used() {
    let home = Home::new();
    assert_eq!(home.node("tour", &["--no-dns"]).terminate(), 0);
    let other = StoreFiles::read(&home.store("tour"));
    let right = &fixture().ended;
    refused(
        &with(
            right,
            CHECKPOINT,
            other.file(CHECKPOINT),
            "of another chain",
        ),
        "another chain",
    );
    refused(
        &with(right, SEALED, other.file(SEALED), "of another chain"),
        "belongs to the chain with genesis",
    );
    refused(
        &with(right, LAST, other.file(SEALED), "of another chain"),
        "belongs to the chain with genesis",
    );
    for name in rows(right) {
        let file = other.file(rows(&other)[0]);
        refused(
            &with(right, name, file, "of another chain"),
            "another chain",
        );
    }
    served(&with(right, CACHE, other.file(CACHE), "of another chain"));
}

#[test]
fn a_whole_store_of_another_chain_is_refused() {
    let home = Home::new();
    assert_eq!(home.node("tour", &["--no-dns"]).terminate(), 0);
    let other = StoreFiles::read(&home.store("tour"));
    let home = home_with(&other);
    let ran = home.start_node("dev", &["--no-dns"]).wait();
    let message = check_refusal(&home, &ran, CHECKPOINT, "a store of tour");
    assert!(message.contains("another chain"), "{message}");
    check_unchanged(&home, &other, "a store of tour");
}

#[test]
fn files_of_another_time_are_caught_up_with_or_refused_and_never_mixed() {
    let fixture = fixture();
    // A checkpoint may be behind the log, which leads on from it; a cache of another state is not used.
    for (log, checkpoint) in [
        (&fixture.ended, &fixture.earlier),
        (&fixture.killed, &fixture.ended),
    ] {
        let mut files = log.without(CHECKPOINT);
        for name in rows(log) {
            files = files.without(name);
        }
        for name in rows(checkpoint).into_iter().chain([CHECKPOINT]) {
            files = files.with(name, checkpoint.file(name).clone());
        }
        let home = home_with(&files);
        let node = home.node("dev", &["--no-dns"]);
        assert_eq!(Seen::of(&node), fixture.seen);
        end(node, "a checkpoint of another time");
    }
    // Without the files of rows that it names it is none.
    let named = rows(&fixture.earlier);
    assert!(
        named
            .iter()
            .any(|name| !rows(&fixture.ended).contains(name))
    );
    refused(
        &with(
            &fixture.ended,
            CHECKPOINT,
            fixture.earlier.file(CHECKPOINT),
            "of an earlier time",
        ),
        "checkpoint.redb names it",
    );
    served(&with(
        &fixture.ended,
        CACHE,
        fixture.earlier.file(CACHE),
        "of an earlier time",
    ));
    // A log behind the checkpoint has lost what was acknowledged.
    refused(
        &with(
            &fixture.ended,
            LAST,
            fixture.earlier.file(LAST),
            "of an earlier time",
        ),
        "is missing",
    );
    // Together they are the store of that time.
    let mut earlier = with(
        &fixture.earlier,
        CACHE,
        fixture.ended.file(CACHE),
        "of a later time",
    );
    earlier.may_be = vec![&fixture.seen_earlier];
    served(&earlier);
}

#[test]
fn segments_that_changed_places_are_refused() {
    let right = &fixture().ended;
    refused(
        &with(right, SEALED, right.file(LAST), "is the segment after it"),
        "it is segment 1",
    );
    refused(
        &with(right, LAST, right.file(SEALED), "is the segment before it"),
        "it is segment 0",
    );
}

#[test]
fn files_of_a_later_release_are_refused_with_what_to_do() {
    let right = &fixture().ended;
    for name in [SEALED, LAST] {
        let newer = right.file(name).with(8, &2_u32.to_le_bytes());
        refused(
            &with(right, name, &newer, "of format 2"),
            "has format 2, which this version does not know",
        );
    }
    for name in rows(right) {
        let newer = right.file(name).with(8, &2_u32.to_le_bytes());
        refused(
            &with(right, name, &newer, "of format 2"),
            "has format 2, which this program does not know",
        );
    }
    // The layout's number stands behind the genesis and the number of rows, in the order of their names in `meta`.
    let checkpoint = right.file(CHECKPOINT);
    let genesis = sapwood_runtime::genesis(&sapwood_tests::chain::dev())
        .unwrap()
        .link
        .id;
    let bytes: Vec<u8> = (0..checkpoint.used())
        .map(|at| checkpoint.byte(at))
        .collect();
    let places = bytes.windows(44).enumerate().filter(|(_, window)| {
        window.starts_with(&genesis.0) && window.ends_with(&3_u32.to_le_bytes())
    });
    let (mut newer, mut older) = (checkpoint.clone(), checkpoint.clone());
    for (at, _) in places {
        newer = newer.with(at as u64 + 40, &4_u32.to_le_bytes());
        older = older.with(at as u64 + 40, &2_u32.to_le_bytes());
    }
    assert!(newer != *checkpoint, "the row is there");
    refused(
        &with(right, CHECKPOINT, &older, "of format 2"),
        "has format 2, which no release has used",
    );
    refused(
        &with(right, CHECKPOINT, &newer, "of format 4"),
        "has format 4, which this program does not know",
    );
    // What only saves time is made again.
    let index = right.file(INDEX).with(8, &2_u32.to_le_bytes());
    served(&with(right, INDEX, &index, "of format 2"));
    let cache = right.file(CACHE).with(7, b"3");
    served(&with(right, CACHE, &cache, "of format 3"));
}
