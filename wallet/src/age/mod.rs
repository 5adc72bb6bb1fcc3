//! Files in the form of age (age-encryption.org/v1) that a passphrase locks.
//!
//! The `age` program opens what [`seal`] makes (`age -d FILE`), and [`open`] reads what `age -p` makes. Only the recipient `scrypt` is here,
//! which the format allows to stand alone only; files for keys are refused by name. Written from the format's specification and tested
//! with its own vectors: a library for all recipients of age would be as large as the rest of the wallet.
//!
//! | line or bytes | content |
//! |---|---|
//! | `age-encryption.org/v1` | what this is |
//! | `-> scrypt SALT LOG_N` | 16 bytes of salt, and the logarithm of the cost |
//! | body | the file key, sealed by scrypt of the passphrase |
//! | `--- MAC` | HMAC of all before, keyed from the file key |
//! | 16 bytes | nonce of the content's key |
//! | chunks of 64 KiB and a tag | the content, ChaCha20-Poly1305 with a counter and a mark on the last chunk |
//!
//! Whoever can replace a file chooses its numbers: length and cost are bounded before anything is reserved or computed.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use hmac::{Hmac, Mac};
use scrypt::Params;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::keys::scrubbed;

const FIRST_LINE: &str = "age-encryption.org/v1\n";
const ARMOR_BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const ARMOR_END: &str = "-----END AGE ENCRYPTED FILE-----";
const SALT_LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
const SALT_LEN: usize = 16;
const FILE_KEY_LEN: usize = 16;
const TAG_LEN: usize = 16;
const NONCE_LEN: usize = 16;
const CHUNK: usize = 64 * 1024;

/// Highest logarithm of scrypt's cost that is accepted: 2²⁰ KiB of memory, as much as a wallet file may ask for. `age` itself takes 18.
pub(crate) const MAX_LOG_N: u8 = 20;

/// Longest file that is opened, in bytes: a full wallet with ten thousand registrations, armored.
pub(crate) const MAX_FILE: usize = 16 << 20;

/// Why bytes are not a file that this passphrase opens, or could not be made one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AgeFault {
    /// The first line is missing.
    #[error("this is not an age file")]
    NotAge,
    /// Its header breaks a rule of the format.
    #[error("the header of the age file is damaged: {0}")]
    Header(&'static str),
    /// It is for a key, or for several recipients.
    #[error(
        "the age file is not locked by a passphrase; open it with `age -d` and lock it with `age -p`"
    )]
    NoPassphrase,
    /// Opening would take more than is reasonable. Nothing was computed.
    #[error(
        "the age file asks for a cost of 2^{0}; at most 2^{MAX_LOG_N} is accepted, so it was made to exhaust this machine"
    )]
    Cost(u8),
    /// The file key does not open.
    #[error("wrong passphrase or damaged age file; try again")]
    Sealed,
    /// The passphrase is right, and the rest was changed or cut.
    #[error("the age file is damaged: the passphrase is right, its content was changed or cut")]
    Damaged,
    /// It is longer than any wallet's.
    #[error("the age file is longer than {MAX_FILE} bytes; no wallet is")]
    Length,
    /// The memory that the cost asks for is not to be had now.
    #[error("not enough memory to check the passphrase; close other programs and try again")]
    Memory,
    /// The operating system gave no random bytes.
    #[error("the operating system has no random numbers")]
    Random,
}

