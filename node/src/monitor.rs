//! `/livez`, `/readyz` and `/metrics` over HTTP, for those who watch the node. It answers GET and HEAD, reads no body and changes nothing.

use crate::api::now;
use crate::chain::Handle;
use crate::health::{self, Health, Pulse};
use crate::metrics::Metrics;
use crate::web::{MAX_CONNECTIONS, accept_all};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use sapwood_primitives::Chain;
use sapwood_rpc::server::is_loopback_host;
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The format of `/metrics` (OpenMetrics 1.0, which Prometheus reads).
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const JSON: &str = "application/json";

/// What the answers are made of.
pub struct Monitor {
    /// The chain.
    pub chain: Arc<Chain>,
    /// Its writer.
    pub handle: Handle,
    /// The counts.
    pub metrics: Arc<Metrics>,
}

struct Watched {
    monitor: Monitor,
    pulse: Pulse,
    /// Whether only this computer can connect. Then a page that a browser was led here with, under a name of its own, is told nothing.
    is_local: bool,
}

impl Monitor {
    /// Serves until `shutdown`.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let pulse = Pulse::default();
        let feeling = pulse.clone().feel(self.handle.clone());
        let is_local = listener
            .local_addr()
            .is_ok_and(|address| address.ip().is_loopback());
        let watched = Arc::new(Watched {
            monitor: self,
            pulse,
            is_local,
        });
        let answer = move |request: Request<_>| {
            let (watched, head) = (Arc::clone(&watched), request.into_parts().0);
            async move { watched.answer(&head).await }
        };
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        tokio::select! {
            () = accept_all("monitoring", listener, &slots, answer) => {}
            () = feeling => {}
            () = shutdown => {}
        }
    }
}

impl Watched {
    async fn answer(self: &Arc<Self>, head: &hyper::http::request::Parts) -> Response<Full<Bytes>> {
        let host = head
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        if self.is_local && !host.is_some_and(is_loopback_host) {
            return plain(
                StatusCode::FORBIDDEN,
                "the Host header names another computer\n",
            );
        }
        if ![Method::GET, Method::HEAD].contains(&head.method) {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "use GET\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allowed);
            return response;
        }
        let (handle, rules) = (&self.monitor.handle, &self.monitor.chain.consensus);
        let age = self.pulse.age();
        match head.uri.path() {
            "/livez" => of_health(&health::live(&handle.snapshot(), age, now())),
            "/readyz" => of_health(&health::ready(&handle.snapshot(), age, rules, now())),
            "/metrics" => self.metrics().await,
            _ => plain(
                StatusCode::NOT_FOUND,
                "there are /livez, /readyz and /metrics\n",
            ),
        }
    }

    async fn metrics(self: &Arc<Self>) -> Response<Full<Bytes>> {
        let watched = Arc::clone(self);
        let text = move || watched.monitor.metrics.text(&watched.pulse, now());
        match tokio::task::spawn_blocking(text).await {
            Ok(text) => response(StatusCode::OK, OPENMETRICS, text),
            Err(_) => plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the counts could not be taken\n",
            ),
        }
    }
}

fn of_health(health: &Health) -> Response<Full<Bytes>> {
    let status = match health.ok {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let json = serde_json::to_string(health).expect("health is plain data");
    response(status, JSON, json)
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", text.to_owned())
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
