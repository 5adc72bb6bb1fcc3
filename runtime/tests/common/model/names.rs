//! Names in the model (specs/06).

use super::{Id, Model, Outcome, Term, all, require};
use sapwood_primitives::hash::tagged;
use sapwood_primitives::leaf::Change;

impl Model {
    /// 06 §7.1.
    pub(super) fn rent(&self, name: &str) -> u128 {
        let m = [0, 4096, 1024, 128, 32].get(name.len()).unwrap_or(&1);
        ((self.rent_base * m) >> 32).max(1)
    }

    /// 06 §4.
    pub(super) fn reveal(
        &mut self,
        id: Id,
        name: &str,
        salt: &Id,
        years: u8,
        max_price: u64,
    ) -> Outcome {
        let (h, rules) = (self.height, self.rules.clone());
        let mut encoded = vec![(name.len() << 2) as u8];
        encoded.extend(name.as_bytes());
        let hash = tagged("sapwood/commitment", &[&encoded, &id, salt]);
        let age = self.commitments.get(&hash).map(|made| h - made);
        let term = self.names.get(name);
        let rent = self.rent(name);
        let premium = match term.filter(|term| term.owner.is_none()) {
            Some(term) => (rent << rules.premium_steps) >> ((h - term.until) / rules.premium_step),
            None => 0,
        };
        let price = rent * u128::from(years) + premium;
        all([
            require(self.accounts[&id].name.is_none(), "has_name"),
            require(term.is_none_or(|t| t.owner.is_none()), "name_taken"),
            require((1..=10).contains(&years), "years"),
            require(age.is_some(), "no_commitment"),
            require(
                age.is_none_or(|a| a >= rules.commit_min),
                "commitment_too_young",
            ),
            require(
                age.is_none_or(|a| a <= rules.commit_max),
                "commitment_too_old",
            ),
            require(self.registrations < 50, "block_full"),
            require(price <= u128::from(max_price), "above_max_price"),
        ])?;
        self.spend(id, price, false, false)?;
        self.burned += price as u64;
        self.registrations += 1;
        self.commitments.remove(&hash);
        let term = Term {
            owner: Some(id),
            until: h + u64::from(years) * rules.year,
            last_price: rent,
        };
        self.names.insert(name.into(), term);
        self.accounts.get_mut(&id).unwrap().name = Some(name.into());
        Ok(())
    }

    /// 06 §5.
    pub(super) fn renew(&mut self, id: Id, name: &str, years: u8, max_price: u64) -> Outcome {
        let (h, year) = (self.height, self.rules.year);
        let rent = self.rent(name);
        let Some(term) = self.names.get(name).filter(|t| t.owner.is_some()) else {
            return Err(vec!["not_registered", "years"]);
        };
        let price_of_year = rent.min(2 * term.last_price);
        let price = price_of_year * u128::from(years);
        let until = term.until + u64::from(years) * year;
        all([
            require(years >= 1, "years"),
            require(years <= 10, "years"),
            require(until <= h + 10 * year, "too_far_ahead"),
            require(price <= u128::from(max_price), "above_max_price"),
        ])?;
        let free = term.owner == Some(id) && years == 1 && term.until <= h + year;
        self.spend(id, price, false, free)?;
        self.burned += price as u64;
        let term = self.names.get_mut(name).unwrap();
        term.until = until;
        term.last_price = price_of_year;
        Ok(())
    }

    /// 06 §8.2.
    pub(super) fn take(&mut self, id: Id, name: &str) -> Outcome {
        let h = self.height;
        let Some(owner) = self.names.get(name).and_then(|term| term.owner) else {
            return Err(vec!["not_registered"]);
        };
        let owner_leaf = &self.accounts[&owner];
        let offer = match &owner_leaf.pending {
            Some((Change::Transfer { to }, effective)) if to.0 == id => *effective,
            _ => return Err(vec!["not_offered"]),
        };
        let frozen = owner_leaf.guardian.is_some_and(|(_, until)| h < until);
        all([
            require(h >= offer, "offer_too_young"),
            require(!frozen, "owner_frozen"),
            require(self.accounts[&id].name.is_none(), "has_name"),
        ])?;
        let owner = self.accounts.get_mut(&owner).unwrap();
        owner.name = None;
        owner.pending = None;
        self.accounts.get_mut(&id).unwrap().name = Some(name.into());
        self.names.get_mut(name).unwrap().owner = Some(id);
        Ok(())
    }

    /// 06 §6.
    pub(super) fn name_due(&mut self, name: &str) {
        let h = self.height;
        let rent = self.rent(name);
        let term = self.names.get_mut(name).unwrap();
        let Some(owner) = term.owner else {
            let end = term.until + self.rules.premium_step * self.rules.premium_steps;
            if h >= end {
                self.names.remove(name);
            }
            return;
        };
        if h == term.until + self.rules.suspension {
            return self.release(name);
        }
        let price = rent.min(2 * term.last_price);
        let owner = self.accounts.get_mut(&owner).unwrap();
        let kept = price + u128::from(self.rules.existential_deposit);
        if owner.standing.is_some_and(|max| price <= u128::from(max))
            && u128::from(owner.balance) >= kept
        {
            owner.balance -= price as u64;
            self.burned += price as u64;
            term.until += self.rules.year;
            term.last_price = price;
        }
    }

    /// 06 §6.2.
    pub(super) fn release(&mut self, name: &str) {
        let term = self.names.get_mut(name).unwrap();
        let owner = self.accounts.get_mut(&term.owner.take().unwrap()).unwrap();
        term.until = self.height;
        owner.name = None;
        if let Some((Change::Transfer { .. } | Change::Release, _)) = owner.pending {
            owner.pending = None;
        }
    }
}
