//! `sapwood follow`: a line a block, as the node's chain grows, with reorganisations shown.
//!
//! The node is asked by the long poll, so a quiet chain costs one call in half a minute; while the node is away it is asked again, less and less often. What was
//! shown last is remembered, so nothing is left out and nothing shown twice when the node is back.

use crate::cli::Global;
use crate::commands::{chain, find_places};
use crate::reconnect::Reconnecting;
use crate::{block_on, print_line};
use sapwood_node::running::asked_to_end;
use sapwood_primitives::{BlockId, Header, Height, codec};
use sapwood_rpc::types as t;
use sapwood_wallet::command::{CliError, Exit};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;

/// Blocks that are remembered, to find where a reorganisation began; more than the deepest that a node follows by itself.
const REMEMBERED: usize = 2_000;
/// Headers in one call, as many as a node gives.
const RUN: u32 = 2_000;
/// How long the node may wait for another head before it answers.
const LONG_POLL_MS: u64 = 30_000;
/// Pause after an answer that brought nothing new sooner than it should, and before a node that is away is asked again; then it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// `sapwood follow`
///
/// # Errors
/// If no node is there at the start, or stdout is closed.
pub(crate) fn run(global: &Global) -> Result<(), CliError> {
    let chain = chain(global, "main")?;
    let places = find_places(global, &chain)?;
    let (url, cookie) = (global.rpc.clone(), global.cookie_file.clone());
    let json = global.json;
    block_on(async {
        let asked = asked_to_end();
        let node = Reconnecting::new(Box::new(move || {
            crate::client::connect(&places, url.as_deref(), cookie.as_deref())
        }))?;
        let head = node.call::<t::ChainHead>(t::NoParams {}).await?;
        let mut shown = Shown::default();
        shown.begin(&head);
        say(
            json,
            &event("head", head.height, &head.block, Some(head.time)),
        )?;
        tokio::select! {
            ended = follow(&node, &mut shown, json) => Err(ended),
            () = asked => Ok(()),
        }
    })
}

/// Follows without end; the error is that stdout is closed.
async fn follow(node: &Reconnecting, shown: &mut Shown, json: bool) -> CliError {
    let mut pause = PAUSE;
    loop {
        let (events, rest) = match next(node, shown).await {
            Ok(events) if events.is_empty() => (events, PAUSE),
            Ok(events) => {
                pause = PAUSE;
                (events, Duration::ZERO)
            }
            Err(error) => {
                // Said once, not at each try.
                let is_first = pause == PAUSE;
                let waiting = json!({ "schema": 1, "event": "waiting", "code": error.code, "message": error.message });
                let rest = pause;
                pause = (2 * pause).min(LONGEST_PAUSE);
                (Vec::from_iter(is_first.then_some(waiting)), rest)
            }
        };
        tokio::time::sleep(rest).await;
        for event in &events {
            if let Err(closed) = say(json, event) {
                return closed;
            }
        }
    }
}

/// Waits for another head and gives what it brings.
async fn next(node: &Reconnecting, shown: &mut Shown) -> Result<Vec<Value>, CliError> {
    let params = t::AwaitParams {
        after: shown.tip().1,
        timeout_ms: LONG_POLL_MS,
    };
    let head = node.call::<t::ChainAwaitHead>(params).await?;
    if head.block == shown.tip().1 {
        return Ok(Vec::new());
    }
    // Back in growing steps until the node's branch goes on from a block that was shown.
    let mut from = shown.tip().0.plus(1);
    let mut step = 1;
    loop {
        let params = t::HeadersParams { from, count: RUN };
        let answer = node.call::<t::ChainHeaders>(params).await?;
        let headers: Result<Vec<Header>, _> =
            answer.headers.iter().map(|h| codec::read(&h.0)).collect();
        let headers = headers.map_err(|_| {
            CliError::new(
                Exit::Failed,
                "bad_answer",
                "the node's headers cannot be read",
                "are both programs of one release?",
            )
        })?;
        if let Some(events) = shown.go_on(&headers) {
            return Ok(events);
        }
        if from <= shown.lowest() {
            shown.begin(&head);
            let mut lost = event("head", head.height, &head.block, Some(head.time));
            lost["message"] = json!("the branch begins below all blocks that were shown");
            return Ok(vec![lost]);
        }
        from = from.minus(step).unwrap_or_default().max(shown.lowest());
        step *= 2;
    }
}

/// The last blocks that were shown.
#[derive(Default)]
struct Shown(VecDeque<(Height, BlockId)>);

impl Shown {
    fn begin(&mut self, head: &t::Head) {
        self.0.clear();
        self.0.push_back((head.height, head.block));
    }

    fn tip(&self) -> (Height, BlockId) {
        self.0.back().copied().unwrap_or_default()
    }

    fn lowest(&self) -> Height {
        self.0
            .front()
            .map_or(Height::default(), |(height, _)| *height)
    }

