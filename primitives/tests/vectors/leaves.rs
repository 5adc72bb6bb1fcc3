//! tree.json, as far as it is about leaves: their encodings, keys and coins (specs/04 §1, §5).

use parity_scale_codec::Encode;
use sapwood_primitives::codec::read;
use sapwood_primitives::hash::tagged;
use sapwood_primitives::leaf::{
    Account, Change, CoinbaseLeaf, CommitmentLeaf, Guardian, GuardianChange, Limit, NameLeaf,
    OwnerChange, System,
};
use sapwood_primitives::{AccountId, AuthorityHash, Commitment, Hash, Height, Leaf, Records};
use serde_json::Value;

use crate::common::{amount, array, bytes, cases, is_some, number, optional_array, string};

fn height(case: &Value, field: &str) -> Height {
    Height::new(number(case, field))
}

/// An option whose value is an object.
fn optional<T>(case: &Value, field: &str, build: impl Fn(&Value) -> T) -> Option<T> {
    is_some(case, field).then(|| build(&case[field]))
}

/// The leaf that a case describes.
pub(crate) fn leaf(case: &Value) -> Leaf {
    match string(case, "type") {
        "System" => Leaf::System(System {
            reserve: amount(case, "reserve"),
            rent_base: number(case, "rent_base"),
            live_names: number(case, "live_names"),
        }),
        "Account" => Leaf::Account(Box::new(account(case))),
        "Name" => Leaf::Name(NameLeaf {
            name: string(case, "name").parse().unwrap(),
            owner: optional_array(case, "owner").map(AccountId),
            paid_until: height(case, "paid_until"),
            last_price: amount(case, "last_price"),
        }),
        "Commitment" => Leaf::Commitment(CommitmentLeaf {
            hash: Commitment(array(case, "hash")),
            height: height(case, "height"),
        }),
        "Coinbase" => Leaf::Coinbase(CoinbaseLeaf {
            height: height(case, "height"),
            payee: AccountId(array(case, "payee")),
            amount: amount(case, "amount"),
        }),
        other => panic!("no leaf is called {other}"),
    }
}

fn account(case: &Value) -> Account {
    Account {
        id: AccountId(array(case, "id")),
        nonce: number(case, "nonce"),
        balance: amount(case, "balance"),
        authority: optional_array(case, "authority").map(AuthorityHash),
        records: Records::from_bytes(&bytes(case, "records")).unwrap(),
        name: optional(case, "name", |name| name.as_str().unwrap().parse().unwrap()),
        limit: optional(case, "limit", limit),
        guardian: optional(case, "guardian", |guardian| {
            Box::new(Guardian {
                account: AccountId(array(guardian, "account")),
                frozen_until: height(guardian, "frozen_until"),
            })
        }),
        owner_change: optional(case, "owner_change", |pending| {
            Box::new(OwnerChange {
                change: change(&pending["change"]),
                effective: height(pending, "effective"),
            })
        }),
        guardian_change: optional(case, "guardian_change", |pending| {
            Box::new(GuardianChange {
                authority: AuthorityHash(array(pending, "authority")),
                effective: height(pending, "effective"),
            })
        }),
        standing_order: is_some(case, "standing_order").then(|| amount(case, "standing_order")),
        holds: number(case, "holds"),
    }
}

fn limit(case: &Value) -> Limit {
    Limit {
        rate: amount(case, "rate"),
        delay_days: number(case, "delay_days"),
        level: number(case, "level"),
        exempt_level: number(case, "exempt_level"),
        last: height(case, "last"),
    }
}

fn change(case: &Value) -> Change {
    match string(case, "type") {
        "Limit" => Change::Limit {
            rate: amount(case, "rate"),
            delay_days: number(case, "delay_days"),
        },
        "LimitRemove" => Change::LimitRemove,
        "Authority" => Change::Authority {
            authority: AuthorityHash(array(case, "authority")),
        },
        "Guardian" => Change::Guardian {
            guardian: optional_array(case, "guardian").map(AccountId),
        },
        "Transfer" => Change::Transfer {
            to: AccountId(array(case, "to")),
        },
        "Release" => Change::Release,
        "Close" => Change::Close {
            to: AccountId(array(case, "to")),
        },
        other => panic!("no change is called {other}"),
    }
}

#[test]
fn leaves_have_the_vectors_bytes() {
    for case in cases("tree.json", "leaves") {
        let leaf = leaf(&case["leaf"]);
        assert_eq!(leaf.encode(), bytes(&case, "value"), "{case}");
        assert_eq!(read(&bytes(&case, "value")), Ok(leaf), "{case}");
    }
}

#[test]
fn leaves_stand_under_the_vectors_keys_and_hold_their_coins() {
    for case in cases("tree.json", "leaves") {
        let leaf = leaf(&case["leaf"]);
        assert_eq!(leaf.key(), Hash(array(&case, "key")), "{case}");
        assert_eq!(leaf.coins(), amount(&case, "coins"), "{case}");
    }
}

#[test]
fn keys_bind_the_kind_and_the_id() {
    for case in cases("tree.json", "keys") {
        let tag = format!("sapwood/key/{}", string(&case, "kind"));
        let key = tagged(&tag, &[&bytes(&case, "id")]);
        assert_eq!(key, array(&case, "key"), "{case}");
    }
}
