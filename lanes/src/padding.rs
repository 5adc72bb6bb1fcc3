//! SHA-256's padding (FIPS 180-4 §5.1.1).

use crate::{BLOCK, Block};

/// Bytes of the length at the end of the last block.
const LENGTH: usize = 8;

/// Writes the last blocks of a message to the front of `last`: what is left after its whole blocks, one set bit, zeros,
/// and the length in bits. Returns how many blocks these are, one or two.
///
/// `rest` is shorter than a block; `length` is the whole message's in bytes, whatever came before `rest` included.
pub(crate) fn pad(rest: &[u8], length: u64, last: &mut [Block; 2]) -> usize {
    let count = if rest.len() + 1 + LENGTH <= BLOCK {
        1
    } else {
        2
    };
    *last = [[0; BLOCK]; 2];
    last[0][..rest.len()].copy_from_slice(rest);
    last[0][rest.len()] = 0x80;
    last[count - 1][BLOCK - LENGTH..].copy_from_slice(&(length * 8).to_be_bytes());
    count
}