/// Locks `content` with a passphrase at the cost of 2^`log_n` KiB.
///
/// # Errors
/// [`AgeFault::Random`], [`AgeFault::Memory`], [`AgeFault::Cost`] or [`AgeFault::Length`].
pub(crate) fn seal(content: &[u8], passphrase: &str, log_n: u8) -> Result<Vec<u8>, AgeFault> {
    if content.len() > MAX_FILE / 2 {
        return Err(AgeFault::Length);
    }
    let file_key = random::<FILE_KEY_LEN>()?;
    let salt = random::<SALT_LEN>()?;
    let nonce = random::<NONCE_LEN>()?;
    let wrap = wrap_key(passphrase, &*salt, log_n)?;
    let mut body = file_key.to_vec();
    let tag = cipher(&wrap)
        .encrypt_inout_detached(&Nonce::default(), b"", body.as_mut_slice().into())
        .expect("16 bytes are far below the limit of the cipher");
    body.extend_from_slice(&tag);
    let mut header = format!(
        "{FIRST_LINE}-> scrypt {} {log_n}\n{}\n---",
        STANDARD_NO_PAD.encode(*salt),
        STANDARD_NO_PAD.encode(&body)
    );
    let mac = header_mac(&*file_key, header.as_bytes())
        .finalize()
        .into_bytes();
    header += &format!(" {}\n", STANDARD_NO_PAD.encode(mac));
    let mut file = header.into_bytes();
    file.extend_from_slice(&*nonce);
    let key = derive(&*file_key, &*nonce, b"payload");
    // An empty content still has one chunk.
    let chunks = content.chunks(CHUNK).count().max(1);
    for number in 0..chunks {
        let from = number * CHUNK;
        let mut chunk = Zeroizing::new(content[from..content.len().min(from + CHUNK)].to_vec());
        let nonce = chunk_nonce(number, number + 1 == chunks);
        let tag = cipher(&key)
            .encrypt_inout_detached(&nonce, b"", chunk.as_mut_slice().into())
            .expect("a chunk is far below the limit of the cipher");
        file.extend_from_slice(&chunk);
        file.extend_from_slice(&tag);
    }
    Ok(file)
}

/// Whether the bytes begin like an age file, armored or not.
pub(crate) fn looks_like_age(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/")
        || bytes.trim_ascii_start().starts_with(ARMOR_BEGIN.as_bytes())
}

/// Opens a file with its passphrase.
///
/// # Errors
/// [`AgeFault`].
pub(crate) fn open(bytes: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, AgeFault> {
    if bytes.len() > MAX_FILE {
        return Err(AgeFault::Length);
    }
    if bytes.trim_ascii_start().starts_with(ARMOR_BEGIN.as_bytes()) {
        return open_binary(&unarmored(bytes)?, passphrase);
    }
    open_binary(bytes, passphrase)
}

fn open_binary(bytes: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, AgeFault> {
    let header = Header::read(bytes)?;
    let wrap = wrap_key(passphrase, &header.salt, header.log_n)?;
    let mut file_key = Zeroizing::new(header.body.to_vec());
    cipher(&wrap)
        .decrypt_in_place(&Nonce::default(), b"", &mut *file_key)
        .map_err(|_| AgeFault::Sealed)?;
    header_mac(&file_key, header.authenticated)
        .verify_slice(&header.mac)
        .map_err(|_| AgeFault::Damaged)?;
    let (nonce, sealed) = header
        .rest
        .split_at_checked(NONCE_LEN)
        .ok_or(AgeFault::Damaged)?;
    let key = derive(&file_key, nonce, b"payload");
    let mut content = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let chunks = sealed.chunks(CHUNK + TAG_LEN).count();
    for (number, chunk) in sealed.chunks(CHUNK + TAG_LEN).enumerate() {
        let mut chunk = Zeroizing::new(chunk.to_vec());
        cipher(&key)
            .decrypt_in_place(&chunk_nonce(number, number + 1 == chunks), b"", &mut *chunk)
            .map_err(|_| AgeFault::Damaged)?;
        // Only an empty content has an empty chunk.
        if chunk.is_empty() && number > 0 {
            return Err(AgeFault::Damaged);
        }
        content.extend_from_slice(&chunk);
    }
    match chunks {
        0 => Err(AgeFault::Damaged),
        _ => Ok(content),
    }
}

/// A header with one recipient, and what follows it.
struct Header<'a> {
    salt: [u8; SALT_LEN],
    log_n: u8,
    /// The file key and its tag.
    body: [u8; FILE_KEY_LEN + TAG_LEN],
    mac: [u8; 32],
    /// What the MAC covers.
    authenticated: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, AgeFault> {
        let bad = AgeFault::Header;
        let rest = bytes
            .strip_prefix(FIRST_LINE.as_bytes())
            .ok_or(AgeFault::NotAge)?;
        let (recipient, rest) = line(rest).ok_or(bad("it is cut"))?;
        let arguments = recipient
            .strip_prefix("-> ")
            .ok_or(bad("it has no recipient"))?;
        let words: Vec<&str> = arguments.split(' ').collect();
        if words.first() != Some(&"scrypt") {
            return Err(AgeFault::NoPassphrase);
        }
        let [_, salt, log_n] = words[..] else {
            return Err(bad("its recipient has not three words"));
        };
        let salt = bytes_of(salt).ok_or(bad("its salt"))?;
        let log_n = log_n_of(log_n)?;
        let (body, rest) = line(rest).ok_or(bad("it is cut"))?;
        let body = bytes_of(body).ok_or(bad("its file key"))?;
        let (last, end) = line(rest).ok_or(bad("it is cut"))?;
        if last.starts_with("-> ") {
            return Err(AgeFault::NoPassphrase);
        }
        let mac = last.strip_prefix("--- ").ok_or(bad("its last line"))?;
        let mac = bytes_of(mac).ok_or(bad("its MAC"))?;
        let length = bytes.len() - rest.len() + "---".len();
        Ok(Self {
            salt,
            log_n,
            body,
            mac,
            authenticated: &bytes[..length],
            rest: end,
        })
    }
}

/// The text up to the next line end, and what follows it.
fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    // The longest line of such a header has 43 characters; what is longer is none.
    let end = bytes.iter().take(128).position(|byte| *byte == b'\n')?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    Some((text, &bytes[end + 1..]))
}

