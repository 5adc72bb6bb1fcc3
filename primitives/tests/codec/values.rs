//! Arbitrary values of every type on the wire, all variants and options among them.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use sapwood_primitives::codec::{Bounded, Bytes};
use sapwood_primitives::leaf::{
    Account, Change, CoinbaseLeaf, CommitmentLeaf, Guardian, GuardianChange, Limit, NameLeaf,
    OwnerChange, System,
};
use sapwood_primitives::records::Entry;
use sapwood_primitives::{
    AccountId, Action, Actions, Amount, Authority, AuthorityHash, Authorization, Block, BlockId,
    Body, Coinbase, Commitment, Hash, Header, Height, Leaf, Name, Records, SealedHeader,
    Transaction,
};

fn amount() -> impl Strategy<Value = Amount> {
    let supply = Amount::SUPPLY.drops();
    prop_oneof![Just(0), Just(supply), 0..=supply]
        .prop_map(|drops| Amount::from_drops(drops).unwrap())
}

fn height() -> impl Strategy<Value = Height> {
    any::<u64>().prop_map(Height::new)
}

fn account() -> impl Strategy<Value = AccountId> {
    any::<[u8; 32]>().prop_map(AccountId)
}

fn authority_hash() -> impl Strategy<Value = AuthorityHash> {
    any::<[u8; 32]>().prop_map(AuthorityHash)
}

fn name() -> impl Strategy<Value = Name> {
    let short = "[a-z][a-z0-9]{0,31}";
    let long = "[a-z][a-z0-9]{5,30}-[a-z0-9]{5,31}";
    prop_oneof![short, long].prop_filter_map("special use", |text: String| text.parse().ok())
}

fn entry() -> impl Strategy<Value = Entry> {
    let label = vec(
        any::<u8>().prop_map(|byte| byte.to_ascii_lowercase()),
        1..20,
    );
    let owner = vec(label, 0..4).prop_map(|labels| {
        let mut owner = Vec::new();
        for label in labels {
            owner.push(u8::try_from(label.len()).unwrap());
            owner.extend(label);
        }
        owner.push(0);
        owner
    });
    (owner, any::<u16>(), 0..1u32 << 31, vec(any::<u8>(), 0..60)).prop_map(
        |(owner, rtype, ttl, rdata)| Entry {
            owner,
            rtype,
            ttl,
            rdata,
        },
    )
}

fn records() -> impl Strategy<Value = Records> {
    // Three such entries always fit; one large one fills all 512 bytes.
    let full = any::<[u8; 32]>().prop_map(|noise| {
        let entry = Entry {
            owner: vec![0],
            rtype: 16,
            ttl: 1,
            rdata: noise.iter().copied().cycle().take(503).collect(),
        };
        Records::from_entries(vec![entry]).unwrap()
    });
    let some = vec(entry(), 0..4).prop_map(|entries| Records::from_entries(entries).unwrap());
    prop_oneof![3 => some, 1 => full]
}

fn name_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(|hash| Action::NameCommit {
            commitment: Commitment(hash)
        }),
        (name(), any::<[u8; 32]>(), any::<u8>(), amount()).prop_map(
            |(name, salt, years, max_price)| {
                Action::NameReveal {
                    name,
                    salt,
                    years,
                    max_price,
                }
            }
        ),
        (name(), any::<u8>(), amount()).prop_map(|(name, years, max_price)| Action::NameRenew {
            name,
            years,
            max_price
        }),
        records().prop_map(|records| Action::RecordsSet { records }),
        option::of(amount()).prop_map(|max_price| Action::StandingOrderSet { max_price }),
        (account(), any::<bool>()).prop_map(|(to, quick)| Action::NameTransferStart { to, quick }),
        name().prop_map(|name| Action::NameTransferFinish { name }),
        Just(Action::NameReleaseStart),
    ]
}

fn safety_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        (amount(), any::<u8>())
            .prop_map(|(rate, delay_days)| Action::LimitSet { rate, delay_days }),
        Just(Action::LimitRemove),
        option::of(account()).prop_map(|guardian| Action::GuardianSet { guardian }),
        authority_hash().prop_map(|authority| Action::AuthorityRotate { authority }),
        account().prop_map(|to| Action::AccountClose { to }),
        Just(Action::PendingCancel),
        account().prop_map(|account| Action::GuardianVeto { account }),
        account().prop_map(|account| Action::GuardianFreeze { account }),
        (account(), authority_hash())
            .prop_map(|(account, authority)| Action::GuardianRecover { account, authority }),
        account().prop_map(|account| Action::GuardianCancel { account }),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let transfer = (account(), amount()).prop_map(|(to, amount)| Action::Transfer { to, amount });
    prop_oneof![1 => transfer, 4 => name_action(), 4 => safety_action()]
}

