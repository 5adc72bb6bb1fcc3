//! The small page that `sapwood dev` serves where `hello.leaf.alt` points, so that a resolved name leads somewhere.

use crate::web::{MAX_CONNECTIONS, accept_all};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, header};
use std::future::Future;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

const PAGE: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><title>hello.leaf.alt</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}</style>
<h1>hello.leaf.alt</h1>
<p>You reached this page by a name that no authority gave out: it stands in the account tree of the chain that runs on this computer.</p>
";

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
                Some(listener) => accept_all("the page", listener, &slots, answer).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = accept_all("the page", self.v4, &slots, answer) => {}
            () = v6 => {}
            () = shutdown => {}
        }
    }
}

async fn answer(_: Request<Incoming>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(PAGE.as_bytes())));
    let headers = response.headers_mut();
    let fixed = |text| header::HeaderValue::from_static(text);
    headers.insert(header::CONTENT_TYPE, fixed("text/html; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        fixed("default-src 'none'; style-src 'unsafe-inline'"),
    );
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
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
