//! Names: what they are, what they point at, what they cost.

use super::shapes::{record_lines, state_ref};
use super::{Api, Result, storage};
use crate::chain::Moment;
use sapwood_primitives::chain::{Consensus, MAX_YEARS};
use sapwood_primitives::leaf::{Account, Change, NameLeaf, Phase, key, phase_word};
use sapwood_primitives::{Amount, Leaf, Name};
use sapwood_rpc::records;
use sapwood_rpc::server::CallRefused;
use sapwood_rpc::types::{self as t, MAX_PAGE, PAGE};
use sapwood_runtime::price;

fn name_leaf(moment: &Moment, name: &Name) -> Result<Option<NameLeaf>> {
    Ok(match moment.leaf(&key::name(name)).map_err(storage)? {
        Some(Leaf::Name(leaf)) => Some(leaf),
        _ => None,
    })
}

fn owner_account(moment: &Moment, leaf: Option<&NameLeaf>) -> Result<Option<Account>> {
    let Some(owner) = leaf.and_then(|leaf| leaf.owner) else {
        return Ok(None);
    };
    Ok(match moment.leaf(&key::account(&owner)).map_err(storage)? {
        Some(Leaf::Account(account)) => Some(*account),
        _ => None,
    })
}

pub(super) fn show(api: &Api, params: t::NameParams) -> Result<t::NameAnswer> {
    let snapshot = api.snapshot();
    let moment = &api.moment(&snapshot, params.at)?;
    let leaf = name_leaf(moment, &params.name)?;
    let owner = owner_account(moment, leaf.as_ref())?;
    let rules = &api.chain.consensus;
    let pending = owner.as_ref().and_then(|owner| owner.owner_change.as_ref());
    let pending = pending.filter(|p| matches!(p.change, Change::Transfer { .. } | Change::Release));
    let proven = params.proof.then(|| prove(api, moment, &params.name, None));
    Ok(t::NameAnswer {
        state: state_ref(moment),
        phase: phase_word(api.phase(leaf.as_ref(), moment)).to_owned(),
        owner: owner.as_ref().map(|owner| api.show(owner.id)),
        paid_until: leaf.as_ref().map(|leaf| leaf.paid_until),
        expires_at: leaf
            .as_ref()
            .map(|leaf| api.time_of(moment, leaf.paid_until)),
        release: leaf.as_ref().map(|leaf| leaf.release_height(rules)),
        last_price: leaf.as_ref().map(|leaf| leaf.last_price),
        standing_order: owner.as_ref().and_then(|owner| owner.standing_order),
        pending: pending.map(|p| api.owner_change(p, moment.link.height)),
        records: owner.as_ref().map(record_lines).unwrap_or_default(),
        proven: proven.transpose()?,
        name: params.name,
    })
}

pub(super) fn resolve(api: &Api, params: t::ResolveParams) -> Result<t::Resolved> {
    let only = match &params.rtype {
        None => None,
        Some(text) => Some(records::parse_type(text).ok_or_else(|| {
            CallRefused::parameter("type", "not a record type, such as A, AAAA or TYPE65281")
        })?),
    };
    let snapshot = api.snapshot();
    let moment = &api.moment(&snapshot, t::At::Trusted)?;
    let leaf = name_leaf(moment, &params.name)?;
    let phase = api.phase(leaf.as_ref(), moment);
    let mut found = Vec::new();
    if phase == Some(Phase::Active) {
        let owner = owner_account(moment, leaf.as_ref())?;
        let entries = owner
            .map(|owner| owner.records.entries())
            .unwrap_or_default();
        let wanted = entries
            .iter()
            .filter(|entry| only.is_none_or(|rtype| entry.rtype == rtype));
        found = wanted.map(records::to_text).collect();
    }
    let proven = params.proof.then(|| prove(api, moment, &params.name, None));
    Ok(t::Resolved {
        state: state_ref(moment),
        proven: proven.transpose()?,
        name: params.name,
        phase: phase_word(phase).to_owned(),
        records: found,
    })
}

pub(super) fn proof(api: &Api, params: t::NameProofParams) -> Result<t::NameProven> {
    let snapshot = api.snapshot();
    let moment = &api.moment(&snapshot, params.at)?;
    prove(api, moment, &params.name, params.anchor)
}

fn prove(api: &Api, moment: &Moment, name: &Name, anchor: Option<u8>) -> Result<t::NameProven> {
    let (witness, leaf) = api.witness_from(moment, key::name(name), anchor)?;
    let owner = match leaf {
        Some(Leaf::Name(leaf)) => leaf.owner,
        _ => None,
    };
    let account = owner
        .map(|id| api.witness_from(moment, key::account(&id), anchor))
        .transpose()?;
    Ok(t::NameProven {
        state: state_ref(moment),
        header: api.header_of(moment)?,
        name: witness,
        account: account.map(|(witness, _)| witness),
    })
}

