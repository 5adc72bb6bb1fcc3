//! Where every change of a wallet's files is announced before it is made.
//!
//! Outside of tests this is nothing. In tests the changes of a thread are recorded, and refused from a chosen one on, as if the computer
//! had stopped there; [`Recording::after_power_cut`] then gives what a disk may hold that was promised only what was synced.

use std::path::Path;

#[cfg(not(test))]
use rustix::io::Errno;

/// A change of one file or folder.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "the recorder of the tests is who reads them")
)]
pub(super) enum Change<'a> {
    /// A folder is made.
    Folder(&'a Path),
    /// An empty file is made.
    Create(&'a Path),
    /// Its content is written.
    Write(&'a Path),
    /// Its content is synced.
    Sync(&'a Path),
    /// It gets another name, in one step.
    Rename(&'a Path, &'a Path),
    /// It is removed.
    Remove(&'a Path),
    /// The names in a folder are synced.
    SyncFolder(&'a Path),
}

/// Announces a change that is made next.
///
/// # Errors
/// In tests, if the simulated computer has stopped.
#[cfg(not(test))]
#[inline]
pub(super) fn announce(change: Change<'_>) -> Result<(), Errno> {
    let _ = change;
    Ok(())
}

#[cfg(test)]
pub(super) use recorder::announce;
#[cfg(test)]
pub(crate) use recorder::{Recording, note, record, stopped, written};

#[cfg(test)]
mod recorder {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use rustix::io::Errno;

    use super::Change;

    /// Bytes that a disk writes in one piece.
    const SECTOR: usize = 512;

    #[derive(Clone, Debug)]
    enum Step {
        Folder(PathBuf),
        Create(PathBuf),
        Write(PathBuf, Vec<u8>),
        Sync(PathBuf),
        Rename(PathBuf, PathBuf),
        Remove(PathBuf),
        SyncFolder(PathBuf),
        /// Something outside that happened in between, such as an answer to a person.
        Note(String),
    }

    thread_local! {
        static RECORDING: RefCell<Option<Recording>> = const { RefCell::new(None) };
    }

    /// The changes of this thread, from a known state on.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Recording {
        root: PathBuf,
        /// Files that were on disk before.
        before: BTreeMap<PathBuf, Vec<u8>>,
        steps: Vec<Step>,
        /// Number of the step that is not made any more.
        stop: Option<usize>,
    }

    /// Runs `work` and records what it changes under `root`; from step `stop` on every change fails.
    pub(crate) fn record<T>(
        root: &Path,
        stop: Option<usize>,
        work: impl FnOnce() -> T,
    ) -> (T, Recording) {
        let mut recording = Recording {
            root: root.to_owned(),
            stop,
            ..Recording::default()
        };
        recording.load(root);
        RECORDING.with_borrow_mut(|current| *current = Some(recording));
        let result = work();
        let recording = RECORDING.with_borrow_mut(Option::take).unwrap();
        (result, recording)
    }

    /// Whether the simulated computer has stopped: nothing happens outside any more, either.
    pub(crate) fn stopped() -> bool {
        RECORDING.with_borrow(|recording| recording.as_ref().is_some_and(Recording::has_stopped))
    }

    /// Writes down what happened outside; nothing while nobody records.
    pub(crate) fn note(what: impl Into<String>) {
        RECORDING.with_borrow_mut(|recording| {
            if let Some(recording) = recording {
                recording.steps.push(Step::Note(what.into()));
            }
        });
    }

    /// Writes down the content that a file was given.
    pub(crate) fn written(path: &Path) {
        RECORDING.with_borrow_mut(|recording| {
            let steps = recording
                .iter_mut()
                .flat_map(|recording| &mut recording.steps);
            if let Some(Step::Write(_, content)) = steps.last() {
                *content = fs::read(path).unwrap();
            }
        });
    }

    pub(crate) fn announce(change: Change<'_>) -> Result<(), Errno> {
        RECORDING.with_borrow_mut(|recording| {
            let Some(recording) = recording else {
                return Ok(());
            };
            if recording.has_stopped() {
                return Err(Errno::IO);
            }
            recording.steps.push(match change {
                Change::Folder(path) => Step::Folder(path.to_owned()),
                Change::Create(path) => Step::Create(path.to_owned()),
                Change::Write(path) => Step::Write(path.to_owned(), Vec::new()),
                Change::Sync(path) => Step::Sync(path.to_owned()),
                Change::Rename(from, to) => Step::Rename(from.to_owned(), to.to_owned()),
                Change::Remove(path) => Step::Remove(path.to_owned()),
                Change::SyncFolder(path) => Step::SyncFolder(path.to_owned()),
            });
            Ok(())
        })
    }

    /// A file without a name: what is on disk for certain, and what was written since.
    #[derive(Clone, Default)]
    struct Node {
        synced: Vec<u8>,
        written: Option<Vec<u8>>,
    }

    /// A change of names that may not be on disk yet.
    enum Entry {
        Put(PathBuf, usize),
        Move(PathBuf, PathBuf, usize),
        Gone(PathBuf),
    }

    impl Entry {
        fn folder(&self) -> &Path {
            let (Self::Put(path, _) | Self::Move(_, path, _) | Self::Gone(path)) = self;
            path.parent().unwrap()
        }
    }

    impl Recording {
        fn load(&mut self, folder: &Path) {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => self.load(&path),
                    false if path.extension().is_some_and(|end| end == "lock") => {}
                    false => drop(self.before.insert(path.clone(), fs::read(&path).unwrap())),
                }
            }
        }

        fn has_stopped(&self) -> bool {
            self.stop.is_some_and(|stop| self.steps.len() >= stop)
        }

        /// How many steps there are.
        pub(crate) fn len(&self) -> usize {
            self.steps.len()
        }

        /// What happened outside before step `cut`.
        pub(crate) fn notes(&self, cut: usize) -> impl DoubleEndedIterator<Item = &str> {
            self.steps[..cut].iter().filter_map(|step| match step {
                Step::Note(what) => Some(&**what),
                _ => None,
            })
        }

        /// The files that a disk may hold if the power went before step `cut`: what was synced, and of the rest any part, names in any
        /// order, contents in sectors of 512 bytes. `pick(n)` gives a number below n.
        pub(crate) fn after_power_cut(
            &self,
            cut: usize,
            mut pick: impl FnMut(usize) -> usize,
        ) -> BTreeMap<PathBuf, Vec<u8>> {
            let mut nodes: Vec<Node> = Vec::new();
            let (mut live, mut durable) = (BTreeMap::new(), BTreeMap::new());
            for (path, content) in &self.before {
                live.insert(path.clone(), nodes.len());
                durable.insert(path.clone(), nodes.len());
                nodes.push(Node {
                    synced: content.clone(),
                    written: None,
                });
            }
            let (mut pending, mut folders): (Vec<Entry>, Vec<PathBuf>) = (Vec::new(), Vec::new());
            for step in &self.steps[..cut] {
                match step {
                    Step::Note(_) => {}
                    Step::Folder(path) => folders.push(path.clone()),
                    Step::Create(path) => {
                        live.insert(path.clone(), nodes.len());
                        pending.push(Entry::Put(path.clone(), nodes.len()));
                        nodes.push(Node::default());
                    }
                    Step::Write(path, content) => nodes[live[path]].written = Some(content.clone()),
                    Step::Sync(path) => {
                        let node = &mut nodes[live[path]];
                        node.synced = node.written.take().unwrap_or_default();
                    }
                    Step::Rename(from, to) => {
                        let node = live.remove(from).unwrap();
                        live.insert(to.clone(), node);
                        pending.push(Entry::Move(from.clone(), to.clone(), node));
                    }
                    Step::Remove(path) => {
                        live.remove(path);
                        pending.push(Entry::Gone(path.clone()));
                    }
                    Step::SyncFolder(folder) => {
                        folders.retain(|made| made.parent() != Some(folder));
                        let (synced, rest): (Vec<_>, Vec<_>) = pending
                            .into_iter()
                            .partition(|entry| entry.folder() == folder);
                        synced
                            .into_iter()
                            .for_each(|entry| apply(&mut durable, entry));
                        pending = rest;
                    }
                }
            }
            // One cut in eight is only a process that was killed: the system writes everything in its time.
            let all = pick(8) == 0;
            for entry in pending {
                if all || pick(2) == 0 {
                    apply(&mut durable, entry);
                }
            }
            if !all {
                folders.retain(|_| pick(2) == 0);
                durable.retain(|path, _| folders.iter().all(|lost| !path.starts_with(lost)));
            }
            let content = |node: &Node| match &node.written {
                None => node.synced.clone(),
                Some(written) if all => written.clone(),
                Some(written) => torn(&node.synced, written, &mut pick),
            };
            let mut content = content;
            durable
                .iter()
                .map(|(path, node)| (path.clone(), content(&nodes[*node])))
                .collect()
        }

        /// Puts such files in the place of those that are there.
        pub(crate) fn put_on_disk(&self, files: &BTreeMap<PathBuf, Vec<u8>>, root: &Path) {
            if root.exists() {
                fs::remove_dir_all(root).unwrap();
            }
            fs::create_dir_all(root).unwrap();
            for (path, content) in files {
                let path = root.join(path.strip_prefix(&self.root).unwrap());
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, content).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
    }

    fn apply(names: &mut BTreeMap<PathBuf, usize>, entry: Entry) {
        match entry {
            Entry::Put(path, node) => drop(names.insert(path, node)),
            Entry::Move(from, to, node) => {
                names.remove(&from);
                names.insert(to, node);
            }
            Entry::Gone(path) => drop(names.remove(&path)),
        }
    }

    /// A content of which some sectors are on disk, with a length between the old and the new.
    fn torn(old: &[u8], new: &[u8], pick: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
        let length = match pick(3) {
            0 => old.len(),
            1 => new.len(),
            _ => pick(new.len() + 1),
        };
        let mut content = old.to_vec();
        content.resize(length, 0);
        for from in (0..length.min(new.len())).step_by(SECTOR) {
            let to = length.min(new.len()).min(from + SECTOR);
            match pick(3) {
                0 => content[from..to].copy_from_slice(&new[from..to]),
                1 => content[from..to].fill(0xa5),
                _ => {}
            }
        }
        content
    }
}
