//! [`Proof`]: a proof taken apart, for those who make, inspect or store proofs. To check one, [`verify`](crate::verify)
//! reads its bytes directly. Follows specs/04 §4.1–§4.3.

use alloc::vec;
use alloc::vec::Vec;

use crate::hash::{NodeHash, ValueHash};
use crate::key::mask;
use crate::wire::{EMPTY, End, Malformed, NEIGHBOUR, PRESENT, Parts};

/// A well-formed proof. Whether it shows anything depends on the key and the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub(crate) form: Form,
    /// One a level from the top down, the empty ones too: at most `MAX_DEPTH`, the last one never empty.
    pub(crate) siblings: Vec<NodeHash>,
}

/// What stands at the end of the path of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// The leaf itself.
    Present,
    /// Nothing, so the leaf is absent.
    Empty,
    /// One other leaf, so this one is absent.
    Neighbour {
        /// The neighbour's key from byte `⌊depth/8⌋` to its end; what comes before is as in the key asked for.
        suffix: Vec<u8>,
        /// The hash of the neighbour's value; its value is not needed.
        value_hash: ValueHash,
    },
}

impl Proof {
    /// Takes the bytes of a proof apart.
    ///
    /// # Errors
    /// [`Malformed`] for everything that specs/04 §4.5 refuses without looking at a key. What is accepted has exactly one
    /// form in bytes, so [`to_bytes`](Self::to_bytes) gives the same bytes back.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let parts = Parts::parse(bytes)?;
        let mut siblings: Vec<_> = parts.siblings_upwards().map(|(_, hash)| hash).collect();
        siblings.reverse();
        let form = match parts.end {
            End::Present => Form::Present,
            End::Empty => Form::Empty,
            End::Neighbour { suffix, value_hash } => Form::Neighbour {
                suffix: suffix.into(),
                value_hash,
            },
        };
        Ok(Self { form, siblings })
    }

    /// The bytes of specs/04 §4.1, at most [`MAX_PROOF_BYTES`](crate::MAX_PROOF_BYTES) of them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let form = match self.form {
            Form::Present => PRESENT,
            Form::Empty => EMPTY,
            Form::Neighbour { .. } => NEIGHBOUR,
        };
        let mut bytes = vec![form, self.depth()];
        bytes.extend(self.bitmap());
        for sibling in self
            .siblings
            .iter()
            .filter(|sibling| **sibling != NodeHash::EMPTY)
        {
            bytes.extend(sibling.0);
        }
        if let Form::Neighbour { suffix, value_hash } = &self.form {
            bytes.extend(suffix);
            bytes.extend(value_hash.0);
        }
        bytes
    }

    /// What stands at the end of the path.
    #[must_use]
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// The length of the path in bits.
    #[must_use]
    pub fn depth(&self) -> u8 {
        u8::try_from(self.siblings.len()).expect("a proof has at most MAX_DEPTH siblings")
    }

    /// The hashes beside the path from the top down, one a level, [`NodeHash::EMPTY`] where there is nothing.
    #[must_use]
    pub fn siblings(&self) -> &[NodeHash] {
        &self.siblings
    }

    /// One bit a level, set where the sibling is not empty (specs/04 §4.2).
    fn bitmap(&self) -> Vec<u8> {
        let mut bitmap = vec![0; self.siblings.len().div_ceil(8)];
        for (index, sibling) in self.siblings.iter().enumerate() {
            if *sibling != NodeHash::EMPTY {
                bitmap[index / 8] |= mask(index);
            }
        }
        bitmap
    }
}
