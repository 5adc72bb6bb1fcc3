//! What comes out of the methods.

use super::Hex;
use sapwood_primitives::{AccountId, Amount, BlockId, Hash, Height, Name, TxId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A chain's tip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// Height of the block.
    pub height: Height,
    /// Its id.
    pub block: BlockId,
    /// Root of the account tree after it.
    pub state_root: Hash,
    /// Its time, seconds since 1970.
    pub time: u64,
    /// Work of the branch, decimal.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub work: String,
}

/// The state that an answer comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateRef {
    /// Height of the block.
    pub height: Height,
    /// Its id.
    pub block: BlockId,
    /// Root of the account tree after it.
    pub state_root: Hash,
}

/// A leaf, or its absence, with what proves it against a state root (specs/04 §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Witness {
    /// Key of the leaf.
    pub key: Hash,
    /// The leaf's bytes; null if it is absent.
    pub value: Option<Hex>,
    /// The proof's bytes.
    pub proof: Hex,
}

/// A proven leaf and the header whose root it is proven against.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Proven {
    /// The state.
    #[serde(flatten)]
    pub state: StateRef,
    /// The 160 bytes of the header.
    pub header: Hex,
    /// The leaf.
    #[serde(flatten)]
    pub witness: Witness,
}

/// Many leaves, proven together (specs/04 §7).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Multiproof {
    /// The state.
    #[serde(flatten)]
    pub state: StateRef,
    /// The 160 bytes of the header.
    pub header: Hex,
    /// The leaves asked for, each once, by rising key.
    pub leaves: Vec<Held>,
    /// The proof's bytes.
    pub proof: Hex,
}

/// What a state holds under a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// Key of the leaf.
    pub key: Hash,
    /// The leaf's bytes; null if it is absent.
    pub value: Option<Hex>,
}

/// The nodes at one depth of a state's tree (specs/04 §8).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AnchorAnswer {
    /// The state.
    #[serde(flatten)]
    pub state: StateRef,
    /// The 160 bytes of the header.
    pub header: Hex,
    /// The depth.
    pub depth: u8,
    /// The anchor's bytes.
    pub anchor: Hex,
}

/// A snapshot that is written, or was written last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotState {
    /// `none`, `running`, `done` or `failed`.
    #[schemars(extend("enum" = ["none", "running", "done", "failed"]))]
    pub status: String,
    /// The directory.
    pub dir: String,
    /// Leaves written.
    pub done: u64,
    /// All leaves, once it is known.
    pub leaves: u64,
    /// The block after which the state is, once it is done.
    pub block: Option<BlockId>,
    /// Its height.
    pub height: Option<Height>,
    /// Root of the state.
    pub state_root: Option<Hash>,
    /// Chunk files.
    pub chunks: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Why it failed.
    pub error: Option<String>,
}

/// A proven name and, if it has one, its proven owner.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct NameProven {
    /// The state.
    #[serde(flatten)]
    pub state: StateRef,
    /// The 160 bytes of the header.
    pub header: Hex,
    /// The name's leaf.
    pub name: Witness,
    /// The owner's account leaf, if the name has an owner.
    pub account: Option<Witness>,
}

/// The overview of a node.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Version of the JSON forms; 1.
    pub schema: u32,
    /// Version of the program.
    pub version: String,
    /// The chain's name.
    pub chain: String,
    /// Id of its genesis block.
    pub genesis: BlockId,
    /// The tip.
    pub head: Head,
    /// Seconds since the tip's time, by the node's clock.
    pub tip_age: u64,
    /// Whether the node is behind.
    pub syncing: bool,
    /// Lowest height whose block is kept.
    pub window_start: Height,
    /// Leaves in the account tree.
    pub leaves: u64,
    /// Names with an owner.
    pub live_names: u64,
    /// How the account tree is kept: `fast` or `lean`.
    pub tree: String,
    /// Height of the state that is in the database; a start repeats the blocks after it.
    pub checkpoint: Height,
    /// The mempool.
    pub mempool: Mempool,
    /// Whether this node mines.
    pub mining: bool,
    /// Branches deeper than the reorg cap, waiting for an operator.
    pub parked_branches: Vec<Parked>,
    /// Whether there are any.
    pub reorg_alarm: bool,
    /// Whether writing failed and the node only reads.
    pub storage_failed: bool,
    /// Where the DNS server listens, if it does; null on the public listener.
    pub dns: Option<String>,
    /// The data directory; empty on the public listener.
    pub data_dir: String,
}

