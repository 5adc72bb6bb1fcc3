//! A disk that fails from some operation on.

use crate::common::{Driver, Stopped, open};
use sapwood_store::disk::{Fault, Simulated};

#[test]
fn after_a_failure_nothing_is_written_and_everything_is_read() {
    let mut stopped = 0;
    for (fault, first) in [Fault::NoSpace, Fault::Io]
        .into_iter()
        .flat_map(|fault| (0..150).map(move |first| (fault, first)))
    {
        let disk = Simulated::new();
        disk.fail_from(first, fault, first);
        let Ok(mut driver) = Driver::new(&disk, first % 10) else {
            disk.heal();
            // Nothing was acknowledged; either there is no log or a whole one.
            let opened = open(&disk);
            assert!(opened.is_ok() || Driver::new(&disk, 1).is_ok(), "{first}");
            continue;
        };
        let reason = loop {
            if let Err(reason) = driver.step() {
                break reason;
            }
        };
        let model = driver.model.clone();
        if let Stopped::Storage(failed) = reason {
            stopped += 1;
            driver.check();
            let tip = driver.model.tip;
            disk.heal();
            assert_eq!(
                driver.log().commit(tip),
                Err(failed.clone()),
                "{fault:?} {first}"
            );
            let height = tip.height;
            assert_eq!(driver.log().prune(height, height, 0), Err(failed));
        }
        disk.heal();
        // The commit that failed may be readable. If it is found, it must from then on be durable.
        let log = open(&disk).unwrap_or_else(|e| panic!("{fault:?} {first}: {e}"));
        let found = [Some(model), driver.next.take()];
        let fits = |log: &_| {
            let exact = |model: &&crate::common::Model| model.check(log, false).is_ok();
            found.iter().flatten().position(|model| exact(&model))
        };
        let before = fits(&log);
        assert!(before.is_some(), "{fault:?} {first}");
        for seed in 0..5 {
            let log = open(&disk.power_cut(seed)).unwrap();
            assert_eq!(fits(&log), before, "{fault:?} {first} {seed}");
        }
        // So is what comes after it, in whatever file.
        let mut driver = Driver {
            model: found.iter().flatten().nth(before.unwrap()).unwrap().clone(),
            next: None,
            log: Some(log),
            ..driver
        };
        for seed in 0..3 {
            driver.step().unwrap();
            let log = open(&disk.power_cut(seed)).unwrap();
            driver.model.check(&log, false).unwrap();
        }
    }
    assert!(stopped > 100, "{stopped}");
}
