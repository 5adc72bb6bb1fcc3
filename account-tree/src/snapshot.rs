//! Snapshots (specs/10): the whole state as one manifest and many chunks, each of which can be fetched from anybody, in any
//! order, and checked alone.
//!
//! - [`write()`] makes both in one pass over the rows, and holds two chunks' worth of them.
//! - [`Manifest::read`] checks a manifest; its [`root`](Manifest::root) is to be the one in the block's header.
//! - [`ChunkRef::check`] checks a chunk by the hash and the prefix that the manifest gives it.
//!
//! What a value means is left to the caller, who gives a function from a value to its key (specs/04 §1.2).

mod chunk;
mod manifest;
mod row;
mod write;

pub use chunk::{BadChunk, ChunkRef, Fault};
pub use manifest::{BadManifest, Manifest};
pub use row::{BadRow, MAX_VALUE_BYTES, Row};
pub use write::{Unwritten, write};

/// The version of the format.
pub const VERSION: u8 = 1;

/// The longest chunk. A subtree whose rows take more is split.
pub const MAX_CHUNK_BYTES: usize = 1 << 20;

/// The longest manifest: that of some 500,000 chunks, or 500 GB of rows. What is longer can be refused unread.
pub const MAX_MANIFEST_BYTES: usize = 16 << 20;

/// Which state a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The id of the chain's genesis block.
    pub genesis: [u8; 32],
    /// The id of the block after which the state is taken.
    pub id: [u8; 32],
    /// The height of that block.
    pub height: u64,
}

impl Block {
    /// Bytes before the tree in a manifest.
    const HEAD: usize = 1 + 32 + 32 + 8;

    fn head(&self) -> [u8; Self::HEAD] {
        let mut head = [VERSION; Self::HEAD];
        head[1..33].copy_from_slice(&self.genesis);
        head[33..65].copy_from_slice(&self.id);
        head[65..].copy_from_slice(&self.height.to_le_bytes());
        head
    }
}
