//! What a process that was killed leaves behind the last commit of the log.

use crate::fixture::{LAST, PAGE, Seen, end, fixture, home_with};
use sapwood_tests::{Numbers, StoreFile, StoreFiles};

/// Garbage of so many bytes that does not end with zeros.
fn garbage(numbers: &mut Numbers, length: u64) -> Vec<u8> {
    let noise = (1..length).map(|_| numbers.any().to_le_bytes()[0]);
    noise.chain([0xff]).collect()
}

#[test]
fn a_torn_tail_behind_the_last_commit_is_cut_without_a_word() {
    let fixture = fixture();
    let mut numbers = Numbers::new(3);
    for (files, image) in [(&fixture.killed, "killed"), (&fixture.ended, "ended")] {
        let last = files.file(LAST);
        let behind = last.used().next_multiple_of(PAGE);
        // Part of the next commit, a page that was written before those in front of it, and the last commit itself over again, which is no commit there.
        let again = (last.used() - 1) / PAGE * PAGE;
        let again: Vec<u8> = (again..last.used()).map(|at| last.byte(at)).collect();
        let tails: [(u64, Vec<u8>); 4] = [
            (behind, garbage(&mut numbers, 100)),
            (behind, garbage(&mut numbers, 3 * PAGE)),
            (behind + 5 * PAGE, garbage(&mut numbers, PAGE)),
            (behind, again),
        ];
        for (number, (offset, bytes)) in tails.into_iter().enumerate() {
            let torn = last.with(offset, &bytes);
            assert_eq!(torn.length(), last.length());
            check_cut(
                &files.with(LAST, torn),
                last,
                &format!("{image}, tail {number}"),
            );
        }
    }
}

#[track_caller]
fn check_cut(files: &StoreFiles, last: &StoreFile, what: &str) {
    let home = home_with(files);
    let node = home.node("dev", &["--no-dns"]);
    assert!(
        Seen::of(&node) == fixture().seen,
        "{what}: another state is served"
    );
    let kept = StoreFiles::read(&home.store("dev"));
    assert!(
        kept.file(LAST) == last,
        "{what}: the tail is gone, and nothing else"
    );
    end(node, what);
}
