//! Snapshots that are written while the chain goes on: one at a time, on a thread of its own.

use crate::chain::Handle;
use sapwood_primitives::BlockId;
use sapwood_rpc::types::SnapshotState;
use sapwood_store::snapshot::{SnapshotFailed, Summary};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Time between two looks whether the checkpoint is there.
const PAUSE: Duration = Duration::from_millis(50);

/// What is known of the snapshot that is written, or was written last.
#[derive(Clone, Default)]
pub struct Exports(Arc<Mutex<SnapshotState>>);

/// Another one is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a snapshot is being written already; ask snapshot_status how far it is")]
pub struct Busy;

impl Exports {
    /// How far it is.
    pub fn state(&self) -> SnapshotState {
        let mut state = self.lock().clone();
        if state.status.is_empty() {
            "none".clone_into(&mut state.status);
        }
        state
    }

    /// Begins to write a snapshot of the present state.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn begin(
        &self,
        handle: Handle,
        genesis: BlockId,
        dir: &Path,
    ) -> Result<SnapshotState, Busy> {
        let mut state = self.lock();
        if state.status == "running" {
            return Err(Busy);
        }
        *state = SnapshotState {
            status: "running".into(),
            dir: dir.display().to_string(),
            ..SnapshotState::default()
        };
        let begun = state.clone();
        drop(state);
        let (exports, dir) = (self.clone(), dir.to_owned());
        let work = move || {
            let _heard = Heard(exports.clone());
            let written = exports.write(&handle, &genesis, &dir);
            exports.finish(written);
        };
        let thread = thread::Builder::new().name("snapshot".into()).spawn(work);
        if let Err(error) = thread {
            let mut state = self.lock();
            "failed".clone_into(&mut state.status);
            state.error = Some(error.to_string());
        }
        Ok(begun)
    }

    fn write(
        &self,
        handle: &Handle,
        genesis: &BlockId,
        dir: &Path,
    ) -> Result<Summary, SnapshotFailed> {
        let snapshot = handle.snapshot();
        let view = snapshot.view();
        let wanted = handle.begin_checkpoint()?;
        while view.checkpoint().height < wanted.height {
            thread::sleep(PAUSE);
            // One that was under way already may have ended below the tip.
            handle.begin_checkpoint()?;
        }
        view.write_snapshot(genesis, dir, &mut |progress| {
            let mut state = self.lock();
            state.done = progress.done;
            state.leaves = progress.total.unwrap_or(0);
        })
    }

    fn finish(&self, written: Result<Summary, SnapshotFailed>) {
        let mut state = self.lock();
        match written {
            Ok(summary) => {
                "done".clone_into(&mut state.status);
                (state.done, state.leaves) = (summary.leaves, summary.leaves);
                state.block = Some(summary.block);
                state.height = Some(summary.height);
                state.state_root = Some(summary.state_root);
                (state.chunks, state.bytes) = (summary.chunks, summary.bytes);
            }
            Err(error) => {
                tracing::error!(%error, "the snapshot was not written");
                "failed".clone_into(&mut state.status);
                state.error = Some(error.to_string());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, SnapshotState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to it that a thread that panics does not look as if it wrote for ever.
struct Heard(Exports);

impl Drop for Heard {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("the snapshot's thread panicked; please report it");
            let mut state = self.0.lock();
            "failed".clone_into(&mut state.status);
            state.error = Some("the thread panicked, which is a bug".to_owned());
        }
    }
}
