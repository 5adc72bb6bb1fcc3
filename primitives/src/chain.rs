//! Chain parameters: one TOML file a chain (specs/chains), its genesis block, and what may not be set.

use crate::amount::Amount;
use crate::block::{Block, Coinbase, MAX_EXTRA};
use crate::codec::{Bounded, Bytes};
use crate::hash::{AccountId, BlockId, Hash, tag};
use crate::header::{Header, SealedHeader, VERSION};
use crate::height::Height;
use crate::leaf::{Leaf, System};
use crate::work::CompactTarget;
use parity_scale_codec::Encode;
use serde::{Deserialize, Serialize};

/// Registrations in one block (specs/05 §6): the due work of a later height comes in through here.
pub const MAX_REGISTRATIONS: usize = 50;

/// Commitments in one block (specs/05 §6).
pub const MAX_COMMITS: usize = 200;

/// Most days that an account's pending changes wait (specs/08 §2.1).
pub const MAX_DELAY_DAYS: u8 = 30;

/// Most years that rent can be ahead (specs/06 §5.1).
pub const MAX_YEARS: u8 = 10;

/// A chain: its parameters and, if it was launched, its genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// `main`, `test`, `dev`, `tour`, or the name of a chain of one's own: 1 to 32 of a–z, 0–9 and -.
    pub name: String,
    /// Human-readable part of addresses.
    pub address_prefix: String,
    /// Coin type of key derivation (BIP 44).
    pub coin_type: u32,
    /// What all nodes must agree on.
    pub consensus: Consensus,
    /// Advice to programs.
    pub client: Client,
    /// Absent until the chain is launched.
    pub genesis: Option<Genesis>,
}

/// Parameters that are hashed into the genesis, in this order; specs/chains/README.md says what each means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "specs/chains/README.md is the one place that explains them"
)]
pub struct Consensus {
    pub block_time: u64,
    pub min_spacing: u64,
    #[serde(with = "compact_hex")]
    pub target_limit: CompactTarget,
    pub retarget: bool,
    pub half_life: u64,
    pub ramp: u64,
    pub base_fee: u64,
    pub byte_fee: u64,
    pub existential_deposit: u64,
    pub creation_burn: u64,
    pub validity: u64,
    pub delay: u64,
    pub limit_day: u64,
    pub exempt_fees: u64,
    pub quick_transfer: u64,
    pub commit_min: u64,
    pub commit_max: u64,
    pub year: u64,
    pub suspension: u64,
    pub premium_step: u64,
    pub premium_steps: u64,
    pub rent_start: u64,
    pub rent_floor: u64,
    pub rent_fall: u64,
    pub target_registrations: u64,
    pub reorg_cap: u64,
    pub kept: u64,
    pub joiner_depth: u64,
    pub snapshot_interval: u64,
}

/// What programs do by default on this chain; nodes need not agree on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Seconds that a header may be ahead of the own clock before it is held back.
    pub max_ahead: u64,
    /// Blocks that a resolver waits before it answers from a state; 1 is the tip itself.
    pub trusted_depth: u64,
    /// Blocks that a wallet waits for.
    pub wallet_confirmations: u64,
    /// Peers that must agree before a snapshot is taken.
    pub snapshot_peers: u64,
    /// Networks that those peers must be in.
    pub snapshot_netgroups: u64,
    /// Whether DNS answers may hold private addresses.
    pub private_addresses: bool,
}

/// The launch of a chain (specs/02 §6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Seconds since 1970.
    pub time: u64,
    /// First target; the limit if absent.
    #[serde(
        default,
        with = "optional_compact_hex",
        skip_serializing_if = "Option::is_none"
    )]
    pub target: Option<CompactTarget>,
    /// Hash of a public block that did not exist before, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
}

/// Why a chain file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChain {
    /// Not TOML, a key missing or unknown, a value of another type.
    #[error("{0}")]
    Syntax(String),
    /// Numbers that would make the rules unsafe or undefined.
    #[error("chain file: {0}")]
    Unsafe(&'static str),
    /// The file has no `[genesis]`.
    #[error(
        "the {0} chain is not launched: its file has no [genesis]; `sapwood genesis` makes one"
    )]
    NotLaunched(String),
}

impl Chain {
    /// Reads a chain file.
    ///
    /// # Errors
    /// [`BadChain`] with the line, or the rule that the numbers break.
    pub fn parse(text: &str) -> Result<Self, BadChain> {
        let chain: Self = toml::from_str(text).map_err(|e| BadChain::Syntax(e.to_string()))?;
        chain.check()?;
        Ok(chain)
    }

