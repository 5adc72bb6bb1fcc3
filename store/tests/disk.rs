//! Disks: what a folder refuses, what a simulated power cut may leave, and redb on a simulated disk.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use redb::{Builder, Database, ReadableDatabase, TableDefinition};
use sapwood_store::disk::{Backend, Disk, Fault, Folder, OpenMode, Simulated};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

fn contents(disk: &dyn Disk, name: &str) -> Option<Vec<u8>> {
    let file = disk.open(name, OpenMode::Existing).ok()?;
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    Some(bytes)
}

/// What any disk does.
fn obeys_the_trait(disk: &dyn Disk) {
    assert_eq!(
        disk.open("a", OpenMode::Existing).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let a = disk.open("a", OpenMode::Create).unwrap();
    assert_eq!(
        disk.open("a", OpenMode::Create).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    a.write_at(5000, b"end").unwrap();
    a.write_at(1, b"start").unwrap();
    assert_eq!(a.len().unwrap(), 5003);
    let mut bytes = [9; 7];
    a.read_at(0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"\0start\0");
    let past = a.read_at(5000, &mut [0; 4]).unwrap_err();
    assert_eq!(past.kind(), ErrorKind::UnexpectedEof);
    assert!(past.to_string().contains('a'), "{past}");
    // What is cut off does not come back.
    a.set_len(3).unwrap();
    a.allocate(6).unwrap();
    a.allocate(2).unwrap();
    assert_eq!(contents(disk, "a").unwrap(), b"\0st\0\0\0");
    a.sync().unwrap();
    disk.open("b", OpenMode::Create).unwrap();
    disk.rename("a", "b").unwrap();
    disk.sync().unwrap();
    assert_eq!(disk.list().unwrap(), ["b"]);
    assert_eq!(contents(disk, "b").unwrap(), b"\0st\0\0\0");
    disk.remove("b").unwrap();
    assert_eq!(disk.remove("b").unwrap_err().kind(), ErrorKind::NotFound);
    a.write_at(0, b"x").unwrap();
    assert!(disk.list().unwrap().is_empty());
}

#[test]
fn a_folder_and_a_simulated_disk_behave_alike() {
    let directory = tempfile::tempdir().unwrap();
    obeys_the_trait(&Folder::open(directory.path()).unwrap());
    obeys_the_trait(&Simulated::new());
}

#[test]
fn a_folder_takes_regular_files_of_its_own_only() {
    let directory = tempfile::tempdir().unwrap();
    let folder = Folder::open(directory.path()).unwrap();
    assert_eq!(
        Folder::open(directory.path()).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    folder.open("file", OpenMode::Create).unwrap();
    let mode = std::fs::metadata(directory.path().join("file")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    std::os::unix::fs::symlink("file", directory.path().join("link")).unwrap();
    std::fs::create_dir(directory.path().join("folder")).unwrap();
    for name in ["link", "folder", "", ".", "..", "../x", "folder/x", "a\0b"] {
        assert!(folder.open(name, OpenMode::Existing).is_err(), "{name:?}");
        assert!(folder.open(name, OpenMode::Create).is_err(), "{name:?}");
    }
    assert_eq!(folder.list().unwrap(), ["file"]);
    drop(folder);
    Folder::open(directory.path()).unwrap();
}

#[test]
fn a_power_cut_keeps_what_was_synced_and_any_part_of_the_rest() {
    let disk = Simulated::new();
    let file = disk.open("kept", OpenMode::Create).unwrap();
    file.write_at(0, &[1; 2048]).unwrap();
    file.sync().unwrap();
    disk.sync().unwrap();
    file.write_at(512, &[2; 1024]).unwrap();
    file.write_at(1024, &[3; 2048]).unwrap();
    disk.open("new", OpenMode::Create).unwrap();
    let mut seen = BTreeSet::new();
    let (mut new, mut lengths) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..2_000 {
        let after = disk.power_cut(seed);
        let bytes = contents(&after, "kept").unwrap();
        assert_eq!(bytes[..512], [1; 512]);
        let sectors: Vec<u8> = bytes[..2048]
            .chunks(512)
            .map(|sector| {
                assert!(
                    sector.iter().all(|byte| *byte == sector[0]),
                    "torn inside a sector"
                );
                sector[0]
            })
            .collect();
        seen.insert(sectors);
        lengths.insert(bytes.len());
        new.insert(contents(&after, "new").is_some());
        assert_eq!(
            contents(&after, "kept"),
            contents(&disk.power_cut(seed), "kept")
        );
    }
    // Second sector old or of the first write, third any of the three, fourth old or of the second write.
    assert_eq!(seen.len(), 2 * 3 * 2);
    assert!(
        lengths.contains(&2048) && lengths.contains(&3072),
        "{lengths:?}"
    );
    assert_eq!(new.len(), 2);
}

#[test]
fn names_need_the_directory_synced() {
    let disk = Simulated::new();
    let file = disk.open("a", OpenMode::Create).unwrap();
    file.write_at(0, b"a").unwrap();
    file.sync().unwrap();
    disk.sync().unwrap();
    disk.rename("a", "b").unwrap();
    let names: BTreeSet<_> = (0..100)
        .map(|seed| disk.power_cut(seed).list().unwrap())
        .collect();
    assert_eq!(
        names,
        BTreeSet::from([vec!["a".to_owned()], vec!["b".to_owned()]])
    );
    disk.sync().unwrap();
    assert!((0..100).all(|seed| contents(&disk.power_cut(seed), "b").unwrap() == b"a"));
}

#[test]
fn faults_begin_where_they_were_planned() {
    for fault in [Fault::NoSpace, Fault::Io, Fault::Stop] {
        let disk = Simulated::new();
        let file = disk.open("a", OpenMode::Create).unwrap();
        disk.sync().unwrap();
        assert_eq!(disk.operations(), 2);
        disk.fail_from(4, fault, 1);
        file.write_at(0, &[1; 600]).unwrap();
        file.sync().unwrap();
        file.write_at(0, &[2; 600]).unwrap_err();
        file.sync().unwrap_err();
        disk.remove("a").unwrap_err();
        assert!(disk.open("b", OpenMode::Create).is_err());
        file.read_at(0, &mut [0; 600]).unwrap();
        disk.heal();
        file.sync().unwrap();
    }
}

#[test]
fn a_failed_sync_loses_what_it_did_not_write_although_it_can_be_read() {
    let (mut lost, mut kept) = (false, false);
    for seed in 0..50 {
        let disk = Simulated::new();
        let file = disk.open("a", OpenMode::Create).unwrap();
        disk.sync().unwrap();
        file.write_at(0, b"new").unwrap();
        disk.fail_from(disk.operations(), Fault::Io, seed);
        file.sync().unwrap_err();
        disk.heal();
        file.sync().unwrap();
        assert_eq!(contents(&disk, "a").unwrap(), b"new");
        match contents(&disk.power_cut(0), "a").unwrap().as_slice() {
            b"new" => kept = true,
            _ => lost = true,
        }
    }
    assert!(lost && kept);
}

#[test]
fn redb_keeps_its_commits_on_a_simulated_disk() {
    const TABLE: TableDefinition<'_, u64, u64> = TableDefinition::new("numbers");
    let open = |disk: &Simulated, mode| -> Database {
        let file = disk.open("redb", mode).unwrap();
        Builder::new().create_with_backend(Backend(file)).unwrap()
    };
    let disk = Simulated::new();
    let database = open(&disk, OpenMode::Create);
    disk.sync().unwrap();
    for n in 0..20 {
        let mut transaction = database.begin_write().unwrap();
        transaction.set_two_phase_commit(true);
        transaction
            .open_table(TABLE)
            .unwrap()
            .insert(n, n * n)
            .unwrap();
        transaction.commit().unwrap();
        for seed in 0..5 {
            let after = open(&disk.power_cut(n * 10 + seed), OpenMode::Existing);
            let table = after.begin_read().unwrap().open_table(TABLE).unwrap();
            let got = table.get(n).unwrap().unwrap().value();
            assert_eq!(got, n * n);
        }
    }
}
