//! The file: found, made, refused, damaged.

use crate::chain::Ledger;
use crate::chain::storage::StorageFailed;
use crate::chain::tests::kit::{Replica, assert_rows, assert_same, chain, extend};
use crate::store::open::{FILE, NEW_FILE};
use crate::store::tables::{META, SCHEMA as SCHEMA_KEY};
use crate::store::{OpenStore, RedbStore, SCHEMA};
use parity_scale_codec::Encode;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use rustix::fs::{CWD, FileType, Mode};
use sapwood_primitives::{Block, Chain};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::Arc;
use tempfile::{TempDir, tempdir};

/// A data directory with a chain of `n` blocks, closed.
fn stored(n: usize) -> (TempDir, Replica, Vec<Block>) {
    let (directory, chain) = (tempdir().unwrap(), chain());
    let mut replica = Replica::new(&chain);
    let mut ledger = ledger(directory.path(), &chain);
    let blocks = replica.mine_many(1, n);
    extend(&mut ledger, &blocks);
    (directory, replica, blocks)
}

fn ledger(directory: &Path, chain: &Arc<Chain>) -> Ledger {
    let store = RedbStore::open(directory, chain).unwrap();
    Ledger::open(Arc::clone(chain), Arc::new(store)).unwrap()
}

fn refusal(directory: &Path) -> OpenStore {
    match RedbStore::open(directory, &chain()) {
        Ok(_) => panic!("the store was opened"),
        Err(refusal) => {
            let text = refusal.to_string();
            assert!(
                text.contains(&*directory.to_string_lossy()) && !text.contains('\n'),
                "{text}"
            );
            refusal
        }
    }
}

#[test]
fn a_missing_directory_is_made_for_its_owner_and_holds_the_genesis() {
    let parent = tempdir().unwrap();
    let directory = parent.path().join("data/sapwood/dev");
    let replica = Replica::new(&chain());
    assert_same(&ledger(&directory, &chain()), &replica);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(
        (mode(&directory), mode(&directory.join(FILE))),
        (0o700, 0o600)
    );
    assert!(!directory.join(NEW_FILE).exists());
}

#[test]
fn a_store_that_is_opened_again_is_the_same() {
    let (directory, mut replica, _) = stored(20);
    for _ in 0..3 {
        let mut ledger = ledger(directory.path(), &replica.chain);
        assert_same(&ledger, &replica);
        extend(&mut ledger, &replica.mine_many(2, 4));
    }
    assert_rows(
        &RedbStore::open(directory.path(), &replica.chain).unwrap(),
        &replica,
    );
}

#[test]
fn a_second_opener_is_told_that_the_directory_is_in_use() {
    let directory = tempdir().unwrap();
    let first = RedbStore::open(directory.path(), &chain()).unwrap();
    assert!(matches!(
        refusal(directory.path()),
        OpenStore::Locked { .. }
    ));
    drop(first);
    RedbStore::open(directory.path(), &chain()).unwrap();
}

#[test]
fn a_store_that_is_being_made_is_in_use_and_one_left_half_made_is_begun_anew() {
    let directory = tempdir().unwrap();
    let new = directory.path().join(NEW_FILE);
    fs::write(&new, b"half a store").unwrap();
    let maker = fs::File::open(&new).unwrap();
    maker.lock().unwrap();
    assert!(matches!(
        refusal(directory.path()),
        OpenStore::Locked { .. }
    ));
    drop(maker);
    RedbStore::open(directory.path(), &chain()).unwrap();
    assert!(!new.exists());
}

#[test]
fn the_store_of_another_chain_is_refused_and_stays() {
    let directory = tempdir().unwrap();
    let tour = Chain::named("tour").unwrap();
    drop(RedbStore::open(directory.path(), &tour).unwrap());
    assert!(matches!(
        refusal(directory.path()),
        OpenStore::OtherChain { .. }
    ));
    RedbStore::open(directory.path(), &tour).unwrap();
}

