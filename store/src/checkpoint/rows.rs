//! The files of rows that a checkpoint lists: when the next one is a delta, when runs are merged, and when their files go.
//!
//! A delta costs what it holds. Many of them make reading slow, and rows that were replaced take space; so deltas are merged into one once there are too many, and all
//! runs into a new base once the deltas are large beside it. A row is thus written about five times, always in order.

use crate::disk::Disk;
use crate::failed::StorageFailed;
use crate::memtable::{Memtable, Row};
use crate::runs::{Merge, Run, RunWriter, Runs, run_name, run_number};
use sapwood_primitives::{BlockId, Hash};
use std::collections::BTreeSet;
use std::io;
use std::iter::Peekable;
use std::sync::Arc;

/// Most deltas beside a base: each is asked for a row that only an older run has.
const MOST_DELTAS: usize = 8;

/// The deltas become part of the base when they have more than this part of its rows: a quarter.
const BASE_PER_DELTA: usize = 4;

/// Writes the rows of a memtable over those of `old`, and gives the runs of the state that then is, which has so many rows. The new file is durable under its name.
pub(super) fn write_rows(
    disk: &dyn Disk,
    genesis: &BlockId,
    old: &Runs,
    memtable: &Memtable,
    rows: usize,
) -> Result<Runs, StorageFailed> {
    let old: Vec<Arc<Run>> = old.iter().cloned().collect();
    if memtable.rows.is_empty() {
        return Ok(Runs::new(old));
    }
    let (kept, merged) = old.split_at(runs_kept(&old, memtable.rows.len()));
    let number = next_number(disk, &old).map_err(failed("listing", "the store's files"))?;
    let name = run_name(number);
    let most = merged.iter().map(|run| run.rows()).sum::<usize>() + memtable.rows.len();
    let mapped = (!kept.is_empty()).then_some(most);
    let fail = failed("writing", &name);
    let mut writer = RunWriter::begin(disk, number, genesis, mapped).map_err(&fail)?;
    let mut written = 0;
    let mut push = |key: &Hash, value: Option<&[u8]>| {
        // Where no older run is left, nothing needs to say that a row is gone.
        if value.is_none() && kept.is_empty() {
            return Ok(());
        }
        written += 1;
        writer.push(key, value).map_err(&fail)
    };
    let mut changed = memtable.rows.iter().peekable();
    let mut merge = Merge::all(merged);
    while let Some((key, value)) = merge.next_row()? {
        push_before(&mut changed, &key, &mut push)?;
        match changed.next_if(|(changed, _)| **changed == key) {
            Some((_, value)) => push(&key, value.as_deref())?,
            None => push(&key, value)?,
        }
    }
    for (key, value) in changed {
        push(key, value.as_deref())?;
    }
    if kept.is_empty() && written != rows {
        let reason = format!("damaged: {written} rows are there, and the state has {rows}");
        return Err(StorageFailed::new("merging the checkpoint's rows", reason));
    }
    let run = writer.finish().map_err(&fail)?;
    disk.sync().map_err(failed("naming", &name))?;
    tracing::debug!(
        file = name,
        rows = run.rows(),
        runs = merged.len(),
        "rows are written and runs merged"
    );
    let kept = kept.iter().cloned();
    Ok(Runs::new(kept.chain([Arc::new(run)]).collect()))
}

/// Pushes what changed below a key.
fn push_before<'a>(
    changed: &mut Peekable<impl Iterator<Item = (&'a Hash, &'a Option<Row>)>>,
    key: &Hash,
    push: &mut impl FnMut(&Hash, Option<&[u8]>) -> Result<(), StorageFailed>,
) -> Result<(), StorageFailed> {
    while let Some((key, value)) = changed.next_if(|(changed, _)| *changed < key) {
        push(key, value.as_deref())?;
    }
    Ok(())
}

/// How many of the oldest runs stay as they are when so many rows come; the others are merged with these rows into the new one.
fn runs_kept(runs: &[Arc<Run>], rows: usize) -> usize {
    let Some((base, deltas)) = runs.split_first() else {
        return 0;
    };
    let changed = deltas.iter().map(|run| run.rows()).sum::<usize>() + rows;
    if changed > base.rows() / BASE_PER_DELTA {
        0
    } else if deltas.len() >= MOST_DELTAS {
        1
    } else {
        runs.len()
    }
}

/// A number above that of every run, also of those that a crash has left.
fn next_number(disk: &dyn Disk, runs: &[Arc<Run>]) -> io::Result<u32> {
    let listed = runs.iter().map(|run| run.number());
    let there = disk.list()?;
    let there = there.iter().filter_map(|name| run_number(name));
    let last = listed.chain(there).max();
    let next = last.map_or(Some(0), |last| last.checked_add(1));
    next.ok_or_else(|| io::Error::other("the numbers of files of rows are used up"))
}

/// Removes the files of all other runs: those that a commit which is durable does not list any more, and those that a crash has left.
pub(super) fn remove_others(disk: &dyn Disk, runs: &Runs) -> Result<(), StorageFailed> {
    let listed: BTreeSet<u32> = runs.listed().map(|(number, _)| number).collect();
    let remove = || {
        for name in disk.list()? {
            if run_number(&name).is_some_and(|number| !listed.contains(&number)) {
                disk.remove(&name)?;
            }
        }
        Ok::<_, io::Error>(())
    };
    remove().map_err(failed("removing", "files of rows"))
}

fn failed(attempt: &str, what: &str) -> impl Fn(io::Error) -> StorageFailed + use<> {
    let attempt = format!("{attempt} {what}");
    move |error| StorageFailed::new(attempt.clone(), error)
}
