//! Files right and wrong, without a process. What a process makes of them is tested by `sapwood-tests`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::fault::Fault;
use super::file::{Entries, parse, parse_with};
use super::{Kind, NO_KEYS, PARTS, settings};
use crate::cli::Cli;
use clap::CommandFactory;
use proptest::prelude::*;

fn parsed(text: &str) -> Result<Entries, Vec<Fault>> {
    parse(text, &settings(&Cli::command()))
}

fn fault(text: &str) -> Fault {
    let faults = parsed(text).unwrap_err();
    assert_eq!(faults.len(), 1, "{text:?}: {faults:?}");
    faults.into_iter().next().unwrap()
}

#[test]
fn every_long_flag_of_a_serving_command_is_a_key_or_has_a_reason() {
    let command = Cli::command();
    let settings = settings(&command);
    let parts = PARTS
        .iter()
        .map(|part| (*part, command.find_subcommand(part)));
    let all = [("", Some(&command))].into_iter().chain(parts);
    let mut excepted = 0;
    for (part, command) in all {
        let command = command.unwrap_or_else(|| panic!("no command {part}"));
        for arg in command.get_arguments() {
            let Some(flag) = arg.get_long() else {
                panic!("{part}: an argument without a flag cannot be a key: {arg:?}");
            };
            let exception = NO_KEYS.iter().find(|(p, f, _)| *p == part && *f == flag);
            let name = flag.replace('-', "_");
            let is_key = settings
                .iter()
                .any(|s| s.part.unwrap_or("") == part && s.name == name);
            assert!(is_key != exception.is_some(), "{part} --{flag}");
            if let Some((_, _, reason)) = exception {
                assert!(reason.len() > 10, "{part} --{flag}");
                excepted += 1;
            }
            // Ids and flags go by one name, since the file finds the one by the other.
            assert_eq!(arg.get_id().as_str(), name, "{part}");
        }
    }
    assert_eq!(excepted, NO_KEYS.len(), "an exception that is none");
}

#[test]
fn the_kind_of_a_key_is_that_of_its_flag() {
    let all = settings(&Cli::command());
    let kinds: Vec<(String, Kind)> = all.iter().map(|s| (s.key(), s.kind())).collect();
    for (key, kind) in [
        ("chain", Kind::Text),
        ("data_dir", Kind::Path),
        ("log", Kind::Text),
        ("node.no_dns", Kind::Switch),
        ("node.port_base", Kind::Number),
        ("node.threads", Kind::Number),
        ("node.checkpoint_every", Kind::Number),
        ("resolver.port", Kind::Number),
    ] {
        assert!(kinds.contains(&(key.to_owned(), kind)), "{key}: {kinds:?}");
    }
}

#[test]
fn values_are_taken_as_flags_would_give_them() {
    let text = "chain = \"dev\"\nlog = 'info'\n[node]\nno_dns = true\nport_base = 19_450\ncheckpoint_every = 0x10\nthreads = 2\n[resolver]\nsuffix = \"names.alt\"\n";
    let entries = parsed(text).unwrap();
    let get = |key: &str| (&*entries.by_key[key].text, entries.by_key[key].line);
    assert_eq!(get("chain"), ("dev", 1));
    assert_eq!(get("node.no_dns"), ("true", 4));
    assert_eq!(get("node.port_base"), ("19450", 5));
    assert_eq!(get("node.checkpoint_every"), ("16", 6));
    assert_eq!(get("resolver.suffix"), ("names.alt", 9));
    // Dotted keys and inline tables are the same.
    let dotted = parsed("node.threads = 2\n").unwrap();
    let inline = parsed("node = { threads = 2 }\n").unwrap();
    assert_eq!(dotted, inline);
}

#[test]
fn rows_28_29_and_40_line_ends_byte_order_marks_and_emptiness_do_no_harm() {
    let unix = parsed("chain = \"dev\"\n[node]\nthreads = 2\n").unwrap();
    assert_eq!(
        parsed("chain = \"dev\"\r\n[node]\r\nthreads = 2\r\n").unwrap(),
        unix
    );
    assert_eq!(
        parsed("\u{feff}chain = \"dev\"\n[node]\nthreads = 2\n").unwrap(),
        unix
    );
    for empty in ["", "\n\n", "# nothing\n", "\u{feff}", "[node]\n"] {
        assert_eq!(parsed(empty).unwrap(), Entries::default(), "{empty:?}");
    }
}

