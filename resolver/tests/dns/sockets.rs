//! The server on 127.0.0.1: both protocols on one port, framing, bounds.

use crate::world::{Query, Seen, World, main_zone};
use sapwood_resolver::{Local, RateLimit, bind};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes; a test that waits this long has failed.
const FOREVER: Duration = Duration::from_secs(20);

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn start(idle: Duration) -> Server {
    let text = format!("@ TXT {}", ["x".repeat(240), "y".repeat(240)].join(" "));
    let world = World::default()
        .with("alice", &["@ A 8.8.8.8", "www A 9.9.9.9"])
        .with("big", &[&text]);
    let listener = bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap()
        .closing_idle_after(idle);
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let responder = Arc::new(Local::new(world, main_zone()));
    let task = tokio::spawn(listener.serve(responder, async move { drop(stopped.await) }));
    Server {
        address,
        stop,
        task,
    }
}

async fn udp(address: SocketAddr, query: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(query, address).await.unwrap();
    let mut reply = vec![0; 65_535];
    let (len, _) = timeout(FOREVER, socket.recv_from(&mut reply))
        .await
        .unwrap()
        .unwrap();
    reply.truncate(len);
    reply
}

fn framed(query: &[u8]) -> Vec<u8> {
    [
        &u16::try_from(query.len()).unwrap().to_be_bytes()[..],
        query,
    ]
    .concat()
}

async fn read_reply(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let len = stream.read_u16().await?;
    let mut reply = vec![0; len.into()];
    stream.read_exact(&mut reply).await?;
    Ok(reply)
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    let read = timeout(FOREVER, stream.read_to_end(&mut rest))
        .await
        .expect("the server closes it");
    read.is_err() || rest.is_empty()
}

#[tokio::test]
async fn both_protocols_answer_on_one_port() {
    let server = start(FOREVER).await;
    let query = Query::new("alice.leaf.alt", "A").bytes();
    let over_udp = udp(server.address, &query).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&framed(&query)).await.unwrap();
    assert_eq!(read_reply(&mut stream).await.unwrap(), over_udp);
    assert_eq!(Seen::read(&over_udp).data(), ["A 8.8.8.8"]);
    // What is cut over UDP comes whole over the same connection.
    let big = Query::new("big.leaf.alt", "TXT").bytes();
    assert!(Seen::read(&udp(server.address, &big).await).truncated);
    stream.write_all(&framed(&big)).await.unwrap();
    assert_eq!(
        Seen::read(&read_reply(&mut stream).await.unwrap())
            .answer
            .len(),
        1
    );
}

#[tokio::test]
async fn what_is_dropped_over_udp_does_not_stop_the_next_query() {
    let server = start(FOREVER).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let query = Query::new("alice.leaf.alt", "A").bytes();
    let mut response = query.clone();
    response[2] |= 0x80;
    for dropped in [&[][..], &[0; 11], &response, &query] {
        socket.send_to(dropped, server.address).await.unwrap();
    }
    let mut reply = [0; 512];
    let (len, _) = timeout(FOREVER, socket.recv_from(&mut reply))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(Seen::read(&reply[..len]).data(), ["A 8.8.8.8"]);
    // Longer than any query: cut off by the server, so malformed.
    let long = udp(server.address, &[&query[..], &[0; 5000]].concat()).await;
    assert_eq!(long[3] & 0x0f, 1);
}

#[tokio::test]
async fn tcp_queries_in_one_stream_are_answered_in_order() {
    let server = start(FOREVER).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let queries = |id: u8| {
        let mut query = Query::new("www.alice.leaf.alt", "A");
        query.head[1] = id;
        framed(&query.bytes())
    };
    let all: Vec<u8> = (0..200).flat_map(queries).collect();
    // Byte by byte at a frame's border.
    stream.write_all(&all[..1]).await.unwrap();
    stream.flush().await.unwrap();
    stream.write_all(&all[1..]).await.unwrap();
    for id in 0..200 {
        assert_eq!(read_reply(&mut stream).await.unwrap()[1], id);
    }
}