/// Base64 without padding, of exactly so many bytes, in its one form.
fn bytes_of<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// One or two digits without a leading zero.
fn log_n_of(text: &str) -> Result<u8, AgeFault> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || text.is_empty() || text.starts_with('0') {
        return Err(AgeFault::Header("its cost"));
    }
    match text.parse() {
        Ok(log_n) if log_n <= MAX_LOG_N => Ok(log_n),
        Ok(log_n) => Err(AgeFault::Cost(log_n)),
        Err(_) => Err(AgeFault::Header("its cost")),
    }
}

fn unarmored(bytes: &[u8]) -> Result<Vec<u8>, AgeFault> {
    let bad = AgeFault::Header("its armor");
    let text = std::str::from_utf8(bytes).map_err(|_| bad)?.trim();
    let inner = text
        .strip_prefix(ARMOR_BEGIN)
        .and_then(|rest| rest.strip_suffix(ARMOR_END))
        .ok_or(bad)?;
    let digits: String = inner.lines().collect();
    STANDARD.decode(digits).map_err(|_| bad)
}

fn wrap_key(
    passphrase: &str,
    salt: &[u8],
    log_n: u8,
) -> Result<Box<Zeroizing<[u8; 32]>>, AgeFault> {
    if log_n > MAX_LOG_N {
        return Err(AgeFault::Cost(log_n));
    }
    // The library would end the program if there were no memory, so it is asked for beforehand.
    let mut probe: Vec<u8> = Vec::new();
    probe
        .try_reserve_exact(1024 << log_n)
        .map_err(|_| AgeFault::Memory)?;
    drop(probe);
    let params = Params::new(log_n, 8, 1).map_err(|_| AgeFault::Header("its cost"))?;
    let salt = [SALT_LABEL, salt].concat();
    let mut key = Box::new(Zeroizing::new([0; 32]));
    scrubbed(|| scrypt::scrypt(passphrase.as_bytes(), &salt, &params, &mut **key))
        .expect("32 bytes are a length that scrypt gives");
    Ok(key)
}

fn header_mac(file_key: &[u8], header: &[u8]) -> Hmac<Sha256> {
    let key = derive(file_key, b"", b"header");
    hmac(&*key, &[header])
}

/// HKDF-SHA-256 (RFC 5869) for one block of output.
fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let extracted = Zeroizing::new(<[u8; 32]>::from(
        hmac(salt, &[secret]).finalize().into_bytes(),
    ));
    Zeroizing::new(
        hmac(&*extracted, &[info, &[1]])
            .finalize()
            .into_bytes()
            .into(),
    )
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

fn cipher(key: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(key.into())
}

/// Eleven bytes of counter and the mark of the last chunk.
fn chunk_nonce(number: usize, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&(number as u64).to_be_bytes());
    nonce[11] = u8::from(last);
    nonce.into()
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, AgeFault> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| AgeFault::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
