//! Reading: the same for a committed state and for a transaction under way.
//!
//! What is read is checked, since the file's own checksums are not looked at on every read: a leaf must belong under its key, headers and ids must agree, and other values
//! carry a digest. So rot is an error, or a row that is missing where its key has rotted, but never another answer.

use super::edit::RedbEdit;
use super::failed;
use super::tables::{HeightKey, Key32, TIP, ViewTables, height_key, split_height_key};
use crate::chain::storage::{Position, Read, StorageFailed, Tip};
use parity_scale_codec::Decode;
use redb::ReadableTable;
use sapwood_primitives::codec::{self, Wire};
use sapwood_primitives::hash::double;
use sapwood_primitives::{BlockId, Hash, Height, Leaf, Name, SealedHeader, TxId};
use sapwood_runtime::{Link, Undo};
use std::ops::Bound;

/// Bytes of the digest that ends a sealed value.
const SEAL_BYTES: usize = 8;

/// The digest over key and value by which rot is noticed where nothing else would show it. It is no defence against whoever can write to the file.
fn digest(key: &[u8; 32], value: &[u8]) -> [u8; SEAL_BYTES] {
    let hash = double(&[key, value].concat());
    std::array::from_fn(|i| hash[i])
}

/// A value with its digest, as `links`, `blocks` and `undo` hold it.
pub(super) fn seal(key: &[u8; 32], mut value: Vec<u8>) -> Vec<u8> {
    let digest = digest(key, &value);
    value.extend_from_slice(&digest);
    value
}

/// A sealed value under a key, copied out of the page and freed of its digest.
fn unsealed(
    table: &impl ReadableTable<Key32, &'static [u8]>,
    name: &str,
    key: &[u8; 32],
) -> Result<Option<Vec<u8>>, StorageFailed> {
    let found = table
        .get(key)
        .map_err(|e| failed(format!("reading {name}"), e))?;
    let Some(found) = found else {
        return Ok(None);
    };
    match found.value().split_last_chunk::<SEAL_BYTES>() {
        Some((value, seal)) if digest(key, value) == *seal => Ok(Some(value.to_vec())),
        _ => Err(damaged(row_name(name, key), "its digest does not fit")),
    }
}

/// A sealed value, decoded.
fn value<T: Wire>(
    table: &impl ReadableTable<Key32, &'static [u8]>,
    name: &str,
    key: &[u8; 32],
) -> Result<Option<T>, StorageFailed> {
    let bytes = unsealed(table, name, key)?;
    bytes
        .map(|bytes| codec::read(&bytes))
        .transpose()
        .map_err(|e| damaged(row_name(name, key), e))
}

fn row_name(table: &str, key: &[u8; 32]) -> String {
    format!("the row {} of {table}", Hash(*key))
}

/// A row that cannot be what was written.
pub(super) fn damaged(what: impl std::fmt::Display, how: impl std::fmt::Display) -> StorageFailed {
    StorageFailed::new(format!("reading {what}"), format!("damaged: {how}"))
}

