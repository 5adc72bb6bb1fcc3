//! What is wrong at the command line: the exit code, one line on stderr or one JSON object on stdout, and nothing done.
//!
//! Row numbers are those of the project's list of bad inputs for the command line.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod chain;
#[path = "../common/mod.rs"]
mod common;
mod config;
mod files;
mod output;
mod places;
mod storage;
mod usage;
mod wallet;

use sapwood_primitives::{AccountId, Address};
use sapwood_tests::Ran;
use serde_json::Value;

const FAILED: i32 = 1;
const USAGE: i32 = 2;
const REFUSED: i32 = 3;
const STORAGE: i32 = 4;

fn address() -> String {
    Address::new("dsap", AccountId([7; 32])).to_string()
}

/// Runs a command twice: as text, which must give one line on stderr and nothing on stdout, and as JSON, which must give one object on stdout. Gives the object's error.
#[track_caller]
fn fails(run: impl Fn(&[&str]) -> Ran, args: &[&str], code: i32) -> Value {
    let text = run(args);
    assert_eq!(text.code, Some(code), "{args:?}: {text:?}");
    assert_eq!(text.stdout, "", "{args:?}");
    let last = text.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("sapwood: "), "{args:?}: {text:?}");
    let json = run(&[&["--json"], args].concat());
    assert_eq!(json.code, Some(code), "{args:?}: {json:?}");
    let object = json.json();
    assert_eq!(object["schema"], 1, "{object}");
    let error = object["error"].clone();
    assert_eq!(error["exit"], code, "{args:?}: {error}");
    // A question that nobody could answer stands below what it was about.
    if code == USAGE && error["code"] != "not_confirmed" {
        assert_eq!(text.stderr.lines().count(), 1, "{args:?}: {text:?}");
    }
    for part in ["code", "message"] {
        assert!(
            error[part].as_str().is_some_and(|text| !text.is_empty()),
            "{args:?}: {error}"
        );
    }
    assert!(error["hint"].is_string(), "{args:?}: {error}");
    // Both say the same.
    let message = error["message"].as_str().unwrap();
    assert!(
        last.contains(message),
        "{args:?}: {message:?} is not in {last:?}"
    );
    for output in [&text, &json] {
        assert!(!output.stderr.contains("panicked"), "{output:?}");
    }
    error
}
