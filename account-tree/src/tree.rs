//! [`Tree`]: loading it, changing it by batches, its root. Its inner structure is in `subtree`, proofs are in `prove`.
//! Follows specs/04 §3.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::hash::{Root, ValueHash, node_hash};
use crate::key::Key;
use crate::subtree::{BUCKET, Body, Leaf, Loader, Subtree};

/// A change of one leaf: its new value hash, or `None` to remove it.
pub(crate) type Change = (Key, Option<ValueHash>);

/// The set of leaves of one state, and its root.
///
/// A clone copies one pointer. Trees that came from one another share all that is equal, so a node can keep the trees of
/// many recent blocks for little more than their differences.
#[derive(Clone)]
pub struct Tree {
    pub(crate) top: Subtree,
}

/// The keys of a load or a batch do not rise strictly: one is lower than or equal to the one before it. The caller sorts
/// them, or decides which of two equal ones it meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "keys must rise strictly, but key {key} follows a key that is not lower; sort the keys and keep each once"
)]
pub struct NotRising {
    /// The first key that is out of order.
    pub key: Key,
}

/// Paths that are looked ahead on at a time: about as many reads as a processor keeps under way.
const PATHS: usize = 8;

impl Tree {
    /// The tree without leaves. Its root is 0³².
    #[must_use]
    pub const fn new() -> Self {
        Self {
            top: Subtree::EMPTY,
        }
    }

    /// Builds the tree of the given leaves in one pass, each hashed once, with nothing held beside the tree itself.
    ///
    /// # Errors
    /// [`NotRising`] if the keys do not rise strictly. The leaves after the first one out of order are not read.
    pub fn from_sorted(
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
            Some(Leaf::new(key, value_hash))
        });
        // The iterator is fused so that nothing after the first refused leaf is looked at.
        let top = Loader::new(rising.fuse()).subtree(Key([0; 32]), 0);
        refused.map_or(Ok(Self { top }), Err)
    }

    /// The tree after a batch of changes, given by strictly rising keys. To remove a leaf that is absent, or to set one to
    /// the value that it has, changes nothing.
    ///
    /// Each touched inner node is hashed once for the whole batch; nodes below which nothing changes are shared.
    ///
    /// # Errors
    /// [`NotRising`] if the keys do not rise strictly.
    pub fn update(&self, batch: &[(Key, Option<ValueHash>)]) -> Result<Self, NotRising> {
        let mut next = self.clone();
        next.apply(batch)?;
        Ok(next)
    }

    /// As [`update`](Self::update), but turns this tree into the next one. Nodes that no clone holds are changed where
    /// they are, which is faster.
    ///
    /// # Errors
    /// [`NotRising`] if the keys do not rise strictly; the tree is as it was.
    pub fn apply(&mut self, batch: &[(Key, Option<ValueHash>)]) -> Result<(), NotRising> {
        if let Some(pair) = batch.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            return Err(NotRising { key: pair[1].0 });
        }
        apply(&mut self.top, batch, 0);
        Ok(())
    }

    /// The hash that commits to all leaves. It depends on nothing but them (specs/04 §3.3).
    #[must_use]
    pub fn root(&self) -> Root {
        Root(self.top.hash.0)
    }

    /// The number of leaves.
    #[must_use]
    pub fn len(&self) -> usize {
        self.top.len
    }

    /// Whether there are no leaves at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Tree {
    /// Shows the root and the number of leaves; the leaves themselves may be millions.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tree")
            .field("root", &self.root())
            .field("len", &self.len())
            .finish()
    }
}

