//! Blocks that were found invalid, so that they are not tried again.

use sapwood_primitives::BlockId;
use std::collections::{BTreeSet, VecDeque};

/// Ids that are remembered. Each cost its maker the work of a block, so the oldest can go without harm: it would only be checked once more.
const MAX_INVALID: usize = 4_096;

/// Ids of invalid blocks. Only ids whose body was seen to match the header belong here: another body under the same header says nothing about the block.
#[derive(Debug, Default)]
pub(super) struct InvalidBlocks {
    ids: BTreeSet<BlockId>,
    order: VecDeque<BlockId>,
}

impl InvalidBlocks {
    pub(super) fn contains(&self, id: &BlockId) -> bool {
        self.ids.contains(id)
    }

    pub(super) fn insert(&mut self, id: BlockId) {
        if !self.ids.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > MAX_INVALID
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_too_many_is_forgotten() {
        let id = |n: usize| {
            BlockId(std::array::from_fn(|i| {
                n.to_le_bytes().get(i).copied().unwrap_or(0)
            }))
        };
        let mut invalid = InvalidBlocks::default();
        for n in 0..=MAX_INVALID {
            invalid.insert(id(n));
            invalid.insert(id(n));
        }
        assert!(!invalid.contains(&id(0)));
        assert!((1..=MAX_INVALID).all(|n| invalid.contains(&id(n))));
        assert_eq!(invalid.order.len(), invalid.ids.len());
    }
}
