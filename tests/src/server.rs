//! A `sapwood` process that goes on until it is stopped, and its RPC.

use crate::PATIENCE;
use crate::home::Ran;
use parity_scale_codec::Encode;
use rustix::process::{Pid, Signal, kill_process};
use sapwood_primitives::codec;
use sapwood_primitives::{Block, Transaction};
use sapwood_rpc::client::{CallError, Client};
use sapwood_rpc::server::read_endpoint_file;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Pause between two looks at a process that is to end.
const LOOK: Duration = Duration::from_millis(5);

/// A process that was started and has not been waited for.
#[derive(Debug)]
pub struct Starting {
    process: Process,
    lines: Receiver<String>,
}

/// A process with threads that read what it prints, so that it never waits for a full pipe. It is killed when it is dropped.
#[derive(Debug)]
struct Process {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Starting {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut stderr = child.stderr.take().expect("it is piped");
        let (sender, lines) = channel();
        let stdout = std::thread::spawn(move || {
            let mut all = String::new();
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                all.push_str(&line);
                all.push('\n');
                // Nobody waits for lines after the first.
                let _ = sender.send(line);
            }
            all
        });
        let stderr = std::thread::spawn(move || {
            let mut all = Vec::new();
            let _ = stderr.read_to_end(&mut all);
            String::from_utf8_lossy(&all).into_owned()
        });
        let process = Process {
            child,
            stdout: Some(stdout),
            stderr: Some(stderr),
        };
        Self { process, lines }
    }

    /// Waits for the line that says that it is ready.
    #[track_caller]
    pub fn ready(self) -> Server {
        match self.ready_or_ended() {
            Ok(server) => server,
            Err(ran) => panic!("it ended instead of getting ready: {ran:?}"),
        }
    }

    /// Waits until it is ready, or has ended.
    ///
    /// # Errors
    /// What it printed, if it ended.
    #[track_caller]
    pub fn ready_or_ended(mut self) -> Result<Server, Ran> {
        let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
            return Err(self.process.wait());
        };
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        if ready.get("rpc").is_none() {
            return Err(self.process.wait());
        }
        Ok(Server::new(self.process, ready))
    }

    /// Kills it (SIGKILL) and says whether it had printed its first line before.
    pub fn kill9(mut self) -> bool {
        // An error means that it has ended already.
        let _ = self.process.child.kill();
        !self.process.wait().stdout.is_empty()
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub fn wait(mut self) -> Ran {
        self.process.wait()
    }
}

