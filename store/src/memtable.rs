//! What differs from the checkpoint: every row that was written since, whatever its value is now, and the index entries that came and went.
//!
//! A row that a reorg brought back to its old value stays here too, because a checkpoint may be under way that holds the value in between.

use crate::index::IndexRow;
use sapwood_primitives::{Hash, Height, Name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The encoded leaf of a row, shared by all that know it.
pub type Row = Arc<[u8]>;

/// Rows and index entries beside those of a checkpoint.
#[derive(Debug, Default)]
pub(crate) struct Memtable {
    /// The row now; none where it went.
    pub(crate) rows: BTreeMap<Hash, Option<Row>>,
    /// Whether the entry is there now.
    pub(crate) due: BTreeMap<(Height, Hash), bool>,
    /// Whether the entry is there now.
    pub(crate) names: BTreeMap<Name, bool>,
}

impl Memtable {
    /// Notes that an index entry came (`true`) or went.
    pub(crate) fn set_index(&mut self, row: IndexRow, there: bool) {
        match row {
            IndexRow::Due(height, key) => self.due.insert((height, key), there),
            IndexRow::Name(name) => self.names.insert(name, there),
        };
    }
}
