//! SHA-256 over many independent inputs at once.
//!
//! A tree of hashes has thousands of small inputs that do not wait for one another. Processors with AVX-512 compress
//! [sixteen of them at once](Engine::Avx512), in the time in which SHA instructions compress ten.
//!
//! - [`compress_same`] is the bare compression function from one state on many blocks: the leaves and nodes of the account
//!   tree are such blocks (specs/04 §2.1).
//! - [`chains`] finishes padded SHA-256 from one state over many messages of any lengths: the tagged hash of values
//!   (specs/04 §2.2), with the state after the tag block.
//!
//! Every engine gives the same bytes, so that nothing but time depends on the processor. Which state belongs to which
//! purpose is left to the caller: this crate knows no tags.
//!
//! ```
//! let state = [7; 8];
//! let mut digests = [[0; 32]; 2];
//! sapwood_lanes::compress_same(&state, &[[1; 64], [2; 64]], &mut digests);
//! assert_ne!(digests[0], digests[1]);
//! ```

#![no_std]

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod flight;
mod padding;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod wide;

/// SHA-256's chaining value between two blocks.
type State = [u32; 8];

/// Bytes that a SHA-256 block holds.
const BLOCK: usize = 64;

/// What one compression takes.
type Block = [u8; BLOCK];

/// A state's words, each big-endian.
type Digest = [u8; 32];

/// How compressions are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Sixteen inputs at once, by AVX-512. Fewer than about twelve are computed as by [`Engine::Scalar`].
    Avx512,
    /// One input after the other, by the processor's SHA instructions where it has them.
    Scalar,
}

/// The quickest engine of this processor. It is asked once; later calls read one byte.
#[must_use]
pub fn engine() -> Engine {
    #[cfg(target_arch = "x86_64")]
    if avx512::Avx512::detect().is_some() {
        return Engine::Avx512;
    }
    Engine::Scalar
}

/// Compresses each block from `state`: `out[i]` is the state after `blocks[i]`, its words big-endian.
///
/// There is no padding: this is SHA-256's compression function and no hash of a message.
///
/// # Panics
///
/// If `blocks` and `out` differ in length.
pub fn compress_same(state: &[u32; 8], blocks: &[[u8; 64]], out: &mut [[u8; 32]]) {
    compress_same_with(engine(), state, blocks, out);
}

/// [`compress_same`] by a given engine, or by [`Engine::Scalar`] where this processor lacks that one.
///
/// # Panics
///
/// If `blocks` and `out` differ in length.
pub fn compress_same_with(
    engine: Engine,
    state: &[u32; 8],
    blocks: &[[u8; 64]],
    out: &mut [[u8; 32]],
) {
    assert_eq!(blocks.len(), out.len(), "one digest per block");
    #[cfg(target_arch = "x86_64")]
    if engine == Engine::Avx512
        && let Some(avx512) = avx512::Avx512::detect()
    {
        return wide::compress_same(avx512, state, blocks, out);
    }
    let _ = engine;
    scalar::compress_same(state, blocks, out);
}

/// Finishes SHA-256 over each message: `out[i]` is the digest of `prefix ‖ messages[i]`, where `state` is SHA-256's state
/// after `prefix` and `prefix_len` is the length of `prefix` in bytes.
///
/// Messages may have any lengths, none included. Long ones are best put first: lanes that run dry at the end stay empty.
///
/// # Panics
///
/// If `messages` and `out` differ in length, or if `prefix_len` is not a multiple of 64, since there is no state in the
/// middle of a block.
pub fn chains(state: &[u32; 8], prefix_len: u64, messages: &[&[u8]], out: &mut [[u8; 32]]) {
    chains_with(engine(), state, prefix_len, messages, out);
}

/// [`chains`] by a given engine, or by [`Engine::Scalar`] where this processor lacks that one.
///
/// # Panics
///
/// As [`chains`].
pub fn chains_with(
    engine: Engine,
    state: &[u32; 8],
    prefix_len: u64,
    messages: &[&[u8]],
    out: &mut [[u8; 32]],
) {
    assert_eq!(messages.len(), out.len(), "one digest per message");
    assert!(
        prefix_len.is_multiple_of(BLOCK as u64),
        "a state stands between blocks"
    );
    #[cfg(target_arch = "x86_64")]
    if engine == Engine::Avx512
        && let Some(avx512) = avx512::Avx512::detect()
    {
        return flight::chains(avx512, state, prefix_len, messages, out);
    }
    let _ = engine;
    scalar::chains(state, prefix_len, messages, out);
}
