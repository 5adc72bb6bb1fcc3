//! Bits that flip, files that are cut short or gone: a named error or the exact answer.

use crate::common::{Driver, Model, Random, open};
use sapwood_store::disk::{Disk, OpenMode, Simulated};
use sapwood_store::log::OpenLog;

/// A history over several segments: the disk, the state after the last commit, and after the one before.
fn history(seed: u64) -> (Simulated, Model, Model) {
    let disk = Simulated::new();
    let mut driver = Driver::on(&disk, seed);
    let mut before = driver.model.clone();
    while driver.disk.list().unwrap().len() < 7 {
        let now = driver.model.clone();
        driver.step().unwrap();
        if driver.model.blocks.len() != now.blocks.len() {
            before = now;
        }
    }
    before.pruned = driver.model.pruned;
    (disk, driver.model, before)
}

/// Opens a damaged log, and checks that it is refused by name or gives no wrong answer. Says whether it opened.
fn examine(disk: &Simulated, what: &str, now: &Model, before: Option<&Model>) -> bool {
    let log = match open(disk) {
        Ok(log) => log,
        Err(OpenLog::Failed(failed)) => panic!("{what}: {failed}"),
        Err(OpenLog::Absent | OpenLog::Exists) => panic!("{what}: the log was not seen"),
        Err(error) => {
            assert!(error.to_string().contains(".seg"), "{what}: {error}");
            return false;
        }
    };
    let exact = now.check(&log, true);
    let earlier = before.is_some_and(|before| before.check(&log, true).is_ok());
    assert!(exact.is_ok() || earlier, "{what}: {exact:?}");
    true
}

#[test]
fn a_flipped_bit_is_an_error_or_changes_nothing() {
    let (mut opened, mut refused) = (0, 0);
    for seed in 0..4 {
        let (disk, now, before) = history(seed);
        let names = disk.list().unwrap();
        let last = names
            .iter()
            .rfind(|name| name.ends_with(".seg"))
            .unwrap()
            .clone();
        let mut random = Random(seed);
        for name in &names {
            for _ in 0..60 {
                let copy = disk.copy();
                let file = copy.open(name, OpenMode::Existing).unwrap();
                let mut offset = random.below(file.len().unwrap());
                // Headers are small and hold much.
                if random.below(4) == 0 {
                    offset %= 100;
                }
                let mut byte = [0];
                file.read_at(offset, &mut byte).unwrap();
                byte[0] ^= 1 << random.below(8);
                file.write_at(offset, &byte).unwrap();
                // The last commit cannot be told from one that was not completed.
                let before = (*name == last).then_some(&before);
                match examine(&copy, &format!("{seed}: {name} at {offset}"), &now, before) {
                    true => opened += 1,
                    false => refused += 1,
                }
            }
        }
    }
    assert!(opened > 100 && refused > 100, "{opened} {refused}");
}

#[test]
fn a_file_cut_short_is_an_error_or_changes_nothing() {
    for seed in 0..4 {
        let (disk, now, before) = history(seed);
        let names = disk.list().unwrap();
        let last = names
            .iter()
            .rfind(|name| name.ends_with(".seg"))
            .unwrap()
            .clone();
        for name in &names {
            let whole = disk.open(name, OpenMode::Existing).unwrap().len().unwrap();
            for len in (0..whole).step_by(509) {
                let copy = disk.copy();
                copy.open(name, OpenMode::Existing)
                    .unwrap()
                    .set_len(len)
                    .unwrap();
                let before = (*name == last).then_some(&before);
                examine(&copy, &format!("{seed}: {name} cut to {len}"), &now, before);
            }
        }
    }
}

#[test]
fn a_missing_file_is_an_error_unless_it_can_be_made_again() {
    for seed in 0..4 {
        let (disk, now, _) = history(seed);
        let names = disk.list().unwrap();
        let segments: Vec<_> = names.iter().filter(|name| name.ends_with(".seg")).collect();
        for name in &names {
            let copy = disk.copy();
            copy.remove(name).unwrap();
            if name.ends_with(".idx") {
                assert!(examine(&copy, name, &now, None));
                continue;
            }
            // Deleting the oldest is what pruning does, so that is the caller's to notice.
            if name != segments[0] {
                let error = open(&copy).unwrap_err();
                assert!(
                    matches!(error, OpenLog::MissingSegment { .. }),
                    "{name}: {error}"
                );
                assert!(error.to_string().contains(name.as_str()), "{error}");
            }
        }
    }
}

#[test]
fn damage_before_the_last_tip_is_not_taken_for_a_torn_end() {
    let disk = Simulated::new();
    let mut driver = Driver::on(&disk, 1);
    // Three commits in the first segment.
    let mut commits = 0;
    while commits < 3 {
        let blocks = driver.model.blocks.len();
        driver.step().unwrap();
        commits += usize::from(driver.model.blocks.len() > blocks);
    }
    let file = disk.open("00000000.seg", OpenMode::Existing).unwrap();
    let length = file.len().unwrap();
    // All of the first commit's page, as if it had never been written.
    file.write_at(4096, &[0; 4096]).unwrap();
    let error = open(&disk).unwrap_err();
    let OpenLog::Damaged {
        file: name, offset, ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!((name.as_str(), *offset), ("00000000.seg", 4096));
    // Nothing was changed.
    assert_eq!(file.len().unwrap(), length);
}

#[test]
fn a_newer_format_is_refused() {
    let disk = Simulated::new();
    let driver = Driver::on(&disk, 1);
    drop(driver);
    let file = disk.open("00000000.seg", OpenMode::Existing).unwrap();
    file.write_at(8, &2u32.to_le_bytes()).unwrap();
    let error = open(&disk).unwrap_err();
    assert_eq!(
        error,
        OpenLog::NewerFormat {
            file: "00000000.seg".into(),
            found: 2
        }
    );
}

#[test]
fn what_a_power_cut_left_of_a_commit_is_overwritten() {
    let disk = Simulated::new();
    let driver = Driver::on(&disk, 1);
    let file = disk.open("00000000.seg", OpenMode::Existing).unwrap();
    let read = || {
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_at(0, &mut bytes).unwrap();
        bytes
    };
    let before = read();
    let used = before.iter().rposition(|byte| *byte != 0).unwrap() as u64;
    let end = used.div_ceil(4096) * 4096;
    // More than what is looked at in one go, with zeros between.
    for at in [0, 600, 5_000, (1 << 20) + 7, (3 << 20) + 1] {
        file.write_at(end + at, &[5; 300]).unwrap();
    }
    let log = open(&disk).unwrap();
    driver.model.check(&log, false).unwrap();
    let after = read();
    assert_eq!(after[..before.len()], before);
    assert!(after[before.len()..].iter().all(|byte| *byte == 0));
}
