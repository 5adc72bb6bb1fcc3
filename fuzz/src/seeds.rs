//! Good inputs, made from values.

use parity_scale_codec::{Compact, Encode};
use sapwood_account_tree::{Key, NaiveTree, hash::value_hash};
use sapwood_primitives::codec;
use sapwood_primitives::leaf::{
    Account, Change, CoinbaseLeaf, Guardian, GuardianChange, NameLeaf, OwnerChange,
};
use sapwood_primitives::records::Entry;
use sapwood_primitives::work::Work;
use sapwood_primitives::{
    AccountId, Action, Actions, Address, Amount, Authority, AuthorityHash, Block, BlockId, Body,
    Chain, Hash, Height, Leaf, Name, Records, Transaction,
};
use sapwood_rpc::records::to_line;
use sapwood_runtime::{Undo, UndoEntry, genesis};
use secp256k1::Keypair;

/// Good inputs of a type that crosses a boundary.
pub(crate) fn of(name: &str) -> Option<fn() -> Vec<Vec<u8>>> {
    Some(match name {
        "Authority" => || vec![authority().encode()],
        "Block" => blocks,
        "Body" => || transactions().iter().map(|tx| body_of(tx)).collect(),
        "Contents" => contents,
        "Header" => || vec![dev_block().header.header.encode()],
        "Leaf" => leaves,
        "Link" => || vec![dev_genesis().link.encode()],
        "Listed" => || vec![(4_096u64, 300u64, 7u64).encode()],
        "SealedHeader" => || vec![dev_block().header.encode()],
        "Tip" => || vec![tip().encode()],
        "TipRecord" => || vec![(tip(), 4_096u64).encode()],
        "Trailer" => || vec![(20u64, 9u64, 0u64, 4_096u64, 5u64).encode()],
        "Transaction" => transactions,
        "Undo" => undos,
        _ => return None,
    })
}

pub(crate) fn chain() -> Chain {
    Chain::named("dev").expect("a built-in chain")
}

fn dev_genesis() -> sapwood_runtime::GenesisState {
    genesis(&chain()).expect("dev is launched")
}

fn dev_block() -> Block {
    dev_genesis().block
}

fn keypair() -> Keypair {
    Keypair::from_secret_bytes([7; 32]).expect("a valid key")
}

fn authority() -> Authority {
    Authority::of(&keypair())
}

pub(crate) fn address() -> Address {
    Address::new("dsap", authority().account_id())
}

fn name() -> Name {
    "alice".parse().expect("a name")
}

pub(crate) fn records() -> Records {
    let entry = |owner: &[u8], rtype, rdata: &[u8]| Entry {
        owner: owner.to_vec(),
        rtype,
        ttl: 300,
        rdata: rdata.to_vec(),
    };
    let entries = vec![
        entry(b"\0", 1, &[192, 0, 2, 7]),
        entry(b"\x03www\0", 5, b"\x05alice\x04leaf\x03alt\0"),
        entry(b"\0", 16, b"\x05hello"),
        entry(b"\0", 64, b"\0\x01\0\0\x04\0\x04\xc0\0\x02\x07"),
        entry(b"\0", 65281, &[9; 32]),
    ];
    Records::from_entries(entries).expect("valid entries")
}

pub(crate) fn record_lines() -> Vec<Vec<u8>> {
    records()
        .entries()
        .iter()
        .map(|entry| to_line(entry).into_bytes())
        .collect()
}

fn actions() -> Vec<Action> {
    let id = AccountId([3; 32]);
    let amount = Amount::from_drops(5).expect("small");
    vec![
        Action::Transfer { to: id, amount },
        Action::NameReveal {
            name: name(),
            salt: [4; 32],
            years: 1,
            max_price: amount,
        },
        Action::RecordsSet { records: records() },
        Action::StandingOrderSet {
            max_price: Some(amount),
        },
        Action::NameTransferStart {
            to: id,
            quick: true,
        },
        Action::GuardianSet { guardian: Some(id) },
        Action::LimitSet {
            rate: amount,
            delay_days: 2,
        },
        Action::PendingCancel,
    ]
}

fn transactions() -> Vec<Vec<u8>> {
    let genesis = dev_genesis().link.id;
    let transaction = |actions: Vec<Action>| {
        let body = Body {
            sender: authority().account_id(),
            nonce: 1 << 16,
            valid_until: Height::new(9),
            fee: Amount::from_drops(20_000).expect("small"),
            actions: Actions::new(actions).expect("at most sixteen"),
        };
        body.sign(&genesis, &keypair(), &[0; 32]).encode()
    };
    let mut all: Vec<_> = actions()
        .into_iter()
        .map(|action| transaction(vec![action]))
        .collect();
    all.push(transaction(actions()));
    all
}

fn body_of(transaction: &[u8]) -> Vec<u8> {
    codec::read::<Transaction>(transaction)
        .expect("a seed")
        .body
        .encode()
}

fn blocks() -> Vec<Vec<u8>> {
    let mut block = dev_block();
    let transactions = transactions()
        .iter()
        .map(|tx| codec::read(tx).expect("a seed"))
        .collect();
    block.transactions = codec::Bounded::new(transactions).expect("few");
    vec![dev_block().encode(), block.encode()]
}