    /// Takes headers that go on from a block that was shown, and gives the lines; none if they do not. Those that were shown are passed over.
    fn go_on(&mut self, headers: &[Header]) -> Option<Vec<Value>> {
        let known = |id: &BlockId| self.0.iter().any(|(_, shown)| shown == id);
        let new = headers.iter().position(|header| !known(&header.id()));
        let new = new.unwrap_or(headers.len());
        // Without a new one the node has gone back to the last of them.
        let parent = match headers.get(new) {
            Some(header) => header.parent,
            None => headers.last()?.id(),
        };
        let place = self.0.iter().position(|(_, shown)| *shown == parent)?;
        let mut events = Vec::new();
        let undone = self.0.len() - place - 1;
        if undone > 0 {
            let (height, block) = self.0[place];
            let mut reorg = event("reorg", height, &block, None);
            reorg["undone"] = json!(undone);
            events.push(reorg);
            self.0.truncate(place + 1);
        }
        let mut last = parent;
        for header in &headers[new..] {
            // Two answers may come from two branches; what does not follow is shown next time.
            if header.parent != last {
                break;
            }
            last = header.id();
            events.push(event("block", header.height, &last, Some(header.time)));
            self.0.push_back((header.height, last));
            if self.0.len() > REMEMBERED {
                self.0.pop_front();
            }
        }
        Some(events)
    }
}

fn event(kind: &str, height: Height, block: &BlockId, time: Option<u64>) -> Value {
    let mut event = json!({ "schema": 1, "event": kind, "height": height, "block": block });
    if let Some(time) = time {
        event["time"] = json!(time);
    }
    event
}

/// One line: the object for programs, words for people.
fn say(json: bool, event: &Value) -> Result<(), CliError> {
    if json {
        return print_line(&crate::safe::json(&event.to_string()));
    }
    let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let number = |field: &str| event[field].as_u64().unwrap_or_default();
    let line = match event["event"].as_str() {
        Some("waiting") => format!("{}; waiting", text("message")),
        Some("reorg") => format!(
            "REORG    {} blocks taken back to {} {}",
            number("undone"),
            number("height"),
            text("block")
        ),
        _ => {
            let now = sapwood_node::api::now();
            let age = now.saturating_sub(number("time"));
            format!("{:<8} {}  {age} s ago", number("height"), text("block"))
        }
    };
    print_line(&crate::safe::text(&line))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    /// Headers on top of `parent`, from a height on; `salt` makes branches differ.
    fn branch(parent: BlockId, from: u64, count: u64, salt: u64) -> Vec<Header> {
        let mut headers = Vec::new();
        let mut parent = parent;
        for height in from..from + count {
            let header = Header {
                version: 1,
                parent,
                tx_root: Default::default(),
                state_root: Default::default(),
                history_root: Default::default(),
                time: 1_000 + height,
                target: 0x207f_ffff,
                height: Height::new(height),
                nonce: salt,
            };
            parent = header.id();
            headers.push(header);
        }
        headers
    }

    fn kinds(events: &[Value]) -> Vec<(String, u64)> {
        let kind = |event: &Value| {
            (
                event["event"].as_str().unwrap().to_owned(),
                event["height"].as_u64().unwrap(),
            )
        };
        events.iter().map(kind).collect()
    }

    #[test]
    fn every_block_is_shown_once_and_a_reorganisation_says_what_it_undid() {
        let start = BlockId([7; 32]);
        let mut shown = Shown(VecDeque::from([(Height::new(4), start)]));
        let ours = branch(start, 5, 3, 0);
        let block = |height: u64| ("block".to_owned(), height);
        assert_eq!(
            kinds(&shown.go_on(&ours[..2]).unwrap()),
            [block(5), block(6)]
        );
        // An answer that begins with what was shown already.
        assert_eq!(kinds(&shown.go_on(&ours).unwrap()), [block(7)]);
        let other = branch(ours[0].id(), 6, 3, 1);
        assert!(
            shown.go_on(&other[1..]).is_none(),
            "its parent was not shown"
        );
        let events = shown.go_on(&other).unwrap();
        assert_eq!(
            kinds(&events),
            [("reorg".to_owned(), 5), block(6), block(7), block(8)]
        );
        assert_eq!(events[0]["undone"], 2);
        assert_eq!(shown.tip(), (Height::new(8), other[2].id()));
        // A node that lost its last blocks, and then nothing new.
        let back = shown.go_on(&other[..1]).unwrap();
        assert_eq!(kinds(&back), [("reorg".to_owned(), 6)]);
        assert_eq!(shown.go_on(&other[..1]).unwrap(), Vec::<Value>::new());
        assert!(shown.go_on(&[]).is_none());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let start = BlockId([7; 32]);
        let mut shown = Shown(VecDeque::from([(Height::new(0), start)]));
        let long = branch(start, 1, 2 * REMEMBERED as u64, 0);
        shown.go_on(&long[..REMEMBERED]).unwrap();
        shown.go_on(&long).unwrap();
        assert_eq!(shown.0.len(), REMEMBERED);
        assert_eq!(shown.tip().0, long.last().unwrap().height);
    }
}
