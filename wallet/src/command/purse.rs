//! An open wallet: its passphrase, its accounts, and which of them acts.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sapwood_primitives::leaf::Account;
use sapwood_primitives::{AccountId, Address, Authority, AuthorityHash};
use sapwood_rpc::types::Proven;
use zeroize::Zeroizing;

use super::args::WalletFlags;
use super::context::{Context, io_error};
use super::error::{CliError, Exit};
use super::link::Link;
use super::notes::Notebook;
use super::terminal::read_secret;
use crate::keystore::{
    EditWallet, OpenWallet, PassphraseRule, PendingRegistrations, WalletFile, WalletSecrets,
    harden_process,
};

/// Name of the wallet that exists on toy chains without being asked for, and its passphrase. Its coins have no worth.
pub(crate) const DEV: &str = "dev";

/// Name of the wallet elsewhere.
const DEFAULT: &str = "default";

/// Longest name of a wallet, so that every file beside it has a legal name.
const MAX_NAME: usize = 64;

/// Longest passphrase line, in bytes.
const MAX_PASSPHRASE: u64 = 1024;

/// How long to wait for another command to let the wallet go, which it does within a block or as soon as it is answered.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before looking again.
const POLL: Duration = Duration::from_millis(100);

/// An open wallet. Other commands wait until it is dropped.
pub(crate) struct Purse {
    pub(crate) file: WalletFile,
    pub(crate) secrets: WalletSecrets,
}

/// An account that can act, because the chain has it.
#[derive(Debug)]
pub(crate) struct Actor {
    /// The account, proven.
    pub(crate) account: Account,
    /// The proof.
    pub(crate) proven: Proven,
    /// Number of the wallet's account whose key signs for it; without one, orders can only be prepared for another computer.
    pub(crate) signer: Option<u32>,
}

/// Name and place of the wallet that the flags mean.
pub(crate) fn place(ctx: &Context, flags: &WalletFlags) -> Result<(String, PathBuf), CliError> {
    let default = if ctx.is_toy() { DEV } else { DEFAULT };
    let name = flags.wallet.as_deref().unwrap_or(default);
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(legal) {
        return Err(CliError::usage(
            "wallet_name",
            "a wallet's name has 1 to 64 letters, digits, hyphens and underscores",
            "",
        ));
    }
    Ok((name.to_owned(), ctx.wallets().join(name)))
}

/// The rule for passphrases of new wallets: on a toy chain anything goes.
pub(crate) fn rule(ctx: &Context) -> PassphraseRule {
    if ctx.is_toy() {
        PassphraseRule::WeakAllowed
    } else {
        PassphraseRule::Strong
    }
}

/// The passphrase, from where the flags say; for a new wallet it is asked for twice.
pub(crate) fn passphrase(
    ctx: &Context,
    flags: &WalletFlags,
    name: &str,
    new: bool,
) -> Result<Zeroizing<String>, CliError> {
    if let Some(fd) = flags.passphrase_fd {
        return passphrase_from(fd);
    }
    if ctx.is_toy() && name == DEV {
        return Ok(Zeroizing::new(DEV.to_owned()));
    }
    let first = ask(ctx, &format!("passphrase of the wallet `{name}`: "))?;
    if new && *first != *ask(ctx, "the same again: ")? {
        return Err(differ());
    }
    Ok(first)
}

pub(crate) fn ask(ctx: &Context, prompt: &str) -> Result<Zeroizing<String>, CliError> {
    if !ctx.terminal.is_interactive() {
        return Err(CliError::refused(
            "no_terminal",
            "a secret is needed and nobody can be asked: stdin is not a terminal",
            "give the passphrase with --passphrase-fd",
        ));
    }
    ctx.terminal
        .secret(prompt)
        .map_err(|error| io_error("the terminal", &error))
}

/// The first line of a file descriptor. It is opened anew by its number, which needs no ownership of it.
fn passphrase_from(fd: u32) -> Result<Zeroizing<String>, CliError> {
    let what = format!("file descriptor {fd}");
    let bytes = File::open(format!("/dev/fd/{fd}"))
        .and_then(|file| read_secret(file, MAX_PASSPHRASE))
        .map_err(|error| io_error(&what, &error))?;
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(CliError::refused(
            "passphrase_form",
            format!("the passphrase from {what} is not UTF-8"),
            "",
        )),
    }
}

