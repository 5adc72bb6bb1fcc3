//! Those that are measured in turns: Sapwood's store and the peers.

use super::accounts::{Accounts, Block};
use super::base::Loaded;
use crate::fixture;
use crate::measure::{Times, median_times, timed};
use crate::peers::Peer;
use crate::store::Copy;
use sapwood_primitives::SealedHeader;
use sapwood_runtime::{Commitment, Link, State};
use sapwood_store::Config;
use sapwood_store::log::NewBlock;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A database with accounts, to which blocks are applied.
pub(crate) trait Arm {
    /// Applies a block, durable when this returns.
    fn block(&mut self, count: u64, seed: u64) -> Result<Applied, String>;

    /// Takes the last block back, durable when this returns. None if it cannot.
    fn undo(&mut self) -> Result<Option<Times>, String>;

    /// Blocks one after the other, made beforehand, each durable and all in the main store at the end.
    fn sustain(&mut self, blocks: u64, count: u64, seed: u64) -> Result<Times, String>;
}

/// What a block took.
pub(crate) struct Applied {
    pub(crate) whole: Times,
    /// Steps of it that are told, by name.
    pub(crate) parts: Vec<(&'static str, Times)>,
}

/// A copy of a kept store.
pub(crate) struct Ours {
    copy: Copy,
    chain: sapwood_primitives::Chain,
    link: Link,
    header: SealedHeader,
    accounts: Accounts,
    /// Blocks applied, with what was before them.
    applied: Vec<(Link, SealedHeader, Block)>,
}

impl Ours {
    pub(crate) fn new(loaded: &Loaded, config: Config) -> Result<Self, String> {
        let copy = Copy::of(&loaded.directory(), &loaded.chain, config)?;
        let (tip, view) = (copy.store.tip(), copy.store.view());
        let link = view.link(&tip.id).map_err(|e| e.to_string())?;
        let header = view.header(tip.height).map_err(|e| e.to_string())?;
        Ok(Self {
            copy,
            chain: loaded.chain.clone(),
            link: link.ok_or("the store has no link of its tip")?,
            header: header.ok_or("the store has no header of its tip")?,
            accounts: Accounts::loaded(loaded.accounts),
            applied: Vec::new(),
        })
    }

    /// Computes the root, steps, and commits with one sync. The header is made in between, which is not counted.
    fn apply(&mut self, block: Block) -> Result<Applied, String> {
        let store = &mut self.copy.store;
        let (planned, planning) = timed(|| store.head().plan(&block.changes, &block.undo));
        let (root, plan) = planned.map_err(|e| e.to_string())?;
        let mut header = self.header.clone();
        header.header.parent = self.link.id;
        header.header.height = self.link.height.plus(1);
        header.header.time = self.link.time + self.chain.consensus.block_time;
        header.header.history_root = self.link.history.root();
        header.header.state_root = root;
        fixture::prove_work(&mut header.header)?;
        let link = sapwood_runtime::check_header(&self.chain, &self.link, &header);
        let link = link.map_err(|e| e.to_string())?;
        let (undo, stepping) = timed(|| store.step(&link, plan));
        let (committed, committing) = timed(|| {
            store.put_block(&NewBlock {
                link: &link,
                parent: self.link.id,
                txids: &[],
                bytes: &block.bytes,
            });
            store.put_undo(&link.id, &undo);
            store.commit(&link, self.link.height, vec![header.clone()])
        });
        committed.map_err(|e| e.to_string())?;
        let before = std::mem::replace(&mut self.link, link);
        let header = std::mem::replace(&mut self.header, header);
        self.applied.push((before, header, block));
        Ok(Applied {
            whole: planning + stepping + committing,
            parts: vec![("plan", planning), ("step", stepping), ("log", committing)],
        })
    }
}

impl Arm for Ours {
    fn block(&mut self, count: u64, seed: u64) -> Result<Applied, String> {
        let block = self.accounts.block(count, seed);
        self.apply(block)
    }

    /// As a node does in a reorg: the undo record is read from the log.
    fn undo(&mut self) -> Result<Option<Times>, String> {
        let (link, header, block) = self.applied.pop().ok_or("there is no block to take back")?;
        let store = &mut self.copy.store;
        let tip = self.link.id;
        let (undone, times) = timed(|| {
            store.step_back(&link, &[tip])?;
            store.commit(&link, link.height, Vec::new())
        });
        undone.map_err(|e| e.to_string())?;
        self.accounts.take_back(&block);
        // An account of the block reads as before it, or the figure would be worth nothing.
        if let Some(entry) = block.undo.entries().first() {
            let now = store.head().leaf(&entry.key).map_err(|e| e.to_string())?;
            assert_eq!(now, entry.old, "taken back");
        }
        (self.link, self.header) = (link, header);
        Ok(Some(times))
    }

