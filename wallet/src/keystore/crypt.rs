//! The bytes of a wallet file, version 1, and the cryptography that makes them.
//!
//! All numbers are little-endian. The header is 62 bytes long and is the associated data of the
//! cipher, so no byte of the file can be changed unnoticed. The file ends with the ciphertext; its
//! length is not written anywhere else.
//!
//! | offset | bytes | content |
//! |---|---|---|
//! | 0 | 8 | magic `SAPWALLT` |
//! | 8 | 2 | format version, 1 |
//! | 10 | 4 | Argon2id memory in KiB, 8 × lanes … 1,048,576 |
//! | 14 | 4 | Argon2id passes, 1 … 16 |
//! | 18 | 4 | Argon2id lanes, 1 … 4 |
//! | 22 | 16 | salt of Argon2id, random at creation and at a change of passphrase |
//! | 38 | 24 | nonce of XChaCha20-Poly1305, random at every write |
//! | 62 | ≤ 1 MiB | encrypted payload, the JSON object of [`super::WalletSecrets`] |
//! | end − 16 | 16 | tag of Poly1305 |
//!
//! The key is Argon2id (RFC 9106, version 0x13, no secret, no associated data) of the passphrase in
//! Unicode NFKD as UTF-8 with the salt, 32 bytes long. The bounds of the cost are checked before
//! any memory is reserved, because whoever can replace the file chooses the numbers.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, Zeroizing};

use crate::keys::{normalize, scrubbed};

/// What every wallet file begins with, in all versions.
pub const MAGIC: [u8; 8] = *b"SAPWALLT";

/// The version that this code writes, and the only one that it reads.
pub const VERSION: u16 = 1;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 62;

/// Length of the tag at the end in bytes, by RFC 8439.
pub const TAG_LEN: usize = 16;

/// Longest payload in bytes. The fullest wallet that [`super::WalletSecrets`] allows has about half
/// of this.
pub const MAX_PAYLOAD: usize = 1 << 20;

const SALT_LEN: usize = 16;
const NONCE_LEN: usize = 24;
const KEY_LEN: usize = 32;

/// What it costs to try one passphrase, for the owner and for a thief alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost {
    /// Memory of Argon2id in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Lanes of Argon2id; this program computes them one after the other.
    pub lanes: u32,
}

impl KdfCost {
    /// Highest memory accepted, 1 GiB: what a machine that runs a node can spare for a moment.
    pub const MAX_MEMORY_KIB: u32 = 1 << 20;
    /// Most passes accepted. With the highest memory they take some ten seconds, which a person
    /// still waits for.
    pub const MAX_PASSES: u32 = 16;
    /// Most lanes accepted; more only help a thief with many cores.
    pub const MAX_LANES: u32 = 4;

    /// The parameters for the library, if the cost is within bounds.
    fn params(self) -> Result<Params, CostOutOfBounds> {
        let within = self.memory_kib <= Self::MAX_MEMORY_KIB
            && self.passes <= Self::MAX_PASSES
            && self.lanes <= Self::MAX_LANES;
        // The lower bounds are those of RFC 9106, which the library checks.
        let params =
            within.then(|| Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_LEN)));
        params.and_then(Result::ok).ok_or(CostOutOfBounds(self))
    }
}

impl Default for KdfCost {
    /// 64 MiB, 3 passes, 1 lane: memory and passes of the second recommendation of RFC 9106, with
    /// one lane because lanes are not computed at once here.
    fn default() -> Self {
        Self {
            memory_kib: 64 * 1024,
            passes: 3,
            lanes: 1,
        }
    }
}

/// A cost that is too high to be honest or too low for Argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the passphrase hash asks for {} KiB of memory, {} passes and {} lanes; at most {}, {} and {} are accepted (and at \
     least 8 KiB a lane), so this file is damaged or was made to exhaust this machine",
    .0.memory_kib, .0.passes, .0.lanes, KdfCost::MAX_MEMORY_KIB, KdfCost::MAX_PASSES, KdfCost::MAX_LANES
)]
pub struct CostOutOfBounds(
    /// The cost that was asked for.
    pub KdfCost,
);

/// Why bytes are not a wallet that this passphrase opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unseal {
    /// The magic is missing.
    #[error("this is not a Sapwood wallet file")]
    NotAWallet,
    /// The file was written by a program that knows a later format.
    #[error("the wallet has format version {0}, this program knows version 1; use a newer release")]
    Newer(u16),
    /// The cost in the header is out of bounds. Nothing was allocated.
    #[error(transparent)]
    Cost(#[from] CostOutOfBounds),
    /// The tag does not fit. Which of the two it was cannot be known, so they share this text.
    #[error(
        "wrong passphrase or damaged wallet file; try again, or restore the wallet from its words"
    )]
    Sealed,
    /// The memory that the cost asks for is not to be had now.
    #[error(
        "not enough memory to check the passphrase ({0} KiB needed); close other programs and try again"
    )]
    Memory(u32),
}

/// Why a payload could not be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum Seal {
    /// The cost asked for is out of bounds.
    #[error(transparent)]
    Cost(#[from] CostOutOfBounds),
    /// The memory that the cost asks for is not to be had now.
    #[error(
        "not enough memory to hash the passphrase ({0} KiB needed); close other programs and try again"
    )]
    Memory(u32),
    /// The payload is longer than a reader would accept.
    #[error("the wallet has {0} bytes of content, more than the {MAX_PAYLOAD} that a file holds")]
    Payload(usize),
    /// The operating system gave no random bytes.
    #[error("the operating system has no random numbers: {0}")]
    Random(getrandom::Error),
}

