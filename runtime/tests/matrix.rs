//! Every action in every phase of a name: one table of outcomes, and pairs of actions that meet in one block.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use sapwood_primitives::{Action, Commitment};

/// What stands about the name `alice` when an action is tried.
#[derive(Clone, Copy, Debug)]
enum Situation {
    /// Nobody has it.
    Available,
    /// Alice's commitment to it is old enough.
    Committed,
    /// Alice owns it.
    Active,
    /// Alice owns it, and its term is over.
    Suspended,
    /// It has just been released; Alice's new commitment is old enough.
    Released,
    /// Alice owns it and offered it to Bob, who may take it now.
    Offered,
    /// Alice owns it and is giving it up.
    Leaving,
}
use Situation::{Active, Available, Committed, Leaving, Offered, Released, Suspended};

/// In the order of the table's columns.
const SITUATIONS: [Situation; 7] = [
    Available, Committed, Active, Suspended, Released, Offered, Leaving,
];

struct Cast {
    alice: Person,
    /// Has money, no name, and an old enough commitment to `alice` of his own.
    bob: Person,
    /// Alice's guardian.
    carol: Person,
}

fn cast() -> Cast {
    Cast {
        alice: person(1),
        bob: person(2),
        carol: person(3),
    }
}

/// A chain whose next block is in this situation.
fn situation(which: Situation) -> (Ledger, Cast) {
    let cast = cast();
    let Cast { alice, bob, carol } = &cast;
    let mut ledger = Ledger::tour_with(&[alice, bob, carol], sap(40));
    ledger.act(alice, vec![guardian(carol)]);
    ledger.wait(4);
    if !matches!(which, Available | Committed) {
        ledger.register(alice, "alice", 1);
    }
    match which {
        Suspended => ledger.wait(42),
        Released => ledger.wait(48),
        _ => {}
    }
    let before = match which {
        Available | Active | Suspended => Vec::new(),
        Committed | Released => vec![commit("alice", alice)],
        Offered => vec![offer(bob)],
        Leaving => vec![Action::NameReleaseStart],
    };
    let mut txs = vec![ledger.tx(bob, vec![commit("alice", bob)])];
    if !before.is_empty() {
        txs.push(ledger.tx(alice, before));
    }
    ledger.mine(txs);
    ledger.wait(if matches!(which, Offered) { 3 } else { 1 });
    (ledger, cast)
}

type Row = (
    &'static str,
    fn(&Cast) -> (&Person, Action),
    [&'static str; 7],
);

#[rustfmt::skip]
const NO_NAME: [&str; 7] = ["no_name", "no_name", "ok", "ok", "no_name", "change_pending", "change_pending"];
const ALL_OK: [&str; 7] = ["ok"; 7];
const NEEDS_SLOT: [&str; 7] = [
    "ok",
    "ok",
    "ok",
    "ok",
    "ok",
    "change_pending",
    "change_pending",
];
#[rustfmt::skip]
const EMPTIES_SLOT: [&str; 7] = [
    "nothing_pending", "nothing_pending", "nothing_pending", "nothing_pending", "nothing_pending", "ok", "ok",
];

/// Who does what, and what comes of it in each situation.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("transfer", |c| (&c.alice, transfer(&c.bob, 1)), ALL_OK),
    (
        "commit to it again",
        |c| (&c.alice, commit("alice", &c.alice)),
        ALL_OK,
    ),
    (
        "reveal by its owner or by who committed",
        |c| (&c.alice, reveal("alice", 1, ANY_PRICE)),
        ["no_commitment", "ok", "has_name", "has_name", "ok", "has_name", "has_name"],
    ),
    (
        "reveal by another who committed",
        |c| (&c.bob, reveal("alice", 1, ANY_PRICE)),
        ["ok", "ok", "name_taken", "name_taken", "ok", "name_taken", "name_taken"],
    ),
    (
        "renew by another",
        |c| (&c.bob, renew("alice", 1, ANY_PRICE)),
        ["not_registered", "not_registered", "ok", "ok", "not_registered", "ok", "ok"],
    ),
    (
        "renew by its owner",
        |c| (&c.alice, renew("alice", 1, ANY_PRICE)),
        ["not_registered", "not_registered", "ok", "ok", "not_registered", "ok", "ok"],
    ),
    ("records", |c| (&c.alice, records(3)), ALL_OK),
    ("standing order", |c| (&c.alice, standing(Some(1))), ALL_OK),
    ("offer", |c| (&c.alice, offer(&c.bob)), NO_NAME),
    (
        "quick offer in spite of a guardian",
        |c| (&c.alice, quick_offer(&c.bob)),
        [
            "no_name", "no_name", "quick_with_limit", "quick_with_limit", "no_name", "quick_with_limit",
            "quick_with_limit",
        ],
    ),
    (
        "take by who may be offered it",
        |c| (&c.bob, take("alice")),
        ["not_registered", "not_registered", "not_offered", "not_offered", "not_registered", "ok", "not_offered"],
    ),
    (
        "take by somebody else",
        |c| (&c.carol, take("alice")),
        [
            "not_registered", "not_registered", "not_offered", "not_offered", "not_registered", "not_offered",
            "not_offered",
        ],
    ),
    ("give up", |c| (&c.alice, Action::NameReleaseStart), NO_NAME),
    ("set a limit", |c| (&c.alice, limit(sap(1), 1)), ALL_OK),
    (
        "remove the limit that is not there",
        |c| (&c.alice, Action::LimitRemove),
        ["no_limit"; 7],
    ),
    ("change the guardian", |c| (&c.alice, guardian(&c.bob)), NEEDS_SLOT),
    ("rotate", |c| (&c.alice, rotate(&c.bob)), NEEDS_SLOT),
    ("close", |c| (&c.alice, close(&c.bob)), NEEDS_SLOT),
    ("cancel", |c| (&c.alice, Action::PendingCancel), EMPTIES_SLOT),
    ("veto", |c| (&c.carol, veto(&c.alice)), EMPTIES_SLOT),
    ("freeze", |c| (&c.carol, freeze(&c.alice)), ALL_OK),
    ("recover", |c| (&c.carol, recover(&c.alice, &c.bob)), ALL_OK),
    (
        "cancel a recovery that was not begun",
        |c| (&c.carol, guardian_cancel(&c.alice)),
        ["nothing_pending"; 7],
    ),
];

