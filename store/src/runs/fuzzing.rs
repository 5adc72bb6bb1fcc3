//! The parts of a run, for the fuzz targets.

use super::format::{Header, Index, Map, TRAILER, Trailer, next_row, push_row};
use crate::fuzzing::Seeds;
use parity_scale_codec::Encode;
use sapwood_primitives::{BlockId, codec};

/// The header of a run.
pub fn rows_header(bytes: &[u8]) -> Option<Vec<u8>> {
    Header::decode(bytes).ok().map(|header| header.encode())
}

/// Headers.
pub fn rows_header_seeds() -> Seeds {
    let header = Header {
        number: 3,
        genesis: BlockId([7; 32]),
        salt: 9,
    };
    vec![header.encode()]
}

/// The rows of a block.
pub fn rows_block(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut rows, mut again) = (bytes, Vec::new());
    while !rows.is_empty() {
        let (key, value) = next_row(&mut rows).ok()?;
        push_row(&mut again, key, value);
    }
    Some(again)
}

/// Rows of blocks.
pub fn rows_block_seeds() -> Seeds {
    let mut block = Vec::new();
    for n in 0..12u8 {
        let value = vec![n; usize::from(n) * 9];
        push_row(&mut block, &[n; 32], (n > 2).then_some(&value[..]));
    }
    vec![block[..36].to_vec(), block]
}

/// The index of a run with its trailer, without the trailer's own checksum.
pub fn rows_index(bytes: &[u8]) -> Option<Vec<u8>> {
    let split = bytes.len().checked_sub(TRAILER - 8)?;
    let (index, trailer) = bytes.split_at(split);
    let trailer: Trailer = codec::read(trailer).ok()?;
    let index = Index::decode(index, &trailer).ok()?;
    Some([index.encode(), trailer.encode()].concat())
}

/// Indexes.
pub fn rows_index_seeds() -> Seeds {
    let index = |words: usize| {
        let mut index = Index::new(Map::new(words * 2));
        for place in 0..9u64 {
            index.places.push(place << 60);
            index.map.insert(place << 60);
            index.offsets.push(index.end() + 100 + place);
        }
        let trailer = Trailer {
            rows: 20,
            blocks: 9,
            words: words as u64,
            end: index.end(),
            index_checksum: 5,
        };
        [index.encode(), trailer.encode()].concat()
    };
    vec![index(0), index(10)]
}