/// The passphrase of a file to be carried elsewhere; for a new one it is asked for twice.
pub(crate) fn file_passphrase(
    ctx: &Context,
    fd: Option<u32>,
    new: bool,
) -> Result<Zeroizing<String>, CliError> {
    if let Some(fd) = fd {
        return passphrase_from(fd);
    }
    if !ctx.terminal.is_interactive() {
        return Err(CliError::refused(
            "no_terminal",
            "the passphrase of the file is needed and nobody can be asked: stdin is not a terminal",
            "give it with --file-passphrase-fd",
        ));
    }
    let first = ask(ctx, "passphrase of the age file: ")?;
    if new && *first != *ask(ctx, "the same again: ")? {
        return Err(differ());
    }
    Ok(first)
}

fn differ() -> CliError {
    CliError::refused(
        "passphrases_differ",
        "the two passphrases differ",
        "try again",
    )
}

/// Refuses a wallet of another chain.
pub(crate) fn check_chain(ctx: &Context, secrets: &WalletSecrets) -> Result<(), CliError> {
    if secrets.chain() == ctx.chain.name {
        return Ok(());
    }
    Err(CliError::refused(
        "wallet_chain",
        format!(
            "this wallet is for the chain `{}`, not `{}`",
            secrets.chain(),
            ctx.chain.name
        ),
        "choose the chain with --chain, or another wallet with --wallet",
    ))
}

/// Keeps memory to this process; a system that refuses is no reason to keep the owner out.
pub(crate) fn harden(ctx: &Context) {
    if let Err(error) = harden_process() {
        ctx.say(format!(
            "warning: other programs may read this one's memory ({error})"
        ));
    }
}

impl Purse {
    /// Opens the wallet that the flags mean, and waits a while if another command has it.
    pub(crate) fn open(ctx: &Context, flags: &WalletFlags) -> Result<Self, CliError> {
        let (name, path) = place(ctx, flags)?;
        harden(ctx);
        let passphrase = if path.exists() {
            passphrase(ctx, flags, &name, false)?
        } else {
            // The file's absence has the better message, and nobody should type a secret for it.
            Zeroizing::default()
        };
        let start = Instant::now();
        let (file, secrets) = loop {
            match WalletFile::open(&path, &passphrase) {
                Err(OpenWallet::Locked(_)) if start.elapsed() < PATIENCE => {
                    std::thread::sleep(POLL)
                }
                result => break result?,
            }
        };
        check_chain(ctx, &secrets)?;
        Ok(Self { file, secrets })
    }

    /// The journal of registrations beside the wallet.
    pub(crate) fn journal(&self) -> Result<PendingRegistrations, CliError> {
        Ok(PendingRegistrations::open(
            &self.beside("registrations.json"),
        )?)
    }

    /// The notes about transactions beside the wallet.
    pub(crate) fn notes(&self) -> Notebook {
        Notebook::at(self.beside("notes.json"))
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.file.path().into_os_string();
        path.push(".");
        path.push(ending);
        path.into()
    }

    /// Hash of the authority that an account's own key makes; at first also the account's id.
    pub(crate) fn authority(&self, index: u32) -> Result<AuthorityHash, EditWallet> {
        Ok(Authority::of(self.secrets.key(index)?.keypair()).hash())
    }

    /// Id of the account whose first key this was.
    pub(crate) fn id(&self, index: u32) -> Result<AccountId, EditWallet> {
        let mut accounts = self.secrets.accounts().iter();
        if let Some(id) = accounts
            .find(|account| account.index() == index)
            .and_then(|account| account.watched())
        {
            return Ok(id);
        }
        Ok(AccountId(self.authority(index)?.0))
    }

    /// Numbers and ids of all accounts.
    pub(crate) fn ids(&self) -> Result<Vec<(u32, AccountId)>, CliError> {
        let accounts = self.secrets.accounts().iter();
        let ids: Result<Vec<_>, EditWallet> = accounts
            .map(|account| Ok((account.index(), self.id(account.index())?)))
            .collect();
        Ok(ids?)
    }