#[test]
fn every_action_in_every_situation_has_the_outcome_of_the_table() {
    for (column, which) in SITUATIONS.into_iter().enumerate() {
        let (ledger, cast) = situation(which);
        for (what, who_and_action, outcomes) in TABLE {
            let (who, action) = who_and_action(&cast);
            let outcome = ledger.outcome(who, vec![action]);
            assert_eq!(outcome, outcomes[column], "{what} while {which:?}");
        }
    }
}

#[test]
fn the_table_has_every_action() {
    let tags: std::collections::BTreeSet<u8> = TABLE
        .iter()
        .map(|(_, action, _)| parity_scale_codec::Encode::encode(&action(&cast()).1)[0])
        .collect();
    assert_eq!(tags, (0..19).collect());
}

/// Two actions after one another, each by its own sender, and what comes of the second.
type Pair = (Situation, fn(&Cast) -> [(&Person, Action); 2], &'static str);

#[rustfmt::skip]
const PAIRS: &[Pair] = &[
    (
        Committed,
        |c| [(&c.alice, reveal("alice", 1, ANY_PRICE)), (&c.alice, reveal("alice", 1, ANY_PRICE))],
        "has_name",
    ),
    (
        Committed,
        |c| [(&c.alice, reveal("alice", 1, ANY_PRICE)), (&c.bob, reveal("alice", 1, ANY_PRICE))],
        "name_taken",
    ),
    (
        Committed,
        |c| [(&c.alice, reveal("alice", 1, ANY_PRICE)), (&c.alice, renew("alice", 1, ANY_PRICE))],
        "ok",
    ),
    (
        Committed,
        |c| [(&c.alice, reveal("alice", 1, ANY_PRICE)), (&c.alice, Action::NameReleaseStart)],
        "ok",
    ),
    (
        Committed,
        |c| [(&c.alice, reveal("alice", 1, ANY_PRICE)), (&c.bob, take("alice"))],
        "not_offered",
    ),
    (
        Released,
        |c| [(&c.bob, reveal("alice", 1, ANY_PRICE)), (&c.alice, reveal("alice", 1, ANY_PRICE))],
        "name_taken",
    ),
    (
        Active,
        |c| [(&c.alice, renew("alice", 1, ANY_PRICE)), (&c.bob, renew("alice", 1, ANY_PRICE))],
        "ok",
    ),
    (
        Suspended,
        |c| [(&c.bob, renew("alice", 10, ANY_PRICE)), (&c.alice, renew("alice", 1, ANY_PRICE))],
        "too_far_ahead",
    ),
    (
        Active,
        |c| [(&c.alice, offer(&c.bob)), (&c.alice, offer(&c.bob))],
        "change_pending",
    ),
    (
        Active,
        |c| [(&c.alice, offer(&c.bob)), (&c.alice, Action::NameReleaseStart)],
        "change_pending",
    ),
    (
        Active,
        |c| [(&c.alice, Action::NameReleaseStart), (&c.alice, Action::NameReleaseStart)],
        "change_pending",
    ),
    (
        Active,
        |c| [(&c.alice, offer(&c.bob)), (&c.bob, take("alice"))],
        "offer_too_young",
    ),
    (
        Active,
        |c| [(&c.alice, offer(&c.bob)), (&c.alice, Action::PendingCancel)],
        "ok",
    ),
    (
        Active,
        |c| [(&c.alice, offer(&c.bob)), (&c.carol, veto(&c.alice))],
        "ok",
    ),
    (
        Offered,
        |c| [(&c.bob, take("alice")), (&c.bob, take("alice"))],
        "not_offered",
    ),
    (
        Offered,
        |c| [(&c.bob, take("alice")), (&c.alice, Action::NameReleaseStart)],
        "no_name",
    ),
    (
        Offered,
        |c| [(&c.bob, take("alice")), (&c.alice, Action::PendingCancel)],
        "nothing_pending",
    ),
    (
        Offered,
        |c| [(&c.bob, take("alice")), (&c.bob, offer(&c.alice))],
        "ok",
    ),
    (
        Offered,
        |c| [(&c.bob, take("alice")), (&c.bob, reveal("alice", 1, ANY_PRICE))],
        "has_name",
    ),
    (
        Offered,
        |c| [(&c.alice, Action::PendingCancel), (&c.bob, take("alice"))],
        "not_offered",
    ),
    (
        Offered,
        |c| [(&c.carol, veto(&c.alice)), (&c.bob, take("alice"))],
        "not_offered",
    ),
    (
        Offered,
        |c| [(&c.carol, freeze(&c.alice)), (&c.bob, take("alice"))],
        "owner_frozen",
    ),
    (
        Leaving,
        |c| [(&c.alice, Action::PendingCancel), (&c.alice, Action::PendingCancel)],
        "nothing_pending",
    ),
    (
        Leaving,
        |c| [(&c.alice, Action::PendingCancel), (&c.alice, offer(&c.bob))],
        "ok",
    ),
    (
        Available,
        |c| [(&c.carol, recover(&c.alice, &c.bob)), (&c.carol, recover(&c.alice, &c.bob))],
        "change_pending",
    ),
    (
        Available,
        |c| [(&c.carol, recover(&c.alice, &c.bob)), (&c.carol, guardian_cancel(&c.alice))],
        "ok",
    ),
];

#[test]
fn two_actions_meet_in_one_block_and_in_one_transaction_alike() {
    for (number, (which, pair, expected)) in PAIRS.iter().enumerate() {
        let (ledger, cast) = situation(*which);
        let [(first_by, first), (second_by, second)] = pair(&cast);
        let same = first_by.id == second_by.id;
        let txs = vec![
            ledger.tx(first_by, vec![first.clone()]),
            ledger.tx_after(second_by, u64::from(same), vec![second.clone()]),
        ];
        let taken = ledger.template(txs.clone()).transactions.len();
        assert!(taken >= 1, "the first of pair {number} is valid");
        let outcome = if taken == 2 {
            ledger.clone().mine(txs);
            "ok"
        } else {
            ledger.forced_failure(txs).1.code()
        };
        assert_eq!(outcome, *expected, "pair {number} in two transactions");
        if same {
            let outcome = ledger.outcome(first_by, vec![first, second]);
            assert_eq!(outcome, *expected, "pair {number} in one transaction");
        }
    }
}

#[test]
fn a_transaction_that_fails_late_leaves_no_trace() {
    let (ledger, Cast { alice, bob, .. }) = situation(Committed);
    let unknown = Commitment([9; 32]);
    // Everything before the last action is undone with it: the block is the same as without.
    let late = ledger.tx(
        &alice,
        vec![
            transfer(&person(50), sap(2)),
            Action::NameCommit {
                commitment: unknown,
            },
            reveal("alice", 1, ANY_PRICE),
            limit(sap(1), 1),
            Action::PendingCancel,
        ],
    );
    assert_eq!(ledger.refused(late.clone()), "nothing_pending");
    let other = ledger.tx(&bob, vec![reveal("alice", 1, ANY_PRICE)]);
    let with = ledger.template(vec![late, other.clone()]);
    assert_eq!(with, ledger.template(vec![other]));
}
