//! What is left of un-synced changes when the power goes, and the random numbers that decide it.

use super::image::Image;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a drive writes whole or not at all.
const SECTOR: u64 = 512;

/// Splitmix64: a seed gives the same numbers for ever, on every machine.
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// A change of a file that has not been synced.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { offset: u64, bytes: Arc<[u8]> },
    SetLen(u64),
    Allocate(u64),
}

impl Change {
    pub(super) fn apply(&self, image: &mut Image) {
        match self {
            Self::Write { offset, bytes } => image.write(*offset, bytes),
            Self::SetLen(len) => image.set_len(*len),
            Self::Allocate(len) => image.set_len(image.len().max(*len)),
        }
    }

    /// What a drive may have made of the change. `chance` is that of a part being kept, in percent.
    pub(super) fn apply_partly(&self, image: &mut Image, random: &mut Random, chance: u64) {
        let Self::Write { offset, bytes } = self else {
            if random.percent(chance) {
                self.apply(image);
            }
            return;
        };
        let end = offset + bytes.len() as u64;
        match random.below(4) {
            0 => {
                if random.percent(chance) {
                    image.write(*offset, bytes);
                }
            }
            // From the start up to a border.
            1 => {
                let upto = (offset + random.below(bytes.len() as u64 + 1)) / SECTOR * SECTOR;
                image.write(*offset, part(*offset, bytes, *offset, upto));
            }
            // Any of its sectors.
            _ => {
                let mut from = *offset;
                while from < end {
                    let upto = end.min((from / SECTOR + 1) * SECTOR);
                    if random.percent(chance) {
                        image.write(from, part(*offset, bytes, from, upto));
                    }
                    from = upto;
                }
            }
        }
        // The length may be on the disk before what fills it.
        if end > image.len() && random.percent(50) {
            image.set_len(end);
        }
    }
}

fn part(offset: u64, bytes: &[u8], from: u64, upto: u64) -> &[u8] {
    let index =
        |at: u64| usize::try_from(at.saturating_sub(offset)).expect("inside a slice in memory");
    &bytes[index(from)..index(upto)]
}

/// How likely an un-synced change is kept in one cut: some cuts lose nearly all, others nearly nothing, since different mistakes show.
pub(super) fn mood(random: &mut Random) -> u64 {
    [0, 10, 50, 50, 90, 100][usize::try_from(random.below(6)).expect("below six")]
}

/// A file after the cut.
pub(super) fn file(durable: &Image, pending: &[Change], random: &mut Random, mood: u64) -> Image {
    let mut image = durable.clone();
    let mut order: Vec<&Change> = pending.iter().collect();
    if random.percent(70) {
        for i in (1..order.len()).rev() {
            let other = random.below(i as u64 + 1);
            order.swap(i, usize::try_from(other).expect("an index"));
        }
    }
    for change in order {
        change.apply_partly(&mut image, random, mood);
    }
    image
}

/// Names of files, and which file each is.
pub(super) type Names = BTreeMap<String, u64>;

/// A change of the directory that has not been synced.
#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Create(String, u64),
    Remove(String, u64),
    Rename(String, String, u64),
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut Names) {
        match self {
            Self::Create(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Remove(name, file) => take_away(names, name, *file),
            Self::Rename(from, to, file) => {
                take_away(names, from, *file);
                names.insert(to.clone(), *file);
            }
        }
    }
}

/// Takes a name away if it is still that of the file: the change that gave it to another may have been kept alone.
fn take_away(names: &mut Names, name: &str, file: u64) {
    if names.get(name) == Some(&file) {
        names.remove(name);
    }
}
