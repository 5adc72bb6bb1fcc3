//! Runs the calls of a body, one after the other, and writes the answer.
//!
//! A method is a callback registered with jsonrpsee; it is called directly, because jsonrpsee's own dispatch knows neither
//! a limit for the answer nor negative ids. A method that panics is answered with −32603 and a line in the log. Whatever
//! holds a call up, it is given up after the call timeout; a synchronous method, which never yields, must be short by
//! itself.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::http::Extensions;
use jsonrpsee::Methods;
use jsonrpsee::core::server::{ConnectionId, MethodCallback, MethodResponse};
use jsonrpsee::types::error::{
    INTERNAL_ERROR_CODE, INVALID_PARAMS_CODE, METHOD_NOT_FOUND_CODE, OVERSIZED_RESPONSE_CODE,
    SERVER_IS_BUSY_CODE,
};
use jsonrpsee::types::{ErrorObject, Id as CallbackId, Params};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::Limits;
use super::envelope::{self, Call, Entry, Fault, Id, Message};
use super::observe::Observe;
use super::strict::shown;
use crate::errors;

/// The methods of a listener and the bounds within which they run.
pub(super) struct Dispatcher {
    methods: Methods,
    limits: Limits,
    observer: Arc<dyn Observe>,
}

/// What calls of a method that is not there are counted under.
const UNKNOWN: &str = "unknown";

impl Dispatcher {
    /// A dispatcher for `methods`. Subscriptions among them cannot be called: there is no way to push over plain HTTP.
    pub(super) fn new(methods: Methods, limits: &Limits, observer: Arc<dyn Observe>) -> Self {
        Self {
            methods,
            limits: *limits,
            observer,
        }
    }

    /// The answer to a body, `None` if it consists of notifications, and how many requests it held.
    pub(super) async fn answer(&self, body: &[u8]) -> (Option<String>, u32) {
        match envelope::parse(body, self.limits.max_batch) {
            Ok(Message::Single(entry)) => {
                (self.answer_entry(entry, self.limits.max_response).await, 1)
            }
            Ok(Message::Batch(entries)) => {
                let requests = u32::try_from(entries.len()).unwrap_or(u32::MAX);
                (self.answer_batch(entries).await, requests)
            }
            Err(fault) => (Some(self.fault(&fault)), 1),
        }
    }

    /// Answers in the order of the calls. The size limit is for all answers together, so the later ones get what the
    /// earlier ones left; error objects are small and always written.
    async fn answer_batch(&self, entries: Vec<Entry<'_>>) -> Option<String> {
        let mut joined = String::new();
        for entry in entries {
            let budget = self.limits.max_response.saturating_sub(joined.len());
            if let Some(answer) = self.answer_entry(entry, budget).await {
                joined.push(if joined.is_empty() { '[' } else { ',' });
                joined.push_str(&answer);
            }
        }
        if joined.is_empty() {
            return None;
        }
        joined.push(']');
        Some(joined)
    }

    async fn answer_entry(&self, entry: Entry<'_>, budget: usize) -> Option<String> {
        match entry {
            Entry::Call(call) => Some(
                self.answer_call(call, budget)
                    .await
                    .unwrap_or_else(|fault| fault_json(&fault)),
            ),
            Entry::Notification => None,
            Entry::Fault(fault) => Some(self.fault(&fault)),
        }
    }

    /// The answer to what is no call at all, which is counted as well.
    fn fault(&self, fault: &Fault) -> String {
        let outcome = errors::outcome(Some(fault.code));
        self.observer.called(UNKNOWN, outcome, Duration::ZERO);
        fault_json(fault)
    }

    /// Runs a call and has it counted.
    async fn answer_call(&self, call: Call<'_>, budget: usize) -> Result<String, Fault> {
        let start = Instant::now();
        // The table's own word for the method: what a client writes would make as many labels as it likes.
        let known = self.methods.method_with_name(&call.method);
        let name = known.map_or(UNKNOWN, |(name, _)| name);
        let answered = self.run_call(call, budget).await;
        let number = match &answered {
            Ok((_, number)) => *number,
            Err(fault) => Some(fault.code),
        };
        self.observer
            .called(name, errors::outcome(number), start.elapsed());
        answered.map(|(json, _)| json)
    }

