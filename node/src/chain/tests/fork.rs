//! Which branch is followed, and that nothing is left of the other.

use super::kit::*;
use crate::chain::{At, BlockRefused, Ledger, Outcome, max_side_blocks};
use parity_scale_codec::Encode;
use proptest::prelude::*;
use sapwood_account_tree::{Claim, Key, verify};
use sapwood_primitives::leaf::key;
use sapwood_primitives::{Block, Chain, Hash, Height, codec};
use sapwood_runtime::{BlockRule, State};
use sapwood_store::Position;
use sapwood_store::disk::Simulated;

fn submit(ledger: &mut Ledger, block: &Block) -> Result<Outcome, BlockRefused> {
    ledger.submit(block.clone(), NOW)
}

/// A ledger and a replica with `n` blocks mined for account 1.
fn grown(n: usize) -> (Ledger, Replica) {
    let chain = chain();
    let (mut ledger, mut replica) = (ledger(&chain), Replica::new(&chain));
    extend(&mut ledger, &replica.mine_many(1, n));
    (ledger, replica)
}

#[test]
fn a_chain_that_grows_agrees_with_a_replica_after_every_block() {
    let chain = chain();
    let (mut ledger, mut replica) = (ledger(&chain), Replica::new(&chain));
    assert_same(&ledger, &replica);
    for height in 1..20u64 {
        // From height 14 on account 1 has coins and pays a new account in each block.
        let transactions = match replica.account(1) {
            Some(_) => vec![replica.pay(1, account(100 + height as u8), 5_000_000)],
            None => vec![],
        };
        let block = replica.mine(1, transactions);
        extend(&mut ledger, std::slice::from_ref(&block));
        assert_same(&ledger, &replica);
        assert_eq!(ledger.submit(block, NOW), Ok(Outcome::Known));
    }
    assert!(replica.account(118).is_some());
}

#[test]
fn transactions_are_found_at_their_place_and_not_after_a_reorg() {
    let (mut ledger, mut replica) = grown(13);
    let mut other = replica.clone();
    let block = replica.mine(1, vec![replica.pay(1, account(9), 5_000_000)]);
    extend(&mut ledger, std::slice::from_ref(&block));
    let txids = block.txids();
    for (index, txid) in (0..).zip(&txids) {
        let position = Position {
            height: Height::new(14),
            index,
        };
        assert_eq!(ledger.view().position(txid), Ok(Some(position)));
    }
    for block in other.mine_many(2, 2) {
        submit(&mut ledger, &block).unwrap();
    }
    assert_same(&ledger, &other);
    for txid in &txids {
        assert_eq!(ledger.view().position(txid), Ok(None));
    }
}

#[test]
fn of_two_equal_branches_the_first_seen_stays() {
    let (mut ledger, replica) = grown(5);
    let (mut first, mut second) = (replica.clone(), replica);
    extend(&mut ledger, &first.mine_many(1, 3));
    for block in second.mine_many(2, 3) {
        assert_eq!(submit(&mut ledger, &block), Ok(Outcome::Side));
    }
    assert_same(&ledger, &first);
}

#[test]
fn a_heavier_branch_up_to_the_cap_is_followed_and_says_what_changed() {
    for depth in 1..=6 {
        let (mut ledger, replica) = grown(13);
        let (mut own, mut other) = (replica.clone(), replica);
        let own_blocks: Vec<_> = (0..depth)
            .map(|_| own.mine(1, vec![own.pay(1, account(50), 2_000_000)]))
            .collect();
        extend(&mut ledger, &own_blocks);
        let mut branch = vec![other.mine(2, vec![other.pay(1, account(60), 3_000_000)])];
        branch.extend(other.mine_many(2, depth));
        let (last, before) = branch.split_last().unwrap();
        for block in before {
            assert_eq!(submit(&mut ledger, block), Ok(Outcome::Side));
        }
        let Ok(Outcome::Connected(change)) = submit(&mut ledger, last) else {
            panic!("a heavier branch {depth} deep was not followed");
        };
        assert_eq!(
            change.reverted,
            own_blocks.iter().rev().map(id).collect::<Vec<_>>()
        );
        assert_eq!(change.connected, branch.iter().map(id).collect::<Vec<_>>());
        assert_same(&ledger, &other);
        assert_eq!(ledger.head().leaf(&key::account(&account(50))), Ok(None));
    }
}

