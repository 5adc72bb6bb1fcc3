//! What the system gives this process: cores and open files.

use sapwood_wallet::command::{CliError, Exit};
use std::num::NonZeroUsize;

/// Files and connections that a server may have open, at least.
const OPEN_FILES: u64 = 1_024;

/// How many threads a miner has: as many as were asked for, otherwise one a core.
pub(crate) fn threads(asked: Option<NonZeroUsize>) -> NonZeroUsize {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    if let Some(threads) = asked.filter(|threads| *threads > cores) {
        tracing::warn!(%threads, %cores, "more threads than cores mine no faster and slow everything else down");
    }
    asked.unwrap_or(cores)
}

/// Sees to it that enough files can be open, before the first is.
///
/// # Errors
/// If the system allows fewer than are needed.
pub(crate) fn open_files() -> Result<(), CliError> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= OPEN_FILES) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(OPEN_FILES),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|_| {
        CliError::new(
            Exit::Usage,
            "open_files",
            format!(
                "this process may open {} files and needs {OPEN_FILES}",
                limit.maximum.unwrap_or_default()
            ),
            "raise the limit with `ulimit -n`, or LimitNOFILE= in a unit of systemd",
        )
    })
}
