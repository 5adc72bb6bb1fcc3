//! The Jellyfish Merkle tree of crate jmt over redb: nodes and values are tables, and a block is one durable transaction.
//!
//! Nodes are keyed as Penumbra's storage does it, version first, so that a block's new nodes stand together. Only the newest version is kept: what a block makes stale is removed in its transaction.

use jmt::proof::SparseMerkleProof;
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader, TreeUpdateBatch};
use jmt::{KeyHash, OwnedValue, RootHash, Sha256Jmt, Version};
use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition};
use sapwood_bench_accounts::{Key, Update};
use sapwood_bench_peers::{Applied, Phase, Result, Store, timed};
use sha2::Sha256;
use std::path::Path;
use std::process::ExitCode;

const NODES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("nodes");
const VALUES: TableDefinition<&Key, &[u8]> = TableDefinition::new("values");
/// The newest version, in its one row.
const NEWEST: TableDefinition<(), Version> = TableDefinition::new("newest");

struct Jmt {
    database: Database,
    newest: Option<Version>,
}

impl Jmt {
    fn snapshot(&self) -> Result<Snapshot> {
        let transaction = self.database.begin_read()?;
        Ok(Snapshot {
            nodes: transaction.open_table(NODES)?,
            values: transaction.open_table(VALUES)?,
        })
    }

    fn commit(&mut self, version: Version, changes: &TreeUpdateBatch) -> Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut nodes = transaction.open_table(NODES)?;
            for stale in &changes.stale_node_index_batch {
                nodes.remove(row_key(&stale.node_key)?.as_slice())?;
            }
            for (key, node) in changes.node_batch.nodes() {
                nodes.insert(row_key(key)?.as_slice(), borsh::to_vec(node)?.as_slice())?;
            }
            let mut values = transaction.open_table(VALUES)?;
            for ((_, key), value) in changes.node_batch.values() {
                match value {
                    Some(value) => values.insert(&key.0, value.as_slice())?,
                    None => values.remove(&key.0)?,
                };
            }
            transaction.open_table(NEWEST)?.insert((), version)?;
        }
        transaction.commit()?;
        self.newest = Some(version);
        Ok(())
    }
}

/// The version, most significant byte first, and the path.
fn row_key(key: &NodeKey) -> std::io::Result<Vec<u8>> {
    let mut bytes = key.version().to_be_bytes().to_vec();
    borsh::to_writer(&mut bytes, key.nibble_path())?;
    Ok(bytes)
}

/// A state that stays while the next block is written.
struct Snapshot {
    nodes: ReadOnlyTable<&'static [u8], &'static [u8]>,
    values: ReadOnlyTable<&'static Key, &'static [u8]>,
}

impl TreeReader for Snapshot {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        let row = self.nodes.get(row_key(key)?.as_slice())?;
        Ok(row.map(|row| borsh::from_slice(row.value())).transpose()?)
    }

    /// The newest value, which is the only one.
    fn get_value_option(&self, _: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self.values.get(&key.0)?.map(|row| row.value().to_vec()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("only a restoration asks for the rightmost leaf")
    }
}

impl Store for Jmt {
    const KIND: &'static str = "jmt";
    type Batch = Vec<(KeyHash, OwnedValue)>;
    type Proof = SparseMerkleProof<Sha256>;
    type Root = RootHash;
    type Options = ();

