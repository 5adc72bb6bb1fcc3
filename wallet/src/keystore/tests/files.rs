//! Unfit files and folders, locks, leftovers, failing writes.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::super::place::{Folder, Publish};
use super::super::{FileFault, Locked, OpenWallet};
use super::*;

fn open_fault(path: &Path) -> FileFault {
    match WalletFile::open(path, PASSPHRASE).expect_err("this must not open") {
        OpenWallet::File(fault) => fault,
        other => panic!("{other}"),
    }
}

fn create_fault(path: &Path) -> FileFault {
    match create(path).expect_err("this must not be created") {
        CreateWallet::File(fault) => fault,
        other => panic!("{other}"),
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn missing_folders_are_created_for_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sapwood/dev/wallets/main");
    drop(create(&path).unwrap());
    for made in ["sapwood", "sapwood/dev", "sapwood/dev/wallets"] {
        assert_eq!(mode(&folder.path().join(made)), 0o700, "{made}");
    }
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn whatever_stands_in_the_place_of_a_new_wallet_stays() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    let path = folder.path().join("main");
    fs::write(&path, "precious").unwrap();
    assert!(matches!(create_fault(&path), FileFault::Exists { .. }));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    for place in [
        |path: &Path| symlink(path.with_file_name("elsewhere"), path).unwrap(),
        fifo,
    ] {
        fs::remove_file(&path).unwrap();
        place(&path);
        assert!(matches!(create_fault(&path), FileFault::Exists { .. }));
    }
    assert!(!elsewhere.exists(), "a dangling link must not be followed");
    assert_eq!(names(folder.path()), ["main"]);
}

#[test]
fn only_regular_files_are_opened() {
    let (folder, path) = closed_wallet();
    let at = |name: &str| folder.path().join(name);
    symlink(&path, at("link")).unwrap();
    symlink(at("nowhere"), at("dangling")).unwrap();
    fifo(&at("pipe"));
    let _listener = UnixListener::bind(at("socket")).unwrap();
    DirBuilder::new().mode(0o700).create(at("folder")).unwrap();
    for (path, expected) in [
        (at("link"), "symbolic link"),
        (at("dangling"), "symbolic link"),
        (at("pipe"), "named pipe"),
        (at("socket"), "socket"),
        (at("folder"), "directory"),
        ("/dev/full".into(), "device"),
    ] {
        match open_fault(&path) {
            FileFault::Kind { kind, .. } => assert_eq!(kind, expected),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_file_that_others_may_touch_is_refused_with_the_command_that_helps() {
    let (_folder, path) = closed_wallet();
    for bit in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001] {
        chmod(&path, 0o600 | bit);
        let fault = open_fault(&path);
        assert!(
            matches!(fault, FileFault::Mode { mode, .. } if mode == 0o600 | bit),
            "{fault}"
        );
        assert!(
            fault
                .to_string()
                .contains(&format!("chmod 600 {}", path.display()))
        );
    }
    chmod(&path, 0o400);
    WalletFile::open(&path, PASSPHRASE).unwrap();
}

#[test]
fn a_folder_that_everybody_may_write_to_is_refused_unless_it_is_sticky() {
    let (folder, path) = closed_wallet();
    chmod(folder.path(), 0o777);
    assert!(matches!(open_fault(&path), FileFault::OpenFolder { .. }));
    assert!(matches!(
        create_fault(&path.with_file_name("other")),
        FileFault::OpenFolder { .. }
    ));
    assert_eq!(names(folder.path()), ["main"]);
    chmod(folder.path(), 0o1777);
    drop(create(&path.with_file_name("other")).unwrap());
    WalletFile::open(&path, PASSPHRASE).unwrap();
}

#[test]
fn missing_files_and_paths_without_a_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["main", "no/main"] {
        assert!(
            matches!(
                open_fault(&folder.path().join(name)),
                FileFault::Missing { .. }
            ),
            "{name}"
        );
    }
    for path in ["/", "..", "", "a/.."] {
        assert!(
            matches!(open_fault(path.as_ref()), FileFault::NoName { .. }),
            "{path}"
        );
        assert!(
            matches!(create_fault(path.as_ref()), FileFault::NoName { .. }),
            "{path}"
        );
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_file_that_no_wallet_can_be_is_not_read() {
    let (_folder, path) = closed_wallet();
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    assert!(
        matches!(open_fault(&path), FileFault::Length { bytes, limit, .. } if bytes == 1 << 40 && limit == 2 << 20)
    );
}

#[test]
fn a_second_opener_is_told_who_has_the_wallet() {
    let (folder, path) = closed_wallet();
    let (first, content) = WalletFile::open(&path, PASSPHRASE).unwrap();
    let error = WalletFile::open(&path, PASSPHRASE).unwrap_err();
    assert!(
        matches!(error, OpenWallet::Locked(Locked::Held { pid: Some(pid), .. }) if pid == std::process::id())
    );
    let expected = format!(
        "{} is locked by process {}",
        path.display(),
        std::process::id()
    );
    assert!(error.to_string().starts_with(&expected), "{error}");
    first.save(&content).unwrap();
    WalletFile::open(&path, PASSPHRASE).expect_err("saving must not let the lock go");
    drop(first);
    WalletFile::open(&path, PASSPHRASE).unwrap();
    assert_eq!(names(folder.path()), ["main"]);
}

#[test]
fn two_creators_of_one_wallet_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main");
    let first = create(&path).unwrap();
    assert!(matches!(create(&path), Err(CreateWallet::Locked(_))));
    drop(first);
    assert!(matches!(create_fault(&path), FileFault::Exists { .. }));
}

#[test]
fn what_a_crash_leaves_behind_neither_hinders_nor_stays() {
    let (folder, path) = closed_wallet();
    fs::write(folder.path().join(".main.new"), "half a wallet").unwrap();
    fs::write(folder.path().join("main.lock"), "4194304\n").unwrap();
    drop(WalletFile::open(&path, PASSPHRASE).unwrap());
    assert_eq!(names(folder.path()), ["main"]);
    fs::remove_file(&path).unwrap();
    fs::write(folder.path().join(".main.new"), "half a wallet").unwrap();
    drop(create(&path).unwrap());
    assert_eq!(names(folder.path()), ["main"]);
}

#[test]
fn links_in_the_place_of_our_own_side_files_are_not_followed() {
    for side in [".main.new", "main.lock"] {
        let (folder, path) = closed_wallet();
        let target = folder.path().join("target");
        fs::write(&target, "precious").unwrap();
        symlink(&target, folder.path().join(side)).unwrap();
        assert!(
            matches!(open_fault(&path), FileFault::Kind { .. }),
            "{side}"
        );
        assert_eq!(fs::read(&target).unwrap(), b"precious");
    }
}

#[test]
fn a_failed_write_leaves_no_file_and_a_failed_replacement_the_former_one() {
    let (folder, path) = closed_wallet();
    let before = fs::read(&path).unwrap();
    let (place, name) = Folder::of(&path).unwrap();
    let full = |file: &mut File| {
        file.write_all(b"the first half")?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    };
    let replaced = place.publish(&name, Publish::Replace, full);
    assert!(matches!(
        replaced,
        Err(FileFault::Io {
            action: "write",
            ..
        })
    ));
    place
        .publish("other".as_ref(), Publish::New, full)
        .unwrap_err();
    assert_eq!(names(folder.path()), ["main"]);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn publishing_anew_never_takes_a_name_that_came_up_meanwhile() {
    let (folder, path) = closed_wallet();
    let (place, name) = Folder::of(&path).unwrap();
    let before = fs::read(&path).unwrap();
    let result = place.publish(&name, Publish::New, |file| file.write_all(b"intruder"));
    assert!(matches!(result, Err(FileFault::Exists { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(folder.path()), ["main"]);
}
