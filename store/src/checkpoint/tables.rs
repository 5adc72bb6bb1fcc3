//! The tables by name. What each holds stands in the text of [`super`].

use redb::TableDefinition;
use sapwood_primitives::{Hash, Height};

/// A hash as a key.
pub(super) type Key32 = &'static [u8; 32];
/// A height, big-endian so that keys rise with it, and a hash.
pub(super) type HeightKey = &'static [u8; 40];

pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const RUNS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("runs");
pub(super) const DUE: TableDefinition<'_, HeightKey, ()> = TableDefinition::new("due");
pub(super) const NAMES: TableDefinition<'_, &str, ()> = TableDefinition::new("names");
pub(super) const HEADERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("headers");
pub(super) const IDS: TableDefinition<'_, Key32, u64> = TableDefinition::new("ids");

/// Key of the block whose state the rows are, in [`META`].
pub(super) const TIP: &str = "tip";
/// Key of the number of rows of the state, in [`META`].
pub(super) const ROWS: &str = "rows";
/// Key of the number of the first segment of the log that is needed, in [`META`].
pub(super) const SEGMENT: &str = "segment";
/// Key of the schema number in [`META`].
pub(super) const SCHEMA: &str = "schema";
/// Key of the genesis id in [`META`].
pub(super) const GENESIS: &str = "genesis";

/// The key of something at a height.
pub(super) fn height_key(height: Height, hash: &[u8; 32]) -> [u8; 40] {
    let mut key = [0; 40];
    let (head, tail) = key.split_at_mut(8);
    head.copy_from_slice(&height.get().to_be_bytes());
    tail.copy_from_slice(hash);
    key
}

/// Takes a key of [`height_key`] apart.
pub(super) fn split_height_key(key: &[u8; 40]) -> (Height, Hash) {
    let (head, tail) = key.split_at(8);
    let height = u64::from_be_bytes(head.try_into().expect("eight bytes"));
    (
        Height::new(height),
        Hash(tail.try_into().expect("32 bytes are left")),
    )
}
