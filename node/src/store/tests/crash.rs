//! What was acknowledged is there after the process was killed or the disk failed, and nothing else is.

use crate::chain::storage::Store;
use crate::chain::tests::kit::{NOW, Replica, assert_rows, assert_same, chain, extend};
use crate::chain::{BlockRefused, Ledger};
use crate::store::RedbStore;
use redb::StorageBackend;
use sapwood_primitives::Chain;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Tells the child where its data directory is.
const DIRECTORY: &str = "SAPWOOD_TEST_DIRECTORY";

/// Blocks that the killed process mines over all its lives, at most.
const BLOCKS: usize = 400;

/// The replica after each height. Mining has nothing random in it, so child and parent make the same blocks.
fn replicas(n: usize) -> Vec<Replica> {
    let mut replicas = vec![Replica::new(&chain())];
    for _ in 0..n {
        let mut next = replicas.last().unwrap().clone();
        next.mine(1, vec![]);
        replicas.push(next);
    }
    replicas
}

/// Not a test: what the test below runs as a process of its own. It says each height when the block is stored.
#[test]
#[ignore = "the child of `what_was_acknowledged_survives_a_kill`"]
fn child_that_is_killed() {
    let directory = std::env::var_os(DIRECTORY).unwrap();
    let chain = chain();
    let store = RedbStore::open(directory.as_ref(), &chain).unwrap();
    let mut ledger = Ledger::open(Arc::clone(&chain), Arc::new(store)).unwrap();
    let mut replica = Replica::new(&chain);
    while replica.height() < BLOCKS as u64 {
        let block = replica.mine(1, vec![]);
        if replica.link.height <= ledger.tip().height {
            continue;
        }
        extend(&mut ledger, &[block]);
        println!("stored {}", replica.height());
        io::stdout().flush().unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let replicas = replicas(BLOCKS);
    let mut acknowledged = 0;
    for life in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "store::tests::crash::child_that_is_killed",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed while the next block is on its way, a little later in each life.
        let heights =
            lines.filter_map(|line| line.unwrap().strip_prefix("stored ")?.parse::<usize>().ok());
        acknowledged = heights.take(3 + life).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Arc::new(RedbStore::open(directory.path(), &replicas[0].chain).unwrap());
        let ledger = Ledger::open(
            Arc::clone(&replicas[0].chain),
            Arc::clone(&store) as Arc<dyn Store>,
        )
        .unwrap();
        let height = usize::try_from(ledger.tip().height.get()).unwrap();
        assert!(
            height >= acknowledged,
            "block {acknowledged} was acknowledged and the tip is {height}"
        );
        assert_same(&ledger, &replicas[height]);
        assert_rows(&*store, &replicas[height]);
    }
    assert!(acknowledged >= 8 * 3);
}

/// A disk in memory that outlives its user and fails from some operation on.
#[derive(Clone, Debug)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    left: Arc<AtomicUsize>,
}

impl Disk {
    fn operation(&self) -> io::Result<()> {
        let less = |left: usize| left.checked_sub(1);
        match self
            .left
            .try_update(Ordering::SeqCst, Ordering::SeqCst, less)
        {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("the disk has failed")),
        }
    }

    fn repaired(&self) -> Self {
        Self {
            bytes: Arc::new(Mutex::new(self.bytes.lock().unwrap().clone())),
            left: Arc::new(AtomicUsize::new(usize::MAX)),
        }
    }
}

fn range(offset: u64, len: usize) -> std::ops::Range<usize> {
    let start = usize::try_from(offset).unwrap();
    start..start + len
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.operation()?;
        out.copy_from_slice(&self.bytes.lock().unwrap()[range(offset, out.len())]);
        Ok(())
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.operation()?;
        self.bytes
            .lock()
            .unwrap()
            .resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }
    fn sync_data(&self) -> io::Result<()> {
        self.operation()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.operation()?;
        self.bytes.lock().unwrap()[range(offset, data.len())].copy_from_slice(data);
        Ok(())
    }
}

fn open(disk: Disk, chain: &Arc<Chain>) -> Ledger {
    let store = RedbStore::on_backend(disk, chain).unwrap();
    Ledger::open(Arc::clone(chain), Arc::new(store)).unwrap()
}

#[test]
fn a_disk_that_fails_at_any_operation_leaves_a_whole_state() {
    let chain = chain();
    let replicas = replicas(20);
    // A chain of three blocks with a heavier branch of three from the first on, so that a block, a side block and a reorg all meet the fault.
    let mut blocks = Vec::new();
    let mut own = replicas[0].clone();
    let mut tips = vec![own.clone()];
    for _ in 0..3 {
        blocks.push(own.mine(1, vec![]));
        tips.push(own.clone());
    }
    let mut other = tips[1].clone();
    blocks.extend(other.mine_many(2, 3));
    tips.push(other);

    let bytes = Arc::new(Mutex::new(Vec::new()));
    let made = Disk {
        bytes,
        left: Arc::new(AtomicUsize::new(usize::MAX)),
    };
    drop(open(made.clone(), &chain));
    let mut survived = false;
    for operations in 0.. {
        let disk = made.repaired();
        let mut ledger = open(disk.clone(), &chain);
        disk.left.store(operations, Ordering::SeqCst);
        let mut acknowledged = ledger.tip().clone();
        let refused = blocks.iter().find_map(|block| {
            let refused = ledger.submit(block.clone(), NOW).err();
            acknowledged = ledger.tip().clone();
            refused
        });
        survived = refused.is_none();
        if let Some(refused) = refused {
            assert!(
                matches!(refused, BlockRefused::StorageFailed(_)),
                "{refused}"
            );
            let again = ledger.submit(blocks[0].clone(), NOW);
            assert!(matches!(again, Err(BlockRefused::StorageFailed(_))));
        }
        drop(ledger);
        let ledger = open(disk.repaired(), &chain);
        let tip = tips.iter().find(|tip| tip.link == *ledger.tip());
        assert_same(
            &ledger,
            tip.expect("the tip is one that a block or the reorg led to"),
        );
        assert!(ledger.tip().work >= acknowledged.work);
        if survived {
            break;
        }
    }
    assert!(survived);
}
