//! Rows 1 to 37 and 54: what is refused before a method runs. Every group is also covered in full by the tests of the RPC's own crate; here it meets the real node.

use crate::world::{Http, World, read};
use sapwood_tests::PATIENCE;
use serde_json::{Value, json};
use std::io::Write;
use std::time::Instant;

/// A call that a node would run if it let it in: it would answer with the head.
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"chain_head","params":{}}"#;

fn assert_serves(world: &World) {
    assert!(world.json_rpc(CALL)["result"]["block"].is_string());
}

#[test]
fn rows_1_to_17_are_refused_by_http_status_with_a_code_and_a_hint() {
    let world = World::new();
    let before = world.fingerprint();
    let good = String::from_utf8(world.post("", CALL.as_bytes())).unwrap();
    let change = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let token = format!("Authorization: Bearer {}\r\n", world.server.cookie());
    let length = format!("Content-Length: {}\r\n", CALL.len());
    let big = format!("Content-Length: {}\r\n", 1024 * 1024 + 1);
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let rows = [
        ("1 no token", change(&token, ""), 401),
        (
            "2 wrong token",
            change(
                &token,
                &format!("Authorization: Bearer {}\r\n", "0".repeat(64)),
            ),
            401,
        ),
        (
            "3 Host: evil.com",
            change("Host: 127.0.0.1", "Host: evil.com"),
            403,
        ),
        ("4 no Host", change("Host: 127.0.0.1\r\n", ""), 403),
        (
            "5 any Origin",
            change("Host:", "Origin: http://evil.com\r\nHost:"),
            403,
        ),
        (
            "6 Origin: null",
            change("Host:", "Origin: null\r\nHost:"),
            403,
        ),
        ("7 upgrade", change("Connection: close\r\n", upgrade), 403),
        (
            "8 token in the query",
            change(&token, "").replacen(
                "POST /",
                &format!("POST /?token={}", world.server.cookie()),
                1,
            ),
            401,
        ),
        (
            "9 X-Forwarded-For",
            change(&token, "X-Forwarded-For: 127.0.0.1\r\n"),
            401,
        ),
        ("10 GET", change("POST", "GET"), 405),
        (
            "11 text/plain",
            change("application/json", "text/plain"),
            415,
        ),
        ("12 a byte above 1 MiB", change(&length, &big), 413),
        (
            "14 two lengths",
            change(&length, &format!("{length}Content-Length: 5\r\n")),
            400,
        ),
        (
            "15 length and chunks",
            change(&length, &format!("{length}Transfer-Encoding: chunked\r\n")),
            400,
        ),
        (
            "17 64 KiB of header",
            change(
                &length,
                &format!("X-Long: {}\r\n{length}", "x".repeat(65_536)),
            ),
            431,
        ),
    ];
    for (row, request, status) in rows {
        let Http { status: seen, body } = world.exchange(request.as_bytes());
        assert_eq!(seen, status, "{row}: {body}");
        let error = &serde_json::from_str::<Value>(&body).unwrap()["error"];
        for part in ["code", "message", "hint"] {
            assert!(
                error[part].as_str().is_some_and(|text| !text.is_empty()),
                "{row}: {body}"
            );
        }
        assert!(!body.contains("result"), "{row}: {body}");
        assert_serves(&world);
    }
    assert_eq!(world.fingerprint(), before);
}

#[test]
fn rows_13_and_18_a_body_that_does_not_come_is_given_up() {
    let world = World::empty();
    let unfinished = world.head("Transfer-Encoding: chunked\r\n") + "5\r\n{\"jso\r\n";
    let slow = world.head("Content-Length: 100\r\n") + "{";
    let mut streams = [unfinished, slow].map(|request| {
        let mut stream = world.connect();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    });
    assert_serves(&world);
    for stream in &mut streams {
        assert_eq!(read(stream).status, 408);
    }
    assert_serves(&world);
}

#[test]
fn row_16_a_33rd_connection_is_told_so_and_others_go_on() {
    let world = World::empty();
    let idle: Vec<_> = (0..33).map(|_| world.connect()).collect();
    // The last of them, or this one if the node has let go of another connection meanwhile.
    let refused = world.exchange(&world.post("", CALL.as_bytes()));
    assert_eq!(refused.status, 429, "{refused:?}");
    drop(idle);
    let start = Instant::now();
    while world.exchange(&world.post("", CALL.as_bytes())).status == 429 {
        assert!(start.elapsed() < PATIENCE, "a slot comes free");
    }
}

