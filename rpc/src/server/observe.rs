//! Who hears what a listener does, to count it.

use std::fmt;
use std::time::Duration;

/// Hears what a listener does. Called by many tasks at once, so it must not wait for anything.
pub trait Observe: fmt::Debug + Send + Sync + 'static {
    /// A connection is served.
    fn connected(&self);
    /// A served connection is closed.
    fn disconnected(&self);
    /// A request or connection was refused by HTTP status; `code` is one of [`http_refusals`](super::http_refusals).
    fn refused(&self, code: &'static str);
    /// A method, or `unknown`, was called; `outcome` is of [`outcome`](crate::errors::outcome).
    fn called(&self, method: &'static str, outcome: &'static str, took: Duration);
}

/// Counts nothing.
#[derive(Debug)]
pub(super) struct Unobserved;

impl Observe for Unobserved {
    fn connected(&self) {}
    fn disconnected(&self) {}
    fn refused(&self, _: &'static str) {}
    fn called(&self, _: &'static str, _: &'static str, _: Duration) {}
}
