//! The state in memory: the tree, what differs from the checkpoint, and how the last states differ from the present one.
//!
//! The writer moves it step by step, to the state after the next block or back to one before. Each [`Step`] keeps what it replaced, so that readers go on seeing the state
//! that they began with, whichever way the chain went since: [`At`] reads any of the last [`REMEMBERED`] states.

use crate::checkpoint::{Base, Job, damaged};
use crate::failed::StorageFailed;
use crate::index::IndexRow;
use crate::main_chain::MainChain;
use crate::memtable::{Memtable, Row};
use crate::step::StepPlan;
use crate::tip::Tip;
use sapwood_account_tree::hash::value_hash;
use sapwood_account_tree::{Delta, Key, Leaves, Past, Tree, ValueHash};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::{BlockId, Hash, Height, Leaf, Name, codec};
use sapwood_runtime::{Changes, Undo};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// States before the present one that can be read: more than the deepest trusted depth, and enough for any answer that is being made.
pub const REMEMBERED: usize = 64;

/// The present state and the way to the ones before it.
pub(crate) struct Live {
    rules: Consensus,
    tree: Tree,
    /// The block after which this is the state.
    at: BlockId,
    active: Memtable,
    /// What is being written to the next checkpoint.
    frozen: Option<Arc<Memtable>>,
    base: Arc<Base>,
    /// How long the last checkpoint took; none was written since the start otherwise.
    checkpoint_took: Option<Duration>,
    /// Newest first.
    past: VecDeque<Arc<Step>>,
    /// Steps that may still be taken back: they stay, however many they are.
    held: usize,
    main: MainChain,
    /// Segments of the log below this number are named by no checkpoint: one that does not need them was made durable. 0 until that was seen to happen, since what was found
    /// at the start may not be on the disk yet.
    given_up: u32,
    /// Names that came and went in steps that are not published yet.
    names: Vec<(Name, bool)>,
}

/// How the state before a step differs from the one after it.
pub(crate) struct Step {
    /// The block after which the state was the one before.
    before: BlockId,
    delta: Delta,
    /// Rows as they were, by rising key.
    pub(crate) rows: Vec<(Hash, Option<Row>)>,
    /// Entries of the indexes that came (`true`) or went.
    pub(crate) index: Vec<(IndexRow, bool)>,
}

impl Live {
    /// The state that a checkpoint holds, over which `tree` is.
    pub(crate) fn new(rules: Consensus, base: Base, tree: Tree) -> Self {
        Self {
            rules,
            tree,
            at: base.tip().id,
            active: Memtable::default(),
            frozen: None,
            main: MainChain::at(base.tip().height),
            base: Arc::new(base),
            checkpoint_took: None,
            past: VecDeque::new(),
            held: 0,
            given_up: 0,
            names: Vec::new(),
        }
    }

    /// The block after which this is the state.
    pub(crate) fn block(&self) -> BlockId {
        self.at
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(crate) fn base(&self) -> &Arc<Base> {
        &self.base
    }

    pub(crate) fn checkpoint_took(&self) -> Option<Duration> {
        self.checkpoint_took
    }

    pub(crate) fn main(&self) -> &MainChain {
        &self.main
    }

    /// The present state.
    pub(crate) fn now(&self) -> At<'_> {
        At {
            live: self,
            steps: 0,
        }
    }

