//! Decides from the request line and headers alone whether a request may go on to have its body read.
//!
//! A listener on the loopback address is reachable by every web page that the user opens. Three independent checks keep
//! pages out: the bearer token (a page cannot read the endpoint file, and a query string is not looked at), the `Host`
//! filter (defeats DNS rebinding) and the refusal of every `Origin` (defeats cross-site requests). Headers that proxies
//! add, such as `X-Forwarded-For`, are not looked at: nothing here depends on where a request says it comes from.
//!
//! The order of the checks in [`Guard::check`] is that of specs/09-rpc.md. Lengths that contradict each other never get
//! here; they are found by [`stream`](super::stream).

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    ORIGIN, UPGRADE,
};
use hyper::{HeaderMap, Method, Request, Uri};

use super::Cookie;
use super::refusal::Refusal;

/// The checks of one listener.
#[derive(Debug)]
pub(super) struct Guard {
    cookie: Option<Cookie>,
    allowed_hosts: Vec<String>,
    any_origin: bool,
    max_body: usize,
}

impl Guard {
    /// A guard that asks for `cookie` (for nothing if `None`), and accepts `allowed_hosts` beside the loopback names.
    pub(super) fn new(cookie: Option<Cookie>, allowed_hosts: Vec<String>, max_body: usize) -> Self {
        Self {
            cookie,
            allowed_hosts,
            any_origin: false,
            max_body,
        }
    }

    /// The same; if `any`, whatever `Host` and `Origin` say is taken.
    pub(super) fn of_any_origin(mut self, any: bool) -> Self {
        self.any_origin = any;
        self
    }

    /// Checks everything that can be checked without the body; the first objection is the answer.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let headers = request.headers();
        self.check_token(headers)?;
        if !self.any_origin {
            self.check_host(headers, request.uri())?;
            ensure(!headers.contains_key(ORIGIN), Refusal::FromBrowser)?;
        }
        ensure(!headers.contains_key(UPGRADE), Refusal::UpgradeRefused)?;
        ensure(request.method() == Method::POST, Refusal::MethodNotAllowed)?;
        ensure(
            request.uri().path() == "/" && request.uri().query().is_none(),
            Refusal::NotFound,
        )?;
        ensure(is_plain_json(headers), Refusal::NotJson)?;
        self.check_length(headers)
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(cookie) = &self.cookie else {
            return Ok(());
        };
        let presented = sole(headers, AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        ensure(
            presented.is_some_and(|token| cookie.matches(token)),
            Refusal::Unauthorized,
        )
    }

    fn check_host(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        let host = sole(headers, HOST).and_then(|value| value.to_str().ok());
        ensure(
            host.is_some_and(|host| self.is_ours(host)),
            Refusal::HostNotAllowed,
        )?;
        // An absolute request target overrides Host (RFC 9112 §3.2.2), so both must be ours.
        ensure(
            uri.authority()
                .is_none_or(|authority| self.is_ours(authority.as_str())),
            Refusal::HostNotAllowed,
        )
    }

    fn is_ours(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else {
            return false;
        };
        is_loopback(name)
            || self
                .allowed_hosts
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(name))
    }

    fn check_length(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(value) = headers.get(CONTENT_LENGTH) else {
            return Ok(());
        };
        let length = value
            .to_str()
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        let fits = length.is_some_and(|length| {
            usize::try_from(length).is_ok_and(|length| length <= self.max_body)
        });
        ensure(fits, Refusal::BodyTooLarge(self.max_body))
    }
}

fn ensure(holds: bool, otherwise: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// The value of a header that is there exactly once; a second one would leave open which of them counts.
fn sole(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// The token of an `Authorization: Bearer` value (RFC 6750 §2.1); the scheme's name is case-insensitive.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

/// The host part of `host[:port]`, brackets included; `None` unless the port, if any, is a number below 65,536.
fn without_port(host: &str) -> Option<&str> {
    let name_end = if host.starts_with('[') {
        host.find(']')? + 1
    } else {
        host.find(':').unwrap_or(host.len())
    };
    let (name, port) = host.split_at(name_end);
    let valid = match port.strip_prefix(':') {
        Some(digits) => {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        }
        None => port.is_empty(),
    };
    valid.then_some(name)
}

/// Whether a `Host` header names this computer by a loopback literal or `localhost`, with a port or without.
pub fn is_loopback_host(host: &str) -> bool {
    without_port(host).is_some_and(is_loopback)
}

/// Whether `name` is `localhost` or a loopback literal in its one usual spelling: `127.1` or `0x7f.1` are not.
fn is_loopback(name: &str) -> bool {
    let v6 = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match v6 {
        Some(literal) => literal.parse() == Ok(Ipv6Addr::LOCALHOST),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        }
    }
}

/// Whether the body is declared as `application/json`, in UTF-8 if a character set is named, and not compressed.
fn is_plain_json(headers: &HeaderMap) -> bool {
    if headers.contains_key(CONTENT_ENCODING) {
        return false;
    }
    let Some(value) = sole(headers, CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| {
            ["charset=utf-8", "charset=\"utf-8\""]
                .iter()
                .any(|utf8| parameter.eq_ignore_ascii_case(utf8))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_literals_and_localhost_are_ours_with_and_without_a_port() {
        let guard = Guard::new(None, vec!["node.lan".to_owned()], 1);
        for host in [
            "127.0.0.1",
            "127.0.0.1:9451",
            "127.9.8.7",
            "localhost",
            "LOCALHOST:1",
            "[::1]",
            "[::1]:9451",
            "node.lan",
            "Node.LAN:80",
        ] {
            assert!(guard.is_ours(host), "{host:?} must be accepted");
        }
    }

    #[test]
    fn other_spellings_and_names_are_not_ours() {
        let guard = Guard::new(None, Vec::new(), 1);
        let wrong = [
            "",
            ":80",
            "evil.com",
            "evil.com:9451",
            "127.0.0.1.evil.com",
            "localhost.evil.com",
            "localhost.",
            "127.1",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "2130706433",
            "0.0.0.0",
            "128.0.0.1",
            "::1",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::1",
            "[::1]x",
            "127.0.0.1:",
            "127.0.0.1:+80",
            "127.0.0.1:65536",
            "127.0.0.1:80:80",
            "user@127.0.0.1",
            "127.0.0.1 ",
            "node.lan",
        ];
        for host in wrong {
            assert!(!guard.is_ours(host), "{host:?} must be refused");
        }
    }

    #[test]
    fn only_undamaged_json_in_utf8_is_plain_json() {
        let declared = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            is_plain_json(&headers)
        };
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
        ] {
            assert!(declared(good), "{good:?} must be accepted");
        }
        let wrong = [
            "",
            "text/plain",
            "application/json-rpc",
            "application/jsonx",
            "application/json; charset=utf-16",
            "application/json; x=y",
            "application/json,text/plain",
        ];
        for wrong in wrong {
            assert!(!declared(wrong), "{wrong:?} must be refused");
        }
    }
}
