//! Making a store of a snapshot. Nothing of it has the store's name before all of it was checked.

use super::read::Opened;
use super::{Report, SnapshotFailed, Summary};
use crate::log::NewBlock;
use crate::new::NewStore;
use crate::store::Store;
use sapwood_primitives::{Chain, SealedHeader};
use std::path::Path;

/// Headers that are written at a time.
const BATCH: usize = 10_000;

/// Checks a snapshot and makes the store of a data directory from it, which must not have one. Interrupted, it leaves none, and can be begun again.
///
/// # Errors
/// [`SnapshotFailed`]; the data directory has no store then.
pub fn import(
    directory: &Path,
    data: &Path,
    chain: &Chain,
    report: Report<'_>,
) -> Result<Summary, SnapshotFailed> {
    let store = Store::directory_in(data);
    if std::fs::symlink_metadata(&store).is_ok() {
        return Err(SnapshotFailed::HasStore(store));
    }
    Store::make(data, chain, |new| fill(new, directory, chain, report))
}

fn fill(
    mut new: NewStore,
    snapshot: &Path,
    chain: &Chain,
    report: Report<'_>,
) -> Result<Summary, SnapshotFailed> {
    let opened = Opened::open(snapshot)?;
    let mut headers: Vec<SealedHeader> = Vec::with_capacity(BATCH);
    let checked = opened.check(chain, &mut |header| {
        headers.push(header.clone());
        if headers.len() == BATCH {
            new.headers(&headers)?;
            headers.clear();
        }
        Ok(())
    })?;
    new.headers(&headers)?;
    let summary = checked.rows(report, &mut |key, leaf, value| {
        Ok(new.row(key, leaf, value.to_vec())?)
    })?;
    new.finish(&NewBlock {
        link: &checked.link,
        parent: checked.parent,
        txids: &[],
        bytes: &[],
    })?;
    Ok(summary)
}
