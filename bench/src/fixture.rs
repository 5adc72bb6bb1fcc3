//! What the figures are taken on: a chain, a million accounts, and full blocks of transfers among them.
//!
//! Everything follows from numbers, so each machine builds the same. Accounts are quick to make and are made anew; the blocks' signatures and proofs of work take longer and are kept
//! under `bench/fixtures`.

use crate::state::MemoryState;
use parity_scale_codec::{Decode, Encode};
use rayon::prelude::*;
use sapwood_miner::{Job, mine};
use sapwood_primitives::block::MAX_BLOCK_BYTES;
use sapwood_primitives::codec::Bytes;
use sapwood_primitives::hash::tagged;
use sapwood_primitives::header::HEADER_BYTES;
use sapwood_primitives::leaf::{Account, System};
use sapwood_primitives::{
    AccountId, Action, Actions, Address, Amount, Authority, Block, BlockId, Body, Chain, Coinbase,
    Hash, Header, Height, Leaf, Transaction,
};
use sapwood_runtime::{Changes, CheckedBlock, Link, Undo, assemble, check_block, connect, genesis};
use secp256k1::Keypair;
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Accounts of the state.
pub(crate) const ACCOUNTS: u64 = 1_000_000;

/// Accounts that have a key and send.
const SENDERS: u64 = 10_000;

/// Full blocks in a row.
const BLOCKS: u64 = 64;

/// Counted up when the blocks of a fixture would be others than before, so that kept ones are not used.
const FORMAT: u32 = 1;

/// Coins of each account at the start: enough for its share of all transfers.
const BALANCE: u64 = 1_000_000_000;

/// Drops that a transfer moves.
const TRANSFER: u64 = 100_000;

/// The main chain's numbers without retargeting and with the easiest target, on which a block takes two hashes.
pub(crate) fn chain() -> Chain {
    let mut chain = Chain::named("main").expect("a built-in chain");
    let dev = Chain::named("dev").expect("a built-in chain");
    chain.name = "bench".into();
    chain.consensus.retarget = false;
    chain.consensus.target_limit = dev.consensus.target_limit;
    chain.genesis = dev.genesis;
    chain
}

/// A state with [`ACCOUNTS`] accounts, in which all other coins are in the reserve.
pub(crate) struct World {
    pub(crate) chain: Chain,
    pub(crate) genesis: BlockId,
    pub(crate) tip: Link,
    pub(crate) state: MemoryState,
    /// Transfers made so far.
    sent: u64,
    numbers: Numbers,
}

impl World {
    /// Makes the accounts. Their state stands where the chain's genesis state would, so the first block is at height 1.
    pub(crate) fn new() -> Result<Self, String> {
        let chain = chain();
        let leaves = leaves(&chain);
        Self::of(chain, leaves)
    }

    /// The genesis state, with no account.
    pub(crate) fn bare() -> Result<Self, String> {
        let chain = chain();
        let leaf = chain.genesis_leaf();
        Self::of(chain, vec![(leaf.key(), leaf)])
    }

    fn of(chain: Chain, mut leaves: Vec<(Hash, Leaf)>) -> Result<Self, String> {
        let mut tip = genesis(&chain).map_err(|e| e.to_string())?.link;
        leaves.par_sort_unstable_by_key(|(key, _)| *key);
        let state = MemoryState::new(chain.consensus.clone(), leaves)?;
        tip.state_root = state.root();
        Ok(Self {
            genesis: tip.id,
            state,
            chain,
            tip,
            sent: 0,
            numbers: Numbers(0),
        })
    }

    /// Connects a block.
    pub(crate) fn connect(&mut self, block: &CheckedBlock) -> Result<(Changes, Undo), String> {
        let connected = connect(&self.chain, &self.tip, &self.state, &self.state, block);
        let connected = connected.map_err(|e| e.to_string())?;
        self.state.apply(&connected.changes, connected.plan);
        self.tip = connected.link;
        Ok((connected.changes, connected.undo))
    }

    /// A block of `count` transfers, mined and checked, on the tip: the senders take turns, the receivers are any accounts.
    pub(crate) fn next_block(
        &mut self,
        keys: &[Keypair],
        count: usize,
    ) -> Result<CheckedBlock, String> {
        let receivers: Vec<u64> = (0..count).map(|_| self.numbers.below(ACCOUNTS)).collect();
        let made = (self.sent..).zip(receivers).collect::<Vec<_>>();
        let transfers = made
            .into_par_iter()
            .map(|(number, receiver)| transfer(self, keys, number, receiver))
            .collect();
        self.sent += count as u64;
        let block = mined(self, transfers)?;
        if block.transactions.len() != count {
            return Err("a transfer of the fixture did not apply".into());
        }
        check_block(&self.chain, &self.genesis, block).map_err(|e| e.to_string())
    }

    /// How many transfers fill a block.
    fn full(&self, keys: &[Keypair]) -> usize {
        let size = transfer(self, keys, 0, 0).encoded_size();
        let room = MAX_BLOCK_BYTES - (HEADER_BYTES + 1 + coinbase(self).encoded_size() + 4);
        room / size
    }
}

/// The leaf of the chain and those of all accounts, with their keys.
fn leaves(chain: &Chain) -> Vec<(Hash, Leaf)> {
    let account = |i| {
        let balance = Amount::from_drops(BALANCE).expect("far below the supply");
        let leaf = Account::new(account_id(i), balance, Height::GENESIS);
        Leaf::Account(Box::new(leaf))
    };
    let accounts = (0..ACCOUNTS).into_par_iter().map(account);
    let mut leaves: Vec<_> = accounts.map(|leaf| (leaf.key(), leaf)).collect();

    let out = Amount::from_drops(BALANCE * ACCOUNTS).expect("below the supply");
    let system = without(chain, out);
    leaves.push((system.key(), system));
    leaves
}

