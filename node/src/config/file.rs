//! The file: read within bounds, parsed with the place of each key, and checked key by key.

use super::fault::Fault;
use super::{EITHER, Kind, PARTS, Setting, meaning, unknown};
use rustix::fs::{FileType, Mode, OFlags};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// Longest file that is read, in bytes: a hundred times one with every key.
const MAX_FILE: u64 = 64 * 1024;

/// Old names of keys, with the new ones. They work until the next major release, with a warning. None has had to be renamed so far.
const RENAMED: &[(&str, &str)] = &[];

/// A key of the file and its value, as a flag would give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The value.
    pub(crate) text: String,
    /// Where it stands, counted from 1.
    pub(crate) line: usize,
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    /// By the name of the setting, with its table.
    pub(crate) by_key: BTreeMap<String, Entry>,
    /// What is in order and still worth a word.
    pub(crate) warnings: Vec<String>,
}

/// Reads a file; none if there is none.
///
/// # Errors
/// A fault if it cannot be read, is not a file, is longer than 64 KiB, is not UTF-8, or anybody may write it.
pub(crate) fn read(path: &Path) -> Result<Option<String>, Fault> {
    let unreadable = |error: io::Error| {
        Fault::whole(
            format!("cannot be read: {error}"),
            "name a file that can be read with --config",
        )
    };
    // Not blocking, so that a pipe is found to be one.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
        Err(errno) => return Err(unreadable(errno.into())),
    };
    let stat = rustix::fs::fstat(&file).map_err(|e| unreadable(e.into()))?;
    match FileType::from_raw_mode(stat.st_mode) {
        // Whoever may write it chooses who is paid.
        FileType::RegularFile if stat.st_mode & 0o002 != 0 => {
            return Err(Fault::whole("can be written by anybody", "chmod o-w"));
        }
        FileType::RegularFile | FileType::CharacterDevice => {}
        _ => return Err(Fault::whole("is no file", "name a file of TOML")),
    }
    let mut bytes = Vec::new();
    let mut file = file.take(MAX_FILE + 1);
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    if file.limit() == 0 {
        let reason = format!("is longer than {MAX_FILE} bytes");
        return Err(Fault::whole(
            reason,
            "`sapwood config show` prints a short one",
        ));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            Err(Fault {
                line: Some(1 + valid.iter().filter(|byte| **byte == b'\n').count()),
                ..Fault::whole("is not UTF-8", "save it as UTF-8")
            })
        }
    }
}

/// Parses and checks a whole file, the parts that do not run included.
///
/// # Errors
/// All faults.
pub(crate) fn parse(text: &str, settings: &[Setting]) -> Result<Entries, Vec<Fault>> {
    parse_with(text, settings, RENAMED)
}

pub(super) fn parse_with(
    text: &str,
    settings: &[Setting],
    renamed: &[(&str, &str)],
) -> Result<Entries, Vec<Fault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let table = DeTable::parse(text).map_err(|error| vec![syntax(text, &error)])?;
    let mut walk = Walk {
        text,
        settings,
        renamed,
        entries: Entries::default(),
        faults: Vec::new(),
    };
    for (key, value) in table.get_ref() {
        match (value.get_ref(), key.get_ref()) {
            (DeValue::Table(inner), part) if PARTS.contains(&part.as_ref()) => {
                for (name, value) in inner {
                    let full = format!("{part}.{}", name.get_ref());
                    walk.take(&full, name.span().start, value);
                }
            }
            (_, name) => walk.take(name, key.span().start, value),
        }
    }
    walk.exclusions();
    match walk.faults.is_empty() {
        true => Ok(walk.entries),
        false => Err(walk.faults),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

fn syntax(text: &str, error: &toml::de::Error) -> Fault {
    let span = error.span().unwrap_or(0..0);
    let shown = text.get(span.clone()).unwrap_or_default();
    let is_key = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let key = match shown.chars().all(is_key) {
        true => shown,
        false => "",
    };
    Fault {
        line: Some(line_of(text, span.start)),
        key: key.to_owned(),
        reason: format!("is not TOML: {}", error.message()),
        allowed: "lines such as `log = \"info\"`, tables such as [node]".to_owned(),
    }
}

struct Walk<'a> {
    text: &'a str,
    settings: &'a [Setting],
    renamed: &'a [(&'a str, &'a str)],
    entries: Entries,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    fn take(&mut self, key: &str, offset: usize, value: &Spanned<DeValue<'_>>) {
        let line = line_of(self.text, offset);
        let new = self.renamed.iter().find(|(old, _)| *old == key);
        let name = new.map_or(key, |(_, new)| new);
        let fault = |reason: String, allowed: String| Fault {
            line: Some(line),
            key: key.to_owned(),
            reason,
            allowed,
        };
        let found = self.settings.iter().find(|setting| setting.key() == name);
        let Some(setting) = found else {
            let (reason, allowed) = unknown::explain(key, self.settings);
            self.faults.push(fault(reason, allowed));
            return;
        };
        let checked = text_of(setting, value.get_ref())
            .and_then(|text| meaning::check(setting, &text).map(|()| text));
        match checked {
            Ok(text) => {
                if new.is_some() {
                    self.entries.warnings.push(format!(
                        "line {line}: `{key}` is called `{name}` now; the old name works until the next major release"
                    ));
                }
                let entry = Entry { text, line };
                if self.entries.by_key.insert(name.to_owned(), entry).is_some() {
                    let reason = format!("stands there as `{name}` as well");
                    self.faults.push(fault(reason, "keep one".to_owned()));
                }
            }
            Err(reason) => self.faults.push(fault(reason, setting.allowed())),
        }
    }

    /// Keys that cannot stand together.
    fn exclusions(&mut self) {
        for part in [None].into_iter().chain(PARTS.map(Some)) {
            for group in EITHER {
                let key = |name: &&str| match part {
                    Some(part) => format!("{part}.{name}"),
                    None => (*name).to_owned(),
                };
                let mut found = group.iter().map(key).filter_map(|key| {
                    let entry = self.entries.by_key.get(&key)?;
                    Some((key, entry.line))
                });
                if let (Some((first, _)), Some((second, line))) = (found.next(), found.next()) {
                    self.faults.push(Fault {
                        line: Some(line),
                        reason: format!("says the same as `{first}` in another way"),
                        key: second,
                        allowed: "keep one".to_owned(),
                    });
                }
            }
        }
    }
}

/// The value as a flag would give it.
fn text_of(setting: &Setting, value: &DeValue<'_>) -> Result<String, String> {
    let text = match (setting.kind(), value) {
        (Kind::Switch, DeValue::Boolean(value)) => value.to_string(),
        (Kind::Number, DeValue::Integer(number)) => decimal(number)?,
        (Kind::Path | Kind::Text, DeValue::String(text)) => text.clone().into_owned(),
        (_, other) => {
            return Err(format!(
                "is a value of the wrong type, {}",
                other.type_str()
            ));
        }
    };
    match text.is_empty() {
        true => Err("is empty".to_owned()),
        false => Ok(text),
    }
}

fn decimal(number: &DeInteger<'_>) -> Result<String, String> {
    match i128::from_str_radix(number.as_str(), number.radix()) {
        Ok(value) => Ok(value.to_string()),
        Err(_) => Err("is a number beyond all bounds".to_owned()),
    }
}
