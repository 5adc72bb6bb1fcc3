//! Numbers that look random and follow from a seed, and numbers that the environment says.

use std::time::Duration;

/// splitmix64.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// Numbers of their own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a bound, which is not zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.any() % bound
    }

    /// A moment from now to `most` later, to the microsecond.
    pub fn moment(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_micros()).expect("a moment is short");
        Duration::from_micros(self.below(most + 1))
    }
}

/// The number in a variable of the environment, or `usual`.
///
/// # Panics
/// If the variable holds something else: a run that was asked for is not to be a shorter one.
pub fn from_environment(variable: &str, usual: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is {text:?}, which is no number")),
        Err(_) => usual,
    }
}
