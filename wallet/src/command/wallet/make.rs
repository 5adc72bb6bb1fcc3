//! Wallets come to be: new, from words, from keys made elsewhere.

use std::fmt;
use std::path::Path;

use sapwood_primitives::{Address, Authority, Name};
use serde::Serialize;
use zeroize::Zeroizing;

use super::find::{self, HiddenName, find_accounts};
use crate::command::args::WalletFlags;
use crate::command::context::{Context, io_error};
use crate::command::error::CliError;
use crate::command::link::Link;
use crate::command::output::Output;
use crate::command::purse::{self, DEV, Purse, random};
use crate::command::text::{escape, fields};
use crate::keys::{WordCount, Words};
use crate::keystore::{WalletFile, WalletSecrets};

/// Longest input for words: 24 words of at most 8 letters, with room for white space and other forms of the letters.
const MAX_WORDS_INPUT: u64 = 2048;

/// Longest input for a key: 64 hex digits and a line end.
const MAX_KEY_INPUT: u64 = 66;

/// A wallet that was made.
#[derive(Serialize)]
struct Made {
    wallet: String,
    file: String,
    chain: String,
    address: String,
    accounts: usize,
    /// Names of its accounts, if they were looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<Name>,
    /// Hashes that wait to be revealed, if they were looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hidden_names: Vec<HiddenName>,
    #[serde(skip)]
    next: &'static str,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&fields(&[
            ("wallet", self.wallet.clone()),
            ("file", escape(&self.file)),
            ("address", self.address.clone()),
            ("accounts", self.accounts.to_string()),
        ]))?;
        for name in &self.names {
            writeln!(f, "owns {name}")?;
        }
        for hidden in &self.hidden_names {
            writeln!(
                f,
                "account {} has put down a hash for a hidden name in block {}; until block {} go on with: sapwood name register --resume NAME",
                hidden.account, hidden.height, hidden.until
            )?;
        }
        f.write_str(self.next)
    }
}

pub(super) fn made(
    ctx: &Context,
    purse: &Purse,
    name: String,
    next: &'static str,
) -> Result<Output, CliError> {
    Ok(Output::of(&report(ctx, purse, name, next)?))
}

fn report(
    ctx: &Context,
    purse: &Purse,
    name: String,
    next: &'static str,
) -> Result<Made, CliError> {
    Ok(Made {
        wallet: name,
        file: purse.file.path().display().to_string(),
        chain: ctx.chain.name.clone(),
        address: ctx.address(purse.chosen(ctx, None)?).to_string(),
        accounts: purse.secrets.accounts().len(),
        names: Vec::new(),
        hidden_names: Vec::new(),
        next,
    })
}

/// Refuses early, before anything secret is asked for.
pub(super) fn refuse_existing(path: &Path) -> Result<(), CliError> {
    if path.symlink_metadata().is_ok() {
        return Err(CliError::refused(
            "wallet_exists",
            format!(
                "{} exists already and is not overwritten",
                escape(&path.display().to_string())
            ),
            "choose another name with --wallet",
        ));
    }
    Ok(())
}

/// Creates the file; asks for its passphrase.
pub(super) fn store(
    ctx: &Context,
    flags: &WalletFlags,
    secrets: WalletSecrets,
) -> Result<(String, Purse), CliError> {
    let (name, path) = purse::place(ctx, flags)?;
    let passphrase = purse::passphrase(ctx, flags, &name, true)?;
    let file = WalletFile::create(&path, &secrets, &passphrase, purse::rule(ctx), ctx.cost)?;
    Ok((name, Purse { file, secrets }))
}

/// `sapwood wallet create`
pub(super) fn create(ctx: &Context, flags: &WalletFlags, words: &str) -> Result<Output, CliError> {
    refuse_existing(&purse::place(ctx, flags)?.1)?;
    purse::harden(ctx);
    let secrets = fresh(ctx, words)?;
    let (name, purse) = store(ctx, flags, secrets)?;
    made(
        ctx,
        &purse,
        name,
        "Write the words down now, on paper: sapwood wallet export --show\n",
    )
}

/// New words from the system's randomness, with their first account.
fn fresh(ctx: &Context, words: &str) -> Result<WalletSecrets, CliError> {
    let entropy = random::<32>()?;
    let count = if words == "12" {
        WordCount::Twelve
    } else {
        WordCount::TwentyFour
    };
    let words = Words::from_entropy(&entropy[..count.entropy_len()]).expect("16 or 32 bytes");
    let mut secrets = WalletSecrets::from_words(&ctx.chain.name, &words, "")?;
    secrets.add_account(0, "")?;
    Ok(secrets)
}

