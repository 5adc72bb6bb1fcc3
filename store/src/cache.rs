//! The tree's leaf hashes in a file, written when a node ends in good order, so that the next start reads 40 bytes an account and no rows.
//!
//! It decides nothing: it is used if it is whole, names the checkpoint's state, and its root, computed anew, is that state's. Otherwise the rows are read.
//!
//! Form: `SAPTREE2`, state root 32 bytes, the tally of the indexes (count u64, sum u64), number of leaves u64, then for each leaf by rising key the first 8 bytes of its key and its leaf hash, then the XXH3 checksum of
//! everything before, u64. Numbers are little-endian.

use crate::checkpoint::Base;
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::load::index_tally;
use sapwood_account_tree::{NodeHash, Tree};
use std::io;
use xxhash_rust::xxh3::Xxh3;

/// The file's name.
pub(crate) const FILE: &str = "tree.cache";

/// What the file is called while it is written.
const NEW_FILE: &str = "tree.cache.new";

const MAGIC: &[u8; 8] = b"SAPTREE2";
const HEADER: usize = 8 + 32 + 16 + 8;
const ENTRY: usize = 40;

/// Entries that are read or written at a time.
const CHUNK: usize = 16_384;

/// Writes the cache. A failure is no loss: the next start reads the rows.
pub(crate) fn write(disk: &dyn Disk, base: &Base, tree: &Tree) {
    if let Err(error) = try_write(disk, base, tree) {
        tracing::warn!(%error, "the tree's cache was not written; the next start takes longer");
    }
}

fn try_write(disk: &dyn Disk, base: &Base, tree: &Tree) -> io::Result<()> {
    let Some(leaves) = tree.leaf_hashes() else {
        return Ok(());
    };
    if disk.list()?.iter().any(|name| name == NEW_FILE) {
        disk.remove(NEW_FILE)?;
    }
    let file = disk.open(NEW_FILE, OpenMode::Create)?;
    let mut out = Out {
        file: &*file,
        offset: 0,
        sum: Xxh3::new(),
        bytes: Vec::with_capacity(CHUNK * ENTRY),
    };
    out.put(MAGIC)?;
    out.put(&base.tip().state_root.0)?;
    out.put(&index_tally(base).map_err(io::Error::other)?)?;
    out.put(&(tree.len() as u64).to_le_bytes())?;
    for (tag, hash) in leaves {
        out.put(&tag.to_be_bytes())?;
        out.put(&hash.0)?;
    }
    out.finish()?;
    file.sync()?;
    disk.rename(NEW_FILE, FILE)?;
    disk.sync()
}

struct Out<'f> {
    file: &'f dyn DiskFile,
    offset: u64,
    sum: Xxh3,
    bytes: Vec<u8>,
}

impl Out<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() < CHUNK * ENTRY {
            return Ok(());
        }
        self.sum.update(&self.bytes);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(self.offset, &self.bytes)?;
        self.offset += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.sum.update(&self.bytes);
        let sum = self.sum.digest();
        self.bytes.extend_from_slice(&sum.to_le_bytes());
        self.flush()
    }
}

/// The tree of the checkpoint's state, if the cache holds it. The cache is taken away: it is of no use once a block has come.
pub(crate) fn take(disk: &dyn Disk, base: &Base) -> Option<Tree> {
    let tree = read(disk, base);
    if let Err(error) = &tree
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the tree's cache is not used; the rows are read instead");
    }
    // What cannot be removed is refused by its root next time.
    let _ = disk.remove(FILE);
    tree.ok()
}

fn read(disk: &dyn Disk, base: &Base) -> io::Result<Tree> {
    let tip = base.tip();
    let file = disk.open(FILE, OpenMode::Existing)?;
    let unfit = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut header = [0; HEADER];
    file.read_at(0, &mut header)?;
    let (magic, rest) = header.split_at(8);
    let (root, rest) = rest.split_at(32);
    let (tally, count) = rest.split_at(16);
    let count = u64::from_le_bytes(count.try_into().expect("eight bytes are left"));
    if magic != MAGIC || root != tip.state_root.0 {
        return Err(unfit("it is of another state"));
    }
    // The rows are checked by the tree when they are read; nothing else would notice rot in the indexes.
    if index_tally(base).map_err(io::Error::other)? != tally {
        return Err(unfit("it is of other indexes"));
    }
    let body = count.checked_mul(ENTRY as u64);
    if body.and_then(|body| body.checked_add(HEADER as u64 + 8)) != Some(file.len()?) {
        return Err(unfit("its length does not fit"));
    }
    let mut sum = Xxh3::new();
    sum.update(&header);
    let mut entries = Entries {
        file: &*file,
        offset: HEADER as u64,
        left: count,
        sum,
        chunk: Vec::new(),
        next: 0,
        fault: None,
    };
    let expected = usize::try_from(count).map_err(|_| unfit("it is too long"))?;
    let tree = Tree::from_leaf_hashes(expected, &mut entries);
    if let Some(fault) = entries.fault.take() {
        return Err(fault);
    }
    let mut stored = [0; 8];
    file.read_at(entries.offset, &mut stored)?;
    if u64::from_le_bytes(stored) != entries.sum.digest() {
        return Err(unfit("its checksum does not fit"));
    }
    let tree = tree.map_err(|e| unfit(&e.to_string()))?;
    match tree.root().0 == tip.state_root.0 {
        true => Ok(tree),
        false => Err(unfit("its root is another")),
    }
}

/// The entries of the file; ends early at a fault.
struct Entries<'f> {
    file: &'f dyn DiskFile,
    offset: u64,
    left: u64,
    sum: Xxh3,
    chunk: Vec<u8>,
    next: usize,
    fault: Option<io::Error>,
}

impl Entries<'_> {
    fn refill(&mut self) -> io::Result<()> {
        let count = self.left.min(CHUNK as u64);
        let count = usize::try_from(count).expect("at most a chunk");
        self.chunk.resize(count * ENTRY, 0);
        self.file.read_at(self.offset, &mut self.chunk)?;
        self.sum.update(&self.chunk);
        self.offset += self.chunk.len() as u64;
        self.left -= count as u64;
        self.next = 0;
        Ok(())
    }
}

impl Iterator for Entries<'_> {
    type Item = (u64, NodeHash);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.chunk.len() {
            if self.left == 0 || self.fault.is_some() {
                return None;
            }
            if let Err(error) = self.refill() {
                self.fault = Some(error);
                self.chunk.clear();
                self.next = 0;
                return None;
            }
        }
        let entry = &self.chunk[self.next..self.next + ENTRY];
        self.next += ENTRY;
        let (tag, hash) = entry.split_at(8);
        Some((
            u64::from_be_bytes(tag.try_into().expect("eight bytes")),
            NodeHash(hash.try_into().expect("32 bytes are left")),
        ))
    }
}
