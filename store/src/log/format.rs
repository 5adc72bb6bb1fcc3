//! Bytes of headers and records; the text of [`super`] says what they mean.

use crate::Tip;
pub(super) use crate::bytes::take;
use parity_scale_codec::{Decode, Encode};
use sapwood_primitives::codec::{self, Wire};
use sapwood_primitives::{BlockId, TxId};
use sapwood_runtime::Link;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Number of the layout.
pub(super) const FORMAT: u32 = 1;

/// Commits start at multiples of this, so that writing one never touches a page that holds an earlier one.
pub(super) const PAGE: u64 = 4096;

/// Bytes before a record's payload.
pub(super) const RECORD_HEAD: usize = 16;
/// Bytes after it.
pub(super) const CHECKSUM: usize = 8;
/// Bytes of a record without payload.
pub(super) const RECORD_FRAME: usize = RECORD_HEAD + CHECKSUM;

const MAGIC: [u8; 8] = *b"SAPWLOG\0";

/// The next border of pages at or after an offset.
pub(super) fn page_up(offset: u64) -> u64 {
    offset.div_ceil(PAGE) * PAGE
}

/// Why bytes are not what they should be, in words for people.
pub(super) type Reason = String;

/// The first page of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) genesis: BlockId,
    pub(super) number: u32,
    /// Number of the first commit that is or will be in the segment.
    pub(super) first_commit: u64,
    /// Length of the file when it came under its name. While the segment is the last one it never is shorter.
    pub(super) length: u64,
    /// Known to nobody else: with it in every checksum, no bytes that a block carries look like a record.
    pub(super) salt: u64,
}

/// Why a segment's header is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    Newer(u32),
    Damaged(Reason),
}

impl SegmentHeader {
    pub(super) const BYTES: usize = 80;

    fn body(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.genesis.0);
        bytes.extend_from_slice(&self.first_commit.to_le_bytes());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.salt.to_le_bytes());
        bytes
    }

    /// The header's checksum, which seeds those of the records: a record of another chain, segment or generation of the file never fits.
    pub(super) fn seed(&self) -> u64 {
        xxh3_64_with_seed(&self.body(), 0)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.body();
        bytes.extend_from_slice(&self.seed().to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; Self::BYTES]) -> Result<Self, BadHeader> {
        Self::fields(bytes).unwrap_or_else(|| Err(BadHeader::Damaged("it is cut short".into())))
    }

    fn fields(mut bytes: &[u8]) -> Option<Result<Self, BadHeader>> {
        let damaged = |reason: &str| Some(Err(BadHeader::Damaged(reason.into())));
        if take::<8>(&mut bytes)? != MAGIC {
            return damaged("it does not begin like a segment");
        }
        // Before the checksum, whose place a newer format may have moved.
        let format = u32::from_le_bytes(take(&mut bytes)?);
        if format > FORMAT {
            return Some(Err(BadHeader::Newer(format)));
        }
        let header = Self {
            number: u32::from_le_bytes(take(&mut bytes)?),
            genesis: BlockId(take(&mut bytes)?),
            first_commit: u64::from_le_bytes(take(&mut bytes)?),
            length: u64::from_le_bytes(take(&mut bytes)?),
            salt: u64::from_le_bytes(take(&mut bytes)?),
        };
        if format != FORMAT || u64::from_le_bytes(take(&mut bytes)?) != header.seed() {
            return damaged("the header's checksum does not fit");
        }
        Some(Ok(header))
    }
}

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Link = 1,
    Body = 2,
    Undo = 3,
    Tip = 4,
}

/// The first bytes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHead {
    pub(super) commit: u64,
    pub(super) kind: Kind,
    /// Bytes of the payload.
    pub(super) length: u32,
}

impl RecordHead {
    pub(super) fn encode(&self) -> [u8; RECORD_HEAD] {
        let mut bytes = [0; RECORD_HEAD];
        bytes[..8].copy_from_slice(&self.commit.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_le_bytes());
        bytes[12] = self.kind as u8;
        bytes
    }

    /// None if no record begins so.
    pub(super) fn decode(bytes: &[u8; RECORD_HEAD]) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let commit = u64::from_le_bytes(take(&mut rest)?);
        let length = u32::from_le_bytes(take(&mut rest)?);
        let kind = match take::<4>(&mut rest)? {
            [1, 0, 0, 0] => Kind::Link,
            [2, 0, 0, 0] => Kind::Body,
            [3, 0, 0, 0] => Kind::Undo,
            [4, 0, 0, 0] => Kind::Tip,
            _ => return None,
        };
        Some(Self {
            commit,
            kind,
            length,
        })
    }

    /// Bytes of the whole record.
    pub(super) fn record_bytes(&self) -> u64 {
        RECORD_FRAME as u64 + u64::from(self.length)
    }
}

