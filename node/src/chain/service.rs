//! The thread that owns ledger and mempool, and the handle by which everybody else talks to it.
//!
//! Commands wait in a bounded queue; when it is full the caller is told so at once. Reading needs no command: a [`Snapshot`] is swapped in after each change, and
//! [`Handle::head_changed`] wakes who waits for the next tip.

use super::error::{BlockRefused, TemplateRefused, TransactionRefused, Unavailable};
use super::ledger::{Change, Ledger, Outcome};
use super::snapshot::Snapshot;
use crate::mempool::{Admission, Info, Mempool, Refused, Touched};
use crate::metrics::ChainMetrics;
use arc_swap::ArcSwap;
use sapwood_primitives::block::MAX_EXTRA;
use sapwood_primitives::codec::Bytes;
use sapwood_primitives::{AccountId, Block, BlockId, Transaction, TxId};
use sapwood_store::{StorageFailed, Tip, View};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};

/// Commands that may wait: a few for each of the 32 connections that the RPC has. Each holds at most a block, so 16 MiB in all.
const QUEUE: usize = 64;

/// The own clock, in seconds since 1970.
pub type Clock = Box<dyn Fn() -> u64 + Send>;

enum Command {
    Block(Box<Block>, oneshot::Sender<Result<Outcome, BlockRefused>>),
    Transaction(
        Box<Transaction>,
        oneshot::Sender<Result<Admission, TransactionRefused>>,
    ),
    Template(
        AccountId,
        Bytes<MAX_EXTRA>,
        oneshot::Sender<Result<Block, TemplateRefused>>,
    ),
    Pending(TxId, oneshot::Sender<Option<Transaction>>),
    Info(oneshot::Sender<Info>),
    Checkpoint(oneshot::Sender<Result<Tip, StorageFailed>>),
    Stop,
}

/// What had stopped the chain before anybody asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Storage failed, and nothing was written from then on.
    #[error(transparent)]
    Storage(StorageFailed),
    /// The thread panicked; what was committed before is whole.
    #[error("the chain's thread panicked; this is a bug, please report it")]
    Panicked,
}

/// The running chain. Dropping it leaves the thread running until all handles are gone; [`Service::stop`] ends it.
pub struct Service {
    handle: Handle,
    thread: JoinHandle<Option<StorageFailed>>,
}

/// Talks to the chain's thread. Clones are cheap. The methods are async, and may be waited for with any executor.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    head: watch::Receiver<BlockId>,
    metrics: ChainMetrics,
}

impl Service {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(ledger: Ledger, pool: Mempool, clock: Clock) -> io::Result<Self> {
        let (commands, inbox) = mpsc::channel(QUEUE);
        let (head_out, head) = watch::channel(ledger.tip().id);
        let snapshot = Arc::new(ArcSwap::from_pointee(ledger.snapshot()));
        let metrics = ChainMetrics::default();
        let writer = Writer {
            ledger,
            pool,
            clock,
            snapshot: Arc::clone(&snapshot),
            head: head_out,
            metrics: metrics.clone(),
        };
        let thread = thread::Builder::new()
            .name("chain".into())
            .spawn(move || writer.run(inbox))?;
        Ok(Self {
            handle: Handle {
                commands,
                snapshot,
                head,
                metrics,
            },
            thread,
        })
    }

    /// A handle.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends the thread after the commands that wait, and says whether something had ended it, or all writing, before. Blocks until it has ended, so it is not for an async
    /// task.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn stop(self) -> Result<(), Stopped> {
        // An error means that the thread has ended already.
        let _ = self.handle.commands.blocking_send(Command::Stop);
        match self.thread.join() {
            Ok(None) => Ok(()),
            Ok(Some(failed)) => Err(Stopped::Storage(failed)),
            Err(_) => Err(Stopped::Panicked),
        }
    }
}

impl Handle {
    /// The chain as it is now. Hold it for one answer, not for long: the store knows the last few dozen states only.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The id of the tip, and a way to wait for the next one.
    pub fn head_changed(&self) -> watch::Receiver<BlockId> {
        self.head.clone()
    }

    /// What the thread counts.
    pub fn metrics(&self) -> &ChainMetrics {
        &self.metrics
    }

    /// Gives the chain a block.
    ///
    /// # Errors
    /// [`BlockRefused`].
    pub async fn submit_block(&self, block: Block) -> Result<Outcome, BlockRefused> {
        self.ask(|reply| Command::Block(Box::new(block), reply))
            .await?
    }

    /// Gives the mempool a transaction.
    ///
    /// # Errors
    /// [`TransactionRefused`].
    pub async fn submit_transaction(
        &self,
        transaction: Transaction,
    ) -> Result<Admission, TransactionRefused> {
        self.ask(|reply| Command::Transaction(Box::new(transaction), reply))
            .await?
    }

    /// A block on the tip with pending transactions, to be mined.
    ///
    /// # Errors
    /// [`TemplateRefused`].
    pub async fn template(
        &self,
        payee: AccountId,
        extra: Bytes<MAX_EXTRA>,
    ) -> Result<Block, TemplateRefused> {
        self.ask(|reply| Command::Template(payee, extra, reply))
            .await?
    }

