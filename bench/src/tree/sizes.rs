//! What a row takes on the disk and an account in memory.

use super::base::Loaded;
use super::memory::Rows;
use crate::report::Report;
use crate::store::Copy;
use sapwood_account_tree::Mode;
use sapwood_store::{Config, Store, snapshot};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The bytes of a block of the disk, as the system counts them.
const SECTOR: u64 = 512;

/// Writes a snapshot of a store, makes a store of it, and looks how much the disk gave it.
pub(crate) fn disk(loaded: &Loaded, report: &mut Report) -> Result<(), String> {
    let scratch = loaded.data.with_extension("snapshot");
    remove(&scratch)?;
    fs::create_dir_all(&scratch).map_err(|e| e.to_string())?;
    let (files, data) = (scratch.join("files"), scratch.join("data"));
    let genesis = sapwood_runtime::genesis(&loaded.chain).map_err(|e| e.to_string())?;
    {
        let copy = Copy::of(&loaded.directory(), &loaded.chain, Config::default())?;
        let view = copy.store.view();
        view.write_snapshot(&genesis.link.id, &files, &mut |_| ())
            .map_err(|e| e.to_string())?;
    }
    let summary =
        snapshot::import(&files, &data, &loaded.chain, &mut |_| ()).map_err(|e| e.to_string())?;
    let store = Store::directory_in(&data);
    // The checkpoint is its redb file and the files of rows that this names.
    let (mut rows, mut all) = (0, 0);
    for entry in fs::read_dir(&store).map_err(|e| e.to_string())? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let bytes = allocated(&path)?;
        all += bytes;
        if path
            .extension()
            .is_some_and(|ending| ending == "redb" || ending == "rows")
        {
            rows += bytes;
        }
    }
    report.note(&format!(
        "tree_disk_row: {} leaves; checkpoint {:.1} MB, whole store {:.1} MB, snapshot {:.1} MB",
        summary.leaves,
        rows as f64 / 1e6,
        all as f64 / 1e6,
        summary.bytes as f64 / 1e6,
    ));
    let each = rows as f64 / summary.leaves as f64;
    report.bounded("tree_disk_row", each, "bytes a row");
    remove(&scratch)
}

fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Bytes of the disk that a file has.
fn allocated(path: &Path) -> Result<u64, String> {
    let metadata = fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(metadata.blocks() * SECTOR)
}

/// What a tree of so many accounts says that it holds. `suffix` goes behind the figures' names.
pub(crate) fn memory(accounts: u64, suffix: &str, report: &mut Report) {
    let rows = Rows::loaded(accounts);
    for (name, mode) in [("tree_ram_fast", Mode::Fast), ("tree_ram_lean", Mode::Lean)] {
        let each = rows.tree(mode).memory() as f64 / accounts as f64;
        report.bounded(&format!("{name}{suffix}"), each, "bytes an account");
    }
}
