//! What is shipped beside the program: the Debian package, made of the program under test, and the systemd unit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sapwood_tests::{Home, Ran};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .canonicalize()
        .unwrap()
}

fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        println!("skipped: `{program}` is not installed");
    }
    found
}

fn run(program: &str, args: &[&str]) -> Ran {
    Ran::of(Command::new(program).args(args).output().unwrap())
}

#[test]
fn the_debian_package_holds_a_program_that_runs_and_all_that_belongs_to_it() {
    if !is_installed("dpkg-deb") {
        return;
    }
    let home = Home::new();
    let program = home.command("", &[]).get_program().to_owned();
    let script = root().join("packaging/deb/build");
    let built = Command::new(script)
        // Quick, since nobody will keep it.
        .envs([
            ("DPKG_DEB_COMPRESSOR_TYPE", "gzip"),
            ("DPKG_DEB_COMPRESSOR_LEVEL", "1"),
        ])
        .arg(&program)
        .arg(home.path())
        .output()
        .unwrap();
    let built = Ran::of(built).expect(0);
    let package = built.stdout.trim();
    let contents = run("dpkg-deb", &["--contents", package]).expect(0).stdout;
    for file in [
        "./usr/bin/sapwood",
        "./usr/lib/systemd/system/sapwood.service",
        "./usr/lib/sysusers.d/sapwood.conf",
        "./etc/sapwood/sapwood.toml",
        "./usr/share/man/man1/sapwood.1.gz",
        "./usr/share/man/man1/sapwood-node.1.gz",
        "./usr/share/bash-completion/completions/sapwood",
        "./usr/share/zsh/vendor-completions/_sapwood",
        "./usr/share/fish/vendor_completions.d/sapwood.fish",
        "./usr/share/doc/sapwood/copyright",
        "./usr/share/doc/sapwood/commands.md",
    ] {
        let found = contents
            .lines()
            .any(|line| line.ends_with(&format!(" {file}")));
        assert!(found, "{file} is missing:\n{contents}");
    }
    assert!(
        contents.lines().all(|line| line.contains("root/root")),
        "{contents}"
    );
    let control = run("dpkg-deb", &["--field", package]).expect(0).stdout;
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        control.contains("Package: sapwood\n")
            && control.contains(&format!("Version: {version}\n")),
        "{control}"
    );

    let place = home.path().join("root");
    let place = place.to_str().unwrap();
    run("dpkg-deb", &["--extract", package, place]).expect(0);
    let installed = format!("{place}/usr/bin/sapwood");
    let said = run(&installed, &["--version"]).expect(0);
    assert_eq!(said.stdout, format!("sapwood {version}\n"));
    // The settings that are shipped are right.
    let settings = format!("{place}/etc/sapwood/sapwood.toml");
    run(&installed, &["config", "check", &settings]).expect(0);
}

#[test]
fn the_unit_names_flags_that_exist_and_systemd_understands_it() {
    let unit = root().join("packaging/systemd/sapwood.service");
    let text = fs::read_to_string(&unit).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/sapwood "));
    let words: Vec<&str> = line.unwrap().split(' ').collect();
    let home = Home::new();
    let help = home.run("", &[&words[..], &["--help"]].concat()).expect(0);
    assert!(help.stdout.contains("Run a full node"), "{help:?}");
    for promise in [
        "Type=notify",
        "WatchdogSec=",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
    ] {
        assert!(text.contains(promise), "{promise}");
    }
    if !is_installed("systemd-analyze") {
        return;
    }
    let path = unit.to_str().unwrap();
    let verified = run("systemd-analyze", &["verify", "--man=no", path]);
    // The program need not be installed where the test runs.
    let faults = verified.stderr.lines();
    let faults: Vec<&str> = faults
        .filter(|line| line.contains("sapwood.service") && !line.contains("is not executable"))
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
    let limit = ["security", "--offline=true", "--threshold=20", path];
    let rated = run("systemd-analyze", &limit);
    assert_eq!(rated.code, Some(0), "{rated:?}");
}