/// The leaf of the chain when so much has left the reserve.
pub(crate) fn without(chain: &Chain, out: Amount) -> Leaf {
    let Leaf::System(system) = chain.genesis_leaf() else {
        unreachable!("the genesis leaf is the system's");
    };
    let reserve = system.reserve.checked_sub(out).expect("below the supply");
    Leaf::System(System { reserve, ..system })
}

/// Id of the `i`-th account. Those that never send need no key, and get an id without one.
pub(crate) fn account_id(i: u64) -> AccountId {
    if i < SENDERS {
        Authority::of(&keypair(i)).account_id()
    } else {
        AccountId(tagged("sapwood-bench/account", &[&i.to_le_bytes()]))
    }
}

/// Addresses of accounts that never send.
pub(crate) fn addresses(count: u64) -> Vec<String> {
    let chain = chain();
    let ids = (SENDERS..ACCOUNTS).take(count as usize).map(account_id);
    ids.map(|id| Address::new(&chain.address_prefix, id).to_string())
        .collect()
}

fn keypair(i: u64) -> Keypair {
    let secret = tagged("sapwood-bench/key", &[&i.to_le_bytes()]);
    Keypair::from_secret_bytes(secret).expect("a hash is a valid key but once in 2^127")
}

/// Full blocks on a [`World`], encoded.
///
/// # Errors
/// What could not be read, written or built.
pub(crate) fn blocks() -> Result<Vec<Vec<u8>>, String> {
    let path = blocks_path()?;
    match fs::read(&path) {
        Ok(bytes) => Vec::decode(&mut &*bytes)
            .map_err(|_| format!("{} is damaged; delete it and try again", path.display())),
        Err(_) => build(),
    }
}

/// Builds the blocks and keeps them.
///
/// # Errors
/// As for [`blocks`].
pub(crate) fn build() -> Result<Vec<Vec<u8>>, String> {
    let path = blocks_path()?;
    eprintln!("building {}", path.display());
    let blocks = build_blocks(World::new()?)?;
    let directory = path.parent().expect("a file's path has a directory");
    let written = fs::create_dir_all(directory).and_then(|()| fs::write(&path, blocks.encode()));
    written.map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    Ok(blocks)
}

/// The name holds the genesis id, which commits to all parameters, so that kept blocks go with the rules that they were built under.
fn blocks_path() -> Result<PathBuf, String> {
    let genesis = genesis(&chain()).map_err(|e| e.to_string())?.link.id;
    let name = format!("blocks-{FORMAT}-{}.bin", &genesis.to_string()[..16]);
    Ok(directory().join(name))
}

/// Where fixtures are kept.
pub(crate) fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))
}

fn build_blocks(mut world: World) -> Result<Vec<Vec<u8>>, String> {
    let keys = keys();
    let full = world.full(&keys);
    let mut encoded = Vec::new();
    for _ in 0..BLOCKS {
        let block = world.next_block(&keys, full)?;
        encoded.push(block.block().encode());
        world.connect(&block)?;
    }
    Ok(encoded)
}

/// Keys of all that send.
pub(crate) fn keys() -> Vec<Keypair> {
    (0..SENDERS).into_par_iter().map(keypair).collect()
}

/// The `number`-th transfer of the fixture.
fn transfer(world: &World, keys: &[Keypair], number: u64, receiver: u64) -> Transaction {
    let (turn, sender) = (number / SENDERS, number % SENDERS);
    let keypair = &keys[usize::try_from(sender).expect("a sender's index")];
    let amount = |drops| Amount::from_drops(drops).expect("far below the supply");
    let to = account_id(receiver);
    let body = Body {
        sender: Authority::of(keypair).account_id(),
        nonce: turn,
        valid_until: world.tip.height.plus(world.chain.consensus.validity),
        fee: amount(2 * world.chain.consensus.base_fee),
        actions: Actions::new(vec![Action::Transfer {
            to,
            amount: amount(TRANSFER),
        }])
        .expect("one action"),
    };
    body.sign(&world.genesis, keypair, &[0; 32])
}

fn coinbase(world: &World) -> Coinbase {
    Coinbase {
        height: world.tip.height.plus(1),
        payee: account_id(0),
        extra: Bytes::default(),
    }
}

/// A block of these transactions with its proof of work.
pub(crate) fn mined(world: &World, transactions: Vec<Transaction>) -> Result<Block, String> {
    let Coinbase { payee, extra, .. } = coinbase(world);
    let (chain, tip) = (&world.chain, &world.tip);
    let time = tip.time + chain.consensus.block_time;
    let state = &world.state;
    let mut block = assemble(chain, tip, state, state, payee, extra, time, transactions)
        .map_err(|e| e.to_string())?;
    prove_work(&mut block.header.header)?;
    Ok(block)
}

/// Finds the header's nonce.
pub(crate) fn prove_work(header: &mut Header) -> Result<(), String> {
    let job = Job::new(header).map_err(|e| e.to_string())?;
    let never = AtomicBool::new(false);
    let nonce = mine(&job, 0..=u64::MAX, NonZeroUsize::MIN, &never);
    header.nonce = nonce.ok_or("no nonce meets the target")?;
    Ok(())
}

/// Numbers that look random and are the same everywhere (splitmix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
