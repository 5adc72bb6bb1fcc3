//! The parts of a segment, for the fuzz targets.

use super::format::{Kind, LinkRecord, RECORD_HEAD, RecordHead, SegmentHeader, TipRecord};
use crate::Tip;
use crate::fuzzing::Seeds;
use parity_scale_codec::Encode;
use sapwood_primitives::{BlockId, Chain, Hash, Height, TxId};

/// The header of a segment.
pub fn segment_header(bytes: &[u8]) -> Option<Vec<u8>> {
    let header = SegmentHeader::decode(bytes.try_into().ok()?).ok()?;
    Some(header.encode())
}

/// Headers of segments.
pub fn segment_header_seeds() -> Seeds {
    let header = SegmentHeader {
        genesis: BlockId([7; 32]),
        number: 3,
        first_commit: 4_000,
        length: 1 << 24,
        salt: 9,
    };
    vec![header.encode()]
}

/// The head of a record, and the payload that its kind calls for, if that is a link or a tip.
pub fn log_record(bytes: &[u8]) -> Option<Vec<u8>> {
    let (head, payload) = bytes.split_first_chunk::<RECORD_HEAD>()?;
    let head = RecordHead::decode(head)?;
    let again = match head.kind {
        Kind::Link => {
            let record = LinkRecord::decode(payload).ok()?;
            let txids = record.prefixes.iter().map(|prefix| {
                let mut id = [0; 32];
                id[..8].copy_from_slice(&prefix.to_be_bytes());
                TxId(id)
            });
            LinkRecord::encode(&record.link, &record.parent, &txids.collect::<Vec<_>>())
        }
        Kind::Tip => TipRecord::decode_payload(payload).ok()?.encode(),
        Kind::Body | Kind::Undo => payload.to_vec(),
    };
    Some([head.encode().as_slice(), &again].concat())
}

/// Records.
pub fn log_record_seeds() -> Seeds {
    let record = |kind, payload: Vec<u8>| {
        let head = RecordHead {
            commit: 5,
            kind,
            length: u32::try_from(payload.len()).unwrap_or(0),
        };
        [head.encode().as_slice(), &payload].concat()
    };
    let chain = Chain::named("dev");
    let genesis = chain.and_then(|chain| sapwood_runtime::genesis(&chain).ok());
    let links = genesis.map(|genesis| {
        let txids = [TxId([3; 32]), TxId([4; 32])];
        LinkRecord::encode(&genesis.link, &BlockId([1; 32]), &txids)
    });
    let tip = TipRecord {
        tip: tip(),
        length: 8192,
    };
    let tip = record(Kind::Tip, tip.encode());
    let links = links.map(|link| record(Kind::Link, link));
    links.into_iter().chain([tip]).collect()
}

fn tip() -> Tip {
    Tip {
        height: Height::new(1),
        id: BlockId([2; 32]),
        state_root: Hash([3; 32]),
    }
}
