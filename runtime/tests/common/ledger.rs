//! A chain in memory: blocks go through the same steps as in a node, and after each one everything that must hold is looked at.

use super::action::{commit, drops, name, reveal, transfer};
use super::{ANY_PRICE, MemoryState, Person, person, sap};
use parity_scale_codec::Encode;
use sapwood_account_tree::NaiveTree;
use sapwood_primitives::codec::{Bounded, read};
use sapwood_primitives::leaf::{Account, NameLeaf, System, key};
use sapwood_primitives::work::CompactTarget;
use sapwood_primitives::{
    Action, Actions, Amount, Block, BlockId, Body, Chain, Hash, Height, Leaf, Transaction,
};
use sapwood_runtime::{
    Connected, Invalid, Link, TxInvalid, Undo, assemble, check_block, connect, genesis,
    tree_changes,
};

/// A rent of one sap for a plain name.
pub(crate) const RENT_BASE: u128 = (sap(1) as u128) << 32;

/// The tip of a chain, its state, and the way back.
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) chain: Chain,
    pub(crate) genesis: BlockId,
    pub(crate) state: MemoryState,
    pub(crate) tree: NaiveTree,
    pub(crate) link: Link,
    /// Gets every reward.
    pub(crate) miner: Person,
    past: Vec<(Link, Undo)>,
}

impl Ledger {
    /// A chain at its genesis.
    pub(crate) fn new(chain: Chain) -> Self {
        let start = genesis(&chain).unwrap();
        Self {
            genesis: start.link.id,
            state: MemoryState::of(&chain.consensus, [start.leaf]),
            tree: start.tree,
            link: start.link,
            miner: person(0),
            past: Vec::new(),
            chain,
        }
    }

    /// The tour chain: delay 4, year 40, suspension 10, premium 3 × 2, commitments 2 to 30 blocks old.
    pub(crate) fn tour() -> Self {
        Self::new(Chain::named("tour").unwrap())
    }

    /// The tour chain, with people who have so many drops each.
    pub(crate) fn tour_with(people: &[&Person], balance: u64) -> Self {
        let mut ledger = Self::tour();
        ledger.fund(people, balance);
        ledger
    }

    /// A state that only a long history would reach: these leaves, at the tip of this height, all other coins in the reserve.
    pub(crate) fn crafted(chain: Chain, tip: u64, rent_base: u128, leaves: Vec<Leaf>) -> Self {
        let coins = |leaf: &Leaf| leaf.coins().drops();
        let owned = |leaf: &&Leaf| matches!(leaf, Leaf::Name(name) if name.owner.is_some());
        let system = Leaf::System(System {
            reserve: drops(Amount::SUPPLY.drops() - leaves.iter().map(coins).sum::<u64>()),
            rent_base,
            live_names: leaves.iter().filter(owned).count() as u64,
        });
        let mut ledger = Self::new(chain);
        let rules = &ledger.chain.consensus;
        ledger.state = MemoryState::of(rules, leaves.into_iter().chain([system]));
        ledger.tree = ledger.state.tree();
        ledger.link.height = Height::new(tip);
        ledger.link.state_root = Hash(ledger.tree.root().0);
        ledger
    }

    /// The tour chain, on which these people have these balances and all other coins are in the reserve.
    pub(crate) fn with_balances(balances: &[(&Person, u64)]) -> Self {
        let leaf = |(who, balance): &(&Person, u64)| {
            let account = Account::new(who.id, drops(*balance), Height::GENESIS);
            Leaf::Account(Box::new(account))
        };
        let leaves = balances.iter().map(leaf).collect();
        Self::crafted(Chain::named("tour").unwrap(), 5, RENT_BASE, leaves)
    }

    /// The tour chain, with the name `alice` just registered for one year by the only person with money; the height of its end.
    pub(crate) fn with_name(owner: &Person, balance: u64) -> (Self, Height) {
        let mut ledger = Self::tour_with(&[owner], balance);
        ledger.register(owner, "alice", 1);
        let end = ledger.paid_until("alice");
        assert_eq!(end, ledger.link.height.plus(40));
        (ledger, end)
    }

    /// The end of a name's term, or the height of its release.
    pub(crate) fn paid_until(&self, text: &str) -> Height {
        self.name(text).unwrap().paid_until
    }

    /// Height of the tip.
    pub(crate) fn height(&self) -> u64 {
        self.link.height.get()
    }

    pub(crate) fn account(&self, who: &Person) -> Option<Account> {
        match self.state.rows.get(&key::account(&who.id)) {
            Some(Leaf::Account(account)) => Some((**account).clone()),
            _ => None,
        }
    }

