//! Every rule of the pool by example, and its bounds by random use.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::chain::tests::kit::{account, chain, drops, keypair, sign, transfer};
use proptest::prelude::*;
use sapwood_primitives::leaf::{Account, key};
use sapwood_primitives::{Action, Amount, Commitment, Leaf};
use sapwood_runtime::{Draft, due_heights};
use std::sync::Arc;

/// Height of the next block in these tests.
const NEXT: u64 = 100;
/// Nonce with which every account begins.
const NONCE: u64 = 7;

/// Accounts 1 to 9 with 1,000 sap each, on top of the genesis state.
struct World {
    chain: Arc<Chain>,
    genesis: BlockId,
    leaves: BTreeMap<Hash, Leaf>,
    pool: Mempool,
    next: u64,
}

impl State for World {
    fn leaf(&self, key: &Hash) -> Result<Option<Leaf>, Unreadable> {
        Ok(self.leaves.get(key).cloned())
    }
    fn due(&self, height: Height) -> Result<Vec<Hash>, Unreadable> {
        let listed = |leaf: &Leaf| due_heights(&self.chain.consensus, leaf).contains(&height);
        Ok(self
            .leaves
            .iter()
            .filter(|(_, leaf)| listed(leaf))
            .map(|(key, _)| *key)
            .collect())
    }
}

impl World {
    fn new(limits: Limits) -> Self {
        let chain = chain();
        let system = chain.genesis_leaf();
        let mut world = Self {
            genesis: sapwood_runtime::genesis(&chain).unwrap().link.id,
            chain,
            leaves: BTreeMap::from([(system.key(), system)]),
            pool: Mempool::new(limits),
            next: NEXT,
        };
        for n in 1..10 {
            world.set(n, NONCE, 100_000_000_000);
        }
        world
    }

    fn set(&mut self, n: u8, nonce: u64, balance: u64) {
        let mut leaf = Account::new(account(n), drops(balance), Height::GENESIS);
        leaf.nonce = nonce;
        self.leaves
            .insert(key::account(&account(n)), Leaf::Account(Box::new(leaf)));
    }

    /// A small transfer of account `n`, `ahead` of its nonce.
    fn tx(&self, n: u8, ahead: u64, fee: u64) -> Transaction {
        transfer(
            &self.genesis,
            n,
            NONCE + ahead,
            NEXT + 50,
            fee,
            account(1),
            1,
        )
    }

    fn admit(&mut self, transaction: Transaction) -> Result<Admission, Refused> {
        let mut pool = std::mem::take(&mut self.pool);
        let next = Height::new(self.next);
        let admitted = pool.admit(&self.chain, &self.genesis, self, next, transaction);
        self.pool = pool;
        self.check();
        admitted
    }

    fn tip(&mut self, touched: Touched<'_>, reverted: Vec<Transaction>) {
        let mut pool = std::mem::take(&mut self.pool);
        let next = Height::new(self.next);
        pool.on_new_tip(&self.chain.consensus, self, next, touched, reverted)
            .unwrap();
        self.pool = pool;
        self.check();
    }

    fn pending(&self, n: u8) -> Vec<u64> {
        let queue = self.pool.queues.get(&account(n));
        queue.map_or(Vec::new(), |queue| {
            queue.entries.iter().map(Entry::nonce).collect()
        })
    }

    /// What must always hold.
    fn check(&self) {
        let pool = &self.pool;
        let mut bytes = 0;
        let mut ids = BTreeSet::new();
        for (account, queue) in &pool.queues {
            assert!((1..=pool.limits.per_account).contains(&queue.entries.len()));
            for pair in queue.entries.windows(2) {
                assert_eq!(pair[0].nonce() + 1, pair[1].nonce());
            }
            for entry in &queue.entries {
                assert_eq!(entry.transaction.body.sender, *account);
                assert_eq!(
                    entry.bytes,
                    parity_scale_codec::Encode::encode(&entry.transaction).len()
                );
                assert_eq!(pool.get(&entry.id), Some(&entry.transaction));
                bytes += entry.bytes;
                ids.insert(entry.id);
            }
            let (rate, _) = queue.weakest(usize::MAX).unwrap();
            assert!(pool.weakest.contains(&(rate, *account)));
        }
        assert_eq!(
            (pool.bytes, pool.ids.len(), pool.weakest.len()),
            (bytes, ids.len(), pool.queues.len())
        );
        assert!(bytes <= pool.limits.bytes && ids.len() <= pool.limits.count);
    }
}

