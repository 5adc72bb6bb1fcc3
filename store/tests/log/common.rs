//! Histories of a chain, and what a log of them must answer.

use sapwood_primitives::work::Work;
use sapwood_primitives::{BlockId, Hash, Height, TxId};
use sapwood_runtime::Link;
use sapwood_store::disk::Simulated;
use sapwood_store::log::{Candidate, Log, NewBlock, OpenLog, Settings};
use sapwood_store::{StorageFailed, Tip};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const GENESIS: BlockId = BlockId([7; 32]);

/// Small, so that short histories have many segments.
pub(crate) const SMALL: Settings = Settings {
    segment_blocks: 6,
    segment_bytes: 60_000,
    allocate_step: 20_000,
    zeroed_ahead: 6_000,
    zero_step: 8_192,
};

/// Splitmix64.
#[derive(Clone)]
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn hash(&mut self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.chunks_mut(8)
            .for_each(|part| part.copy_from_slice(&self.next().to_le_bytes()));
        hash
    }

    fn bytes(&mut self, below: u64) -> Vec<u8> {
        // Runs of zeros too, which an unwritten place has as well.
        let fill = [0, 0xff, u8::try_from(self.below(256)).unwrap()];
        let fill = fill[usize::try_from(self.below(3)).unwrap()];
        vec![fill; usize::try_from(self.below(below)).unwrap()]
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub link: Link,
    pub parent: BlockId,
    pub txids: Vec<TxId>,
    pub bytes: Vec<u8>,
    pub undo: Option<Vec<u8>>,
}

impl Stored {
    pub(crate) fn after(random: &mut Random, parent: BlockId, height: u64) -> Self {
        let mut work = [0; 32];
        work[..8].copy_from_slice(&random.next().to_le_bytes());
        let txids = (0..1 + random.below(5)).map(|_| TxId(random.hash()));
        let txids = txids.collect();
        let sizes = [50, 600, 5_000, 9_000];
        let size = sizes[usize::try_from(random.below(4)).unwrap()];
        Self {
            link: Link {
                id: BlockId(random.hash()),
                height: Height::new(height),
                time: random.next(),
                state_root: Hash(random.hash()),
                work: Work::from_le_bytes(&work),
                history: Default::default(),
            },
            parent,
            txids,
            bytes: random.bytes(size),
            undo: None,
        }
    }

    pub(crate) fn new_block(&self) -> NewBlock<'_> {
        NewBlock {
            link: &self.link,
            parent: self.parent,
            txids: &self.txids,
            bytes: &self.bytes,
        }
    }

    pub(crate) fn tip(&self) -> Tip {
        Tip {
            height: self.link.height,
            id: self.link.id,
            state_root: self.link.state_root,
        }
    }
}

/// What has been committed.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub blocks: BTreeMap<BlockId, Stored>,
    pub tip: Tip,
    /// Blocks up to this height may be gone.
    pub pruned: Option<Height>,
}

impl Model {
    pub(crate) fn new(base: &Stored) -> Self {
        Self {
            blocks: BTreeMap::from([(base.link.id, base.clone())]),
            tip: base.tip(),
            pruned: None,
        }
    }

    /// Compares all answers of a log. Where `damage` is allowed a reading may fail, but not give anything else.
    pub(crate) fn check(&self, log: &Log, damage: bool) -> Result<(), String> {
        if log.tip() != self.tip {
            return Err(format!("tip {:?} instead of {:?}", log.tip(), self.tip));
        }
        let all = log.at_heights(Height::GENESIS, Height::new(u64::MAX));
        if !all.is_sorted() {
            return Err("heights do not rise".into());
        }
        if let Some((_, id)) = all.iter().find(|(_, id)| !self.blocks.contains_key(id)) {
            return Err(format!("{id} was never committed"));
        }
        for (id, stored) in &self.blocks {
            self.check_block(log, id, stored, damage)
                .map_err(|e| format!("block {id} at {}: {e}", stored.link.height))?;
        }
        let nothing = log.find_transaction(&TxId([3; 32]));
        same("an unknown transaction", nothing, &Vec::new(), damage)
    }

