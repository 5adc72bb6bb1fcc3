//! What the system says of this process, under the names that Prometheus clients use for it.

use super::{Number, set};
use prometheus_client::registry::{Registry, Unit};
use std::fs;

#[derive(Default)]
pub(super) struct ProcessMetrics {
    memory: Number,
    files: Number,
    threads: Number,
}

impl ProcessMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register_with_unit(
            "process_resident_memory",
            "Resident memory",
            Unit::Bytes,
            all.memory.clone(),
        );
        registry.register(
            "process_open_fds",
            "Open file descriptors",
            all.files.clone(),
        );
        registry.register("process_threads", "Threads", all.threads.clone());
        all
    }

    /// Asks the system. What it does not say stays as it was.
    pub(super) fn look(&self) {
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            if let Some(kib) = number(&status, "VmRSS:") {
                set(&self.memory, kib * 1024);
            }
            if let Some(threads) = number(&status, "Threads:") {
                set(&self.threads, threads);
            }
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            set(&self.files, files.count() as u64);
        }
    }
}

fn number(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}
