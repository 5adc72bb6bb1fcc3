//! The transition: the only code that changes a state (specs/05 §6).

use crate::block::CheckedBlock;
use crate::difficulty::next_target;
use crate::draft::{Changes, Draft, State};
use crate::error::{BlockRule, Invalid, TxFailure, Unreadable};
use crate::header::{Link, check_header};
use crate::price;
use crate::undo::Undo;
use parity_scale_codec::Encode;
use sapwood_account_tree::{Key, NaiveTree, ValueHash, hash::value_hash};
use sapwood_primitives::block::{MAX_BLOCK_BYTES, MAX_EXTRA, MAX_TRANSACTIONS};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::codec::{Bounded, Bytes};
use sapwood_primitives::header::{HEADER_BYTES, VERSION};
use sapwood_primitives::leaf::{CoinbaseLeaf, System};
use sapwood_primitives::{
    AccountId, Amount, Block, Chain, Coinbase, Hash, Header, Height, Leaf, SealedHeader,
    Transaction,
};

/// The tree over a state, as far as the transition needs it: the root that changes lead to.
pub trait Commitment {
    /// What its owner needs to go on to that root, besides the changes.
    type Plan;

    /// The state root after `changes`, whose old values are in `undo`. Nothing is changed.
    ///
    /// # Errors
    /// [`Unreadable`] if leaves that are needed cannot be read.
    fn plan(&self, changes: &Changes, undo: &Undo) -> Result<(Hash, Self::Plan), Unreadable>;
}

/// What a block did.
#[derive(Clone, Debug)]
pub struct Connected<P> {
    /// The block's link.
    pub link: Link,
    /// Leaves that changed.
    pub changes: Changes,
    /// What takes them back.
    pub undo: Undo,
    /// What the tree's owner needs to go on to the block's state root.
    pub plan: P,
}

/// Applies a block to the state of its parent and the tree over it. Neither is changed: the caller writes what comes out.
///
/// # Errors
/// The first rule that it breaks, the state root last.
pub fn connect<S: State, C: Commitment>(
    chain: &Chain,
    parent: &Link,
    state: &S,
    tree: &C,
    checked: &CheckedBlock,
) -> Result<Connected<C::Plan>, Invalid> {
    let block = checked.block();
    let link = check_header(chain, parent, &block.header)?;
    let (changes, undo) = apply(&chain.consensus, state, block)?;
    let (expected, plan) = tree.plan(&changes, &undo)?;
    if block.header.header.state_root != expected {
        return Err(BlockRule::StateRoot { expected }.into());
    }
    Ok(Connected {
        link,
        changes,
        undo,
        plan,
    })
}

fn apply<S: State>(
    rules: &Consensus,
    state: &S,
    block: &Block,
) -> Result<(Changes, Undo), Invalid> {
    let mut draft = Draft::at(rules, state, block.coinbase.height)?;
    draft.begin_block()?;
    for (index, tx) in block.transactions.iter().enumerate() {
        // Without a way back: a transaction that fails takes the whole block with it.
        draft.run(tx).map_err(|failure| match failure {
            TxFailure::Invalid(rule) => Invalid::Transaction { index, rule },
            TxFailure::State(unreadable) => unreadable.into(),
        })?;
    }
    draft.end_block(&block.coinbase)?;
    Ok(draft.finish())
}

impl<S: State> Draft<'_, S> {
    /// specs/05 §6, steps 1 and 2.
    pub(crate) fn begin_block(&mut self) -> Result<(), Unreadable> {
        self.mature_coinbase()?;
        self.do_due_work()
    }

    /// specs/05 §6, steps 4 to 6.
    pub(crate) fn end_block(&mut self, coinbase: &Coinbase) -> Result<(), Unreadable> {
        self.remove_empty_accounts();
        let reward = reward(self.rules, self.system.reserve, self.height);
        let amount = reward.checked_add(self.tally.fees);
        self.put(Leaf::Coinbase(CoinbaseLeaf {
            height: self.height,
            payee: coinbase.payee,
            amount: amount.expect("all coins together are the supply"),
        }))?;
        let reserve = self.system.reserve.checked_sub(reward);
        let reserve = reserve.and_then(|r| r.checked_add(self.tally.to_reserve));
        let registrations = u64::try_from(self.tally.registrations).expect("at most 50");
        let live_names = self.tally.live_names;
        self.put(Leaf::System(System {
            reserve: reserve.expect("all coins together are the supply"),
            rent_base: price::next_rent_base(
                self.rules,
                self.system.rent_base,
                registrations,
                live_names,
            ),
            live_names,
        }))
    }
}

