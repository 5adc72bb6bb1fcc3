//! The parts of a node: every task that lives as long as it does. None of them ends unheard.
//!
//! - A part of [`Parts::add`] ends when the node stops. If it ends before, or panics, the node stops in order, and the log says which part it was and why.
//! - A part of [`Parts::add_again`] is begun again instead, after a pause. It is for what holds no state that a panic could leave half-changed.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

/// Pause before a part is begun again. It doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 1_000 });
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A part that lived for so long has recovered: the next pause is the first again.
const RECOVERED: Duration = Duration::from_secs(600);

/// Done when the node stops.
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The parts that run.
pub struct Parts {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
    stop: watch::Sender<bool>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            tasks: JoinSet::new(),
            names: HashMap::new(),
            stop: watch::channel(false).0,
        }
    }
}

impl Parts {
    /// Becomes true when the node stops.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Adds a part, which must not end before the future that it is given.
    pub fn add<F>(&mut self, name: &'static str, run: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let part = run(stop(self.stopping()));
        let id = self.tasks.spawn(part).id();
        self.names.insert(id, name);
    }

    /// Adds a part that is begun again when it ends by itself or panics.
    pub fn add_again<F>(
        &mut self,
        name: &'static str,
        mut begin: impl FnMut(Stop) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let stopping = self.stopping();
        self.add(name, |stopped| async move {
            let again = async {
                let mut pause = FIRST_PAUSE;
                loop {
                    let began = Instant::now();
                    // A set of one, so that the task goes when this does.
                    let mut task = JoinSet::new();
                    task.spawn(begin(stop(stopping.clone())));
                    let ended = task.join_next().await;
                    if *stopping.borrow() {
                        return;
                    }
                    let why = ended.and_then(Result::err).map(reason);
                    let why = why.unwrap_or_else(|| "it ended".to_owned());
                    tracing::error!(
                        part = name,
                        why,
                        ?pause,
                        "a part ended by itself and is begun again; please report it"
                    );
                    tokio::time::sleep(pause).await;
                    pause = match began.elapsed() > RECOVERED {
                        true => FIRST_PAUSE,
                        false => (2 * pause).min(LONGEST_PAUSE),
                    };
                }
            };
            // Who stops is not kept by a pause; what runs is given the time to end by itself.
            let mut again = std::pin::pin!(again);
            tokio::select! {
                () = &mut again => {}
                () = stopped => { let _ = tokio::time::timeout(FIRST_PAUSE, again).await; }
            }
        });
    }

    /// Waits until a part ends, and says which and why.
    pub async fn first_end(&mut self) -> String {
        let ended = self.tasks.join_next_with_id().await;
        let (part, why) = match &ended {
            Some(Ok((id, ()))) => (self.name(id), "ended by itself".to_owned()),
            Some(Err(error)) => (self.name(&error.id()), panicked(error)),
            None => ("the node", "has no parts".to_owned()),
        };
        tracing::error!(part, why, "a part of this process ended; it stops");
        format!("{part} {why}")
    }

    /// Stops all parts and waits for them.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next_with_id().await {
            if let Err(error) = ended {
                let (part, why) = (self.name(&error.id()), panicked(&error));
                tracing::error!(part, why, "a part failed while it stopped");
            }
        }
    }

    fn name(&self, id: &Id) -> &'static str {
        self.names.get(id).copied().unwrap_or("a part")
    }
}

fn stop(mut stopping: watch::Receiver<bool>) -> Stop {
    Box::pin(async move {
        // The sender lives as long as the node; its end is a stop as well.
        let _ = stopping.wait_for(|stop| *stop).await;
    })
}

fn panicked(error: &JoinError) -> String {
    match error.is_panic() {
        true => "panicked".to_owned(),
        false => "was cancelled".to_owned(),
    }
}

/// What a panic said, if it said something.
fn reason(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "it was cancelled".to_owned();
    };
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("without a word"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn the_first_part_that_ends_or_panics_is_named() {
        let mut parts = Parts::default();
        parts.add("the good one", |stop| stop);
        parts.add("the miner", |_| async { panic!("the test's panic") });
        assert_eq!(parts.first_end().await, "the miner panicked");
        parts.add("the page", |_| async {});
        assert_eq!(parts.first_end().await, "the page ended by itself");
        parts.stop().await;
    }

    #[tokio::test]
    async fn stopping_ends_all_parts_and_waits_for_them() {
        let ended = Arc::new(AtomicU32::new(0));
        let mut parts = Parts::default();
        for _ in 0..3 {
            let ended = Arc::clone(&ended);
            parts.add("a part", |stop| async move {
                stop.await;
                tokio::task::yield_now().await;
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        parts.stop().await;
        assert_eq!(ended.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_part_that_may_be_begun_again_is_and_stops_with_the_others() {
        let begun = Arc::new(AtomicU32::new(0));
        let mut parts = Parts::default();
        let count = Arc::clone(&begun);
        parts.add_again("the DNS server", move |stop| {
            let number = count.fetch_add(1, Ordering::Relaxed);
            async move {
                match number {
                    0 => panic!("the test's panic"),
                    1 => {}
                    _ => stop.await,
                }
            }
        });
        while begun.load(Ordering::Relaxed) < 3 {
            tokio::select! {
                ended = parts.first_end() => panic!("it goes on: {ended:?}"),
                () = tokio::time::sleep(FIRST_PAUSE) => {}
            }
        }
        parts.stop().await;
    }
}
