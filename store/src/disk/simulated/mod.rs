//! A disk in memory that can lose power, for tests.
//!
//! It keeps for every file what is durable and the changes since, as they were asked for, and the same for the names. [`Simulated::power_cut`] makes a disk on which each
//! of those changes was kept, dropped or torn at the borders of sectors, in any order. It is harsher than a file system with a journal, so what survives here does not
//! lean on one.

mod cut;
mod image;

use super::{Disk, DiskFile, OpenMode};
use cut::{Change, NameChange, Names, Random};
use image::Image;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a [`Simulated`] disk stops doing its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is full. Of a write a part may be done.
    NoSpace,
    /// It reports errors. Of a write a part may be done; a sync may make any part durable, and what it did not is never written any more, although it can be read.
    Io,
    /// The first operation is under way when the process ends: whether it has an effect is for [`Simulated::power_cut`] to say. Later ones have none.
    Stop,
}

/// A disk in memory; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Simulated(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    names: Names,
    durable_names: Names,
    name_changes: Vec<NameChange>,
    files: BTreeMap<u64, FileState>,
    operations: u64,
    plan: Option<Plan>,
}

#[derive(Debug, Default)]
struct FileState {
    now: Image,
    durable: Image,
    pending: Vec<Change>,
}

/// What is to fail, and when.
#[derive(Clone, Debug)]
struct Plan {
    from: u64,
    fault: Fault,
    random: Random,
}

/// Whether an operation is done.
enum Verdict {
    Done,
    /// The process ends in it.
    UnderWay,
    Failed(Fault, Random),
    Gone,
}

/// An open file of a [`Simulated`] disk.
#[derive(Debug)]
struct SimulatedFile {
    name: String,
    id: u64,
    disk: Simulated,
}

impl Simulated {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes and syncs that were asked for so far, of files and names; reading is not counted.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets every operation from the `first` on (counted as in [`Self::operations`], from 0) fail. Reading goes on. The seed decides what failing operations did in part.
    pub fn fail_from(&self, first: u64, fault: Fault, seed: u64) {
        let random = Random(seed);
        self.state().plan = Some(Plan {
            from: first,
            fault,
            random,
        });
    }

    /// Lets operations succeed again.
    pub fn heal(&self) {
        self.state().plan = None;
    }

    /// The disk as it may be after the power went now; the same seed gives the same disk. This one stays as it is.
    pub fn power_cut(&self, seed: u64) -> Self {
        let state = self.state();
        let mut random = Random(seed);
        let mood = cut::mood(&mut random);
        let mut names = state.durable_names.clone();
        for change in &state.name_changes {
            if random.percent(mood) {
                change.apply(&mut names);
            }
        }
        let files = names.values().map(|id| {
            let file = &state.files[id];
            let image = cut::file(&file.durable, &file.pending, &mut random, mood);
            (*id, FileState::durable(image))
        });
        Self(Arc::new(Mutex::new(State {
            files: files.collect(),
            durable_names: names.clone(),
            names,
            ..State::default()
        })))
    }