    /// The state after a block, if it is the present one or among those remembered.
    pub(crate) fn at(&self, block: &BlockId) -> Option<At<'_>> {
        let steps = self.steps_to(block)?;
        Some(At { live: self, steps })
    }

    /// How many steps ago the state was that after a block; 0 for the present one.
    pub(crate) fn steps_to(&self, block: &BlockId) -> Option<usize> {
        match self.at == *block {
            true => Some(0),
            false => Some(1 + self.past.iter().position(|step| step.before == *block)?),
        }
    }

    pub(crate) fn rules(&self) -> &Consensus {
        &self.rules
    }

    /// The last steps, the newest first.
    pub(crate) fn past(&self, steps: usize) -> impl Iterator<Item = &Step> {
        self.past.iter().take(steps).map(|step| &**step)
    }

    /// Goes to the state after `to`.
    pub(crate) fn step(&mut self, to: BlockId, plan: StepPlan) {
        let StepPlan { tree, moves, index } = plan;
        // Both take long for a large block, and neither knows of the other. No task of the pool ever waits for the lock that is held here.
        let (rows, own_tree) = (&mut self.active.rows, &mut self.tree);
        let (rows, delta) = rayon::join(|| rows.apply(moves), || own_tree.commit(tree));
        for (row, there) in &index {
            match row {
                IndexRow::Name(name) => self.names.push((name.clone(), *there)),
                due => self.active.set_index(due.clone(), *there),
            }
        }
        self.past.push_front(Arc::new(Step {
            before: self.at,
            delta,
            rows,
            index,
        }));
        self.past.truncate(REMEMBERED.max(self.held));
        self.at = to;
    }

    /// Says that the next step may be taken back.
    pub(crate) fn hold_step(&mut self) {
        self.held += 1;
    }

    /// Says that no step will be taken back any more.
    pub(crate) fn release_steps(&mut self) {
        self.held = 0;
        self.past.truncate(REMEMBERED);
    }

    /// The changes that lead from the present state to one in which these leaves have these values, and their undo.
    pub(crate) fn changes_to(
        &self,
        leaves: BTreeMap<Hash, Option<Leaf>>,
    ) -> Result<(Changes, Undo), StorageFailed> {
        let now = self.now();
        let mut undo = Vec::with_capacity(leaves.len());
        for key in leaves.keys() {
            undo.push(sapwood_runtime::UndoEntry {
                key: *key,
                old: now.leaf(key)?,
            });
        }
        Ok((leaves.into_iter().collect(), Undo::new(undo)))
    }

    /// Makes the present state, and the headers that lead to it, the ones that are listed.
    pub(crate) fn publish(
        &mut self,
        fork: Height,
        headers: impl IntoIterator<Item = sapwood_primitives::SealedHeader>,
    ) {
        self.main.cut(fork);
        for header in headers {
            self.main.push(header);
        }
        for (name, there) in self.names.drain(..) {
            self.active.set_index(IndexRow::Name(name), there);
        }
        self.release_steps();
    }

    /// Rows that the next checkpoint would write.
    pub(crate) fn unwritten(&self) -> usize {
        self.active.rows.len()
    }

    /// Number of the first segment of the log that must stay.
    pub(crate) fn first_segment(&self) -> u32 {
        self.given_up
    }

    pub(crate) fn is_freezing(&self) -> bool {
        self.frozen.is_some()
    }

    /// Sets aside what the next checkpoint writes. None if there is a checkpoint of this state, one is being written, or this is not the state after `tip`, because a commit failed.
    pub(crate) fn freeze(&mut self, tip: Tip, first_segment: u32) -> Option<Job> {
        if self.at != tip.id || self.frozen.is_some() || self.base.tip().id == tip.id {
            return None;
        }
        let memtable = Arc::new(std::mem::take(&mut self.active));
        self.frozen = Some(Arc::clone(&memtable));
        let (fork, headers) = self.main.freeze();
        Some(Job {
            base: Arc::clone(&self.base),
            tip,
            memtable,
            first_segment,
            rows: self.tree.len(),
            fork,
            headers,
        })
    }

    /// The frozen rows are in the checkpoint now. Gives what was held for them, to be dropped outside of any lock.
    pub(crate) fn arrive(
        &mut self,
        base: Base,
        took: Duration,
    ) -> (Option<Arc<Memtable>>, Arc<Base>) {
        self.checkpoint_took = Some(took);
        self.main.arrive();
        self.given_up = base.first_segment();
        let old = std::mem::replace(&mut self.base, Arc::new(base));
        (self.frozen.take(), old)
    }

    /// Keys of the leaves with work due at a height, rising; in the present state.
    pub(crate) fn due(&self, height: Height) -> Result<Vec<Hash>, StorageFailed> {
        let mut keys: BTreeSet<_> = self.base.due(height)?.into_iter().collect();
        let all = (height, Hash([0; 32]))..=(height, Hash([0xff; 32]));
        for memtable in self.memtables() {
            for ((_, key), there) in memtable.due.range(all.clone()) {
                match there {
                    true => keys.insert(*key),
                    false => keys.remove(key),
                };
            }
        }
        Ok(keys.into_iter().collect())
    }

    /// At most `limit` names after `after`, in order; in the last published state.
    pub(crate) fn names(
        &self,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<Name>, StorageFailed> {
        use std::ops::Bound::{Excluded, Unbounded};
        let mut moved = BTreeMap::new();
        for memtable in self.memtables() {
            let range = (after.map_or(Unbounded, Excluded), Unbounded);
            for (name, there) in memtable.names.range::<Name, _>(range) {
                moved.insert(name, *there);
            }
        }
        let mut moved = moved.into_iter().peekable();
        let mut stored = self.base.names(after)?.peekable();
        let mut names = Vec::new();
        while names.len() < limit {
            // Of the same name in both, the memtable's word counts.
            let moved_first = match (moved.peek(), stored.peek()) {
                (None, None) => break,
                (Some(_), None) => true,
                (Some((moved, _)), Some(Ok(stored))) => *moved <= stored,
                (_, Some(_)) => false,
            };
            if moved_first && let Some((name, there)) = moved.next() {
                stored.next_if(|stored| stored.as_ref().is_ok_and(|stored| stored == name));
                if there {
                    names.push(name.clone());
                }
            } else if let Some(name) = stored.next() {
                names.push(name?);
            }
        }
        Ok(names)
    }

    /// The older one first.
    fn memtables(&self) -> impl Iterator<Item = &Memtable> {
        self.frozen.as_deref().into_iter().chain([&self.active])
    }
}

