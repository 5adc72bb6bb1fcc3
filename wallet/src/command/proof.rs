//! What the node says, checked: headers, account and name leaves, and blocks that hold a transaction.
//!
//! A header is believed if it hashes to the block that the answer names, meets its own target, and that target is no easier than
//! the chain allows; everything else must follow from its roots (specs/04 §4, specs/02 §4.4). Prices are computed here from proven
//! leaves (specs/06 §7).
//!
//! That is weak against a hostile node. Neither the header's parent nor the target that its height asks for is looked at, so a forged
//! header with any state under it costs one block's work at the chain's *easiest* target, on a chain with a real target seconds or
//! minutes of one computer, whatever the network's work is; on dev and tour it costs nothing. It catches faults and careless lies. Until
//! the wallet follows the headers as the resolver does, it must be pointed at a node of one's own.

use sapwood_account_tree::{Claim, Key, Root, verify};
use sapwood_primitives::codec::{Wire, read};
use sapwood_primitives::leaf::{self, Account, NameLeaf, Phase};
use sapwood_primitives::work::CompactTarget;
use sapwood_primitives::{
    AccountId, Amount, Block, BlockId, Chain, Hash, Header, Height, Leaf, Name, TxId,
};
use sapwood_rpc::types::{BlockAnswer, Hex, NameProven, Price, Proven, StateRef, Witness};
use sapwood_runtime::price;

use super::error::CliError;
use super::text::amount;

/// In what an answer contradicts itself or the chain's rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lie {
    /// The header is none, or not that of the block, height or root that the answer names.
    #[error("its header is not the one of the block that it names")]
    OtherHeader,
    /// The header's hash is above its target, or the target easier than the chain's easiest.
    #[error("its header has no proof of work")]
    NoWork,
    /// The leaf is not the one that was asked for.
    #[error("it is about something else than what was asked for")]
    OtherLeaf,
    /// The proof does not lead to the header's root.
    #[error("its proof does not hold: {0}")]
    Unproven(String),
    /// The price does not follow from the leaves.
    #[error("its price is not the one that follows from the chain's state")]
    OtherPrice,
    /// The block's content does not fit its header.
    #[error("the block does not fit its header")]
    OtherBlock,
}

impl From<Lie> for CliError {
    fn from(lie: Lie) -> Self {
        Self::refused(
            "bad_proof",
            format!("the node's answer is false: {lie}"),
            "do not use this node for anything that matters",
        )
    }
}

/// What a name costs in the block after the one that this was proven for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckedPrice {
    /// Height of the proven state.
    pub(crate) height: Height,
    /// Phase in the next block; none if the name is available.
    pub(crate) phase: Option<Phase>,
    /// A year of a new registration.
    pub(crate) rent: Amount,
    /// What comes on top for a name that was released lately.
    pub(crate) premium: Amount,
    /// Registering for the years asked for, if that is possible.
    pub(crate) register_total: Option<Amount>,
    /// Renewing for the years asked for, if somebody owns it.
    pub(crate) renew_total: Option<Amount>,
}

/// Checks answers by the rules of one chain.
pub(crate) struct Checker<'a> {
    pub(crate) chain: &'a Chain,
    pub(crate) genesis: BlockId,
}