    /// The account that the flag means: a number, a label, or an address whose key this wallet has; the first one without a flag.
    pub(crate) fn chosen(&self, ctx: &Context, flag: Option<&str>) -> Result<AccountId, CliError> {
        let accounts = self.secrets.accounts();
        let none = |text: &str| {
            CliError::usage(
                "no_account",
                format!("the wallet has no account `{}`", super::text::escape(text)),
                "`sapwood wallet accounts` lists them",
            )
        };
        let Some(text) = flag else {
            let first = accounts.first().ok_or_else(|| none("0"))?;
            return Ok(self.id(first.index())?);
        };
        if let Some(account) = accounts.iter().find(|account| {
            account.index().to_string() == text
                || (!account.label().is_empty() && account.label() == text)
        }) {
            return Ok(self.id(account.index())?);
        }
        match Address::parse(&ctx.chain.address_prefix, text) {
            Ok(address) => Ok(address.id()),
            Err(_) => Err(none(text)),
        }
    }

    /// Number of the account that the flag means, whose first key this wallet has.
    pub(crate) fn own_index(&self, ctx: &Context, flag: Option<&str>) -> Result<u32, CliError> {
        let id = self.chosen(ctx, flag)?;
        let found = self.ids()?.into_iter().find(|(_, known)| *known == id);
        found.map(|(index, _)| index).ok_or_else(|| {
            CliError::refused(
                "other_key",
                "the wallet has no key that this address was made from",
                "name the account by its number",
            )
        })
    }

    /// The account `id` as an actor: it exists, and perhaps a key of this wallet signs for it.
    pub(crate) fn actor(&self, link: &Link<'_>, id: AccountId) -> Result<Actor, CliError> {
        let address = link.ctx.address(id);
        let found = link.account(id)?;
        let Some(account) = found.account else {
            return Err(CliError::refused(
                "no_coins",
                format!("the account {address} does not exist on the chain: it has no coins"),
                format!("have some sent to {address}"),
            ));
        };
        let signer = self.signer(account.authority_hash())?;
        Ok(Actor {
            account,
            proven: found.answer,
            signer,
        })
    }

    /// Number of the account whose key makes this authority.
    pub(crate) fn signer(&self, wanted: AuthorityHash) -> Result<Option<u32>, EditWallet> {
        let accounts = self.secrets.accounts().iter();
        for candidate in accounts.filter(|account| account.watched().is_none()) {
            if self.authority(candidate.index())? == wanted {
                return Ok(Some(candidate.index()));
            }
        }
        Ok(None)
    }

    /// Why this wallet cannot sign for an account.
    pub(crate) fn no_key(&self, ctx: &Context, account: &Account) -> CliError {
        let address = ctx.address(account.id);
        let mut known = self.secrets.accounts().iter();
        if known.any(|known| known.watched() == Some(account.id)) {
            return CliError::refused(
                "watch_only",
                format!("{address} is only watched: this wallet has no key for it"),
                "write the transaction with --unsigned FILE and sign it where the key is, with `sapwood wallet sign FILE`",
            );
        }
        CliError::refused(
            "other_key",
            format!(
                "no key of this wallet signs for {address} (its key has the hash {})",
                account.authority_hash()
            ),
            "if its key was changed, add the account with that key: `sapwood wallet accounts --new` or `wallet import`",
        )
    }

    /// The actor that the flags mean; without a flag the account that the command itself found, or else the first one.
    pub(crate) fn actor_for(
        &self,
        link: &Link<'_>,
        flags: &WalletFlags,
        found: Option<AccountId>,
    ) -> Result<Actor, CliError> {
        let id = match (&flags.account, found) {
            (None, Some(found)) => found,
            (Some(flag), Some(found)) => {
                let chosen = self.chosen(link.ctx, Some(flag))?;
                if chosen != found {
                    return Err(CliError::refused(
                        "other_account",
                        format!(
                            "this is for {} to do, not for the account given",
                            link.ctx.address(found)
                        ),
                        "leave --account out",
                    ));
                }
                chosen
            }
            (flag, None) => self.chosen(link.ctx, flag.as_deref())?,
        };
        self.actor(link, id)
    }

    /// Saves accounts that were added.
    pub(crate) fn save(&self) -> Result<(), CliError> {
        Ok(self.file.save(&self.secrets)?)
    }
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, CliError> {
    let mut bytes = Zeroizing::new([0; N]);
    match getrandom::fill(bytes.as_mut_slice()) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(CliError::new(
            Exit::Failed,
            "no_randomness",
            format!("the operating system has no random numbers: {error}"),
            "",
        )),
    }
}
