//! What is refused with an HTTP status, before any of it is read as JSON-RPC: rows 1 to 18.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sapwood_rpc::server::Limits;

use crate::harness::Server;

/// A call that would be seen: it changes the counter.
const ADD: &str = r#"{"jsonrpc":"2.0","id":1,"method":"add","params":{"by":1}}"#;

/// Sends each row's request, expects its refusal, then serves an honest call; nothing of it may have been run.
async fn assert_all_refused(server: &Server, rows: Vec<(&str, Vec<u8>, u16, &str)>) {
    for (row, request, status, code) in rows {
        server
            .exchange(&request)
            .await
            .assert_refused(row, status, code);
        server.assert_serves().await;
    }
    assert_eq!(
        server.counter.load(Ordering::SeqCst),
        0,
        "a refused request was run"
    );
}

fn request(lines: &[&str]) -> Vec<u8> {
    let length = format!("Content-Length: {}", ADD.len());
    format!(
        "{}\r\nContent-Type: application/json\r\n{length}\r\n\r\n{ADD}",
        lines.join("\r\n")
    )
    .into_bytes()
}

#[tokio::test]
async fn requests_without_the_right_token_are_unauthorized() {
    let server = Server::start().await;
    let token = server.token.clone();
    let line = format!("Authorization: Bearer {token}");
    let in_query = format!("POST /?token={token} HTTP/1.1");
    let all_but_last = format!("Authorization: Bearer {}", &token[..63]);
    let too_long = format!("{line}0");
    let basic = format!("Authorization: Basic {token}");
    let bare = format!("Authorization: {token}");
    let (post, host) = ("POST / HTTP/1.1", "Host: 127.0.0.1");
    let wrong = format!("Authorization: Bearer {}", "0".repeat(64));
    let rows = [
        ("1 no token", vec![post, host]),
        ("1 empty token", vec![post, host, "Authorization: Bearer "]),
        ("2 wrong token", vec![post, host, &wrong]),
        ("2 token without its end", vec![post, host, &all_but_last]),
        ("2 token with more", vec![post, host, &too_long]),
        ("2 token under another scheme", vec![post, host, &basic]),
        ("2 token without a scheme", vec![post, host, &bare]),
        ("2 two tokens", vec![post, host, &line, &wrong]),
        ("8 token in the query string", vec![&in_query, host]),
        ("8 token as a cookie", vec![post, host, "Cookie: token=1"]),
        (
            "9 forwarded for this computer",
            vec![
                post,
                host,
                "X-Forwarded-For: 127.0.0.1",
                "X-Real-IP: ::1",
                "Forwarded: for=127.0.0.1",
            ],
        ),
        (
            "the token comes before all else",
            vec![
                "GET / HTTP/1.1",
                "Host: evil.com",
                "Origin: http://evil.com",
            ],
        ),
    ];
    let rows = rows
        .into_iter()
        .map(|(row, lines)| (row, request(&lines), 401, "unauthorized"))
        .collect();
    assert_all_refused(&server, rows).await;
}

#[tokio::test]
async fn requests_for_other_hosts_are_forbidden() {
    let server = Server::start().await;
    let authorization = format!("Authorization: Bearer {}", server.token);
    let post = "POST / HTTP/1.1";
    let rows = [
        ("3 another host", vec![post, "Host: evil.com"]),
        (
            "3 another host with this port",
            vec![post, "Host: evil.com:9451"],
        ),
        (
            "3 a name that starts like ours",
            vec![post, "Host: 127.0.0.1.evil.com"],
        ),
        (
            "3 an address of the network",
            vec![post, "Host: 192.168.1.1"],
        ),
        ("3 any address", vec![post, "Host: 0.0.0.0"]),
        (
            "3 two hosts",
            vec![post, "Host: 127.0.0.1", "Host: evil.com"],
        ),
        (
            "3 another host in the request line",
            vec!["POST http://evil.com/ HTTP/1.1", "Host: 127.0.0.1"],
        ),
        ("4 no host", vec![post]),
        ("4 empty host", vec![post, "Host:"]),
        ("4 no host, HTTP/1.0", vec!["POST / HTTP/1.0"]),
        (
            "9 forwarded host",
            vec![post, "Host: evil.com", "X-Forwarded-Host: 127.0.0.1"],
        ),
    ];
    let with_token = |lines: Vec<&str>| request(&[&lines[..], &[&authorization]].concat());
    let rows = rows
        .into_iter()
        .map(|(row, lines)| (row, with_token(lines), 403, "host_not_allowed"))
        .collect();
    assert_all_refused(&server, rows).await;
}

