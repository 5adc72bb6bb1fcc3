//! `sapwood wallet …`: making and opening wallets, accounts, paying, history.

mod accounts;
mod backup;
mod export;
mod find;
mod history;
mod make;
mod pay;
mod sign;
mod watch;

pub(crate) use find::hidden_names;
pub use make::ensure_dev_wallet;
pub(crate) use pay::{delay_of, free_slot, perform};

use super::args::WalletCommand;
use super::context::Context;
use super::error::CliError;
use super::output::Output;

impl WalletCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self, ctx: &Context) -> Result<Output, CliError> {
        match self {
            Self::Create { wallet, words } => make::create(ctx, &wallet, &words),
            Self::Restore {
                wallet,
                words_passphrase,
                gap,
            } => make::restore(ctx, &wallet, words_passphrase, gap),
            Self::Import {
                file: Some(file),
                file_passphrase_fd,
                wallet,
                ..
            } => backup::import(ctx, &wallet, &file, file_passphrase_fd),
            Self::Import { wallet, label, .. } => make::import(ctx, &wallet, &label),
            Self::Export {
                wallet,
                out: Some(out),
                file_passphrase_fd,
                ..
            } => backup::export(ctx, &wallet, &out, file_passphrase_fd),
            Self::Export {
                wallet, show, key, ..
            } => export::export(ctx, &wallet, show, key),
            Self::ServiceKey {
                wallet,
                show_secret,
            } => export::service_key(ctx, &wallet, show_secret),
            Self::Address {
                qr,
                amount,
                label,
                wallet,
            } => accounts::address(ctx, &wallet, qr, amount, label),
            Self::Accounts {
                wallet,
                new,
                label,
                find,
                gap,
            } => accounts::list(ctx, &wallet, new.then_some(&*label), find, gap),
            Self::Balance { wallet } => accounts::balance(ctx, &wallet),
            Self::Send { to, amount, spend } => pay::send(ctx, &to, amount, &spend),
            Self::Sign { file, out, wallet } => sign::sign(ctx, &file, out.as_deref(), &wallet),
            Self::Watch {
                who,
                label,
                remove,
                wallet,
            } => watch::watch(ctx, &who, &label, remove, &wallet),
            Self::History {
                wallet,
                limit,
                blocks,
            } => history::history(ctx, &wallet, limit, blocks),
            Self::RotateKey { to_account, spend } => pay::rotate_key(ctx, to_account, &spend),
            Self::Close { to, spend } => pay::close(ctx, &to, &spend),
        }
    }
}