    /// One of the chains that the program knows by name.
    pub fn named(name: &str) -> Option<Self> {
        let text = match name {
            "main" => include_str!("../../specs/chains/main.toml"),
            "test" => include_str!("../../specs/chains/test.toml"),
            "dev" => include_str!("../../specs/chains/dev.toml"),
            "tour" => include_str!("../../specs/chains/tour.toml"),
            _ => return None,
        };
        Some(Self::parse(text).expect("the built-in chain files are tested"))
    }

    fn check(&self) -> Result<(), BadChain> {
        let c = &self.consensus;
        let rules = [
            (
                is_chain_name(&self.name),
                "name must be 1 to 32 of a-z, 0-9 and -",
            ),
            (
                bech32::Hrp::parse(&self.address_prefix).is_ok(),
                "address_prefix must be a bech32 human-readable part",
            ),
            (
                c.delay / 2 >= c.reorg_cap,
                "delay must be at least 2 x reorg_cap, so that no reorg holds both ends of a delay",
            ),
            (
                c.joiner_depth >= c.reorg_cap,
                "joiner_depth must be at least reorg_cap",
            ),
            (
                c.snapshot_interval
                    .checked_mul(2)
                    .and_then(|s| s.checked_add(c.joiner_depth))
                    .is_some_and(|k| c.kept >= k),
                "kept must be at least joiner_depth + 2 x snapshot_interval",
            ),
            (c.kept >= c.delay, "kept must be at least delay"),
            (
                1 <= c.commit_min && c.commit_min < c.commit_max,
                "commit_min must be at least 1 and below commit_max",
            ),
            (
                2 <= c.suspension && c.suspension < c.year,
                "suspension must be at least 2 blocks and below a year",
            ),
            (
                1 <= c.premium_steps && c.premium_steps <= 10,
                "premium_steps must be from 1 to 10",
            ),
            (
                Amount::SUPPLY.drops().checked_mul(c.limit_day).is_some(),
                "limit_day x supply must stay below 2^64",
            ),
            (
                [
                    c.block_time,
                    c.min_spacing,
                    c.half_life,
                    c.ramp,
                    c.validity,
                    c.delay,
                    c.limit_day,
                    c.premium_step,
                    c.rent_fall,
                    c.target_registrations,
                    c.reorg_cap,
                    c.snapshot_interval,
                    c.quick_transfer,
                    self.client.trusted_depth,
                ]
                .iter()
                .all(|&n| n > 0),
                "a number that must be positive is 0",
            ),
            (
                [
                    c.year,
                    c.commit_max,
                    c.validity,
                    c.quick_transfer,
                    c.min_spacing,
                    c.ramp,
                    c.rent_fall,
                    c.suspension,
                    c.limit_day,
                ]
                .iter()
                .all(|&n| n <= 1 << 32)
                    && c.premium_step <= 1 << 32
                    && c.delay <= 1 << 32
                    && c.half_life <= 1 << 32
                    && c.block_time <= 1 << 32
                    && c.kept <= 1 << 32,
                "a number of blocks or seconds is above 2^32",
            ),
            (
                [
                    c.base_fee,
                    c.existential_deposit,
                    c.creation_burn,
                    c.exempt_fees,
                    c.rent_start,
                ]
                .iter()
                .all(|&n| n <= 1_000_000_000_000),
                "a fee, deposit or price is above 10,000 sap",
            ),
            (c.byte_fee <= 1_000_000, "byte_fee is above 1,000,000 drops"),
            (
                1 <= c.rent_floor && c.rent_floor <= c.rent_start,
                "rent_floor must be from 1 to rent_start",
            ),
            (
                c.target_registrations <= 1 << 32,
                "target_registrations is above 2^32",
            ),
            (
                self.client.trusted_depth <= c.reorg_cap,
                "trusted_depth must be at most reorg_cap",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, broken)) => Err(BadChain::Unsafe(broken)),
            None => self.check_genesis(),
        }
    }

    fn check_genesis(&self) -> Result<(), BadChain> {
        let Some(genesis) = &self.genesis else {
            return Ok(());
        };
        if genesis
            .quote
            .as_ref()
            .is_some_and(|q| q.parse::<Hash>().is_err())
        {
            return Err(BadChain::Unsafe(
                "genesis.quote must be 64 lower-case hex digits",
            ));
        }
        if genesis.time > 1 << 40 {
            return Err(BadChain::Unsafe(
                "genesis.time is not in seconds since 1970",
            ));
        }
        if self.genesis_target(genesis).target() > self.consensus.target_limit.target() {
            return Err(BadChain::Unsafe(
                "genesis.target is easier than target_limit",
            ));
        }
        Ok(())
    }

    fn genesis_target(&self, genesis: &Genesis) -> CompactTarget {
        genesis.target.unwrap_or(self.consensus.target_limit)
    }

    /// The state before any block: everything in the reserve (specs/02 §6.2).
    pub fn genesis_leaf(&self) -> Leaf {
        Leaf::System(System {
            reserve: Amount::SUPPLY,
            rent_base: u128::from(self.consensus.rent_start) << 32,
            live_names: 0,
        })
    }

    /// The genesis block, given the root of the one-leaf state (specs/02 §6).
    ///
    /// # Errors
    /// [`BadChain::NotLaunched`] if the chain has none.
    pub fn genesis_block(&self, state_root: Hash) -> Result<Block, BadChain> {
        let genesis = self
            .genesis
            .as_ref()
            .ok_or_else(|| BadChain::NotLaunched(self.name.clone()))?;
        let quote: Hash = genesis.quote.as_deref().map_or(Hash::default(), |q| {
            q.parse().expect("checked when the file was read")
        });
        let extra = [self.consensus.digest(&self.name).0, quote.0].concat();
        let coinbase = Coinbase {
            height: Height::GENESIS,
            payee: AccountId::default(),
            extra: Bytes::<MAX_EXTRA>::new(extra).expect("two hashes fill it"),
        };
        let header = Header {
            version: VERSION,
            parent: BlockId::default(),
            tx_root: Hash::default(),
            state_root,
            history_root: Hash::default(),
            time: genesis.time,
            target: self.genesis_target(genesis).bits(),
            height: Height::GENESIS,
            nonce: 0,
        };
        let mut block = Block {
            header: SealedHeader::own(header),
            coinbase,
            transactions: Bounded::default(),
        };
        block.header.header.tx_root = block.tx_root();
        Ok(block)
    }
}

