//! The power goes at any moment, also while the log recovers.

use crate::common::{Driver, Model, Random, open};
use sapwood_store::disk::{Fault, Simulated};
use sapwood_store::log::{Log, OpenLog};

/// Rounds; `POWER_CUTS` in the environment sets another number.
fn rounds() -> u64 {
    let wanted = std::env::var("POWER_CUTS").ok();
    wanted.map_or(1_000, |n| n.parse().unwrap())
}

/// What has to be found, and what may be found instead.
struct Expected {
    acknowledged: Option<Model>,
    under_way: Option<Model>,
}

/// Runs a history until the power goes, and gives the disk after that.
fn run_until_cut(random: &mut Random) -> (Simulated, Expected) {
    let disk = Simulated::new();
    disk.fail_from(random.below(260), Fault::Stop, 0);
    let expected = match Driver::new(&disk, random.next()) {
        Err(base) => Expected {
            acknowledged: None,
            under_way: Some(*base),
        },
        Ok(mut driver) => {
            let steps = 1 + random.below(60);
            let _stopped = (0..steps).find_map(|_| driver.step().err());
            Expected {
                acknowledged: Some(driver.model),
                under_way: driver.next,
            }
        }
    };
    (disk.power_cut(random.next()), expected)
}

/// Opens the log; on the way the power goes up to three times more.
fn recover(mut disk: Simulated, random: &mut Random) -> (Simulated, Result<Log, OpenLog>, u64) {
    let mut cuts = 0;
    while cuts < 3 && random.below(3) == 0 {
        disk.fail_from(random.below(8), Fault::Stop, 0);
        drop(open(&disk));
        disk = disk.power_cut(random.next());
        cuts += 1;
    }
    let log = open(&disk);
    (disk, log, cuts)
}

#[test]
fn every_acknowledged_commit_survives_power_cuts_and_no_other_is_half_there() {
    let (mut cuts, mut kept_under_way, mut none) = (0, 0, 0);
    for seed in 0..rounds() {
        let mut random = Random(seed);
        let (disk, expected) = run_until_cut(&mut random);
        let (disk, log, more) = recover(disk, &mut random);
        cuts += 1 + more;
        let log = match log {
            Ok(log) => log,
            Err(OpenLog::Absent) if expected.acknowledged.is_none() => {
                none += 1;
                Driver::on(&disk, seed).check();
                continue;
            }
            Err(error) => panic!("seed {seed}: {error}"),
        };
        let found = |model: Option<Model>| model.filter(|model| model.tip == log.tip());
        let acknowledged = expected.acknowledged;
        let exact = |model: &Model| model.check(&log, false);
        // A side block leaves the tip as it was, so both may fit.
        let (old, new) = (found(acknowledged), found(expected.under_way));
        let model = match (old.clone().filter(|m| exact(m).is_ok()), new.clone()) {
            (Some(model), _) => model,
            (None, Some(model)) if exact(&model).is_ok() => {
                kept_under_way += 1;
                model
            }
            _ => panic!(
                "seed {seed}: {:?} {:?}, tip {:?}",
                old.map(|m| exact(&m)),
                new.map(|m| exact(&m)),
                log.tip()
            ),
        };
        // The log goes on, and loses nothing in the next cut.
        let mut driver = Driver {
            disk,
            random,
            log: Some(log),
            model,
            next: None,
        };
        for _ in 0..8 {
            driver
                .step()
                .unwrap_or_else(|e| panic!("seed {seed}: {e:?}"));
        }
        let after = driver.disk.power_cut(seed);
        let log = open(&after).unwrap_or_else(|e| panic!("seed {seed}, later: {e}"));
        cuts += 1;
        let checked = driver.model.check(&log, false);
        checked.unwrap_or_else(|e| panic!("seed {seed}, later: {e}"));
    }
    println!(
        "{cuts} cuts; the commit under way was there {kept_under_way} times, no log {none} times"
    );
    // The histories reach what they are for.
    assert!(kept_under_way > 0 && none > 0);
}
