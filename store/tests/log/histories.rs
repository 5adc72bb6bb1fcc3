//! Histories without accidents: the model, rotation, pruning, index files.

use crate::common::{Driver, GENESIS, Random, SMALL, Stored, open};
use proptest::prelude::*;
use sapwood_primitives::{BlockId, Height, TxId};
use sapwood_store::disk::{Disk, Folder, OpenMode, Simulated};
use sapwood_store::log::{Candidate, Log, OpenLog, Settings};
use std::sync::Arc;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_log_answers_as_the_model_does(seed: u64, steps in 1..60usize) {
        let disk = Simulated::new();
        let mut driver = Driver::on(&disk, seed);
        for _ in 0..steps {
            driver.step().unwrap();
        }
        driver.check();
        driver.reopen().unwrap();
        driver.check();
    }
}

/// A chain without branches on a disk: its blocks, from the base on.
fn straight(disk: &Arc<dyn Disk>, blocks: u64, settings: Settings) -> (Log, Vec<Stored>) {
    let mut random = Random(5);
    let base = Stored::after(&mut random, BlockId::default(), 0);
    let mut log = Log::create(disk.clone(), GENESIS, &base.new_block(), settings).unwrap();
    let mut chain = vec![base];
    for height in 1..=blocks {
        let parent = chain.last().unwrap().link.id;
        let mut stored = Stored::after(&mut random, parent, height);
        stored.undo = Some(vec![1; 100]);
        log.put_block(&stored.new_block());
        log.put_undo(&stored.link.id, &[1; 100]);
        log.commit(stored.tip()).unwrap();
        chain.push(stored);
    }
    (log, chain)
}

fn names(disk: &dyn Disk, ending: &str) -> Vec<String> {
    let names = disk.list().unwrap().into_iter();
    let mut names: Vec<_> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    names
}

#[test]
fn a_log_in_a_folder_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let folder = || Arc::new(Folder::open(directory.path()).unwrap()) as Arc<dyn Disk>;
    let (log, chain) = straight(&folder(), 20, Settings::default());
    let reader = log.reader();
    drop(log);
    let log = Log::open(folder(), GENESIS, Settings::default()).unwrap();
    for stored in &chain {
        assert_eq!(log.read_undo(&stored.link.id).unwrap(), stored.undo);
        assert_eq!(
            reader.read_block(&stored.link.id).unwrap().unwrap(),
            stored.bytes
        );
    }
    assert_eq!(log.tip(), chain[20].tip());
    let names = std::fs::read_dir(directory.path()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["00000000.seg"]);
}

#[test]
fn segments_rotate_and_old_ones_go() {
    let disk = Arc::new(Simulated::new()) as Arc<dyn Disk>;
    let settings = Settings {
        segment_bytes: u64::MAX,
        ..SMALL
    };
    // Six a segment: 0-5, 6-11, 12-17, 18-23, 24.
    let (mut log, chain) = straight(&disk, 24, settings);
    let all: Vec<String> = (0..5).map(|n| format!("{n:08}.seg")).collect();
    assert_eq!(names(&*disk, ".seg"), all);
    assert_eq!(names(&*disk, ".idx").len(), 4);
    let h = Height::new;
    // The window ends inside the second segment; then the checkpoint is too near; then neither is.
    log.prune(h(10), h(24), 6).unwrap();
    assert_eq!(names(&*disk, ".seg"), all[1..]);
    assert!(log.entry(&chain[10].link.id).is_none());
    assert_eq!(log.read_block(&chain[10].link.id), Ok(None));
    assert!(log.entry(&chain[11].link.id).is_some());
    assert_eq!(log.find_transaction(&chain[10].txids[0]), Ok(vec![]));
    log.prune(h(17), h(18), 7).unwrap();
    assert_eq!(names(&*disk, ".seg"), all[1..]);
    log.prune(h(17), h(18), 1).unwrap();
    assert_eq!(names(&*disk, ".seg"), all[2..]);
    log.prune(h(17), h(18), 0).unwrap();
    assert_eq!(names(&*disk, ".seg"), all[3..]);
    assert_eq!(names(&*disk, ".idx"), ["00000003.idx"]);
    // The last one stays whatever is asked.
    log.prune(h(u64::MAX), h(u64::MAX), 0).unwrap();
    assert_eq!(names(&*disk, ".seg"), all[4..]);
    assert_eq!(log.at_heights(h(0), h(u64::MAX)), []);
    drop(log);
    let log = Log::open(disk, GENESIS, settings).unwrap();
    assert_eq!(log.tip(), chain[24].tip());
    assert_eq!(
        log.at_heights(h(0), h(u64::MAX)),
        [(h(24), chain[24].link.id)]
    );
}