pub(crate) fn body() -> impl Strategy<Value = Body> {
    (
        account(),
        any::<u64>(),
        height(),
        amount(),
        vec(action(), 1..=16),
    )
        .prop_map(|(sender, nonce, valid_until, fee, actions)| Body {
            sender,
            nonce,
            valid_until,
            fee,
            actions: Actions::new(actions).unwrap(),
        })
}

pub(crate) fn authority() -> impl Strategy<Value = Authority> {
    any::<[u8; 32]>().prop_map(|key| Authority::Single { key })
}

pub(crate) fn transaction() -> impl Strategy<Value = Transaction> {
    let signature = (any::<[u8; 32]>(), any::<[u8; 32]>())
        .prop_map(|(r, s)| <[u8; 64]>::try_from([r, s].concat()).unwrap());
    (body(), any::<[u8; 32]>(), signature).prop_map(|(body, key, signature)| Transaction {
        body,
        authorization: Authorization::Single { key, signature },
    })
}

pub(crate) fn header() -> impl Strategy<Value = Header> {
    let roots = any::<[[u8; 32]; 4]>();
    let numbers = (
        any::<u32>(),
        any::<u64>(),
        any::<u32>(),
        height(),
        any::<u64>(),
    );
    (roots, numbers).prop_map(
        |([parent, tx, state, history], (version, time, target, height, nonce))| Header {
            version,
            parent: BlockId(parent),
            tx_root: Hash(tx),
            state_root: Hash(state),
            history_root: Hash(history),
            time,
            target,
            height,
            nonce,
        },
    )
}

pub(crate) fn sealed_header() -> impl Strategy<Value = SealedHeader> {
    header().prop_map(SealedHeader::own)
}

pub(crate) fn block() -> impl Strategy<Value = Block> {
    let coinbase =
        (height(), account(), vec(any::<u8>(), 0..=64)).prop_map(|(height, payee, extra)| {
            Coinbase {
                height,
                payee,
                extra: Bytes::new(extra).unwrap(),
            }
        });
    (sealed_header(), coinbase, vec(transaction(), 0..4)).prop_map(
        |(header, coinbase, transactions)| Block {
            header,
            coinbase,
            transactions: Bounded::new(transactions).unwrap(),
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (amount(), any::<u8>()).prop_map(|(rate, delay_days)| Change::Limit { rate, delay_days }),
        Just(Change::LimitRemove),
        authority_hash().prop_map(|authority| Change::Authority { authority }),
        option::of(account()).prop_map(|guardian| Change::Guardian { guardian }),
        account().prop_map(|to| Change::Transfer { to }),
        Just(Change::Release),
        account().prop_map(|to| Change::Close { to }),
    ]
}

fn account_leaf() -> impl Strategy<Value = Account> {
    let limit = (amount(), any::<u8>(), any::<u64>(), any::<u64>(), height()).prop_map(
        |(rate, delay_days, level, exempt_level, last)| Limit {
            rate,
            delay_days,
            level,
            exempt_level,
            last,
        },
    );
    let guardian = (account(), height()).prop_map(|(account, frozen_until)| Guardian {
        account,
        frozen_until,
    });
    let owner_change =
        (change(), height()).prop_map(|(change, effective)| OwnerChange { change, effective });
    let guardian_change =
        (authority_hash(), height()).prop_map(|(authority, effective)| GuardianChange {
            authority,
            effective,
        });
    let plain = (account(), any::<u64>(), amount(), records(), any::<u32>());
    let options = (
        option::of(authority_hash()),
        option::of(name()),
        option::of(limit),
        option::of(guardian),
        option::of(owner_change),
        option::of(guardian_change),
        option::of(amount()),
    );
    (plain, options).prop_map(|((id, nonce, balance, records, holds), options)| {
        let (authority, name, limit, guardian, owner_change, guardian_change, standing_order) =
            options;
        Account {
            id,
            nonce,
            balance,
            authority,
            records,
            name,
            limit,
            guardian: guardian.map(Box::new),
            owner_change: owner_change.map(Box::new),
            guardian_change: guardian_change.map(Box::new),
            standing_order,
            holds,
        }
    })
}

pub(crate) fn leaf() -> impl Strategy<Value = Leaf> {
    prop_oneof![
        1 => (amount(), any::<u128>(), any::<u64>()).prop_map(|(reserve, rent_base, live_names)| {
            Leaf::System(System { reserve, rent_base, live_names })
        }),
        6 => account_leaf().prop_map(|account| Leaf::Account(Box::new(account))),
        2 => (name(), option::of(account()), height(), amount()).prop_map(
            |(name, owner, paid_until, last_price)| {
                Leaf::Name(NameLeaf { name, owner, paid_until, last_price })
            }
        ),
        1 => (any::<[u8; 32]>(), height()).prop_map(|(hash, height)| {
            Leaf::Commitment(CommitmentLeaf { hash: Commitment(hash), height })
        }),
        1 => (height(), account(), amount()).prop_map(|(height, payee, amount)| {
            Leaf::Coinbase(CoinbaseLeaf { height, payee, amount })
        }),
    ]
}
