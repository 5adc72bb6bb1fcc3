//! Hashing small tries from their leaves (specs/04 §3.2): what the tree does below its slots.
//!
//! [`fold`] follows the specification word for word, for leaves with whole keys or with tags only. [`Forest`] does the same
//! for many tries at once, depth by depth, so that there are always many nodes that can be hashed side by side.
//! [`sprout`] turns leaves that are too many for a bucket into pages.

use core::ops::Range;

use std::boxed::Box;
use std::vec::Vec;

use crate::hash::{NodeHash, node_hash, node_hashes};
use crate::key::Key;
use crate::tree::bucket::{Leaf, Slot, tags_tie};
use crate::tree::place::tag_bit;
use crate::tree::store::{MAX_SPLIT, PAGE_LEVELS, Page, Store};

/// A leaf whose key is known far enough to tell it from the others of its trie.
pub(crate) trait Bits {
    /// The bits that are known.
    const BITS: usize;
    fn bit(&self, depth: usize) -> bool;
    /// The leaf as a bucket keeps it.
    fn leaf(&self) -> Leaf;
}

impl Bits for Leaf {
    const BITS: usize = 64;

    #[inline]
    fn bit(&self, depth: usize) -> bool {
        tag_bit(self.tag, depth)
    }

    #[inline]
    fn leaf(&self) -> Leaf {
        *self
    }
}

/// A leaf with its whole key.
#[derive(Clone, Copy)]
pub(crate) struct KeyedLeaf {
    pub(crate) key: Key,
    pub(crate) hash: NodeHash,
}

impl Bits for KeyedLeaf {
    const BITS: usize = 256;

    #[inline]
    fn bit(&self, depth: usize) -> bool {
        self.key.bit(depth)
    }

    #[inline]
    fn leaf(&self) -> Leaf {
        Leaf {
            tag: self.key.tag(),
            hash: self.hash,
        }
    }
}

/// The leaves of the left and of the right half of a trie at `depth`.
#[inline]
pub(crate) fn halves<T: Bits>(leaves: &[T], depth: usize) -> (&[T], &[T]) {
    leaves.split_at(leaves.partition_point(|leaf| !leaf.bit(depth)))
}

/// The hash of the trie at `depth` with these leaves, which differ, share their first `depth` bits and stand in order.
pub(crate) fn fold<T: Bits>(leaves: &[T], depth: usize) -> NodeHash {
    match leaves {
        [] => NodeHash::EMPTY,
        [leaf] => leaf.leaf().hash,
        _ => {
            let (left, right) = halves(leaves, depth);
            node_hash(&fold(left, depth + 1), &fold(right, depth + 1))
        }
    }
}

/// A block of two hashes.
#[inline]
pub(crate) fn block(left: &NodeHash, right: &NodeHash) -> [u8; 64] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(&left.0);
    block[32..].copy_from_slice(&right.0);
    block
}

/// Blocks hashed in one call: several times the widest engine's lanes, and small enough for the innermost cache.
pub(crate) const BATCH: usize = 64;

/// Depths at which a node of leaves with different tags can be.
const DEPTHS: usize = 64;

/// Tries that are hashed together.
#[derive(Default)]
pub(crate) struct Forest {
    /// One for each leaf. The first leaf of a subtree has the subtree's hash as soon as that is known.
    hashes: Vec<NodeHash>,
    /// The nodes to be hashed at each depth.
    nodes: Vec<Vec<Node>>,
}

/// A node to be hashed, by the first leaves of its halves.
struct Node {
    /// The first leaf below the node: of its left half, or of the only one that is not empty.
    first: u32,
    right: Half,
}

enum Half {
    Both(u32),
    OnlyLeft,
    OnlyRight,
}

impl Forest {
    /// Adds the trie at `depth` with these leaves, at least one, and gives the name by which to ask for its hash. Nothing
    /// if two of them have one tag.
    pub(crate) fn add(&mut self, leaves: &[Leaf], depth: usize) -> Option<usize> {
        if tags_tie(leaves) {
            return None;
        }
        let first = self.hashes.len();
        self.hashes.extend(leaves.iter().map(|leaf| leaf.hash));
        self.nodes.resize_with(DEPTHS, Vec::new);
        self.plant(
            leaves,
            depth,
            u32::try_from(first).expect("a batch is far smaller"),
        );
        Some(first)
    }

    /// Gives a hash that is known a name as well.
    pub(crate) fn note(&mut self, hash: NodeHash) -> usize {
        self.hashes.push(hash);
        self.hashes.len() - 1
    }

    /// `first` is the index of the first of `leaves`.
    fn plant(&mut self, leaves: &[Leaf], depth: usize, first: u32) {
        let [low, .., high] = leaves else {
            return;
        };
        // All nodes above the one where the leaves part have one empty half.
        let parting = (low.tag ^ high.tag).leading_zeros() as usize;
        for depth in depth..parting {
            let right = if tag_bit(low.tag, depth) {
                Half::OnlyRight
            } else {
                Half::OnlyLeft
            };
            self.nodes[depth].push(Node { first, right });
        }
        let (left, right) = halves(leaves, parting);
        let middle = first + u32::try_from(left.len()).expect("a batch is far smaller");
        self.nodes[parting].push(Node {
            first,
            right: Half::Both(middle),
        });
        self.plant(left, parting + 1, first);
        self.plant(right, parting + 1, middle);
    }

    /// Forgets all tries and keeps their memory.
    pub(crate) fn clear(&mut self) {
        self.hashes.clear();
        self.nodes.iter_mut().for_each(Vec::clear);
    }