#[test]
fn a_heavier_branch_below_the_cap_is_parked_and_shown() {
    let (mut ledger, replica) = grown(3);
    let (mut own, mut other) = (replica.clone(), replica);
    extend(&mut ledger, &own.mine_many(1, 7));
    let branch = other.mine_many(2, 8);
    for block in &branch[..7] {
        assert_eq!(submit(&mut ledger, block), Ok(Outcome::Side));
    }
    assert_eq!(submit(&mut ledger, &branch[7]), Ok(Outcome::Parked));
    assert_same(&ledger, &own);
    let parked = ledger.snapshot().parked;
    let [parked] = &*parked else {
        panic!("one branch is parked")
    };
    assert_eq!(
        (parked.id, parked.fork, parked.depth),
        (id(&branch[7]), Height::new(3), 7)
    );
    // The node goes on, and when its own branch is the heavier one nothing is parked any more.
    extend(&mut ledger, &own.mine_many(1, 1));
    assert_eq!(ledger.snapshot().parked.len(), 0);
}

#[test]
fn an_invalid_branch_leaves_the_tip_and_is_not_tried_again() {
    let (mut ledger, replica) = grown(13);
    let (mut own, mut other) = (replica.clone(), replica);
    extend(&mut ledger, &own.mine_many(1, 2));
    let first = other.mine(2, vec![]);
    let mut bad = other.template(2, vec![]);
    bad.header.header.state_root = Hash([7; 32]);
    grind(&mut bad);
    // A child of the bad block, made as its miner would: on a link that the bad header gives.
    let mut on_bad = other.clone();
    on_bad.link = sapwood_runtime::check_header(&other.chain, &other.link, &bad.header).unwrap();
    let child = on_bad.mine(2, vec![]);
    let grandchild = on_bad.mine(2, vec![]);
    assert_eq!(submit(&mut ledger, &first), Ok(Outcome::Side));
    assert_eq!(submit(&mut ledger, &bad), Ok(Outcome::Side));
    let Err(BlockRefused::Branch { id: blamed, .. }) = submit(&mut ledger, &child) else {
        panic!("an invalid branch was followed");
    };
    assert_eq!(blamed, id(&bad));
    assert_same(&ledger, &own);
    for block in [&bad, &child, &grandchild] {
        assert_eq!(
            submit(&mut ledger, block),
            Err(BlockRefused::KnownInvalid(id(block)))
        );
    }
    assert_eq!(ledger.view().block(&id(&bad)), Ok(None));
    // The good start of the branch can still win.
    assert_eq!(
        submit(&mut ledger, &other.mine(2, vec![])),
        Ok(Outcome::Side)
    );
    assert!(matches!(
        submit(&mut ledger, &other.mine(2, vec![])),
        Ok(Outcome::Connected(_))
    ));
    assert_same(&ledger, &other);
}

#[test]
fn an_invalid_block_on_the_tip_is_refused_with_its_rule() {
    let (mut ledger, mut replica) = grown(2);
    let mut bad = replica.template(1, vec![]);
    bad.header.header.state_root = Hash([7; 32]);
    grind(&mut bad);
    let Err(BlockRefused::Invalid(invalid)) = submit(&mut ledger, &bad) else {
        panic!("a wrong state root was accepted");
    };
    assert_eq!(invalid.code(), "state_root");
    assert_eq!(
        submit(&mut ledger, &bad),
        Err(BlockRefused::KnownInvalid(id(&bad)))
    );
    extend(&mut ledger, &[replica.mine(1, vec![])]);
}

#[test]
fn another_body_under_a_good_header_does_not_poison_the_block() {
    let (mut ledger, mut replica) = grown(13);
    let block = replica.mine(1, vec![replica.pay(1, account(9), 5_000_000)]);
    let mut mutated = block.clone();
    mutated.transactions = Default::default();
    let refused = submit(&mut ledger, &mutated);
    assert!(matches!(refused, Err(BlockRefused::Invalid(invalid)) if invalid.code() == "tx_root"));
    extend(&mut ledger, &[block]);
}

#[test]
fn headers_are_judged_before_bodies_and_by_the_own_clock() {
    let (mut ledger, mut replica) = grown(1);
    let block = replica.mine(1, vec![]);
    let time = block.header.header.time;
    let refused = ledger.submit(block.clone(), time - 601);
    assert_eq!(
        refused,
        Err(BlockRefused::TooFarAhead {
            time,
            max_ahead: 600
        })
    );
    let orphan = replica.clone().mine(1, vec![]);
    assert_eq!(
        submit(&mut ledger, &orphan),
        Err(BlockRefused::UnknownParent(id(&block)))
    );
    let mut weak = block.clone();
    let target =
        sapwood_primitives::work::CompactTarget::from_bits(weak.header.header.target).unwrap();
    while target.is_met_by(&weak.header.id()) {
        weak.header.header.nonce += 1;
    }
    assert_eq!(
        submit(&mut ledger, &weak),
        Err(BlockRefused::Invalid(BlockRule::ProofOfWork.into()))
    );
    // Refused for its time only, so it is welcome later: 600 s ahead is still allowed.
    assert!(ledger.submit(block, time - 600).is_ok());
}

