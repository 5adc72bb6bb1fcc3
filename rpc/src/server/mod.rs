//! Serves JSON-RPC methods over plain HTTP/1.1 to programs on the same computer, and to nobody else by accident.
//!
//! It knows no method: it takes a [`Methods`] of jsonrpsee and puts in front of it what jsonrpsee's own server does not
//! have. The path of a request, and the file for each step:
//!
//! ```text
//! listener   a free connection slot, of its address too?    429
//! stream     is the head whole, short and unambiguous?      400 431
//! guard      rate, token, host, origin, method, type, length   401 403 404 405 413 415 429
//! answer     the body, within its size and time             400 408 413
//! envelope   JSON and JSON-RPC 2.0, strictly                -32700 -32600 -32602
//! dispatch   the method                                     -32601 -32603, the method's own
//! ```
//!
//! Up to `answer` a refusal is an HTTP status with `{"error": {"code", "message", "hint"}}` (see `refusal`) and ends the
//! connection. From `envelope` on the status is 200 and the error is JSON-RPC's. A request that JSON-RPC gives no answer
//! to, a notification, is dropped without being run and gets 204: its sender could not learn whether it succeeded.
//!
//! Who may call is decided by a [`Cookie`] that the node writes into a private file with [`write_endpoint_file`] and that
//! its tools read with [`read_endpoint_file`]. The rules are those of specs/09-rpc.md.

mod answer;
mod cookie;
mod dispatch;
mod endpoint;
mod envelope;
mod guard;
mod listener;
mod observe;
mod refusal;
mod shares;
mod stream;
mod strict;
mod table;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::Methods;
use tokio::net::TcpListener;

pub use self::cookie::Cookie;
pub use self::endpoint::{Endpoint, EndpointError, read_endpoint_file, write_endpoint_file};
pub use self::guard::is_loopback_host;
pub use self::observe::Observe;
pub use self::shares::PerAddress;
pub use self::table::{CallRefused, add};

use self::answer::Service;
use self::guard::Guard;
use self::observe::Unobserved;
use self::refusal::Refusal;

/// What a request can be answered with before it is read as JSON-RPC: HTTP status, stable code, sentence and hint.
pub fn http_refusals() -> impl Iterator<Item = (u16, &'static str, String, &'static str)> {
    let all = Refusal::all(Limits::default().max_body);
    all.into_iter().map(|refusal| {
        let (status, code, message, hint) = refusal.row();
        (status.as_u16(), code, message, hint)
    })
}

/// How a listener is set up.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 lets the operating system choose.
    pub listen: SocketAddr,
    /// The secret that callers must present. `None` serves everybody who can connect, which is right for a listener with
    /// read-only methods and for nothing else.
    pub cookie: Option<Cookie>,
    /// Names and addresses accepted in `Host` beside the loopback literals and `localhost`: without port, IPv6 addresses
    /// in brackets, in any case.
    pub allowed_hosts: Vec<String>,
    /// Serves requests with any `Host` and `Origin`. Right where a cookie is not asked for and every answer is public: a web page then
    /// learns and does nothing that its server could not learn and do by itself. No answer ever allows a page of another origin to read it.
    pub any_origin: bool,
    /// Bounds on what callers can make the server hold and wait for.
    pub limits: Limits,
}

impl ServerConfig {
    /// A listener at `listen` that asks for `cookie`, with the default limits and no host names but the loopback ones.
    pub fn new(listen: SocketAddr, cookie: Option<Cookie>) -> Self {
        Self {
            listen,
            cookie,
            allowed_hosts: Vec::new(),
            any_origin: false,
            limits: Limits::default(),
        }
    }

    /// A listener at `listen` for everybody, without a cookie, with [`Limits::public`]. Serve nothing on it but public methods.
    pub fn public(listen: SocketAddr) -> Self {
        Self {
            any_origin: true,
            limits: Limits::public(),
            ..Self::new(listen, None)
        }
    }
}

