//! A byte stream that looks at each request head before the HTTP library does.
//!
//! hyper drops a `Content-Length` that stands beside a `Transfer-Encoding`, and merges two equal `Content-Length` headers,
//! before a service sees the request. Both are what request smuggling is made of (RFC 9112 §11.2), so [`GuardedStream`]
//! finds them in the raw head. It holds bytes back until a head is complete, lets that head and exactly the body it
//! announces pass, and then waits for the next head. A head with a fault is replaced by [`SUBSTITUTE`] and the fault is
//! left in a [`FaultSlot`], where the service finds the reason for its refusal; nothing after it is passed on.
//!
//! It also bounds the time that a client may take to read an answer, which hyper leaves open. How long a client may take
//! to send a head is bounded by hyper, a body by [`answer`](super::answer).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::refusal::Refusal;

/// Most headers in one request. A client needs about six; proxies and browsers add perhaps twenty.
const MAX_HEADERS: usize = 64;

/// Bytes asked of the socket at once, so that this much at most is held beyond the head limit.
const READ_SIZE: usize = 8192;

/// What the HTTP library gets instead of a head with a fault: the shortest request, so that it asks the service.
const SUBSTITUTE: &[u8] = b"POST / HTTP/1.1\r\nconnection: close\r\n\r\n";

/// Where a stream leaves the fault that ended it. A connection has one at most, because it is closed thereafter.
pub(super) type FaultSlot = Arc<OnceLock<Refusal>>;

/// A TCP stream whose request heads are checked; see the module's text.
pub(super) struct GuardedStream {
    tcp: TcpStream,
    max_head: usize,
    fault: FaultSlot,
    /// Bytes received and not yet passed on.
    pending: Vec<u8>,
    /// Whether `pending` may have become a complete head since it was inspected last.
    unchecked: bool,
    /// How many more bytes belong to the request whose head was checked last.
    passable: u64,
    write_timeout: Duration,
    /// Runs from the moment when the answer to the present request first met a full socket buffer.
    write_deadline: Option<Pin<Box<Sleep>>>,
}

impl GuardedStream {
    /// Watches `tcp`, refusing heads above `max_head` bytes and answers not read within `write_timeout`.
    pub(super) fn new(
        tcp: TcpStream,
        max_head: usize,
        write_timeout: Duration,
        fault: FaultSlot,
    ) -> Self {
        Self {
            tcp,
            max_head,
            fault,
            pending: Vec::new(),
            unchecked: false,
            passable: 0,
            write_timeout,
            write_deadline: None,
        }
    }

    /// Gives the socket back, for closing it.
    pub(super) fn into_inner(self) -> TcpStream {
        self.tcp
    }

    /// Checks the head at the start of `pending`. If it is complete, `passable` is above zero afterwards.
    fn inspect(&mut self) {
        self.unchecked = false;
        match inspect_head(&self.pending, self.max_head) {
            Ok(None) => {}
            Ok(Some(length)) => {
                self.passable = length;
                self.write_deadline = None;
            }
            Err(fault) => {
                // The slot is empty: a stream with a fault never inspects again.
                let _ = self.fault.set(fault);
                self.pending = SUBSTITUTE.to_vec();
                self.passable = SUBSTITUTE.len() as u64;
            }
        }
    }

    /// Moves as many bytes as may pass into `out`.
    fn pass_on(&mut self, out: &mut ReadBuf<'_>) {
        let may_pass = usize::try_from(self.passable).unwrap_or(usize::MAX);
        let count = out.remaining().min(self.pending.len()).min(may_pass);
        out.put_slice(&self.pending[..count]);
        self.pending.drain(..count);
        self.passable -= count as u64;
        // A pipelined request may have been received together with this one.
        self.unchecked = self.passable == 0 && !self.pending.is_empty();
    }

