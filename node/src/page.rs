//! The small page that `sapwood dev` serves where `hello.leaf.alt` points, so that a resolved name leads somewhere.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at once; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 16;

/// How long a client may take to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

const PAGE: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><title>hello.leaf.alt</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}</style>
<h1>hello.leaf.alt</h1>
<p>You reached this page by a name that no authority gave out: it stands in the account tree of the chain that runs on this computer.</p>
";

/// Pause after a failed `accept`. The usual cause is that the process has no file descriptor left, which a retry at once would turn into a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The sockets of the page.
#[derive(Debug)]
pub struct Page {
    v4: TcpListener,
    /// Absent on a system without IPv6, or if something else has the port there.
    v6: Option<TcpListener>,
}

impl Page {
    /// Takes the port on 127.0.0.1 and, where the system has it, on ::1: `hello.leaf.alt` has both addresses.
    ///
    /// # Errors
    /// What the system says about the first of them.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let v4 = TcpListener::bind(address).await?;
        let port = v4.local_addr()?.port();
        let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
        Ok(Self { v4, v6 })
    }

    /// Where it listens on IPv4.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.v4.local_addr()
    }

    /// Serves the page until `shutdown`.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let v6 = async {
            match self.v6 {
                Some(listener) => accept_all(listener, &slots).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = accept_all(self.v4, &slots) => {}
            () = v6 => {}
            () = shutdown => {}
        }
    }
}

/// Serves connection after connection; it ends only by being dropped.
async fn accept_all(listener: TcpListener, slots: &Arc<Semaphore>) {
    loop {
        let slot = Arc::clone(slots).acquire_owned().await;
        let slot = slot.expect("never closed");
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, slot))),
            Err(error) => {
                tracing::warn!(%error, "the page cannot accept a connection; retrying");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers on one connection, which `slot` counts.
async fn converse(stream: TcpStream, slot: OwnedSemaphorePermit) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .keep_alive(false);
    // A client that goes away mid-answer is its own business.
    let _ = http
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
    drop(slot);
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(PAGE.as_bytes())));
    let headers = response.headers_mut();
    let fixed = |text| header::HeaderValue::from_static(text);
    headers.insert(header::CONTENT_TYPE, fixed("text/html; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        fixed("default-src 'none'; style-src 'unsafe-inline'"),
    );
    Ok(response)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    async fn get(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: hello.leaf.alt\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_page_is_at_both_loopback_addresses_and_ends_while_all_places_are_taken() {
        let page = Page::bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let address = page.local_addr().unwrap();
        let has_v6 = page.v6.is_some();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(page.serve(async { drop(stopped.await) }));
        assert!(get(address).await.contains("hello.leaf.alt"));
        if has_v6 {
            let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, address.port()));
            assert!(get(v6).await.contains("hello.leaf.alt"));
        }
        let mut idle = Vec::new();
        for _ in 0..MAX_CONNECTIONS + 1 {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        stop.send(()).unwrap();
        serving.await.unwrap();
    }
}
