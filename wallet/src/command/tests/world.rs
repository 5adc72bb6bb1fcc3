//! A chain in memory that answers as a node does, or not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use parity_scale_codec::Encode;
use sapwood_account_tree::{Key, NaiveTree};
use sapwood_primitives::codec::{Bytes, read};
use sapwood_primitives::leaf::{Account, NameLeaf, key};
use sapwood_primitives::work::CompactTarget;
use sapwood_primitives::{
    AccountId, Address, Amount, Block, Chain, Hash, Header, Height, Leaf, Name, Transaction, TxId,
};
use sapwood_rpc::client::CallError;
use sapwood_rpc::types::{
    AccountProofParams, BlockRef, Head, Hex, Mempool, NameProofParams, PriceParams, Status,
    TxIdParams, TxParams, Witness,
};
use sapwood_runtime::{
    Link, State, Unreadable, assemble, check_block, check_transaction, connect, due_heights,
    genesis, price,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::command::NodeApi;
use crate::keystore::changes;

/// Leaves by key.
#[derive(Clone, Default)]
struct Leaves(BTreeMap<Hash, Leaf>);

impl State for Leaves {
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, Unreadable> {
        Ok(self.0.get(key).cloned())
    }
    fn due(&self, _: Height) -> Result<Vec<Hash>, Unreadable> {
        unreachable!("asked of `Due`")
    }
}

/// Leaves with what is due, looked up the slow way.
struct Due<'a>(&'a Leaves, &'a Chain);

impl State for Due<'_> {
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, Unreadable> {
        self.0.leaf(key)
    }
    fn due(&self, height: Height) -> Result<Vec<Hash>, Unreadable> {
        let due = self
            .0
            .0
            .iter()
            .filter(|(_, leaf)| due_heights(&self.1.consensus, leaf).contains(&height));
        Ok(due.map(|(key, _)| *key).collect())
    }
}

/// When the node stops answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// The call with this number is not carried out.
    Before(usize),
    /// The call with this number is carried out and not answered.
    After(usize),
}

/// Changes an answer on its way: (method, answer).
type Twist = Box<dyn Fn(&str, &mut Value)>;

pub(super) struct World {
    chain: Chain,
    link: Link,
    tree: NaiveTree,
    leaves: Leaves,
    blocks: Vec<Block>,
    pub(super) mempool: Vec<Transaction>,
    pub(super) calls: Vec<String>,
    pub(super) death: Option<Death>,
    pub(super) twist: Option<Twist>,
    /// Whether blocks take transactions in.
    pub(super) includes: bool,
    miner: AccountId,
}

impl World {
    pub(super) fn new(chain: Chain) -> Self {
        let start = genesis(&chain).unwrap();
        Self {
            link: start.link,
            tree: start.tree,
            leaves: Leaves([(start.leaf.key(), start.leaf)].into()),
            blocks: vec![start.block],
            mempool: Vec::new(),
            calls: Vec::new(),
            death: None,
            twist: None,
            includes: true,
            miner: AccountId([0xee; 32]),
            chain,
        }
    }

    /// The time of the tip.
    pub(super) fn now(&self) -> u64 {
        self.tip().time
    }

    fn tip(&self) -> &Header {
        &self.blocks.last().unwrap().header.header
    }

    pub(super) fn height(&self) -> u64 {
        self.tip().height.get()
    }

    pub(super) fn mine(&mut self, count: u64, payee: AccountId) {
        for _ in 0..count {
            let mempool = if self.includes {
                std::mem::take(&mut self.mempool)
            } else {
                Vec::new()
            };
            let state = Due(&self.leaves, &self.chain);
            let time = self.tip().time + self.chain.consensus.block_time;
            let extra = Bytes::default();
            let mut block = assemble(
                &self.chain,
                &self.link,
                &state,
                &self.tree,
                payee,
                extra,
                time,
                mempool,
            )
            .unwrap();
            let target = CompactTarget::from_bits(block.header.header.target).unwrap();
            while !target.is_met_by(&block.header.id()) {
                block.header.header.nonce += 1;
            }
            let genesis = self.blocks[0].header.id();
            let checked = check_block(&self.chain, &genesis, block.clone()).unwrap();
            let connected = connect(&self.chain, &self.link, &state, &self.tree, &checked).unwrap();
            for (key, leaf) in connected.changes {
                match leaf {
                    Some(leaf) => self.leaves.0.insert(key, leaf),
                    None => self.leaves.0.remove(&key),
                };
            }
            (self.link, self.tree) = (connected.link, connected.plan);
            self.blocks.push(block);
        }
    }

