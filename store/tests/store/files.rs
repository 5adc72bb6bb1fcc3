//! The files: found, made, refused, damaged.

use crate::node::{Node, config, no_checkpoints};
use crate::replica::{Replica, What, bystander, chain, id, other_chain};
use crate::world::World;
use parity_scale_codec::Encode;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use redb::{Database, ReadableTable, TableDefinition};
use rustix::fs::{CWD, FileType, Mode};
use sapwood_primitives::leaf::key;
use sapwood_primitives::{Block, Hash, Leaf};
use sapwood_store::{Config, OpenStore, StorageFailed, Store};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::Arc;
use tempfile::{TempDir, tempdir};

const STATE: &str = "state";
const NEW: &str = ".state.new";
const CHECKPOINT: &str = "checkpoint.redb";

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const RUNS: TableDefinition<u32, &[u8]> = TableDefinition::new("runs");
const NAMES: TableDefinition<&str, ()> = TableDefinition::new("names");

/// A data directory with a chain of `n` blocks, closed. Its rows are in several files, and those in several blocks.
fn stored(n: usize) -> (TempDir, World, Vec<Block>) {
    let (directory, chain) = (tempdir().unwrap(), chain());
    let mut world = World::new(Replica::with_bystanders(&chain, 130));
    world.make(directory.path(), world.rows()).unwrap();
    let mut node = Node::open(directory.path(), &chain, config()).unwrap();
    let blocks: Vec<_> = (0..n).map(|_| world.mine(1, What::Nothing)).collect();
    node.extend(&blocks).unwrap();
    node.store.checkpoint().unwrap();
    (directory, world, blocks)
}

fn open(directory: &Path) -> Result<Node, OpenStore> {
    Node::open(directory, &chain(), config())
}

