//! Keys, transactions and blocks made outside a node.
//!
//! [`Person`] is a key that is the same in every run. [`Branch`] is a chain with its whole state in memory: cloning one and going on with both makes a fork, whose blocks
//! are then handed in over the RPC.

use parity_scale_codec::Encode;
use sapwood_account_tree::NaiveTree;
use sapwood_miner::{Job, mine};
use sapwood_primitives::codec::Bytes;
use sapwood_primitives::hash::tagged;
use sapwood_primitives::leaf::{Account, NameLeaf, key};
use sapwood_primitives::{
    AccountId, Action, Actions, Address, Amount, Authority, Block, BlockId, Body, Chain, Hash,
    Height, Leaf, Name, Transaction,
};
use sapwood_runtime::{
    Changes, Connected, Link, State, Unreadable, assemble, check_block, check_header, connect,
    due_heights, genesis,
};
use secp256k1::Keypair;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

/// A key, and the account whose first authority it is.
#[derive(Clone)]
pub struct Person {
    /// The key.
    pub pair: Keypair,
    /// Its account.
    pub id: AccountId,
}

/// The person with this number.
pub fn person(number: u64) -> Person {
    let secret = tagged("sapwood/test/person", &[&number.to_le_bytes()]);
    let pair = Keypair::from_secret_bytes(secret).expect("a hash is a secret key");
    Person {
        id: Authority::of(&pair).account_id(),
        pair,
    }
}

impl Person {
    /// The address on the dev chain.
    pub fn address(&self) -> String {
        Address::new("dsap", self.id).to_string()
    }

    /// A signed transaction with the least fee that the dev chain takes, valid for as long as may be from `tip` on.
    pub fn sign(&self, nonce: u64, tip: Height, actions: Vec<Action>) -> Transaction {
        self.sign_for(&dev(), nonce, tip, 1, actions)
    }

    /// As [`Person::sign`], for any chain, and with so many times the least fee.
    ///
    /// # Panics
    /// If the chain is not launched.
    pub fn sign_for(
        &self,
        chain: &Chain,
        nonce: u64,
        tip: Height,
        fees: u64,
        actions: Vec<Action>,
    ) -> Transaction {
        let genesis = genesis(chain).expect("a launched chain").link.id;
        let mut body = Body {
            sender: self.id,
            nonce,
            valid_until: tip.plus(chain.consensus.validity),
            fee: Amount::ZERO,
            actions: Actions::new(actions).expect("at most sixteen"),
        };
        let length = body
            .clone()
            .sign(&genesis, &self.pair, &[0; 32])
            .encode()
            .len();
        body.fee = drops(chain.consensus.min_fee(length).drops() * fees);
        body.sign(&genesis, &self.pair, &[0; 32])
    }
}

/// Coins, given in drops.
///
/// # Panics
/// Above the supply.
pub fn drops(drops: u64) -> Amount {
    Amount::from_drops(drops).expect("not more than the supply")
}

/// Pays somebody.
pub fn transfer(to: AccountId, amount: u64) -> Action {
    Action::Transfer {
        to,
        amount: drops(amount),
    }
}

/// The parameters of the dev chain.
pub fn dev() -> Chain {
    Chain::named("dev").expect("it is built in")
}

/// Searches the nonce of a block.
///
/// # Panics
/// If its target is none.
pub fn seal(block: &mut Block) {
    let header = &mut block.header.header;
    let job = Job::new(header).expect("a target");
    let never = AtomicBool::new(false);
    let found = mine(&job, 0..=u64::MAX, NonZeroUsize::MIN, &never);
    header.nonce = found.expect("an easy target is met at once");
}

/// Changes the nonce until the block's id is *above* its target.
///
/// # Panics
/// If there is no such nonce nearby, which happens at no target of a real chain.
pub fn unseal(block: &mut Block) {
    let header = &mut block.header.header;
    let job = Job::new(header).expect("a target");
    let bad = (0..u64::MAX).find(|&nonce| !job.is_solved_by(nonce));
    header.nonce = bad.expect("half of all nonces at the easiest target");
}

/// A chain in memory, from its genesis to a tip.
#[derive(Clone)]
pub struct Branch {
    chain: Chain,
    genesis: BlockId,
    tip: Link,
    state: MemoryState,
    tree: NaiveTree,
}

impl Branch {
    /// The dev chain at its genesis.
    ///
    /// # Panics
    /// Never: the dev chain is launched.
    pub fn dev() -> Self {
        let chain = dev();
        let start = genesis(&chain).expect("dev has a genesis");
        let mut state = MemoryState::default();
        state.set(&chain, start.leaf.key(), Some(start.leaf));
        Self {
            genesis: start.link.id,
            tip: start.link,
            tree: start.tree,
            state,
            chain,
        }
    }

