//! What to say of a key that is none: the nearest one, where it belongs, or why there is no such thing.

use super::{NO_KEYS, PARTS, Setting};

/// Least likeness, from 0 to 1, of a key that is proposed.
const ALIKE: f64 = 0.8;

/// Parts of names of what somebody would keep secret.
const SECRETS: [&str; 6] = [
    "passphrase",
    "password",
    "seed",
    "words",
    "mnemonic",
    "secret",
];

/// Whether a name sounds as if it held a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}

/// The reason, and what is allowed.
pub(super) fn explain(key: &str, settings: &[Setting]) -> (String, String) {
    let (part, name) = match key.split_once('.') {
        Some((part, name)) if PARTS.contains(&part) => (part, name),
        _ => ("", key),
    };
    if is_secret(name) {
        return (
            "is no key: no secret is read from this file".to_owned(),
            "a passphrase is asked for, or comes by --passphrase-fd".to_owned(),
        );
    }
    if name == "include" {
        let reason = "is no key: a file stands alone".to_owned();
        return (reason, "put all keys into one file".to_owned());
    }
    if PARTS.contains(&key) {
        let allowed = format!("write [{key}] on a line, and its keys below");
        return ("is a table and no value".to_owned(), allowed);
    }
    let flag = name.replace('_', "-");
    let excepted = NO_KEYS.iter().find(|(p, f, _)| *p == part && *f == flag);
    if let Some((_, _, reason)) = excepted {
        let allowed = format!("give --{flag} on the command line");
        return (format!("is a flag and no key: {reason}"), allowed);
    }
    let here = |setting: &&Setting| setting.part.unwrap_or("") == part;
    let elsewhere = settings.iter().find(|setting| setting.name == name);
    if let Some(setting) = elsewhere {
        let place = match setting.part {
            Some(part) => format!("it belongs into [{part}]"),
            None => "it belongs to the top, before all tables".to_owned(),
        };
        return ("is no key of this table".to_owned(), place);
    }
    let mut names: Vec<&str> = settings
        .iter()
        .filter(here)
        .map(|s| s.name.as_str())
        .collect();
    if part.is_empty() {
        names.extend(PARTS);
    }
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    let nearest = names
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let allowed = match nearest.filter(|nearest| likeness(nearest) >= ALIKE) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("keys here are {}", names.join(", ")),
    };
    ("is no key".to_owned(), allowed)
}