/// Applies changes whose keys all lie in the subtree at `depth`. A node that nobody else holds is changed where it is:
/// taking memory for a copy and giving the old node's back costs more than all the hashes.
fn apply(subtree: &mut Subtree, batch: &[Change], depth: usize) {
    if batch.is_empty() {
        return;
    }
    let Body::Inner(node) = &mut subtree.body else {
        return apply_to_leaves(subtree, batch, depth);
    };
    let (to_left, to_right) = batch.split_at(batch.partition_point(|(key, _)| !key.bit(depth)));
    if batch.len() > PATHS {
        for (half, part) in [(&node.left, to_left), (&node.right, to_right)] {
            if part.len() <= PATHS {
                fetch(half, part, depth + 1);
            }
        }
    }
    if let Some(inner) = Arc::get_mut(node) {
        apply(&mut inner.left, to_left, depth + 1);
        apply(&mut inner.right, to_right, depth + 1);
        subtree.len = inner.left.len + inner.right.len;
        if subtree.len > BUCKET {
            subtree.hash = node_hash(&inner.left.hash, &inner.right.hash);
        } else {
            let [left, right] = [&mut inner.left, &mut inner.right].map(Subtree::take);
            *subtree = Subtree::join(left, right);
        }
        return;
    }
    let (mut left, mut right) = (node.left.clone(), node.right.clone());
    apply(&mut left, to_left, depth + 1);
    apply(&mut right, to_right, depth + 1);
    // Equal hashes mean equal leaves, so the old node serves on.
    if left.hash != node.left.hash || right.hash != node.right.hash {
        *subtree = Subtree::join(left, right);
    }
}

/// Reads what the changes will need, all paths side by side, so that the processor waits for several of their nodes at a
/// time and not for each in turn. It changes nothing but the time that an update takes.
fn fetch(subtree: &Subtree, batch: &[Change], depth: usize) {
    let mut ends = [subtree; PATHS];
    let ends = &mut ends[..batch.len()];
    let is_inner = |end: &&Subtree| matches!(end.body, Body::Inner(_));
    for depth in depth.. {
        if !ends.iter().any(is_inner) {
            break;
        }
        for (end, (key, _)) in ends.iter_mut().zip(batch) {
            if let Body::Inner(inner) = &end.body {
                *end = if key.bit(depth) {
                    &inner.right
                } else {
                    &inner.left
                };
            }
        }
    }
    let leaves = ends.iter().flat_map(|end| end.leaves());
    core::hint::black_box(leaves.fold(0, |all, leaf| all ^ leaf.hash.0[0]));
}

/// The same for a subtree that is no inner node.
fn apply_to_leaves(subtree: &mut Subtree, batch: &[Change], depth: usize) {
    if subtree.replace_values(batch, depth) {
        return;
    }
    let old = subtree.leaves();
    let new = merge(old, batch);
    if new != old {
        *subtree = Subtree::from_leaves(&new, depth);
    }
}

