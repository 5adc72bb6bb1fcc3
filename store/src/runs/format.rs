//! Bytes of a run's header, blocks and index; the text of [`super`] says what they mean. Nothing here reads a file, and no length is believed.

use crate::bytes::take;
use parity_scale_codec::{Decode, Encode};
use sapwood_primitives::BlockId;
use sapwood_primitives::codec::{self, Wire};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Number of the layout.
pub(super) const FORMAT: u32 = 1;

/// Bytes of the header.
pub(super) const HEADER: usize = 64;
/// Bytes of the trailer.
pub(super) const TRAILER: usize = 48;
/// Bytes of a checksum.
pub(super) const CHECKSUM: usize = 8;
/// Bytes of a block's entry in the index.
const ENTRY: usize = 16;
/// Bytes of a row before its value.
pub(super) const ROW_HEAD: usize = 36;

/// A block is closed before it would have more bytes of rows than this, unless it has one row only: what reading one row costs.
pub(super) const BLOCK: usize = 4096;
/// Most bytes of a value: far more than any leaf has.
pub(super) const MAX_VALUE: usize = 1 << 16;
/// Fewest and most bytes of a block with its checksum.
const BLOCK_BYTES: std::ops::RangeInclusive<u64> =
    (ROW_HEAD + CHECKSUM) as u64..=(ROW_HEAD + MAX_VALUE + CHECKSUM) as u64;

const MAGIC: [u8; 8] = *b"SAPWROW\0";

/// Why bytes are not what they should be, in words for people.
pub(super) type Reason = &'static str;

/// The first bytes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u32,
    pub(super) genesis: BlockId,
    /// Known to nobody else, and another one in each file: no block of another file, or of an earlier one of this name, fits.
    pub(super) salt: u64,
}

/// Why a run's header is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    Newer(u32),
    Damaged(Reason),
}

impl Header {
    fn body(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.genesis.0);
        bytes.extend_from_slice(&self.salt.to_le_bytes());
        bytes
    }

    /// The header's checksum, which seeds all others of the file.
    pub(super) fn seed(&self) -> u64 {
        xxh3_64_with_seed(&self.body(), 0)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.body();
        bytes.extend_from_slice(&self.seed().to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        Self::fields(bytes).unwrap_or(Err(BadHeader::Damaged("it is cut short")))
    }

    fn fields(mut bytes: &[u8]) -> Option<Result<Self, BadHeader>> {
        if take::<8>(&mut bytes)? != MAGIC {
            let reason = "it does not begin like a file of rows";
            return Some(Err(BadHeader::Damaged(reason)));
        }
        // Before the checksum, whose place a newer format may have moved.
        let format = u32::from_le_bytes(take(&mut bytes)?);
        if format > FORMAT {
            return Some(Err(BadHeader::Newer(format)));
        }
        let header = Self {
            number: u32::from_le_bytes(take(&mut bytes)?),
            genesis: BlockId(take(&mut bytes)?),
            salt: u64::from_le_bytes(take(&mut bytes)?),
        };
        let checksum = u64::from_le_bytes(take(&mut bytes)?);
        Some(match format == FORMAT && checksum == header.seed() {
            true => Ok(header),
            false => Err(BadHeader::Damaged("the header's checksum does not fit")),
        })
    }
}

/// A row as it stands in a block: its key, and its value or that it is gone.
pub(super) type Row<'a> = (&'a [u8; 32], Option<&'a [u8]>);

/// Appends a row. A value is not empty.
pub(super) fn push_row(block: &mut Vec<u8>, key: &[u8; 32], value: Option<&[u8]>) {
    let value = value.unwrap_or_default();
    let length = u32::try_from(value.len()).expect("the caller has looked at the length");
    block.extend_from_slice(key);
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(value);
}

/// Takes the next row off a block's rows.
pub(super) fn next_row<'a>(rows: &mut &'a [u8]) -> Result<Row<'a>, Reason> {
    let short = "a row is cut short";
    let (key, rest) = rows.split_first_chunk::<32>().ok_or(short)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(short)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| short)?;
    if length > MAX_VALUE {
        return Err("a row is longer than any leaf");
    }
    let (value, rest) = rest.split_at_checked(length).ok_or(short)?;
    *rows = rest;
    Ok((key, (length > 0).then_some(value)))
}

/// The checksum of a block's rows. It says where the block stands, so that none is taken for another.
pub(super) fn block_checksum(rows: &[u8], seed: u64, offset: u64) -> u64 {
    xxh3_64_with_seed(rows, seed.wrapping_add(offset))
}

/// Where a key stands among all: its first eight bytes as a number.
pub(super) fn place(key: &[u8; 32]) -> u64 {
    let (head, _) = key
        .split_first_chunk()
        .expect("a key is longer than eight bytes");
    u64::from_be_bytes(*head)
}

/// Which parts of the key space have rows, a bit for each part: keys are hashes, so rows lie evenly. A run that answers few questions has one, so that the others cost no
/// reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Map(Vec<u64>);

/// Bits for a row: of 32 keys that are not there one is thought to be.
const MAP_BITS: usize = 32;