/// The share of the reserve that a block gets (specs/05 §6.5): half of it in 5.5 years of minutes, after a ramp.
fn reward(rules: &Consensus, reserve: Amount, height: Height) -> Amount {
    let full = u128::from(reserve.drops() >> 22);
    let ramped = full * u128::from(height.get().min(rules.ramp)) / u128::from(rules.ramp);
    let drops = u64::try_from(ramped).expect("a part of the reserve");
    Amount::from_drops(drops).expect("a part of the reserve")
}

impl Commitment for NaiveTree {
    type Plan = Self;

    fn plan(&self, changes: &Changes, _: &Undo) -> Result<(Hash, Self), Unreadable> {
        let mut next = self.clone();
        next.update(&tree_changes(changes));
        Ok((Hash(next.root().0), next))
    }
}

/// Changes in the form that the tree takes.
pub fn tree_changes(changes: &Changes) -> Vec<(Key, Option<ValueHash>)> {
    let mut encoded = Vec::new();
    let mut hashed = |leaf: &Leaf| {
        encoded.clear();
        leaf.encode_to(&mut encoded);
        value_hash(&encoded)
    };
    changes
        .iter()
        .map(|(key, leaf)| (Key(key.0), leaf.as_ref().map(&mut hashed)))
        .collect()
}

/// Makes a block with nonce 0 on top of `parent`: takes candidates in their order, leaves out what does not apply or does not fit, and commits to the result.
/// Candidates have passed [`check_transaction`](crate::check_transaction): that is not repeated here.
///
/// `time` is the miner's clock; the block gets at least the least time that its parent allows.
///
/// # Errors
/// [`Unreadable`] if the state cannot be read.
#[allow(
    clippy::too_many_arguments,
    reason = "each is a different thing that a template depends on"
)]
pub fn assemble<S: State, C: Commitment>(
    chain: &Chain,
    parent: &Link,
    state: &S,
    tree: &C,
    payee: AccountId,
    extra: Bytes<MAX_EXTRA>,
    time: u64,
    candidates: impl IntoIterator<Item = Transaction>,
) -> Result<Block, Unreadable> {
    let height = parent.height.plus(1);
    let coinbase = Coinbase {
        height,
        payee,
        extra,
    };
    let mut draft = Draft::at(&chain.consensus, state, height)?;
    draft.begin_block()?;
    // Sealed header, coinbase, and the four bytes that the count takes at most.
    let mut room = MAX_BLOCK_BYTES - (HEADER_BYTES + 1 + coinbase.encoded_size() + 4);
    let mut transactions = Vec::new();
    for tx in candidates {
        let size = tx.encoded_size();
        if size > room || transactions.len() == MAX_TRANSACTIONS {
            continue;
        }
        match draft.apply_transaction(&tx) {
            Ok(()) => {
                room -= size;
                transactions.push(tx);
            }
            Err(TxFailure::Invalid(_)) => {}
            Err(TxFailure::State(unreadable)) => return Err(unreadable),
        }
    }
    draft.end_block(&coinbase)?;
    let (changes, undo) = draft.finish();
    let (state_root, _) = tree.plan(&changes, &undo)?;
    let header = Header {
        version: VERSION,
        parent: parent.id,
        tx_root: Hash::default(),
        state_root,
        history_root: parent.history.root(),
        time: time.max(parent.time.saturating_add(chain.consensus.min_spacing)),
        target: next_target(chain, parent.height.get(), parent.time).bits(),
        height,
        nonce: 0,
    };
    let mut block = Block {
        header: SealedHeader::own(header),
        coinbase,
        transactions: Bounded::new(transactions).expect("counted above"),
    };
    block.header.header.tx_root = block.tx_root();
    Ok(block)
}