    /// Receives some bytes; `false` at the end of the stream.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut space = [0; READ_SIZE];
        let mut received = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut received))?;
        self.pending.extend_from_slice(received.filled());
        // Only a line end completes a head. Parsing at each byte of a client that sends one at a time would be quadratic.
        self.unchecked = received.filled().contains(&b'\n') || self.pending.len() > self.max_head;
        Poll::Ready(Ok(!received.filled().is_empty()))
    }

    fn poll_write_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let timeout = self.write_timeout;
        let deadline = self
            .write_deadline
            .get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read its answer",
        ))
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.passable > 0 && !self.pending.is_empty() {
                self.pass_on(out);
                return Poll::Ready(Ok(()));
            }
            if self.passable == 0 && self.fault.get().is_some() {
                // To the HTTP library, the client has nothing more to say.
                return Poll::Ready(Ok(()));
            }
            if self.passable == 0 && self.unchecked {
                self.inspect();
            } else if !ready!(self.poll_receive(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.tcp).poll_write(cx, bytes) {
            Poll::Pending => self.poll_write_deadline(cx).map(Err),
            written => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// The length of the request that starts with `bytes`, head and body; `None` while the head is incomplete.
///
/// The end of a chunked body is left to the HTTP library, so such a request counts as endless: it is the last one of its
/// connection (see [`answer`](super::answer)).
fn inspect_head(bytes: &[u8], max_head: usize) -> Result<Option<u64>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(head)) if head <= max_head => match body_length(&request)? {
            BodyLength::Known(body) => Ok(Some(body.saturating_add(head as u64))),
            BodyLength::Chunked => Ok(Some(u64::MAX)),
        },
        Ok(httparse::Status::Partial) if bytes.len() <= max_head => Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Err(Refusal::HeadTooLarge),
        Err(_) => Err(Refusal::MalformedHead),
    }
}

/// How a request says where its body ends (RFC 9112 §6).
enum BodyLength {
    Known(u64),
    Chunked,
}

fn body_length(request: &httparse::Request<'_, '_>) -> Result<BodyLength, Refusal> {
    let values = |name: &'static str| {
        request
            .headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    };
    let mut lengths = values("content-length");
    let mut codings = values("transfer-encoding");
    match (
        lengths.next(),
        lengths.next(),
        codings.next(),
        codings.next(),
    ) {
        (None, None, None, None) => Ok(BodyLength::Known(0)),
        (Some(length), None, None, None) => decimal(length)
            .map(BodyLength::Known)
            .ok_or(Refusal::MalformedHead),
        // Transfer-Encoding came with HTTP/1.1; httparse gives the minor version.
        (None, None, Some(coding), None)
            if coding.eq_ignore_ascii_case(b"chunked") && request.version == Some(1) =>
        {
            Ok(BodyLength::Chunked)
        }
        (None, None, Some(_), None) => Err(Refusal::MalformedHead),
        _ => Err(Refusal::AmbiguousLength),
    }
}

/// A number written with digits only; `parse` alone would also take a plus sign.
fn decimal(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspect(head: &str) -> Result<Option<u64>, Refusal> {
        inspect_head(head.as_bytes(), 1000)
    }

    #[test]
    fn a_request_is_as_long_as_its_head_and_content_length() {
        let head = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(
            inspect(&format!("{head}hello and more")),
            Ok(Some(head.len() as u64 + 5))
        );
        assert_eq!(inspect("GET / HTTP/1.1\r\n\r\n"), Ok(Some(18)));
        assert_eq!(
            inspect("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n"),
            Ok(Some(u64::MAX))
        );
    }

    #[test]
    fn an_incomplete_head_asks_for_more_bytes() {
        let head = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n";
        for cut in 0..head.len() {
            assert_eq!(inspect(&head[..cut]), Ok(None), "cut at {cut}");
        }
    }

    #[test]
    fn two_statements_about_the_length_are_ambiguous_in_any_order() {
        for headers in [
            "Content-Length: 5\r\nContent-Length: 5",
            "Content-Length: 5\r\ncontent-length: 6",
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        ] {
            assert_eq!(
                inspect(&format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n")),
                Err(Refusal::AmbiguousLength),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn lengths_and_codings_that_readers_understand_differently_are_malformed() {
        for headers in [
            "Content-Length: +5",
            "Content-Length: -5",
            "Content-Length: 5, 5",
            "Content-Length: 0x5",
            "Content-Length:",
            "Content-Length: 18446744073709551616",
            "Content-Length : 5",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: identity",
            "Transfer-Encoding: xchunked",
        ] {
            assert_eq!(
                inspect(&format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n")),
                Err(Refusal::MalformedHead),
                "{headers:?}"
            );
        }
        assert_eq!(
            inspect("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Err(Refusal::MalformedHead)
        );
    }

    #[test]
    fn heads_above_the_limit_are_refused_complete_or_not() {
        let long = format!("POST / HTTP/1.1\r\nX: {}", "x".repeat(1000));
        assert_eq!(inspect(&long), Err(Refusal::HeadTooLarge));
        assert_eq!(
            inspect(&format!("{long}\r\n\r\n")),
            Err(Refusal::HeadTooLarge)
        );
        let many = "a:b\r\n".repeat(MAX_HEADERS + 1);
        assert_eq!(
            inspect(&format!("POST / HTTP/1.1\r\n{many}\r\n")),
            Err(Refusal::HeadTooLarge)
        );
    }
}