#[test]
fn rows_19_to_37_are_errors_of_json_rpc() {
    let world = World::new();
    let before = world.fingerprint();
    let call = |from: &str, to: &str| {
        assert!(CALL.contains(from), "{from}");
        CALL.replacen(from, to, 1).into_bytes()
    };
    let batch = format!("[{}]", [CALL; 33].join(","));
    let rows: [(&str, Vec<u8>, i64); 22] = [
        ("19 empty", Vec::new(), -32700),
        (
            "20 truncated",
            CALL.as_bytes()[..CALL.len() - 1].to_vec(),
            -32700,
        ),
        ("21 NUL", call("chain", "\0chain"), -32700),
        (
            "22 byte order mark",
            [b"\xef\xbb\xbf", CALL.as_bytes()].concat(),
            -32700,
        ),
        ("23 lone surrogate", call("chain", r"\ud800"), -32700),
        ("24 100,000 brackets", vec![b'['; 100_000], -32700),
        (
            "25 invalid UTF-8",
            [CALL.as_bytes(), b"\xff"].concat(),
            -32700,
        ),
        (
            "26 text after the value",
            [CALL.as_bytes(), b" x"].concat(),
            -32700,
        ),
        ("27 empty batch", b"[]".to_vec(), -32600),
        ("29 batch of 33", batch.into_bytes(), -32600),
        ("30 jsonrpc 1.0", call("2.0", "1.0"), -32600),
        ("31 object as id", call("\"id\":1", "\"id\":{}"), -32600),
        ("32 fractional id", call("\"id\":1", "\"id\":1.5"), -32600),
        ("32 id 1e400", call("\"id\":1", "\"id\":1e400"), -32600),
        (
            "33 duplicate member",
            call("\"id\":1", "\"id\":1,\"id\":2"),
            -32600,
        ),
        (
            "33 duplicate parameter",
            call("{}}", "{\"a\":1,\"a\":2}}"),
            -32602,
        ),
        ("34 method 5", call("\"chain_head\"", "5"), -32600),
        (
            "35 unknown method",
            call("chain_head", "chain_tail"),
            -32601,
        ),
        (
            "36 rpc. prefix",
            call("chain_head", "rpc.chain_head"),
            -32601,
        ),
        ("37 wrong case", call("chain_head", "chain_Head"), -32601),
        ("38 positional parameters", call("{}", "[]"), -32602),
        ("40 null parameters", call("{}", "null"), -32602),
    ];
    for (row, body, code) in rows {
        let answer = world.json_rpc(&body);
        assert_eq!(answer["error"]["code"], code, "{row}: {answer}");
        assert!(answer.get("result").is_none(), "{row}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(
            !message.is_empty() && !message.contains(['\n', '\t']),
            "{row}: {message:?}"
        );
        for part in ["code", "hint"] {
            let text = answer["error"]["data"][part].as_str();
            assert!(text.is_some_and(|text| !text.is_empty()), "{row}: {answer}");
        }
        assert_serves(&world);
    }
    let answer = world.json_rpc(format!("[1,{CALL}]"));
    assert_eq!(answer[0]["error"]["code"], -32600, "28 a number in a batch");
    assert!(
        answer[1]["result"].is_object(),
        "28 and the call beside it runs"
    );
    assert_eq!(world.fingerprint(), before);
}

#[test]
fn row_54_a_notification_is_neither_answered_nor_run() {
    let world = World::new();
    let before = world.fingerprint();
    let pay = world.branch.sign(
        &sapwood_tests::chain::person(2),
        0,
        vec![sapwood_tests::chain::transfer(
            sapwood_tests::chain::person(3).id,
            1,
        )],
    );
    let tx = hex::encode(parity_scale_codec::Encode::encode(&pay));
    let call = json!({"jsonrpc": "2.0", "method": "tx_submit", "params": {"tx": tx}});
    for body in [call.to_string(), json!([call]).to_string()] {
        let answer = world.exchange(&world.post("", body.as_bytes()));
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    assert_eq!(world.fingerprint(), before);
}

#[test]
fn a_batch_is_answered_in_its_order() {
    let world = World::empty();
    let call =
        |id: u32, method: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#);
    let answer = world.json_rpc(format!(
        "[{},{},{}]",
        call(3, "chain_head"),
        call(1, "nothing"),
        call(2, "mempool_info")
    ));
    let ids: Vec<_> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].clone())
        .collect();
    assert_eq!(ids, [3, 1, 2]);
    assert_eq!(answer[1]["error"]["code"], -32601);
    assert_eq!(answer[2]["result"]["count"], 0);
}