pub(super) fn list(api: &Api, params: t::ListParams) -> Result<t::Names> {
    let limit = params.limit.unwrap_or(PAGE);
    if limit == 0 || limit > MAX_PAGE {
        return Err(CallRefused::parameter(
            "limit",
            format!("from 1 to {MAX_PAGE}"),
        ));
    }
    let owner = params
        .owner
        .as_deref()
        .map(|text| api.address("owner", text))
        .transpose()?;
    let snapshot = api.snapshot();
    let moment = &api.moment(&snapshot, t::At::Head)?;
    if let Some(owner) = owner {
        // An account has at most one name and links to it: no list needs to be searched.
        let account = moment.leaf(&key::account(&owner.id())).map_err(storage)?;
        let name = match account {
            Some(Leaf::Account(account)) => account.name,
            _ => None,
        };
        let names = name
            .iter()
            .filter_map(|name| listed(api, moment, name).transpose());
        return Ok(t::Names {
            state: state_ref(moment),
            names: names.collect::<Result<_>>()?,
            next: None,
        });
    }
    let wanted = limit as usize;
    // One more than the page shows whether there is another.
    let mut found = snapshot
        .view()
        .names(params.after.as_ref(), wanted + 1)
        .map_err(storage)?;
    let more = found.len() > wanted;
    found.truncate(wanted);
    let next = found.last().cloned().filter(|_| more);
    let names = found
        .iter()
        .filter_map(|name| listed(api, moment, name).transpose());
    Ok(t::Names {
        state: state_ref(moment),
        names: names.collect::<Result<_>>()?,
        next,
    })
}

fn listed(api: &Api, moment: &Moment, name: &Name) -> Result<Option<t::ListedName>> {
    let Some(leaf) = name_leaf(moment, name)? else {
        return Ok(None);
    };
    Ok(Some(t::ListedName {
        phase: phase_word(api.phase(Some(&leaf), moment)).to_owned(),
        owner: leaf.owner.map(|id| api.show(id)),
        paid_until: leaf.paid_until,
        expires_at: api.time_of(moment, leaf.paid_until),
        name: leaf.name,
    }))
}

pub(super) fn price(api: &Api, params: t::PriceParams) -> Result<t::Price> {
    if params.years == 0 || params.years > MAX_YEARS {
        return Err(CallRefused::parameter("years", "from 1 to 10"));
    }
    let snapshot = api.snapshot();
    let moment = &api.moment(&snapshot, t::At::Head)?;
    let leaf = name_leaf(moment, &params.name)?;
    let (system_witness, system) = api.witness(moment, key::system())?;
    let Some(Leaf::System(system)) = system else {
        return Err(super::shapes::internal("the system leaf is missing"));
    };
    // Prices are those of the next block, which is the first that can include a transaction.
    let next = moment.link.height.plus(1);
    let rules = &api.chain.consensus;
    let phase = leaf.as_ref().and_then(|leaf| leaf.phase(next, rules));
    let (rent, years) = (
        price::rent(system.rent_base, &params.name),
        u128::from(params.years),
    );
    let available = matches!(phase, None | Some(Phase::Released));
    let premium = match &leaf {
        Some(leaf) if phase == Some(Phase::Released) => price::premium(rules, leaf, rent, next),
        _ => 0,
    };
    let renewal = leaf
        .as_ref()
        .filter(|_| !available)
        .map(|leaf| price::renewal(rent, leaf) * years);
    let proven = params.proof.then(|| {
        let name = prove(api, moment, &params.name, None)?;
        Ok(t::PriceProven {
            system: system_witness,
            name,
        })
    });
    Ok(t::Price {
        state: state_ref(moment),
        proven: proven.transpose()?,
        phase: phase_word(phase).to_owned(),
        available,
        why_not: why_not(phase, leaf.as_ref(), rules),
        rent: drops(rent),
        premium: drops(premium),
        register_total: available.then(|| drops(rent * years + premium)),
        renew_total: renewal.map(drops),
        name: params.name,
    })
}

/// Why a name cannot be registered now, if so.
pub(super) fn why_not(
    phase: Option<Phase>,
    leaf: Option<&NameLeaf>,
    rules: &Consensus,
) -> Option<String> {
    match (phase?, leaf?) {
        (Phase::Active, leaf) => Some(format!("active until height {}", leaf.paid_until)),
        (Phase::Suspended, leaf) => Some(format!(
            "suspended until height {}; it can be renewed until then",
            leaf.release_height(rules)
        )),
        (Phase::Released, _) => None,
    }
}

/// A price as an amount; what is above the supply cannot be paid anyway.
fn drops(price: u128) -> Amount {
    u64::try_from(price)
        .ok()
        .and_then(|p| Amount::from_drops(p).ok())
        .unwrap_or(Amount::SUPPLY)
}
