//! What a command hands back: data for stdout, as text or as one JSON object.

use std::fmt::{self, Display};

use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::SCHEMA;

/// Room for the JSON of a secret: 24 words, or a few keys in hex. It is taken at once, since a vector that grows leaves copies behind.
const SECRET_ROOM: usize = 4096;

/// The result of a command. The caller prints one of the two forms on stdout.
#[derive(Clone)]
pub struct Output {
    data: Value,
    /// The JSON text of a result with secrets, which `data` does not have.
    secret: Option<Zeroizing<String>>,
    text: Zeroizing<String>,
}

#[derive(Serialize)]
struct Versioned<'a, R> {
    schema: u32,
    #[serde(flatten)]
    report: &'a R,
}

impl<'a, R> Versioned<'a, R> {
    fn new(report: &'a R) -> Self {
        Self {
            schema: SCHEMA,
            report,
        }
    }
}

impl Output {
    /// Both forms of a report: its fields with `"schema": 1`, and its `Display`.
    pub(crate) fn of<R: Serialize + Display>(report: &R) -> Self {
        Self {
            data: serde_json::to_value(Versioned::new(report))
                .expect("reports are objects with string keys"),
            secret: None,
            text: Zeroizing::new(report.to_string()),
        }
    }

    /// A report with secrets, whose every copy made here is erased with it.
    pub(crate) fn secret<R: Serialize>(report: &R, text: Zeroizing<String>) -> Self {
        let mut json = Zeroizing::new(Vec::with_capacity(SECRET_ROOM));
        serde_json::to_writer(&mut *json, &Versioned::new(report))
            .expect("reports are objects with string keys");
        let json = std::str::from_utf8(&json).expect("JSON is UTF-8");
        Self {
            data: serde_json::json!({ "schema": SCHEMA }),
            secret: Some(Zeroizing::new(json.to_owned())),
            text,
        }
    }

    /// The object for `--json`, without what is secret; [`Output::json_text`] has everything.
    pub fn json(&self) -> &Value {
        &self.data
    }

    /// The object for `--json` as text, on one line.
    pub fn json_text(&self) -> Zeroizing<String> {
        match &self.secret {
            Some(secret) => secret.clone(),
            None => Zeroizing::new(self.data.to_string()),
        }
    }

    /// The text for people, with its last line end. Everything foreign in it is escaped.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Output {
    /// Nothing secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({})", self.data)
    }
}