#[test]
fn the_trusted_state_is_the_one_two_blocks_below_the_tip() {
    let chain = chain();
    let (mut ledger, mut replica) = (ledger(&chain), Replica::new(&chain));
    let mut past = vec![replica.clone()];
    let check = |ledger: &Ledger, past: &[Replica]| {
        let trusted = &past[past.len().saturating_sub(3)];
        let snapshot = ledger.snapshot();
        let moment = snapshot.at(At::Trusted);
        assert_eq!(moment.link, trusted.link);
        // Every leaf of either state is answered as it was then, with a proof under that root.
        for key in past.iter().flat_map(|state| state.leaves.keys()) {
            let (leaf, witness) = (trusted.leaves.get(key), moment.witness(key).unwrap());
            assert_eq!(moment.leaf(key).unwrap().as_ref(), leaf);
            let row = leaf.map(Encode::encode);
            let claim = row.as_deref().map_or(Claim::Absent, Claim::Present);
            let root = trusted.tree.root();
            verify(&root, &Key(key.0), claim, &witness.proof.to_bytes()).unwrap();
        }
    };
    for _ in 0..16 {
        check(&ledger, &past);
        let transactions = match replica.account(1) {
            Some(_) => vec![replica.pay(1, account(9), 5_000_000)],
            None => vec![],
        };
        extend(&mut ledger, &[replica.mine(1, transactions)]);
        past.push(replica.clone());
    }
    // After a reorg of two blocks it lies on the new branch or below the fork.
    let mut other = past[14].clone();
    past.truncate(15);
    for _ in 0..3 {
        submit(&mut ledger, &other.mine(2, vec![])).unwrap();
        past.push(other.clone());
    }
    assert_same(&ledger, &other);
    check(&ledger, &past);
}

#[test]
fn blocks_outside_the_window_go_and_headers_stay() {
    let (chain, disk) = (chain(), Simulated::new());
    let mut ledger = ledger_on(&disk, &chain);
    let mut replica = Replica::new(&chain);
    let early_side = replica.clone().mine(2, vec![]);
    let blocks = replica.mine_many(1, 40);
    extend(&mut ledger, &blocks[..5]);
    assert_eq!(submit(&mut ledger, &early_side), Ok(Outcome::Side));
    extend(&mut ledger, &blocks[5..]);
    let view = ledger.view();
    for block in &blocks {
        let (id, height) = (id(block), block.header.header.height);
        assert_eq!(view.header(height).unwrap().as_ref(), Some(&block.header));
        assert_eq!(view.height_of(&id), Ok(Some(height)));
        // kept = 30: heights 11 to 40.
        let within = height.get() > 10;
        assert_eq!(view.block(&id).unwrap().is_some(), within, "{height}");
        assert_eq!(view.link(&id).unwrap().is_some(), within);
        assert_eq!(view.undo(&id).unwrap().is_some(), within);
        assert_eq!(
            view.position(&block.coinbase.txid()).unwrap().is_some(),
            within
        );
    }
    assert_eq!(view.block(&id(&early_side)), Ok(None));
    assert_eq!(view.entries().count(), 30);
    // What has gone is no parent any more, and a pruned side block can be sent again without effect.
    assert!(matches!(
        submit(&mut ledger, &early_side),
        Err(BlockRefused::UnknownParent(_))
    ));
    drop(ledger);
    let mut reopened = ledger_on(&disk, &chain);
    assert_same(&reopened, &replica);
    assert_eq!(reopened.view().entries().count(), 30);
    assert!(submit(&mut reopened, &early_side).is_err());
}