/// The key of one wallet file with what is needed to make it again from the passphrase. Erased when
/// dropped.
pub(super) struct SealKey {
    cost: KdfCost,
    salt: [u8; SALT_LEN],
    key: Box<Zeroizing<[u8; KEY_LEN]>>,
}

impl SealKey {
    /// A key from a new random salt.
    pub(super) fn fresh(passphrase: &str, cost: KdfCost) -> Result<Self, Seal> {
        let params = cost.params()?;
        let salt = random()?;
        let key = stretch(passphrase, &salt, params).ok_or(Seal::Memory(cost.memory_kib))?;
        Ok(Self { cost, salt, key })
    }

    /// Encrypts `payload` under a new random nonce and returns the bytes of the file. 24 random
    /// bytes do not repeat, so one key may write any number of times.
    pub(super) fn seal(&self, mut payload: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, Seal> {
        if payload.len() > MAX_PAYLOAD {
            return Err(Seal::Payload(payload.len()));
        }
        let header = Header {
            cost: self.cost,
            salt: self.salt,
            nonce: random()?,
        }
        .to_bytes();
        let nonce = XNonce::from(field::<NONCE_LEN>(&header, 38));
        let tag = self
            .cipher()
            .encrypt_inout_detached(&nonce, &header, payload.as_mut_slice().into())
            .expect("a payload of 1 MiB is far below the limit of the cipher");
        Ok([header.as_slice(), &payload, &tag].concat())
    }

    /// Checks and decrypts the bytes of a file.
    pub(super) fn unseal(
        bytes: &[u8],
        passphrase: &str,
    ) -> Result<(Self, Zeroizing<Vec<u8>>), Unseal> {
        let header_bytes = header_of(bytes)?;
        let header = Header::from_bytes(header_bytes);
        let params = header.cost.params()?;
        let key = stretch(passphrase, &header.salt, params)
            .ok_or(Unseal::Memory(header.cost.memory_kib))?;
        let seal = Self {
            cost: header.cost,
            salt: header.salt,
            key,
        };
        let sealed = &bytes[HEADER_LEN..];
        if sealed.len() < TAG_LEN || sealed.len() > MAX_PAYLOAD + TAG_LEN {
            return Err(Unseal::Sealed);
        }
        let mut payload = Zeroizing::new(sealed.to_vec());
        seal.cipher()
            .decrypt_in_place(&XNonce::from(header.nonce), header_bytes, &mut *payload)
            .map_err(|_| Unseal::Sealed)?;
        Ok((seal, payload))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&**self.key).into())
    }
}

/// The header as it stands in the file, once magic and version are known to be ours.
fn header_of(bytes: &[u8]) -> Result<&[u8; HEADER_LEN], Unseal> {
    if !bytes.starts_with(&MAGIC) {
        return Err(Unseal::NotAWallet);
    }
    // The version comes before the length, since another version may have another header.
    let version = bytes
        .get(8..10)
        .map(|_| u16::from_le_bytes(field(bytes, 8)));
    match version {
        Some(version) if version > VERSION => return Err(Unseal::Newer(version)),
        Some(VERSION) => {}
        _ => return Err(Unseal::Sealed),
    }
    bytes.first_chunk().ok_or(Unseal::Sealed)
}

struct Header {
    cost: KdfCost,
    salt: [u8; SALT_LEN],
    nonce: [u8; NONCE_LEN],
}

impl Header {
    fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[10..14].copy_from_slice(&self.cost.memory_kib.to_le_bytes());
        bytes[14..18].copy_from_slice(&self.cost.passes.to_le_bytes());
        bytes[18..22].copy_from_slice(&self.cost.lanes.to_le_bytes());
        bytes[22..38].copy_from_slice(&self.salt);
        bytes[38..].copy_from_slice(&self.nonce);
        bytes
    }

    fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Self {
        let cost = KdfCost {
            memory_kib: u32::from_le_bytes(field(bytes, 10)),
            passes: u32::from_le_bytes(field(bytes, 14)),
            lanes: u32::from_le_bytes(field(bytes, 18)),
        };
        Self {
            cost,
            salt: field(bytes, 22),
            nonce: field(bytes, 38),
        }
    }
}

/// The `N` bytes at `offset`, which the caller knows to be there.
fn field<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    *bytes[offset..]
        .first_chunk()
        .expect("the caller has checked the length")
}

/// Argon2id, or `None` if its memory is not to be had. The memory is overwritten afterwards, which
/// the library's own allocation would not be.
fn stretch(passphrase: &str, salt: &[u8], params: Params) -> Option<Box<Zeroizing<[u8; KEY_LEN]>>> {
    let mut memory: Vec<Block> = Vec::new();
    memory.try_reserve_exact(params.block_count()).ok()?;
    memory.resize(params.block_count(), Block::new());
    let mut key = Box::new(Zeroizing::new([0; KEY_LEN]));
    let passphrase = normalize(passphrase);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    scrubbed(|| {
        argon2.hash_password_into_with_memory(passphrase.as_bytes(), salt, &mut **key, &mut memory)
    })
    .expect("salt and key have lengths that Argon2 accepts, and no passphrase has 4 GiB");
    memory.iter_mut().for_each(Zeroize::zeroize);
    Some(key)
}

fn random<const N: usize>() -> Result<[u8; N], Seal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Seal::Random)?;
    Ok(bytes)
}
