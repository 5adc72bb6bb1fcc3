//! Runs against maps in memory, and their decoders against bytes that are wrong.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::format::{
    BLOCK, BadHeader, Header, Index, MAX_VALUE, Map, TRAILER, Trailer, next_row, place, push_row,
};
use super::*;
use crate::disk::{Disk, OpenMode, Simulated};
use proptest::prelude::*;
use std::collections::BTreeMap;

const GENESIS: BlockId = BlockId([7; 32]);

type Changes = BTreeMap<Hash, Option<Vec<u8>>>;

fn write(disk: &Simulated, number: u32, rows: &Changes, mapped: bool) -> Arc<Run> {
    let mapped = mapped.then_some(rows.len());
    let mut writer = RunWriter::begin(disk, number, &GENESIS, mapped).unwrap();
    for (key, value) in rows {
        writer.push(key, value.as_deref()).unwrap();
    }
    let written = writer.finish().unwrap();
    let opened = Run::open(disk, number, &GENESIS, written.listed).unwrap();
    assert_eq!((&opened.index, opened.seed), (&written.index, written.seed));
    assert_eq!(opened.rows(), rows.len());
    Arc::new(opened)
}

/// Keys of few values, so that runs have many in common and neighbours begin alike; some in one place.
fn key() -> impl Strategy<Value = Hash> {
    (0u8..40, prop_oneof![Just(0u8), Just(0x80), any::<u8>()]).prop_map(|(last, first)| {
        let mut key = [0; 32];
        (key[0], key[31]) = (first, last);
        Hash(key)
    })
}

fn changes() -> impl Strategy<Value = Changes> {
    let value = prop::option::weighted(
        0.8,
        prop_oneof![
            prop::collection::vec(any::<u8>(), 1..60),
            prop::collection::vec(any::<u8>(), 900..1500),
            Just(vec![5; BLOCK + 100]),
        ],
    );
    prop::collection::btree_map(key(), value, 0..60)
}

proptest! {
    #[test]
    fn runs_answer_as_the_changes_applied_one_after_the_other(
        all in prop::collection::vec(changes(), 1..5), first in key(), last in key(),
    ) {
        let disk = Simulated::new();
        let (mut state, mut runs) = (BTreeMap::new(), Vec::new());
        for (number, changes) in (0..).zip(&all) {
            runs.push(write(&disk, number, changes, number > 0));
            state.extend(changes.clone());
        }
        let runs = Runs::new(runs);
        state.retain(|_, value| value.is_some());
        for key in all.iter().flat_map(BTreeMap::keys).chain([&first, &last]) {
            let expected = state.get(key).cloned().flatten();
            prop_assert_eq!(runs.row(key).unwrap(), expected);
        }
        let rows = |first: &Hash, last: &Hash| {
            runs.between(first, last).map(Result::unwrap).collect::<Vec<_>>()
        };
        let of = |keep: &dyn Fn(&Hash) -> bool| {
            let rows = state.iter().filter(|(key, _)| keep(key));
            rows.map(|(key, value)| (*key, value.clone().unwrap())).collect::<Vec<_>>()
        };
        prop_assert_eq!(rows(&Hash([0; 32]), &Hash([0xff; 32])), of(&|_| true));
        prop_assert_eq!(rows(&first, &last), of(&|key| (first..=last).contains(key)));
        prop_assert_eq!(rows(&first, &first), of(&|key| *key == first));
    }

    #[test]
    fn a_map_knows_every_place_and_hardly_any_other(places in prop::collection::btree_set(any::<u64>(), 1..200)) {
        let mut map = Map::new(places.len());
        places.iter().for_each(|place| map.insert(*place));
        for place in &places {
            prop_assert!(map.may_hold(*place, *place));
            prop_assert!(map.may_hold(place.saturating_sub(9), place.saturating_add(9)));
        }
        // In the middle of a gap that is wider than two parts there is nothing.
        let part = u64::MAX / (32 * places.len() as u64) + 1;
        let places: Vec<u64> = places.into_iter().collect();
        for pair in places.windows(2).filter(|pair| pair[1] - pair[0] > 2 * part + 2) {
            let middle = pair[0] + (pair[1] - pair[0]) / 2;
            prop_assert!(!map.may_hold(middle, middle));
        }
        prop_assert!(map.may_hold(0, u64::MAX));
    }

    #[test]
    fn damaged_bytes_anywhere_are_an_error_or_change_no_answer(
        changes in changes(), at in any::<prop::sample::Index>(), bit in 0..8, cut in any::<bool>(),
    ) {
        let disk = Simulated::new();
        let run = write(&disk, 3, &changes, true);
        let file = disk.open("00000003.rows", OpenMode::Existing).unwrap();
        let length = usize::try_from(file.len().unwrap()).unwrap();
        let at = at.index(length);
        if cut {
            file.set_len(at as u64).unwrap();
        } else {
            let mut byte = [0];
            file.read_at(at as u64, &mut byte).unwrap();
            file.write_at(at as u64, &[byte[0] ^ (1u8 << bit)]).unwrap();
        }
        // What was open before, and what is opened now.
        let opened = Run::open(&disk, 3, &GENESIS, run.listed);
        let mut noticed = opened.is_err();
        for run in [Some(run), opened.ok().map(Arc::new)].into_iter().flatten() {
            for (key, value) in &changes {
                match run.row(key) {
                    Ok(found) => prop_assert_eq!(found.as_ref(), Some(value)),
                    Err(fault) => noticed = noticed || matches!(fault.why, Why::Damaged(_)),
                }
            }
        }
        prop_assert!(noticed, "byte {} of {}", at, length);
    }

    #[test]
    fn any_bytes_are_rows_that_are_written_alike_or_none(mut bytes in prop::collection::vec(any::<u8>(), 0..300), length in 0u8..60) {
        if let Some(place) = bytes.get_mut(32..36) {
            place.copy_from_slice(&[length, 0, 0, 0]);
        }
        let (mut rest, mut again) = (bytes.as_slice(), Vec::new());
        while let Ok((key, value)) = next_row(&mut rest) {
            push_row(&mut again, key, value);
        }
        prop_assert_eq!(&bytes[..again.len()], again.as_slice());
        prop_assert_eq!(again.len() + rest.len(), bytes.len());
    }

    #[test]
    fn any_bytes_are_an_index_that_is_written_alike_or_none(
        bytes in prop::collection::vec(any::<u8>(), 0..200), blocks in 0u64..12, words in any::<u64>(), end in 0u64..5000,
    ) {
        let words = [words, bytes.len() as u64 / 8 - blocks.min(bytes.len() as u64 / 16) * 2];
        for words in words {
            let trailer = Trailer { rows: 1, blocks, words, end, index_checksum: 0 };
            if let Ok(index) = Index::decode(&bytes, &trailer) {
                prop_assert_eq!(index.encode(), bytes.clone());
                prop_assert_eq!(index.end(), end);
            }
        }
        let huge = Trailer { rows: 0, blocks: u64::MAX - blocks, words: u64::MAX, end, index_checksum: 0 };
        prop_assert!(Index::decode(&bytes, &huge).is_err());
        prop_assert!(Trailer::decode_with(&huge.encode_with(1), 1, 100).is_err());
    }
}