/// Bounds on what callers can make the server hold and wait for. With the default values, bodies and answers in flight are
/// at most 96 MiB: one of each on every connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest request line and headers, in bytes. Default 16 KiB, twice what most HTTP servers take.
    pub max_head: usize,
    /// Longest body, in bytes. Default 1 MiB; the largest call, a transaction in hex, is well below.
    pub max_body: usize,
    /// Most requests in a batch. Default 32.
    pub max_batch: usize,
    /// Longest answer, in bytes; error objects of a batch come on top. Default 2 MiB.
    pub max_response: usize,
    /// Most connections served at the same time. Default 32.
    pub max_connections: usize,
    /// Bounds for each address. Default none.
    pub per_address: Option<PerAddress>,
    /// Longest time for a request's head to arrive, counted from the connection's start or the answer before; so also how
    /// long a connection may stay idle. Default 10 s.
    pub header_timeout: Duration,
    /// Longest time for a whole body to arrive. Default 10 s.
    pub body_timeout: Duration,
    /// Longest time for a method to run. Default 30 s, for the slowest disk.
    pub call_timeout: Duration,
    /// Longest time for a client to take an answer that does not fit the socket's buffer. Default 10 s.
    pub write_timeout: Duration,
    /// Longest time that calls in progress get to end after the server is told to stop. Default 5 s.
    pub stop_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_head: 16 * 1024,
            max_body: 1024 * 1024,
            max_batch: 32,
            max_response: 2 * 1024 * 1024,
            max_connections: 32,
            per_address: None,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
            stop_grace: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// Bounds for a listener that serves everybody. The largest call there, a transaction in hex, has 33 KiB; an answer may be as long as
    /// elsewhere, since a block has half of that.
    pub fn public() -> Self {
        Self {
            max_head: 8 * 1024,
            max_body: 64 * 1024,
            max_batch: 8,
            max_connections: 64,
            per_address: Some(PerAddress {
                connections: 8,
                calls_per_second: 20,
                burst: 100,
            }),
            ..Self::default()
        }
    }
}

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program holds the port.
    #[error(
        "the RPC cannot listen on {listen}, the port is in use: stop the program that holds it or choose another port"
    )]
    InUse {
        /// The configured address.
        listen: SocketAddr,
    },
    /// The operating system refused for another reason.
    #[error(
        "the RPC cannot listen on {listen}: {source}; choose an address of this computer and a port above 1023"
    )]
    Refused {
        /// The configured address.
        listen: SocketAddr,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// A server that holds its port and does not serve yet, so that the endpoint file can be written in between.
#[derive(Debug)]
pub struct BoundServer {
    listener: TcpListener,
    local_addr: SocketAddr,
    guard: Guard,
    limits: Limits,
    observer: Arc<dyn Observe>,
}

/// Opens the listener.
///
/// # Errors
///
/// See [`BindError`].
pub async fn bind(config: ServerConfig) -> Result<BoundServer, BindError> {
    let ServerConfig {
        listen,
        cookie,
        allowed_hosts,
        any_origin,
        limits,
    } = config;
    let refused = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { listen },
        _ => BindError::Refused { listen, source },
    };
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    let local_addr = listener.local_addr().map_err(refused)?;
    Ok(BoundServer {
        listener,
        local_addr,
        guard: Guard::new(cookie, allowed_hosts, limits.max_body).of_any_origin(any_origin),
        limits,
        observer: Arc::new(Unobserved),
    })
}

impl BoundServer {
    /// The address in use, with the port that the operating system chose if it was asked to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Has everything counted by `observer`.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observe>) -> Self {
        self.observer = observer;
        self
    }

    /// Serves `methods` until `shutdown` is ready, then waits for calls in progress as long as
    /// [`stop_grace`](Limits::stop_grace) allows.
    ///
    /// An asynchronous method is dropped at an `await` when its time is over, so it must not leave anything half done
    /// there. A synchronous method occupies a thread of the runtime and is not interrupted, so it must be short.
    pub async fn serve(self, methods: impl Into<Methods>, shutdown: impl Future<Output = ()>) {
        let service = Arc::new(Service::new(
            self.guard,
            methods.into(),
            self.limits,
            self.observer,
        ));
        listener::run(self.listener, service, shutdown).await;
    }
}
