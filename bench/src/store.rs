//! Stores on disk for what is measured with one: a million rows alone, and a node's data directory with a full window of blocks.
//!
//! Both are built through the node's own store and kept under `bench/fixtures`. A directory is built under another name and moved, so that one that is there is whole.

use crate::fixture::{self, World};
use parity_scale_codec::{DecodeAll, Encode};
use sapwood_account_tree::Tree;
use sapwood_node::chain::storage::{Abort, Edit, StateOf, Store};
use sapwood_node::store::RedbStore;
use sapwood_primitives::{Chain, Hash, Leaf};
use sapwood_runtime::{CheckedBlock, Connected, Link, Undo, check_block, check_header, connect};
use std::fs;
use std::path::{Path, PathBuf};

/// Counted up when the stores would be others than before.
const FORMAT: u32 = 1;

/// Transfers in each block of a node's window.
const TRANSFERS: usize = 50;

/// Blocks that are written in one transaction while a window is built.
const BATCH: u64 = 500;

/// A directory that holds the store of a state with a million accounts and no blocks; built if it is missing.
///
/// # Errors
/// What could not be written.
pub(crate) fn rows_only(world: &World) -> Result<PathBuf, String> {
    let name = format!("rows-{FORMAT}-{}", &world.genesis.to_string()[..16]);
    kept(&name, |directory| {
        let store = open(directory, &world.chain)?;
        write(&store, |edit| write_rows(edit, world))
    })
}

/// A data directory in which a node finds a million accounts and a full window of blocks; built if it is missing. Its chain file is [`CHAIN_FILE`].
///
/// # Errors
/// What could not be built or written.
pub(crate) fn node_data() -> Result<PathBuf, String> {
    let chain = fixture::chain();
    let digest = chain.consensus.digest(&chain.name).to_string();
    kept(&format!("node-{FORMAT}-{}", &digest[..16]), |directory| {
        let text = toml::to_string(&chain).map_err(|e| e.to_string())?;
        fs::write(directory.join(CHAIN_FILE), text).map_err(|e| e.to_string())?;
        build_window(&open(&directory.join(&chain.name), &chain)?)
    })
}

/// Name of the chain file in a node's data directory.
pub(crate) const CHAIN_FILE: &str = "chain.toml";

/// Gives the directory of this name, after `build` has filled it if it was not there.
fn kept(name: &str, build: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let path = fixture::directory().join(name);
    if path.exists() {
        return Ok(path);
    }
    eprintln!("building {}", path.display());
    let unfinished = path.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(|e| e.to_string())?;
    }
    fs::create_dir_all(&unfinished).map_err(|e| e.to_string())?;
    build(&unfinished)?;
    fs::rename(&unfinished, &path).map_err(|e| e.to_string())?;
    Ok(path)
}

fn open(directory: &Path, chain: &Chain) -> Result<RedbStore, String> {
    RedbStore::open(directory, chain).map_err(|e| e.to_string())
}

/// Does `work` in one transaction, and says why if it was given up.
fn write<T>(
    store: &RedbStore,
    mut work: impl FnMut(&mut dyn Edit) -> Result<T, Problem>,
) -> Result<T, String> {
    let mut outcome = None;
    let mut problem = None;
    let written = store.write(&mut |edit| match work(edit) {
        Ok(result) => {
            outcome = Some(result);
            Ok(())
        }
        Err(Problem::Storage(abort)) => Err(abort),
        Err(Problem::Other(text)) => {
            problem = Some(text);
            Err(Abort::GivenUp)
        }
    });
    written.map_err(|abort| problem.unwrap_or_else(|| abort.to_string()))?;
    outcome.ok_or_else(|| "the transaction did nothing".into())
}

/// Why a transaction is given up.
enum Problem {
    Storage(Abort),
    Other(String),
}

impl<E: Into<Abort>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Storage(error.into())
    }
}

