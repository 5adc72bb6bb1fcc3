//! Loading a whole tree from sorted leaves, as a stream: [`Tree::load`] from rows, [`Tree::from_leaf_hashes`] from what another
//! tree gave out.

use std::vec::Vec;

use rayon::prelude::*;

use crate::forest::Forest;
use crate::hash::{NodeHash, ValueHash, node_hash};
use crate::key::Key;
use crate::tree::bucket::Leaf;
use crate::tree::lay::Layer;
use crate::tree::place::At;
use crate::tree::rows::keyed;
use crate::tree::store::{HEAP, Spot, Store};
use crate::tree::trie::{Bits, Sprout};
use crate::tree::{Mode, NotRising, Tree};

/// The leaf hashes of [`Tree::from_leaf_hashes`] are not those of a tree. The caller loads the rows instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "leaf hashes must rise strictly by the first 64 bits of their keys, but {tag:016x} does not; load the rows instead"
)]
pub struct Unusable {
    /// The first tag that is not higher than the one before it.
    pub tag: u64,
}

/// Leaves that are laid out at a time.
const CHUNK: usize = 1 << 15;

/// Leaves, or places of the heap, that one thread takes at a time.
const SHARE: usize = 1 << 11;

impl Tree {
    /// Builds the tree of leaves that come by strictly rising keys. `expected` is about how many there are; it decides the tree's
    /// layout and thereby its speed and memory, and nothing else. Little is held beside the tree itself.
    ///
    /// # Errors
    /// [`NotRising`] if the keys do not rise strictly. The leaves after the first one out of order are not read.
    pub fn load(
        mode: Mode,
        expected: usize,
        leaves: impl IntoIterator<Item = (Key, ValueHash)>,
    ) -> Result<Self, NotRising> {
        let mut last = None;
        let mut refused = None;
        let rising = leaves.into_iter().map_while(|(key, value_hash)| {
            if last.is_some_and(|last| last >= key) {
                refused = Some(NotRising { key });
                return None;
            }
            last = Some(key);
            Some((key, value_hash))
        });
        let mut loader = Loader::new(mode, expected);
        // Fused, so that nothing after the first refused leaf is looked at.
        loader.take(rising.fuse(), |(key, _)| key.tag(), keyed);
        refused.map_or_else(|| Ok(loader.finish()), Err)
    }

    /// Builds the tree of the fast mode from what [`leaf_hashes`](Self::leaf_hashes) gave. It is the tree of those hashes whatever
    /// they are; the caller compares its root with the one that it should have.
    ///
    /// # Errors
    /// [`Unusable`] if the tags do not rise strictly, so that whole keys are needed.
    pub fn from_leaf_hashes(
        expected: usize,
        leaves: impl IntoIterator<Item = (u64, NodeHash)>,
    ) -> Result<Self, Unusable> {
        let mut last = None;
        let mut refused = None;
        let rising = leaves.into_iter().map_while(|(tag, hash)| {
            if last.is_some_and(|last| last >= tag) {
                refused = Some(Unusable { tag });
                return None;
            }
            last = Some(tag);
            Some(Leaf { tag, hash })
        });
        let mut loader = Loader::new(Mode::Fast, expected);
        loader.take(rising.fuse(), |leaf| leaf.tag, <[Leaf]>::to_vec);
        refused.map_or_else(|| Ok(loader.finish()), Err)
    }
}

/// A tree whose slots are being filled from left to right.
struct Loader {
    mode: Mode,
    store: Store,
    len: usize,
}

impl Loader {
    fn new(mode: Mode, expected: usize) -> Self {
        Self {
            mode,
            store: Store::new(mode.heap_levels(expected)),
            len: 0,
        }
    }