    fn sustain(&mut self, blocks: u64, count: u64, seed: u64) -> Result<Times, String> {
        let made: Vec<_> = (seed..seed + blocks)
            .map(|seed| self.accounts.block(count, seed))
            .collect();
        // What earlier blocks left to be written is not theirs.
        self.copy.store.checkpoint().map_err(|e| e.to_string())?;
        let (done, times) = timed(|| {
            made.into_iter()
                .try_for_each(|block| self.apply(block).map(drop))?;
            self.copy.store.checkpoint().map_err(|e| e.to_string())
        });
        done.map(|()| times)
    }
}

/// A peer with its database.
pub(crate) struct PeerArm(Peer);

impl PeerArm {
    /// Starts a peer on a database of so many accounts, which is loaded first if it is not there. One that has grown by a quarter, or that is refused because a run was
    /// ended while it was written, is deleted and loaded anew. None if the peer is not built.
    pub(crate) fn start(name: &str, accounts: u64) -> Result<Option<Self>, String> {
        let directory = fixture::directory().join(format!("{name}-{accounts}"));
        let kept = directory.exists();
        match Self::load(name, &directory, accounts) {
            Ok(Some((_, present))) if kept && present > accounts + accounts / 4 => {}
            Err(_) if kept => {}
            loaded => return Ok(loaded?.map(|(peer, _)| peer)),
        }
        fs::remove_dir_all(&directory).map_err(|e| e.to_string())?;
        let loaded = Self::load(name, &directory, accounts)?;
        Ok(loaded.map(|(peer, _)| peer))
    }

    /// The peer, and how many accounts it has.
    fn load(name: &str, directory: &Path, accounts: u64) -> Result<Option<(Self, u64)>, String> {
        fs::create_dir_all(directory).map_err(|e| e.to_string())?;
        let Some(mut peer) = Peer::start(name, directory, &[])? else {
            return Ok(None);
        };
        let answer = peer.ask(&format!("load {accounts}"))?;
        let present = answer["present"].as_u64();
        let present = present.ok_or_else(|| format!("{name} does not say what it has"))?;
        Ok(Some((Self(peer), present)))
    }

    /// One request.
    pub(crate) fn ask(&mut self, line: &str) -> Result<Value, String> {
        self.0.ask(line)
    }
}

/// The times of an answer under names that begin so. None if the peer does not tell them.
pub(crate) fn times(answer: &Value, prefix: &str) -> Option<Times> {
    Some(Times {
        wall: answer[format!("{prefix}wall_s")].as_f64()?,
        cpu: answer[format!("{prefix}cpu_s")].as_f64()?,
    })
}

impl Arm for PeerArm {
    fn block(&mut self, count: u64, seed: u64) -> Result<Applied, String> {
        let answer = self.ask(&format!("block {count} {seed}"))?;
        let root = times(&answer, "root_");
        Ok(Applied {
            whole: times(&answer, "").ok_or("a block without times")?,
            parts: root.map(|times| ("root", times)).into_iter().collect(),
        })
    }

    fn undo(&mut self) -> Result<Option<Times>, String> {
        Ok(times(&self.ask("undo")?, ""))
    }

    fn sustain(&mut self, blocks: u64, count: u64, seed: u64) -> Result<Times, String> {
        let answer = self.ask(&format!("sustain {blocks} {count} {seed}"))?;
        times(&answer, "").ok_or_else(|| "sustained blocks without times".into())
    }
}

/// What was measured of each figure for each arm.
#[derive(Default)]
pub(crate) struct Samples(BTreeMap<(&'static str, &'static str), Vec<Times>>);

impl Samples {
    pub(crate) fn add(&mut self, figure: &'static str, arm: &'static str, times: Times) {
        self.0.entry((figure, arm)).or_default().push(times);
    }

    /// The medians; none if the arm was not there.
    pub(crate) fn median(&self, figure: &'static str, arm: &'static str) -> Option<Times> {
        self.0.get(&(figure, arm)).map(|times| median_times(times))
    }
}
