//! A node that may be used: it is on this chain, up to date, and its answers are checked.

use std::cell::RefCell;
use std::time::Duration;

use sapwood_primitives::leaf::{Account, NameLeaf, Phase};
use sapwood_primitives::{AccountId, Block, Height, Name, Transaction, TxId};
use sapwood_rpc::client::CallError;
use sapwood_rpc::types::{
    AccountProof, AccountProofParams, At, AwaitParams, BlockAnswer, BlockRef, ChainAwaitHead,
    ChainBlock, Head, Hex, Method, NamePrice, NameProof, NameProofParams, NoParams, NodeStatus,
    PriceParams, Proven, Status, Submitted, TxIdParams, TxParams, TxState, TxStatus, TxSubmit,
};

use super::context::Context;
use super::error::CliError;
use super::node::{NodeApi, call};
use super::proof::{CheckedPrice, Checker, Lie};
use super::text::{duration, escape};

/// Oldest tip that decisions are made on, in seconds: sixty blocks that should have come.
const MAX_TIP_AGE: u64 = 3_600;

/// How long one call waits for a block, in milliseconds: less than the 30 s that a server gives a call.
const AWAIT_MS: u64 = 20_000;

/// Pause after an answer without a new block, so that a node that answers at once is not asked without end.
const PAUSE: Duration = Duration::from_millis(200);

/// Calls without a new block after which the wait is explained: at least three minutes on a network, a minute on a toy chain.
const QUIET_CALLS: u32 = 9;

/// A checked connection to a node.
pub(crate) struct Link<'a> {
    pub(crate) ctx: &'a Context,
    pub(crate) checker: Checker<'a>,
    pub(crate) status: Status,
    head: RefCell<Head>,
    node: &'a dyn NodeApi,
}

/// A name at a height, proven.
pub(crate) struct ProvenName {
    /// The height of the state.
    pub(crate) height: Height,
    /// Its time, seconds since 1970.
    pub(crate) time: u64,
    /// The leaf, if there is one.
    pub(crate) leaf: Option<NameLeaf>,
    /// The owner's account, if the name has an owner.
    pub(crate) owner: Option<Account>,
}

/// An account at a height, proven.
pub(crate) struct ProvenAccount {
    /// The height of the state.
    pub(crate) height: Height,
    /// The node's answer, for others to check again.
    pub(crate) answer: Proven,
    /// The leaf, if there is one.
    pub(crate) account: Option<Account>,
}

impl<'a> Link<'a> {
    /// Asks the node what it is.
    ///
    /// # Errors
    /// If it is on another chain, behind, or cannot store what it is given.
    pub(crate) fn open(ctx: &'a Context) -> Result<Self, CliError> {
        let genesis = ctx.genesis()?;
        let node = ctx.node()?;
        let status = call::<NodeStatus>(node, NoParams {})?;
        if status.genesis != genesis {
            return Err(CliError::refused(
                "other_chain",
                format!(
                    "the node is on another chain: `{}` with genesis {}, not `{}` with {genesis}",
                    escape(&status.chain),
                    status.genesis,
                    ctx.chain.name
                ),
                "choose the chain with --chain, or the node's directory with --data-dir",
            ));
        }
        if status.syncing {
            return Err(CliError::refused(
                "syncing",
                format!(
                    "the node is still catching up (height {})",
                    status.head.height
                ),
                "wait until `sapwood status` says that it is up to date",
            ));
        }
        if status.storage_failed {
            return Err(CliError::refused(
                "node_storage_failed",
                "the node could not write to its disk and takes nothing in",
                "free space on its disk and restart it",
            ));
        }
        let link = Self {
            ctx,
            checker: Checker {
                chain: &ctx.chain,
                genesis,
            },
            head: RefCell::new(status.head.clone()),
            status,
            node,
        };
        link.fresh(link.status.head.time)?;
        Ok(link)
    }

    /// Refuses a state of long ago: what it says about balances and names may be over. On a toy chain nobody mines at night.
    fn fresh(&self, time: u64) -> Result<(), CliError> {
        if self.ctx.is_toy() {
            return Ok(());
        }
        let now = self.ctx.terminal.now();
        if time > now.saturating_add(self.ctx.chain.client.max_ahead) {
            return Err(CliError::refused(
                "clock",
                format!(
                    "the last block is {} ahead of this computer's clock",
                    duration(time - now)
                ),
                "set the clock; certificates and chains both need it",
            ));
        }
        if now.saturating_sub(time) > MAX_TIP_AGE {
            return Err(CliError::refused(
                "stale",
                format!("the node's last block is {} old", duration(now - time)),
                "check this computer's clock, and with `sapwood status` whether the node has peers",
            ));
        }
        Ok(())
    }

    /// The tip as of the last answer.
    pub(crate) fn head(&self) -> Head {
        self.head.borrow().clone()
    }

    /// The height at which a transaction sent now can be included first.
    pub(crate) fn next_height(&self) -> Height {
        self.head.borrow().height.plus(1)
    }