/// A parked branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parked {
    /// Its tip.
    pub block: BlockId,
    /// Height of its tip.
    pub height: Height,
    /// Own blocks that following it would undo.
    pub depth: u64,
}

/// A header.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HeaderAnswer {
    /// Block id.
    pub block: BlockId,
    /// The 160 bytes.
    pub header: Hex,
    /// Distance from genesis.
    pub height: Height,
    /// Id of the block before.
    pub parent: BlockId,
    /// Root over the transactions.
    pub tx_root: Hash,
    /// Root of the account tree after the block.
    pub state_root: Hash,
    /// Root over all earlier headers.
    pub history_root: Hash,
    /// Seconds since 1970.
    pub time: u64,
    /// Compact target, eight hex digits.
    #[schemars(regex(pattern = "^[0-9a-f]{8}$"))]
    pub target: String,
    /// The nonce, decimal.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub nonce: String,
}

/// A run of headers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Headers {
    /// 160 bytes each, rising by one height.
    pub headers: Vec<Hex>,
}

/// A block.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BlockAnswer {
    /// Its height.
    pub height: Height,
    /// Its id.
    pub block: BlockId,
    /// Blocks on top of it and itself; 0 on a side branch.
    pub confirmations: u64,
    /// Its bytes.
    pub raw: Hex,
    /// Ids of its transactions, the coinbase's first.
    pub txids: Vec<TxId>,
}

/// An account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AccountAnswer {
    /// The state.
    #[serde(flatten)]
    pub state: StateRef,
    /// Its fields; null if it does not exist.
    pub account: Option<AccountFields>,
    /// The proof, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<Proven>,
}

/// An account's fields as people read them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AccountFields {
    /// Address.
    pub address: String,
    /// The id, hex.
    pub id: AccountId,
    /// Nonce of its next transaction.
    pub nonce: u64,
    /// Drops.
    pub balance: Amount,
    /// Drops that may be spent now.
    pub spendable: Amount,
    /// The name that it owns.
    pub name: Option<Name>,
    /// Its records, one text line each.
    pub records: Vec<String>,
    /// Its limit.
    pub limit: Option<LimitFields>,
    /// Its guardian's address.
    pub guardian: Option<String>,
    /// Height below which it is frozen.
    pub frozen_until: Option<Height>,
    /// The owner's pending change, in words.
    pub owner_change: Option<PendingFields>,
    /// The guardian's pending change, in words.
    pub guardian_change: Option<PendingFields>,
    /// The most that expiry may pay for a year.
    pub standing_order: Option<Amount>,
    /// Hash of the authority that signs.
    pub authority: Hash,
}

/// A withdrawal limit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LimitFields {
    /// Drops a day.
    pub rate: Amount,
    /// Blocks in that day.
    pub day_blocks: u64,
    /// Days that pending changes wait.
    pub delay_days: u8,
    /// Drops in the bucket now.
    pub available: Amount,
}

/// A pending change.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PendingFields {
    /// What kind: `limit`, `limit_remove`, `authority`, `guardian`, `transfer`, `release`, `close`.
    #[schemars(extend("enum" = ["limit", "limit_remove", "authority", "guardian", "transfer", "release", "close"]))]
    pub kind: String,
    /// The change in a sentence.
    pub text: String,
    /// When it takes effect.
    pub effective: Height,
    /// Blocks until then.
    pub blocks_left: u64,
}

/// A name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct NameAnswer {
    /// The state.
    #[serde(flatten)]
    pub state: StateRef,
    /// The name.
    pub name: Name,
    /// `available`, `active`, `suspended` or `released`.
    #[schemars(extend("enum" = ["available", "active", "suspended", "released"]))]
    pub phase: String,
    /// Owner's address.
    pub owner: Option<String>,
    /// First height that is not paid for.
    pub paid_until: Option<Height>,
    /// Estimate of when that will be, seconds since 1970.
    pub expires_at: Option<u64>,
    /// Height of its release.
    pub release: Option<Height>,
    /// Drops that a year cost when it was last paid.
    pub last_price: Option<Amount>,
    /// Owner's standing order.
    pub standing_order: Option<Amount>,
    /// Owner's pending transfer or release.
    pub pending: Option<PendingFields>,
    /// Owner's records, one text line each.
    pub records: Vec<String>,
    /// The proof, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<NameProven>,
}