/// The leaves of `old` after the changes; both rise by key, and so does the result.
fn merge(old: &[Leaf], batch: &[Change]) -> Vec<Leaf> {
    let mut merged = Vec::with_capacity(old.len() + batch.len());
    let mut old = old.iter().copied().peekable();
    for (key, value_hash) in batch {
        while let Some(leaf) = old.next_if(|leaf| leaf.key < *key) {
            merged.push(leaf);
        }
        let replaced = old.next_if(|leaf| leaf.key == *key);
        let unchanged = replaced.filter(|leaf| Some(leaf.value_hash) == *value_hash);
        merged.extend(unchanged.or_else(|| value_hash.map(|hash| Leaf::new(*key, hash))));
    }
    merged.extend(old);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::value_hash;

    fn key(number: u32) -> Key {
        Key(value_hash(&number.to_le_bytes()).0)
    }

    fn tree(count: u32) -> Tree {
        let mut leaves: Vec<_> = (0..count)
            .map(|number| (key(number), value_hash(b"value")))
            .collect();
        leaves.sort();
        Tree::from_sorted(leaves).expect("sorted hashes rise")
    }

    /// Inner nodes and buckets of `new` that are not those of `old`.
    fn unshared(old: &Subtree, new: &Subtree) -> usize {
        match (&old.body, &new.body) {
            (Body::Empty, Body::Empty) => 0,
            (Body::Bucket(old), Body::Bucket(new)) => usize::from(!Arc::ptr_eq(old, new)),
            (Body::Inner(old), Body::Inner(new)) if Arc::ptr_eq(old, new) => 0,
            (Body::Inner(old), Body::Inner(new)) => {
                1 + unshared(&old.left, &new.left) + unshared(&old.right, &new.right)
            }
            _ => panic!("the shape has changed"),
        }
    }

    /// How far down the bucket of `key` is: the nodes on its path, itself included.
    fn path_length(tree: &Tree, key: &Key) -> usize {
        let mut subtree = &tree.top;
        let mut depth = 0;
        while let Body::Inner(inner) = &subtree.body {
            subtree = if key.bit(depth) {
                &inner.right
            } else {
                &inner.left
            };
            depth += 1;
        }
        depth + 1
    }

    /// Fails where a small subtree is an inner node or a large one a bucket.
    fn assert_canonical(subtree: &Subtree) -> usize {
        let len = match &subtree.body {
            Body::Empty => 0,
            Body::Bucket(leaves) => {
                assert!((1..=BUCKET).contains(&leaves.len()));
                leaves.len()
            }
            Body::Inner(inner) => {
                let len = assert_canonical(&inner.left) + assert_canonical(&inner.right);
                assert!(len > BUCKET);
                len
            }
        };
        assert_eq!(len, subtree.len);
        len
    }

    #[test]
    fn an_update_copies_the_path_of_the_changed_leaf_and_shares_the_rest() {
        let tree = tree(2_000);
        for number in 0..100 {
            let new = tree
                .update(&[(key(number), Some(value_hash(b"new")))])
                .expect("one key");
            assert_eq!(
                unshared(&tree.top, &new.top),
                path_length(&tree, &key(number))
            );
        }
    }

    #[test]
    fn an_update_without_effect_shares_everything() {
        let tree = tree(2_000);
        for change in [(key(1), Some(value_hash(b"value"))), (key(9_999), None)] {
            let same = tree.update(&[change]).expect("one key");
            assert_eq!(unshared(&tree.top, &same.top), 0);
        }
    }

    #[test]
    fn subtrees_are_buckets_exactly_when_they_are_small() {
        let mut tree = tree(300);
        assert_canonical(&tree.top);
        for number in 0..290 {
            tree = tree.update(&[(key(number), None)]).expect("one key");
            assert_canonical(&tree.top);
        }
        for number in 0..50 {
            tree = tree
                .update(&[(key(number), Some(value_hash(b"value")))])
                .expect("one key");
            assert_canonical(&tree.top);
        }
        assert_eq!(tree.len(), 60);
    }

    #[test]
    fn a_tree_changed_in_place_is_the_one_that_a_copy_would_be() {
        let mut alone = tree(500);
        for round in 0..60 {
            // Removes and sets leaves, old and new ones, in turns that grow and shrink the tree.
            let fate = |number: u32| {
                let new = value_hash(&[number, round].map(u32::to_le_bytes).concat());
                ((number + round) % 7 > round % 5).then_some(new)
            };
            let touched = (0..600).filter(|number| (number * 7 + round) % 9 == 0);
            let mut batch: Vec<_> = touched.map(|number| (key(number), fate(number))).collect();
            batch.sort();

            // A clone forces copies, and must not see what is done in place after it.
            let copied = alone.update(&batch).expect("sorted hashes rise");
            let kept = (round % 3 == 0).then(|| (alone.clone(), alone.root()));
            alone.apply(&batch).expect("sorted hashes rise");
            assert_eq!(alone.root(), copied.root());
            assert_canonical(&alone.top);
            if let Some((kept, root)) = kept {
                assert_eq!(kept.root(), root);
                assert_eq!(rebuilt(&kept).root(), root);
            }
            assert_eq!(rebuilt(&alone).root(), alone.root());
        }
    }

    /// The tree loaded anew from the leaves of this one.
    fn rebuilt(tree: &Tree) -> Tree {
        fn leaves(subtree: &Subtree) -> Vec<(Key, ValueHash)> {
            if let Body::Inner(inner) = &subtree.body {
                return [leaves(&inner.left), leaves(&inner.right)].concat();
            }
            let pairs = subtree.leaves().iter();
            pairs.map(|leaf| (leaf.key, leaf.value_hash)).collect()
        }
        Tree::from_sorted(leaves(&tree.top)).expect("leaves stand in order")
    }
}
