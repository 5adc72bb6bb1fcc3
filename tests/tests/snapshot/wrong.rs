//! Directories that exist or do not, stores that are there, other chains, damaged files: exit codes, messages, and that nothing is made or replaced.

use crate::{FAILED, REFUSED, STORAGE, World, fails, ok, run, state, text};
use sapwood_tests::{Home, Numbers, StoreFile, StoreFiles};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn a_snapshot_is_not_written_over_anything() {
    let world = World::new();
    let dir = world.snapshot();
    fs::create_dir(&dir).unwrap();
    let message = fails(&world.home, "dev", REFUSED, &["write", text(&dir)]);
    assert!(message.contains(text(&dir)), "{message}");
    assert_eq!(world.node.terminate(), 0);
    let message = fails(&world.home, "dev", REFUSED, &["write", text(&dir)]);
    assert!(
        message.contains(text(&dir)) && message.contains("exists"),
        "{message}"
    );
    fs::remove_dir(&dir).unwrap();
    fs::write(&dir, "precious").unwrap();
    fails(&world.home, "dev", REFUSED, &["write", text(&dir)]);
    assert_eq!(fs::read_to_string(&dir).unwrap(), "precious");
    // Nor where there is no directory for it.
    let nowhere = world.home.path().join("precious/none/snapshot");
    fs::write(world.home.path().join("precious"), "").unwrap();
    let message = fails(&world.home, "dev", STORAGE, &["write", text(&nowhere)]);
    assert!(message.contains(text(&nowhere)), "{message}");
}

#[test]
fn without_a_store_nothing_is_written_and_none_is_made() {
    let home = Home::new();
    let dir = home.path().join("snapshot");
    fails(&home, "dev", FAILED, &["write", text(&dir)]);
    assert!(!dir.exists() && !home.store("dev").exists());
    fails(&home, "main", REFUSED, &["write", text(&dir)]);
    for command in ["verify", "import"] {
        let message = fails(&home, "dev", STORAGE, &[command, text(&dir)]);
        assert!(message.contains(text(&dir)), "{message}");
    }
    assert!(!home.store("dev").exists());
}

#[test]
fn a_store_that_is_there_is_not_replaced() {
    let (home, dir, head) = World::written();
    let before = StoreFiles::read(&home.store("dev"));
    let message = fails(&home, "dev", REFUSED, &["import", text(&dir)]);
    assert!(message.contains(text(&home.store("dev"))), "{message}");
    assert_eq!(StoreFiles::read(&home.store("dev")), before);
    let node = home.node("dev", &["--no-dns"]);
    fails(&home, "dev", REFUSED, &["import", text(&dir)]);
    assert_eq!(node.head(), head, "a running node is not disturbed");
    // What is in the place of a store is not followed.
    let fresh = home.path().join("fresh");
    fs::create_dir_all(fresh.join("dev")).unwrap();
    std::os::unix::fs::symlink("nowhere", fresh.join("dev/state")).unwrap();
    fails(
        &home,
        "dev",
        REFUSED,
        &["import", text(&dir), "--data-dir", text(&fresh)],
    );
    assert!(
        fs::symlink_metadata(fresh.join("dev/state"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn a_snapshot_of_another_chain_is_refused_by_name() {
    let (home, dir, _) = World::written();
    for command in ["verify", "import"] {
        let message = fails(&home, "tour", STORAGE, &[command, text(&dir)]);
        assert!(
            message.contains("another chain") && message.contains("manifest"),
            "{message}"
        );
    }
    assert!(!home.store("tour").exists());
}

/// The files of a snapshot: where each is, and its name.
fn parts(dir: &Path) -> Vec<(PathBuf, String)> {
    let of = |dir: PathBuf| {
        let files = StoreFiles::read(&dir);
        let names = files.names().into_iter().map(str::to_owned);
        names.map(|name| (dir.clone(), name)).collect::<Vec<_>>()
    };
    [of(dir.to_owned()), of(dir.join("chunks"))].concat()
}

#[test]
fn any_damage_to_a_snapshot_is_found_the_file_is_named_and_no_store_is_made() {
    let (home, dir, head) = World::written();
    let parts = parts(&dir);
    assert_eq!(parts.len(), 3, "manifest, headers and a chunk: {parts:?}");
    let fresh = home.path().join("fresh");
    let mut numbers = Numbers::new(5);
    let mut tried = 0;
    for (folder, name) in &parts {
        let path = folder.join(name);
        let right = StoreFiles::read(folder).file(name).clone();
        let length = right.length();
        let mut wrong = vec![
            ("missing", None),
            ("empty", Some(StoreFile::default())),
            ("a byte less", Some(right.resized(length - 1))),
            ("a byte more", Some(right.resized(length + 1))),
            ("half", Some(right.resized(length / 2))),
            ("first bit", Some(right.flipped(0))),
            ("last bit", Some(right.flipped(8 * length - 1))),
        ];
        wrong.extend((0..5).map(|_| ("a bit", Some(right.flipped(numbers.below(8 * length))))));
        for (what, file) in wrong {
            fs::remove_file(&path).unwrap();
            if let Some(file) = &file {
                file.write(&path);
            }
            for args in [
                &["verify", text(&dir)][..],
                &["import", text(&dir), "--data-dir", text(&fresh)],
            ] {
                let answer = run(&home, "dev", args).expect(STORAGE).json();
                let message = answer["error"]["message"].as_str().unwrap();
                // What does not fit to another file may be said of that one.
                let named = parts
                    .iter()
                    .any(|(folder, name)| message.contains(text(&folder.join(name))));
                assert!(named, "{what} of {name}: {message}");
                tried += 1;
            }
            assert!(!fresh.join("dev/state").exists(), "{what} of {name}");
            if file.is_some() {
                fs::remove_file(&path).unwrap();
            }
            right.write(&path);
        }
    }
    assert_eq!(tried, 2 * 3 * 12);
    let imported = ok(&home, &["import", text(&dir), "--data-dir", text(&fresh)]);
    assert_eq!(
        state(&imported),
        state(&head),
        "with good files it succeeds after all that"
    );
}