    /// Drops that somebody has; 0 without an account.
    pub(crate) fn balance(&self, who: &Person) -> u64 {
        self.account(who).map_or(0, |a| a.balance.drops())
    }

    pub(crate) fn name(&self, text: &str) -> Option<NameLeaf> {
        match self.state.rows.get(&key::name(&name(text))) {
            Some(Leaf::Name(leaf)) => Some(leaf.clone()),
            _ => None,
        }
    }

    pub(crate) fn system(&self) -> System {
        match self.state.rows.get(&key::system()) {
            Some(Leaf::System(system)) => system.clone(),
            _ => panic!("the system leaf is gone"),
        }
    }

    /// A body with the sender's next nonce, the least fee, and the longest validity.
    pub(crate) fn body(&self, sender: &Person, actions: Vec<Action>) -> Body {
        let mut body = Body {
            sender: sender.id,
            nonce: self.account(sender).map_or(0, |a| a.nonce),
            valid_until: self.link.height.plus(1 + self.chain.consensus.validity),
            fee: Amount::ZERO,
            actions: Actions::new(actions).unwrap(),
        };
        // The authorization takes 97 bytes: a tag, a key, a signature.
        body.fee = self.chain.consensus.min_fee(body.encoded_size() + 97);
        body
    }

    /// Signs a body for this chain.
    pub(crate) fn sign(&self, body: Body, signer: &Person) -> Transaction {
        body.sign(&self.genesis, &signer.pair, &[0; 32])
    }

    /// A transaction that follows from the state.
    pub(crate) fn tx(&self, sender: &Person, actions: Vec<Action>) -> Transaction {
        self.tx_after(sender, 0, actions)
    }

    /// A transaction to stand behind `earlier` others of the same sender in the same block.
    pub(crate) fn tx_after(
        &self,
        sender: &Person,
        earlier: u64,
        actions: Vec<Action>,
    ) -> Transaction {
        let mut body = self.body(sender, actions);
        body.nonce += earlier;
        self.sign(body, sender)
    }

    /// A transaction that another key signs.
    pub(crate) fn tx_by(
        &self,
        sender: &Person,
        signer: &Person,
        actions: Vec<Action>,
    ) -> Transaction {
        self.sign(self.body(sender, actions), signer)
    }

    /// Searches the nonce of a block, after its transaction root was brought in line.
    pub(crate) fn seal(mut block: Block) -> Block {
        block.header.header.tx_root = block.tx_root();
        Self::search(block)
    }

    /// Searches the nonce of a block and changes nothing else. A header with a target that is none stays as it is.
    pub(crate) fn search(mut block: Block) -> Block {
        let header = &mut block.header.header;
        if let Ok(target) = CompactTarget::from_bits(header.target) {
            while !target.is_met_by(&header.id()) {
                header.nonce += 1;
            }
        }
        block
    }

    /// What a miner makes of these candidates, sealed.
    pub(crate) fn template(&self, candidates: Vec<Transaction>) -> Block {
        let block = assemble(
            &self.chain,
            &self.link,
            &self.state,
            &self.tree,
            self.miner.id,
            Bounded::default(),
            0,
            candidates,
        );
        Self::search(block.unwrap())
    }

    /// A sealed block with exactly these transactions; the state root is that of an empty one.
    pub(crate) fn forced(&self, transactions: Vec<Transaction>) -> Block {
        let mut block = self.template(Vec::new());
        block.transactions = Bounded::new(transactions).unwrap();
        Self::seal(block)
    }

    /// Takes a block over the wire and checks and connects it; the ledger stays as it is.
    pub(crate) fn connect(&self, block: &Block) -> Result<Connected<NaiveTree>, Invalid> {
        let block = read::<Block>(&block.encode()).unwrap();
        let checked = check_block(&self.chain, &self.genesis, block)?;
        connect(&self.chain, &self.link, &self.state, &self.tree, &checked)
    }

    /// Moves to a connected block, and looks at everything that must hold of it.
    pub(crate) fn accept(&mut self, connected: Connected<NaiveTree>) {
        let rules = &self.chain.consensus;
        let before = self.state.clone();
        self.state.apply(rules, &connected.changes);
        self.state.check(rules);
        let root = self.state.tree().root();
        assert_eq!(connected.plan.root(), root);
        assert_eq!(connected.link.state_root, Hash(root.0));

        let undo = read::<Undo>(&connected.undo.encode()).unwrap();
        let mut back = self.state.clone();
        back.apply(rules, &undo.changes());
        assert_eq!(back, before, "undo takes the block back");
        let mut tree = connected.plan.clone();
        tree.update(&tree_changes(&undo.changes()));
        assert_eq!(tree, self.tree);

        self.past.push((self.link.clone(), undo));
        self.tree = connected.plan;
        self.link = connected.link;
    }