fn leaves() -> Vec<Vec<u8>> {
    let mut account = Account::new(AccountId([1; 32]), Amount::SUPPLY, Height::new(3));
    account.records = records();
    account.name = Some(name());
    account.guardian = Some(Box::new(Guardian {
        account: AccountId([4; 32]),
        frozen_until: Height::new(5),
    }));
    account.owner_change = Some(Box::new(OwnerChange {
        change: Change::LimitRemove,
        effective: Height::new(6),
    }));
    account.guardian_change = Some(Box::new(GuardianChange {
        authority: AuthorityHash([5; 32]),
        effective: Height::new(7),
    }));
    let all = [
        chain().genesis_leaf(),
        Leaf::Account(Box::new(account)),
        Leaf::Name(NameLeaf {
            name: name(),
            owner: None,
            paid_until: Height::new(8),
            last_price: Amount::ZERO,
        }),
        Leaf::Coinbase(CoinbaseLeaf {
            height: Height::new(2),
            payee: AccountId([2; 32]),
            amount: Amount::ZERO,
        }),
    ];
    all.iter().map(Encode::encode).collect()
}

fn undos() -> Vec<Vec<u8>> {
    let entry = |bytes: &Vec<u8>| {
        let leaf: Leaf = codec::read(bytes).expect("a seed");
        UndoEntry {
            key: leaf.key(),
            old: Some(leaf),
        }
    };
    vec![Undo::new(leaves().iter().map(entry).collect()).encode()]
}

/// Five leaves, with values that tell which.
pub(crate) fn small_tree() -> NaiveTree {
    (0..5u8)
        .map(|n| (Key([n.wrapping_mul(37); 32]), value_hash(&[n, 1])))
        .collect()
}

pub(crate) fn proofs() -> Vec<Vec<u8>> {
    let tree = small_tree();
    let prove = |n: u8| tree.prove(&Key([n.wrapping_mul(37); 32])).to_bytes();
    (0..8).map(prove).collect()
}

pub(crate) fn queries() -> Vec<Vec<u8>> {
    let query = |name: &[u8], rtype: u8, edns: &[u8]| {
        let counts = [0, 1, 0, 0, 0, 0, 0, u8::from(!edns.is_empty())];
        [
            &[0x5a, 0x50, 1, 0][..],
            &counts,
            name,
            &[0, rtype, 0, 1],
            edns,
        ]
        .concat()
    };
    let alice = b"\x05aLice\x04leaf\x03alt\0";
    let opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
    vec![
        query(alice, 1, &[]),
        query(alice, 255, &opt),
        query(b"\x03www\x05alice\x04leaf\x03alt\0", 1, &opt),
        query(b"\x04leaf\x03alt\0", 6, &[]),
    ]
}

fn tip() -> sapwood_store::Tip {
    sapwood_store::Tip {
        height: Height::new(3),
        id: BlockId([1; 32]),
        state_root: Hash([2; 32]),
    }
}

/// What the index of a sealed segment says of it. Its type is the store's own, so it is written field by field.
fn contents() -> Vec<Vec<u8>> {
    let span = |offset: u64| (offset, 77u32);
    let block = |n: u8| {
        let (id, parent, height) = (
            BlockId([n; 32]),
            BlockId([n ^ 1; 32]),
            Height::new(n.into()),
        );
        (
            id,
            parent,
            height,
            Work::default(),
            span(4_096),
            span(8_192),
        )
    };
    let undo = |n: u8| (BlockId([n; 32]), span(9_000));
    let whole = |count: u8| {
        let blocks: Vec<_> = (0..count).map(block).collect();
        let undos: Vec<_> = (0..count).map(undo).collect();
        let tip = (count > 0).then(tip);
        (blocks, undos, tip, Height::new(3), 7u64, 65_536u64).encode()
    };
    vec![whole(0), whole(3), whole(100)]
}

/// The block that takes the most memory for its bytes: as many transactions as fit, each with sixteen actions of a byte.
///
/// # Panics
/// If the parts do not fit together, which is a bug here.
pub fn densest_block() -> Vec<u8> {
    let mut block = dev_block();
    let cancels = &transactions()[0];
    let mut cancels: Transaction = codec::read(cancels).expect("a seed");
    cancels.body.actions = Actions::new(vec![Action::PendingCancel; 16]).expect("sixteen");
    let room = sapwood_primitives::block::MAX_BLOCK_BYTES - block.encoded_size() - 4;
    let count = room / cancels.encoded_size();
    block.transactions = codec::Bounded::new(vec![cancels; count]).expect("they fit a block");
    block.encode()
}

/// Records of undo that take the most memory for their bytes: bare accounts, with and without the smallest pending change, and keys where nothing stood.
pub fn densest_undo() -> Vec<Vec<u8>> {
    let bare = Account::new(AccountId([1; 32]), Amount::ZERO, Height::new(0));
    let mut waits = bare.clone();
    waits.owner_change = Some(Box::new(OwnerChange {
        change: Change::LimitRemove,
        effective: Height::new(6),
    }));
    let name = Leaf::Name(NameLeaf {
        name: "a".parse().expect("a name"),
        owner: None,
        paid_until: Height::new(8),
        last_price: Amount::ZERO,
    });
    let account = |account| Some(Leaf::Account(Box::new(account)));
    let of = |old: Option<Leaf>| {
        let entry = UndoEntry {
            key: Hash([9; 32]),
            old,
        };
        let many = 20_000u32;
        let mut bytes = Compact(many).encode();
        (0..many).for_each(|_| entry.encode_to(&mut bytes));
        bytes
    };
    vec![
        of(None),
        of(Some(name)),
        of(account(bare)),
        of(account(waits)),
    ]
}
