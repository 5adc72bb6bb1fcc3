//! [`View`]: one state of a tree together with its rows, which can be asked about every place.

use crate::hash::NodeHash;
use crate::key::Key;
use crate::shape::{Place, Shape};
use crate::tree::past::{End, Past};
use crate::tree::rows::{Damaged, Leaves, Rows, RowsError};
use crate::tree::trie::{Bits, fold, halves};

/// A state of a tree and its rows.
#[derive(Clone)]
pub struct View<'a, L> {
    past: Past<'a>,
    leaves: L,
}

impl<'a> Past<'a> {
    /// This state with its rows.
    #[must_use]
    pub fn view<L: Leaves>(self, leaves: L) -> View<'a, L> {
        View { past: self, leaves }
    }
}

impl<L: Leaves> Shape for View<'_, L> {
    type Error = RowsError<L::Error>;

    /// Reads rows for [`Place::Leaf`], whose key it must name, and where the tree has none of the leaves.
    fn place(&self, path: &Key, depth: usize) -> Result<Place, Self::Error> {
        let stop = self.past.descend(path, depth, |_| ());
        match stop.end {
            End::Empty => return Ok(Place::Empty),
            End::Split => return Ok(Place::Split { hash: stop.hash }),
            End::Bucket(bucket) => match below(bucket, path, stop.depth(), depth) {
                [] => return Ok(Place::Empty),
                [_, _, ..] if depth == stop.depth() => return Ok(Place::Split { hash: stop.hash }),
                leaves @ [_, _, ..] => {
                    return Ok(Place::Split {
                        hash: fold(leaves, depth),
                    });
                }
                [leaf] if depth <= 64 => {
                    let rows = Rows::read(&self.leaves, path, depth)?;
                    return match (&rows.rows[..], &rows.leaves[..]) {
                        ([(key, value_hash)], [row]) if row.hash == leaf.hash => Ok(Place::Leaf {
                            key: *key,
                            value_hash: *value_hash,
                        }),
                        _ => Err(Damaged { path: *path, depth }.into()),
                    };
                }
                // A tag does not say whether the leaf's key begins with so many bits.
                [_] => {}
            },
            End::Lone | End::Rows => {}
        }
        let rows = stop.rows(path, &self.leaves)?;
        Ok(match below(&rows.leaves, path, stop.depth(), depth) {
            [] => Place::Empty,
            [leaf] => {
                let row = rows.rows.iter().find(|(key, _)| *key == leaf.key);
                let (key, value_hash) = *row.expect("each of these leaves is of a row");
                Place::Leaf { key, value_hash }
            }
            leaves => Place::Split {
                hash: fold(leaves, depth),
            },
        })
    }

    /// As [`place`](Shape::place), but a leaf that a bucket holds needs no row.
    fn hash(&self, path: &Key, depth: usize) -> Result<NodeHash, Self::Error> {
        let stop = self.past.descend(path, depth, |_| ());
        Ok(match stop.end {
            End::Empty => NodeHash::EMPTY,
            End::Bucket(bucket) if depth <= 64 => {
                fold(below(bucket, path, stop.depth(), depth), depth)
            }
            _ if stop.depth() == depth => stop.hash,
            _ => fold(
                below(
                    &stop.rows(path, &self.leaves)?.leaves,
                    path,
                    stop.depth(),
                    depth,
                ),
                depth,
            ),
        })
    }
}

/// Those of some leaves, which share `from` bits with a path, that share `to` bits with it.
fn below<'a, T: Bits>(mut leaves: &'a [T], path: &Key, from: usize, to: usize) -> &'a [T] {
    for depth in from..to {
        if leaves.is_empty() || depth >= T::BITS {
            break;
        }
        let (left, right) = halves(leaves, depth);
        leaves = if path.bit(depth) { right } else { left };
    }
    leaves
}