#[test]
fn a_header_says_whose_it_is() {
    let header = Header {
        number: 3,
        genesis: GENESIS,
        salt: 9,
    };
    let bytes = header.encode();
    assert_eq!(Header::decode(&bytes), Ok(header));
    for at in 0..bytes.len() {
        assert!(matches!(
            Header::decode(&bytes[..at]),
            Err(BadHeader::Damaged(_))
        ));
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x40;
        let newer = (8..12).contains(&at);
        assert_eq!(
            matches!(Header::decode(&flipped), Err(BadHeader::Newer(_))),
            newer
        );
        assert!(Header::decode(&flipped).is_err());
    }
}

#[test]
fn a_trailer_fits_one_seed_and_one_length() {
    let trailer = Trailer {
        rows: 3,
        blocks: 1,
        words: 2,
        end: 500,
        index_checksum: 8,
    };
    let bytes = trailer.encode_with(5);
    assert_eq!(bytes.len(), TRAILER);
    let length = 500 + 16 + 16 + TRAILER as u64;
    assert_eq!(Trailer::decode_with(&bytes, 5, length), Ok(trailer));
    assert!(Trailer::decode_with(&bytes, 6, length).is_err());
    assert!(Trailer::decode_with(&bytes, 5, length + 1).is_err());
    assert!(Trailer::decode_with(&bytes[..TRAILER - 1], 5, length).is_err());
}

#[test]
fn a_row_that_cannot_come_next_is_not_written() {
    let disk = Simulated::new();
    let mut writer = RunWriter::begin(&disk, 0, &GENESIS, None).unwrap();
    let (low, high) = (Hash([1; 32]), Hash([2; 32]));
    writer.push(&high, Some(b"row")).unwrap();
    for (key, value) in [(&low, b"row".as_slice()), (&high, b"row")] {
        assert!(writer.push(key, Some(value)).is_err());
    }
    let next = Hash([3; 32]);
    assert!(writer.push(&next, Some(&[])).is_err());
    assert!(writer.push(&next, Some(&vec![1; MAX_VALUE + 1])).is_err());
    writer.push(&next, Some(&vec![1; MAX_VALUE])).unwrap();
    assert!(RunWriter::begin(&disk, 0, &GENESIS, None).is_err());
}

#[test]
fn a_block_that_stands_in_the_place_of_another_does_not_fit() {
    let disk = Simulated::new();
    let rows = (0..60u8).map(|n| (Hash([n; 32]), Some(vec![n; 200])));
    let run = write(&disk, 0, &rows.collect(), false);
    let file = disk.open("00000000.rows", OpenMode::Existing).unwrap();
    let [first, second, third] = run.index.offsets[..3] else {
        panic!("there are two blocks");
    };
    assert_eq!(second - first, third - second);
    let mut block = vec![0; usize::try_from(second - first).unwrap()];
    file.read_at(first, &mut block).unwrap();
    file.write_at(second, &block).unwrap();
    assert!(run.row(&Hash([0; 32])).unwrap().is_some());
    let key = Hash([run.index.places[1].to_be_bytes()[0]; 32]);
    let fault = run.row(&key).unwrap_err();
    assert_eq!(
        (fault.offset, fault.file.as_str()),
        (second, "00000000.rows")
    );
}

#[test]
fn names_are_those_of_numbers_and_no_others() {
    assert_eq!(run_number("00000012.rows"), Some(12));
    assert_eq!(run_number("123456789.rows"), Some(123_456_789));
    for name in [
        "12.rows",
        "+0000012.rows",
        "00000012.row",
        "00000012.rows.new",
        "000000012.rows",
    ] {
        assert_eq!(run_number(name), None, "{name}");
    }
    assert_eq!(place(&[0xff; 32]), u64::MAX);
}