    /// The last block.
    pub fn tip(&self) -> &Link {
        &self.tip
    }

    /// The account, if it exists.
    pub fn account(&self, id: &AccountId) -> Option<Account> {
        match self.state.rows.get(&key::account(id)) {
            Some(Leaf::Account(account)) => Some((**account).clone()),
            _ => None,
        }
    }

    /// The name's leaf, if there is one.
    pub fn name(&self, name: &Name) -> Option<NameLeaf> {
        match self.state.rows.get(&key::name(name)) {
            Some(Leaf::Name(leaf)) => Some(leaf.clone()),
            _ => None,
        }
    }

    /// A transaction that fits the next block; `ahead` transactions of the same sender come before it.
    ///
    /// # Panics
    /// If the sender has no account.
    pub fn sign(&self, sender: &Person, ahead: u64, actions: Vec<Action>) -> Transaction {
        let account = self.account(&sender.id).expect("the sender exists");
        sender.sign_for(
            &self.chain,
            account.nonce + ahead,
            self.tip.height,
            1,
            actions,
        )
    }

    /// A block for the next height, without a nonce. Its time is the least that the rules allow, so blocks can be made as fast as a computer will.
    ///
    /// # Panics
    /// If a transaction does not apply.
    pub fn draft(&self, payee: &Person, extra: &[u8], transactions: Vec<Transaction>) -> Block {
        let wanted = transactions.len();
        let block = assemble(
            &self.chain,
            &self.tip,
            &self.state,
            &self.tree,
            payee.id,
            Bytes::new(extra.to_vec()).expect("at most 64 bytes"),
            0,
            transactions,
        )
        .expect("memory can be read");
        assert_eq!(block.transactions.len(), wanted, "all of them apply");
        block
    }

    /// Mines a block on the tip and goes on from it. `extra` sets blocks apart that would be the same otherwise.
    pub fn mine(&mut self, payee: &Person, extra: &[u8], transactions: Vec<Transaction>) -> Block {
        let mut block = self.draft(payee, extra, transactions);
        seal(&mut block);
        self.follow(&block);
        block
    }

    /// Mines so many empty blocks.
    pub fn mine_empty(&mut self, count: u64, payee: &Person, extra: &[u8]) -> Vec<Block> {
        (0..count)
            .map(|_| self.mine(payee, extra, Vec::new()))
            .collect()
    }

    /// Takes a block that somebody else made.
    ///
    /// # Panics
    /// If it breaks a rule.
    pub fn follow(&mut self, block: &Block) {
        let checked = check_block(&self.chain, &self.genesis, block.clone()).expect("in form");
        let connected = connect(&self.chain, &self.tip, &self.state, &self.tree, &checked);
        let Connected {
            link,
            changes,
            plan,
            ..
        } = connected.expect("it keeps the rules");
        self.state.apply(&self.chain, &changes);
        (self.tip, self.tree) = (link, plan);
    }

    /// Goes on from a block whose header is in order and whose contents are not: the state stays as it is.
    ///
    /// # Panics
    /// If the header breaks a rule.
    pub fn follow_header(&mut self, block: &Block) {
        let link = check_header(&self.chain, &self.tip, &block.header);
        self.tip = link.expect("it keeps the rules for headers");
    }
}

/// All leaves, and what is due when.
#[derive(Clone, Default)]
struct MemoryState {
    rows: BTreeMap<Hash, Leaf>,
    due: BTreeSet<(Height, Hash)>,
}

impl MemoryState {
    fn apply(&mut self, chain: &Chain, changes: &Changes) {
        for (key, leaf) in changes {
            self.set(chain, *key, leaf.clone());
        }
    }

    fn set(&mut self, chain: &Chain, key: Hash, leaf: Option<Leaf>) {
        let rules = &chain.consensus;
        if let Some(old) = self.rows.remove(&key) {
            for height in due_heights(rules, &old) {
                self.due.remove(&(height, key));
            }
        }
        if let Some(leaf) = leaf {
            let heights = due_heights(rules, &leaf).into_iter();
            self.due.extend(heights.map(|height| (height, key)));
            self.rows.insert(key, leaf);
        }
    }
}

impl State for MemoryState {
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, Unreadable> {
        Ok(self.rows.get(key).cloned())
    }

    fn due(&self, height: Height) -> Result<Vec<Hash>, Unreadable> {
        let all = (height, Hash([0; 32]))..=(height, Hash([0xff; 32]));
        Ok(self.due.range(all).map(|(_, key)| *key).collect())
    }
}
