//! A chain of one's own for tests: keys, and a replica that keeps the state in a map, mines blocks, and shares only the runtime with the code under test.

use crate::chain::{At, Change, Ledger, Outcome};
use parity_scale_codec::Encode;
use sapwood_account_tree::{Claim, Key, NaiveTree, Root, verify};
use sapwood_primitives::codec::Bytes;
use sapwood_primitives::leaf::key;
use sapwood_primitives::work::CompactTarget;
use sapwood_primitives::{
    AccountId, Action, Actions, Amount, Authority, Block, BlockId, Body, Chain, Hash, Height, Leaf,
    Transaction,
};
use sapwood_runtime::{
    Link, State, Unreadable, assemble, check_block, connect, due_heights, genesis,
};
use sapwood_store::disk::Simulated;
use sapwood_store::{Checkpoints, Config, Store};
use secp256k1::Keypair;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A clock far after every block that a test makes.
pub(crate) const NOW: u64 = 2_000_000_000;

/// The dev chain with a trusted depth of 3 and a window that tests can outgrow.
pub(crate) fn chain() -> Arc<Chain> {
    let mut chain = Chain::named("dev").unwrap();
    chain.client.trusted_depth = 3;
    chain.consensus.kept = 30;
    Arc::new(chain)
}

/// A ledger on a store in memory.
pub(crate) fn ledger(chain: &Arc<Chain>) -> Ledger {
    ledger_on(&Simulated::new(), chain)
}

/// A ledger on a disk in memory, where there may be a store. Checkpoints come often, and at the same blocks each time.
pub(crate) fn ledger_on(disk: &Simulated, chain: &Arc<Chain>) -> Ledger {
    let config = Config {
        checkpoint_rows: 20,
        checkpoint_blocks: 5,
        checkpoints: Checkpoints::Inline,
        ..Config::default()
    };
    let store = Store::on_disk(Arc::new(disk.clone()), chain, config).unwrap();
    Ledger::open(Arc::clone(chain), store).unwrap()
}

pub(crate) fn keypair(n: u8) -> Keypair {
    Keypair::from_secret_bytes([n; 32]).unwrap()
}

pub(crate) fn account(n: u8) -> AccountId {
    Authority::of(&keypair(n)).account_id()
}

pub(crate) fn drops(n: u64) -> Amount {
    Amount::from_drops(n).unwrap()
}

/// A transfer of `amount` by account `from`, signed.
pub(crate) fn transfer(
    genesis: &BlockId,
    from: u8,
    nonce: u64,
    valid_until: u64,
    fee: u64,
    to: AccountId,
    amount: u64,
) -> Transaction {
    let action = Action::Transfer {
        to,
        amount: drops(amount),
    };
    sign(genesis, from, nonce, valid_until, fee, vec![action])
}

pub(crate) fn sign(
    genesis: &BlockId,
    from: u8,
    nonce: u64,
    valid_until: u64,
    fee: u64,
    actions: Vec<Action>,
) -> Transaction {
    let body = Body {
        sender: account(from),
        nonce,
        valid_until: Height::new(valid_until),
        fee: drops(fee),
        actions: Actions::new(actions).unwrap(),
    };
    body.sign(genesis, &keypair(from), &[0; 32])
}

/// The state after some block, and a miner on top of it. A clone is a fork.
#[derive(Clone)]
pub(crate) struct Replica {
    pub(crate) chain: Arc<Chain>,
    pub(crate) genesis: BlockId,
    pub(crate) link: Link,
    pub(crate) tree: NaiveTree,
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

    pub(crate) fn height(&self) -> u64 {
        self.link.height.get()
    }

    /// The account's nonce and balance.
    pub(crate) fn account(&self, n: u8) -> Option<(u64, u64)> {
        match self.leaves.get(&key::account(&account(n))) {
            Some(Leaf::Account(account)) => Some((account.nonce, account.balance.drops())),
            _ => None,
        }
    }

    /// A transfer in the next block by an account's present nonce.
    pub(crate) fn pay(&self, from: u8, to: AccountId, amount: u64) -> Transaction {
        let (nonce, _) = self.account(from).unwrap();
        transfer(
            &self.genesis,
            from,
            nonce,
            self.height() + 20,
            100_000,
            to,
            amount,
        )
    }

    /// Mines the next block for account `payee` and goes on to it. The payee makes blocks of forks differ.
    pub(crate) fn mine(&mut self, payee: u8, transactions: Vec<Transaction>) -> Block {
        let offered = transactions.len();
        let mut block = self.template(payee, transactions);
        assert_eq!(
            block.transactions.len(),
            offered,
            "every offered transaction applies"
        );
        grind(&mut block);
        self.follow(&block);
        block
    }

    pub(crate) fn template(&self, payee: u8, transactions: Vec<Transaction>) -> Block {
        assemble(
            &self.chain,
            &self.link,
            self,
            &self.tree,
            account(payee),
            Bytes::default(),
            0,
            transactions,
        )
        .unwrap()
    }

    pub(crate) fn follow(&mut self, block: &Block) {
        let checked = check_block(&self.chain, &self.genesis, block.clone()).unwrap();
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

    /// Mines `n` empty blocks.
    pub(crate) fn mine_many(&mut self, payee: u8, n: usize) -> Vec<Block> {
        (0..n).map(|_| self.mine(payee, Vec::new())).collect()
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

/// Finds a nonce; on the dev chain every second one does.
pub(crate) fn grind(block: &mut Block) {
    let target = CompactTarget::from_bits(block.header.header.target).unwrap();
    while !target.is_met_by(&block.header.id()) {
        block.header.header.nonce += 1;
    }
}

pub(crate) fn id(block: &Block) -> BlockId {
    block.header.id()
}

/// Submits blocks that each extend the tip.
pub(crate) fn extend(ledger: &mut Ledger, blocks: &[Block]) {
    for block in blocks {
        let outcome = ledger.submit(block.clone(), NOW).unwrap();
        let Outcome::Connected(Change {
            reverted,
            connected,
            ..
        }) = outcome
        else {
            panic!("{outcome:?} where the tip should have grown");
        };
        assert_eq!((reverted, connected), (vec![], vec![id(block)]));
    }
}

/// Demands that ledger and replica agree on tip, every leaf with its proof, and every due height around.
pub(crate) fn assert_same(ledger: &Ledger, replica: &Replica) {
    assert_eq!(*ledger.tip(), replica.link);
    let (snapshot, head) = (ledger.snapshot(), ledger.head());
    let moment = snapshot.at(At::Head);
    assert_eq!(moment.link, replica.link);
    let root = Root(replica.link.state_root.0);
    assert_eq!(root, replica.tree.root());
    for (key, leaf) in &replica.leaves {
        assert_eq!(head.leaf(key).unwrap().as_ref(), Some(leaf));
        let (row, witness) = (leaf.encode(), moment.witness(key).unwrap());
        assert_eq!(witness.row.as_deref(), Some(&*row));
        let proof = witness.proof.to_bytes();
        verify(&root, &Key(key.0), Claim::Present(&row), &proof).unwrap();
    }
    assert_eq!(ledger.view().leaves(), replica.leaves.len());
    for height in replica.height()..replica.height() + 20 {
        let height = Height::new(height);
        assert_eq!(head.due(height).unwrap(), replica.due(height).unwrap());
    }
}