fn code(result: Result<Admission, Refused>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn transactions_of_an_account_are_taken_in_nonce_order_only() {
    let mut world = World::new(Limits::default());
    let first = world.tx(2, 0, 100_000);
    assert_eq!(code(world.admit(world.tx(2, 1, 100_000))), "nonce_gap");
    assert_eq!(
        world.admit(first.clone()),
        Ok(Admission::Accepted(first.txid()))
    );
    assert_eq!(
        world.admit(first.clone()),
        Ok(Admission::Known(first.txid()))
    );
    assert!(world.admit(world.tx(2, 1, 100_000)).is_ok());
    assert_eq!(
        world.admit(world.tx(2, 3, 100_000)),
        Err(TxInvalid::NonceGap {
            expected: NONCE + 2
        }
        .into())
    );
    let used = transfer(
        &world.genesis,
        2,
        NONCE - 1,
        NEXT + 50,
        100_000,
        account(1),
        1,
    );
    assert_eq!(
        world.admit(used),
        Err(TxInvalid::NonceUsed { expected: NONCE }.into())
    );
    let gap = transfer(
        &world.genesis,
        2,
        NONCE + 3,
        NEXT + 50,
        100_000,
        account(1),
        1,
    );
    assert_eq!(
        world.admit(gap),
        Err(TxInvalid::NonceGap {
            expected: NONCE + 2
        }
        .into()),
        "the pool is as it was"
    );
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_code() {
    let mut world = World::new(Limits::default());
    let genesis = world.genesis;
    let cases = [
        (
            "no_account",
            transfer(&genesis, 50, 0, NEXT + 5, 100_000, account(1), 1),
        ),
        (
            "expired",
            transfer(&genesis, 2, NONCE, NEXT - 1, 100_000, account(1), 1),
        ),
        (
            "valid_too_long",
            transfer(&genesis, 2, NONCE, NEXT + 61, 100_000, account(1), 1),
        ),
        ("fee_too_low", world.tx(2, 0, 100)),
        (
            "insufficient",
            transfer(
                &genesis,
                2,
                NONCE,
                NEXT + 5,
                100_000,
                account(1),
                100_000_000_000,
            ),
        ),
        (
            "bad_signature",
            transfer(
                &BlockId([1; 32]),
                2,
                NONCE,
                NEXT + 5,
                100_000,
                account(1),
                1,
            ),
        ),
        (
            "no_name",
            sign(
                &genesis,
                2,
                NONCE,
                NEXT + 5,
                100_000,
                vec![sapwood_primitives::Action::NameReleaseStart],
            ),
        ),
    ];
    for (expected, transaction) in cases {
        assert_eq!(code(world.admit(transaction)), expected);
    }
    let mut stolen = world.tx(2, 0, 100_000);
    stolen.body.sender = account(3);
    stolen.authorization = sapwood_primitives::Authorization::sign(
        &keypair(2),
        &stolen.body.signature_hash(&genesis),
        &[0; 32],
    );
    assert_eq!(code(world.admit(stolen)), "wrong_authority");
    assert_eq!(world.pool.info().count, 0);
}

#[test]
fn later_ones_are_tried_on_top_of_earlier_ones() {
    let mut world = World::new(Limits::default());
    let big = |nonce| {
        transfer(
            &world.genesis,
            2,
            nonce,
            NEXT + 50,
            100_000,
            account(1),
            60_000_000_000,
        )
    };
    let (first, second) = (big(NONCE), big(NONCE + 1));
    assert!(world.admit(first).is_ok());
    assert_eq!(code(world.admit(second)), "insufficient");
}

#[test]
fn a_replacement_pays_a_quarter_more_at_no_lower_rate() {
    let mut world = World::new(Limits::default());
    world.admit(world.tx(2, 0, 100_001)).unwrap();
    // 125,001.25 rounded up.
    assert_eq!(
        world.admit(world.tx(2, 0, 125_001)),
        Err(Refused::Replacement {
            least: drops(125_002)
        })
    );
    let replacement = world.tx(2, 0, 125_002);
    assert!(world.admit(replacement.clone()).is_ok());
    assert_eq!(
        (
            world.pool.info().count,
            world.pool.get(&replacement.txid()).is_some()
        ),
        (1, true)
    );
    // Twice as long: a quarter more is not enough.
    let transfers = |n| {
        vec![
            sapwood_primitives::Action::Transfer {
                to: account(1),
                amount: drops(1)
            };
            n
        ]
    };
    let long = |fee| sign(&world.genesis, 2, NONCE, NEXT + 50, fee, transfers(8));
    let (small, long_bytes) = (Entry::new(replacement, 0), Entry::new(long(1), 0).bytes);
    let least = small.rate().fee_for(long_bytes);
    assert!(least > 125_002 * 5 / 4 + 1);
    let (short_of, enough) = (long(least - 1), long(least));
    assert_eq!(
        world.admit(short_of),
        Err(Refused::Replacement {
            least: drops(least)
        })
    );
    assert!(world.admit(enough).is_ok());
}

#[test]
fn a_replacement_keeps_what_still_applies_after_it_and_drops_the_rest() {
    let mut world = World::new(Limits::default());
    for ahead in 0..3 {
        world.admit(world.tx(2, ahead, 100_000)).unwrap();
    }
    world.admit(world.tx(2, 1, 200_000)).unwrap();
    assert_eq!(world.pending(2), [NONCE, NONCE + 1, NONCE + 2]);
    // Everything that is left after the first: nothing for the third.
    let rest = 100_000_000_000 - 100_001 - 500_000;
    let drain = transfer(
        &world.genesis,
        2,
        NONCE + 1,
        NEXT + 50,
        500_000,
        account(1),
        rest,
    );
    world.admit(drain).unwrap();
    assert_eq!(world.pending(2), [NONCE, NONCE + 1]);
}

#[test]
fn an_account_has_a_bounded_number_pending() {
    let mut world = World::new(Limits::default());
    for ahead in 0..16 {
        world.admit(world.tx(2, ahead, 100_000)).unwrap();
    }
    assert_eq!(
        world.admit(world.tx(2, 16, 9_000_000)),
        Err(Refused::AccountFull { limit: 16 })
    );
    assert!(world.admit(world.tx(2, 15, 200_000)).is_ok());
}

#[test]
fn a_full_pool_takes_what_pays_more_and_drops_the_cheapest_end() {
    let mut world = World::new(Limits {
        count: 4,
        ..Limits::default()
    });
    for (n, ahead, fee) in [
        (2, 0, 500_000),
        (2, 1, 200_000),
        (3, 0, 300_000),
        (4, 0, 400_000),
    ] {
        world.admit(world.tx(n, ahead, fee)).unwrap();
    }
    let refused = world.admit(world.tx(5, 0, 200_000));
    assert_eq!(refused, Err(Refused::Full { above: 200_000 }));
    assert!(world.admit(world.tx(5, 0, 200_001)).is_ok());
    assert_eq!(world.pending(2), [NONCE]);
    // Its own end is never dropped to make room for what follows it.
    assert_eq!(code(world.admit(world.tx(5, 1, 250_000))), "mempool_full");
}

#[test]
fn a_dear_last_transaction_does_not_shelter_cheap_ones() {
    let mut world = World::new(Limits {
        count: 4,
        ..Limits::default()
    });
    for (n, ahead, fee) in [
        (2, 0, 100_000),
        (2, 1, 100_000),
        (2, 2, 700_000),
        (3, 0, 400_000),
    ] {
        world.admit(world.tx(n, ahead, fee)).unwrap();
    }
    // The queue of account 2 pays 300,000 each on average, less than the one of account 3.
    assert!(world.admit(world.tx(4, 0, 300_001)).is_ok());
    assert_eq!((world.pending(2), world.pending(3)), (vec![], vec![NONCE]));
}

#[test]
fn the_best_rate_is_selected_first_and_nonces_stay_in_order() {
    let mut world = World::new(Limits::default());
    let a = [world.tx(2, 0, 200_000), world.tx(2, 1, 900_000)];
    let b = [world.tx(3, 0, 300_000), world.tx(3, 1, 100_000)];
    let c = [world.tx(4, 0, 300_000)];
    for transaction in [&a[..], &b, &c].concat() {
        world.admit(transaction).unwrap();
    }
    let order = [&b[0], &c[0], &a[0], &a[1], &b[1]].map(Transaction::clone);
    assert_eq!(world.pool.candidates().cloned().collect::<Vec<_>>(), order);
}

/// A commitment of account `n`, unlike every other.
fn commit(world: &World, n: u8, ahead: u64, fee: u64) -> Transaction {
    let mut bytes = [n; 32];
    bytes[0] = u8::try_from(ahead).unwrap();
    let actions = vec![Action::NameCommit {
        commitment: Commitment(bytes),
    }];
    sign(&world.genesis, n, NONCE + ahead, NEXT + 50, fee, actions)
}

/// A reveal, put into a queue as it is: whether it applies is not the subject.
fn reveal(world: &World, n: u8, ahead: u64, fee: u64) -> Transaction {
    let action = Action::NameReveal {
        name: "alice".parse().unwrap(),
        salt: [n; 32],
        years: 1,
        max_price: Amount::SUPPLY,
    };
    let actions = vec![action];
    sign(&world.genesis, n, NONCE + ahead, NEXT + 50, fee, actions)
}

#[test]
fn more_commitments_than_a_block_holds_do_not_keep_others_out_of_it() {
    let mut world = World::new(Limits::default());
    // Fourteen accounts with sixteen each: 224 at a good rate, and a block holds 200.
    for n in 10..24 {
        world.set(n, NONCE, 100_000_000_000);
        for ahead in 0..16 {
            let transaction = commit(&world, n, ahead, 900_000);
            world.admit(transaction).unwrap();
        }
    }
    let modest = world.tx(9, 0, 200_000);
    world.admit(modest.clone()).unwrap();
    let given: Vec<_> = world.pool.candidates().cloned().collect();
    assert_eq!(given.len(), 201);
    assert_eq!(given.last(), Some(&modest));
    // The block maker can use all of them.
    let mut draft = Draft::at(&world.chain.consensus, &world, Height::new(NEXT)).unwrap();
    for transaction in &given {
        draft.apply_transaction(transaction).unwrap();
    }
}

#[test]
fn more_reveals_than_a_block_holds_are_left_out_with_what_follows_them() {
    let mut world = World::new(Limits::default());
    for n in 2..6 {
        for ahead in 0..16 {
            let transaction = reveal(&world, n, ahead, 900_000);
            world.pool.put_back(transaction);
        }
    }
    let modest = world.tx(9, 0, 200_000);
    world.admit(modest.clone()).unwrap();
    let given: Vec<_> = world.pool.candidates().collect();
    assert_eq!(given.len(), 51);
    assert_eq!(given.last(), Some(&&modest));
}

#[test]
fn a_new_tip_drops_what_was_included_what_expired_and_what_no_longer_applies() {
    let mut world = World::new(Limits::default());
    for n in 2..5 {
        for ahead in 0..3 {
            world.admit(world.tx(n, ahead, 100_000)).unwrap();
        }
    }
    let short = transfer(&world.genesis, 5, NONCE, NEXT, 100_000, account(1), 1);
    world.admit(short).unwrap();
    world.admit(world.tx(5, 1, 100_000)).unwrap();
    // Account 2 had two included, account 3 lost most of its coins, account 4 is gone; account 5's first has expired.
    world.set(2, NONCE + 2, 100_000_000_000);
    world.set(3, NONCE, 1_000_000);
    world.leaves.remove(&key::account(&account(4)));
    world.next += 1;
    let mut touched: Vec<_> = (2..5).map(|n| key::account(&account(n))).collect();
    touched.sort();
    world.tip(Touched::Keys(&touched), vec![]);
    assert_eq!(world.pending(2), [NONCE + 2]);
    assert_eq!(
        world.pending(3),
        [NONCE, NONCE + 1, NONCE + 2],
        "0.01 sap is still enough for three"
    );
    assert_eq!(world.pending(4), [0; 0]);
    assert_eq!(world.pending(5), [0; 0]);
    world.set(3, NONCE, 150_000);
    world.tip(Touched::All, vec![]);
    assert_eq!(world.pending(3), [NONCE]);
}

#[test]
fn what_nothing_touched_is_looked_at_again_in_turns() {
    let mut world = World::new(Limits::default());
    world.admit(world.tx(2, 0, 100_000)).unwrap();
    world.set(2, NONCE, 10);
    world.tip(Touched::Keys(&[]), vec![]);
    assert_eq!(world.pending(2), [0; 0]);
}

#[test]
fn what_was_taken_back_comes_again_in_front_of_what_followed_it() {
    let mut world = World::new(Limits {
        per_account: 4,
        ..Limits::default()
    });
    world.set(2, NONCE + 2, 100_000_000_000);
    for ahead in 2..5 {
        world.admit(world.tx(2, ahead, 100_000)).unwrap();
    }
    // The block with the first two is taken back, and one with another sender's that is not valid on the other branch.
    world.set(2, NONCE, 100_000_000_000);
    world.set(3, NONCE + 1, 100_000_000_000);
    let reverted = vec![
        world.tx(2, 0, 100_000),
        world.tx(2, 1, 100_000),
        world.tx(3, 0, 100_000),
    ];
    world.tip(Touched::All, reverted);
    assert_eq!(world.pending(2), [NONCE, NONCE + 1, NONCE + 2, NONCE + 3]);
    assert_eq!(world.pending(3), [0; 0]);
}

/// A rate's exact order against that of rational numbers in wider integers.
fn rate(fee: u64, bytes: usize) -> Rate {
    Rate::of(drops(fee), bytes)
}

#[test]
fn rates_are_compared_exactly() {
    // Both quotients are the same as floating-point numbers.
    assert!(rate(8_399_999_999_999_999, 16_384) < rate(8_400_000_000_000_000, 16_384));
    assert!(rate(4_200_000_000_000_000, 8_192) > rate(8_399_999_999_999_999, 16_384));
    assert_eq!(rate(3, 2), rate(6, 4));
    assert_eq!(
        (
            rate(7, 2).fee_for(2),
            rate(7, 2).fee_for(3),
            rate(7, 2).drops_per_byte()
        ),
        (7, 11, 4)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// `World::check` runs after each step: bounds, nonces and byte counts. Beyond it: a refusal changes nothing, and what makes room for a newcomer pays less than it.
    #[test]
    fn bounds_hold_and_eviction_is_monotone_in_the_fee_rate(
        steps in prop::collection::vec((2u8..8, 0u64..5, 0u64..40, 1usize..5), 1..60),
    ) {
        let mut world = World::new(Limits { bytes: 2_500, count: 9, per_account: 4 });
        for (n, ahead, fee, actions) in steps {
            let action = sapwood_primitives::Action::Transfer { to: account(1), amount: drops(1) };
            let fee = 20_000 + fee * 5_000;
            let transaction = sign(&world.genesis, n, NONCE + ahead, NEXT + 50, fee, vec![action; actions]);
            let newcomer = Entry::new(transaction.clone(), 0).rate();
            let before = world.pool.queues.clone();
            let admitted = world.admit(transaction);
            for (sender, queue) in &before {
                let left = world.pool.queues.get(sender).map_or(0, |queue| queue.entries.len());
                if admitted.is_err() {
                    prop_assert_eq!(left, queue.entries.len());
                } else if *sender != account(n) && left < queue.entries.len() {
                    let gone = queue.entries[left..].iter().map(Entry::rate).reduce(Rate::with).unwrap();
                    prop_assert!(gone < newcomer);
                }
            }
        }
        prop_assert_eq!(world.pool.candidates().count(), world.pool.info().count);
    }

    #[test]
    fn rates_order_as_fractions_do(a in 0u64..1 << 38, b in 1usize..16_385, c in 0u64..1 << 38, d in 1usize..16_385) {
        let order = (u128::from(a) * d as u128).cmp(&(u128::from(c) * b as u128));
        prop_assert_eq!(rate(a, b).cmp(&rate(c, d)), order);
        // The least fee for a length is enough, and one drop less is not.
        let least = rate(a, b).fee_for(d);
        prop_assert!(rate(least, d) >= rate(a, b));
        prop_assert!(least == 0 || rate(least - 1, d) < rate(a, b));
    }
}
