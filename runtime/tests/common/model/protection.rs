//! Limits, guardians and pending changes in the model (specs/08).

use super::{Broken, Bucket, Id, Model, Outcome, Person, require};
use sapwood_primitives::leaf::Change;

impl Model {
    /// 08 §3.2.
    pub(super) fn delay_of(&self, id: Id) -> u64 {
        let limit = self.accounts.get(&id).and_then(|p| p.limit.as_ref());
        self.rules.delay * limit.map_or(1, |limit| u64::from(limit.days))
    }

    pub(super) fn pend(&mut self, id: Id, change: Change, wait: u64) -> Outcome {
        let sender = self.accounts.get_mut(&id).unwrap();
        require(sender.pending.is_none(), "change_pending")?;
        sender.pending = Some((change, self.height + wait));
        Ok(())
    }

    /// 08 §4.3.
    pub(super) fn guarded(&mut self, id: Id, by: Id) -> Result<&mut Person, Broken> {
        let guarded = self.accounts.get_mut(&id);
        guarded
            .filter(|p| p.guardian.is_some_and(|(guardian, _)| guardian == by))
            .ok_or(vec!["not_guardian"])
    }

    /// 08 §1.5, §2.1.
    pub(super) fn set_limit(&mut self, id: Id, rate: u64, days: u8) {
        let (h, day) = (self.height, u128::from(self.rules.limit_day));
        let exempt_rate = u128::from(self.rules.exempt_fees);
        let (cap, exempt_cap) = (u128::from(rate) * day, exempt_rate * day);
        let person = self.accounts.get_mut(&id).unwrap();
        let (level, exempt) = match &person.limit {
            None => (cap, exempt_cap),
            Some(old) => {
                let (passed, old_rate) = (u128::from(h - old.last), u128::from(old.rate));
                let level = (old_rate * day).min(old.level + old_rate * passed);
                let exempt = exempt_cap.min(old.exempt + exempt_rate * passed);
                (level.min(cap), exempt)
            }
        };
        person.limit = Some(Bucket {
            rate,
            days,
            level,
            exempt,
            last: h,
        });
    }

    /// 08 §3.4.
    pub(super) fn account_due(&mut self, id: Id) {
        let h = self.height;
        let person = self.accounts.get_mut(&id).unwrap();
        let frozen = person.guardian.is_some_and(|(_, until)| h < until);
        if let Some((authority, at)) = person.recovery
            && at == h
        {
            person.authority = authority;
            person.recovery = None;
            person.pending = None;
            if let Some((_, until)) = &mut person.guardian {
                *until = 0;
            }
            return;
        }
        let Some((change, at)) = person.pending.clone() else {
            return;
        };
        if at == h && frozen {
            person.pending = None;
            return;
        }
        if let Change::Transfer { .. } = change {
            if h == at + self.rules.delay {
                person.pending = None;
            }
            return;
        }
        if at != h {
            return;
        }
        person.pending = None;
        match change {
            Change::Limit { rate, delay_days } => self.set_limit(id, rate.drops(), delay_days),
            Change::LimitRemove => person.limit = None,
            Change::Authority { authority } => person.authority = authority.0,
            Change::Guardian { guardian } => {
                person.recovery = None;
                person.guardian = guardian.map(|guardian| (guardian.0, 0));
            }
            Change::Release => {
                if let Some(name) = person.name.clone() {
                    self.release(&name);
                }
            }
            Change::Close { to } => {
                if person.name.is_none() {
                    let balance = std::mem::take(&mut person.balance);
                    person.limit = None;
                    person.guardian = None;
                    person.recovery = None;
                    person.standing = None;
                    person.authority = id;
                    self.automatic_credit(to.0, balance);
                }
            }
            Change::Transfer { .. } => unreachable!("handled above"),
        }
    }
}
