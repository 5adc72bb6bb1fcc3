//! [`Store`]: where the hashes of the tree stand in memory.
//!
//! The top levels are one implicit heap, so that the address of a place follows from its number alone. Below each place
//! of the heap's last level is a [`Slot`]: nothing, a bucket, or a [`Page`], which is a heap of two levels with four slots of
//! its own. A bucket that grows past its bound becomes a page, so a crowd of keys costs its own path and nothing else.

use std::vec;
use std::vec::Vec;

use crate::hash::NodeHash;
use crate::tree::bucket::{Arena, Slot};
use crate::tree::place::At;

/// The page number of places in the heap.
pub(crate) const HEAP: u32 = u32::MAX;

/// Levels of a page. More would leave a page that a bucket has just become nearly empty.
pub(crate) const PAGE_LEVELS: usize = 2;

/// No slot at this depth or below becomes a page: its leaves share 60 bits, which only a great effort finds once.
pub(crate) const MAX_SPLIT: usize = 60;

/// Levels of the heap that do not stay in a processor's cache when the tree is large.
const FETCHED: usize = 6;

/// The hashes of both children of a place, which are one block of its node hash. Aligned so that they share a cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Pair([NodeHash; 2]);

/// The two levels below a slot, and the four slots below these.
pub(crate) struct Page {
    /// The children of the page's top, then those of its left and of its right child.
    pub(crate) pairs: [[NodeHash; 2]; 3],
    pub(crate) slots: [Slot; 1 << PAGE_LEVELS],
    /// The page of the slot that this page hangs on, or [`HEAP`].
    pub(crate) parent: u32,
}

/// A place and the page that holds its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) at: At,
    /// [`HEAP`] or the number of a page.
    pub(crate) page: u32,
}

impl Spot {
    /// The top of the tree.
    pub(crate) const ROOT: Self = Self {
        at: At::ROOT,
        page: HEAP,
    };
}

/// All that the tree holds.
pub(crate) struct Store {
    /// The depth of the heap's last level.
    pub(crate) levels: usize,
    /// The children of place n at n; the root is the right one at 0.
    heap: Vec<Pair>,
    /// One for each place of the heap's last level.
    pub(crate) slots: Vec<Slot>,
    pages: Pages,
    pub(crate) arena: Arena,
}

impl Store {
    /// An empty store whose heap ends at depth `levels`.
    pub(crate) fn new(levels: usize) -> Self {
        Self {
            levels,
            heap: vec![Pair([NodeHash::EMPTY; 2]); 1 << levels],
            slots: vec![Slot::Empty; 1 << levels],
            pages: Pages::default(),
            arena: Arena::default(),
        }
    }

    pub(crate) fn root(&self) -> NodeHash {
        self.hash(Spot::ROOT)
    }

    /// The hash of a place.
    #[inline]
    pub(crate) fn hash(&self, spot: Spot) -> NodeHash {
        self.pair(spot)[spot.at.side()]
    }

    #[inline]
    pub(crate) fn hash_mut(&mut self, spot: Spot) -> &mut NodeHash {
        let inner = self.is_inner(spot.at.depth());
        let pair = if spot.page == HEAP {
            &mut self.heap[index(spot.at.parent())].0
        } else {
            &mut self.pages.get_mut(spot.page).pairs[pair_in_page(spot.at, inner)]
        };
        &mut pair[spot.at.side()]
    }

    /// The hashes of a place and of its sibling, the left one first.
    #[inline]
    pub(crate) fn pair(&self, spot: Spot) -> &[NodeHash; 2] {
        if spot.page == HEAP {
            &self.heap[index(spot.at.parent())].0
        } else {
            let inner = self.is_inner(spot.at.depth());
            &self.page(spot.page).pairs[pair_in_page(spot.at, inner)]
        }
    }

    /// Whether no slot is at this depth: inside the heap or a page.
    #[inline]
    pub(crate) fn is_inner(&self, depth: usize) -> bool {
        depth < self.levels || !(depth - self.levels).is_multiple_of(PAGE_LEVELS)
    }

    /// The slot at a place, if its depth has slots.
    #[inline]
    pub(crate) fn slot(&self, spot: Spot) -> Option<Slot> {
        if self.is_inner(spot.at.depth()) {
            None
        } else if spot.page == HEAP {
            Some(self.slots[index(spot.at) - self.slots.len()])
        } else {
            Some(self.page(spot.page).slots[slot_in_page(spot.at)])
        }
    }

    /// The slot at a place that has one.
    #[inline]
    pub(crate) fn slot_mut(&mut self, spot: Spot) -> &mut Slot {
        debug_assert!(!self.is_inner(spot.at.depth()));
        if spot.page == HEAP {
            let first = self.slots.len();
            &mut self.slots[index(spot.at) - first]
        } else {
            &mut self.pages.get_mut(spot.page).slots[slot_in_page(spot.at)]
        }
    }

    /// The place above. The root has none.
    #[inline]
    pub(crate) fn parent(&self, spot: Spot) -> Spot {
        let at = spot.at.parent();
        let page = if spot.page == HEAP || self.is_inner(at.depth()) {
            spot.page
        } else {
            self.page(spot.page).parent
        };
        Spot { at, page }
    }

    /// The slot in which a key with this tag has its leaf.
    #[inline]
    pub(crate) fn find(&self, tag: u64) -> (Spot, Slot) {
        let mut spot = Spot {
            at: At::of(tag, self.levels),
            page: HEAP,
        };
        let mut slot = self.slots[index(spot.at) - self.slots.len()];
        while let Slot::Page(page) = slot {
            spot = Spot {
                at: At::of(tag, spot.at.depth() + PAGE_LEVELS),
                page,
            };
            slot = self.page(page).slots[slot_in_page(spot.at)];
        }
        (spot, slot)
    }

