//! Writing, inside a transaction that [`super::RedbStore::write`] opens and commits.

use super::failed;
use super::read::{damaged, seal};
use super::tables::{EditTables, Key32, TIP, height_key, split_height_key};
use crate::chain::storage::{Edit, IndexRow, Read, StorageFailed, Tip, index_rows};
use parity_scale_codec::Encode;
use redb::Table;
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::codec;
use sapwood_primitives::{Block, BlockId, Hash, Height, Leaf, SealedHeader, TxId};
use sapwood_runtime::{Link, Undo};

/// The tables of a transaction, with the rules by which index entries follow from leaves.
pub(super) struct RedbEdit<'t, 'r> {
    pub(super) tables: EditTables<'t>,
    pub(super) rules: &'r Consensus,
}

impl RedbEdit<'_, '_> {
    /// Names the end of the main chain.
    pub(super) fn set_tip(&mut self, tip: Tip) -> Result<(), StorageFailed> {
        let row = (tip.height, tip.id, tip.state_root).encode();
        match self.tables.meta.insert(TIP, row.as_slice()) {
            Ok(_) => Ok(()),
            Err(e) => Err(failed("writing the tip", e)),
        }
    }

    /// Writes one leaf and gives the bytes that stood there.
    fn set_row(
        &mut self,
        key: &Hash,
        new: Option<&Leaf>,
    ) -> Result<Option<Vec<u8>>, StorageFailed> {
        let rows = &mut self.tables.rows;
        let old = match new {
            Some(leaf) => rows.insert(&key.0, leaf.encode().as_slice()),
            None => rows.remove(&key.0),
        };
        let old = old.map_err(|e| failed("writing rows", e))?;
        Ok(old.map(|guard| guard.value().to_vec()))
    }

    fn add_index(&mut self, row: &IndexRow) -> Result<(), StorageFailed> {
        let added = match row {
            IndexRow::Due(height, key) => {
                let due = &mut self.tables.due;
                due.insert(&height_key(*height, &key.0), ()).map(drop)
            }
            IndexRow::Name(name) => self.tables.names.insert(name.as_str(), ()).map(drop),
        };
        added.map_err(|e| failed("writing an index", e))
    }

    fn remove_index(&mut self, row: &IndexRow) -> Result<(), StorageFailed> {
        let removed = match row {
            IndexRow::Due(height, key) => {
                let due = &mut self.tables.due;
                due.remove(&height_key(*height, &key.0)).map(drop)
            }
            IndexRow::Name(name) => self.tables.names.remove(name.as_str()).map(drop),
        };
        removed.map_err(|e| failed("writing an index", e))
    }

    fn remove_positions(&mut self, txids: &[TxId]) -> Result<(), StorageFailed> {
        for txid in txids {
            remove(&mut self.tables.txs, "txs", &txid.0)?;
        }
        Ok(())
    }

    /// Ids of a stored block's transactions, the coinbase's first.
    fn txids(&self, id: &BlockId) -> Result<Vec<TxId>, StorageFailed> {
        let what = || format!("block {id}");
        let bytes = self.block(id)?.ok_or_else(|| damaged(what(), "absent"))?;
        let block: Block = codec::read(&bytes).map_err(|e| damaged(what(), e))?;
        Ok(block.txids())
    }
}

fn remove<V: redb::Value + 'static>(
    table: &mut Table<'_, Key32, V>,
    name: &str,
    key: &[u8; 32],
) -> Result<(), StorageFailed> {
    match table.remove(key) {
        Ok(_) => Ok(()),
        Err(e) => Err(failed(format!("removing from {name}"), e)),
    }
}

fn insert<'v, V: redb::Value + 'static>(
    table: &mut Table<'_, Key32, V>,
    name: &str,
    key: &[u8; 32],
    value: V::SelfType<'v>,
) -> Result<(), StorageFailed> {
    match table.insert(key, value) {
        Ok(_) => Ok(()),
        Err(e) => Err(failed(format!("writing {name}"), e)),
    }
}

