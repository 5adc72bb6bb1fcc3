//! Snapshots: written, checked, refused, and gone on from.

use crate::node::{Node, config, no_checkpoints};
use crate::replica::{Replica, What, chain, other_chain};
use crate::world::World;
use sapwood_primitives::Block;
use sapwood_store::snapshot::{SnapshotFailed, Summary, import, verify};
use sapwood_store::{OpenStore, Store};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};

/// Bytes of a header in a file.
const HEADER: usize = 161;

/// A data directory with a snapshot in it, and the chain that it is of.
struct Written {
    directory: TempDir,
    replica: Replica,
    summary: Summary,
}

impl Written {
    fn path(&self) -> PathBuf {
        self.directory.path().join("snapshot")
    }

    fn verify(&self, snapshot: &Path) -> Result<Summary, SnapshotFailed> {
        verify(snapshot, &self.replica.chain, &mut |_| {})
    }
}

/// The blocks of a chain with payments and names.
fn blocks(replica: &mut Replica) -> Vec<Block> {
    let what = |height| match height {
        0..14 => What::Nothing,
        14..20 => What::Name(1),
        _ => What::Pay {
            from: 1,
            to: 100 + height,
        },
    };
    (0..30)
        .map(|height| replica.mine(1, what(height)))
        .collect()
}

fn written() -> Written {
    let chain = chain();
    let mut replica = Replica::new(&chain);
    let blocks = blocks(&mut replica);
    let directory = tempdir().unwrap();
    let mut node = Node::open(&directory.path().join("data"), &chain, config()).unwrap();
    node.extend(&blocks).unwrap();
    node.store.checkpoint().unwrap();
    let path = directory.path().join("snapshot");
    let summary = node
        .view
        .write_snapshot(&replica.genesis, &path, &mut |_| {})
        .unwrap();
    Written {
        directory,
        replica,
        summary,
    }
}

/// All files below a directory.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let name = path.strip_prefix(directory).unwrap().to_owned();
                    found.insert(name, fs::read(&path).unwrap());
                }
            }
        }
    }
    found
}

fn put(directory: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    fs::create_dir_all(directory.join("chunks")).unwrap();
    for (name, bytes) in files {
        fs::write(directory.join(name), bytes).unwrap();
    }
}

#[test]
fn a_snapshot_holds_the_state_and_a_node_goes_on_from_it() {
    let written = written();
    let Summary {
        height,
        block,
        state_root,
        leaves,
        chunks,
        bytes,
    } = &written.summary;
    let link = &written.replica.link;
    assert_eq!(
        (height, block, state_root),
        (&link.height, &link.id, &link.state_root)
    );
    assert_eq!(*leaves, written.replica.leaves.len() as u64);
    let files = files(&written.path());
    assert_eq!(*chunks + 2, files.len() as u64);
    assert_eq!(
        *bytes,
        files.values().map(|bytes| bytes.len() as u64).sum::<u64>()
    );
    assert_eq!(
        files[Path::new("headers")].len() as u64,
        HEADER as u64 * (height.get() + 1)
    );
    assert!(files.keys().any(|name| name.starts_with("chunks")));
    assert_eq!(written.verify(&written.path()).unwrap(), written.summary);

    let data = written.directory.path().join("imported");
    let chain = &written.replica.chain;
    let imported = import(&written.path(), &data, chain, &mut |_| {}).unwrap();
    assert_eq!(imported, written.summary);
    let mut replica = written.replica.clone();
    let mut node = Node::open(&data, chain, config()).unwrap();
    assert_eq!(node.link, replica.link);
    // The block itself is not known, only that it is there.
    assert_eq!(node.view.block(&node.link.id).unwrap(), None);
    assert_eq!(node.view.undo(&node.link.id).unwrap(), None);
    for round in 0..3 {
        let mut world = World::new(Replica::clone(&replica));
        let blocks: Vec<_> = (0..4)
            .map(|_| {
                world.mine(
                    2,
                    What::Pay {
                        from: 1,
                        to: 200 + round,
                    },
                )
            })
            .collect();
        node.extend(&blocks).unwrap();
        // A reorg down to the snapshot's block.
        let others = match round {
            0 => world.branch(4, 3, &[What::Nothing; 5]),
            _ => Vec::new(),
        };
        if !others.is_empty() {
            node.follow(4, &others).unwrap();
        }
        for (key, leaf) in &world.tip().leaves {
            let found = node.view.leaf(&node.link.id, key).unwrap();
            assert_eq!(found.as_ref(), Some(leaf));
        }
        assert_eq!(node.view.leaves(), world.tip().leaves.len());
        replica = Replica::clone(world.tip());
        assert_eq!(node.link, replica.link);
        drop(node);
        node = Node::open(&data, chain, config()).unwrap();
        assert_eq!(node.link, replica.link);
    }
    for height in 0..=replica.height() {
        assert!(
            node.view
                .header(sapwood_primitives::Height::new(height))
                .unwrap()
                .is_some()
        );
    }
}

#[test]
fn equal_states_make_equal_files_whatever_was_before() {
    let first = written();
    // The other node goes astray, starts anew and has no checkpoint on the way.
    let chain = &first.replica.chain;
    let data = first.directory.path().join("other");
    let mut replica = Replica::new(chain);
    let blocks = blocks(&mut replica);
    let mut node = Node::open(&data, chain, no_checkpoints()).unwrap();
    node.extend(&blocks[..20]).unwrap();
    let mut other = Replica::new(chain);
    for block in &blocks[..16] {
        other.follow(block);
    }
    let wrong = other.mine_many(5, 5);
    node.follow(4, &wrong).unwrap();
    node.store.checkpoint().unwrap();
    drop(node);
    let mut node = Node::open(&data, chain, no_checkpoints()).unwrap();
    node.follow(5, &blocks[16..]).unwrap();
    node.store.checkpoint().unwrap();
    let path = first.directory.path().join("second");
    let summary = node
        .view
        .write_snapshot(&replica.genesis, &path, &mut |_| {})
        .unwrap();
    assert_eq!(summary, first.summary);
    assert_eq!(files(&path), files(&first.path()));
}

