//! The targets: for each parser of foreign bytes a set of good inputs and what must hold for any input.

use crate::{targets_store, targets_tree};
use parity_scale_codec::Encode;
use sapwood_account_tree::{Claim, Key, NaiveTree, Proof, hash::value_hash, verify};
use sapwood_primitives::codec::{self, Wire};
use sapwood_primitives::leaf::{Account, CoinbaseLeaf, NameLeaf};
use sapwood_primitives::records::Entry;
use sapwood_primitives::{
    AccountId, Action, Address, Amount, Authority, Block, Body, Chain, Header, Height, Leaf, Name,
    Records, SealedHeader, Transaction,
};
use sapwood_resolver::{Found, NameSource, Transport, Unavailable, ZoneConfig, answer};
use sapwood_rpc::records::{parse_record, rdata_is_well_formed, to_line};
use sapwood_runtime::{Link, Undo, UndoEntry, genesis};
use secp256k1::Keypair;

/// A parser under test.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Good inputs that mutations start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Feeds an input and panics if something does not hold.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "transaction",
        seeds: transactions,
        run: wire::<Transaction>,
    },
    Target {
        name: "body",
        seeds: || transactions().iter().map(|tx| body_of(tx)).collect(),
        run: wire::<Body>,
    },
    Target {
        name: "block",
        seeds: blocks,
        run: wire::<Block>,
    },
    Target {
        name: "header",
        seeds: || vec![dev_block().header.header.encode()],
        run: wire::<Header>,
    },
    Target {
        name: "sealed-header",
        seeds: || vec![dev_block().header.encode()],
        run: wire::<SealedHeader>,
    },
    Target {
        name: "authority",
        seeds: || vec![authority().encode()],
        run: wire::<Authority>,
    },
    Target {
        name: "leaf",
        seeds: leaves,
        run: wire::<Leaf>,
    },
    Target {
        name: "link",
        seeds: || vec![dev_genesis().link.encode()],
        run: wire::<Link>,
    },
    Target {
        name: "undo",
        seeds: undos,
        run: wire::<Undo>,
    },
    Target {
        name: "records",
        seeds: || vec![records().as_bytes().to_vec()],
        run: records_hold,
    },
    Target {
        name: "record-text",
        seeds: record_lines,
        run: record_text_holds,
    },
    Target {
        name: "proof",
        seeds: proofs,
        run: proof_holds,
    },
    targets_tree::MULTIPROOF,
    targets_tree::ANCHOR,
    targets_tree::ANCHORED_PROOF,
    targets_tree::MANIFEST,
    targets_tree::CHUNK,
    targets_store::ROWS_HEADER,
    targets_store::ROWS_BLOCK,
    targets_store::ROWS_INDEX,
    targets_store::SEGMENT_HEADER,
    targets_store::LOG_RECORD,
    targets_store::LOG_INDEX,
    Target {
        name: "dns",
        seeds: queries,
        run: dns_holds,
    },
    Target {
        name: "address",
        seeds: || vec![address().to_string().into_bytes()],
        run: address_holds,
    },
    Target {
        name: "name",
        seeds: || vec![b"alice-and-bob".to_vec(), b"a".to_vec()],
        run: name_holds,
    },
    Target {
        name: "amount",
        seeds: || vec![b"1.5".to_vec(), b"84000000".to_vec()],
        run: amount_holds,
    },
    Target {
        name: "chain-file",
        seeds: || vec![include_bytes!("../../specs/chains/dev.toml").to_vec()],
        run: chain_holds,
    },
];

