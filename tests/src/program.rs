//! Finds the `sapwood` program that belongs to the running test, and builds it if it is not there or older than its sources.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The program's path. The first caller of each test process makes sure that it is up to date; the others wait for it.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // A test runs from `<target>/<profile>/deps`; programs are put one level up.
        let test = std::env::current_exe().expect("a running test has a path");
        let profile = test.ancestors().nth(2).expect("cargo's layout");
        let program = profile.join(format!("sapwood{}", std::env::consts::EXE_SUFFIX));
        if !is_fresh(&program) {
            build(profile, &program);
        }
        program
    })
}

/// Whether the program is younger than every source that cargo says it was made of (the `.d` file beside it).
fn is_fresh(program: &Path) -> bool {
    let Some(built) = modified(program) else {
        return false;
    };
    let Ok(list) = fs::read_to_string(program.with_extension("d")) else {
        return false;
    };
    let sources = list.split_once(": ").map_or("", |(_, sources)| sources);
    sources
        .split_whitespace()
        .all(|source| modified(Path::new(source)).is_some_and(|at| at <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|m| m.modified()).ok()
}

fn build(profile: &Path, program: &Path) {
    // Test processes that start together must not start as many builds.
    let lock = File::create(profile.join(".sapwood-tests.lock")).expect("a lock in the target");
    lock.lock().expect("a lock on a local file");
    if is_fresh(program) {
        return;
    }
    let name = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "sapwood-node"])
        .args(["--bin", "sapwood", "--profile", name, "--target-dir"])
        .arg(profile.parent().expect("cargo's layout"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "the sapwood program could not be built: {status:?}"
    );
}
