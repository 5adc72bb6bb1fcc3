//! A whole wallet in one file that the `age` program opens as well: `sapwood wallet export --age` and `wallet import FILE`.
//!
//! Inside is a JSON object: the words, accounts, labels, imported keys and watched accounts of the wallet file, and the registrations under
//! way with their salts. It is read with the same checks as the wallet's own files.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::make::{self, store};
use crate::age::{self, AgeFault};
use crate::command::args::WalletFlags;
use crate::command::context::Context;
use crate::command::error::CliError;
use crate::command::notes::DraftName;
use crate::command::output::Output;
use crate::command::purse::{self, Purse};
use crate::command::text::escape;
use crate::keystore::{Registration, WalletSecrets};

/// Version of the content.
const VERSION: u32 = 1;

/// Scrypt of 2ⁿ KiB takes as long as Argon2id of a quarter of that memory and three passes, and this much more memory.
const MORE_MEMORY: u8 = 2;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Backup {
    sapwood_wallet: u32,
    wallet: WalletSecrets,
    registrations: Vec<Registration>,
    drafts: Vec<DraftName>,
}

/// A backup that was written.
#[derive(Serialize)]
struct Written {
    file: String,
    chain: String,
    accounts: usize,
    registrations: usize,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.file)
    }
}

/// `sapwood wallet export --age`
pub(super) fn export(
    ctx: &Context,
    flags: &WalletFlags,
    out: &Path,
    passphrase_fd: Option<u32>,
) -> Result<Output, CliError> {
    ctx.refuse_existing(out)?;
    let purse = Purse::open(ctx, flags)?;
    let backup = Backup {
        sapwood_wallet: VERSION,
        registrations: purse.journal()?.list()?,
        drafts: purse.notes().read()?.drafts,
        wallet: purse.secrets.clone(),
    };
    let passphrase = purse::file_passphrase(ctx, passphrase_fd, true)?;
    purse::rule(ctx).check(&passphrase)?;
    let content =
        Zeroizing::new(serde_json::to_vec(&backup).expect("a wallet has only strings and numbers"));
    let log_n = u8::try_from(ctx.cost.memory_kib.ilog2()).unwrap_or(age::MAX_LOG_N);
    let log_n = (log_n + MORE_MEMORY).min(age::MAX_LOG_N);
    ctx.write_new(out, &age::seal(&content, &passphrase, log_n)?)?;
    Ok(Output::of(&Written {
        file: escape(&out.display().to_string()),
        chain: ctx.chain.name.clone(),
        accounts: backup.wallet.accounts().len(),
        registrations: backup.registrations.len(),
    }))
}

/// `sapwood wallet import FILE`
pub(super) fn import(
    ctx: &Context,
    flags: &WalletFlags,
    file: &Path,
    passphrase_fd: Option<u32>,
) -> Result<Output, CliError> {
    // A person who types a key here shows it to every program on the machine.
    let text = file.to_string_lossy();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(CliError::usage(
            "key_on_command_line",
            "this looks like a secret key; on the command line, other programs see it",
            "give it on stdin, as in `sapwood wallet import < key.hex`, and move its coins: it may have been seen",
        ));
    }
    let path = purse::place(ctx, flags)?.1;
    make::refuse_existing(&path)?;
    purse::harden(ctx);
    let bytes = ctx.read_file(file, age::MAX_FILE as u64)?;
    if !age::looks_like_age(&bytes) {
        return Err(AgeFault::NotAge.into());
    }
    let passphrase = purse::file_passphrase(ctx, passphrase_fd, false)?;
    let backup = read(&age::open(&bytes, &passphrase)?)?;
    purse::check_chain(ctx, &backup.wallet)?;
    let (name, purse) = store(ctx, flags, backup.wallet)?;
    let journal = purse.journal()?;
    for registration in backup.registrations {
        journal.put(registration)?;
    }
    let notebook = purse.notes();
    let mut notes = notebook.read()?;
    notes.drafts = backup.drafts;
    notebook.write(&notes)?;
    make::made(ctx, &purse, name, "")
}

fn read(content: &[u8]) -> Result<Backup, CliError> {
    // The parser's message could repeat a secret; the place is enough.
    let bad = |reason: String| {
        CliError::refused(
            "bad_backup",
            format!(
                "the passphrase is right, but the file holds no wallet of this program: {reason}"
            ),
            "take a file that `sapwood wallet export --age` wrote, of this release or an older one",
        )
    };
    let mut backup: Backup = serde_json::from_slice(content)
        .map_err(|error| bad(format!("line {}, column {}", error.line(), error.column())))?;
    if backup.sapwood_wallet != VERSION {
        return Err(bad(format!("version {}", backup.sapwood_wallet)));
    }
    backup.wallet = backup.wallet.checked().map_err(bad)?;
    Ok(backup)
}

impl From<AgeFault> for CliError {
    fn from(fault: AgeFault) -> Self {
        let hint = match fault {
            AgeFault::NotAge => "a key comes on stdin: `sapwood wallet import < key.hex`",
            _ => "",
        };
        Self::refused("age_file", fault.to_string(), hint)
    }
}
