//! Names from a node whose every answer is checked: what `sapwood resolver --node URL` runs.
//!
//! [`RemoteResolver`] keeps the node's headers ([`HeaderChain`]: work, targets and times checked from the genesis on) and asks it for a proof of each name,
//! which must lead to one of those headers at the trusted depth. What was shown once is kept until the head moves; while the node is away, its answers are
//! wrong, or its last block is too long ago, names get SERVFAIL.
//!
//! What this rests on: a node cannot invent or alter a name without doing the work of the blocks that would hold it. It can withhold, and it alone says
//! which branch there is: that a branch is the *heaviest* cannot be seen from one node. On dev and tour, where blocks cost no work, it rests on the node.

mod api;
mod chain;
mod proof;

pub use api::{NodeApi, NodeAway};
pub use chain::{HeaderChain, Taken, Untrue};
pub use proof::check_name;

use crate::answer::{Transport, answer};
use crate::server::{Listener, Respond};
use crate::zone::{Found, NameSource, Unavailable, ZoneConfig};
use sapwood_primitives::chain::BadChain;
use sapwood_primitives::{BlockId, Chain, Header, Height, Name, codec};
use std::cell::Cell;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep, timeout_at};

/// Headers asked for at once; the most that a node gives (specs/09 §4).
const RUN: u32 = 2_000;
/// Headers of another branch that are held until it has as much work as ours; more than a reorganisation within the kept headers needs.
const MAX_BRANCH: usize = 6_000;
/// Names that are kept; when there are more, all are forgotten and asked for again.
const MAX_CACHED: usize = 10_000;
/// Names that one answer can need: that of the question and one for each of eight aliases.
const MAX_NAMES: usize = 9;
/// How long a client waits for an answer; DNS clients give up after five seconds.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long the node may wait for another head before it answers (specs/09 §4).
const LONG_POLL: Duration = Duration::from_secs(30);
/// Pause before a node that failed is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// Pause after a call that brought nothing new, so that a node that answers at once is not asked without end.
const PAUSE: Duration = Duration::from_millis(200);
/// Time between two warnings: whoever asks much while the node is wrong must not fill the log.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Answers from a remote node's proofs.
#[derive(Debug)]
pub struct RemoteResolver<A> {
    api: A,
    zone: ZoneConfig,
    state: Mutex<State>,
    /// Held while headers are fetched, so that two tasks do not fetch the same ones.
    catching_up: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    headers: HeaderChain,
    cache: HashMap<Name, Found>,
    /// Whether the node answered last time and its headers were taken.
    in_touch: bool,
    /// When a failure was last warned of.
    warned: Option<Instant>,
}

impl State {
    /// Whether names can be answered: the node is there and its tip is no old one.
    fn answers(&self) -> bool {
        self.in_touch && self.headers.check_fresh(now()).is_ok()
    }
}

/// Why the node's view is not available.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Away(#[from] NodeAway),
    #[error(transparent)]
    Untrue(#[from] Untrue),
}

impl<A: NodeApi> RemoteResolver<A> {
    /// A resolver for a chain, knowing nothing but its genesis.
    ///
    /// # Errors
    /// [`BadChain::NotLaunched`] if the chain has no genesis.
    pub fn new(api: A, chain: Chain, zone: ZoneConfig) -> Result<Self, BadChain> {
        let headers = HeaderChain::new(chain)?;
        let state = Mutex::new(State {
            headers,
            cache: HashMap::new(),
            in_touch: false,
            warned: None,
        });
        Ok(Self {
            api,
            zone,
            state,
            catching_up: tokio::sync::Mutex::default(),
        })
    }

    /// Follows the node and serves `listener` until `shutdown` is done.
    pub async fn serve(self, listener: Listener, shutdown: impl Future<Output = ()>) {
        let shared = Arc::new(self);
        tokio::select! {
            () = listener.serve(Arc::clone(&shared), shutdown) => {}
            () = shared.follow() => {}
        }
    }

