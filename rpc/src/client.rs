//! The client: calls the methods of [`types`](crate::types) at a node on the same computer (specs/09 §1).
//!
//! [`Client`] is jsonrpsee's HTTP client without TLS, with the cookie in every request, one bound on the answer and one on the
//! time. It follows no redirect: what is not the node's own answer is [`CallError::BadAnswer`]. Whether an answer is *true* is
//! not its business; the wallet and the resolver check proofs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jsonrpsee::core::client::{ClientT, Error as RpcError};
use jsonrpsee::core::http_helpers::HttpError;
use jsonrpsee::core::traits::ToRpcParams;
use jsonrpsee::types::ErrorObjectOwned;
use jsonrpsee_http_client::transport::Error as TransportError;
use jsonrpsee_http_client::{HeaderMap, HeaderValue, HttpClient, HttpClientBuilder};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::server::{Cookie, EndpointError, read_endpoint_file};
use crate::types::Method;

/// Longest answer that is read, in bytes: twice what a node sends (2 MiB), so that a liar cannot fill the memory.
const MAX_ANSWER: u32 = 4 << 20;

/// How long a call may take. The longest one, `chain_awaitHead`, is answered after at most 30 s.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Port of a URL that names none (RFC 9110 §4.2.1).
const HTTP_PORT: u16 = 80;

/// HTTP status of a request without the right cookie.
const UNAUTHORIZED: u16 = 401;

/// Calls the methods of one node. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: HttpClient,
    url: String,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum NoClient {
    /// The endpoint file does not tell where a node is.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Not a URL of this computer. The cookie is a secret and goes over no network.
    #[error(
        "`{0}` is not a URL of this computer, such as http://127.0.0.1:9451/; to reach another one, forward its port over ssh and give a copy of its rpc.json with --cookie-file"
    )]
    Url(String),
    /// No cookie is known for this URL. A cookie goes to the node that wrote it and to nobody else, since any program can listen on a
    /// port of this computer.
    #[error(
        "no cookie is known for {url}: {path} does not belong to a node at that address; give that node's rpc.json, or a copy of it, with --cookie-file"
    )]
    NoCookie {
        /// Where the call was to go.
        url: String,
        /// The endpoint file that was looked at.
        path: PathBuf,
    },
}