/// Appends a record whose commit number and checksum [`seal`] fills in, and gives its whole length.
pub(super) fn push_record(buffer: &mut Vec<u8>, kind: Kind, parts: &[&[u8]]) -> u32 {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; RECORD_HEAD]);
    for part in parts {
        buffer.extend_from_slice(part);
    }
    let payload = buffer.len() - start - RECORD_HEAD;
    let length =
        u32::try_from(payload).expect("blocks and undo records are bounded far below 4 GiB");
    let head = RecordHead {
        commit: 0,
        kind,
        length,
    };
    buffer[start..start + RECORD_HEAD].copy_from_slice(&head.encode());
    buffer.extend_from_slice(&[0; CHECKSUM]);
    length
}

/// Writes commit number and checksums into the records of a buffer.
pub(super) fn seal(mut records: &mut [u8], commit: u64, seed: u64) {
    while let Some((head, _)) = records.split_first_chunk_mut::<RECORD_HEAD>() {
        head[..8].copy_from_slice(&commit.to_le_bytes());
        let length = RecordHead::decode(head)
            .expect("written by push_record")
            .length;
        let body = RECORD_HEAD + usize::try_from(length).expect("in memory");
        let (record, rest) = records.split_at_mut(body + CHECKSUM);
        let checksum = xxh3_64_with_seed(&record[..body], seed);
        record[body..].copy_from_slice(&checksum.to_le_bytes());
        records = rest;
    }
}

/// Whether the last eight bytes of a record, or of any sealed bytes, are the checksum of what stands before.
pub(super) fn fits(sealed: &[u8], seed: u64) -> bool {
    match sealed.split_last_chunk::<CHECKSUM>() {
        Some((body, checksum)) => xxh3_64_with_seed(body, seed).to_le_bytes() == *checksum,
        None => false,
    }
}

/// The first eight bytes of a transaction's id, by which it is found.
pub(super) fn prefix(txid: &TxId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = txid.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Payload of a link record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LinkRecord {
    pub(super) parent: BlockId,
    pub(super) prefixes: Vec<u64>,
    pub(super) link: Link,
}

impl LinkRecord {
    pub(super) fn encode(link: &Link, parent: &BlockId, txids: &[TxId]) -> Vec<u8> {
        let count =
            u32::try_from(txids.len()).expect("a block is bounded far below 2^32 transactions");
        let mut bytes = Vec::with_capacity(36 + 8 * txids.len() + 256);
        bytes.extend_from_slice(&parent.0);
        bytes.extend_from_slice(&count.to_le_bytes());
        for txid in txids {
            bytes.extend_from_slice(&prefix(txid).to_be_bytes());
        }
        link.encode_to(&mut bytes);
        bytes
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, Reason> {
        let short = || Reason::from("a link record is too short");
        let mut rest = payload;
        let parent = BlockId(take(&mut rest).ok_or_else(short)?);
        let count = u32::from_le_bytes(take(&mut rest).ok_or_else(short)?);
        let bytes = usize::try_from(u64::from(count) * 8).ok();
        let (prefixes, link) = bytes
            .and_then(|bytes| rest.split_at_checked(bytes))
            .ok_or_else(short)?;
        let prefixes = prefixes.chunks_exact(8);
        Ok(Self {
            parent,
            prefixes: prefixes
                .map(|chunk| u64::from_be_bytes(chunk.try_into().expect("chunks of eight")))
                .collect(),
            link: codec::read(link).map_err(|e| format!("a link does not decode: {e}"))?,
        })
    }
}

/// Payload of a tip record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct TipRecord {
    pub(super) tip: Tip,
    /// Length of the file that the commit makes durable.
    pub(super) length: u64,
}

impl Wire for TipRecord {
    const MAX_BYTES: usize = Self::PAYLOAD;
}

impl TipRecord {
    pub(super) const PAYLOAD: usize = 80;

    pub(super) fn decode_payload(payload: &[u8]) -> Result<Self, Reason> {
        codec::read(payload).map_err(|e| format!("a tip does not decode: {e}"))
    }
}

/// Takes the block id off the front of a body or undo record's payload.
pub(super) fn split_id(payload: &[u8]) -> Result<(BlockId, &[u8]), Reason> {
    match payload.split_first_chunk::<32>() {
        Some((id, rest)) => Ok((BlockId(*id), rest)),
        None => Err("a record is too short for a block id".into()),
    }
}
