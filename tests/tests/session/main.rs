//! Whole sessions at the command line, as people have them: the one of the README, and the lives of names, limits, guardians and wallets.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod careful;
#[path = "../common/mod.rs"]
mod common;
mod limits;
mod names;
mod readme;
mod wallets;

use sapwood_tests::{Home, Ran};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a script in a second terminal, with `sapwood` on the path.
fn shell(home: &Home, script: &str) -> Ran {
    let known = home.command("", &[]);
    let program = Path::new(known.get_program());
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut command = Command::new("sh");
    command
        .args(["-euc", script])
        .env_clear()
        .current_dir(home.path());
    let variables = known.get_envs();
    command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", path).stdin(Stdio::null());
    Ran::of(command.output().unwrap())
}
