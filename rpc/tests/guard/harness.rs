//! A server with toy methods, and clients that say exactly the bytes they are told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jsonrpsee::RpcModule;
use jsonrpsee::core::RpcResult;
use jsonrpsee::types::ErrorObjectOwned;
use sapwood_rpc::server::{self, Cookie, Limits, ServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Far longer than any exchange here takes; a test that reaches it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server. Its methods: `echo` gives its parameters back, `add` adds `by` to a counter and gives the sum,
/// `panic` and `panic_later` panic, `never` does not end, `long` answers with `length` letters.
pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) token: String,
    pub(crate) counter: Arc<AtomicU64>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Limits with short times, so that the tests of time limits end soon.
pub(crate) fn quick_limits() -> Limits {
    let short = Duration::from_millis(200);
    Limits {
        body_timeout: short,
        call_timeout: short,
        write_timeout: short,
        stop_grace: short,
        ..Limits::default()
    }
}

impl Server {
    /// A server that asks for a cookie and has short time limits.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, after `change` to its configuration.
    pub(crate) async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let cookie = Cookie::generate().unwrap();
        let token = cookie.reveal().to_string();
        let mut config = ServerConfig::new("127.0.0.1:0".parse().unwrap(), Some(cookie));
        config.limits = quick_limits();
        change(&mut config);
        Self::serve(server::bind(config).await.unwrap(), token)
    }

    /// The same as [`Server::start`], heard by an observer.
    pub(crate) async fn observed(observer: Arc<dyn server::Observe>) -> Self {
        let cookie = Cookie::generate().unwrap();
        let token = cookie.reveal().to_string();
        let config = ServerConfig::new("127.0.0.1:0".parse().unwrap(), Some(cookie));
        let bound = server::bind(config).await.unwrap();
        Self::serve(bound.observed_by(observer), token)
    }

    fn serve(bound: server::BoundServer, token: String) -> Self {
        let address = bound.local_addr();
        let counter = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = oneshot::channel();
        let methods = toy_methods(counter.clone());
        let task = tokio::spawn(bound.serve(methods, async { drop(stopped.await) }));
        Self {
            address,
            token,
            counter,
            stop,
            task,
        }
    }

    /// Sends `request` on a new connection and reads until the server closes it.
    pub(crate) async fn exchange(&self, request: &[u8]) -> Answer {
        let mut connection = self.connect().await;
        connection.send(request).await;
        connection.read_answer().await
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection {
            tcp: TcpStream::connect(self.address).await.unwrap(),
            received: Vec::new(),
        }
    }

    /// A POST with all that an honest client sends, and `extra` header lines (each ended by CRLF).
    pub(crate) fn post(&self, extra: &str, body: &[u8]) -> Vec<u8> {
        let length = format!("Content-Length: {}\r\n{extra}", body.len());
        [self.head("127.0.0.1", &length).as_bytes(), body].concat()
    }

    /// The head of a POST to `host`, with token and content type, and `extra` header lines.
    pub(crate) fn head(&self, host: &str, extra: &str) -> String {
        let token = &self.token;
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{extra}\r\n"
        )
    }

    /// Sends `body` as an honest client would and returns the answer's JSON.
    pub(crate) async fn call(&self, body: impl AsRef<[u8]>) -> Value {
        let answer = self.exchange(&self.post("", body.as_ref())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Fails unless a good call is served as if nothing had happened before.
    pub(crate) async fn assert_serves(&self) {
        let answer = self
            .call(
                r#"{"jsonrpc":"2.0","id":7,"method":"echo","params":{"big":18446744073709551615}}"#,
            )
            .await;
        assert_eq!(
            answer,
            json!({ "jsonrpc": "2.0", "id": 7, "result": { "big": u64::MAX } })
        );
    }

    /// Tries until an honest call is served: a slot comes free a moment after its connection has closed.
    pub(crate) async fn serve_once_there_is_room(&self) {
        let call = self.post(
            "Connection: close\r\n",
            br#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#,
        );
        let served = async { while self.exchange(&call).await.status == 429 {} };
        tokio::time::timeout(PATIENCE, served)
            .await
            .expect("a slot comes free");
    }

    /// Tells the server to stop and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("the server stops")
            .unwrap();
    }
}

