//! The program as a whole: that it starts, and what its exit code says. What it does once it runs is tested by `sapwood-tests`.
//!
//! Cargo builds a program for the tests of its own package only. So this file is also why `cargo test --workspace` builds `sapwood` before the tests that start it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn sapwood(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sapwood"));
    command.env_clear().args(args).output().unwrap()
}

#[test]
fn the_version_is_the_packages() {
    let output = sapwood(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    let expected = format!("sapwood {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn words_that_mean_nothing_are_a_usage_error_in_text_and_in_json() {
    for args in [
        &["nonsense"][..],
        &["node", "--ports", "some"],
        &["--chain", "moon", "status"],
        &[],
    ] {
        let text = sapwood(args);
        assert_eq!(text.status.code(), Some(2), "{args:?}");
        assert!(
            text.stdout.is_empty() && !text.stderr.is_empty(),
            "{args:?}"
        );
    }
    let output = sapwood(&["--json", "nonsense"]);
    assert_eq!(output.status.code(), Some(2));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["exit"], 2);
    assert_eq!(answer["error"]["code"], "usage");
}

#[test]
fn without_a_home_it_says_what_to_set() {
    let output = sapwood(&["--chain", "dev", "node"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("--data-dir")
    );
}
