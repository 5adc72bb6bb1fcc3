//! [`Job`]: a header with everything computed that does not depend on the nonce.

use sapwood_primitives::hash::double;
use sapwood_primitives::header::{HEADER_BYTES, NONCE_OFFSET};
use sapwood_primitives::work::{CompactTarget, NotATarget};
use sapwood_primitives::{BlockId, Header};
use sha2::block_api::compress256;

/// SHA-256's state: eight words.
pub(crate) type State = [u32; 8];

/// Bytes that one compression takes.
pub(crate) const BLOCK: usize = 64;

/// The state from which every SHA-256 starts (FIPS 180-4 §5.3.3).
pub(crate) const INITIAL: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Whole blocks at the header's start. The nonce lies behind them, so their state is computed once.
const FIXED_BLOCKS: usize = NONCE_OFFSET / BLOCK;

/// Where the nonce stands in the header's last block.
pub(crate) const NONCE_IN_BLOCK: usize = NONCE_OFFSET % BLOCK;

/// A header to find a nonce for, and the target that it must meet.
#[derive(Clone, Debug)]
pub struct Job {
    header: [u8; HEADER_BYTES],
    target: CompactTarget,
    /// State after the header's fixed blocks.
    pub(crate) midstate: State,
    /// The header's last bytes and SHA-256's padding, the nonce still to be filled in.
    pub(crate) last_block: [u8; BLOCK],
    /// The target's top 32 bits. A hash whose first word is above them does not meet it; of the others, nearly all do.
    pub(crate) top: u32,
}

impl Job {
    /// Prepares a header. Its nonce is of no account.
    ///
    /// # Errors
    /// [`NotATarget`] if the header's target field is not canonical (specs/02 §2.2), so that no nonce could make it valid.
    pub fn new(header: &Header) -> Result<Self, NotATarget> {
        let target = CompactTarget::from_bits(header.target)?;
        let header = header.to_bytes();
        let (fixed, tail) = header.split_at(FIXED_BLOCKS * BLOCK);

        let mut midstate = INITIAL;
        compress256(&mut midstate, fixed.as_chunks::<BLOCK>().0);
        let mut last_block = padded(HEADER_BYTES, tail.len());
        last_block[..tail.len()].copy_from_slice(tail);
        let top = u32::try_from((target.target() >> 224).low_u64()).expect("32 bits are left");
        Ok(Self {
            header,
            target,
            midstate,
            last_block,
            top,
        })
    }

    /// The block id that the header has with this nonce, computed from all 160 bytes.
    pub fn id(&self, nonce: u64) -> BlockId {
        let mut header = self.header;
        header[NONCE_OFFSET..].copy_from_slice(&nonce.to_le_bytes());
        BlockId(double(&header))
    }

    /// Whether the header with this nonce meets its target (specs/02 §2.3).
    pub fn is_solved_by(&self, nonce: u64) -> bool {
        self.target.is_met_by(&self.id(nonce))
    }
}

/// SHA-256's last block for a message of `length` bytes of which `used` stand in this block: one set bit, zeros, and the length in bits.
pub(crate) const fn padded(length: usize, used: usize) -> [u8; BLOCK] {
    assert!(used + 9 <= BLOCK, "the padding needs a block of its own");
    let mut block = [0; BLOCK];
    block[used] = 0x80;
    let bits = (length as u64 * 8).to_be_bytes();
    let mut i = 0;
    while i < bits.len() {
        block[BLOCK - bits.len() + i] = bits[i];
        i += 1;
    }
    block
}