    /// Keeps the headers up to date, for ever.
    async fn follow(&self) {
        let mut seen: Option<BlockId> = None;
        loop {
            let before = self.lock().headers.tip().id;
            match self.step(seen).await {
                Ok(head) => {
                    let (is_new, fresh) = {
                        let mut state = self.lock();
                        state.in_touch = true;
                        let is_new = state.headers.tip().id != before;
                        (is_new, state.headers.check_fresh(now()))
                    };
                    seen = Some(head);
                    if let Err(old) = fresh {
                        self.complain(&old.into());
                    }
                    if !is_new {
                        sleep(PAUSE).await;
                    }
                }
                Err(failure) => {
                    self.complain(&failure);
                    self.lose_touch();
                    seen = None;
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// Waits for a head other than `seen` and takes its headers.
    async fn step(&self, seen: Option<BlockId>) -> Result<BlockId, Failure> {
        let head = match seen {
            Some(seen) => self.api.await_head(seen, LONG_POLL).await?,
            None => self.api.head().await?,
        };
        if self.lock().headers.tip().id == head.block || self.catch_up(Some(head.block)).await? {
            return Ok(head.block);
        }
        // A reorganisation between the two calls takes the named head away, but hardly twice in a row.
        let head = self.api.head().await?;
        match self.catch_up(Some(head.block)).await? {
            true => Ok(head.block),
            false => Err(Untrue::NoHeaders.into()),
        }
    }

    /// Takes the node's headers, and says whether they lead to `head`: it is in our branch now, or in a valid one that has less work.
    ///
    /// # Errors
    /// [`Failure`]: the node is away, or its headers break a rule.
    async fn catch_up(&self, head: Option<BlockId>) -> Result<bool, Failure> {
        let _only = self.catching_up.lock().await;
        let mut run = self.first_run().await?;
        let mut branch = Vec::new();
        let mut is_passed = false;
        loop {
            is_passed |= run.iter().any(|header| Some(header.id()) == head);
            let is_last = run.len() < RUN as usize;
            let next = run.last().map(|header| header.height.plus(1));
            branch.append(&mut run);
            // A branch with less work so far may have more further on.
            if self.take(&branch)? != Taken::Weaker {
                branch.clear();
            }
            match next {
                Some(_) if branch.len() > MAX_BRANCH => return Err(Untrue::OtherChain.into()),
                Some(next) if !is_last => run = self.run(next).await?,
                _ => break,
            }
        }
        let is_ours = head.is_some_and(|head| self.lock().headers.find(&head).is_some());
        Ok(is_ours || is_passed)
    }

    /// The first run of the node's headers that begins beside a header kept here: going back in growing steps finds where a reorganisation began.
    async fn first_run(&self) -> Result<Vec<Header>, Failure> {
        let (mut from, lowest) = {
            let state = self.lock();
            (
                state.headers.tip().height.plus(1),
                state.headers.lowest().plus(1),
            )
        };
        let mut step = 1;
        loop {
            let run = self.run(from).await?;
            if run
                .first()
                .is_some_and(|first| self.lock().headers.find(&first.parent).is_some())
            {
                return Ok(run);
            }
            if from <= lowest {
                return Err(Untrue::OtherChain.into());
            }
            from = from.minus(step).unwrap_or_default().max(lowest);
            step *= 2;
        }
    }

    async fn run(&self, from: Height) -> Result<Vec<Header>, Failure> {
        let answer = self.api.headers(from, RUN).await?;
        if answer.headers.len() > RUN as usize {
            return Err(Untrue::Header.into());
        }
        // Heights that rise from the one asked for: otherwise the same headers could be given again and again.
        let mut height = from;
        let headers = answer.headers.iter().map(|bytes| {
            let header: Header = codec::read(&bytes.0).map_err(|_| Untrue::Header)?;
            let is_next = header.height == height;
            height = height.plus(1);
            is_next.then_some(header).ok_or(Untrue::Header)
        });
        Ok(headers.collect::<Result<_, _>>()?)
    }

    fn take(&self, branch: &[Header]) -> Result<Taken, Untrue> {
        let mut state = self.lock();
        let taken = state.headers.take(branch, now())?;
        if taken == Taken::New {
            state.cache.clear();
        }
        Ok(taken)
    }

    /// A name as the node can prove it.
    async fn find(&self, name: &Name) -> Result<Found, Failure> {
        if let Some(found) = self.lock().cache.get(name) {
            return Ok(found.clone());
        }
        let answer = self.api.name_proof(name).await?;
        match self.check(name, &answer) {
            // The node has moved on since its head was last seen.
            Err(Untrue::UnknownHeader | Untrue::TooNew) => {
                self.catch_up(None).await?;
                Ok(self.check(name, &answer)?)
            }
            checked => Ok(checked?),
        }
    }

    fn check(&self, name: &Name, answer: &sapwood_rpc::types::NameProven) -> Result<Found, Untrue> {
        let mut state = self.lock();
        let found = check_name(name, answer, &state.headers)?;
        if state.cache.len() >= MAX_CACHED {
            state.cache.clear();
        }
        state.cache.insert(name.clone(), found.clone());
        Ok(found)
    }

    /// Says what is wrong, at most once a minute to everybody.
    fn complain(&self, failure: &Failure) {
        tracing::debug!(%failure, "the node does not answer well");
        let mut state = self.lock();
        let now = Instant::now();
        if state
            .warned
            .is_none_or(|last| now.duration_since(last) >= WARN_EVERY)
        {
            state.warned = Some(now);
            tracing::warn!(%failure, "names cannot be resolved until the node answers well");
        }
    }

    fn lose_touch(&self) {
        let mut state = self.lock();
        state.in_touch = false;
        state.cache.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: NodeApi> Respond for RemoteResolver<A> {
    const AT_ONCE: usize = 64;

    /// Answers from what is known; where a name is missing, fetches it and answers anew.
    async fn respond(&self, query: &[u8], transport: Transport) -> Option<Vec<u8>> {
        let deadline = Instant::now() + PATIENCE;
        let mut known = {
            let state = self.lock();
            Known {
                height: state.answers().then(|| state.headers.trusted_height()),
                ..Known::default()
            }
        };
        for _ in 0..=MAX_NAMES {
            let reply = answer(query, &known, &self.zone, transport);
            let Some(name) = known.missing.take() else {
                return reply;
            };
            match timeout_at(deadline, self.find(&name)).await {
                Ok(Ok(found)) => known.names.insert(name, found),
                Ok(Err(failure)) => {
                    tracing::debug!(%name, "a name cannot be resolved");
                    self.complain(&failure);
                    return reply;
                }
                Err(_) => return reply,
            };
        }
        answer(query, &known, &self.zone, transport)
    }
}

/// This computer's clock, seconds since 1970.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The names fetched so far for one answer; it notes the first one that it lacks.
#[derive(Default)]
struct Known {
    height: Option<Height>,
    names: HashMap<Name, Found>,
    missing: Cell<Option<Name>>,
}

impl NameSource for Known {
    fn height(&self) -> Result<Height, Unavailable> {
        self.height.ok_or(Unavailable)
    }

    fn lookup(&self, name: &Name) -> Result<Found, Unavailable> {
        self.height()?;
        self.names.get(name).cloned().ok_or_else(|| {
            self.missing.set(Some(name.clone()));
            Unavailable
        })
    }
}