fn refusal(directory: &Path) -> OpenStore {
    match open(directory) {
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

/// Changes the checkpoint behind the store's back.
fn edit(directory: &Path, work: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::open(directory.join(STATE).join(CHECKPOINT)).unwrap();
    let transaction = database.begin_write().unwrap();
    work(&transaction);
    transaction.commit().unwrap();
}

#[test]
fn a_missing_directory_is_made_for_its_owner_and_holds_the_genesis() {
    let parent = tempdir().unwrap();
    let directory = parent.path().join("data/sapwood/dev");
    let world = World::new(Replica::new(&chain()));
    world.check(&open(&directory).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    let state = Store::directory_in(&directory);
    assert_eq!((mode(&directory), mode(&state)), (0o700, 0o700));
    let names: Vec<_> = fs::read_dir(&state)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(names.contains(&state.join(CHECKPOINT)) && names.len() >= 2);
    assert!(names.iter().all(|path| mode(path) == 0o600));
    assert!(!directory.join(NEW).exists());
}

#[test]
fn a_store_that_is_opened_again_is_the_same() {
    let (directory, mut world, _) = stored(20);
    for in_good_order in [false, true, false, true] {
        let mut node = open(directory.path()).unwrap();
        world.check(&node);
        for _ in 0..4 {
            node.extend(&[world.mine(2, What::Nothing)]).unwrap();
        }
        if in_good_order {
            node.store.close().unwrap();
            assert!(directory.path().join(STATE).join("tree.cache").exists());
        }
    }
    world.check(&open(directory.path()).unwrap());
}

#[test]
fn a_second_opener_is_told_that_the_directory_is_in_use() {
    let directory = tempdir().unwrap();
    let first = open(directory.path()).unwrap();
    assert!(matches!(
        refusal(directory.path()),
        OpenStore::Locked { .. }
    ));
    drop(first);
    open(directory.path()).unwrap();
}

#[test]
fn a_store_that_is_being_made_is_in_use_and_one_left_half_made_is_begun_anew() {
    let directory = tempdir().unwrap();
    let new = directory.path().join(NEW);
    fs::create_dir(&new).unwrap();
    fs::write(new.join(CHECKPOINT), b"half a store").unwrap();
    fs::write(new.join("00000000.seg"), b"half a store").unwrap();
    let maker = sapwood_store::disk::Folder::open(&new).unwrap();
    assert!(matches!(
        refusal(directory.path()),
        OpenStore::Locked { .. }
    ));
    drop(maker);
    open(directory.path()).unwrap();
    assert!(!new.exists());
}

#[test]
fn the_store_of_another_chain_is_refused_and_stays() {
    let directory = tempdir().unwrap();
    drop(Node::open(directory.path(), &other_chain(), config()).unwrap());
    assert!(matches!(
        refusal(directory.path()),
        OpenStore::OtherChain { .. }
    ));
    Node::open(directory.path(), &other_chain(), config()).unwrap();
}

#[test]
fn a_newer_layout_is_refused_and_one_that_never_was_is_damage() {
    for (schema, newer) in [(4, true), (u32::MAX, true), (0, false), (2, false)] {
        let (directory, ..) = stored(1);
        edit(directory.path(), |transaction| {
            let mut meta = transaction.open_table(META).unwrap();
            meta.insert("schema", schema.to_le_bytes().as_slice())
                .unwrap();
        });
        match refusal(directory.path()) {
            OpenStore::Newer { found, .. } => assert!(newer && found == schema),
            OpenStore::Damaged { .. } => assert!(!newer),
            other => panic!("{other}"),
        }
    }
}

/// Rows of a state, as they are stored.
type Rows = Vec<(Hash, Leaf, Vec<u8>)>;

#[test]
fn a_state_that_is_not_the_tips_is_refused() {
    let (_, world, _) = stored(14);
    let edits: [fn(&mut Rows); 5] = [
        |_| {},
        // A row is missing.
        |rows| drop(rows.remove(3)),
        // A row is under another key.
        |rows| rows.last_mut().unwrap().0.0[31] ^= 1,
        // A row is no leaf.
        |rows| rows[2].2 = b"nothing".to_vec(),
        // A row is another leaf.
        |rows| rows[2].2 = rows[1].2.clone(),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let (directory, mut rows) = (tempdir().unwrap(), world.rows());
        edit(&mut rows);
        world.make(directory.path(), rows).unwrap();
        match number {
            0 => assert_eq!(open(directory.path()).unwrap().link, world.tip().link),
            _ => assert!(matches!(
                refusal(directory.path()),
                OpenStore::Damaged { .. }
            )),
        }
    }
    // Rows that do not come in their order make no store.
    let (directory, mut rows) = (tempdir().unwrap(), world.rows());
    rows.swap(1, 2);
    assert!(world.make(directory.path(), rows).is_err());
    assert!(!directory.path().join(STATE).exists());
}

#[test]
fn a_checkpoint_whose_parts_contradict_each_other_is_refused() {
    type Edit = fn(&redb::WriteTransaction);
    let edits: [Edit; 5] = [
        // An index has an entry for no row.
        |edit| {
            let mut names = edit.open_table(NAMES).unwrap();
            names.insert("nobody", ()).unwrap();
        },
        // The files of rows have fewer rows than the state, or more.
        |edit| set_rows(edit, |rows| rows + 1),
        |edit| set_rows(edit, |rows| rows - 1),
        // A file is not listed.
        |edit| edit.open_table(RUNS).unwrap().retain(|_, _| false).unwrap(),
        // What the list says of a file has another length.
        |edit| {
            let mut runs = edit.open_table(RUNS).unwrap();
            let number = runs.last().unwrap().unwrap().0.value();
            runs.insert(number, [0; 23].as_slice()).unwrap();
        },
    ];
    for work in edits {
        let (directory, ..) = stored(14);
        edit(directory.path(), work);
        let refused = refusal(directory.path());
        assert!(refused.to_string().contains(CHECKPOINT), "{refused}");
    }
}

/// Changes the number of rows that the checkpoint names.
fn set_rows(edit: &redb::WriteTransaction, change: fn(u64) -> u64) {
    let mut meta = edit.open_table(META).unwrap();
    let rows = meta.get("rows").unwrap().unwrap().value().try_into();
    let rows = change(u64::from_le_bytes(rows.unwrap())).to_le_bytes();
    meta.insert("rows", rows.as_slice()).unwrap();
}

type Make = fn(&Path);

fn not_files() -> [(&'static str, Make); 4] {
    [
        ("symbolic link", |path| symlink("/dev/full", path).unwrap()),
        ("pipe", |path| {
            rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap();
        }),
        ("socket", |path| {
            drop(std::os::unix::net::UnixListener::bind(path).unwrap())
        }),
        ("regular file", |path| fs::write(path, "a file").unwrap()),
    ]
}

#[test]
fn what_is_not_a_directory_is_refused_by_its_kind() {
    for name in [STATE, NEW] {
        for (expected, make) in not_files() {
            let directory = tempdir().unwrap();
            make(&directory.path().join(name));
            match refusal(directory.path()) {
                OpenStore::WrongKind { kind, .. } => assert_eq!(kind, expected),
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn what_is_not_a_regular_file_in_it_is_refused() {
    let (original, ..) = stored(1);
    for name in names_in(&original.path().join(STATE)) {
        let directory: Make = |path| fs::create_dir(path).unwrap();
        let makes = not_files().map(|(_, make)| make);
        // An index that cannot be used is made anew, a segment and the checkpoint are not.
        for make in makes[..3].iter().chain([&directory]) {
            let copy = copied(original.path());
            let path = copy.path().join(STATE).join(&name);
            fs::remove_file(&path).unwrap();
            make(&path);
            refusal(copy.path());
        }
    }
}

#[test]
fn a_link_to_a_good_store_is_not_followed() {
    let (real, ..) = stored(1);
    let directory = tempdir().unwrap();
    symlink(real.path().join(STATE), directory.path().join(STATE)).unwrap();
    let refused = refusal(directory.path());
    assert!(matches!(
        refused,
        OpenStore::WrongKind {
            kind: "symbolic link",
            ..
        }
    ));
}

#[test]
fn a_directory_without_its_parts_is_refused_and_stays() {
    let directory = tempdir().unwrap();
    fs::create_dir(directory.path().join(STATE)).unwrap();
    refusal(directory.path());
    let (original, ..) = stored(1);
    for name in names_in(&original.path().join(STATE)) {
        let copy = copied(original.path());
        fs::remove_file(copy.path().join(STATE).join(&name)).unwrap();
        refusal(copy.path());
        assert!(!copy.path().join(STATE).join(&name).exists());
    }
}

#[test]
fn empty_and_foreign_files_are_refused_and_stay_as_they_are() {
    let (original, ..) = stored(1);
    let contents: [&[u8]; 4] = [b"", b"hello", &[0; 8192], b"SQLite format 3\0 and more"];
    for name in names_in(&original.path().join(STATE)) {
        for content in contents {
            let copy = copied(original.path());
            let path = copy.path().join(STATE).join(&name);
            fs::write(&path, content).unwrap();
            refusal(copy.path());
            assert!(fs::read(&path).unwrap() == content, "{name}");
        }
    }
}

#[test]
fn a_file_where_the_data_directory_should_be_is_refused() {
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

fn names_in(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A copy of a data directory, without what is reserved and not written.
fn copied(from: &Path) -> TempDir {
    let copy = tempdir().unwrap();
    fs::create_dir(copy.path().join(STATE)).unwrap();
    for name in names_in(&from.join(STATE)) {
        fs::copy(
            from.join(STATE).join(&name),
            copy.path().join(STATE).join(&name),
        )
        .unwrap();
    }
    copy
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

/// Opens a store with a damaged file and demands a named error, or the very state that was stored and for every other question the true answer or none. Says whether
/// anything was noticed.
fn notices(
    original: &Path,
    name: &str,
    bytes: &[u8],
    tip: &Arc<Replica>,
    blocks: &[Block],
) -> bool {
    let copy = copied(original);
    fs::write(copy.path().join(STATE).join(name), bytes).unwrap();
    let node = match Node::open(copy.path(), &tip.chain, no_checkpoints()) {
        Ok(node) => node,
        Err(refused) => {
            assert!(refused.to_string().contains(name), "{name}: {refused}");
            return true;
        }
    };
    assert_eq!(node.link, tip.link);
    let mut noticed = false;
    for (key, leaf) in &tip.leaves {
        let found = node
            .view
            .leaf(&tip.link.id, key)
            .map_err(|e| StorageFailed::new("", e));
        noticed |= differs(found, |found| found == leaf);
    }
    for block in blocks {
        let (id, height) = (id(block), block.header.header.height);
        noticed |= differs(node.view.header(height), |found| *found == block.header);
        noticed |= differs(node.view.height_of(&id), |found| *found == height);
        assert_eq!(node.view.block(&id).unwrap(), Some(block.encode()));
    }
    noticed
}

/// Where a file has anything but what fills free pages: what is worth damaging.
fn used(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len())
        .filter(|&at| !matches!(bytes[at], 0 | 0xff))
        .collect()
}

#[test]
fn a_flipped_bit_of_the_checkpoint_is_an_error_or_changes_no_answer() {
    let (directory, world, blocks) = stored(20);
    let path = directory.path();
    let bytes = fs::read(path.join(STATE).join(CHECKPOINT)).unwrap();
    let used = used(&bytes);
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut noticed = 0;
    for _ in 0..100 {
        let at = used[usize::try_from(random.next_u32()).unwrap() % used.len()];
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (random.next_u32() % 8);
        noticed += usize::from(notices(path, CHECKPOINT, &damaged, world.tip(), &blocks));
    }
    // Much of the file is pages that no table uses any more.
    assert!(noticed > 5, "only {noticed} of 100 were noticed");
}

#[test]
fn a_checkpoint_that_was_cut_off_or_grew_is_an_error_or_changes_no_answer() {
    let (directory, world, blocks) = stored(20);
    let path = directory.path();
    let bytes = fs::read(path.join(STATE).join(CHECKPOINT)).unwrap();
    let notices = |bytes: &[u8]| notices(path, CHECKPOINT, bytes, world.tip(), &blocks);
    for cut in (4096..bytes.len()).step_by(bytes.len() / 12) {
        let cut = cut / 4096 * 4096;
        notices(&bytes[..cut]);
        notices(&bytes[..cut + 1]);
    }
    let last = used(&bytes).pop().unwrap();
    assert!(notices(&bytes[..last / 2]));
    notices(&[&bytes[..], &[0xa5; 5000]].concat());
    let mut no_start = bytes;
    no_start[..4096].fill(0);
    assert!(notices(&no_start));
}

/// Names of the files of rows in a data directory.
fn rows_files(data: &Path) -> Vec<String> {
    let mut names = names_in(&data.join(STATE));
    names.retain(|name| name.ends_with(".rows"));
    names
}

#[test]
fn any_damage_to_a_file_of_rows_is_noticed() {
    let (directory, world, blocks) = stored(25);
    let path = directory.path();
    let names = rows_files(path);
    assert!(names.len() > 1, "there is a delta beside the base");
    for name in names {
        let bytes = fs::read(path.join(STATE).join(&name)).unwrap();
        let notices = |bytes: &[u8]| notices(path, &name, bytes, world.tip(), &blocks);
        assert!(!notices(&bytes));
        for at in (0..bytes.len()).step_by(bytes.len() / 40) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(notices(&flipped), "{name}, byte {at}");
        }
        for len in (0..bytes.len()).step_by(bytes.len() / 10) {
            assert!(notices(&bytes[..len]), "{name}, cut off at {len}");
        }
        assert!(notices(&[&bytes[..], &[0]].concat()));
        let mut zeros = bytes.clone();
        let middle = bytes.len() / 2;
        zeros[middle..].fill(0);
        assert!(notices(&zeros));
    }
}

#[test]
fn another_file_of_rows_under_a_name_is_refused() {
    let (one, ..) = stored(25);
    let other_chain = tempdir().unwrap();
    drop(Node::open(other_chain.path(), &self::other_chain(), config()).unwrap());
    // The same rows written again, in a file of the same name and length.
    let (twin, ..) = stored(25);
    let names = rows_files(one.path());
    assert_eq!(names, rows_files(twin.path()));
    let foreign = other_chain.path().join(STATE).join("00000000.rows");
    let cases = [
        (twin.path().join(STATE).join(&names[0]), "another file"),
        (one.path().join(STATE).join(&names[1]), "it is file"),
        (foreign, "belongs to another chain"),
    ];
    for (file, words) in cases {
        let copy = copied(one.path());
        let place = copy.path().join(STATE).join(&names[0]);
        fs::copy(&file, &place).unwrap();
        let refused = refusal(copy.path()).to_string();
        assert!(
            refused.contains(&names[0]) && refused.contains(words),
            "{refused}"
        );
        assert_eq!(fs::read(place).unwrap(), fs::read(file).unwrap());
    }
    // A later format is told from damage.
    let copy = copied(one.path());
    let place = copy.path().join(STATE).join(&names[0]);
    let mut bytes = fs::read(&place).unwrap();
    bytes[8] = 2;
    fs::write(&place, bytes).unwrap();
    assert!(matches!(
        refusal(copy.path()),
        OpenStore::Newer { found: 2, .. }
    ));
}

#[test]
fn what_a_crash_has_left_goes_with_the_next_checkpoint_and_nothing_else_does() {
    let (directory, mut world, _) = stored(5);
    let state = directory.path().join(STATE);
    fs::write(state.join("00000007.rows"), "half a file").unwrap();
    for kept in ["7.rows", "000000007.rows", "x.rows", "00000007.rows.old"] {
        fs::write(state.join(kept), "not ours").unwrap();
    }
    let mut node = open(directory.path()).unwrap();
    world.check(&node);
    assert!(
        state.join("00000007.rows").exists(),
        "a start removes nothing"
    );
    for _ in 0..5 {
        node.extend(&[world.mine(2, What::Nothing)]).unwrap();
    }
    drop(node);
    let left = rows_files(directory.path());
    assert!(!left.contains(&"00000007.rows".to_owned()), "{left:?}");
    assert!(left.contains(&"00000008.rows".to_owned()), "{left:?}");
    assert!(
        ["7.rows", "000000007.rows", "x.rows"]
            .iter()
            .all(|name| left.contains(&(*name).to_owned()))
    );
    assert!(state.join("00000007.rows.old").exists());
    world.check(&open(directory.path()).unwrap());
}

#[test]
fn deltas_are_merged_when_they_are_many_and_into_a_new_base_when_they_are_large() {
    let (directory, chain) = (tempdir().unwrap(), chain());
    let mut world = World::new(Replica::with_bystanders(&chain, 220));
    world.make(directory.path(), world.rows()).unwrap();
    let config = Config {
        checkpoint_blocks: 1,
        ..config()
    };
    let mut node = Node::open(directory.path(), &chain, config.clone()).unwrap();
    let mut before = rows_files(directory.path());
    let (mut deltas, mut bases, mut most) = (0, 0, 0);
    for height in 0..60 {
        node.extend(&[world.mine(1 + height % 3, What::Nothing)])
            .unwrap();
        let now = rows_files(directory.path());
        if now[0] != before[0] {
            assert_eq!(now.len(), 1);
            bases += 1;
        } else if now.len() != before.len() + 1 {
            assert_eq!((before.len(), now.len()), (9, 2));
            deltas += 1;
        }
        most = most.max(now.len());
        before = now;
        if height % 9 == 0 {
            world.check(&node);
            drop(node);
            node = Node::open(directory.path(), &chain, config.clone()).unwrap();
            world.check(&node);
        }
    }
    assert!(deltas > 0 && bases > 0, "{deltas} {bases}");
    assert_eq!(most, 9);
}

#[test]
fn a_row_that_rots_while_the_store_is_open_is_an_error() {
    let (directory, world, _) = stored(14);
    let node = open(directory.path()).unwrap();
    // One that no block has changed, so that it is not in memory.
    let key = key::account(&bystander(5));
    let row = world.tip().leaves[&key].encode();
    let mut places = 0;
    for name in rows_files(directory.path()) {
        let path = directory.path().join(STATE).join(name);
        let mut bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() - row.len() {
            if bytes[at..].starts_with(&row) {
                bytes[at] ^= 0xff;
                places += 1;
            }
        }
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(places, 1);
    let tip = &world.tip().link.id;
    let failed = node.view.leaf(tip, &key).unwrap_err().to_string();
    assert!(
        failed.contains(".rows") && failed.contains("damaged"),
        "{failed}"
    );
    drop(node);
    assert!(matches!(
        refusal(directory.path()),
        OpenStore::Damaged { .. }
    ));
}

#[test]
fn a_store_in_use_is_not_held_and_one_that_is_held_is_not_opened() {
    let (directory, world, _) = stored(2);
    let node = open(directory.path()).unwrap();
    assert!(matches!(
        Store::hold(directory.path()),
        Err(OpenStore::Locked { .. })
    ));
    drop(node);
    let held = Store::hold(directory.path()).unwrap();
    assert!(matches!(
        refusal(directory.path()),
        OpenStore::Locked { .. }
    ));
    drop(held);
    world.check(&open(directory.path()).unwrap());
}

#[test]
fn deleting_a_held_store_takes_its_own_files_and_follows_no_link() {
    let (directory, ..) = stored(2);
    let base = directory.path();
    fs::write(base.join("target"), "kept").unwrap();
    symlink(base.join("target"), base.join(NEW)).unwrap();
    symlink(base.join("target"), base.join(STATE).join("00000009.seg")).unwrap();
    fs::write(base.join(STATE).join("notes"), "mine").unwrap();
    Store::hold(base).unwrap().delete().unwrap();
    assert_eq!(names_in(base), [NEW, STATE, "target"]);
    assert_eq!(names_in(&base.join(STATE)), ["00000009.seg", "notes"]);
    fs::remove_file(base.join(NEW)).unwrap();
    fs::remove_dir_all(base.join(STATE)).unwrap();
    // Nothing there is no fault, and what was closed in good order goes whole.
    Store::hold(base).unwrap().delete().unwrap();
    open(base).unwrap().store.close().unwrap();
    Store::hold(base).unwrap().delete().unwrap();
    assert_eq!(names_in(base), ["target"]);
    World::new(Replica::new(&chain())).check(&open(base).unwrap());
}
