//! Reading a checkpoint: one committed state, which stays as it is while the next one is written.
//!
//! What is read is checked, since redb does not look at its checksums on every read: headers and ids must agree. Rows have checksums of their own, and are held against the
//! tree by whoever asks for them.

use super::tables::{
    DUE, GENESIS, HEADERS, HeightKey, IDS, Key32, META, NAMES, ROWS, RUNS, SCHEMA as SCHEMA_KEY,
    SEGMENT, TIP, height_key, split_height_key,
};
use super::{FILE, SCHEMA, failed};
use crate::failed::StorageFailed;
use crate::index::IndexRow;
use crate::runs::{Listed, Rows, Runs};
use crate::tip::Tip;
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable};
use sapwood_primitives::codec;
use sapwood_primitives::{BlockId, Hash, Height, Name, SealedHeader};
use std::ops::Bound;

/// Rows of the indexes, in no order that matters.
pub(crate) type Index = Box<dyn Iterator<Item = Result<IndexRow, StorageFailed>> + Send>;

/// A committed checkpoint.
pub(crate) struct Base {
    tip: Tip,
    rows: usize,
    first_segment: u32,
    runs: Runs,
    due: ReadOnlyTable<HeightKey, ()>,
    names: ReadOnlyTable<&'static str, ()>,
    headers: ReadOnlyTable<u64, &'static [u8]>,
    ids: ReadOnlyTable<Key32, u64>,
}

impl Base {
    /// Opens the state of a transaction, whose rows are in these runs.
    pub(super) fn open(transaction: &ReadTransaction, runs: Runs) -> Result<Self, StorageFailed> {
        let fail = |e| failed("opening a table", e);
        let meta = transaction.open_table(META).map_err(fail)?;
        let (tip, rows) = (tip(&meta)?, rows(&meta, &runs)?);
        let first_segment = first_segment(&meta)?;
        let open = || {
            Ok::<_, redb::TableError>(Self {
                tip,
                rows,
                first_segment,
                runs,
                due: transaction.open_table(DUE)?,
                names: transaction.open_table(NAMES)?,
                headers: transaction.open_table(HEADERS)?,
                ids: transaction.open_table(IDS)?,
            })
        };
        open().map_err(fail)
    }

    /// The block whose state the rows are.
    pub(crate) fn tip(&self) -> Tip {
        self.tip
    }

    /// Number of the log's first segment that is needed.
    pub(crate) fn first_segment(&self) -> u32 {
        self.first_segment
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// The files of the rows.
    pub(super) fn runs(&self) -> &Runs {
        &self.runs
    }

    /// The encoded leaf under a key.
    pub(crate) fn row(&self, key: &Hash) -> Result<Option<Vec<u8>>, StorageFailed> {
        Ok(self.runs.row(key)?)
    }

    /// The rows from one key to another, both included, by rising key.
    pub(crate) fn rows_between(&self, first: &Hash, last: &Hash) -> Rows {
        self.runs.between(first, last)
    }

    /// All rows, by rising key.
    pub(crate) fn all_rows(&self) -> Rows {
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
    codec::read(row.value()).map_err(|e| rotten("the tip", e))
}

/// The number of rows of the state: at most what the runs have.
fn rows(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
    runs: &Runs,
) -> Result<usize, StorageFailed> {
    let what = "the number of rows";
    let row = meta
        .get(ROWS)
        .map_err(|e| failed(format!("reading {what}"), e))?;
    let row = row.ok_or_else(|| rotten(what, "absent"))?;
    let rows = row.value().try_into().map(u64::from_le_bytes);
    let rows = rows.ok().and_then(|rows| usize::try_from(rows).ok());
    let most = runs
        .iter()
        .map(|run| run.rows())
        .fold(0, usize::saturating_add);
    rows.filter(|rows| *rows <= most)
        .ok_or_else(|| rotten(what, "it is not that of the files"))
}

/// The number of the log's first segment that is needed.
fn first_segment(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<u32, StorageFailed> {
    let what = "the log's first segment";
    let row = meta
        .get(SEGMENT)
        .map_err(|e| failed(format!("reading {what}"), e))?;
    let number = row.and_then(|row| row.value().try_into().ok().map(u32::from_le_bytes));
    number.ok_or_else(|| rotten(what, "it is no number"))
}

/// The runs that are listed, the oldest first.
pub(super) fn runs(transaction: &ReadTransaction) -> Result<Vec<(u32, Listed)>, StorageFailed> {
    let fail = |e: &dyn std::fmt::Display| failed("reading the list of files of rows", e);
    let table = transaction.open_table(RUNS).map_err(|e| fail(&e))?;
    let rows = table.iter().map_err(|e| fail(&e))?;
    let listed = rows.map(|row| {
        let (number, listed) = row.map_err(|e| fail(&e))?;
        let listed = codec::read::<Listed>(listed.value());
        let listed =
            listed.map_err(|_| rotten("the list of files of rows", "an entry does not decode"))?;
        Ok((number.value(), listed))
    });
    listed.collect()
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
        found => {
            let reason = format!("it has format {found}, which no release has used");
            return Err(damaged(&reason));
        }
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
    damaged(format!("{what} in {FILE}"), how)
}

/// A row that cannot be what was written.
pub(crate) fn damaged(what: impl std::fmt::Display, how: impl std::fmt::Display) -> StorageFailed {
    StorageFailed::new(format!("reading {what}"), format!("damaged: {how}"))
}
