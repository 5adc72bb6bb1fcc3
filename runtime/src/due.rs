//! Work that a height brings by itself (specs/05 §6): an index derived from the leaves, and what is done about it.

use crate::draft::{Draft, Held, State};
use crate::error::Unreadable;
use crate::{names, protection};
use sapwood_primitives::chain::Consensus;
use sapwood_primitives::leaf::key;
use sapwood_primitives::{Height, Leaf};

/// Heights under which an index of due work must list this leaf. A coinbase is found by its height and needs no index.
pub fn due_heights(rules: &Consensus, leaf: &Leaf) -> Vec<Height> {
    match leaf {
        Leaf::System(_) | Leaf::Coinbase(_) => Vec::new(),
        Leaf::Account(account) => protection::due_heights(account, rules),
        Leaf::Name(leaf) => names::due_heights(leaf, rules),
        Leaf::Commitment(leaf) => vec![leaf.height.plus(rules.commit_max).plus(1)],
    }
}

impl<S: State> Draft<'_, S> {
    /// specs/05 §6.1: an old block's income becomes spendable.
    pub(crate) fn mature_coinbase(&mut self) -> Result<(), Unreadable> {
        let Some(height) = self.height.minus(self.rules.delay) else {
            return Ok(());
        };
        let key = key::coinbase(height);
        if let Some(Leaf::Coinbase(leaf)) = self.leaf(&key)? {
            self.remove(key)?;
            self.credit_or_reserve(&leaf.payee, leaf.amount)?;
        }
        Ok(())
    }

    /// specs/05 §6.2: names, commitments and pending changes, in key order. Each is judged by what it is now, for an earlier one may have changed it.
    pub(crate) fn do_due_work(&mut self) -> Result<(), Unreadable> {
        for key in self.due()? {
            match self.leaf(&key)? {
                Some(Leaf::Name(leaf)) => self.name_due(leaf)?,
                Some(Leaf::Account(account)) => self.account_due(Held::found(key, account))?,
                Some(Leaf::Commitment(leaf)) => {
                    if self.height.since(leaf.height) > self.rules.commit_max {
                        self.remove(key)?;
                    }
                }
                Some(Leaf::System(_) | Leaf::Coinbase(_)) | None => {}
            }
        }
        Ok(())
    }
}
