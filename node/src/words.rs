//! Runs commands inside this process, written as a person would type them: what `sapwood dev` and the tour do for a newcomer.

use crate::cli::{Cli, Command};
use clap::Parser;
use sapwood_primitives::Chain;
use sapwood_wallet::command::{CliError, Context, Exit, Output, Terminal};
use std::io;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// A person at a shell, with a chain and its directory.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    /// The chain.
    pub(crate) chain: Chain,
    /// The chain's directory.
    pub(crate) dir: PathBuf,
    /// Whether what commands say beside their result is left out.
    pub(crate) quiet: bool,
}

impl Shell {
    /// The context that a command runs in.
    pub(crate) fn context(&self) -> Context {
        let mut context = Context::new(self.chain.clone(), self.dir.clone());
        context.yes = true;
        if self.quiet {
            context = context.with_terminal(Box::new(Silence));
        }
        context
    }
}

/// A terminal with nobody at it.
pub(crate) struct Silence;

impl Terminal for Silence {
    fn say(&self, _: &str) {}

    fn progress(&self, _: &str) {}

    fn progress_end(&self) {}

    fn is_interactive(&self) -> bool {
        false
    }

    fn stdout_is_screen(&self) -> bool {
        false
    }

    fn agree(&self, _: &str) -> io::Result<bool> {
        Ok(false)
    }

    fn secret(&self, _: &str) -> io::Result<Zeroizing<String>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn stdin(&self, _: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn now(&self) -> u64 {
        sapwood_node::api::now()
    }
}

impl Shell {
    /// Runs a wallet command such as `["name", "show", "alice"]`; questions are answered with yes. Blocks: the wallet is synchronous and brings its own runtime.
    ///
    /// # Errors
    /// What the command says.
    pub(crate) async fn run(&self, words: &[&str]) -> Result<Output, CliError> {
        let command = ["sapwood"].iter().chain(words);
        let cli = Cli::try_parse_from(command)
            .map_err(|e| CliError::new(Exit::Internal, "words", e.to_string(), "this is a bug"))?;
        let shell = self.clone();
        tokio::task::spawn_blocking(move || {
            let context = shell.context();
            wallet_command(cli.command, &context).unwrap_or_else(|_| {
                Err(CliError::new(
                    Exit::Internal,
                    "words",
                    "not a command of the wallet",
                    "this is a bug",
                ))
            })
        })
        .await
        .unwrap_or_else(|e| {
            Err(CliError::new(
                Exit::Internal,
                "panic",
                e.to_string(),
                "this is a bug",
            ))
        })
    }
}

/// Runs a command if it is the wallet's, and gives it back if it is not.
pub(crate) fn wallet_command(
    command: Command,
    context: &Context,
) -> Result<Result<Output, CliError>, Box<Command>> {
    Ok(match command {
        Command::Wallet(command) => command.run(context),
        Command::Name(command) => command.run(context),
        Command::Limit(command) => command.run(context),
        Command::Account(command) => command.run(context),
        Command::Tx(command) => command.run(context),
        other => return Err(Box::new(other)),
    })
}
