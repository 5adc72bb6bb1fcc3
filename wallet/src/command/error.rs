//! How a command fails: an exit code for scripts, a stable word for programs, a sentence and advice for people.

use std::borrow::Cow;
use std::fmt;

use sapwood_rpc::client::{CallError, NoClient};
use serde_json::{Value, json};

use super::text::escape;
use crate::keystore::{CreateWallet, EditWallet, FileFault, JournalFault, OpenWallet, SaveWallet};

/// What the process ends with. The numbers never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for was done.
    Done = 0,
    /// Something went wrong that is none of the others.
    Failed = 1,
    /// The command line or the configuration is wrong; nothing was done.
    Usage = 2,
    /// Well understood and not done, because a rule, the node or the owner says no.
    Refused = 3,
    /// A file or the disk.
    Storage = 4,
    /// A bug of this program.
    Internal = 5,
}

impl Exit {
    /// The number for the operating system.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Why a command did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CliError {
    /// Which kind of failure.
    pub exit: Exit,
    /// A stable word for programs: ours, or the node's (specs/09 §2).
    pub code: Cow<'static, str>,
    /// What is wrong, one sentence, safe to print.
    pub message: String,
    /// What to do next; may be empty.
    pub hint: String,
    /// What was done before the failure, for programs: of a batch, a result for each line.
    pub data: Option<Value>,
}

impl CliError {
    /// A failure. Foreign text in `message` and `hint` must be escaped by the caller.
    pub fn new(
        exit: Exit,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            exit,
            code: code.into(),
            message: one_line(message.into()),
            hint: one_line(hint.into()),
            data: None,
        }
    }

    pub(crate) fn refused(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::new(Exit::Refused, code, message, hint)
    }

    pub(crate) fn usage(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::new(Exit::Usage, code, message, hint)
    }

    /// One JSON object, as printed on stdout with `--json`.
    pub fn to_json(&self) -> Value {
        let mut error = json!({
            "exit": self.exit.code(), "code": self.code, "message": self.message, "hint": self.hint,
        });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        json!({ "schema": super::SCHEMA, "error": error })
    }
}

impl fmt::Display for CliError {
    /// The sentence, and the advice if there is any, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.hint.is_empty() {
            write!(f, " ({})", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for CliError {}

/// Text of libraries may come on several lines; an error has one.
fn one_line(text: String) -> String {
    if text.contains(char::is_control) {
        text.split(char::is_control)
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    } else {
        text
    }
}

/// Number of the error of a node that could not write (specs/09 §2).
const STORAGE_FAILED: i32 = -32005;

/// First and last number of the errors that say "understood, and no" (specs/09 §2).
const SAYS_NO: std::ops::RangeInclusive<i32> = -32007..=-32002;

impl From<CallError> for CliError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable { .. } => Self::new(
                Exit::Failed,
                "unreachable",
                escape(&error.to_string()),
                "start a node, or name its data directory with --data-dir",
            ),
            CallError::BadAnswer { .. } => {
                Self::new(Exit::Failed, "bad_answer", escape(&error.to_string()), "")
            }
            CallError::Refused {
                number,
                code,
                message,
                hint,
            } => {
                let exit = match number {
                    STORAGE_FAILED => Exit::Storage,
                    n if SAYS_NO.contains(&n) => Exit::Refused,
                    401 => Exit::Refused,
                    _ => Exit::Failed,
                };
                let code = if code.is_empty() {
                    format!("rpc{number}")
                } else {
                    escape(&code)
                };
                let advice = own_advice(&code).map_or_else(|| escape(&hint), str::to_owned);
                Self::new(
                    exit,
                    code,
                    format!("the node says: {}", escape(&message)),
                    advice,
                )
            }
        }
    }
}

/// Where the wallet knows better than the node what its owner can do.
fn own_advice(code: &str) -> Option<&'static str> {
    match code {
        "nonce_used" => Some(
            "another transaction of this account was first, perhaps from another wallet with the same words; look at `sapwood wallet history` and try again",
        ),
        "nonce_gap" => {
            Some("an earlier transaction of this account got lost; wait a block and try again")
        }
        "replacement_fee_too_low" => Some(
            "a transaction of this account with the same number waits already, sent from another wallet with the same words; wait a block and try again",
        ),
        "expired" => Some("it waited too long; try again, with a higher --fee if blocks are full"),
        _ => None,
    }
}

impl From<NoClient> for CliError {
    fn from(error: NoClient) -> Self {
        let exit = match &error {
            NoClient::Url(_) | NoClient::NoCookie { .. } => Exit::Usage,
            NoClient::Endpoint(sapwood_rpc::server::EndpointError::Missing { .. }) => Exit::Failed,
            NoClient::Endpoint(_) => Exit::Storage,
        };
        Self::new(exit, "no_node", escape(&error.to_string()), "")
    }
}

/// A fault of a file is a refusal that its owner can end, or the storage failing.
fn file_exit(fault: &FileFault) -> Exit {
    match fault {
        FileFault::Io { .. } => Exit::Storage,
        _ => Exit::Refused,
    }
}

impl From<OpenWallet> for CliError {
    fn from(error: OpenWallet) -> Self {
        let (exit, code, hint) = match &error {
            OpenWallet::File(FileFault::Missing { .. }) => (
                Exit::Refused,
                "no_wallet",
                "make one with `sapwood wallet create`, or name another with --wallet",
            ),
            OpenWallet::File(fault) => (file_exit(fault), "wallet_file", ""),
            OpenWallet::Locked(_) => (Exit::Refused, "wallet_locked", ""),
            OpenWallet::Unseal { .. } => (Exit::Refused, "wallet_sealed", ""),
            OpenWallet::Content { .. } => (Exit::Storage, "wallet_content", ""),
        };
        Self::new(exit, code, escape(&error.to_string()), hint)
    }
}

impl From<CreateWallet> for CliError {
    fn from(error: CreateWallet) -> Self {
        let (exit, code) = match &error {
            CreateWallet::File(FileFault::Exists { .. }) => (Exit::Refused, "wallet_exists"),
            CreateWallet::File(fault) => (file_exit(fault), "wallet_file"),
            CreateWallet::Seal(_) => (Exit::Failed, "wallet_seal"),
            CreateWallet::Locked(_) => (Exit::Refused, "wallet_locked"),
            CreateWallet::EmptyPassphrase | CreateWallet::WeakPassphrase => {
                (Exit::Refused, "weak_passphrase")
            }
        };
        Self::new(exit, code, escape(&error.to_string()), "")
    }
}

impl From<SaveWallet> for CliError {
    fn from(error: SaveWallet) -> Self {
        let exit = match &error {
            SaveWallet::File(fault) => file_exit(fault),
            SaveWallet::Seal(_) => Exit::Failed,
        };
        Self::new(exit, "wallet_file", escape(&error.to_string()), "")
    }
}

impl From<EditWallet> for CliError {
    fn from(error: EditWallet) -> Self {
        Self::refused("wallet_edit", escape(&error.to_string()), "")
    }
}

impl From<JournalFault> for CliError {
    fn from(error: JournalFault) -> Self {
        let exit = match &error {
            JournalFault::File(fault) => file_exit(fault),
            JournalFault::Damaged { .. } => Exit::Storage,
            _ => Exit::Refused,
        };
        Self::new(exit, "journal", escape(&error.to_string()), "")
    }
}
