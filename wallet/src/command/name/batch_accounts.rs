//! Which accounts of the wallet take the names of a batch: an account has one name.

use std::collections::{BTreeMap, BTreeSet};

use sapwood_primitives::AccountId;

use super::batch_file::{Line, faulty};
use crate::command::error::{CliError, Exit};
use crate::command::link::Link;
use crate::command::purse::Purse;
use crate::keystore::Registration;

/// Accounts that may take a name, each once.
pub(super) struct Accounts {
    /// Those that lines name, by the word of the line.
    named: BTreeMap<String, AccountId>,
    /// The others that exist, have no name and are not busy registering one.
    free: Vec<AccountId>,
}

impl Accounts {
    pub(super) fn of(
        link: &Link<'_>,
        purse: &Purse,
        lines: &[Line],
        pending: &[Registration],
    ) -> Result<Self, CliError> {
        let notes = purse.notes().read()?;
        let busy: BTreeSet<AccountId> = pending
            .iter()
            .filter_map(|entry| {
                notes
                    .drafts
                    .iter()
                    .find(|draft| draft.name.as_str() == entry.name)
            })
            .map(|draft| draft.sender)
            .collect();
        let mut named = BTreeMap::new();
        let mut faults = Vec::new();
        for line in lines {
            let Some(word) = &line.account else { continue };
            let id = match purse.chosen(link.ctx, Some(word)) {
                Ok(id) => id,
                Err(error) => {
                    faults.push(format!("line {}: {error}", line.number));
                    continue;
                }
            };
            if busy.contains(&id) && !pending.iter().any(|entry| entry.name == line.name.as_str()) {
                faults.push(format!(
                    "line {}: its account is registering another name",
                    line.number
                ));
            }
            if named.values().any(|other| *other == id) {
                faults.push(format!(
                    "line {}: its account stands in another line, and an account has one name",
                    line.number
                ));
            }
            named.insert(word.clone(), id);
        }
        if !faults.is_empty() {
            return Err(faulty("batch_refused", Exit::Refused, &faults));
        }
        let mut free = Vec::new();
        if lines.iter().any(|line| line.account.is_none()) {
            for (account, (_, id)) in purse.secrets.accounts().iter().zip(purse.ids()?) {
                let taken = account.watched().is_some()
                    || busy.contains(&id)
                    || named.values().any(|other| *other == id);
                if !taken
                    && link
                        .account(id)?
                        .account
                        .is_some_and(|account| account.name.is_none())
                {
                    free.push(id);
                }
            }
        }
        Ok(Self { named, free })
    }

    pub(super) fn candidates(&self, line: &Line) -> Vec<AccountId> {
        match &line.account {
            Some(word) => self.named.get(word).copied().into_iter().collect(),
            None => self.free.clone(),
        }
    }

    pub(super) fn take(&mut self, id: AccountId) {
        self.free.retain(|other| *other != id);
    }
}
