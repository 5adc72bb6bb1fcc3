#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::Applied;
use sapwood_bench_accounts::{Key, Update};
use std::collections::BTreeMap;

/// Rows in memory, written out at each block, with an undo of one block. Its "root" is its number of rows.
struct Naive {
    file: PathBuf,
    rows: BTreeMap<Key, Vec<u8>>,
    before: Option<BTreeMap<Key, Vec<u8>>>,
}

impl Naive {
    fn write(&self) -> Result<()> {
        let bytes: Vec<u8> = self
            .rows
            .iter()
            .flat_map(|(k, v)| [k.as_slice(), v].concat())
            .collect();
        Ok(fs::write(&self.file, bytes)?)
    }
}

impl Store for Naive {
    const KIND: &'static str = "naive";
    type Batch = Vec<Update>;
    type Proof = Vec<u8>;
    type Root = [u8; 1];
    type Options = ();

    fn open(dir: &Path, _accounts: u64, _phase: Phase, (): &()) -> Result<Self> {
        let file = dir.join("rows");
        let bytes = fs::read(&file).unwrap_or_default();
        let row = |row: &[u8]| (row[..32].try_into().unwrap(), row[32..].to_vec());
        let rows = bytes
            .chunks_exact(32 + accounts::VALUE_LEN)
            .map(row)
            .collect();
        Ok(Self {
            file,
            rows,
            before: None,
        })
    }

    fn batch(updates: Vec<Update>) -> Self::Batch {
        updates
    }

    fn apply(&mut self, batch: Self::Batch) -> Result<Applied> {
        self.before = Some(self.rows.clone());
        let rows = batch
            .into_iter()
            .map(|update| (update.key, update.value.to_vec()));
        self.rows.extend(rows);
        self.write()?;
        Ok(Applied { root_times: None })
    }

    fn undo(&mut self) -> Result<Option<()>> {
        let Some(before) = self.before.take() else {
            return Ok(None);
        };
        self.rows = before;
        self.write().map(Some)
    }

    fn root(&self) -> Result<Option<[u8; 1]>> {
        Ok(Some([u8::try_from(self.rows.len())?]))
    }

    fn value(&self, key: &Key) -> Result<Option<Vec<u8>>> {
        Ok(self.rows.get(key).cloned())
    }

    fn prove(&self, keys: &[Key]) -> Result<Option<Vec<Vec<u8>>>> {
        Ok(Some(keys.iter().map(|key| key[..3].to_vec()).collect()))
    }

    fn verify(_root: &[u8; 1], key: &Key, value: &[u8], proof: &Vec<u8>) -> Result<()> {
        let right = key.starts_with(proof) && value.len() == accounts::VALUE_LEN;
        right.then_some(()).ok_or_else(|| "wrong".into())
    }
}

fn peer(dir: &Path) -> Peer<Naive> {
    Peer {
        dir: dir.to_owned(),
        options: (),
        open: None,
    }
}

fn ask(peer: &mut Peer<Naive>, line: &str) -> Value {
    peer.answer(Request::parse(line).unwrap()).unwrap()
}

fn refusal(peer: &mut Peer<Naive>, line: &str) -> String {
    let answer = peer.answer(Request::parse(line).unwrap());
    answer.unwrap_err().to_string()
}

#[test]
fn a_directory_goes_on_where_it_was_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = peer(dir.path());
    assert_eq!(ask(&mut first, "load 100")["root"], "64");
    assert_eq!(ask(&mut first, "block 10 1")["root"], "69");
    drop(first);

    let mut second = peer(dir.path());
    let loaded = ask(&mut second, "load 100");
    assert_eq!(
        (&loaded["present"], &loaded["blocks"]),
        (&json!(105), &json!(1))
    );
    assert_eq!(loaded["wall_s"], 0.0, "nothing is loaded twice");
    assert_eq!(ask(&mut second, "block 10 2")["root"], "6e");
    assert_eq!(ask(&mut second, "disk")["rows"], 110);
    assert!(refusal(&mut second, "load 99").contains("delete"));
}

#[test]
fn a_block_has_the_values_of_its_seed_and_undo_takes_them_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut peer = peer(dir.path());
    ask(&mut peer, "load 20");
    ask(&mut peer, "block 6 9");
    let rows = |peer: &Peer<Naive>| peer.open.as_ref().unwrap().0.rows.clone();
    let after = rows(&peer);
    assert_eq!(after[&accounts::key(22)], accounts::value(22, 9));
    let is_old = |number: &u64| after[&accounts::key(*number)] == accounts::value(*number, 0);
    assert_eq!((0..20).filter(is_old).count(), 17);

    assert_eq!(ask(&mut peer, "undo")["root"], "14");
    assert!((0..20).all(|n| rows(&peer)[&accounts::key(n)] == accounts::value(n, 0)));
    assert!(refusal(&mut peer, "undo").contains("no block"));
    ask(&mut peer, "block 6 9");
    assert_eq!(rows(&peer), after);
}

#[test]
fn sustained_blocks_are_the_same_as_single_ones() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut one, mut other) = (peer(one.path()), peer(other.path()));
    ask(&mut one, "load 50");
    ask(&mut other, "load 50");
    assert_eq!(ask(&mut one, "sustain 3 10 5")["updates"], 30);
    for seed in 5..8 {
        ask(&mut other, &format!("block 10 {seed}"));
    }
    let parts = |peer: &Peer<Naive>| {
        let (store, progress) = peer.open.as_ref().unwrap();
        (store.rows.clone(), progress.clone())
    };
    assert_eq!(parts(&one), parts(&other));
}

#[test]
fn the_length_of_a_proof_is_that_of_its_borsh_form() {
    let dir = tempfile::tempdir().unwrap();
    let mut peer = peer(dir.path());
    ask(&mut peer, "load 30");
    let answer = ask(&mut peer, "prove 30 1");
    assert_eq!(
        (&answer["bytes_mean"], &answer["bytes_max"]),
        (&json!(7.0), &json!(7))
    );
    assert!(refusal(&mut peer, "prove 31 1").contains("only 30"));
}

#[test]
fn a_database_that_is_not_what_its_progress_says_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = peer(dir.path());
    assert!(refusal(&mut first, "block 2 1").contains("load"));
    ask(&mut first, "load 30");
    let kept = Progress::read(dir.path()).unwrap().unwrap();
    ask(&mut first, "block 4 1");
    kept.write(dir.path()).unwrap();
    assert!(refusal(&mut peer(dir.path()), "load 30").contains("not what"));
}
