//! Secrets go out: words, spending keys, service keys. Every copy made on the way is erased.

use std::fmt;

use sapwood_primitives::records::types;
use sapwood_rpc::records::type_name;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::command::args::WalletFlags;
use crate::command::context::Context;
use crate::command::error::CliError;
use crate::command::output::Output;
use crate::command::purse::Purse;
use crate::keystore::Account;

/// Secrets on their way out.
#[derive(Default, Serialize)]
struct Exported<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<&'a str>,
    /// Whether the words need the additional passphrase of BIP 39.
    #[serde(skip_serializing_if = "Option::is_none")]
    words_passphrase: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<&'a str>,
}

/// `sapwood wallet export`
pub(super) fn export(
    ctx: &Context,
    flags: &WalletFlags,
    show: bool,
    key: bool,
) -> Result<Output, CliError> {
    if ctx.terminal.stdout_is_screen() && !show {
        return Err(CliError::refused(
            "secret_on_screen",
            "this would show secrets on the screen",
            "make sure that nobody looks, then add --show; or send the output into a file",
        ));
    }
    let purse = Purse::open(ctx, flags)?;
    if key {
        let index = purse.own_index(ctx, flags.account.as_deref())?;
        let secret = hex_of(&purse.secrets.key(index)?.secret());
        let exported = Exported {
            secret_key: Some(&secret),
            ..Exported::default()
        };
        return Ok(Output::secret(&exported, line(&secret)));
    }
    let words = purse.secrets.words().ok_or_else(|| {
        CliError::refused(
            "no_words",
            "this wallet has no words, only imported keys",
            "export each with --key --account N",
        )
    })?;
    let needs_passphrase = !purse.secrets.words_passphrase().is_empty();
    if needs_passphrase {
        ctx.say("these words need their additional passphrase as well");
    }
    if purse.secrets.accounts().iter().any(Account::is_imported) {
        ctx.say("the wallet has imported keys, which these words do not bring back; export them with --key");
    }
    let words = words.phrase();
    let exported = Exported {
        words: Some(&words),
        words_passphrase: Some(needs_passphrase),
        ..Exported::default()
    };
    Ok(Output::secret(&exported, line(&words)))
}

/// A service key.
#[derive(Serialize)]
struct ServiceKey<'a> {
    account: u32,
    public_key: &'a str,
    /// The record that shows the world which key it is.
    record: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<&'a str>,
}

impl fmt::Display for ServiceKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", self.public_key, self.record)
    }
}

/// `sapwood wallet service-key`
pub(super) fn service_key(
    ctx: &Context,
    flags: &WalletFlags,
    show_secret: bool,
) -> Result<Output, CliError> {
    let purse = Purse::open(ctx, flags)?;
    let index = purse.own_index(ctx, flags.account.as_deref())?;
    let key = purse.secrets.service_key(index)?;
    let public = hex::encode(key.verifying_key().to_bytes());
    let record = format!("@ {} {public}", type_name(types::SERVICE_KEY));
    let secret = show_secret.then(|| hex_of(&Zeroizing::new(key.to_bytes())));
    let report = ServiceKey {
        account: index,
        public_key: &public,
        record: &record,
        secret_key: secret.as_deref().map(String::as_str),
    };
    Ok(match &secret {
        // The secret alone, so that it can be sent into a file.
        Some(secret) => Output::secret(&report, line(secret)),
        None => Output::of(&report),
    })
}

fn hex_of(secret: &[u8; 32]) -> Zeroizing<String> {
    let mut digits = Zeroizing::new([0; 64]);
    hex::encode_to_slice(secret, digits.as_mut_slice()).expect("two digits a byte");
    let digits = std::str::from_utf8(digits.as_slice()).expect("hex digits are ASCII");
    Zeroizing::new(digits.to_owned())
}

/// The text with a line end, in one piece of memory.
fn line(secret: &str) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(secret.len() + 1));
    line.push_str(secret);
    line.push('\n');
    line
}