    /// Hashes all that has been added.
    pub(crate) fn grow(&mut self) {
        let (mut blocks, mut out) = ([[0; 64]; BATCH], [[0; 32]; BATCH]);
        for nodes in self.nodes.iter_mut().rev() {
            for nodes in nodes.chunks(BATCH) {
                for (node, block) in nodes.iter().zip(&mut blocks) {
                    let (left, right) = node.halves(&self.hashes);
                    block[..32].copy_from_slice(&left.0);
                    block[32..].copy_from_slice(&right.0);
                }
                node_hashes(&blocks[..nodes.len()], &mut out[..nodes.len()]);
                for (node, hash) in nodes.iter().zip(&out) {
                    self.hashes[node.first as usize] = NodeHash(*hash);
                }
            }
            nodes.clear();
        }
    }

    /// The hash under a name, once grown.
    pub(crate) fn root(&self, name: usize) -> NodeHash {
        self.hashes[name]
    }
}

impl Node {
    #[inline]
    fn halves<'a>(&self, hashes: &'a [NodeHash]) -> (&'a NodeHash, &'a NodeHash) {
        let first = &hashes[self.first as usize];
        match self.right {
            Half::Both(right) => (first, &hashes[right as usize]),
            Half::OnlyLeft => (first, &NodeHash::EMPTY),
            Half::OnlyRight => (&NodeHash::EMPTY, first),
        }
    }
}

/// What is to stand at a slot.
pub(crate) enum Sprout {
    /// These leaves of a list beside it; perhaps none.
    Leaves(Range<usize>),
    Page(Box<NewPage>),
}

/// A page that is still to be added.
pub(crate) struct NewPage {
    pairs: [[NodeHash; 2]; 3],
    below: [Sprout; 1 << PAGE_LEVELS],
}

/// Lays the leaves of a slot at `depth` out in buckets of at most `bound` leaves, with as many pages as that takes. The leaves
/// are appended to `kept`, to which the buckets' ranges refer. Gives the hash of the slot's place as well.
pub(crate) fn sprout<T: Bits>(
    leaves: &[T],
    depth: usize,
    bound: usize,
    kept: &mut Vec<Leaf>,
) -> (NodeHash, Sprout) {
    if leaves.len() <= bound || depth >= MAX_SPLIT {
        let first = kept.len();
        kept.extend(leaves.iter().map(T::leaf));
        return (fold(leaves, depth), Sprout::Leaves(first..kept.len()));
    }
    let (left, right) = halves(leaves, depth);
    let halves = [left, right].map(|half| halves(half, depth + 1));
    let mut pairs = [[NodeHash::EMPTY; 2]; 3];
    let below = [halves[0].0, halves[0].1, halves[1].0, halves[1].1];
    let mut slot = 0;
    let below = below.map(|leaves| {
        let (hash, below) = sprout(leaves, depth + PAGE_LEVELS, bound, kept);
        pairs[1 + slot / 2][slot % 2] = hash;
        slot += 1;
        below
    });
    for (side, half) in [left, right].into_iter().enumerate() {
        let [first, second] = pairs[1 + side];
        pairs[0][side] = match half {
            [] => NodeHash::EMPTY,
            [leaf] => leaf.leaf().hash,
            _ => node_hash(&first, &second),
        };
    }
    // More leaves than the bound, so more than one.
    let hash = node_hash(&pairs[0][0], &pairs[0][1]);
    (hash, Sprout::Page(Box::new(NewPage { pairs, below })))
}

impl Sprout {
    /// Puts it where `old` was and gives what now stands in the slot, which is in page `parent`.
    pub(crate) fn plant(
        self,
        store: &mut Store,
        old: Slot,
        parent: u32,
        leaves: &[Leaf],
        keep: bool,
    ) -> Slot {
        match self {
            Self::Leaves(range) if keep => store.arena.replace(old, &leaves[range]),
            Self::Leaves(range) => rows(range.len()),
            Self::Page(new) => {
                store.arena.free(old);
                let NewPage { pairs, below } = *new;
                let page = store.add_page(Page {
                    pairs,
                    slots: [Slot::Empty; 4],
                    parent,
                });
                for (index, sprout) in below.into_iter().enumerate() {
                    let slot = sprout.plant(store, Slot::Empty, page, leaves, keep);
                    store.page_mut(page).slots[index] = slot;
                }
                Slot::Page(page)
            }
        }
    }
}

/// The slot of that many leaves in the lean mode.
fn rows(len: usize) -> Slot {
    match u32::try_from(len) {
        Ok(0) => Slot::Empty,
        Ok(len) => Slot::Rows { len },
        Err(_) => Slot::Rows { len: u32::MAX },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_forest_has_the_hashes_of_its_tries(
            tries in prop::collection::vec(prop::collection::btree_set(
                prop_oneof![any::<u64>(), (0..64u32, any::<u64>()).prop_map(|(bits, tag)| tag >> bits)], 1..12), 1..20)
        ) {
            let tries: Vec<Vec<Leaf>> = tries.iter().map(|tags| tags.iter().map(|tag| {
                Leaf { tag: *tag, hash: NodeHash([tag.count_ones() as u8 + 1; 32]) }
            }).collect()).collect();
            let mut forest = Forest::default();
            let names: Vec<_> = tries.iter().map(|leaves| forest.add(leaves, 0)).collect();
            forest.grow();
            for (leaves, name) in tries.iter().zip(names) {
                prop_assert_eq!(forest.root(name.expect("no tags tie")), fold(leaves, 0));
            }
        }
    }

    #[test]
    fn tags_that_tie_are_not_taken() {
        let leaf = Leaf {
            tag: 7,
            hash: NodeHash([1; 32]),
        };
        assert_eq!(Forest::default().add(&[leaf, leaf], 0), None);
    }
}
