//! The client against a real server, and against servers that are no node.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use jsonrpsee::RpcModule;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::server::{ServerConfig, bind, write_endpoint_file};
use crate::types::{ChainHead, Head, NoParams, TxIdParams, TxStatus};

/// A node that knows its head and no transaction.
async fn start(cookie: &Cookie) -> String {
    let mut module = RpcModule::new(());
    module
        .register_method("chain_head", |params, (), _| {
            assert!(params.parse::<NoParams>().is_ok(), "parameters go by name");
            Ok::<_, ErrorObjectOwned>(head())
        })
        .unwrap();
    module
        .register_method::<Result<(), ErrorObjectOwned>, _>("tx_status", |_, (), _| {
            Err(ErrorObjectOwned::owned(
                -32001,
                "no such transaction",
                Some(json!({"code": "not_found", "hint": "look at the id"})),
            ))
        })
        .unwrap();
    let config = ServerConfig::new("127.0.0.1:0".parse().unwrap(), Some(cookie.clone()));
    let server = bind(config).await.unwrap();
    let url = format!("http://{}/", server.local_addr());
    tokio::spawn(server.serve(module, std::future::pending()));
    url
}

fn head() -> Head {
    Head {
        height: sapwood_primitives::Height::new(7),
        block: sapwood_primitives::BlockId([1; 32]),
        state_root: sapwood_primitives::Hash([2; 32]),
        time: 3,
        work: "14".into(),
    }
}

/// Something that answers every connection with the same bytes.
async fn impostor(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut seen = [0; 4096];
                let _ = tcp.read(&mut seen).await;
                let _ = tcp.write_all(answer.as_bytes()).await;
            });
        }
    });
    url
}

fn http(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_call_finds_the_node_by_its_endpoint_file() {
    let cookie = Cookie::generate().unwrap();
    let url = start(&cookie).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rpc.json");
    write_endpoint_file(&path, &url, &cookie).unwrap();
    let client = Client::from_endpoint_file(&path).unwrap();
    assert_eq!(client.call::<ChainHead>(NoParams {}).await.unwrap(), head());
}

#[tokio::test]
async fn a_refusal_carries_the_nodes_code_and_hint() {
    let cookie = Cookie::generate().unwrap();
    let client = Client::new(&start(&cookie).await, &cookie).unwrap();
    let txid = sapwood_primitives::TxId([9; 32]);
    let error = client
        .call::<TxStatus>(TxIdParams { txid })
        .await
        .unwrap_err();
    let CallError::Refused {
        number,
        code,
        message,
        hint,
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(
        (number, &*code, &*hint),
        (-32001, "not_found", "look at the id")
    );
    assert_eq!(message, "no such transaction");
}

#[tokio::test]
async fn a_wrong_cookie_is_refused_and_says_so() {
    let url = start(&Cookie::generate().unwrap()).await;
    let client = Client::new(&url, &Cookie::generate().unwrap()).unwrap();
    let error = client.call::<ChainHead>(NoParams {}).await.unwrap_err();
    assert!(
        matches!(&error, CallError::Refused { code, .. } if code == "unauthorized"),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_is_not_a_nodes_answer_is_called_that() {
    let huge = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"{}\"}}",
        "x".repeat(5 << 20)
    );
    for answer in [
        http("200 OK", "<html>hello</html>"),
        http("302 Found", ""),
        http("500 Oops", "{}"),
        http(
            "200 OK",
            r#"{"jsonrpc":"2.0","id":0,"result":{"height":"seven"}}"#,
        ),
        http("200 OK", r#"{"jsonrpc":"2.0","id":77,"result":{}}"#),
        http("200 OK", &huge),
    ] {
        let url = impostor(answer.clone()).await;
        let client = Client::new(&url, &Cookie::generate().unwrap()).unwrap();
        let error = client.call::<ChainHead>(NoParams {}).await.unwrap_err();
        assert!(
            matches!(error, CallError::BadAnswer { .. }),
            "{error:?} for {:.80}",
            answer
        );
    }
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_name_the_commands_that_start_a_node() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let cookie = Cookie::generate().unwrap();
    let silent = Client::with_timeout(&url, &cookie, Duration::from_millis(50)).unwrap();
    let slow = silent.call::<ChainHead>(NoParams {}).await.unwrap_err();
    drop(listener);
    let gone = Client::new(&url, &cookie)
        .unwrap()
        .call::<ChainHead>(NoParams {})
        .await
        .unwrap_err();
    for error in [slow, gone] {
        assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains("sapwood dev"), "{error}");
    }
}

#[test]
fn the_cookie_goes_to_this_computer_only() {
    let cookie = Cookie::generate().unwrap();
    for url in [
        "http://127.0.0.1:9451/",
        "http://127.9.9.9:1",
        "http://[::1]:9451/",
        "http://localhost:9451",
    ] {
        assert!(Client::new(url, &cookie).is_ok(), "{url}");
    }
    for url in [
        "",
        "127.0.0.1:9451",
        "https://127.0.0.1/",
        "ws://127.0.0.1/",
        "http://10.0.0.1:9451/",
        "http://127.0.0.1.evil.net/",
        "http://127.0.0.1:9451@evil.net/",
        "http://localhost@evil.net/",
        "http://evil.net/?127.0.0.1",
        "http://evil.net#@localhost",
        "http://[::2]/",
    ] {
        assert!(
            matches!(Client::new(url, &cookie), Err(NoClient::Url(_))),
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_cookie_goes_to_the_node_that_wrote_it_unless_another_file_is_named() {
    let cookie = Cookie::generate().unwrap();
    let url = start(&cookie).await;
    let folder = tempfile::tempdir().unwrap();
    let (own, other) = (folder.path().join("rpc.json"), folder.path().join("other"));
    write_endpoint_file(&own, &url, &cookie).unwrap();
    write_endpoint_file(&other, "http://127.0.0.1:1/", &Cookie::generate().unwrap()).unwrap();
    let no_path = url.trim_end_matches('/');
    for url in [None, Some(&*url), Some(no_path)] {
        let client = Client::connect(&own, url, None).unwrap();
        assert_eq!(client.call::<ChainHead>(NoParams {}).await.unwrap(), head());
    }
    let port = no_path.rsplit_once(':').unwrap().1;
    for wrong in [
        "http://127.0.0.1:1/".to_owned(),
        "http://127.0.0.1/".to_owned(),
        "http://[::1]".to_owned(),
        format!("http://127.0.0.2:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{port}/"),
    ] {
        let refused = Client::connect(&own, Some(&wrong), None).unwrap_err();
        assert!(
            matches!(refused, NoClient::NoCookie { .. }),
            "{wrong}: {refused:?}"
        );
        assert!(refused.to_string().contains("--cookie-file"), "{refused}");
        assert!(
            Client::connect(&own, Some(&wrong), Some(&own)).is_ok(),
            "{wrong}"
        );
    }
    // A forwarded port with a copy of the far node's file; and that file alone.
    let forwarded = Client::connect(&other, Some(&url), Some(&own)).unwrap();
    assert_eq!(
        forwarded.call::<ChainHead>(NoParams {}).await.unwrap(),
        head()
    );
    let alone = Client::connect(&other, None, Some(&own)).unwrap();
    assert_eq!(alone.url(), url);
    let missing = folder.path().join("none");
    assert!(matches!(
        Client::connect(&missing, Some(&url), None),
        Err(NoClient::NoCookie { .. })
    ));
    assert!(matches!(
        Client::connect(&own, Some("http://example.net/"), Some(&own)),
        Err(NoClient::Url(_))
    ));
}