#[tokio::test]
async fn a_thousand_pipelined_queries_are_capped() {
    let server = start(FOREVER).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let query = framed(&Query::new("alice.leaf.alt", "A").bytes());
    // The server may close while this is still being written.
    drop(stream.write_all(&query.repeat(1000)).await);
    let mut answered = 0;
    while timeout(FOREVER, read_reply(&mut stream))
        .await
        .unwrap()
        .is_ok()
    {
        answered += 1;
    }
    assert!(answered <= 256, "{answered}");
    let next = udp(server.address, &query[2..]).await;
    assert_eq!(Seen::read(&next).answer.len(), 1);
}

#[tokio::test]
async fn broken_frames_close_the_connection() {
    let server = start(Duration::from_millis(50)).await;
    let too_short = [0, 1, 0];
    let empty = [0, 0];
    let announced = [0xff, 0xff, 1, 2];
    let half = [0];
    for bytes in [&too_short[..], &empty, &announced, &half, &[]] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        assert!(is_closed(&mut stream).await, "{bytes:?}");
    }
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed_and_the_idle_ones_make_room() {
    let server = start(Duration::from_millis(300)).await;
    let query = framed(&Query::new("alice.leaf.alt", "A").bytes());
    let mut held = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&query).await.unwrap();
        drop(read_reply(&mut stream).await);
        held.push(stream);
    }
    let mut excess = TcpStream::connect(server.address).await.unwrap();
    assert!(is_closed(&mut excess).await);
    for mut stream in held {
        assert!(is_closed(&mut stream).await, "idle");
    }
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&query).await.unwrap();
    assert_eq!(
        Seen::read(&read_reply(&mut stream).await.unwrap())
            .answer
            .len(),
        1
    );
}

#[tokio::test]
async fn shutdown_ends_the_server_and_frees_the_port() {
    let server = start(FOREVER).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    server.stop.send(()).unwrap();
    timeout(FOREVER, server.task).await.unwrap().unwrap();
    assert!(is_closed(&mut stream).await);
    assert!(UdpSocket::bind(server.address).await.is_ok());
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error() {
    let server = start(FOREVER).await;
    assert!(bind(server.address).await.is_err());
}

/// A source that asks far more often than it is answered: the server goes on, what it says grows no faster than it may, and an honest client elsewhere notices nothing.
#[tokio::test]
async fn a_flood_from_one_network_is_held_to_its_rate_and_sent_to_tcp() {
    let world = World::default().with("alice", &["@ A 8.8.8.8"]);
    let limit = RateLimit {
        per_second: 1,
        burst: 20,
    };
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let listener = listener.limiting(RateLimit::OTHERS, limit);
    let address = listener.local_addr().unwrap();
    let responder = Arc::new(Local::new(world, main_zone()));
    let serving = tokio::spawn(listener.serve(responder, std::future::pending()));
    let query = Query::new("alice.leaf.alt", "A").bytes();
    let flood = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (mut answered, mut truncated, mut silent) = (0, 0, 0);
    let mut reply = [0; 512];
    let begun = std::time::Instant::now();
    for _ in 0..200 {
        flood.send_to(&query, address).await.unwrap();
        match timeout(Duration::from_millis(50), flood.recv(&mut reply)).await {
            Ok(len) if reply[2] & 2 == 0 => {
                assert!(len.unwrap() > query.len());
                answered += 1;
            }
            Ok(len) => {
                assert_eq!(len.unwrap(), query.len(), "a slip must not amplify");
                truncated += 1;
            }
            Err(_) => silent += 1,
        }
    }
    let most = 20 + 1 + begun.elapsed().as_secs();
    assert!((20..=most).contains(&answered), "{answered} of {most}");
    assert!(truncated >= 50 && silent >= 50, "{truncated}, {silent}");
    // Over TCP the same source is answered, and over UDP another network is.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&framed(&query)).await.unwrap();
    let whole = read_reply(&mut stream).await.unwrap();
    assert!(whole.len() > query.len() && whole[2] & 2 == 0);
    let honest = UdpSocket::bind("127.0.9.1:0").await.unwrap();
    honest.send_to(&query, address).await.unwrap();
    let received = timeout(FOREVER, honest.recv(&mut reply)).await.unwrap();
    assert_eq!(&reply[..received.unwrap()], &whole[..]);
    serving.abort();
}
