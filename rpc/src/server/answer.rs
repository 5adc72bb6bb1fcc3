//! From one HTTP request to one HTTP answer: guard, body within its bounds, JSON-RPC, headers.

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Request, Response, StatusCode};
use jsonrpsee::Methods;
use std::sync::Arc;
use std::time::Instant;
use tokio::time::timeout;

use super::Limits;
use super::dispatch::Dispatcher;
use super::guard::Guard;
use super::observe::Observe;
use super::refusal::Refusal;
use super::shares::{Seat, Shares};

/// What all connections of a listener share.
pub(super) struct Service {
    guard: Guard,
    dispatcher: Dispatcher,
    limits: Limits,
    observer: Arc<dyn Observe>,
    shares: Option<Arc<Shares>>,
}

impl Service {
    /// Serves `methods` behind `guard`.
    pub(super) fn new(
        guard: Guard,
        methods: Methods,
        limits: Limits,
        observer: Arc<dyn Observe>,
    ) -> Self {
        Self {
            guard,
            dispatcher: Dispatcher::new(methods, &limits, Arc::clone(&observer)),
            limits,
            observer,
            shares: limits.per_address.map(Shares::new),
        }
    }

    /// Who hears what happens here.
    pub(super) fn observer(&self) -> &dyn Observe {
        &*self.observer
    }

    /// What each address may take, if that is bounded.
    pub(super) fn shares(&self) -> Option<&Arc<Shares>> {
        self.shares.as_ref()
    }

    /// The limits that this listener keeps.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers one request. `fault` is what the stream found in its head, if anything; `seat` is its address's, if addresses are bounded.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        fault: Option<Refusal>,
        seat: Option<&Seat>,
    ) -> Response<Full<Bytes>> {
        // The stream cannot tell where a chunked body ends, so nothing may follow it.
        let is_last = request.headers().contains_key(TRANSFER_ENCODING);
        let mut response = match self.process(request, fault, seat).await {
            Ok(Some(json)) => json_response(StatusCode::OK, json),
            Ok(None) => no_content(),
            Err(refusal) => {
                tracing::debug!(?refusal, "RPC request refused");
                self.observer.refused(refusal.code());
                refusal.response()
            }
        };
        if is_last {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn process(
        &self,
        request: Request<Incoming>,
        fault: Option<Refusal>,
        seat: Option<&Seat>,
    ) -> Result<Option<String>, Refusal> {
        // A request that is refused for another reason counts as well.
        if seat.is_some_and(|seat| !seat.may_call(Instant::now())) {
            return Err(Refusal::RateLimited);
        }
        fault.map_or(Ok(()), Err)?;
        self.guard.check(&request)?;
        let body = self.read(request.into_body()).await?;
        let (answer, requests) = self.dispatcher.answer(&body).await;
        if let Some(seat) = seat {
            seat.charge(requests.saturating_sub(1), Instant::now());
        }
        Ok(answer)
    }

    /// Reads a body within the limits of size and time. The time is for the whole body, so that one byte now and then
    /// does not keep the connection.
    async fn read(&self, body: Incoming) -> Result<Bytes, Refusal> {
        let whole = Limited::new(body, self.limits.max_body).collect();
        match timeout(self.limits.body_timeout, whole).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                Err(Refusal::BodyTooLarge(self.limits.max_body))
            }
            Ok(Err(_)) => Err(Refusal::BrokenBody),
            Err(_) => Err(Refusal::BodyTimeout),
        }
    }
}

/// An answer with a JSON body.
pub(super) fn json_response(status: StatusCode, json: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(json)));
    *response.status_mut() = status;
    harden(response.headers_mut());
    response
}

/// The answer to what JSON-RPC gives no answer to.
fn no_content() -> Response<Full<Bytes>> {
    let mut response = json_response(StatusCode::NO_CONTENT, String::new());
    response.headers_mut().remove(CONTENT_TYPE);
    response
}

/// Headers of every answer: it is JSON, nobody may store it, and no browser may take it for anything else.
pub(super) fn harden(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
