//! Making a store from nothing: at a genesis, from a snapshot, or from whatever a tool has.

use crate::checkpoint::Bulk;
use crate::disk::Disk;
use crate::log::{Log, NewBlock, Settings};
use crate::open::{OpenStore, fault, log_refused, refused};
use crate::store::tip_of;
use sapwood_primitives::{BlockId, Chain, Hash, Leaf, SealedHeader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A store that is being made. It can be opened after [`NewStore::finish`], and every row is checked then.
pub struct NewStore {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    genesis: BlockId,
    bulk: Bulk,
}

impl NewStore {
    /// Begins on an empty disk.
    pub(crate) fn begin(
        disk: &Arc<dyn Disk>,
        path: &Path,
        chain: &Chain,
    ) -> Result<Self, OpenStore> {
        let genesis = sapwood_runtime::genesis(chain)?.link.id;
        let bulk = Bulk::begin(disk, &genesis, &chain.consensus);
        Ok(Self {
            disk: Arc::clone(disk),
            path: path.to_owned(),
            genesis,
            bulk: bulk.map_err(|e| refused(e, path, &genesis))?,
        })
    }

    /// Adds headers, from the genesis on and rising.
    ///
    /// # Errors
    /// [`OpenStore::Failed`].
    pub fn headers(&mut self, headers: &[SealedHeader]) -> Result<(), OpenStore> {
        let added = self.bulk.headers(headers);
        added.map_err(|source| self.failed(source))
    }

    /// Adds the next row of the state, by rising key.
    ///
    /// # Errors
    /// [`OpenStore::Failed`].
    pub fn row(&mut self, key: Hash, leaf: &Leaf, value: Vec<u8>) -> Result<(), OpenStore> {
        let added = self.bulk.row(&key, leaf, &value);
        added.map_err(|source| self.failed(source))
    }

    /// Names the block after which the rows are the state. Its bytes may be empty where they are not known.
    ///
    /// # Errors
    /// [`OpenStore`].
    pub fn finish(mut self, base: &NewBlock<'_>) -> Result<(), OpenStore> {
        let done = self.bulk.finish(tip_of(base.link));
        done.map_err(|source| self.failed(source))?;
        let log = Log::create(
            Arc::clone(&self.disk),
            self.genesis,
            base,
            Settings::default(),
        );
        drop(log.map_err(|e| log_refused(e, &self.path))?);
        self.disk.sync().map_err(fault("sync", &self.path))
    }

    fn failed(&self, source: crate::StorageFailed) -> OpenStore {
        OpenStore::Failed {
            path: self.path.clone(),
            source,
        }
    }
}
