//! Actions and bodies from the JSON of transactions.json.

use sapwood_primitives::{
    AccountId, Action, Actions, AuthorityHash, Body, Commitment, Height, Name, Records,
};
use serde_json::Value;

use crate::common::{amount, array, bytes, is_some, number, optional_array, string};

fn name(case: &Value) -> Name {
    string(case, "name").parse().unwrap()
}

fn account(case: &Value, field: &str) -> AccountId {
    AccountId(array(case, field))
}

fn authority(case: &Value) -> AuthorityHash {
    AuthorityHash(array(case, "authority"))
}

/// The action that a case describes.
pub(crate) fn action(case: &Value) -> Action {
    match string(case, "type") {
        "Transfer" => Action::Transfer {
            to: account(case, "to"),
            amount: amount(case, "amount"),
        },
        "NameCommit" => Action::NameCommit {
            commitment: Commitment(array(case, "commitment")),
        },
        "NameReveal" => Action::NameReveal {
            name: name(case),
            salt: array(case, "salt"),
            years: number(case, "years"),
            max_price: amount(case, "max_price"),
        },
        "NameRenew" => Action::NameRenew {
            name: name(case),
            years: number(case, "years"),
            max_price: amount(case, "max_price"),
        },
        "RecordsSet" => Action::RecordsSet {
            records: Records::from_bytes(&bytes(case, "records")).unwrap(),
        },
        "StandingOrderSet" => Action::StandingOrderSet {
            max_price: is_some(case, "max_price").then(|| amount(case, "max_price")),
        },
        "NameTransferStart" => Action::NameTransferStart {
            to: account(case, "to"),
            quick: case["quick"].as_bool().unwrap(),
        },
        "NameTransferFinish" => Action::NameTransferFinish { name: name(case) },
        "NameReleaseStart" => Action::NameReleaseStart,
        other => safety_action(other, case),
    }
}

fn safety_action(kind: &str, case: &Value) -> Action {
    match kind {
        "LimitSet" => Action::LimitSet {
            rate: amount(case, "rate"),
            delay_days: number(case, "delay_days"),
        },
        "LimitRemove" => Action::LimitRemove,
        "GuardianSet" => Action::GuardianSet {
            guardian: optional_array(case, "guardian").map(AccountId),
        },
        "AuthorityRotate" => Action::AuthorityRotate {
            authority: authority(case),
        },
        "AccountClose" => Action::AccountClose {
            to: account(case, "to"),
        },
        "PendingCancel" => Action::PendingCancel,
        "GuardianVeto" => Action::GuardianVeto {
            account: account(case, "account"),
        },
        "GuardianFreeze" => Action::GuardianFreeze {
            account: account(case, "account"),
        },
        "GuardianRecover" => Action::GuardianRecover {
            account: account(case, "account"),
            authority: authority(case),
        },
        "GuardianCancel" => Action::GuardianCancel {
            account: account(case, "account"),
        },
        other => panic!("no action is called {other}"),
    }
}

/// The body that a case describes.
pub(crate) fn body(case: &Value) -> Body {
    let actions = case["actions"].as_array().unwrap();
    Body {
        sender: account(case, "sender"),
        nonce: number(case, "nonce"),
        valid_until: Height::new(number(case, "valid_until")),
        fee: amount(case, "fee"),
        actions: Actions::new(actions.iter().map(action).collect()).unwrap(),
    }
}
