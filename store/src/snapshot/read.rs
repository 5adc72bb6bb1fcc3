//! Checking a snapshot: everything in it is held against the proof of work of its headers, and nothing against the word of who wrote it.

use super::{
    HEADERS, MANIFEST, Progress, Report, SEALED_BYTES, SnapshotFailed, Summary, chunk_path, fault,
    key_of,
};
use sapwood_account_tree::Key;
use sapwood_account_tree::snapshot::{MAX_CHUNK_BYTES, MAX_MANIFEST_BYTES, Manifest};
use sapwood_primitives::{Amount, BlockId, Chain, Hash, Height, Leaf, SealedHeader, codec};
use sapwood_runtime::{Link, check_header, genesis};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Checks all of a snapshot of `chain`.
///
/// That its headers are those of the heaviest branch is not shown: compare the block with what a node says.
///
/// # Errors
/// [`SnapshotFailed`] names the file and what is wrong with it.
pub fn verify(
    directory: &Path,
    chain: &Chain,
    report: Report<'_>,
) -> Result<Summary, SnapshotFailed> {
    let opened = Opened::open(directory)?;
    let read = opened.check(chain, &mut |_| Ok(()))?;
    read.rows(report, &mut |_, _, _| Ok(()))
}

/// Told each header, lowest first.
pub(super) type OnHeader<'a> = &'a mut dyn FnMut(&SealedHeader) -> Result<(), SnapshotFailed>;

/// Told each row, by rising key.
pub(super) type OnRow<'a> = &'a mut dyn FnMut(Hash, &Leaf, &[u8]) -> Result<(), SnapshotFailed>;

/// The bytes of a manifest.
pub(super) struct Opened {
    directory: PathBuf,
    manifest: Vec<u8>,
}

/// A manifest that belongs to a chain's headers.
pub(super) struct Checked<'a> {
    directory: &'a Path,
    manifest: Manifest<'a>,
    manifest_bytes: u64,
    pub(super) link: Link,
    /// Id of the block before.
    pub(super) parent: BlockId,
}

impl Opened {
    pub(super) fn open(directory: &Path) -> Result<Self, SnapshotFailed> {
        let path = directory.join(MANIFEST);
        Ok(Self {
            manifest: read_file(&path, MAX_MANIFEST_BYTES)?,
            directory: directory.to_owned(),
        })
    }

    /// Reads manifest and headers, and holds them against each other and the chain.
    pub(super) fn check(
        &self,
        chain: &Chain,
        on_header: OnHeader<'_>,
    ) -> Result<Checked<'_>, SnapshotFailed> {
        let path = self.directory.join(MANIFEST);
        let manifest = Manifest::read(&self.manifest, key_of);
        let manifest = manifest.map_err(|source| SnapshotFailed::Manifest {
            path: path.clone(),
            source,
        })?;
        let unfit = |what: String| SnapshotFailed::Unfit {
            path: path.clone(),
            what,
        };
        let start = genesis(chain).map_err(|e| unfit(e.to_string()))?;
        let block = manifest.block();
        if block.genesis != start.link.id.0 {
            let found = BlockId(block.genesis);
            return Err(unfit(format!(
                "it belongs to another chain (genesis {found}, not {}); name its chain",
                start.link.id
            )));
        }
        let (link, parent) = self.headers(chain, Height::new(block.height), on_header)?;
        if link.id.0 != block.id {
            return Err(unfit(
                "its block is not the last of the headers; fetch it again".into(),
            ));
        }
        if link.state_root.0 != manifest.root().0 {
            return Err(unfit(
                "it does not lead to the state root of its block; fetch it elsewhere".into(),
            ));
        }
        Ok(Checked {
            directory: &self.directory,
            manifest,
            manifest_bytes: self.manifest.len() as u64,
            link,
            parent,
        })
    }

    /// Checks the headers up to a height, each beside its parent.
    fn headers(
        &self,
        chain: &Chain,
        last: Height,
        on_header: OnHeader<'_>,
    ) -> Result<(Link, BlockId), SnapshotFailed> {
        let path = self.directory.join(HEADERS);
        let file = File::open(&path).map_err(fault("open", &path))?;
        let unfit = |what: &str| SnapshotFailed::Unfit {
            path: path.clone(),
            what: what.to_owned(),
        };
        let length = file.metadata().map_err(fault("look at", &path))?.len();
        let count = last.get().checked_add(1);
        if count.and_then(|count| count.checked_mul(SEALED_BYTES as u64)) != Some(length) {
            return Err(unfit(
                "its length does not fit the height of the manifest; fetch it again",
            ));
        }
        let start = genesis(chain).map_err(|e| unfit(&e.to_string()))?;
        let mut file = BufReader::new(file);
        let (mut link, mut parent) = (start.link, start.block.header.header.parent);
        for height in 0..=last.get() {
            let mut bytes = [0; SEALED_BYTES];
            file.read_exact(&mut bytes).map_err(fault("read", &path))?;
            let header: SealedHeader = codec::read(&bytes)
                .map_err(|e| unfit(&format!("the header at height {height}: {e}")))?;
            if height == 0 {
                if header.id() != link.id {
                    return Err(unfit("it begins with another genesis"));
                }
            } else {
                parent = link.id;
                link = check_header(chain, &link, &header).map_err(|source| {
                    SnapshotFailed::Header {
                        path: path.clone(),
                        height: Height::new(height),
                        source,
                    }
                })?;
            }
            on_header(&header)?;
        }
        Ok((link, parent))
    }
}

