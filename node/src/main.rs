//! The `sapwood` program: reads the command line, does what it says, prints data on stdout and words on stderr.

mod calls;
mod chain_file;
mod cli;
mod client;
mod commands;
mod config;
mod dev;
mod dig;
mod external;
mod follow;
mod genesis;
mod greeting;
mod limits;
mod log;
mod manager;
mod overview;
mod reconnect;
mod reference;
mod reset;
mod safe;
mod snapshots;
mod tour;
mod words;

use clap::CommandFactory;
use cli::{Cli, Command, ConfigCommand, Global};
use config::load::{Loaded, NoCommand, load};
use sapwood_node::{mining, page, places};
use sapwood_wallet::command::{CliError, Exit, escape};
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};
use std::process::ExitCode;

/// Log filter of commands that run until they are stopped.
const SERVER_LOG: &str = "warn,sapwood_node=info";

/// Log filter of `sapwood dev`, which says by itself what is worth knowing.
const DEV_LOG: &str = "warn";

/// Log filter of commands that end.
const COMMAND_LOG: &str = "error";

/// How much lower than the chain's the priority of what serves callers is: on a full processor, each of its threads gets a tenth of what one of the chain's gets.
const SERVING: i32 = 10;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let loaded = match load(&args) {
        Ok(loaded) => loaded,
        Err(NoCommand::Words(error)) => return usage(&error),
        Err(NoCommand::Config(error, json)) => return report(&error, json),
    };
    let json = loaded.cli.global.json;
    // Nothing is used afterwards. Without this a panic would end with a code that is none of ours.
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(loaded)));
    let ran = ran.unwrap_or_else(|_| {
        Err(CliError::new(
            Exit::Internal,
            "panic",
            "the program met a fault of its own",
            "please report it, with what stands above",
        ))
    });
    match ran {
        Ok(()) => ExitCode::from(Exit::Done.code()),
        Err(error) => report(&error, json),
    }
}

/// Prints what clap found wrong, like every other error.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Help and version are answers.
        return match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(Exit::Failed.code()),
        };
    }
    let json = std::env::args_os().any(|arg| arg == "--json");
    report(&usage_error(&error.to_string()), json)
}

/// What clap says on several lines, as the one line that every other error has: the first paragraph, and its tips as the hint.
fn usage_error(text: &str) -> CliError {
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    let message = words.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let tips = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("tip: "));
    let hint = tips.chain(["see --help"]).collect::<Vec<_>>().join("; ");
    CliError::new(Exit::Usage, "usage", escape(message), escape(&hint))
}

fn report(error: &CliError, json: bool) -> ExitCode {
    if json {
        let _ = writeln!(io::stdout(), "{}", safe::json(&error.to_json().to_string()));
    } else {
        let _ = writeln!(io::stderr(), "sapwood: {}", safe::text(&error.to_string()));
    }
    ExitCode::from(error.exit.code())
}

fn run(loaded: Loaded) -> Result<(), CliError> {
    start_log(&loaded.cli)?;
    if loaded.serves() && !loaded.warnings.is_empty() {
        // On one line, since the log has one of a kind.
        tracing::warn!("{}", loaded.warnings.join("; "));
    }
    if let Command::Config(command) = &loaded.cli.command {
        let (json, text) = match command {
            ConfigCommand::Show { origin } => config::show::show(&loaded, *origin),
            ConfigCommand::Check { .. } => config::show::checked(&loaded),
        };
        for warning in &loaded.warnings {
            dev::say(&format!("warning: {warning}"));
        }
        return print(&loaded.cli.global, &json, &text);
    }
    let Cli { global, command } = loaded.cli;
    match command {
        Command::Completions { shell } => {
            // Into memory first: clap panics if stdout is closed.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sapwood", &mut script);
            let script = String::from_utf8_lossy(&script);
            let json =
                serde_json::json!({ "schema": 1, "shell": shell.to_string(), "script": script });
            print(&global, &json, &script)
        }
        Command::Man { dir } => {
            clap_mangen::generate_to(Cli::command(), &dir).map_err(|e| {
                CliError::new(
                    Exit::Storage,
                    "write",
                    format!("cannot write to {}: {e}", dir.display()),
                    "name a folder that exists",
                )
            })?;
            print(&global, &serde_json::json!({ "schema": 1, "dir": dir }), "")
        }
        Command::Reference => {
            let text = reference::markdown(Cli::command());
            let json = serde_json::json!({ "schema": 1, "reference": text });
            print(&global, &json, &text)
        }
        Command::Genesis(args) => {
            let launched = genesis::run(commands::chain(&global, "main")?, &args)?;
            let text = format!(
                "{}: the {} chain starts at {} with genesis {}\n",
                launched.file, launched.chain, launched.time, launched.genesis
            );
            output(&global, &launched, &text)
        }
        Command::Dev(args) => commands::dev(&global, &args),
        Command::Node(args) => commands::node(&global, &args),
        Command::Mine(args) => external::run(&global, &args),
        Command::Follow => follow::run(&global),
        Command::Resolver(args) => commands::resolver(&global, &args),
        Command::Snapshot(command) => snapshots::run(&global, &command),
        command => commands::client(&global, command),
    }
}

fn output<T: Serialize>(global: &Global, data: &T, text: &str) -> Result<(), CliError> {
    let json = serde_json::to_value(data).expect("reports are plain data");
    print(global, &json, text)
}

/// Prints data.
fn print(global: &Global, json: &Value, text: &str) -> Result<(), CliError> {
    print_text(global, &json.to_string(), text)
}

/// Prints data whose JSON is made already. A reader that went away is an error, not a panic.
fn print_text(global: &Global, json: &str, text: &str) -> Result<(), CliError> {
    match global.json {
        true => print_line(&safe::json(json)),
        false => write_out(&safe::text(text)),
    }
}

/// Prints one line of data.
fn print_line(line: &str) -> Result<(), CliError> {
    write_out(&format!("{line}\n"))
}

fn write_out(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    written.and_then(|()| stdout.flush()).map_err(|e| {
        CliError::new(
            Exit::Failed,
            "stdout",
            format!("cannot write to stdout: {e}"),
            "",
        )
    })
}

fn start_log(cli: &Cli) -> Result<(), CliError> {
    let default = match cli.command {
        Command::Node(_) | Command::Resolver(_) | Command::Mine(_) => SERVER_LOG,
        Command::Dev(_) => DEV_LOG,
        _ => COMMAND_LOG,
    };
    let text = cli.global.log.as_deref().unwrap_or(default);
    let filter = log::filter(text).map_err(|e| {
        CliError::new(
            Exit::Usage,
            "log",
            format!("--log {text}: {e}"),
            "e.g. --log info",
        )
    })?;
    log::start(filter);
    Ok(())
}

fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    run_on(tokio::runtime::Builder::new_multi_thread(), work)
}

/// As [`block_on`], for a node: whatever serves callers gives way to the chain. The threads that check and store blocks are not the runtime's; they are begun by this
/// thread, and keep its priority.
fn block_on_beside_the_chain<T>(
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.on_thread_start(|| {
        // Where the system does not let it, callers and chain share the processor evenly.
        let _ = rustix::process::nice(SERVING);
    });
    run_on(runtime, work)
}

fn run_on<T>(
    mut runtime: tokio::runtime::Builder,
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    let runtime = runtime.enable_all().build().map_err(|e| {
        CliError::new(
            Exit::Internal,
            "runtime",
            format!("the system gives no threads: {e}"),
            "",
        )
    })?;
    runtime.block_on(work)
}
