//! A terminal that shows what is typed again, whatever ends the question for a secret.
//!
//! While a secret is asked for, the terminal does not show what is typed. The library puts that back when the question ends, but not when
//! the process is told to end meanwhile, by Ctrl-C or another program. From the first question on, a thread waits for such signals, restores
//! the terminal and ends the process as the signal would have.

use std::fs::File;
use std::io;
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, Once, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

/// The terminal and how it was, while a secret is asked for.
static SAVED: Mutex<Option<(File, Termios)>> = Mutex::new(None);

static WATCH: Once = Once::new();

/// What a shell adds to the number of a signal that ended a process.
const BY_SIGNAL: i32 = 128;

/// Asks by `question`, and shows what is typed again afterwards, also if a signal ends the process meanwhile. Without a terminal of its own
/// there is nothing to restore.
pub(super) fn restored<T>(question: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if let Ok(tty) = File::open("/dev/tty")
        && let Ok(modes) = tcgetattr(&tty)
    {
        *SAVED.lock().unwrap_or_else(PoisonError::into_inner) = Some((tty, modes));
        WATCH.call_once(watch);
    }
    let result = question();
    restore();
    result
}

fn restore() {
    let saved = SAVED.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((tty, modes)) = saved {
        // A terminal that is gone has nothing to be restored.
        let _ = tcsetattr(&tty, OptionalActions::Now, &modes);
    }
}

/// Starts the thread, and returns when it hears signals. Where none can be had, the question is asked all the same.
fn watch() {
    let (ready, heard) = sync_channel(1);
    let started = std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()?;
            let number = runtime.block_on(async {
                let mut interrupt = signal(SignalKind::interrupt())?;
                let mut terminate = signal(SignalKind::terminate())?;
                let mut hang_up = signal(SignalKind::hangup())?;
                // The other end waits for this and nothing else.
                let _ = ready.send(());
                io::Result::Ok(tokio::select! {
                    _ = interrupt.recv() => SignalKind::interrupt(),
                    _ = terminate.recv() => SignalKind::terminate(),
                    _ = hang_up.recv() => SignalKind::hangup(),
                })
            })?;
            restore();
            std::process::exit(BY_SIGNAL + number.as_raw_value());
            #[allow(unreachable_code, reason = "gives the closure its type")]
            io::Result::Ok(())
        });
    if started.is_ok() {
        let _ = heard.recv();
    }
}
