//! Leaves as people and programs read them in JSON.

use super::{Api, Result, storage};
use crate::chain::{At, Moment, Snapshot};
use parity_scale_codec::Encode;
use sapwood_primitives::leaf::{Account, Change, GuardianChange, NameLeaf, OwnerChange, Phase};
use sapwood_primitives::{Hash, Height, Leaf};
use sapwood_rpc::records;
use sapwood_rpc::server::CallRefused;
use sapwood_rpc::types as t;

impl Api {
    pub(super) fn moment<'s>(&self, snapshot: &'s Snapshot, at: t::At) -> &'s Moment {
        snapshot.at(match at {
            t::At::Head => At::Head,
            t::At::Trusted => At::Trusted,
        })
    }

    /// The 160 bytes of the header that a state belongs to.
    pub(super) fn header_of(&self, snapshot: &Snapshot, moment: &Moment) -> Result<t::Hex> {
        let header = snapshot
            .view()
            .header(moment.link.height)
            .map_err(|e| storage(&e))?;
        match header {
            Some(header) => Ok(t::Hex(header.header.to_bytes().to_vec())),
            None => Err(internal("the header of a state is missing")),
        }
    }

    /// A leaf, or its absence, with its proof.
    pub(super) fn witness(&self, moment: &Moment, key: Hash) -> Result<(t::Witness, Option<Leaf>)> {
        let leaf = moment.leaf(&key).map_err(|e| storage(&e))?;
        let proof = moment.prove(&key).map_err(|e| internal(&e.to_string()))?;
        let witness = t::Witness {
            key,
            value: leaf.as_ref().map(|leaf| t::Hex(leaf.encode())),
            proof: t::Hex(proof.to_bytes()),
        };
        Ok((witness, leaf))
    }

    pub(super) fn account_fields(&self, account: &Account, height: Height) -> t::AccountFields {
        let rules = &self.chain.consensus;
        t::AccountFields {
            address: self.show(account.id),
            id: account.id,
            nonce: account.nonce,
            balance: account.balance,
            spendable: sapwood_runtime::spendable(rules, account, height.plus(1)),
            name: account.name.clone(),
            records: record_lines(account),
            limit: account.limit.as_ref().map(|limit| t::LimitFields {
                rate: limit.rate,
                day_blocks: rules.limit_day,
                delay_days: limit.delay_days,
                available: sapwood_runtime::limit::available(rules, limit, height.plus(1)),
            }),
            guardian: account.guardian.as_ref().map(|g| self.show(g.account)),
            frozen_until: account
                .guardian
                .as_ref()
                .map(|g| g.frozen_until)
                .filter(|until| height < *until),
            owner_change: account
                .owner_change
                .as_ref()
                .map(|c| self.owner_change(c, height)),
            guardian_change: account
                .guardian_change
                .as_ref()
                .map(|c| guardian_change(c, height)),
            standing_order: account.standing_order,
            authority: Hash(account.authority_hash().0),
        }
    }

    pub(super) fn owner_change(&self, pending: &OwnerChange, height: Height) -> t::PendingFields {
        let (kind, text) = match &pending.change {
            Change::Limit { rate, delay_days } => (
                "limit",
                format!("limit becomes {rate} a day, changes wait {delay_days} days"),
            ),
            Change::LimitRemove => ("limit_remove", "limit is removed".to_owned()),
            Change::Authority { authority } => {
                ("authority", format!("authority becomes {authority}"))
            }
            Change::Guardian { guardian: Some(id) } => {
                ("guardian", format!("guardian becomes {}", self.show(*id)))
            }
            Change::Guardian { guardian: None } => ("guardian", "guardian is dismissed".to_owned()),
            Change::Transfer { to } => (
                "transfer",
                format!("name can be taken by {}", self.show(*to)),
            ),
            Change::Release => ("release", "name is released".to_owned()),
            Change::Close { to } => (
                "close",
                format!("account closes, balance goes to {}", self.show(*to)),
            ),
        };
        pending_fields(kind, text, pending.effective, height)
    }

    /// When a height will be reached at the chain's aim, seconds since 1970.
    pub(super) fn time_of(&self, moment: &Moment, height: Height) -> u64 {
        let blocks = height.since(moment.link.height);
        moment
            .link
            .time
            .saturating_add(blocks.saturating_mul(self.chain.consensus.block_time))
    }

    pub(super) fn phase(&self, leaf: Option<&NameLeaf>, moment: &Moment) -> Option<Phase> {
        leaf.and_then(|leaf| leaf.phase(moment.link.height, &self.chain.consensus))
    }
}

pub(super) fn state_ref(moment: &Moment) -> t::StateRef {
    t::StateRef {
        height: moment.link.height,
        block: moment.link.id,
        state_root: moment.link.state_root,
    }
}

pub(super) fn record_lines(account: &Account) -> Vec<String> {
    let entries = account.records.entries();
    entries.iter().map(records::to_line).collect()
}

fn guardian_change(pending: &GuardianChange, height: Height) -> t::PendingFields {
    let text = format!("guardian changes the authority to {}", pending.authority);
    pending_fields("authority", text, pending.effective, height)
}

fn pending_fields(kind: &str, text: String, effective: Height, height: Height) -> t::PendingFields {
    t::PendingFields {
        kind: kind.to_owned(),
        text,
        effective,
        blocks_left: effective.since(height),
    }
}

/// A fault of the node itself: answered as JSON-RPC's internal error, and a bug.
pub(super) fn internal(what: &str) -> CallRefused {
    tracing::error!(what, "a method failed for no fault of its caller");
    CallRefused::new(-32603, "internal", what, "this is a bug; please report it")
}