    pub(crate) fn call<M: Method>(&self, params: M::Params) -> Result<M::Answer, CliError> {
        Ok(call::<M>(self.node, params)?)
    }

    /// An account at the tip, proven.
    pub(crate) fn account(&self, id: AccountId) -> Result<ProvenAccount, CliError> {
        let answer = self.call::<AccountProof>(AccountProofParams {
            account: self.ctx.address(id).to_string(),
            at: At::Head,
            anchor: None,
        })?;
        let (header, account) = self.checker.account(&id, &answer)?;
        self.fresh(header.time)?;
        Ok(ProvenAccount {
            height: header.height,
            answer,
            account,
        })
    }

    /// A name at the tip with its owner, proven.
    pub(crate) fn name(&self, name: &Name) -> Result<ProvenName, CliError> {
        let answer = self.call::<NameProof>(NameProofParams {
            name: name.clone(),
            at: At::Head,
            anchor: None,
        })?;
        let (header, leaf, owner) = self.checker.name(name, &answer)?;
        self.fresh(header.time)?;
        Ok(ProvenName {
            height: header.height,
            time: header.time,
            leaf,
            owner,
        })
    }

    /// What a name costs in the next block, computed from proven leaves.
    pub(crate) fn price(&self, name: &Name, years: u8) -> Result<CheckedPrice, CliError> {
        let answer = self.call::<NamePrice>(PriceParams {
            name: name.clone(),
            years,
            proof: true,
        })?;
        let (header, price) = self.checker.price(name, years, &answer)?;
        self.fresh(header.time)?;
        Ok(price)
    }

    /// Hands a transaction in.
    pub(crate) fn submit(&self, tx: &Transaction) -> Result<Submitted, CliError> {
        Ok(self.try_submit(&parity_scale_codec::Encode::encode(tx))?)
    }

    pub(crate) fn try_submit(&self, bytes: &[u8]) -> Result<Submitted, CallError> {
        call::<TxSubmit>(
            self.node,
            TxParams {
                tx: Hex(bytes.to_vec()),
            },
        )
    }

    /// Where a transaction is, by the node's word.
    pub(crate) fn tx_status(&self, txid: TxId) -> Result<TxState, CliError> {
        self.call::<TxStatus>(TxIdParams { txid })
    }

    /// The height of the block that holds a transaction, checked against that block; none if it is in no block.
    pub(crate) fn included(&self, txid: TxId) -> Result<Option<Included>, CliError> {
        let state = self.tx_status(txid)?;
        match (&*state.status, state.block) {
            ("confirmed", Some(id)) => {
                let answer = self.raw_block(BlockRef {
                    height: None,
                    block: Some(id),
                })?;
                if answer.block != id {
                    return Err(Lie::OtherBlock.into());
                }
                let block = self.checker.block_with(&answer, &txid)?;
                Ok(Some(Included {
                    height: block.header.header.height,
                    confirmations: state.confirmations,
                    block,
                }))
            }
            ("confirmed", None) => Err(Lie::OtherBlock.into()),
            _ => Ok(None),
        }
    }

    pub(crate) fn raw_block(&self, which: BlockRef) -> Result<BlockAnswer, CliError> {
        self.call::<ChainBlock>(which)
    }

    /// Waits for another tip, and shows why.
    pub(crate) fn await_block(&self, why: &str) -> Result<(), CliError> {
        let (after, height) = {
            let head = self.head.borrow();
            (head.block, head.height)
        };
        for attempt in 1u32.. {
            self.ctx.terminal.progress(why);
            let head = self.call::<ChainAwaitHead>(AwaitParams {
                after,
                timeout_ms: AWAIT_MS,
            })?;
            if head.height <= height {
                std::thread::sleep(PAUSE);
            }
            if head.block != after {
                *self.head.borrow_mut() = head;
                break;
            }
            if attempt == QUIET_CALLS {
                self.ctx.say(
                    "no block for minutes: is anybody mining? Ctrl-C is safe, nothing is lost",
                );
            }
        }
        Ok(())
    }

    /// Takes the tip anew.
    pub(crate) fn refresh(&self) -> Result<(), CliError> {
        *self.head.borrow_mut() = self.call::<sapwood_rpc::types::ChainHead>(NoParams {})?;
        Ok(())
    }
}

/// A transaction in a block.
pub(crate) struct Included {
    /// Height of the block.
    pub(crate) height: Height,
    /// Blocks on top of it and itself, by the node's word.
    pub(crate) confirmations: u64,
    /// The block.
    pub(crate) block: Block,
}

impl ProvenName {
    /// The phase for a transaction in the next block; none if the name is available.
    pub(crate) fn next_phase(&self, ctx: &Context) -> Option<Phase> {
        let leaf = self.leaf.as_ref()?;
        leaf.phase(self.height.plus(1), &ctx.chain.consensus)
    }

    /// The owner, while the name has one in the next block.
    pub(crate) fn living_owner(&self, ctx: &Context) -> Option<&Account> {
        match self.next_phase(ctx) {
            Some(Phase::Active | Phase::Suspended) => self.owner.as_ref(),
            _ => None,
        }
    }
}