impl Map {
    /// For up to so many rows.
    pub(super) fn new(rows: usize) -> Self {
        Self(vec![0; (rows * MAP_BITS).div_ceil(64)])
    }

    fn bit(&self, place: u64) -> usize {
        let bits = self.0.len() as u128 * 64;
        usize::try_from((u128::from(place) * bits) >> 64).expect("below the number of bits")
    }

    pub(super) fn insert(&mut self, place: u64) {
        if !self.0.is_empty() {
            let bit = self.bit(place);
            self.0[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Whether there may be rows between two places, both included. A wide range is not looked at.
    pub(super) fn may_hold(&self, first: u64, last: u64) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let (first, last) = (self.bit(first), self.bit(last));
        last.saturating_sub(first) > 256
            || (first..=last).any(|bit| self.0[bit / 64] >> (bit % 64) & 1 == 1)
    }
}

/// What is known in memory of a run: where each block begins, and which keys may be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    /// The place of each block's first key.
    pub(super) places: Vec<u64>,
    /// Where each block begins, and then where the last one ends.
    pub(super) offsets: Vec<u64>,
    pub(super) map: Map,
}

impl Index {
    /// That of a run without blocks.
    pub(super) fn new(map: Map) -> Self {
        Self {
            places: Vec::new(),
            offsets: vec![HEADER as u64],
            map,
        }
    }

    /// Where the blocks end.
    pub(super) fn end(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(HEADER as u64)
    }

    /// The index as it stands in the file.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.places.len() * ENTRY + self.map.0.len() * 8);
        for (place, offset) in self.places.iter().zip(&self.offsets) {
            bytes.extend_from_slice(&place.to_be_bytes());
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        for word in &self.map.0 {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Reads an index whose checksum fits.
    pub(super) fn decode(bytes: &[u8], trailer: &Trailer) -> Result<Self, Reason> {
        let entries = usize::try_from(trailer.blocks)
            .ok()
            .and_then(|blocks| blocks.checked_mul(ENTRY))
            .and_then(|length| bytes.split_at_checked(length));
        let (entries, words) = entries.ok_or("the index is cut short")?;
        if Some(words.len() as u64) != trailer.words.checked_mul(8) {
            return Err("the index has another length");
        }
        let (mut places, mut offsets) = (Vec::new(), Vec::new());
        for mut entry in entries.chunks_exact(ENTRY) {
            let short = "the index is cut short";
            places.push(u64::from_be_bytes(take(&mut entry).ok_or(short)?));
            offsets.push(u64::from_le_bytes(take(&mut entry).ok_or(short)?));
        }
        offsets.push(trailer.end);
        let words = words.chunks_exact(8);
        let index = Self {
            places,
            offsets,
            map: Map(words
                .map(|word| u64::from_le_bytes(word.try_into().expect("chunks of eight")))
                .collect()),
        };
        let in_order = index.offsets[0] == HEADER as u64
            && index.places.is_sorted()
            && index.offsets.windows(2).all(|pair| {
                let length = pair[1].checked_sub(pair[0]);
                length.is_some_and(|length| BLOCK_BYTES.contains(&length))
            });
        match in_order {
            true => Ok(index),
            false => Err("the index names blocks that cannot be"),
        }
    }

    /// The checksum of the index's bytes.
    pub(super) fn checksum(bytes: &[u8], seed: u64) -> u64 {
        xxh3_64_with_seed(bytes, seed)
    }
}

/// The last bytes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Trailer {
    pub(super) rows: u64,
    pub(super) blocks: u64,
    /// Of eight bytes, in the map.
    pub(super) words: u64,
    /// Where the blocks end and the index begins.
    pub(super) end: u64,
    /// Of the index's bytes.
    pub(super) index_checksum: u64,
}

impl Wire for Trailer {
    const MAX_BYTES: usize = 5 * 8;
}

impl Trailer {
    pub(super) fn checksum(&self, seed: u64) -> u64 {
        xxh3_64_with_seed(&self.encode(), seed)
    }

    pub(super) fn encode_with(&self, seed: u64) -> Vec<u8> {
        let mut bytes = self.encode();
        bytes.extend_from_slice(&self.checksum(seed).to_le_bytes());
        bytes
    }

    /// Reads a trailer, if it is that of a file of this length.
    pub(super) fn decode_with(bytes: &[u8], seed: u64, length: u64) -> Result<Self, Reason> {
        let cut = "the trailer is cut short";
        let (trailer, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(cut)?;
        let trailer: Self = codec::read(trailer).map_err(|_| cut)?;
        if u64::from_le_bytes(*checksum) != trailer.checksum(seed) {
            return Err("the trailer's checksum does not fit");
        }
        match trailer.length() == Some(length) {
            true => Ok(trailer),
            false => Err("the trailer is that of a file of another length"),
        }
    }

    /// Bytes of the index.
    pub(super) fn index_bytes(&self) -> Option<u64> {
        let entries = self.blocks.checked_mul(ENTRY as u64)?;
        entries.checked_add(self.words.checked_mul(8)?)
    }

    /// Bytes of the file.
    fn length(&self) -> Option<u64> {
        let end = self.end.checked_add(self.index_bytes()?)?;
        end.checked_add(TRAILER as u64)
    }
}
