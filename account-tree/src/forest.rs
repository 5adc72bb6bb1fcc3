//! [`Forest`]: the hashes of many small tries at once (specs/04 §3.2).
//!
//! All nodes of all tries are hashed depth by depth, so that there are always many that can be hashed side by side.

use alloc::vec::Vec;

use crate::hash::{NodeHash, node_hashes};

/// A leaf as a forest takes it. Leaves of one trie differ, share the bits above it, and stand in order.
pub(crate) trait Twig {
    /// The depth at which two different leaves part: the number of bits that they share.
    fn parting(&self, other: &Self) -> usize;
    /// On which side of a node at `depth` it lies.
    fn is_right(&self, depth: usize) -> bool;
    /// Its hash.
    fn hash(&self) -> NodeHash;
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
    /// Adds the trie at `depth` with these leaves and gives the name by which to ask for its hash.
    pub(crate) fn add<T: Twig>(&mut self, leaves: &[T], depth: usize) -> usize {
        if leaves.is_empty() {
            return self.note(NodeHash::EMPTY);
        }
        let name = self.hashes.len();
        self.hashes.extend(leaves.iter().map(T::hash));
        let first = u32::try_from(name).expect("a batch is far smaller");
        self.plant(leaves, depth, first);
        name
    }

    /// Gives a hash that is known a name as well.
    pub(crate) fn note(&mut self, hash: NodeHash) -> usize {
        self.hashes.push(hash);
        self.hashes.len() - 1
    }

    /// `first` is the index of the first of `leaves`.
    fn plant<T: Twig>(&mut self, leaves: &[T], depth: usize, first: u32) {
        let [low, .., high] = leaves else {
            return;
        };
        // All nodes above the one where the leaves part have one empty half.
        let parting = low.parting(high);
        if self.nodes.len() <= parting {
            self.nodes.resize_with(parting + 1, Vec::new);
        }
        for depth in depth..parting {
            let right = if low.is_right(depth) {
                Half::OnlyRight
            } else {
                Half::OnlyLeft
            };
            self.nodes[depth].push(Node { first, right });
        }
        let middle = leaves.partition_point(|leaf| !leaf.is_right(parting));
        let (left, right) = leaves.split_at(middle);
        let middle = first + u32::try_from(middle).expect("a batch is far smaller");
        self.nodes[parting].push(Node {
            first,
            right: Half::Both(middle),
        });
        self.plant(left, parting + 1, first);
        self.plant(right, parting + 1, middle);
    }

    /// Forgets all tries and keeps their memory.
    #[cfg(feature = "tree")]
    pub(crate) fn clear(&mut self) {
        self.hashes.clear();
        self.nodes.iter_mut().for_each(Vec::clear);
    }

    /// Hashes all that has been added.
    pub(crate) fn grow(&mut self) {
        let (mut blocks, mut out) = ([[0; 64]; BATCH], [[0; 32]; BATCH]);
        for nodes in self.nodes.iter_mut().rev() {
            for nodes in nodes.chunks(BATCH) {
                for (node, to) in nodes.iter().zip(&mut blocks) {
                    let (left, right) = node.halves(&self.hashes);
                    *to = block(left, right);
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
    pub(crate) fn hash(&self, name: usize) -> NodeHash {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Key;
    use crate::shape::{Keyed, hash_leaves};

    impl Keyed for (Key, NodeHash) {
        fn key(&self) -> &Key {
            &self.0
        }
    }

    proptest! {
        #[test]
        fn a_forest_has_the_hashes_of_its_tries(
            tries in prop::collection::vec(prop::collection::btree_set(
                // Short prefixes and long ones, up to keys that differ in one of their last bits.
                prop_oneof![any::<[u8; 32]>(), (0..32usize, any::<u8>()).prop_map(|(at, byte)| {
                    let mut key = [0; 32];
                    key[at] = byte;
                    key
                })], 0..12), 1..20)
        ) {
            let tries: Vec<Vec<(Key, NodeHash)>> = tries.iter().map(|keys| {
                keys.iter().map(|key| (Key(*key), NodeHash([key[0] ^ key[31] ^ 0x5a; 32]))).collect()
            }).collect();
            let mut forest = Forest::default();
            let names: Vec<_> = tries.iter().map(|leaves| forest.add(leaves, 0)).collect();
            forest.grow();
            for (leaves, name) in tries.iter().zip(names) {
                prop_assert_eq!(forest.hash(name), hash_leaves(leaves, 0, &|(_, hash)| *hash));
            }
        }
    }
}
