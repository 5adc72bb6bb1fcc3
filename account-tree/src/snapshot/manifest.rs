//! Reading a manifest (specs/10 §2).

use alloc::vec::Vec;

use crate::hash::{Root, leaf_hash, value_hash};
use crate::key::Key;
use crate::snapshot::chunk::ChunkRef;
use crate::snapshot::row::{BadRow, Row, split_row};
use crate::snapshot::{Block, MAX_CHUNK_BYTES, MAX_MANIFEST_BYTES, VERSION};
use crate::stream::{Mark, Misshapen, Reader, Seen};

/// A manifest, well-formed, and with the root to which all its chunks and rows lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest<'a> {
    block: Block,
    root: Root,
    chunks: Vec<ChunkRef>,
    rows: Vec<Row<'a>>,
}

/// Why bytes are no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadManifest {
    /// More than [`MAX_MANIFEST_BYTES`].
    #[error("{0} bytes are more than a manifest can have")]
    TooLong(usize),
    /// Another version than [`VERSION`].
    #[error("version {0} is unknown; a newer program may know it")]
    Version(u8),
    /// The stream of its tree is malformed.
    #[error("malformed manifest: {0}")]
    Misshapen(#[from] Misshapen),
    /// The row at this depth cannot be read.
    #[error("a row at depth {depth}: {why}")]
    Row {
        /// The depth.
        depth: usize,
        /// Why.
        why: BadRow,
    },
    /// The row at this depth holds no leaf.
    #[error("the row at depth {0} holds no leaf")]
    NoLeaf(usize),
    /// The split at this depth has rows that fit into one chunk, as far as can be seen.
    #[error("what is split at depth {0} fits into a chunk; refuse the manifest")]
    Oversplit(usize),
}

impl<'a> Manifest<'a> {
    /// Reads a manifest. `key_of` recomputes the key of a leaf from its value and is `None` for what is no leaf.
    ///
    /// Nothing is true of a manifest that was read but has another [`root`](Self::root) than the header of its block: the
    /// caller compares them first, and the block and the chain too.
    ///
    /// Memory is bounded by the bytes: about twice their length for chunks, and 80 bytes for each row that it holds itself.
    ///
    /// # Errors
    /// [`BadManifest`].
    pub fn read(
        bytes: &'a [u8],
        key_of: impl Fn(&[u8]) -> Option<Key>,
    ) -> Result<Self, BadManifest> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(BadManifest::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(bytes);
        let [version] = *reader.array()?;
        if version != VERSION {
            return Err(BadManifest::Version(version));
        }
        let block = Block {
            genesis: *reader.array()?,
            id: *reader.array()?,
            height: u64::from_le_bytes(*reader.array()?),
        };
        let mut tree = Tree {
            reader,
            key_of,
            chunks: Vec::new(),
            rows: Vec::new(),
        };
        let (top, _) = tree.read(Key([0; 32]), 0)?;
        tree.reader.finish()?;
        Ok(Self {
            block,
            root: Root(top.hash().0),
            chunks: tree.chunks,
            rows: tree.rows,
        })
    }

    /// The block whose state this is said to be.
    #[must_use]
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// The state root to which the manifest leads.
    #[must_use]
    pub fn root(&self) -> Root {
        self.root
    }

    /// The chunks, from left to right.
    #[must_use]
    pub fn chunks(&self) -> &[ChunkRef] {
        &self.chunks
    }

