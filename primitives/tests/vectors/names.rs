//! names.json and records.json: the form of names and their phases (specs/06 §1, §2), the envelope of records (specs/07 §1).

use sapwood_primitives::leaf::{NameLeaf, Phase};
use sapwood_primitives::records::Entry;
use sapwood_primitives::{AccountId, Amount, Chain, Height, Name, Records};
use serde_json::Value;

use crate::common::{bytes, cases, number, optional_array, string};

#[test]
fn valid_names_are_taken_as_they_are() {
    for case in cases("names.json", "valid") {
        let text = case.as_str().unwrap();
        assert_eq!(text.parse::<Name>().unwrap().as_str(), text);
    }
}

#[test]
fn invalid_names_are_refused() {
    for case in cases("names.json", "invalid") {
        let name = string(&case, "name");
        assert!(name.parse::<Name>().is_err(), "{case}");
        assert!(Name::from_bytes(name.as_bytes()).is_err(), "{case}");
    }
}

#[test]
fn phases_follow_from_owner_term_and_height() {
    for case in cases("names.json", "phases") {
        let rules = Chain::named(string(&case, "chain")).unwrap().consensus;
        let leaf = NameLeaf {
            name: "alice".parse().unwrap(),
            owner: optional_array(&case, "owner").map(AccountId),
            paid_until: Height::new(number(&case, "paid_until")),
            last_price: Amount::ZERO,
        };
        for at in case["heights"].as_array().unwrap() {
            let expected = match string(at, "phase") {
                "active" => Some(Phase::Active),
                "suspended" => Some(Phase::Suspended),
                "released" => Some(Phase::Released),
                "available" => None,
                other => panic!("no phase is called {other}"),
            };
            let height = Height::new(number(at, "height"));
            assert_eq!(leaf.phase(height, &rules), expected, "{leaf:?} at {height}");
        }
    }
}

fn entry(case: &Value) -> Entry {
    Entry {
        owner: bytes(case, "owner"),
        rtype: number(case, "type"),
        ttl: number(case, "ttl"),
        rdata: bytes(case, "rdata"),
    }
}

#[test]
fn records_and_their_entries_are_the_vectors() {
    for case in cases("records.json", "valid") {
        let records = Records::from_bytes(&bytes(&case, "hex")).unwrap();
        let mut entries: Vec<Entry> = case["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(entry)
            .collect();
        assert_eq!(records.entries(), entries, "{case}");
        entries.reverse();
        assert_eq!(Records::from_entries(entries), Ok(records), "{case}");
    }
}

#[test]
fn records_with_a_bad_envelope_are_refused() {
    for case in cases("records.json", "invalid") {
        let result = Records::from_bytes(&bytes(&case, "hex"));
        assert!(result.is_err(), "{case}");
    }
}
