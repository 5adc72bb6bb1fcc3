//! The headers of the main chain that are not in the checkpoint yet.

use sapwood_primitives::{BlockId, Height, SealedHeader};
use std::collections::HashMap;

/// The main chain above the last block that it shares with the checkpoint's branch.
#[derive(Clone, Debug)]
pub(crate) struct MainChain {
    /// Height of that block: headers up to it are the checkpoint's.
    shared: Height,
    /// The headers above it, rising.
    above: Vec<SealedHeader>,
    heights: HashMap<BlockId, Height>,
    /// While the next checkpoint is being written: the lowest height to which the chain was cut since it began.
    lowest: Height,
}

/// Where a header is to be found.
pub(crate) enum Header<'a> {
    Here(&'a SealedHeader),
    InCheckpoint,
    Nowhere,
}

impl MainChain {
    /// The chain whose tip is the checkpoint's.
    pub(crate) fn at(checkpoint: Height) -> Self {
        Self {
            shared: checkpoint,
            above: Vec::new(),
            heights: HashMap::new(),
            lowest: checkpoint,
        }
    }

    pub(crate) fn tip(&self) -> Height {
        self.shared.plus(self.above.len() as u64)
    }

    pub(crate) fn header(&self, height: Height) -> Header<'_> {
        if height <= self.shared {
            return Header::InCheckpoint;
        }
        let index = usize::try_from(height.since(self.shared) - 1).unwrap_or(usize::MAX);
        self.above.get(index).map_or(Header::Nowhere, Header::Here)
    }

    /// The height of a block above the shared one.
    pub(crate) fn height_of(&self, id: &BlockId) -> Option<Height> {
        self.heights.get(id).copied()
    }

    /// Whether a block of the checkpoint's branch at this height is on the main chain.
    pub(crate) fn shares(&self, height: Height) -> bool {
        height <= self.shared
    }

    /// Takes blocks off the end until the tip has this height.
    pub(crate) fn cut(&mut self, height: Height) {
        while self.tip() > height {
            match self.above.pop() {
                Some(header) => {
                    self.heights.remove(&header.id());
                }
                None => self.shared = height,
            }
        }
        self.lowest = self.lowest.min(height);
    }

    /// Adds a block at the end.
    pub(crate) fn push(&mut self, header: SealedHeader) {
        self.heights.insert(header.id(), header.header.height);
        self.above.push(header);
    }

    /// What the next checkpoint needs: the height that it shares with the present one, and the headers above. From now on cuts are noted for [`arrive`](Self::arrive).
    pub(crate) fn freeze(&mut self) -> (Height, Vec<SealedHeader>) {
        self.lowest = self.tip();
        (self.shared, self.above.clone())
    }

    /// The frozen headers are in the checkpoint now.
    pub(crate) fn arrive(&mut self) {
        let shared = self.lowest.max(self.shared);
        let settled = usize::try_from(shared.since(self.shared)).unwrap_or(usize::MAX);
        for header in self.above.drain(..settled) {
            self.heights.remove(&header.id());
        }
        self.shared = shared;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sapwood_primitives::{Hash, Header as Fields};

    fn header(height: u64, nonce: u64) -> SealedHeader {
        SealedHeader::own(Fields {
            version: 1,
            parent: BlockId([0; 32]),
            tx_root: Hash::default(),
            state_root: Hash::default(),
            history_root: Hash::default(),
            time: 0,
            target: 0,
            height: Height::new(height),
            nonce,
        })
    }

    fn is_here(chain: &MainChain, header: &SealedHeader) -> bool {
        let height = header.header.height;
        let found = matches!(chain.header(height), Header::Here(found) if found == header);
        assert_eq!(chain.height_of(&header.id()), found.then_some(height));
        found
    }

    #[test]
    fn headers_move_into_the_checkpoint_up_to_the_lowest_cut_since() {
        let mut chain = MainChain::at(Height::new(10));
        let old: Vec<_> = (11..=14).map(|height| header(height, 0)).collect();
        for header in &old {
            chain.push(header.clone());
        }
        let (fork, frozen) = chain.freeze();
        assert_eq!((fork, frozen), (Height::new(10), old.clone()));
        // While the checkpoint is written the last two are replaced.
        chain.cut(Height::new(12));
        let new: Vec<_> = (13..=15).map(|height| header(height, 1)).collect();
        for header in &new {
            chain.push(header.clone());
        }
        chain.arrive();
        assert!(chain.shares(Height::new(12)) && !chain.shares(Height::new(13)));
        assert!(!is_here(&chain, &old[0]) && !is_here(&chain, &old[2]));
        assert!(new.iter().all(|header| is_here(&chain, header)));
        assert_eq!(chain.tip(), Height::new(15));
    }

    #[test]
    fn a_cut_below_the_checkpoint_ends_what_is_shared() {
        let mut chain = MainChain::at(Height::new(10));
        chain.push(header(11, 0));
        chain.freeze();
        chain.cut(Height::new(7));
        chain.push(header(8, 1));
        chain.arrive();
        assert!(chain.shares(Height::new(7)) && !chain.shares(Height::new(8)));
        assert!(is_here(&chain, &header(8, 1)));
        assert!(matches!(chain.header(Height::new(9)), Header::Nowhere));
        assert_eq!(chain.freeze().0, Height::new(7));
    }
}
