//! The command line itself.

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

/// Every command, with its path.
fn leaves(command: &clap::Command, path: String, found: &mut Vec<(String, clap::Command)>) {
    let path = format!("{path} {}", command.get_name());
    if command.get_subcommands().next().is_none() {
        found.push((path, command.clone()));
        return;
    }
    for sub in command.get_subcommands() {
        leaves(sub, path.clone(), found);
    }
}

#[test]
fn every_command_says_what_it_does_and_has_an_example_that_parses() {
    Words::command().debug_assert();
    let mut all = Vec::new();
    leaves(&Words::command().name("sapwood"), String::new(), &mut all);
    assert!(all.len() >= 30, "{}", all.len());
    for (path, mut command) in all {
        let about = command.get_about().unwrap().to_string();
        assert!(
            !about.starts_with("How ") && !about.starts_with("Which "),
            "{path}: {about}"
        );
        for arg in command.get_arguments().filter(|arg| arg.get_id() != "help") {
            assert!(arg.get_help().is_some(), "{path} {}", arg.get_id());
        }
        let help = command.render_long_help().to_string();
        let example = help
            .split_once("Example:")
            .unwrap_or_else(|| panic!("{path} has no example"))
            .1;
        assert!(example.contains("sapwood "), "{path}");
        for line in example.lines().filter(|line| line.contains("sapwood")) {
            assert!(
                line.contains(path.trim().trim_start_matches("sapwood ")),
                "{path}: {line}"
            );
        }
    }
}

#[test]
fn what_is_no_amount_name_or_number_is_a_usage_error() {
    for line in [
        &["wallet", "send", "alice", "1,5"][..],
        &["wallet", "send", "alice", "1e9"],
        &["wallet", "send", "alice", "-1"],
        &["wallet", "send", "alice", "NaN"],
        &["wallet", "send", "alice", " 1"],
        &["wallet", "send", "alice", "1.123456789"],
        &["wallet", "send", "alice", "84000001"],
        &["wallet", "send", "alice", "1", "--fee", "1", "--fee", "2"],
        &["wallet", "create", "abandon abandon"],
        &["wallet", "create", "--words", "13"],
        &["name", "register"],
        &["name", "register", "Al_ice"],
        &["name", "register", "www.alice.leaf.alt"],
        &["name", "register", "ab--c"],
        &["name", "register", "alice", "--years", "0"],
        &["name", "register", "alice", "--years", "11"],
        &[
            "name",
            "register",
            "alice",
            "--resume",
            "--record",
            "@ A 1.2.3.4",
        ],
        &["name", "renew"],
        &["name", "renew", "alice", "--within", "9"],
        &[
            "name",
            "records",
            "alice",
            "--clear",
            "--add",
            "@ A 1.2.3.4",
        ],
        &["name", "standing-order", "--max", "2"],
        &["name", "standing-order", "--off"],
        &["name", "register", "alice", "--batch", "file"],
        &["name", "renew", "alice", "--batch", "file"],
        &["name", "renew", "--all", "--within", "9w"],
        &["limit", "set"],
        &["limit", "set", "--rate", "1", "--delay-days", "31"],
        &["limit", "recover", "dsap1q", "--to-key", "AB"],
        &["tx", "show", "12"],
        &["wallet"],
        &["wallet", "sned", "alice", "1"],
    ] {
        let result = Words::try_parse_from(std::iter::once(&"sapwood").chain(line));
        assert!(
            result.is_err_and(|error| error.kind() != ErrorKind::DisplayHelp),
            "{line:?}"
        );
    }
}