    /// The answer's JSON and the number of the error in it, if it is one.
    async fn run_call(
        &self,
        call: Call<'_>,
        budget: usize,
    ) -> Result<(String, Option<i32>), Fault> {
        let Call { id, method, params } = call;
        let fault = |code, message| Fault {
            id: id.clone(),
            code,
            message,
        };
        let unknown = || {
            fault(
                METHOD_NOT_FOUND_CODE,
                format!("there is no method `{}`", shown(&method)),
            )
        };
        let callback = self.methods.method(&method).ok_or_else(unknown)?;
        let params = params.map_err(|message| fault(INVALID_PARAMS_CODE, message))?;
        if budget == 0 {
            // Running it would change the state for an answer that cannot be given.
            let message = "not run: the answers before it filled the batch's answer; send it again in another batch";
            return Err(fault(OVERSIZED_RESPONSE_CODE, message.to_owned()));
        }
        match timeout(
            self.limits.call_timeout,
            catch_panic(run(callback, params, budget)),
        )
        .await
        {
            Ok(Ok(Some(response))) => response_json(&id, &response),
            Ok(Ok(None)) => Err(unknown()),
            Ok(Err(Panicked)) => {
                tracing::error!(
                    method,
                    "an RPC method panicked; this is a bug in the node, please report it"
                );
                Err(fault(
                    INTERNAL_ERROR_CODE,
                    "internal error; the node's log says more".to_owned(),
                ))
            }
            Err(_) => Err(fault(
                SERVER_IS_BUSY_CODE,
                "the call took too long and was given up; try again".to_owned(),
            )),
        }
    }
}

/// Calls a method; `None` for a subscription. The id is put in afterwards, since jsonrpsee has no negative ones.
async fn run(callback: &MethodCallback, params: &str, budget: usize) -> Option<MethodResponse> {
    let (id, params) = (CallbackId::Null, Params::new(Some(params)));
    match callback {
        MethodCallback::Sync(method) => Some(method(id, params, budget, Extensions::new())),
        MethodCallback::Async(method) => Some(
            method(
                id,
                params.into_owned(),
                ConnectionId(0),
                budget,
                Extensions::new(),
            )
            .await,
        ),
        MethodCallback::Subscription(_) | MethodCallback::Unsubscription(_) => None,
    }
}

/// A method ended by panicking.
struct Panicked;

/// Runs `future` so that a panic in it ends only it.
///
/// # Correctness
///
/// Values that only the future owned are dropped while the panic unwinds. What it shared with others is guarded by locks,
/// whose users see them poisoned.
async fn catch_panic<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        },
    )
    .await
}

/// The two members of a callback's response that are passed on, as text.
#[derive(Deserialize)]
struct Outcome<'a> {
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// A callback's response under the client's own id. An error that jsonrpsee made by itself has no `data` of ours and becomes a fault: so far that is the answer that is too large.
fn response_json(id: &Id, response: &MethodResponse) -> Result<(String, Option<i32>), Fault> {
    let outcome: Outcome<'_> = serde_json::from_str(response.as_ref())
        .expect("jsonrpsee writes a JSON-RPC response object");
    let mut number = None;
    if let Some(error) = outcome.error {
        let error: ErrorObject<'_> =
            serde_json::from_str(error.get()).expect("jsonrpsee writes an error object");
        number = Some(error.code());
        let is_ours = error.data().is_some_and(|data| data.get().starts_with('{'));
        if !is_ours {
            let message = match error.code() {
                OVERSIZED_RESPONSE_CODE => "the call has run, but its answer is too large",
                _ => error.message(),
            };
            return Err(Fault {
                id: id.clone(),
                code: error.code(),
                message: message.to_owned(),
            });
        }
    }
    let id = serde_json::to_string(id).expect("null, a number or a string is always JSON");
    let json = match outcome.error {
        Some(error) => format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#),
        // A result that is null is read as absent.
        None => format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#,
            outcome.result.map_or("null", RawValue::get)
        ),
    };
    Ok((json, number))
}

fn fault_json(fault: &Fault) -> String {
    let kind = errors::common(fault.code);
    let data = json!({ "code": kind.code, "hint": kind.hint });
    json!({ "jsonrpc": "2.0", "id": fault.id, "error": { "code": fault.code, "message": fault.message, "data": data } }).to_string()
}
