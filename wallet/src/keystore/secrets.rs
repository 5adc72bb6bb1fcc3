//! What a wallet file holds once it is decrypted: words, accounts, imported keys. [`WalletSecrets`]
//! keeps numbers and labels unique and gives out the keys; [`super::payload`] writes it as JSON and
//! reads it again.

use std::fmt;

use ed25519_dalek::SigningKey;
use sapwood_primitives::AccountId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::payload::{PAYLOAD, SecretBytes};
use crate::keys::{self, AccountIndex, AccountKey, CoinType, DeriveKey, Words};

/// Most accounts in one wallet. With the longest labels they fill about half of
/// [`super::crypt::MAX_PAYLOAD`].
pub(super) const MAX_ACCOUNTS: usize = 2_048;

/// Longest label in bytes: one line of a list.
pub(super) const MAX_LABEL: usize = 64;

/// First number of accounts that the words do not bring back: imported and watched ones. Derived accounts count from 0 without holes, so
/// that a search by the words finds them all.
pub(super) const OUTSIDE: u32 = 10_000;

/// Longest chain name in bytes, as in chain files.
const MAX_CHAIN_NAME: usize = 32;

/// Why a wallet cannot have this content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditWallet {
    /// No account has this number.
    #[error("the wallet has no account {0}; `sapwood wallet accounts` lists those it has")]
    NoAccount(u32),
    /// The number belongs to another account.
    #[error("the wallet has an account {0} already")]
    IndexTaken(u32),
    /// The label belongs to another account.
    #[error("account {0} has this label already; labels are unique")]
    LabelTaken(u32),
    /// The label is too long or would disturb a terminal.
    #[error("a label has at most {MAX_LABEL} bytes and no control characters")]
    Label,
    /// The chain name is empty, too long or not printable ASCII.
    #[error("a chain name has 1 to {MAX_CHAIN_NAME} letters, digits or hyphens")]
    Chain,
    /// There is no room for another account.
    #[error("the wallet has {MAX_ACCOUNTS} accounts, the most it can have; create another wallet")]
    Full,
    /// A wallet of imported keys has no words to derive from.
    #[error(
        "this wallet has no words, only imported keys; import a key, or restore a wallet from words"
    )]
    NoWords,
    /// The account has no key here.
    #[error("account {0} is only watched: this wallet has no key for it")]
    Watched(u32),
    /// There is no such key.
    #[error(transparent)]
    Key(#[from] DeriveKey),
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Root {
    pub(super) entropy: SecretBytes,
    /// The passphrase of BIP 39 in UTF-8, empty if there is none.
    pub(super) passphrase: SecretBytes,
}

/// One account of a wallet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    index: u32,
    label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) imported: Option<SecretBytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watched: Option<AccountId>,
}

impl Account {
    /// The number by which commands call it; unique in its wallet. For a derived account it is the
    /// number in the path.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// What its owner calls it; may be empty, otherwise unique in its wallet.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether its key was imported, so that the words do not bring it back.
    pub fn is_imported(&self) -> bool {
        self.imported.is_some()
    }

    /// The account that is watched without a key, if this is one.
    pub fn watched(&self) -> Option<AccountId> {
        self.watched
    }

    /// Whether its key is derived from the words.
    pub fn is_derived(&self) -> bool {
        self.imported.is_none() && self.watched.is_none()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match (&self.imported, &self.watched) {
            (Some(_), _) => "imported",
            (None, Some(_)) => "watched",
            (None, None) => "derived",
        };
        write!(f, "Account({} {:?}, {kind})", self.index, self.label)
    }
}

/// The decrypted content of a wallet. All secrets in it are erased when it is dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletSecrets {
    pub(super) payload: u16,
    pub(super) chain: String,
    pub(super) words: Option<Root>,
    pub(super) accounts: Vec<Account>,
}

impl WalletSecrets {
    /// A wallet of `words` for the chain called `chain`, without accounts yet. `passphrase` is that
    /// of BIP 39, empty for none; it has nothing to do with the passphrase of the file.
    ///
    /// # Errors
    /// [`EditWallet::Chain`].
    pub fn from_words(chain: &str, words: &Words, passphrase: &str) -> Result<Self, EditWallet> {
        let root = Root {
            entropy: SecretBytes(words.entropy()),
            passphrase: SecretBytes::new(passphrase.as_bytes()),
        };
        Self::new(chain, Some(root))
    }

