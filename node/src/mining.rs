//! The built-in miner: asks the chain for a template, searches its nonce on all cores, hands the block in.

use crate::chain::{Handle, Outcome};
use sapwood_miner::{Job, mine};
use sapwood_primitives::codec::Bytes;
use sapwood_primitives::{AccountId, Block};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// After this long a search begins anew with a fresh template, so that new transactions and the time get in.
const FRESH: Duration = Duration::from_secs(10);

/// Pause after the chain gave no template, e.g. because it is busy, or anything else failed.
const RETRY: Duration = Duration::from_millis(200);

/// When the miner works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Always.
    Always,
    /// With this pause before each block: for the first blocks of a chain that does not retarget.
    Every(Duration),
    /// Waits for the next multiple of this many seconds of the clock before each block: for chains that do not retarget.
    Slots(u64),
}

/// How the built-in miner is set up.
#[derive(Clone, Debug)]
pub struct MinerOptions {
    /// Who is paid.
    pub payee: AccountId,
    /// Threads of the search.
    pub threads: NonZeroUsize,
    /// When it works; may change while it runs.
    pub pace: watch::Receiver<Pace>,
}

/// Mines until `stop` becomes true.
pub async fn run(handle: Handle, mut options: MinerOptions, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = pause(&mut options.pace) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let Ok(block) = handle.template(options.payee, Bytes::default()).await else {
            if rest(&mut stop).await {
                return;
            }
            continue;
        };
        let block = match search(&handle, block, options.threads, &mut stop).await {
            Ok(Some(block)) => block,
            Ok(None) => continue,
            Err(failure) => {
                tracing::error!(
                    failure,
                    "the miner cannot search; it tries again with another template"
                );
                if rest(&mut stop).await {
                    return;
                }
                continue;
            }
        };
        let (id, height) = (block.header.id(), block.header.header.height);
        match handle.submit_block(block).await {
            Ok(Outcome::Connected(_)) => tracing::info!(%height, block = %id, "mined a block"),
            Ok(_) => {
                tracing::debug!(%height, block = %id, "mined a block that another one overtook")
            }
            Err(error) => {
                tracing::warn!(%height, block = %id, %error, "a mined block was refused");
                if rest(&mut stop).await {
                    return;
                }
            }
        }
    }
}

/// Waits before another try, so that what fails does not fail in a loop without a pause. True if the miner is to stop.
async fn rest(stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(RETRY) => false,
        _ = stop.wait_for(|stop| *stop) => true,
    }
}

/// Searches until a nonce is found, the head changes, the template is no longer fresh, or the miner is to stop. The error is a bug: the template cannot be worked on, or the search panicked.
async fn search(
    handle: &Handle,
    mut block: Block,
    threads: NonZeroUsize,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<Block>, String> {
    let job = Job::new(&block.header.header).map_err(|e| e.to_string())?;
    let over = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&over);
    let mut search = tokio::task::spawn_blocking(move || mine(&job, 0..=u64::MAX, threads, &flag));
    let parent = block.header.header.parent;
    let mut heads = handle.head_changed();
    let found = tokio::select! {
        found = &mut search => found,
        () = async {
            tokio::select! {
                _ = heads.wait_for(|head| *head != parent) => {}
                _ = stop.wait_for(|stop| *stop) => {}
                () = tokio::time::sleep(FRESH) => {}
            }
        } => {
            over.store(true, Ordering::Relaxed);
            search.await
        }
    };
    let Some(nonce) = found.map_err(|e| e.to_string())? else {
        return Ok(None);
    };
    block.header.header.nonce = nonce;
    Ok(Some(block))
}

/// Waits until the pace allows a block; a change of pace is noticed at once.
async fn pause(pace: &mut watch::Receiver<Pace>) {
    loop {
        let now = *pace.borrow_and_update();
        let wait = match now {
            Pace::Always => return,
            Pace::Every(wait) => wait,
            Pace::Slots(seconds) => until_slot(seconds),
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => return,
            Ok(()) = pace.changed() => {}
        }
    }
}

/// Time until the clock shows a multiple of so many seconds.
pub fn until_slot(seconds: u64) -> Duration {
    let slot = u128::from(seconds) * 1000;
    let millis = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis());
    Duration::from_millis(u64::try_from(slot - millis % slot).unwrap_or(1000))
}
