//! The accounts that the tree's figures are taken with: the same keys, values and blocks for Sapwood and for every peer, all of them following from numbers.
//!
//! An account's number says its key, and its number and version say its value. A database *present* with `n` accounts holds the numbers below `n`.

use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// Bytes of a value, about an encoded account with a limit and a guardian.
pub const VALUE_LEN: usize = 200;

/// A 32-byte key, uniformly distributed.
pub type Key = [u8; 32];

/// The version of the value that an account is loaded with.
pub const LOADED: u64 = 0;

/// The key of account `number`: SHA-256 of the number's eight bytes, least significant first.
pub fn key(number: u64) -> Key {
    Sha256::digest(number.to_le_bytes()).into()
}

/// The value of account `number` in `version`: 25 words of a SplitMix64 stream, each least significant byte first. The stream starts at `number ^ mix(version)`, mixed.
pub fn value(number: u64, version: u64) -> [u8; VALUE_LEN] {
    let mut words = SplitMix64(mix(number ^ mix(version)));
    let mut value = [0; VALUE_LEN];
    for bytes in value.chunks_exact_mut(8) {
        bytes.copy_from_slice(&words.next().to_le_bytes());
    }
    value
}

/// What a block does to one account: it gets a new value, and comes into being if it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The account's key.
    pub key: Key,
    /// Its value from now on.
    pub value: [u8; VALUE_LEN],
}

/// The updates that load accounts `from..to`, sorted by key.
pub fn load(from: u64, to: u64) -> Vec<Update> {
    updates(from..to, LOADED)
}

/// The updates of a block of `count` accounts, sorted by key: half of them, rounded down, were among the `present` ones and are chosen by `seed`, each once; the others are new and numbered on from
/// `present`. All get the values of version `seed`. `None` if fewer are present than have to be chosen.
pub fn block(present: u64, count: u64, seed: u64) -> Option<Vec<Update>> {
    let old = count / 2;
    let chosen = choose(present, old, seed)?;
    let new = present..present + (count - old);
    Some(updates(chosen.into_iter().chain(new), seed))
}

/// How many accounts are present after a block of `count` updates.
pub fn present_after(present: u64, count: u64) -> u64 {
    present + (count - count / 2)
}

/// `count` different numbers below `present`, chosen by `seed`, in the order in which they were drawn. `None` if there are not as many.
pub fn choose(present: u64, count: u64, seed: u64) -> Option<Vec<u64>> {
    if count > present {
        return None;
    }
    let mut words = SplitMix64(mix(seed));
    let mut seen = HashSet::new();
    let mut chosen = Vec::new();
    while u64::try_from(chosen.len()).is_ok_and(|len| len < count) {
        let number = words.below(present);
        if seen.insert(number) {
            chosen.push(number);
        }
    }
    Some(chosen)
}

fn updates(numbers: impl IntoIterator<Item = u64>, version: u64) -> Vec<Update> {
    let update = |number| Update {
        key: key(number),
        value: value(number, version),
    };
    let mut updates: Vec<_> = numbers.into_iter().map(update).collect();
    updates.sort_unstable_by_key(|update| update.key);
    updates
}

/// Steele, Lea and Flood's generator: a counter in steps of the golden ratio, mixed.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`: the high half of the product, whose bias is far below what a figure could show.
    fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).expect("the high half of a product of two u64 is a u64")
    }
}

/// The generator's output function, a permutation of `u64`.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // The first outputs for seed 1234567, as other implementations give them.
        let mut words = SplitMix64(1_234_567);
        let first = [words.next(), words.next(), words.next()];
        assert_eq!(
            first,
            [
                6457827717110365317,
                3203168211198807973,
                9817491932198370423
            ]
        );
    }

    #[test]
    fn a_key_is_the_hash_of_the_number() {
        // printf '\1\0\0\0\0\0\0\0' | sha256sum
        let hex: String = key(1).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "7c9fa136d4413fa6173637e883b6998d32e1d675f88cddff9dcbcf331820f4b8"
        );
    }

    #[test]
    fn a_value_follows_from_number_and_version_alone() {
        assert_eq!(value(7, 3), value(7, 3));
        assert_ne!(value(7, 3), value(7, 4));
        assert_ne!(value(7, 3), value(8, 3));
        assert_ne!(value(7, 3), value(3, 7));
    }

    #[test]
    fn a_block_is_half_old_and_half_new_and_sorted() {
        let (present, count, seed) = (1_000, 101, 5);
        let updates = block(present, count, seed).unwrap();
        assert_eq!(updates.len(), 101);
        assert!(updates.is_sorted_by(|a, b| a.key < b.key));
        assert_eq!(present_after(present, count), 1_051);
        let old: HashSet<_> = (0..present).map(key).collect();
        let new: HashSet<_> = (present..1_051).map(key).collect();
        let count_of =
            |keys: &HashSet<Key>| updates.iter().filter(|u| keys.contains(&u.key)).count();
        assert_eq!((count_of(&old), count_of(&new)), (50, 51));
    }

    #[test]
    fn another_seed_chooses_other_accounts_and_other_values() {
        let (a, b) = (block(1_000, 100, 1).unwrap(), block(1_000, 100, 2).unwrap());
        assert_ne!(a, b);
        assert_eq!(a, block(1_000, 100, 1).unwrap());
        let keys = |updates: &[Update]| updates.iter().map(|u| u.key).collect::<Vec<_>>();
        assert_ne!(keys(&a), keys(&b));
        let new = key(1_000);
        let of_new = |updates: &[Update]| updates.iter().find(|u| u.key == new).unwrap().value;
        assert_ne!(of_new(&a), of_new(&b));
    }

    #[test]
    fn all_that_are_present_can_be_chosen_and_no_more() {
        let mut all = choose(64, 64, 9).unwrap();
        assert!(!all.is_sorted());
        all.sort_unstable();
        assert_eq!(all, (0..64).collect::<Vec<_>>());
        assert_eq!(choose(64, 65, 9), None);
        assert_eq!(block(9, 20, 1), None);
        assert!(block(10, 20, 1).is_some());
    }

    #[test]
    fn loading_gives_each_account_its_first_value() {
        let updates = load(10, 13);
        assert_eq!(updates.len(), 3);
        for number in 10..13 {
            let update = updates.iter().find(|u| u.key == key(number)).unwrap();
            assert_eq!(update.value, value(number, LOADED));
        }
    }
}
