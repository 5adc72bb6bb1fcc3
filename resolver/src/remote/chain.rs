//! The headers that the resolver has checked itself, from the genesis on (specs/02 §3).
//!
//! Every rule for headers is applied, the one about the clock included (specs/02 §3.5). What headers cannot show is that there is no
//! heavier branch: [`HeaderChain`] is the heaviest of those that it was given.

use sapwood_account_tree::Refused;
use sapwood_primitives::chain::BadChain;
use sapwood_primitives::{BlockId, Chain, Header, Height, SealedHeader};
use sapwood_runtime::{Invalid, Link, check_header, genesis};
use std::collections::VecDeque;

/// Links that are kept, the tip's included; about 1.5 KiB each. A reorganisation that begins before them needs a restart.
const KEPT: usize = 2_048;

/// Oldest tip that names are answered from on a chain with a real target, in seconds: sixty blocks that should have come.
const MAX_TIP_AGE: u64 = 3_600;

/// Blocks that a proof may lag behind the trusted depth: the head moves between question and answer, and blocks can come in quick succession.
const LAG: u64 = 10;

/// The chain of headers with the most work that was seen.
#[derive(Debug)]
pub struct HeaderChain {
    chain: Chain,
    /// Never empty; heights rise by one.
    kept: VecDeque<Link>,
}

/// What became of a run of headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The tip is another one.
    New,
    /// All of them were known.
    Known,
    /// They are valid, but their branch has less work up to here.
    Weaker,
}

/// What a node said and is not so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrue {
    /// Not 160 bytes of a header, or more headers than were asked for.
    #[error("the node's headers are malformed")]
    Header,
    /// A header breaks a rule of specs/02 §3.
    #[error("a header of the node is invalid: {0}")]
    Invalid(#[from] Invalid),
    /// A header further ahead of the clock than specs/02 §3.5 lets a header be.
    #[error(
        "a header of the node is {ahead} s ahead of this computer's clock; set the clock, or ask another node"
    )]
    Ahead {
        /// Seconds.
        ahead: u64,
    },
    /// Its headers connect to none that is kept here.
    #[error(
        "the node follows another chain, or one that left ours more than {KEPT} blocks ago; check --chain, or start the resolver anew"
    )]
    OtherChain,
    /// The node named a head and gave no headers that lead to it.
    #[error("the node names a head whose headers it does not give")]
    NoHeaders,
    /// The last block is too long ago for a chain on which blocks keep coming.
    #[error("the node's last block is {age} s old; check this computer's clock and the node")]
    OldTip {
        /// Seconds.
        age: u64,
    },
    /// A proof against a header that is not in the chain.
    #[error("the node's proof belongs to a header that is not in its chain")]
    UnknownHeader,
    /// A proof against a state above the trusted depth (specs/07 §2.2).
    #[error("the node's proof is of a state that is not deep enough to be trusted")]
    TooNew,
    /// A proof against a state that is too old.
    #[error("the node's proof is of an old state")]
    Stale,
    /// A proof that does not show what is said.
    #[error("the node's proof is wrong: {0}")]
    Proof(#[from] Refused),
    /// A leaf that is not the one asked for, or not a leaf at all.
    #[error("the node's proof shows another leaf than the one asked for")]
    OtherLeaf,
    /// A name with an owner came without the owner's account, or with one that does not link back.
    #[error("the node's proof lacks the owner's account")]
    NoOwner,
}

impl HeaderChain {
    /// The chain of which only the genesis is known.
    ///
    /// # Errors
    /// [`BadChain::NotLaunched`] if it has none.
    pub fn new(chain: Chain) -> Result<Self, BadChain> {
        let link = genesis(&chain)?.link;
        Ok(Self {
            chain,
            kept: VecDeque::from([link]),
        })
    }

    /// The rules that the headers follow.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The last header.
    pub fn tip(&self) -> &Link {
        self.kept.back().expect("never empty")
    }

    /// Height of the first header that is kept.
    pub fn lowest(&self) -> Height {
        self.kept.front().expect("never empty").height
    }

    /// Height of the state that names are answered from (specs/07 §2.2).
    pub fn trusted_height(&self) -> Height {
        let above = self.chain.client.trusted_depth.saturating_sub(1);
        self.tip().height.minus(above).unwrap_or_default()
    }

    /// A kept header, by id.
    pub fn find(&self, id: &BlockId) -> Option<&Link> {
        self.kept.iter().rev().find(|link| link.id == *id)
    }

    /// Whether the tip is young enough to answer from at `now`. On a chain without retargeting, such as dev, blocks may pause and any
    /// tip will do.
    ///
    /// # Errors
    /// [`Untrue::OldTip`].
    pub fn check_fresh(&self, now: u64) -> Result<(), Untrue> {
        let age = now.saturating_sub(self.tip().time);
        if self.chain.consensus.retarget && age >= MAX_TIP_AGE {
            return Err(Untrue::OldTip { age });
        }
        Ok(())
    }

    /// The most headers that a chain can have at `now`: each is at least the smallest spacing after the one before, and the last is
    /// not too far ahead of the clock.
    pub fn most_headers(&self, now: u64) -> u64 {
        let start = self
            .chain
            .genesis
            .as_ref()
            .map_or(0, |genesis| genesis.time);
        let span = now.saturating_sub(start) / self.chain.consensus.min_spacing.max(1);
        span.saturating_add(self.chain.client.max_ahead)
    }

    /// A kept header that is deep enough and recent enough to answer from.
    ///
    /// # Errors
    /// [`Untrue::UnknownHeader`], [`Untrue::TooNew`], [`Untrue::Stale`].
    pub fn recent(&self, id: &BlockId) -> Result<&Link, Untrue> {
        let link = self.find(id).ok_or(Untrue::UnknownHeader)?;
        if link.height > self.trusted_height() {
            return Err(Untrue::TooNew);
        }
        if link.height.plus(LAG) < self.trusted_height() {
            return Err(Untrue::Stale);
        }
        Ok(link)
    }

    /// Takes headers that follow one another, the first beside a kept parent. A branch replaces the kept one only if it has at least as much work: the node
    /// may have seen it first. `now` is this computer's clock, seconds since 1970.
    ///
    /// # Errors
    /// The first rule that a header breaks; nothing is taken then.
    pub fn take(&mut self, headers: &[Header], now: u64) -> Result<Taken, Untrue> {
        let known = headers
            .iter()
            .take_while(|header| self.find(&header.id()).is_some())
            .count();
        let Some(first) = headers.get(known) else {
            return Ok(Taken::Known);
        };
        let parent = self.find(&first.parent).ok_or(Untrue::OtherChain)?;
        let fork = parent.height;
        let mut links = vec![parent.clone()];
        for header in &headers[known..] {
            let parent = links.last().expect("it starts with one");
            links.push(check_header(
                &self.chain,
                parent,
                &SealedHeader::own(header.clone()),
            )?);
            let ahead = header.time.saturating_sub(now);
            if ahead > self.chain.client.max_ahead {
                return Err(Untrue::Ahead { ahead });
            }
        }
        let tip = links.last().expect("it starts with one");
        if tip.work < self.tip().work {
            return Ok(Taken::Weaker);
        }
        self.kept.retain(|link| link.height <= fork);
        self.kept.extend(links.drain(1..));
        let surplus = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..surplus);
        Ok(Taken::New)
    }
}