    /// The disk after everything was synced, as an independent copy.
    pub fn copy(&self) -> Self {
        let state = self.state();
        let files = state
            .files
            .iter()
            .map(|(id, file)| (*id, FileState::durable(file.now.clone())));
        Self(Arc::new(Mutex::new(State {
            names: state.names.clone(),
            durable_names: state.names.clone(),
            files: files.collect(),
            ..State::default()
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileState {
    fn durable(image: Image) -> Self {
        Self {
            now: image.clone(),
            durable: image,
            pending: Vec::new(),
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.pending.push(change);
    }
}

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{name}: no such file"))
}

fn failure(name: &str, fault: Fault) -> io::Error {
    match fault {
        Fault::NoSpace => io::Error::new(
            io::ErrorKind::StorageFull,
            format!("{name}: no space left on the simulated disk"),
        ),
        Fault::Io => io::Error::other(format!("{name}: error of the simulated disk")),
        Fault::Stop => io::Error::other(format!("{name}: the simulated process has ended")),
    }
}

impl State {
    /// Counts an operation and says whether it is done.
    fn verdict(&mut self) -> Verdict {
        let number = self.operations;
        self.operations += 1;
        match &mut self.plan {
            Some(plan) if number >= plan.from => match plan.fault {
                Fault::Stop if number == plan.from => Verdict::UnderWay,
                Fault::Stop => Verdict::Gone,
                fault => Verdict::Failed(fault, Random(plan.random.next())),
            },
            _ => Verdict::Done,
        }
    }

    fn change_names(&mut self, name: &str, change: NameChange) -> io::Result<()> {
        let fault = match self.verdict() {
            Verdict::Done => None,
            Verdict::UnderWay => Some(Fault::Stop),
            Verdict::Failed(fault, _) => return Err(failure(name, fault)),
            Verdict::Gone => return Err(failure(name, Fault::Stop)),
        };
        change.apply(&mut self.names);
        self.name_changes.push(change);
        fault.map_or(Ok(()), |fault| Err(failure(name, fault)))
    }

    fn change(&mut self, id: u64, name: &str, change: Change) -> io::Result<()> {
        let verdict = self.verdict();
        let file = self.files.get_mut(&id).expect("files are never forgotten");
        match verdict {
            Verdict::Done => file.change(change),
            Verdict::UnderWay => {
                file.change(change);
                return Err(failure(name, Fault::Stop));
            }
            Verdict::Failed(fault, mut random) => {
                if let Change::Write { offset, bytes } = change {
                    let done = random.below(bytes.len() as u64 + 1);
                    let bytes = bytes[..usize::try_from(done).expect("in memory")].into();
                    file.change(Change::Write { offset, bytes });
                }
                return Err(failure(name, fault));
            }
            Verdict::Gone => return Err(failure(name, Fault::Stop)),
        }
        Ok(())
    }

    fn sync(&mut self, id: u64, name: &str) -> io::Result<()> {
        let verdict = self.verdict();
        let file = self.files.get_mut(&id).expect("files are never forgotten");
        match verdict {
            Verdict::Done => {
                for change in file.pending.drain(..) {
                    change.apply(&mut file.durable);
                }
                Ok(())
            }
            Verdict::UnderWay | Verdict::Gone => Err(failure(name, Fault::Stop)),
            Verdict::Failed(fault, mut random) => {
                // As Linux does: a page whose writing failed counts as written.
                let mood = cut::mood(&mut random);
                file.durable = cut::file(&file.durable, &file.pending, &mut random, mood);
                file.pending.clear();
                Err(failure(name, fault))
            }
        }
    }
}

impl Disk for Simulated {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        let found = state.names.get(name).copied();
        let id = match (mode, found) {
            (OpenMode::Existing, Some(id)) => id,
            (OpenMode::Existing, None) => return Err(missing(name)),
            (OpenMode::Create, Some(_)) => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    format!("{name}: the name is taken"),
                ));
            }
            (OpenMode::Create, None) => {
                let id = state.files.last_key_value().map_or(0, |(id, _)| id + 1);
                state.files.insert(id, FileState::default());
                state.change_names(name, NameChange::Create(name.to_owned(), id))?;
                id
            }
        };
        Ok(Arc::new(SimulatedFile {
            name: name.to_owned(),
            id,
            disk: self.clone(),
        }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let id = *state.names.get(name).ok_or_else(|| missing(name))?;
        state.change_names(name, NameChange::Remove(name.to_owned(), id))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let id = *state.names.get(from).ok_or_else(|| missing(from))?;
        state.change_names(from, NameChange::Rename(from.to_owned(), to.to_owned(), id))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        match state.verdict() {
            Verdict::Done => {
                state.name_changes.clear();
                state.durable_names = state.names.clone();
                Ok(())
            }
            Verdict::Failed(fault, _) => Err(failure("the directory", fault)),
            Verdict::UnderWay | Verdict::Gone => Err(failure("the directory", Fault::Stop)),
        }
    }
}

impl DiskFile for SimulatedFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[&self.id].now.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.disk.state().files[&self.id].now.read(offset, out) {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{}: the file ends before byte {offset}", self.name),
            )),
        }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let bytes = bytes.into();
        let change = Change::Write { offset, bytes };
        self.disk.state().change(self.id, &self.name, change)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let change = Change::SetLen(len);
        self.disk.state().change(self.id, &self.name, change)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let change = Change::Allocate(len);
        self.disk.state().change(self.id, &self.name, change)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.state().sync(self.id, &self.name)
    }
}
