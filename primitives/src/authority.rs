//! Who may act for an account, and how it shows that it does (specs/01 §3).

use crate::codec::Wire;
use crate::hash::{AccountId, AuthorityHash, Hash, tag};
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use secp256k1::{Keypair, XOnlyPublicKey, schnorr};

/// What must sign for an account. Groups with thresholds will be another tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub enum Authority {
    /// One BIP 340 key.
    #[codec(index = 0)]
    Single {
        /// X-only public key. Whether it is a point of the curve is seen when a signature is checked.
        key: [u8; 32],
    },
}

impl Authority {
    /// The authority of a key pair.
    pub fn of(keypair: &Keypair) -> Self {
        Self::Single {
            key: keypair.x_only_public_key().0.to_byte_array(),
        }
    }

    /// The hash by which leaves refer to this authority.
    pub fn hash(&self) -> AuthorityHash {
        AuthorityHash(tag::AUTHORITY.hash(&[&self.encode()]))
    }

    /// Id of the account whose first authority this is.
    pub fn account_id(&self) -> AccountId {
        AccountId(self.hash().0)
    }
}

/// The proof, inside a transaction, that its authority agreed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub enum Authorization {
    /// One key and its BIP 340 signature.
    #[codec(index = 0)]
    Single {
        /// X-only public key.
        key: [u8; 32],
        /// BIP 340 signature over the transaction's signature hash.
        signature: [u8; 64],
    },
}

/// The signature does not fit the key and the message, or the key is no point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit its key and this chain's transaction")]
pub struct BadSignature;

impl Authorization {
    /// Signs `message` (a signature hash).
    pub fn sign(keypair: &Keypair, message: &Hash, aux: &[u8; 32]) -> Self {
        Self::Single {
            key: keypair.x_only_public_key().0.to_byte_array(),
            signature: schnorr::sign_with_aux_rand(&message.0, keypair, aux).to_byte_array(),
        }
    }

    /// The authority that is claimed to have agreed.
    pub fn authority(&self) -> Authority {
        match *self {
            Self::Single { key, .. } => Authority::Single { key },
        }
    }

    /// Checks the signature over `message` (BIP 340).
    ///
    /// # Errors
    /// [`BadSignature`] if it is not one of this key over this message.
    pub fn verify(&self, message: &Hash) -> Result<(), BadSignature> {
        let Self::Single { key, signature } = self;
        let key = XOnlyPublicKey::from_byte_array(*key).map_err(|_| BadSignature)?;
        let signature = schnorr::Signature::from_byte_array(*signature);
        schnorr::verify(&signature, &message.0, &key).map_err(|_| BadSignature)
    }
}

impl Wire for Authority {
    const MAX_BYTES: usize = 33;
}
