//! The programs beside which the tree is measured. `peers/README.md` says what they are asked and what they answer.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A peer's process; ended and waited for when dropped.
pub(crate) struct Peer {
    name: String,
    child: Child,
    /// None once the peer was told to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts the peer `name`, such as `peer-nomt`, on the database in `dir`, with further arguments. `None` if it was not built, which `bench/peers/build` does.
    ///
    /// # Errors
    /// If it is there and cannot be started.
    pub(crate) fn start(
        name: &str,
        dir: &Path,
        arguments: &[&str],
    ) -> Result<Option<Self>, String> {
        let program = programs().join(name);
        if !program.is_file() {
            return Ok(None);
        }
        Self::spawn(name, &program, dir, arguments).map(Some)
    }

    fn spawn(name: &str, program: &Path, dir: &Path, arguments: &[&str]) -> Result<Self, String> {
        let spawned = Command::new(program)
            .arg(dir)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let mut child = spawned.map_err(|e| format!("cannot start {}: {e}", program.display()))?;
        let output = child.stdout.take().expect("its output is piped");
        Ok(Self {
            name: name.to_owned(),
            input: child.stdin.take(),
            output: BufReader::new(output),
            child,
        })
    }

    /// Sends one request and waits for its answer, which is `null` if the peer has no such operation.
    ///
    /// # Errors
    /// If the peer refuses, has ended, or answers what is no JSON.
    pub(crate) fn ask(&mut self, line: &str) -> Result<Value, String> {
        let failed =
            |what: &dyn std::fmt::Display| format!("{}, asked {line:?}: {what}", self.name);
        let input = self
            .input
            .as_mut()
            .ok_or_else(|| failed(&"it was told to end"))?;
        writeln!(input, "{line}").map_err(|e| failed(&e))?;
        let mut answer = String::new();
        let read = self.output.read_line(&mut answer);
        if read.map_err(|e| failed(&e))? == 0 {
            return Err(failed(&"it ended without an answer"));
        }
        let answer: Value = serde_json::from_str(&answer).map_err(|e| failed(&e))?;
        match answer.get("error") {
            Some(error) => Err(failed(error)),
            None => Ok(answer),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A peer ends at the end of its input, after what it is doing. Killed, it could leave a directory that it refuses.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// Where `bench/peers/build` puts the programs.
fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/target/release")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use serde_json::json;

    /// A peer that is a shell's script; its directory is the script's first argument.
    fn script(text: &str, arguments: &[&str]) -> Peer {
        let mut all = vec![text, "peer"];
        all.extend(arguments);
        Peer::spawn("fake", Path::new("sh"), Path::new("-c"), &all).unwrap()
    }

    #[test]
    fn a_peer_that_is_not_built_is_none() {
        let peer = Peer::start("peer-nobody", Path::new("/nowhere"), &[]).unwrap();
        assert!(peer.is_none());
    }

    #[test]
    fn every_line_gets_its_own_answer() {
        let mut peer = script(
            r#"while read -r name number; do echo "{\"$name\": $number}"; done"#,
            &[],
        );
        assert_eq!(peer.ask("a 1").unwrap(), json!({ "a": 1 }));
        assert_eq!(peer.ask("b 2").unwrap(), json!({ "b": 2 }));
    }

    #[test]
    fn arguments_arrive_and_null_is_an_answer() {
        let mut peer = script(
            r#"read -r line; echo "[\"$1\"]"; read -r line; echo null"#,
            &["x"],
        );
        assert_eq!(peer.ask("which").unwrap(), json!(["x"]));
        assert_eq!(peer.ask("undo").unwrap(), Value::Null);
    }

    #[test]
    fn a_refusal_says_who_was_asked_what() {
        let mut peer = script(r#"read -r line; echo '{"error": "too few"}'"#, &[]);
        let refusal = peer.ask("prove 3 1").unwrap_err();
        for part in ["fake", "prove 3 1", "too few"] {
            assert!(refusal.contains(part), "{refusal}");
        }
    }

    #[test]
    fn a_peer_that_ends_or_talks_nonsense_is_an_error() {
        let mut ends = script("read -r line", &[]);
        assert!(ends.ask("rss").unwrap_err().contains("ended"));
        let mut talks = script("read -r line; echo hello", &[]);
        assert!(talks.ask("rss").is_err());
    }

    #[test]
    fn a_dropped_peer_finishes_what_it_does() {
        let dir = std::env::temp_dir().join(format!("sapwood-bench-peer-{}", std::process::id()));
        let mark = dir.to_str().unwrap();
        drop(script(
            r#"while read -r line; do :; done; echo done > "$1""#,
            &[mark],
        ));
        assert_eq!(std::fs::read_to_string(&dir).unwrap(), "done\n");
        std::fs::remove_file(&dir).unwrap();
    }
}
