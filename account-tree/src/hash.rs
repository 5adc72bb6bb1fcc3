//! The three hashes of the tree (specs/04 §2).
//!
//! A leaf or node is hashed by a single SHA-256 compression from a fixed state, without a padding block: both are exactly
//! one block long, so padding would add a compression and no safety. The state differs for leaves and nodes, so that
//! neither can be read as the other. Values have any length and are padded as usual.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use sha2::block_api::compress256;

use crate::key::{Key, write_hex};

/// SHA-256's chaining value between two blocks.
type State = [u32; 8];

/// The state after the tag block of `sapwood/tree/value`.
const VALUE: State = [
    0xff44_033f,
    0x1562_e870,
    0x5d15_57ce,
    0x08f8_df00,
    0x2cc9_a230,
    0x25bd_832e,
    0x5254_55ec,
    0xf1a4_dc6a,
];

/// The state after the tag block of `sapwood/tree/leaf`.
const LEAF: State = [
    0xea21_61fb,
    0xc504_a3d3,
    0x9324_8749,
    0xf5c7_5b59,
    0x1a65_d899,
    0x26c5_7223,
    0x94d1_f4a4,
    0x1c1d_21e0,
];

/// The state after the tag block of `sapwood/tree/node`.
const NODE: State = [
    0xa2d2_f5e0,
    0x2809_25d8,
    0xaa19_cc21,
    0x3eef_1532,
    0x2d19_efe2,
    0xcb2b_77d4,
    0x597d_59d6,
    0x18d2_2f35,
];

/// Bytes that a SHA-256 block holds.
const BLOCK: usize = 64;

/// Defines a 32-byte hash that is shown as hex.
macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

hash_type! {
    /// What a leaf commits to of its value (specs/04 §2.2).
    ValueHash
}

hash_type! {
    /// The hash of a subtree: of nothing, of one leaf, or of a node (specs/04 §3.2).
    NodeHash
}

hash_type! {
    /// The hash of the whole tree, as block headers carry it (specs/04 §3.3).
    Root
}

impl NodeHash {
    /// The hash of a subtree without leaves.
    pub const EMPTY: Self = Self([0; 32]);
}

