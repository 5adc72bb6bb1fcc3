//! A chain that is opened again goes on where it was.

use super::kit::*;
use crate::chain::{At, Ledger, Outcome};
use sapwood_store::disk::Simulated;

/// A disk with 14 blocks, and what it should hold.
fn stored() -> (Simulated, Ledger, Replica) {
    let (chain, disk) = (chain(), Simulated::new());
    let mut replica = Replica::new(&chain);
    let mut ledger = ledger_on(&disk, &chain);
    extend(&mut ledger, &replica.mine_many(1, 14));
    (disk, ledger, replica)
}

#[test]
fn an_opened_store_goes_on_where_it_was() {
    for in_good_order in [true, false] {
        let (disk, ledger, mut replica) = stored();
        match in_good_order {
            true => ledger.close().unwrap(),
            false => drop(ledger),
        }
        let mut ledger = ledger_on(&disk, &replica.chain);
        assert_same(&ledger, &replica);
        extend(&mut ledger, &replica.mine_many(1, 3));
        assert_same(&ledger, &replica);
    }
}

#[test]
fn the_trusted_state_is_known_again_after_a_start() {
    let (disk, ledger, replica) = stored();
    let trusted = ledger.snapshot().at(At::Trusted).link.clone();
    assert_eq!(trusted.height.get(), 12);
    drop(ledger);
    let ledger = ledger_on(&disk, &replica.chain);
    let snapshot = ledger.snapshot();
    let moment = snapshot.at(At::Trusted);
    assert_eq!(moment.link, trusted);
    for key in replica.leaves.keys() {
        moment.witness(key).unwrap();
    }
}

#[test]
fn side_blocks_are_known_again_and_can_win_after_a_start() {
    let (disk, mut ledger, replica) = stored();
    let (mut own, mut other) = (replica.clone(), replica);
    extend(&mut ledger, &own.mine_many(1, 2));
    let branch = other.mine_many(2, 3);
    for block in &branch[..2] {
        assert_eq!(ledger.submit(block.clone(), NOW), Ok(Outcome::Side));
    }
    drop(ledger);
    let mut ledger = ledger_on(&disk, &own.chain);
    assert_same(&ledger, &own);
    assert_eq!(ledger.submit(branch[0].clone(), NOW), Ok(Outcome::Known));
    let won = ledger.submit(branch[2].clone(), NOW);
    assert!(matches!(won, Ok(Outcome::Connected(_))));
    assert_same(&ledger, &other);
}

#[test]
fn an_invalid_branch_leaves_nothing_that_is_met_after_a_start() {
    let (disk, mut ledger, replica) = stored();
    let (mut own, mut other) = (replica.clone(), replica);
    extend(&mut ledger, &own.mine_many(1, 1));
    let mut bad = other.template(2, vec![]);
    bad.header.header.state_root = sapwood_primitives::Hash([7; 32]);
    grind(&mut bad);
    assert_eq!(ledger.submit(bad.clone(), NOW), Ok(Outcome::Side));
    other.link = sapwood_runtime::check_header(&other.chain, &other.link, &bad.header).unwrap();
    let child = other.mine(2, vec![]);
    assert!(ledger.submit(child.clone(), NOW).is_err());
    drop(ledger);
    let mut ledger = ledger_on(&disk, &own.chain);
    assert_same(&ledger, &own);
    assert_eq!(ledger.snapshot().parked.len(), 0);
    assert!(ledger.submit(child, NOW).is_err());
    extend(&mut ledger, &own.mine_many(1, 2));
    assert_same(&ledger, &own);
}