#[tokio::test]
async fn requests_from_web_pages_are_forbidden() {
    let server = Server::start().await;
    let body = ADD.as_bytes();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let origin = "origin_not_allowed";
    let rows = vec![
        (
            "5 any origin",
            server.post("Origin: http://evil.com\r\n", body),
            403,
            origin,
        ),
        (
            "5 our own address as origin",
            server.post("Origin: http://127.0.0.1\r\n", body),
            403,
            origin,
        ),
        (
            "5 empty origin",
            server.post("Origin:\r\n", body),
            403,
            origin,
        ),
        (
            "6 null origin",
            server.post("Origin: null\r\n", body),
            403,
            origin,
        ),
        (
            "7 WebSocket",
            server.post(upgrade, body),
            403,
            "upgrade_not_allowed",
        ),
        (
            "7 WebSocket by GET",
            server
                .head("127.0.0.1", upgrade)
                .replace("POST", "GET")
                .into_bytes(),
            403,
            "upgrade_not_allowed",
        ),
        (
            "7 HTTP/2",
            server.post(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n",
                body,
            ),
            403,
            "upgrade_not_allowed",
        ),
    ];
    assert_all_refused(&server, rows).await;
}

#[tokio::test]
async fn what_is_no_post_of_plain_json_is_refused() {
    let server = Server::start().await;
    let body = ADD.as_bytes();
    let post = String::from_utf8(server.post("", body)).unwrap();
    let json = "Content-Type: application/json\r\n";
    let typed = |line: &str| post.replace(json, line).into_bytes();
    let rows = vec![
        (
            "10 GET",
            server
                .head("127.0.0.1", "")
                .replace("POST", "GET")
                .into_bytes(),
            405,
            "method_not_allowed",
        ),
        (
            "10 OPTIONS",
            server
                .head("127.0.0.1", "")
                .replace("POST", "OPTIONS")
                .into_bytes(),
            405,
            "method_not_allowed",
        ),
        (
            "10 PUT",
            post.replace("POST", "PUT").into_bytes(),
            405,
            "method_not_allowed",
        ),
        (
            "another path",
            post.replace("POST /", "POST /rpc").into_bytes(),
            404,
            "not_found",
        ),
        (
            "a query",
            post.replace("POST /", "POST /?a=b").into_bytes(),
            404,
            "not_found",
        ),
        (
            "11 text",
            typed("Content-Type: text/plain\r\n"),
            415,
            "not_json",
        ),
        (
            "11 form",
            typed("Content-Type: application/x-www-form-urlencoded\r\n"),
            415,
            "not_json",
        ),
        ("11 no type", typed(""), 415, "not_json"),
        (
            "11 two types",
            typed(&format!("{json}Content-Type: text/plain\r\n")),
            415,
            "not_json",
        ),
        (
            "11 another character set",
            typed("Content-Type: application/json; charset=utf-16\r\n"),
            415,
            "not_json",
        ),
        (
            "11 compressed",
            server.post("Content-Encoding: gzip\r\n", body),
            415,
            "not_json",
        ),
    ];
    assert_all_refused(&server, rows).await;
    let answer = server
        .exchange(
            &server
                .head("127.0.0.1", "")
                .replace("POST", "GET")
                .into_bytes(),
        )
        .await;
    assert!(answer.head.contains("allow: post"), "{answer:?}");
}

