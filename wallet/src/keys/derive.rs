//! From a seed to the key of an account and to the salts of its commitments.
//!
//! Accounts follow BIP 44 over BIP 32: `m/44'/coin'/account'/0/0`, one key an account, used with
//! BIP 340. The coin type 9453 is not registered in SLIP-44; every chain that is not the main one
//! uses 1, the number for all test networks, so that a key seen on a test chain is never a key of
//! the main one.

use std::fmt;

use bip32::{ChildNumber, XPrv};
use hmac::{Hmac, KeyInit, Mac};
use secp256k1::Keypair;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Seed;
use super::scrub::scrubbed;

/// The purpose level of BIP 44, hardened in every path.
pub(super) const PURPOSE: u32 = 44;

/// Key of the first HMAC of [`salt`]. It keeps salts apart from everything else that is computed
/// from a seed.
const SALT_DOMAIN: &[u8] = b"sapwood/wallet/salt";

/// Why a key cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeriveKey {
    /// BIP 32 leaves 31 bits for the number of a hardened child.
    #[error("account {0} does not exist; account numbers are below 2147483648")]
    Index(u32),
    /// BIP 32 gives no key here: a hash was not below the group order (a chance below 2^-127).
    #[error("BIP 32 gives no key at this account; use the next account number")]
    NoKey,
    /// The secret to import is zero or not below the order of secp256k1.
    #[error(
        "this is not a secret key of secp256k1: the number is zero or not below the group order"
    )]
    Secret,
}

/// The coin type level of a path, by SLIP-44.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoinType(u32);

impl CoinType {
    /// Coins of the main chain. The number is unregistered.
    pub const MAIN: Self = Self(9453);
    /// Coins without worth: test, dev, tour and every chain of one's own.
    pub const TEST: Self = Self(1);

    /// The coin type of the chain called `name` in its chain file.
    pub fn for_chain(name: &str) -> Self {
        if name == "main" {
            Self::MAIN
        } else {
            Self::TEST
        }
    }

    /// The number as it stands in a path, before hardening.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// The number of an account in its wallet, below 2^31.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountIndex(u32);

impl AccountIndex {
    /// The first account of a wallet.
    pub const FIRST: Self = Self(0);

    /// Checks the bound that BIP 32 sets.
    ///
    /// # Errors
    /// [`DeriveKey::Index`] from 2^31 on.
    pub const fn new(number: u32) -> Result<Self, DeriveKey> {
        if number < ChildNumber::HARDENED_FLAG {
            Ok(Self(number))
        } else {
            Err(DeriveKey::Index(number))
        }
    }

    /// The number, before hardening.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for AccountIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The spending key of one account. Erased when dropped.
///
/// [`Keypair`] is `Copy` and erases nothing, so borrow it where a signature is made and keep this
/// around it.
pub struct AccountKey(Box<Keypair>);

impl AccountKey {
    /// Imports a secret key made elsewhere.
    ///
    /// # Errors
    /// [`DeriveKey::Secret`] for zero and from the group order on.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self, DeriveKey> {
        scrubbed(|| Keypair::from_secret_bytes(*secret).map(Box::new))
            .map(Self)
            .map_err(|_| DeriveKey::Secret)
    }

    /// The key pair for signing with BIP 340.
    pub fn keypair(&self) -> &Keypair {
        &self.0
    }

    /// The x-only public key of BIP 340, which is what an account is known by.
    pub fn public(&self) -> [u8; 32] {
        self.0.x_only_public_key().0.to_byte_array()
    }

    /// The secret itself, for an export that its owner asked for.
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_secret_bytes())
    }
}

impl Drop for AccountKey {
    fn drop(&mut self) {
        self.0.non_secure_erase();
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKey(public {})", hex::encode(self.public()))
    }
}

/// The key at `m/44'/coin'/account'/0/0`.
///
/// # Errors
/// [`DeriveKey::NoKey`] with a chance that nobody will meet.
pub fn account_key(
    seed: &Seed,
    coin: CoinType,
    account: AccountIndex,
) -> Result<AccountKey, DeriveKey> {
    let hardened = |number: u32| ChildNumber(number | ChildNumber::HARDENED_FLAG);
    let path = [
        hardened(PURPOSE),
        hardened(coin.0),
        hardened(account.0),
        ChildNumber(0),
        ChildNumber(0),
    ];
    scrubbed(|| {
        let leaf = walk(seed.as_bytes(), &path).map_err(|_| DeriveKey::NoKey)?;
        AccountKey::from_secret(&leaf.to_bytes())
    })
}

