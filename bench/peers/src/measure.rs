//! Clocks, and what a process and its files take.

use crate::Result;
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a piece of work took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Seconds of the wall clock.
    pub wall: f64,
    /// Seconds of the processor, of all of the process's threads together.
    pub cpu: f64,
}

/// Runs `work` once.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Times) {
    let (wall, cpu) = (Instant::now(), cpu_time());
    let result = work();
    let times = Times {
        wall: wall.elapsed().as_secs_f64(),
        cpu: cpu_time().saturating_sub(cpu).as_secs_f64(),
    };
    (result, times)
}

fn cpu_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(tv_sec).expect("a process's CPU time is not negative");
    let nanos = u32::try_from(tv_nsec).expect("nanoseconds are below a second");
    Duration::new(seconds, nanos)
}

/// Bytes of the blocks that the files below `dir` have on disk, which is less than their lengths where they have holes.
pub(crate) fn disk_bytes(dir: &Path) -> Result<u64> {
    /// The unit of `st_blocks`, whatever the file system's own block is.
    const BLOCK: u64 = 512;
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += metadata.blocks() * BLOCK;
        if metadata.is_dir() {
            bytes += disk_bytes(&entry.path())?;
        }
    }
    Ok(bytes)
}

/// Resident memory of this process in bytes, now and at its highest.
pub(crate) fn resident_bytes() -> Result<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = |name: &str| {
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .and_then(|number| number.trim().parse::<u64>().ok());
        kib.map(|kib| kib * 1024)
            .ok_or_else(|| format!("/proc/self/status has no line {name}"))
    };
    Ok((line("VmRSS:")?, line("VmHWM:")?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn files_in_folders_count_and_holes_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let empty = disk_bytes(dir.path()).unwrap();
        fs::create_dir(dir.path().join("inner")).unwrap();
        let full = fs::File::create(dir.path().join("inner/full")).unwrap();
        std::io::Write::write_all(&mut &full, &[1; 1 << 20]).unwrap();
        full.sync_all().unwrap();
        let hole = fs::File::create(dir.path().join("hole")).unwrap();
        hole.set_len(1 << 30).unwrap();
        let bytes = disk_bytes(dir.path()).unwrap() - empty;
        assert!((1 << 20..1 << 21).contains(&bytes), "{bytes}");
    }

    #[test]
    fn memory_is_some_and_at_most_its_peak() {
        let (now, peak) = resident_bytes().unwrap();
        assert!(now > 100_000 && now <= peak, "{now} {peak}");
    }

    #[test]
    fn the_time_of_a_busy_loop_is_cpu_time_and_that_of_sleep_is_not() {
        let ((), sleeping) = timed(|| std::thread::sleep(Duration::from_millis(50)));
        assert!(sleeping.wall >= 0.05);
        let (_, busy) = timed(|| (0..5_000_000_u64).fold(1, |a, b| std::hint::black_box(a ^ b)));
        assert!(busy.cpu > 0.0 && busy.wall > 0.0);
    }
}
