//! Short ways to write actions down.

use super::Person;
use sapwood_primitives::records::{Entry, Records};
use sapwood_primitives::{Action, Amount, Commitment, Name};
use sapwood_runtime::commitment;

/// The salt of every commitment in the tests.
const SALT: [u8; 32] = [7; 32];

/// No price is above this.
pub(crate) const ANY_PRICE: u64 = 8_400_000_000_000_000;

pub(crate) fn drops(n: u64) -> Amount {
    Amount::from_drops(n).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_bytes(text.as_bytes()).unwrap()
}

pub(crate) fn transfer(to: &Person, amount: u64) -> Action {
    Action::Transfer {
        to: to.id,
        amount: drops(amount),
    }
}

pub(crate) fn hidden(text: &str, who: &Person) -> Commitment {
    commitment(&name(text), &who.id, &SALT)
}

pub(crate) fn commit(text: &str, who: &Person) -> Action {
    Action::NameCommit {
        commitment: hidden(text, who),
    }
}

pub(crate) fn reveal(text: &str, years: u8, max_price: u64) -> Action {
    Action::NameReveal {
        name: name(text),
        salt: SALT,
        years,
        max_price: drops(max_price),
    }
}

pub(crate) fn renew(text: &str, years: u8, max_price: u64) -> Action {
    Action::NameRenew {
        name: name(text),
        years,
        max_price: drops(max_price),
    }
}

/// Records of one entry whose data has this many bytes.
pub(crate) fn records(data: usize) -> Action {
    let entry = Entry {
        owner: vec![0],
        rtype: 16,
        ttl: 60,
        rdata: vec![b'x'; data],
    };
    Action::RecordsSet {
        records: Records::from_entries(vec![entry]).unwrap(),
    }
}

pub(crate) fn standing(max_price: Option<u64>) -> Action {
    Action::StandingOrderSet {
        max_price: max_price.map(drops),
    }
}

pub(crate) fn offer(to: &Person) -> Action {
    Action::NameTransferStart {
        to: to.id,
        quick: false,
    }
}

pub(crate) fn quick_offer(to: &Person) -> Action {
    Action::NameTransferStart {
        to: to.id,
        quick: true,
    }
}

pub(crate) fn take(text: &str) -> Action {
    Action::NameTransferFinish { name: name(text) }
}

pub(crate) fn limit(rate: u64, delay_days: u8) -> Action {
    Action::LimitSet {
        rate: drops(rate),
        delay_days,
    }
}

pub(crate) fn guardian(who: &Person) -> Action {
    Action::GuardianSet {
        guardian: Some(who.id),
    }
}

pub(crate) fn rotate(to: &Person) -> Action {
    Action::AuthorityRotate {
        authority: to.authority(),
    }
}

pub(crate) fn close(to: &Person) -> Action {
    Action::AccountClose { to: to.id }
}

pub(crate) fn veto(account: &Person) -> Action {
    Action::GuardianVeto {
        account: account.id,
    }
}

pub(crate) fn freeze(account: &Person) -> Action {
    Action::GuardianFreeze {
        account: account.id,
    }
}

pub(crate) fn recover(account: &Person, to: &Person) -> Action {
    Action::GuardianRecover {
        account: account.id,
        authority: to.authority(),
    }
}

pub(crate) fn guardian_cancel(account: &Person) -> Action {
    Action::GuardianCancel {
        account: account.id,
    }
}