fn tip(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Tip, StorageFailed> {
    let row = meta.get(TIP).map_err(|e| failed("reading the tip", e))?;
    let row = row.ok_or_else(|| damaged("the tip", "absent"))?;
    let (height, id, state_root) =
        Decode::decode(&mut row.value()).map_err(|e| damaged("the tip", e))?;
    Ok(Tip {
        height,
        id,
        state_root,
    })
}

fn leaf(
    rows: &impl ReadableTable<Key32, &'static [u8]>,
    key: &Hash,
) -> Result<Option<Leaf>, StorageFailed> {
    let found = rows.get(&key.0).map_err(|e| failed("reading rows", e))?;
    let Some(found) = found else {
        return Ok(None);
    };
    let what = || row_name("rows", &key.0);
    let leaf: Leaf = codec::read(found.value()).map_err(|e| damaged(what(), e))?;
    match leaf.key() == *key {
        true => Ok(Some(leaf)),
        false => Err(damaged(what(), "it holds another leaf")),
    }
}

/// The hashes of all entries of a table by height from one height to another, both included.
fn at_heights(
    table: &impl ReadableTable<HeightKey, ()>,
    name: &str,
    from: Height,
    to: Height,
) -> Result<Vec<(Height, Hash)>, StorageFailed> {
    let (first, last) = (height_key(from, &[0; 32]), height_key(to, &[0xff; 32]));
    let fail = |e| failed(format!("reading {name}"), e);
    let range = table.range::<&[u8; 40]>(&first..=&last).map_err(fail)?;
    range
        .map(|row| {
            row.map(|(key, _)| split_height_key(key.value()))
                .map_err(fail)
        })
        .collect()
}

/// A header of the main chain. Headers and ids vouch for each other.
fn header(
    headers: &impl ReadableTable<u64, &'static [u8]>,
    ids: &impl ReadableTable<Key32, u64>,
    height: Height,
) -> Result<Option<SealedHeader>, StorageFailed> {
    let Some(header) = raw_header(headers, height)? else {
        return Ok(None);
    };
    match raw_height(ids, &header.id())? == Some(height) {
        true => Ok(Some(header)),
        false => Err(damaged(
            format!("the header at height {height}"),
            "its id is not that of the block at this height",
        )),
    }
}

fn height_of(
    headers: &impl ReadableTable<u64, &'static [u8]>,
    ids: &impl ReadableTable<Key32, u64>,
    id: &BlockId,
) -> Result<Option<Height>, StorageFailed> {
    let Some(height) = raw_height(ids, id)? else {
        return Ok(None);
    };
    match raw_header(headers, height)?.is_some_and(|header| header.id() == *id) {
        true => Ok(Some(height)),
        false => Err(damaged(
            row_name("ids", &id.0),
            "the header at its height is another",
        )),
    }
}

fn raw_header(
    headers: &impl ReadableTable<u64, &'static [u8]>,
    height: Height,
) -> Result<Option<SealedHeader>, StorageFailed> {
    let found = headers
        .get(height.get())
        .map_err(|e| failed("reading headers", e))?;
    found
        .map(|found| codec::read(found.value()))
        .transpose()
        .map_err(|e| damaged(format!("the header at height {height}"), e))
}

fn raw_height(
    ids: &impl ReadableTable<Key32, u64>,
    id: &BlockId,
) -> Result<Option<Height>, StorageFailed> {
    let found = ids.get(&id.0).map_err(|e| failed("reading ids", e))?;
    Ok(found.map(|height| Height::new(height.value())))
}

fn position(
    txs: &impl ReadableTable<Key32, (u64, u32)>,
    txid: &TxId,
) -> Result<Option<Position>, StorageFailed> {
    let found = txs.get(&txid.0).map_err(|e| failed("reading txs", e))?;
    Ok(found.map(|row| {
        let (height, index) = row.value();
        Position {
            height: Height::new(height),
            index,
        }
    }))
}

fn names(
    table: &impl ReadableTable<&'static str, ()>,
    after: Option<&Name>,
    limit: usize,
) -> Result<Vec<Name>, StorageFailed> {
    let fail = |e| failed("reading names", e);
    let start = after.map_or(Bound::Unbounded, |name| Bound::Excluded(name.as_str()));
    let range = table
        .range::<&str>((start, Bound::Unbounded))
        .map_err(fail)?;
    range
        .take(limit)
        .map(|row| {
            let (name, _) = row.map_err(fail)?;
            name.value().parse().map_err(|e| damaged("names", e))
        })
        .collect()
}

macro_rules! impl_read {
    ($reader:ty $(, $tables:ident)?) => {
        impl Read for $reader {
            fn tip(&self) -> Result<Tip, StorageFailed> {
                tip(&self$(.$tables)?.meta)
            }
            fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, StorageFailed> {
                leaf(&self$(.$tables)?.rows, key)
            }
            fn due(&self, height: Height) -> Result<Vec<Hash>, StorageFailed> {
                let rows = at_heights(&self$(.$tables)?.due, "due", height, height)?;
                Ok(rows.into_iter().map(|(_, key)| key).collect())
            }
            fn header(&self, height: Height) -> Result<Option<SealedHeader>, StorageFailed> {
                header(&self$(.$tables)?.headers, &self$(.$tables)?.ids, height)
            }
            fn height_of(&self, id: &BlockId) -> Result<Option<Height>, StorageFailed> {
                height_of(&self$(.$tables)?.headers, &self$(.$tables)?.ids, id)
            }
            fn link(&self, id: &BlockId) -> Result<Option<Link>, StorageFailed> {
                value(&self$(.$tables)?.links, "links", &id.0)
            }
            fn block(&self, id: &BlockId) -> Result<Option<Vec<u8>>, StorageFailed> {
                unsealed(&self$(.$tables)?.blocks, "blocks", &id.0)
            }
            fn undo(&self, id: &BlockId) -> Result<Option<Undo>, StorageFailed> {
                value(&self$(.$tables)?.undo, "undo", &id.0)
            }
            fn position(&self, txid: &TxId) -> Result<Option<Position>, StorageFailed> {
                position(&self$(.$tables)?.txs, txid)
            }
            fn names(&self, after: Option<&Name>, limit: usize) -> Result<Vec<Name>, StorageFailed> {
                names(&self$(.$tables)?.names, after, limit)
            }
            fn window(&self, from: Height) -> Result<Vec<(Height, BlockId)>, StorageFailed> {
                let rows = at_heights(&self$(.$tables)?.by_height, "by_height", from, Height::new(u64::MAX))?;
                Ok(rows.into_iter().map(|(height, id)| (height, BlockId(id.0))).collect())
            }
        }
    };
}

impl_read!(ViewTables);
impl_read!(RedbEdit<'_, '_>, tables);
