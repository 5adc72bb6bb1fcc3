//! Reads the body of a request as JSON-RPC 2.0, strictly: anything that two readers could understand differently is refused.
//!
//! [`parse`] turns bytes into a [`Message`]. Beyond the JSON-RPC 2.0 specification it demands, as specs/09-rpc.md says:
//! no key twice, no members other than the four of the specification, ids that are null, a short string or an integer that
//! every JSON reader keeps exactly, and parameters by name. Parameters stay text, so that 64-bit numbers keep all their
//! digits; their meaning is left to the methods.
//!
//! A flaw in the JSON text condemns the whole body with −32700, even inside one call of a batch; a flaw in one call of a
//! batch condemns that call.

use std::fmt;

use jsonrpsee::types::error::{INVALID_REQUEST_CODE, PARSE_ERROR_CODE};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::strict::{self, Flaw, shown};

/// Longest id that is a string, in characters. A UUID has 36.
const MAX_ID_CHARS: usize = 64;

/// Largest absolute value of an id that is a number: up to here JSON readers with 64-bit floats are exact (RFC 8259 §6).
const MAX_ID_NUMBER: i64 = 1 << 53;

/// What a client calls its call; the answer carries it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Id {
    /// `null`, also used when the id of a faulty request cannot be read.
    Null,
    /// An integer of at most 53 bits.
    Number(i64),
    /// A string of at most [`MAX_ID_CHARS`] characters.
    Text(String),
}

/// An answer that is an error, found before any method ran or in place of its result.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) id: Id,
    /// One of the codes of JSON-RPC 2.0 §5.1.
    pub(super) code: i32,
    /// What is wrong and what to send instead.
    pub(super) message: String,
}

impl Fault {
    fn syntax(message: impl Into<String>) -> Self {
        Self {
            id: Id::Null,
            code: PARSE_ERROR_CODE,
            message: message.into(),
        }
    }

    fn invalid(id: Id, message: impl Into<String>) -> Self {
        Self {
            id,
            code: INVALID_REQUEST_CODE,
            message: message.into(),
        }
    }
}

/// A well-formed call that waits for an answer.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) id: Id,
    pub(super) method: String,
    /// The text of a JSON object, or why there is none. The reason is kept until the method is known to exist, because
    /// an unknown method is the more useful thing to hear about.
    pub(super) params: Result<&'a str, String>,
}

/// One request, alone or in a batch.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    /// To be run and answered.
    Call(Call<'a>),
    /// A call without an id: dropped, since its sender could not learn whether it succeeded.
    Notification,
    /// To be answered with an error.
    Fault(Fault),
}

/// The content of a body.
#[derive(Debug)]
pub(super) enum Message<'a> {
    /// A single request.
    Single(Entry<'a>),
    /// One to `max_batch` requests.
    Batch(Vec<Entry<'a>>),
}

/// Reads a body. The error is the answer to the body as a whole.
pub(super) fn parse(body: &[u8], max_batch: usize) -> Result<Message<'_>, Fault> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Fault::syntax(format!("the body is not UTF-8: {error}")))?;
    if text.trim().is_empty() {
        return Err(Fault::syntax(
            "the body is empty; send a JSON-RPC 2.0 request object",
        ));
    }
    // This pass does not recurse and finds the end of every value, whatever is in it.
    let raw: &RawValue = serde_json::from_str(text)
        .map_err(|error| Fault::syntax(format!("the body is not JSON: {error}")))?;
    if !raw.get().starts_with('[') {
        return parse_entry(raw).map(Message::Single);
    }
    let items: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|error| Fault::syntax(error.to_string()))?;
    if items.is_empty() {
        return Err(Fault::invalid(Id::Null, "the batch is empty"));
    }
    if items.len() > max_batch {
        let message = format!(
            "the batch has {} requests, at most {max_batch} are served; send several batches",
            items.len()
        );
        return Err(Fault::invalid(Id::Null, message));
    }
    items
        .into_iter()
        .map(parse_entry)
        .collect::<Result<_, _>>()
        .map(Message::Batch)
}

/// Reads one request; the error is a flaw in the JSON text itself.
fn parse_entry(raw: &RawValue) -> Result<Entry<'_>, Fault> {
    if !raw.get().starts_with('{') {
        check_syntax(raw)?;
        return Ok(Entry::Fault(Fault::invalid(
            Id::Null,
            "a request is a JSON object",
        )));
    }
    let members: Members<'_> =
        serde_json::from_str(raw.get()).map_err(|error| Fault::syntax(error.to_string()))?;
    let id = members.id.map(parse_id).transpose()?;
    let method = members.method.map(parse_string).transpose()?.flatten();
    let version = members.jsonrpc.map(parse_string).transpose()?.flatten();
    let params = parse_params(members.params)?;
    Ok(assemble(members.objection, version, id, method, params).unwrap_or_else(Entry::Fault))
}

