//! A node with ten million accounts: its memory once it has served proofs and written a snapshot.

use super::accounts::id;
use super::base::Loaded;
use crate::Effort;
use crate::fixture::Numbers;
use crate::node::Node;
use crate::report::Report;
use sapwood_primitives::address::Address;
use serde_json::json;
use std::fs;
use std::time::{Duration, Instant};

/// Proofs that are asked for.
const PROOFS: u64 = 1_000;

/// Between two questions how far the snapshot is.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) fn measure(loaded: &Loaded, effort: &Effort, report: &mut Report) -> Result<(), String> {
    for mode in ["fast", "lean"] {
        let start = Instant::now();
        let mut node = Node::start(&effort.node, &loaded.data, &["--tree", mode])?;
        node.first_answer()?;
        let seconds = start.elapsed().as_secs_f64();
        let at_start = node.memory("VmRSS")?;
        let mut numbers = Numbers(1);
        for _ in 0..PROOFS {
            let number = numbers.below(loaded.accounts);
            let account = Address::new(&loaded.chain.address_prefix, id(number)).to_string();
            node.call("account_proof", &json!({ "account": account }))?;
        }
        snapshot(&node, loaded)?;
        report.note(&format!(
            "node_rss_10m_{mode}: first answer after {seconds:.1} s with {at_start:.0} MB; peak {:.0} MB",
            node.memory("VmHWM")?
        ));
        let name = format!("node_rss_10m_{mode}");
        report.bounded(&name, node.memory("VmRSS")?, "MB");
    }
    Ok(())
}

/// Has the node write a snapshot, and waits until it is there.
fn snapshot(node: &Node, loaded: &Loaded) -> Result<(), String> {
    let directory = loaded.data.with_extension("snapshot");
    let _ = fs::remove_dir_all(&directory);
    let path = directory.to_str().ok_or("the bench's path is no text")?;
    node.call("snapshot_write", &json!({ "dir": path }))?;
    loop {
        let state = node.call("snapshot_status", &json!({}))?;
        match state["status"].as_str() {
            Some("running") => std::thread::sleep(PAUSE),
            Some("done") => break,
            _ => return Err(format!("the snapshot was not written: {state}")),
        }
    }
    fs::remove_dir_all(&directory).map_err(|e| e.to_string())
}
