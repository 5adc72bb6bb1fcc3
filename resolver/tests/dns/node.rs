//! A node of the dev chain in memory, with real headers, trees and proofs, which can be told to lie.

use parity_scale_codec::Encode;
use sapwood_account_tree::hash::value_hash;
use sapwood_account_tree::{Key, NaiveTree};
use sapwood_primitives::leaf::{Account, NameLeaf, key};
use sapwood_primitives::records::Records;
use sapwood_primitives::{
    AccountId, Amount, BlockId, Chain, Hash, Header, Height, Leaf, Name, SealedHeader,
};
use sapwood_resolver::{NodeApi, remote::NodeAway};
use sapwood_rpc::records::parse_record;
use sapwood_rpc::types::{Head, Headers, Hex, NameProven, StateRef, Witness};
use sapwood_runtime::{Link, check_header, genesis};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

pub(crate) fn dev() -> Chain {
    Chain::named("dev").unwrap()
}

/// A chain of blocks without transactions; a block may change the state as its maker likes.
#[derive(Clone)]
pub(crate) struct Blocks {
    pub(crate) headers: Vec<Header>,
    links: Vec<Link>,
    leaves: BTreeMap<Hash, Leaf>,
    tree: NaiveTree,
}

impl Blocks {
    pub(crate) fn new() -> Self {
        let start = genesis(&dev()).unwrap();
        Self {
            headers: vec![start.block.header.header],
            links: vec![start.link],
            leaves: BTreeMap::from([(start.leaf.key(), start.leaf)]),
            tree: start.tree,
        }
    }

    pub(crate) fn tip(&self) -> &Link {
        self.links.last().unwrap()
    }

    /// The same chain up to a height, with the present state.
    pub(crate) fn cut(mut self, height: usize) -> Self {
        self.headers.truncate(height + 1);
        self.links.truncate(height + 1);
        self
    }

    pub(crate) fn put(&mut self, leaf: Leaf) {
        self.leaves.insert(leaf.key(), leaf);
    }

    /// Puts an active name with an owner whose id is 32 times `id`.
    pub(crate) fn register(&mut self, name: &str, id: u8, lines: &[&str]) {
        let (name, id): (Name, _) = (name.parse().unwrap(), AccountId([id; 32]));
        let mut account = Account::new(id, Amount::ZERO, Height::GENESIS);
        account.records = Records::from_entries(
            lines
                .iter()
                .map(|line| parse_record(line).unwrap())
                .collect(),
        )
        .unwrap();
        account.name = Some(name.clone());
        self.put(Leaf::Account(Box::new(account)));
        let paid_until = Height::new(dev().consensus.year);
        self.put(Leaf::Name(NameLeaf {
            name,
            owner: Some(id),
            paid_until,
            last_price: Amount::ZERO,
        }));
    }

    /// A block on the tip with the present state; `salt` makes branches differ.
    pub(crate) fn mine(&mut self, salt: u64) {
        let entries = self
            .leaves
            .iter()
            .map(|(key, leaf)| (Key(key.0), value_hash(&leaf.encode())));
        self.tree = entries.collect();
        let parent = self.tip();
        let mut header = Header {
            version: 1,
            parent: parent.id,
            tx_root: Hash::default(),
            state_root: Hash(self.tree.root().0),
            history_root: parent.history.root(),
            time: parent.time + 2 + salt,
            target: self.headers[0].target,
            height: parent.height.plus(1),
            nonce: 0,
        };
        let link = loop {
            match check_header(&dev(), parent, &SealedHeader::own(header.clone())) {
                Ok(link) => break link,
                Err(_) => header.nonce += 1,
            }
            assert!(header.nonce < 1000, "a header that no nonce helps");
        };
        self.headers.push(header);
        self.links.push(link);
    }

    pub(crate) fn witness(&self, key: Hash) -> Witness {
        let value = self.leaves.get(&key).map(|leaf| Hex(leaf.encode()));
        let proof = Hex(self.tree.prove(&Key(key.0)).to_bytes());
        Witness { key, value, proof }
    }