    /// Reads what lies far from the processor on the paths of some keys: the deep levels of the heap, the slots, then the
    /// buckets. No read waits for the one before it, so that many take little more time than one. It changes nothing.
    pub(crate) fn fetch(&self, tags: impl Iterator<Item = u64> + Clone) {
        let deep = self.levels.saturating_sub(FETCHED)..self.levels;
        let mut all = 0;
        for tag in tags.clone() {
            for depth in deep.clone() {
                all ^= u64::from(self.heap[index(At::of(tag, depth))].0[0].0[0]);
            }
            all ^= u64::from(matches!(self.find(tag).1, Slot::Empty));
        }
        for tag in tags {
            if let leaves @ [first, .., last] = self.arena.leaves(self.find(tag).1) {
                all ^= first.tag ^ leaves[leaves.len() / 2].tag ^ last.tag;
            }
        }
        core::hint::black_box(all);
    }

    /// The same for a few slots that are known: their hashes and their buckets.
    pub(crate) fn fetch_slots(&self, slots: impl Iterator<Item = (Spot, Slot)>) {
        let mut all = 0;
        for (spot, slot) in slots {
            all ^= u64::from(self.pair(spot)[0].0[0]);
            for leaf in self.arena.leaves(slot) {
                all ^= leaf.tag;
            }
        }
        core::hint::black_box(all);
    }

    /// The same for the hashes of a few places.
    pub(crate) fn fetch_pairs(&self, spots: impl Iterator<Item = Spot>) {
        let all = spots.fold(0, |all, spot| all ^ self.pair(spot)[0].0[0]);
        core::hint::black_box(all);
    }

    /// Whether the place holds exactly one leaf, whose hash is then its own.
    pub(crate) fn is_lone(&self, spot: Spot) -> bool {
        let hash = self.hash(spot);
        match self.slot(spot) {
            Some(Slot::Empty) => false,
            Some(Slot::Bucket { len, .. }) => len == 1,
            Some(Slot::Rows { len }) => len == 1,
            Some(Slot::Crowd(_)) => false,
            Some(Slot::Page(page)) => is_moved_up(hash, self.pair(child(spot, page))),
            None => is_moved_up(hash, self.pair(child(spot, spot.page))),
        }
    }

    #[inline]
    pub(crate) fn page(&self, page: u32) -> &Page {
        self.pages.get(page)
    }

    pub(crate) fn add_page(&mut self, page: Page) -> u32 {
        self.pages.push(page)
    }

    pub(crate) fn page_mut(&mut self, page: u32) -> &mut Page {
        self.pages.get_mut(page)
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> usize {
        let heap =
            self.heap.capacity() * size_of::<Pair>() + self.slots.capacity() * size_of::<Slot>();
        heap + self.pages.memory() + self.arena.memory()
    }
}

/// Whether a place with this hash and these children holds one leaf, which has moved up to it (specs/04 §3.2). A node
/// never has the hash of one of its children.
#[inline]
pub(crate) fn is_moved_up(hash: NodeHash, children: &[NodeHash; 2]) -> bool {
    hash != NodeHash::EMPTY && children.contains(&NodeHash::EMPTY) && children.contains(&hash)
}

/// The left child of a place whose children stand in `page`.
#[inline]
fn child(spot: Spot, page: u32) -> Spot {
    Spot {
        at: spot.at.child(false),
        page,
    }
}

/// The number of a place of the heap.
#[inline]
fn index(at: At) -> usize {
    usize::try_from(at.0).expect("the heap is in memory")
}

/// Which pair of its page a place is in; the page's upper level is the one inside it.
#[inline]
fn pair_in_page(at: At, inner: bool) -> usize {
    if inner { 0 } else { 1 + at.parent().side() }
}

#[inline]
fn slot_in_page(at: At) -> usize {
    2 * at.parent().side() + at.side()
}

/// Pages, in chunks that never move. A page stays until the tree is loaded anew.
#[derive(Default)]
struct Pages {
    chunks: Vec<Vec<Page>>,
}

impl Pages {
    const CHUNK: usize = 64;

    #[inline]
    fn get(&self, page: u32) -> &Page {
        &self.chunks[page as usize / Self::CHUNK][page as usize % Self::CHUNK]
    }

    #[inline]
    fn get_mut(&mut self, page: u32) -> &mut Page {
        &mut self.chunks[page as usize / Self::CHUNK][page as usize % Self::CHUNK]
    }

    fn push(&mut self, page: Page) -> u32 {
        if self
            .chunks
            .last()
            .is_none_or(|chunk| chunk.len() == Self::CHUNK)
        {
            self.chunks.push(Vec::with_capacity(Self::CHUNK));
        }
        let number = (self.chunks.len() - 1) * Self::CHUNK + self.chunks.last().map_or(0, Vec::len);
        self.chunks
            .last_mut()
            .expect("one has just been pushed")
            .push(page);
        u32::try_from(number)
            .ok()
            .filter(|number| *number != HEAP)
            .expect("memory ends before 2^32 pages")
    }

    fn memory(&self) -> usize {
        let pages: usize = self
            .chunks
            .iter()
            .map(|chunk| chunk.capacity() * size_of::<Page>())
            .sum();
        pages + self.chunks.capacity() * size_of::<Vec<Page>>()
    }
}
