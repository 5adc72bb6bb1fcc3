//! Every key of a wallet, derived from words that a person can write on paper.
//!
//! ```text
//! words ──BIP 39──► Seed ──BIP 32──► AccountKey   m/44'/coin'/account'/0/0   BIP 340 signatures
//!                    │  └─SLIP-10──► service key  m/44'/coin'/account'/1'    ed25519, the servers of a name
//!                    └────HMAC─────► salt         hides a name until its commitment is old enough
//! ```
//!
//! Nothing here reads a file or asks for a passphrase; [`crate::keystore`] keeps the words. Every
//! type that holds a secret overwrites it when it is dropped and shows nothing of it under `Debug`.
//! Registers and what the system swaps out are out of reach, which is why a wallet also calls
//! [`crate::keystore::harden_process`].

mod derive;
mod mnemonic;
mod scrub;
mod slip10;
#[cfg(test)]
mod vectors;

pub use derive::{AccountIndex, AccountKey, CoinType, DeriveKey, account_key, salt};
pub(crate) use mnemonic::normalize;
pub use mnemonic::{ParseWords, Seed, WordCount, Words};
pub(crate) use scrub::scrubbed;
pub use slip10::service_key;