    pub(crate) fn prove(&self, name: &Name) -> NameProven {
        let (tip, header) = (self.tip(), self.headers.last().unwrap());
        let owner = match self.leaves.get(&key::name(name)) {
            Some(Leaf::Name(leaf)) => leaf.owner,
            _ => None,
        };
        NameProven {
            state: StateRef {
                height: tip.height,
                block: tip.id,
                state_root: tip.state_root,
            },
            header: Hex(header.to_bytes().to_vec()),
            name: self.witness(key::name(name)),
            account: owner.map(|id| self.witness(key::account(&id))),
        }
    }

    fn head(&self) -> Head {
        let tip = self.tip();
        Head {
            height: tip.height,
            block: tip.id,
            state_root: tip.state_root,
            time: tip.time,
            work: tip.work.to_string(),
        }
    }
}

type Tamper = Box<dyn Fn(&mut NameProven) + Send>;

/// The node: its blocks, and what goes wrong with it.
#[derive(Clone)]
pub(crate) struct Node(Arc<Inner>);

struct Inner {
    blocks: Mutex<Blocks>,
    changed: watch::Sender<u64>,
    away: watch::Sender<bool>,
    tamper: Mutex<Option<Tamper>>,
    /// Whether headers above the third block are kept back.
    hides: AtomicBool,
    /// Whether every call for headers is answered with the first ones.
    repeats: AtomicBool,
    proofs: AtomicU64,
}

impl Node {
    pub(crate) fn new(blocks: Blocks) -> Self {
        Self(Arc::new(Inner {
            blocks: Mutex::new(blocks),
            changed: watch::Sender::new(0),
            away: watch::Sender::new(false),
            tamper: Mutex::new(None),
            hides: AtomicBool::new(false),
            repeats: AtomicBool::new(false),
            proofs: AtomicU64::new(0),
        }))
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Blocks)) {
        change(&mut self.0.blocks.lock().unwrap());
        self.0.changed.send_modify(|n| *n += 1);
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.0.away.send_replace(away);
    }

    pub(crate) fn tamper(&self, tamper: impl Fn(&mut NameProven) + Send + 'static) {
        *self.0.tamper.lock().unwrap() = Some(Box::new(tamper));
    }

    pub(crate) fn hide_headers(&self, hides: bool) {
        self.0.hides.store(hides, Ordering::SeqCst);
    }

    pub(crate) fn repeat_headers(&self, repeats: bool) {
        self.0.repeats.store(repeats, Ordering::SeqCst);
    }

    /// Proofs given so far.
    pub(crate) fn proofs(&self) -> u64 {
        self.0.proofs.load(Ordering::SeqCst)
    }

    fn blocks(&self) -> Result<Blocks, NodeAway> {
        if *self.0.away.borrow() {
            return Err(NodeAway("connection refused".into()));
        }
        Ok(self.0.blocks.lock().unwrap().clone())
    }
}

impl NodeApi for Node {
    async fn head(&self) -> Result<Head, NodeAway> {
        Ok(self.blocks()?.head())
    }

    async fn await_head(&self, after: BlockId, timeout: Duration) -> Result<Head, NodeAway> {
        let (mut changed, mut away) = (self.0.changed.subscribe(), self.0.away.subscribe());
        let wait = async {
            while self.blocks().is_ok_and(|blocks| blocks.tip().id == after) {
                tokio::select! {
                    _ = changed.changed() => {}
                    _ = away.changed() => {}
                }
            }
        };
        drop(tokio::time::timeout(timeout, wait).await);
        self.head().await
    }

    async fn headers(&self, from: Height, count: u32) -> Result<Headers, NodeAway> {
        let mut from = usize::try_from(from.get()).unwrap();
        if self.0.repeats.load(Ordering::SeqCst) {
            from = 1;
        }
        let mut blocks = self.blocks()?;
        if self.0.hides.load(Ordering::SeqCst) {
            blocks = blocks.cut(3);
        }
        let run = blocks.headers.iter().skip(from).take(count as usize);
        Ok(Headers {
            headers: run.map(|header| Hex(header.to_bytes().to_vec())).collect(),
        })
    }

    async fn name_proof(&self, name: &Name) -> Result<NameProven, NodeAway> {
        let mut proven = self.blocks()?.prove(name);
        if let Some(tamper) = &*self.0.tamper.lock().unwrap() {
            tamper(&mut proven);
        }
        self.0.proofs.fetch_add(1, Ordering::SeqCst);
        Ok(proven)
    }
}
