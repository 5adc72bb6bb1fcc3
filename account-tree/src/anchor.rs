//! Anchors (specs/04 §8): the top of a tree down to one depth, fetched and checked once, so that every later proof under
//! the same root need only show what lies below.

use alloc::vec::Vec;

use crate::hash::{NodeHash, Root, ValueHash, leaf_hash};
use crate::key::Key;
use crate::shape::{Place, Shape};
use crate::stream::{Mark, Misshapen, Reader, Seen, Writer};

/// How deep an anchor reaches: 0 to 16. At a million leaves an anchor of depth 12 has 133 KB and one of depth 8 has 8 KB;
/// each level doubles it and saves 32 bytes a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorDepth(u8);

impl AnchorDepth {
    /// The greatest depth.
    pub const MAX: Self = Self(16);

    /// A depth; `None` above 16.
    #[must_use]
    pub const fn new(depth: u8) -> Option<Self> {
        if depth <= Self::MAX.0 {
            Some(Self(depth))
        } else {
            None
        }
    }

    /// The depth in bits of a key.
    pub(crate) fn bits(self) -> usize {
        usize::from(self.0)
    }
}

/// The longest anchor: a leaf at every place of the greatest depth. What is longer can be refused unread.
pub const MAX_ANCHOR_BYTES: usize = (1 << 16) * 64 + ((1 << 17) - 1usize).div_ceil(4);

/// The top of a tree, checked against its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub(crate) root: Root,
    pub(crate) depth: AnchorDepth,
    /// From left to right. Together they cover every key once.
    ends: Vec<End>,
}

/// A place at which an anchor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    /// The first bits of the first key that lies here, as many as an anchor can be deep.
    first: u16,
    depth: u8,
    /// A split is a node at the anchor's depth.
    place: Place,
}

/// Why bytes are not the anchor of a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnchor {
    /// The bytes are no anchor.
    #[error("malformed anchor: {0}")]
    Misshapen(#[from] Misshapen),
    /// The anchor is one of another root.
    #[error("the anchor leads to root {0}; ask for the one of the right block")]
    OtherRoot(Root),
}

impl Anchor {
    /// Takes the top of a tree.
    ///
    /// # Errors
    /// When the tree cannot be read.
    pub fn new<S: Shape>(shape: &S, depth: AnchorDepth) -> Result<Self, S::Error> {
        let mut anchor = Self {
            root: Root(shape.hash(&Key([0; 32]), 0)?.0),
            depth,
            ends: Vec::new(),
        };
        anchor.collect(shape, Key([0; 32]), 0)?;
        Ok(anchor)
    }

    fn collect<S: Shape>(&mut self, shape: &S, path: Key, depth: u8) -> Result<(), S::Error> {
        let place = shape.place(&path, usize::from(depth))?;
        if matches!(place, Place::Split { .. }) && depth < self.depth.0 {
            for right in [false, true] {
                let path = path.with_bit(usize::from(depth), right);
                self.collect(shape, path, depth + 1)?;
            }
            return Ok(());
        }
        self.push(path, depth, place);
        Ok(())
    }

    fn push(&mut self, path: Key, depth: u8, place: Place) {
        self.ends.push(End {
            first: first_bits(&path),
            depth,
            place,
        });
    }

    /// Reads an anchor and checks that it is the one of `root`.
    ///
    /// Memory is bounded by the depth: one entry for each place, 65,536 of them at most.
    ///
    /// # Errors
    /// [`BadAnchor`].
    pub fn from_bytes(bytes: &[u8], depth: AnchorDepth, root: &Root) -> Result<Self, BadAnchor> {
        let mut anchor = Self {
            root: *root,
            depth,
            ends: Vec::new(),
        };
        let mut reader = Reader::new(bytes);
        let reached = anchor.read(&mut reader, Key([0; 32]), 0)?.hash();
        reader.finish()?;
        if reached.0 != root.0 {
            return Err(BadAnchor::OtherRoot(Root(reached.0)));
        }
        Ok(anchor)
    }

    fn read(&mut self, reader: &mut Reader<'_>, path: Key, depth: u8) -> Result<Seen, Misshapen> {
        let index = usize::from(depth);
        let at_cut = depth == self.depth.0;
        let (place, seen) = match reader.mark()? {
            Mark::Empty => (Place::Empty, Seen::Empty),
            Mark::Leaf => {
                let key = Key(*reader.array()?);
                let value_hash = ValueHash(*reader.array()?);
                if key.common_bits(&path) < index {
                    return Err(Misshapen::OffPath(index));
                }
                let seen = Seen::Leaf(leaf_hash(&key, &value_hash));
                (Place::Leaf { key, value_hash }, seen)
            }
            Mark::Stub if at_cut => {
                let hash = reader.hash()?;
                (Place::Split { hash }, Seen::Other(hash))
            }
            Mark::Split if !at_cut => {
                let left = self.read(reader, path.with_bit(index, false), depth + 1)?;
                let right = self.read(reader, path.with_bit(index, true), depth + 1)?;
                return Seen::join(left, right, index);
            }
            Mark::Stub | Mark::Split => return Err(Misshapen::Misplaced(index)),
        };
        self.push(path, depth, place);
        Ok(seen)
    }

    /// The bytes of specs/04 §8.1, at most [`MAX_ANCHOR_BYTES`] of them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        for (index, end) in self.ends.iter().enumerate() {
            let above = match index.checked_sub(1) {
                // One below the split in which this end and the one before it part.
                Some(before) => 16 - bit_length(self.ends[before].first ^ end.first) + 1,
                None => 0,
            };
            (above..end.depth).for_each(|_| writer.mark(Mark::Split));
            match &end.place {
                Place::Empty => writer.mark(Mark::Empty),
                Place::Leaf { key, value_hash } => {
                    writer.mark(Mark::Leaf);
                    writer.put(&key.0);
                    writer.put(&value_hash.0);
                }
                Place::Split { hash } => {
                    writer.mark(Mark::Stub);
                    writer.put(&hash.0);
                }
            }
        }
        writer.bytes
    }

    /// The root of the tree that this is the top of.
    #[must_use]
    pub fn root(&self) -> Root {
        self.root
    }

    /// How deep the anchor reaches.
    #[must_use]
    pub fn depth(&self) -> AnchorDepth {
        self.depth
    }

    /// What the anchor holds on the path of a key. A split is the hash from which an anchored proof goes on.
    pub(crate) fn end(&self, key: &Key) -> &Place {
        let after = self
            .ends
            .partition_point(|end| end.first <= first_bits(key));
        &self.ends[after - 1].place
    }

    /// The nodes at the anchor's depth, from left to right; nothing where the tree is not that deep.
    pub fn cut(&self) -> impl Iterator<Item = &NodeHash> {
        self.ends.iter().filter_map(|end| match &end.place {
            Place::Split { hash } => Some(hash),
            Place::Empty | Place::Leaf { .. } => None,
        })
    }
}

fn first_bits(key: &Key) -> u16 {
    u16::from_be_bytes([key.0[0], key.0[1]])
}

/// How many bits a number has without its leading zeros.
fn bit_length(number: u16) -> u8 {
    u8::try_from(u16::BITS - number.leading_zeros()).expect("at most 16")
}
