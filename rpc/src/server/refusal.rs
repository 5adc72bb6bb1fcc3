//! Answers given to a request before any of it counts as JSON-RPC: one HTTP status, one JSON object that says what to do.
//!
//! The table is in [`Refusal::row`]. After a refusal the connection is closed, because the rest of the request may still
//! be on its way and must not be taken for the next one.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONNECTION, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::answer::{harden, json_response};

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Two lengths were given for the body, so two readers could disagree where it ends.
    AmbiguousLength,
    /// The request line or a header is not HTTP/1.1.
    MalformedHead,
    /// Request line and headers together are longer, or more, than the limits allow.
    HeadTooLarge,
    /// The bearer token is absent, wrong or in a place where it is not looked for.
    Unauthorized,
    /// `Host` names something else than this server: what a browser sends after DNS rebinding.
    HostNotAllowed,
    /// The request comes from a web page.
    FromBrowser,
    /// WebSocket or any other protocol was asked for.
    UpgradeRefused,
    /// A path or query other than `/`.
    NotFound,
    /// An HTTP method other than POST.
    MethodNotAllowed,
    /// The body is declared as something else than plain JSON in UTF-8.
    NotJson,
    /// The body is longer than this many bytes.
    BodyTooLarge(usize),
    /// The chunked coding of the body is broken, or it ended early.
    BrokenBody,
    /// The body did not arrive in time.
    BodyTimeout,
    /// All connections are taken, or as many as one address may have.
    TooManyConnections,
    /// The address sent more than its share.
    RateLimited,
}

impl Refusal {
    /// One of each, for the document; `max_body` is the bound that it names.
    pub(super) fn all(max_body: usize) -> [Self; 15] {
        [
            Self::AmbiguousLength,
            Self::MalformedHead,
            Self::HeadTooLarge,
            Self::Unauthorized,
            Self::HostNotAllowed,
            Self::FromBrowser,
            Self::UpgradeRefused,
            Self::NotFound,
            Self::MethodNotAllowed,
            Self::NotJson,
            Self::BodyTooLarge(max_body),
            Self::BrokenBody,
            Self::BodyTimeout,
            Self::TooManyConnections,
            Self::RateLimited,
        ]
    }

    /// The stable code.
    pub(super) fn code(self) -> &'static str {
        self.row().1
    }

    /// Status, code for programs, message and hint for people.
    pub(super) fn row(self) -> (StatusCode, &'static str, String, &'static str) {
        let (status, code, message, hint) = match self {
            Self::AmbiguousLength => (
                StatusCode::BAD_REQUEST,
                "ambiguous_length",
                "the request gives the length of its body more than once",
                "send one Content-Length header, or Transfer-Encoding: chunked, not both",
            ),
            Self::MalformedHead => (
                StatusCode::BAD_REQUEST,
                "malformed_head",
                "the request line or a header is not valid HTTP/1.1",
                "use an ordinary HTTP client, for instance curl",
            ),
            Self::HeadTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head_too_large",
                "the headers are too long or too many",
                "send only Host, Authorization, Content-Type and Content-Length",
            ),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "the bearer token is missing or wrong",
                "send `Authorization: Bearer <cookie>` with the cookie from rpc.json in the node's data directory; it changes at each start of the node",
            ),
            Self::HostNotAllowed => (
                StatusCode::FORBIDDEN,
                "host_not_allowed",
                "the Host header is missing or names another computer",
                "call the node by 127.0.0.1, [::1] or localhost, or add the name to the allowed hosts of the RPC",
            ),
            Self::FromBrowser => (
                StatusCode::FORBIDDEN,
                "origin_not_allowed",
                "requests from web pages (with an Origin header) are not served",
                "call the node from a program outside the browser",
            ),
            Self::UpgradeRefused => (
                StatusCode::FORBIDDEN,
                "upgrade_not_allowed",
                "WebSocket and other upgrades are not served",
                "send each call as an HTTP POST",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "not_found",
                "there is nothing at this path",
                "send calls to `/`, without a query",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "calls are sent with POST",
                "use POST with a JSON-RPC 2.0 object as the body",
            ),
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "the body is not declared as plain JSON",
                "send `Content-Type: application/json` and no Content-Encoding",
            ),
            Self::BodyTooLarge(limit) => {
                let message = format!("the body is longer than {limit} bytes");
                return (
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "body_too_large",
                    message,
                    "split the batch into smaller ones",
                );
            }
            Self::BrokenBody => (
                StatusCode::BAD_REQUEST,
                "broken_body",
                "the body ended early or its chunks are malformed",
                "send as many bytes as Content-Length says",
            ),
            Self::BodyTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                "the body did not arrive in time",
                "send the whole body at once",
            ),
            Self::TooManyConnections => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_connections",
                "all RPC connections are in use",
                "close idle connections, send several calls over one connection, or try again in a second",
            ),
            Self::RateLimited => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "this address sends more calls than it may",
                "send fewer calls a second, or use a node of your own",
            ),
        };
        (status, code, message.to_owned(), hint)
    }

    /// The HTTP answer; it always ends the connection.
    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let (status, code, message, hint) = self.row();
        let mut response = json_response(status, error_object(code, &message, hint));
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if let Some((name, value)) = self.extra_header() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    /// The same answer as bytes, for a connection that never reaches the HTTP library.
    pub(super) fn raw_response(self) -> Vec<u8> {
        let (status, code, message, hint) = self.row();
        let body = error_object(code, &message, hint);
        let mut head = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        let mut hardened = hyper::HeaderMap::new();
        harden(&mut hardened);
        if let Some((name, value)) = self.extra_header() {
            hardened.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in &hardened {
            // All values come from `from_static` in this crate and are plain ASCII.
            head.push_str(&format!(
                "{name}: {}\r\n",
                value.to_str().unwrap_or_default()
            ));
        }
        format!("{head}\r\n{body}").into_bytes()
    }

    /// The header that HTTP asks for beside some statuses (RFC 9110 §11.6.1, §15.5.6 and RFC 6585 §4).
    fn extra_header(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::Unauthorized => Some((WWW_AUTHENTICATE, "Bearer")),
            Self::MethodNotAllowed => Some((ALLOW, "POST")),
            Self::TooManyConnections | Self::RateLimited => Some((RETRY_AFTER, "1")),
            _ => None,
        }
    }
}

fn error_object(code: &str, message: &str, hint: &str) -> String {
    json!({ "error": { "code": code, "message": message, "hint": hint } }).to_string()
}