#[test]
fn a_newer_layout_is_refused_and_one_that_never_was_is_damage() {
    for (schema, newer) in [(SCHEMA + 1, true), (u32::MAX, true), (0, false)] {
        let (directory, ..) = stored(1);
        let database = redb::Database::open(directory.path().join(FILE)).unwrap();
        let transaction = database.begin_write().unwrap();
        let mut meta = transaction.open_table(META).unwrap();
        meta.insert(SCHEMA_KEY, schema.to_le_bytes().as_slice())
            .unwrap();
        drop(meta);
        transaction.commit().unwrap();
        drop(database);
        match refusal(directory.path()) {
            OpenStore::NewerSchema { found, .. } => assert!(newer && found == schema),
            OpenStore::Damaged { .. } => assert!(!newer),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn what_is_not_a_regular_file_is_refused_by_its_kind() {
    for name in [FILE, NEW_FILE] {
        type Make = fn(&Path);
        let makes: [(&str, Make); 4] = [
            ("directory", |path| fs::create_dir(path).unwrap()),
            ("symbolic link", |path| symlink("/dev/full", path).unwrap()),
            ("pipe", |path| {
                rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap()
            }),
            ("socket", |path| {
                drop(std::os::unix::net::UnixListener::bind(path).unwrap())
            }),
        ];
        for (expected, make) in makes {
            let directory = tempdir().unwrap();
            make(&directory.path().join(name));
            match refusal(directory.path()) {
                OpenStore::NotAFile { kind, .. } => assert_eq!(kind, expected),
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn a_link_to_a_good_store_is_not_followed() {
    let (real, ..) = stored(1);
    let directory = tempdir().unwrap();
    symlink(real.path().join(FILE), directory.path().join(FILE)).unwrap();
    assert!(matches!(
        refusal(directory.path()),
        OpenStore::NotAFile {
            kind: "symbolic link",
            ..
        }
    ));
}

#[test]
fn empty_and_foreign_files_are_refused_and_stay_as_they_are() {
    let contents: [&[u8]; 4] = [b"", b"hello", &[0; 8192], b"SQLite format 3\0 and more"];
    for content in contents {
        let directory = tempdir().unwrap();
        let path = directory.path().join(FILE);
        fs::write(&path, content).unwrap();
        match refusal(directory.path()) {
            OpenStore::Empty { .. } => assert!(content.is_empty()),
            OpenStore::Damaged { .. } => assert!(!content.is_empty()),
            other => panic!("{other}"),
        }
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn a_file_where_the_directory_should_be_is_refused() {
    let parent = tempdir().unwrap();
    let path = parent.path().join("data");
    fs::write(&path, b"").unwrap();
    assert!(matches!(
        refusal(&path),
        OpenStore::Io {
            attempt: "create",
            ..
        }
    ));
}

/// Whether rot was noticed: an error, or a row that is missing because its key has rotted. Another value than the one stored is a failure.
fn differs<T>(found: Result<Option<T>, StorageFailed>, right: impl Fn(&T) -> bool) -> bool {
    match found {
        Ok(Some(found)) => {
            assert!(right(&found), "a damaged file gave a wrong answer");
            false
        }
        Ok(None) | Err(_) => true,
    }
}

/// Opens a damaged copy and demands a named error, or the very state that was stored and for every other question the true answer or none. Says whether anything was
/// noticed.
fn notices(bytes: &[u8], replica: &Replica, blocks: &[Block]) -> bool {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join(FILE), bytes).unwrap();
    let Ok(store) = RedbStore::open(directory.path(), &replica.chain) else {
        return true;
    };
    let Ok(ledger) = Ledger::open(Arc::clone(&replica.chain), Arc::new(store)) else {
        return true;
    };
    assert_eq!(*ledger.tip(), replica.link);
    let root = ledger.snapshot().at(crate::chain::At::Head).tree.root();
    assert_eq!(root, replica.tree.root());
    let mut noticed = false;
    let view = ledger.view();
    for block in blocks {
        let (id, height) = (block.header.id(), block.header.header.height);
        noticed |= differs(view.header(height), |found| *found == block.header);
        noticed |= differs(view.height_of(&id), |found| *found == height);
        noticed |= differs(view.block(&id), |found| *found == block.encode());
        noticed |= differs(view.link(&id), |found| found.id == id);
        noticed |= differs(view.undo(&id), |_| true);
    }
    noticed
}

/// Where a file has anything but zeros: what is worth damaging.
fn used(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|&at| bytes[at] != 0).collect()
}

#[test]
fn a_flipped_bit_is_an_error_or_changes_no_answer() {
    let (directory, replica, blocks) = stored(20);
    let bytes = fs::read(directory.path().join(FILE)).unwrap();
    let used = used(&bytes);
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut noticed = 0;
    for _ in 0..300 {
        let at = used[random.next_u64() as usize % used.len()];
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (random.next_u32() % 8);
        noticed += usize::from(notices(&damaged, &replica, &blocks));
    }
    // Much of the file is pages that no table uses any more.
    assert!(noticed > 30, "only {noticed} of 300 were noticed");
}

#[test]
fn a_file_that_was_cut_off_or_grew_is_an_error_or_changes_no_answer() {
    let (directory, replica, blocks) = stored(20);
    let bytes = fs::read(directory.path().join(FILE)).unwrap();
    for cut in (4096..bytes.len()).step_by(bytes.len() / 50) {
        let cut = cut / 4096 * 4096;
        notices(&bytes[..cut], &replica, &blocks);
        notices(&bytes[..cut + 1], &replica, &blocks);
    }
    let last = used(&bytes).pop().unwrap();
    assert!(notices(&bytes[..last / 2], &replica, &blocks));
    let grown = [&bytes[..], &[0xa5; 5000]].concat();
    notices(&grown, &replica, &blocks);
    let mut no_start = bytes;
    no_start[..4096].fill(0);
    assert!(notices(&no_start, &replica, &blocks));
}

#[test]
fn a_store_in_use_is_not_held_and_one_that_is_held_is_not_opened() {
    let (directory, replica, _) = stored(2);
    let store = RedbStore::open(directory.path(), &replica.chain).unwrap();
    assert!(matches!(
        RedbStore::hold(directory.path()),
        Err(OpenStore::Locked { .. })
    ));
    drop(store);
    let held = RedbStore::hold(directory.path()).unwrap();
    assert!(matches!(
        refusal(directory.path()),
        OpenStore::Locked { .. }
    ));
    drop(held);
    let ledger = ledger(directory.path(), &replica.chain);
    assert_same(&ledger, &replica);
}

#[test]
fn deleting_a_held_store_takes_its_own_files_and_follows_no_link() {
    let (directory, replica, _) = stored(2);
    let target = directory.path().join("target");
    fs::write(&target, "kept").unwrap();
    symlink(&target, directory.path().join(NEW_FILE)).unwrap();
    RedbStore::hold(directory.path()).unwrap().delete().unwrap();
    let names = |directory: &Path| {
        let names = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(directory.path()), [NEW_FILE, "target"]);
    fs::remove_file(directory.path().join(NEW_FILE)).unwrap();
    RedbStore::hold(directory.path()).unwrap().delete().unwrap();
    let anew = ledger(directory.path(), &replica.chain);
    assert_same(&anew, &Replica::new(&replica.chain));
}
