//! What can be checked of a block without a state (specs/02 §4, specs/05 §3.1).

use crate::error::{BlockRule, Invalid};
use crate::transaction::check_transaction;
use parity_scale_codec::Encode;
use rayon::prelude::*;
use sapwood_primitives::block::MAX_BLOCK_BYTES;
use sapwood_primitives::merkle::tx_root;
use sapwood_primitives::{Block, BlockId, Chain, TxId};

/// A block that passed every check that needs no state. Only [`check_block`] makes one of a block that comes from outside, so nothing can be applied unchecked.
#[derive(Clone, Debug)]
pub struct CheckedBlock {
    block: Block,
    id: BlockId,
    txids: Vec<TxId>,
}

impl CheckedBlock {
    /// A block that passed [`check_block`] before it was stored, and was read back whole. Never for a block from anywhere else: its signatures are not looked at again.
    pub fn stored(block: Block) -> Self {
        Self {
            id: block.header.id(),
            txids: block.txids(),
            block,
        }
    }

    /// The block.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// Its id.
    pub fn id(&self) -> BlockId {
        self.id
    }

    /// Ids of its transactions, the coinbase's first.
    pub fn txids(&self) -> &[TxId] {
        &self.txids
    }
}

/// Checks length, coinbase, transaction root, and each transaction's form, fee and signature, on all threads of the current rayon pool. Nothing is taken on trust from a mempool.
///
/// # Errors
/// The first rule that is broken; of several bad transactions, the first one's.
pub fn check_block(
    chain: &Chain,
    genesis: &BlockId,
    block: Block,
) -> Result<CheckedBlock, Invalid> {
    if block.encoded_size() > MAX_BLOCK_BYTES {
        return Err(BlockRule::TooLong.into());
    }
    let header = &block.header.header;
    if block.coinbase.height != header.height {
        return Err(BlockRule::CoinbaseHeight.into());
    }
    let mut txids = vec![block.coinbase.txid()];
    txids.par_extend(block.transactions.par_iter().map(|tx| tx.txid()));
    let expected = tx_root(&txids);
    if header.tx_root != expected {
        return Err(BlockRule::TxRoot { expected }.into());
    }
    let broken = block
        .transactions
        .par_iter()
        .enumerate()
        .find_map_first(|(index, tx)| {
            let rule = check_transaction(chain, genesis, tx).err()?;
            Some(Invalid::Transaction { index, rule })
        });
    match broken {
        Some(invalid) => Err(invalid),
        None => Ok(CheckedBlock {
            id: header.id(),
            block,
            txids,
        }),
    }
}
