//! Messages of different lengths, side by side in lanes.
//!
//! Each lane carries one message from its first block to its last. A lane whose message has ended takes the next message,
//! so that all lanes are busy until messages run out. The last few are finished one after the other.

use core::array;

use crate::avx512::{Avx512, LANES, States};
use crate::padding::pad;
use crate::wide::LANES_FROM;
use crate::{BLOCK, Block, Digest, State, scalar};

/// [`crate::chains`] for slices of the same length.
pub(crate) fn chains<'a>(
    avx512: Avx512,
    state: &State,
    prefix_len: u64,
    messages: &'a [&'a [u8]],
    out: &'a mut [Digest],
) {
    // Fewer would leave the lanes as soon as the shortest have ended.
    if messages.len() < LANES {
        return scalar::chains(state, prefix_len, messages, out);
    }
    let mut waiting = messages.iter().zip(out);
    let mut flight = Flight::new(state);
    loop {
        flight.board(state, prefix_len, &mut waiting);
        if flight.live < LANES_FROM {
            // Nobody waits any longer, or all lanes would be taken.
            return flight.finish();
        }
        flight.step(avx512);
    }
}

/// The lanes and the messages in them.
struct Flight<'a> {
    states: States,
    lanes: [Lane<'a>; LANES],
    /// Lanes that hold a message.
    live: usize,
}

impl<'a> Flight<'a> {
    /// Lanes without messages.
    fn new(state: &State) -> Self {
        Self {
            states: States::splat(state),
            lanes: array::from_fn(|_| Lane::idle()),
            live: 0,
        }
    }

    /// Gives every free lane one of the waiting messages.
    fn board(
        &mut self,
        state: &State,
        prefix_len: u64,
        waiting: &mut impl Iterator<Item = (&'a &'a [u8], &'a mut Digest)>,
    ) {
        if self.live == LANES {
            return;
        }
        for (i, lane) in self.lanes.iter_mut().enumerate() {
            if lane.digest.is_some() {
                continue;
            }
            let Some((message, digest)) = waiting.next() else {
                return;
            };
            lane.start(prefix_len, message, digest);
            self.states.set(i, state);
            self.live += 1;
        }
    }

    /// Compresses the next block of every message and hands out the digests of those that have ended.
    fn step(&mut self, avx512: Avx512) {
        let blocks = self.lanes.each_ref().map(Lane::block);
        avx512.compress(&mut self.states, &blocks);

        for (i, lane) in self.lanes.iter_mut().enumerate() {
            lane.next += 1;
            if lane.next == lane.end
                && let Some(digest) = lane.digest.take()
            {
                *digest = scalar::to_bytes(&self.states.get(i));
                self.live -= 1;
            }
        }
    }

    /// Finishes every message on its own.
    fn finish(self) {
        for (i, lane) in self.lanes.into_iter().enumerate() {
            lane.finish(self.states.get(i));
        }
    }
}

/// A message on its way, or a free place.
struct Lane<'a> {
    /// The message's whole blocks.
    blocks: &'a [Block],
    /// The blocks after these, padding included.
    last: [Block; 2],
    /// Which block comes next.
    next: usize,
    /// How many blocks there are.
    end: usize,
    /// Where the digest goes; nowhere for a free lane, which compresses anything.
    digest: Option<&'a mut Digest>,
}

impl<'a> Lane<'a> {
    fn idle() -> Self {
        Self {
            blocks: &[],
            last: [[0; BLOCK]; 2],
            next: 0,
            end: 0,
            digest: None,
        }
    }

    fn start(&mut self, prefix_len: u64, message: &'a [u8], digest: &'a mut Digest) {
        let (blocks, rest) = message.as_chunks();
        let count = pad(rest, prefix_len + message.len() as u64, &mut self.last);
        self.blocks = blocks;
        self.next = 0;
        self.end = blocks.len() + count;
        self.digest = Some(digest);
    }

    /// The block that comes next.
    fn block(&self) -> &Block {
        match self.blocks.get(self.next) {
            Some(block) => block,
            None => &self.last[(self.next - self.blocks.len()) % 2],
        }
    }

    /// Compresses what is left, on its own.
    fn finish(mut self, state: State) {
        let Some(digest) = self.digest.take() else {
            return;
        };
        let whole = self.blocks.get(self.next..).unwrap_or_default();
        let padded = self.next.saturating_sub(self.blocks.len())..self.end - self.blocks.len();
        *digest = scalar::finish(state, whole, &self.last[padded]);
    }
}
