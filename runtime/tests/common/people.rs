//! People: keys that are the same in every run.

use sapwood_primitives::hash::tagged;
use sapwood_primitives::{AccountId, Authority, AuthorityHash};
use secp256k1::Keypair;

/// A key pair, and the account whose first authority it is.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) pair: Keypair,
    pub(crate) id: AccountId,
}

/// The person with this number.
pub(crate) fn person(number: u64) -> Person {
    let secret = tagged("sapwood/test/person", &[&number.to_le_bytes()]);
    let pair = Keypair::from_secret_bytes(secret).expect("a hash is a secret key");
    Person {
        id: Authority::of(&pair).account_id(),
        pair,
    }
}

impl Person {
    /// The hash by which an account names this person's key.
    pub(crate) fn authority(&self) -> AuthorityHash {
        AuthorityHash(self.id.0)
    }
}
