//! Accepts connections up to the limit, turns the others away, and ends them all when told to stop.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::answer::Service;
use super::refusal::Refusal;
use super::shares::Seat;
use super::stream::{FaultSlot, GuardedStream};

/// Connections that may be told "too many" at the same time; more than these are closed without a word, so that a flood
/// holds a fixed number of sockets.
const MAX_TURNED_AWAY: usize = 32;

/// Pause after a failed `accept`. The usual cause is that the process has no file descriptor left, which a retry at once
/// would turn into a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a closing connection is read on. Closing a socket with unread bytes resets it, and the reset can destroy an
/// answer that the client has not read yet.
const LINGER: Duration = Duration::from_secs(1);

/// Bytes read and thrown away while a connection closes: a body of the largest default size twice.
const LINGER_BYTES: u64 = 2 * 1024 * 1024;

/// hyper's read buffer. It must hold the largest head; beyond that a larger one only makes bodies a little faster.
const READ_BUFFER: usize = 64 * 1024;

/// Serves connections from `listener` until `shutdown` is ready, then lets calls in progress end within the grace time.
pub(super) async fn run(
    listener: TcpListener,
    service: Arc<Service>,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(service.limits().max_connections));
    let away = Arc::new(Semaphore::new(MAX_TURNED_AWAY));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((tcp, peer)) => match admit(&service, &slots, peer.ip()) {
                    Some(place) => { connections.spawn(serve(tcp, service.clone(), stopping.clone(), place)); }
                    None => {
                        service.observer().refused(Refusal::TooManyConnections.code());
                        if let Ok(slot) = away.clone().try_acquire_owned() {
                            connections.spawn(turn_away(tcp, slot));
                        }
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "the RPC cannot accept a connection; retrying");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(service.limits().stop_grace, all_ended)
        .await
        .is_err()
    {
        tracing::info!("RPC connections were still open at the end of the grace time and are cut");
    }
    connections.shutdown().await;
}

/// Counts a connection until its socket is closed.
struct Place {
    _slot: OwnedSemaphorePermit,
    seat: Option<Arc<Seat>>,
    service: Arc<Service>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.service.observer().disconnected();
    }
}

/// A place for a connection from this address; none if all are taken, or as many as one address may have.
fn admit(service: &Arc<Service>, slots: &Arc<Semaphore>, address: IpAddr) -> Option<Place> {
    let seat = match service.shares() {
        Some(shares) => Some(Arc::new(shares.seat(address, Instant::now())?)),
        None => None,
    };
    let slot = Arc::clone(slots).try_acquire_owned().ok()?;
    service.observer().connected();
    Some(Place {
        _slot: slot,
        seat,
        service: Arc::clone(service),
    })
}

/// Serves one connection; `place` counts it until its socket is closed.
async fn serve(
    tcp: TcpStream,
    service: Arc<Service>,
    mut stopping: watch::Receiver<bool>,
    place: Place,
) {
    // Answers are written whole; waiting to fill a segment would only delay them. Where it fails, they are delayed.
    let _ = tcp.set_nodelay(true);
    let fault = FaultSlot::default();
    let limits = *service.limits();
    let stream = GuardedStream::new(tcp, limits.max_head, limits.write_timeout, fault.clone());
    let seat = place.seat.clone();
    let respond = service_fn(move |request| {
        // Read here and not in the future: by then the stream may have looked at the next request.
        let fault = fault.get().copied();
        let (service, seat) = (service.clone(), seat.clone());
        Box::pin(async move {
            Ok::<_, Infallible>(service.answer(request, fault, seat.as_deref()).await)
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(READ_BUFFER.max(limits.max_head))
        // A client may close its sending side and wait for the answer, as `nc -N` does.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), respond);
    let ended = tokio::select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(ended),
        () = told_to_stop(&mut stopping) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    match ended {
        Ok(()) => close(connection.into_parts().io.into_inner().into_inner()).await,
        Err(error) => tracing::debug!(%error, "RPC connection ended early"),
    }
    drop(place);
}

async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // It can fail only when the sender is gone, which is after the stop.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Tells a client that all connections are taken.
async fn turn_away(mut tcp: TcpStream, slot: OwnedSemaphorePermit) {
    tracing::debug!("RPC connection turned away, all are taken");
    // The answer fits any fresh socket's buffer, so this does not wait; and where it fails, the client is gone.
    if tcp
        .write_all(&Refusal::TooManyConnections.raw_response())
        .await
        .is_ok()
    {
        close(tcp).await;
    }
    drop(slot);
}

/// Ends the sending side and reads what the client still sends, within bounds, so that it gets to read its answer.
async fn close(mut tcp: TcpStream) {
    if tcp.shutdown().await.is_err() {
        return;
    }
    let (mut rest, mut sink) = (tcp.take(LINGER_BYTES), tokio::io::sink());
    // Whether the client went in good order no longer matters.
    let _: Result<io::Result<u64>, _> =
        timeout(LINGER, tokio::io::copy(&mut rest, &mut sink)).await;
}