    /// A wallet that will hold imported keys only.
    ///
    /// # Errors
    /// [`EditWallet::Chain`].
    pub fn without_words(chain: &str) -> Result<Self, EditWallet> {
        Self::new(chain, None)
    }

    pub(super) fn new(chain: &str, words: Option<Root>) -> Result<Self, EditWallet> {
        check_chain(chain)?;
        Ok(Self {
            payload: PAYLOAD,
            chain: chain.to_owned(),
            words,
            accounts: Vec::new(),
        })
    }

    /// The name of the chain that the wallet is for.
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// The words, for a backup that the owner asked for.
    pub fn words(&self) -> Option<Words> {
        let root = self.words.as_ref()?;
        Some(
            Words::from_entropy(&root.entropy.0)
                .expect("the length was checked when this was made or read"),
        )
    }

    /// The passphrase of BIP 39 that belongs to the words; empty if there is none.
    pub fn words_passphrase(&self) -> &str {
        let bytes = self
            .words
            .as_ref()
            .map_or(&[][..], |root| &root.passphrase.0);
        std::str::from_utf8(bytes).expect("UTF-8 was checked when this was made or read")
    }

    /// The accounts in the order in which they were added.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Adds the derived account number `index`; the next free number is
    /// [`WalletSecrets::next_index`].
    ///
    /// # Errors
    /// Any of [`EditWallet`] but [`EditWallet::NoAccount`]; the wallet is unchanged then.
    pub fn add_account(&mut self, index: u32, label: &str) -> Result<(), EditWallet> {
        if self.words.is_none() {
            return Err(EditWallet::NoWords);
        }
        self.push(Account {
            index,
            label: label.to_owned(),
            imported: None,
            watched: None,
        })
    }

    /// Adds an account that is only looked at and returns its number.
    ///
    /// # Errors
    /// The bounds of labels and accounts.
    pub fn watch_account(&mut self, id: AccountId, label: &str) -> Result<u32, EditWallet> {
        let index = self.next_outside();
        self.push(Account {
            index,
            label: label.to_owned(),
            imported: None,
            watched: Some(id),
        })?;
        Ok(index)
    }

    /// Stops watching an account, and says whether it was watched.
    pub fn unwatch(&mut self, id: AccountId) -> bool {
        let before = self.accounts.len();
        self.accounts.retain(|account| account.watched != Some(id));
        self.accounts.len() != before
    }

    /// Adds an account with a key made elsewhere and returns its number.
    ///
    /// # Errors
    /// [`DeriveKey::Secret`] for what is no secret key, and the bounds of labels and accounts.
    pub fn import_account(&mut self, secret: &[u8; 32], label: &str) -> Result<u32, EditWallet> {
        AccountKey::from_secret(secret)?;
        let index = self.next_outside();
        self.push(Account {
            index,
            label: label.to_owned(),
            imported: Some(SecretBytes::new(secret)),
            watched: None,
        })?;
        Ok(index)
    }

    /// The number of the next derived account: the first one above those there are that nothing else has.
    pub fn next_index(&self) -> u32 {
        let derived = self.accounts.iter().filter(|account| account.is_derived());
        let first = derived.map(|account| account.index + 1).max().unwrap_or(0);
        self.free_from(first)
    }

    fn next_outside(&self) -> u32 {
        let outside = self.accounts.iter().filter(|account| !account.is_derived());
        let first = outside.map(|account| account.index + 1).max().unwrap_or(0);
        self.free_from(first.max(OUTSIDE))
    }

    fn free_from(&self, first: u32) -> u32 {
        (first..)
            .find(|index| self.account(*index).is_err())
            .expect("a wallet has fewer accounts than there are numbers")
    }

    /// Gives the account another label.
    ///
    /// # Errors
    /// [`EditWallet::NoAccount`], [`EditWallet::Label`] or [`EditWallet::LabelTaken`].
    pub fn set_label(&mut self, index: u32, label: &str) -> Result<(), EditWallet> {
        let place = self
            .accounts
            .iter()
            .position(|account| account.index == index);
        let place = place.ok_or(EditWallet::NoAccount(index))?;
        self.check_label(label, Some(index))?;
        label.clone_into(&mut self.accounts[place].label);
        Ok(())
    }

