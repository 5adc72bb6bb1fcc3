//! The bounded reader on every type that crosses a boundary (specs/01 §1): values survive, and of all other bytes each is refused or is itself an encoding.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod mutations;
mod reader;
mod values;

use parity_scale_codec::Encode;
use proptest::prelude::*;
use sapwood_primitives::codec::{Malformed, Wire, read};
use sapwood_primitives::{
    AccountId, Action, Actions, Amount, Authority, Block, Body, Header, Leaf, Records,
    SealedHeader, Transaction,
};
use std::fmt::Debug;

use mutations::{Mutation, assert_refused_or_canonical, mutation};

/// A value within its type's bound is read back from its bytes, and from no others that begin with them.
fn survives<T: Wire + PartialEq + Debug>(value: &T) {
    let bytes = value.encode();
    assert!(bytes.len() <= T::MAX_BYTES, "{} bytes", bytes.len());
    assert_eq!(read::<T>(&bytes).as_ref(), Ok(value));
    let longer = [&bytes[..], &[0]].concat();
    assert!(read::<T>(&longer).is_err(), "a byte is left over");
    let shorter = &bytes[..bytes.len() - 1];
    assert!(read::<T>(shorter).is_err(), "a byte is missing");
}

/// Round trip and mutations of one type, from a strategy for its values.
macro_rules! every_value {
    ($module:ident, $type:ty, $values:expr) => {
        mod $module {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

                #[test]
                fn survives_a_round_trip(value in $values) {
                    survives::<$type>(&value);
                }

                #[test]
                fn changed_bytes_are_refused_or_canonical(value in $values, changes in prop::collection::vec(mutation(), 1..4)) {
                    let bytes = changes.iter().fold(value.encode(), Mutation::apply);
                    assert_refused_or_canonical::<$type>(&bytes);
                }

                #[test]
                fn any_bytes_are_refused_or_canonical(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
                    assert_refused_or_canonical::<$type>(&bytes);
                }
            }

            #[test]
            fn input_above_the_bound_is_not_looked_at() {
                let (len, max) = (<$type>::MAX_BYTES + 1, <$type>::MAX_BYTES);
                assert_eq!(read::<$type>(&vec![0; len]), Err(Malformed::TooLong { len, max }));
            }
        }
    };
}

every_value!(authority, Authority, values::authority());
every_value!(header, Header, values::header());
every_value!(sealed_header, SealedHeader, values::sealed_header());
every_value!(leaf, Leaf, values::leaf());
every_value!(body, Body, values::body());
every_value!(transaction, Transaction, values::transaction());
every_value!(block, Block, values::block());

/// Where the count of actions stands in a body: after sender, nonce, last height and fee.
const COUNT: usize = 32 + 8 + 8 + 8;

fn body_of(actions: Vec<Action>) -> Body {
    Body {
        sender: AccountId([7; 32]),
        nonce: 1,
        valid_until: sapwood_primitives::Height::new(2),
        fee: Amount::from_drops(3).unwrap(),
        actions: Actions::new(actions).unwrap(),
    }
}

#[test]
fn every_single_change_of_a_rich_body_is_refused_or_canonical() {
    let records = Records::from_bytes(b"\x03www\0\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x01").unwrap();
    let bytes = body_of(vec![
        Action::RecordsSet { records },
        Action::NameTransferFinish {
            name: "alice".parse().unwrap(),
        },
        Action::StandingOrderSet {
            max_price: Some(Amount::SUPPLY),
        },
        Action::NameTransferStart {
            to: AccountId([1; 32]),
            quick: true,
        },
    ])
    .encode();
    for at in 0..bytes.len() {
        assert!(read::<Body>(&bytes[..at]).is_err(), "cut at {at}");
        for byte in 0..=255 {
            let mut changed = bytes.clone();
            changed[at] = byte;
            assert_refused_or_canonical::<Body>(&changed);
        }
        for wide in [2, 4] {
            let widened = Mutation::Widen { at, wide }.apply_at(&bytes, at);
            assert_refused_or_canonical::<Body>(&widened);
        }
    }
}

#[test]
fn a_length_has_one_form() {
    let bytes = body_of(vec![Action::LimitRemove]).encode();
    assert_eq!(bytes[COUNT], 1 << 2);
    for wide in [2, 4] {
        let widened = Mutation::Widen { at: COUNT, wide }.apply_at(&bytes, COUNT);
        assert!(widened.len() > bytes.len());
        assert!(read::<Body>(&widened).is_err(), "{wide} bytes");
    }
    let mut big_integer = bytes.clone();
    big_integer.splice(COUNT..=COUNT, [3, 1, 0, 0, 0]);
    assert!(read::<Body>(&big_integer).is_err());
}

#[test]
fn a_body_has_one_to_sixteen_actions() {
    for (count, fits) in [(0, false), (1, true), (16, true), (17, false)] {
        let mut bytes = body_of(vec![Action::LimitRemove]).encode();
        bytes.truncate(COUNT);
        bytes.push(count << 2);
        bytes.extend(std::iter::repeat_n(10, count.into()));
        assert_eq!(read::<Body>(&bytes).is_ok(), fits, "{count} actions");
    }
}

#[test]
fn a_leaf_holds_no_more_than_the_supply_and_no_broken_records() {
    let account = sapwood_primitives::leaf::Account::new(
        AccountId([7; 32]),
        Amount::SUPPLY,
        sapwood_primitives::Height::GENESIS,
    );
    let bytes = Leaf::Account(Box::new(account)).encode();
    // Tag, id, nonce and balance, then an absent authority and the length of the records.
    let (balance, records) = (1 + 32 + 8, 1 + 32 + 8 + 8 + 1);
    let mut above = bytes.clone();
    above[balance] += 1;
    assert!(read::<Leaf>(&above).is_err());
    let mut broken = bytes.clone();
    broken.splice(records..=records, [4, 0]);
    assert!(read::<Leaf>(&broken).is_err());
    let mut reserved = bytes;
    for kind in 5..=255 {
        reserved[0] = kind;
        assert!(read::<Leaf>(&reserved).is_err(), "kind {kind}");
    }
}