    /// Mines all of these transactions into one block.
    pub(crate) fn mine(&mut self, transactions: Vec<Transaction>) -> BlockId {
        let block = self.template(transactions.clone());
        if block.transactions.len() != transactions.len() {
            panic!("left out: {:?}", self.forced_failure(transactions));
        }
        let connected = self.connect(&block).unwrap();
        self.accept(connected);
        self.link.id
    }

    /// Mines one transaction of these actions.
    pub(crate) fn act(&mut self, sender: &Person, actions: Vec<Action>) {
        let tx = self.tx(sender, actions);
        self.mine(vec![tx]);
    }

    /// Mines so many empty blocks.
    pub(crate) fn wait(&mut self, blocks: u64) {
        for _ in 0..blocks {
            self.mine(Vec::new());
        }
    }

    /// Mines empty blocks until the tip has this height.
    pub(crate) fn wait_until(&mut self, height: Height) {
        assert!(self.link.height <= height, "{height:?} is over");
        self.wait(height.since(self.link.height));
    }

    /// Mines empty blocks until the next block has this height.
    pub(crate) fn wait_before(&mut self, height: Height) {
        self.wait_until(height.minus(1).unwrap());
    }

    /// Takes the last block back.
    pub(crate) fn undo(&mut self) {
        let (link, undo) = self.past.pop().expect("a block to undo");
        let rules = &self.chain.consensus;
        self.state.apply(rules, &undo.changes());
        self.state.check(rules);
        self.tree.update(&tree_changes(&undo.changes()));
        assert_eq!(Hash(self.tree.root().0), link.state_root);
        self.link = link;
    }

    /// Why a block with these transactions is refused, and at which.
    pub(crate) fn forced_failure(&self, transactions: Vec<Transaction>) -> (usize, TxInvalid) {
        match self.connect(&self.forced(transactions)) {
            Err(Invalid::Transaction { index, rule }) => (index, rule),
            other => panic!(
                "expected a bad transaction, not {:?}",
                other.map(|c| c.link)
            ),
        }
    }

    /// The code with which a block of this one transaction is refused.
    pub(crate) fn refused(&self, tx: Transaction) -> &'static str {
        let assembled = self.template(vec![tx.clone()]);
        let (index, rule) = self.forced_failure(vec![tx.clone()]);
        assert_eq!(index, 0);
        // A miner's own code must come to the same end; it relies on others for form and signature.
        let formal = sapwood_runtime::check_transaction(&self.chain, &self.genesis, &tx).is_err();
        assert!(formal || assembled.transactions.is_empty());
        rule.code()
    }

    /// The code with which these actions are refused.
    pub(crate) fn refuses(&self, sender: &Person, actions: Vec<Action>) -> &'static str {
        self.refused(self.tx(sender, actions))
    }

    /// `ok`, or the code with which these actions are refused.
    pub(crate) fn outcome(&self, sender: &Person, actions: Vec<Action>) -> &'static str {
        let tx = self.tx(sender, actions);
        if self.template(vec![tx.clone()]).transactions.len() == 1 {
            self.clone().mine(vec![tx]);
            "ok"
        } else {
            self.refused(tx)
        }
    }

    /// Gives people new accounts with this balance, from rewards.
    pub(crate) fn fund(&mut self, people: &[&Person], balance: u64) {
        let rules = self.chain.consensus.clone();
        let amount = balance + rules.creation_burn;
        let total = (amount + 100_000) * people.len() as u64 + 2 * rules.existential_deposit;
        while self.balance(&self.miner) < total {
            self.wait(1);
        }
        let miner = self.miner.clone();
        for group in people.chunks(16) {
            let actions = group.iter().map(|who| transfer(who, amount)).collect();
            self.act(&miner, actions);
        }
    }

    /// Commits to a name, waits and registers it.
    pub(crate) fn register(&mut self, who: &Person, text: &str, years: u8) {
        self.act(who, vec![commit(text, who)]);
        self.wait(self.chain.consensus.commit_min - 1);
        self.act(who, vec![reveal(text, years, ANY_PRICE)]);
    }

    /// The owner of a name.
    pub(crate) fn owns(&self, who: &Person, text: &str) -> bool {
        self.name(text)
            .is_some_and(|leaf| leaf.owner == Some(who.id))
    }
}
