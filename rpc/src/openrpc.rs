//! The document that `rpc.discover` answers with: OpenRPC 1.3, made of the table of methods and the schemas of their types.

use crate::errors::{self, ErrorKind};
use crate::server::http_refusals;
use crate::types::{Access, MethodEntry, Raises, methods};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Version of OpenRPC that the document keeps to (<https://spec.open-rpc.org>).
const OPENRPC: &str = "1.3.2";

/// An OpenRPC document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Version of OpenRPC.
    pub openrpc: String,
    /// What it describes.
    pub info: Info,
    /// The methods that this listener answers.
    pub methods: Vec<MethodObject>,
    /// Schemas and errors that the methods refer to.
    pub components: Components,
    /// What a request can be answered with before it is read as JSON-RPC: HTTP status, code, sentence and hint.
    #[serde(rename = "x-http-errors")]
    pub http_errors: Vec<HttpError>,
}

/// What a document describes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Info {
    /// Name of the interface.
    pub title: String,
    /// Version of the program.
    pub version: String,
    /// A few words more.
    pub description: String,
}

/// A method.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MethodObject {
    /// Name on the wire.
    pub name: String,
    /// What it does.
    pub summary: String,
    /// How parameters are given; always `by-name`.
    pub param_structure: String,
    /// The parameters; no others are taken.
    pub params: Vec<ContentDescriptor>,
    /// The answer.
    pub result: ContentDescriptor,
    /// References to the errors that it can be refused with.
    pub errors: Vec<Reference>,
}

/// A value with its schema.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ContentDescriptor {
    /// Name of the parameter, or of the answer's type.
    pub name: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it must be there.
    pub required: bool,
    /// JSON Schema, draft 7.
    pub schema: Schema,
}

/// What methods refer to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Components {
    /// Schemas by the name of their type.
    pub schemas: BTreeMap<String, Value>,
    /// Errors by their code; those of a transaction in a block have `block.` before it.
    pub errors: BTreeMap<String, ErrorObject>,
}

/// An error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorObject {
    /// JSON-RPC's number.
    pub code: i32,
    /// When it comes.
    pub message: String,
    /// What stands in `error.data`.
    pub data: ErrorData,
}

/// What stands in `error.data`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorData {
    /// The stable code.
    pub code: String,
    /// What to do next.
    pub hint: String,
}

/// A reference into the document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// JSON pointer.
    #[serde(rename = "$ref")]
    pub to: String,
}

/// A refusal by HTTP status.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HttpError {
    /// The status.
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// When it comes.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// The rules of the chain, as errors.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Rules of transactions, numbered as such.
    pub transactions: Vec<ErrorKind>,
    /// Rules of blocks, numbered as such.
    pub blocks: Vec<ErrorKind>,
}

/// The document of a listener with this access, for this version of the program.
pub fn document(access: Access, version: &str, rules: &Rules) -> Document {
    let mut schemas = Schemas::new();
    let described = methods(access).map(|entry| method(entry, &mut schemas, rules));
    let methods: Vec<_> = described.collect();
    Document {
        openrpc: OPENRPC.to_owned(),
        info: Info {
            title: "Sapwood node".to_owned(),
            version: version.to_owned(),
            description: "JSON-RPC 2.0 over HTTP POST. Parameters go by name; unknown ones and null are refused. Amounts are integers in drops.".to_owned(),
        },
        methods,
        components: Components {
            schemas: schemas.finish(),
            errors: all_errors(rules),
        },
        http_errors: http_refusals().map(|(status, code, message, hint)| HttpError {
            status,
            code: code.to_owned(),
            message,
            hint: hint.to_owned(),
        }).collect(),
    }
}

/// Makes schemas for what goes in and what comes out: the same type may have to be complete in one direction only.
struct Schemas {
    incoming: SchemaGenerator,
    outgoing: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = || {
            SchemaSettings::draft07().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            incoming: settings().for_deserialize().into_generator(),
            outgoing: settings().for_serialize().into_generator(),
        }
    }

    fn finish(mut self) -> BTreeMap<String, Value> {
        let incoming = self.incoming.take_definitions(true);
        let outgoing = self.outgoing.take_definitions(true);
        incoming.into_iter().chain(outgoing).collect()
    }
}

