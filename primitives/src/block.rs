//! Blocks (specs/02 §4).

use crate::codec::{Bounded, Bytes, Wire};
use crate::hash::{AccountId, Hash, TxId, tag};
use crate::header::SealedHeader;
use crate::height::Height;
use crate::merkle::tx_root;
use crate::transaction::Transaction;
use parity_scale_codec::{Decode, Encode};

/// Bytes of an encoded block.
pub const MAX_BLOCK_BYTES: usize = 262_144;

/// Free bytes of a coinbase.
pub const MAX_EXTRA: usize = 64;

/// More transactions than fit into a block, so the bound never decides; a block has fewer than 65,536, which specs/05 §4.3 relies on.
pub const MAX_TRANSACTIONS: usize = 4096;

/// Transaction 0: says who mined the block. It is not signed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Coinbase {
    /// The header's height, so that no two coinbases are equal.
    pub height: Height,
    /// Gets reward and fees when they mature.
    pub payee: AccountId,
    /// For the miner's use.
    pub extra: Bytes<MAX_EXTRA>,
}

impl Coinbase {
    /// Its id in the transaction root.
    pub fn txid(&self) -> TxId {
        TxId(tag::COINBASE.hash(&[&self.encode()]))
    }
}

/// A header with what it commits to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Block {
    /// Header and proof.
    pub header: SealedHeader,
    /// Transaction 0.
    pub coinbase: Coinbase,
    /// The others, in the order in which they apply.
    pub transactions: Bounded<Transaction, MAX_TRANSACTIONS>,
}

impl Block {
    /// Ids of all transactions, the coinbase's first.
    pub fn txids(&self) -> Vec<TxId> {
        std::iter::once(self.coinbase.txid())
            .chain(self.transactions.iter().map(Transaction::txid))
            .collect()
    }

    /// The root that the header must name.
    pub fn tx_root(&self) -> Hash {
        tx_root(&self.txids())
    }
}

impl Wire for Block {
    const MAX_BYTES: usize = MAX_BLOCK_BYTES;
}
