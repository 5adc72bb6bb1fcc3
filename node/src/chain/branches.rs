//! What is known of the blocks beside the main chain: parent, height, work.
//!
//! The blocks themselves are in the store. This index is rebuilt from it at start, and bounded together with it: [`Branches::trim`] says which blocks the store forgets.

use sapwood_primitives::chain::Consensus;
use sapwood_primitives::work::Work;
use sapwood_primitives::{BlockId, Height};
use sapwood_runtime::Link;
use sapwood_store::{StorageFailed, View};
use std::collections::{BTreeMap, BTreeSet};

/// Side blocks that are stored on a chain with a small cap: enough for any play with branches there.
const MIN_SIDE_BLOCKS: usize = 1_024;

/// Side blocks that are stored: room for three branches of the most blocks that a reorg may undo, so that junk beside the one that will win does not push it out. On main these are 2,160, of at most 256 KiB
/// each. When there are more, branch ends go.
pub fn max_side_blocks(rules: &Consensus) -> usize {
    let three = usize::try_from(rules.reorg_cap.saturating_mul(3)).unwrap_or(usize::MAX);
    three.max(MIN_SIDE_BLOCKS)
}

/// A block beside the main chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) parent: BlockId,
    pub(super) height: Height,
    pub(super) work: Work,
}

/// All side blocks by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Branches {
    blocks: BTreeMap<BlockId, Side>,
}

impl Branches {
    /// Finds the side blocks in a store.
    pub(super) fn load(view: &View) -> Result<Self, StorageFailed> {
        let mut branches = Self::default();
        for (id, entry) in view.entries() {
            if view.height_of(&id)?.is_none() {
                let side = Side {
                    parent: entry.parent,
                    height: entry.height,
                    work: entry.work,
                };
                branches.blocks.insert(id, side);
            }
        }
        Ok(branches)
    }

    pub(super) fn contains(&self, id: &BlockId) -> bool {
        self.blocks.contains_key(id)
    }

    pub(super) fn insert(&mut self, link: &Link, parent: BlockId) {
        let side = Side {
            parent,
            height: link.height,
            work: link.work,
        };
        self.blocks.insert(link.id, side);
    }

    pub(super) fn remove(&mut self, id: &BlockId) -> Option<Side> {
        self.blocks.remove(id)
    }

    /// The side blocks from the main chain up to `id`, lowest first, and the block below them. That one is on the main chain, unless it was pruned.
    pub(super) fn path_to(&self, id: BlockId) -> (BlockId, Vec<BlockId>) {
        let mut below = id;
        let mut path = Vec::new();
        while let Some(side) = self.blocks.get(&below) {
            path.push(below);
            below = side.parent;
        }
        path.reverse();
        (below, path)
    }

    /// `id` and all side blocks above it.
    pub(super) fn with_descendants(&self, id: BlockId) -> BTreeSet<BlockId> {
        let mut by_height: Vec<_> = self.blocks.iter().collect();
        by_height.sort_by_key(|(_, side)| side.height);
        let mut found = BTreeSet::from([id]);
        for (child, side) in by_height {
            if found.contains(&side.parent) {
                found.insert(*child);
            }
        }
        found
    }

    /// The ends of the branches, heaviest first.
    pub(super) fn ends(&self) -> Vec<(BlockId, Side)> {
        let parents: BTreeSet<_> = self.blocks.values().map(|side| side.parent).collect();
        let ends = self.blocks.iter().filter(|(id, _)| !parents.contains(id));
        let mut ends: Vec<_> = ends.map(|(id, side)| (*id, side.clone())).collect();
        ends.sort_by_key(|(id, side)| (std::cmp::Reverse(side.work), *id));
        ends
    }

    /// For each side block the height at which its branch leaves the main chain.
    fn forks(&self) -> BTreeMap<BlockId, Height> {
        let mut by_height: Vec<_> = self.blocks.iter().collect();
        by_height.sort_by_key(|(_, side)| side.height);
        let mut forks = BTreeMap::new();
        for (id, side) in by_height {
            let below = side.height.minus(1).unwrap_or(Height::GENESIS);
            let fork = forks.get(&side.parent).copied().unwrap_or(below);
            forks.insert(*id, fork);
        }
        forks
    }

    /// Drops blocks at heights up to and including `height`, as the store does by itself.
    pub(super) fn prune(&mut self, height: Height) {
        self.blocks.retain(|_, side| side.height > height);
    }

    /// Drops branch ends until no more blocks are left than the rules allow, and names what was dropped. Those go first that can no longer be followed and that no operator needs to see: they fork deeper
    /// below the tip than the cap and are not heavier than it. Then those with the least work go; of ends with equal work, the newcomer.
    pub(super) fn trim(
        &mut self,
        rules: &Consensus,
        tip: &Link,
        newcomer: Option<BlockId>,
    ) -> Vec<(Height, BlockId)> {
        let max = max_side_blocks(rules);
        let mut dropped = Vec::new();
        if self.blocks.len() <= max {
            return dropped;
        }
        let forks = self.forks();
        let is_open = |id: &BlockId, side: &Side| {
            side.work > tip.work || tip.height.since(forks[id]) <= rules.reorg_cap
        };
        while self.blocks.len() > max {
            let ends = self.ends().into_iter();
            let least = ends.min_by_key(|(id, side)| {
                let newest = Some(*id) == newcomer;
                (is_open(id, side), side.work, !newest, *id)
            });
            let Some((id, side)) = least else {
                break;
            };
            self.blocks.remove(&id);
            dropped.push((side.height, id));
        }
        dropped
    }
}
