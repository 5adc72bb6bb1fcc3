//! A listener that serves everybody: no cookie, any Host and Origin, and bounds for each address.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sapwood_rpc::server::{Limits, Observe, PerAddress, ServerConfig};

use crate::harness::Server;

const ADD: &str = r#"{"jsonrpc":"2.0","id":1,"method":"add","params":{"by":1}}"#;

/// A public server with these bounds for each address.
async fn public(per_address: PerAddress) -> Server {
    Server::start_with(|config| {
        let limits = config.limits;
        *config = ServerConfig::public(config.listen);
        config.limits.body_timeout = limits.body_timeout;
        config.limits.per_address = Some(per_address);
    })
    .await
}

/// Bounds that no test reaches by accident.
const AMPLE: PerAddress = PerAddress {
    connections: 50,
    calls_per_second: 1000,
    burst: 1000,
};

fn post(extra: &str, body: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\n{extra}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[tokio::test]
async fn everybody_is_served_whatever_cookie_host_and_origin_say_and_no_page_may_read_it() {
    let server = public(AMPLE).await;
    let wrong = format!(
        "Host: 127.0.0.1\r\nAuthorization: Bearer {}\r\n",
        "0".repeat(64)
    );
    for (served, extra) in [
        ("no cookie", "Host: 127.0.0.1\r\n"),
        ("a wrong cookie", &wrong),
        ("another host", "Host: node.example\r\n"),
        (
            "an origin",
            "Host: node.example\r\nOrigin: https://page.example\r\n",
        ),
    ] {
        let answer = server.exchange(&post(extra, ADD)).await;
        assert!(answer.json()["result"].is_u64(), "{served}: {answer:?}");
        let head = answer.head.to_ascii_lowercase();
        assert!(!head.contains("access-control"), "{served}: {head}");
    }
    assert_eq!(server.counter.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn what_is_malformed_is_refused_as_on_the_other_listener() {
    let server = public(AMPLE).await;
    let good = String::from_utf8(post("Host: 127.0.0.1\r\n", ADD)).unwrap();
    let change = |from: &str, to: &str| good.replacen(from, to, 1).into_bytes();
    let long = format!("Content-Length: {}", 64 * 1024 + 1);
    let head = format!("X-Long: {}\r\nHost:", "x".repeat(8 * 1024));
    let rows = [
        (
            "7 upgrade",
            change(
                "Connection: close",
                "Connection: Upgrade\r\nUpgrade: websocket",
            ),
            403,
            "upgrade_not_allowed",
        ),
        ("10 GET", change("POST", "GET"), 405, "method_not_allowed"),
        (
            "10 OPTIONS, a page's preflight",
            change("POST", "OPTIONS"),
            405,
            "method_not_allowed",
        ),
        (
            "11 text/plain",
            change("application/json", "text/plain"),
            415,
            "not_json",
        ),
        (
            "12 a byte too long",
            change(&format!("Content-Length: {}", ADD.len()), &long),
            413,
            "body_too_large",
        ),
        (
            "14 two lengths",
            change(
                "Content-Length: 5",
                "Content-Length: 9\r\nContent-Length: 5",
            ),
            400,
            "ambiguous_length",
        ),
        (
            "17 long header",
            change("Host:", &head),
            431,
            "head_too_large",
        ),
    ];
    for (row, request, status, code) in rows {
        server
            .exchange(&request)
            .await
            .assert_refused(row, status, code);
    }
    let batch = format!("[{}]", [ADD; 9].join(","));
    for (row, body, number) in [
        ("20 truncated", &ADD[..20], -32700),
        ("29 a batch of 9", &batch, -32600),
        ("35 unknown", &ADD.replace("add", "sub"), -32601),
    ] {
        let answer = server.exchange(&post("Host: a\r\n", body)).await;
        assert_eq!(answer.json()["error"]["code"], number, "{row}");
    }
    assert_eq!(server.counter.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_address_that_calls_too_often_is_told_to_wait_and_then_served_again() {
    let bounds = PerAddress {
        connections: 50,
        calls_per_second: 5,
        burst: 10,
    };
    let server = public(bounds).await;
    let batch = format!("[{}]", [ADD; 8].join(","));
    let answer = server.exchange(&post("Host: a\r\n", &batch)).await;
    assert_eq!(answer.json().as_array().unwrap().len(), 8);
    let mut served = 0;
    let refused = loop {
        let answer = server.exchange(&post("Host: a\r\n", ADD)).await;
        if answer.status != 200 {
            break answer;
        }
        served += 1;
        // Two are left of the burst; five come back in a second.
        assert!(served < 100, "nobody is ever refused");
    };
    assert!(refused.head.to_ascii_lowercase().contains("retry-after"));
    refused.assert_refused("rate", 429, "rate_limited");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let answer = server.exchange(&post("Host: a\r\n", ADD)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn an_address_has_a_bounded_number_of_connections_of_all() {
    let bounds = PerAddress {
        connections: 2,
        ..AMPLE
    };
    let server = public(bounds).await;
    let held = [server.connect().await, server.connect().await];
    // The third is refused once the two were accepted, which is before it.
    let refused = server.exchange(&post("Host: a\r\n", ADD)).await;
    refused.assert_refused("16", 429, "too_many_connections");
    drop(held);
    while server.exchange(&post("Host: a\r\n", ADD)).await.status == 429 {}
    assert!(Limits::public().max_connections > Limits::public().per_address.unwrap().connections);
}

/// Writes down what it hears.
#[derive(Debug, Default)]
struct Heard {
    open: AtomicI64,
    calls: Mutex<Vec<(&'static str, &'static str)>>,
    refusals: Mutex<Vec<&'static str>>,
}

impl Observe for Heard {
    fn connected(&self) {
        self.open.fetch_add(1, Ordering::SeqCst);
    }
    fn disconnected(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
    fn refused(&self, code: &'static str) {
        self.refusals.lock().unwrap().push(code);
    }
    fn called(&self, method: &'static str, outcome: &'static str, _: Duration) {
        self.calls.lock().unwrap().push((method, outcome));
    }
}

#[tokio::test]
async fn an_observer_hears_of_calls_refusals_and_connections_by_bounded_words() {
    let heard = std::sync::Arc::new(Heard::default());
    let server = Server::observed(heard.clone()).await;
    server.call(ADD).await;
    for (method, params) in [("made_up", "{}"), ("panic", "{}"), ("add", "[1]")] {
        let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        server.call(call).await;
    }
    server.call("{").await;
    server.exchange(b"GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(
        *heard.calls.lock().unwrap(),
        [
            ("add", "ok"),
            ("unknown", "method_not_found"),
            ("panic", "internal"),
            ("add", "invalid_params"),
            ("unknown", "parse_error"),
        ]
    );
    assert_eq!(*heard.refusals.lock().unwrap(), ["unauthorized"]);
    let idle = server.connect().await;
    while heard.open.load(Ordering::SeqCst) != 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(idle);
    while heard.open.load(Ordering::SeqCst) != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