#[test]
fn forgotten_blocks_are_back_after_a_start() {
    let simulated = Simulated::new();
    let disk = Arc::new(simulated.clone()) as Arc<dyn Disk>;
    let (mut log, chain) = straight(&disk, 3, SMALL);
    let id = chain[2].link.id;
    log.forget(&[id, BlockId([1; 32])]);
    assert_eq!((log.entry(&id), log.read_link(&id)), (None, Ok(None)));
    assert_eq!(log.at_heights(Height::new(2), Height::new(2)), []);
    assert_eq!(log.find_transaction(&chain[2].txids[0]), Ok(vec![]));
    drop(log);
    let log = open(&simulated).unwrap();
    assert_eq!(log.read_link(&id).unwrap().unwrap(), chain[2].link);
}

#[test]
fn transactions_that_begin_alike_are_all_found() {
    let disk = Arc::new(Simulated::new()) as Arc<dyn Disk>;
    let (mut log, chain) = straight(&disk, 1, SMALL);
    let (mut random, mut parent) = (Random(1), chain[1].clone());
    let mut expected = Vec::new();
    for height in 2..20 {
        let mut stored = Stored::after(&mut random, parent.link.id, height);
        let twin = |last| TxId([[9; 16], [last; 16]].concat().try_into().unwrap());
        stored.txids = vec![TxId(random.hash()), twin(u8::try_from(height).unwrap())];
        log.put_block(&stored.new_block());
        log.commit(stored.tip()).unwrap();
        expected.push(Candidate {
            block: stored.link.id,
            index: 1,
        });
        parent = stored;
    }
    let mut found = log.find_transaction(&TxId([9; 32])).unwrap();
    let key = |candidate: &Candidate| log.entry(&candidate.block).unwrap().height;
    found.sort_by_key(key);
    assert_eq!(found, expected);
}

#[test]
fn the_disk_decides_whether_a_log_is_made_or_opened() {
    let simulated = Simulated::new();
    let disk = Arc::new(simulated.clone()) as Arc<dyn Disk>;
    assert_eq!(open(&simulated).unwrap_err(), OpenLog::Absent);
    let (log, chain) = straight(&disk, 1, SMALL);
    drop(log);
    let again = Log::create(disk.clone(), GENESIS, &chain[0].new_block(), SMALL);
    assert_eq!(again.unwrap_err(), OpenLog::Exists);
    let other = Log::open(disk, BlockId([1; 32]), SMALL).unwrap_err();
    assert!(
        matches!(other, OpenLog::OtherChain { found: GENESIS, .. }),
        "{other}"
    );
}

#[test]
fn an_index_file_is_made_again_from_its_segment() {
    let simulated = Simulated::new();
    let disk = Arc::new(simulated.clone()) as Arc<dyn Disk>;
    let (log, chain) = straight(&disk, 14, SMALL);
    drop(log);
    let read = |name: &str| {
        let file = disk.open(name, OpenMode::Existing).unwrap();
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_at(0, &mut bytes).unwrap();
        bytes
    };
    let name = "00000001.idx";
    let before = read(name);
    disk.remove(name).unwrap();
    drop(open(&simulated).unwrap());
    assert_eq!(read(name), before);
    let file = disk.open(name, OpenMode::Existing).unwrap();
    file.write_at(60, &[0xaa; 3]).unwrap();
    drop(open(&simulated).unwrap());
    assert_eq!(read(name), before);
    // A page of transactions is looked at when it is used, and does not stop the use.
    let file = disk.open(name, OpenMode::Existing).unwrap();
    file.write_at(file.len().unwrap() - 4096, &[0xaa; 3])
        .unwrap();
    let log = open(&simulated).unwrap();
    for stored in &chain {
        let found = log.find_transaction(&stored.txids[0]).unwrap();
        assert_eq!(
            found,
            [Candidate {
                block: stored.link.id,
                index: 0
            }]
        );
    }
}

#[test]
fn a_file_that_did_not_grow_with_its_last_commit_is_made_as_long_as_that_says() {
    let settings = Settings {
        segment_blocks: 1_000,
        segment_bytes: u64::MAX,
        allocate_step: 20_000,
        zeroed_ahead: 100_000,
        zero_step: 20_000,
    };
    let simulated = Simulated::new();
    let disk = Arc::new(simulated.clone()) as Arc<dyn Disk>;
    let (mut log, chain) = straight(&disk, 10, settings);
    let file = disk.open("00000000.seg", OpenMode::Existing).unwrap();
    let (mut random, mut tip, mut grown) = (Random(1), chain[10].tip(), 0);
    for _ in 0..60 {
        let stored = Stored::after(&mut random, tip.id, tip.height.get() + 1);
        let before = file.len().unwrap();
        log.put_block(&stored.new_block());
        tip = stored.tip();
        log.commit(tip).unwrap();
        if file.len().unwrap() == before {
            continue;
        }
        grown += 1;
        let copy = simulated.copy();
        let short = copy.open("00000000.seg", OpenMode::Existing).unwrap();
        short.set_len(before).unwrap();
        for _ in 0..3 {
            let mut log = Log::open(Arc::new(copy.clone()), GENESIS, settings).unwrap();
            assert_eq!(log.tip(), tip);
            log.commit(tip).unwrap();
        }
    }
    assert!(grown > 2, "{grown}");
}
