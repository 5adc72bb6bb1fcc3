//! The wallet's part of `sapwood status`: what it has, and which of its names run out.

use crate::cli::Cli;
use crate::words::{Silence, wallet_command};
use clap::Parser;
use sapwood_primitives::Amount;
use sapwood_wallet::command::{CliError, Context, Exit, escape};
use serde_json::{Value, json};
use std::fmt::Write;

/// Names that run out within this time are pointed at: ninety days, in seconds.
const SOON: u64 = 90 * 86_400;

/// Looks into the wallet that commands use by default. Nobody is asked for a passphrase: a wallet that needs one stays closed.
pub(crate) fn wallet(context: Context) -> Value {
    let context = context.with_terminal(Box::new(Silence));
    match accounts(&context) {
        Ok(mut accounts) => {
            accounts["state"] = json!("open");
            accounts
        }
        Err(error) if error.code == "no_wallet" => json!({ "state": "none" }),
        Err(error) => json!({ "state": "closed", "code": error.code, "message": error.message }),
    }
}

fn accounts(context: &Context) -> Result<Value, CliError> {
    let bug = |text: String| CliError::new(Exit::Internal, "words", text, "this is a bug");
    let cli = Cli::try_parse_from(["sapwood", "wallet", "accounts"]);
    let command = cli.map_err(|e| bug(e.to_string()))?.command;
    let output = wallet_command(command, context);
    let output = output.unwrap_or_else(|_| Err(bug("not a command of the wallet".to_owned())))?;
    Ok(output.json().clone())
}

/// The lines for people.
pub(crate) fn text(wallet: &Value, now: u64) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = match wallet["state"].as_str() {
        Some("open") => Ok(()),
        Some("none") => writeln!(text, "wallet    none; `sapwood wallet create` makes one"),
        _ => writeln!(
            text,
            "wallet    closed: {}",
            escape(wallet["message"].as_str().unwrap_or_default())
        ),
    };
    let Some(accounts) = wallet["accounts"].as_array() else {
        return text;
    };
    let drops = accounts.iter().filter_map(|a| a["balance"].as_u64());
    let sum = drops.fold(0_u64, u64::saturating_add);
    let sum = Amount::from_drops(sum).map_or_else(|_| "?".to_owned(), |a| a.to_string());
    let _ = writeln!(text, "wallet    {} accounts, {sum}", accounts.len());
    for account in accounts {
        let pending = account["pending"].as_array().into_iter().flatten();
        for line in pending.filter_map(Value::as_str) {
            let _ = writeln!(text, "under way {}", escape(line));
        }
        let (Some(name), Some(until)) = (account["name"].as_str(), account["expires_at"].as_u64())
        else {
            continue;
        };
        let name = escape(name);
        let days = until.saturating_sub(now) / 86_400;
        let _ = match until.saturating_sub(now) < SOON {
            true => writeln!(
                text,
                "EXPIRES   {name} in {days} days; `sapwood name renew {name}` keeps it"
            ),
            false => writeln!(text, "name      {name}, paid for {days} days"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_run_out_are_pointed_at_and_foreign_text_is_escaped() {
        let wallet = json!({ "state": "open", "accounts": [
            { "balance": 150_000_000_u64, "name": "alice", "expires_at": 86_400 * 89 },
            { "balance": 50_000_000_u64, "name": "bo\u{1b}b", "expires_at": 86_400 * 400 },
            { "balance": 0, "name": null, "expires_at": null, "pending": ["a transfer\u{1b}"] },
        ]});
        let text = text(&wallet, 0);
        assert!(text.contains("3 accounts, 2 sap\n"), "{text}");
        assert!(text.contains("under way a transfer\\u{1b}\n"), "{text}");
        assert!(text.contains("EXPIRES   alice in 89 days"), "{text}");
        assert!(
            text.contains("name      bo\\u{1b}b, paid for 400 days"),
            "{text}"
        );
    }

    #[test]
    fn a_wallet_that_is_closed_or_absent_is_said_to_be() {
        let closed = json!({ "state": "closed", "message": "it has \u{202e}a passphrase" });
        assert_eq!(
            text(&closed, 0),
            "wallet    closed: it has \\u{202e}a passphrase\n"
        );
        assert!(text(&json!({ "state": "none" }), 0).contains("wallet create"));
    }
}
