//! From the start of a node's process to its first answer, on a data directory with a million accounts and a full window, and the memory that the node then has.

use crate::Effort;
use crate::measure::median;
use crate::report::Report;
use crate::store::{CHAIN_FILE, node_data};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Time between two attempts to call the node: small beside what is measured.
const PAUSE: Duration = Duration::from_millis(2);

/// After this the node is taken to have failed.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn measure(effort: &Effort, report: &mut Report) -> Result<(), String> {
    let data = node_data()?;
    let (mut seconds, mut memory, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    // The first start reads the file from the disk and does not count.
    for round in 0..=effort.rounds {
        let start = Instant::now();
        let mut node = Node::start(&effort.node, &data)?;
        let status = node.first_answer(&data.join("bench/rpc.json"))?;
        let elapsed = start.elapsed().as_secs_f64();
        if round == 0 {
            report.note(&format!("start: node_status answers {status}"));
        } else {
            seconds.push(elapsed);
            memory.push(node.memory("VmRSS")?);
            peaks.push(node.memory("VmHWM")?);
        }
    }
    report.note(&format!("start: peak of memory {:.0} MB", median(peaks)));
    report.bounded("start", median(seconds), "s");
    report.bounded("start_memory", median(memory), "MB");
    Ok(())
}

/// A node's process; ended and waited for when dropped.
struct Node(Child);

impl Node {
    fn start(program: &Path, data: &Path) -> Result<Self, String> {
        // An endpoint file of an earlier run would name a port that nobody serves.
        let _ = fs::remove_file(data.join("bench/rpc.json"));
        let child = Command::new(program)
            .arg("node")
            .arg("--chain-file")
            .arg(data.join(CHAIN_FILE))
            .arg("--data-dir")
            .arg(data)
            .args(["--ports", "auto", "--no-dns"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn();
        child.map(Self).map_err(|e| {
            format!(
                "cannot start {}: {e}; build it with `cargo build --release`",
                program.display()
            )
        })
    }

    /// Waits until the node answers, and gives the answer.
    fn first_answer(&mut self, endpoint: &Path) -> Result<Value, String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(answer) = node_status(endpoint) {
                return Ok(answer);
            }
            if let Ok(Some(status)) = self.0.try_wait() {
                return Err(format!("the node ended: {status}"));
            }
            std::thread::sleep(PAUSE);
        }
        Err("the node did not answer".into())
    }

    /// A line of `/proc/<pid>/status`, in megabytes of 10⁶ bytes.
    fn memory(&self, field: &str) -> Result<f64, String> {
        let path = format!("/proc/{}/status", self.0.id());
        let text = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.trim_matches([':', ' ', '\t']).split(' ').next());
        let kib: Option<f64> = kib.and_then(|kib| kib.parse().ok());
        kib.map(|kib| kib * 1024.0 / 1e6)
            .ok_or_else(|| format!("{path} has no {field}"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        let told = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        if !told {
            // It has ended already, or cannot be told; then by force.
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

/// One call of `node_status` with the URL and cookie of the endpoint file; none if anything about it does not work yet.
fn node_status(endpoint: &Path) -> Option<Value> {
    let file: Value = serde_json::from_str(&fs::read_to_string(endpoint).ok()?).ok()?;
    let url = file["url"].as_str()?;
    let host = url.strip_prefix("http://")?.trim_end_matches('/');
    let cookie = file["cookie"].as_str()?;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"node_status","params":{}}"#;
    let mut stream = TcpStream::connect(host).ok()?;
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {cookie}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let body = answer.split_once("\r\n\r\n")?.1;
    let value: Value = serde_json::from_str(body).ok()?;
    value.get("result").cloned()
}
