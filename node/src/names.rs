//! The node's own state as the source of DNS answers (specs/07 §2).

use crate::chain::{At, Handle};
use sapwood_primitives::leaf::{Phase, key};
use sapwood_primitives::{Chain, Height, Leaf, Name, Records};
use sapwood_resolver::{Found, NameSource, Unavailable};
use std::sync::Arc;

/// Names of the state at the trusted depth.
pub struct OwnNames {
    handle: Handle,
    chain: Arc<Chain>,
}

impl OwnNames {
    /// Names of the chain behind `handle`.
    pub fn new(handle: Handle, chain: Arc<Chain>) -> Self {
        Self { handle, chain }
    }
}

impl NameSource for OwnNames {
    fn height(&self) -> Result<Height, Unavailable> {
        Ok(self.handle.snapshot().at(At::Trusted).link.height)
    }

    fn lookup(&self, name: &Name) -> Result<Found, Unavailable> {
        let snapshot = self.handle.snapshot();
        let moment = snapshot.at(At::Trusted);
        let height = moment.link.height;
        let mut found = Found {
            phase: None,
            records: Records::default(),
            height,
        };
        let leaf = moment.leaf(&key::name(name)).map_err(|_| Unavailable)?;
        let Some(Leaf::Name(leaf)) = leaf else {
            return Ok(found);
        };
        found.phase = leaf.phase(height, &self.chain.consensus);
        let (Some(Phase::Active), Some(owner)) = (found.phase, leaf.owner) else {
            return Ok(found);
        };
        if let Some(Leaf::Account(account)) = moment
            .leaf(&key::account(&owner))
            .map_err(|_| Unavailable)?
        {
            found.records = account.records;
        }
        Ok(found)
    }
}