#[test]
fn rows_3_5_and_27_what_is_no_toml_is_told_with_its_line() {
    let broken = fault("chain = \"dev\"\n[node\n");
    assert_eq!(broken.line, Some(2));
    let twice = fault("log = \"info\"\n\nlog = \"warn\"\n");
    assert_eq!((twice.line, &*twice.key), (Some(3), "log"));
    assert!(twice.reason.contains("duplicate"), "{twice:?}");
    assert_eq!(fault("[node]\nthreads = 2\n[node]\n").line, Some(3));
    assert_eq!(fault("log = \"in\u{0}fo\"\n").line, Some(1));
    assert_eq!(fault("log = \"info\"\n\u{0}\n").line, Some(2));
}

#[test]
fn nesting_without_end_is_refused_like_any_other_fault() {
    let deep = 30_000;
    for text in [
        format!("log = {}", "[".repeat(deep)),
        format!("log = {}1{}", "[".repeat(deep), "]".repeat(deep)),
        format!("{}a = 1", "a.".repeat(deep)),
        format!("[{}a]", "a.".repeat(deep)),
        format!("log = {}", "{a=".repeat(deep / 2)),
    ] {
        assert!(parsed(&text).is_err(), "{}", &text[..20]);
    }
}

#[test]
fn row_4_an_unknown_key_is_told_with_the_nearest() {
    for (text, line, key, allowed) in [
        ("chian = \"dev\"\n", 1, "chian", "did you mean `chain`?"),
        (
            "[node]\n\ntread = 2\n",
            3,
            "node.tread",
            "did you mean `threads`?",
        ),
        ("[nod]\nthreads = 2\n", 1, "nod", "did you mean `node`?"),
        ("threads = 2\n", 1, "threads", "it belongs into [node]"),
        (
            "[node]\nchain = \"dev\"\n",
            2,
            "node.chain",
            "it belongs to the top, before all tables",
        ),
        (
            "json = true\n",
            1,
            "json",
            "give --json on the command line",
        ),
        (
            "[dev]\nreset = true\n",
            2,
            "dev.reset",
            "give --reset on the command line",
        ),
    ] {
        let fault = fault(text);
        assert_eq!(fault.line, Some(line), "{fault:?}");
        assert_eq!((&*fault.key, &*fault.allowed), (key, allowed));
    }
    let far = fault("xyzzy = 1\n");
    assert!(
        far.allowed.contains("keys here are") && far.allowed.contains("node"),
        "{far:?}"
    );
}

#[test]
fn rows_8_9_11_to_13_17_and_34_to_36_what_is_no_setting_is_no_key() {
    for text in [
        "[node]\nbind = \"0.0.0.0\"\n",
        "[node]\nrpc_bind = \"localhost\"\n",
        "[node]\npeers = [\"/ip4/10.0.0.1/tcp/9450\"]\n",
        "[resolver]\nallow = [\"0.0.0.0/0\"]\n",
        "[relay]\non = true\n",
        "[resolver]\nupstream = \"127.0.0.1:9453\"\n",
        "[node]\ncache = \"10\"\n",
        "[node]\ncache_size = \"10 XB\"\n",
        "[node]\ntimeout = \"5\"\n",
    ] {
        assert!(fault(text).reason.contains("is no key"), "{text}");
    }
}

#[test]
fn rows_23_and_25_no_secret_and_no_other_file_is_read() {
    for key in ["passphrase", "wallet_password", "seed", "words"] {
        let fault = fault(&format!("{key} = \"bark beetle\"\n"));
        assert!(fault.reason.contains("no secret") && fault.allowed.contains("--passphrase-fd"));
        assert!(
            !format!("{fault:?}").contains("beetle"),
            "the value is not repeated"
        );
    }
    assert!(
        fault("include = \"sapwood.toml\"\n")
            .reason
            .contains("stands alone")
    );
}

#[test]
fn row_6_a_value_of_another_type_is_told_with_what_may_stand_there() {
    for (text, allowed) in [
        ("[node]\nport_base = \"9450\"\n", "a whole number"),
        ("[node]\nno_dns = \"yes\"\n", "true or false"),
        ("[node]\nno_dns = 1\n", "true or false"),
        ("chain = 1\n", "one of main, test, dev"),
        ("log = true\n", "a string"),
        ("log = [\"info\"]\n", "a string"),
        ("data_dir = 1979-05-27\n", "an absolute path"),
        ("node = 1\n", "write [node] on a line"),
        ("[log]\nlevel = 1\n", "a string"),
        ("[[node]]\nthreads = 2\n", "write [node] on a line"),
        ("[node.threads]\n", "a whole number"),
    ] {
        let fault = fault(text);
        assert!(fault.allowed.contains(allowed), "{text}: {fault:?}");
    }
}