    /// The spending key of an account.
    ///
    /// # Errors
    /// [`EditWallet::NoAccount`], or [`DeriveKey::NoKey`].
    pub fn key(&self, index: u32) -> Result<AccountKey, EditWallet> {
        let account = self.account(index)?;
        if account.watched.is_some() {
            return Err(EditWallet::Watched(index));
        }
        if let Some(secret) = &account.imported {
            return Ok(AccountKey::from_secret(imported(secret))?);
        }
        let seed = self.seed()?;
        Ok(keys::account_key(
            &seed,
            self.coin(),
            AccountIndex::new(index)?,
        )?)
    }

    /// The ed25519 key that the servers of this account's name prove to have.
    ///
    /// # Errors
    /// [`EditWallet::NoAccount`].
    pub fn service_key(&self, index: u32) -> Result<SigningKey, EditWallet> {
        self.with_source(index, |source, number| {
            keys::service_key(source, self.coin(), number)
        })
    }

    /// The salt of this account's commitment number `counter` for `name`. See [`keys::salt`].
    ///
    /// # Errors
    /// [`EditWallet::NoAccount`].
    pub fn salt(
        &self,
        index: u32,
        name: &[u8],
        counter: u64,
    ) -> Result<Zeroizing<[u8; 32]>, EditWallet> {
        self.with_source(index, |source, number| {
            keys::salt(source, number, name, counter)
        })
    }

    /// Calls `derive` with what the account's other secrets come from: seed and number, or for an
    /// imported account its own key and number 0, because the number that it has here says nothing
    /// in another wallet.
    fn with_source<T>(
        &self,
        index: u32,
        derive: impl FnOnce(&[u8], AccountIndex) -> T,
    ) -> Result<T, EditWallet> {
        let account = self.account(index)?;
        if account.watched.is_some() {
            return Err(EditWallet::Watched(index));
        }
        match &account.imported {
            Some(secret) => Ok(derive(&secret.0, AccountIndex::FIRST)),
            None => Ok(derive(self.seed()?.as_bytes(), AccountIndex::new(index)?)),
        }
    }

    fn seed(&self) -> Result<keys::Seed, EditWallet> {
        let words = self.words().ok_or(EditWallet::NoWords)?;
        Ok(words.seed(self.words_passphrase()))
    }

    fn coin(&self) -> CoinType {
        CoinType::for_chain(&self.chain)
    }

    fn account(&self, index: u32) -> Result<&Account, EditWallet> {
        self.accounts
            .iter()
            .find(|account| account.index == index)
            .ok_or(EditWallet::NoAccount(index))
    }

    pub(super) fn push(&mut self, account: Account) -> Result<(), EditWallet> {
        AccountIndex::new(account.index)?;
        if self.accounts.len() >= MAX_ACCOUNTS {
            return Err(EditWallet::Full);
        }
        if self.account(account.index).is_ok() {
            return Err(EditWallet::IndexTaken(account.index));
        }
        self.check_label(&account.label, None)?;
        self.accounts.push(account);
        Ok(())
    }

    fn check_label(&self, label: &str, own: Option<u32>) -> Result<(), EditWallet> {
        if label.len() > MAX_LABEL || label.chars().any(char::is_control) {
            return Err(EditWallet::Label);
        }
        let twin = self
            .accounts
            .iter()
            .find(|other| other.label == label && Some(other.index) != own);
        match twin {
            Some(other) if !label.is_empty() => Err(EditWallet::LabelTaken(other.index)),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for WalletSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "WalletSecrets({:?}, {} accounts)",
            self.chain,
            self.accounts.len()
        )
    }
}

/// An imported key as an array.
pub(super) fn imported(secret: &SecretBytes) -> &[u8; 32] {
    secret
        .0
        .first_chunk()
        .expect("the length was checked when this was made or read")
}

fn check_chain(chain: &str) -> Result<(), EditWallet> {
    let legal = chain
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if chain.is_empty() || chain.len() > MAX_CHAIN_NAME || !legal {
        Err(EditWallet::Chain)
    } else {
        Ok(())
    }
}
