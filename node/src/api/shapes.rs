//! Leaves as people and programs read them in JSON.

use super::{Api, Result, not_found, storage};
use crate::chain::{At, Moment, Snapshot};
use sapwood_account_tree::AnchorDepth;
use sapwood_primitives::codec;
use sapwood_primitives::leaf::{Account, Change, GuardianChange, NameLeaf, OwnerChange, Phase};
use sapwood_primitives::{Hash, Height, Leaf};
use sapwood_rpc::errors;
use sapwood_rpc::records;
use sapwood_rpc::server::CallRefused;
use sapwood_rpc::types::{self as t, MAX_ANCHOR};

impl Api {
    pub(super) fn moment(&self, snapshot: &Snapshot, at: t::At) -> Result<Moment> {
        let block = match at {
            t::At::Head => return Ok(snapshot.at(At::Head).clone()),
            t::At::Trusted => return Ok(snapshot.at(At::Trusted).clone()),
            t::At::Block(block) => block,
        };
        let moment = snapshot.after(&block).map_err(storage)?;
        moment.ok_or_else(|| {
            not_found(
                "the state after this block is not known",
                "ask for the head, or for one of the last 64 blocks",
            )
        })
    }

    /// The 160 bytes of the header that a state belongs to.
    pub(super) fn header_of(&self, moment: &Moment) -> Result<t::Hex> {
        let header = moment.header().map_err(storage)?;
        Ok(t::Hex(header.header.to_bytes().to_vec()))
    }

    /// A leaf, or its absence, with its proof.
    pub(super) fn witness(&self, moment: &Moment, key: Hash) -> Result<(t::Witness, Option<Leaf>)> {
        let found = moment.witness(&key).map_err(storage)?;
        let leaf = found.row.as_deref().map(codec::read).transpose();
        let leaf = leaf.map_err(|e| internal(&e.to_string()))?;
        let witness = t::Witness {
            key,
            value: found.row.map(|row| t::Hex(row.to_vec())),
            proof: t::Hex(found.proof.to_bytes()),
        };
        Ok((witness, leaf))
    }

    /// As [`witness`](Self::witness); with an anchor's depth, the proof begins there.
    pub(super) fn witness_from(
        &self,
        moment: &Moment,
        key: Hash,
        anchor: Option<u8>,
    ) -> Result<(t::Witness, Option<Leaf>)> {
        let Some(depth) = anchor else {
            return self.witness(moment, key);
        };
        let depth = anchor_depth("anchor", depth)?;
        let (row, proof) = moment.witness_below(&key, depth).map_err(storage)?;
        let leaf = row.as_deref().map(codec::read).transpose();
        let leaf = leaf.map_err(|e| internal(&e.to_string()))?;
        let witness = t::Witness {
            key,
            value: row.map(|row| t::Hex(row.to_vec())),
            proof: t::Hex(proof),
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

/// The depth of an anchor, from the parameter of this name.
pub(super) fn anchor_depth(name: &str, depth: u8) -> Result<AnchorDepth> {
    let fits = AnchorDepth::new(depth).filter(|_| depth <= MAX_ANCHOR);
    fits.ok_or_else(|| CallRefused::parameter(name, format!("at most {MAX_ANCHOR}")))
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
    CallRefused::new(errors::INTERNAL, what)
}
