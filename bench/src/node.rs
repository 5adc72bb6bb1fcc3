//! A node's process, which is started, asked by RPC and looked at from outside.

use crate::store::CHAIN_FILE;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Time between two attempts to call the node: small beside what is measured.
const PAUSE: Duration = Duration::from_millis(2);

/// After this the node is taken to have failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A node's process; ended and waited for when dropped.
pub(crate) struct Node {
    process: Child,
    endpoint: PathBuf,
}

impl Node {
    /// Starts a node of the bench's chain on a data directory that has its chain file.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub(crate) fn start(program: &Path, data: &Path, arguments: &[&str]) -> Result<Self, String> {
        let endpoint = data.join("bench/rpc.json");
        // An endpoint file of an earlier run would name a port that nobody serves.
        let _ = fs::remove_file(&endpoint);
        let spawned = Command::new(program)
            .arg("node")
            .arg("--chain-file")
            .arg(data.join(CHAIN_FILE))
            .arg("--data-dir")
            .arg(data)
            .args(["--ports", "auto", "--no-dns"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn();
        let process = spawned.map_err(|e| {
            format!(
                "cannot start {}: {e}; build it with `cargo build --release`",
                program.display()
            )
        })?;
        Ok(Self { process, endpoint })
    }

    /// Waits until the node answers, and gives its status.
    ///
    /// # Errors
    /// If it ends before, or takes too long.
    pub(crate) fn first_answer(&mut self) -> Result<Value, String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(answer) = self.try_call("node_status", &json!({}))
                && let Some(result) = answer.get("result")
            {
                return Ok(result.clone());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("the node ended: {status}"));
            }
            std::thread::sleep(PAUSE);
        }
        Err("the node did not answer".into())
    }

    /// Calls a method of a node that has answered before.
    ///
    /// # Errors
    /// If it does not answer, or refuses.
    pub(crate) fn call(&self, method: &str, params: &Value) -> Result<Value, String> {
        let answer = self
            .try_call(method, params)
            .ok_or_else(|| format!("the node does not answer {method}"))?;
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(format!("{method}: {}", answer["error"])),
        }
    }

    /// A line of `/proc/<pid>/status`, in megabytes of 10⁶ bytes.
    ///
    /// # Errors
    /// If the system does not say.
    pub(crate) fn memory(&self, field: &str) -> Result<f64, String> {
        let path = format!("/proc/{}/status", self.process.id());
        let text = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.trim_matches([':', ' ', '\t']).split(' ').next());
        let kib: Option<f64> = kib.and_then(|kib| kib.parse().ok());
        kib.map(|kib| kib * 1024.0 / 1e6)
            .ok_or_else(|| format!("{path} has no {field}"))
    }

    /// One call with the URL and cookie of the endpoint file; none if anything about it does not work yet.
    fn try_call(&self, method: &str, params: &Value) -> Option<Value> {
        let file: Value = serde_json::from_str(&fs::read_to_string(&self.endpoint).ok()?).ok()?;
        let url = file["url"].as_str()?;
        let host = url.strip_prefix("http://")?.trim_end_matches('/');
        let cookie = file["cookie"].as_str()?;
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let body = call.to_string();
        let mut stream = TcpStream::connect(host).ok()?;
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {cookie}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let pid = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        let told = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        if !told {
            // It has ended already, or cannot be told; then by force.
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}
