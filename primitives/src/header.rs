//! Headers (specs/02 §1).

use crate::codec::Wire;
use crate::hash::{BlockId, Hash, double};
use crate::height::Height;
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

/// Bytes of an encoded header.
pub const HEADER_BYTES: usize = 160;

/// Bytes before the nonce, which stands last.
pub const NONCE_OFFSET: usize = HEADER_BYTES - 8;

/// The only version (specs/02 §3.1).
pub const VERSION: u32 = 1;

/// The 160 bytes that are hashed. `target` is kept as read; whether it is a target at all is a rule (specs/02 §3.2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub struct Header {
    /// [`VERSION`].
    pub version: u32,
    /// Id of the block before.
    pub parent: BlockId,
    /// Root over the transactions (specs/02 §4.4).
    pub tx_root: Hash,
    /// Root of the account tree after the block (specs/04 §3.3).
    pub state_root: Hash,
    /// Root over all earlier headers (specs/02 §5).
    pub history_root: Hash,
    /// Seconds since 1970.
    pub time: u64,
    /// Compact target.
    pub target: u32,
    /// Distance from genesis.
    pub height: Height,
    /// What a miner varies.
    pub nonce: u64,
}

impl Header {
    /// The block id: double SHA-256 of the 160 bytes (specs/02 §2.1).
    pub fn id(&self) -> BlockId {
        BlockId(double(&self.to_bytes()))
    }

    /// The 160 bytes.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        self.encode()
            .try_into()
            .expect("every field has a fixed width")
    }
}

/// What shows the work behind a header. Merged mining would be another tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub enum Seal {
    /// The header's own hash.
    #[codec(index = 0)]
    Own,
}

/// A header as it is sent and stored: 161 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub struct SealedHeader {
    /// The 160 bytes.
    pub header: Header,
    /// Proof of work.
    pub seal: Seal,
}

impl SealedHeader {
    /// A header whose own hash is its proof.
    pub fn own(header: Header) -> Self {
        Self {
            header,
            seal: Seal::Own,
        }
    }

    /// The block id.
    pub fn id(&self) -> BlockId {
        self.header.id()
    }
}

impl Wire for Header {
    const MAX_BYTES: usize = HEADER_BYTES;
}

impl Wire for SealedHeader {
    const MAX_BYTES: usize = HEADER_BYTES + 1;
}
