//! What a node's proof of a name shows (specs/04 §4, specs/06 §2).

use super::chain::{HeaderChain, Untrue};
use crate::zone::Found;
use sapwood_account_tree::{Claim, Key, Root, verify};
use sapwood_primitives::leaf::{Account, NameLeaf, Phase, key};
use sapwood_primitives::{Hash, Header, Leaf, Name, Records, codec};
use sapwood_rpc::types::{NameProven, Witness};

/// Checks a node's proof of a name and gives what it shows.
///
/// Only the leaves' bytes, the proofs and the header's bytes are used; heights, keys and ids that the answer states beside them are not.
///
/// # Errors
/// [`Untrue`] if the header is not a recent one of `headers`, a proof does not hold, or the leaves are not those of the name and its owner.
pub fn check_name(
    name: &Name,
    answer: &NameProven,
    headers: &HeaderChain,
) -> Result<Found, Untrue> {
    let header: Header = codec::read(&answer.header.0).map_err(|_| Untrue::Header)?;
    let link = headers.recent(&header.id())?;
    let (root, height) = (Root(link.state_root.0), link.height);
    let found = |phase, records| Found {
        phase,
        records,
        height,
    };
    let Some(leaf) = name_leaf(name, &answer.name, &root)? else {
        return Ok(found(None, Records::default()));
    };
    let phase = leaf.phase(height, &headers.chain().consensus);
    // Suspended and released names do not resolve, whatever the owner's records are.
    if phase != Some(Phase::Active) {
        return Ok(found(phase, Records::default()));
    }
    let account = owner(&leaf, answer.account.as_ref(), &root)?;
    Ok(found(phase, account.records))
}

fn name_leaf(name: &Name, witness: &Witness, root: &Root) -> Result<Option<NameLeaf>, Untrue> {
    match shown(witness, &key::name(name), root)? {
        None => Ok(None),
        Some(Leaf::Name(leaf)) if leaf.name == *name => Ok(Some(leaf)),
        Some(_) => Err(Untrue::OtherLeaf),
    }
}

/// The account that owns the name and says so itself.
fn owner(leaf: &NameLeaf, witness: Option<&Witness>, root: &Root) -> Result<Account, Untrue> {
    let (id, witness) = leaf.owner.zip(witness).ok_or(Untrue::NoOwner)?;
    match shown(witness, &key::account(&id), root)? {
        Some(Leaf::Account(account)) if account.id == id => {
            let links_back = account.name.as_ref() == Some(&leaf.name);
            links_back.then_some(*account).ok_or(Untrue::NoOwner)
        }
        Some(_) => Err(Untrue::OtherLeaf),
        None => Err(Untrue::NoOwner),
    }
}

/// The leaf at `key` under `root`, or its absence.
fn shown(witness: &Witness, key: &Hash, root: &Root) -> Result<Option<Leaf>, Untrue> {
    let claim = witness
        .value
        .as_ref()
        .map_or(Claim::Absent, |value| Claim::Present(&value.0));
    verify(root, &Key(key.0), claim, &witness.proof.0)?;
    let Some(value) = &witness.value else {
        return Ok(None);
    };
    let leaf: Leaf = codec::read(&value.0).map_err(|_| Untrue::OtherLeaf)?;
    if leaf.key() != *key {
        return Err(Untrue::OtherLeaf);
    }
    Ok(Some(leaf))
}
