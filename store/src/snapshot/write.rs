//! Writing a snapshot from a checkpoint. The checkpoint stays as it is while it is read, and blocks go on beside.

use super::{
    CHUNKS, HEADERS, MANIFEST, Progress, Report, SnapshotFailed, Summary, chunk_path, fault,
};
use crate::checkpoint::Base;
use crate::failed::StorageFailed;
use crate::lock::read;
use crate::tip::Tip;
use crate::view::View;
use parity_scale_codec::Encode;
use sapwood_account_tree::Key;
use sapwood_account_tree::snapshot::{self, Block, ChunkRef, Unwritten};
use sapwood_primitives::{BlockId, Hash, Height};
use std::fs::{DirBuilder, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

impl View {
    /// The block whose state a snapshot that is begun now would hold.
    pub fn checkpoint(&self) -> Tip {
        read(&self.live).base().tip()
    }

    /// How long the last checkpoint took to write, if one was written since the store was opened.
    pub fn checkpoint_took(&self) -> Option<Duration> {
        read(&self.live).checkpoint_took()
    }

    /// Writes a snapshot of the last checkpoint's state into a directory that is made for it. It bears its name when it is whole; before, a name with `.partial` behind.
    ///
    /// # Errors
    /// [`SnapshotFailed`]. What was written so far stays under the name with `.partial`, which the next attempt takes over.
    pub fn write_snapshot(
        &self,
        genesis: &BlockId,
        directory: &Path,
        report: Report<'_>,
    ) -> Result<Summary, SnapshotFailed> {
        let base = Arc::clone(read(&self.live).base());
        if directory.exists() {
            return Err(SnapshotFailed::Exists(directory.to_owned()));
        }
        let mut partial = directory.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        make(&partial.join(CHUNKS))?;
        remove_chunks(&partial.join(CHUNKS))?;
        let mut summary = write_state(&base, genesis, &partial, report)?;
        summary.bytes += write_headers(&base, &partial)?;
        sync(&partial.join(CHUNKS))?;
        sync(&partial)?;
        std::fs::rename(&partial, directory).map_err(fault("move into place", directory))?;
        match directory
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            Some(parent) => sync(parent)?,
            None => sync(Path::new("."))?,
        }
        Ok(summary)
    }
}

fn make(path: &Path) -> Result<(), SnapshotFailed> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.map_err(fault("make", path))
}

/// Removes what an attempt left that was given up: its chunks may be of another state.
fn remove_chunks(directory: &Path) -> Result<(), SnapshotFailed> {
    for entry in std::fs::read_dir(directory).map_err(fault("list", directory))? {
        let path = entry.map_err(fault("list", directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.parse::<Hash>().is_ok()) {
            std::fs::remove_file(&path).map_err(fault("remove", &path))?;
        }
    }
    Ok(())
}

fn sync(path: &Path) -> Result<(), SnapshotFailed> {
    let directory = File::open(path).map_err(fault("open", path))?;
    directory.sync_all().map_err(fault("sync", path))
}

/// Writes a file durably.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), SnapshotFailed> {
    let mut file = File::create(path).map_err(fault("make", path))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(fault("write", path))
}

/// Writes chunks and manifest.
fn write_state(
    base: &Base,
    genesis: &BlockId,
    directory: &Path,
    report: Report<'_>,
) -> Result<Summary, SnapshotFailed> {
    let tip = base.tip();
    let block = Block {
        genesis: genesis.0,
        id: tip.id.0,
        height: tip.height.get(),
    };
    let total = base.len() as u64;
    let (mut leaves, mut chunks, mut bytes) = (0, 0, 0);
    let rows = base.all_rows().map(|row| {
        let (key, value) = row.map_err(StorageFailed::from)?;
        leaves += 1;
        if leaves % 10_000 == 0 {
            report(Progress {
                done: leaves,
                total: Some(total),
            });
        }
        Ok((Key(key.0), value))
    });
    let store = |chunk: &ChunkRef, content: &[u8]| {
        chunks += 1;
        bytes += content.len() as u64;
        write_file(&chunk_path(directory, &chunk.hash.0), content)
    };
    let rows = rows.map(|row| row.map_err(|failed: StorageFailed| SnapshotFailed::Storage(failed)));
    let written = snapshot::write(&block, rows, store);
    let (manifest, root) = written.map_err(|unwritten| match unwritten {
        Unwritten::Failed(failed) => failed,
        other => StorageFailed::new("writing a snapshot", other).into(),
    })?;
    if root.0 != tip.state_root.0 {
        return Err(StorageFailed::new(
            "writing a snapshot",
            "damaged: the rows are not the state that the checkpoint's header names",
        )
        .into());
    }
    let path = directory.join(MANIFEST);
    write_file(&path, &manifest)?;
    Ok(Summary {
        height: tip.height,
        block: tip.id,
        state_root: tip.state_root,
        leaves,
        chunks,
        bytes: bytes + manifest.len() as u64,
    })
}

/// Writes the headers from the genesis to the checkpoint's block, and gives their bytes.
fn write_headers(base: &Base, directory: &Path) -> Result<u64, SnapshotFailed> {
    let path = directory.join(HEADERS);
    let mut file = BufWriter::new(File::create(&path).map_err(fault("make", &path))?);
    let mut written = 0;
    for height in 0..=base.tip().height.get() {
        let header = base.header(Height::new(height))?;
        let header = header.ok_or_else(|| {
            StorageFailed::new(
                "writing a snapshot",
                format!("damaged: no header at height {height}"),
            )
        })?;
        let bytes = header.encode();
        written += bytes.len() as u64;
        file.write_all(&bytes).map_err(fault("write", &path))?;
    }
    let file = file
        .into_inner()
        .map_err(|e| fault("write", &path)(e.into_error()))?;
    file.sync_all().map_err(fault("sync", &path))?;
    Ok(written)
}
