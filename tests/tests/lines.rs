//! The table of wrong inputs is whole, and each test that it names exists.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Sections with the number of their last line. Line 51 of the RPC is not used.
const SECTIONS: [(&str, u32); 5] = [
    ("Wallet", 40),
    ("Files", 40),
    ("Configuration", 40),
    ("RPC", 54),
    ("DNS", 41),
];

/// Parts of the project that are still to come and bring inputs of their own.
const TO_COME: [&str; 5] = ["channels", "sites", "towers", "peers", "the relay"];

struct Row {
    line: u32,
    cells: [String; 3],
}

/// The rows of each section, in their order.
fn table() -> BTreeMap<String, Vec<Row>> {
    let text = include_str!("../LINES.md");
    let mut sections: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.to_owned();
            continue;
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let Some(Ok(line)) = cells.get(1).map(|cell| cell.parse()) else {
            continue;
        };
        let [_, _, input, outcome, test, _] = cells[..] else {
            panic!("not four cells: {cells:?}");
        };
        let cells = [input, outcome, test].map(str::to_owned);
        let rows = sections.entry(section.clone()).or_default();
        rows.push(Row { line, cells });
    }
    sections
}

#[test]
fn no_line_is_missing_or_there_twice() {
    let table = table();
    assert_eq!(table.len(), SECTIONS.len());
    for (section, last) in SECTIONS {
        let lines: Vec<_> = table[section].iter().map(|row| row.line).collect();
        let unused = (section == "RPC").then_some(51);
        let wanted: Vec<_> = (1..=last).filter(|line| Some(*line) != unused).collect();
        assert_eq!(lines, wanted, "{section}");
    }
}

#[test]
fn each_line_says_its_input_and_outcome_and_names_tests_that_exist() {
    let mut faults = Vec::new();
    for (section, rows) in table() {
        for Row { line, cells } in rows {
            let [input, outcome, test] = cells;
            let mut fault = |what: &str| faults.push(format!("{section} {line}: {what}"));
            if input.is_empty() || outcome.is_empty() {
                fault("input or outcome is empty");
            }
            if test.is_empty() {
                fault("no test");
            } else if let Some(part) = test.strip_prefix("comes with ") {
                if !TO_COME.contains(&part) {
                    fault(&format!("`{part}` is no part that is to come"));
                }
            } else {
                for name in test.split("; ") {
                    if !exists(name.trim_matches('`')) {
                        fault(&format!("{name} does not exist"));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether a test `path::function` is in the sources.
fn exists(test: &str) -> bool {
    let Some((path, function)) = test.split_once("::") else {
        return false;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let Ok(source) = fs::read_to_string(root.join(path)) else {
        return false;
    };
    let Some((before, _)) = source.split_once(&format!("fn {function}(")) else {
        return false;
    };
    // The attribute stands before the function, with nothing between that ends an item.
    let attributes = before.rsplit_once("\n\n").map_or(before, |(_, last)| last);
    attributes.contains("#[test]") || attributes.contains("#[tokio::test")
}