    /// Mines blocks for somebody else.
    pub(super) fn pass(&mut self, count: u64) {
        self.mine(count, self.miner);
    }

    pub(super) fn account(&self, id: AccountId) -> Option<Account> {
        match self.leaves.0.get(&key::account(&id))? {
            Leaf::Account(account) => Some((**account).clone()),
            _ => None,
        }
    }

    pub(super) fn name(&self, name: &str) -> Option<NameLeaf> {
        match self.leaves.0.get(&key::name(&name.parse().unwrap()))? {
            Leaf::Name(leaf) => Some(leaf.clone()),
            _ => None,
        }
    }

    /// Transactions in blocks.
    pub(super) fn included(&self) -> impl Iterator<Item = &Transaction> {
        self.blocks
            .iter()
            .flat_map(|block| block.transactions.iter())
    }

    /// How often a method was called.
    pub(super) fn count(&self, method: &str) -> usize {
        self.calls.iter().filter(|call| *call == method).count()
    }

    pub(super) fn head(&self) -> Head {
        let tip = self.tip();
        Head {
            height: tip.height,
            block: tip.id(),
            state_root: tip.state_root,
            time: tip.time,
            work: "1".into(),
        }
    }

    fn state(&self) -> Value {
        let tip = self.tip();
        json!({ "height": tip.height, "block": tip.id(), "state_root": tip.state_root, "header": Hex(tip.to_bytes().to_vec()) })
    }

    fn witness(&self, key: Hash) -> Witness {
        Witness {
            key,
            value: self.leaves.0.get(&key).map(|leaf| Hex(leaf.encode())),
            proof: Hex(self.tree.prove(&Key(key.0)).to_bytes()),
        }
    }

    fn prove_name(&self, name: &Name) -> Value {
        let owner = self.name(name.as_str()).and_then(|leaf| leaf.owner);
        let proofs = json!({
            "name": self.witness(key::name(name)),
            "account": owner.map(|owner| self.witness(key::account(&owner))),
        });
        merged(self.state(), &proofs)
    }

    fn status(&self) -> Status {
        Status {
            schema: 1,
            version: "test".into(),
            chain: self.chain.name.clone(),
            genesis: self.blocks[0].header.id(),
            head: self.head(),
            tip_age: 0,
            syncing: false,
            window_start: Height::new(1),
            leaves: 0,
            live_names: 0,
            tree: "fast".into(),
            checkpoint: Height::new(0),
            mempool: Mempool {
                count: 0,
                bytes: 0,
                max_count: 1,
                max_bytes: 1,
                min_fee_rate: 0,
            },
            mining: true,
            parked_branches: Vec::new(),
            reorg_alarm: false,
            storage_failed: false,
            dns: Some("127.0.0.1:9453".into()),
            data_dir: "/".into(),
        }
    }

    fn price(&self, name: &Name, years: u8) -> Value {
        let Some(Leaf::System(system)) = self.leaves.0.get(&key::system()) else {
            panic!("there is always a system leaf");
        };
        let rules = &self.chain.consensus;
        let next = self.tip().height.plus(1);
        let drops = |n: u128| Amount::from_drops(u64::try_from(n).unwrap()).unwrap();
        let rent = price::rent(system.rent_base, name);
        let leaf = self.name(name.as_str());
        let owned = leaf.as_ref().filter(|leaf| leaf.owner.is_some());
        let premium = leaf
            .as_ref()
            .map_or(0, |leaf| price::premium(rules, leaf, rent, next));
        let years = u128::from(years);
        let register = owned.is_none().then(|| drops(rent * years + premium));
        let renew = owned.map(|leaf| drops(price::renewal(rent, leaf) * years));
        let state = self.state();
        let proven =
            json!({ "system": self.witness(key::system()), "name": self.prove_name(name) });
        json!({
            "proven": proven, "height": state["height"], "block": state["block"], "state_root": state["state_root"],
            "name": name, "phase": "any", "available": owned.is_none(), "rent": drops(rent), "premium": drops(premium),
            "register_total": register, "renew_total": renew,
        })
    }

