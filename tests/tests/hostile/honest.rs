//! Who deserves an answer: a client that keeps one connection to the RPC, one that asks DNS, and somebody who believes only proofs.

use crate::attacks::Target;
use parity_scale_codec::Encode;
use sapwood_account_tree::{Claim, Key, Root, verify};
use sapwood_primitives::leaf::{Leaf, key};
use sapwood_primitives::{Header, codec};
use sapwood_tests::Server;
use sapwood_tests::chain::Person;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(40);
/// When a question over UDP is asked again, as resolvers do.
const AGAIN: Duration = Duration::from_millis(250);
/// When an answer over a connection is given up.
const GIVE_UP: Duration = Duration::from_secs(10);

/// How long answers took.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Median, the slowest in a hundred, the slowest.
    pub(crate) fn summary(&mut self) -> [Duration; 3] {
        self.0.sort();
        let at = |percent: usize| self.0[(self.0.len() - 1) * percent / 100];
        [at(50), at(99), at(100)]
    }
}

/// Asks for the head and for a name in turn, over a connection that is kept. A lost connection is made again, on the time of the question.
pub(crate) fn ask_rpc(target: &Target, stop: &AtomicBool) -> Times {
    let mut times = Times::default();
    let mut kept: Option<TcpStream> = None;
    let calls = [
        ("chain_head", json!({})),
        ("name_resolve", json!({ "name": "hello" })),
    ];
    for (method, params) in calls.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = target.post(body.to_string().as_bytes(), "keep-alive");
        let begun = Instant::now();
        loop {
            let answer = kept.take().or_else(|| target.connect_rpc().ok());
            let answer = answer.and_then(|stream| exchange(stream, &request));
            if let Some((stream, answer)) = answer
                && answer["result"].is_object()
            {
                kept = Some(stream);
                break;
            }
            assert!(begun.elapsed() < GIVE_UP * 6, "the RPC does not answer");
        }
        times.0.push(begun.elapsed());
        sleep(PAUSE);
    }
    times
}

/// Sends a request and reads the answer whose length its head says.
fn exchange(mut stream: TcpStream, request: &[u8]) -> Option<(TcpStream, Value)> {
    stream.set_read_timeout(Some(GIVE_UP)).ok()?;
    stream.write_all(request).ok()?;
    let mut all = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        all.extend_from_slice(&part[..count]);
        let text = std::str::from_utf8(&all).ok()?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_ascii_lowercase();
        let (_, length) = head.split_once("content-length: ")?;
        let length: usize = length.lines().next()?.parse().ok()?;
        if body.len() >= length {
            return Some((stream, serde_json::from_str(body).ok()?));
        }
    }
}

/// Asks for the address of `hello.leaf.alt` as a resolver does: from an address of its own, again after a while, and over TCP when it is told to.
pub(crate) fn ask_dns(target: &Target, stop: &AtomicBool) -> Times {
    let mut times = Times::default();
    let socket = UdpSocket::bind("127.44.0.1:0").unwrap();
    socket.set_read_timeout(Some(AGAIN)).unwrap();
    let mut id = 0u16;
    while !stop.load(Ordering::Relaxed) {
        id = id.wrapping_add(1);
        let query = crate::attacks::dns_query(id, b"\x05hello\x04leaf\x03alt\0", 1);
        let begun = Instant::now();
        while !is_answered(&socket, target, &query) {
            assert!(begun.elapsed() < GIVE_UP * 6, "DNS does not answer");
        }
        times.0.push(begun.elapsed());
        sleep(PAUSE);
    }
    times
}

fn is_answered(socket: &UdpSocket, target: &Target, query: &[u8]) -> bool {
    if socket.send_to(query, target.dns).is_err() {
        return false;
    }
    let mut answer = [0; 1500];
    while let Ok(length) = socket.recv(&mut answer) {
        // Late answers to earlier questions have another id.
        if length >= 12 && answer[..2] == query[..2] {
            return answer[3] & 0x0f == 0
                && answer[7] == 1
                && answer[..length].ends_with(&[127, 0, 0, 1]);
        }
    }
    false
}

/// The account as a proof under the head's root shows it.
pub(crate) fn proven(server: &Server, who: &Person) -> Option<Leaf> {
    let answer = server.get("account_proof", json!({ "account": who.address() }));
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let header: Header = codec::read(&bytes(&answer["header"])).unwrap();
    assert_eq!(answer["block"], header.id().to_string());
    let value = Some(&answer["value"]).filter(|value| !value.is_null());
    let value = value.map(bytes);
    let claim = value.as_deref().map_or(Claim::Absent, Claim::Present);
    let key = Key(key::account(&who.id).0);
    verify(
        &Root(header.state_root.0),
        &key,
        claim,
        &bytes(&answer["proof"]),
    )
    .unwrap();
    value.map(|value| codec::read(&value).unwrap())
}

/// The whole account as it is proven, as text: not only its balance must stay.
pub(crate) fn balance_by_proof(server: &Server, who: &Person) -> Option<String> {
    proven(server, who).map(|leaf| hex::encode(leaf.encode()))
}

/// Transactions of a block beside the coinbase.
pub(crate) fn transactions_of(answer: &Value) -> usize {
    answer["txids"].as_array().unwrap().len() - 1
}
