//! Buckets: the leaves of the fast mode, a few together, in an [`Arena`] of size classes instead of one allocation each.

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use crate::hash::NodeHash;

/// A leaf as the fast mode keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// The first 64 bits of its key.
    pub(crate) tag: u64,
    pub(crate) hash: NodeHash,
}

/// Whether two neighbours have one tag, so that nothing can be told from tags alone. The leaves stand in order.
#[inline]
pub(crate) fn tags_tie(leaves: &[Leaf]) -> bool {
    leaves.windows(2).any(|pair| pair[0].tag == pair[1].tag)
}

/// What stands at a slot: below the lowest level of the heap or of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Empty,
    /// 1 to [`Arena::LARGEST`] leaves at this place of their size class.
    Bucket {
        len: u8,
        place: u32,
    },
    /// More leaves than that: so deep that nothing is split any more.
    Crowd(u32),
    /// That many leaves (or `u32::MAX`, if more), kept only as rows: the lean mode.
    Rows {
        len: u32,
    },
    /// A child page.
    Page(u32),
}

/// All buckets. A bucket takes a place of the smallest class that is large enough; classes grow by chunks that never move.
#[derive(Default)]
pub(crate) struct Arena {
    classes: [Class; Arena::LARGEST / STEP],
    crowds: Vec<Vec<Leaf>>,
}

/// Leaves by which one class is larger than the one before.
const STEP: usize = 2;

/// Places in a chunk: few enough that the last, partly used chunk of each class is nothing beside a tree of some size.
const CHUNK: u32 = 64;

/// The end of a list of free places.
const NONE: u32 = u32::MAX;

impl Arena {
    /// The leaves of the largest bucket that is not a crowd.
    pub(crate) const LARGEST: usize = 16;

    /// The leaves of a slot, in the order of their keys; none if they are not kept here.
    #[inline]
    pub(crate) fn leaves(&self, slot: Slot) -> &[Leaf] {
        match slot {
            Slot::Bucket { len, place } => {
                let len = usize::from(len);
                &self.classes[class_of(len)].place(place, class_of(len))[..len]
            }
            Slot::Crowd(index) => &self.crowds[index as usize],
            Slot::Empty | Slot::Rows { .. } | Slot::Page(_) => &[],
        }
    }

    /// Puts `leaves` where those of `old` were, and says where that is now.
    pub(crate) fn replace(&mut self, old: Slot, leaves: &[Leaf]) -> Slot {
        if let Slot::Bucket { len, place } = old
            && !leaves.is_empty()
            && leaves.len() <= Self::LARGEST
            && class_of(len.into()) == class_of(leaves.len())
        {
            return self.write(place, leaves);
        }
        self.free(old);
        match leaves.len() {
            0 => Slot::Empty,
            1..=Self::LARGEST => {
                let class = class_of(leaves.len());
                let place = self.classes[class].take(class);
                self.write(place, leaves)
            }
            _ => self.add_crowd(leaves),
        }
    }

    /// Gives up what a slot holds.
    pub(crate) fn free(&mut self, slot: Slot) {
        match slot {
            Slot::Bucket { len, place } => {
                let class = class_of(len.into());
                self.classes[class].give(place, class);
            }
            Slot::Crowd(index) => self.crowds[index as usize] = Vec::new(),
            Slot::Empty | Slot::Rows { .. } | Slot::Page(_) => {}
        }
    }

    fn write(&mut self, place: u32, leaves: &[Leaf]) -> Slot {
        let class = class_of(leaves.len());
        self.classes[class].place_mut(place, class)[..leaves.len()].copy_from_slice(leaves);
        let len = u8::try_from(leaves.len()).expect("at most LARGEST");
        Slot::Bucket { len, place }
    }

