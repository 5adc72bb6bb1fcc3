//! From the start of a node's process to its first answer, on a data directory with a million accounts and a full window, and the memory that the node then has.

use crate::Effort;
use crate::measure::median;
use crate::node::Node;
use crate::report::Report;
use crate::store::node_data;
use std::time::{Duration, Instant};

/// After this long a node that nobody asks anything is at rest.
const REST: Duration = Duration::from_secs(10);

pub(crate) fn measure(effort: &Effort, report: &mut Report) -> Result<(), String> {
    let data = node_data()?;
    let (mut seconds, mut memory, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = 0.0;
    // The first start reads the file from the disk and does not count.
    for round in 0..=effort.rounds {
        let start = Instant::now();
        let mut node = Node::start(&effort.node, &data, &[])?;
        let status = node.first_answer()?;
        let elapsed = start.elapsed().as_secs_f64();
        if round == 0 {
            report.note(&format!("start: node_status answers {status}"));
        } else {
            seconds.push(elapsed);
            memory.push(node.memory("VmRSS")?);
            peaks.push(node.memory("VmHWM")?);
        }
        if round == effort.rounds {
            std::thread::sleep(REST);
            rest = node.memory("VmRSS")?;
        }
    }
    report.note(&format!("start: peak of memory {:.0} MB", median(peaks)));
    report.bounded("start", median(seconds), "s");
    report.bounded("start_memory", median(memory), "MB");
    report.bounded("rest_memory", rest, "MB");
    Ok(())
}
