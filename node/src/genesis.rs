//! `sapwood genesis`: writes the chain file of a launch (specs/02 §6).

use crate::cli::GenesisArgs;
use primitive_types::U256;
use sapwood_primitives::chain::Genesis;
use sapwood_primitives::work::CompactTarget;
use sapwood_primitives::{BlockId, Chain};
use sapwood_wallet::command::{CliError, Exit};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// How far ahead of now a launch may be announced, in seconds: a week.
const MAX_ANNOUNCED: u64 = 7 * 86_400;

/// What was written.
#[derive(Debug, Serialize)]
pub(crate) struct Launched {
    schema: u32,
    /// The file.
    pub(crate) file: String,
    /// Name of the chain.
    pub(crate) chain: String,
    /// Id of its genesis block.
    pub(crate) genesis: BlockId,
    /// Time of the launch.
    pub(crate) time: u64,
    /// First compact target.
    pub(crate) target: String,
}

/// Makes a chain file with a genesis out of one that has none.
///
/// # Errors
/// If the chain was launched before, a number does not fit, or the file exists.
pub(crate) fn run(chain: Chain, args: &GenesisArgs) -> Result<Launched, CliError> {
    if chain.genesis.is_some() && chain.consensus.retarget {
        return Err(refused(
            "launched",
            format!("the {} chain has a genesis already", chain.name),
        ));
    }
    let now = now();
    let time = args.time.unwrap_or(now);
    // Absolute difficulty pins height to the calendar: a launch in the past would give the blocks since then away.
    if time < now.saturating_sub(600) || time > now + MAX_ANNOUNCED {
        return Err(usage(
            "time",
            "the launch must be from ten minutes ago to a week ahead: an older genesis gives blocks away nearly free",
        ));
    }
    let mut launched = chain;
    let limit = launched.consensus.target_limit;
    let target = first_target(args.hash_rate, launched.consensus.block_time, limit);
    launched.genesis = Some(Genesis {
        time,
        target: Some(target),
        quote: Some(args.quote.to_string()),
    });
    let text = toml::to_string(&launched).expect("a chain is plain data");
    // What was written must be what a node will read.
    let read = Chain::parse(&text).map_err(|e| usage("chain", e.to_string()))?;
    let start = sapwood_runtime::genesis(&read).map_err(|e| usage("chain", e.to_string()))?;
    write_new(&args.out, |file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    })?;
    Ok(Launched {
        schema: 1,
        file: args.out.display().to_string(),
        chain: read.name,
        genesis: start.link.id,
        time,
        target: format!("{:08x}", target.bits()),
    })
}

/// Makes a file that was not there and fills it; half a file does not stay.
fn write_new(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), CliError> {
    let mut file = File::create_new(path).map_err(|e| {
        CliError::new(
            Exit::Storage,
            "write",
            format!("cannot make {}: {e}", path.display()),
            "name another file with --out",
        )
    })?;
    fill(&mut file).map_err(|e| {
        let left = match std::fs::remove_file(path) {
            Ok(()) => String::new(),
            Err(also) => format!(", and what was written cannot be removed: {also}"),
        };
        CliError::new(
            Exit::Storage,
            "write",
            format!("cannot write {}: {e}{left}", path.display()),
            "make room and try again",
        )
    })
}

/// The target at which this hash rate finds a block in a block time.
fn first_target(hash_rate: u64, block_time: u64, limit: CompactTarget) -> CompactTarget {
    let hashes = U256::from(hash_rate) * U256::from(block_time);
    let target = U256::MAX / hashes.max(U256::one());
    CompactTarget::from_target(target.min(limit.target())).expect("far above zero")
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}

fn usage(code: &'static str, message: impl Into<String>) -> CliError {
    CliError::new(
        Exit::Usage,
        code,
        message.into(),
        "see `sapwood genesis --help`",
    )
}

fn refused(code: &'static str, message: String) -> CliError {
    CliError::new(Exit::Refused, code, message, "a chain is launched once")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_file_that_could_not_be_filled_is_removed_and_one_that_exists_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("launched.toml");
        let full = write_new(&path, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(full.unwrap_err().exit, Exit::Storage);
        assert!(!path.exists());
        write_new(&path, |file| file.write_all(b"whole")).unwrap();
        assert!(write_new(&path, |file| file.write_all(b"other")).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }
}
