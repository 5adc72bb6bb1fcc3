//! Seeded mutation: the same seed makes the same inputs, so a failure is repeated by its seed and run.

/// A small random source (SplitMix64). Not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A source for one run of one target.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, of 64 bits.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        match u64::try_from(bound) {
            Ok(bound) if bound > 0 => usize::try_from(self.number() % bound).unwrap_or(0),
            _ => 0,
        }
    }
}

/// Bytes that decoders treat in a special way: lengths, tags, signs, separators.
const TELLING: [u8; 12] = [
    0x00, 0x01, 0x02, 0x03, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xfc, 0xfe, 0xff,
];

/// Changes an input in one to four places: bits, telling bytes, lengths, repeats, cuts.
pub fn mutate(random: &mut Random, seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = TELLING[random.below(TELLING.len())],
            2 => bytes.truncate(at),
            3 => bytes.insert(at, TELLING[random.below(TELLING.len())]),
            4 if !bytes.is_empty() => drop(bytes.remove(at)),
            5 => {
                let until = (at + random.below(64)).min(bytes.len());
                let part = bytes[at..until].to_vec();
                bytes.splice(at..at, part);
            }
            6 => bytes.extend((0..random.below(9)).map(|_| 0xff)),
            _ if bytes.len() >= at + 8 => {
                bytes[at..at + 8].copy_from_slice(&random.number().to_le_bytes())
            }
            _ => bytes.push(0),
        }
    }
    bytes
}