    fn submit(&mut self, bytes: &[u8]) -> Result<Value, CallError> {
        let tx: Transaction = read(bytes).unwrap();
        let txid = tx.txid();
        let genesis = self.blocks[0].header.id();
        check_transaction(&self.chain, &genesis, &tx).map_err(|rule| refused(rule.code()))?;
        if self.mempool.iter().any(|known| known.txid() == txid) {
            return Ok(json!({ "txid": txid, "status": "known" }));
        }
        let earlier = self
            .mempool
            .iter()
            .filter(|other| other.body.sender == tx.body.sender)
            .count();
        let nonce = self
            .account(tx.body.sender)
            .map_or(0, |account| account.nonce)
            + earlier as u64;
        if tx.body.nonce != nonce {
            return Err(refused(if tx.body.nonce < nonce {
                "nonce_used"
            } else {
                "nonce_gap"
            }));
        }
        self.mempool.push(tx);
        Ok(json!({ "txid": txid, "status": "accepted" }))
    }

    fn tx_status(&mut self, txid: TxId) -> Value {
        let tip = self.height();
        self.mempool.retain(|tx| tx.body.valid_until.get() > tip);
        let holder = self
            .blocks
            .iter()
            .find(|block| block.txids().contains(&txid));
        let (status, block, confirmations) = match holder {
            Some(block) => (
                "confirmed",
                Some(&block.header.header),
                1 + tip - block.coinbase.height.get(),
            ),
            None if self.mempool.iter().any(|tx| tx.txid() == txid) => ("pending", None, 0),
            None => ("unknown", None, 0),
        };
        json!({
            "txid": txid, "status": status, "confirmations": confirmations,
            "height": block.map(|header| header.height), "block": block.map(Header::id),
        })
    }

    fn block(&self, which: &BlockRef) -> Result<Value, CallError> {
        let wanted = |block: &&Block| {
            which.block.is_none_or(|id| id == block.header.id())
                && which.height.is_none_or(|h| h == block.coinbase.height)
        };
        let block = self
            .blocks
            .iter()
            .find(wanted)
            .ok_or_else(|| refused("not_found"))?;
        let header = &block.header.header;
        Ok(json!({
            "height": header.height, "block": header.id(), "confirmations": 1 + self.height() - header.height.get(),
            "raw": Hex(block.encode()), "txids": block.txids(),
        }))
    }

    fn answer(&mut self, method: &str, params: Value) -> Result<Value, CallError> {
        let head = |world: &Self| json!(world.head());
        Ok(match method {
            "node_status" => json!(self.status()),
            "chain_head" => head(self),
            "chain_awaitHead" => {
                self.pass(1);
                head(self)
            }
            "chain_block" => self.block(&parse(params))?,
            "account_proof" => {
                let asked: AccountProofParams = parse(params);
                let id = Address::parse(&self.chain.address_prefix, &asked.account)
                    .unwrap()
                    .id();
                merged(self.state(), &json!(self.witness(key::account(&id))))
            }
            "name_proof" => {
                let asked: NameProofParams = parse(params);
                self.prove_name(&asked.name)
            }
            "name_price" => {
                let asked: PriceParams = parse(params);
                assert!(asked.proof, "a price without a proof is no price");
                self.price(&asked.name, asked.years)
            }
            "tx_submit" => self.submit(&parse::<TxParams>(params).tx.0)?,
            "tx_status" => self.tx_status(parse::<TxIdParams>(params).txid),
            other => panic!("{other} is not needed"),
        })
    }
}

fn parse<T: DeserializeOwned>(params: Value) -> T {
    serde_json::from_value(params).unwrap()
}

fn merged(mut one: Value, other: &Value) -> Value {
    let both = one.as_object_mut().unwrap();
    both.extend(other.as_object().unwrap().clone());
    one
}

pub(super) fn refused(code: &str) -> CallError {
    CallError::Refused {
        number: -32002,
        code: code.into(),
        message: format!("refused: {code}"),
        hint: "ask the node".into(),
    }
}

/// The node of a test.
pub(super) struct FakeNode(pub(super) Rc<RefCell<World>>);

impl NodeApi for FakeNode {
    fn call_json(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let mut world = self.0.borrow_mut();
        let number = world.calls.len();
        world.calls.push(method.to_owned());
        let gone = || CallError::Unreachable {
            url: "http://127.0.0.1:1/".into(),
            reason: "connection refused".into(),
        };
        if let Some(Death::Before(n) | Death::After(n)) = world.death
            && number >= n
        {
            if world.death == Some(Death::After(number)) {
                let _ = world.answer(method, params);
            }
            return Err(gone());
        }
        if changes::stopped() {
            return Err(gone());
        }
        let mut answer = world.answer(method, params)?;
        if method == "tx_submit" {
            changes::note("submitted");
        }
        if let Some(twist) = &world.twist {
            twist(method, &mut answer);
        }
        Ok(answer)
    }
}
