//! Methods with types: puts the methods of [`types`](crate::types) into jsonrpsee's table.
//!
//! Parameters become a value once, here; a handler never sees JSON. A flaw in them is −32602 and names the field (specs/09 §1.5).

use std::future::Future;
use std::sync::Arc;

use jsonrpsee::RpcModule;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use serde_json::json;

use crate::errors::{ErrorKind, INVALID_PARAMS};
use crate::types::Method;

/// Why a method was refused (specs/09 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRefused {
    /// JSON-RPC error number.
    pub number: i32,
    /// Stable code.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

impl CallRefused {
    /// A refusal of this kind, with its hint.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            number: kind.number,
            code: kind.code.to_owned(),
            message: message.into(),
            hint: kind.hint.to_owned(),
        }
    }

    /// The same with a hint that fits this case better.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// A parameter that has the right JSON type and is still not one: an address of another network, a height above the head.
    pub fn parameter(field: &str, why: impl std::fmt::Display) -> Self {
        Self::new(INVALID_PARAMS, format!("`{field}`: {why}"))
            .with_hint(format!("correct the parameter `{field}`"))
    }
}

impl From<CallRefused> for ErrorObjectOwned {
    fn from(refused: CallRefused) -> Self {
        let data = json!({ "code": refused.code, "hint": refused.hint });
        Self::owned(refused.number, refused.message, Some(data))
    }
}

/// Adds a method to the table. Each name can be added once.
pub fn add<M, C, H, F>(table: &mut RpcModule<C>, _method: M, handler: H)
where
    M: Method,
    C: Send + Sync + 'static,
    H: Fn(M::Params, Arc<C>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<M::Answer, CallRefused>> + Send,
{
    let call = move |params: Params<'static>, context: Arc<C>, _| {
        let parsed = parse::<M>(&params);
        let handler = handler.clone();
        async move {
            let answer = handler(parsed?, context).await?;
            Ok::<_, ErrorObjectOwned>(answer)
        }
    };
    table
        .register_async_method(M::NAME, call)
        .expect("each method is added once, when the program starts");
}

fn parse<M: Method>(params: &Params<'_>) -> Result<M::Params, CallRefused> {
    let text = params.as_str().unwrap_or("{}");
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let why = error.inner().to_string();
        // serde_json adds a place in the text, which means nothing to a caller by name.
        let why = why.split(" at line ").next().unwrap_or_default().to_owned();
        match field.as_str() {
            "." => CallRefused::new(INVALID_PARAMS, why),
            field => CallRefused::parameter(field, why),
        }
    })
}
