//! Overwriting the stack after work on secrets.
//!
//! The libraries underneath pass keys by value, and every pass leaves a copy in a dead stack frame
//! that nothing drops. Work that goes through [`scrubbed`] hands its result over in a box and has
//! its frames overwritten.

use std::hint::black_box;

/// Bytes of stack that are overwritten. Argon2, BIP 32 and the curve libraries stay well below
/// this, and every thread has at least eight times as much.
const DEPTH: usize = 128 * 1024;

/// Runs `work` and overwrites the part of the stack that it used. Secrets in its result should be
/// behind a pointer, because the result itself passes through the caller's frame.
pub(crate) fn scrubbed<T>(work: impl FnOnce() -> T) -> T {
    let result = run(work);
    overwrite();
    result
}

/// Keeps the frames of `work` below those of the caller.
#[inline(never)]
fn run<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn overwrite() {
    // The optimiser must believe that somebody looks at the zeros.
    black_box(&mut [0_u8; DEPTH]);
}
