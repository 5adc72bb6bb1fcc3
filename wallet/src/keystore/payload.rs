//! The payload of a wallet file: how [`WalletSecrets`] is written and read.
//!
//! The payload is a JSON object; every secret in it is hexadecimal, so that reading and writing it
//! needs no copies beyond those that are erased here:
//!
//! ```json
//! {"payload": 1, "chain": "dev", "words": {"entropy": "…", "passphrase": "…"},
//!  "accounts": [{"index": 0, "label": "shop"}, {"index": 1, "label": "old", "imported": "…"}]}
//! ```
//!
//! An account with `"watched": "<id>"` has no key. `words` is `null` in a wallet of imported keys only. An unknown field is refused and not
//! dropped, since saving would lose what a newer program kept there.

use std::io::{self, Write};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use zeroize::Zeroizing;

use super::secrets::{EditWallet, MAX_ACCOUNTS, WalletSecrets, imported};
use crate::keys::{AccountKey, DeriveKey, Words};

/// The version of the payload that this code writes and reads.
pub(super) const PAYLOAD: u16 = 1;

/// Bytes that are erased when dropped, hexadecimal in JSON.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SecretBytes(pub(super) Zeroizing<Vec<u8>>);

impl SecretBytes {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

impl Serialize for SecretBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Zeroizing::new(vec![0; self.0.len() * 2]);
        hex::encode_to_slice(&*self.0, &mut text).map_err(ser::Error::custom)?;
        serializer.serialize_str(std::str::from_utf8(&text).map_err(ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Hexadecimal has no escapes, so the text is borrowed from the payload and not copied.
        let text = <&str>::deserialize(deserializer)?;
        let mut bytes = Zeroizing::new(vec![0; text.len() / 2]);
        hex::decode_to_slice(text, &mut bytes).map_err(de::Error::custom)?;
        Ok(Self(bytes))
    }
}

impl WalletSecrets {
    /// The payload. Its length is counted first, since a vector that grows leaves copies of itself
    /// in memory.
    pub(super) fn to_payload(&self) -> Zeroizing<Vec<u8>> {
        let mut counter = Counter(0);
        self.write_json(&mut counter);
        let mut payload = Zeroizing::new(Vec::with_capacity(counter.0));
        self.write_json(&mut *payload);
        payload
    }

    fn write_json(&self, writer: impl Write) {
        serde_json::to_writer(writer, self)
            .expect("a wallet has only strings and numbers, and memory takes them all");
    }

    /// Reads a payload and checks it as if it had been put together by the methods above.
    ///
    /// The message of an error holds no text of the payload, which is secret.
    pub(super) fn from_payload(payload: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(payload).map_err(|error| {
            format!(
                "its content is no wallet of a known form (column {})",
                error.column()
            )
        })?;
        read.checked()
    }

    /// What was read from elsewhere, checked as if it had been put together by the methods above.
    pub(crate) fn checked(self) -> Result<Self, String> {
        if self.payload != PAYLOAD {
            return Err(format!(
                "its content has version {}, this program knows {PAYLOAD}",
                self.payload
            ));
        }
        self.rebuilt().map_err(|error| error.to_string())
    }

    fn rebuilt(mut self) -> Result<Self, EditWallet> {
        let mut checked = Self::new(&self.chain, self.words.take())?;
        if let Some(root) = &checked.words {
            Words::from_entropy(&root.entropy.0).map_err(|_| EditWallet::NoWords)?;
            std::str::from_utf8(&root.passphrase.0).map_err(|_| EditWallet::NoWords)?;
        }
        checked
            .accounts
            .reserve(self.accounts.len().min(MAX_ACCOUNTS));
        for account in self.accounts.drain(..) {
            match &account.imported {
                // A key and the lack of one exclude each other.
                Some(_) if account.watched().is_some() => return Err(DeriveKey::Secret.into()),
                Some(secret) if secret.0.len() != 32 => return Err(DeriveKey::Secret.into()),
                Some(secret) => drop(AccountKey::from_secret(imported(secret))?),
                None if account.watched().is_some() => {}
                None if checked.words.is_none() => return Err(EditWallet::NoWords),
                None => {}
            }
            checked.push(account)?;
        }
        Ok(checked)
    }
}

/// A writer that only counts.
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
