//! Making proofs from a [`Tree`] (specs/04 §4.1).

use alloc::vec::Vec;

use crate::hash::NodeHash;
use crate::key::Key;
use crate::proof::{Form, Proof};
use crate::subtree::{Body, Leaf, hash_leaves, split_leaves};
use crate::tree::Tree;
use crate::wire::MAX_DEPTH;

/// The leaf stands at depth 256, which a proof cannot say: another key in the tree differs from its own only in the last
/// bit. Hashed keys never come to this; a tree that does was not built from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the leaf {key} and another differ only in the last bit of their keys; check where the keys come from"
)]
pub struct TooDeep {
    /// The key asked for.
    pub key: Key,
}

impl Tree {
    /// The proof of what this tree holds at `key`: the leaf, or its absence.
    ///
    /// # Errors
    /// [`TooDeep`] for a leaf that shares 255 bits of its key with another.
    pub fn prove(&self, key: &Key) -> Result<Proof, TooDeep> {
        let mut siblings = Vec::new();
        let mut subtree = &self.top;
        while let Body::Inner(inner) = &subtree.body {
            let (on_path, beside) = ordered(key.bit(siblings.len()), &inner.left, &inner.right);
            siblings.push(beside.hash);
            subtree = on_path;
        }
        let end = descend(subtree.leaves(), key, &mut siblings);
        if siblings.len() > MAX_DEPTH {
            return Err(TooDeep { key: *key });
        }
        let form = match end {
            None => Form::Empty,
            Some(leaf) if leaf.key == *key => Form::Present,
            Some(leaf) => Form::Neighbour {
                suffix: leaf.key.0[siblings.len() / 8..].into(),
                value_hash: leaf.value_hash,
            },
        };
        Ok(Proof { form, siblings })
    }
}

/// Follows the key's path through a bucket and gives the leaf in which it ends, if any.
fn descend<'a>(
    mut leaves: &'a [Leaf],
    key: &Key,
    siblings: &mut Vec<NodeHash>,
) -> Option<&'a Leaf> {
    while leaves.len() > 1 {
        let depth = siblings.len();
        let (left, right) = split_leaves(leaves, depth);
        let (on_path, beside) = ordered(key.bit(depth), left, right);
        siblings.push(hash_leaves(beside, depth + 1));
        leaves = on_path;
    }
    leaves.first()
}

/// The half on the path and the one beside it, for a path that goes right or not.
fn ordered<T>(goes_right: bool, left: T, right: T) -> (T, T) {
    if goes_right {
        (right, left)
    } else {
        (left, right)
    }
}