type IdResult = Result<Id, &'static str>;

/// Puts the members together, or says what is wrong with the request.
fn assemble<'a>(
    objection: Option<String>,
    version: Option<String>,
    id: Option<IdResult>,
    method: Option<String>,
    params: Result<&'a str, String>,
) -> Result<Entry<'a>, Fault> {
    let known_id = || id.clone().and_then(Result::ok).unwrap_or(Id::Null);
    if let Some(objection) = objection {
        return Err(Fault::invalid(known_id(), objection));
    }
    if version.as_deref() != Some("2.0") {
        return Err(Fault::invalid(
            known_id(),
            "the member `jsonrpc` must be \"2.0\"",
        ));
    }
    let Some(method) = method else {
        return Err(Fault::invalid(
            known_id(),
            "the member `method` must be a string",
        ));
    };
    match id {
        None => Ok(Entry::Notification),
        Some(Ok(id)) => Ok(Entry::Call(Call { id, method, params })),
        Some(Err(reason)) => Err(Fault::invalid(Id::Null, reason)),
    }
}

/// The inner result is the objection to an id that is JSON, but no id.
fn parse_id(raw: &RawValue) -> Result<IdResult, Fault> {
    if let Some(text) = parse_string(raw)? {
        let short = text.chars().count() <= MAX_ID_CHARS;
        return Ok(if short {
            Ok(Id::Text(text))
        } else {
            Err("an `id` that is a string has at most 64 characters")
        });
    }
    let text = raw.get();
    if text == "null" {
        return Ok(Ok(Id::Null));
    }
    let number = text
        .parse()
        .ok()
        .filter(|number| (-MAX_ID_NUMBER..=MAX_ID_NUMBER).contains(number));
    Ok(number
        .map(Id::Number)
        .ok_or("`id` must be a string, null or an integer between -2^53 and 2^53"))
}

/// The string in `raw`, or `None` if it is another kind of value.
fn parse_string(raw: &RawValue) -> Result<Option<String>, Fault> {
    if !raw.get().starts_with('"') {
        return Ok(None);
    }
    serde_json::from_str(raw.get())
        .map(Some)
        .map_err(|error| Fault::syntax(error.to_string()))
}

/// The inner result is the objection to parameters that are JSON, but not what a method takes.
fn parse_params(raw: Option<&RawValue>) -> Result<Result<&str, String>, Fault> {
    let Some(raw) = raw else { return Ok(Ok("{}")) };
    match strict::check(raw) {
        Ok(()) if raw.get().starts_with('{') => Ok(Ok(raw.get())),
        Ok(()) => Ok(Err(
            "parameters go by name: `params` must be an object such as {\"height\": 1}".to_owned(),
        )),
        Err(Flaw::DuplicateKey(message)) => Ok(Err(format!("in `params`, {message}"))),
        Err(Flaw::Syntax(message)) => Err(Fault::syntax(message)),
    }
}

fn check_syntax(raw: &RawValue) -> Result<(), Fault> {
    match strict::check(raw) {
        Err(Flaw::Syntax(message)) => Err(Fault::syntax(message)),
        Ok(()) | Err(Flaw::DuplicateKey(_)) => Ok(()),
    }
}

/// The members of a request object, unread.
#[derive(Default)]
struct Members<'a> {
    jsonrpc: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Option<&'a RawValue>,
    /// The first member that is there twice or not known.
    objection: Option<String>,
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC 2.0 request object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        let mut id_is_doubtful = false;
        while let Some(name) = entries.next_key::<String>()? {
            let value: &RawValue = entries.next_value()?;
            let place = match name.as_str() {
                "jsonrpc" => &mut members.jsonrpc,
                "id" => &mut members.id,
                "method" => &mut members.method,
                "params" => &mut members.params,
                _ => {
                    let message = || {
                        format!(
                            "the member `{}` is not known; a request has jsonrpc, id, method, params",
                            shown(&name)
                        )
                    };
                    members.objection.get_or_insert_with(message);
                    continue;
                }
            };
            if place.replace(value).is_some() {
                id_is_doubtful |= name == "id";
                members
                    .objection
                    .get_or_insert_with(|| format!("the member `{name}` occurs twice"));
            }
        }
        if id_is_doubtful {
            members.id = None;
        }
        Ok(members)
    }
}
