//! Words to whoever manages this service, as systemd understands them (sd_notify(3)): that it is ready, that it is alive, that it stops.
//!
//! Without `NOTIFY_SOCKET` in the environment there is nobody to tell.

use std::ffi::OsString;
use std::future::Future;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// The manager, if there is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manager {
    socket: Option<Arc<UnixDatagram>>,
    /// How often it must hear from us, if it watches.
    watchdog: Option<Duration>,
}

impl Manager {
    /// The one that started this process.
    pub(crate) fn from_environment() -> Self {
        let Some(address) = std::env::var_os("NOTIFY_SOCKET") else {
            return Self::default();
        };
        // The variable may be meant for the process that started this one.
        let is_ours =
            std::env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let watchdog = std::env::var("WATCHDOG_USEC").ok().filter(|_| is_ours);
        let watchdog = watchdog.and_then(|text| text.parse().ok());
        Self {
            socket: connect(&address).map(Arc::new),
            watchdog: watchdog.map(Duration::from_micros),
        }
    }

    /// Tells it something. A manager that does not listen is its own business.
    pub(crate) fn tell(&self, state: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(state.as_bytes());
        }
    }

    /// Says again and again that the process is alive, as long as `answers` says so within the time, until `stop`.
    pub(crate) async fn keep_up<F: Future<Output = bool>>(
        self,
        stop: impl Future<Output = ()>,
        mut answers: impl FnMut() -> F,
    ) {
        let watched = async {
            let Some(every) = self.watchdog.map(|time| time / 2) else {
                return std::future::pending().await;
            };
            let mut ticks = tokio::time::interval(every.max(Duration::from_millis(1)));
            loop {
                ticks.tick().await;
                if tokio::time::timeout(every, answers()).await == Ok(true) {
                    self.tell("WATCHDOG=1");
                }
            }
        };
        tokio::select! {
            () = watched => {}
            () = stop => {}
        }
    }
}

/// A path, or with `@` a name that has no file.
fn connect(address: &OsString) -> Option<UnixDatagram> {
    let address = match address.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(address),
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.connect_addr(&address.ok()?).ok()?;
    // A manager whose queue is full must not hold up the node.
    socket.set_nonblocking(true).ok()?;
    Some(socket)
}