/// Follows `path` from the master key of BIP 32. The seed has the lengths of the public vectors
/// too, which are not all 64.
pub(super) fn walk(seed: &[u8], path: &[ChildNumber]) -> Result<XPrv, bip32::Error> {
    path.iter().try_fold(XPrv::new(seed)?, |parent, &child| {
        parent.derive_child(child)
    })
}

/// The salt of the commitment number `counter` that `account` makes for `name`: the words alone
/// bring it back.
///
/// `HMAC-SHA256(HMAC-SHA256("sapwood/wallet/salt", seed), account as u32 LE ‖ name ‖ counter as u64
/// LE)`. The fixed lengths on both sides of the name keep any two inputs apart. `seed` is the
/// wallet's seed, or the secret key of an imported account, which has no words.
pub fn salt(seed: &[u8], account: AccountIndex, name: &[u8], counter: u64) -> Zeroizing<[u8; 32]> {
    let key = hmac_sha256(SALT_DOMAIN, &[seed]);
    hmac_sha256(
        &*key,
        &[&account.0.to_le_bytes(), name, &counter.to_le_bytes()],
    )
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::collections::HashSet;

    use super::*;

    fn seed() -> Seed {
        Seed::from_bytes([7; 64])
    }

    fn index(number: u32) -> AccountIndex {
        AccountIndex::new(number).unwrap()
    }

    #[test]
    fn an_account_number_of_31_bits_is_the_last_one() {
        assert!(account_key(&seed(), CoinType::MAIN, index(0x7fff_ffff)).is_ok());
        for number in [0x8000_0000, u32::MAX] {
            assert_eq!(AccountIndex::new(number), Err(DeriveKey::Index(number)));
        }
    }

    #[test]
    fn the_path_is_the_documented_one() {
        for (coin, account, path) in [
            (CoinType::MAIN, 5, "m/44'/9453'/5'/0/0"),
            (CoinType::TEST, 0, "m/44'/1'/0'/0/0"),
        ] {
            let by_text =
                XPrv::derive_from_path(seed().as_bytes(), &path.parse().unwrap()).unwrap();
            let key = account_key(&seed(), coin, index(account)).unwrap();
            assert_eq!(*key.secret(), by_text.to_bytes(), "{path}");
            assert_eq!(key.public(), by_text.public_key().to_bytes()[1..], "{path}");
        }
    }

    #[test]
    fn only_the_main_chain_has_the_main_coin_type() {
        assert_eq!(CoinType::for_chain("main").number(), 9453);
        for name in ["test", "dev", "tour", "Main", "", "main "] {
            assert_eq!(CoinType::for_chain(name).number(), 1, "{name:?}");
        }
    }

    #[test]
    fn a_secret_of_zero_or_from_the_group_order_on_is_refused() {
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        for text in [
            &"00".repeat(32),
            order,
            &order.replace("4141", "4142"),
            &"ff".repeat(32),
        ] {
            let secret = hex::decode(text).unwrap().try_into().unwrap();
            assert_eq!(
                AccountKey::from_secret(&secret).unwrap_err(),
                DeriveKey::Secret,
                "{text}"
            );
        }
        let last = hex::decode(order.replace("4141", "4140"))
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(*AccountKey::from_secret(&last).unwrap().secret(), last);
    }

    #[test]
    fn salts_differ_in_every_input_and_return_for_the_same() {
        let mut seen = HashSet::new();
        for (bytes, account, name, counter) in [
            ([7u8; 64], 0, "alice", 0),
            ([8; 64], 0, "alice", 0),
            ([7; 64], 1, "alice", 0),
            ([7; 64], 0, "alicf", 0),
            ([7; 64], 0, "alice\0", 0),
            ([7; 64], 0, "alice", 1),
            ([7; 64], 0, "alice", 1 << 32),
        ] {
            let value = salt(&bytes, index(account), name.as_bytes(), counter);
            assert_eq!(
                value,
                salt(&bytes, index(account), name.as_bytes(), counter)
            );
            assert!(seen.insert(*value), "{account} {name:?} {counter}");
        }
    }

    #[test]
    fn a_salt_never_changes_between_releases() {
        // Computed from the formula in the documentation with Python's hmac module.
        assert_eq!(
            hex::encode(*salt(seed().as_bytes(), index(3), b"alice", 2)),
            "8feb86cde19a454194a487c5b72343ae29f39eed273e55219b5d7dd15dbc9804",
        );
    }

    #[test]
    fn debug_shows_the_public_half_only() {
        let key = AccountKey::from_secret(&[1; 32]).unwrap();
        let text = format!("{key:?}");
        assert!(
            text.contains(&hex::encode(key.public())) && !text.contains(&"01".repeat(32)),
            "{text}"
        );
    }
}