/// One of the states that are remembered.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    live: &'a Live,
    /// Steps back from the present state.
    steps: usize,
}

impl<'a> At<'a> {
    /// The steps from this state to the present one, the first one first.
    fn steps(&self) -> impl Iterator<Item = &'a Arc<Step>> + use<'a> {
        self.live.past.range(..self.steps).rev()
    }

    /// The encoded leaf under a key.
    pub(crate) fn row(&self, key: &Hash) -> Result<Option<Row>, StorageFailed> {
        match self.row_in_memory(key) {
            Some(row) => Ok(row.cloned()),
            None => Ok(self.row_in_checkpoint(key)?.map(Row::from)),
        }
    }

    /// The leaf under a key.
    pub(crate) fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, StorageFailed> {
        match self.row_in_memory(key) {
            Some(row) => row.map(|row| decode(key, row)).transpose(),
            None => {
                let row = self.row_in_checkpoint(key)?;
                row.map(|row| decode(key, &row)).transpose()
            }
        }
    }

    /// The row, or that there is none, as far as memory knows.
    fn row_in_memory(&self, key: &Hash) -> Option<Option<&'a Row>> {
        let live = self.live;
        for step in live.past.range(..self.steps).rev() {
            if let Ok(index) = step.rows.binary_search_by(|(other, _)| other.cmp(key)) {
                return Some(step.rows[index].1.as_ref());
            }
        }
        let mut memtables = [Some(&live.active), live.frozen.as_deref()]
            .into_iter()
            .flatten();
        memtables.find_map(|memtable| memtable.rows.get(key).map(Option::as_ref))
    }

    /// The row as the checkpoint has it. One that rotted on the disk is known by the tree, which was checked when it was loaded.
    fn row_in_checkpoint(&self, key: &Hash) -> Result<Option<Vec<u8>>, StorageFailed> {
        let row = self.live.base.row(key)?;
        if let Some(row) = &row
            && self.live.tree.leaf_matches(&Key(key.0), &value_hash(row)) == Some(false)
        {
            return Err(damaged(
                format!("the row {key}"),
                "the tree holds another leaf",
            ));
        }
        Ok(row)
    }

    /// The tree of this state.
    pub(crate) fn tree(&self) -> Past<'a> {
        self.live.tree.at(self.steps().map(|step| &step.delta))
    }
}

impl Leaves for At<'_> {
    type Error = StorageFailed;

    fn holds(&self, key: &Key) -> Result<bool, StorageFailed> {
        Ok(self.row(&Hash(key.0))?.is_some())
    }

    fn below(&self, path: &Key, depth: usize) -> Result<Vec<(Key, ValueHash)>, StorageFailed> {
        let (first, last) = path.below(depth).into_inner();
        let (first, last) = (Hash(first.0), Hash(last.0));
        let mut rows = BTreeMap::new();
        for row in self.live.base.rows_between(&first, &last) {
            let (key, row) = row?;
            rows.insert(key, value_hash(&row));
        }
        let mut put = |key: &Hash, row: &Option<Row>| {
            match row {
                Some(row) => rows.insert(*key, value_hash(row)),
                None => rows.remove(key),
            };
        };
        for memtable in self.live.memtables() {
            for (key, row) in memtable.rows.between(first, last) {
                put(key, row);
            }
        }
        for step in self.live.past.range(..self.steps) {
            let from = step.rows.partition_point(|(key, _)| *key < first);
            let rows = step.rows[from..].iter();
            for (key, row) in rows.take_while(|(key, _)| *key <= last) {
                put(key, row);
            }
        }
        Ok(rows
            .into_iter()
            .map(|(key, hash)| (Key(key.0), hash))
            .collect())
    }
}

fn decode(key: &Hash, row: &[u8]) -> Result<Leaf, StorageFailed> {
    codec::read(row).map_err(|e| damaged(format!("the row {key}"), e))
}