    /// Lays out all leaves of a stream. `hash` makes leaves from what the stream gives.
    fn take<R: Sync, T: Bits>(
        &mut self,
        mut stream: impl Iterator<Item = R>,
        tag: impl Fn(&R) -> u64 + Sync,
        hash: impl Fn(&[R]) -> Vec<T> + Sync,
    ) {
        let levels = self.store.levels;
        let slot = |row: &R| At::of(tag(row), levels);
        let mut rows: Vec<R> = Vec::with_capacity(CHUNK);
        loop {
            let held = rows.len();
            rows.extend(stream.by_ref().take(CHUNK));
            // The last slot may go on in what comes next.
            let end = match rows.last() {
                Some(last) if rows.len() > held => {
                    rows.partition_point(|row| slot(row) < slot(last))
                }
                _ => rows.len(),
            };
            let mut shares = Vec::new();
            let mut rest = &rows[..end];
            while let Some(last) = rest.get(SHARE.min(rest.len()).wrapping_sub(1)) {
                let (share, more) =
                    rest.split_at(rest.partition_point(|row| slot(row) <= slot(last)));
                shares.push(share);
                rest = more;
            }
            let bound = self.mode.bucket_bound();
            let laid: Vec<Share> = shares
                .par_iter()
                .map(|share| Share::new(&hash(share), levels, bound))
                .collect();
            laid.into_iter().for_each(|share| self.plant(share));
            self.len += end;
            if rows.len() == held {
                break;
            }
            rows.drain(..end);
        }
    }

    fn plant(&mut self, share: Share) {
        let keep = self.mode == Mode::Fast;
        for (at, hash, sprout) in share.slots {
            let spot = Spot { at, page: HEAP };
            let old = *self.store.slot_mut(spot);
            let slot = sprout.plant(&mut self.store, old, HEAP, &share.leaves, keep);
            *self.store.slot_mut(spot) = slot;
            *self.store.hash_mut(spot) = hash;
        }
    }

    /// Hashes the heap from its slots to the root.
    fn finish(mut self) -> Tree {
        for depth in (0..self.store.levels).rev() {
            for first in (1 << depth..2 << depth).step_by(CHUNK) {
                let last = (first + CHUNK as u64).min(2 << depth);
                let numbers: Vec<u64> = (first..last).collect();
                let hashes: Vec<NodeHash> = numbers
                    .par_iter()
                    .with_min_len(SHARE)
                    .map(|number| place_hash(&self.store, At(*number)))
                    .collect();
                for (number, hash) in numbers.into_iter().zip(hashes) {
                    let spot = Spot {
                        at: At(number),
                        page: HEAP,
                    };
                    *self.store.hash_mut(spot) = hash;
                }
            }
        }
        Tree {
            mode: self.mode,
            store: self.store,
            len: self.len,
            version: 0,
        }
    }
}

/// The hash of a place inside the heap, from those of its children.
fn place_hash(store: &Store, at: At) -> NodeHash {
    let [left, right] = [false, true].map(|right| Spot {
        at: at.child(right),
        page: HEAP,
    });
    match *store.pair(left) {
        [NodeHash::EMPTY, NodeHash::EMPTY] => NodeHash::EMPTY,
        [only, NodeHash::EMPTY] if store.is_lone(left) => only,
        [NodeHash::EMPTY, only] if store.is_lone(right) => only,
        [left, right] => node_hash(&left, &right),
    }
}

/// Some slots, laid out by one thread.
struct Share {
    leaves: Vec<Leaf>,
    slots: Vec<(At, NodeHash, Sprout)>,
}

impl Share {
    /// Lays out leaves for slots at `depth`.
    fn new<T: Bits>(leaves: &[T], depth: usize, bound: usize) -> Self {
        let mut forest = Forest::default();
        let mut layer = Layer::new(bound, &mut forest);
        let at = |leaf: &T| At::of(leaf.leaf().tag, depth);
        let laid: Vec<(At, usize, Sprout)> = leaves
            .chunk_by(|a, b| at(a) == at(b))
            .map(|leaves| {
                let (name, sprout) = layer.lay(leaves, depth);
                (at(&leaves[0]), name, sprout)
            })
            .collect();
        let hashes = layer.grow();
        let slots = laid
            .into_iter()
            .map(|(at, name, sprout)| (at, hashes.hash(name), sprout))
            .collect();
        Self {
            slots,
            leaves: hashes.into_leaves(),
        }
    }
}