/// specs/01 §1.2: what decodes has one encoding, and it is the input.
fn wire<T: Wire>(bytes: &[u8]) {
    if let Ok(value) = codec::read::<T>(bytes) {
        assert_eq!(value.encode(), bytes, "a value with two encodings");
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn records_hold(bytes: &[u8]) {
    if let Ok(records) = Records::from_bytes(bytes) {
        assert_eq!(records.as_bytes(), bytes);
        for entry in records.entries() {
            let line = to_line(&entry);
            assert!(
                line.bytes().all(|b| (0x20..0x7f).contains(&b)),
                "unprintable text: {line:?}"
            );
            rdata_is_well_formed(entry.rtype, &entry.rdata);
        }
        assert_eq!(Records::from_entries(records.entries()), Ok(records));
    }
}

fn record_text_holds(bytes: &[u8]) {
    if let Some(Ok(entry)) = text(bytes).map(parse_record) {
        let again = parse_record(&to_line(&entry)).expect("what is printed can be read");
        assert_eq!(again, entry);
    }
}

/// No mutation of a proof may show anything else than what is so.
fn proof_holds(bytes: &[u8]) {
    let tree = small_tree();
    if let Ok(proof) = Proof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes(), bytes);
    }
    for n in 0..8u8 {
        let key = Key([n.wrapping_mul(37); 32]);
        let is_there = n < 5;
        if verify(&tree.root(), &key, Claim::Absent, bytes).is_ok() {
            assert!(!is_there, "a leaf was shown to be absent");
        }
        if verify(&tree.root(), &key, Claim::Present(&[n, 1]), bytes).is_ok() {
            assert!(is_there, "an absent leaf was shown");
        }
        assert!(verify(&tree.root(), &key, Claim::Present(b"another value"), bytes).is_err());
    }
}

struct OneName;

impl NameSource for OneName {
    fn height(&self) -> Result<Height, Unavailable> {
        Ok(Height::new(7))
    }

    fn lookup(&self, name: &Name) -> Result<Found, Unavailable> {
        let phase = (name.as_str() == "alice").then_some(sapwood_primitives::leaf::Phase::Active);
        Ok(Found {
            phase,
            records: records(),
            height: Height::new(7),
        })
    }
}

fn dns_holds(bytes: &[u8]) {
    let zone = ZoneConfig::for_chain(&chain());
    for (transport, limit) in [(Transport::Udp, 1232), (Transport::Tcp, 65_535)] {
        if let Some(reply) = answer(bytes, &OneName, &zone, transport) {
            assert!((12..=limit).contains(&reply.len()), "{} bytes", reply.len());
            assert_eq!(reply[..2], bytes[..2], "another id");
            assert!(reply[2] & 0x80 != 0, "not an answer");
        }
    }
}

fn address_holds(bytes: &[u8]) {
    if let Some(Ok(address)) = text(bytes).map(|t| Address::parse("dsap", t)) {
        assert_eq!(
            text(bytes).map(str::to_ascii_lowercase),
            Some(address.to_string())
        );
    }
}

fn name_holds(bytes: &[u8]) {
    if let Ok(name) = Name::from_bytes(bytes) {
        assert_eq!(name.as_str().as_bytes(), bytes);
    }
}

fn amount_holds(bytes: &[u8]) {
    if let Some(Ok(amount)) = text(bytes).map(str::parse::<Amount>) {
        let printed = amount.to_string();
        assert_eq!(printed.trim_end_matches(" sap").parse(), Ok(amount));
    }
}

fn chain_holds(bytes: &[u8]) {
    if let Some(Ok(chain)) = text(bytes).map(Chain::parse) {
        // A file that is accepted must make a genesis without a panic, or say that it has none.
        let _ = genesis(&chain);
    }
}

fn chain() -> Chain {
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

fn address() -> Address {
    Address::new("dsap", authority().account_id())
}

fn name() -> Name {
    "alice".parse().expect("a name")
}

fn records() -> Records {
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

fn record_lines() -> Vec<Vec<u8>> {
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
            actions: codec::Bounded::new(actions).expect("at most sixteen"),
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
fn small_tree() -> NaiveTree {
    (0..5u8)
        .map(|n| (Key([n.wrapping_mul(37); 32]), value_hash(&[n, 1])))
        .collect()
}

fn proofs() -> Vec<Vec<u8>> {
    let tree = small_tree();
    let prove = |n: u8| tree.prove(&Key([n.wrapping_mul(37); 32])).to_bytes();
    (0..8).map(prove).collect()
}

fn queries() -> Vec<Vec<u8>> {
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
