//! A file whose changes wait: until it is let go nothing is written, and if it never is, nothing ever was.
//!
//! redb writes to a file when it opens and closes it. A file that proves not to be ours, or damaged, stays as it was, and so does one of which nothing but reading was asked.

use super::DiskFile;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file with the changes that wait for it.
#[derive(Debug)]
pub(crate) struct Held {
    file: Arc<dyn DiskFile>,
    /// In their order; none once the file was let go.
    waiting: Mutex<Option<Vec<Change>>>,
}

#[derive(Debug)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
}

impl Held {
    pub(crate) fn new(file: Arc<dyn DiskFile>) -> Self {
        Self {
            file,
            waiting: Mutex::new(Some(Vec::new())),
        }
    }

    /// Makes the changes that wait, syncs between them included, and every later one at once.
    ///
    /// # Errors
    /// The file's; some of the changes are made then, as when a process is killed among them.
    pub(crate) fn let_go(&self) -> io::Result<()> {
        let mut waiting = self.waiting();
        for change in waiting.take().unwrap_or_default() {
            match change {
                Change::Write(offset, bytes) => self.file.write_at(offset, &bytes)?,
                Change::SetLen(len) => self.file.set_len(len)?,
                Change::Sync => self.file.sync()?,
            }
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Vec<Change>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a change now, or later.
    fn change(
        &self,
        change: impl FnOnce() -> Change,
        now: impl FnOnce(&dyn DiskFile) -> io::Result<()>,
    ) -> io::Result<()> {
        match &mut *self.waiting() {
            Some(waiting) => waiting.push(change()),
            None => return now(&*self.file),
        }
        Ok(())
    }
}

/// The length after changes.
fn len_after(len: u64, changes: &[Change]) -> u64 {
    changes.iter().fold(len, |len, change| match change {
        Change::Write(offset, bytes) => len.max(offset + bytes.len() as u64),
        Change::SetLen(len) => *len,
        Change::Sync => len,
    })
}

/// Puts what is written at `from` into the part of `out`, which stands at `offset`, that it covers.
fn overlay(out: &mut [u8], offset: u64, from: u64, bytes: &[u8]) {
    let start = from.max(offset);
    let end = (from + bytes.len() as u64).min(offset + out.len() as u64);
    if start < end {
        let index = |at: u64, base: u64| usize::try_from(at - base).expect("within a slice");
        out[index(start, offset)..index(end, offset)]
            .copy_from_slice(&bytes[index(start, from)..index(end, from)]);
    }
}

impl DiskFile for Held {
    fn name(&self) -> &str {
        self.file.name()
    }

    fn len(&self) -> io::Result<u64> {
        let len = self.file.len()?;
        Ok(len_after(len, self.waiting().as_deref().unwrap_or(&[])))
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let waiting = self.waiting();
        let changes = match waiting.as_deref() {
            Some(changes) if !changes.is_empty() => changes,
            _ => {
                drop(waiting);
                return self.file.read_at(offset, out);
            }
        };
        let mut len = self.file.len()?;
        if offset + out.len() as u64 > len_after(len, changes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        out.fill(0);
        let there = len.saturating_sub(offset).min(out.len() as u64);
        let there = usize::try_from(there).expect("within a slice");
        if there > 0 {
            self.file.read_at(offset, &mut out[..there])?;
        }
        for change in changes {
            match change {
                Change::Write(from, bytes) => {
                    overlay(out, offset, *from, bytes);
                    len = len.max(from + bytes.len() as u64);
                }
                Change::SetLen(new) => {
                    // What is cut off reads as zeros if the file grows again.
                    if *new < len {
                        let cut = usize::try_from(new.saturating_sub(offset)).unwrap_or(usize::MAX);
                        let cut = cut.min(out.len());
                        out[cut..].fill(0);
                    }
                    len = *new;
                }
                Change::Sync => {}
            }
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(
            || Change::Write(offset, bytes.to_vec()),
            |file| file.write_at(offset, bytes),
        )
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|| Change::SetLen(len), |file| file.set_len(len))
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let longer = len.max(self.len()?);
        self.change(|| Change::SetLen(longer), |file| file.allocate(len))
    }

    fn sync(&self) -> io::Result<()> {
        self.change(|| Change::Sync, |file| file.sync())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::disk::{Disk, OpenMode, Simulated};
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Op {
        Write(u64, Vec<u8>),
        SetLen(u64),
        Sync,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => (0u64..60, prop::collection::vec(1u8.., 1..20)).prop_map(|(at, bytes)| Op::Write(at, bytes)),
            2 => (0u64..80).prop_map(Op::SetLen),
            1 => Just(Op::Sync),
        ]
    }

    fn file(disk: &Simulated, name: &str) -> Arc<dyn DiskFile> {
        let file = disk.open(name, OpenMode::Create).unwrap();
        file.write_at(0, &[9; 40]).unwrap();
        file
    }

    fn contents(file: &dyn DiskFile) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_at(0, &mut bytes).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn it_reads_as_if_the_changes_were_made_and_makes_them_when_let_go(
            ops in prop::collection::vec(op(), 0..12), at in 0u64..80, len in 0usize..30,
        ) {
            let disk = Simulated::new();
            let (plain, under) = (file(&disk, "plain"), file(&disk, "under"));
            let held = Held::new(Arc::clone(&under));
            for op in ops {
                let apply = |file: &dyn DiskFile| match &op {
                    Op::Write(at, bytes) => file.write_at(*at, bytes).unwrap(),
                    Op::SetLen(len) => file.set_len(*len).unwrap(),
                    Op::Sync => file.sync().unwrap(),
                };
                apply(&*plain);
                apply(&held);
                prop_assert_eq!(contents(&held), contents(&*plain));
                let (mut one, mut other) = (vec![7; len], vec![7; len]);
                let read = (held.read_at(at, &mut one).is_ok(), plain.read_at(at, &mut other).is_ok());
                prop_assert_eq!(read.0, read.1);
                if read.0 {
                    prop_assert_eq!(one, other);
                }
            }
            prop_assert_eq!(contents(&*under), vec![9; 40]);
            held.let_go().unwrap();
            prop_assert_eq!(contents(&*under), contents(&*plain));
            held.write_at(1, &[5]).unwrap();
            prop_assert_eq!(contents(&*under)[1], 5);
        }
    }
}
