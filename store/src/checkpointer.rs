//! The thread that brings the checkpoint forward, so that no block waits for it.

use crate::checkpoint::{Checkpoint, Job};
use crate::failed::StorageFailed;
use crate::live::Live;
use crate::lock::{read, write};
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Where checkpoints are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoints {
    /// By a thread of its own, beside the blocks.
    Beside,
    /// By the writer itself, which waits: for tests that repeat every step exactly.
    Inline,
}

/// Takes jobs and writes them in their order.
pub(crate) struct Checkpointer {
    live: Arc<RwLock<Live>>,
    work: Work,
    state: Arc<State>,
}

enum Work {
    Beside(Thread),
    Inline(Checkpoint),
}

/// A running thread. It is waited for when this is dropped: nobody writes to a disk that somebody else has opened since.
struct Thread {
    /// There is one until the end.
    jobs: Option<SyncSender<Job>>,
    handle: Option<JoinHandle<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(handle) = self.handle.take() {
            // A panic of it was noted when it happened.
            let _ = handle.join();
        }
    }
}

#[derive(Default)]
struct State {
    failed: Mutex<Option<StorageFailed>>,
    arrived: Condvar,
}

impl Checkpointer {
    pub(crate) fn start(
        checkpoint: Checkpoint,
        live: Arc<RwLock<Live>>,
        how: Checkpoints,
    ) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let work = match how {
            Checkpoints::Inline => Work::Inline(checkpoint),
            Checkpoints::Beside => {
                // One at a time is under way: while rows are frozen no other job is made.
                let (jobs, inbox) = sync_channel(1);
                let (live, state) = (Arc::clone(&live), Arc::clone(&state));
                let handle = thread::Builder::new()
                    .name("checkpoint".into())
                    .spawn(move || run(&checkpoint, &inbox, &live, &state))?;
                Work::Beside(Thread {
                    jobs: Some(jobs),
                    handle: Some(handle),
                })
            }
        };
        Ok(Self { live, work, state })
    }

    /// Writes a job, now or soon.
    pub(crate) fn give(&self, job: Job) {
        match &self.work {
            Work::Inline(checkpoint) => write_one(checkpoint, &job, &self.live, &self.state),
            Work::Beside(thread) => {
                // The thread ends early only after a failure, which is noted.
                if let Some(jobs) = &thread.jobs {
                    drop(jobs.send(job));
                }
            }
        }
    }

    /// Why no checkpoint is written any more, if so.
    pub(crate) fn failed(&self) -> Option<StorageFailed> {
        self.state.failed().clone()
    }

    /// Waits until nothing is under way.
    pub(crate) fn wait(&self) -> Result<(), StorageFailed> {
        let mut failed = self.state.failed();
        while failed.is_none() && read(&self.live).is_freezing() {
            let woken = self.state.arrived.wait(failed);
            failed = woken.unwrap_or_else(PoisonError::into_inner);
        }
        failed.clone().map_or(Ok(()), Err)
    }
}

impl State {
    fn failed(&self) -> std::sync::MutexGuard<'_, Option<StorageFailed>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(checkpoint: &Checkpoint, inbox: &Receiver<Job>, live: &RwLock<Live>, state: &State) {
    while let Ok(job) = inbox.recv() {
        write_one(checkpoint, &job, live, state);
        if state.failed().is_some() {
            return;
        }
    }
}

fn write_one(checkpoint: &Checkpoint, job: &Job, live: &RwLock<Live>, state: &State) {
    tracing::debug!(height = %job.tip.height, rows = job.memtable.rows.len(), "a checkpoint begins");
    let start = Instant::now();
    let attempt = std::panic::AssertUnwindSafe(|| checkpoint.write(job));
    // redb can panic on a damaged file; a thread that dies would be waited for in vain.
    let written = std::panic::catch_unwind(attempt)
        .unwrap_or_else(|_| Err(StorageFailed::new("writing a checkpoint", "redb panicked")));
    match written {
        Ok(base) => {
            tracing::debug!(height = %job.tip.height, "the checkpoint is written");
            let old = write(live).arrive(base, start.elapsed());
            // A big table takes a while to give back; nobody waits for it here.
            drop(old);
        }
        Err(failed) => *state.failed() = Some(failed),
    }
    // Under the lock that a waiter holds between looking and waiting, so that it cannot miss this.
    let _held = state.failed();
    state.arrived.notify_all();
}