#[test]
fn side_blocks_are_bounded_and_the_lightest_ends_go_first() {
    let (chain, disk) = (chain(), Simulated::new());
    let (mut ledger, mut replica) = (ledger_on(&disk, &chain), Replica::new(&chain));
    extend(&mut ledger, &replica.mine_many(1, 8));
    let mut base = Replica::new(&replica.chain);
    let low = base.mine(3, vec![]);
    assert_eq!(submit(&mut ledger, &low), Ok(Outcome::Side));
    // A comb of siblings on the low block: each is a branch end of equal work, except the longest branch.
    let mut long = base.clone();
    let branch = long.mine_many(4, 3);
    for block in &branch {
        assert_eq!(submit(&mut ledger, block), Ok(Outcome::Side));
    }
    let mut refused = 0;
    let max = max_side_blocks(&replica.chain.consensus);
    for n in 0..max + 10 {
        let mut sibling = base.template(5, vec![]);
        sibling.header.header.time += u64::try_from(n).unwrap();
        grind(&mut sibling);
        match submit(&mut ledger, &sibling) {
            Ok(Outcome::Side) => {}
            Err(BlockRefused::TooManySideBlocks) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    let stored = ledger.view().entries().count();
    assert!(stored <= max + 9 && refused > 0, "{stored} {refused}");
    for block in branch.iter().chain([&low]) {
        assert!(ledger.view().block(&id(block)).unwrap().is_some());
    }
    // So they are after a start.
    drop(ledger);
    let mut ledger = ledger_on(&disk, &chain);
    assert_eq!(ledger.view().entries().count(), stored);
    // Full as it is, the node still follows a heavier branch.
    for block in long.mine_many(4, 5) {
        submit(&mut ledger, &block).unwrap();
    }
    assert_eq!(
        ledger.tip().id,
        replica.link.id,
        "nine blocks on the fork at genesis are deeper than the cap"
    );
    assert_eq!(ledger.snapshot().parked.len(), 1);
}

#[test]
fn a_branch_that_can_still_win_outlives_heavier_ones_that_cannot() {
    // The cap of this chain is 6: from height 8 a fork at the genesis is out of reach, one at height 2 is not.
    let (mut ledger, replica) = grown(8);
    let max = max_side_blocks(&replica.chain.consensus);
    let mut base = Replica::new(&replica.chain);
    let mut old = Vec::new();
    for block in base.mine_many(3, 7) {
        assert_eq!(submit(&mut ledger, &block), Ok(Outcome::Side));
        old.push(block);
    }
    // Siblings of the old branch's end, each with the work of seven blocks.
    let mut full = Replica::new(&replica.chain);
    for block in &old[..6] {
        full.follow(block);
    }
    for n in 0..max - old.len() {
        let mut sibling = full.template(5, vec![]);
        sibling.header.header.time += u64::try_from(n).unwrap();
        grind(&mut sibling);
        assert_eq!(submit(&mut ledger, &sibling), Ok(Outcome::Side));
    }
    // A low fork within reach comes when all places are taken.
    let mut near = Replica::new(&replica.chain);
    for height in 1..3 {
        let view = ledger.view();
        let id = view.header(Height::new(height)).unwrap().unwrap().id();
        let block = codec::read(&view.block(&id).unwrap().unwrap()).unwrap();
        near.follow(&block);
    }
    let newcomer = near.mine(6, vec![]);
    assert_eq!(submit(&mut ledger, &newcomer), Ok(Outcome::Side));
    assert!(ledger.view().block(&id(&newcomer)).unwrap().is_some());
}

#[test]
fn the_bound_of_side_blocks_leaves_room_for_three_of_the_deepest_reorgs() {
    let rules = |name: &str| Chain::named(name).unwrap().consensus;
    assert_eq!(max_side_blocks(&rules("main")), 3 * 720);
    assert_eq!(max_side_blocks(&rules("dev")), 1_024);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Random trees of blocks, in random order: the ledger always stands on a heaviest branch that it may follow, with the state of a fresh replay of it, and so does
    /// one that is opened anew.
    #[test]
    fn any_order_of_any_tree_of_blocks_leads_to_the_replay_of_the_tip(
        steps in prop::collection::vec((0usize..8, 1u8..4, any::<bool>()), 1..40),
    ) {
        let (chain, disk) = (chain(), Simulated::new());
        let mut ledger = ledger_on(&disk, &chain);
        let mut nodes = vec![Replica::new(&chain)];
        for (back, payee, pay) in steps {
            let parent = &nodes[nodes.len().saturating_sub(1 + back)];
            let mut node = parent.clone();
            let transactions = match node.account(payee) {
                Some((_, balance)) if pay && balance > 20_000_000 => vec![node.pay(payee, account(200 + payee), 4_000_000)],
                _ => vec![],
            };
            let block = node.mine(payee, transactions);
            let before = ledger.tip().clone();
            let outcome = ledger.submit(block.clone(), NOW).unwrap();
            match outcome {
                Outcome::Connected(_) => {
                    prop_assert_eq!(ledger.tip(), &node.link);
                    prop_assert!(node.link.work > before.work);
                    assert_same(&ledger, &node);
                }
                Outcome::Side => prop_assert!(node.link.work <= before.work),
                Outcome::Parked => prop_assert!(node.link.work > before.work),
                Outcome::Known => {}
            }
            nodes.push(node);
        }
        let tip = nodes.iter().find(|node| node.link == *ledger.tip()).unwrap();
        let parked = ledger.snapshot().parked;
        drop(ledger);
        let reopened = ledger_on(&disk, &chain);
        assert_same(&reopened, tip);
        prop_assert_eq!(parked, reopened.snapshot().parked);
    }
}
