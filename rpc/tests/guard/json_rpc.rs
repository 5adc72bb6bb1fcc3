//! What is refused as JSON or as JSON-RPC, with status 200 and an error object: rows 19 to 37, and 54.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::harness::Server;

const PARSE: i64 = -32700;
const INVALID: i64 = -32600;
const UNKNOWN: i64 = -32601;
const PARAMS: i64 = -32602;
const INTERNAL: i64 = -32603;

/// A call of `add` with `members` put before its own.
fn add_with(members: &str) -> Vec<u8> {
    format!(r#"{{{members},"params":{{"by":1}}}}"#).into_bytes()
}

/// Sends each row's body, expects one error object with `code` and `id`, then serves an honest call.
async fn assert_all_faulty<'a>(
    code: i64,
    rows: impl IntoIterator<Item = (&'a str, Vec<u8>, Value)>,
) {
    let server = Server::start().await;
    for (row, body, id) in rows {
        let answer = server.call(&body).await;
        assert_eq!(answer["error"]["code"], code, "{row}: {answer}");
        assert_eq!(answer["id"], id, "{row}: {answer}");
        assert_eq!(answer["jsonrpc"], "2.0", "{row}: {answer}");
        assert!(answer.get("result").is_none(), "{row}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(
            (1..400).contains(&message.len()),
            "{row}: a message that can be read, not {message:?}"
        );
        server.assert_serves().await;
    }
    assert_eq!(
        server.counter.load(Ordering::SeqCst),
        0,
        "a faulty call was run"
    );
}

#[tokio::test]
async fn what_is_not_json_is_a_parse_error() {
    let whole = add_with(r#""jsonrpc":"2.0","id":1,"method":"add""#);
    let text = String::from_utf8(whole.clone()).unwrap();
    let deep =
        |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let good = r#"{"jsonrpc":"2.0","id":1,"method":"add","params":{"by":1}}"#;
    let rows = vec![
        ("19 empty", Vec::new()),
        ("19 blank", b" \r\n\t".to_vec()),
        ("20 truncated", whole[..whole.len() - 1].to_vec()),
        ("20 truncated string", br#"{"jsonrpc":"2."#.to_vec()),
        ("21 NUL", b"\0".to_vec()),
        ("21 NUL after the call", [&whole[..], b"\0"].concat()),
        (
            "21 NUL in a string",
            text.replace("add", "a\0dd").into_bytes(),
        ),
        ("22 byte order mark", [b"\xef\xbb\xbf", &whole[..]].concat()),
        (
            "22 UTF-16",
            text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        (
            "23 lone surrogate in the method",
            text.replace("add", r"\ud800").into_bytes(),
        ),
        (
            "23 lone surrogate in the id",
            text.replace(":1,", r#":"\udfff","#).into_bytes(),
        ),
        (
            "23 lone surrogate in a value",
            text.replace(":1}", r#":"\ud83c"}"#).into_bytes(),
        ),
        (
            "23 lone surrogate in a name",
            text.replace("by", r"\udc00").into_bytes(),
        ),
        (
            "23 lone surrogate in a member",
            text.replace("jsonrpc", r"\ud800").into_bytes(),
        ),
        (
            "23 lone surrogate in one call of a batch",
            format!(r#"[{good},{}]"#, good.replace("add", r"\ud800")).into_bytes(),
        ),
        ("24 100,000 brackets", vec![b'['; 100_000]),
        ("24 100,000 brackets, closed", deep("[", "]").into_bytes()),
        ("24 100,000 objects", deep(r#"{"a":"#, "}").into_bytes()),
        (
            "24 100,000 brackets in the parameters",
            text.replace("{\"by\":1}", &format!(r#"{{"a":{}}}"#, deep("[", "]")))
                .into_bytes(),
        ),
        (
            "25 invalid UTF-8",
            [&whole[..20], b"\xff", &whole[20..]].concat(),
        ),
        (
            "25 UTF-8 surrogate",
            text.replace("add", "?")
                .into_bytes()
                .into_iter()
                .flat_map(|byte| {
                    if byte == b'?' {
                        vec![0xed, 0xa0, 0x80]
                    } else {
                        vec![byte]
                    }
                })
                .collect(),
        ),
        ("25 overlong UTF-8", b"\xc0\x80".to_vec()),
        ("26 text after the value", [&whole[..], b" x"].concat()),
        ("26 two values", whole.repeat(2)),
        (
            "26 a comma after the last member",
            text.replace(":1}", ":1,}").into_bytes(),
        ),
        ("a comment", [&whole[..], b"// add"].concat()),
        ("single quotes", text.replace('"', "'").into_bytes()),
        ("not a number", text.replace(":1}", ":NaN}").into_bytes()),
        ("a leading zero", text.replace(":1}", ":01}").into_bytes()),
        (
            "a raw line end in a string",
            text.replace("add", "a\ndd").into_bytes(),
        ),
    ];
    assert_all_faulty(
        PARSE,
        rows.into_iter().map(|(row, body)| (row, body, Value::Null)),
    )
    .await;
}

#[tokio::test]
async fn what_is_json_but_no_request_is_invalid() {
    let good = r#"{"jsonrpc":"2.0","id":1,"method":"add","params":{"by":1}}"#;
    let null = Value::Null;
    let with_id = |id: &str| add_with(&format!(r#""jsonrpc":"2.0","id":{id},"method":"add""#));
    let rows = vec![
        ("27 an empty batch", b"[]".to_vec(), null.clone()),
        ("28 a number", b"1".to_vec(), null.clone()),
        ("28 a string", b"\"add\"".to_vec(), null.clone()),
        ("28 null", b"null".to_vec(), null.clone()),
        (
            "29 a batch of 33",
            format!("[{}]", [good; 33].join(",")).into_bytes(),
            null.clone(),
        ),
        (
            "29 a batch of 300,000",
            format!("[{}]", ["1"; 300_000].join(",")).into_bytes(),
            null.clone(),
        ),
        (
            "30 another version",
            add_with(r#""jsonrpc":"1.0","id":1,"method":"add""#),
            json!(1),
        ),
        (
            "30 the version as a number",
            add_with(r#""jsonrpc":2.0,"id":1,"method":"add""#),
            json!(1),
        ),
        (
            "30 no version",
            add_with(r#""id":1,"method":"add""#),
            json!(1),
        ),
        (
            "30 no version and no id",
            add_with(r#""method":"add""#),
            null.clone(),
        ),
        ("31 an object as id", with_id("{}"), null.clone()),
        ("31 an array as id", with_id("[1]"), null.clone()),
        ("31 a boolean as id", with_id("true"), null.clone()),
        ("32 a fraction as id", with_id("1.5"), null.clone()),
        ("32 an exponent in the id", with_id("1e3"), null.clone()),
        ("32 1e400 as id", with_id("1e400"), null.clone()),
        (
            "32 an id beyond 53 bits",
            with_id("9007199254740993"),
            null.clone(),
        ),
        (
            "32 a negative id beyond 53 bits",
            with_id("-9007199254740993"),
            null.clone(),
        ),
        (
            "32 an id of 65 characters",
            with_id(&format!("\"{}\"", "é".repeat(65))),
            null.clone(),
        ),
        (
            "33 method twice",
            add_with(r#""jsonrpc":"2.0","id":1,"method":"echo","method":"add""#),
            json!(1),
        ),
        (
            "33 method twice, once escaped",
            add_with(r#""jsonrpc":"2.0","id":1,"method":"echo","\u006dethod":"add""#),
            json!(1),
        ),
        (
            "33 id twice",
            add_with(r#""jsonrpc":"2.0","id":1,"id":2,"method":"add""#),
            null.clone(),
        ),
        (
            "33 params twice",
            add_with(r#""jsonrpc":"2.0","id":1,"method":"add","params":{"by":2}"#),
            json!(1),
        ),
        (
            "an unknown member",
            add_with(r#""jsonrpc":"2.0","id":1,"method":"add","auth":"x""#),
            json!(1),
        ),
        (
            "a long unknown member",
            add_with(&format!(
                r#""jsonrpc":"2.0","id":1,"method":"add","{}":1"#,
                "x".repeat(100_000)
            )),
            json!(1),
        ),
        (
            "34 method 5",
            add_with(r#""jsonrpc":"2.0","id":1,"method":5"#),
            json!(1),
        ),
        (
            "34 no method",
            add_with(r#""jsonrpc":"2.0","id":"x""#),
            json!("x"),
        ),
    ];
    assert_all_faulty(INVALID, rows).await;
}

#[tokio::test]
async fn row_28_each_item_of_a_batch_that_is_no_request_gets_its_own_error() {
    let server = Server::start().await;
    let answer = server.call("[1]").await;
    assert_eq!(answer.as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(
        (&answer[0]["error"]["code"], &answer[0]["id"]),
        (&json!(INVALID), &Value::Null)
    );
    let answer = server
        .call(r#"[1,[],{"jsonrpc":"2.0","id":5,"method":"echo"}]"#)
        .await;
    assert_eq!(answer.as_array().map(Vec::len), Some(3), "{answer}");
    assert_eq!(
        answer[2],
        json!({ "jsonrpc": "2.0", "id": 5, "result": {} })
    );
    server.assert_serves().await;
}

#[tokio::test]
async fn methods_that_do_not_exist_are_not_found() {
    let named = |method: &str| add_with(&format!(r#""jsonrpc":"2.0","id":1,"method":"{method}""#));
    let long = "x".repeat(100_000);
    let names = [
        ("35 unknown", "subtract"),
        ("35 empty", ""),
        ("35 more than its name", "add "),
        ("35 with a line end", "add\\n"),
        ("35 of 100,000 letters", &long),
        ("36 reserved prefix", "rpc.methods"),
        ("36 reserved prefix alone", "rpc."),
        ("37 wrong case", "Add"),
        ("37 upper case", "ADD"),
    ];
    assert_all_faulty(
        UNKNOWN,
        names.map(|(row, method)| (row, named(method), json!(1))),
    )
    .await;
}

#[tokio::test]
async fn parameters_go_by_name_and_each_name_once() {
    let call = |params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":-3,"method":"add","params":{params}}}"#).into_bytes()
    };
    let rows = [
        ("by position", call("[1]")),
        ("an empty list", call("[]")),
        ("null", call("null")),
        ("a number", call("1")),
        ("41 a name twice", call(r#"{"by":1,"by":1}"#)),
        (
            "41 a name twice, once escaped",
            call(r#"{"by":1,"b\u0079":1}"#),
        ),
        (
            "41 a name twice deep inside",
            call(r#"{"by":1,"more":[{"x":{"a":1,"a":2}}]}"#),
        ),
        ("38 a name missing, as the method says", call("{}")),
        (
            "38 no parameters, as the method says",
            br#"{"jsonrpc":"2.0","id":-3,"method":"add"}"#.to_vec(),
        ),
    ];
    assert_all_faulty(PARAMS, rows.map(|(row, body)| (row, body, json!(-3)))).await;
}

#[tokio::test]
async fn ids_come_back_as_they_were_sent() {
    let server = Server::start().await;
    let longest = format!("\"{}\"", "é".repeat(64));
    for id in [
        "null",
        "0",
        "-1",
        "9007199254740992",
        "-9007199254740992",
        "\"\"",
        "\"a\\\"b\\u0000\"",
        &longest,
    ] {
        let answer = server
            .call(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"echo"}}"#))
            .await;
        let expected: Value = serde_json::from_str(id).unwrap();
        assert_eq!(
            answer,
            json!({ "jsonrpc": "2.0", "id": expected, "result": {} })
        );
    }
}

#[tokio::test]
async fn numbers_reach_the_method_with_all_their_digits() {
    let server = Server::start().await;
    let answer = server
        .call(r#"{"jsonrpc":"2.0","id":1,"method":"add","params":{"by":18446744073709551557}}"#)
        .await;
    assert_eq!(answer["result"], 18_446_744_073_709_551_557_u64);
}

#[tokio::test]
async fn a_batch_is_run_in_order_and_answered_in_order() {
    let server = Server::start().await;
    let call =
        |id: usize| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"add","params":{{"by":1}}}}"#);
    let calls: Vec<String> = (1..=32).map(call).collect();
    let answer = server.call(format!("[{}]", calls.join(","))).await;
    let expected: Vec<Value> = (1..=32)
        .map(|number| json!({ "jsonrpc": "2.0", "id": number, "result": number }))
        .collect();
    assert_eq!(answer, Value::Array(expected));
}

#[tokio::test]
async fn row_54_notifications_are_neither_run_nor_answered() {
    let server = Server::start().await;
    let add = r#"{"jsonrpc":"2.0","method":"add","params":{"by":1}}"#;
    let unknown = r#"{"jsonrpc":"2.0","method":"nothing","params":[1]}"#;
    for body in [
        add.to_owned(),
        unknown.to_owned(),
        format!("[{add}]"),
        format!("[{add},{unknown}]"),
    ] {
        let answer = server.exchange(&server.post("", body.as_bytes())).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (204, ""),
            "{body}: {answer:?}"
        );
        server.assert_serves().await;
    }
    let mixed = server
        .call(format!(
            r#"[{add},{{"jsonrpc":"2.0","id":null,"method":"echo"}},{add}]"#
        ))
        .await;
    assert_eq!(
        mixed,
        json!([{ "jsonrpc": "2.0", "id": null, "result": {} }])
    );
    assert_eq!(
        server.counter.load(Ordering::SeqCst),
        0,
        "a notification was run"
    );
}

#[tokio::test]
async fn a_method_that_panics_is_an_internal_error_and_the_connection_lives_on() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    for method in ["panic", "panic_later"] {
        let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
        connection.send(&server.post("", call.as_bytes())).await;
        assert_eq!(
            connection.read_answer().await.json()["error"]["code"],
            INTERNAL,
            "{method}"
        );
        connection
            .send(&server.post("", br#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#))
            .await;
        assert_eq!(connection.read_answer().await.json()["result"], json!({}));
        server.assert_serves().await;
    }
}

#[tokio::test]
async fn a_method_that_does_not_end_is_given_up() {
    let server = Server::start().await;
    let answer = server
        .call(r#"{"jsonrpc":"2.0","id":1,"method":"never"}"#)
        .await;
    assert_eq!(answer["error"]["code"], -32009, "{answer}");
    server.assert_serves().await;
}

#[tokio::test]
async fn answers_above_the_limit_become_errors_and_later_calls_of_the_batch_still_are_answered() {
    let server = Server::start().await;
    let long = |id: u32, length: u32| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"long","params":{{"length":{length}}}}}"#)
    };
    let answer = server.call(long(1, 2 * 1024 * 1024)).await;
    let error = &answer["error"];
    assert_eq!(error["code"], -32008);
    assert_eq!(error["data"]["code"], "response_too_large");
    assert!(error["data"]["hint"].is_string(), "{error}");
    assert!(
        error["message"].as_str().unwrap().contains("has run"),
        "{error}"
    );
    let batch = format!(
        "[{},{},{}]",
        long(1, 2_000_000),
        long(2, 200_000),
        long(3, 10)
    );
    let answer = server.call(batch).await;
    assert_eq!(answer[0]["result"].as_str().map(str::len), Some(2_000_000));
    assert_eq!(
        (&answer[1]["id"], &answer[1]["error"]["code"]),
        (&json!(2), &json!(-32008))
    );
    assert_eq!(
        answer[2],
        json!({ "jsonrpc": "2.0", "id": 3, "result": "xxxxxxxxxx" })
    );
    server.assert_serves().await;
}
