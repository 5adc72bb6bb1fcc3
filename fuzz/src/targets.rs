//! The targets: for each parser of foreign bytes a set of good inputs and what must hold for any input.

use crate::{corpus, seeds, targets_store, targets_tree};
use sapwood_account_tree::{Claim, Key, Proof, Root, verify};
use sapwood_primitives::boundary::Boundary;
use sapwood_primitives::{Address, Amount, Chain, Hash, Height, Name, Records};
use sapwood_resolver::{Found, NameSource, Transport, Unavailable, ZoneConfig, answer};
use sapwood_rpc::records::{parse_record, rdata_is_well_formed, to_line};
use sapwood_runtime::genesis;
use std::sync::LazyLock;

/// Panics if something does not hold for an input.
pub type Check = Box<dyn Fn(&[u8])>;

/// A parser under test.
pub struct Target {
    /// Its name on the command line and in the corpus.
    pub name: String,
    pub(crate) good: fn() -> Vec<Vec<u8>>,
    /// Only reads an input, and says whether it was accepted. Its memory is measured.
    pub reads: fn(&[u8]) -> bool,
    /// Panics if something does not hold for an input.
    pub holds: Check,
}

impl Target {
    pub(crate) fn new(
        name: &str,
        good: fn() -> Vec<Vec<u8>>,
        reads: fn(&[u8]) -> bool,
        holds: fn(&[u8]),
    ) -> Self {
        Self {
            name: name.to_owned(),
            good,
            reads,
            holds: Box::new(holds),
        }
    }

    /// specs/01 §1.2: what is read has one encoding, and it is the input.
    fn of(boundary: &'static Boundary, good: fn() -> Vec<Vec<u8>>) -> Self {
        let holds = |input: &[u8]| {
            if let Some(again) = (boundary.again)(input) {
                assert_eq!(again, input, "a value with two encodings");
            }
        };
        Self {
            name: kebab(boundary.name),
            good,
            reads: boundary.accepts,
            holds: Box::new(holds),
        }
    }

    /// Good inputs that mutations start from: those made here, then the corpus.
    ///
    /// # Panics
    /// If a file of the corpus cannot be read.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let mut files: Vec<_> = std::fs::read_dir(corpus(&self.name))
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("an entry of the corpus").path())
            .collect();
        files.sort();
        let read = |path: &_| std::fs::read(path).expect("a file of the corpus");
        let mut seeds = (self.good)();
        seeds.extend(files.iter().map(read));
        seeds
    }
}

/// `SealedHeader` as `sealed-header`.
fn kebab(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The lists of all crates that have types which cross a boundary.
pub const BOUNDARIES: [&[Boundary]; 3] = [
    sapwood_primitives::BOUNDARY,
    sapwood_runtime::BOUNDARY,
    sapwood_store::BOUNDARY,
];

/// All targets.
///
/// # Panics
/// If a type that crosses a boundary has no good inputs in `seeds`.
pub fn targets() -> Vec<Target> {
    let of = |boundary: &'static Boundary| {
        let good = seeds::of(boundary.name);
        let good =
            good.unwrap_or_else(|| panic!("{} has no seeds in fuzz/src/seeds.rs", boundary.name));
        Target::of(boundary, good)
    };
    let mut all: Vec<_> = BOUNDARIES.into_iter().flatten().map(of).collect();
    all.extend([
        Target::new(
            "records",
            || vec![seeds::records().as_bytes().to_vec()],
            |bytes| Records::from_bytes(bytes).is_ok(),
            records_hold,
        ),
        Target::new(
            "record-text",
            seeds::record_lines,
            |bytes| text(bytes).is_some_and(|line| parse_record(line).is_ok()),
            record_text_holds,
        ),
        Target::new(
            "proof",
            seeds::proofs,
            |bytes| Proof::from_bytes(bytes).is_ok(),
            proof_holds,
        ),
        Target::new("dns", seeds::queries, dns_answers, dns_holds),
        Target::new(
            "address",
            || vec![seeds::address().to_string().into_bytes()],
            |bytes| text(bytes).is_some_and(|t| Address::parse("dsap", t).is_ok()),
            address_holds,
        ),
        Target::new(
            "name",
            || vec![b"alice-and-bob".to_vec(), b"a".to_vec()],
            |bytes| Name::from_bytes(bytes).is_ok(),
            name_holds,
        ),
        Target::new(
            "hash",
            || vec!["5a".repeat(32).into_bytes()],
            |bytes| text(bytes).is_some_and(|t| t.parse::<Hash>().is_ok()),
            hash_holds,
        ),
        Target::new(
            "amount",
            || vec![b"1.5".to_vec(), b"84000000".to_vec()],
            |bytes| text(bytes).is_some_and(|t| t.parse::<Amount>().is_ok()),
            amount_holds,
        ),
        Target::new(
            "chain-file",
            || vec![include_bytes!("../../specs/chains/dev.toml").to_vec()],
            |bytes| text(bytes).is_some_and(|t| Chain::parse(t).is_ok()),
            chain_holds,
        ),
    ]);
    all.extend(targets_tree::targets());
    all.extend(targets_store::targets());
    all
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
    static ROOT: LazyLock<Root> = LazyLock::new(|| seeds::small_tree().root());
    if let Ok(proof) = Proof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes(), bytes);
    }
    for n in 0..8u8 {
        let key = Key([n.wrapping_mul(37); 32]);
        let is_there = n < 5;
        if verify(&ROOT, &key, Claim::Absent, bytes).is_ok() {
            assert!(!is_there, "a leaf was shown to be absent");
        }
        if verify(&ROOT, &key, Claim::Present(&[n, 1]), bytes).is_ok() {
            assert!(is_there, "an absent leaf was shown");
        }
        assert!(verify(&ROOT, &key, Claim::Present(b"another value"), bytes).is_err());
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
            records: seeds::records(),
            height: Height::new(7),
        })
    }
}

fn dns_answers(bytes: &[u8]) -> bool {
    let zone = ZoneConfig::for_chain(&seeds::chain());
    answer(bytes, &OneName, &zone, Transport::Udp).is_some()
}

fn dns_holds(bytes: &[u8]) {
    let zone = ZoneConfig::for_chain(&seeds::chain());
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

fn hash_holds(bytes: &[u8]) {
    if let Some(Ok(hash)) = text(bytes).map(str::parse::<Hash>) {
        assert_eq!(hash.to_string().as_bytes(), bytes);
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