    /// Checks that nothing was split which fits into one chunk, when the lengths of all chunks are known, in the order of
    /// [`chunks`](Self::chunks). Such a manifest is true, but no other node has its chunks.
    ///
    /// # Errors
    /// [`BadManifest::Oversplit`].
    pub fn check_lengths(&self, lengths: &[usize]) -> Result<(), BadManifest> {
        let chunks = self
            .chunks
            .iter()
            .map(|chunk| chunk.path)
            .zip(lengths.iter().copied());
        let row = |row: &Row<'_>| (row.key, row.bytes());
        let mut ends: Vec<_> = chunks.chain(self.rows.iter().map(row)).collect();
        ends.sort_unstable();
        // The lowest of the splits in question have two ends below them, which stand side by side.
        for (index, pair) in ends.windows(2).enumerate() {
            let depth = pair[0].0.common_bits(&pair[1].0);
            let inside = |end: Option<&(Key, usize)>| {
                end.is_some_and(|(key, _)| key.common_bits(&pair[0].0) >= depth)
            };
            let before = index.checked_sub(1).and_then(|before| ends.get(before));
            if inside(before) || inside(ends.get(index + 2)) {
                continue;
            }
            if pair[0].1.saturating_add(pair[1].1) <= MAX_CHUNK_BYTES {
                return Err(BadManifest::Oversplit(depth));
            }
        }
        Ok(())
    }

    /// The rows that stand in the manifest itself, by rising key.
    #[must_use]
    pub fn rows(&self) -> &[Row<'a>] {
        &self.rows
    }
}

/// The tree of a manifest while it is read.
struct Tree<'a, K> {
    reader: Reader<'a>,
    key_of: K,
    chunks: Vec<ChunkRef>,
    rows: Vec<Row<'a>>,
}

/// How many bytes the rows of a subtree take, as far as the manifest says.
enum Rows {
    /// So many; there is no chunk.
    Bytes(usize),
    /// As many as the chunk, which this is, has.
    Chunk,
    /// There are chunks below.
    Unknown,
}

impl<K: Fn(&[u8]) -> Option<Key>> Tree<'_, K> {
    /// Reads the place at `depth` on `path`.
    fn read(&mut self, path: Key, depth: usize) -> Result<(Seen, Rows), BadManifest> {
        match self.reader.mark()? {
            Mark::Empty => Ok((Seen::Empty, Rows::Bytes(0))),
            Mark::Leaf => self.read_row(&path, depth),
            Mark::Stub => {
                let hash = self.reader.hash()?;
                let depth = u8::try_from(depth).map_err(|_| Misshapen::Misplaced(depth))?;
                self.chunks.push(ChunkRef { path, depth, hash });
                Ok((Seen::Other(hash), Rows::Chunk))
            }
            Mark::Split if depth < 256 => {
                let (left, left_rows) = self.read(path.with_bit(depth, false), depth + 1)?;
                let (right, right_rows) = self.read(path.with_bit(depth, true), depth + 1)?;
                let seen = Seen::join(left, right, depth)?;
                let rows = match (left_rows, right_rows) {
                    // The split has the rows of the chunk and no others.
                    (Rows::Bytes(0), Rows::Chunk) | (Rows::Chunk, Rows::Bytes(0)) => Rows::Bytes(0),
                    (Rows::Bytes(left), Rows::Bytes(right)) => Rows::Bytes(left + right),
                    _ => Rows::Unknown,
                };
                match rows {
                    Rows::Bytes(bytes) if bytes <= MAX_CHUNK_BYTES => {
                        Err(BadManifest::Oversplit(depth))
                    }
                    rows => Ok((seen, rows)),
                }
            }
            Mark::Split => Err(Misshapen::Misplaced(depth).into()),
        }
    }

    fn read_row(&mut self, path: &Key, depth: usize) -> Result<(Seen, Rows), BadManifest> {
        let rest = self.reader.rest();
        let (value, after) = split_row(rest).map_err(|why| BadManifest::Row { depth, why })?;
        let length = rest.len() - after.len();
        self.reader.bytes(length)?;
        let key = (self.key_of)(value).ok_or(BadManifest::NoLeaf(depth))?;
        if key.common_bits(path) < depth {
            return Err(Misshapen::OffPath(depth).into());
        }
        let value_hash = value_hash(value);
        self.rows.push(Row {
            key,
            value_hash,
            value,
        });
        Ok((
            Seen::Leaf(leaf_hash(&key, &value_hash)),
            Rows::Bytes(length),
        ))
    }
}
