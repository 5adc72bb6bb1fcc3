//! The tables by name, and opening all of them in a transaction. What each holds stands in the text of [`super`].

use super::failed;
use crate::chain::storage::StorageFailed;
use redb::{ReadOnlyTable, ReadTransaction, Table, TableDefinition, WriteTransaction};
use sapwood_primitives::{Hash, Height};

/// A hash as a key.
pub(super) type Key32 = &'static [u8; 32];
/// A height, big-endian so that keys rise with it, and a hash.
pub(super) type HeightKey = &'static [u8; 40];

pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const ROWS: TableDefinition<'_, Key32, &[u8]> = TableDefinition::new("rows");
pub(super) const DUE: TableDefinition<'_, HeightKey, ()> = TableDefinition::new("due");
pub(super) const NAMES: TableDefinition<'_, &str, ()> = TableDefinition::new("names");
pub(super) const HEADERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("headers");
pub(super) const IDS: TableDefinition<'_, Key32, u64> = TableDefinition::new("ids");
pub(super) const LINKS: TableDefinition<'_, Key32, &[u8]> = TableDefinition::new("links");
pub(super) const BLOCKS: TableDefinition<'_, Key32, &[u8]> = TableDefinition::new("blocks");
pub(super) const UNDO: TableDefinition<'_, Key32, &[u8]> = TableDefinition::new("undo");
pub(super) const BY_HEIGHT: TableDefinition<'_, HeightKey, ()> = TableDefinition::new("by_height");
pub(super) const TXS: TableDefinition<'_, Key32, (u64, u32)> = TableDefinition::new("txs");

/// Key of the tip in [`META`].
pub(super) const TIP: &str = "tip";
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

/// All tables, opened for reading.
pub(super) struct ViewTables {
    pub(super) meta: ReadOnlyTable<&'static str, &'static [u8]>,
    pub(super) rows: ReadOnlyTable<Key32, &'static [u8]>,
    pub(super) due: ReadOnlyTable<HeightKey, ()>,
    pub(super) names: ReadOnlyTable<&'static str, ()>,
    pub(super) headers: ReadOnlyTable<u64, &'static [u8]>,
    pub(super) ids: ReadOnlyTable<Key32, u64>,
    pub(super) links: ReadOnlyTable<Key32, &'static [u8]>,
    pub(super) blocks: ReadOnlyTable<Key32, &'static [u8]>,
    pub(super) undo: ReadOnlyTable<Key32, &'static [u8]>,
    pub(super) by_height: ReadOnlyTable<HeightKey, ()>,
    pub(super) txs: ReadOnlyTable<Key32, (u64, u32)>,
}

impl ViewTables {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, StorageFailed> {
        Self::open_all(transaction).map_err(|e| failed("opening a table", e))
    }

    fn open_all(transaction: &ReadTransaction) -> Result<Self, redb::TableError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            rows: transaction.open_table(ROWS)?,
            due: transaction.open_table(DUE)?,
            names: transaction.open_table(NAMES)?,
            headers: transaction.open_table(HEADERS)?,
            ids: transaction.open_table(IDS)?,
            links: transaction.open_table(LINKS)?,
            blocks: transaction.open_table(BLOCKS)?,
            undo: transaction.open_table(UNDO)?,
            by_height: transaction.open_table(BY_HEIGHT)?,
            txs: transaction.open_table(TXS)?,
        })
    }
}

/// All tables, opened for writing; made where they are missing.
pub(super) struct EditTables<'t> {
    pub(super) meta: Table<'t, &'static str, &'static [u8]>,
    pub(super) rows: Table<'t, Key32, &'static [u8]>,
    pub(super) due: Table<'t, HeightKey, ()>,
    pub(super) names: Table<'t, &'static str, ()>,
    pub(super) headers: Table<'t, u64, &'static [u8]>,
    pub(super) ids: Table<'t, Key32, u64>,
    pub(super) links: Table<'t, Key32, &'static [u8]>,
    pub(super) blocks: Table<'t, Key32, &'static [u8]>,
    pub(super) undo: Table<'t, Key32, &'static [u8]>,
    pub(super) by_height: Table<'t, HeightKey, ()>,
    pub(super) txs: Table<'t, Key32, (u64, u32)>,
}

impl<'t> EditTables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, StorageFailed> {
        Self::open_all(transaction).map_err(|e| failed("opening a table for writing", e))
    }

    fn open_all(transaction: &'t WriteTransaction) -> Result<Self, redb::TableError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            rows: transaction.open_table(ROWS)?,
            due: transaction.open_table(DUE)?,
            names: transaction.open_table(NAMES)?,
            headers: transaction.open_table(HEADERS)?,
            ids: transaction.open_table(IDS)?,
            links: transaction.open_table(LINKS)?,
            blocks: transaction.open_table(BLOCKS)?,
            undo: transaction.open_table(UNDO)?,
            by_height: transaction.open_table(BY_HEIGHT)?,
            txs: transaction.open_table(TXS)?,
        })
    }
}