impl Process {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("a child that was not waited for can be signalled");
    }

    fn kill9(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    #[track_caller]
    fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the process does not end");
            std::thread::sleep(LOOK);
        }
    }

    #[track_caller]
    fn wait(&mut self) -> Ran {
        let status = self.ended();
        let all = |thread: &mut Option<JoinHandle<String>>| {
            let thread = thread.take().map(JoinHandle::join);
            thread.map_or_else(String::new, |text| text.expect("a reader does not panic"))
        };
        Ran {
            code: status.code(),
            stdout: all(&mut self.stdout),
            stderr: all(&mut self.stderr),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcFailure {
    /// JSON-RPC's number; 0 if no node answered.
    pub number: i32,
    /// The stable code (specs/09 §2); `unreachable` if no node answered.
    pub code: String,
    /// The node's words.
    pub message: String,
    /// What the node proposes.
    pub hint: String,
}

/// A running `sapwood node` or `sapwood dev`. It is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    /// What it printed when it was ready.
    pub ready: Value,
    process: Process,
    client: Client,
    runtime: Runtime,
}

impl Server {
    #[track_caller]
    fn new(process: Process, ready: Value) -> Self {
        let data = ready["data"].as_str().expect("the ready line names it");
        let endpoint = read_endpoint_file(&PathBuf::from(data).join("rpc.json"));
        let endpoint = endpoint.expect("a running node has an endpoint file");
        let url = ready["rpc"].as_str().expect("the ready line names it");
        assert_eq!(endpoint.url, url, "file and ready line name one place");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a thread");
        Self {
            client: Client::with_timeout(url, &endpoint.cookie, PATIENCE).expect("it is local"),
            ready,
            process,
            runtime,
        }
    }

    /// Number of the process.
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Where the RPC is.
    pub fn rpc_url(&self) -> &str {
        self.client.url()
    }

    /// The bearer of the RPC, as it stands in the endpoint file.
    pub fn cookie(&self) -> String {
        let endpoint = read_endpoint_file(&self.data().join("rpc.json"));
        let cookie = endpoint.expect("a running node has one").cookie;
        cookie.reveal().to_string()
    }

    /// The chain's folder.
    pub fn data(&self) -> PathBuf {
        PathBuf::from(
            self.ready["data"]
                .as_str()
                .expect("the ready line names it"),
        )
    }

    /// Where DNS listens.
    pub fn dns_addr(&self) -> SocketAddr {
        let text = self.ready["dns"].as_str().expect("DNS is on");
        text.parse().expect("an address and a port")
    }

    /// Calls a method. Threads may share a server.
    ///
    /// # Errors
    /// [`RpcFailure`].
    pub fn call(&self, method: &str, params: Value) -> Result<Value, RpcFailure> {
        let call = self.client.call_json(method, params);
        self.runtime.block_on(call).map_err(|error| match error {
            CallError::Refused {
                number,
                code,
                message,
                hint,
            } => RpcFailure {
                number,
                code,
                message,
                hint,
            },
            other => RpcFailure {
                number: 0,
                code: "unreachable".into(),
                message: other.to_string(),
                hint: String::new(),
            },
        })
    }

    /// Calls a method that must succeed.
    #[track_caller]
    pub fn get(&self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params.clone());
        answer.unwrap_or_else(|e| panic!("{method} {params}: {e:?}"))
    }

    /// The tip (`chain_head`).
    #[track_caller]
    pub fn head(&self) -> Value {
        self.get("chain_head", json!({}))
    }

    /// Height of the tip.
    #[track_caller]
    pub fn height(&self) -> u64 {
        self.head()["height"].as_u64().expect("a height")
    }

    /// Waits until the tip is at this height or above it, and gives it.
    #[track_caller]
    pub fn wait_for_height(&self, height: u64) -> Value {
        let start = Instant::now();
        loop {
            let head = self.head();
            if head["height"].as_u64().is_some_and(|now| now >= height) {
                return head;
            }
            assert!(start.elapsed() < PATIENCE, "no height {height}: {head}");
            self.get(
                "chain_awaitHead",
                json!({"after": head["block"], "timeout_ms": 5000}),
            );
        }
    }

    /// A block to mine, paid to an address.
    ///
    /// # Errors
    /// [`RpcFailure`].
    pub fn template(&self, payee: &str) -> Result<Block, RpcFailure> {
        let template = self.call("mining_template", json!({ "payee": payee }))?;
        let hex = template["block"].as_str().expect("hex");
        let bytes = hex::decode(hex).expect("hex");
        Ok(codec::read(&bytes).expect("a template is a block"))
    }

    /// Hands a block in and gives its status.
    ///
    /// # Errors
    /// [`RpcFailure`].
    pub fn submit_block(&self, block: &Block) -> Result<String, RpcFailure> {
        let params = json!({ "block": hex::encode(block.encode()) });
        let answer = self.call("mining_submit", params)?;
        assert_eq!(answer["block"], block.header.id().to_string());
        Ok(answer["status"].as_str().expect("a word").to_owned())
    }

    /// Hands a transaction in and gives its status.
    ///
    /// # Errors
    /// [`RpcFailure`].
    pub fn submit_tx(&self, tx: &Transaction) -> Result<String, RpcFailure> {
        let answer = self.call("tx_submit", json!({ "tx": hex::encode(tx.encode()) }))?;
        assert_eq!(answer["txid"], tx.txid().to_string());
        Ok(answer["status"].as_str().expect("a word").to_owned())
    }

    /// Where a transaction is: `pending`, `confirmed` or `unknown`.
    #[track_caller]
    pub fn tx_status(&self, tx: &Transaction) -> String {
        let state = self.get("tx_status", json!({ "txid": tx.txid().to_string() }));
        state["status"].as_str().expect("a word").to_owned()
    }

    /// Ends it with SIGKILL, as a power cut would.
    pub fn kill9(mut self) {
        self.process.kill9();
    }

    /// As [`Server::kill9`], while other threads still call it; their calls fail as unreachable.
    pub fn kill_while_used(&self) {
        self.process.signal(Signal::KILL);
    }

    /// Asks it to end (SIGTERM), waits, and gives its exit code.
    #[track_caller]
    pub fn terminate(self) -> i32 {
        self.stop_by(Signal::TERM).code.expect("an exit code")
    }

    /// Asks it to end by a signal, waits, and gives all that it printed.
    #[track_caller]
    pub fn stop_by(mut self, signal: Signal) -> Ran {
        self.process.signal(signal);
        self.process.wait()
    }

    /// Memory that it holds now, in KiB (`VmRSS` of `/proc/PID/status`).
    pub fn rss_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.child.id());
        let status = std::fs::read_to_string(path).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("Linux names it in KiB")
    }
}
