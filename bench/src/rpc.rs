//! Blocks that come in while 200 clients ask a node's RPC 10,000 times a second, beside blocks that come in while nobody asks anything.

use crate::Effort;
use crate::fixture::{self, World};
use crate::measure::median;
use crate::node::{Caller, Node};
use crate::report::Report;
use crate::store;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Clients of the flood.
const CLIENTS: usize = 200;

/// Requests a second, of all together.
const RATE: u32 = 10_000;

/// Connections that a node's RPC serves at once, less the one over which the blocks come. The clients that hold one share the rate; the
/// others are told to go, and come again after a second.
const SERVED: u64 = 31;

/// Blocks in a row with the flood, and without it.
const TURN: usize = 8;

/// How long the flood goes on before a block counts, and before memory is looked at.
const WARM_UP: Duration = Duration::from_secs(3);

/// How long memory must stay as it is.
const STEADY: Duration = Duration::from_secs(20);

/// Accounts that are asked for.
const ADDRESSES: u64 = 10_000;

/// Priority of the clients, as a step down from the usual one.
const LOWEST: i32 = 19;

/// Stack of a client, which does little.
const STACK: usize = 128 * 1024;

pub(crate) fn measure(effort: &Effort, report: &mut Report) -> Result<(), String> {
    let blocks = fixture::blocks()?;
    let data = store::node_copy(&World::new()?)?;
    let mut node = Node::start(&effort.node, data.path(), &["--metrics", "off"])?;
    node.first_answer()?;
    let mut importer = node.caller()?;
    let calls = Arc::new(calls(&importer));
    let (mut idle, mut flooded) = (Vec::new(), Vec::new());
    let (mut asked, mut answered, mut seconds) = (0, 0, 0.0);
    // The idle and the busy turns alternate, so that what grows with the chain is in both.
    for (turn, blocks) in blocks.chunks(TURN).enumerate() {
        if turn % 2 == 0 {
            idle.extend(import(&mut importer, blocks)?);
            continue;
        }
        let flood = Flood::start(&node, &calls)?;
        thread::sleep(WARM_UP);
        flooded.extend(import(&mut importer, blocks)?);
        let counts = flood.stop()?;
        asked += counts.asked;
        answered += counts.answered;
        seconds += counts.seconds;
    }
    let (idle, flooded) = (median(idle), median(flooded));
    report.note(&format!(
        "rpc: {:.0} requests a second were sent and {:.0} answered; a full block of the idle node takes {:.1} ms, of the busy one {:.1} ms",
        asked as f64 / seconds,
        answered as f64 / seconds,
        idle * 1e3,
        flooded * 1e3
    ));
    report.bounded("rpc_flood_delay", (flooded / idle - 1.0) * 100.0, "%");
    // Without blocks, which take memory of their own.
    let flood = Flood::start(&node, &calls)?;
    thread::sleep(WARM_UP);
    // Connections and buffers are there now; what is added from here on is not given back.
    let before = node.memory("VmRSS")?;
    thread::sleep(STEADY);
    let after = node.memory("VmRSS")?;
    flood.stop()?;
    report.note(&format!(
        "rpc: the flooded node has {before:.0} MB, and {after:.0} MB after {} s",
        STEADY.as_secs()
    ));
    report.bounded("rpc_flood_memory", after - before, "MB");
    Ok(())
}

/// Hands blocks in, and gives the seconds from the sending of each to the node's answer that it is the tip.
fn import(importer: &mut Caller, blocks: &[Vec<u8>]) -> Result<Vec<f64>, String> {
    let hand_in = |block: &Vec<u8>| {
        let call = importer.request("mining_submit", &json!({ "block": hex::encode(block) }));
        let start = Instant::now();
        let answer: Value = importer.send(&call)?;
        let seconds = start.elapsed().as_secs_f64();
        match answer["result"]["status"].as_str() {
            Some("connected") => Ok(seconds),
            _ => Err(format!("a block of the fixture was not taken: {answer}")),
        }
    };
    blocks.iter().map(hand_in).collect()
}

/// What the clients ask, as bytes: making them is no work of theirs.
fn calls(caller: &Caller) -> Vec<Vec<u8>> {
    let mut calls = Vec::new();
    for account in fixture::addresses(ADDRESSES) {
        let account = json!({ "account": account });
        calls.push(caller.request("chain_head", &json!({})));
        calls.push(caller.request("node_status", &json!({})));
        calls.push(caller.request("account_get", &account));
        calls.push(caller.request("account_proof", &account));
    }
    calls
}

/// The clients, until they are stopped.
struct Flood {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
    start: Instant,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    asked: AtomicU64,
    answered: AtomicU64,
}

struct Counts {
    asked: u64,
    answered: u64,
    seconds: f64,
}

impl Flood {
    fn start(node: &Node, calls: &Arc<Vec<Vec<u8>>>) -> Result<Self, String> {
        let shared = Arc::new(Shared::default());
        let start = Instant::now();
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let (shared, calls) = (Arc::clone(&shared), Arc::clone(calls));
            let endpoint = node.endpoint()?;
            let client = thread::Builder::new().stack_size(STACK);
            let client = client.spawn(move || {
                // Their work is not what is measured; without this they would take the processor from the node.
                let _ = rustix::process::nice(LOWEST);
                // Each begins at another call.
                let mut next = calls.iter().cycle().skip(number);
                while !shared.stop.load(Ordering::Relaxed) {
                    // It ends when the node closes the connection, which a client that is turned away sees at once.
                    if let Ok(caller) = endpoint.connect() {
                        ask_on(caller, &shared, &mut next);
                    }
                    thread::sleep(Duration::from_secs(1));
                }
            });
            clients.push(client.map_err(|e| format!("no thread for a client: {e}"))?);
        }
        Ok(Self {
            shared,
            clients,
            start,
        })
    }

    fn stop(self) -> Result<Counts, String> {
        let seconds = self.start.elapsed().as_secs_f64();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (asked, answered) = (count(&self.shared.asked), count(&self.shared.answered));
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().map_err(|_| "a client panicked".to_owned())?;
        }
        Ok(Counts {
            asked,
            answered,
            seconds,
        })
    }
}

/// Asks at a served client's share of the rate, as long as it is answered.
fn ask_on<'c>(mut caller: Caller, shared: &Shared, calls: &mut impl Iterator<Item = &'c Vec<u8>>) {
    let pause = Duration::from_secs(SERVED) / RATE;
    let mut due = Instant::now();
    while !shared.stop.load(Ordering::Relaxed)
        && let Some(call) = calls.next()
    {
        shared.asked.fetch_add(1, Ordering::Relaxed);
        match caller.send(call) {
            Ok(answer) if answer.get("result").is_some() => {
                shared.answered.fetch_add(1, Ordering::Relaxed);
            }
            // Refused within JSON-RPC: the node says that it is busy.
            Ok(answer) if answer["error"]["code"].is_number() => {}
            _ => return,
        }
        due += pause;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}
