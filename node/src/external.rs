//! `sapwood mine`: a miner as a process of its own, for a node that gives templates and takes blocks (`mining_template`, `mining_submit`).
//!
//! It asks for a template, searches it, hands the block in, and begins anew when the node has another head or the template is old. While the node is away it waits
//! and asks again; a node that was started anew is found by its endpoint file.

use crate::cli::{Global, MineArgs};
use crate::commands::{chain, find_places, usage};
use crate::reconnect::Reconnecting;
use crate::{block_on, print};
use sapwood_miner::{Job, mine};
use sapwood_node::mining::until_slot;
use sapwood_node::running::asked_to_end;
use sapwood_primitives::{Address, Block, BlockId, Chain, codec};
use sapwood_rpc::types as t;
use sapwood_wallet::command::{CliError, Exit, escape};
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// After this long a search begins anew with a fresh template, so that new transactions and the time get in.
const FRESH: Duration = Duration::from_secs(10);
/// How long the node may wait for another head before it answers.
const LONG_POLL: Duration = Duration::from_secs(30);
/// Pause before a node that failed is asked again; it doubles up to the longest.
const RETRY: Duration = Duration::from_millis(500);
/// Longest pause.
const LONGEST_RETRY: Duration = Duration::from_secs(10);
/// Time between two lines about the rate.
const RATE_EVERY: Duration = Duration::from_secs(10);
/// Nonces of one step of a search: the hashes done are known after each. A tenth of a second on one core.
const STEP: u64 = 1 << 20;

/// What the miner needs to know.
struct Miner {
    node: Arc<Reconnecting>,
    chain: Chain,
    payee: String,
    threads: NonZeroUsize,
    json: bool,
    hashes: Arc<AtomicU64>,
    /// Rises with each search, so that no two begin at the same nonce.
    searches: u64,
}

/// `sapwood mine`
///
/// # Errors
/// If it is set up wrongly, or no node is there at the start.
pub(crate) fn run(global: &Global, args: &MineArgs) -> Result<(), CliError> {
    let chain = chain(global, "main")?;
    let places = find_places(global, &chain)?;
    crate::limits::open_files()?;
    let Some(payee) = args.address.clone() else {
        return Err(usage(
            "address",
            "nobody is named who is to be paid",
            "add --address ADDRESS, or address under [mine] in the file; `sapwood wallet address` prints one",
        ));
    };
    Address::parse(&chain.address_prefix, &payee).map_err(|e| {
        let hint = "`sapwood wallet address` prints one";
        usage("address", &format!("--address: {e}"), hint)
    })?;
    let threads = crate::limits::threads(args.threads);
    let (url, cookie) = (global.rpc.clone(), global.cookie_file.clone());
    block_on(async {
        let asked = asked_to_end();
        let node = Reconnecting::new(Box::new(move || {
            crate::client::connect(&places, url.as_deref(), cookie.as_deref())
        }))?;
        let ready = json!({
            "schema": 1, "event": "ready", "node": node.url(), "address": payee, "threads": threads,
        });
        let line = format!(
            "mining for {payee} on {threads} threads at {}; Ctrl-C stops\n",
            escape(&node.url())
        );
        print(global, &ready, &line)?;
        let miner = Miner {
            node: Arc::new(node),
            chain,
            payee,
            threads,
            json: global.json,
            hashes: Arc::default(),
            searches: 0,
        };
        miner.run(asked).await
    })
}

impl Miner {
    /// Mines until `asked` is done.
    async fn run(mut self, asked: impl Future<Output = ()>) -> Result<(), CliError> {
        let rate = rates(Arc::clone(&self.hashes), self.json);
        let (json, hashes) = (self.json, Arc::clone(&self.hashes));
        let ended = tokio::select! {
            ended = self.mine() => Err(ended),
            ended = rate => Err(ended),
            () = asked => Ok(()),
        };
        if ended.is_ok() {
            let hashes = hashes.load(Ordering::Relaxed);
            event(
                json,
                &json!({ "event": "stopped", "hashes": hashes }),
                "stopped",
            )?;
        }
        ended
    }

    /// Mines without end; the error is that stdout is closed, or a bug.
    async fn mine(&mut self) -> CliError {
        let mut pause = RETRY;
        loop {
            match self.one_block().await {
                Ok(()) => pause = RETRY,
                Err(Stuck::Ends(error)) => return error,
                Err(Stuck::Again(error)) => {
                    let told =
                        json!({ "event": "waiting", "code": error.code, "message": error.message });
                    let line = format!("{error}; trying again");
                    if let Err(closed) = event(self.json, &told, &line) {
                        return closed;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_RETRY);
                }
            }
        }
    }

