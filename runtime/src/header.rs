//! Headers beside their parents, and the genesis (specs/02 §3, §6).

use crate::difficulty::next_target;
use crate::error::{BlockRule, Invalid};
use crate::history::Peaks;
use parity_scale_codec::{Decode, Encode};
use sapwood_account_tree::{Key, NaiveTree, hash::value_hash};
use sapwood_primitives::chain::BadChain;
use sapwood_primitives::codec::Wire;
use sapwood_primitives::header::VERSION;
use sapwood_primitives::work::{CompactTarget, Work};
use sapwood_primitives::{Block, BlockId, Chain, Hash, Header, Height, Leaf, SealedHeader};

/// What a child needs to know of a header.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Link {
    /// Block id.
    pub id: BlockId,
    /// Distance from genesis.
    pub height: Height,
    /// Seconds since 1970.
    pub time: u64,
    /// Root of the account tree after the block.
    pub state_root: Hash,
    /// Work of the branch up to and with this header.
    pub work: Work,
    /// The history up to and with this header.
    pub history: Peaks,
}

impl Wire for Link {
    /// Six fields and at most 64 peaks of 64 bytes.
    const MAX_BYTES: usize = 4_352;
}

impl Link {
    fn after(parent: Option<&Link>, header: &Header, target: CompactTarget) -> Self {
        let id = header.id();
        let mut history = parent.map_or_else(Peaks::default, |p| p.history.clone());
        history.push(&id, target.work());
        Self {
            id,
            height: header.height,
            time: header.time,
            state_root: header.state_root,
            work: parent
                .map_or(Work::default(), |p| p.work)
                .plus(target.work()),
            history,
        }
    }
}

/// Where a chain starts.
#[derive(Clone, Debug)]
pub struct GenesisState {
    /// The genesis block.
    pub block: Block,
    /// The only leaf.
    pub leaf: Leaf,
    /// The tree over it.
    pub tree: NaiveTree,
    /// The block's link.
    pub link: Link,
}

/// Makes the genesis of a chain (specs/02 §6).
///
/// # Errors
/// [`BadChain::NotLaunched`] if the chain has none.
pub fn genesis(chain: &Chain) -> Result<GenesisState, BadChain> {
    let leaf = chain.genesis_leaf();
    let entry = (Key(leaf.key().0), value_hash(&leaf.encode()));
    let tree = NaiveTree::from_iter([entry]);
    let block = chain.genesis_block(Hash(tree.root().0))?;
    let header = &block.header.header;
    let target = CompactTarget::from_bits(header.target).expect("chain files hold valid targets");
    let link = Link::after(None, header, target);
    Ok(GenesisState {
        block,
        leaf,
        tree,
        link,
    })
}

/// Checks a header beside its parent, cheapest rule first (specs/02 §3 except the clock, the roots over contents and the state). Gives the header's own link.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_header(chain: &Chain, parent: &Link, sealed: &SealedHeader) -> Result<Link, Invalid> {
    let header = &sealed.header;
    if header.version != VERSION {
        return Err(BlockRule::Version.into());
    }
    if header.parent != parent.id {
        return Err(BlockRule::Parent {
            expected: parent.id,
        }
        .into());
    }
    let height = parent.height.plus(1);
    if header.height != height {
        return Err(BlockRule::WrongHeight { expected: height }.into());
    }
    // specs/02 §3.2: the target follows from the parent alone, so a sample of two headers shows it.
    let target = next_target(chain, parent.height.get(), parent.time);
    if header.target != target.bits() {
        return Err(BlockRule::Target {
            expected: target.bits(),
        }
        .into());
    }
    if !target.is_met_by(&header.id()) {
        return Err(BlockRule::ProofOfWork.into());
    }
    let least = parent.time.saturating_add(chain.consensus.min_spacing);
    if header.time < least {
        return Err(BlockRule::Time { least }.into());
    }
    let expected = parent.history.root();
    if header.history_root != expected {
        return Err(BlockRule::HistoryRoot { expected }.into());
    }
    Ok(Link::after(Some(parent), header, target))
}