/// The hash of a leaf's value, which may have any length.
///
/// An empty value stands for an absent leaf (specs/04 §1.2). It has a hash like any other, and it is for the caller not
/// to put it into a tree; [`verify`](crate::verify) refuses it.
#[must_use]
pub fn value_hash(value: &[u8]) -> ValueHash {
    let mut state = VALUE;
    let (blocks, rest) = value.as_chunks::<BLOCK>();
    compress256(&mut state, blocks);

    // SHA-256's padding: one set bit, zeros, and the length in bits, the tag block included.
    let mut last = [[0; BLOCK]; 2];
    let used = if rest.len() + 9 <= BLOCK { 1 } else { 2 };
    last[0][..rest.len()].copy_from_slice(rest);
    last[0][rest.len()] = 0x80;
    let bits = (BLOCK as u64 + value.len() as u64) * 8;
    last[used - 1][BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
    compress256(&mut state, &last[..used]);
    ValueHash(to_bytes(&state))
}

/// The hash of a leaf, which is also the hash of a subtree that holds this leaf alone.
#[must_use]
#[inline]
pub fn leaf_hash(key: &Key, value_hash: &ValueHash) -> NodeHash {
    compress(LEAF, &key.0, &value_hash.0)
}

/// The hash of a subtree with two leaves or more, from its halves; one of them may be [`NodeHash::EMPTY`].
#[must_use]
#[inline]
pub fn node_hash(left: &NodeHash, right: &NodeHash) -> NodeHash {
    compress(NODE, &left.0, &right.0)
}

/// The hashes of many values; one for each, in order. Many at a time take less than one after the other.
#[must_use]
pub fn value_hashes(values: &[&[u8]]) -> Vec<ValueHash> {
    let mut hashes = vec![[0; 32]; values.len()];
    sapwood_lanes::chains(&VALUE, BLOCK as u64, values, &mut hashes);
    hashes.into_iter().map(ValueHash).collect()
}

/// The hashes of many leaves, each given as key ‖ value hash.
///
/// # Panics
/// If there are not as many places in `out` as leaves.
pub fn leaf_hashes(leaves: &[[u8; 64]], out: &mut [[u8; 32]]) {
    sapwood_lanes::compress_same(&LEAF, leaves, out);
}

/// The hashes of many nodes, each given as left ‖ right.
///
/// # Panics
/// If there are not as many places in `out` as nodes.
pub fn node_hashes(nodes: &[[u8; 64]], out: &mut [[u8; 32]]) {
    sapwood_lanes::compress_same(&NODE, nodes, out);
}

/// One compression of `first ‖ second` (specs/04 §2.1).
#[inline]
fn compress(mut state: State, first: &[u8; 32], second: &[u8; 32]) -> NodeHash {
    let mut block = [0; BLOCK];
    block[..32].copy_from_slice(first);
    block[32..].copy_from_slice(second);
    compress256(&mut state, &[block]);
    NodeHash(to_bytes(&state))
}

/// The state's words, each big-endian.
#[inline]
fn to_bytes(state: &State) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *to = word.to_be_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use sha2::{Digest, Sha256};

    use super::*;

    /// The state from which every SHA-256 starts (FIPS 180-4 §5.3.3).
    const INITIAL: State = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];

    fn tag_block(tag: &str) -> [u8; BLOCK] {
        let digest: [u8; 32] = Sha256::digest(tag).into();
        let mut block = [0; BLOCK];
        block[..32].copy_from_slice(&digest);
        block[32..].copy_from_slice(&digest);
        block
    }

    #[test]
    fn fixed_states_are_those_after_the_tag_blocks() {
        for (tag, expected) in [
            ("sapwood/tree/value", VALUE),
            ("sapwood/tree/leaf", LEAF),
            ("sapwood/tree/node", NODE),
        ] {
            let mut state = INITIAL;
            compress256(&mut state, &[tag_block(tag)]);
            assert_eq!(state, expected, "{tag}");
        }
    }

    #[test]
    fn a_value_is_hashed_as_tagged_sha256_at_every_length_around_the_padding() {
        for length in 0..=300 {
            let value = vec![0xa7; length];
            let expected = Sha256::new()
                .chain_update(tag_block("sapwood/tree/value"))
                .chain_update(&value)
                .finalize();
            assert_eq!(value_hash(&value).0, <[u8; 32]>::from(expected), "{length}");
        }
    }

    #[test]
    fn hashes_made_in_one_call_are_those_made_one_by_one() {
        for count in [0, 1, 15, 16, 17, 40] {
            let blocks: Vec<[u8; BLOCK]> = (0..count).map(|n| [n; BLOCK]).collect();
            let (mut leaves, mut nodes) =
                (vec![[0; 32]; blocks.len()], vec![[0; 32]; blocks.len()]);
            leaf_hashes(&blocks, &mut leaves);
            node_hashes(&blocks, &mut nodes);
            let values: Vec<&[u8]> = blocks.iter().map(<[u8; BLOCK]>::as_slice).collect();
            for (n, hashed) in value_hashes(&values).into_iter().enumerate() {
                let half = [u8::try_from(n).expect("below 40"); 32];
                assert_eq!(leaves[n], leaf_hash(&Key(half), &ValueHash(half)).0);
                assert_eq!(nodes[n], node_hash(&NodeHash(half), &NodeHash(half)).0);
                assert_eq!(hashed, value_hash(values[n]));
            }
            assert_eq!(value_hashes(&values).len(), blocks.len());
        }
    }

    #[test]
    fn a_leaf_and_a_node_of_the_same_bytes_differ() {
        let (a, b) = ([1; 32], [2; 32]);
        assert_ne!(
            leaf_hash(&Key(a), &ValueHash(b)),
            node_hash(&NodeHash(a), &NodeHash(b))
        );
    }

    #[test]
    fn the_sides_of_a_node_are_told_apart() {
        let (a, b) = (NodeHash([1; 32]), NodeHash([2; 32]));
        assert_ne!(node_hash(&a, &b), node_hash(&b, &a));
        assert_ne!(
            node_hash(&a, &NodeHash::EMPTY),
            node_hash(&NodeHash::EMPTY, &a)
        );
    }
}
