//! Reading a checkpoint: one committed state, which stays as it is while the next one is written.
//!
//! What is read is checked, since redb does not look at its checksums on every read: headers and ids must agree, and rows are held against the tree by whoever asks for
//! them.

use super::tables::{
    DUE, GENESIS, HEADERS, HeightKey, IDS, Key32, META, NAMES, ROWS, SCHEMA as SCHEMA_KEY, TIP,
    height_key, split_height_key,
};
use super::{SCHEMA, failed};
use crate::failed::StorageFailed;
use crate::index::IndexRow;
use crate::open::CHECKPOINT;
use crate::tip::Tip;
use parity_scale_codec::Decode;
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable};
use sapwood_primitives::codec;
use sapwood_primitives::{BlockId, Hash, Height, Name, SealedHeader};
use std::ops::Bound;

/// Rows of the state as they are stored: key and encoded leaf.
pub(crate) type Rows = Box<dyn Iterator<Item = Result<(Hash, Vec<u8>), StorageFailed>> + Send>;

/// Rows of the indexes, in no order that matters.
pub(crate) type Index = Box<dyn Iterator<Item = Result<IndexRow, StorageFailed>> + Send>;

/// A committed checkpoint.
pub(crate) struct Base {
    tip: Tip,
    rows: ReadOnlyTable<Key32, &'static [u8]>,
    due: ReadOnlyTable<HeightKey, ()>,
    names: ReadOnlyTable<&'static str, ()>,
    headers: ReadOnlyTable<u64, &'static [u8]>,
    ids: ReadOnlyTable<Key32, u64>,
}

impl Base {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, StorageFailed> {
        let open = || {
            let meta = transaction.open_table(META)?;
            let base = |tip| {
                Ok::<_, redb::TableError>(Self {
                    tip,
                    rows: transaction.open_table(ROWS)?,
                    due: transaction.open_table(DUE)?,
                    names: transaction.open_table(NAMES)?,
                    headers: transaction.open_table(HEADERS)?,
                    ids: transaction.open_table(IDS)?,
                })
            };
            Ok::<_, redb::TableError>((meta, base))
        };
        let fail = |e| failed("opening a table", e);
        let (meta, base) = open().map_err(fail)?;
        base(tip(&meta)?).map_err(fail)
    }

