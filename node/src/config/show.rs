//! `sapwood config show` and `sapwood config check`.

use super::load::{Loaded, displaced_by, is_explicit, matches_of};
use super::{EITHER, Kind, Setting, settings};
use crate::cli::Cli;
use clap::CommandFactory;
use clap::parser::ValueSource;
use sapwood_wallet::command::escape;
use serde_json::{Value, json};
use std::fmt::Write;

/// Where a value comes from, weakest first.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Default,
    File { line: usize },
    Environment { variable: String },
    Flag,
}

/// A setting with every word on it, the one that holds last.
struct Shown {
    setting: Setting,
    said: Vec<(String, Origin)>,
    /// A flag or variable because of which the file's word on this one is not used.
    displaced_by: Option<&'static str>,
}

impl Shown {
    fn of(setting: Setting, loaded: &Loaded) -> Self {
        let mut said = Vec::new();
        if let Some(text) = setting.default() {
            said.push((text, Origin::Default));
        }
        let entries = loaded.entries.as_ref();
        let entry = entries.and_then(|entries| entries.by_key.get(&setting.key()));
        let displaced = entry.and_then(|_| displaced_by(&setting, &loaded.matches));
        if let Some(entry) = entry.filter(|_| displaced.is_none()) {
            said.push((entry.text.clone(), Origin::File { line: entry.line }));
        }
        let variable = setting.env();
        if let Some((variable, text)) =
            variable.and_then(|v| Some((v.clone(), std::env::var(v).ok()?)))
        {
            said.push((text, Origin::Environment { variable }));
        }
        let matches = matches_of(&setting, &loaded.matches);
        if let Some(matches) = matches
            && is_explicit(matches, &setting.id())
            && matches.value_source(&setting.id()) == Some(ValueSource::CommandLine)
            && let Some(text) = matches
                .get_raw(&setting.id())
                .and_then(|mut raw| raw.next())
        {
            said.push((text.to_string_lossy().into_owned(), Origin::Flag));
        }
        Self {
            setting,
            said,
            displaced_by: displaced,
        }
    }

    fn value(&self, text: &str) -> Value {
        match self.setting.kind() {
            Kind::Switch => json!(text == "true"),
            Kind::Number => text
                .parse::<u64>()
                .map_or(json!(text), |number| json!(number)),
            Kind::Path | Kind::Text => json!(text),
        }
    }

    fn json(&self) -> Value {
        let mut said = self.said.iter().rev();
        let holds = said.next();
        let weaker: Vec<Value> = said.map(|(text, origin)| self.word(text, origin)).collect();
        let mut shown = match holds {
            Some((text, origin)) => self.word(text, origin),
            None => json!({ "value": null, "origin": "default" }),
        };
        shown["key"] = json!(self.setting.key());
        shown["overrides"] = json!(weaker);
        if let Some(other) = self.displaced_by {
            shown["displaced_by"] = json!(other);
        }
        shown
    }

    fn word(&self, text: &str, origin: &Origin) -> Value {
        let value = self.value(text);
        match origin {
            Origin::Default => json!({ "value": value, "origin": "default" }),
            Origin::File { line } => json!({ "value": value, "origin": "file", "line": line }),
            Origin::Environment { variable } => {
                json!({ "value": value, "origin": "environment", "variable": variable })
            }
            Origin::Flag => json!({ "value": value, "origin": "flag" }),
        }
    }

    /// A line of TOML; what is not set is a comment that says what may stand there.
    fn line(&self, with_origin: bool) -> String {
        let Some((text, origin)) = self.said.last() else {
            let line = format!("# {} = … {}", self.setting.name, self.setting.allowed());
            return match self.displaced_by {
                Some(other) if with_origin => {
                    format!("{line}; the file's is not used, `{other}` is set")
                }
                _ => line,
            };
        };
        let mut line = format!("{} = {}", self.setting.name, toml_text(&self.value(text)));
        if with_origin {
            let origins = self.said.iter().rev().skip(1);
            let weaker: Vec<String> = origins
                .filter(|(_, origin)| *origin != Origin::Default)
                .map(|(text, origin)| format!("; {} says {}", words(origin), escape(text)))
                .collect();
            line += &format!("  # {}{}", words(origin), weaker.concat());
            if let Some(other) = self.displaced_by {
                line += &format!("; the file's is not used, `{other}` is set");
            }
        }
        line
    }
}

fn words(origin: &Origin) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::File { line } => format!("file, line {line}"),
        Origin::Environment { variable } => format!("environment, {variable}"),
        Origin::Flag => "flag".to_owned(),
    }
}

/// A value as TOML. What has to be escaped in JSON has to be in TOML as well.
fn toml_text(value: &Value) -> String {
    match value {
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        other => other.to_string(),
    }
}

/// A default means nothing where something is set that takes its place.
fn drop_idle_defaults(all: &mut [Shown]) {
    let is_set = |shown: &&Shown| {
        shown
            .said
            .iter()
            .any(|(_, origin)| *origin != Origin::Default)
    };
    let set = all.iter().filter(is_set);
    let set: Vec<_> = set
        .map(|s| (s.setting.part, s.setting.name.clone()))
        .collect();
    for shown in all.iter_mut().filter(|shown| !is_set(&&**shown)) {
        let name = shown.setting.name.as_str();
        let group = EITHER.iter().find(|group| group.contains(&name));
        let mut others = group.into_iter().flat_map(|group| group.iter());
        if others.any(|other| set.contains(&(shown.setting.part, (*other).to_owned()))) {
            shown.said.clear();
        }
    }
}

/// What holds: as JSON, and as a file that would say the same.
pub(crate) fn show(loaded: &Loaded, with_origin: bool) -> (Value, String) {
    let all = settings(&Cli::command()).into_iter();
    let mut all: Vec<Shown> = all.map(|setting| Shown::of(setting, loaded)).collect();
    drop_idle_defaults(&mut all);
    let list: Vec<Value> = all.iter().map(Shown::json).collect();
    let json = json!({ "schema": 1, "file": loaded.file(), "settings": list });
    let place = |path: &std::path::Path| escape(&path.display().to_string());
    let mut text = match (loaded.file(), &loaded.path) {
        (Some(path), _) => format!("# from {}\n", place(path)),
        (None, Some(path)) => format!("# there is no {}\n", place(path)),
        (None, None) => "# there is no file\n".to_owned(),
    };
    text +=
        "# a flag is stronger than the environment, that than the file, that than the default\n";
    let mut table = None;
    for shown in &all {
        if shown.setting.part != table {
            table = shown.setting.part;
            let _ = write!(text, "\n[{}]\n", table.unwrap_or_default());
        }
        let _ = writeln!(text, "{}", shown.line(with_origin));
    }
    (json, text)
}

/// What a file without faults is.
pub(crate) fn checked(loaded: &Loaded) -> (Value, String) {
    let count = loaded.entries.as_ref().map_or(0, |e| e.by_key.len());
    let json =
        json!({ "schema": 1, "file": loaded.file(), "keys": count, "warnings": loaded.warnings });
    let text = match loaded.file() {
        Some(path) => format!(
            "{}: {count} keys, all in order\n",
            escape(&path.display().to_string())
        ),
        None => "there is no file; everything is as the program does it by itself\n".to_owned(),
    };
    (json, text)
}