/// Why a call has no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answers.
    #[error("no node answers at {url} ({reason}); is `sapwood dev` or `sapwood node` running?")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The node understood and says no (specs/09 §2).
    #[error("{message}")]
    Refused {
        /// JSON-RPC's number, or the HTTP status 401.
        number: i32,
        /// Stable code from `error.data`; empty if there is none.
        code: String,
        /// The node's words.
        message: String,
        /// What the node proposes to do next; may be empty.
        hint: String,
    },
    /// Something answered, but not as a node does.
    #[error(
        "the answer from {url} is not that of a node: {reason}; check the URL and that both programs are of one release"
    )]
    BadAnswer {
        /// Who answered.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Client {
    /// A client for the node at `url`, with the default time for a call of 40 s.
    ///
    /// # Errors
    /// [`NoClient::Url`] for anything but plain HTTP to a loopback address.
    pub fn new(url: &str, cookie: &Cookie) -> Result<Self, NoClient> {
        Self::with_timeout(url, cookie, TIMEOUT)
    }

    /// A client that gives a call up after `timeout`.
    ///
    /// # Errors
    /// As for [`Client::new`].
    pub fn with_timeout(url: &str, cookie: &Cookie, timeout: Duration) -> Result<Self, NoClient> {
        let bad_url = || NoClient::Url(url.escape_debug().to_string());
        if !is_loopback(url) {
            return Err(bad_url());
        }
        let bearer = format!("Bearer {}", *cookie.reveal());
        let mut bearer = HeaderValue::from_str(&bearer).expect("hex digits make a header");
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert("authorization", bearer);
        let http = HttpClientBuilder::new()
            .max_response_size(MAX_ANSWER)
            .request_timeout(timeout)
            .set_headers(headers)
            .build(url)
            .map_err(|_| bad_url())?;
        Ok(Self {
            http,
            url: url.to_owned(),
        })
    }

    /// A client for the node that wrote this endpoint file.
    ///
    /// # Errors
    /// [`NoClient`]: the file is missing, not private or not an endpoint file, or names another computer.
    pub fn from_endpoint_file(path: &Path) -> Result<Self, NoClient> {
        let endpoint = read_endpoint_file(path)?;
        Self::new(&endpoint.url, &endpoint.cookie)
    }

    /// A client for the node that the flags `--rpc` and `--cookie-file` mean; without them, the one of `endpoint_file`.
    ///
    /// `cookie_file` is the endpoint file of the node meant, or a copy of it. Without one, a URL gets the cookie of `endpoint_file` only if
    /// host and port are those of that file.
    ///
    /// # Errors
    /// [`NoClient`]: as for [`Client::from_endpoint_file`], or there is no cookie for this URL.
    pub fn connect(
        endpoint_file: &Path,
        url: Option<&str>,
        cookie_file: Option<&Path>,
    ) -> Result<Self, NoClient> {
        let Some(url) = url else {
            return Self::from_endpoint_file(cookie_file.unwrap_or(endpoint_file));
        };
        if !is_loopback(url) {
            return Err(NoClient::Url(url.escape_debug().to_string()));
        }
        if let Some(path) = cookie_file {
            return Self::new(url, &read_endpoint_file(path)?.cookie);
        }
        let no_cookie = || NoClient::NoCookie {
            url: url.escape_debug().to_string(),
            path: endpoint_file.to_owned(),
        };
        let endpoint = match read_endpoint_file(endpoint_file) {
            Err(EndpointError::Missing { .. }) => return Err(no_cookie()),
            endpoint => endpoint?,
        };
        if authority(url) != authority(&endpoint.url) {
            return Err(no_cookie());
        }
        Self::new(url, &endpoint.cookie)
    }

    /// Where the node is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls a method.
    ///
    /// # Errors
    /// [`CallError`]. A call that timed out may have been carried out.
    pub async fn call<M: Method>(&self, params: M::Params) -> Result<M::Answer, CallError> {
        let params = serde_json::to_value(params).map_err(|e| self.bad_answer(e))?;
        let answer = self.call_json(M::NAME, params).await?;
        serde_json::from_value(answer).map_err(|e| self.bad_answer(e))
    }

    /// Calls a method by its name, with parameters as an object.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call_json(&self, method: &str, params: Value) -> Result<Value, CallError> {
        self.http
            .request(method, ByName(params))
            .await
            .map_err(|error| self.call_error(error))
    }

    fn call_error(&self, error: RpcError) -> CallError {
        match error {
            RpcError::Call(object) => refused(&object),
            RpcError::RequestTimeout => self.unreachable("no answer in time"),
            RpcError::Transport(error) => match error.downcast_ref::<TransportError>() {
                Some(TransportError::Rejected {
                    status_code: UNAUTHORIZED,
                }) => CallError::Refused {
                    number: i32::from(UNAUTHORIZED),
                    code: "unauthorized".into(),
                    message: format!("the node at {} does not know this cookie", self.url),
                    hint: "name the data directory of that node, or its rpc.json with --cookie-file; the cookie in it changes at each start".into(),
                },
                Some(TransportError::Rejected { status_code }) => {
                    self.bad_answer(format!("HTTP status {status_code}"))
                }
                Some(TransportError::Http(HttpError::TooLarge)) => {
                    self.bad_answer(format!("it is longer than {MAX_ANSWER} bytes"))
                }
                Some(TransportError::Http(HttpError::Malformed)) => {
                    self.bad_answer("it is not JSON")
                }
                _ => self.unreachable(innermost(&*error)),
            },
            other => self.bad_answer(other),
        }
    }

    fn unreachable(&self, reason: impl fmt::Display) -> CallError {
        CallError::Unreachable {
            url: self.url.clone(),
            reason: reason.to_string(),
        }
    }

    fn bad_answer(&self, reason: impl fmt::Display) -> CallError {
        CallError::BadAnswer {
            url: self.url.clone(),
            reason: reason.to_string(),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.url)
    }
}

/// The last cause in a chain of errors: "connection refused" and not "client error (Connect)".
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// What specs/09 §2 puts beside an error.
#[derive(Default, Deserialize)]
struct Advice {
    #[serde(default)]
    code: String,
    #[serde(default)]
    hint: String,
}

fn refused(object: &ErrorObjectOwned) -> CallError {
    let advice: Advice = object
        .data()
        .and_then(|data| serde_json::from_str(data.get()).ok())
        .unwrap_or_default();
    CallError::Refused {
        number: object.code(),
        code: advice.code,
        message: object.message().to_owned(),
        hint: advice.hint,
    }
}

/// Host and port of a URL of plain HTTP, the port of HTTP if there is none.
fn authority(url: &str) -> Option<(&str, u16)> {
    let rest = url.strip_prefix("http://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    match authority.rsplit_once(':') {
        // A colon within brackets is part of an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => Some((host, port.parse().ok()?)),
        _ => Some((authority, HTTP_PORT)),
    }
}

/// Whether the URL is plain HTTP to this computer, with nothing beside host, port and path.
fn is_loopback(url: &str) -> bool {
    // `127.0.0.1:80@example.net` is a user and a password at example.net.
    if url.contains('@') {
        return false;
    }
    authority(url).is_some_and(|(host, _)| {
        host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

/// Parameters by name: an object as it is.
struct ByName(Value);

impl ToRpcParams for ByName {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        to_raw_value(&self.0).map(Some)
    }
}

#[cfg(test)]
mod tests;
