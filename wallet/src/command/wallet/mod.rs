//! `sapwood wallet …`: making and opening wallets, accounts, paying, history.

mod accounts;
mod export;
mod history;
mod make;
mod pay;

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
            } => make::restore(ctx, &wallet, words_passphrase),
            Self::Import { wallet, label } => make::import(ctx, &wallet, &label),
            Self::Export { wallet, show, key } => export::export(ctx, &wallet, show, key),
            Self::ServiceKey {
                wallet,
                show_secret,
            } => export::service_key(ctx, &wallet, show_secret),
            Self::Address { wallet } => accounts::address(ctx, &wallet),
            Self::Accounts {
                wallet,
                new,
                label,
                find,
            } => accounts::list(ctx, &wallet, new.then_some(&*label), find),
            Self::Balance { wallet } => accounts::balance(ctx, &wallet),
            Self::Send { to, amount, spend } => pay::send(ctx, &to, amount, &spend),
            Self::Sign { file, wallet } => pay::sign(ctx, &file, &wallet),
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
