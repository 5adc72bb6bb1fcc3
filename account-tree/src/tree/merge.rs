//! Merging the leaves of a slot with the changes that fall in it.

use std::vec::Vec;

use crate::hash::NodeHash;
use crate::tree::bucket::{Leaf, tags_tie};
use crate::tree::plan::Change;
use crate::tree::trie::KeyedLeaf;

/// Why leaves cannot be merged by their tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Two leaves have one tag, so the rows must tell which is which.
    Tie,
    /// A leaf that is said to have existed is not there, or the other way round.
    Untrue,
}

/// Merges leaves known by their tags and appends them to `merged`. `hashes` are those of the new leaves, in order, one for each change that has one.
pub(crate) fn by_tag(
    old: &[Leaf],
    changes: &[Change],
    hashes: &[NodeHash],
    merged: &mut Vec<Leaf>,
) -> Result<(), Conflict> {
    if tags_tie(old) {
        return Err(Conflict::Tie);
    }
    let (mut rest, mut hashes) = (old, hashes.iter());
    let first = merged.len();
    merged.reserve(old.len() + changes.len());
    for change in changes {
        let tag = change.key.tag();
        // One by one: for a handful of leaves a block copy costs more.
        while let [leaf, more @ ..] = rest
            && leaf.tag < tag
        {
            merged.push(*leaf);
            rest = more;
        }
        match (
            rest.first().is_some_and(|leaf| leaf.tag == tag),
            change.existed,
        ) {
            (true, true) => rest = &rest[1..],
            (true, false) => return Err(Conflict::Tie),
            (false, true) => return Err(Conflict::Untrue),
            (false, false) => {}
        }
        if change.new.is_some() {
            let hash = *hashes.next().expect("one hash for each new leaf");
            merged.push(Leaf { tag, hash });
        }
    }
    merged.extend(rest);
    if tags_tie(&merged[first..]) {
        Err(Conflict::Tie)
    } else {
        Ok(())
    }
}

/// Merges leaves known by their keys. False if a leaf that is said to have existed is not there, or the other way round.
pub(crate) fn by_key(
    old: &[KeyedLeaf],
    changes: &[Change],
    hashes: &[NodeHash],
    merged: &mut Vec<KeyedLeaf>,
) -> bool {
    let (mut rest, mut hashes) = (old, hashes.iter());
    for change in changes {
        let (before, from) = rest.split_at(rest.partition_point(|leaf| leaf.key < change.key));
        merged.extend(before);
        rest = from;
        if rest.first().is_some_and(|leaf| leaf.key == change.key) != change.existed {
            return false;
        }
        rest = &rest[usize::from(change.existed)..];
        if change.new.is_some() {
            let hash = *hashes.next().expect("one hash for each new leaf");
            merged.push(KeyedLeaf {
                key: change.key,
                hash,
            });
        }
    }
    merged.extend(rest);
    true
}