    /// Crowds are so rare that a free one is found by looking at all.
    fn add_crowd(&mut self, leaves: &[Leaf]) -> Slot {
        let index = match self.crowds.iter().position(Vec::is_empty) {
            Some(free) => free,
            None => {
                self.crowds.push(Vec::new());
                self.crowds.len() - 1
            }
        };
        self.crowds[index] = leaves.to_vec();
        Slot::Crowd(
            u32::try_from(index)
                .expect("crowds need keys that share 60 bits, of which there are few"),
        )
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> usize {
        let classes = self.classes.iter().map(|class| {
            let leaves: usize = class
                .chunks
                .iter()
                .map(|chunk| size_of_val(&chunk[..]))
                .sum();
            leaves + class.chunks.capacity() * size_of::<Box<[Leaf]>>()
        });
        let crowds = self
            .crowds
            .iter()
            .map(|crowd| crowd.capacity() * size_of::<Leaf>());
        classes.sum::<usize>()
            + crowds.sum::<usize>()
            + self.crowds.capacity() * size_of::<Vec<Leaf>>()
    }
}

/// The class of buckets with `len` leaves, 1 to [`Arena::LARGEST`].
#[inline]
fn class_of(len: usize) -> usize {
    (len - 1) / STEP
}

/// Places of one size. Those that are free form a list through the tags of their first leaves.
struct Class {
    chunks: Vec<Box<[Leaf]>>,
    used: u32,
    free: u32,
}

impl Default for Class {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            used: 0,
            free: NONE,
        }
    }
}

impl Class {
    #[inline]
    fn place(&self, place: u32, class: usize) -> &[Leaf] {
        let size = (class + 1) * STEP;
        &self.chunks[(place / CHUNK) as usize][(place % CHUNK) as usize * size..][..size]
    }

    #[inline]
    fn place_mut(&mut self, place: u32, class: usize) -> &mut [Leaf] {
        let size = (class + 1) * STEP;
        &mut self.chunks[(place / CHUNK) as usize][(place % CHUNK) as usize * size..][..size]
    }

    fn take(&mut self, class: usize) -> u32 {
        if self.free != NONE {
            let place = self.free;
            let next = self.place(place, class)[0].tag;
            self.free = u32::try_from(next).expect("a free place holds the number of the next one");
            return place;
        }
        if self.used.is_multiple_of(CHUNK) {
            let nothing = Leaf {
                tag: 0,
                hash: NodeHash::EMPTY,
            };
            let chunk = vec![nothing; CHUNK as usize * (class + 1) * STEP];
            self.chunks.push(chunk.into());
        }
        let place = self.used;
        self.used = place
            .checked_add(1)
            .filter(|used| *used != NONE)
            .expect("memory ends before 2^32 places");
        place
    }

    fn give(&mut self, place: u32, class: usize) {
        let next = u64::from(self.free);
        self.place_mut(place, class)[0].tag = next;
        self.free = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(len: usize, mark: u8) -> Vec<Leaf> {
        (0..len as u64)
            .map(|tag| Leaf {
                tag,
                hash: NodeHash([mark; 32]),
            })
            .collect()
    }

    /// Buckets of changing sizes side by side: none ever shows the leaves of another.
    #[test]
    fn buckets_keep_their_leaves_while_others_come_and_go() {
        let mut arena = Arena::default();
        let mut slots = vec![Slot::Empty; 300];
        let mut expected = vec![Vec::new(); 300];
        for round in 0..40u8 {
            for (index, slot) in slots.iter_mut().enumerate() {
                if (index + usize::from(round)).is_multiple_of(3) {
                    let len = (index * 7 + usize::from(round) * 5) % 20;
                    expected[index] = leaves(len, round);
                    *slot = arena.replace(*slot, &expected[index]);
                }
            }
            for (slot, expected) in slots.iter().zip(&expected) {
                assert_eq!(arena.leaves(*slot), expected);
            }
        }
        // What has been freed is used again.
        let held = arena.memory();
        for _ in 0..10 {
            for (slot, expected) in slots.iter_mut().zip(&expected) {
                *slot = arena.replace(*slot, &[]);
                *slot = arena.replace(*slot, expected);
            }
        }
        assert_eq!(arena.memory(), held);
    }

    #[test]
    fn a_slot_takes_eight_bytes() {
        assert_eq!((size_of::<Slot>(), size_of::<Leaf>()), (8, 40));
    }
}