impl Checked<'_> {
    /// Checks every chunk and gives all rows in the order of their keys; then holds the sums against what every state has.
    pub(super) fn rows(
        &self,
        report: Report<'_>,
        on_row: OnRow<'_>,
    ) -> Result<Summary, SnapshotFailed> {
        let mut pass = Pass {
            on_row,
            report,
            leaves: 0,
            coins: 0,
        };
        let mut single = self.manifest.rows().iter().peekable();
        let mut bytes = self.manifest_bytes;
        let mut lengths = Vec::with_capacity(self.manifest.chunks().len());
        for chunk in self.manifest.chunks() {
            while let Some(row) = single.next_if(|row| row.key < chunk.path) {
                pass.row(&row.key, row.value)?;
            }
            let path = chunk_path(self.directory, &chunk.hash.0);
            let content = read_file(&path, MAX_CHUNK_BYTES)?;
            let rows = chunk.check(&content, key_of);
            let rows = rows.map_err(|source| SnapshotFailed::Chunk {
                path,
                source: Box::new(source),
            });
            for row in rows? {
                pass.row(&row.key, row.value)?;
            }
            bytes += content.len() as u64;
            lengths.push(content.len());
        }
        for row in single {
            pass.row(&row.key, row.value)?;
        }
        self.manifest
            .check_lengths(&lengths)
            .map_err(|source| SnapshotFailed::Manifest {
                path: self.directory.join(MANIFEST),
                source,
            })?;
        if pass.coins != u128::from(Amount::SUPPLY.drops()) {
            return Err(SnapshotFailed::Unfit {
                path: self.directory.join(MANIFEST),
                what: "the coins of all leaves are not the supply; fetch the snapshot elsewhere"
                    .into(),
            });
        }
        let header_bytes = (self.link.height.get() + 1) * SEALED_BYTES as u64;
        Ok(Summary {
            height: self.link.height,
            block: self.link.id,
            state_root: self.link.state_root,
            leaves: pass.leaves,
            chunks: self.manifest.chunks().len() as u64,
            bytes: bytes + header_bytes,
        })
    }
}

/// What is summed over the rows.
struct Pass<'a, 'b> {
    on_row: OnRow<'a>,
    report: Report<'b>,
    leaves: u64,
    coins: u128,
}

impl Pass<'_, '_> {
    fn row(&mut self, key: &Key, value: &[u8]) -> Result<(), SnapshotFailed> {
        let leaf: Leaf = codec::read(value).expect("its key was computed from the leaf");
        self.leaves += 1;
        self.coins += u128::from(leaf.coins().drops());
        if self.leaves.is_multiple_of(10_000) {
            (self.report)(Progress {
                done: self.leaves,
                total: None,
            });
        }
        (self.on_row)(Hash(key.0), &leaf, value)
    }
}

/// A whole file, refused unread if it is longer than it can be.
fn read_file(path: &Path, limit: usize) -> Result<Vec<u8>, SnapshotFailed> {
    let file = File::open(path).map_err(fault("open", path))?;
    let mut bytes = Vec::new();
    // One byte more than allowed is enough for its reader to see that it is too long.
    let read = file.take(limit as u64 + 1).read_to_end(&mut bytes);
    read.map_err(fault("read", path))?;
    Ok(bytes)
}