#[test]
fn a_byte_that_changed_is_found() {
    let written = written();
    let good = files(&written.path());
    let place = written.directory.path().join("bad");
    put(&place, &good);
    assert!(written.verify(&place).is_ok());
    for (name, bytes) in &good {
        // Every field of the first and of the last headers, and samples of everything else.
        let step = if name == Path::new("headers") { 29 } else { 11 };
        let ends = (0..bytes.len().min(HEADER + 80))
            .chain(bytes.len().saturating_sub(HEADER)..bytes.len());
        for at in ends.chain((0..bytes.len()).step_by(step)) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(place.join(name), &damaged).unwrap();
            let refused = written.verify(&place).unwrap_err().to_string();
            assert!(refused.contains(&*place.to_string_lossy()), "{refused}");
        }
        fs::write(place.join(name), bytes).unwrap();
    }
    assert!(written.verify(&place).is_ok());
}

#[test]
fn a_file_that_was_cut_off_grew_or_went_is_found_and_none_is_imported() {
    let written = written();
    let good = files(&written.path());
    let place = written.directory.path().join("bad");
    put(&place, &good);
    let refused = || {
        let text = written.verify(&place).unwrap_err().to_string();
        assert!(text.contains(&*place.to_string_lossy()), "{text}");
        let data = written.directory.path().join("none");
        import(&place, &data, &written.replica.chain, &mut |_| {}).unwrap_err();
        assert!(!Store::directory_in(&data).exists());
    };
    for (name, bytes) in &good {
        let path = place.join(name);
        for len in [
            0,
            1,
            bytes.len() / 2,
            bytes.len() - HEADER.min(bytes.len()),
            bytes.len() - 1,
        ] {
            fs::write(&path, &bytes[..len]).unwrap();
            refused();
        }
        fs::write(&path, [&bytes[..], &[0]].concat()).unwrap();
        refused();
        fs::remove_file(&path).unwrap();
        refused();
        fs::create_dir(&path).unwrap();
        refused();
        fs::remove_dir(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    // What nobody asks for is in nobody's way.
    fs::write(place.join("notes"), "more").unwrap();
    fs::write(place.join("chunks/more"), "more").unwrap();
    assert_eq!(written.verify(&place).unwrap(), written.summary);
    // After all those attempts the import goes well.
    let data = written.directory.path().join("none");
    import(&place, &data, &written.replica.chain, &mut |_| {}).unwrap();
    let node = Node::open(&data, &written.replica.chain, config()).unwrap();
    assert_eq!(node.link, written.replica.link);
}

#[test]
fn a_snapshot_of_another_chain_is_refused() {
    let written = written();
    let refused = verify(&written.path(), &other_chain(), &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("another chain"), "{refused}");
    let data = written.directory.path().join("none");
    import(&written.path(), &data, &other_chain(), &mut |_| {}).unwrap_err();
    assert!(!Store::directory_in(&data).exists());
}

#[test]
fn nothing_is_written_over() {
    let written = written();
    let chain = &written.replica.chain;
    let data = written.directory.path().join("data");
    let node = Node::open(&data, chain, config()).unwrap();
    let again = node
        .view
        .write_snapshot(&written.replica.genesis, &written.path(), &mut |_| {});
    assert!(matches!(again, Err(SnapshotFailed::Exists(_))));
    let import_over = || import(&written.path(), &data, chain, &mut |_| {});
    assert!(matches!(import_over(), Err(SnapshotFailed::HasStore(_))));
    drop(node);
    assert!(matches!(import_over(), Err(SnapshotFailed::HasStore(_))));
    let node = Node::open(&data, chain, config()).unwrap();
    assert_eq!(node.link, written.replica.link);
}

#[test]
fn what_an_interrupted_import_left_is_begun_anew_and_one_under_way_is_not_disturbed() {
    let written = written();
    let chain = &written.replica.chain;
    let data = written.directory.path().join("half");
    let new = data.join(".state.new");
    fs::create_dir_all(&new).unwrap();
    for name in ["checkpoint.redb", "00000000.seg", "tree.cache"] {
        fs::write(new.join(name), b"half").unwrap();
    }
    {
        let _under_way = sapwood_store::disk::Folder::open(&new).unwrap();
        let refused = import(&written.path(), &data, chain, &mut |_| {});
        assert!(matches!(
            refused,
            Err(SnapshotFailed::Store(OpenStore::Locked { .. }))
        ));
    }
    import(&written.path(), &data, chain, &mut |_| {}).unwrap();
    assert!(!new.exists());
    let node = Node::open(&data, chain, config()).unwrap();
    assert_eq!(node.link, written.replica.link);
}

#[test]
fn a_snapshot_that_was_given_up_half_way_leaves_nothing_in_the_next_one() {
    let written = written();
    let good = files(&written.path());
    let place = written.directory.path().join("again");
    let partial = written.directory.path().join("again.partial");
    put(&partial, &good);
    let stale = partial.join("chunks").join("0".repeat(64));
    fs::write(&stale, "of another state").unwrap();
    let data = written.directory.path().join("data");
    let node = Node::open(&data, &written.replica.chain, config()).unwrap();
    node.view
        .write_snapshot(&written.replica.genesis, &place, &mut |_| {})
        .unwrap();
    assert!(!partial.exists());
    assert_eq!(files(&place), good);
}
