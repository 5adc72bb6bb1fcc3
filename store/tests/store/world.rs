//! A chain with its branches, and what a store that followed it has to answer.

use crate::node::Node;
use crate::replica::{Replica, What, id};
use parity_scale_codec::Encode;
use sapwood_account_tree::{Claim, Key, Root, verify, verify_many};
use sapwood_primitives::{Block, BlockId, Hash, Height, Leaf, TxId};
use sapwood_runtime::{State, genesis};
use sapwood_store::disk::{Disk, OpenMode, Simulated};
use sapwood_store::log::NewBlock;
use sapwood_store::{OpenStore, Position, ReadFailed, Store, View};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// What is known of a chain: the states of the main chain by height, all states that were gone through, and all blocks.
pub(crate) struct World {
    pub(crate) main: Vec<Arc<Replica>>,
    states: BTreeMap<BlockId, Arc<Replica>>,
    blocks: BTreeMap<BlockId, Block>,
    keys: BTreeSet<Hash>,
    /// Greatest height that the tip had.
    highest: u64,
}

impl World {
    pub(crate) fn new(start: Replica) -> Self {
        let start = Arc::new(start);
        Self {
            keys: start.leaves.keys().copied().collect(),
            states: BTreeMap::from([(start.link.id, Arc::clone(&start))]),
            main: vec![start],
            blocks: BTreeMap::new(),
            highest: 0,
        }
    }

    pub(crate) fn tip(&self) -> &Arc<Replica> {
        self.main.last().unwrap()
    }

    /// Mines a block on the main chain's end.
    pub(crate) fn mine(&mut self, payee: u8, what: What) -> Block {
        let mut next = Replica::clone(self.tip());
        let block = next.mine(payee, what);
        self.blocks.insert(id(&block), block.clone());
        self.keys.extend(next.leaves.keys());
        let next = Arc::new(next);
        self.states.insert(id(&block), Arc::clone(&next));
        self.highest = self.highest.max(next.height());
        self.main.push(next);
        block
    }

    /// Leaves so many blocks of the main chain, and mines others in their place.
    pub(crate) fn branch(&mut self, depth: usize, payee: u8, whats: &[What]) -> Vec<Block> {
        self.main.truncate(self.main.len() - depth);
        whats.iter().map(|what| self.mine(payee, *what)).collect()
    }

    /// Mines a block beside the main chain, on the block so far below its tip.
    pub(crate) fn mine_aside(&mut self, depth: usize, payee: u8, what: What) -> (Replica, Block) {
        let parent = Replica::clone(&self.main[self.main.len() - 1 - depth]);
        let block = parent.clone().mine(payee, what);
        self.blocks.insert(id(&block), block.clone());
        (parent, block)
    }

    fn is_main(&self, id: &BlockId) -> bool {
        self.states.get(id).is_some_and(|state| {
            let height = usize::try_from(state.height()).unwrap();
            self.main
                .get(height)
                .is_some_and(|main| main.link.id == *id)
        })
    }

    /// The rows of the main chain's state, as they are stored.
    pub(crate) fn rows(&self) -> Vec<(Hash, Leaf, Vec<u8>)> {
        let leaves = self.tip().leaves.iter();
        leaves
            .map(|(key, leaf)| (*key, leaf.clone(), leaf.encode()))
            .collect()
    }

    /// Makes a store that begins with the main chain's tip and these rows.
    pub(crate) fn make(
        &self,
        data: &Path,
        rows: Vec<(Hash, Leaf, Vec<u8>)>,
    ) -> Result<(), OpenStore> {
        let (tip, genesis) = (self.tip(), genesis(&self.tip().chain).unwrap().block.header);
        let states = self.main[1..].iter();
        let headers = states.map(|state| self.blocks[&state.link.id].header.clone());
        let headers: Vec<_> = std::iter::once(genesis).chain(headers).collect();
        Store::make(data, &tip.chain, |mut new| {
            new.headers(&headers)?;
            for (key, leaf, row) in rows {
                new.row(key, &leaf, row)?;
            }
            new.finish(&NewBlock {
                link: &tip.link,
                parent: headers[headers.len() - 1].header.parent,
                txids: &[],
                bytes: &[],
            })
        })
    }