impl Checker<'_> {
    /// The header of an answer from state.
    pub(crate) fn header(&self, state: &StateRef, bytes: &Hex) -> Result<Header, Lie> {
        let header: Header = decode(bytes).ok_or(Lie::OtherHeader)?;
        if (header.id(), header.height, header.state_root)
            != (state.block, state.height, state.state_root)
        {
            return Err(Lie::OtherHeader);
        }
        self.work(&header)?;
        Ok(header)
    }

    /// Proof of work against the header's own target, which must not be easier than the chain's easiest. The genesis needs none
    /// (specs/02 §2.4), but there is only one.
    fn work(&self, header: &Header) -> Result<(), Lie> {
        let id = header.id();
        if id == self.genesis {
            return Ok(());
        }
        let limit = self.chain.consensus.target_limit;
        let target = CompactTarget::from_bits(header.target).map_err(|_| Lie::NoWork)?;
        let hard_enough = if self.chain.consensus.retarget {
            target.target() <= limit.target()
        } else {
            target == limit
        };
        if hard_enough && target.is_met_by(&id) {
            Ok(())
        } else {
            Err(Lie::NoWork)
        }
    }

    /// An account's leaf, or that there is none.
    pub(crate) fn account(
        &self,
        id: &AccountId,
        proven: &Proven,
    ) -> Result<(Header, Option<Account>), Lie> {
        let header = self.header(&proven.state, &proven.header)?;
        let account = account_leaf(&header, id, &proven.witness)?;
        Ok((header, account))
    }

    /// A name's leaf and its owner's, or that there is none.
    pub(crate) fn name(
        &self,
        name: &Name,
        proven: &NameProven,
    ) -> Result<(Header, Option<NameLeaf>, Option<Account>), Lie> {
        let header = self.header(&proven.state, &proven.header)?;
        let found = match leaf_under(&header, leaf::key::name(name), &proven.name)? {
            None => return Ok((header, None, None)),
            Some(Leaf::Name(found)) => found,
            Some(_) => return Err(Lie::OtherLeaf),
        };
        let owner = match (found.owner, &proven.account) {
            (None, _) => None,
            (Some(owner), Some(witness)) => account_leaf(&header, &owner, witness)?,
            (Some(_), None) => None,
        };
        if found.owner.is_some()
            && owner
                .as_ref()
                .is_none_or(|owner| owner.name.as_ref() != Some(name))
        {
            return Err(Lie::OtherLeaf);
        }
        Ok((header, Some(found), owner))
    }

    /// What a name costs, computed from the leaves that the answer proves. A node that says another price is refused.
    pub(crate) fn price(
        &self,
        name: &Name,
        years: u8,
        answer: &Price,
    ) -> Result<(Header, CheckedPrice), Lie> {
        let proven = answer
            .proven
            .as_ref()
            .ok_or_else(|| Lie::Unproven("there is none".to_owned()))?;
        let (header, leaf, _) = self.name(name, &proven.name)?;
        let Some(Leaf::System(system)) = leaf_under(&header, leaf::key::system(), &proven.system)?
        else {
            return Err(Lie::OtherLeaf);
        };
        // The next block is the first that can hold a transaction.
        let (rules, next) = (&self.chain.consensus, header.height.plus(1));
        let phase = leaf.as_ref().and_then(|leaf| leaf.phase(next, rules));
        let rent = price::rent(system.rent_base, name);
        let (premium, renewal) = match (&leaf, phase) {
            (Some(leaf), Some(Phase::Released)) => (price::premium(rules, leaf, rent, next), None),
            (Some(leaf), Some(_)) => (0, Some(price::renewal(rent, leaf))),
            _ => (0, None),
        };
        let years = u128::from(years);
        let checked = CheckedPrice {
            height: header.height,
            phase,
            rent: amount(rent),
            premium: amount(premium),
            register_total: renewal.is_none().then(|| amount(rent * years + premium)),
            renew_total: renewal.map(|renewal| amount(renewal * years)),
        };
        let said = (
            answer.rent,
            answer.premium,
            answer.register_total,
            answer.renew_total,
        );
        let is_same =
            said == (
                checked.rent,
                checked.premium,
                checked.register_total,
                checked.renew_total,
            ) && answer.state == proven.name.state
                && answer.name == *name;
        is_same.then_some((header, checked)).ok_or(Lie::OtherPrice)
    }

    /// A whole block.
    pub(crate) fn block(&self, answer: &BlockAnswer) -> Result<Block, Lie> {
        let block: Block = decode(&answer.raw).ok_or(Lie::OtherBlock)?;
        let header = &block.header.header;
        if (header.id(), header.height) != (answer.block, answer.height)
            || block.tx_root() != header.tx_root
        {
            return Err(Lie::OtherBlock);
        }
        self.work(header)?;
        Ok(block)
    }

    /// A block that is said to hold a transaction.
    pub(crate) fn block_with(&self, answer: &BlockAnswer, txid: &TxId) -> Result<Block, Lie> {
        let block = self.block(answer)?;
        if block.txids().contains(txid) {
            Ok(block)
        } else {
            Err(Lie::OtherBlock)
        }
    }
}

fn decode<T: Wire>(bytes: &Hex) -> Option<T> {
    read(&bytes.0).ok()
}

fn account_leaf(
    header: &Header,
    id: &AccountId,
    witness: &Witness,
) -> Result<Option<Account>, Lie> {
    match leaf_under(header, leaf::key::account(id), witness)? {
        None => Ok(None),
        Some(Leaf::Account(account)) => Ok(Some(*account)),
        Some(_) => Err(Lie::OtherLeaf),
    }
}

/// The leaf at `key` under the header's state root. The key comes from the question, never from the answer.
fn leaf_under(header: &Header, key: Hash, witness: &Witness) -> Result<Option<Leaf>, Lie> {
    if witness.key != key {
        return Err(Lie::OtherLeaf);
    }
    let claim = witness
        .value
        .as_ref()
        .map_or(Claim::Absent, |value| Claim::Present(&value.0));
    verify(
        &Root(header.state_root.0),
        &Key(key.0),
        claim,
        &witness.proof.0,
    )
    .map_err(|refused| Lie::Unproven(refused.to_string()))?;
    let Some(value) = &witness.value else {
        return Ok(None);
    };
    let leaf: Leaf = decode(value).ok_or(Lie::OtherLeaf)?;
    if leaf.key() == key {
        Ok(Some(leaf))
    } else {
        Err(Lie::OtherLeaf)
    }
}
