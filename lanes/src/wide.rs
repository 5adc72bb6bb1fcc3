//! Deals any number of blocks out to lanes.

use core::iter::zip;

use crate::avx512::{Avx512, LANES};
use crate::{BLOCK, Block, Digest, State, scalar};

/// From how many blocks on lanes are quicker than one block after the other, though some of them are idle.
///
/// Measured on Zen 4, where sixteen lanes take the time of ten compressions by SHA instructions and a copy adds to it. A
/// processor with AVX-512 and without SHA instructions would break even at three or four, and loses little: these are the
/// last blocks of a call.
pub(crate) const LANES_FROM: usize = 12;

/// [`crate::compress_same`] for slices of the same length.
pub(crate) fn compress_same(avx512: Avx512, state: &State, blocks: &[Block], out: &mut [Digest]) {
    let (full, rest) = blocks.as_chunks::<LANES>();
    let (full_out, rest_out) = out.as_chunks_mut::<LANES>();
    for (blocks, out) in zip(full, full_out) {
        avx512.compress_same(state, blocks, out);
    }
    if rest.len() < LANES_FROM {
        return scalar::compress_same(state, rest, rest_out);
    }

    // What idle lanes compute is left behind.
    let mut blocks = [[0; BLOCK]; LANES];
    blocks[..rest.len()].copy_from_slice(rest);
    let mut digests = [[0; 32]; LANES];
    avx512.compress_same(state, &blocks, &mut digests);
    rest_out.copy_from_slice(&digests[..rest.len()]);
}