    /// The disk of a store that begins with the main chain's tip.
    pub(crate) fn disk(&self) -> Simulated {
        let (directory, disk) = (tempfile::tempdir().unwrap(), Simulated::new());
        self.make(directory.path(), self.rows()).unwrap();
        for entry in fs::read_dir(Store::directory_in(directory.path())).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let file = disk.open(&name, OpenMode::Create).unwrap();
            file.write_at(0, &fs::read(entry.path()).unwrap()).unwrap();
        }
        disk.copy()
    }

    /// Demands that a store answers every question as the replica does.
    pub(crate) fn check(&self, node: &Node) {
        let (tip, view) = (self.tip(), &node.view);
        let found = node.store.tip();
        assert_eq!((found.id, found.height), (tip.link.id, tip.link.height));
        assert_eq!(found.state_root, tip.link.state_root);
        assert_eq!(node.link, tip.link);
        let head = node.store.head();
        for key in &self.keys {
            let expected = tip.leaves.get(key);
            assert_eq!(head.leaf(key).unwrap().as_ref(), expected);
            assert_eq!(view.leaf(&tip.link.id, key).unwrap().as_ref(), expected);
        }
        assert_eq!(view.leaves(), tip.leaves.len());
        for height in 0..tip.height() + 80 {
            let height = Height::new(height);
            assert_eq!(head.due(height).unwrap(), tip.due(height).unwrap());
        }
        self.check_names(view);
        self.check_headers(view);
        self.check_window(view);
        self.check_proofs(node);
    }

    fn check_names(&self, view: &View) {
        let expected = self.tip().names();
        for limit in [1, 2, 100] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = view.names(after.as_ref(), limit).unwrap();
                assert!(page.len() <= limit);
                let Some(last) = page.last() else {
                    break;
                };
                after = Some(last.clone());
                found.extend(page);
            }
            assert_eq!(found, expected);
        }
    }

    fn check_headers(&self, view: &View) {
        for (height, state) in (0..).zip(&self.main) {
            let header = view.header(Height::new(height)).unwrap().unwrap();
            assert_eq!(header.id(), state.link.id);
        }
        let above = Height::new(self.tip().height() + 1);
        assert_eq!(view.header(above).unwrap(), None);
        for (id, block) in &self.blocks {
            let expected = self.is_main(id).then_some(block.header.header.height);
            assert_eq!(view.height_of(id).unwrap(), expected);
        }
    }

    /// Blocks, undo records and places of transactions: within the window and not below.
    fn check_window(&self, view: &View) {
        let tip = self.tip().height();
        let kept = self.tip().chain.consensus.kept;
        let listed: BTreeMap<_, _> = view.entries().collect();
        let mut positions: BTreeMap<TxId, Option<Position>> = BTreeMap::new();
        for (id, block) in &self.blocks {
            let height = block.header.header.height;
            let within = height.get() + kept > tip;
            if within && height.get() + kept <= self.highest {
                // It was outside once, when the tip was higher, and may be forgotten or not.
                continue;
            }
            let was_main = self.states.contains_key(id);
            assert_eq!(listed.contains_key(id), within, "{height}");
            let bytes = view.block(id).unwrap();
            assert_eq!(bytes, within.then(|| block.encode()));
            assert_eq!(view.undo(id).unwrap().is_some(), within && was_main);
            assert_eq!(
                view.parent_of(id),
                within.then_some(block.header.header.parent)
            );
            let link = view.link(id).unwrap();
            assert_eq!(link.is_some(), within);
            if let (Some(link), Some(state)) = (link, self.states.get(id)) {
                assert_eq!(link, state.link);
            }
            for (index, txid) in (0..).zip(block.txids()) {
                let position = positions.entry(txid).or_default();
                if within && self.is_main(id) {
                    *position = Some(Position { height, index });
                }
            }
        }
        for (txid, position) in positions {
            assert_eq!(view.position(&txid).unwrap(), position);
        }
    }

    /// Proofs at every state that is remembered; those a reorg may need are.
    fn check_proofs(&self, node: &Node) {
        let tip = self.main.len() - 1;
        for depth in 0..=tip.min(8) {
            let link = &self.main[tip - depth].link;
            assert!(node.store.remember(link, depth as u64).unwrap(), "{depth}");
        }
        let remembered = self
            .states
            .values()
            .filter(|state| node.view.remembers(&state.link.id));
        for state in remembered {
            self.check_state(&node.view, state);
        }
    }

    fn check_state(&self, view: &View, state: &Replica) {
        let (block, root) = (&state.link.id, Root(state.link.state_root.0));
        // All keys of the present state, and some of each other.
        let step = if state.link == self.tip().link { 1 } else { 7 };
        let from = usize::try_from(state.height()).unwrap() % step;
        let keys: Vec<_> = self.keys.iter().copied().skip(from).step_by(step).collect();
        let rows: Vec<_> = keys
            .iter()
            .map(|key| state.leaves.get(key).map(Encode::encode))
            .collect();
        for (key, row) in keys.iter().zip(&rows) {
            check_witness(view, state, key, row.as_deref()).unwrap();
        }
        let (found, proof) = view
            .witness_many(block, &keys[..keys.len().min(40)])
            .unwrap();
        let claims: Vec<_> = keys
            .iter()
            .zip(&rows)
            .take(found.len())
            .map(|(key, row)| (Key(key.0), claim(row.as_deref())))
            .collect();
        verify_many(&root, &claims, &proof).unwrap();
    }
}

fn claim(row: Option<&[u8]>) -> Claim<'_> {
    row.map_or(Claim::Absent, Claim::Present)
}

/// Demands of one state the row under a key, and a proof of it under the state's root.
pub(crate) fn check_witness(
    view: &View,
    state: &Replica,
    key: &Hash,
    row: Option<&[u8]>,
) -> Result<(), ReadFailed> {
    let witness = view.witness(&state.link.id, key)?;
    assert_eq!(witness.row.as_deref(), row);
    let root = Root(state.link.state_root.0);
    verify(&root, &Key(key.0), claim(row), &witness.proof.to_bytes()).unwrap();
    Ok(())
}
