//! What the targets promise together: each parser of foreign bytes has one, and each keeps its word on mutations of good inputs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sapwood_fuzz::{
    BOUNDARIES, Random, check, densest_block, densest_undo, fuzz, mutate, peak_of, targets,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Mutations of each target, unless `FUZZ_RUNS` says otherwise.
const RUNS: u64 = 5_000;

/// Most bytes of the corpus.
const CORPUS_BYTES: u64 = 300_000;

#[test]
fn no_target_fails_on_mutations_of_good_inputs() {
    let runs = std::env::var("FUZZ_RUNS").map_or(RUNS, |text| text.parse().unwrap());
    let (next, count) = (AtomicUsize::new(0), targets().len());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let targets = targets();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(target) = targets.get(index) else {
                        break;
                    };
                    let mut accepted = 0u64;
                    fuzz(target, 1, runs, |_| accepted += 1);
                    println!("{}: {accepted} of {runs} accepted", target.name);
                }
            });
        }
    });
    assert!(next.into_inner() >= count);
}

#[test]
fn every_seed_of_a_boundary_type_is_a_value() {
    for target in targets() {
        let seeds = target.seeds();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        let is_boundary = BOUNDARIES
            .into_iter()
            .flatten()
            .any(|boundary| boundary.name.to_lowercase() == target.name.replace('-', ""));
        for seed in seeds.iter().filter(|_| is_boundary) {
            assert!(check(&target, seed), "{}: {seed:02x?}", target.name);
        }
    }
}

/// The bound on memory must refuse nothing that is valid, so the densest values are read, and held to it.
#[test]
fn the_densest_values_are_read_within_four_times_their_bytes() {
    let targets = targets();
    let target = |name: &str| {
        let found = targets.iter().find(|target| target.name == name);
        found.unwrap()
    };
    let show = |name: &str, input: &[u8]| {
        let (_, peak) = peak_of(|| (target(name).reads)(input));
        println!("{name}: {} bytes take {peak} bytes of memory", input.len());
    };
    let block = densest_block();
    show("block", &block);
    assert!(block.len() > 260_000 && check(target("block"), &block));
    for undo in densest_undo() {
        show("undo", &undo);
        assert!(undo.len() > 640_000 && check(target("undo"), &undo));
        // A length that promises more than there is reserves no more than fits.
        let promising = [&[0xfe, 0xff, 0x3f, 0][..], &undo[4..]].concat();
        assert!(!check(target("undo"), &promising));
    }
}

#[test]
fn the_same_seed_makes_the_same_inputs() {
    let input = |seed| mutate(&mut Random::new(seed), b"some bytes to begin with");
    assert_eq!(input(7), input(7));
    assert!((0..100).any(|seed| input(seed) != input(seed + 1)));
}

#[test]
fn the_corpus_is_small_and_each_of_its_folders_belongs_to_a_target() {
    let names: BTreeSet<_> = targets().into_iter().map(|t| t.name).collect();
    let mut bytes = 0;
    for folder in fs::read_dir(root().join("fuzz/corpus")).unwrap() {
        let folder = folder.unwrap();
        let name = folder.file_name().into_string().unwrap();
        assert!(names.contains(&name), "no target is called {name}");
        let files = fs::read_dir(folder.path()).unwrap();
        bytes += files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum::<u64>();
    }
    assert!(bytes <= CORPUS_BYTES, "{bytes} bytes");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The sources that the program is made of, with their paths in the workspace, without their unit tests.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in [
        "primitives",
        "lanes",
        "account-tree",
        "runtime",
        "store",
        "miner",
        "rpc",
        "wallet",
        "resolver",
        "node",
    ] {
        let mut folders = vec![root().join(part).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let text = path.to_string_lossy().into_owned();
                if path.is_dir() {
                    folders.push(path);
                } else if text.ends_with(".rs") && !text.contains("/tests/") {
                    let source = fs::read_to_string(&path).unwrap();
                    let code = source.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
                    let name = text.split("/../").last().unwrap().to_owned();
                    found.push((name, code.to_owned()));
                }
            }
        }
    }
    assert!(found.len() > 100, "the sources were not found");
    found
}

#[test]
fn each_wire_type_of_the_sources_is_in_a_boundary_list() {
    let listed: BTreeSet<_> = BOUNDARIES
        .into_iter()
        .flatten()
        .map(|boundary| boundary.name.to_owned())
        .collect();
    let mut declared = BTreeSet::new();
    for (_, source) in sources() {
        for line in source.lines() {
            if let Some((_, name)) = line.split_once("Wire for ") {
                declared.insert(name.trim_end_matches([' ', '{']).to_owned());
            }
        }
    }
    assert_eq!(declared, listed, "add the type to `boundary!` of its crate");
}

/// Bytes become values through the bounded reader: the codec's own entrances are called in it, and in the types that it reads with.
#[test]
fn nothing_goes_around_the_bounded_reader() {
    let inside = ["primitives/src/codec.rs", "primitives/src/actions.rs"];
    for (name, source) in sources() {
        for (number, line) in source.lines().enumerate() {
            let goes_around = ["decode_all(", "DecodeAll", "DecodeLimit", "decode(&mut"]
                .iter()
                .any(|entrance| line.contains(entrance));
            assert!(
                !goes_around || inside.contains(&name.as_str()),
                "{name}:{}: use `codec::read`: {line}",
                number + 1
            );
        }
    }
}

/// Parsers of other forms: where each stands, how many of its kind the file has, and the target that feeds it.
const PARSERS: [(&str, usize, &str); 10] = [
    ("account-tree/src/anchor.rs", 1, "anchor"),
    ("account-tree/src/proof.rs", 1, "proof"),
    ("primitives/src/address.rs", 1, "address"),
    ("primitives/src/amount.rs", 1, "amount"),
    ("primitives/src/chain.rs", 1, "chain-file"),
    ("primitives/src/hash.rs", 1, "hash"),
    ("primitives/src/name.rs", 2, "name"),
    ("primitives/src/records.rs", 1, "records"),
    ("rpc/src/records.rs", 2, "record-text"),
    ("rpc/src/records/svcb.rs", 1, "records"),
];

#[test]
fn each_other_parser_of_the_shared_parts_has_a_target() {
    let names: BTreeSet<_> = targets().into_iter().map(|t| t.name).collect();
    let marks = ["pub fn from_bytes(", "pub fn parse", "impl FromStr for"];
    let mut found = Vec::new();
    for (name, source) in sources() {
        if ["wallet/", "node/"]
            .iter()
            .any(|part| name.starts_with(part))
        {
            continue;
        }
        let count = marks.iter().map(|mark| source.matches(mark).count()).sum();
        if count > 0 {
            found.push((name, count));
        }
    }
    found.sort();
    let listed: Vec<_> = PARSERS
        .iter()
        .map(|(file, count, target)| {
            assert!(names.contains(*target), "no target is called {target}");
            ((*file).to_owned(), *count)
        })
        .collect();
    assert_eq!(
        found, listed,
        "give the parser a target and a line in PARSERS"
    );
}
