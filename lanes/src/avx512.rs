//! SHA-256's compression function on sixteen blocks at once, by AVX-512.
//!
//! A register holds one word of sixteen independent computations: lane `i` belongs to block `i`. Blocks arrive with their
//! words side by side and are transposed on the way in, digests on the way out. The eight working variables and the sixteen
//! latest words of the message schedule take 24 of the 32 registers, so that rounds need no memory.

#![allow(
    unsafe_code,
    reason = "the processor has to be asked before its vector instructions are used, and vectors are loaded through pointers"
)]

use core::arch::x86_64::*;
use core::array;

use crate::{BLOCK, Block, Digest, State};

cpufeatures::new!(detected, "avx512f", "avx512bw");

/// Blocks that are compressed at once.
pub(crate) const LANES: usize = 16;

/// One word of each lane.
type Words = __m512i;

/// The round constants (FIPS 180-4 §4.2.2), sixteen rounds each.
#[rustfmt::skip]
const K: [[u32; 16]; 4] = [
    [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    ],
    [
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    ],
    [
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    ],
    [
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ],
];

/// The states of all lanes: word by word, lane by lane within a word.
#[repr(align(64))]
pub(crate) struct States([[u32; LANES]; 8]);

impl States {
    /// The same state in every lane.
    pub(crate) fn splat(state: &State) -> Self {
        Self(state.map(|word| [word; LANES]))
    }

    /// Sets the state of a lane.
    pub(crate) fn set(&mut self, lane: usize, state: &State) {
        for (words, word) in self.0.iter_mut().zip(state) {
            words[lane] = *word;
        }
    }

    /// The state of a lane.
    pub(crate) fn get(&self, lane: usize) -> State {
        array::from_fn(|word| self.0[word][lane])
    }
}

/// The proof that this processor and its operating system offer what this module uses.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// Asks the processor.
    pub(crate) fn detect() -> Option<Self> {
        detected::get().then_some(Self(()))
    }

    /// Compresses every block from the same state.
    pub(crate) fn compress_same(
        self,
        state: &State,
        blocks: &[Block; LANES],
        out: &mut [Digest; LANES],
    ) {
        // SAFETY: `self` exists, so the features have been detected.
        unsafe { compress_same(state, blocks, out) }
    }

    /// Compresses each block into the state of its lane.
    pub(crate) fn compress(self, states: &mut States, blocks: &[&Block; LANES]) {
        // SAFETY: `self` exists, so the features have been detected.
        unsafe { compress(states, blocks) }
    }
}

/// See [`Avx512::compress_same`].
#[target_feature(enable = "avx512f,avx512bw")]
fn compress_same(state: &State, blocks: &[Block; LANES], out: &mut [Digest; LANES]) {
    let start = state.map(|word| _mm512_set1_epi32(word.cast_signed()));
    let end = compressed(&start, |lane| &blocks[lane]);
    store_digests(&end, out);
}

/// See [`Avx512::compress`].
#[target_feature(enable = "avx512f,avx512bw")]
fn compress(states: &mut States, blocks: &[&Block; LANES]) {
    let mut start = [_mm512_setzero_si512(); 8];
    for (to, words) in start.iter_mut().zip(&states.0) {
        // SAFETY: `words` is 64 readable bytes.
        *to = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
    }
    for (words, new) in states
        .0
        .iter_mut()
        .zip(compressed(&start, |lane| blocks[lane]))
    {
        // SAFETY: `words` is 64 writable bytes.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), new) };
    }
}

