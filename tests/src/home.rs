//! An empty home directory, the commands that run in it, and what they print.

use crate::program::program;
use crate::server::{Server, Starting};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A home directory of its own, deleted in the end. Nothing of the person who runs the tests gets in.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty home.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("tmp")).expect("an empty folder");
        Self { folder }
    }

    /// The home directory itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where `sapwood` keeps the data of all chains: `sapwood` in the XDG data directory. Each chain has a folder in it, named as the chain.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data/sapwood")
    }

    /// The directory of a chain's store.
    pub fn store(&self, chain: &str) -> PathBuf {
        self.data().join(chain).join("state")
    }

    /// A `sapwood` command for `chain`, or without `--chain` if that is empty. Of the environment only `PATH` gets through; HOME, the XDG directories and TMPDIR lie in
    /// this home. Stdin is empty.
    pub fn command(&self, chain: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.env("HOME", self.path());
        for (variable, folder) in [
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_STATE_HOME", "state"),
            ("TMPDIR", "tmp"),
        ] {
            command.env(variable, self.path().join(folder));
        }
        command.current_dir(self.path()).stdin(Stdio::null());
        if !chain.is_empty() {
            command.args(["--chain", chain]);
        }
        command.args(args);
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, chain: &str, args: &[&str]) -> Ran {
        let output = self.command(chain, args).output();
        Ran::of(output.expect("the program starts"))
    }

    /// Starts `sapwood --json dev --ports auto` with further arguments, and waits until it says that it is ready: the name hello.leaf.alt is registered by then.
    pub fn dev(&self, extra: &[&str]) -> Server {
        let mut args = vec!["--json", "dev", "--ports", "auto"];
        args.extend(extra);
        self.start("", &args).ready()
    }

    /// Starts `sapwood --json --chain CHAIN node --ports auto` with further arguments, and waits until it is ready.
    pub fn node(&self, chain: &str, extra: &[&str]) -> Server {
        self.start_node(chain, extra).ready()
    }

    /// Starts a node and does not wait.
    pub fn start_node(&self, chain: &str, extra: &[&str]) -> Starting {
        let mut args = vec!["--json", "node", "--ports", "auto"];
        args.extend(extra);
        self.start(chain, &args)
    }

    /// As [`Home::start`], with a signal ignored by the process from its first moment on. `signal` is a name as the shell's `trap` takes it.
    pub fn start_ignoring(&self, signal: &str, chain: &str, args: &[&str]) -> Starting {
        let inner = self.command(chain, args);
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &format!("trap '' {signal}; exec \"$0\" \"$@\"")])
            .arg(inner.get_program())
            .args(inner.get_args())
            .env_clear();
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.current_dir(self.path()).stdin(Stdio::null());
        Starting::spawn(command)
    }

    /// Starts a command that prints a line when it is ready, and does not wait for that.
    pub fn start(&self, chain: &str, args: &[&str]) -> Starting {
        Starting::spawn(self.command(chain, args))
    }
}

/// What a command did.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// Words.
    pub stderr: String,
}

impl Ran {
    /// What a finished process printed.
    pub fn of(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("programs print UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Itself, if it ended with this exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Stdout as the one JSON value that `--json` promises.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }
}
