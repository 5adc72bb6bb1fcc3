//! Hashing small tries from their leaves (specs/04 §3.2): what the tree does below its slots.
//!
//! [`fold`] follows the specification word for word, for leaves with whole keys or with tags only;
//! [`Forest`](crate::forest::Forest) does the same for many tries at once. [`sprout`] turns leaves that are too many for a bucket into pages.

use core::ops::Range;

use std::boxed::Box;
use std::vec::Vec;

use crate::forest::Twig;
use crate::hash::{NodeHash, node_hash};
use crate::key::Key;
use crate::tree::bucket::{Leaf, Slot};
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

impl Twig for Leaf {
    #[inline]
    fn parting(&self, other: &Self) -> usize {
        (self.tag ^ other.tag).leading_zeros() as usize
    }

    #[inline]
    fn is_right(&self, depth: usize) -> bool {
        tag_bit(self.tag, depth)
    }

    #[inline]
    fn hash(&self) -> NodeHash {
        self.hash
    }
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
    use crate::forest::Forest;

    proptest! {
        #[test]
        fn a_forest_of_tags_has_the_hashes_of_its_tries(
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
                prop_assert_eq!(forest.hash(name), fold(leaves, 0));
            }
        }
    }
}