fn write_rows(edit: &mut dyn Edit, world: &World) -> Result<(), Problem> {
    let mut rows: Vec<(&Hash, &[u8])> = world.state.rows().collect();
    rows.sort_unstable();
    for rows in rows.chunks(10_000) {
        let leaf =
            |mut row: &[u8]| Leaf::decode_all(&mut row).map_err(|e| Problem::Other(e.to_string()));
        let changes: Result<Vec<_>, Problem> = rows
            .iter()
            .map(|&(key, row)| Ok((*key, Some(leaf(row)?))))
            .collect();
        edit.set_leaves(&changes?)?;
    }
    Ok(())
}

/// Connects a block to the state in the store and makes it the tip, durable when this returns.
///
/// # Errors
/// The rule that the block breaks, or what the store says.
pub(crate) fn append(
    store: &RedbStore,
    chain: &Chain,
    tip: &Link,
    tree: &Tree,
    block: &CheckedBlock,
) -> Result<Connected, String> {
    write(store, |edit| {
        let connected = connect(chain, tip, &StateOf(&*edit), tree.clone(), block)
            .map_err(|e| Problem::Other(e.to_string()))?;
        edit.set_leaves(&connected.changes)?;
        join(edit, block, &connected.link, &connected.undo)?;
        Ok(connected)
    })
}

fn join(
    edit: &mut dyn Edit,
    block: &CheckedBlock,
    link: &Link,
    undo: &Undo,
) -> Result<(), Problem> {
    edit.put_block(link, &block.block().encode())?;
    edit.join(link, &block.block().header, undo, block.txids())?;
    Ok(())
}

/// Fills a new store with the accounts and as many blocks as a node keeps.
fn build_window(store: &RedbStore) -> Result<(), String> {
    let mut world = World::new()?;
    write(store, |edit| write_rows(edit, &world))?;
    let first = first_block(&mut world)?;
    write(store, |edit| {
        join(edit, &first, &world.tip, &Undo::default())
    })?;

    let keys = fixture::keys();
    let kept = world.chain.consensus.kept;
    for start in (0..kept).step_by(usize::try_from(BATCH).expect("a small number")) {
        let count = BATCH.min(kept - start);
        write(store, |edit| {
            for _ in 0..count {
                let block = world.next_block(&keys, TRANSFERS).map_err(Problem::Other)?;
                let connected = world.connect(&block).map_err(Problem::Other)?;
                edit.set_leaves(&connected.changes)?;
                join(edit, &block, &connected.link, &connected.undo)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// A block whose header names the state with the accounts, so that the store's tip fits its rows. No rule leads from the genesis to that state; a node believes its store that one did.
fn first_block(world: &mut World) -> Result<CheckedBlock, String> {
    let mut block = fixture::mined(world, Vec::new())?;
    block.header.header.state_root = world.tip.state_root;
    fixture::prove_work(&mut block.header.header)?;
    let genesis = world.tip.clone();
    world.tip = check_header(&world.chain, &genesis, &block.header).map_err(|e| e.to_string())?;
    check_block(&world.chain, &world.genesis, block).map_err(|e| e.to_string())
}

/// A copy of a store, gone when it is dropped.
pub(crate) struct Copy {
    pub(crate) store: RedbStore,
    directory: PathBuf,
}

impl Copy {
    /// Copies the directory at `base` and opens the store in it.
    ///
    /// # Errors
    /// What could not be read, written or opened.
    pub(crate) fn of(base: &Path, chain: &Chain) -> Result<Self, String> {
        let directory = base.with_extension("copy");
        copy_files(base, &directory).map_err(|e| format!("{}: {e}", directory.display()))?;
        Ok(Self {
            store: open(&directory, chain)?,
            directory,
        })
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What is left over is overwritten by the next copy.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        fs::copy(entry.path(), &copy)?;
        // Or the first commits would pay for writing the copy.
        fs::File::open(&copy)?.sync_all()?;
    }
    Ok(())
}
