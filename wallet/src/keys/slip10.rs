//! SLIP-10 for ed25519: the service key of an account, with which the servers of a name prove who
//! they are.
//!
//! The path is `m/44'/coin'/account'/1'`. Curve ed25519 has hardened children only, so the last
//! level is hardened too and can never meet the account's spending key, whose path goes through BIP
//! 32.

use ed25519_dalek::SigningKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::derive::PURPOSE;
use super::scrub::scrubbed;
use super::{AccountIndex, CoinType};

/// The key of the first HMAC, which SLIP-10 gives each curve.
const CURVE: &[u8] = b"ed25519 seed";

/// Bit 31 of a child's number: the child is hardened.
const HARDENED: u32 = 1 << 31;

/// The last level of the service key's path; 0 is left to the spending key by BIP 44.
const SERVICE: u32 = 1;

/// The service key of `account`. `ed25519_dalek` erases it when it is dropped. `seed` is the
/// wallet's seed, or the secret key of an imported account, which has no words.
pub fn service_key(seed: &[u8], coin: CoinType, account: AccountIndex) -> SigningKey {
    let path = [PURPOSE, coin.number(), account.number(), SERVICE];
    // Boxed on the way out of the scrubbed frames only: the key is returned by value, as its
    // library has it.
    *scrubbed(|| Box::new(SigningKey::from_bytes(&Node::walk(seed, &path).key)))
}

/// A private key and the chain code that its children need.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Node {
    pub(super) key: [u8; 32],
    pub(super) chain_code: [u8; 32],
}

impl Node {
    /// Follows `path`, whose numbers are hardened here, from the master key of `seed`.
    pub(super) fn walk(seed: &[u8], path: &[u32]) -> Self {
        let master = Self::from_hmac(CURVE, &[seed]);
        path.iter().fold(master, |parent, number| {
            Self::from_hmac(
                &parent.chain_code,
                &[&[0], &parent.key, &(number | HARDENED).to_be_bytes()],
            )
        })
    }

    fn from_hmac(key: &[u8], parts: &[&[u8]]) -> Self {
        let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(part);
        }
        let mut output = mac.finalize().into_bytes();
        let mut node = Self {
            key: [0; 32],
            chain_code: [0; 32],
        };
        node.key.copy_from_slice(&output[..32]);
        node.chain_code.copy_from_slice(&output[32..]);
        output.as_mut_slice().zeroize();
        node
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn the_path_is_the_documented_one() {
        let seed = [7; 64];
        let account = AccountIndex::new(5).unwrap();
        for (coin, path) in [
            (CoinType::MAIN, [44, 9453, 5, 1]),
            (CoinType::TEST, [44, 1, 5, 1]),
        ] {
            let expected = Node::walk(&seed, &path).key;
            assert_eq!(service_key(&seed, coin, account).to_bytes(), expected);
        }
    }

    #[test]
    fn accounts_and_coins_have_service_keys_of_their_own() {
        let seed = [7; 64];
        let key =
            |coin, number| service_key(&seed, coin, AccountIndex::new(number).unwrap()).to_bytes();
        assert_ne!(key(CoinType::MAIN, 0), key(CoinType::MAIN, 1));
        assert_ne!(key(CoinType::MAIN, 0), key(CoinType::TEST, 0));
    }
}