    fn open(dir: &Path, _accounts: u64, _phase: Phase, (): &()) -> Result<Self> {
        let database = Database::create(dir.join("tree.redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(NODES)?;
        transaction.open_table(VALUES)?;
        let newest = transaction
            .open_table(NEWEST)?
            .get(())?
            .map(|row| row.value());
        transaction.commit()?;
        Ok(Self { database, newest })
    }

    fn batch(updates: Vec<Update>) -> Self::Batch {
        let pair = |update: Update| (KeyHash(update.key), update.value.to_vec());
        updates.into_iter().map(pair).collect()
    }

    fn apply(&mut self, batch: Self::Batch) -> Result<Applied> {
        let version = self.newest.map_or(0, |newest| newest + 1);
        let (changes, root_times) = timed(|| {
            // The batch form goes down each path once, where `put_value_set` does so for each key.
            let snapshot = self.snapshot()?;
            let (_, changes) =
                Sha256Jmt::new(&snapshot).batch_put_value_sets(vec![batch], None, version)?;
            Result::Ok(changes)
        });
        self.commit(version, &changes?)?;
        Ok(Applied {
            root_times: Some(root_times),
        })
    }

    /// Stale nodes are gone, so there is nothing to go back to.
    fn undo(&mut self) -> Result<Option<()>> {
        Ok(None)
    }

    fn root(&self) -> Result<Option<RootHash>> {
        let Some(newest) = self.newest else {
            return Ok(Some(Sha256Jmt::<Snapshot>::EMPTY_ROOT));
        };
        Ok(Some(
            Sha256Jmt::new(&self.snapshot()?).get_root_hash(newest)?,
        ))
    }

    fn value(&self, key: &Key) -> Result<Option<Vec<u8>>> {
        let row = self.snapshot()?.values.get(key)?;
        Ok(row.map(|row| row.value().to_vec()))
    }

    fn prove(&self, keys: &[Key]) -> Result<Option<Vec<Self::Proof>>> {
        let newest = self.newest.ok_or("the tree is empty")?;
        let snapshot = self.snapshot()?;
        let tree = Sha256Jmt::new(&snapshot);
        let proof = |key: &Key| Ok(tree.get_with_proof(KeyHash(*key), newest)?.1);
        keys.iter().map(proof).collect::<Result<_>>().map(Some)
    }

    fn verify(root: &RootHash, key: &Key, value: &[u8], proof: &Self::Proof) -> Result<()> {
        Ok(proof.verify_existence(*root, KeyHash(*key), value)?)
    }
}

fn main() -> ExitCode {
    sapwood_bench_peers::main::<Jmt>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use sapwood_bench_accounts::{block, key, load, value};

    fn jmt(dir: &Path) -> Jmt {
        let mut jmt = Jmt::open(dir, 100, Phase::Measured, &()).unwrap();
        jmt.apply(Jmt::batch(load(0, 100))).unwrap();
        jmt
    }

    #[test]
    fn the_batch_form_makes_the_same_tree() {
        let dir = tempfile::tempdir().unwrap();
        let mut jmt = jmt(dir.path());
        let batch = Jmt::batch(block(100, 30, 1).unwrap());
        let snapshot = jmt.snapshot().unwrap();
        let one_by_one = batch.iter().map(|(key, value)| (*key, Some(value.clone())));
        let (root, _) = Sha256Jmt::new(&snapshot)
            .put_value_set(one_by_one, 1)
            .unwrap();
        jmt.apply(batch).unwrap();
        assert_eq!(jmt.root().unwrap(), Some(root));
    }

    #[test]
    fn only_the_newest_version_is_kept_and_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut jmt = jmt(dir.path());
        for (present, seed) in [(100, 1), (115, 2), (130, 3)] {
            jmt.apply(Jmt::batch(block(present, 30, seed).unwrap()))
                .unwrap();
        }
        let tree = jmt.snapshot().unwrap();
        let tree = Sha256Jmt::new(&tree);
        assert_eq!(tree.get_leaf_count(3).unwrap(), 145);
        assert!(tree.get_root_hash(2).is_err());
    }

    #[test]
    fn a_proof_is_of_one_account_and_value() {
        let dir = tempfile::tempdir().unwrap();
        let jmt = jmt(dir.path());
        let root = jmt.root().unwrap().unwrap();
        let proof = &jmt.prove(&[key(7)]).unwrap().unwrap()[0];
        Jmt::verify(&root, &key(7), &value(7, 0), proof).unwrap();
        assert!(Jmt::verify(&root, &key(7), &value(7, 1), proof).is_err());
        assert!(Jmt::verify(&root, &key(8), &value(8, 0), proof).is_err());
        assert!(Jmt::verify(&RootHash([1; 32]), &key(7), &value(7, 0), proof).is_err());
    }
}
