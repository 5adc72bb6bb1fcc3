//! The life of a name (specs/06).

use crate::draft::{Draft, Held, State};
use crate::error::{TxFailure, TxInvalid, Unreadable};
use crate::limit::Spend;
use crate::price;
use parity_scale_codec::Encode;
use sapwood_primitives::chain::{MAX_REGISTRATIONS, MAX_YEARS};
use sapwood_primitives::hash::tag;
use sapwood_primitives::leaf::{Account, Change, NameLeaf, OwnerChange, Phase, key};
use sapwood_primitives::{AccountId, Amount, Body, Commitment, Height, Leaf, Name};

/// The hash that hides a name until its reveal (specs/06 §3.1).
pub fn commitment(name: &Name, account: &AccountId, salt: &[u8; 32]) -> Commitment {
    Commitment(tag::COMMITMENT.hash(&[&name.encode(), &account.0, salt]))
}

impl<S: State> Draft<'_, S> {
    pub(crate) fn name(&mut self, name: &Name) -> Result<Option<NameLeaf>, Unreadable> {
        Ok(match self.leaf(&key::name(name))? {
            Some(Leaf::Name(leaf)) => Some(leaf),
            _ => None,
        })
    }

    /// specs/06 §4.
    pub(crate) fn reveal(
        &mut self,
        body: &Body,
        name: &Name,
        salt: &[u8; 32],
        years: u8,
        max_price: Amount,
    ) -> Result<(), TxFailure> {
        let mut sender = self.sender(body)?;
        if sender.name.is_some() {
            return Err(TxInvalid::HasName.into());
        }
        let standing = self.name(name)?;
        if let Some(leaf) = standing.as_ref().filter(|leaf| leaf.owner.is_some()) {
            let release = leaf.release_height(self.rules);
            return Err(TxInvalid::NameTaken { release }.into());
        }
        if years == 0 || years > MAX_YEARS {
            return Err(TxInvalid::Years.into());
        }
        if self.tally.registrations == MAX_REGISTRATIONS {
            return Err(TxInvalid::BlockFull.into());
        }
        self.open_commitment(&commitment(name, &sender.id, salt))?;

        let rent = price::rent(self.system.rent_base, name);
        let premium = standing.map_or(0, |leaf| {
            price::premium(self.rules, &leaf, rent, self.height)
        });
        let total = rent * u128::from(years) + premium;
        self.pay_rent(&mut sender, total, max_price, Spend::Counted)?;
        sender.name = Some(name.clone());
        let leaf = NameLeaf {
            name: name.clone(),
            owner: Some(sender.id),
            paid_until: self.height.plus(u64::from(years) * self.rules.year),
            last_price: amount(rent)?,
        };
        self.put_account(sender)?;
        self.put(Leaf::Name(leaf))?;
        self.tally.registrations += 1;
        self.tally.live_names += 1;
        Ok(())
    }

    /// Uses a commitment up (specs/06 §4.1).
    fn open_commitment(&mut self, hash: &Commitment) -> Result<(), TxFailure> {
        let key = key::commitment(hash);
        let Some(Leaf::Commitment(leaf)) = self.leaf(&key)? else {
            return Err(TxInvalid::NoCommitment.into());
        };
        let age = self.height.since(leaf.height);
        if age < self.rules.commit_min {
            let from = leaf.height.plus(self.rules.commit_min);
            return Err(TxInvalid::CommitmentTooYoung { from }.into());
        }
        if age > self.rules.commit_max {
            return Err(TxInvalid::CommitmentTooOld.into());
        }
        Ok(self.remove(key)?)
    }

    /// Takes a price from an account to the reserve, unless it is above what the sender allows.
    fn pay_rent(
        &mut self,
        payer: &mut Account,
        price: u128,
        max: Amount,
        kind: Spend,
    ) -> Result<(), TxFailure> {
        if price > u128::from(max.drops()) {
            return Err(TxInvalid::AboveMaxPrice { price }.into());
        }
        let price = amount(price)?;
        self.spend(payer, price, kind)?;
        Ok(self.pay_reserve(price)?)
    }

    /// specs/06 §5.
    pub(crate) fn renew(
        &mut self,
        body: &Body,
        name: &Name,
        years: u8,
        max_price: Amount,
    ) -> Result<(), TxFailure> {
        if years == 0 || years > MAX_YEARS {
            return Err(TxInvalid::Years.into());
        }
        let mut leaf = self.name(name)?.ok_or(TxInvalid::NotRegistered)?;
        if !matches!(
            leaf.phase(self.height, self.rules),
            Some(Phase::Active | Phase::Suspended)
        ) {
            return Err(TxInvalid::NotRegistered.into());
        }
        let latest = self.height.plus(u64::from(MAX_YEARS) * self.rules.year);
        let paid_until = leaf.paid_until.plus(u64::from(years) * self.rules.year);
        if paid_until > latest {
            return Err(TxInvalid::TooFarAhead { latest }.into());
        }
        let year = price::renewal(price::rent(self.system.rent_base, name), &leaf);
        let mut sender = self.sender(body)?;
        // specs/06 §5.3: one's own name must stay payable under any limit, but not be a way to burn the balance.
        let kind = if leaf.owner == Some(sender.id)
            && years == 1
            && leaf.paid_until <= self.height.plus(self.rules.year)
        {
            Spend::ExemptRent
        } else {
            Spend::Counted
        };
        self.pay_rent(&mut sender, year * u128::from(years), max_price, kind)?;
        self.put_account(sender)?;
        leaf.paid_until = paid_until;
        leaf.last_price = amount(year)?;
        Ok(self.put(Leaf::Name(leaf))?)
    }

    /// specs/06 §8.1.
    pub(crate) fn transfer_start(
        &mut self,
        body: &Body,
        to: AccountId,
        quick: bool,
    ) -> Result<(), TxFailure> {
        let sender = self.sender(body)?;
        if sender.name.is_none() {
            return Err(TxInvalid::NoName.into());
        }
        if to == sender.id {
            return Err(TxInvalid::ToSelf.into());
        }
        if quick && (sender.limit.is_some() || sender.guardian.is_some()) {
            return Err(TxInvalid::QuickWithLimit.into());
        }
        let wait = if quick {
            self.rules.quick_transfer
        } else {
            self.delay_of(&sender)
        };
        self.start_change(sender, Change::Transfer { to }, wait)
    }

    /// specs/06 §8.2.
    pub(crate) fn transfer_finish(&mut self, body: &Body, name: &Name) -> Result<(), TxFailure> {
        let mut leaf = self.name(name)?.ok_or(TxInvalid::NotRegistered)?;
        let owner = leaf.owner.ok_or(TxInvalid::NotRegistered)?;
        let mut owner = self.account(&owner)?.ok_or(TxInvalid::NotRegistered)?;
        let offered = match owner.owner_change.as_deref() {
            Some(OwnerChange {
                change: Change::Transfer { to },
                effective,
            }) if *to == body.sender => *effective,
            _ => return Err(TxInvalid::NotOffered.into()),
        };
        if self.height < offered {
            return Err(TxInvalid::OfferTooYoung { from: offered }.into());
        }
        if owner.is_frozen(self.height) {
            return Err(TxInvalid::OwnerFrozen.into());
        }
        let mut sender = self.sender(body)?;
        if sender.name.is_some() {
            return Err(TxInvalid::HasName.into());
        }
        owner.name = None;
        owner.owner_change = None;
        sender.name = Some(name.clone());
        leaf.owner = Some(sender.id);
        self.put_account(owner)?;
        self.put_account(sender)?;
        Ok(self.put(Leaf::Name(leaf))?)
    }

    /// specs/06 §9.
    pub(crate) fn release_start(&mut self, body: &Body) -> Result<(), TxFailure> {
        let sender = self.sender(body)?;
        if sender.name.is_none() {
            return Err(TxInvalid::NoName.into());
        }
        let wait = self.delay_of(&sender);
        self.start_change(sender, Change::Release, wait)
    }

    /// What is due on a name at this height (specs/06 §6).
    pub(crate) fn name_due(&mut self, leaf: NameLeaf) -> Result<(), Unreadable> {
        if leaf.owner.is_none() {
            if self.height >= leaf.premium_end(self.rules) {
                self.remove(key::name(&leaf.name))?;
            }
            return Ok(());
        }
        let release = leaf.release_height(self.rules);
        if self.height >= release {
            return self.release(leaf);
        }
        if self.height == leaf.paid_until || Some(self.height) == release.minus(1) {
            self.standing_order(leaf)?;
        }
        Ok(())
    }

    /// Tries to renew a name for a year by its owner's standing order (specs/06 §6.1).
    fn standing_order(&mut self, mut leaf: NameLeaf) -> Result<(), Unreadable> {
        let Some(mut owner) = self.owner_of(&leaf)? else {
            return Ok(());
        };
        let year = price::renewal(price::rent(self.system.rent_base, &leaf.name), &leaf);
        let Ok(price) = amount(year) else {
            return Ok(());
        };
        if owner.standing_order.is_none_or(|max| price > max) {
            return Ok(());
        }
        let left = owner.balance.checked_sub(price);
        let Some(left) = left.filter(|left| *left >= self.rules.deposit()) else {
            return Ok(());
        };
        owner.balance = left;
        self.pay_reserve(price)
            .expect("all coins together are the supply");
        leaf.paid_until = leaf.paid_until.plus(self.rules.year);
        leaf.last_price = price;
        self.put_account(owner)?;
        self.put(Leaf::Name(leaf))
    }

    /// Ends an owner's hold on a name (specs/06 §6.2, §9).
    pub(crate) fn release(&mut self, mut leaf: NameLeaf) -> Result<(), Unreadable> {
        if let Some(mut owner) = self.owner_of(&leaf)? {
            owner.name = None;
            if matches!(
                owner.owner_change.as_deref(),
                Some(OwnerChange {
                    change: Change::Transfer { .. } | Change::Release,
                    ..
                })
            ) {
                owner.owner_change = None;
            }
            self.put_account(owner)?;
        }
        leaf.owner = None;
        leaf.paid_until = self.height;
        self.tally.live_names = self.tally.live_names.saturating_sub(1);
        self.put(Leaf::Name(leaf))
    }

    fn owner_of(&mut self, leaf: &NameLeaf) -> Result<Option<Held>, Unreadable> {
        match &leaf.owner {
            Some(owner) => self.account(owner),
            None => Ok(None),
        }
    }
}

/// Heights at which something is due on a name (specs/05 §6).
pub(crate) fn due_heights(
    leaf: &NameLeaf,
    rules: &sapwood_primitives::chain::Consensus,
) -> Vec<Height> {
    if leaf.owner.is_none() {
        return vec![leaf.premium_end(rules)];
    }
    let release = leaf.release_height(rules);
    let last_suspended = release
        .minus(1)
        .expect("a suspension has at least two blocks");
    vec![leaf.paid_until, last_suspended, release]
}

fn amount(price: u128) -> Result<Amount, TxInvalid> {
    let drops = u64::try_from(price).map_err(|_| TxInvalid::AboveMaxPrice { price })?;
    Amount::from_drops(drops).map_err(|_| TxInvalid::AboveMaxPrice { price })
}
