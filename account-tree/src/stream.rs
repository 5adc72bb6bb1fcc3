//! Bits among bytes (specs/04 §6): the stream in which multiproofs, anchors and manifests are written, and what their
//! readers refuse alike.
//!
//! A byte of bits stands in the stream where the first of its bits is needed. So a reader has one cursor, no length is
//! written, and what it has read is always a beginning of what was sent.

use alloc::vec::Vec;

use crate::hash::{NodeHash, node_hash};

/// Why a stream is not one of the kind that it is said to be, whatever the root. Whoever sent it did not follow the
/// protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misshapen {
    /// The bytes end before the tree does.
    #[error("the bytes end too early; ask for them again")]
    Truncated,
    /// The tree ends before the bytes do.
    #[error("{0} bytes are left over; refuse them")]
    LeftOver(usize),
    /// The last byte of bits is padded with something else than zeros.
    #[error("a padding bit is set; refuse the bytes")]
    PaddingSet,
    /// A hash is written where nothing stands.
    #[error("a hash of zeros is written out; refuse the bytes")]
    ZeroHash,
    /// A split with fewer than two leaves below it: what it holds would have moved up.
    #[error("the split at depth {0} holds fewer than two leaves; refuse the bytes")]
    NoSplit(usize),
    /// A split below the last bit of a key, or a mark that has no meaning at its depth.
    #[error("the mark at depth {0} cannot stand there; refuse the bytes")]
    Misplaced(usize),
    /// A leaf whose key does not begin with the bits that name its place.
    #[error("the leaf at depth {0} has a key that belongs elsewhere; refuse the bytes")]
    OffPath(usize),
}

/// Reads bits and bytes from the front.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    bits: u8,
    /// How many of `bits` are unread, the lowest ones.
    unread: u32,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            bits: 0,
            unread: 0,
        }
    }

    pub(crate) fn bit(&mut self) -> Result<bool, Misshapen> {
        if self.unread == 0 {
            let [bits] = *self.array()?;
            (self.bits, self.unread) = (bits, 8);
        }
        self.unread -= 1;
        Ok(self.bits >> self.unread & 1 == 1)
    }

    pub(crate) fn mark(&mut self) -> Result<Mark, Misshapen> {
        Ok(match (self.bit()?, self.bit()?) {
            (false, false) => Mark::Empty,
            (false, true) => Mark::Leaf,
            (true, false) => Mark::Stub,
            (true, true) => Mark::Split,
        })
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Misshapen> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(Misshapen::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Misshapen> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Misshapen::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The hash of a subtree, which cannot be that of nothing.
    pub(crate) fn hash(&mut self) -> Result<NodeHash, Misshapen> {
        let hash = NodeHash(*self.array()?);
        if hash == NodeHash::EMPTY {
            return Err(Misshapen::ZeroHash);
        }
        Ok(hash)
    }

    /// What has not been read, for a reader of something whose length stands inside it.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Checks that all has been read.
    pub(crate) fn finish(self) -> Result<(), Misshapen> {
        let padding = (1 << self.unread) - 1;
        if u16::from(self.bits) & padding != 0 {
            return Err(Misshapen::PaddingSet);
        }
        if !self.rest.is_empty() {
            return Err(Misshapen::LeftOver(self.rest.len()));
        }
        Ok(())
    }
}

/// Writes what [`Reader`] reads.
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
    /// Where the present byte of bits stands.
    at: usize,
    /// How many bits are free in it, the lowest ones.
    free: u32,
}

impl Writer {
    /// A stream that follows `bytes`.
    pub(crate) fn after(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            at: 0,
            free: 0,
        }
    }

    pub(crate) fn bit(&mut self, bit: bool) {
        if self.free == 0 {
            (self.at, self.free) = (self.bytes.len(), 8);
            self.bytes.push(0);
        }
        self.free -= 1;
        self.bytes[self.at] |= u8::from(bit) << self.free;
    }

    pub(crate) fn mark(&mut self, mark: Mark) {
        let (first, second) = match mark {
            Mark::Empty => (false, false),
            Mark::Leaf => (false, true),
            Mark::Stub => (true, false),
            Mark::Split => (true, true),
        };
        self.bit(first);
        self.bit(second);
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

/// The two bits with which anchors and manifests say what stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// 0: no leaf.
    Empty,
    /// 1: one leaf, which follows.
    Leaf,
    /// 2: a node that is not followed further; its hash follows. The cut of an anchor, the chunk of a manifest.
    Stub,
    /// 3: a node whose halves follow.
    Split,
}

/// What a reader has seen of a subtree.
#[derive(Clone, Copy)]
pub(crate) enum Seen {
    Empty,
    Leaf(NodeHash),
    /// A node, or a hash of which only that is known that it is not empty.
    Other(NodeHash),
}

impl Seen {
    pub(crate) fn hash(&self) -> NodeHash {
        match self {
            Self::Empty => NodeHash::EMPTY,
            Self::Leaf(hash) | Self::Other(hash) => *hash,
        }
    }

    /// The node at `depth` with these halves. specs/04 §3.2: a lone leaf and an empty subtree move up, so that they never
    /// stand beside an empty half.
    pub(crate) fn join(left: Self, right: Self, depth: usize) -> Result<Self, Misshapen> {
        match (left, right) {
            (Self::Empty, Self::Empty | Self::Leaf(_)) | (Self::Leaf(_), Self::Empty) => {
                Err(Misshapen::NoSplit(depth))
            }
            _ => Ok(Self::Other(node_hash(&left.hash(), &right.hash()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_of_bits_stands_where_its_first_bit_falls() {
        let mut writer = Writer::default();
        writer.bit(true);
        writer.put(b"a");
        (0..7).for_each(|_| writer.bit(false));
        writer.put(b"b");
        writer.mark(Mark::Split);
        writer.put(b"c");
        assert_eq!(writer.bytes, [0x80, b'a', b'b', 0xc0, b'c']);

        let mut reader = Reader::new(&writer.bytes);
        assert_eq!(reader.bit(), Ok(true));
        assert_eq!(reader.bytes(1), Ok(&b"a"[..]));
        assert!((0..7).all(|_| reader.bit() == Ok(false)));
        assert_eq!(reader.array(), Ok(b"b"));
        assert_eq!(reader.mark(), Ok(Mark::Split));
        assert_eq!(reader.bytes(2), Err(Misshapen::Truncated));
        assert_eq!(reader.bytes(1), Ok(&b"c"[..]));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn what_is_left_is_refused() {
        let finish = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            reader.bit().and_then(|_| reader.finish())
        };
        assert_eq!(finish(&[0x80]), Ok(()));
        assert_eq!(finish(&[0x81]), Err(Misshapen::PaddingSet));
        assert_eq!(finish(&[0xc0]), Err(Misshapen::PaddingSet));
        assert_eq!(finish(&[0x80, 0, 0]), Err(Misshapen::LeftOver(2)));
        assert_eq!(finish(&[]), Err(Misshapen::Truncated));
        assert_eq!(Reader::new(&[]).finish(), Ok(()));
        assert_eq!(Reader::new(&[0]).finish(), Err(Misshapen::LeftOver(1)));
    }
}
