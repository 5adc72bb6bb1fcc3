//! Stores on disk for what is measured with one: a million rows alone, and a node's data directory with a full window of blocks. What is built otherwise uses the parts from here.
//!
//! All are built through the node's own store and kept under `bench/fixtures`. A directory is built under another name and moved, so that one that is there is whole.

use crate::fixture::{self, World};
use parity_scale_codec::{DecodeAll, Encode};
use sapwood_primitives::{Block, BlockId, Chain, Hash, Leaf, SealedHeader};
use sapwood_runtime::{CheckedBlock, Link, check_header, connect, genesis};
use sapwood_store::log::NewBlock;
use sapwood_store::{Config, NewStore, OpenStore, Store};
use std::fs;
use std::path::{Path, PathBuf};

/// Counted up when the stores would be others than before.
const FORMAT: u32 = 3;

/// Transfers in each block of a node's window.
const TRANSFERS: usize = 50;

/// A directory that holds the store of a state with a million accounts and no blocks; built if it is missing.
///
/// # Errors
/// What could not be written.
pub(crate) fn rows_only(world: &World) -> Result<PathBuf, String> {
    let name = format!("rows-{FORMAT}-{}", &world.genesis.to_string()[..16]);
    kept(&name, |directory| {
        let base = Base::genesis(world)?;
        make_of(directory, world, &base)
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
        write_chain_file(directory, &chain)?;
        build_window(&directory.join(&chain.name))
    })
}

/// Name of the chain file in a node's data directory.
pub(crate) const CHAIN_FILE: &str = "chain.toml";

/// Says in a data directory which chain a node is to run there.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write_chain_file(directory: &Path, chain: &Chain) -> Result<(), String> {
    let text = toml::to_string(chain).map_err(|e| e.to_string())?;
    fs::write(directory.join(CHAIN_FILE), text).map_err(|e| e.to_string())
}

