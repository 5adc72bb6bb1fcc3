//! DNS over UDP and TCP (RFC 1035 §4.2, RFC 7766) around something that answers: [`Local`] state or a remote node.
//!
//! Everything is bounded: queries worked on at once, TCP connections, the time and the number of queries of each, and how often one network is answered over UDP
//! ([`RateLimit`]). Only this computer is served unless [`Listener::serving_everyone`] says otherwise.

use crate::answer::{Transport, answer, refuse, truncated};
use crate::rates::{RateLimit, Rates, Verdict, network};
use crate::zone::{NameSource, ZoneConfig};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Longest UDP query that is read. Queries take a few hundred bytes; a longer one is cut off and so malformed.
const MAX_QUERY: usize = 4096;
/// TCP connections at once; the next one is closed unread. At 64 KiB each they take 4 MiB at most.
const MAX_CONNECTIONS: usize = 64;
/// Queries of one connection, one after the other; then it is closed, so that nobody holds a place for good.
const MAX_QUERIES: usize = 256;
/// How long a connection may take for its next query, and to take its answer.
const IDLE: Duration = Duration::from_secs(10);
/// Tries to get one port for both protocols from the system.
const PORT_TRIES: usize = 32;
/// Pause after the system refused a connection (it has run out of files), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A flood is worth a line in the log this often.
const FLOOD_LINE: Duration = Duration::from_secs(60);

/// Something that answers queries.
pub trait Respond: Send + Sync + 'static {
    /// UDP queries worked on at once. More than a few only helps if answering waits for somebody.
    const AT_ONCE: usize;

    /// The answer to a query; none if it must be dropped.
    fn respond(
        &self,
        query: &[u8],
        transport: Transport,
    ) -> impl Future<Output = Option<Vec<u8>>> + Send;
}

/// Answers from state at hand.
#[derive(Debug)]
pub struct Local<S> {
    source: S,
    zone: ZoneConfig,
}

impl<S: NameSource + Send + Sync + 'static> Local<S> {
    /// Answers for `zone` from `source`.
    pub fn new(source: S, zone: ZoneConfig) -> Self {
        Self { source, zone }
    }
}

impl<S: NameSource + Send + Sync + 'static> Respond for Local<S> {
    const AT_ONCE: usize = 2;

    async fn respond(&self, query: &[u8], transport: Transport) -> Option<Vec<u8>> {
        answer(query, &self.source, &self.zone, transport)
    }
}

/// Bound sockets, not yet served.
#[derive(Debug)]
pub struct Listener {
    udp: UdpSocket,
    tcp: TcpListener,
    rules: Rules,
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    everyone: bool,
    idle: Duration,
    others: RateLimit,
    loopback: RateLimit,
}

