//! Plain HTTP, one request a connection.

use crate::PATIENCE;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Gets a URL and gives status and body.
///
/// # Panics
/// If nobody answers there.
pub fn http_get(url: &str) -> (u16, String) {
    let (host, path) = split(url);
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    http_exchange(url, &request)
}

/// Sends these bytes to the host and port of a URL, and gives status and body of the answer.
///
/// # Panics
/// If nobody answers there.
pub fn http_exchange(url: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(split(url).0).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
    // A server that refuses early may close before it was told everything.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer, but {answer:?}"));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("a status line"), body.to_owned())
}

/// Host with port, and path without its first slash.
fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").expect("plain HTTP");
    rest.split_once('/').unwrap_or((rest, ""))
}