#[tokio::test]
async fn lengths_that_are_too_large_or_contradict_each_other_are_refused() {
    let server = Server::start().await;
    let with = |headers: &str, body: &str| {
        format!("{}{body}", server.head("127.0.0.1", headers)).into_bytes()
    };
    let smuggled = format!(
        "0\r\n\r\n{}",
        String::from_utf8(server.post("", ADD.as_bytes())).unwrap()
    );
    let mib = 1024 * 1024;
    let chunk = |length: usize| format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length));
    let chunked = "Transfer-Encoding: chunked\r\n";
    let (large, ambiguous, malformed) = ("body_too_large", "ambiguous_length", "malformed_head");
    let rows = vec![
        (
            "12 one byte too many",
            server.post("", &vec![b' '; mib + 1]),
            413,
            large,
        ),
        (
            "12 announced only",
            with("Content-Length: 1048577\r\n", ""),
            413,
            large,
        ),
        (
            "12 announced beyond all memory",
            with("Content-Length: 9223372036854775807\r\n", ""),
            413,
            large,
        ),
        ("12 chunked", with(chunked, &chunk(mib + 1)), 413, large),
        (
            "13 broken chunk",
            with(chunked, "xyz\r\n"),
            400,
            "broken_body",
        ),
        (
            "14 two equal lengths",
            server.post(
                &format!("Content-Length: {}\r\n", ADD.len()),
                ADD.as_bytes(),
            ),
            400,
            ambiguous,
        ),
        (
            "14 two lengths",
            server.post("Content-Length: 3\r\n", ADD.as_bytes()),
            400,
            ambiguous,
        ),
        (
            "14 a list of lengths",
            with("Content-Length: 3, 3\r\n", "{} "),
            400,
            malformed,
        ),
        (
            "15 length, then chunked",
            with(
                &format!("Content-Length: {}\r\n{chunked}", smuggled.len()),
                &smuggled,
            ),
            400,
            ambiguous,
        ),
        (
            "15 chunked, then length",
            with(
                &format!("{chunked}Content-Length: {}\r\n", smuggled.len()),
                &smuggled,
            ),
            400,
            ambiguous,
        ),
        (
            "15 a coding that hides",
            with("Transfer-Encoding: xchunked\r\n", &smuggled),
            400,
            malformed,
        ),
        (
            "not HTTP",
            b"\x16\x03\x01\x02\x00\x01\x00\n\r\n\r\n".to_vec(),
            400,
            malformed,
        ),
        (
            "a header with a space before its colon",
            with("Content-Length : 3\r\n", ""),
            400,
            malformed,
        ),
        (
            "17 one header of 64 kB",
            with(&format!("X: {}\r\n", "x".repeat(65_536)), ""),
            431,
            "head_too_large",
        ),
        (
            "17 many headers",
            with(&"X: y\r\n".repeat(1000), ""),
            431,
            "head_too_large",
        ),
        (
            "17 a path of 64 kB",
            format!("POST /{} HTTP/1.1\r\n", "x".repeat(65_536)).into_bytes(),
            431,
            "head_too_large",
        ),
    ];
    assert_all_refused(&server, rows).await;
}

#[tokio::test]
async fn a_refused_client_may_send_its_body_to_the_end_without_a_reset() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let head = server.head("127.0.0.1", "Content-Length: 1500000\r\n");
    connection.send(head.as_bytes()).await;
    let answer = connection.read_answer().await;
    answer.assert_refused("12 refused before the body", 413, "body_too_large");
    connection.send(&vec![b' '; 1_500_000]).await;
    connection.assert_closed().await;
}

