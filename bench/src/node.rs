//! A node's process, which is started, asked by RPC and looked at from outside.

use crate::store::CHAIN_FILE;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
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

    /// What a client needs to know to call the node.
    ///
    /// # Errors
    /// If the node has not written its endpoint file.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, String> {
        Endpoint::read(&self.endpoint).ok_or_else(|| "the node has no endpoint file".to_owned())
    }

    /// A connection that is kept.
    ///
    /// # Errors
    /// If the node does not take it.
    pub(crate) fn caller(&self) -> Result<Caller, String> {
        self.endpoint()?.connect()
    }

    /// One call with the URL and cookie of the endpoint file; none if anything about it does not work yet.
    fn try_call(&self, method: &str, params: &Value) -> Option<Value> {
        let mut caller = self.caller().ok()?;
        let call = caller.request(method, params);
        caller.send(&call).ok()
    }
}

/// Where a node is, and its cookie.
#[derive(Clone)]
pub(crate) struct Endpoint {
    host: String,
    cookie: String,
}

impl Endpoint {
    fn read(path: &Path) -> Option<Self> {
        let file: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
        let host = file["url"].as_str()?.strip_prefix("http://")?;
        Some(Self {
            host: host.trim_end_matches('/').to_owned(),
            cookie: file["cookie"].as_str()?.to_owned(),
        })
    }

    /// A connection that is kept.
    ///
    /// # Errors
    /// If the node does not take it.
    pub(crate) fn connect(&self) -> Result<Caller, String> {
        let stream = TcpStream::connect(&self.host).map_err(|e| e.to_string())?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| stream.set_nodelay(true))
            .map_err(|e| e.to_string())?;
        Ok(Caller {
            stream: BufReader::new(stream),
            endpoint: self.clone(),
        })
    }
}

/// A connection to a node, for one call after the other.
pub(crate) struct Caller {
    stream: BufReader<TcpStream>,
    endpoint: Endpoint,
}

impl Caller {
    /// The bytes of a call, made beforehand so that making them is not measured.
    pub(crate) fn request(&self, method: &str, params: &Value) -> Vec<u8> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let (body, Endpoint { host, cookie }) = (body.to_string(), &self.endpoint);
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {cookie}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// Sends a call and reads its answer.
    ///
    /// # Errors
    /// If the connection ends, or what comes is no answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Value, String> {
        let sent = self.stream.get_mut().write_all(request);
        sent.map_err(|e| e.to_string())?;
        let mut length = None;
        loop {
            let mut line = String::new();
            let read = self.stream.read_line(&mut line);
            if read.map_err(|e| e.to_string())? == 0 {
                return Err("the node closed the connection".into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse::<usize>().ok();
            }
        }
        let mut body = vec![0; length.ok_or("an answer without a length")?];
        let read = self.stream.read_exact(&mut body);
        read.map_err(|e| e.to_string())?;
        serde_json::from_slice(&body).map_err(|e| e.to_string())
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