/// The states after one block each, lane by lane (FIPS 180-4 §6.2.2).
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn compressed<'a>(start: &[Words; 8], block: impl Fn(usize) -> &'a Block) -> [Words; 8] {
    let mut w = load_words(block);
    let mut v = *start;
    // Written out by sixteen, because registers cannot be indexed: after as many rounds, every variable and every word of
    // the schedule is in its register again.
    macro_rules! rounds {
        ($k:ident, $extend:literal: $($t:literal)*) => {$(
            if $extend {
                w[$t] = extended::<$t>(&w);
            }
            round(&mut v, w[$t], $k[$t]);
        )*};
    }
    let (first, rest) = (&K[0], &K[1..]);
    rounds!(first, false: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    for k in rest {
        rounds!(k, true: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    }
    for (v, start) in v.iter_mut().zip(start) {
        *v = add(*v, *start);
    }
    v
}

/// The word of the schedule that takes the place of word `T` of the sixteen latest.
#[inline]
#[target_feature(enable = "avx512f")]
fn extended<const T: usize>(w: &[Words; 16]) -> Words {
    let (x, y) = (w[(T + 1) % 16], w[(T + 14) % 16]);
    let s0 = xor3(
        _mm512_ror_epi32::<7>(x),
        _mm512_ror_epi32::<18>(x),
        _mm512_srli_epi32::<3>(x),
    );
    let s1 = xor3(
        _mm512_ror_epi32::<17>(y),
        _mm512_ror_epi32::<19>(y),
        _mm512_srli_epi32::<10>(y),
    );
    add(add(w[T], w[(T + 9) % 16]), add(s0, s1))
}

/// One round, with its word of the schedule and its constant.
#[inline]
#[target_feature(enable = "avx512f")]
fn round(v: &mut [Words; 8], w: Words, k: u32) {
    let [a, b, c, d, e, f, g, h] = *v;
    let s1 = xor3(
        _mm512_ror_epi32::<6>(e),
        _mm512_ror_epi32::<11>(e),
        _mm512_ror_epi32::<25>(e),
    );
    let s0 = xor3(
        _mm512_ror_epi32::<2>(a),
        _mm512_ror_epi32::<13>(a),
        _mm512_ror_epi32::<22>(a),
    );
    // Truth tables: the constant's bit `4x + 2y + z` is the result for the bits x, y and z.
    let choice = _mm512_ternarylogic_epi32::<0b1100_1010>(e, f, g);
    let majority = _mm512_ternarylogic_epi32::<0b1110_1000>(a, b, c);
    let wk = add(w, _mm512_set1_epi32(k.cast_signed()));
    let t1 = add(add(add(h, wk), choice), s1);
    let t2 = add(s0, majority);
    *v = [add(t1, t2), a, b, c, add(d, t1), e, f, g];
}

/// The sum of each lane, modulo 2³².
#[inline]
#[target_feature(enable = "avx512f")]
fn add(a: Words, b: Words) -> Words {
    _mm512_add_epi32(a, b)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor3(a: Words, b: Words, c: Words) -> Words {
    _mm512_ternarylogic_epi32::<0b1001_0110>(a, b, c)
}

/// The sixteen words of every block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_words<'a>(block: impl Fn(usize) -> &'a Block) -> [Words; 16] {
    let mut words = [_mm512_setzero_si512(); 16];
    for (quarter, words) in words.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        // Row r has this quarter of the blocks r, r + 4, r + 8 and r + 12.
        for (r, row) in words.iter_mut().enumerate() {
            let first = _mm512_castsi128_si512(load_quarter(block(r), quarter));
            let two = _mm512_inserti32x4::<1>(first, load_quarter(block(r + 4), quarter));
            let three = _mm512_inserti32x4::<2>(two, load_quarter(block(r + 8), quarter));
            let four = _mm512_inserti32x4::<3>(three, load_quarter(block(r + 12), quarter));
            *row = swap_bytes(four);
        }
        *words = transpose(words);
    }
    words
}

/// Sixteen bytes of a block.
#[inline]
#[target_feature(enable = "avx512f")]
fn load_quarter(block: &Block, quarter: usize) -> __m128i {
    const { assert!(BLOCK == 4 * size_of::<__m128i>()) };
    let bytes = &block.as_chunks::<16>().0[quarter];
    // SAFETY: `bytes` is 16 readable bytes.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// Writes the digest of every lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn store_digests(v: &[Words; 8], out: &mut [Digest; LANES]) {
    for (half, words) in v.as_chunks::<4>().0.iter().enumerate() {
        for (r, row) in transpose(words).into_iter().enumerate() {
            let row = swap_bytes(row);
            let parts = [
                _mm512_extracti32x4_epi32::<0>(row),
                _mm512_extracti32x4_epi32::<1>(row),
                _mm512_extracti32x4_epi32::<2>(row),
                _mm512_extracti32x4_epi32::<3>(row),
            ];
            for (i, part) in parts.into_iter().enumerate() {
                let bytes = &mut out[r + 4 * i].as_chunks_mut::<16>().0[half];
                // SAFETY: `bytes` is 16 writable bytes.
                unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), part) };
            }
        }
    }
}

/// Transposes the four squares of 4 × 4 words that lie side by side in four rows. It is its own inverse.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: &[Words; 4]) -> [Words; 4] {
    let [a, b, c, d] = *rows;
    let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    [
        _mm512_unpacklo_epi64(ab_low, cd_low),
        _mm512_unpackhi_epi64(ab_low, cd_low),
        _mm512_unpacklo_epi64(ab_high, cd_high),
        _mm512_unpackhi_epi64(ab_high, cd_high),
    ]
}

/// Turns words from big-endian to the processor's order, and back.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn swap_bytes(words: Words) -> Words {
    let order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    _mm512_shuffle_epi8(words, _mm512_broadcast_i32x4(order))
}
