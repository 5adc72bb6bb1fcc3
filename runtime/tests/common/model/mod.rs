//! A naive model of specs/05, 06 and 08 §1 to §4, written from their text: plain maps, everything looked at in every block, whole copies where something may fail.
//!
//! A refusal is the list of *all* rules that are broken at the first bad step, since the rules do not say which of them comes first within an action. Form, fee and signature (05 §3.1) are left to other tests.

mod leaves;
mod names;
mod protection;

use sapwood_primitives::chain::Consensus;
use sapwood_primitives::hash::tagged;
use sapwood_primitives::leaf::Change;
use sapwood_primitives::{AccountId, Action, Amount, Body, Records, Transaction};
use std::collections::BTreeMap;

type Id = [u8; 32];
/// Codes of the rules that are broken.
type Broken = Vec<&'static str>;
type Outcome = Result<(), Broken>;

#[derive(Clone, Debug, PartialEq)]
struct Bucket {
    rate: u64,
    days: u8,
    level: u128,
    exempt: u128,
    last: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    pub(crate) nonce: u64,
    pub(crate) balance: u64,
    /// Hash of the authority that must sign now.
    pub(crate) authority: Id,
    records: Records,
    pub(crate) name: Option<String>,
    limit: Option<Bucket>,
    /// The guardian and the end of its freeze.
    pub(crate) guardian: Option<(Id, u64)>,
    pub(crate) pending: Option<(Change, u64)>,
    recovery: Option<(Id, u64)>,
    standing: Option<u64>,
}

impl Person {
    /// 05 §4.4.
    fn keeps_deposit(&self, id: &Id) -> bool {
        let rotates = matches!(self.pending, Some((Change::Authority { .. }, _)));
        self.limit.is_some() || self.authority != *id || rotates || self.recovery.is_some()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Term {
    pub(crate) owner: Option<Id>,
    until: u64,
    last_price: u128,
}

/// The whole state, at a height.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model {
    rules: Consensus,
    pub(crate) height: u64,
    reserve: u64,
    rent_base: u128,
    pub(crate) accounts: BTreeMap<Id, Person>,
    pub(crate) names: BTreeMap<String, Term>,
    pub(crate) commitments: BTreeMap<Id, u64>,
    coinbases: BTreeMap<u64, (Id, u64)>,
    // Of the block being made:
    fees: u64,
    burned: u64,
    registrations: u64,
    commits: u64,
}

/// Something that a height brings by itself.
enum Due {
    Name(String),
    Account(Id),
    Commitment(Id),
}

fn require(holds: bool, code: &'static str) -> Outcome {
    if holds { Ok(()) } else { Err(vec![code]) }
}

fn all(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
    let broken: Broken = outcomes
        .into_iter()
        .filter_map(Result::err)
        .flatten()
        .collect();
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken)
    }
}

impl Model {
    /// specs/02 §6.2.
    pub(crate) fn genesis(rules: &Consensus) -> Self {
        Self {
            rules: rules.clone(),
            height: 0,
            reserve: 8_400_000_000_000_000,
            rent_base: u128::from(rules.rent_start) << 32,
            accounts: BTreeMap::new(),
            names: BTreeMap::new(),
            commitments: BTreeMap::new(),
            coinbases: BTreeMap::new(),
            fees: 0,
            burned: 0,
            registrations: 0,
            commits: 0,
        }
    }

    /// 05 §6, steps 1 and 2: the model at the next height, before its transactions.
    pub(crate) fn begin(&self) -> Self {
        let mut next = Self {
            height: self.height + 1,
            fees: 0,
            burned: 0,
            registrations: 0,
            commits: 0,
            ..self.clone()
        };
        let mature = next.height.checked_sub(next.rules.delay);
        if let Some((payee, amount)) = mature.and_then(|h| next.coinbases.remove(&h)) {
            next.automatic_credit(payee, amount);
        }
        for (_, due) in self.due(next.height) {
            match due {
                Due::Name(name) => next.name_due(&name),
                Due::Account(id) => next.account_due(id),
                Due::Commitment(hash) => {
                    next.commitments.remove(&hash);
                }
            }
        }
        next
    }