    /// One template: searched, and handed in if a nonce was found.
    async fn one_block(&mut self) -> Result<(), Stuck> {
        if !self.chain.consensus.retarget {
            // Nothing else would slow the blocks down.
            tokio::time::sleep(until_slot(self.chain.consensus.block_time)).await;
        }
        let params = t::TemplateParams {
            payee: self.payee.clone(),
            extra: None,
        };
        let template = self.node.call::<t::MiningTemplate>(params).await?;
        let bad = |reason: String| {
            Stuck::Again(CliError::new(
                Exit::Failed,
                "bad_template",
                format!("the node's template cannot be mined: {reason}"),
                "are node and miner of one release?",
            ))
        };
        let mut block: Block = codec::read(&template.block.0).map_err(|e| bad(e.to_string()))?;
        let job = Job::new(&block.header.header).map_err(|e| bad(e.to_string()))?;
        let Some(nonce) = self.search(job, block.header.header.parent).await? else {
            return Ok(());
        };
        block.header.header.nonce = nonce;
        self.submit(&block).await
    }

    /// Searches until a nonce is found, the node has another head, or the template is no longer fresh.
    async fn search(&mut self, job: Job, parent: BlockId) -> Result<Option<u64>, Stuck> {
        // Dropped with this future, so that a search ends with the process.
        let over = Over(Arc::default());
        let (stop, hashes, threads) = (Arc::clone(&over.0), Arc::clone(&self.hashes), self.threads);
        self.searches = self.searches.wrapping_add(1);
        // Another template starts elsewhere: the same header never comes twice, but nothing depends on it.
        let start = self.searches << 48;
        let mut search = tokio::task::spawn_blocking(move || {
            let mut from = start;
            while !stop.load(Ordering::Relaxed) {
                let to = from.saturating_add(STEP * threads.get() as u64 - 1);
                let found = mine(&job, from..=to, threads, &stop);
                hashes.fetch_add(
                    found.map_or(to - from, |nonce| nonce.abs_diff(from)) + 1,
                    Ordering::Relaxed,
                );
                if found.is_some() || to == u64::MAX {
                    return found;
                }
                from = to + 1;
            }
            None
        });
        let node = Arc::clone(&self.node);
        let other_head = async {
            loop {
                let params = t::AwaitParams {
                    after: parent,
                    timeout_ms: u64::try_from(LONG_POLL.as_millis()).unwrap_or(u64::MAX),
                };
                match node.call::<t::ChainAwaitHead>(params).await {
                    Ok(head) if head.block != parent => return,
                    Ok(_) => {}
                    // The search goes on; handing in will say what is wrong.
                    Err(_) => tokio::time::sleep(RETRY).await,
                }
            }
        };
        let found = tokio::select! {
            found = &mut search => found,
            () = other_head => { over.end(); search.await }
            () = tokio::time::sleep(FRESH) => { over.end(); search.await }
        };
        found.map_err(|e| {
            Stuck::Ends(CliError::new(
                Exit::Internal,
                "search",
                format!("the search ended by itself: {e}"),
                "this is a bug, please report it",
            ))
        })
    }

    async fn submit(&self, block: &Block) -> Result<(), Stuck> {
        let (id, height) = (block.header.id(), block.header.header.height);
        let block = t::Hex(parity_scale_codec::Encode::encode(block));
        let answer = self.node.call::<t::MiningSubmit>(t::BlockParams { block });
        let answer = answer.await?;
        let status = escape(&answer.status);
        let told = json!({ "event": "block", "height": height, "block": id, "status": status });
        event(self.json, &told, &format!("block {height} {id} {status}")).map_err(Stuck::Ends)
    }
}

/// Tells a search to end when it is dropped.
struct Over(Arc<AtomicBool>);

impl Over {
    fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        self.end();
    }
}

/// Why a block did not come about.
enum Stuck {
    /// It may work in a moment.
    Again(CliError),
    /// It will not.
    Ends(CliError),
}

impl From<CliError> for Stuck {
    fn from(error: CliError) -> Self {
        Self::Again(error)
    }
}

/// Says how fast the search is, again and again; ends if nobody listens.
async fn rates(hashes: Arc<AtomicU64>, json: bool) -> CliError {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        tokio::time::sleep(RATE_EVERY).await;
        let now = hashes.load(Ordering::Relaxed);
        let rate = per_second(now - last, since.elapsed());
        (last, since) = (now, Instant::now());
        let told = json!({ "event": "rate", "hashes_per_second": rate, "hashes": now });
        let line = format!("{rate} hashes a second");
        if let Err(closed) = event(json, &told, &line) {
            return closed;
        }
    }
}

/// Hashes a second, rounded down.
fn per_second(hashes: u64, time: Duration) -> u64 {
    let rate = u128::from(hashes) * 1000 / time.as_millis().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// One line on stdout: an object for programs, words for people.
fn event(json: bool, told: &Value, line: &str) -> Result<(), CliError> {
    let mut told = told.clone();
    told["schema"] = json!(1);
    match json {
        true => crate::print_line(&crate::safe::json(&told.to_string())),
        false => crate::print_line(&crate::safe::text(line)),
    }
}