    /// A pending transaction.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn pending(&self, id: TxId) -> Result<Option<Transaction>, Unavailable> {
        self.ask(|reply| Command::Pending(id, reply)).await
    }

    /// Numbers of the mempool.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn pool_info(&self) -> Result<Info, Unavailable> {
        self.ask(Command::Info).await
    }

    /// Has the checkpoint brought to the tip, beside the blocks, and gives that tip. Where one is being written the next begins only when it is asked for again. Blocks until the
    /// writer has heard of it, so it is not for an async task.
    ///
    /// # Errors
    /// [`StorageFailed`], also for a writer that has ended.
    pub fn begin_checkpoint(&self) -> Result<Tip, StorageFailed> {
        let ended = |_| StorageFailed::new("asking for a checkpoint", Unavailable::Stopped);
        let (reply, answer) = oneshot::channel();
        let asked = self.commands.blocking_send(Command::Checkpoint(reply));
        asked.map_err(|_| StorageFailed::new("asking for a checkpoint", Unavailable::Stopped))?;
        answer.blocking_recv().map_err(ended)?
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Unavailable> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .try_send(command(reply))
            .map_err(|e| match e {
                mpsc::error::TrySendError::Full(_) => Unavailable::Busy,
                mpsc::error::TrySendError::Closed(_) => Unavailable::Stopped,
            })?;
        answer.await.map_err(|_| Unavailable::Stopped)
    }
}

/// What the thread owns.
struct Writer {
    ledger: Ledger,
    pool: Mempool,
    clock: Clock,
    snapshot: Arc<ArcSwap<Snapshot>>,
    head: watch::Sender<BlockId>,
    metrics: ChainMetrics,
}

impl Writer {
    fn run(mut self, mut inbox: mpsc::Receiver<Command>) -> Option<StorageFailed> {
        while let Some(command) = inbox.blocking_recv() {
            match command {
                Command::Block(block, reply) => answer(reply, self.submit_block(*block)),
                Command::Transaction(tx, reply) => answer(reply, self.submit_transaction(*tx)),
                Command::Template(payee, extra, reply) => {
                    answer(reply, self.template(payee, extra));
                }
                Command::Pending(id, reply) => answer(reply, self.pool.get(&id).cloned()),
                Command::Info(reply) => answer(reply, self.pool.info()),
                Command::Checkpoint(reply) => answer(reply, self.ledger.begin_checkpoint()),
                Command::Stop => break,
            }
        }
        // The last readers may go on for a moment; the store stays readable for them.
        self.ledger.close().err()
    }

    fn submit_block(&mut self, block: Block) -> Result<Outcome, BlockRefused> {
        let (now, start) = ((self.clock)(), Instant::now());
        let submitted = self.ledger.submit(block, now);
        if let Ok(Outcome::Connected(change)) = &submitted {
            self.metrics.connected(change, start.elapsed());
            if let Err(failed) = self.refresh_pool(change) {
                self.ledger.fail(&failed);
            }
        }
        if submitted
            .as_ref()
            .is_ok_and(|outcome| *outcome != Outcome::Known)
            || self.ledger.failed().is_some()
        {
            self.publish();
        }
        submitted
    }

    /// Brings the mempool to the new tip. Transactions of blocks that were taken back are read one block at a time.
    fn refresh_pool(&mut self, change: &Change) -> Result<(), StorageFailed> {
        let view = self.ledger.view();
        let next = self.ledger.tip().height.plus(1);
        let touched = match change.reverted.is_empty() {
            true => Touched::Keys(&change.touched),
            false => Touched::All,
        };
        let mut unread = Ok(());
        let reverted = change.reverted.iter().flat_map(|id| {
            let transactions = transactions_of(view, id);
            transactions.unwrap_or_else(|failed| {
                unread = Err(failed);
                Vec::new()
            })
        });
        let rules = &self.ledger.chain().consensus;
        self.pool
            .on_new_tip(rules, &self.ledger.head(), next, touched, reverted)?;
        unread
    }

    fn submit_transaction(
        &mut self,
        transaction: Transaction,
    ) -> Result<Admission, TransactionRefused> {
        if let Some(failed) = self.ledger.failed() {
            return Err(failed.clone().into());
        }
        let state = self.ledger.head();
        let next = self.ledger.tip().height.plus(1);
        let (chain, genesis) = (self.ledger.chain(), self.ledger.genesis());
        let admitted = self.pool.admit(chain, genesis, &state, next, transaction);
        if let Err(Refused::State(unreadable)) = &admitted {
            let failed = StorageFailed::from(unreadable.clone());
            self.ledger.fail(&failed);
            self.publish();
            return Err(failed.into());
        }
        Ok(admitted?)
    }

    fn template(
        &self,
        payee: AccountId,
        extra: Bytes<MAX_EXTRA>,
    ) -> Result<Block, TemplateRefused> {
        // A block that is mined could not be stored.
        if let Some(failed) = self.ledger.failed() {
            return Err(failed.clone().into());
        }
        let candidates = self.pool.candidates().cloned();
        Ok(self
            .ledger
            .template(payee, extra, (self.clock)(), candidates)?)
    }

    fn publish(&self) {
        self.snapshot.store(Arc::new(self.ledger.snapshot()));
        let tip = self.ledger.tip().id;
        self.head.send_if_modified(|head| {
            let new = *head != tip;
            *head = tip;
            new
        });
    }
}

/// A caller that no longer waits for its answer is no reason to stop.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    let _ = reply.send(value);
}

fn transactions_of(view: &View, id: &BlockId) -> Result<Vec<Transaction>, StorageFailed> {
    // It was stored a moment ago; only the bound on side blocks can have taken it, and then its transactions are gone with it.
    let block = view.stored_block(id)?;
    Ok(block.map_or_else(Vec::new, |block| block.transactions.into_inner()))
}