/// Gives the directory of this name, after `build` has filled it if it was not there.
///
/// # Errors
/// What `build` says, or what could not be written.
pub(crate) fn kept(
    name: &str,
    build: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
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

fn open(directory: &Path, chain: &Chain, config: Config) -> Result<Store, String> {
    Store::open(directory, chain, config).map_err(|e| e.to_string())
}

/// The block whose state a store begins with. No rule leads from the genesis to that state: a node believes its store that one did.
pub(crate) struct Base {
    headers: Vec<SealedHeader>,
    link: Link,
    parent: BlockId,
    block: Block,
}

impl Base {
    /// The genesis itself, as if its state were the world's.
    fn genesis(world: &World) -> Result<Self, String> {
        let block = genesis(&world.chain).map_err(|e| e.to_string())?.block;
        Ok(Self {
            headers: vec![block.header.clone()],
            link: world.tip.clone(),
            parent: block.header.header.parent,
            block,
        })
    }

    /// A block on the genesis whose header names this root as its state's. The world has the genesis for its tip.
    ///
    /// # Errors
    /// If the block cannot be made.
    pub(crate) fn first(world: &World, root: Hash) -> Result<Self, String> {
        let start = genesis(&world.chain).map_err(|e| e.to_string())?;
        let mut block = fixture::mined(world, Vec::new())?;
        block.header.header.state_root = root;
        fixture::prove_work(&mut block.header.header)?;
        let link = check_header(&world.chain, &start.link, &block.header);
        Ok(Self {
            headers: vec![start.block.header, block.header.clone()],
            link: link.map_err(|e| e.to_string())?,
            parent: start.link.id,
            block,
        })
    }
}

/// Makes a store that begins with these rows, given by rising key.
///
/// # Errors
/// What could not be written.
pub(crate) fn make(
    directory: &Path,
    chain: &Chain,
    base: &Base,
    rows: impl Iterator<Item = (Hash, Leaf, Vec<u8>)>,
) -> Result<(), String> {
    let fill = |mut new: NewStore| {
        new.headers(&base.headers)?;
        for (key, leaf, row) in rows {
            new.row(key, &leaf, row)?;
        }
        new.finish(&NewBlock {
            link: &base.link,
            parent: base.parent,
            txids: &base.block.txids(),
            bytes: &base.block.encode(),
        })
    };
    Store::make(directory, chain, fill).map_err(|e: OpenStore| e.to_string())
}

/// Makes a store that begins with the world's state.
fn make_of(directory: &Path, world: &World, base: &Base) -> Result<(), String> {
    let mut rows: Vec<(&Hash, &[u8])> = world.state.rows().collect();
    rows.sort_unstable();
    let rows = rows.into_iter().map(|(key, row)| {
        let leaf = Leaf::decode_all(&mut &*row).expect("the world's rows are leaves");
        (*key, leaf, row.to_vec())
    });
    make(directory, &world.chain, base, rows)
}

/// Connects a block to the state in the store and makes it the tip, durable when this returns. Gives its link.
///
/// # Errors
/// The rule that the block breaks, or what the store says.
pub(crate) fn append(
    store: &mut Store,
    chain: &Chain,
    tip: &Link,
    block: &CheckedBlock,
) -> Result<Link, String> {
    let head = store.head();
    let connected = connect(chain, tip, &head, &head, block).map_err(|e| e.to_string())?;
    let link = connected.link;
    let undo = store.step(&link, connected.plan);
    store.put_block(&NewBlock {
        link: &link,
        parent: tip.id,
        txids: block.txids(),
        bytes: &block.block().encode(),
    });
    store.put_undo(&link.id, &undo);
    let header = block.block().header.clone();
    let committed = store.commit(&link, tip.height, vec![header]);
    committed.map(|()| link).map_err(|e| e.to_string())
}

/// Fills a new store with the accounts and as many blocks as a node keeps.
fn build_window(directory: &Path) -> Result<(), String> {
    let mut world = World::new()?;
    let base = Base::first(&world, world.state.root())?;
    make_of(directory, &world, &base)?;
    let mut store = open(directory, &world.chain, Config::default())?;
    world.tip = base.link;
    let keys = fixture::keys();
    for _ in 0..world.chain.consensus.kept {
        let block = world.next_block(&keys, TRANSFERS)?;
        append(&mut store, &world.chain, &world.tip, &block)?;
        world.connect(&block)?;
    }
    store.close().map_err(|e| e.to_string())
}

/// A copy of a store, gone when it is dropped.
pub(crate) struct Copy {
    pub(crate) store: Store,
    directory: PathBuf,
}

impl Copy {
    /// Copies the directory at `base` and opens the store in it.
    ///
    /// # Errors
    /// What could not be read, written or opened.
    pub(crate) fn of(base: &Path, chain: &Chain, config: Config) -> Result<Self, String> {
        let directory = base.with_extension("copy");
        if directory.exists() {
            // Left over by a run that was ended.
            fs::remove_dir_all(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
        }
        copy_files(base, &directory).map_err(|e| format!("{}: {e}", directory.display()))?;
        Ok(Self {
            store: open(&directory, chain, config)?,
            directory,
        })
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What is left over is removed by the next copy.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A data directory for a node with a million accounts and no blocks, gone when it is dropped.
pub(crate) struct NodeCopy(PathBuf);

/// Copies the world's rows for a node to run on, with its chain file beside them.
///
/// # Errors
/// What could not be built or written.
pub(crate) fn node_copy(world: &World) -> Result<NodeCopy, String> {
    let base = rows_only(world)?;
    let copy = NodeCopy(base.with_extension("node"));
    if copy.0.exists() {
        // Left over by a run that was ended.
        fs::remove_dir_all(&copy.0).map_err(|e| format!("{}: {e}", copy.0.display()))?;
    }
    let to = copy.0.join(&world.chain.name);
    copy_files(&base, &to).map_err(|e| format!("{}: {e}", to.display()))?;
    write_chain_file(&copy.0, &world.chain)?;
    Ok(copy)
}

impl NodeCopy {
    /// The data directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for NodeCopy {
    fn drop(&mut self) {
        // What is left over is removed by the next copy.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_files(&entry.path(), &copy)?;
            continue;
        }
        fs::copy(entry.path(), &copy)?;
        // Or the first commits would pay for writing the copy.
        fs::File::open(&copy)?.sync_all()?;
    }
    Ok(())
}
