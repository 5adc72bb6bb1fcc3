//! [`Levels`]: the places whose hashes a batch changes, depth by depth from the slots up.

use std::vec::Vec;

use crate::forest::{BATCH, block};
use crate::hash::{NodeHash, node_hashes};
use crate::tree::store::{Spot, Store};

/// A place with a new hash.
#[derive(Clone, Copy)]
pub(crate) struct Changed {
    pub(crate) spot: Spot,
    pub(crate) hash: NodeHash,
    /// Whether exactly one leaf is below it now.
    pub(crate) lone: bool,
}

/// Changed places by depth, those of one depth from left to right.
#[derive(Default)]
pub(crate) struct Levels(Vec<Vec<Changed>>);

impl Levels {
    pub(crate) fn at(&self, depth: usize) -> &[Changed] {
        self.0.get(depth).map_or(&[], Vec::as_slice)
    }

    /// The number of depths, the last of which is the deepest with a change.
    pub(crate) fn depths(&self) -> usize {
        self.0.len()
    }

    /// All changed places.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// The places at `depth`, which are then no longer here.
    pub(crate) fn take(&mut self, depth: usize) -> Vec<Changed> {
        self.0
            .get_mut(depth)
            .map(core::mem::take)
            .unwrap_or_default()
    }

    /// Makes room for places at a depth.
    pub(crate) fn reserve(&mut self, depth: usize, count: usize) {
        self.depth_mut(depth).reserve(count);
    }

    /// Adds a place to the right of all others of its depth.
    #[inline]
    pub(crate) fn push(&mut self, changed: Changed) {
        self.depth_mut(changed.spot.at.depth()).push(changed);
    }

    /// Adds places to the right of all others of their depth.
    pub(crate) fn append(&mut self, depth: usize, mut right: Vec<Changed>) {
        self.depth_mut(depth).append(&mut right);
    }

    fn depth_mut(&mut self, depth: usize) -> &mut Vec<Changed> {
        if self.0.len() <= depth {
            self.0.resize_with(depth + 1, Vec::new);
        }
        &mut self.0[depth]
    }

    /// Finds the new hashes of all places above those that are here, up to `top`.
    pub(crate) fn climb(&mut self, store: &Store, top: usize) {
        for depth in (top + 1..self.depths()).rev() {
            let parents = parents(store, &self.0[depth]);
            let above = &mut self.0[depth - 1];
            if above.is_empty() {
                *above = parents;
            } else {
                // Slots of that depth, and places above deeper slots. The sort finds two runs and merges them.
                above.extend(parents);
                above.sort_by_key(|changed| changed.spot.at);
            }
        }
    }
}

/// Places whose pairs are fetched together.
const AHEAD: usize = 64;

/// The places above those of one depth, with their hashes.
fn parents(store: &Store, level: &[Changed]) -> Vec<Changed> {
    let mut parents = Vec::with_capacity(level.len());
    let mut hasher = Hasher::new();
    let fetched = level.chunks(AHEAD).flat_map(|few| {
        store.fetch_pairs(few.iter().map(|changed| changed.spot));
        few
    });
    let mut level = fetched.peekable();
    while let Some(changed) = level.next() {
        let spot = store.parent(changed.spot);
        let other = level.next_if(|next| next.spot.at.parent() == spot.at);
        let mut pair = other.map_or_else(
            || *store.pair(changed.spot),
            |other| [changed.hash, other.hash],
        );
        pair[changed.spot.at.side()] = changed.hash;

        let (hash, lone) = match pair {
            [NodeHash::EMPTY, NodeHash::EMPTY] => (NodeHash::EMPTY, false),
            // One leaf alone moves up unhashed (specs/04 §3.2).
            [only, NodeHash::EMPTY] | [NodeHash::EMPTY, only] if is_lone(store, changed, other) => {
                (only, true)
            }
            [left, right] => {
                hasher.push(parents.len(), &left, &right, &mut parents);
                (NodeHash::EMPTY, false)
            }
        };
        parents.push(Changed { spot, hash, lone });
    }
    hasher.flush(&mut parents);
    parents
}

/// Whether the half that is not empty holds one leaf. `other` is the sibling of `changed`, if it has changed too.
fn is_lone(store: &Store, changed: &Changed, other: Option<&Changed>) -> bool {
    match other {
        _ if changed.hash != NodeHash::EMPTY => changed.lone,
        Some(other) => other.lone,
        None => {
            let mut sibling = changed.spot;
            sibling.at.0 ^= 1;
            store.is_lone(sibling)
        }
    }
}

/// Nodes that wait until there are enough to be hashed in one call.
struct Hasher {
    blocks: [[u8; 64]; BATCH],
    /// Where the hashes go.
    targets: [usize; BATCH],
    used: usize,
}

impl Hasher {
    fn new() -> Self {
        Self {
            blocks: [[0; 64]; BATCH],
            targets: [0; BATCH],
            used: 0,
        }
    }

    #[inline]
    fn push(&mut self, target: usize, left: &NodeHash, right: &NodeHash, places: &mut [Changed]) {
        if self.used == BATCH {
            self.flush(places);
        }
        self.blocks[self.used] = block(left, right);
        self.targets[self.used] = target;
        self.used += 1;
    }

    fn flush(&mut self, places: &mut [Changed]) {
        let mut out = [[0; 32]; BATCH];
        node_hashes(&self.blocks[..self.used], &mut out[..self.used]);
        for (target, hash) in self.targets[..self.used].iter().zip(&out) {
            places[*target].hash = NodeHash(*hash);
        }
        self.used = 0;
    }
}