#[tokio::test]
async fn bodies_that_do_not_arrive_are_given_up() {
    let server = Server::start().await;
    let with = |headers: &str, body: &str| {
        format!("{}{body}", server.head("127.0.0.1", headers)).into_bytes()
    };
    let chunked = "Transfer-Encoding: chunked\r\n";
    let rows = vec![
        (
            "13 chunked without end",
            with(chunked, &format!("{:x}\r\n{ADD}\r\n", ADD.len())),
            408,
            "body_timeout",
        ),
        (
            "13 chunked without start",
            with(chunked, ""),
            408,
            "body_timeout",
        ),
        (
            "18 all but the last byte",
            with(&format!("Content-Length: {}\r\n", ADD.len() + 1), ADD),
            408,
            "body_timeout",
        ),
        (
            "18 nothing",
            with("Content-Length: 5\r\n", ""),
            408,
            "body_timeout",
        ),
    ];
    assert_all_refused(&server, rows).await;
}

#[tokio::test]
async fn row_18_a_body_that_trickles_is_given_up_although_bytes_arrive() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    connection
        .send(
            server
                .head("127.0.0.1", "Content-Length: 1000000\r\n")
                .as_bytes(),
        )
        .await;
    let mut every = tokio::time::interval(Duration::from_millis(20));
    let answer = loop {
        tokio::select! {
            answer = connection.read_answer() => break answer,
            _ = every.tick() => {}
        }
        connection.send(b" ").await;
    };
    answer.assert_refused("18 trickle", 408, "body_timeout");
    server.assert_serves().await;
}

#[tokio::test]
async fn row_18_a_head_that_does_not_arrive_ends_the_connection() {
    let server =
        Server::start_with(|config| config.limits.header_timeout = Duration::from_millis(200))
            .await;
    for start in ["", "POST", "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"] {
        let mut connection = server.connect().await;
        connection.send(start.as_bytes()).await;
        connection.assert_closed().await;
        server.assert_serves().await;
    }
}

#[tokio::test]
async fn row_16_one_connection_too_many_is_turned_away_until_another_closes() {
    let server = Server::start().await;
    let mut held = Vec::new();
    for _ in 0..Limits::default().max_connections {
        let mut connection = server.connect().await;
        // An answer proves that the connection has been accepted and holds its slot.
        connection.send(&server.post("", ADD.as_bytes())).await;
        assert_eq!(connection.read_answer().await.status, 200);
        held.push(connection);
    }
    let mut late = server.connect().await;
    let answer = late.read_answer().await;
    answer.assert_refused("16 33rd connection", 429, "too_many_connections");
    assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    late.assert_closed().await;
    // One that holds a slot is still served, and its going makes room for another.
    let mut first = held.remove(0);
    first
        .send(&server.post("Connection: close\r\n", ADD.as_bytes()))
        .await;
    assert_eq!(first.read_answer().await.status, 200);
    first.assert_closed().await;
    server.serve_once_there_is_room().await;
}

