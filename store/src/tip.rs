//! Places on the main chain.

use parity_scale_codec::{Decode, Encode};
use sapwood_primitives::codec::Wire;
use sapwood_primitives::{BlockId, Hash, Height};

/// The end of the main chain, as the store names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Tip {
    /// Height of the block.
    pub height: Height,
    /// Its id.
    pub id: BlockId,
    /// Root of the state after it.
    pub state_root: Hash,
}

impl Wire for Tip {
    /// Height, id and root.
    const MAX_BYTES: usize = 8 + 32 + 32;
}

/// Where a transaction stands on the main chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Height of its block.
    pub height: Height,
    /// Its place in the block; the coinbase is 0.
    pub index: u32,
}
