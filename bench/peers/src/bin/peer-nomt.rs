//! NOMT, with rollback, so that it can take a block back as a node must.
//!
//! Options are NOMT's defaults, but for its commit workers, of which there is one a core, and the size of its hash table, which is fixed when the database is made.

use bitvec::order::Msb0;
use bitvec::view::BitView;
use nomt::hasher::{Blake3Hasher, Sha2Hasher};
use nomt::proof::PathProof;
use nomt::trie::{KeyPath, LeafData};
use nomt::{HashAlgorithm, IoUringPermission, KeyReadWrite, Nomt, Options, SessionParams};
use sapwood_bench_accounts::{Key, Update};
use sapwood_bench_peers::{Applied, Phase, Result, Store, serve, timed};
use std::path::Path;
use std::process::ExitCode;

/// Bytes of a bucket of the hash table.
const BUCKET: u64 = 4096;

/// A hash function and the name under which it is asked for.
trait Named: HashAlgorithm + Send + Sync + 'static {
    const KIND: &'static str;
}

impl Named for Sha2Hasher {
    const KIND: &'static str = "nomt-sha2";
}

impl Named for Blake3Hasher {
    const KIND: &'static str = "nomt-blake3";
}

/// What is chosen on the command line besides the hash function.
struct Chosen {
    /// Mebibytes of the cache of rows, if not NOMT's default.
    leaf_cache: Option<usize>,
}

struct WithHasher<H>(Nomt<H>);

impl<H: Named> Store for WithHasher<H> {
    const KIND: &'static str = H::KIND;
    type Batch = Vec<(KeyPath, KeyReadWrite)>;
    type Proof = PathProof;
    type Root = [u8; 32];
    type Options = Chosen;

    fn open(dir: &Path, accounts: u64, phase: Phase, chosen: &Chosen) -> Result<Self> {
        match nomt::check_iou_permissions() {
            IoUringPermission::Allowed => {}
            IoUringPermission::Denied => {
                return Err("the kernel refuses io_uring to this process".into());
            }
            IoUringPermission::NotSupported => {
                return Err("the kernel has no io_uring as NOMT needs it".into());
            }
        }
        let mut options = Options::new();
        options.path(dir);
        // The log of what was loaded would stay in memory for the next hundred blocks.
        options.rollback(phase == Phase::Measured);
        options.commit_concurrency(std::thread::available_parallelism()?.get());
        if let Some(mebibytes) = chosen.leaf_cache {
            options.leaf_cache_size(mebibytes);
        }
        options.hashtable_buckets(buckets(accounts));
        options.bitbox_seed([0; 16]);
        Ok(Self(Nomt::open(options)?))
    }

    fn batch(updates: Vec<Update>) -> Self::Batch {
        let write = |update: Update| {
            let value = KeyReadWrite::Write(Some(update.value.to_vec()));
            (update.key, value)
        };
        updates.into_iter().map(write).collect()
    }

    fn apply(&mut self, batch: Self::Batch) -> Result<Applied> {
        let (finished, root_times) = timed(|| {
            let session = self.0.begin_session(SessionParams::default());
            for (key, _) in &batch {
                // As NOMT advises where the old value was not read before. Warming up is off by default, and slower here.
                session.preserve_prior_value(*key);
            }
            session.finish(batch)
        });
        finished?.commit(&self.0)?;
        Ok(Applied {
            root_times: Some(root_times),
        })
    }

    fn undo(&mut self) -> Result<Option<()>> {
        Ok(Some(self.0.rollback(1)?))
    }

    fn root(&self) -> Result<Option<Self::Root>> {
        Ok(Some(self.0.root().into_inner()))
    }

    fn value(&self, key: &Key) -> Result<Option<Vec<u8>>> {
        Ok(self.0.read(*key)?)
    }

    fn prove(&self, keys: &[Key]) -> Result<Option<Vec<Self::Proof>>> {
        let session = self.0.begin_session(SessionParams::default());
        let proof = |key: &Key| Ok(session.prove(*key)?);
        keys.iter().map(proof).collect::<Result<_>>().map(Some)
    }

    fn verify(root: &Self::Root, key: &Key, value: &[u8], proof: &Self::Proof) -> Result<()> {
        let leaf = LeafData {
            key_path: *key,
            value_hash: H::hash_value(value),
        };
        let path = proof
            .verify::<H>(key.view_bits::<Msb0>(), *root)
            .map_err(|problem| format!("a proof does not lead to the root: {problem:?}"))?;
        match path.confirm_value(&leaf) {
            Ok(true) => Ok(()),
            _ => Err("a proof is of another account or value".into()),
        }
    }

    fn unused_bytes(&self) -> u64 {
        let table = self.0.hash_table_utilization();
        let unused = table.capacity.saturating_sub(table.occupied);
        u64::try_from(unused)
            .unwrap_or(u64::MAX)
            .saturating_mul(BUCKET)
    }
}

/// A page of the trie takes a bucket, and is stored from 20 leaves on. One bucket for 16 accounts leaves a table at most 80 % full, and under half of it at 1 and 10 million. At least NOMT's default.
fn buckets(accounts: u64) -> u32 {
    u32::try_from(accounts / 16).unwrap_or(u32::MAX).max(64_000)
}

fn main() -> ExitCode {
    run().unwrap_or_else(|| {
        eprintln!("usage: peer-nomt DIR [--hasher sha2|blake3] [--leaf-cache MEBIBYTES]");
        ExitCode::from(2)
    })
}

/// `None` if the command line is not understood.
fn run() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let dir = arguments.next()?;
    let (mut blake3, mut chosen) = (false, Chosen { leaf_cache: None });
    while let Some(name) = arguments.next() {
        let value = arguments.next()?.into_string().ok()?;
        match (name.to_str()?, value.as_str()) {
            ("--hasher", "sha2") => blake3 = false,
            ("--hasher", "blake3") => blake3 = true,
            ("--leaf-cache", mebibytes) => chosen.leaf_cache = Some(mebibytes.parse().ok()?),
            _ => return None,
        }
    }
    let dir = Path::new(&dir);
    Some(if blake3 {
        serve::<WithHasher<Blake3Hasher>>(dir, chosen)
    } else {
        serve::<WithHasher<Sha2Hasher>>(dir, chosen)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use nomt::trie::TERMINATOR;
    use sapwood_bench_accounts::{key, value};

    type Sha2 = WithHasher<Sha2Hasher>;

    #[test]
    fn a_proof_is_of_one_account_and_value() {
        let leaf = LeafData {
            key_path: key(7),
            value_hash: <Sha2Hasher as nomt::hasher::ValueHasher>::hash_value(&value(7, 0)),
        };
        let root = <Sha2Hasher as nomt::hasher::NodeHasher>::hash_leaf(&leaf);
        let proof = PathProof {
            terminal: nomt::proof::PathProofTerminal::Leaf(leaf),
            siblings: Vec::new(),
        };
        Sha2::verify(&root, &key(7), &value(7, 0), &proof).unwrap();
        assert!(Sha2::verify(&root, &key(7), &value(7, 1), &proof).is_err());
        assert!(Sha2::verify(&root, &key(8), &value(7, 0), &proof).is_err());
        assert!(Sha2::verify(&TERMINATOR, &key(7), &value(7, 0), &proof).is_err());
    }

    #[test]
    fn the_hash_table_grows_with_the_accounts() {
        assert_eq!(buckets(1_000), 64_000);
        assert_eq!(buckets(10_000_000), 625_000);
        assert_eq!(buckets(u64::MAX), u32::MAX);
    }
}
