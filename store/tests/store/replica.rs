//! A chain of one's own: keys, and a replica that keeps the state in a map, mines blocks, and shares only the runtime with the code under test.

use parity_scale_codec::Encode;
use sapwood_account_tree::hash::value_hash;
use sapwood_account_tree::{Key, NaiveTree};
use sapwood_primitives::codec::Bytes;
use sapwood_primitives::leaf::{Account, key};
use sapwood_primitives::work::CompactTarget;
use sapwood_primitives::{
    AccountId, Action, Actions, Amount, Authority, Block, BlockId, Body, Chain, Hash, Height, Leaf,
    Name, Transaction,
};
use sapwood_runtime::{
    CheckedBlock, Link, State, Unreadable, assemble, commitment, connect, due_heights, genesis,
};
use secp256k1::Keypair;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The salt of all commitments.
const SALT: [u8; 32] = [7; 32];

/// The dev chain with a window that tests outgrow, and with names that come and go within a few dozen blocks.
pub(crate) fn chain() -> Arc<Chain> {
    let mut chain = Chain::named("dev").unwrap();
    chain.consensus.kept = 30;
    chain.consensus.joiner_depth = 20;
    chain.consensus.year = 24;
    chain.consensus.suspension = 4;
    chain.consensus.premium_step = 1;
    chain.consensus.premium_steps = 3;
    Arc::new(chain)
}

/// Another chain.
pub(crate) fn other_chain() -> Arc<Chain> {
    Arc::new(Chain::named("tour").unwrap())
}

fn keypair(n: u8) -> Keypair {
    Keypair::from_secret_bytes([n; 32]).unwrap()
}

pub(crate) fn account(n: u8) -> AccountId {
    Authority::of(&keypair(n)).account_id()
}

/// An account that nobody has the key of.
pub(crate) fn bystander(n: u8) -> AccountId {
    AccountId([n; 32])
}

pub(crate) fn id(block: &Block) -> BlockId {
    block.header.id()
}

/// The name that account `n` registers.
pub(crate) fn name_of(n: u8) -> Name {
    format!("name-{n}").parse().unwrap()
}

/// What a block is to do besides paying its miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Nothing,
    /// Account `from` pays an account, which may be new.
    Pay {
        from: u8,
        to: u8,
    },
    /// An account puts down the hash of its name, or registers it if that was done.
    Name(u8),
}

/// The state after some block, and a miner on top of it. A clone is a fork.
#[derive(Clone)]
pub(crate) struct Replica {
    pub(crate) chain: Arc<Chain>,
    pub(crate) genesis: BlockId,
    pub(crate) link: Link,
    tree: NaiveTree,
    pub(crate) leaves: BTreeMap<Hash, Leaf>,
}

impl Replica {
    pub(crate) fn new(chain: &Arc<Chain>) -> Self {
        let start = genesis(chain).unwrap();
        Self {
            chain: Arc::clone(chain),
            genesis: start.link.id,
            link: start.link,
            tree: start.tree,
            leaves: BTreeMap::from([(start.leaf.key(), start.leaf)]),
        }
    }

    /// A chain whose genesis has so many accounts besides, without coins, of which no block speaks.
    pub(crate) fn with_bystanders(chain: &Arc<Chain>, count: u8) -> Self {
        let mut replica = Self::new(chain);
        for n in 0..count {
            let account = Account::new(bystander(n), Amount::ZERO, Height::new(0));
            let leaf = Leaf::Account(Box::new(account));
            let hash = value_hash(&leaf.encode());
            replica.tree.update(&[(Key(leaf.key().0), Some(hash))]);
            replica.leaves.insert(leaf.key(), leaf);
        }
        replica.link.state_root = Hash(replica.tree.root().0);
        replica
    }

    pub(crate) fn height(&self) -> u64 {
        self.link.height.get()
    }

    /// Names with a leaf, in order.
    pub(crate) fn names(&self) -> Vec<Name> {
        let names = self.leaves.values().filter_map(|leaf| match leaf {
            Leaf::Name(leaf) => Some(leaf.name.clone()),
            _ => None,
        });
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// The transaction, if the account has the coins for it. Whether it applies is for the block maker to find out.
    fn transaction(&self, what: What) -> Option<Transaction> {
        let (from, action) = match what {
            What::Nothing => return None,
            What::Pay { from, to } => {
                let (to, amount) = (account(to), Amount::from_drops(5_000_000).unwrap());
                (from, Action::Transfer { to, amount })
            }
            What::Name(n) => {
                let name = name_of(n);
                let commitment = commitment(&name, &account(n), &SALT);
                let action = match self.leaves.contains_key(&key::commitment(&commitment)) {
                    false => Action::NameCommit { commitment },
                    true => Action::NameReveal {
                        name,
                        salt: SALT,
                        years: 1,
                        max_price: Amount::SUPPLY,
                    },
                };
                (n, action)
            }
        };
        let Some(Leaf::Account(sender)) = self.leaves.get(&key::account(&account(from))) else {
            return None;
        };
        let body = Body {
            sender: account(from),
            nonce: sender.nonce,
            valid_until: Height::new(self.height() + 20),
            fee: Amount::from_drops(100_000).unwrap(),
            actions: Actions::new(vec![action]).unwrap(),
        };
        Some(body.sign(&self.genesis, &keypair(from), &[0; 32]))
    }

    /// Mines the next block for account `payee` and goes on to it. The payee makes blocks of forks differ.
    pub(crate) fn mine(&mut self, payee: u8, what: What) -> Block {
        let transactions = self.transaction(what);
        let extra = Bytes::default();
        let mut block = assemble(
            &self.chain,
            &self.link,
            self,
            &self.tree,
            account(payee),
            extra,
            0,
            transactions,
        )
        .unwrap();
        let target = CompactTarget::from_bits(block.header.header.target).unwrap();
        while !target.is_met_by(&block.header.id()) {
            block.header.header.nonce += 1;
        }
        self.follow(&block);
        block
    }

    /// Mines `n` empty blocks.
    pub(crate) fn mine_many(&mut self, payee: u8, n: usize) -> Vec<Block> {
        (0..n).map(|_| self.mine(payee, What::Nothing)).collect()
    }

    /// Goes on to a block that was mined elsewhere.
    pub(crate) fn follow(&mut self, block: &Block) {
        let checked = CheckedBlock::stored(block.clone());
        let connected = connect(&self.chain, &self.link, self, &self.tree, &checked).unwrap();
        for (key, leaf) in connected.changes {
            match leaf {
                Some(leaf) => self.leaves.insert(key, leaf),
                None => self.leaves.remove(&key),
            };
        }
        self.link = connected.link;
        self.tree = connected.plan;
    }
}

impl State for Replica {
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, Unreadable> {
        Ok(self.leaves.get(key).cloned())
    }

    fn due(&self, height: Height) -> Result<Vec<Hash>, Unreadable> {
        let listed = |leaf: &Leaf| due_heights(&self.chain.consensus, leaf).contains(&height);
        let due = self.leaves.iter().filter(|(_, leaf)| listed(leaf));
        Ok(due.map(|(key, _)| *key).collect())
    }
}