    /// The block whose state the rows are.
    pub(crate) fn tip(&self) -> Tip {
        self.tip
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> Result<usize, StorageFailed> {
        let len = redb::ReadableTableMetadata::len(&self.rows);
        let len = len.map_err(|e| failed("counting rows", e))?;
        usize::try_from(len).map_err(|e| rotten("rows", e))
    }

    /// The encoded leaf under a key.
    pub(crate) fn row(&self, key: &Hash) -> Result<Option<Vec<u8>>, StorageFailed> {
        let found = self.rows.get(&key.0);
        let found = found.map_err(|e| failed("reading rows", e))?;
        Ok(found.map(|row| row.value().to_vec()))
    }

    /// The rows from one key to another, both included, by rising key.
    pub(crate) fn rows_between(&self, first: &Hash, last: &Hash) -> Result<Rows, StorageFailed> {
        let fail = |e| failed("reading rows", e);
        let rows = self
            .rows
            .range_owned::<&[u8; 32]>(&first.0..=&last.0)
            .map_err(fail)?;
        Ok(Box::new(rows.map(move |row| {
            let (key, value) = row.map_err(fail)?;
            Ok((Hash(*key.value()), value.value().to_vec()))
        })))
    }

    /// All rows, by rising key.
    pub(crate) fn all_rows(&self) -> Result<Rows, StorageFailed> {
        self.rows_between(&Hash([0; 32]), &Hash([0xff; 32]))
    }

    /// All rows of the indexes.
    pub(crate) fn index(&self) -> Result<Index, StorageFailed> {
        let due = self.due.range_owned::<&[u8; 40]>(..);
        let due = due.map_err(|e| failed("reading due", e))?.map(|row| {
            let (key, _) = row.map_err(|e| failed("reading due", e))?;
            let (height, key) = split_height_key(key.value());
            Ok(IndexRow::Due(height, key))
        });
        let names = self.names.range_owned::<&str>(..);
        let names = names.map_err(|e| failed("reading names", e))?.map(|row| {
            let (name, _) = row.map_err(|e| failed("reading names", e))?;
            Ok(IndexRow::Name(parse_name(name.value())?))
        });
        Ok(Box::new(due.chain(names)))
    }

    /// Keys of the leaves with work due at a height, rising.
    pub(crate) fn due(&self, height: Height) -> Result<Vec<Hash>, StorageFailed> {
        let fail = |e| failed("reading due", e);
        let (first, last) = (
            height_key(height, &[0; 32]),
            height_key(height, &[0xff; 32]),
        );
        let range = self.due.range::<&[u8; 40]>(&first..=&last).map_err(fail)?;
        range
            .map(|row| {
                row.map(|(key, _)| split_height_key(key.value()).1)
                    .map_err(fail)
            })
            .collect()
    }

    /// The names after `after`, in order.
    pub(crate) fn names(
        &self,
        after: Option<&Name>,
    ) -> Result<impl Iterator<Item = Result<Name, StorageFailed>>, StorageFailed> {
        let fail = |e| failed("reading names", e);
        let start = after.map_or(Bound::Unbounded, |name| Bound::Excluded(name.as_str()));
        let range = self
            .names
            .range::<&str>((start, Bound::Unbounded))
            .map_err(fail)?;
        Ok(range.map(move |row| parse_name(row.map_err(fail)?.0.value())))
    }

    /// The header at a height of the branch that the checkpoint ends.
    pub(crate) fn header(&self, height: Height) -> Result<Option<SealedHeader>, StorageFailed> {
        let Some(header) = self.raw_header(height)? else {
            return Ok(None);
        };
        match self.raw_height(&header.id())? == Some(height) {
            true => Ok(Some(header)),
            false => Err(rotten(
                format!("the header at height {height}"),
                "its id is not that of the block at this height",
            )),
        }
    }

    /// The height of a block on the branch that the checkpoint ends.
    pub(crate) fn height_of(&self, id: &BlockId) -> Result<Option<Height>, StorageFailed> {
        let Some(height) = self.raw_height(id)? else {
            return Ok(None);
        };
        match self
            .raw_header(height)?
            .is_some_and(|header| header.id() == *id)
        {
            true => Ok(Some(height)),
            false => Err(rotten(
                format!("the height of block {id}"),
                "the header at its height is another",
            )),
        }
    }

    fn raw_header(&self, height: Height) -> Result<Option<SealedHeader>, StorageFailed> {
        let found = self
            .headers
            .get(height.get())
            .map_err(|e| failed("reading headers", e))?;
        found
            .map(|found| codec::read(found.value()))
            .transpose()
            .map_err(|e| rotten(format!("the header at height {height}"), e))
    }

    fn raw_height(&self, id: &BlockId) -> Result<Option<Height>, StorageFailed> {
        let found = self.ids.get(&id.0).map_err(|e| failed("reading ids", e))?;
        Ok(found.map(|height| Height::new(height.value())))
    }
}

fn parse_name(text: &str) -> Result<Name, StorageFailed> {
    text.parse().map_err(|e| rotten("names", e))
}

fn tip(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Tip, StorageFailed> {
    let row = meta.get(TIP).map_err(|e| failed("reading the tip", e))?;
    let row = row.ok_or_else(|| rotten("the tip", "absent"))?;
    let (height, id, state_root) =
        Decode::decode(&mut row.value()).map_err(|e| rotten("the tip", e))?;
    Ok(Tip {
        height,
        id,
        state_root,
    })
}

/// What is wrong with a file that is not this chain's checkpoint.
pub(super) enum Foreign {
    Damaged(String),
    OtherChain(BlockId),
    Newer(u32),
}

/// Checks that a file is a checkpoint, of a layout that is known, of the chain with this genesis.
pub(super) fn check_meta(transaction: &ReadTransaction, genesis: &BlockId) -> Result<(), Foreign> {
    let damaged = |reason: &dyn ToString| Foreign::Damaged(reason.to_string());
    let meta = transaction.open_table(META).map_err(|e| damaged(&e))?;
    let row = |key: &'static str| {
        let row = meta.get(key).map_err(|e| damaged(&e))?;
        row.map(|guard| guard.value().to_vec())
            .ok_or_else(|| damaged(&format!("no {key}")))
    };
    let schema: [u8; 4] = row(SCHEMA_KEY)?
        .try_into()
        .map_err(|_| damaged(&"the schema is no number"))?;
    match u32::from_le_bytes(schema) {
        SCHEMA => {}
        found if found > SCHEMA => return Err(Foreign::Newer(found)),
        found => return Err(damaged(&format!("schema {found} was never used"))),
    }
    let found: [u8; 32] = row(GENESIS)?
        .try_into()
        .map_err(|_| damaged(&"the genesis is no id"))?;
    match found == genesis.0 {
        true => Ok(()),
        false => Err(Foreign::OtherChain(BlockId(found))),
    }
}

/// Something in the file that cannot be what was written.
fn rotten(what: impl std::fmt::Display, how: impl std::fmt::Display) -> StorageFailed {
    damaged(format!("{what} in {CHECKPOINT}"), how)
}

/// A row that cannot be what was written.
pub(crate) fn damaged(what: impl std::fmt::Display, how: impl std::fmt::Display) -> StorageFailed {
    StorageFailed::new(format!("reading {what}"), format!("damaged: {how}"))
}