    fn check_block(
        &self,
        log: &Log,
        id: &BlockId,
        stored: &Stored,
        damage: bool,
    ) -> Result<(), String> {
        let Some(entry) = log.entry(id) else {
            return match self
                .pruned
                .is_some_and(|height| stored.link.height <= height)
            {
                true => Ok(()),
                false => Err("missing".into()),
            };
        };
        let at = stored.link.height;
        if !log.at_heights(at, at).contains(&(at, *id))
            || (entry.parent, entry.height, entry.work) != (stored.parent, at, stored.link.work)
        {
            return Err(format!("another entry: {entry:?}"));
        }
        let pruned = self.pruned.is_some_and(|height| at <= height);
        same(
            "bytes",
            log.read_block(id),
            &Some(stored.bytes.clone()),
            damage,
        )?;
        same(
            "link",
            log.read_link(id),
            &Some(stored.link.clone()),
            damage,
        )?;
        if !pruned || entry.has_undo {
            same("undo", log.read_undo(id), &stored.undo, damage)?;
        }
        if entry.has_undo && stored.undo.is_none() {
            return Err("an undo record that was never committed".into());
        }
        for (index, txid) in (0..).zip(&stored.txids) {
            let expected = vec![Candidate { block: *id, index }];
            same("transaction", log.find_transaction(txid), &expected, damage)?;
        }
        Ok(())
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    got: Result<T, StorageFailed>,
    expected: &T,
    damage: bool,
) -> Result<(), String> {
    match got {
        Ok(got) if got == *expected => Ok(()),
        Ok(_) => Err(format!("another {what}")),
        Err(failed) if damage && failed.attempt.contains(".seg at byte") => Ok(()),
        Err(failed) => Err(format!("{what}: {failed}")),
    }
}

/// Why a driver stopped.
#[derive(Debug)]
pub(crate) enum Stopped {
    Storage(StorageFailed),
    Open(#[allow(dead_code, reason = "shown when a test panics")] OpenLog),
}

/// Writes a random history.
pub(crate) struct Driver {
    pub disk: Simulated,
    pub random: Random,
    /// None until the log was made, and while it is opened again.
    pub log: Option<Log>,
    /// What was acknowledged.
    pub(crate) model: Model,
    /// What it will be once the commit under way is.
    pub next: Option<Model>,
}

pub(crate) fn open(disk: &Simulated) -> Result<Log, OpenLog> {
    Log::open(Arc::new(disk.clone()), GENESIS, SMALL)
}

impl Driver {
    /// Makes a log. If the disk fails, what would be in it is given back.
    pub(crate) fn new(disk: &Simulated, seed: u64) -> Result<Self, Box<Model>> {
        let mut random = Random(seed);
        let height = random.below(3) * 100;
        let mut base = Stored::after(&mut random, BlockId::default(), height);
        if height > 0 {
            (base.bytes, base.txids) = (Vec::new(), Vec::new());
        }
        let model = Model::new(&base);
        let log = Log::create(Arc::new(disk.clone()), GENESIS, &base.new_block(), SMALL);
        let Ok(log) = log else {
            return Err(Box::new(model));
        };
        Ok(Self {
            disk: disk.clone(),
            random,
            log: Some(log),
            model,
            next: None,
        })
    }

    /// Makes a log on a disk that works.
    pub(crate) fn on(disk: &Simulated, seed: u64) -> Self {
        Self::new(disk, seed).unwrap_or_else(|_| panic!("the log {seed} was not made"))
    }

    pub(crate) fn log(&mut self) -> &mut Log {
        self.log.as_mut().unwrap()
    }

    /// Does something that a node does.
    pub(crate) fn step(&mut self) -> Result<(), Stopped> {
        match self.random.below(20) {
            0 => self.reopen().map_err(Stopped::Open),
            1 => self.prune().map_err(Stopped::Storage),
            2 => {
                // Given up before the commit.
                let stored = Stored::after(&mut self.random, self.model.tip.id, 9);
                self.log().put_block(&stored.new_block());
                self.log().put_undo(&stored.link.id, b"undo");
                self.log().discard();
                Ok(())
            }
            n => self.commit(n).map_err(Stopped::Storage),
        }
    }

    pub(crate) fn reopen(&mut self) -> Result<(), OpenLog> {
        self.log = None;
        self.log = Some(open(&self.disk)?);
        Ok(())
    }

    fn prune(&mut self) -> Result<(), StorageFailed> {
        let Some(below) = self.model.tip.height.minus(5 + self.random.below(5)) else {
            return Ok(());
        };
        let checkpoint = self.model.tip.height.minus(self.random.below(3)).unwrap();
        self.model.pruned = self.model.pruned.max(Some(below));
        self.log().prune(below, checkpoint, 3)
    }

    /// Extends the chain, stores a side block, or switches to a branch, and commits.
    fn commit(&mut self, kind: u64) -> Result<(), StorageFailed> {
        let mut next = self.model.clone();
        let (back, blocks, joins) = match kind {
            3 | 4 => (self.random.below(3), 1, false),
            5 | 6 => (self.random.below(4), 1 + self.random.below(4), true),
            _ => (0, 1, true),
        };
        let mut parent = next.tip;
        for _ in 0..back {
            let above = next.blocks[&parent.id].parent;
            match next.blocks.get(&above) {
                Some(stored) => parent = stored.tip(),
                None => break,
            }
        }
        let mut log = self.log.take().unwrap();
        for _ in 0..blocks {
            let mut stored = Stored::after(&mut self.random, parent.id, parent.height.get() + 1);
            log.put_block(&stored.new_block());
            parent = stored.tip();
            if joins {
                let undo = self.random.bytes(3_000);
                log.put_undo(&stored.link.id, &undo);
                stored.undo = Some(undo);
                next.tip = parent;
            }
            next.blocks.insert(stored.link.id, stored);
        }
        let tip = next.tip;
        self.next = Some(next);
        let done = log.commit(tip);
        self.log = Some(log);
        done?;
        self.model = self.next.take().unwrap();
        Ok(())
    }

    pub(crate) fn check(&self) {
        self.model.check(self.log.as_ref().unwrap(), false).unwrap();
    }
}