impl Edit for RedbEdit<'_, '_> {
    fn set_leaves(&mut self, changes: &[(Hash, Option<Leaf>)]) -> Result<(), StorageFailed> {
        for (key, new) in changes {
            let old = self.set_row(key, new.as_ref())?;
            let old: Option<Leaf> = old
                .map(|bytes| codec::read(&bytes))
                .transpose()
                .map_err(|e| damaged(format!("the row {key} of rows"), e))?;
            let rows = |leaf: &Option<Leaf>| {
                leaf.as_ref()
                    .map_or_else(Vec::new, |leaf| index_rows(self.rules, key, leaf))
            };
            let (before, after) = (rows(&old), rows(new));
            for row in before.iter().filter(|row| !after.contains(row)) {
                self.remove_index(row)?;
            }
            for row in after.iter().filter(|row| !before.contains(row)) {
                self.add_index(row)?;
            }
        }
        Ok(())
    }

    fn put_block(&mut self, link: &Link, bytes: &[u8]) -> Result<(), StorageFailed> {
        let tables = &mut self.tables;
        let id = &link.id.0;
        insert(&mut tables.blocks, "blocks", id, &seal(id, bytes.to_vec()))?;
        insert(&mut tables.links, "links", id, &seal(id, link.encode()))?;
        match tables
            .by_height
            .insert(&height_key(link.height, &link.id.0), ())
        {
            Ok(_) => Ok(()),
            Err(e) => Err(failed("writing by_height", e)),
        }
    }

    fn join(
        &mut self,
        link: &Link,
        header: &SealedHeader,
        undo: &Undo,
        txids: &[TxId],
    ) -> Result<(), StorageFailed> {
        let tables = &mut self.tables;
        let height = link.height.get();
        tables
            .headers
            .insert(height, header.encode().as_slice())
            .map_err(|e| failed("writing headers", e))?;
        insert(&mut tables.ids, "ids", &link.id.0, height)?;
        let sealed = seal(&link.id.0, undo.encode());
        insert(&mut tables.undo, "undo", &link.id.0, &sealed)?;
        for (index, txid) in (0..).zip(txids) {
            insert(&mut tables.txs, "txs", &txid.0, (height, index))?;
        }
        self.set_tip(tip_of(link))
    }

    fn leave(&mut self, link: &Link, parent: &Link, txids: &[TxId]) -> Result<(), StorageFailed> {
        self.tables
            .headers
            .remove(link.height.get())
            .map_err(|e| failed("removing from headers", e))?;
        remove(&mut self.tables.ids, "ids", &link.id.0)?;
        remove(&mut self.tables.undo, "undo", &link.id.0)?;
        self.remove_positions(txids)?;
        self.set_tip(tip_of(parent))
    }

    fn forget(&mut self, height: Height, id: &BlockId) -> Result<(), StorageFailed> {
        let tables = &mut self.tables;
        remove(&mut tables.blocks, "blocks", &id.0)?;
        remove(&mut tables.links, "links", &id.0)?;
        remove(&mut tables.undo, "undo", &id.0)?;
        match tables.by_height.remove(&height_key(height, &id.0)) {
            Ok(_) => Ok(()),
            Err(e) => Err(failed("removing from by_height", e)),
        }
    }

    fn prune(&mut self, height: Height) -> Result<(), StorageFailed> {
        let last = height_key(height, &[0xff; 32]);
        let fail = |e| failed("reading by_height", e);
        let old: Vec<(Height, BlockId)> =
            redb::ReadableTable::range::<&[u8; 40]>(&self.tables.by_height, ..=&last)
                .map_err(fail)?
                .map(|row| {
                    row.map(|(key, _)| split_height_key(key.value()))
                        .map_err(fail)
                })
                .map(|row| row.map(|(height, id)| (height, BlockId(id.0))))
                .collect::<Result<_, _>>()?;
        for (height, id) in old {
            if self.height_of(&id)?.is_some() {
                let txids = self.txids(&id)?;
                self.remove_positions(&txids)?;
            }
            self.forget(height, &id)?;
        }
        Ok(())
    }
}

/// The tip that a link describes.
pub(super) fn tip_of(link: &Link) -> Tip {
    Tip {
        height: link.height,
        id: link.id,
        state_root: link.state_root,
    }
}