/// A name's records.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Resolved {
    /// The state, at the trusted depth.
    #[serde(flatten)]
    pub state: StateRef,
    /// The name.
    pub name: Name,
    /// `available`, `active`, `suspended` or `released`; only an active name has records here.
    #[schemars(extend("enum" = ["available", "active", "suspended", "released"]))]
    pub phase: String,
    /// Its records.
    pub records: Vec<RecordFields>,
    /// The proof, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<NameProven>,
}

/// A record as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordFields {
    /// Owner relative to the name, `@` for the name itself.
    pub owner: String,
    /// Type, e.g. `A`.
    #[serde(rename = "type")]
    pub rtype: String,
    /// Seconds.
    pub ttl: u32,
    /// Data in presentation form (RFC 1035 §5).
    pub data: String,
}

/// A page of names.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Names {
    /// The state.
    #[serde(flatten)]
    pub state: StateRef,
    /// Names in byte order.
    pub names: Vec<ListedName>,
    /// Give this as `after` for the next page.
    pub next: Option<Name>,
}

/// One name of a list.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListedName {
    /// The name.
    pub name: Name,
    /// Its phase.
    #[schemars(extend("enum" = ["available", "active", "suspended", "released"]))]
    pub phase: String,
    /// Owner's address.
    pub owner: Option<String>,
    /// First height that is not paid for.
    pub paid_until: Height,
    /// Estimate of when that will be, seconds since 1970.
    pub expires_at: u64,
}

/// Prices of a name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// The state.
    #[serde(flatten)]
    pub state: StateRef,
    /// The name.
    pub name: Name,
    /// Its phase.
    #[schemars(extend("enum" = ["available", "active", "suspended", "released"]))]
    pub phase: String,
    /// Whether it can be registered now.
    pub available: bool,
    /// Why it cannot be, in words; null if it can.
    pub why_not: Option<String>,
    /// Drops for a year of a new registration.
    pub rent: Amount,
    /// Drops on top, for a name that was released lately.
    pub premium: Amount,
    /// Drops for registering for these years; null if it is not available.
    pub register_total: Option<Amount>,
    /// Drops for renewing for these years; null if nobody has it.
    pub renew_total: Option<Amount>,
    /// What the price follows from (specs/06 §7), proven, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<PriceProven>,
}

/// The leaves that a price follows from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PriceProven {
    /// The system leaf, which has the rent base.
    pub system: Witness,
    /// The name and its owner.
    pub name: NameProven,
}

/// What became of a submitted transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Submitted {
    /// Its id.
    pub txid: TxId,
    /// `accepted` or `known`.
    #[schemars(extend("enum" = ["accepted", "known"]))]
    pub status: String,
}

/// Where a transaction is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TxState {
    /// Its id.
    pub txid: TxId,
    /// `pending`, `confirmed` or `unknown` (never seen, expired, or older than the window).
    #[schemars(extend("enum" = ["pending", "confirmed", "unknown"]))]
    pub status: String,
    /// Height of its block.
    pub height: Option<Height>,
    /// Its block.
    pub block: Option<BlockId>,
    /// Blocks on top of that and itself.
    pub confirmations: u64,
}

/// The mempool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mempool {
    /// Transactions.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Most transactions.
    pub max_count: u64,
    /// Most bytes.
    pub max_bytes: u64,
    /// Drops for 1,000 bytes that a new transaction must pay to get in.
    pub min_fee_rate: u64,
}

/// A block to search a nonce for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Template {
    /// Its height.
    pub height: Height,
    /// Id of the block before.
    pub parent: BlockId,
    /// The 160 bytes; the nonce is the last eight, little-endian.
    pub header: Hex,
    /// 32 bytes, big-endian, that the id must not exceed.
    pub target: Hex,
    /// The whole block; bytes 152 to 160 are the nonce.
    pub block: Hex,
}

/// What became of a submitted block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockSubmitted {
    /// Its id.
    pub block: BlockId,
    /// `connected`, `side`, `known` or `parked`.
    #[schemars(extend("enum" = ["connected", "side", "known", "parked"]))]
    pub status: String,
}