fn toy_methods(counter: Arc<AtomicU64>) -> RpcModule<Arc<AtomicU64>> {
    let mut module = RpcModule::new(counter);
    module
        .register_method("echo", |params, _, _| params.parse::<Value>())
        .unwrap();
    let add = |params: jsonrpsee::types::Params<'_>, counter: &Arc<AtomicU64>| {
        let by = params.parse::<Value>()?["by"]
            .as_u64()
            .ok_or_else(|| ErrorObjectOwned::owned(-32602, "`by` is missing", None::<()>))?;
        Ok(counter.fetch_add(by, Ordering::SeqCst) + by)
    };
    module
        .register_method("add", move |params, counter, _| -> RpcResult<u64> {
            add(params, counter)
        })
        .unwrap();
    module
        .register_method("panic", |_, _, _| panic_on_purpose())
        .unwrap();
    module
        .register_async_method("panic_later", |_, _, _| async {
            tokio::task::yield_now().await;
            panic_on_purpose()
        })
        .unwrap();
    module
        .register_async_method("never", |_, _, _| std::future::pending::<u64>())
        .unwrap();
    module
        .register_method("long", |params, _, _| -> RpcResult<String> {
            let length = params.parse::<Value>()?["length"].as_u64().unwrap();
            Ok("x".repeat(usize::try_from(length).unwrap()))
        })
        .unwrap();
    module
}

fn panic_on_purpose() -> u64 {
    panic!("on purpose")
}

/// A client's end of a connection.
pub(crate) struct Connection {
    tcp: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// Sends bytes. A server that refuses a request reads its rest, so sending does not fail before the answer is read.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let sent = tokio::time::timeout(PATIENCE, self.tcp.write_all(bytes)).await;
        sent.expect("the server reads")
            .expect("the server does not reset the connection");
    }

    /// Reads one answer: its head and as many bytes of body as it announces.
    pub(crate) async fn read_answer(&mut self) -> Answer {
        loop {
            if let Some((answer, length)) = Answer::parse(&self.received) {
                self.received.drain(..length);
                return answer;
            }
            assert!(
                self.receive().await,
                "the server closed the connection without an answer, after {:?}",
                self.received
            );
        }
    }

    /// Fails unless the server closes the connection without sending anything more.
    pub(crate) async fn assert_closed(mut self) {
        assert!(
            !self.receive().await,
            "the server sent more: {:?}",
            String::from_utf8_lossy(&self.received)
        );
    }

    async fn receive(&mut self) -> bool {
        let read = self.tcp.read_buf(&mut self.received);
        let read = tokio::time::timeout(PATIENCE, read)
            .await
            .expect("the server answers or closes");
        read.unwrap_or(0) > 0
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The answer at the start of `bytes` and its length, if it is complete.
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, rest) = text.split_once("\r\n\r\n")?;
        let head = head.to_ascii_lowercase();
        let length = head
            .split("\r\n")
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let body = rest.get(..length)?.to_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let whole = head.len() + 4 + length;
        Some((Self { status, head, body }, whole))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Fails unless this is the refusal `code` with `status`, with advice and with the headers of every answer.
    pub(crate) fn assert_refused(&self, row: &str, status: u16, code: &str) {
        assert_eq!(self.status, status, "{row}: {self:?}");
        let json = self.json();
        assert_eq!(json["error"]["code"], code, "{row}");
        for part in ["message", "hint"] {
            assert!(
                json["error"][part]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{row} lacks a {part}"
            );
        }
        self.assert_hardened(row);
        assert!(self.head.contains("connection: close"), "{row}: {self:?}");
    }

    /// Fails unless the headers keep browsers and caches from using the answer.
    pub(crate) fn assert_hardened(&self, row: &str) {
        for header in [
            "content-type: application/json",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
        ] {
            assert!(
                self.head.contains(header),
                "{row} lacks {header:?}: {self:?}"
            );
        }
        assert!(
            !self.head.contains("access-control"),
            "{row} must not open the server to web pages"
        );
    }
}