/// Binds UDP and TCP to the same port; port 0 asks the system for one that is free for both.
///
/// # Errors
/// What the system says, most often that the port is taken or needs a privilege.
pub async fn bind(address: SocketAddr) -> io::Result<Listener> {
    let tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    let mut last = None;
    for _ in 0..tries {
        let udp = UdpSocket::bind(address).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => {
                return Ok(Listener {
                    udp,
                    tcp,
                    rules: Rules {
                        everyone: false,
                        idle: IDLE,
                        others: RateLimit::OTHERS,
                        loopback: RateLimit::LOOPBACK,
                    },
                });
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

impl Listener {
    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    /// Serves other computers too.
    #[must_use]
    pub fn serving_everyone(mut self) -> Self {
        self.rules.everyone = true;
        self
    }

    /// Closes a TCP connection after this time without a whole query, instead of 10 s.
    #[must_use]
    pub fn closing_idle_after(mut self, idle: Duration) -> Self {
        self.rules.idle = idle;
        self
    }

    /// Answers other computers, and this one, so often over UDP, instead of [`RateLimit::OTHERS`] and [`RateLimit::LOOPBACK`].
    #[must_use]
    pub fn limiting(mut self, others: RateLimit, loopback: RateLimit) -> Self {
        (self.rules.others, self.rules.loopback) = (others, loopback);
        self
    }

    /// Serves until `shutdown` is done, or a part of it ended, which only a bug can bring about; then all connections are closed.
    pub async fn serve(self, responder: Arc<impl Respond>, shutdown: impl Future<Output = ()>) {
        let mut tasks = JoinSet::new();
        let udp = Arc::new(self.udp);
        let gate = Arc::new(Gate::new(self.rules));
        for _ in 0..at_once(&*responder) {
            tasks.spawn(serve_udp(
                Arc::clone(&udp),
                Arc::clone(&responder),
                Arc::clone(&gate),
            ));
        }
        tasks.spawn(serve_tcp(self.tcp, responder, self.rules));
        tokio::select! {
            () = shutdown => {}
            Some(ended) = tasks.join_next() => {
                let error = ended.err().map(|e| e.to_string()).unwrap_or_default();
                tracing::error!(error, "a part of the DNS server ended; this is a bug, please report it");
            }
        }
        tasks.shutdown().await;
    }
}

fn at_once<R: Respond>(_: &R) -> usize {
    R::AT_ONCE.max(1)
}

/// What to do with a sender, before its query is looked at.
#[derive(Debug, PartialEq, Eq)]
enum Sender {
    Served,
    Refused,
    Dropped,
}

/// Nobody sends from port 0, a group or everybody; an answer there would hit others.
fn judge(sender: SocketAddr, everyone: bool) -> Sender {
    let ip = sender.ip().to_canonical();
    let is_broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    if sender.port() == 0 || ip.is_multicast() || ip.is_unspecified() || is_broadcast {
        Sender::Dropped
    } else if everyone || ip.is_loopback() {
        Sender::Served
    } else {
        Sender::Refused
    }
}

/// Judges the senders of datagrams.
struct Gate {
    everyone: bool,
    rates: Rates,
    begun: Instant,
    /// Seconds from the beginning to the first moment for another line in the log.
    next_line: AtomicU64,
}

impl Gate {
    fn new(rules: Rules) -> Self {
        Self {
            everyone: rules.everyone,
            rates: Rates::new(rules.others, rules.loopback),
            begun: Instant::now(),
            next_line: AtomicU64::new(0),
        }
    }

    fn rate(&self, sender: SocketAddr) -> Verdict {
        let now = self.begun.elapsed();
        let verdict = self.rates.judge(sender.ip(), now);
        let due = self.next_line.load(Ordering::Relaxed);
        if verdict != Verdict::Answer && now.as_secs() >= due {
            let next = now.as_secs() + FLOOD_LINE.as_secs();
            if self
                .next_line
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
            {
                let network = network(sender.ip().to_canonical());
                tracing::warn!(%network, "DNS queries come faster than they are answered; some are told to use TCP, the others are dropped");
            }
        }
        verdict
    }
}

async fn serve_udp(socket: Arc<UdpSocket>, responder: Arc<impl Respond>, gate: Arc<Gate>) {
    let mut buffer = vec![0; MAX_QUERY];
    loop {
        // An error here is an ICMP message about an earlier answer; the socket goes on.
        let Ok((len, sender)) = socket.recv_from(&mut buffer).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let query = &buffer[..len];
        let reply = match judge(sender, gate.everyone) {
            Sender::Dropped => None,
            judged => match (gate.rate(sender), judged) {
                (Verdict::Drop, _) => None,
                (Verdict::Truncate, _) => truncated(query),
                (Verdict::Answer, Sender::Served) => responder.respond(query, Transport::Udp).await,
                (Verdict::Answer, _) => refuse(query),
            },
        };
        if let Some(reply) = reply
            && let Err(error) = socket.send_to(&reply, sender).await
        {
            tracing::debug!(%sender, %error, "a DNS answer could not be sent");
        }
    }
}

async fn serve_tcp(listener: TcpListener, responder: Arc<impl Respond>, rules: Rules) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let (stream, sender) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a DNS connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let responder = Arc::clone(&responder);
        connections.spawn(async move {
            let _place = place;
            // However a connection ends, nobody else is concerned.
            drop(
                converse(
                    stream,
                    judge(sender, rules.everyone),
                    &*responder,
                    rules.idle,
                )
                .await,
            );
        });
    }
}

/// Answers the queries of one connection in order. A client that sends many without reading waits in its own socket.
async fn converse(
    mut stream: TcpStream,
    sender: Sender,
    responder: &impl Respond,
    idle: Duration,
) -> io::Result<()> {
    for _ in 0..MAX_QUERIES {
        let query = timeout(idle, read_query(&mut stream)).await??;
        let reply = match sender {
            Sender::Served => responder.respond(&query, Transport::Tcp).await,
            Sender::Refused => refuse(&query),
            Sender::Dropped => None,
        };
        let Some(reply) = reply else {
            return Ok(());
        };
        let len = u16::try_from(reply.len()).map_err(io::Error::other)?;
        let framed = [&len.to_be_bytes()[..], &reply].concat();
        timeout(idle, stream.write_all(&framed)).await??;
        // One query a turn: connections full of queries must not make the others wait.
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn read_query(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let len = stream.read_u16().await?;
    let mut query = Vec::new();
    // Memory follows what arrives, not what is announced.
    stream.take(len.into()).read_to_end(&mut query).await?;
    if query.len() < usize::from(len) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(query)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    /// Panics at every query.
    struct Broken;

    impl Respond for Broken {
        const AT_ONCE: usize = 2;

        async fn respond(&self, _: &[u8], _: Transport) -> Option<Vec<u8>> {
            panic!("the responder of this test panics");
        }
    }

    #[tokio::test]
    async fn serving_ends_when_a_worker_does_so_that_somebody_hears_of_it() {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(listener.serve(Arc::new(Broken), std::future::pending()));
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.send_to(&[0; 12], address).await.unwrap();
        serving.await.unwrap();
    }

    #[test]
    fn only_this_computer_is_served_and_impossible_senders_get_nothing() {
        let judge = |sender: &str, everyone| judge(sender.parse().unwrap(), everyone);
        for (sender, closed, open) in [
            ("127.0.0.1:5353", Sender::Served, Sender::Served),
            ("127.9.9.9:1", Sender::Served, Sender::Served),
            ("[::1]:53", Sender::Served, Sender::Served),
            ("[::ffff:127.0.0.1]:53", Sender::Served, Sender::Served),
            ("192.168.0.2:53", Sender::Refused, Sender::Served),
            ("[2a00::1]:53", Sender::Refused, Sender::Served),
            ("127.0.0.1:0", Sender::Dropped, Sender::Dropped),
            ("255.255.255.255:53", Sender::Dropped, Sender::Dropped),
            ("224.0.0.251:5353", Sender::Dropped, Sender::Dropped),
            ("[ff02::fb]:5353", Sender::Dropped, Sender::Dropped),
            ("0.0.0.0:53", Sender::Dropped, Sender::Dropped),
        ] {
            assert_eq!(judge(sender, false), closed, "{sender}");
            assert_eq!(judge(sender, true), open, "{sender}");
        }
    }
}
