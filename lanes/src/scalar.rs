//! One compression after the other, by `sha2`.

use core::iter::zip;
use core::slice;

use sha2::block_api::compress256;

use crate::padding::pad;
use crate::{BLOCK, Block, Digest, State};

/// [`crate::compress_same`] for slices of the same length.
pub(crate) fn compress_same(state: &State, blocks: &[Block], out: &mut [Digest]) {
    for (block, digest) in zip(blocks, out) {
        let mut state = *state;
        compress256(&mut state, slice::from_ref(block));
        *digest = to_bytes(&state);
    }
}

/// [`crate::chains`] for slices of the same length.
pub(crate) fn chains(state: &State, prefix_len: u64, messages: &[&[u8]], out: &mut [Digest]) {
    for (message, digest) in zip(messages, out) {
        let (blocks, rest) = message.as_chunks();
        let mut last = [[0; BLOCK]; 2];
        let count = pad(rest, prefix_len + message.len() as u64, &mut last);
        *digest = finish(*state, blocks, &last[..count]);
    }
}

/// The digest after a message's whole blocks and then its last ones.
pub(crate) fn finish(mut state: State, blocks: &[Block], last: &[Block]) -> Digest {
    compress256(&mut state, blocks);
    compress256(&mut state, last);
    to_bytes(&state)
}

/// The state's words, each big-endian.
pub(crate) fn to_bytes(state: &State) -> Digest {
    let mut bytes = [0; 32];
    for (to, word) in zip(bytes.as_chunks_mut().0, state) {
        *to = word.to_be_bytes();
    }
    bytes
}