/// A name is part of paths and of messages, so it holds nothing that means something there.
fn is_chain_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(plain)
}

impl Consensus {
    /// Hash of the chain's name and all parameters, which the genesis commits to (specs/02 §6.1).
    pub fn digest(&self, chain: &str) -> Hash {
        let mut bytes = chain.as_bytes().encode();
        (
            self.block_time,
            self.min_spacing,
            self.target_limit.bits(),
            self.retarget,
        )
            .encode_to(&mut bytes);
        for n in [
            self.half_life,
            self.ramp,
            self.base_fee,
            self.byte_fee,
            self.existential_deposit,
            self.creation_burn,
            self.validity,
            self.delay,
            self.limit_day,
            self.exempt_fees,
            self.quick_transfer,
            self.commit_min,
            self.commit_max,
            self.year,
            self.suspension,
            self.premium_step,
            self.premium_steps,
            self.rent_start,
            self.rent_floor,
            self.rent_fall,
            self.target_registrations,
            self.reorg_cap,
            self.kept,
            self.joiner_depth,
            self.snapshot_interval,
        ] {
            n.encode_to(&mut bytes);
        }
        Hash(tag::PARAMETERS.hash(&[&bytes]))
    }

    /// The least fee of a transaction of `bytes` bytes (specs/05 §3.1).
    pub fn min_fee(&self, bytes: usize) -> Amount {
        let bytes = u64::try_from(bytes).expect("a transaction's length fits");
        Amount::from_drops(self.base_fee + self.byte_fee * bytes)
            .expect("chain files bound both fees and transactions their length")
    }

    /// Smallest balance of an account (specs/05 §4.2).
    pub fn deposit(&self) -> Amount {
        Amount::from_drops(self.existential_deposit).expect("chain files bound it")
    }

    /// Fees that a limit lets pass in a day, and the most that a frozen account pays (specs/05 §3.4, specs/08 §1.4).
    pub fn exempt_fees(&self) -> Amount {
        Amount::from_drops(self.exempt_fees).expect("chain files bound it")
    }

    /// What making an account costs (specs/05 §4.2).
    pub fn burn(&self) -> Amount {
        Amount::from_drops(self.creation_burn).expect("chain files bound it")
    }
}

mod compact_hex {
    use crate::work::CompactTarget;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        target: &CompactTarget,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.serialize_str(&format!("{:08x}", target.bits()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<CompactTarget, D::Error> {
        let text = String::deserialize(input)?;
        let bits = u32::from_str_radix(&text, 16).map_err(D::Error::custom)?;
        CompactTarget::from_bits(bits).map_err(D::Error::custom)
    }
}

mod optional_compact_hex {
    use super::compact_hex;
    use crate::work::CompactTarget;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        target: &Option<CompactTarget>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        match target {
            Some(target) => compact_hex::serialize(target, out),
            None => out.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Option<CompactTarget>, D::Error> {
        compact_hex::deserialize(input).map(Some)
    }
}