#[tokio::test]
async fn honest_requests_are_served_in_all_their_forms() {
    let server =
        Server::start_with(|config| config.allowed_hosts.push("node.lan".to_owned())).await;
    let echo = r#"{"jsonrpc":"2.0","id":"a","method":"echo","params":{}}"#;
    let length = format!("Content-Length: {}\r\n", echo.len());
    for host in [
        "127.0.0.1",
        "127.0.0.1:9451",
        "localhost",
        "LocalHost:1",
        "127.3.2.1",
        "[::1]:9451",
        "node.lan:80",
    ] {
        let answer = server
            .exchange(format!("{}{echo}", server.head(host, &length)).as_bytes())
            .await;
        assert_eq!(answer.status, 200, "{host}: {answer:?}");
        answer.assert_hardened(host);
    }
    let padded = [echo.as_bytes(), &vec![b' '; 1024 * 1024 - echo.len()]].concat();
    let forms = [
        (
            "9 forwarded headers",
            server.post(
                "X-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Host: evil.com\r\n",
                echo.as_bytes(),
            ),
        ),
        (
            "a lower-case scheme",
            String::from_utf8(server.post("", echo.as_bytes()))
                .unwrap()
                .replace("Bearer", "bearer")
                .into_bytes(),
        ),
        (
            "a character set",
            String::from_utf8(server.post("", echo.as_bytes()))
                .unwrap()
                .replace("/json", "/json; charset=UTF-8")
                .into_bytes(),
        ),
        (
            "chunks",
            format!(
                "{}5\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
                server.head("127.0.0.1", "Transfer-Encoding: chunked\r\n"),
                &echo[..5],
                echo.len() - 5,
                &echo[5..]
            )
            .into_bytes(),
        ),
        ("a body of exactly 1 MiB", server.post("", &padded)),
    ];
    for (form, request) in forms {
        let answer = server.exchange(&request).await;
        assert_eq!(
            (answer.status, &answer.json()["result"]),
            (200, &serde_json::json!({})),
            "{form}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn one_connection_carries_many_requests_one_by_one_and_pipelined() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    for sum in 1..=3 {
        connection.send(&server.post("", ADD.as_bytes())).await;
        assert_eq!(connection.read_answer().await.json()["result"], sum);
    }
    connection
        .send(&server.post("", ADD.as_bytes()).repeat(3))
        .await;
    for sum in 4..=6 {
        assert_eq!(connection.read_answer().await.json()["result"], sum);
    }
}

#[tokio::test]
async fn a_fault_in_a_pipelined_request_does_not_spoil_the_one_before() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let good = server.post("", ADD.as_bytes());
    let bad = server.post("Content-Length: 1\r\n", ADD.as_bytes());
    connection.send(&[good.clone(), bad, good].concat()).await;
    assert_eq!(connection.read_answer().await.json()["result"], 1);
    connection
        .read_answer()
        .await
        .assert_refused("14 pipelined", 400, "ambiguous_length");
    connection.assert_closed().await;
    assert_eq!(
        server.counter.load(Ordering::SeqCst),
        1,
        "what follows a fault is not run"
    );
}

#[tokio::test]
async fn nothing_after_a_chunked_request_is_run() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let chunked = format!(
        "{}{:x}\r\n{ADD}\r\n0\r\n\r\n",
        server.head("127.0.0.1", "Transfer-Encoding: chunked\r\n"),
        ADD.len()
    );
    connection
        .send(&[chunked.as_bytes(), &server.post("", ADD.as_bytes())].concat())
        .await;
    let answer = connection.read_answer().await;
    assert_eq!(answer.json()["result"], 1);
    assert!(answer.head.contains("connection: close"), "{answer:?}");
    connection.assert_closed().await;
    assert_eq!(server.counter.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_listener_without_a_cookie_still_keeps_web_pages_out() {
    let server = Server::start_with(|config| config.cookie = None).await;
    let answer = server
        .exchange(&request(&["POST / HTTP/1.1", "Host: 127.0.0.1"]))
        .await;
    assert_eq!(answer.json()["result"], 1);
    let refused = server
        .exchange(&request(&["POST / HTTP/1.1", "Host: evil.com"]))
        .await;
    refused.assert_refused("3 without a cookie", 403, "host_not_allowed");
    let refused = server
        .exchange(&request(&[
            "POST / HTTP/1.1",
            "Host: 127.0.0.1",
            "Origin: null",
        ]))
        .await;
    refused.assert_refused("6 without a cookie", 403, "origin_not_allowed");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_loses_the_connection() {
    let server = Server::start_with(|config| config.limits.max_connections = 1).await;
    let mut deaf = server.connect().await;
    let long = server.post(
        "",
        br#"{"jsonrpc":"2.0","id":1,"method":"long","params":{"length":2000000}}"#,
    );
    deaf.send(&long.repeat(8)).await;
    // The only slot comes free although the client neither reads nor closes.
    server.serve_once_there_is_room().await;
    drop(deaf);
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_closes_the_port() {
    let server = Server::start().await;
    let address = server.address;
    let mut idle = server.connect().await;
    idle.send(&server.post("", ADD.as_bytes())).await;
    assert_eq!(idle.read_answer().await.status, 200);
    let silent = server.connect().await;
    server.stop().await;
    idle.assert_closed().await;
    silent.assert_closed().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