#[test]
fn rows_7_10_and_37_numbers_outside_their_range_are_refused() {
    for text in [
        "port_base = 0",
        "port_base = 65536",
        "port_base = 65001",
        "port_base = -1",
        "port_base = 1.5",
        "threads = 0",
        "threads = -2",
        "threads = 18446744073709551616",
        "threads = 1e3",
        "checkpoint_every = 0",
        "checkpoint_every = 10001",
        "checkpoint_every = 340282366920938463463374607431768211456",
        "checkpoint_every = nan",
    ] {
        let fault = fault(&format!("[node]\n{text}\n"));
        assert_eq!(fault.line, Some(2), "{text}");
        assert!(fault.allowed.contains("whole number"), "{text}: {fault:?}");
    }
}

#[test]
fn row_15_an_unknown_network_is_told_with_the_known_ones() {
    let fault = fault("chain = \"prod\"\n");
    assert!(fault.reason.contains("prod") && fault.allowed.contains("main, test, dev"));
}

#[test]
fn rows_19_20_and_22_a_path_says_by_itself_where_it_leads() {
    for (path, part) in [
        ("data", "where the program is started"),
        ("./data", "where the program is started"),
        ("~/data", "not expanded"),
        ("$HOME/data", "not expanded"),
        ("/srv/${CHAIN}", "not expanded"),
        ("/", "root of the file system"),
        ("//", "root of the file system"),
        ("", "empty"),
    ] {
        let fault = fault(&format!("data_dir = \"{path}\"\n"));
        assert!(fault.reason.contains(part), "{path:?}: {fault:?}");
    }
    assert!(parsed("data_dir = \"/srv/sapwood\"\n").is_ok());
}

#[test]
fn row_32_a_log_filter_that_is_none_is_refused() {
    assert!(fault("log = \"sapwood=[\"\n").reason.contains("log filter"));
}

#[test]
fn row_33_no_top_level_domain_of_the_public_dns_is_taken() {
    for suffix in ["com", "de", "xyz", "COM.", "", "a..b"] {
        fault(&format!("[resolver]\nsuffix = \"{suffix}\"\n"));
    }
    for suffix in ["alt", "leaf.alt", "test", "names.example.org"] {
        assert!(
            parsed(&format!("[resolver]\nsuffix = \"{suffix}\"\n")).is_ok(),
            "{suffix}"
        );
    }
}

#[test]
fn keys_that_say_the_same_in_two_ways_exclude_each_other() {
    let fault = fault("[node]\nports = \"auto\"\nport_base = 9450\n");
    assert!(fault.allowed.contains("keep one"), "{fault:?}");
    assert!(parsed("[node]\nports = \"auto\"\n[dev]\nport_base = 9450\n").is_ok());
}

#[test]
fn row_39_an_old_name_works_and_warns() {
    let settings = settings(&Cli::command());
    let renamed = [("node.miner_threads", "node.threads")];
    let parse = |text: &str| parse_with(text, &settings, &renamed);
    let entries = parse("[node]\nminer_threads = 2\n").unwrap();
    assert_eq!(entries.by_key["node.threads"].text, "2");
    assert!(
        entries.warnings[0].contains("`node.threads`"),
        "{entries:?}"
    );
    assert!(parse("[node]\nthreads = 2\n").unwrap().warnings.is_empty());
    let both = parse("[node]\nminer_threads = 2\nthreads = 2\n").unwrap_err();
    assert!(both[0].reason.contains("as well"), "{both:?}");
}

#[test]
fn all_faults_are_found_and_the_first_line_is_told_first() {
    let text = "[node]\nthreads = 0\ntread = 1\n\n[dev]\nport_base = 0\n";
    let faults = parsed(text).unwrap_err();
    assert_eq!(faults.len(), 3);
    let error = super::fault::error(std::path::Path::new("/etc/s.toml"), faults);
    assert!(
        error
            .message
            .starts_with("/etc/s.toml, line 2: `node.threads` "),
        "{error}"
    );
    assert!(error.message.ends_with("; and 2 more"), "{error}");
    assert_eq!(error.exit.code(), 2);
}

proptest! {
    /// Whatever stands in a file: each fault has a line of it and a reason, and what is taken is taken again.
    #[test]
    fn no_text_brings_the_reader_down(
        text in prop_oneof![
            any::<String>(),
            "(\\[(node|dev|resolver|mine|x)\\]\n|(chain|log|threads|port_base|no_dns|suffix|data_dir|x\\.y) = (1|-1|0x1f|true|\"dev\"|\"/a\"|\\[1\\]|\\{a = 1\\})\n){0,8}",
        ],
    ) {
        let lines = text.lines().count().max(1) + 1;
        match parsed(&text) {
            Ok(entries) => prop_assert!(entries.by_key.values().all(|e| e.line <= lines && !e.text.is_empty())),
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    prop_assert!(fault.line.is_some_and(|line| (1..=lines).contains(&line)), "{:?}", fault);
                    prop_assert!(!fault.reason.is_empty() && !fault.allowed.is_empty(), "{:?}", fault);
                }
            }
        }
    }
}