/// The address of the wallet that stands beside a dev or tour chain, which is made if it is missing. Its passphrase is `dev`.
///
/// # Errors
/// On any other chain, and if the wallet cannot be read or written.
pub fn ensure_dev_wallet(ctx: &Context) -> Result<Address, CliError> {
    if !ctx.is_toy() {
        return Err(CliError::usage(
            "not_a_dev_chain",
            format!(
                "the chain `{}` has no wallet with a known passphrase",
                ctx.chain.name
            ),
            "make one with `sapwood wallet create`",
        ));
    }
    let flags = WalletFlags {
        wallet: Some(DEV.to_owned()),
        ..WalletFlags::default()
    };
    let purse = if purse::place(ctx, &flags)?.1.exists() {
        Purse::open(ctx, &flags)?
    } else {
        store(ctx, &flags, fresh(ctx, "24")?)?.1
    };
    Ok(ctx.address(purse.chosen(ctx, None)?))
}

/// `sapwood wallet restore`
pub(super) fn restore(
    ctx: &Context,
    flags: &WalletFlags,
    with_passphrase: bool,
    gap: Option<u32>,
) -> Result<Output, CliError> {
    refuse_existing(&purse::place(ctx, flags)?.1)?;
    purse::harden(ctx);
    let text = if ctx.terminal.is_interactive() {
        purse::ask(ctx, "the words, on one line (not shown): ")?
    } else {
        utf8(
            ctx.terminal
                .stdin(MAX_WORDS_INPUT)
                .map_err(|error| io_error("stdin", &error))?,
        )?
    };
    let words = Words::parse(&text)
        .map_err(|error| CliError::refused("bad_words", error.to_string(), ""))?;
    let second = if with_passphrase {
        purse::ask(ctx, "the additional passphrase of the words: ")?
    } else {
        Zeroizing::default()
    };
    let mut secrets = WalletSecrets::from_words(&ctx.chain.name, &words, &second)?;
    secrets.add_account(0, "")?;
    let (name, mut purse) = store(ctx, flags, secrets)?;
    let found = Link::open(ctx).and_then(|link| look_around(&link, &mut purse, gap));
    let mut report = report(ctx, &purse, name, "")?;
    match found {
        Ok((names, hidden)) => (report.names, report.hidden_names) = (names, hidden),
        Err(error) => ctx.say(format!(
            "further accounts were not looked for: {error}; do it later with `sapwood wallet accounts --find`"
        )),
    }
    Ok(Output::of(&report))
}

/// Everything that the words have on the chain, in one pass: accounts, their names, and hashes that wait to be revealed.
fn look_around(
    link: &Link<'_>,
    purse: &mut Purse,
    gap: Option<u32>,
) -> Result<(Vec<Name>, Vec<HiddenName>), CliError> {
    find_accounts(link, purse, gap.unwrap_or(find::GAP))?;
    let own = purse.ids()?;
    let mut names = Vec::new();
    for (_, id) in &own {
        names.extend(link.account(*id)?.account.and_then(|account| account.name));
    }
    Ok((names, find::hidden_names(link, &own)?))
}

/// `sapwood wallet import`
pub(super) fn import(ctx: &Context, flags: &WalletFlags, label: &str) -> Result<Output, CliError> {
    purse::harden(ctx);
    let secret = if ctx.terminal.is_interactive() {
        secret_key(purse::ask(ctx, "the secret key, 64 hex digits (not shown): ")?.as_bytes())?
    } else {
        let input = ctx.terminal.stdin(MAX_KEY_INPUT);
        secret_key(&input.map_err(|error| io_error("the key on stdin", &error))?)?
    };
    let (name, path) = purse::place(ctx, flags)?;
    if path.symlink_metadata().is_err() {
        let mut secrets = WalletSecrets::without_words(&ctx.chain.name)?;
        secrets.import_account(&secret, label)?;
        let (name, purse) = store(ctx, flags, secrets)?;
        return made(ctx, &purse, name, "");
    }
    let mut purse = Purse::open(ctx, flags)?;
    let id = Authority::of(
        crate::keys::AccountKey::from_secret(&secret)
            .map_err(|error| CliError::refused("bad_key", error.to_string(), ""))?
            .keypair(),
    )
    .account_id();
    if let Some((index, _)) = purse.ids()?.into_iter().find(|(_, known)| *known == id) {
        return Err(CliError::refused(
            "known_key",
            format!("this key is account {index} already"),
            "",
        ));
    }
    purse.secrets.import_account(&secret, label)?;
    purse.save()?;
    made(ctx, &purse, name, "")
}

/// 32 bytes as they are, or as 64 hex digits with or without a line end.
fn secret_key(input: &[u8]) -> Result<Zeroizing<[u8; 32]>, CliError> {
    let mut secret = Zeroizing::new([0; 32]);
    if input.len() == 32 {
        secret.copy_from_slice(input);
        return Ok(secret);
    }
    match hex::decode_to_slice(input.trim_ascii_end(), secret.as_mut_slice()) {
        Ok(()) => Ok(secret),
        Err(_) => Err(CliError::refused(
            "bad_key",
            "stdin has no secret key: 32 bytes or 64 hex digits",
            "give it as in `sapwood wallet import < key.hex`",
        )),
    }
}

fn utf8(bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, CliError> {
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(CliError::refused("bad_words", "the words are not text", "")),
    }
}
