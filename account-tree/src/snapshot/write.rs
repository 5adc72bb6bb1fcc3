//! Writing a snapshot in one pass over the rows (specs/10 §2, §3).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::hash::{NodeHash, Root, leaf_hash, node_hash, value_hash, value_hashes};
use crate::key::Key;
use crate::snapshot::chunk::{ChunkRef, hash_rows};
use crate::snapshot::row::{Row, length_prefix, split_row};
use crate::snapshot::{Block, MAX_CHUNK_BYTES, MAX_MANIFEST_BYTES};
use crate::stream::{Mark, Writer};

/// Why a snapshot was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritten<E> {
    /// The rows cannot be read or a chunk cannot be stored.
    #[error(transparent)]
    Failed(E),
    /// This key is not greater than the one before it.
    #[error("row {0} does not rise; give the rows sorted by key")]
    NotRising(Key),
    /// The value at this key is empty or longer than [`MAX_VALUE_BYTES`](crate::snapshot::MAX_VALUE_BYTES).
    #[error("the value at {0} is empty or too long for a row")]
    Length(Key),
    /// The manifest would be longer than [`MAX_MANIFEST_BYTES`].
    #[error("the manifest takes more than {MAX_MANIFEST_BYTES} bytes; the format has to change")]
    TooLong,
}

/// Writes the snapshot of a state: hands each chunk to `store` when it is complete, and gives the manifest's bytes and the
/// root of the state in the end.
///
/// The rows come by strictly rising key. At most 2 MiB and one row of them are held at a time, and the manifest.
///
/// # Errors
/// [`Unwritten`]; chunks that were stored before are worth nothing then.
pub fn write<E, V: AsRef<[u8]>>(
    block: &Block,
    rows: impl Iterator<Item = Result<(Key, V), E>>,
    store: impl FnMut(&ChunkRef, &[u8]) -> Result<(), E>,
) -> Result<(Vec<u8>, Root), Unwritten<E>> {
    let mut pass = Pass {
        ahead: Ahead {
            source: rows,
            rows: VecDeque::new(),
            bytes: Vec::new(),
            from: 0,
            ended: false,
            last: None,
        },
        store,
        manifest: Writer::after(block.head().to_vec()),
    };
    let top = pass.subtree(Key([0; 32]), 0)?;
    // A snapshot ends with its last row: at depth 0 every key is on the path.
    Ok((pass.manifest.bytes, Root(top.0)))
}

/// The pass over the rows.
struct Pass<I, S> {
    ahead: Ahead<I>,
    store: S,
    manifest: Writer,
}

impl<E, V, I, S> Pass<I, S>
where
    V: AsRef<[u8]>,
    I: Iterator<Item = Result<(Key, V), E>>,
    S: FnMut(&ChunkRef, &[u8]) -> Result<(), E>,
{
    /// Writes the rows that share the first `depth` bits of `path`, which are the next ones, and gives their hash.
    ///
    /// More rows than fit into a chunk are ahead, or all that are left. So if one of them belongs elsewhere or none is
    /// left behind them, the subtree is known whole; otherwise it is too large and is split. One row alone is never too
    /// large, so the recursion ends at depth 256.
    fn subtree(&mut self, path: Key, depth: usize) -> Result<NodeHash, Unwritten<E>> {
        self.ahead.fill()?;
        let (count, bytes) = self.ahead.share(&path, depth);
        if bytes > MAX_CHUNK_BYTES {
            self.manifest.mark(Mark::Split);
            let left = self.subtree(path.with_bit(depth, false), depth + 1)?;
            let right = self.subtree(path.with_bit(depth, true), depth + 1)?;
            return Ok(node_hash(&left, &right));
        }
        let hash = match count {
            0 => {
                self.manifest.mark(Mark::Empty);
                NodeHash::EMPTY
            }
            1 => self.leaf(),
            _ => self.chunk(path, depth, count, bytes)?,
        };
        self.ahead.drop(count, bytes);
        if self.manifest.bytes.len() > MAX_MANIFEST_BYTES {
            return Err(Unwritten::TooLong);
        }
        Ok(hash)
    }

    fn leaf(&mut self) -> NodeHash {
        let (key, length) = self.ahead.rows[0];
        let row = &self.ahead.bytes[self.ahead.from..][..length];
        let (value, _) = split_row(row).expect("a row that was written by fill");
        self.manifest.mark(Mark::Leaf);
        self.manifest.put(row);
        leaf_hash(&key, &value_hash(value))
    }

    fn chunk(
        &mut self,
        path: Key,
        depth: usize,
        count: usize,
        length: usize,
    ) -> Result<NodeHash, Unwritten<E>> {
        let bytes = &self.ahead.bytes[self.ahead.from..][..length];
        let mut rest = bytes;
        let values: Vec<_> = (0..count)
            .map(|_| {
                let (value, after) = split_row(rest).expect("rows that were written by fill");
                rest = after;
                value
            })
            .collect();
        let keys = self.ahead.rows.iter().map(|(key, _)| *key);
        let rows: Vec<_> = keys
            .zip(value_hashes(&values))
            .zip(&values)
            .map(|((key, value_hash), value)| Row {
                key,
                value_hash,
                value,
            })
            .collect();
        let hash = hash_rows(&rows, depth);
        let depth = u8::try_from(depth).expect("two keys share at most 255 bits");
        (self.store)(&ChunkRef { path, depth, hash }, bytes).map_err(Unwritten::Failed)?;
        self.manifest.mark(Mark::Stub);
        self.manifest.put(&hash.0);
        Ok(hash)
    }
}

/// The rows that were read and not yet written.
struct Ahead<I> {
    source: I,
    /// The key of each and the length of its row.
    rows: VecDeque<(Key, usize)>,
    /// The rows themselves, from `from` on. What is before has been written.
    bytes: Vec<u8>,
    from: usize,
    ended: bool,
    last: Option<Key>,
}

impl<E, V: AsRef<[u8]>, I: Iterator<Item = Result<(Key, V), E>>> Ahead<I> {
    /// Reads until there is more than a chunk can hold, or nothing is left.
    fn fill(&mut self) -> Result<(), Unwritten<E>> {
        if self.from > MAX_CHUNK_BYTES {
            self.bytes.drain(..self.from);
            self.from = 0;
        }
        while !self.ended && self.bytes.len() - self.from <= MAX_CHUNK_BYTES {
            let Some(row) = self.source.next() else {
                self.ended = true;
                break;
            };
            let (key, value) = row.map_err(Unwritten::Failed)?;
            let value = value.as_ref();
            if self.last.is_some_and(|last| last >= key) {
                return Err(Unwritten::NotRising(key));
            }
            self.last = Some(key);
            let (prefix, used) = length_prefix(value).ok_or(Unwritten::Length(key))?;
            self.bytes.extend_from_slice(&prefix[..used]);
            self.bytes.extend_from_slice(value);
            self.rows.push_back((key, used + value.len()));
        }
        Ok(())
    }

    /// How many of the rows share the first `depth` bits of `path`, and how many bytes they take.
    fn share(&self, path: &Key, depth: usize) -> (usize, usize) {
        let count = self
            .rows
            .partition_point(|(key, _)| key.common_bits(path) >= depth);
        let bytes = if count == self.rows.len() {
            self.bytes.len() - self.from
        } else {
            self.rows.iter().take(count).map(|(_, length)| length).sum()
        };
        (count, bytes)
    }

    /// Forgets the first rows.
    fn drop(&mut self, count: usize, bytes: usize) {
        self.rows.drain(..count);
        self.from += bytes;
    }
}
