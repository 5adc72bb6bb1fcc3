//! What every command is given: the chain, the places of files, the node, the person.

use std::cell::OnceCell;
use std::fmt;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sapwood_primitives::{AccountId, Address, BlockId, Chain};
use sapwood_rpc::client::Client;

use super::error::{CliError, Exit};
use super::node::{NodeApi, RpcNode};
use super::terminal::{Console, Terminal};
use super::text::escape;
use crate::keystore::KdfCost;

/// Name of the endpoint file in the data directory (specs/09 §1.2).
const ENDPOINT_FILE: &str = "rpc.json";

/// Folder of the wallets in the data directory.
const WALLETS: &str = "wallets";

/// What the program was started with. The node is contacted by the first command that needs it.
pub struct Context {
    /// The chain, whose genesis every node must have.
    pub chain: Chain,
    /// The chain's own directory, which has `rpc.json` and `wallets/`.
    pub data_dir: PathBuf,
    /// Whether the result is wanted as JSON.
    pub json: bool,
    /// Whether questions are answered with yes.
    pub yes: bool,
    /// Where to call instead of the URL in `rpc.json`, whose cookie is used only for the address that stands beside it.
    pub rpc: Option<String>,
    /// The `rpc.json` of another node, or a copy of it, whose cookie is for the URL in `rpc`.
    pub cookie_file: Option<PathBuf>,
    pub(crate) terminal: Box<dyn Terminal>,
    pub(crate) cost: KdfCost,
    node: OnceCell<Box<dyn NodeApi>>,
}

impl Context {
    /// A context for the terminal of this process.
    pub fn new(chain: Chain, data_dir: PathBuf) -> Self {
        Self {
            chain,
            data_dir,
            json: false,
            yes: false,
            rpc: None,
            cookie_file: None,
            terminal: Box::new(Console::default()),
            cost: KdfCost::default(),
            node: OnceCell::new(),
        }
    }

    /// The same with another node: the one of a test, or one that runs in this process.
    #[must_use]
    pub fn with_node(mut self, node: Box<dyn NodeApi>) -> Self {
        self.node = OnceCell::from(node);
        self
    }

    /// The same with another terminal.
    #[must_use]
    pub fn with_terminal(mut self, terminal: Box<dyn Terminal>) -> Self {
        self.terminal = terminal;
        self
    }

    /// The same with another cost of guessing passphrases in wallets that are created.
    #[must_use]
    pub fn with_cost(mut self, cost: KdfCost) -> Self {
        self.cost = cost;
        self
    }

    /// The node that the endpoint file leads to.
    pub(crate) fn node(&self) -> Result<&dyn NodeApi, CliError> {
        if let Some(node) = self.node.get() {
            return Ok(&**node);
        }
        let path = self.data_dir.join(ENDPOINT_FILE);
        let client = Client::connect(&path, self.rpc.as_deref(), self.cookie_file.as_deref())?;
        let node = RpcNode::new(client).map_err(|error| {
            CliError::new(Exit::Failed, "no_runtime", escape(&error.to_string()), "")
        })?;
        Ok(&**self.node.get_or_init(|| Box::new(node)))
    }

    /// Whether coins of this chain have no worth by design: `dev` and `tour`.
    pub(crate) fn is_toy(&self) -> bool {
        matches!(&*self.chain.name, "dev" | "tour")
    }

    /// The genesis that this chain file leads to (specs/02 §6).
    pub(crate) fn genesis(&self) -> Result<BlockId, CliError> {
        match sapwood_runtime::genesis(&self.chain) {
            Ok(genesis) => Ok(genesis.link.id),
            Err(error) => Err(CliError::refused("not_launched", error.to_string(), "")),
        }
    }

    pub(crate) fn address(&self, id: AccountId) -> Address {
        Address::new(&self.chain.address_prefix, id)
    }

    pub(crate) fn wallets(&self) -> PathBuf {
        self.data_dir.join(WALLETS)
    }

    pub(crate) fn say(&self, line: impl AsRef<str>) {
        self.terminal.say(line.as_ref());
    }

    /// Asks before something is done; `--yes` answers.
    ///
    /// # Errors
    /// If the answer is no, or nobody can be asked.
    pub(crate) fn confirm(&self, question: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        if !self.terminal.is_interactive() {
            return Err(CliError::usage(
                "not_confirmed",
                "nobody is there to confirm: stdin is not a terminal",
                "look at it with --dry-run, then add --yes",
            ));
        }
        match self.terminal.agree(question) {
            Ok(true) => Ok(()),
            Ok(false) => Err(CliError::refused("declined", "nothing was done", "")),
            Err(error) => Err(io_error("stdin", &error)),
        }
    }

    /// Reads a file of at most `limit` bytes.
    pub(crate) fn read_file(&self, path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
        std::fs::File::open(path)
            .and_then(|file| super::terminal::read_plain(file, limit))
            .map_err(|error| io_error(&path.display().to_string(), &error))
    }

    /// Refuses to write over a file.
    pub(crate) fn refuse_existing(&self, path: &Path) -> Result<(), CliError> {
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        Err(CliError::refused(
            "file_exists",
            format!(
                "{} exists already and is not overwritten",
                escape(&path.display().to_string())
            ),
            "choose another name",
        ))
    }

    /// Writes a file that does not exist yet, whole or not at all. It may be on a stick that is carried to another computer, so nothing is
    /// asked of its folder.
    pub(crate) fn write_new(&self, path: &Path, bytes: &[u8]) -> Result<(), CliError> {
        self.refuse_existing(path)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| {
                let written = file.write_all(bytes).and_then(|()| file.sync_all());
                let moved = written.and_then(|()| std::fs::rename(&beside, path));
                let moved = moved.and_then(|()| {
                    let folder = path
                        .parent()
                        .filter(|folder| !folder.as_os_str().is_empty());
                    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
                });
                if moved.is_err() {
                    // What is left of it would be in the way of the next attempt.
                    let _ = std::fs::remove_file(&beside);
                }
                moved
            });
        written.map_err(|error| {
            let path = escape(&path.display().to_string());
            CliError::new(
                Exit::Storage,
                "write",
                format!("cannot write {path}: {error}"),
                "",
            )
        })
    }
}

pub(crate) fn io_error(what: &str, error: &std::io::Error) -> CliError {
    let message = format!("cannot read {}: {error}", escape(what));
    CliError::new(Exit::Storage, "read", message, "")
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("chain", &self.chain.name)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}