fn method(entry: &MethodEntry, schemas: &mut Schemas, rules: &Rules) -> MethodObject {
    let mut params = (entry.params)(&mut schemas.incoming);
    // What a type gives is raw; the generator shapes only what stands under its own definitions.
    for transform in schemas.incoming.transforms_mut() {
        transform.transform(&mut params);
    }
    let result = (entry.answer)(&mut schemas.outgoing);
    MethodObject {
        name: entry.name.to_owned(),
        summary: entry.summary().to_owned(),
        param_structure: "by-name".to_owned(),
        params: content_of(&params),
        result: ContentDescriptor {
            name: (entry.answer_name)().into_owned(),
            description: String::new(),
            required: true,
            schema: result,
        },
        errors: errors_of(entry, rules)
            .iter()
            .map(|key| Reference {
                to: format!("#/components/errors/{key}"),
            })
            .collect(),
    }
}

/// The properties of an object's schema as parameters.
fn content_of(params: &Schema) -> Vec<ContentDescriptor> {
    let empty = Map::new();
    let properties = params
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let required = params.get("required").and_then(Value::as_array);
    let needed = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let descriptor = |(name, schema): (&String, &Value)| {
        let schema = Schema::try_from(schema.clone()).unwrap_or_default();
        let description = schema
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        ContentDescriptor {
            name: name.clone(),
            description: description.to_owned(),
            required: needed(name),
            schema,
        }
    };
    properties.iter().map(descriptor).collect()
}

/// Where the errors stand that a method can be refused with.
fn errors_of(entry: &MethodEntry, rules: &Rules) -> Vec<String> {
    let mut kinds = errors::COMMON.to_vec();
    let mut nested = Vec::new();
    for raises in entry.raises {
        match raises {
            Raises::NotFound => kinds.push(errors::NOT_FOUND),
            Raises::Syncing => kinds.push(errors::SYNCING),
            Raises::Transaction => {
                kinds.extend([errors::MEMPOOL_FULL, errors::REPLACEMENT_FEE_TOO_LOW]);
                kinds.extend(&rules.transactions);
            }
            Raises::Block => {
                let own = errors::ALL.iter();
                kinds.extend(own.filter(|kind| kind.number == errors::BLOCK_REFUSED));
                kinds.extend(&rules.blocks);
                nested.extend(in_block(rules).map(|kind| nested_key(&kind)));
            }
        }
    }
    let keys = kinds.iter().map(|kind| kind.code.to_owned());
    keys.chain(nested).collect()
}

/// The key of a transaction's rule among the errors of a block.
fn nested_key(kind: &ErrorKind) -> String {
    format!("block.{}", kind.code)
}

/// Rules of transactions as errors of the block that holds one.
fn in_block(rules: &Rules) -> impl Iterator<Item = ErrorKind> {
    let number = errors::BLOCK_REFUSED;
    rules.transactions.iter().map(move |kind| ErrorKind {
        number,
        hint: "ask mining_template for work on the present head",
        ..*kind
    })
}

fn all_errors(rules: &Rules) -> BTreeMap<String, ErrorObject> {
    let kinds = errors::ALL.iter().copied();
    let kinds = kinds.chain(rules.transactions.iter().copied());
    let kinds = kinds
        .chain(rules.blocks.iter().copied())
        .map(|kind| (kind.code.to_owned(), kind));
    let nested = in_block(rules).map(|kind| (nested_key(&kind), kind));
    let described = kinds.chain(nested).map(|(key, kind)| {
        let data = ErrorData {
            code: kind.code.to_owned(),
            hint: kind.hint.to_owned(),
        };
        (
            key,
            ErrorObject {
                code: kind.number,
                message: kind.meaning.to_owned(),
                data,
            },
        )
    });
    described.collect()
}

#[cfg(test)]
mod tests;
