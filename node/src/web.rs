//! The little HTTP server that the page of `sapwood dev` and the monitoring share: one request a connection, a few connections, short times.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at once; further ones wait in the kernel's queue.
pub(crate) const MAX_CONNECTIONS: usize = 16;

/// How long a client may take to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may last, so that a client that does not read its answer gives its place back.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(20);

/// Pause after a failed `accept`. The usual cause is that the process has no file descriptor left, which a retry at once would turn into a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves connection after connection; it ends only by being dropped. `slots` bounds what is served at once.
pub(crate) async fn accept_all<F, R>(
    what: &'static str,
    listener: TcpListener,
    slots: &Arc<Semaphore>,
    answer: F,
) where
    F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    loop {
        let slot = Arc::clone(slots).acquire_owned().await;
        let slot = slot.expect("never closed");
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, slot, answer.clone()))),
            Err(error) => {
                tracing::warn!(what, %error, "a connection cannot be accepted; retrying");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers on one connection, which `slot` counts.
async fn converse<F, R>(stream: TcpStream, slot: OwnedSemaphorePermit, answer: F)
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .keep_alive(false);
    let respond = service_fn(move |request| {
        let answer = answer.clone();
        async move { Ok::<_, Infallible>(answer(request).await) }
    });
    // A client that goes away mid-answer is its own business.
    let served = http.serve_connection(TokioIo::new(stream), respond);
    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, served).await;
    drop(slot);
}
