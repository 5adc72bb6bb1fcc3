//! What the wallet remembers about transactions that are not in a block yet, and about names under way.
//!
//! The chain shows an account's nonce and balance as of the last block. Between blocks, only the wallet knows what it sent already:
//! [`Notebook`] keeps those transactions whole, written before they are sent, so that the next one gets the next nonce, and one that
//! was lost on the way (or by `kill -9`) is sent again with the same id. The file has no secrets in it, but what it holds is sent,
//! so it is opened with the same care as the wallet. Whoever uses it holds the wallet's lock.

use std::path::PathBuf;

use sapwood_primitives::{AccountId, Amount, Hash, Height, Name, TxId};
use sapwood_rpc::types::Hex;
use serde::{Deserialize, Serialize};

use super::error::{CliError, Exit};
use super::text::escape;
use crate::keystore::{FileFault, read_beside, write_beside};

/// The schema that this code writes and reads.
const SCHEMA: u32 = 1;

/// Most transactions under way: more than a person sends within their validity of an hour.
const MAX_SENT: usize = 256;

/// Most names whose records wait for their registration.
const MAX_DRAFTS: usize = 1_024;

/// Most batches of renewals under way.
const MAX_BATCHES: usize = 16;

/// Longest file, in bytes: 256 transactions of 16 KiB in hex, drafts, and 16 batches of a thousand names.
const MAX_FILE: u64 = 12 << 20;

/// A transaction that was sent, or was about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sent {
    pub(crate) account: AccountId,
    pub(crate) nonce: u64,
    /// What leaves the account by it, fee included.
    pub(crate) spend: Amount,
    pub(crate) valid_until: Height,
    pub(crate) txid: TxId,
    pub(crate) tx: Hex,
}

/// What the journal of registrations does not say: who registers, and the records to set with the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DraftName {
    pub(crate) name: Name,
    pub(crate) sender: AccountId,
    pub(crate) records: Option<Hex>,
}

/// A batch of renewals that was begun: what it wants, so that no name is paid for twice when the same command is given again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenewalBatch {
    /// Hash of the file and of what the command line says for all lines.
    pub(crate) batch: Hash,
    /// Names, and until when each shall be paid.
    pub(crate) until: Vec<(Name, Height)>,
}

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notes {
    schema: u32,
    pub(crate) sent: Vec<Sent>,
    pub(crate) drafts: Vec<DraftName>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) renewals: Vec<RenewalBatch>,
}

/// The notes of one wallet.
pub(crate) struct Notebook {
    path: PathBuf,
}

impl Notebook {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// All notes; none if there is no file.
    pub(crate) fn read(&self) -> Result<Notes, CliError> {
        let Some(bytes) = read_beside(&self.path, MAX_FILE).map_err(|fault| self.unfit(&fault))?
        else {
            return Ok(Notes {
                schema: SCHEMA,
                ..Notes::default()
            });
        };
        let notes: Notes =
            serde_json::from_slice(&bytes).map_err(|error| self.fault(&error.to_string()))?;
        if notes.schema != SCHEMA {
            return Err(self.fault(&format!(
                "schema {}, this program knows {SCHEMA}",
                notes.schema
            )));
        }
        Ok(notes)
    }

    /// Replaces the notes as a whole; when this returns, they are on disk.
    pub(crate) fn write(&self, notes: &Notes) -> Result<(), CliError> {
        if notes.sent.len() > MAX_SENT
            || notes.drafts.len() > MAX_DRAFTS
            || notes.renewals.len() > MAX_BATCHES
        {
            return Err(CliError::refused(
                "too_many_pending",
                format!("{MAX_SENT} transactions or names are under way already"),
                "wait for the next blocks",
            ));
        }
        let bytes = serde_json::to_vec(notes).expect("notes are strings and numbers");
        write_beside(&self.path, &bytes).map_err(|fault| self.unfit(&fault))
    }

    fn unfit(&self, fault: &FileFault) -> CliError {
        self.fault(&fault.to_string())
    }

    fn fault(&self, reason: &str) -> CliError {
        CliError::new(
            Exit::Storage,
            "notes",
            format!(
                "the notes about transactions under way, {}, are unusable: {}",
                escape(&self.path.display().to_string()),
                escape(reason)
            ),
            "move the file away; transactions that were sent are not affected",
        )
    }
}

impl Notes {
    pub(crate) fn draft(&self, name: &Name) -> Option<&DraftName> {
        self.drafts.iter().find(|draft| draft.name == *name)
    }

    pub(crate) fn forget_draft(&mut self, name: &Name) {
        self.drafts.retain(|draft| draft.name != *name);
    }
}
