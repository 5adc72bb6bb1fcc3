//! Wrong bytes in a file.

use crate::fixture::{
    CACHE, CHECKPOINT, Damaged, INDEX, LAST, Outcome, PAGE, SEALED, fixture, rows,
};
use sapwood_tests::{Numbers, StoreFile, from_environment};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::thread;

/// Random cases, unless the environment says otherwise.
const CASES: u64 = 120;

/// The case of this number.
fn case(seed: u64, number: u64) -> Damaged {
    let fixture = fixture();
    let mut numbers = Numbers::new(seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let (image, files) = match number % 2 {
        0 => ("ended", &fixture.ended),
        _ => ("killed", &fixture.killed),
    };
    let mut names = vec![CHECKPOINT, LAST, SEALED, CACHE, INDEX];
    names.retain(|name| files.names().contains(name));
    names.extend(rows(files));
    let name = names[usize::try_from(number / 2).unwrap() % names.len()];
    let (file, how, place) = damage(files.file(name), &mut numbers);
    let mut may_be = vec![&fixture.seen];
    // Nothing tells the last commit of a process that was killed, damaged, from one that was being written.
    let last_commit = (files.file(LAST).used() - 1) / PAGE * PAGE;
    if image == "killed" && name == LAST && place >= last_commit {
        may_be.push(&fixture.before);
    }
    Damaged {
        right: files,
        name,
        file: Some(file),
        may_be,
        what: format!("case {number} of seed {seed}: {image}, {name}: {how}"),
    }
}

/// The file with damage at one place, in words, and the place.
fn damage(file: &StoreFile, numbers: &mut Numbers) -> (StoreFile, String, u64) {
    let used = file.used();
    let page = numbers.below(used.div_ceil(PAGE)) * PAGE;
    match numbers.below(8) {
        // The first page and the last used ones hold what everything else hangs on.
        0 => flip(file, numbers.below(used.min(512))),
        1 => flip(file, used - 1 - numbers.below(PAGE.min(used))),
        2 | 3 => flip(file, numbers.below(used)),
        4 => {
            let zeros = vec![0; usize::try_from(PAGE).unwrap()];
            (
                file.with(page, &zeros).resized(file.length()),
                format!("zeros at {page}"),
                page,
            )
        }
        5 => {
            let noise: Vec<u8> = (0..PAGE).map(|_| numbers.any().to_le_bytes()[0]).collect();
            (
                file.with(page, &noise).resized(file.length()),
                format!("noise at {page}"),
                page,
            )
        }
        6 => (file.resized(page), format!("cut off at {page}"), page),
        _ => {
            let at = numbers.below(file.length());
            (file.resized(at), format!("cut off at {at}"), at)
        }
    }
}

fn flip(file: &StoreFile, offset: u64) -> (StoreFile, String, u64) {
    let bit = 8 * offset + offset % 8;
    (
        file.flipped(bit),
        format!("bit {bit} flipped, byte {offset}"),
        offset,
    )
}

#[test]
fn random_damage_to_any_file_is_refused_or_the_same_state_is_served() {
    let cases = from_environment("DAMAGE_CASES", CASES);
    let seed = from_environment("DAMAGE_SEED", 1);
    println!("DAMAGE_CASES={cases} DAMAGE_SEED={seed}");
    fixture();
    let next = Mutex::new(0..cases);
    let counts = Mutex::new(BTreeMap::<&str, [u64; 2]>::new());
    let work = || {
        loop {
            let Some(number) = next.lock().unwrap().next() else {
                return;
            };
            let case = case(seed, number);
            let outcome = case.start();
            let mut counts = counts.lock().unwrap();
            let count = counts.entry(case.name).or_default();
            match outcome {
                Outcome::Refused(message) | Outcome::Said(message) => {
                    println!("{}: {message}", case.what);
                    count[0] += 1;
                }
                Outcome::Served => count[1] += 1,
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let counts = counts.into_inner().unwrap();
    for (name, [refused, served]) in &counts {
        println!("{name}: {refused} refused, {served} served");
    }
    // Where the truth is, damage matters; what only saves time is never a reason to refuse.
    assert!(counts[CHECKPOINT][0] > 0 && counts[LAST][0] > 0);
    assert_eq!((counts[CACHE][0], counts[INDEX][0]), (0, 0));
    let rows = counts.iter().filter(|(name, _)| name.ends_with(".rows"));
    assert!(rows.map(|(_, [refused, _])| refused).sum::<u64>() > 0);
}
