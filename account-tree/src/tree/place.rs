//! [`At`]: the number of a place of the trie, by which heap, pages and deltas find its hash.

/// A place: the subtree of all keys that begin with some bits. Its number is a 1 followed by these bits, so that the
/// number of a place of depth d has d + 1 bits, places of one depth stand in the order of their keys, and halving leads to
/// the parent. Depths above 63 have no number; nothing that deep is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At(pub(crate) u64);

impl At {
    /// The whole tree.
    pub(crate) const ROOT: Self = Self(1);

    /// The place at `depth`, at most 63, on the path of a key with this tag.
    #[inline]
    pub(crate) fn of(tag: u64, depth: usize) -> Self {
        debug_assert!(depth < 64);
        Self(1 << depth | tag >> 1 >> (63 - depth))
    }

    #[inline]
    pub(crate) fn depth(self) -> usize {
        self.0.ilog2() as usize
    }

    #[inline]
    pub(crate) fn parent(self) -> Self {
        Self(self.0 >> 1)
    }

    #[inline]
    pub(crate) fn child(self, right: bool) -> Self {
        Self(self.0 << 1 | u64::from(right))
    }

    /// 0 for a left child, 1 for a right one.
    #[inline]
    pub(crate) fn side(self) -> usize {
        usize::from(self.0 & 1 == 1)
    }

    /// Its index among the places of its depth.
    #[inline]
    pub(crate) fn index(self) -> u64 {
        self.0 ^ 1 << self.depth()
    }

    /// The lowest tag below it.
    #[inline]
    pub(crate) fn tag(self) -> u64 {
        self.index() << 1 << (63 - self.depth())
    }
}

/// The bit of a tag that says on which side of a node at `depth`, at most 63, a key lies.
#[inline]
pub(crate) fn tag_bit(tag: u64, depth: usize) -> bool {
    tag >> (63 - depth) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_numbered_by_the_bits_that_lead_to_it() {
        let tag = 0xa5a5_0000_dead_beef;
        let mut at = At::ROOT;
        for depth in 0..64 {
            assert_eq!((At::of(tag, depth), at.depth()), (at, depth));
            assert_eq!(
                at.tag(),
                if depth == 0 {
                    0
                } else {
                    tag >> (64 - depth) << (64 - depth)
                }
            );
            if depth < 63 {
                let next = at.child(tag_bit(tag, depth));
                assert_eq!(
                    (next.parent(), next.side()),
                    (at, usize::from(tag_bit(tag, depth)))
                );
                at = next;
            }
        }
    }
}
