//! Changes to bytes, as damage or an attacker makes them.

use std::fmt::Debug;

use proptest::prelude::*;
use sapwood_primitives::codec::{Wire, read};

/// One change. Positions are taken modulo the length, so that every change applies to every input.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    /// One bit turns.
    Flip { at: usize, bit: u32 },
    /// One byte becomes another: tags, options, short lengths.
    Set { at: usize, byte: u8 },
    /// The end is missing.
    Truncate { at: usize },
    /// Something follows.
    Extend { tail: Vec<u8> },
    /// A byte that can be a one-byte length takes two or four bytes, with the same value.
    Widen { at: usize, wide: usize },
    /// A length that announces far more than follows.
    Announce { at: usize, len: u32 },
}

pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<u16>().prop_map(usize::from);
    prop_oneof![
        (at.clone(), 0..8u32).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set { at, byte }),
        at.clone().prop_map(|at| Mutation::Truncate { at }),
        prop::collection::vec(any::<u8>(), 1..40).prop_map(|tail| Mutation::Extend { tail }),
        (at.clone(), prop_oneof![Just(2), Just(4)])
            .prop_map(|(at, wide)| Mutation::Widen { at, wide }),
        (at, 0..1u32 << 30).prop_map(|(at, len)| Mutation::Announce { at, len }),
    ]
}

impl Mutation {
    /// The bytes after the change.
    pub(crate) fn apply(bytes: Vec<u8>, change: &Self) -> Vec<u8> {
        match change {
            Self::Extend { tail } => [bytes, tail.clone()].concat(),
            _ if bytes.is_empty() => bytes,
            Self::Flip { at, .. }
            | Self::Set { at, .. }
            | Self::Truncate { at }
            | Self::Widen { at, .. }
            | Self::Announce { at, .. } => change.apply_at(&bytes, at % bytes.len()),
        }
    }

    /// The bytes after a change at a position within them.
    pub(crate) fn apply_at(&self, bytes: &[u8], at: usize) -> Vec<u8> {
        let (head, byte, tail) = (&bytes[..at], bytes[at], &bytes[at + 1..]);
        let middle = match self {
            Self::Flip { bit, .. } => vec![byte ^ 1 << bit],
            Self::Set { byte, .. } => vec![*byte],
            Self::Truncate { .. } => return head.to_vec(),
            Self::Extend { .. } => return bytes.to_vec(),
            Self::Widen { wide, .. } => {
                let mode = if *wide == 2 { 1 } else { 2 };
                (u32::from(byte & !3) | mode).to_le_bytes()[..*wide].to_vec()
            }
            Self::Announce { len, .. } => (len << 2 | 2).to_le_bytes().to_vec(),
        };
        [head, &middle, tail].concat()
    }
}

/// Bytes that are read as a value are that value's encoding; all others are refused, without a panic.
pub(crate) fn assert_refused_or_canonical<T: Wire + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = read::<T>(bytes) {
        assert_eq!(value.encode(), bytes, "{value:?}");
    }
}