    /// 05 §6, last paragraphs: what the leaves bring at `h`, by key.
    fn due(&self, h: u64) -> BTreeMap<Id, Due> {
        let rules = &self.rules;
        let mut due = BTreeMap::new();
        for (name, term) in &self.names {
            let release = term.until + rules.suspension;
            let end = term.until + rules.premium_step * rules.premium_steps;
            if match term.owner {
                Some(_) => h == term.until || h == release - 1 || h == release,
                None => h == end,
            } {
                due.insert(
                    tagged("sapwood/key/name", &[name.as_bytes()]),
                    Due::Name(name.clone()),
                );
            }
        }
        for (hash, made) in &self.commitments {
            if h == made + rules.commit_max + 1 {
                due.insert(
                    tagged("sapwood/key/commitment", &[hash]),
                    Due::Commitment(*hash),
                );
            }
        }
        for (id, person) in &self.accounts {
            let owner = person.pending.as_ref().is_some_and(|(change, at)| {
                h == *at || matches!(change, Change::Transfer { .. }) && h == at + rules.delay
            });
            if owner || person.recovery.is_some_and(|(_, at)| h == at) {
                due.insert(tagged("sapwood/key/account", &[id]), Due::Account(*id));
            }
        }
        due
    }

    /// 05 §6, steps 4 to 6.
    pub(crate) fn end(mut self, parent: &Self, payee: AccountId) -> Self {
        let gone: Vec<Id> = self
            .accounts
            .iter()
            .filter(|(id, p)| {
                p.balance < self.rules.existential_deposit
                    && p.name.is_none()
                    && p.limit.is_none()
                    && p.authority == **id
                    && p.pending.is_none()
                    && p.recovery.is_none()
            })
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.burned += self.accounts.remove(&id).unwrap().balance;
        }
        let ramp = u128::from(self.rules.ramp);
        let full = u128::from(parent.reserve >> 22);
        let reward = (full * u128::from(self.height).min(ramp) / ramp) as u64;
        self.reserve = parent.reserve - reward + self.burned;
        self.coinbases
            .insert(self.height, (payee.0, reward + self.fees));
        // 06 §7.3
        let goal = u128::from(self.rules.target_registrations).max(self.live_names() / 200);
        self.rent_base -= self.rent_base / u128::from(self.rules.rent_fall);
        self.rent_base += 2 * u128::from(self.registrations) * self.rent_base / (17 * goal);
        self.rent_base = self
            .rent_base
            .max(u128::from(self.rules.rent_floor) << 32)
            .min(8_400_000_000_000_000 << 32);
        self
    }

    fn live_names(&self) -> u128 {
        self.names.values().filter(|t| t.owner.is_some()).count() as u128
    }

    /// 05 §3.2 to §3.6.
    pub(crate) fn transaction(&mut self, tx: &Transaction) -> Outcome {
        let mut next = self.clone();
        next.try_transaction(tx)?;
        *self = next;
        Ok(())
    }

    fn try_transaction(&mut self, tx: &Transaction) -> Outcome {
        let (h, body) = (self.height, &tx.body);
        // 05 §1.3
        let commits = body.actions.iter();
        let commits = commits.filter(|a| matches!(a, Action::NameCommit { .. }));
        require(commits.count() <= 1, "many_commits")?;
        require(h <= body.valid_until.get(), "expired")?;
        require(
            body.valid_until.get() <= h + self.rules.validity,
            "valid_too_long",
        )?;
        let Some(sender) = self.accounts.get_mut(&body.sender.0) else {
            return Err(vec!["no_account"]);
        };
        all([
            require(
                tx.authority().hash().0 == sender.authority,
                "wrong_authority",
            ),
            require(body.nonce >= sender.nonce, "nonce_used"),
            require(body.nonce <= sender.nonce, "nonce_gap"),
        ])?;
        let frozen = sender.guardian.is_some_and(|(_, until)| h < until);
        let only_cancels = body.actions.iter().all(|a| a == Action::PendingCancel);
        require(!frozen || only_cancels, "frozen")?;
        let most = self.rules.exempt_fees;
        require(!frozen || body.fee.drops() <= most, "frozen_fee")?;
        sender.nonce += 1;
        let protective = body.actions.iter().all(|action| {
            matches!(
                action,
                Action::LimitSet { .. }
                    | Action::LimitRemove
                    | Action::PendingCancel
                    | Action::GuardianVeto { .. }
                    | Action::GuardianFreeze { .. }
                    | Action::GuardianCancel { .. }
            )
        });
        let fee = u128::from(body.fee.drops());
        self.spend(body.sender.0, fee, protective, false)?;
        self.fees += body.fee.drops();
        for action in body.actions.iter() {
            self.act(body, &action)?;
        }
        Ok(())
    }

    /// 08 §1 and the last sentence of 05 §3.6.
    fn spend(&mut self, id: Id, amount: u128, protective: bool, free: bool) -> Outcome {
        let (h, day) = (self.height, u128::from(self.rules.limit_day));
        let deposit = u128::from(self.rules.existential_deposit);
        let exempt_rate = u128::from(self.rules.exempt_fees);
        let person = self.accounts.get_mut(&id).unwrap();
        let balance = u128::from(person.balance);
        let mut broken = Vec::new();
        if amount > balance {
            broken.push("insufficient");
        }
        if amount > 0 && person.keeps_deposit(&id) && amount + deposit > balance {
            broken.push("below_deposit");
        }
        if let Some(limit) = person.limit.as_mut().filter(|_| amount > 0 && !free) {
            let passed = u128::from(h - limit.last);
            let rate = u128::from(limit.rate);
            limit.level = (rate * day).min(limit.level + rate * passed);
            limit.exempt = (exempt_rate * day).min(limit.exempt + exempt_rate * passed);
            limit.last = h;
            if protective && amount * day <= limit.exempt {
                limit.exempt -= amount * day;
            } else if amount * day <= limit.level {
                limit.level -= amount * day;
            } else {
                broken.push("over_limit");
            }
        }
        if broken.is_empty() {
            person.balance -= amount as u64;
            Ok(())
        } else {
            Err(broken)
        }
    }

    /// 05 §4.2.
    fn credit(&mut self, to: Id, amount: u64) -> Outcome {
        if let Some(person) = self.accounts.get_mut(&to) {
            person.balance += amount;
            return Ok(());
        }
        let least = self.rules.creation_burn + self.rules.existential_deposit;
        require(amount >= least, "creation_too_small")?;
        self.burned += self.rules.creation_burn;
        let person = Person {
            nonce: self.height * 65_536,
            balance: amount - self.rules.creation_burn,
            authority: to,
            records: Records::default(),
            name: None,
            limit: None,
            guardian: None,
            pending: None,
            recovery: None,
            standing: None,
        };
        self.accounts.insert(to, person);
        Ok(())
    }

    fn automatic_credit(&mut self, to: Id, amount: u64) {
        if self.credit(to, amount).is_err() {
            self.burned += amount;
        }
    }

    fn act(&mut self, body: &Body, action: &Action) -> Outcome {
        let (h, id) = (self.height, body.sender.0);
        let (delay, deposit) = (self.delay_of(id), self.rules.existential_deposit);
        let sender = self.accounts.get_mut(&id).unwrap();
        match action {
            Action::Transfer { to, amount } => {
                require(amount.drops() > 0, "zero_amount")?;
                self.spend(id, u128::from(amount.drops()), false, false)?;
                self.credit(to.0, amount.drops())
            }
            Action::NameCommit { commitment } => {
                self.commits += 1;
                self.commitments.entry(commitment.0).or_insert(h);
                require(self.commits <= 200, "block_full")
            }
            Action::NameReveal {
                name,
                salt,
                years,
                max_price,
            } => self.reveal(id, name.as_str(), salt, *years, max_price.drops()),
            Action::NameRenew {
                name,
                years,
                max_price,
            } => self.renew(id, name.as_str(), *years, max_price.drops()),
            Action::RecordsSet { records } => {
                sender.records = records.clone();
                Ok(())
            }
            Action::StandingOrderSet { max_price } => {
                sender.standing = max_price.map(Amount::drops);
                Ok(())
            }
            Action::NameTransferStart { to, quick } => {
                all([
                    require(sender.name.is_some(), "no_name"),
                    require(to.0 != id, "to_self"),
                    require(
                        !quick || sender.limit.is_none() && sender.guardian.is_none(),
                        "quick_with_limit",
                    ),
                ])?;
                let quick_wait = self.rules.quick_transfer;
                let wait = if *quick { quick_wait } else { delay };
                self.pend(id, Change::Transfer { to: *to }, wait)
            }
            Action::NameTransferFinish { name } => self.take(id, name.as_str()),
            Action::NameReleaseStart => {
                require(sender.name.is_some(), "no_name")?;
                self.pend(id, Change::Release, delay)
            }
            Action::LimitSet { rate, delay_days } => {
                let (rate, days) = (*rate, *delay_days);
                require((1..=30).contains(&days), "limit_range")?;
                let at_once = sender
                    .limit
                    .as_ref()
                    .is_none_or(|l| rate.drops() <= l.rate && days >= l.days);
                if at_once {
                    let has_limit = sender.limit.is_some();
                    require(has_limit || sender.balance >= deposit, "below_deposit")?;
                    if let Some((Change::Limit { .. } | Change::LimitRemove, _)) = sender.pending
                        && has_limit
                    {
                        sender.pending = None;
                    }
                    self.set_limit(id, rate.drops(), days);
                    return Ok(());
                }
                let delay_days = days;
                self.pend(id, Change::Limit { rate, delay_days }, delay)
            }
            Action::LimitRemove => {
                require(sender.limit.is_some(), "no_limit")?;
                self.pend(id, Change::LimitRemove, delay)
            }
            Action::GuardianSet { guardian } => {
                let guardian = *guardian;
                require(guardian != Some(body.sender), "to_self")?;
                self.pend(id, Change::Guardian { guardian }, delay)
            }
            Action::AuthorityRotate { authority } => {
                let authority = *authority;
                let poor = sender.balance < deposit;
                all([
                    require(!poor, "below_deposit"),
                    require(sender.pending.is_none(), "change_pending"),
                ])?;
                self.pend(id, Change::Authority { authority }, delay)
            }
            Action::AccountClose { to } => {
                require(to.0 != id, "to_self")?;
                self.pend(id, Change::Close { to: *to }, delay)
            }
            Action::PendingCancel => require(sender.pending.take().is_some(), "nothing_pending"),
            Action::GuardianVeto { account } => {
                let guarded = self.guarded(account.0, id)?;
                require(guarded.pending.take().is_some(), "nothing_pending")
            }
            Action::GuardianFreeze { account } => {
                let until = h + self.rules.delay;
                self.guarded(account.0, id)?.guardian = Some((id, until));
                Ok(())
            }
            Action::GuardianRecover { account, authority } => {
                let effective = h + self.rules.delay;
                let guarded = self.guarded(account.0, id)?;
                all([
                    require(guarded.recovery.is_none(), "change_pending"),
                    require(guarded.balance >= deposit, "below_deposit"),
                ])?;
                guarded.recovery = Some((authority.0, effective));
                Ok(())
            }
            Action::GuardianCancel { account } => {
                let guarded = self.guarded(account.0, id)?;
                require(guarded.recovery.take().is_some(), "nothing_pending")
            }
        }
    }
}
